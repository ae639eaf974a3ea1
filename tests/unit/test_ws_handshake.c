/* links: proto brokerd/session/ws_handshake.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws_handshake: one good request, changed in one place per row, and the answers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ws_request.h"

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
    {"HTTP/1.10", 400, false, 0,
	"GET / HTTP/1.10\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"HTTP/2.0", 400, false, 0,
	"GET / HTTP/2.0\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"no version of HTTP", 400, false, 0,
	"GET /\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"tabs in the request line", 400, false, 0,
	"GET\t/\tHTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"two blanks in the request line", 400, false, 0,
	"GET /  HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"a whole address as target", 400, false, 0,
	"GET " ORIGIN
	"/ HTTP/1.1\r\n" HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"request line folded", 400, false, 0,
	"GET / HTTP/1.1\r\n " HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"nothing but the end", 400, false, 0, END END},
    {"empty line first", 400, false, 0, END GOOD},

    /* Lines. */
    {"line feed alone", 400, false, 0,
	LINE "Host: desk.example.org\n" UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"carriage return within", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b\rc\r\n" END},
    {"folded line", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b\r\n c\r\n" END},
    {"folded with a tab", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b\r\n\tc\r\n" END},
    {"origin folded", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE "Origin:\r\n " ORIGIN
						   "\r\n" PROTOCOL COOKIES END},
    {"connection folded", 400, false, 0,
	LINE HOST UPGRADE
	"Connection: keep-alive,\r\n Upgrade\r\n" VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"cookie folded", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: a=b;\r\n x2goweb_" LOGIN
								 "=" COOKIE "\r\n" END},
    {"a folded line of blanks", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b\r\n \r\n" END},
    {"line feeds alone at the end", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL "Cookie: x2goweb_" LOGIN "=" COOKIE
								 "\n\n\r\n\r\n"},
    {"two carriage returns", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES "A: b\r\r\n" END},
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
    {"two lengths", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"Content-Length: 0\r\nContent-Length: 5\r\n" END},
    {"lengths in a list", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"Content-Length: 0, 5\r\n" END},
    {"length with a sign", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"Content-Length: +0\r\n" END},
    {"no transfer-encoding", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES
	"Transfer-Encoding: identity\r\n" END},
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
    {"upgrade only as a part of a token", 426, false, 0,
	LINE HOST UPGRADE "Connection: upgrades, x-upgrade, Upgrade-Insecure\r\n" VERSION KEY_LINE
	    FROM PROTOCOL COOKIES END},
    {"upgrade in quotes", 426, false, 0,
	LINE HOST UPGRADE "Connection: \"Upgrade\"\r\n" VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"upgrade and something else in a token", 426, false, 0,
	LINE HOST UPGRADE "Connection: keep-alive Upgrade; keep-alive\r\n" VERSION KEY_LINE FROM
	    PROTOCOL COOKIES END},
    {"empty connection", 426, false, 0,
	LINE HOST UPGRADE "Connection:\r\n" VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"connection in two headers, the list with holes", 0, false, WS_SUBPROTOCOL_V1,
	LINE HOST UPGRADE "Connection: close\r\nConnection: ,, ,\tupgrade\t,,\r\n" VERSION KEY_LINE
	    FROM PROTOCOL COOKIES END},
    {"websocket with a version", 426, false, 0,
	LINE HOST "Upgrade: websocket/13\r\n" CONNECT VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"versions 13 and 8 in a list", 426, false, 0,
	LINE HOST UPGRADE CONNECT
	"Sec-WebSocket-Version: 13, 8\r\n" KEY_LINE FROM PROTOCOL COOKIES END},
    {"versions 8 and 13 in two headers", 426, false, 0,
	LINE HOST UPGRADE CONNECT
	"Sec-WebSocket-Version: 8\r\n" VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"version 013", 426, false, 0,
	LINE HOST UPGRADE CONNECT
	"Sec-WebSocket-Version: 013\r\n" KEY_LINE FROM PROTOCOL COOKIES END},
    {"version 8", 426, false, 0,
	LINE HOST UPGRADE CONNECT
	"Sec-WebSocket-Version: 8\r\n" KEY_LINE FROM PROTOCOL COOKIES END},
    {"no version", 426, false, 0, LINE HOST UPGRADE CONNECT KEY_LINE FROM PROTOCOL COOKIES END},
    {"two versions", 426, false, 0,
	LINE HOST UPGRADE CONNECT VERSION VERSION KEY_LINE FROM PROTOCOL COOKIES END},
    {"no key", 400, false, 0, LINE HOST UPGRADE CONNECT VERSION FROM PROTOCOL COOKIES END},
    {"two keys", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE KEY_LINE FROM PROTOCOL COOKIES END},
    {"an empty key", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION "Sec-WebSocket-Key: \r\n" FROM PROTOCOL COOKIES END},
    {"a key and an empty one", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE
	"Sec-WebSocket-Key:\r\n" FROM PROTOCOL COOKIES END},
    {"keys in a list", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION "Sec-WebSocket-Key: " KEY ", " KEY
					  "\r\n" FROM PROTOCOL COOKIES END},
    {"key with a blank in it", 400, false, 0,
	LINE HOST UPGRADE CONNECT VERSION
	"Sec-WebSocket-Key: dGhlIHNhbXBs ZSBub25jZQ==\r\n" FROM PROTOCOL COOKIES END},
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
    {"empty origin", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE "Origin:\r\n" PROTOCOL COOKIES END},
    {"origins in a list", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE
	"Origin: " ORIGIN " https://evil.example.org\r\n" PROTOCOL COOKIES END},
    {"origin with a path", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE "Origin: " ORIGIN "/\r\n" PROTOCOL COOKIES END},
    {"origin with its port", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE "Origin: " ORIGIN
						   ":443\r\n" PROTOCOL COOKIES END},
    {"origin of drafts", 403, false, 0,
	LINE HOST UPGRADE CONNECT VERSION KEY_LINE "Sec-WebSocket-Origin: " ORIGIN
						   "\r\n" PROTOCOL COOKIES END},
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
	    cmocka_unit_test(test_acceptance),
	    cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests(tests, ws_request_set_up, NULL);
}
