/* SPDX-License-Identifier: ISC */
/*
 * One WebSocket of ours, the client at its other end, and what the owner has been told.
 */
#ifndef TESTS_WS_WORLD_H
#define TESTS_WS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "brokerd/session/ws.h"
#include "ws_client.h"

#define PING_MS 300

struct evbuffer;

struct ws_world {
	struct event_base *base;
	struct ws *ws; /* NULL once it is destroyed */
	struct ws_client client;

	/* What ws has told. */
	unsigned messages, writable, lost, closed;
	unsigned code;
	bool text;
	uint8_t *data; /* of the last message, NUL-terminated */
	size_t length;
	/* What is done in the next messages. */
	bool echo, destroy, pause;
};

extern struct ws_world world;

/* A new WebSocket, which has been sent these bytes with its handshake. */
void world_create(const char *greeting, const void *early, size_t early_length);
/* As cmocka wants them: one without greeting and early bytes. */
int world_set_up(void **state);
int world_tear_down(void **state);
/* The next one. */
void world_create_anew(void);

void world_await_messages(unsigned count);
void world_await_lost(const char *what);
void world_await_closed(const char *what);
void world_assert_message(bool text, const void *data, size_t length);

/* Bytes that differ, in pieces. */
void world_fill(struct evbuffer *buffer, size_t length, size_t piece);

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

#endif
