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
 * brokerd/session/relay: how a stream begins, on the agent's side and on the browser's. Everything
 * behind the relay but SSH is real; browsers come by TCP.
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

#include "brokerd/session/ws.h"
#include "brokerd/session/ws_listener.h"
#include "fake_tunnel.h"
#include "relay_fixture.h"

/* --- the agent's side
 * ----------------------------------------------------------------------------- */

static void test_start(void **state)
{
	static const uint8_t opening[] = KDRIVE "\x0a\0\0\0\x08\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
						"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
						"\x07\0\0\0\0\x04\0\x03\0\0\x04\0\x03\0\0\0\0\0\0\0"
						"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
						"\0";

	(void)state;
	assert_int_equal(sizeof(opening) - 1, OPENING);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_NONE);
	relay_start(relay, ssh, 30001, KDRIVE, 1024, 768, 2000, on_done, &seen);
	await_done();
	assert_int_equal(seen.started, ERROR_NONE);
	assert_int_equal(seen.state_at_done, STREAM_STATE_WAITING);
	assert_int_equal(fake.port, 30001);
	/* In one write: an agent that waits for the rest of the cookie freezes its X server. */
	assert_int_equal(fake.writes, 1);
	assert_int_equal(fake.first_write_bytes, OPENING);
	assert_agent_gets(opening, OPENING);
}

static void test_start_is_tried_again(void **state)
{
	(void)state;
	fake.refusals = 4;
	start();
	assert_int_equal(fake.opened, 5);
	assert_int_equal(fake.open_now, 1);
}

static void assert_start_fails(unsigned deadline_ms, enum error_code error)
{
	relay_start(relay, ssh, 30001, KDRIVE, 1024, 768, deadline_ms, on_done, &seen);
	await_done();
	assert_int_equal(seen.started, error);
	assert_int_equal(seen.states, 0);
	assert_int_equal(fake.open_now, 0);
}

static void test_start_in_vain(void **state)
{
	(void)state;
	fake.refusals = 1000;
	assert_start_fails(500, ERROR_AGENT_LOST);
	/* It backs off: 20, 40, 80, 160, 320 ms. */
	assert_in_range(fake.opened, 4, 7);
}

static void test_start_hangs(void **state)
{
	(void)state;
	fake.hangs = true;
	assert_start_fails(300, ERROR_TIMEOUT);
	/* A second attempt might be the one that the agent accepts and the relay forgets. */
	assert_int_equal(fake.opened, 1);
}

static void test_start_is_denied(void **state)
{
	(void)state;
	fake.refusals = 1;
	fake.refusal = ERROR_FORWARDING_DENIED;
	assert_start_fails(60000, ERROR_FORWARDING_DENIED);
	assert_int_equal(fake.opened, 1);
	/* Another one may be started. */
	seen.done = 0;
	start();
}

static void test_start_is_stopped(void **state)
{
	(void)state;
	fake.hangs = true;
	relay_start(relay, ssh, 30001, KDRIVE, 1024, 768, 60000, on_done, &seen);
	test_run_for_ms(base, 20);
	relay_stop(relay, ERROR_LOGOUT, NULL);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.started, ERROR_LOGOUT);
	assert_int_equal(seen.states, 0);
	assert_int_equal(fake.open_now, 0);
}

static void test_second_start(void **state)
{
	(void)state;
	start();
	relay_start(relay, ssh, 30002, KDRIVE, 1024, 768, 2000, on_done, &seen);
	assert_int_equal(seen.started, ERROR_SESSION_BUSY);
	assert_int_equal(fake.opened, 1);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
}

static void test_keepalive(void **state)
{
	static const uint8_t keepalive[41] = {12}, key[41] = {2};

	(void)state;
	settings.keepalive_ms = 200;
	renew_relay();
	start();
	attach(&browser);
	assert_agent_gets(keepalive, sizeof(keepalive));
	/* Anything else does as well. */
	for (int i = 0; i < 8; i++) {
		ws_client_send_frame(&browser, 0x82, key, sizeof(key));
		assert_agent_gets(key, sizeof(key));
		test_run_for_ms(base, 50);
	}
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	assert_agent_gets(keepalive, sizeof(keepalive));
	/* And nothing is added to what waits already. */
	fake.window_closed = true;
	ws_client_send_frame(&browser, 0x82, key, sizeof(key));
	test_run_for_ms(base, 500);
	fake_tunnel_open_window();
	assert_agent_gets(key, sizeof(key));
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

/* --- attaching
 * ------------------------------------------------------------------------------------ */

static void test_stream_from_its_first_byte(void **state)
{
	uint8_t *data = make_cursor(100000);

	(void)state;
	start();
	fake_tunnel_say(data, 60000);
	test_run_for_ms(base, 30);
	attach(&browser);
	fake_tunnel_say(data + 60000, 40000);
	assert_browser_gets(&browser, data, 100000);
	assert_int_equal(relay_get_counters(relay).to_browser_bytes, 100000);
	free(data);
}

static void test_no_stream_no_browser(void **state)
{
	(void)state;
	assert_int_equal(request_v1(&browser, HELLO), 503);
	ws_client_await_end(&browser);
}

static void test_strangers(void **state)
{
	static const struct {
		const char *text;
		int status;
	} strangers[] = {
	    {REQUEST(HELLO, "https://evil.example.org", COOKIE, "x2goweb.v1"), 403},
	    {REQUEST(HELLO, ORIGIN, "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_y", "x2goweb.v1"),
		403},
	    {REQUEST(HELLO, ORIGIN, COOKIE, "chat"), 400},
	    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426},
	    {"nonsense\r\n\r\n", 400},
	};

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		assert_int_equal(request(&browser, strangers[i].text), strangers[i].status);
		ws_client_await_end(&browser);
		ws_client_finish(&browser);
	}
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
	attach(&browser);
}

static void test_attach_deadline(void **state)
{
	(void)state;
	settings.attach_deadline_ms = 200;
	renew_relay();
	start();
	assert_ended(ERROR_TIMEOUT);
	assert_agent_is_left();
}

static void test_agent_that_says_too_much_before_a_browser(void **state)
{
	/* As one message, or as many: the rest of it is left out, the stream goes on. */
	uint8_t *data = make_cursor(BUFFER + 1000), *small = make_cursor(1000);
	static const uint8_t rebuild[41] = {13};

	(void)state;
	start();
	fake_tunnel_say(data, BUFFER);
	test_run_for_ms(base, 50);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	fake_tunnel_say(data + BUFFER, 1000);
	assert_agent_gets(rebuild, sizeof(rebuild));
	for (int i = 0; i < 2 * BUFFER / 1000; i++)
		fake_tunnel_say(small, 1000);
	assert_agent_gets(rebuild, sizeof(rebuild));
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
	free(data);
	free(small);
}

static void test_lost_before_the_first_byte(void **state)
{
	struct ws_client second;

	(void)state;
	start();
	attach(&browser);
	ws_client_finish(&browser);
	await_state(STREAM_STATE_WAITING);
	attach(&browser);
	/* Taken over by another one, while nothing has been given yet. */
	attach(&second);
	assert_bye(&browser, "replaced", 4000);
	show_something(&second);
	ws_client_finish(&second);
	assert_ended(ERROR_SUSPENDED);
}

/* 200 connections that say nothing, before and after one that is honest. */
static void test_silent_crowd(void **state)
{
	enum { CROWD = 200 };
	static struct ws_client crowd[CROWD];
	const char *text = REQUEST(HELLO, ORIGIN, COOKIE, "x2goweb.v1");
	unsigned open = 0;

	(void)state;
	start();
	for (size_t i = 0; i < CROWD; i++) {
		connect_browser(&crowd[i]);
		if (i == CROWD / 2) {
			connect_browser(&browser);
			ws_client_send(&browser, text, 20);
		}
		if (i % 5 == 0)
			ws_client_send(&crowd[i], "G", 1);
	}
	ws_client_finish(&browser);
	test_run_for_ms(base, 100);
	/* Still nothing is kept for more than a few. */
	for (size_t i = 0; i < CROWD; i++) {
		ws_client_poll(&crowd[i]);
		open += !crowd[i].ended;
	}
	assert_int_equal(open, WS_LISTENER_PENDING_MAX);
	attach(&browser);
	for (size_t i = 0; i < CROWD; i++)
		ws_client_finish(&crowd[i]);
}

static void test_silent_one_is_dropped(void **state)
{
	int64_t begin = test_now_ms();

	(void)state;
	start();
	connect_browser(&browser);
	ws_client_send(&browser, "GET ", 4);
	ws_client_await_end(&browser);
	assert_in_range(
	    test_now_ms() - begin, WS_LISTENER_DEADLINE_MS - 100, WS_LISTENER_DEADLINE_MS + 2000);
}

static void test_handshake_in_pieces(void **state)
{
	/* The first messages follow at once. */
	static const char text[] =
	    REQUEST(HELLO, ORIGIN, COOKIE, "x2goweb.v1") "\x81\x86\x00\x00\x00\x00ping 1"
							 "\x82\x80\x00\x00\x00\x00"
							 "\x82\xa9\x00\x00\x00\x00\x0c";
	static const uint8_t rest[40] = {0}, keepalive[41] = {12};
	const size_t length = sizeof(text) - 1, pieces[] = {1, 7, length};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		start();
		connect_browser(&browser);
		for (size_t at = 0; at < length; at += pieces[i])
			ws_client_send(
			    &browser, text + at, length - at < pieces[i] ? length - at : pieces[i]);
		ws_client_send(&browser, rest, sizeof(rest));
		assert_agent_gets(keepalive, sizeof(keepalive));
		relay_stop(relay, ERROR_LOGOUT, NULL);
		assert_ended(ERROR_LOGOUT);
		assert_agent_is_left();
		ws_client_finish(&browser);
		seen.done = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RELAY_TEST(test_start),
	    RELAY_TEST(test_start_is_tried_again),
	    RELAY_TEST(test_start_in_vain),
	    RELAY_TEST(test_start_hangs),
	    RELAY_TEST(test_start_is_denied),
	    RELAY_TEST(test_start_is_stopped),
	    RELAY_TEST(test_second_start),
	    RELAY_TEST(test_keepalive),
	    RELAY_TEST(test_stream_from_its_first_byte),
	    RELAY_TEST(test_no_stream_no_browser),
	    RELAY_TEST(test_strangers),
	    RELAY_TEST(test_attach_deadline),
	    RELAY_TEST(test_agent_that_says_too_much_before_a_browser),
	    RELAY_TEST(test_lost_before_the_first_byte),
	    RELAY_TEST(test_silent_crowd),
	    RELAY_TEST(test_silent_one_is_dropped),
	    RELAY_TEST(test_handshake_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
