/* SPDX-License-Identifier: ISC */
/*
 * A WebSocket client for tests that runs in the same event loop as what it tests, and can say
 * everything that RFC 6455 forbids.
 */
#ifndef TESTS_WS_CLIENT_H
#define TESTS_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_CLIENT_KEY	 "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_CLIENT_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* How long anything that is awaited may take. */
#define WS_CLIENT_PATIENCE_MS 15000

enum { OP_CONTINUATION, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };

struct event_base;

struct ws_client {
	struct event_base *base;
	int fd;
	uint8_t *input;
	size_t input_length, input_capacity;
	bool ended; /* the server's end of the connection has come */
};

struct ws_client_frame {
	uint8_t first; /* FIN, reserved bits, opcode */
	uint8_t opcode;
	size_t length;
	uint8_t *data; /* NUL-terminated; valid until the next call */
};

/* Milliseconds since some start. */
int64_t test_now_ms(void);

/* Runs the event loop until done(arg) is true; fails the test when it takes too long. */
void test_run_until(struct event_base *base, bool (*done)(void *arg), void *arg, const char *what);

/* Runs the event loop for a while. */
void test_run_for_ms(struct event_base *base, unsigned ms);

/* Takes over fd, a non-blocking socket. */
void ws_client_init(struct ws_client *client, struct event_base *base, int fd);
void ws_client_finish(struct ws_client *client);

/* Sends bytes as they are, running the loop while the socket is full. */
void ws_client_send(struct ws_client *client, const void *data, size_t length);

/* Sends one masked frame. first: FIN (0x80), reserved bits and opcode. */
void ws_client_send_frame(
    struct ws_client *client, unsigned first, const void *data, size_t length);

/* Writes a masked frame; returns its length, at most 14 more than the data's. */
size_t ws_client_put_frame(uint8_t *out, unsigned first, const void *data, size_t length);

/* Waits for length bytes, or for the end. */
void ws_client_await(struct ws_client *client, size_t length);

/* Waits for the server's end of the connection and throws away what comes before. */
void ws_client_await_end(struct ws_client *client);

/* Waits for an HTTP response's head; returns its status. The text stays in input until the next
 * call of ws_client_take. */
int ws_client_await_status(struct ws_client *client);

/* Forgets the first bytes of the input. */
void ws_client_take(struct ws_client *client, size_t length);

/* Waits for a whole frame, which must not be masked, and takes it. */
struct ws_client_frame ws_client_await_frame(struct ws_client *client);

/* Waits for a close frame, skipping others; returns its code, 0 if it has none. */
unsigned ws_client_await_close(struct ws_client *client);

/* Reads what has come without waiting. Returns the bytes in input. */
size_t ws_client_poll(struct ws_client *client);

#endif
