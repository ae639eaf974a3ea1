/* SPDX-License-Identifier: ISC */
#include "ws_client.h"

#include <stdarg.h>
#include <setjmp.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

int64_t test_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* One turn of the loop: waits for events, but not for long. */
static void run_once(struct event_base *base)
{
	struct timeval tick = {0, 2000};

	event_base_once(base, -1, EV_TIMEOUT, on_tick, NULL, &tick);
	event_base_loop(base, EVLOOP_ONCE);
}

void test_run_until(struct event_base *base, bool (*done)(void *arg), void *arg, const char *what)
{
	int64_t deadline = test_now_ms() + WS_CLIENT_PATIENCE_MS;

	while (!done(arg)) {
		if (test_now_ms() > deadline)
			fail_msg("waited in vain: %s", what);
		run_once(base);
	}
}

void test_run_for_ms(struct event_base *base, unsigned ms)
{
	int64_t end = test_now_ms() + ms;

	while (test_now_ms() < end)
		run_once(base);
}

void ws_client_init(struct ws_client *client, struct event_base *base, int fd)
{
	*client = (struct ws_client){.base = base, .fd = fd};
}

void ws_client_finish(struct ws_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	free(client->input);
	client->input = NULL;
	client->input_length = client->input_capacity = 0;
}

size_t ws_client_poll(struct ws_client *client)
{
	ssize_t received;

	while (!client->ended) {
		if (client->input_capacity - client->input_length < 65536) {
			client->input_capacity = 2 * client->input_capacity + 131072;
			client->input = realloc(client->input, client->input_capacity);
			assert_non_null(client->input);
		}
		received = recv(client->fd, client->input + client->input_length,
		    client->input_capacity - client->input_length, MSG_DONTWAIT);
		if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (received <= 0)
			client->ended = true;
		else
			client->input_length += (size_t)received;
	}
	return client->input_length;
}

void ws_client_send(struct ws_client *client, const void *data, size_t length)
{
	int64_t deadline = test_now_ms() + WS_CLIENT_PATIENCE_MS;
	size_t sent = 0;

	while (sent < length) {
		ssize_t result = send(client->fd, (const uint8_t *)data + sent, length - sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (result > 0)
			sent += (size_t)result;
		else if (errno != EAGAIN && errno != EWOULDBLOCK)
			return; /* refused: what the server said before is to be looked at */
		if (test_now_ms() > deadline)
			fail_msg("the server does not read");
		run_once(client->base);
	}
}

size_t ws_client_put_frame(uint8_t *out, unsigned first, const void *data, size_t length)
{
	size_t header = length < 126 ? 2 : length < 65536 ? 4 : 10;

	out[0] = (uint8_t)first;
	out[1] = (uint8_t)(0x80 | (length < 126 ? length : length < 65536 ? 126 : 127));
	for (size_t i = 2; i < header; i++)
		out[i] = (uint8_t)((uint64_t)length >> 8 * (header - 1 - i));
	memcpy(out + header, mask, sizeof(mask));
	for (size_t i = 0; i < length; i++)
		out[header + 4 + i] = ((const uint8_t *)data)[i] ^ mask[i % 4];
	return header + 4 + length;
}

void ws_client_send_frame(struct ws_client *client, unsigned first, const void *data, size_t length)
{
	uint8_t *frame = malloc(length + 14);

	assert_non_null(frame);
	ws_client_send(client, frame, ws_client_put_frame(frame, first, data, length));
	free(frame);
}

void ws_client_await(struct ws_client *client, size_t length)
{
	int64_t deadline = test_now_ms() + WS_CLIENT_PATIENCE_MS;

	while (ws_client_poll(client) < length && !client->ended) {
		if (test_now_ms() > deadline)
			fail_msg(
			    "the server is silent: %zu of %zu bytes", client->input_length, length);
		run_once(client->base);
	}
}

void ws_client_await_end(struct ws_client *client)
{
	int64_t deadline = test_now_ms() + WS_CLIENT_PATIENCE_MS;

	while (!client->ended) {
		ws_client_poll(client);
		client->input_length = 0;
		if (test_now_ms() > deadline)
			fail_msg("the server does not close");
		run_once(client->base);
	}
}

void ws_client_take(struct ws_client *client, size_t length)
{
	assert_true(length <= client->input_length);
	client->input_length -= length;
	memmove(client->input, client->input + length, client->input_length);
}

int ws_client_await_status(struct ws_client *client)
{
	size_t length = 12;

	ws_client_await(client, length);
	while (client->input_length >= length &&
	       memmem(client->input, client->input_length, "\r\n\r\n", 4) == NULL && !client->ended)
		ws_client_await(client, client->input_length + 1);
	if (client->input_length < length || memcmp(client->input, "HTTP/1.1 ", 9) != 0)
		fail_msg("no HTTP response");
	return atoi((const char *)client->input + 9);
}

struct ws_client_frame ws_client_await_frame(struct ws_client *client)
{
	static uint8_t *data;
	struct ws_client_frame frame;
	size_t header = 2, length;

	ws_client_await(client, 2);
	if (client->input_length < 2)
		fail_msg("the connection ended without a frame");
	assert_int_equal(client->input[1] & 0x80, 0);
	length = client->input[1];
	if (length >= 126) {
		header = length == 126 ? 4 : 10;
		ws_client_await(client, header);
		length = 0;
		for (size_t i = 2; i < header; i++)
			length = length << 8 | client->input[i];
	}
	ws_client_await(client, header + length);
	if (client->input_length < header + length)
		fail_msg("the connection ended within a frame");
	frame.first = client->input[0];
	frame.opcode = frame.first & 15;
	frame.length = length;
	free(data);
	data = frame.data = malloc(length + 1);
	assert_non_null(data);
	memcpy(data, client->input + header, length);
	data[length] = '\0';
	ws_client_take(client, header + length);
	return frame;
}

unsigned ws_client_await_close(struct ws_client *client)
{
	struct ws_client_frame frame;

	do
		frame = ws_client_await_frame(client);
	while (frame.opcode != OP_CLOSE);
	return frame.length >= 2 ? (unsigned)frame.data[0] << 8 | frame.data[1] : 0;
}
