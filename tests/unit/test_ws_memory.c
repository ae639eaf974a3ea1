/* links: proto brokerd/session/ws.c brokerd/session/ws_in.c brokerd/session/ws_out.c */
/* links: tests/unit/ws_client.c tests/unit/ws_world.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws when memory is short, at each place where libevent asks for some: the
 * WebSocket is lost, and what is kept to be sent again is whole.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ws_world.h"

#define MOST (SIZE_MAX / 2) /* as much as may be unsent */

/* Requests until one is refused; -1: none is. */
static int until_short = -1;

static bool is_short(void)
{
	return until_short >= 0 && until_short-- == 0;
}

static void *short_malloc(size_t size)
{
	return is_short() ? NULL : malloc(size);
}

static void *short_realloc(void *data, size_t size)
{
	return is_short() ? NULL : realloc(data, size);
}

/* Whether all of it went well. */
static bool send_all(struct evbuffer *source, struct evbuffer *keep, int short_at)
{
	size_t length = evbuffer_get_length(source), moved;
	uint8_t *before = malloc(length), *after = malloc(length);

	evbuffer_copyout(source, before, length);
	until_short = short_at;
	moved = ws_send_binary(world.ws, source, keep, MOST);
	until_short = -1;
	assert_int_equal(evbuffer_get_length(keep), moved);
	assert_int_equal(moved + evbuffer_get_length(source), length);
	evbuffer_copyout(keep, after, moved);
	evbuffer_copyout(source, after + moved, length - moved);
	assert_memory_equal(before, after, length);
	free(before);
	free(after);
	return moved == length;
}

static void assert_client_gets(struct evbuffer *sent)
{
	while (evbuffer_get_length(sent) != 0) {
		struct ws_client_frame frame = ws_client_await_frame(&world.client);

		assert_int_equal(frame.first, 0x80 | OP_BINARY);
		assert_in_range(frame.length, 1, evbuffer_get_length(sent));
		assert_memory_equal(
		    evbuffer_pullup(sent, (ssize_t)frame.length), frame.data, frame.length);
		evbuffer_drain(sent, frame.length);
	}
}

static void send_in_want(size_t length, size_t piece)
{
	bool good = false;
	int short_at;

	for (short_at = 0; !good; short_at++) {
		struct evbuffer *source = evbuffer_new(), *keep = evbuffer_new();

		world_create_anew();
		world_fill(source, length, piece);
		good = send_all(source, keep, short_at);
		if (good) {
			assert_client_gets(keep);
		} else {
			world_await_lost("for want of memory");
			assert_int_equal(world.code, WS_CLOSE_CODE_ABNORMAL);
		}
		evbuffer_free(source);
		evbuffer_free(keep);
	}
	assert_true(short_at > 1);
}

static void test_little(void **state)
{
	(void)state;
	send_in_want(100, 100);
}

static void test_much(void **state)
{
	(void)state;
	send_in_want(60000, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_little),
	    WORLD_TEST(test_much),
	};

	event_set_mem_functions(short_malloc, short_realloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
