/* SPDX-License-Identifier: ISC */
#include "ws_world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

struct ws_world world;

static void on_message(struct ws *from, bool text, const uint8_t *data, size_t length, void *arg)
{
	assert_ptr_equal(from, world.ws);
	assert_ptr_equal(arg, &world);
	world.messages++;
	world.text = text;
	free(world.data);
	world.data = malloc(length + 1);
	if (length != 0)
		memcpy(world.data, data, length);
	world.data[length] = '\0';
	world.length = length;
	if (world.echo)
		ws_send_text(world.ws, (const char *)world.data);
	if (world.pause)
		ws_pause(world.ws, true);
	if (world.destroy) {
		ws_destroy(world.ws);
		world.ws = NULL;
	}
}

static void on_writable(struct ws *from, void *arg)
{
	(void)from;
	(void)arg;
	world.writable++;
}

static void on_lost(struct ws *from, unsigned code, void *arg)
{
	(void)from;
	(void)arg;
	world.lost++;
	world.code = code;
}

static void on_closed(struct ws *from, void *arg)
{
	(void)arg;
	world.closed++;
	ws_destroy(from);
	world.ws = NULL;
}

static const struct ws_handlers handlers = {
    .message = on_message, .writable = on_writable, .lost = on_lost, .closed = on_closed};

void world_create(const char *greeting, const void *early, size_t early_length)
{
	int pair[2];

	memset(&world, 0, sizeof(world));
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	world.base = event_base_new();
	ws_client_init(&world.client, world.base, pair[1]);
	world.ws = ws_create(world.base, pair[0], greeting, strlen(greeting), early, early_length,
	    PING_MS, &handlers, &world);
	assert_non_null(world.ws);
}

int world_set_up(void **state)
{
	(void)state;
	world_create("", "", 0);
	return 0;
}

int world_tear_down(void **state)
{
	(void)state;
	ws_destroy(world.ws);
	world.ws = NULL;
	ws_client_finish(&world.client);
	event_base_free(world.base);
	free(world.data);
	world.data = NULL;
	return 0;
}

static bool has_message(void *arg)
{
	return world.messages >= *(const unsigned *)arg;
}

void world_await_messages(unsigned count)
{
	test_run_until(world.base, has_message, &count, "message");
}

static bool is_lost(void *arg)
{
	(void)arg;
	return world.lost != 0;
}

static bool is_closed(void *arg)
{
	(void)arg;
	return world.closed != 0;
}

void world_await_lost(const char *what)
{
	test_run_until(world.base, is_lost, NULL, what);
}

void world_await_closed(const char *what)
{
	test_run_until(world.base, is_closed, NULL, what);
}

void world_create_anew(void)
{
	world_tear_down(NULL);
	world_create("", "", 0);
}

void world_assert_message(bool text, const void *data, size_t length)
{
	assert_int_equal(world.text, text);
	assert_int_equal(world.length, length);
	assert_memory_equal(world.data, data, length);
}

void world_fill(struct evbuffer *buffer, size_t length, size_t piece)
{
	uint8_t *data = malloc(length);

	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i * 31 + i / 253);
	for (size_t at = 0; at < length; at += piece)
		evbuffer_add(buffer, data + at, piece < length - at ? piece : length - at);
	free(data);
}
