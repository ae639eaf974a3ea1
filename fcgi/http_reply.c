/* SPDX-License-Identifier: ISC */
#include "http_reply.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "exchange.h"
#include "http_guard.h"
#include "json_write.h"
#include "proto/log.h"
#include "rpc_table.h"

/* Nothing here is a page: whatever a browser is made to do with an answer, it may not run, frame,
 * keep or share it. */
static const char fixed_headers[] =
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

/* The only text that is not JSON; the version is that of the format. */
#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The cookie is for /x2go/rpc and /x2gows, hence the root path. */
#define COOKIE_ATTRIBUTES "; Path=/; HttpOnly; Secure; SameSite=Strict"

static bool login_is_sound(const char *login)
{
	return strlen(login) == HTTP_LOGIN_BYTES - 1 &&
	       strspn(login, "0123456789abcdef") == HTTP_LOGIN_BYTES - 1;
}

void http_set_cookie_give(struct http_set_cookie *set, const char *login, const char *cookie)
{
	if (cookie[0] != 0)
		snprintf(set->text, sizeof(set->text), HTTP_COOKIE_PREFIX "%s=%s" COOKIE_ATTRIBUTES,
		    login, cookie);
}

void http_set_cookie_take(struct http_set_cookie *set, const char *login)
{
	if (login_is_sound(login))
		snprintf(set->text, sizeof(set->text),
		    HTTP_COOKIE_PREFIX "%s=; Max-Age=0" COOKIE_ATTRIBUTES, login);
}

static void write_text(struct exchange *exchange, const char *text)
{
	exchange_write(exchange, text, strlen(text));
}

static void write_header(struct exchange *exchange, const char *name, const char *value)
{
	write_text(exchange, name);
	write_text(exchange, ": ");
	write_text(exchange, value);
	write_text(exchange, "\r\n");
}

/* What a response may have beside its status and its body. */
struct parts {
	const char *type;   /* NULL: JSON's */
	const char *before; /* the body */
	uint32_t retry_after_s;
	const char *allow;
	struct http_set_cookie *set; /* wiped */
};

/* Ends the exchange. */
static bool send_body(struct exchange *exchange, int status, const struct parts *parts,
    const char *body, size_t length)
{
	const char *before = parts->before != NULL ? parts->before : "";
	char number[16];

	snprintf(number, sizeof(number), "%d", status);
	write_header(exchange, "Status", number);
	write_header(
	    exchange, "Content-Type", parts->type != NULL ? parts->type : "application/json");
	write_text(exchange, fixed_headers);
	if (parts->retry_after_s != 0) {
		snprintf(number, sizeof(number), "%u", (unsigned)parts->retry_after_s);
		write_header(exchange, "Retry-After", number);
	}
	if (parts->allow != NULL)
		write_header(exchange, "Allow", parts->allow);
	if (parts->set != NULL && parts->set->text[0] != 0)
		write_header(exchange, "Set-Cookie", parts->set->text);
	if (parts->set != NULL)
		explicit_bzero(parts->set, sizeof(*parts->set));
	snprintf(number, sizeof(number), "%zu", strlen(before) + length);
	write_header(exchange, "Content-Length", number);
	write_text(exchange, "\r\n");
	write_text(exchange, before);
	exchange_write(exchange, body, length);
	return exchange_finish(exchange);
}

/* Sends what json holds, frees it and ends the exchange. NULL: memory is short. */
static bool send_reply(
    struct exchange *exchange, int status, const struct parts *parts, yajl_gen json)
{
	const unsigned char *body = NULL;
	size_t length = 0;
	bool delivered;

	if (json != NULL)
		yajl_gen_get_buf(json, &body, &length);
	delivered =
	    send_body(exchange, json != NULL ? status : 500, parts, (const char *)body, length);
	if (json != NULL)
		yajl_gen_free(json);
	return delivered;
}

bool http_reply_answer(struct exchange *exchange, const struct rpc_call *call,
    const struct message *answer, struct http_set_cookie *set)
{
	int status = call->status != NULL ? call->status(answer) : 200;
	struct parts parts = {.set = set};
	yajl_gen json;

	if (call->text != NULL) {
		parts.type = PROMETHEUS_TYPE;
		return send_body(
		    exchange, status, &parts, call->text(answer), strlen(call->text(answer)));
	}
	json = yajl_gen_alloc(NULL);
	if (json != NULL)
		call->write(json, answer);
	return send_reply(exchange, status, &parts, json);
}

bool http_reply_no_health(struct exchange *exchange)
{
	const struct parts parts = {0};
	yajl_gen json = yajl_gen_alloc(NULL);

	if (json != NULL)
		json_write_health(json, NULL);
	return send_reply(exchange, 503, &parts, json);
}

bool http_reply_compat(struct exchange *exchange, yajl_gen json)
{
	const struct parts parts = {.type = "text/html; charset=utf-8", .before = "__STARTJSON__"};

	return send_reply(exchange, 200, &parts, json);
}

bool http_reply_error(struct exchange *exchange, const struct json_failure *failure,
    const char *allow, struct http_set_cookie *set)
{
	const struct error_info *info = error_info(failure->code);
	int status = info->http_status;
	yajl_gen json = yajl_gen_alloc(NULL);

	/* Some codes of the table say how something ended well ("suspended"); as the answer to
	 * another call they are a conflict. */
	if (status < 400)
		status = 409;
	log_debug("request refused: %d %s%s%s", status, info->name,
	    failure->detail != NULL && failure->detail[0] != 0 ? ": " : "",
	    failure->detail != NULL ? failure->detail : "");
	if (json != NULL)
		json_write_error(json, failure);
	return send_reply(exchange, status,
	    &(struct parts){.retry_after_s = failure->retry_after_s, .allow = allow, .set = set},
	    json);
}
