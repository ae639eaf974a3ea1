/* SPDX-License-Identifier: ISC */
/*
 * One good request for a WebSocket in pieces, to be changed in one place each, and what judges it.
 */
#ifndef TESTS_WS_REQUEST_H
#define TESTS_WS_REQUEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <openssl/evp.h>
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

/* Of a group of tests. */
static inline int ws_request_set_up(void **state)
{
	(void)state;
	assert_int_equal(strlen(COOKIE), WS_HANDSHAKE_COOKIE_BYTES);
	return EVP_Digest(COOKIE, strlen(COOKIE), rules.cookie_hash, NULL, EVP_sha256(), NULL) == 1
		   ? 0
		   : -1;
}

/* Judges from memory of exactly this size, so that sanitizers see every step too far. */
static inline enum ws_handshake_result judge(
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

#endif
