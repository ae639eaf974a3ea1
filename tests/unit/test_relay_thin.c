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
 * brokerd/session/relay_thin: a line that is too slow for the agent's pictures gets parts of the
 * screen that are asked for, one after another, and all pictures again when nothing is left.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/kdrive_frames.h"
#include "brokerd/session/relay_internal.h"
#include "fake_tunnel.h"
#include "relay_fixture.h"

#define WIDTH  640
#define HEIGHT 480

static void put_u32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static void say_picture(uint32_t x, uint32_t y, uint32_t width, uint32_t height, uint32_t crc)
{
	uint8_t frame[KDRIVE_HEADER_BYTES] = {0};

	put_u32(frame + 4, width);
	put_u32(frame + 8, height);
	put_u32(frame + 12, x);
	put_u32(frame + 16, y);
	put_u32(frame + 24, crc);
	fake_tunnel_say(frame, sizeof(frame));
}

/* The browser has got and painted everything. */
static void acknowledge_all(void)
{
	char text[64];

	snprintf(text, sizeof(text), "ack %" PRIu64 " %" PRIu64, relay->backlog.sent,
	    relay->backlog.sent);
	say(&browser, text);
	test_run_for_ms(base, 5);
}

/* What is left out is at one place, and comes before the line has room for anything. */
static void overwhelm(void)
{
	size_t said = 0;

	settings.delay_bytes = 64 * 1024;
	renew_relay();
	start();
	greet(&browser, "-", 0);
	say_picture(UINT32_MAX, UINT32_MAX, WIDTH, HEIGHT, 0);
	while (relay->backlog.state == BACKLOG_STATE_OPEN) {
		for (unsigned i = 0; i < 100; i++)
			say_picture(100, 100, 10, 10, 1);
		said += 5600;
		test_run_for_ms(base, 1);
		assert_true(said < 1024 * 1024);
	}
	assert_int_equal(relay->backlog.state, BACKLOG_STATE_THIN);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	/* Beside this line's speed, which is that of memory. */
	relay->backlog.damage.bytes_per_pixel = 1e6;
}

static const uint8_t *awaited_update(void)
{
	static uint8_t update[41];

	memset(update, 0, sizeof(update));
	update[0] = 8;
	put_u32(update + 4, 64);
	put_u32(update + 8, 64);
	put_u32(update + 12, 64);
	put_u32(update + 16, 64);
	return update;
}

/* All of them again. */
static void assert_pictures_pass(void)
{
	uint64_t sent = relay->backlog.sent;

	assert_int_equal(relay->backlog.state, BACKLOG_STATE_OPEN);
	say_picture(100, 100, 10, 10, 1);
	test_run_for_ms(base, 20);
	assert_int_equal(relay->backlog.sent, sent + KDRIVE_HEADER_BYTES);
}

static void test_parts_are_asked_for(void **state)
{
	uint64_t sent;

	(void)state;
	overwhelm();
	for (unsigned i = 0; i < 3; i++) {
		acknowledge_all();
		acknowledge_all();
		assert_agent_gets(awaited_update(), 41);
		/* One at a time, and the agent's own pictures go nowhere. */
		sent = relay->backlog.sent;
		say_picture(100, 100, 10, 10, 1);
		test_run_for_ms(base, 20);
		assert_int_equal(evbuffer_get_length(fake.received), 0);
		assert_int_equal(relay->backlog.sent, sent);
		say_picture(64, 64, 64, 64, 0);
		test_run_for_ms(base, 20);
		/* It has changed once more since it was asked for. */
		assert_int_equal(relay->backlog.sent, sent + KDRIVE_HEADER_BYTES);
	}
	acknowledge_all();
	assert_agent_gets(awaited_update(), 41);
	say_picture(64, 64, 64, 64, 0);
	test_run_for_ms(base, 5);
	acknowledge_all();
	acknowledge_all();
	assert_pictures_pass();
}

/* An agent passes over what is outside of its screen without a word. */
static void test_no_answer(void **state)
{
	(void)state;
	overwhelm();
	acknowledge_all();
	acknowledge_all();
	assert_agent_gets(awaited_update(), 41);
	test_run_for_ms(base, 500);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	test_run_for_ms(base, 700);
	assert_agent_gets(awaited_update(), 41);
}

/* What the browser asks for itself is not kept without bound either. */
static void test_no_room(void **state)
{
	(void)state;
	overwhelm();
	for (unsigned i = 0; i < 5000; i++)
		say_picture(200, 200, 10, 10, 0);
	test_run_for_ms(base, 50);
	assert_true(backlog_unsent(&relay->backlog) <= 2 * settings.delay_bytes);
	assert_int_equal(relay->backlog.damage.stale, 1 + 1);
}

/* The agent never stops drawing, but the line takes again all that it draws. */
static void test_fast_again(void **state)
{
	(void)state;
	overwhelm();
	relay->backlog.damage.bytes_per_pixel = 0.1;
	acknowledge_all();
	acknowledge_all();
	assert_agent_gets(awaited_update(), 41);
	assert_pictures_pass();
}

static void test_hidden_meanwhile(void **state)
{
	static const uint8_t rebuild[41] = {13};

	(void)state;
	overwhelm();
	say(&browser, "hide");
	test_run_for_ms(base, 20);
	assert_int_equal(relay->backlog.state, BACKLOG_STATE_BLIND);
	assert_int_equal(relay->backlog.damage.stale, 0);
	acknowledge_all();
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	say(&browser, "show");
	assert_agent_gets(rebuild, 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RELAY_TEST(test_parts_are_asked_for),
	    RELAY_TEST(test_no_answer),
	    RELAY_TEST(test_no_room),
	    RELAY_TEST(test_fast_again),
	    RELAY_TEST(test_hidden_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
