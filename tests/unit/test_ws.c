/* links: proto brokerd/session/ws.c brokerd/session/ws_in.c brokerd/session/ws_out.c */
/* links: tests/unit/ws_client.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws against a client that keeps RFC 6455, and one that breaks every rule of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/session/ws.h"
#include "ws_client.h"

#define PING_MS 300

static struct event_base *base;
static struct ws *ws;
static struct ws_client client;

static struct {
	unsigned messages, writable, lost, closed;
	unsigned code;
	bool text;
	uint8_t *data;
	size_t length;
	bool echo, destroy, pause;
} seen;

static void on_message(struct ws *from, bool text, const uint8_t *data, size_t length, void *arg)
{
	assert_ptr_equal(from, ws);
	assert_ptr_equal(arg, &seen);
	seen.messages++;
	seen.text = text;
	free(seen.data);
	seen.data = malloc(length + 1);
	if (length != 0)
		memcpy(seen.data, data, length);
	seen.data[length] = '\0';
	seen.length = length;
	if (seen.echo)
		ws_send_text(ws, (const char *)seen.data);
	if (seen.pause)
		ws_pause(ws, true);
	if (seen.destroy) {
		ws_destroy(ws);
		ws = NULL;
	}
}

static void on_writable(struct ws *from, void *arg)
{
	(void)from;
	(void)arg;
	seen.writable++;
}

static void on_lost(struct ws *from, unsigned code, void *arg)
{
	(void)from;
	(void)arg;
	seen.lost++;
	seen.code = code;
}

static void on_closed(struct ws *from, void *arg)
{
	(void)arg;
	seen.closed++;
	ws_destroy(from);
	ws = NULL;
}

static const struct ws_handlers handlers = {on_message, on_writable, on_lost, on_closed};

static void create(const char *greeting, const void *early, size_t early_length)
{
	int pair[2];

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	base = event_base_new();
	ws_client_init(&client, base, pair[1]);
	ws = ws_create(base, pair[0], greeting, strlen(greeting), early, early_length, PING_MS,
	    &handlers, &seen);
	assert_non_null(ws);
}

static int set_up(void **state)
{
	(void)state;
	create("", "", 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ws_destroy(ws);
	ws = NULL;
	ws_client_finish(&client);
	event_base_free(base);
	free(seen.data);
	seen.data = NULL;
	return 0;
}

static bool has_message(void *arg)
{
	return seen.messages >= *(const unsigned *)arg;
}

static void await_messages(unsigned count)
{
	test_run_until(base, has_message, &count, "message");
}

static bool is_lost(void *arg)
{
	(void)arg;
	return seen.lost != 0;
}

static bool is_closed(void *arg)
{
	(void)arg;
	return seen.closed != 0;
}

static void assert_message(bool text, const void *data, size_t length)
{
	assert_int_equal(seen.text, text);
	assert_int_equal(seen.length, length);
	assert_memory_equal(seen.data, data, length);
}

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
		ws_client_send_frame(&client, 0x80 | OP_BINARY, data, lengths[i]);
		await_messages(i + 1);
		assert_message(false, data, lengths[i]);
	}
	free(data);
}

static void test_byte_by_byte(void **state)
{
	uint8_t frames[400], data[150];
	size_t length;

	(void)state;
	memset(data, 'a', sizeof(data));
	length = ws_client_put_frame(frames, OP_BINARY, data, 130);
	length += ws_client_put_frame(frames + length, 0x80 | OP_PING, "ping", 4);
	length += ws_client_put_frame(frames + length, 0x80 | OP_CONTINUATION, data + 130, 20);
	for (size_t i = 0; i < length; i++) {
		assert_int_equal(seen.messages, 0);
		ws_client_send(&client, frames + i, 1);
	}
	await_messages(1);
	assert_message(false, data, 150);
	assert_int_equal(ws_client_await_frame(&client).opcode, OP_PONG);
}

static void test_early_bytes(void **state)
{
	uint8_t early[64];
	size_t length = ws_client_put_frame(early, 0x80 | OP_TEXT, "first", 5);

	(void)state;
	length += ws_client_put_frame(early + length, 0x80 | OP_TEXT, "second", 6);
	tear_down(NULL);
	/* The second frame's rest comes by the socket. */
	create("greeting", early, length - 3);
	await_messages(1);
	assert_message(true, "first", 5);
	ws_client_send(&client, early + length - 3, 3);
	await_messages(2);
	assert_message(true, "second", 6);
	ws_client_await(&client, 8);
	assert_memory_equal(client.input, "greeting", 8);
}

static void test_fragments(void **state)
{
	(void)state;
	ws_client_send_frame(&client, OP_TEXT, "One, ", 5);
	ws_client_send_frame(&client, 0x80 | OP_PING, "x", 1);
	ws_client_send_frame(&client, OP_CONTINUATION, "", 0);
	ws_client_send_frame(&client, OP_CONTINUATION, "t\xc3", 2); /* a character cut in two */
	ws_client_send_frame(&client, 0x80 | OP_PONG, "", 0);
	ws_client_send_frame(&client, 0x80 | OP_CONTINUATION, "\xbcr.", 3);
	await_messages(1);
	assert_message(true, "One, t\xc3\xbcr.", 10);
	assert_int_equal(ws_client_await_frame(&client).data[0], 'x');
	/* As many fragments as there are bytes. */
	for (size_t i = 0; i < 5000; i++)
		ws_client_send_frame(&client, i == 0 ? OP_BINARY : OP_CONTINUATION, "y", 1);
	ws_client_send_frame(&client, 0x80 | OP_CONTINUATION, "z", 1);
	await_messages(2);
	assert_int_equal(seen.length, 5001);
	assert_int_equal(seen.data[5000], 'z');
}

static void test_ping_is_answered(void **state)
{
	struct ws_client_frame frame;
	uint8_t data[125];

	(void)state;
	memset(data, 'p', sizeof(data));
	ws_client_send_frame(&client, 0x80 | OP_PING, data, sizeof(data));
	frame = ws_client_await_frame(&client);
	assert_int_equal(frame.first, 0x80 | OP_PONG);
	assert_int_equal(frame.length, sizeof(data));
	assert_memory_equal(frame.data, data, sizeof(data));
}

/* --- rules that a client may break ------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned code;
	const char *bytes;
	size_t length;
} faults[] = {
#define FAULT(name, code, bytes)                                                                   \
	{                                                                                          \
		name, code, bytes, sizeof(bytes) - 1                                               \
	}
    FAULT("not masked", 1002, "\x82\x01x"),
    FAULT("reserved bit 1", 1002, "\xc2\x81\0\0\0\0x"),
    FAULT("reserved bit 2", 1002, "\xa2\x81\0\0\0\0x"),
    FAULT("reserved bit 3", 1002, "\x92\x81\0\0\0\0x"),
    FAULT("opcode 3", 1002, "\x83\x81\0\0\0\0x"),
    FAULT("opcode 7", 1002, "\x87\x81\0\0\0\0x"),
    FAULT("opcode 11", 1002, "\x8b\x81\0\0\0\0x"),
    FAULT("opcode 15", 1002, "\x8f\x81\0\0\0\0x"),
    FAULT("continuation of nothing", 1002, "\x80\x81\0\0\0\0x"),
    FAULT("new message within a message", 1002, "\x02\x81\0\0\0\0x\x82\x81\0\0\0\0x"),
    FAULT("fragmented ping", 0, "\x09\x81\0\0\0\0x"),
    FAULT("ping of 126 bytes", 0, "\x89\xfe\x00\x7e\0\0\0\0"),
    FAULT("long form of a short length", 0, "\x82\xfe\x00\x05\0\0\0\0xxxxx"),
    FAULT("longest form of a short length", 0, "\x82\xff\0\0\0\0\0\0\0\x05\0\0\0\0xxxxx"),
    FAULT("length with its top bit", 0, "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),
    FAULT("length of 2^62", 1009, "\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0x"),
    FAULT("one byte more than may be", 1009, "\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0x"),
    FAULT("one byte more in two fragments", 1009,
	"\x02\x81\0\0\0\0x\x80\xff\0\0\0\0\0\x10\0\0\0\0\0\0x"),
    FAULT("text too large", 1009, "\x81\xfe\x10\x01\0\0\0\0x"),
    FAULT("text too large in two fragments", 1009, "\x01\x81\0\0\0\0x\x80\xfe\x10\x00\0\0\0\0x"),
    FAULT("text that is not UTF-8", 1007, "\x81\x82\0\0\0\0\xc3("),
    FAULT("text with a surrogate", 1007, "\x81\x83\0\0\0\0\xed\xa0\x80"),
    FAULT("text that ends within a character", 1007, "\x81\x81\0\0\0\0\xc3"),
    FAULT("close code 999", 1002, "\x88\x82\0\0\0\0\x03\xe7"),
    FAULT("close code 1005", 1002, "\x88\x82\0\0\0\0\x03\xed"),
    FAULT("close code 5000", 1002, "\x88\x82\0\0\0\0\x13\x88"),
#undef FAULT
};

/* Each ends the connection with its code; 0: with a close frame that names none, since wslay has
 * lost track of the frames. No message gets through. */
static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		unsigned code;

		tear_down(NULL);
		create("", "", 0);
		ws_client_send(&client, faults[i].bytes, faults[i].length);
		code = ws_client_await_close(&client);
		if (code != faults[i].code)
			fail_msg("%s: close code %u", faults[i].name, code);
		ws_client_await_end(&client);
		test_run_until(base, is_lost, NULL, faults[i].name);
		assert_int_equal(seen.code, faults[i].code != 0 ? faults[i].code : 1002);
		assert_int_equal(seen.messages, 0);
		/* Our end stays open for a moment, so that the goodbye is not lost. */
		ws_client_finish(&client);
		test_run_until(base, is_closed, NULL, faults[i].name);
		assert_int_equal(seen.lost, 1);
	}
}

/* --- messages out ----------------------------------------------------------------------------- */

static void test_text_out(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	ws_send_text(ws, "hello 1");
	frame = ws_client_await_frame(&client);
	assert_int_equal(frame.first, 0x80 | OP_TEXT);
	assert_string_equal((const char *)frame.data, "hello 1");
}

static void fill(struct evbuffer *buffer, size_t length, size_t piece)
{
	uint8_t *data = malloc(length);

	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i * 31 + i / 253);
	for (size_t at = 0; at < length; at += piece)
		evbuffer_add(buffer, data + at, piece < length - at ? piece : length - at);
	free(data);
}

static void test_binary_out_of_all_lengths(void **state)
{
	static const size_t lengths[] = {1, 125, 126, 65535, 65536, 65537};
	struct evbuffer *source = evbuffer_new();

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t *data = malloc(lengths[i]);
		size_t got = 0;

		fill(source, lengths[i], lengths[i]);
		evbuffer_copyout(source, data, lengths[i]);
		assert_int_equal(ws_send_binary(ws, source, true), lengths[i]);
		assert_int_equal(evbuffer_get_length(source), 0);
		while (got < lengths[i]) {
			struct ws_client_frame frame = ws_client_await_frame(&client);

			assert_int_equal(frame.first, 0x80 | OP_BINARY);
			assert_memory_equal(frame.data, data + got, frame.length);
			got += frame.length;
		}
		assert_int_equal(got, lengths[i]);
		free(data);
	}
	evbuffer_free(source);
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
	fill(source, BYTES, 1000);
	evbuffer_copyout(source, data, BYTES);
	moved = ws_send_binary(ws, source, false);
	assert_true(moved < BYTES);
	assert_int_equal(ws_send_binary(ws, source, false), 0);
	assert_in_range(ws_unsent(ws), 1, 2 * WS_UNSENT_BYTES_MAX + 1000);
	test_run_for_ms(base, 50);
	assert_int_equal(seen.writable, 0);
	while (got < BYTES) {
		struct ws_client_frame frame = ws_client_await_frame(&client);
		unsigned before = seen.writable;

		if (frame.opcode == OP_PING)
			continue;
		assert_true(frame.length <= 2 * WS_UNSENT_BYTES_MAX);
		assert_memory_equal(frame.data, data + got, frame.length);
		got += frame.length;
		if (seen.writable != 0 && before == seen.writable) {
			seen.writable = 0;
			ws_send_binary(ws, source, false);
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
			if (send(client.fd, frame, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
				break;
		test_run_for_ms(base, 1);
	}
	assert_in_range(ws_unsent(ws), 1, 5 * WS_UNSENT_BYTES_MAX);
}

/* --- pausing ---------------------------------------------------------------------------------- */

static void test_pause(void **state)
{
	uint8_t data[1000] = {0};
	unsigned during;

	(void)state;
	ws_pause(ws, true);
	for (unsigned i = 0; i < 50; i++) {
		uint8_t frame[1100];

		send(client.fd, frame, ws_client_put_frame(frame, 0x82, data, sizeof(data)),
		    MSG_DONTWAIT);
	}
	/* Longer than a dead browser would be borne with: nothing can be said about a paused one.
	 */
	test_run_for_ms(base, 3 * PING_MS);
	during = seen.messages;
	assert_int_equal(during, 0);
	assert_int_equal(seen.lost, 0);
	ws_pause(ws, false);
	await_messages(50);
	assert_int_equal(seen.messages, 50);
}

/* What came with the handshake waits, too, and goes on without anything new at the socket. */
static void test_pause_in_early_bytes(void **state)
{
	uint8_t early[8100], data[4000] = {0};
	size_t length = ws_client_put_frame(early, 0x82, data, sizeof(data));

	(void)state;
	length += ws_client_put_frame(early + length, 0x82, data, sizeof(data));
	tear_down(NULL);
	create("", early, length);
	seen.pause = true;
	await_messages(1);
	test_run_for_ms(base, 50);
	assert_int_equal(seen.messages, 1);
	ws_pause(ws, false);
	await_messages(2);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void test_client_closes(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	ws_client_send_frame(&client, 0x80 | OP_CLOSE,
	    "\x03\xe9"
	    "bye",
	    5);
	frame = ws_client_await_frame(&client);
	assert_int_equal(frame.opcode, OP_CLOSE);
	assert_memory_equal(frame.data, "\x03\xe9", 2);
	ws_client_await_end(&client);
	assert_int_equal(seen.lost, 1);
	assert_int_equal(seen.code, 1001);
	ws_client_finish(&client);
	test_run_until(base, is_closed, NULL, "closed");
}

static void test_client_closes_without_code(void **state)
{
	(void)state;
	ws_client_send_frame(&client, 0x80 | OP_CLOSE, "", 0);
	assert_int_equal(ws_client_await_close(&client), 0);
	assert_int_equal(seen.code, 1005);
}

static void test_client_vanishes(void **state)
{
	(void)state;
	ws_client_finish(&client);
	test_run_until(base, is_closed, NULL, "closed");
	assert_int_equal(seen.lost, 1);
	assert_int_equal(seen.code, WS_CLOSE_CODE_ABNORMAL);
}

static void test_client_vanishes_while_sent_to(void **state)
{
	struct evbuffer *source = evbuffer_new();

	(void)state;
	fill(source, 1024 * 1024, 65536);
	ws_client_finish(&client);
	ws_send_binary(ws, source, false);
	/* Not told from inside the call. */
	assert_int_equal(seen.lost, 0);
	test_run_until(base, is_closed, NULL, "closed");
	assert_int_equal(seen.lost, 1);
	evbuffer_free(source);
}

static void test_we_close(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	ws_send_text(ws, "bye logout");
	ws_close(ws, WS_CLOSE_CODE_SEE_BYE, "logout");
	/* Too late. */
	ws_send_text(ws, "late");
	frame = ws_client_await_frame(&client);
	assert_string_equal((const char *)frame.data, "bye logout");
	frame = ws_client_await_frame(&client);
	assert_int_equal(frame.opcode, OP_CLOSE);
	assert_int_equal(frame.length, 2 + 6);
	assert_memory_equal(frame.data, "\x0f\xa0logout", 8);
	/* What the client said before it read that is of no interest. */
	ws_client_send_frame(&client, 0x80 | OP_TEXT, "x", 1);
	ws_client_send_frame(&client, 0x80 | OP_CLOSE, "\x0f\xa0", 2);
	ws_client_await_end(&client);
	ws_client_finish(&client);
	test_run_until(base, is_closed, NULL, "closed");
	assert_int_equal(seen.messages, 0);
	assert_int_equal(seen.lost, 0);
}

/* The client neither answers the goodbye nor closes. */
static void test_we_close_a_stubborn_client(void **state)
{
	int64_t start = test_now_ms();

	(void)state;
	ws_close(ws, WS_CLOSE_CODE_NORMAL, "");
	test_run_until(base, is_closed, NULL, "closed");
	assert_in_range(test_now_ms() - start, WS_CLOSE_MS - 100, WS_CLOSE_MS + 1500);
	assert_int_equal(seen.lost, 0);
}

static void test_dead_client(void **state)
{
	int64_t start = test_now_ms();
	struct ws_client_frame frame;

	(void)state;
	/* Answers are signs of life, and so is anything else. */
	for (int i = 0; i < 3; i++) {
		frame = ws_client_await_frame(&client);
		assert_int_equal(frame.opcode, OP_PING);
		if (i % 2 == 0)
			ws_client_send_frame(&client, 0x80 | OP_PONG, "", 0);
		else
			ws_client_send_frame(&client, 0x80 | OP_TEXT, "x", 1);
	}
	assert_int_equal(seen.lost, 0);
	test_run_until(base, is_lost, NULL, "lost");
	assert_int_equal(seen.code, WS_CLOSE_CODE_ABNORMAL);
	assert_in_range(test_now_ms() - start, 4 * PING_MS - 50, 8 * PING_MS);
}

static void test_destroy_in_message(void **state)
{
	uint8_t frames[64];
	size_t length = ws_client_put_frame(frames, 0x80 | OP_TEXT, "one", 3);

	(void)state;
	length += ws_client_put_frame(frames + length, 0x80 | OP_TEXT, "two", 3);
	seen.destroy = true;
	ws_client_send(&client, frames, length);
	ws_client_await_end(&client);
	assert_int_equal(seen.messages, 1);
	assert_int_equal(seen.lost + seen.closed, 0);
}

static void test_answer_in_message(void **state)
{
	(void)state;
	seen.echo = true;
	ws_client_send_frame(&client, 0x80 | OP_TEXT, "echo", 4);
	assert_string_equal((const char *)ws_client_await_frame(&client).data, "echo");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_messages_of_all_lengths),
	    TEST(test_byte_by_byte),
	    TEST(test_early_bytes),
	    TEST(test_fragments),
	    TEST(test_ping_is_answered),
	    TEST(test_faults),
	    TEST(test_text_out),
	    TEST(test_binary_out_of_all_lengths),
	    TEST(test_slow_client),
	    TEST(test_flood_of_pings),
	    TEST(test_pause),
	    TEST(test_pause_in_early_bytes),
	    TEST(test_client_closes),
	    TEST(test_client_closes_without_code),
	    TEST(test_client_vanishes),
	    TEST(test_client_vanishes_while_sent_to),
	    TEST(test_we_close),
	    TEST(test_we_close_a_stubborn_client),
	    TEST(test_dead_client),
	    TEST(test_destroy_in_message),
	    TEST(test_answer_in_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
