/* links: proto brokerd/session/ws_handshake.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws_handshake: one good request, changed in one place per row; delivered whole,
 * byte by byte, and with what follows it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/ws_handshake.h"

#define LOGIN  "0123456789abcdef"
#define ORIGIN "https://desk.example.org"
#define COOKIE "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_x"
#define WRONG  "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_y"

/* RFC 6455 section 1.3's example. */
#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define LINE	 "GET /x2gows/20003 HTTP/1.1\r\n"
#define HOST	 "Host: desk.example.org\r\n"
#define UPGRADE	 "Upgrade: websocket\r\n"
#define CONNECT	 "Connection: Upgrade\r\n"
#define VERSION	 "Sec-WebSocket-Version: 13\r\n"
#define KEY_LINE "Sec-WebSocket-Key: " KEY "\r\n"
#define FROM	 "Origin: " ORIGIN "\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: x2goweb.v1\r\n"
#define COOKIES	 "Cookie: x2goweb_" LOGIN "=" COOKIE "\r\n"
#define END	 "\r\n"

#define GOOD LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END

static struct ws_handshake_rules rules = {.login = LOGIN, .origin = ORIGIN};

#define X2(x)	x x
#define X16(x)	X2(X2(X2(X2(x))))
#define X256(x) X16(X16(x))

/* status 0: accepted. */
static const struct {
	const char *name;
	int status;
	bool raw_allowed;
	enum ws_subprotocol subprotocol;
	const char *request;
} rows[] = {
    {"good", 0, false, WS_SUBPROTOCOL_V1, GOOD},
    {"other order", 0, false, WS_SUBPROTOCOL_V1,
	LINE COOKIES PROTOCOL FROM KEY_LINE VERSION CONNECT UPGRADE HOST END},
    {"a proxy's way of writing", 0, false, WS_SUBPROTOCOL_V1,
	LINE "host:desk.example.org\r\nUPGRADE: WebSocket\r\nconnection:keep-alive , uPGRADE\t\r\n"
	     "SEC-WEBSOCKET-VERSION:\t13 \r\nsec-websocket-key:" KEY "\r\norigin:" ORIGIN
	     "\r\nsec-websocket-protocol:x2goweb.v1\r\nX-Forwarded-For: 192.0.2.7\r\n"
	     "Sec-WebSocket-Extensions: permessage-deflate\r\n" COOKIES END},
    {"content-length 0", 0, false, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"Content-Length: 0\r\n" END},

    /* The request line. */
    {"POST", 400, false, 0,
	"POST /x2gows/20003 HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL
	    COOKIES END},
    {"get", 400, false, 0,
	"get /x2gows/20003 HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	    END},
    {"HTTP/1.0", 400, false, 0,
	"GET /x2gows/20003 HTTP/1.0\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	    END},
    {"HTTP/1.1 and more", 400, false, 0,
	"GET /x2gows/20003 HTTP/1.1 \r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL
	    COOKIES END},
    {"no target", 400, false, 0,
	"GET  HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"target without slash", 400, false, 0,
	"GET x2gows HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"target with a control character", 400, false, 0,
	"GET /\x01 HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"target with a byte above ASCII", 400, false, 0,
	"GET /\xc3\xa4 HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	    END},
    {"nothing but the end", 400, false, 0, END END},
    {"empty line first", 400, false, 0, END GOOD},

    /* Lines. */
    {"line feed alone", 400, false, 0,
	LINE "Host: desk.example.org\n" UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"carriage return within", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b\rc\r\n" END},
    {"folded line", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b\r\n c\r\n" END},
    {"space before colon", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A : b\r\n" END},
    {"no colon", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "Ab\r\n" END},
    {"no name", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES ": b\r\n" END},
    {"control character in a value", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: \x1b[1m\r\n" END},
    {"delete in a value", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: \x7f\r\n" END},
    {"64 headers", 0, false, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES X16("A: b\r\n")
	    X16("A: b\r\n") X16("A: b\r\n") X2(X2(X2("A: b\r\n"))) END},
    {"65 headers", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES X16("A: b\r\n")
	    X16("A: b\r\n") X16("A: b\r\n") X2(X2(X2("A: b\r\n"))) "A: b\r\n" END},
    {"too large", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"A: " X256(X16("abcd")) "\r\n" END},

    /* A body, which is another way to smuggle a second request. */
    {"content-length", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"Content-Length: 5\r\n" END},
    {"transfer-encoding", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"Transfer-Encoding: chunked\r\n" END},

    /* What makes it a WebSocket. */
    {"no host", 400, false, 0, LINE UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"empty host", 400, false, 0,
	LINE "Host: \r\n" UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"two hosts", 400, false, 0,
	LINE HOST HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"plain HTTP", 426, false, 0, LINE HOST END},
    {"no upgrade", 426, false, 0, LINE HOST CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"upgrade to something else", 426, false, 0,
	LINE HOST "Upgrade: h2c\r\n" CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"no connection", 426, false, 0, LINE HOST UPGRADE VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"connection: close", 426, false, 0,
	LINE HOST UPGRADE "Connection: close\r\n" VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"version 8", 426, false, 0,
	LINE HOST UPGRADE CONNECT
	"Sec-WebSocket-Version: 8\r\n" KEY_LINE FROM PROTOCOL COOKIES END},
    {"no version", 426, false, 0, LINE HOST UPGRADE CONNECT KEY_LINE FROM PROTOCOL COOKIES END},
    {"two versions", 426, false, 0,
	LINE HOST UPGRADE CONNECT VERSION VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"no key", 400, false, 0, LINE HOST UPGRADE CONNECT VERSION FROM PROTOCOL COOKIES END},
    {"two keys", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE KEY_LINE FROM PROTOCOL COOKIES END},
    {"key of 15 bytes", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" FROM PROTOCOL COOKIES END},
    {"key of 17 bytes", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=\r\n" FROM PROTOCOL COOKIES END},
    {"key that is no base64", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION
	"Sec-WebSocket-Key: dGhlIHNhbXBs*SBub25jZQ==\r\n" FROM PROTOCOL COOKIES END},

    /* Where it comes from. */
    {"no origin", 403, false, 0, LINE HOST UPGRADE CONNECT VERSION KEY_LINE PROTOCOL COOKIES END},
    {"two origins", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM FROM PROTOCOL COOKIES END},
    {"another origin", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE
	"Origin: https://evil.example.org\r\n" PROTOCOL COOKIES END},
    {"origin that begins like ours", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE "Origin: " ORIGIN
						   ".evil.example\r\n" PROTOCOL COOKIES END},
    {"origin of another scheme", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE
	"Origin: http://desk.example.org\r\n" PROTOCOL COOKIES END},
    {"origin in capitals", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE
	"Origin: HTTPS://DESK.EXAMPLE.ORG\r\n" PROTOCOL COOKIES END},
    {"null origin", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE "Origin: null\r\n" PROTOCOL COOKIES END},

    /* Who it is. */
    {"no cookie", 403, false, 0, LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL END},
    {"wrong cookie", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: x2goweb_" LOGIN "=" WRONG
								 "\r\n" END},
    {"cookie of another login", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL
	"Cookie: x2goweb_fedcba9876543210=" COOKIE "\r\n" END},
    {"cookie without our prefix", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: " LOGIN "=" COOKIE
								 "\r\n" END},
    {"cookie name in capitals", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: X2GOWEB_" LOGIN "=" COOKIE
								 "\r\n" END},
    {"cookie in quotes", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: x2goweb_" LOGIN
								 "=\"" COOKIE "\"\r\n" END},
    {"cookie cut short", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: x2goweb_" LOGIN
								 "=AbCd\r\n" END},
    {"cookie and more", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: x2goweb_" LOGIN "=" COOKIE
								 "x\r\n" END},
    {"empty cookie header", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: \r\n" END},
    {"cookie among others", 0, false, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL
	"Cookie: a=b; =; ;;x2goweb_fedcba9876543210=" WRONG ";x2goweb_" LOGIN "=" COOKIE
	"; c=d=e\r\n" END},
    {"cookie in a second header", 0, false, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: a=b\r\n" COOKIES END},
    {"a wrong cookie of the same name before it", 0, false, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL
	"Cookie: x2goweb_" LOGIN "=" WRONG "; x2goweb_" LOGIN "=" COOKIE "\r\n" END},

    /* What is to be spoken. */
    {"no subprotocol", 400, true, 0, LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM COOKIES END},
    {"unknown subprotocol", 400, true, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM
	"Sec-WebSocket-Protocol: x2goweb.v2, chat\r\n" COOKIES END},
    {"subprotocol in capitals", 400, true, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM
	"Sec-WebSocket-Protocol: X2GOWEB.V1\r\n" COOKIES END},
    {"raw, not allowed", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM
	"Sec-WebSocket-Protocol: binary\r\n" COOKIES END},
    {"raw, allowed", 0, true, WS_SUBPROTOCOL_RAW,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM
	"Sec-WebSocket-Protocol: binary\r\n" COOKIES END},
    {"raw, then ours", 0, true, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM
	"Sec-WebSocket-Protocol: binary , x2goweb.v1\r\n" COOKIES END},
    {"in two headers", 0, true, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM
	"Sec-WebSocket-Protocol: binary\r\nSec-WebSocket-Protocol: x2goweb.v1\r\n" COOKIES END},
};

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(strlen(COOKIE), WS_HANDSHAKE_COOKIE_BYTES);
	return EVP_Digest(COOKIE, strlen(COOKIE), rules.cookie_hash, NULL, EVP_sha256(), NULL) == 1
		   ? 0
		   : -1;
}

/* Judges from memory of exactly this size, so that sanitizers see every step too far. */
static enum ws_handshake_result judge(
    const char *request, size_t length, struct ws_handshake *handshake)
{
	uint8_t *data = malloc(length != 0 ? length : 1);
	enum ws_handshake_result result;

	assert_non_null(data);
	memcpy(data, request, length);
	memset(handshake, 0, sizeof(*handshake));
	result = ws_handshake_judge(&rules, data, length, handshake);
	free(data);
	return result;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = strlen(rows[i].request);
		struct ws_handshake handshake;
		enum ws_handshake_result result;

		rules.raw_allowed = rows[i].raw_allowed;
		result = judge(rows[i].request, length, &handshake);
		if (rows[i].status == 0) {
			if (result != WS_HANDSHAKE_ACCEPTED)
				fail_msg("%s: refused: %s", rows[i].name, handshake.refusal);
			assert_int_equal(handshake.subprotocol, rows[i].subprotocol);
			assert_string_equal(handshake.accept, ACCEPT);
			assert_int_equal(handshake.request_bytes, length);
		} else {
			if (result != WS_HANDSHAKE_REFUSED || handshake.status != rows[i].status)
				fail_msg("%s: result %d, status %d", rows[i].name, (int)result,
				    handshake.status);
			assert_non_null(handshake.refusal);
		}
	}
}

/* Of the subprotocol that has a use for it. */
static void test_query(void **state)
{
	static const char *const targets[][2] = {
	    {"/", ""},
	    {"/?", ""},
	    {"/x2gows/20003?a.b=c%20&d", "a.b=c%20&d"},
	    {"/?a?b#c", "a?b#c"},
	    {"/a&b", ""},
	};
	char longest[WS_HANDSHAKE_QUERY_BYTES_MAX + 2], request[2048];
	struct ws_handshake handshake;

	(void)state;
	rules.raw_allowed = true;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n%s", targets[i][0],
		    HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END);
		assert_int_equal(
		    judge(request, strlen(request), &handshake), WS_HANDSHAKE_ACCEPTED);
		assert_string_equal(handshake.query, targets[i][1]);
	}
	for (size_t over = 0; over < 2; over++) {
		memset(longest, 'a', sizeof(longest));
		longest[WS_HANDSHAKE_QUERY_BYTES_MAX + over] = '\0';
		snprintf(request, sizeof(request), "GET /?%s HTTP/1.1\r\n%s", longest,
		    HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END);
		assert_int_equal(judge(request, strlen(request), &handshake),
		    over ? WS_HANDSHAKE_REFUSED : WS_HANDSHAKE_ACCEPTED);
		if (over)
			assert_int_equal(handshake.status, 400);
		else
			assert_string_equal(handshake.query, longest);
		snprintf(request, sizeof(request), "GET /?%s HTTP/1.1\r\n%s", longest,
		    HOST UPGRADE CONNECT VERSION KEY_LINE FROM
		    "Sec-WebSocket-Protocol: binary\r\n" COOKIES END);
		assert_int_equal(
		    judge(request, strlen(request), &handshake), WS_HANDSHAKE_ACCEPTED);
		assert_string_equal(handshake.query, "");
	}
}

/* Every beginning of a good request is incomplete; its verdict comes with its last byte. */
static void test_byte_by_byte(void **state)
{
	struct ws_handshake handshake;

	(void)state;
	rules.raw_allowed = false;
	for (size_t length = 0; length < strlen(GOOD); length++)
		assert_int_equal(judge(GOOD, length, &handshake), WS_HANDSHAKE_SHORT);
	assert_int_equal(judge(GOOD, strlen(GOOD), &handshake), WS_HANDSHAKE_ACCEPTED);
}

static void test_what_follows(void **state)
{
	static const char request[] = GOOD "\x82\x80" GOOD;
	struct ws_handshake handshake;

	(void)state;
	assert_int_equal(judge(request, sizeof(request) - 1, &handshake), WS_HANDSHAKE_ACCEPTED);
	assert_int_equal(handshake.request_bytes, strlen(GOOD));
}

static void test_zero_bytes(void **state)
{
	char request[] =
	    LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b?c\r\n" END;
	struct ws_handshake handshake;

	(void)state;
	assert_int_equal(judge(request, sizeof(request) - 1, &handshake), WS_HANDSHAKE_ACCEPTED);
	*strchr(request, '?') = '\0';
	assert_int_equal(judge(request, sizeof(request) - 1, &handshake), WS_HANDSHAKE_REFUSED);
	assert_int_equal(handshake.status, 400);
	memcpy(request, "\0ET", 3);
	assert_int_equal(judge(request, sizeof(request) - 1, &handshake), WS_HANDSHAKE_REFUSED);
}

/* An endless request is refused once it cannot end within the limit any more. */
static void test_limit(void **state)
{
	char *request = malloc(WS_HANDSHAKE_REQUEST_BYTES_MAX + 1);
	struct ws_handshake handshake;

	(void)state;
	assert_non_null(request);
	memset(request, 'a', WS_HANDSHAKE_REQUEST_BYTES_MAX + 1);
	assert_int_equal(
	    judge(request, WS_HANDSHAKE_REQUEST_BYTES_MAX - 1, &handshake), WS_HANDSHAKE_SHORT);
	assert_int_equal(
	    judge(request, WS_HANDSHAKE_REQUEST_BYTES_MAX, &handshake), WS_HANDSHAKE_REFUSED);
	free(request);
}

/* A good request with headers of this kind before its end, count times; returns its length. */
static size_t put_request(char *out, const char *header, size_t count)
{
	size_t length = strlen(GOOD) - strlen(END);

	memcpy(out, GOOD, length);
	for (size_t i = 0; i < count; i++, length += strlen(header))
		memcpy(out + length, header, strlen(header));
	memcpy(out + length, END, strlen(END));
	return length + strlen(END);
}

/* The limit on all of the request holds to the byte, whatever it is filled with. */
static void test_sizes(void **state)
{
	char *request = malloc(2 * WS_HANDSHAKE_REQUEST_BYTES_MAX);
	struct ws_handshake handshake;

	(void)state;
	assert_non_null(request);
	for (unsigned in_name = 0; in_name < 2; in_name++)
		for (size_t over = 0; over < 2; over++) {
			size_t length = WS_HANDSHAKE_REQUEST_BYTES_MAX + over;
			size_t start = put_request(request, "", 0) - strlen(END);

			memset(request + start, 'a', length - start);
			request[in_name ? length - 6 : start + 1] = ':';
			memcpy(request + length - 4, "\r\n\r\n", 4);
			assert_int_equal(judge(request, length, &handshake),
			    over == 0 ? WS_HANDSHAKE_ACCEPTED : WS_HANDSHAKE_REFUSED);
			/* What follows makes no difference. */
			assert_int_equal(judge(request, length - 1, &handshake),
			    over == 0 ? WS_HANDSHAKE_SHORT : WS_HANDSHAKE_REFUSED);
		}
	free(request);
}

/* As many headers as fit, of every kind that means something and of some that do not. */
static void test_counts(void **state)
{
	static const char *const kinds[] = {"a:\r\n", "Cookie: a=b\r\n", "Cookie:\r\n",
	    "Connection: x\r\n", "Upgrade: x\r\n", "Sec-WebSocket-Protocol: x\r\n",
	    "Content-Length: 0\r\n"};
	static const char *const once[] = {
	    "Host: a\r\n", FROM, VERSION, KEY_LINE, "Origin:\r\n", "Sec-WebSocket-Key:\r\n"};
	char *request = malloc(2 * WS_HANDSHAKE_REQUEST_BYTES_MAX);
	const size_t own = 8; /* headers of the good request */
	struct ws_handshake handshake;

	(void)state;
	assert_non_null(request);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t most = (WS_HANDSHAKE_REQUEST_BYTES_MAX - strlen(GOOD)) / strlen(kinds[i]);

		assert_int_equal(
		    judge(request, put_request(request, kinds[i], 64 - own), &handshake),
		    WS_HANDSHAKE_ACCEPTED);
		assert_int_equal(
		    judge(request, put_request(request, kinds[i], 65 - own), &handshake),
		    WS_HANDSHAKE_REFUSED);
		assert_int_equal(judge(request, put_request(request, kinds[i], most), &handshake),
		    WS_HANDSHAKE_REFUSED);
	}
	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		assert_int_equal(judge(request, put_request(request, once[i], 1), &handshake),
		    WS_HANDSHAKE_REFUSED);
	free(request);
}

/* Lists within one header: thousands of parts, empty ones, and the right one at the end. */
static void test_lists(void **state)
{
	static const struct {
		const char *name, *part, *last;
	} lists[] = {
	    {"Cookie: ", ";", COOKIES},
	    {"Cookie: ", "=;", COOKIES},
	    {"Cookie: ", "x2goweb_" LOGIN "=;", COOKIES},
	    {"Connection: ", ",", CONNECT},
	    {"Connection: ", "upgrad,", CONNECT},
	    {"Upgrade: ", "h2c ,", UPGRADE},
	    {"Sec-WebSocket-Protocol: ", "x2goweb.v2,", PROTOCOL},
	};
	static const char *const parts[] = {UPGRADE, CONNECT, PROTOCOL, COOKIES};
	struct ws_handshake handshake;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (unsigned right = 0; right < 2; right++) {
			char request[WS_HANDSHAKE_REQUEST_BYTES_MAX + 64] =
			    LINE HOST VERSION KEY_LINE FROM;
			char *end;

			for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
				if (parts[k] != lists[i].last)
					strcat(request, parts[k]);
			strcat(request, lists[i].name);
			end = request + strlen(request);
			while (end - request < WS_HANDSHAKE_REQUEST_BYTES_MAX - 150)
				end = stpcpy(end, lists[i].part);
			end = stpcpy(end, right ? strchr(lists[i].last, ' ') + 1 : "\r\n");
			end = stpcpy(end, END);
			assert_int_equal(judge(request, (size_t)(end - request), &handshake),
			    right ? WS_HANDSHAKE_ACCEPTED : WS_HANDSHAKE_REFUSED);
		}
}

/* Each byte of a good request replaced by each other: never read past its end, and never let in
 * without origin and cookie. */
static void test_every_byte(void **state)
{
	struct ws_handshake handshake;
	char request[sizeof(GOOD)];

	(void)state;
	for (size_t at = 0; at < strlen(GOOD); at++)
		for (unsigned value = 0; value < 256; value++) {
			memcpy(request, GOOD, sizeof(request));
			request[at] = (char)value;
			if (judge(request, strlen(GOOD), &handshake) != WS_HANDSHAKE_ACCEPTED)
				continue;
			assert_non_null(memmem(request, strlen(GOOD), ORIGIN "\r", 25));
			assert_non_null(
			    memmem(request, strlen(GOOD), LOGIN "=" COOKIE "\r", 17 + 43 + 1));
		}
}

static void test_acceptance(void **state)
{
	struct ws_handshake handshake = {.subprotocol = WS_SUBPROTOCOL_V1, .accept = ACCEPT};
	char reply[WS_HANDSHAKE_REPLY_BYTES_MAX];
	size_t length;

	(void)state;
	length = ws_handshake_put_acceptance(&handshake, reply);
	assert_int_equal(length, strlen(reply));
	assert_string_equal(reply, "HTTP/1.1 101 Switching Protocols\r\n"
				   "Upgrade: websocket\r\n"
				   "Connection: Upgrade\r\n"
				   "Sec-WebSocket-Accept: " ACCEPT "\r\n"
				   "Sec-WebSocket-Protocol: x2goweb.v1\r\n\r\n");
	handshake.subprotocol = WS_SUBPROTOCOL_RAW;
	ws_handshake_put_acceptance(&handshake, reply);
	assert_non_null(strstr(reply, "\r\nSec-WebSocket-Protocol: binary\r\n"));
}

static void test_refusal(void **state)
{
	char reply[WS_HANDSHAKE_REPLY_BYTES_MAX];
	size_t length;

	(void)state;
	length = ws_handshake_put_refusal(403, "No.", reply);
	assert_int_equal(length, strlen(reply));
	assert_string_equal(reply, "HTTP/1.1 403 Forbidden\r\n"
				   "Connection: close\r\n"
				   "Content-Type: text/plain; charset=utf-8\r\n"
				   "Content-Length: 4\r\n"
				   "Cache-Control: no-store\r\n\r\n"
				   "No.\n");
	ws_handshake_put_refusal(426, "No.", reply);
	assert_non_null(strstr(reply, "HTTP/1.1 426 Upgrade Required\r\n"));
	assert_non_null(strstr(reply, "\r\nSec-WebSocket-Version: 13\r\n"));
	ws_handshake_put_refusal(503, "No.", reply);
	assert_non_null(strstr(reply, "HTTP/1.1 503 Service Unavailable\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_query),
	    cmocka_unit_test(test_byte_by_byte),
	    cmocka_unit_test(test_what_follows),
	    cmocka_unit_test(test_zero_bytes),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_every_byte),
	    cmocka_unit_test(test_acceptance),
	    cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
