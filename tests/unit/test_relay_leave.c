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
 * brokerd/session/relay: what becomes of a stream whose browser is gone, with a grace time and
 * with desktops that are left.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_tunnel.h"
#include "relay_fixture.h"

#define GRACE_MS 300

/* A stream whose browser has had a byte of it and is gone. */
static void start_and_leave(unsigned grace_ms, enum when_left when_left)
{
	settings.grace_ms = grace_ms;
	settings.when_left = when_left;
	renew_relay();
	start();
	attach(&browser);
	show_something(&browser);
	ws_client_finish(&browser);
	browser.fd = -1;
	await_state(STREAM_STATE_WAITING);
	assert_int_equal(seen.reason, ERROR_NONE);
	assert_false(relay_awaits_browser(relay));
}

static void test_grace_then_suspended(void **state)
{
	int64_t begin = test_now_ms();

	(void)state;
	start_and_leave(GRACE_MS, WHEN_LEFT_SUSPEND);
	assert_ended(ERROR_SUSPENDED);
	assert_in_range(test_now_ms() - begin, GRACE_MS - 20, 20 * GRACE_MS);
	assert_agent_is_left();
	assert_int_equal(seen.states, 4); /* waiting, attached, waiting, none */
}

static void leave_politely(uint16_t code)
{
	uint8_t close[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	ws_client_finish(&browser);
	renew_relay();
	start();
	attach(&browser);
	show_something(&browser);
	ws_client_send_frame(&browser, 0x88, close, sizeof(close));
}

/* Nobody waits for a browser that has said that it goes; a desktop that is to be left is left. */
static void test_goodbye(void **state)
{
	static const uint16_t codes[] = {1000, 1001};

	(void)state;
	settings.grace_ms = 60000;
	for (size_t i = 0; i < 2; i++) {
		settings.when_left = WHEN_LEFT_SUSPEND;
		leave_politely(codes[i]);
		assert_ended(ERROR_SUSPENDED);
		assert_agent_is_left();
		seen.done = 0;
		settings.when_left = WHEN_LEFT_LEAVE;
		leave_politely(codes[i]);
		await_state(STREAM_STATE_WAITING);
		test_run_for_ms(base, 200);
		assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
		relay_stop(relay, ERROR_LOGOUT, NULL);
		assert_ended(ERROR_LOGOUT);
		assert_agent_is_left();
		seen.done = 0;
	}
}

/* More than a browser may leave unread, of which no more is kept. */
static void test_left_agent_is_drained(void **state)
{
	uint8_t *data = make_cursor(4 * BUFFER / 16);

	(void)state;
	start_and_leave(0, WHEN_LEFT_LEAVE);
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 16; k++)
			fake_tunnel_say(data, 4 * BUFFER / 16);
		test_run_for_ms(base, 20);
		assert_int_equal(evbuffer_get_length(fake.to_read), 0);
	}
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
	assert_int_equal(relay_get_counters(relay).to_browser_bytes, 56);
	free(data);
}

static void test_left_agent_is_kept_alive(void **state)
{
	static const uint8_t keepalive[41] = {12};

	(void)state;
	settings.keepalive_ms = 100;
	start_and_leave(0, WHEN_LEFT_LEAVE);
	for (int i = 0; i < 3; i++)
		assert_agent_gets(keepalive, sizeof(keepalive));
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
}

/* No time ends it, but its owner does. */
static void test_left_until_the_login_ends(void **state)
{
	(void)state;
	settings.attach_deadline_ms = GRACE_MS;
	start_and_leave(GRACE_MS, WHEN_LEFT_LEAVE);
	test_run_for_ms(base, 3 * GRACE_MS);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
	assert_int_equal(fake.open_now, 1);
	relay_stop(relay, ERROR_LOGOUT, NULL);
	assert_ended(ERROR_LOGOUT);
	assert_agent_is_left();
}

/* A resume lets go of what is left first; the grace time of before does not touch what follows. */
static void test_left_and_taken_up_again(void **state)
{
	(void)state;
	start_and_leave(GRACE_MS, WHEN_LEFT_SUSPEND);
	relay_stop(relay, ERROR_SUSPENDED, NULL);
	assert_ended(ERROR_SUSPENDED);
	assert_agent_is_left();
	seen.done = 0;
	start();
	assert_true(relay_awaits_browser(relay));
	attach(&browser);
	show_something(&browser);
	test_run_for_ms(base, 2 * GRACE_MS);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
}

/* Who has missed the beginning gets a fresh picture of what is left. */
static void test_left_and_found_by_another(void **state)
{
	static const uint8_t rebuild[41] = {13};

	(void)state;
	start_and_leave(GRACE_MS, WHEN_LEFT_SUSPEND);
	attach(&browser);
	assert_agent_gets(rebuild, sizeof(rebuild));
	test_run_for_ms(base, 2 * GRACE_MS);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
	show_something(&browser);
}

static void test_left_agent_ends(void **state)
{
	(void)state;
	start_and_leave(GRACE_MS, WHEN_LEFT_SUSPEND);
	fake_tunnel_end(ERROR_ENDED);
	await_agent_ended();
	/* Why is the owner's to find out, however long that takes. */
	test_run_for_ms(base, 2 * GRACE_MS);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
	relay_stop(relay, ERROR_ENDED, NULL);
	assert_ended(ERROR_ENDED);

	seen.done = 0;
	start_and_leave(0, WHEN_LEFT_LEAVE);
	fake_tunnel_end(ERROR_SSH_LOST);
	assert_ended(ERROR_SSH_LOST);
}

/* A browser that breaks the protocol is no browser that is gone. */
static void test_fault_is_not_leaving(void **state)
{
	static const struct {
		unsigned first;
		const char *data;
	} faults[] = {{0x82, "half an event"}, {0x81, "\xc3("}, {0x83, "no opcode"}};

	(void)state;
	settings.when_left = WHEN_LEFT_LEAVE;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		seen.done = 0;
		renew_relay();
		start();
		attach(&browser);
		show_something(&browser);
		ws_client_send_frame(
		    &browser, faults[i].first, faults[i].data, strlen(faults[i].data));
		assert_ended(ERROR_BAD_REQUEST);
		assert_agent_is_left();
		ws_client_finish(&browser);
	}
	browser.fd = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RELAY_TEST(test_grace_then_suspended),
	    RELAY_TEST(test_goodbye),
	    RELAY_TEST(test_left_agent_is_drained),
	    RELAY_TEST(test_left_agent_is_kept_alive),
	    RELAY_TEST(test_left_until_the_login_ends),
	    RELAY_TEST(test_left_and_taken_up_again),
	    RELAY_TEST(test_left_and_found_by_another),
	    RELAY_TEST(test_left_agent_ends),
	    RELAY_TEST(test_fault_is_not_leaving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
