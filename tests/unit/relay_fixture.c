/* SPDX-License-Identifier: ISC */
#include "relay_fixture.h"

#include <stdarg.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "fake_tunnel.h"

struct event_base *base;
struct relay *relay;
struct relay_settings settings;
struct ssh *ssh;
struct ws_client browser;
struct seen seen;

static uint16_t port;

static void on_state(struct relay *from, enum stream_state state, enum error_code reason, void *arg)
{
	assert_ptr_equal(arg, &seen);
	assert_true(relay == NULL || from == relay);
	assert_int_equal(relay_get_state(from), state);
	assert_int_not_equal(state, seen.state);
	seen.states++;
	seen.state = state;
	seen.reason = reason;
}

static void on_agent_ended(struct relay *from, void *arg)
{
	(void)from;
	(void)arg;
	seen.agent_ended++;
}

void on_done(enum error_code error, const char *detail, void *arg)
{
	(void)detail;
	assert_ptr_equal(arg, &seen);
	seen.done++;
	seen.started = error;
	seen.state_at_done = relay_get_state(relay);
}

static void on_tally(struct relay *from, void *arg)
{
	(void)from;
	(void)arg;
	seen.tallies++;
}

static const struct relay_handlers handlers = {
    .state = on_state, .tally = on_tally, .agent_ended = on_agent_ended};

static void create_relay(void)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	settings.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(settings.listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(settings.listener, 256), 0);
	assert_int_equal(getsockname(settings.listener, (struct sockaddr *)&address, &length), 0);
	port = ntohs(address.sin_port);
	relay = relay_create(&settings, &handlers, &seen);
	assert_non_null(relay);
}

int relay_set_up(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	base = event_base_new();
	ssh = fake_tunnel_init(base);
	settings = (struct relay_settings){
	    .base = base,
	    .login = LOGIN,
	    .origin = ORIGIN,
	    .raw_allowed = true,
	    .attach_deadline_ms = 60000,
	    .buffer_bytes = BUFFER,
	    .delay_bytes = DELAY,
	    .ping_ms = 60000,
	    .rouse_ms = 60000,
	};
	EVP_Digest(COOKIE, strlen(COOKIE), settings.cookie_hash, NULL, EVP_sha256(), NULL);
	browser.fd = -1;
	create_relay();
	return 0;
}

void renew_relay(void)
{
	relay_destroy(relay);
	relay = NULL;
	create_relay();
}

int relay_tear_down(void **state)
{
	(void)state;
	relay_destroy(relay);
	relay = NULL;
	assert_int_equal(fake.open_now, 0);
	if (browser.fd >= 0)
		ws_client_finish(&browser);
	fake_tunnel_finish();
	event_base_free(base);
	return 0;
}

static bool is_done(void *arg)
{
	(void)arg;
	return seen.done != 0;
}

void await_done(void)
{
	test_run_until(base, is_done, NULL, "start");
}

static bool is_state(void *arg)
{
	return seen.state == *(const enum stream_state *)arg;
}

void await_state(enum stream_state state)
{
	test_run_until(base, is_state, &state, "state");
}

static bool has_agent_ended(void *arg)
{
	(void)arg;
	return seen.agent_ended != 0;
}

void await_agent_ended(void)
{
	test_run_until(base, has_agent_ended, NULL, "agent's end");
}

static bool agent_has(void *arg)
{
	return evbuffer_get_length(fake.received) >= *(const size_t *)arg;
}

void assert_agent_gets(const void *data, size_t length)
{
	test_run_until(base, agent_has, &length, "bytes for the agent");
	assert_memory_equal(evbuffer_pullup(fake.received, (ssize_t)length), data, length);
	evbuffer_drain(fake.received, length);
}

void assert_agent_is_left(void)
{
	static const uint8_t goodbye[41] = {15};

	assert_agent_gets(goodbye, sizeof(goodbye));
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

void start(void)
{
	relay_start(relay, ssh, 30001, KDRIVE, 1024, 768, 2000, on_done, &seen);
	await_done();
	assert_int_equal(seen.started, ERROR_NONE);
	evbuffer_drain(fake.received, OPENING);
}

void connect_browser(struct ws_client *client)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ws_client_init(client, base, fd);
}

int request(struct ws_client *client, const char *text)
{
	connect_browser(client);
	ws_client_send(client, text, strlen(text));
	return ws_client_await_status(client);
}

int request_v1(struct ws_client *client, const char *query)
{
	char text[1024];

	snprintf(text, sizeof(text), REQUEST("%s", ORIGIN, COOKIE, "x2goweb.v1"), query);
	return request(client, text);
}

const char *make_hello(const char *stream, uint64_t down, const char *view)
{
	static char query[128];
	static unsigned pages;

	snprintf(query, sizeof(query), "?hello.1.%s.%" PRIu64 ".page%u.1.%s", stream, down, ++pages,
	    view);
	return query;
}

void take_head(struct ws_client *client)
{
	uint8_t *end = memmem(client->input, client->input_length, "\r\n\r\n", 4);

	assert_non_null(end);
	ws_client_take(client, (size_t)(end - client->input) + 4);
}

void attach(struct ws_client *client)
{
	assert_int_equal(request_v1(client, make_hello("-", 0, "shown")), 101);
	assert_non_null(memmem(client->input, client->input_length,
	    "\r\nSec-WebSocket-Accept: " WS_CLIENT_ACCEPT "\r\n",
	    strlen("\r\nSec-WebSocket-Accept: " WS_CLIENT_ACCEPT "\r\n")));
	take_head(client);
	assert_memory_equal(ws_client_await_frame(client).data, "hello 1 ", 8);
	await_state(STREAM_STATE_ATTACHED);
}

void attach_raw(struct ws_client *client)
{
	assert_int_equal(request(client, REQUEST("", ORIGIN, COOKIE, "binary")), 101);
	take_head(client);
}

void say(struct ws_client *client, const char *text)
{
	ws_client_send_frame(client, 0x81, text, strlen(text));
}

void lose(struct ws_client *client)
{
	ws_client_finish(client);
	client->fd = -1;
	await_state(STREAM_STATE_WAITING);
}

struct greeting greet_by(struct ws_client *client, const char *query)
{
	struct greeting greeting;

	assert_int_equal(request_v1(client, query), 101);
	take_head(client);
	assert_int_equal(sscanf((char *)ws_client_await_frame(client).data,
			     "hello 1 %16s %" SCNu64 " %" SCNu64 " %7s", greeting.stream,
			     &greeting.down, &greeting.up, greeting.how),
	    4);
	await_state(STREAM_STATE_ATTACHED);
	return greeting;
}

struct greeting greet(struct ws_client *client, const char *stream, uint64_t down)
{
	return greet_by(client, make_hello(stream, down, "shown"));
}

void assert_browser_gets(struct ws_client *client, const uint8_t *data, size_t length)
{
	size_t got = 0;

	while (got < length) {
		struct ws_client_frame frame = ws_client_await_frame(client);

		assert_int_equal(frame.opcode, OP_BINARY);
		assert_true(frame.length <= length - got);
		assert_memory_equal(frame.data, data + got, frame.length);
		got += frame.length;
	}
}

void assert_bye(struct ws_client *client, const char *word, unsigned close_code)
{
	struct ws_client_frame frame = ws_client_await_frame(client);

	assert_int_equal(frame.opcode, OP_TEXT);
	if (strncmp((const char *)frame.data, "bye ", 4) != 0 ||
	    strncmp((const char *)frame.data + 4, word, strlen(word)) != 0 ||
	    frame.data[4 + strlen(word)] != ' ' || frame.data[4 + strlen(word) + 1] == '\0')
		fail_msg("not a bye %s: %s", word, (const char *)frame.data);
	assert_int_equal(ws_client_await_close(client), close_code);
	ws_client_send_frame(client, 0x80 | OP_CLOSE, "\x03\xe8", 2);
	ws_client_await_end(client);
}

void assert_ended(enum error_code reason)
{
	await_state(STREAM_STATE_NONE);
	assert_int_equal(seen.reason, reason);
	assert_int_equal(fake.open_now, 0);
}

uint8_t *make_bytes(size_t length)
{
	uint8_t *data = malloc(length);

	assert_non_null(data);
	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i * 31 + i / 253);
	return data;
}

uint8_t *make_cursor(size_t length)
{
	uint8_t *data = make_bytes(length);
	size_t bytes = length - 56;

	memset(data, 0, 56);
	data[0] = 2;
	for (unsigned i = 0; i < 4; i++)
		data[24 + i] = (uint8_t)(bytes >> 8 * i);
	return data;
}

void put_message(uint8_t *out, uint8_t type)
{
	memset(out, 0, 56);
	out[0] = type;
}

void put_frame(uint8_t *frame, bool whole)
{
	put_message(frame, 0);
	frame[24] = !whole;
	memset(frame + 12, whole ? 0xff : 0, 8);
}

void say_frame(bool whole, size_t count)
{
	uint8_t frame[56];

	put_frame(frame, whole);
	for (size_t i = 0; i < count; i++)
		fake_tunnel_say(frame, sizeof(frame));
}

void show_something(struct ws_client *client)
{
	uint8_t *data = make_cursor(56);

	fake_tunnel_say(data, 56);
	assert_browser_gets(client, data, 56);
	free(data);
}
