/* SPDX-License-Identifier: ISC */
/*
 * The opening handshake of a WebSocket (RFC 6455 section 4.2): reads the browser's HTTP request,
 * decides by origin, login cookie and subprotocol whether it is let in, and writes the answer.
 * Pure: no sockets, no clock. Runs in x2goweb-session; every byte it reads is hostile.
 */
#ifndef SESSION_WS_HANDSHAKE_H
#define SESSION_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole request, with its empty line; what a browser and a proxy send is about 1 KiB. */
#define WS_HANDSHAKE_REQUEST_BYTES_MAX 8192
#define WS_HANDSHAKE_REPLY_BYTES_MAX   512
#define WS_HANDSHAKE_COOKIE_BYTES      43
#define WS_HANDSHAKE_QUERY_BYTES_MAX   127

enum ws_subprotocol {
	WS_SUBPROTOCOL_V1, /* x2goweb.v1 */
	WS_SUBPROTOCOL_RAW /* binary: upstream's, the bare byte stream */
};

/* Who is let in. */
struct ws_handshake_rules {
	const char *login;	 /* the cookie is named x2goweb_<login> */
	uint8_t cookie_hash[32]; /* SHA-256 of the cookie's value */
	const char *origin;	 /* the Origin header must be exactly this */
	bool raw_allowed;	 /* WS_SUBPROTOCOL_RAW as well */
	/* No cookie, and WS_SUBPROTOCOL_RAW only: who comes shows a ticket afterwards. */
	bool by_ticket;
};

struct ws_handshake {
	enum ws_subprotocol subprotocol;
	char query[WS_HANDSHAKE_QUERY_BYTES_MAX + 1]; /* V1: printable ASCII; "": none */
	size_t request_bytes; /* what follows them is the WebSocket's already */
	char accept[29];      /* Sec-WebSocket-Accept */
	int status;	      /* HTTP status of a refusal */
	const char *refusal;  /* its static text */
};

enum ws_handshake_result {
	WS_HANDSHAKE_SHORT, /* the request is not complete yet */
	WS_HANDSHAKE_ACCEPTED,
	WS_HANDSHAKE_REFUSED /* *ret holds status and refusal */
};

/* Judges the request at the start of data. Call with all that came so far each time more comes.
 * The caller wipes data: it holds the cookie. */
enum ws_handshake_result ws_handshake_judge(const struct ws_handshake_rules *rules,
    const uint8_t *data, size_t length, struct ws_handshake *ret);

/* Writes the 101 response. Returns its length; reply is NUL-terminated. */
size_t ws_handshake_put_acceptance(
    const struct ws_handshake *handshake, char reply[WS_HANDSHAKE_REPLY_BYTES_MAX]);

/* Writes an HTTP response of this status with a text body that closes the connection. */
size_t ws_handshake_put_refusal(
    int status, const char *text, char reply[WS_HANDSHAKE_REPLY_BYTES_MAX]);

#endif
