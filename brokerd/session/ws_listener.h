/* SPDX-License-Identifier: ISC */
/*
 * The door: accepts TCP connections on the login's listener, reads their opening handshakes with
 * few resources and a deadline, and hands over those that are let in. Owns the listener and every
 * connection until then. Runs in x2goweb-session.
 */
#ifndef SESSION_WS_LISTENER_H
#define SESSION_WS_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ws_handshake.h"

/* Connections whose handshake is not complete; one more pushes out the oldest, so that those who
 * say nothing cannot keep out one who does. */
#define WS_LISTENER_PENDING_MAX 16
#define WS_LISTENER_DEADLINE_MS 10000

struct event_base;
struct ws_listener;

struct ws_listener_handlers {
	/* Somebody with the right origin and cookie. Returns true and takes fd over, or false and
	 * sets status and refusal of the handshake.
	 * early: what came after the request; valid during the call. */
	bool (*arrived)(struct ws_listener *listener, int fd, struct ws_handshake *handshake,
	    const uint8_t *early, size_t early_length, void *arg);
};

/* fd: non-blocking, listening; taken over, also on failure. rules: copied, but not the texts that
 * it points to. Fails: NULL if memory is short. */
struct ws_listener *ws_listener_create(struct event_base *base, int fd,
    const struct ws_handshake_rules *rules, const struct ws_listener_handlers *handlers, void *arg);

/* Closes all. Takes NULL; not from inside arrived(). */
void ws_listener_destroy(struct ws_listener *listener);

#endif
