/* SPDX-License-Identifier: ISC */
#include "request.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "broker_call.h"
#include "compat.h"
#include "exchange.h"
#include "http_guard.h"
#include "http_reply.h"
#include "intake.h"
#include "json_read.h"
#include "json_write.h"
#include "proto/log.h"
#include "proto/secret.h"
#include "rpc_table.h"

struct request {
	LIST_ENTRY(request) next; /* requests.list */
	struct requests *requests;
	struct exchange exchange;
	const struct rpc_call *rpc;
	struct broker_call *call;
	struct event *hangup;
	bool is_upstreams; /* and well-formed: its client gets answers in its own form */
	struct compat compat;
	char login[HTTP_LOGIN_BYTES]; /* whose cookie came with the request, or "" */
};

/* Room for one request while it is read; nothing in it survives. */
struct draft {
	struct message ask;
	char body[INTAKE_BODY_BYTES];
	char detail[JSON_DETAIL_BYTES];
};

static void request_free(struct request *request)
{
	struct requests *requests = request->requests;

	LIST_REMOVE(request, next);
	if (request->hangup != NULL)
		event_free(request->hangup);
	secret_free(request);
	if (--requests->count == 0 && requests->all_done != NULL)
		requests->all_done(requests->arg);
}

/* Whether there is no such login any more. A login that fails while it is being asked for its
 * user's answers is over, unless it was the answers' form or the gateway that failed. */
static bool failure_ends_login(const struct request *request, enum error_code code)
{
	return code == ERROR_NOT_LOGGED_IN ||
	       (request->rpc != NULL && request->rpc->ask == MESSAGE_ANSWER &&
		   code != ERROR_BAD_REQUEST && code != ERROR_SESSION_BUSY &&
		   code != ERROR_BROKER_UNAVAILABLE && code != ERROR_TIMEOUT);
}

static void end_compat_login(struct request *request)
{
	broker_end_login(request->requests->broker, request->compat.login, request->compat.cookie);
}

/* Upstream's client shows the reason of an answer that is none by HTTP. To whom it is not served,
 * there is no such thing. */
static void reply_compat_failure(struct request *request, const struct json_failure *failure)
{
	yajl_gen json = yajl_gen_alloc(NULL);

	log_debug("upstream's request failed: %s%s%s", error_info(failure->code)->name,
	    failure->detail != NULL && failure->detail[0] != 0 ? ": " : "",
	    failure->detail != NULL ? failure->detail : "");
	if (json != NULL)
		compat_write_failure(json, &request->compat, failure);
	http_reply_compat(&request->exchange, json);
	end_compat_login(request);
	request_free(request);
}

static void reply_failure(struct request *request, const struct json_failure *failure)
{
	struct http_set_cookie set = {{0}};

	if (request->rpc != NULL && request->rpc->ask == MESSAGE_HEALTH_GET &&
	    error_info(failure->code)->http_status >= 500) {
		http_reply_no_health(&request->exchange);
		request_free(request);
		return;
	}
	if (request->is_upstreams && failure->code != ERROR_NOT_FOUND) {
		reply_compat_failure(request, failure);
		return;
	}
	if (failure_ends_login(request, failure->code))
		http_set_cookie_take(&set, request->login);
	http_reply_error(&request->exchange, failure,
	    failure->code == ERROR_METHOD_NOT_ALLOWED ? request->rpc->method : NULL, &set);
	request_free(request);
}

static void reply_error(struct request *request, enum error_code code, const char *detail)
{
	reply_failure(request, &(struct json_failure){.code = code, .detail = detail});
}

/* Who would use the stream has to get the answer. */
static void reply_compat(struct request *request, const struct message *answer)
{
	yajl_gen json = yajl_gen_alloc(NULL);
	bool delivered;

	if (json != NULL)
		compat_write(json, &request->compat, answer);
	delivered = http_reply_compat(&request->exchange, json);
	if (json == NULL || !delivered || !compat_keeps_login(&request->compat))
		end_compat_login(request);
	request_free(request);
}

static void on_answer(const struct message *answer, enum error_code failure, void *arg);

static void go_on(struct request *request, const struct message *answer)
{
	struct json_failure failure = {.code = ERROR_INTERNAL};
	struct message *ask = secret_malloc(sizeof(*ask));
	enum compat_step step = COMPAT_FAILED;
	enum message_type expected;

	if (ask != NULL)
		step = compat_take(&request->compat, answer, ask, &expected, &failure);
	if (step == COMPAT_ASK) {
		request->call = broker_call_start(request->requests->broker, ask, expected,
		    request->rpc->deadline_ms, on_answer, request);
		failure.code = ERROR_BROKER_UNAVAILABLE;
	}
	secret_free(ask);
	if (step == COMPAT_DONE)
		reply_compat(request, answer);
	else if (step == COMPAT_FAILED || request->call == NULL)
		reply_failure(request, &failure);
}

static void on_answer(const struct message *answer, enum error_code failure, void *arg)
{
	struct request *request = arg;
	struct http_set_cookie set = {{0}};
	bool delivered;

	request->call = NULL;
	if (answer == NULL) {
		/* A broker that leaves, or was killed, is followed by the next one soon. */
		reply_failure(
		    request, &(struct json_failure){.code = failure,
				 .retry_after_s = failure == ERROR_BROKER_UNAVAILABLE ? 1 : 0});
		return;
	}
	if (request->is_upstreams) {
		go_on(request, answer);
		return;
	}
	if (answer->type == MESSAGE_FAIL) {
		reply_failure(request, &(struct json_failure){.code = answer->fail.code,
					   .hop = answer->fail.hop,
					   .detail = answer->fail.detail,
					   .retry_after_s = answer->fail.retry_after_s});
		return;
	}
	if (request->rpc->cookie == RPC_COOKIE_GIVEN)
		http_set_cookie_give(&set, answer->logged_in.login, answer->logged_in.cookie);
	if (request->rpc->cookie == RPC_COOKIE_TAKEN)
		http_set_cookie_take(&set, request->login);
	delivered = http_reply_answer(&request->exchange, request->rpc, answer, &set);
	/* Nobody but the browser that asked may hold a login; if that one is gone, so is the login.
	 */
	if (!delivered && request->rpc->cookie == RPC_COOKIE_GIVEN)
		broker_end_login(
		    request->requests->broker, answer->logged_in.login, answer->logged_in.cookie);
	request_free(request);
}

/* The request is whole, so whatever comes now - the end, an abort, more - ends it. */
static void on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct request *request = arg;

	(void)fd;
	(void)what;
	log_debug("%s: web server hung up", request->rpc->name);
	broker_call_cancel(request->call);
	end_compat_login(request);
	exchange_abort(&request->exchange);
	request_free(request);
}

/* "https" or "http", as the browser used it; servers differ in how they say so. */
static const char *scheme_of(const struct exchange *exchange)
{
	const char *scheme = exchange_param(exchange, "REQUEST_SCHEME");
	const char *https = exchange_param(exchange, "HTTPS");

	if (scheme != NULL && *scheme != 0)
		return scheme;
	return https != NULL && strcasecmp(https, "on") == 0 ? "https" : "http";
}

/* The browser's address, if it is one, for the broker's limits and journal. */
static void copy_client(const struct exchange *exchange, char *client, size_t size)
{
	const char *address = exchange_param(exchange, "REMOTE_ADDR");
	struct in6_addr parsed;

	if (address != NULL && strlen(address) < size &&
	    (inet_pton(AF_INET, address, &parsed) == 1 ||
		inet_pton(AF_INET6, address, &parsed) == 1))
		strcpy(client, address);
}

/* Fills in what the broker needs and JSON must not bring: the cookie, or who asks from where. */
static enum error_code complete(struct request *request, struct message *ask)
{
	const struct exchange *exchange = &request->exchange;

	switch (request->rpc->cookie) {
	case RPC_COOKIE_NONE:
		if (request->rpc->ask == MESSAGE_METRICS_GET)
			copy_client(
			    exchange, ask->metrics_get.client, sizeof(ask->metrics_get.client));
		break;
	case RPC_COOKIE_GIVEN:
		copy_client(exchange, ask->login.client, sizeof(ask->login.client));
		strcpy(ask->login.origin, exchange_param(exchange, "HTTP_ORIGIN"));
		break;
	case RPC_COOKIE_NEEDED:
	case RPC_COOKIE_TAKEN:
		strcpy(request->login, rpc_login(ask));
		if (!http_guard_cookie(
			exchange_param(exchange, "HTTP_COOKIE"), request->login, rpc_cookie(ask)))
			return ERROR_NOT_LOGGED_IN;
		break;
	}
	return ERROR_NONE;
}

/* Turns the HTTP request into the message that asks the broker. */
static enum error_code read_request(
    struct request *request, struct draft *draft, const char **ret_detail)
{
	struct exchange *exchange = &request->exchange;
	const struct http_request http = {
	    .method = exchange_param(exchange, "REQUEST_METHOD"),
	    .uri = exchange_param(exchange, "REQUEST_URI"),
	    .scheme = scheme_of(exchange),
	    .host = exchange_param(exchange, "HTTP_HOST"),
	    .origin = exchange_param(exchange, "HTTP_ORIGIN"),
	    .sec_fetch_site = exchange_param(exchange, "HTTP_SEC_FETCH_SITE"),
	    .content_type = exchange_param(exchange, "CONTENT_TYPE"),
	    .content_length = exchange_param(exchange, "CONTENT_LENGTH"),
	};
	size_t announced, length;
	enum error_code error;

	length = exchange_read_body(exchange, draft->body, sizeof(draft->body));
	error = http_guard_check(
	    &http, request->requests->origins, &request->rpc, &announced, ret_detail);
	if (error != ERROR_NONE)
		return error;
	if (length > sizeof(draft->body))
		return ERROR_TOO_LARGE;
	if (length != announced) {
		*ret_detail = "the body is not as long as announced";
		return ERROR_BAD_REQUEST;
	}
	message_init(&draft->ask, request->rpc->ask, 0);
	request->is_upstreams = request->rpc->is_compat;
	if (request->is_upstreams &&
	    !compat_read(&request->compat, draft->body, length, &draft->ask.login, draft->detail)) {
		*ret_detail = draft->detail;
		return ERROR_BAD_REQUEST;
	}
	if (!request->is_upstreams && strcmp(request->rpc->method, "GET") != 0 &&
	    !json_read(draft->body, length, request->rpc->fields, &draft->ask, draft->detail)) {
		*ret_detail = draft->detail;
		return ERROR_BAD_REQUEST;
	}
	return complete(request, &draft->ask);
}

/* Asks the broker; the answer comes to on_answer. */
static enum error_code send_request(struct request *request, struct message *ask)
{
	struct requests *requests = request->requests;
	const struct rpc_call *rpc = request->rpc;

	if (requests->count > requests->count_max)
		return ERROR_BROKER_UNAVAILABLE;
	request->hangup =
	    event_new(requests->base, request->exchange.fd, EV_READ, on_hangup, request);
	if (request->hangup == NULL || event_add(request->hangup, NULL) != 0)
		return ERROR_INTERNAL;
	request->call = broker_call_start(
	    requests->broker, ask, rpc->answer, rpc->deadline_ms, on_answer, request);
	return request->call != NULL ? ERROR_NONE : ERROR_BROKER_UNAVAILABLE;
}

void request_serve(struct requests *requests, int fd, const struct intake *intake)
{
	struct request *request = secret_malloc(sizeof(*request));
	struct draft *draft = secret_malloc(sizeof(*draft));
	const char *detail = NULL;
	enum error_code error = ERROR_INTERNAL;

	if (request == NULL) {
		close(fd);
		goto out;
	}
	memset(request, 0, sizeof(*request));
	request->requests = requests;
	LIST_INSERT_HEAD(&requests->list, request, next);
	requests->count++;
	if (!exchange_init(&request->exchange, fd, intake)) {
		log_debug("malformed FastCGI request dropped");
		request_free(request);
		goto out;
	}
	if (draft != NULL)
		error = read_request(request, draft, &detail);
	exchange_forget(&request->exchange);
	if (error == ERROR_NONE)
		error = send_request(request, &draft->ask);
	if (error != ERROR_NONE)
		reply_error(request, error, detail);
out:
	secret_free(draft);
}

void requests_give_up(struct requests *requests)
{
	while (!LIST_EMPTY(&requests->list)) {
		struct request *request = LIST_FIRST(&requests->list);

		broker_call_cancel(request->call);
		reply_error(request, ERROR_BROKER_UNAVAILABLE, NULL);
	}
}
