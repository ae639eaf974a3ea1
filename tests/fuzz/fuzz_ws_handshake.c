/* links: proto brokerd/session/ws_handshake.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws_handshake: any bytes. Nobody is let in without origin and cookie, a verdict
 * does not depend on how the request was cut, the query is a piece of it, and no refusal is too
 * long for its buffer.
 */
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "brokerd/session/ws_handshake.h"

#define ORIGIN "https://desk.example.org"
#define COOKIE "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_x"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ws_handshake_rules rules = {
	    .login = "0123456789abcdef", .origin = ORIGIN, .raw_allowed = true};
	static int ready;
	struct ws_handshake handshake, cut;
	char reply[WS_HANDSHAKE_REPLY_BYTES_MAX];

	if (!ready)
		ready =
		    EVP_Digest(COOKIE, strlen(COOKIE), rules.cookie_hash, NULL, EVP_sha256(), NULL);
	switch (ws_handshake_judge(&rules, data, size, &handshake)) {
	case WS_HANDSHAKE_SHORT:
		if (size >= WS_HANDSHAKE_REQUEST_BYTES_MAX)
			abort();
		break;
	case WS_HANDSHAKE_ACCEPTED:
		if (handshake.request_bytes > size ||
		    memmem(data, handshake.request_bytes, ORIGIN, strlen(ORIGIN)) == NULL ||
		    memmem(data, handshake.request_bytes, COOKIE, strlen(COOKIE)) == NULL ||
		    ws_handshake_judge(&rules, data, handshake.request_bytes - 1, &cut) !=
			WS_HANDSHAKE_SHORT ||
		    strnlen(handshake.query, sizeof(handshake.query)) == sizeof(handshake.query) ||
		    memmem(data, handshake.request_bytes, handshake.query,
			strlen(handshake.query)) == NULL ||
		    ws_handshake_put_acceptance(&handshake, reply) != strlen(reply))
			abort();
		break;
	case WS_HANDSHAKE_REFUSED:
		if (ws_handshake_put_refusal(handshake.status, handshake.refusal, reply) == 0)
			abort();
		break;
	}
	return 0;
}
