/* links: proto brokerd/session/ws.c brokerd/session/ws_in.c brokerd/session/ws_out.c */
/* links: tests/unit/ws_client.c tests/unit/ws_world.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws: every way in which a WebSocket ends.
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

/* --- the end ---------------------------------------------------------------------------------- */

static void test_client_closes(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	ws_client_send_frame(&world.client, 0x80 | OP_CLOSE,
	    "\x03\xe9"
	    "bye",
	    5);
	frame = ws_client_await_frame(&world.client);
	assert_int_equal(frame.opcode, OP_CLOSE);
	assert_memory_equal(frame.data, "\x03\xe9", 2);
	ws_client_await_end(&world.client);
	assert_int_equal(world.lost, 1);
	assert_int_equal(world.code, 1001);
	ws_client_finish(&world.client);
	world_await_closed("closed");
}

static void test_client_closes_without_code(void **state)
{
	(void)state;
	ws_client_send_frame(&world.client, 0x80 | OP_CLOSE, "", 0);
	assert_int_equal(ws_client_await_close(&world.client), 0);
	assert_int_equal(world.code, 1005);
}

static void test_client_vanishes(void **state)
{
	(void)state;
	ws_client_finish(&world.client);
	world_await_closed("closed");
	assert_int_equal(world.lost, 1);
	assert_int_equal(world.code, WS_CLOSE_CODE_ABNORMAL);
}

static void test_client_vanishes_while_sent_to(void **state)
{
	struct evbuffer *source = evbuffer_new();

	(void)state;
	world_fill(source, 1024 * 1024, 65536);
	ws_client_finish(&world.client);
	ws_send_binary(world.ws, source, NULL, MOST);
	/* Not told from inside the call. */
	assert_int_equal(world.lost, 0);
	world_await_closed("closed");
	assert_int_equal(world.lost, 1);
	evbuffer_free(source);
}

static void test_we_close(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	ws_send_text(world.ws, "bye logout");
	ws_close(world.ws, WS_CLOSE_CODE_SEE_BYE, "logout");
	/* Too late. */
	ws_send_text(world.ws, "late");
	frame = ws_client_await_frame(&world.client);
	assert_string_equal((const char *)frame.data, "bye logout");
	frame = ws_client_await_frame(&world.client);
	assert_int_equal(frame.opcode, OP_CLOSE);
	assert_int_equal(frame.length, 2 + 6);
	assert_memory_equal(frame.data, "\x0f\xa0logout", 8);
	/* What the client said before it read that is of no interest. */
	ws_client_send_frame(&world.client, 0x80 | OP_TEXT, "x", 1);
	ws_client_send_frame(&world.client, 0x80 | OP_CLOSE, "\x0f\xa0", 2);
	ws_client_await_end(&world.client);
	ws_client_finish(&world.client);
	world_await_closed("closed");
	assert_int_equal(world.messages, 0);
	assert_int_equal(world.lost, 0);
}

/* The client neither answers the goodbye nor closes. */
static void test_we_close_a_stubborn_client(void **state)
{
	int64_t start = test_now_ms();

	(void)state;
	ws_close(world.ws, WS_CLOSE_CODE_NORMAL, "");
	world_await_closed("closed");
	assert_in_range(test_now_ms() - start, WS_CLOSE_MS - 100, WS_CLOSE_MS + 1500);
	assert_int_equal(world.lost, 0);
}

static void test_dead_client(void **state)
{
	int64_t start = test_now_ms();
	struct ws_client_frame frame;

	(void)state;
	/* Answers are signs of life, and so is anything else. */
	for (int i = 0; i < 3; i++) {
		frame = ws_client_await_frame(&world.client);
		assert_int_equal(frame.opcode, OP_PING);
		if (i % 2 == 0)
			ws_client_send_frame(&world.client, 0x80 | OP_PONG, "", 0);
		else
			ws_client_send_frame(&world.client, 0x80 | OP_TEXT, "x", 1);
	}
	assert_int_equal(world.lost, 0);
	world_await_lost("lost");
	assert_int_equal(world.code, WS_CLOSE_CODE_ABNORMAL);
	assert_in_range(test_now_ms() - start, 4 * PING_MS - 50, 8 * PING_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_client_closes),
	    WORLD_TEST(test_client_closes_without_code),
	    WORLD_TEST(test_client_vanishes),
	    WORLD_TEST(test_client_vanishes_while_sent_to),
	    WORLD_TEST(test_we_close),
	    WORLD_TEST(test_we_close_a_stubborn_client),
	    WORLD_TEST(test_dead_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
