/* SPDX-License-Identifier: ISC */
/*
 * The far side of tunnels for one test program: a TCP server that echoes, sends a pattern, or
 * swallows, in the test's own event loop.
 */
#ifndef TESTS_FAR_END_H
#define TESTS_FAR_END_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event_loop.h"

#define MEGABYTE (1024 * 1024)

enum far_mode { FAR_ECHO, FAR_SOURCE, FAR_SINK };
static struct {
	enum far_mode mode;
	struct bufferevent *stream;
	size_t to_send, received; /* bytes */
	bool connected, over;
} far;
static struct evconnlistener *far_listener;
static int far_fd; /* it listens, from the first test to the last */
static uint16_t far_port;

/* A pattern that shows losses, repeats and swaps: prime period. */
static uint8_t pattern(size_t at)
{
	return (uint8_t)(at % 251);
}

static void send_more(void)
{
	static uint8_t chunk[65536];
	static size_t at;

	if (far.received == 0 && far.to_send != 0 && far.mode == FAR_SOURCE) {
		far.received = 1; /* begun */
		at = 0;
	}
	while (far.to_send != 0 &&
	       evbuffer_get_length(bufferevent_get_output(far.stream)) < MEGABYTE) {
		size_t length = far.to_send < sizeof(chunk) ? far.to_send : sizeof(chunk);

		for (size_t i = 0; i < length; i++)
			chunk[i] = pattern(at++);
		bufferevent_write(far.stream, chunk, length);
		far.to_send -= length;
	}
}

static void on_far_read(struct bufferevent *stream, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(stream);

	(void)arg;
	if (far.mode == FAR_ECHO) {
		bufferevent_write_buffer(stream, input);
		return;
	}
	far.received += evbuffer_get_length(input);
	evbuffer_drain(input, evbuffer_get_length(input));
}

static void on_far_written(struct bufferevent *stream, void *arg)
{
	(void)arg;
	if (far.mode != FAR_SOURCE)
		return;
	send_more();
	if (far.to_send == 0 && evbuffer_get_length(bufferevent_get_output(stream)) == 0) {
		bufferevent_free(stream);
		far.stream = NULL;
	}
}

static void on_far_event(struct bufferevent *stream, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(stream);
	far.stream = NULL;
	far.over = true;
}

static void on_far_accept(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *address,
    int length, void *arg)
{
	(void)from;
	(void)address;
	(void)length;
	(void)arg;
	far.connected = true;
	far.stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(far.stream, on_far_read, on_far_written, on_far_event, NULL);
	bufferevent_setwatermark(far.stream, EV_WRITE, MEGABYTE / 2, 0);
	if (far.mode == FAR_SINK)
		return; /* reads when it is told to */
	bufferevent_enable(far.stream, EV_READ | EV_WRITE);
	if (far.mode == FAR_SOURCE) {
		bufferevent_setwatermark(far.stream, EV_WRITE, 0, 0);
		send_more();
	}
}

/* For each test. */
static inline int set_up_far_end(void **state)
{
	if (set_up_loop(state) != 0)
		return -1;
	far_listener = evconnlistener_new(base, on_far_accept, NULL, 0, 8, far_fd);
	return far_listener != NULL ? 0 : -1;
}

static inline int tear_down_far_end(void **state)
{
	evconnlistener_free(far_listener);
	return tear_down_loop(state);
}

#endif
