/* SPDX-License-Identifier: ISC */
/* links: proto tests/unit/ws_client.c tests/unit/fake_tunnel.c tests/unit/relay_fixture.c */
/* links: brokerd/session/relay.c brokerd/session/relay_browser.c brokerd/session/relay_agent.c */
/* links: brokerd/session/relay_door.c brokerd/session/relay_words.c brokerd/session/relay_flow.c */
/* links: brokerd/session/relay_pace.c brokerd/session/relay_rouse.c */
/* links: brokerd/session/relay_thin.c */
/* links: brokerd/session/backlog.c brokerd/session/damage.c brokerd/session/kdrive_frames.c */
/* links: brokerd/session/kdrive_events.c brokerd/session/ws.c brokerd/session/ws_in.c */
/* links: brokerd/session/ws_out.c brokerd/session/ws_listener.c */
/* links: brokerd/session/ws_handshake.c */
/*
 * brokerd/session/relay: what passes from browser to agent and back, by both subprotocols.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "brokerd/session/ws.h"
#include "fake_tunnel.h"
#include "relay_fixture.h"

/* --- browser to agent
 * ----------------------------------------------------------------------------- */

static void put_event(uint8_t *event, uint8_t type, uint8_t mark)
{
	memset(event, 0, 41);
	event[0] = type;
	event[40] = mark;
}

static void test_events(void **state)
{
	uint8_t events[6 * 41];
	unsigned writes;

	(void)state;
	start();
	attach(&browser);
	put_event(events, 6, 1);
	put_event(events + 41, 4, 2);
	put_event(events + 82, 5, 3);
	writes = fake.writes;
	ws_client_send_frame(&browser, 0x82, events, 123);
	assert_agent_gets(events, 123);
	/* A resize is CACHEREBUILD and GEOMETRY in one. */
	assert_int_equal(fake.writes, writes + 1);

	put_event(events, 6, 1);
	put_event(events + 41, 10, 2);	/* CLIENTVERSION */
	put_event(events + 82, 17, 3);	/* OPENUDP */
	put_event(events + 123, 7, 4);	/* GEOMETRY of 0x0 */
	put_event(events + 164, 12, 5); /* KEEPALIVE */
	put_event(events + 205, 99, 6);
	ws_client_send_frame(&browser, 0x82, events, sizeof(events));
	assert_agent_gets(events, 41);
	assert_agent_gets(events + 164, 41);
	ws_client_send_frame(&browser, 0x81, "ack 0 0", 7);
	ws_client_send_frame(&browser, 0x81, "\x01\x02 no word at all", 17);
	ws_client_send_frame(&browser, 0x82, "", 0);
	ws_client_send_frame(&browser, 0x82, events, 41);
	assert_agent_gets(events, 41);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	assert_int_equal(relay_get_counters(relay).from_browser_bytes, 123 + 246 + 41);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
}

/* Writes a selection of size bytes; returns the bytes of event and blocks. */
static size_t put_selection(uint8_t *out, uint32_t size)
{
	size_t length = size <= 21 ? 41 : 41 + (size - 21 + 40) / 41 * 41;

	memset(out, 's', length);
	memset(out, 0, 20);
	out[0] = 9;
	memcpy(out + 4, &size, 4);
	out[8] = out[9] = out[10] = out[11] = 1;
	memcpy(out + 16, &size, 4);
	return length;
}

static void test_selection(void **state)
{
	uint8_t *data = malloc(200000);
	size_t length = put_selection(data, 65536);

	(void)state;
	start();
	attach(&browser);
	put_event(data + length, 12, 0);
	ws_client_send_frame(&browser, 0x82, data, length + 41);
	assert_agent_gets(data, length + 41);
	free(data);
}

/* What is not whole never reaches the agent, so that nothing is left open in there. */
static void test_selection_cut_short(void **state)
{
	uint8_t data[41 * 10];
	size_t length = put_selection(data + 41, 300);

	(void)state;
	start();
	attach(&browser);
	put_event(data, 6, 1);
	ws_client_send_frame(&browser, 0x82, data, length);
	assert_bye(&browser, "bad_request", WS_CLOSE_CODE_PROTOCOL_ERROR);
	assert_agent_gets(data, 41);
	assert_agent_is_left();
	assert_ended(ERROR_BAD_REQUEST);
}

/* An image of 32 MiB in 512 chunks, keys between them. */
static void test_selection_in_chunks(void **state)
{
	enum { CHUNK = 65536, COUNT = 512 };
	uint8_t *data = malloc(2 * CHUNK);
	const uint32_t total = CHUNK * COUNT;

	(void)state;
	start();
	attach(&browser);
	for (int i = 0; i < COUNT; i++) {
		size_t length = put_selection(data, CHUNK);

		data[10] = i == 0;
		data[11] = i == COUNT - 1;
		memcpy(data + 16, &total, 4);
		ws_client_send_frame(&browser, 0x82, data, length);
		put_event(data + length, 2, (uint8_t)i);
		ws_client_send_frame(&browser, 0x82, data + length, 41);
		assert_agent_gets(data, length + 41);
	}
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	free(data);
}

/* A chunk of which the browser has sent a part only: the agent gets none of it. */
static void test_browser_vanishes_in_a_chunk(void **state)
{
	uint8_t *data = malloc(200000), *frame = malloc(200000);
	size_t length = put_selection(data, 65536), framed;

	(void)state;
	for (int between = 0; between < 2; between++) {
		seen.done = 0;
		start();
		attach(&browser);
		show_something(&browser);
		data[11] = 0; /* more is to come */
		data[18] = 2;
		if (between) {
			ws_client_send_frame(&browser, 0x82, data, length);
			assert_agent_gets(data, length);
		} else {
			framed = ws_client_put_frame(frame, 0x82, data, length);
			ws_client_send(&browser, frame, framed / 2);
		}
		ws_client_finish(&browser);
		assert_agent_is_left();
		assert_ended(ERROR_SUSPENDED);
	}
	free(frame);
	free(data);
}

static void test_malformed_events(void **state)
{
	uint8_t data[82];

	(void)state;
	for (int i = 0; i < 3; i++) {
		size_t length = 82;

		if (i != 0) {
			ws_client_finish(&browser);
			seen.done = 0;
		}
		start();
		attach(&browser);
		put_event(data, 6, 1);
		put_event(data + 41, 6, 1);
		if (i == 0) {
			length = 81;
		} else if (i == 1) {
			put_selection(data + 41, 10);
			data[41 + 16] = 9; /* total */
		} else {
			put_selection(data + 41, 10);
			data[41 + 10] = 0; /* first */
		}
		ws_client_send_frame(&browser, 0x82, data, length);
		assert_bye(&browser, "bad_request", WS_CLOSE_CODE_PROTOCOL_ERROR);
		assert_agent_gets(data, 41);
		assert_agent_is_left();
		assert_ended(ERROR_BAD_REQUEST);
	}
}

/* A server that does not take what the browser sends: the browser is not read any more. */
static void test_slow_server(void **state)
{
	enum { MESSAGE = 41 * 1000, COUNT = 400 };
	uint8_t *data = make_bytes(MESSAGE), *frame = malloc(MESSAGE + 14);
	size_t length, sent = 0, total;

	(void)state;
	for (size_t i = 0; i < MESSAGE; i += 41)
		put_event(data + i, 6, (uint8_t)(i / 41));
	start();
	attach(&browser);
	fake.window_closed = true;
	length = ws_client_put_frame(frame, 0x82, data, MESSAGE);
	total = length * COUNT;
	for (int64_t end = test_now_ms() + 300; test_now_ms() < end;) {
		ssize_t result = send(browser.fd, frame + sent % length, length - sent % length,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (result > 0)
			sent += (size_t)result;
		test_run_for_ms(base, 1);
		assert_true(sent < total);
	}
	assert_in_range(relay_get_counters(relay).from_browser_bytes, 1, 1024 * 1024);
	fake_tunnel_open_window();
	if (sent % length != 0)
		ws_client_send(&browser, frame + sent % length, length - sent % length);
	for (size_t i = 0; i < (sent + length - 1) / length; i++)
		assert_agent_gets(data, MESSAGE);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	free(data);
	free(frame);
}

/* Events that keep their distance wait here, and no more of them than of others. */
static void test_keys_faster_than_their_distance(void **state)
{
	enum { COUNT = 200 };
	uint8_t frames[COUNT * 64], event[41];
	size_t length = 0, sent = 0;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		put_event(event, 2, 0);
		event[4] = (uint8_t)(i % 2); /* the mask */
		length += ws_client_put_frame(frames + length, 0x82, event, sizeof(event));
	}
	start();
	attach(&browser);
	for (int64_t end = test_now_ms() + 1500; test_now_ms() < end; test_run_for_ms(base, 1)) {
		ssize_t result;

		do {
			result = send(browser.fd, frames + sent % length, length - sent % length,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
			sent += result > 0 ? (size_t)result : 0;
		} while (result > 0);
		assert_true(relay_get_counters(relay).from_browser_bytes -
				evbuffer_get_length(fake.received) <=
			    256 * 1024 + 16 * 1024);
	}
	assert_true(relay_get_counters(relay).from_browser_bytes > 256 * 1024);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
}

/* --- agent to browser
 * ----------------------------------------------------------------------------- */

/* Many megabytes at the speed of the slower side, which is within the bound. */
static void test_throughput(void **state)
{
	enum { PIECE = 100000, PIECES = 200 };
	uint8_t *data = make_cursor(PIECE);
	char text[64];

	(void)state;
	start();
	attach(&browser);
	for (int i = 0; i < PIECES; i++) {
		fake_tunnel_say(data, PIECE);
		assert_browser_gets(&browser, data, PIECE);
		snprintf(text, sizeof(text), "ack %d %d", (i + 1) * PIECE, (i + 1) * PIECE);
		ws_client_send_frame(&browser, 0x81, text, strlen(text));
	}
	assert_int_equal(relay_get_counters(relay).to_browser_bytes, (uint64_t)PIECE * PIECES);
	free(data);
}

/* A browser that takes nothing: the agent is read all the same, and what it says is left out. */
static void test_lagging_browser(void **state)
{
	static const uint8_t rebuild[41] = {13};
	uint8_t *data = make_cursor(65536);

	(void)state;
	start();
	attach(&browser);
	for (int i = 0; i < 100; i++) {
		fake_tunnel_say(data, 65536);
		test_run_for_ms(base, 1);
	}
	assert_agent_gets(rebuild, sizeof(rebuild));
	assert_int_equal(evbuffer_get_length(fake.to_read), 0);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
	/* Not acknowledged, so no more than at first was sent. */
	assert_in_range(relay_get_counters(relay).to_browser_bytes, 1, 256 * 1024);
	free(data);
}

/* Upstream's client knows no REINIT: it is dropped as before. */
static void test_lagging_raw_browser(void **state)
{
	uint8_t *data = make_cursor(65536);
	unsigned said = 0;

	(void)state;
	start();
	attach_raw(&browser);
	ws_client_send_frame(&browser, 0x82, KDRIVE, 32);
	await_state(STREAM_STATE_ATTACHED);
	while (seen.state == STREAM_STATE_ATTACHED) {
		fake_tunnel_say(data, 65536);
		said++;
		test_run_for_ms(base, 1);
		/* Whatever the kernel takes, and our bound. */
		assert_true(said < 2000);
	}
	assert_ended(ERROR_LAGGING);
	assert_agent_is_left();
	free(data);
}

/* --- the raw subprotocol
 * -------------------------------------------------------------------------- */

/* Upstream's client: the cookie, then events, cut into messages anywhere. */
static void test_raw(void **state)
{
	static const uint8_t rebuild[41] = {13};
	uint8_t said[32 + 41 * 20];
	uint8_t *data = make_cursor(5000);
	size_t length = 32;

	(void)state;
	memcpy(said, KDRIVE, 32);
	put_event(said + length, 7, 1); /* GEOMETRY, 640x480 */
	memcpy(said + length + 4, "\x80\x02\xe0\x01", 4);
	length += 41;
	put_event(said + length, 10, 2); /* CLIENTVERSION */
	length += 41;
	length += put_selection(said + length, 300);
	put_event(said + length, 12, 4);
	length += 41;

	start();
	fake_tunnel_say(data, 5000);
	attach_raw(&browser);
	for (size_t i = 0; i < length; i++) {
		if (i == 31) {
			/* Not a byte before the cookie is complete. */
			test_run_for_ms(base, 30);
			assert_int_equal(ws_client_poll(&browser), 0);
		}
		ws_client_send_frame(&browser, 0x82, said + i, 1);
	}
	/* The relay has sent the cookie and the version itself; a size goes in the safe form. */
	assert_agent_gets(rebuild, 41);
	assert_agent_gets(said + 32, 41);
	assert_agent_gets(said + 32 + 82, length - 32 - 82);
	assert_browser_gets(&browser, data, 5000);

	/* In one message, too, without a word of ours at the end. */
	relay_stop(relay, ERROR_SUSPENDED, NULL);
	assert_int_equal(ws_client_await_frame(&browser).opcode, OP_CLOSE);
	assert_ended(ERROR_SUSPENDED);
	assert_agent_is_left();
	ws_client_finish(&browser);
	seen.done = 0;
	start();
	attach_raw(&browser);
	ws_client_send_frame(&browser, 0x82, said, length);
	assert_agent_gets(rebuild, 41);
	assert_agent_gets(said + 32, 41);
	assert_agent_gets(said + 32 + 82, length - 32 - 82);
	free(data);
}

static void assert_pong(const char *ping, const char *pong)
{
	struct ws_client_frame frame;

	ws_client_send_frame(&browser, 0x81, ping, strlen(ping));
	/* What has been taken may be told before. */
	do {
		frame = ws_client_await_frame(&browser);
		assert_int_equal(frame.opcode, OP_TEXT);
	} while (strncmp((char *)frame.data, "ack ", 4) == 0);
	assert_string_equal((char *)frame.data, pong);
}

/* A ping is answered after what was sent before it has been taken; other words are not. */
static void test_ping(void **state)
{
	static const char *const others[] = {
	    "pong 1", "PING 1", "pings 1", "", " ", "hide-and-seek"};
	uint8_t event[41];

	(void)state;
	start();
	attach(&browser);
	put_event(event, 12, 4);
	ws_client_send_frame(&browser, 0x82, event, sizeof(event));
	assert_pong("ping x7", "pong x7");
	assert_agent_gets(event, sizeof(event));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ws_client_send_frame(&browser, 0x81, others[i], strlen(others[i]));
	assert_pong("ping 0123456789abcXYZ", "pong 0123456789abcXYZ");
}

static void assert_pongs(size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_string_equal(
		    (char *)ws_client_await_frame(&browser).data, "pong 0123456789abcdef");
}

/* Pings whose answers are not read: the browser is not read any more either. */
static void test_flood_of_pings(void **state)
{
	uint8_t frame[40];
	size_t length = ws_client_put_frame(frame, 0x81, "ping 0123456789abcdef", 21), sent = 0;

	(void)state;
	start();
	attach(&browser);
	for (int64_t end = test_now_ms() + 300; test_now_ms() < end; test_run_for_ms(base, 1)) {
		for (int i = 0; i < 2000; i++) {
			ssize_t result = send(browser.fd, frame + sent % length,
			    length - sent % length, MSG_DONTWAIT | MSG_NOSIGNAL);

			sent += result > 0 ? (size_t)result : 0;
		}
	}
	assert_true(sent > 1000 * length);
	/* Nothing is lost, and the desktop is not. */
	assert_pongs(sent / length);
	ws_client_send(&browser, frame + sent % length, length - sent % length);
	assert_pongs(1);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
}

static void test_raw_text(void **state)
{
	(void)state;
	start();
	attach_raw(&browser);
	ws_client_send_frame(&browser, 0x82, KDRIVE, 32);
	show_something(&browser);
	ws_client_send_frame(&browser, 0x81, "hello", 5);
	assert_int_equal(ws_client_await_close(&browser), WS_CLOSE_CODE_UNSUPPORTED);
	assert_ended(ERROR_BAD_REQUEST);
}

/* Who does not show the cookie does not keep the stream for ever. */
static void test_raw_silence(void **state)
{
	(void)state;
	settings.attach_deadline_ms = 200;
	renew_relay();
	start();
	attach_raw(&browser);
	ws_client_send_frame(&browser, 0x82, KDRIVE, 31);
	assert_ended(ERROR_TIMEOUT);
}

/* Half a cookie does not keep out who comes with a hello. */
static void test_raw_gives_way(void **state)
{
	struct ws_client raw;
	int64_t begin = test_now_ms();

	(void)state;
	start();
	attach_raw(&raw);
	ws_client_send_frame(&raw, 0x82, KDRIVE, 31);
	test_run_for_ms(base, 20);
	attach(&browser);
	assert_int_equal(ws_client_await_close(&raw), WS_CLOSE_CODE_SEE_BYE);
	assert_in_range(test_now_ms() - begin, 0, 5000); /* not at the end of its time */
	ws_client_finish(&raw);
	show_something(&browser);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

static void test_raw_wrong_cookie(void **state)
{
	uint8_t *data = make_cursor(60);

	(void)state;
	start();
	fake_tunnel_say(data, 60);
	attach_raw(&browser);
	ws_client_send_frame(&browser, 0x82, "00112233445566778899aabbccddeefe", 32);
	assert_int_equal(ws_client_await_close(&browser), WS_CLOSE_CODE_POLICY);
	ws_client_finish(&browser);
	/* The right one still gets everything. */
	attach(&browser);
	assert_browser_gets(&browser, data, 60);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RELAY_TEST(test_events),
	    RELAY_TEST(test_selection),
	    RELAY_TEST(test_selection_cut_short),
	    RELAY_TEST(test_selection_in_chunks),
	    RELAY_TEST(test_browser_vanishes_in_a_chunk),
	    RELAY_TEST(test_malformed_events),
	    RELAY_TEST(test_slow_server),
	    RELAY_TEST(test_keys_faster_than_their_distance),
	    RELAY_TEST(test_throughput),
	    RELAY_TEST(test_lagging_browser),
	    RELAY_TEST(test_lagging_raw_browser),
	    RELAY_TEST(test_raw),
	    RELAY_TEST(test_ping),
	    RELAY_TEST(test_flood_of_pings),
	    RELAY_TEST(test_raw_text),
	    RELAY_TEST(test_raw_silence),
	    RELAY_TEST(test_raw_gives_way),
	    RELAY_TEST(test_raw_wrong_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
