/* links: proto brokerd/session/ws_handshake.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws_handshake: requests in pieces, with zero bytes, of all sizes, with as many
 * headers and as long lists as fit, and wrong in each byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ws_request.h"

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

/* A zero byte put in anywhere ends nothing: nobody reads another request than we do. */
static void test_zero_bytes_anywhere(void **state)
{
	struct ws_handshake handshake;
	char request[sizeof(GOOD)];

	(void)state;
	for (size_t at = 0; at < strlen(GOOD); at++) {
		enum ws_handshake_result result;

		memcpy(request, GOOD, at);
		request[at] = '\0';
		memcpy(request + at + 1, &GOOD[at], strlen(GOOD) - at);
		result = judge(request, sizeof(GOOD), &handshake);
		/* Within the empty line the request has no end. */
		assert_int_equal(
		    result, at > strlen(GOOD) - 4 ? WS_HANDSHAKE_SHORT : WS_HANDSHAKE_REFUSED);
		if (result == WS_HANDSHAKE_REFUSED)
			assert_int_equal(handshake.status, 400);
	}
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
			/* What ends a line or a text stands in its place only. */
			assert_true(value == (unsigned char)GOOD[at] || value == '\t' ||
				    (value >= ' ' && value != 0x7f));
			assert_non_null(memmem(request, strlen(GOOD), ORIGIN "\r", 25));
			assert_non_null(
			    memmem(request, strlen(GOOD), LOGIN "=" COOKIE "\r", 17 + 43 + 1));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_byte_by_byte),
	    cmocka_unit_test(test_what_follows),
	    cmocka_unit_test(test_zero_bytes),
	    cmocka_unit_test(test_zero_bytes_anywhere),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, ws_request_set_up, NULL);
}
