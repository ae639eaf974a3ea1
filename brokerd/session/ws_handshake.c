/* SPDX-License-Identifier: ISC */
#include "ws_handshake.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/secret.h"

#define HEADERS_MAX 64

/* RFC 6455 section 1.3. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_CHARS   24 /* base64 of 16 bytes */

#define COOKIE_PREFIX "x2goweb_"

/* A piece of the request. */
struct text {
	const char *data;
	size_t length;
};

/* What the headers say. */
struct request {
	const struct ws_handshake_rules *rules;
	struct text query;
	struct text host, key, version, origin; /* of those that may come once only */
	unsigned host_count, key_count, version_count, origin_count;
	bool upgrade_websocket, connection_upgrade;
	bool body; /* something says that a body follows */
	bool cookie_right;
	bool offers_v1, offers_raw;
};

static bool text_is(struct text text, const char *other)
{
	return text.length == strlen(other) && memcmp(text.data, other, text.length) == 0;
}

static bool text_is_caseless(struct text text, const char *other)
{
	return text.length == strlen(other) && strncasecmp(text.data, other, text.length) == 0;
}

static struct text trim(struct text text)
{
	while (text.length != 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
		text.data++;
		text.length--;
	}
	while (text.length != 0 &&
	       (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
		text.length--;
	return text;
}

/* Cuts *rest at the first separator: returns what is before it, leaves what is after it. */
static struct text cut(struct text *rest, char separator)
{
	const char *end = memchr(rest->data, separator, rest->length);
	struct text head = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->length};
	size_t used = end != NULL ? head.length + 1 : head.length;

	rest->data += used;
	rest->length -= used;
	return head;
}

/* RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_base64_char(char c, const char *extra)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == extra[0] || c == extra[1];
}

/* --- what each header does ------------------------------------------------------------------ */

static void take_host(struct request *request, struct text value)
{
	request->host = value;
	request->host_count++;
}

static void take_key(struct request *request, struct text value)
{
	request->key = value;
	request->key_count++;
}

static void take_version(struct request *request, struct text value)
{
	request->version = value;
	request->version_count++;
}

static void take_origin(struct request *request, struct text value)
{
	request->origin = value;
	request->origin_count++;
}

static void take_upgrade(struct request *request, struct text value)
{
	while (value.length != 0)
		if (text_is_caseless(trim(cut(&value, ',')), "websocket"))
			request->upgrade_websocket = true;
}

static void take_connection(struct request *request, struct text value)
{
	while (value.length != 0)
		if (text_is_caseless(trim(cut(&value, ',')), "upgrade"))
			request->connection_upgrade = true;
}

static void take_subprotocols(struct request *request, struct text value)
{
	while (value.length != 0) {
		struct text name = trim(cut(&value, ','));

		if (text_is(name, "x2goweb.v1"))
			request->offers_v1 = true;
		else if (text_is(name, "binary"))
			request->offers_raw = true;
	}
}

static void take_content_length(struct request *request, struct text value)
{
	if (!text_is(value, "0"))
		request->body = true;
}

static void take_transfer_encoding(struct request *request, struct text value)
{
	(void)value;
	request->body = true;
}

static bool cookie_value_is_right(const struct ws_handshake_rules *rules, struct text value)
{
	uint8_t hash[32];
	bool right;

	if (value.length != WS_HANDSHAKE_COOKIE_BYTES)
		return false;
	for (size_t i = 0; i < value.length; i++)
		if (!is_base64_char(value.data[i], "-_"))
			return false;
	right = EVP_Digest(value.data, value.length, hash, NULL, EVP_sha256(), NULL) == 1 &&
		secret_equal(hash, rules->cookie_hash, sizeof(hash));
	explicit_bzero(hash, sizeof(hash));
	return right;
}

/* RFC 6265 section 4.2.1. The name may stand there more than once, since a neighbour host can set
 * cookies for this one: one right value is enough. */
static void take_cookies(struct request *request, struct text value)
{
	while (value.length != 0) {
		struct text pair = trim(cut(&value, ';'));
		struct text name = cut(&pair, '=');

		if (name.length > strlen(COOKIE_PREFIX) &&
		    memcmp(name.data, COOKIE_PREFIX, strlen(COOKIE_PREFIX)) == 0) {
			name.data += strlen(COOKIE_PREFIX);
			name.length -= strlen(COOKIE_PREFIX);
			if (text_is(name, request->rules->login) &&
			    cookie_value_is_right(request->rules, pair))
				request->cookie_right = true;
		}
	}
}

static const struct {
	const char *name;
	void (*take)(struct request *request, struct text value);
} headers[] = {
    {"connection", take_connection},
    {"content-length", take_content_length},
    {"cookie", take_cookies},
    {"host", take_host},
    {"origin", take_origin},
    {"sec-websocket-key", take_key},
    {"sec-websocket-protocol", take_subprotocols},
    {"sec-websocket-version", take_version},
    {"transfer-encoding", take_transfer_encoding},
    {"upgrade", take_upgrade},
};

/* --- the request ---------------------------------------------------------------------------- */

/* RFC 9112 section 3. The target's path does not matter: this listener has one purpose. */
static bool take_request_line(struct request *request, struct text line)
{
	struct text method = cut(&line, ' '), target = cut(&line, ' ');

	if (!text_is(method, "GET") || !text_is(line, "HTTP/1.1"))
		return false;
	if (target.length == 0 || target.data[0] != '/')
		return false;
	for (size_t i = 0; i < target.length; i++)
		if (target.data[i] <= ' ' || target.data[i] > '~')
			return false;
	cut(&target, '?');
	request->query = target;
	return true;
}

/* RFC 9112 section 5: no space before the colon, no folded lines. */
static bool take_header(struct request *request, struct text line)
{
	struct text name, value;

	if (memchr(line.data, ':', line.length) == NULL)
		return false;
	name = cut(&line, ':');
	value = trim(line);
	if (name.length == 0)
		return false;
	for (size_t i = 0; i < name.length; i++)
		if (!is_token_char(name.data[i]))
			return false;
	for (size_t i = 0; i < value.length; i++)
		if ((unsigned char)value.data[i] < ' ' ? value.data[i] != '\t'
						       : value.data[i] == '\x7f')
			return false;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (text_is_caseless(name, headers[i].name))
			headers[i].take(request, value);
	return true;
}

/* Reads all lines; head ends after the last header's line end. */
static bool read_head(struct request *request, struct text head)
{
	size_t lines = 0;

	while (head.length != 0) {
		struct text line = cut(&head, '\n');

		if (line.length == 0 || line.data[line.length - 1] != '\r')
			return false;
		line.length--;
		if (lines == 0 ? !take_request_line(request, line) : !take_header(request, line))
			return false;
		if (++lines > HEADERS_MAX + 1)
			return false;
	}
	return true;
}

static bool key_is_right(struct text key)
{
	if (key.length != KEY_CHARS || memcmp(key.data + KEY_CHARS - 2, "==", 2) != 0)
		return false;
	for (size_t i = 0; i < KEY_CHARS - 2; i++)
		if (!is_base64_char(key.data[i], "+/"))
			return false;
	return true;
}

/* RFC 6455 section 4.2.2, item 5.4. */
static bool make_accept(struct text key, char accept[29])
{
	char input[KEY_CHARS + sizeof(ACCEPT_GUID)];
	uint8_t hash[20];

	memcpy(input, key.data, KEY_CHARS);
	memcpy(input + KEY_CHARS, ACCEPT_GUID, sizeof(ACCEPT_GUID));
	if (EVP_Digest(input, sizeof(input) - 1, hash, NULL, EVP_sha1(), NULL) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)accept, hash, sizeof(hash));
	return true;
}

static enum ws_handshake_result refuse(struct ws_handshake *ret, int status, const char *text)
{
	ret->status = status;
	ret->refusal = text;
	return WS_HANDSHAKE_REFUSED;
}

enum ws_handshake_result ws_handshake_judge(const struct ws_handshake_rules *rules,
    const uint8_t *data, size_t length, struct ws_handshake *ret)
{
	const uint8_t *end = memmem(data, length, "\r\n\r\n", 4);
	struct request request = {.rules = rules};

	if (end == NULL && length < WS_HANDSHAKE_REQUEST_BYTES_MAX)
		return WS_HANDSHAKE_SHORT;
	if (end == NULL || (size_t)(end - data) + 4 > WS_HANDSHAKE_REQUEST_BYTES_MAX)
		return refuse(ret, 400, "The request is too large.");
	ret->request_bytes = (size_t)(end - data) + 4;
	if (!read_head(&request, (struct text){(const char *)data, ret->request_bytes - 2}) ||
	    request.host_count != 1 || request.host.length == 0 || request.body)
		return refuse(ret, 400, "The request could not be understood.");
	if (!request.upgrade_websocket || !request.connection_upgrade)
		return refuse(ret, 426, "Only WebSockets are served here.");
	if (request.version_count != 1 || !text_is(request.version, "13"))
		return refuse(ret, 426, "Only version 13 of WebSocket is served here.");
	if (request.key_count != 1 || !key_is_right(request.key))
		return refuse(ret, 400, "The WebSocket key is wrong.");
	if (request.origin_count != 1 || !text_is(request.origin, rules->origin))
		return refuse(ret, 403, "This page may not connect here.");
	if (!request.cookie_right && !rules->by_ticket)
		return refuse(ret, 403, "You are not logged in, or the login has ended.");
	request.offers_v1 &= !rules->by_ticket;
	ret->query[0] = '\0';
	if (request.offers_v1 && request.query.length > WS_HANDSHAKE_QUERY_BYTES_MAX)
		return refuse(ret, 400, "The address is too long.");
	if (request.offers_v1) {
		ret->subprotocol = WS_SUBPROTOCOL_V1;
		memcpy(ret->query, request.query.data, request.query.length);
		ret->query[request.query.length] = '\0';
	} else if (request.offers_raw && (rules->raw_allowed || rules->by_ticket)) {
		ret->subprotocol = WS_SUBPROTOCOL_RAW;
	} else {
		return refuse(ret, 400, "None of the offered subprotocols is served here.");
	}
	if (!make_accept(request.key, ret->accept))
		return refuse(ret, 503, "The gateway cannot answer at the moment.");
	return WS_HANDSHAKE_ACCEPTED;
}

/* --- answers -------------------------------------------------------------------------------- */

static size_t length_of(int printed)
{
	return printed > 0 && printed < WS_HANDSHAKE_REPLY_BYTES_MAX ? (size_t)printed : 0;
}

size_t ws_handshake_put_acceptance(
    const struct ws_handshake *handshake, char reply[WS_HANDSHAKE_REPLY_BYTES_MAX])
{
	return length_of(snprintf(reply, WS_HANDSHAKE_REPLY_BYTES_MAX,
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Upgrade: websocket\r\n"
	    "Connection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n"
	    "Sec-WebSocket-Protocol: %s\r\n"
	    "\r\n",
	    handshake->accept,
	    handshake->subprotocol == WS_SUBPROTOCOL_V1 ? "x2goweb.v1" : "binary"));
}

static const char *status_name(int status)
{
	switch (status) {
	case 403:
		return "Forbidden";
	case 409:
		return "Conflict";
	case 426:
		return "Upgrade Required";
	case 503:
		return "Service Unavailable";
	default:
		return "Bad Request";
	}
}

size_t ws_handshake_put_refusal(
    int status, const char *text, char reply[WS_HANDSHAKE_REPLY_BYTES_MAX])
{
	/* RFC 9110 section 15.5.22 and RFC 6455 section 4.4: 426 names what would be right. */
	const char *hint = status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
					   "Connection: close, upgrade\r\n"
					 : "Connection: close\r\n";

	return length_of(snprintf(reply, WS_HANDSHAKE_REPLY_BYTES_MAX,
	    "HTTP/1.1 %d %s\r\n"
	    "%s"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n"
	    "\r\n"
	    "%s\n",
	    status, status_name(status), hint, strlen(text) + 1, text));
}
