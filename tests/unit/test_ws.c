/* links: proto brokerd/session/ws.c brokerd/session/ws_in.c brokerd/session/ws_out.c */
/* links: tests/unit/ws_client.c tests/unit/ws_world.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws: messages in and out, and a client that is slow or is not to be read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "ws_world.h"

#define MOST (SIZE_MAX / 2) /* as much as may be unsent */

/* --- messages in ------------------------------------------------------------------------------ */

static void test_messages_of_all_lengths(void **state)
{
	static const size_t lengths[] = {
	    0, 1, 125, 126, 127, 4096, 4097, 65535, 65536, 65537, WS_BINARY_BYTES_MAX};
	uint8_t *data = malloc(WS_BINARY_BYTES_MAX);

	(void)state;
	for (size_t i = 0; i < WS_BINARY_BYTES_MAX; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		ws_client_send_frame(&world.client, 0x80 | OP_BINARY, data, lengths[i]);
		world_await_messages(i + 1);
		world_assert_message(false, data, lengths[i]);
	}
	free(data);
}

static void test_early_bytes(void **state)
{
	uint8_t early[64];
	size_t length = ws_client_put_frame(early, 0x80 | OP_TEXT, "first", 5);

	(void)state;
	length += ws_client_put_frame(early + length, 0x80 | OP_TEXT, "second", 6);
	world_tear_down(NULL);
	/* The second frame's rest comes by the socket. */
	world_create("greeting", early, length - 3);
	world_await_messages(1);
	world_assert_message(true, "first", 5);
	ws_client_send(&world.client, early + length - 3, 3);
	world_await_messages(2);
	world_assert_message(true, "second", 6);
	ws_client_await(&world.client, 8);
	assert_memory_equal(world.client.input, "greeting", 8);
}

/* --- messages out ----------------------------------------------------------------------------- */

static void test_text_out(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	ws_send_text(world.ws, "hello 1");
	frame = ws_client_await_frame(&world.client);
	assert_int_equal(frame.first, 0x80 | OP_TEXT);
	assert_string_equal((const char *)frame.data, "hello 1");
}

static void test_binary_out_of_all_lengths(void **state)
{
	static const size_t lengths[] = {1, 125, 126, 65535, 65536, 65537};
	struct evbuffer *source = evbuffer_new();

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t *data = malloc(lengths[i]);
		size_t got = 0;

		world_fill(source, lengths[i], lengths[i]);
		evbuffer_copyout(source, data, lengths[i]);
		assert_int_equal(ws_send_binary(world.ws, source, NULL, WS_SEND_ALL), lengths[i]);
		assert_int_equal(evbuffer_get_length(source), 0);
		while (got < lengths[i]) {
			struct ws_client_frame frame = ws_client_await_frame(&world.client);

			assert_int_equal(frame.first, 0x80 | OP_BINARY);
			assert_memory_equal(frame.data, data + got, frame.length);
			got += frame.length;
		}
		assert_int_equal(got, lengths[i]);
		free(data);
	}
	evbuffer_free(source);
}

/* What is kept of many little messages takes no more memory than they are long, or nearly. */
static void test_little_is_kept_in_little(void **state)
{
	enum { LENGTH = 56, COUNT = 1000 };
	struct evbuffer *source = evbuffer_new(), *keep = evbuffer_new();
	uint8_t said[LENGTH];

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		struct ws_client_frame frame;

		memset(said, (int)i, sizeof(said));
		evbuffer_add(source, said, sizeof(said));
		assert_int_equal(ws_send_binary(world.ws, source, keep, MOST), LENGTH);
		assert_int_equal(evbuffer_get_length(source), 0);
		frame = ws_client_await_frame(&world.client);
		assert_int_equal(frame.length, LENGTH);
		assert_memory_equal(frame.data, said, LENGTH);
	}
	assert_int_equal(evbuffer_get_length(keep), LENGTH * COUNT);
	/* In pieces. */
	assert_in_range(evbuffer_peek(keep, LENGTH * COUNT, NULL, NULL, 0), 1, COUNT / 10);
	assert_memory_equal(evbuffer_pullup(keep, -1) + (COUNT - 1) * LENGTH, said, LENGTH);
	evbuffer_free(source);
	evbuffer_free(keep);
}

/* A client that does not read gets a bounded amount; writable() says when it goes on, and nothing
 * is lost or out of order. */
static void test_slow_client(void **state)
{
	enum { BYTES = 4 * 1024 * 1024 };
	struct evbuffer *source = evbuffer_new();
	uint8_t *data = malloc(BYTES);
	size_t got = 0, moved;

	(void)state;
	world_fill(source, BYTES, 1000);
	evbuffer_copyout(source, data, BYTES);
	moved = ws_send_binary(world.ws, source, NULL, MOST);
	assert_true(moved < BYTES);
	assert_int_equal(ws_send_binary(world.ws, source, NULL, MOST), 0);
	assert_in_range(ws_unsent(world.ws), 1, 2 * WS_UNSENT_BYTES_MAX + 1000);
	test_run_for_ms(world.base, 50);
	assert_int_equal(world.writable, 0);
	while (got < BYTES) {
		struct ws_client_frame frame = ws_client_await_frame(&world.client);
		unsigned before = world.writable;

		if (frame.opcode == OP_PING)
			continue;
		assert_true(frame.length <= 2 * WS_UNSENT_BYTES_MAX);
		assert_memory_equal(frame.data, data + got, frame.length);
		got += frame.length;
		if (world.writable != 0 && before == world.writable) {
			world.writable = 0;
			ws_send_binary(world.ws, source, NULL, MOST);
		}
	}
	assert_int_equal(evbuffer_get_length(source), 0);
	evbuffer_free(source);
	free(data);
}

/* Pings whose pongs are not read must not fill our memory. */
static void test_flood_of_pings(void **state)
{
	uint8_t frame[140], data[125] = {0};
	size_t length = ws_client_put_frame(frame, 0x80 | OP_PING, data, sizeof(data));
	int64_t end = test_now_ms() + 200;

	(void)state;
	while (test_now_ms() < end) {
		for (int i = 0; i < 500; i++)
			if (send(world.client.fd, frame, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
				break;
		test_run_for_ms(world.base, 1);
	}
	assert_in_range(ws_unsent(world.ws), 1, 5 * WS_UNSENT_BYTES_MAX);
}

/* --- pausing ---------------------------------------------------------------------------------- */

static void test_pause(void **state)
{
	uint8_t data[1000] = {0};
	unsigned during;

	(void)state;
	ws_pause(world.ws, true);
	for (unsigned i = 0; i < 50; i++) {
		uint8_t frame[1100];

		send(world.client.fd, frame, ws_client_put_frame(frame, 0x82, data, sizeof(data)),
		    MSG_DONTWAIT);
	}
	/* Longer than a dead browser would be borne with: nothing can be said about a paused one.
	 */
	test_run_for_ms(world.base, 3 * PING_MS);
	during = world.messages;
	assert_int_equal(during, 0);
	assert_int_equal(world.lost, 0);
	ws_pause(world.ws, false);
	world_await_messages(50);
	assert_int_equal(world.messages, 50);
}

/* What came with the handshake waits, too, and goes on without anything new at the socket. */
static void test_pause_in_early_bytes(void **state)
{
	uint8_t early[8100], data[4000] = {0};
	size_t length = ws_client_put_frame(early, 0x82, data, sizeof(data));

	(void)state;
	length += ws_client_put_frame(early + length, 0x82, data, sizeof(data));
	world_tear_down(NULL);
	world_create("", early, length);
	world.pause = true;
	world_await_messages(1);
	test_run_for_ms(world.base, 50);
	assert_int_equal(world.messages, 1);
	ws_pause(world.ws, false);
	world_await_messages(2);
}

static void test_destroy_in_message(void **state)
{
	uint8_t frames[64];
	size_t length = ws_client_put_frame(frames, 0x80 | OP_TEXT, "one", 3);

	(void)state;
	length += ws_client_put_frame(frames + length, 0x80 | OP_TEXT, "two", 3);
	world.destroy = true;
	ws_client_send(&world.client, frames, length);
	ws_client_await_end(&world.client);
	assert_int_equal(world.messages, 1);
	assert_int_equal(world.lost + world.closed, 0);
}

static void test_answer_in_message(void **state)
{
	(void)state;
	world.echo = true;
	ws_client_send_frame(&world.client, 0x80 | OP_TEXT, "echo", 4);
	assert_string_equal((const char *)ws_client_await_frame(&world.client).data, "echo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_messages_of_all_lengths),
	    WORLD_TEST(test_early_bytes),
	    WORLD_TEST(test_text_out),
	    WORLD_TEST(test_binary_out_of_all_lengths),
	    WORLD_TEST(test_little_is_kept_in_little),
	    WORLD_TEST(test_slow_client),
	    WORLD_TEST(test_flood_of_pings),
	    WORLD_TEST(test_pause),
	    WORLD_TEST(test_pause_in_early_bytes),
	    WORLD_TEST(test_destroy_in_message),
	    WORLD_TEST(test_answer_in_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
