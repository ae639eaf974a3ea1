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
 * brokerd/session/relay: a browser that loses its connection and comes again, one that is slow, one
 * that nobody looks at, and what each is told (docs/stream.md).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/kdrive_frames.h"
#include "brokerd/session/ws.h"
#include "fake_tunnel.h"
#include "relay_fixture.h"

static const uint8_t rebuild[41] = {13};

static void acknowledge(struct ws_client *client, uint64_t down)
{
	char text[64];

	snprintf(text, sizeof(text), "ack %" PRIu64 " %" PRIu64, down, down);
	say(client, text);
}

static int set_up(void **state)
{
	int result = relay_set_up(state);

	settings.grace_ms = 60000;
	renew_relay();
	return result;
}

#define RESUME_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, relay_tear_down)

static void test_every_byte_once(void **state)
{
	uint8_t *data = make_cursor(100000), key[41] = {2};
	struct greeting hello;
	uint64_t got;

	(void)state;
	start();
	hello = greet(&browser, "-", 0);
	assert_string_equal(hello.how, "start");
	assert_int_equal(hello.down + hello.up, 0);
	fake_tunnel_say(data, 100000);
	/* Some of it arrives, some is acknowledged, some is on its way, some has not been sent. */
	got = ws_client_await_frame(&browser).length;
	acknowledge(&browser, got / 2);
	ws_client_send_frame(&browser, 0x82, key, 41);
	assert_agent_gets(key, 41);
	lose(&browser);
	for (unsigned i = 0; i < 3; i++) {
		struct greeting again = greet(&browser, hello.stream, got);

		assert_string_equal(again.how, "resume");
		assert_string_equal(again.stream, hello.stream);
		assert_int_equal(again.down, got);
		assert_int_equal(again.up, 41);
		if (i == 2)
			break;
		if (got < 100000) {
			struct ws_client_frame frame = ws_client_await_frame(&browser);

			assert_memory_equal(frame.data, data + got, frame.length);
			got += frame.length;
		}
		lose(&browser);
	}
	assert_browser_gets(&browser, data + got, 100000 - got);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	free(data);
}

static void test_events_are_told(void **state)
{
	uint8_t keys[82] = {2};

	(void)state;
	start();
	keys[41] = 3;
	greet(&browser, "-", 0);
	ws_client_send_frame(&browser, 0x82, keys, 82);
	assert_string_equal((char *)ws_client_await_frame(&browser).data, "ack 82");
	ws_client_send_frame(&browser, 0x82, keys, 41);
	assert_string_equal((char *)ws_client_await_frame(&browser).data, "ack 123");
}

/* A page's connection is half dead, and it knows before we do. */
static void test_taken_over_by_itself(void **state)
{
	struct ws_client second;
	struct greeting hello;

	(void)state;
	start();
	hello = greet(&browser, "-", 0);
	show_something(&browser);
	assert_string_equal(greet(&second, hello.stream, 56).how, "resume");
	assert_bye(&browser, "replaced", 4000);
	show_something(&second);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	ws_client_finish(&second);
}

static void test_fresh(void **state)
{
	uint8_t *data = make_cursor(1000);
	uint8_t expected[1112], *reinit = expected + 1000;
	struct greeting hello;

	(void)state;
	memcpy(expected, data, 1000);
	put_message(reinit, 7);
	put_frame(expected + 1056, true);
	start();
	hello = greet(&browser, "-", 0);
	fake_tunnel_say(data, 1000);
	assert_browser_gets(&browser, data, 1000);
	acknowledge(&browser, 1000);
	say(&browser, "ping 1");
	ws_client_await_frame(&browser);
	for (unsigned i = 0; i < 2; i++) {
		lose(&browser);
		/* The last one is ours, but what it lacks is acknowledged and gone. */
		hello = greet(&browser, i == 0 ? "-" : hello.stream, i == 0 ? 0 : 999);
		assert_string_equal(hello.how, "fresh");
		assert_agent_gets(rebuild, 41);
		say_frame(false, 3);
		fake_tunnel_say(data, 1000);
		fake_tunnel_say(reinit, 56);
		say_frame(true, 1);
		assert_browser_gets(&browser, expected, sizeof(expected));
		acknowledge(&browser, hello.down + 1112);
		say(&browser, "ping 1");
		ws_client_await_frame(&browser);
	}
	free(data);
}

/* Where one begins afresh nobody goes on, though that be all that was ever sent to him. */
static void test_fresh_for_one_is_fresh_for_all(void **state)
{
	uint8_t *data = make_cursor(1000);
	struct ws_client other;
	struct greeting hello;

	(void)state;
	start();
	hello = greet(&browser, "-", 0);
	/* It has a part of a message, whose rest nobody gets any more. */
	fake_tunnel_say(data, 600);
	assert_browser_gets(&browser, data, 600);
	assert_string_equal(greet(&other, "-", 0).how, "fresh");
	ws_client_finish(&browser);
	assert_string_equal(greet(&browser, hello.stream, 600).how, "fresh");
	ws_client_finish(&other);
	free(data);
}

/* Who has been greeted knows position 0 though nothing was sent: where another one begins nobody
 * goes on, nor takes the other's events for its own. */
static void test_fresh_before_the_first_byte(void **state)
{
	static const uint8_t keys[82] = {2};
	struct greeting hello, again;
	struct ws_client other;

	(void)state;
	start();
	hello = greet(&browser, "-", 0);
	ws_client_send_frame(&browser, 0x82, keys, 41);
	assert_agent_gets(keys, 41);
	again = greet(&other, "-", 0);
	assert_string_equal(again.how, "fresh");
	assert_true(again.down != 0);
	assert_int_equal(again.up, 41);
	ws_client_finish(&browser);
	assert_string_equal(greet(&browser, hello.stream, 0).how, "fresh");
	ws_client_finish(&other);
}

/* A page that has lost the greeting does not know that its keys were taken. */
static void test_the_first_again(void **state)
{
	static const uint8_t key[41] = {2};
	struct greeting again;

	(void)state;
	start();
	assert_string_equal(greet_by(&browser, "?hello.1.-.0.first.1.shown").how, "start");
	ws_client_finish(&browser);
	assert_string_equal(greet_by(&browser, "?hello.1.-.0.first.2.shown").how, "start");
	ws_client_send_frame(&browser, 0x82, key, sizeof(key));
	assert_agent_gets(key, sizeof(key));
	ws_client_finish(&browser);
	again = greet_by(&browser, "?hello.1.-.0.first.3.shown");
	assert_string_equal(again.how, "fresh");
	assert_int_equal(again.up, sizeof(key));
}

static void test_bad_words(void **state)
{
	static const char *const words[] = {"hello", "hello 1 - 0", "hello 1 - 0 page 2 shown",
	    "ack 57 0", "ack 56 57", "ack", "ack 1", "hide 1", "ping", "ping a b"};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		evbuffer_drain(fake.received, evbuffer_get_length(fake.received));
		seen.done = 0;
		start();
		greet(&browser, "-", 0);
		show_something(&browser);
		say(&browser, words[i]);
		assert_bye(&browser, "bad_request", 1002);
		assert_ended(ERROR_BAD_REQUEST);
		ws_client_finish(&browser);
	}
	browser.fd = -1;
}

static void test_hidden(void **state)
{
	uint8_t *data = make_cursor(100), reinit[112];

	(void)state;
	put_message(reinit, 7);
	put_frame(reinit + 56, true);
	start();
	greet(&browser, "-", 0);
	show_something(&browser);
	say(&browser, "hide");
	say(&browser, "ping 1");
	ws_client_await_frame(&browser);
	say_frame(false, 500);
	say_frame(true, 1);
	fake_tunnel_say(data, 100);
	assert_browser_gets(&browser, data, 100);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	say(&browser, "show");
	assert_agent_gets(rebuild, 41);
	say_frame(false, 10);
	fake_tunnel_say(reinit, 56);
	say_frame(true, 1);
	assert_browser_gets(&browser, reinit, sizeof(reinit));
	/* Twice is once. */
	say(&browser, "show");
	say(&browser, "ping 2");
	ws_client_await_frame(&browser);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	free(data);
}

/* A browser has the whole screen. */
static void show_screen(size_t delay_bytes)
{
	settings.delay_bytes = delay_bytes;
	renew_relay();
	start();
	greet(&browser, "-", 0);
	say_frame(true, 1);
}

/* Without a word of what has been painted no more than at first is sent; when the line has shown
 * what it carries, what is too much for it is left out. */
static void test_slow_line(void **state)
{
	size_t said = 0;
	uint64_t sent;

	(void)state;
	show_screen(256 * 1024);
	while (evbuffer_get_length(fake.received) == 0) {
		say_frame(false, 100);
		said += 5600;
		test_run_for_ms(base, 1);
		assert_true(said < 4 * settings.delay_bytes);
	}
	assert_agent_gets(rebuild, 41);
	sent = relay_get_counters(relay).to_browser_bytes;
	assert_in_range(sent, 1, 256 * 1024);
	/* Nothing more until the agent has answered, then again. */
	say_frame(false, 1000);
	test_run_for_ms(base, 20);
	assert_int_equal(relay_get_counters(relay).to_browser_bytes, sent);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
}

/* A large copy on its way: the few pictures behind it do not cost it, many do. */
static void test_pictures_behind_a_selection(void **state)
{
	enum { SELECTION = 200 * 1024 };
	uint8_t *selection = make_bytes(SELECTION);

	(void)state;
	show_screen(64 * 1024);
	put_message(selection, KDRIVE_MESSAGE_SELECTION);
	selection[12] = (uint8_t)((SELECTION - 56) & 0xff);
	selection[13] = (uint8_t)((SELECTION - 56) >> 8 & 0xff);
	selection[14] = (uint8_t)((SELECTION - 56) >> 16);
	fake_tunnel_say(selection, SELECTION);
	say_frame(false, 10);
	test_run_for_ms(base, 300);
	assert_int_equal(evbuffer_get_length(fake.to_read), 0);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	say_frame(false, 64 * 1024 / 56);
	test_run_for_ms(base, 100);
	assert_agent_gets(rebuild, 41);
	free(selection);
}

static bool has_read_some(void *arg)
{
	return evbuffer_get_length(fake.to_read) < *(const size_t *)arg;
}

/* Frames of so many bytes in all, which are more than the browser takes at once. */
static void say_more_than_enough(size_t said)
{
	say_frame(true, 1);
	say_frame(false, said / 56 - 1);
	test_run_until(base, has_read_some, &said, "reading");
	assert_true(evbuffer_get_length(fake.to_read) != 0);
}

/* A browser that has enough for a moment only: the agent waits, and nothing is left out. */
static void test_short_wait(void **state)
{
	const size_t said = 56 + 240 * 1024 / 56 * 56;

	(void)state;
	settings.delay_bytes = 96 * 1024;
	renew_relay();
	start();
	greet(&browser, "-", 0);
	say_more_than_enough(said);
	while (relay_get_counters(relay).to_browser_bytes != said) {
		acknowledge(&browser, relay_get_counters(relay).to_browser_bytes);
		test_run_for_ms(base, 1);
		assert_int_equal(evbuffer_get_length(fake.received), 0);
	}
	assert_int_equal(evbuffer_get_length(fake.to_read), 0);
}

/* An agent is not made to pay for how long the one before has waited. */
static void test_short_wait_of_another(void **state)
{
	const size_t said = 240 * 1024 / 56 * 56;

	(void)state;
	settings.delay_bytes = 96 * 1024;
	renew_relay();
	start();
	greet(&browser, "-", 0);
	say_more_than_enough(said);
	relay_stop(relay, ERROR_SUSPENDED, NULL);
	assert_ended(ERROR_SUSPENDED);
	test_run_for_ms(base, 200);
	ws_client_finish(&browser);
	evbuffer_drain(fake.received, evbuffer_get_length(fake.received));
	seen.done = 0;
	start();
	greet(&browser, "-", 0);
	say_more_than_enough(said);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

#define REBUILD_MS 300

/* The stream's pictures are left out from now on. said: by the agent, before. */
static void ask_for_rebuild(const uint8_t *said, size_t length)
{
	settings.rebuild_ms = REBUILD_MS;
	renew_relay();
	start();
	greet(&browser, "-", 0);
	fake_tunnel_say(said, length);
	assert_browser_gets(&browser, said, length);
	say(&browser, "hide");
	say(&browser, "show");
	assert_agent_gets(rebuild, 41);
}

static void assert_not_asked_again(void)
{
	test_run_for_ms(base, REBUILD_MS + REBUILD_MS / 2);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

static void test_asked_again(void **state)
{
	uint8_t expected[112];

	(void)state;
	put_message(expected, 7);
	put_frame(expected + 56, true);
	ask_for_rebuild(expected, 56);
	say_frame(false, 3);
	assert_agent_gets(rebuild, 41);
	fake_tunnel_say(expected, 56);
	say_frame(true, 1);
	assert_browser_gets(&browser, expected, sizeof(expected));
	assert_not_asked_again();
}

static void say_much_and_read(void)
{
	say_frame(false, 1000);
	test_run_for_ms(base, 2);
	ws_client_take(&browser, ws_client_poll(&browser));
}

/* However fast the line was: what was on its way when it was lost is no more than can be kept. */
static void test_lost_on_a_fast_line(void **state)
{
	struct greeting hello;
	uint64_t acknowledged = 0;

	(void)state;
	start();
	hello = greet(&browser, "-", 0);
	say_frame(true, 1);
	for (unsigned i = 0; i < 50; i++) {
		say_much_and_read();
		acknowledged = relay_get_counters(relay).to_browser_bytes;
		acknowledge(&browser, acknowledged);
	}
	for (unsigned i = 0; i < 50; i++)
		say_much_and_read();
	assert_in_range(
	    relay_get_counters(relay).to_browser_bytes - acknowledged, 1, BUFFER + 128 * 1024);
	lose(&browser);
	assert_string_equal(greet(&browser, hello.stream, acknowledged).how, "resume");
	test_run_for_ms(base, 20);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
}

/* An agent that does not know CACHEREBUILD is not waited for for ever: the browser hears of a new
 * beginning from us. */
static void test_no_answer(void **state)
{
	uint8_t expected[112];

	(void)state;
	put_message(expected, 7);
	put_frame(expected + 56, false);
	ask_for_rebuild(expected, 56);
	say_frame(false, 3);
	for (unsigned i = 0; i < 2; i++)
		assert_agent_gets(rebuild, 41);
	assert_browser_gets(&browser, expected, 56);
	say_frame(false, 1);
	assert_browser_gets(&browser, expected + 56, 56);
	assert_not_asked_again();
}

/* Not between the halves of something else. */
static void test_no_answer_within_a_message(void **state)
{
	uint8_t *expected = make_cursor(1000), reinit[56];

	(void)state;
	put_message(reinit, 7);
	ask_for_rebuild(expected, 600);
	for (unsigned i = 0; i < 2; i++)
		assert_agent_gets(rebuild, 41);
	assert_not_asked_again();
	assert_int_equal(ws_client_poll(&browser), 0);
	fake_tunnel_say(expected + 600, 300);
	assert_browser_gets(&browser, expected + 600, 300);
	fake_tunnel_say(expected + 900, 100);
	memcpy(expected, expected + 900, 100);
	memcpy(expected + 100, reinit, sizeof(reinit));
	assert_browser_gets(&browser, expected, 156);
	free(expected);
}

/* A program pastes, and waits: the agent asks for the browser's selection once. */
static void test_demand_when_memory_is_full(void **state)
{
	uint8_t *data = make_cursor(65536), demand[56];
	struct kdrive_frames frames = {0};
	struct kdrive_span span;
	uint64_t got = 0;
	bool demanded = false;

	(void)state;
	put_message(demand, 6);
	start();
	greet(&browser, "-", 0);
	for (unsigned i = 0; i < 12; i++) {
		if (i == 4)
			fake_tunnel_say(demand, sizeof(demand));
		fake_tunnel_say(data, 65536);
		test_run_for_ms(base, 1);
	}
	/* Much has been left out. */
	assert_agent_gets(rebuild, 41);
	assert_int_equal(relay_get_counters(relay).to_browser_bytes, 128 * 1024);
	while (!demanded) {
		struct ws_client_frame frame = ws_client_await_frame(&browser);

		for (size_t at = 0; at < frame.length; at += span.length) {
			assert_true(
			    kdrive_frames_take(&frames, frame.data + at, frame.length - at, &span));
			demanded |= span.type == KDRIVE_MESSAGE_DEMAND_SELECTION;
		}
		got += frame.length;
		acknowledge(&browser, got);
	}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RESUME_TEST(test_every_byte_once),
	    RESUME_TEST(test_events_are_told),
	    RESUME_TEST(test_taken_over_by_itself),
	    RESUME_TEST(test_fresh),
	    RESUME_TEST(test_fresh_for_one_is_fresh_for_all),
	    RESUME_TEST(test_fresh_before_the_first_byte),
	    RESUME_TEST(test_the_first_again),
	    RESUME_TEST(test_bad_words),
	    RESUME_TEST(test_hidden),
	    RESUME_TEST(test_slow_line),
	    RESUME_TEST(test_pictures_behind_a_selection),
	    RESUME_TEST(test_short_wait),
	    RESUME_TEST(test_short_wait_of_another),
	    RESUME_TEST(test_asked_again),
	    RESUME_TEST(test_lost_on_a_fast_line),
	    RESUME_TEST(test_no_answer),
	    RESUME_TEST(test_no_answer_within_a_message),
	    RESUME_TEST(test_demand_when_memory_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
