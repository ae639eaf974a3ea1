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
 * brokerd/session/relay_rouse: an agent that does not answer the opening, and those that need not
 * be roused.
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

#define ROUSE_MS    100
#define FEED_EVENTS 3200
#define FEED_BYTES  ((FEED_EVENTS + 1) * 41)

static int set_up(void **state)
{
	int result = relay_set_up(state);

	settings.rouse_ms = ROUSE_MS;
	settings.grace_ms = 60000;
	renew_relay();
	start();
	return result;
}

#define ROUSE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, relay_tear_down)

static void say_message(uint8_t type)
{
	uint8_t message[56];

	put_message(message, type);
	fake_tunnel_say(message, sizeof(message));
}

static void assert_is_fed(void)
{
	uint8_t *feed = calloc(1, FEED_BYTES), *version = feed + FEED_BYTES - 41;

	for (size_t i = 0; i < FEED_EVENTS; i++)
		feed[i * 41] = 12;
	memcpy(version, "\x0a\0\0\0\x08\0\x03", 7);
	assert_agent_gets(feed, FEED_BYTES);
	free(feed);
}

static void assert_is_left_alone(void)
{
	test_run_for_ms(base, 3 * ROUSE_MS);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

/* It swallows the opening and some of the food; then it is told the size that the browser wants. */
static void test_fed_until_it_answers(void **state)
{
	uint8_t resize[82] = {13}, *geometry = resize + 41;

	(void)state;
	memcpy(geometry, "\x07\0\0\0\x20\x03\x58\x02\0\x20\x03\x58\x02", 13);
	greet(&browser, "-", 0);
	ws_client_send_frame(&browser, 0x82, geometry, 41);
	assert_agent_gets(resize, sizeof(resize));
	for (unsigned i = 0; i < 3; i++)
		assert_is_fed();
	say_message(5);
	assert_agent_gets(resize, sizeof(resize));
	assert_is_left_alone();
}

static void test_answered(void **state)
{
	(void)state;
	say_message(5);
	assert_is_left_alone();
}

/* Who shows something has heard the opening. */
static void test_shown(void **state)
{
	(void)state;
	say_message(2);
	say_frame(true, 1);
	assert_is_left_alone();
}

/* One that reads nothing has enough. */
static void test_not_hungry(void **state)
{
	uint8_t key[41] = {2};

	(void)state;
	fake.window_closed = true;
	greet(&browser, "-", 0);
	ws_client_send_frame(&browser, 0x82, key, sizeof(key));
	assert_is_left_alone();
	fake_tunnel_open_window();
	assert_agent_gets(key, sizeof(key));
	assert_is_fed();
}

static void test_not_for_ever(void **state)
{
	(void)state;
	for (unsigned fed = 0; fed < 1024 * 1024; fed += FEED_EVENTS * 41)
		assert_is_fed();
	assert_is_left_alone();
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ROUSE_TEST(test_fed_until_it_answers),
	    ROUSE_TEST(test_answered),
	    ROUSE_TEST(test_shown),
	    ROUSE_TEST(test_not_hungry),
	    ROUSE_TEST(test_not_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
