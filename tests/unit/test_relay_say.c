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
 * brokerd/session/relay: what the user is told by the admin, and what the admin is told of the
 * stream: round trips, and how often browsers came back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/relay_words.h"
#include "fake_tunnel.h"
#include "relay_fixture.h"

/* The next text message. */
static void assert_told(struct ws_client *client, const char *text)
{
	struct ws_client_frame frame;

	do
		frame = ws_client_await_frame(client);
	while (frame.opcode != OP_TEXT);
	assert_string_equal((const char *)frame.data, text);
}

/* Nothing was told before the answer to this. */
static void assert_told_nothing(struct ws_client *client)
{
	say(client, "ping nothing");
	assert_told(client, "pong nothing");
}

static void test_words(void **state)
{
	char said[TELL_BYTES + 1], words[RELAY_SAY_BYTES(TELL_BYTES)];

	(void)state;
	relay_words_put_say(words, "Gr\xc3\xbc\xc3\x9f"
				   "e, 100% <b>~-._a1</b>\x7f");
	assert_string_equal(words, "say Gr%C3%BC%C3%9Fe%2C%20100%25%20%3Cb%3E~-._a1%3C%2Fb%3E%7F");
	memset(said, ' ', TELL_BYTES);
	said[TELL_BYTES] = 0;
	relay_words_put_say(words, said);
	assert_int_equal(strlen(words), 4 + 3 * TELL_BYTES);
	assert_true(strlen(words) < sizeof(words));
	relay_words_put_say(words, "");
	assert_string_equal(words, "say ");
}

static void test_said_at_once(void **state)
{
	(void)state;
	start();
	attach(&browser);
	assert_int_equal(relay_say(relay, "two words"), RELAY_SAID_NOW);
	assert_told(&browser, "say two%20words");
	/* It is no part of the stream, and does not come again. */
	show_something(&browser);
	assert_told_nothing(&browser);
}

static void test_said_later(void **state)
{
	(void)state;
	settings.grace_ms = 60000;
	renew_relay();
	start();
	/* Before the first browser, too. */
	assert_int_equal(relay_say(relay, "welcome"), RELAY_SAID_LATER);
	attach(&browser);
	assert_told(&browser, "say welcome");
	show_something(&browser);
	lose(&browser);
	await_state(STREAM_STATE_WAITING);
	assert_int_equal(relay_say(relay, "one"), RELAY_SAID_LATER);
	assert_int_equal(relay_say(relay, "two"), RELAY_SAID_LATER);
	greet(&browser, "-", 0);
	assert_told(&browser, "say two");
	assert_told_nothing(&browser);
}

/* It is for the user, whichever stream is next, unless the list of sessions was first. */
static void test_said_without_a_stream(void **state)
{
	char text[TELL_BYTES + 1];

	(void)state;
	assert_int_equal(relay_say(relay, "early"), RELAY_SAID_LATER);
	relay_take_unsaid(relay, text);
	assert_string_equal(text, "early");
	relay_take_unsaid(relay, text);
	assert_string_equal(text, "");
	assert_int_equal(relay_say(relay, "between"), RELAY_SAID_LATER);
	start();
	attach(&browser);
	assert_told(&browser, "say between");
	relay_take_unsaid(relay, text);
	assert_string_equal(text, "");
}

static void test_raw_browsers_know_no_words(void **state)
{
	(void)state;
	settings.raw_allowed = true;
	renew_relay();
	start();
	attach_raw(&browser);
	ws_client_send_frame(&browser, 0x82, KDRIVE, 32);
	await_state(STREAM_STATE_ATTACHED);
	assert_int_equal(relay_say(relay, "text"), RELAY_SAID_NOBODY);
	assert_int_equal(relay_get_counters(relay).resumes, 0);
}

static struct ws_client_frame await_ping(void)
{
	struct ws_client_frame frame;

	do
		frame = ws_client_await_frame(&browser);
	while (frame.opcode != OP_PING);
	return frame;
}

static bool knows_round_trip(void *arg)
{
	(void)arg;
	return relay_get_counters(relay).round_trip_us != 0;
}

static void test_round_trip(void **state)
{
	struct ws_client_frame frame;
	uint8_t token[16];
	size_t length;

	(void)state;
	settings.ping_ms = 200;
	renew_relay();
	start();
	attach(&browser);
	frame = await_ping();
	length = frame.length;
	assert_in_range(length, 1, sizeof(token));
	memcpy(token, frame.data, length);
	/* Those that nobody asked for mean nothing. */
	ws_client_send_frame(&browser, 0x80 | OP_PONG, "other", 5);
	ws_client_send_frame(&browser, 0x80 | OP_PONG, "", 0);
	test_run_for_ms(base, 60);
	assert_int_equal(relay_get_counters(relay).round_trip_us, 0);
	assert_int_equal(seen.tallies, 0);
	ws_client_send_frame(&browser, 0x80 | OP_PONG, token, length);
	test_run_until(base, knows_round_trip, NULL, "round trip");
	assert_in_range(relay_get_counters(relay).round_trip_us, 59000, 2000000);
	assert_int_equal(seen.tallies, 1);
	/* Nor does the same one again; the next one does. */
	ws_client_send_frame(&browser, 0x80 | OP_PONG, token, length);
	frame = await_ping();
	assert_true(frame.length != length || memcmp(frame.data, token, length) != 0);
	assert_int_equal(seen.tallies, 1);
	ws_client_send_frame(&browser, 0x80 | OP_PONG, frame.data, frame.length);
	await_ping();
	assert_int_equal(seen.tallies, 2);
	/* Of another browser it is another one. */
	lose(&browser);
	await_state(STREAM_STATE_WAITING);
	greet(&browser, "-", 0);
	assert_int_equal(relay_get_counters(relay).round_trip_us, 0);
}

static void test_resumes_and_bytes_of_all_streams(void **state)
{
	struct relay_counters counters;
	struct greeting greeting;

	(void)state;
	settings.grace_ms = 60000;
	renew_relay();
	start();
	greeting = greet(&browser, "-", 0);
	assert_int_equal(relay_get_counters(relay).resumes, 0);
	show_something(&browser);
	lose(&browser);
	await_state(STREAM_STATE_WAITING);
	greet(&browser, greeting.stream, 56);
	assert_int_equal(relay_get_counters(relay).resumes, 1);
	relay_stop(relay, ERROR_LOGOUT, NULL);
	assert_ended(ERROR_LOGOUT);
	assert_agent_is_left();
	counters = relay_get_counters(relay);
	assert_int_equal(counters.to_browser_bytes, 56);
	ws_client_finish(&browser);
	seen.done = 0;
	start();
	attach(&browser);
	show_something(&browser);
	counters = relay_get_counters(relay);
	assert_int_equal(counters.to_browser_bytes, 112);
	assert_int_equal(counters.resumes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    RELAY_TEST(test_said_at_once),
	    RELAY_TEST(test_said_later),
	    RELAY_TEST(test_said_without_a_stream),
	    RELAY_TEST(test_raw_browsers_know_no_words),
	    RELAY_TEST(test_round_trip),
	    RELAY_TEST(test_resumes_and_bytes_of_all_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
