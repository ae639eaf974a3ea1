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
 * brokerd/session/relay for upstream's client: who is let in, and that its stream holds nothing
 * that makes it hang up.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/ws.h"
#include "fake_tunnel.h"
#include "relay_fixture.h"

#define TICKET "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define WRONG  "0f1e2d3c4b5a69788796a5b4c3d2e1f1"
#define NOBODY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const uint8_t rebuild[41] = {13}, update[41] = {8};
static uint8_t hash[32];

static int set_up(void **state)
{
	relay_set_up(state);
	EVP_Digest(TICKET, 32, hash, NULL, EVP_sha256(), NULL);
	settings.raw_allowed = false;
	settings.ticket_hash = hash;
	settings.delay_bytes = 65536;
	renew_relay();
	return 0;
}

#define COMPAT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, relay_tear_down)

/* Without any cookie of ours. */
static void come(struct ws_client *client)
{
	assert_int_equal(request(client, REQUEST("", ORIGIN, NOBODY, "binary")), 101);
	take_head(client);
}

static void show(struct ws_client *client, const char *ticket)
{
	ws_client_send_frame(client, 0x82, ticket, 32);
}

static void begin(void)
{
	start();
	come(&browser);
	show(&browser, TICKET);
	await_state(STREAM_STATE_ATTACHED);
}

/* The stream goes on behind what was left out. */
static void assert_goes_on(void)
{
	show_something(&browser);
	assert_int_equal(seen.state, STREAM_STATE_ATTACHED);
}

static void test_ticket(void **state)
{
	uint8_t *data = make_cursor(5000);
	uint8_t geometry[41] = {7};

	(void)state;
	start();
	fake_tunnel_say(data, 5000);
	come(&browser);
	test_run_for_ms(base, 30);
	assert_int_equal(ws_client_poll(&browser), 0);
	show(&browser, TICKET);
	memcpy(geometry + 4, "\x80\x02\xe0\x01", 4);
	ws_client_send_frame(&browser, 0x82, geometry, sizeof(geometry));
	assert_browser_gets(&browser, data, 5000);
	assert_agent_gets(rebuild, sizeof(rebuild));
	assert_agent_gets(geometry, sizeof(geometry));
	free(data);
}

static void test_who_else_comes(void **state)
{
	struct ws_client other;

	(void)state;
	start();
	/* The agent's own cookie is nobody's here, nor is the login's. */
	for (unsigned i = 0; i < 2; i++) {
		come(&other);
		show(&other, i == 0 ? KDRIVE : WRONG);
		assert_int_equal(ws_client_await_close(&other), WS_CLOSE_CODE_POLICY);
		ws_client_finish(&other);
	}
	assert_int_equal(request_v1(&other, HELLO), 400);
	ws_client_finish(&other);
	assert_int_equal(
	    request(&other, REQUEST("", "https://evil.example", NOBODY, "binary")), 403);
	ws_client_finish(&other);
	come(&browser);
	show(&browser, TICKET);
	assert_goes_on();
	/* The ticket has been used. */
	assert_int_equal(request(&other, REQUEST("", ORIGIN, NOBODY, "binary")), 503);
	ws_client_finish(&other);
	assert_goes_on();
}

/* Strangers who come in between do not push out who is about to show the ticket. */
static void test_crowd(void **state)
{
	enum { STRANGERS = 7 };
	struct ws_client strangers[STRANGERS];

	(void)state;
	start();
	come(&browser);
	for (unsigned i = 0; i < STRANGERS; i++)
		come(&strangers[i]);
	ws_client_send_frame(&strangers[0], 0x82, WRONG, 31);
	show(&browser, TICKET);
	await_state(STREAM_STATE_ATTACHED);
	assert_goes_on();
	for (unsigned i = 0; i < STRANGERS; i++)
		ws_client_finish(&strangers[i]);
}

/* Of more than there is room for the oldest goes. */
static void test_large_crowd(void **state)
{
	enum { STRANGERS = 12 };
	struct ws_client strangers[STRANGERS];

	(void)state;
	start();
	for (unsigned i = 0; i < STRANGERS; i++)
		come(&strangers[i]);
	ws_client_await_end(&strangers[0]);
	come(&browser);
	show(&browser, TICKET);
	await_state(STREAM_STATE_ATTACHED);
	assert_goes_on();
	for (unsigned i = 0; i < STRANGERS; i++)
		ws_client_finish(&strangers[i]);
}

/* REINIT, WINUPDATE, KEEPALIVE and DISCONNECT make it hang up; after REINIT it would ask for
 * nothing.
 */
static void test_unknown_messages(void **state)
{
	static const uint8_t types[] = {7, 8, 9, 10, 12, 13};
	uint8_t message[56];

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(types); i++) {
		put_message(message, types[i]);
		/* In pieces, too. */
		fake_tunnel_say(message, 3);
		test_run_for_ms(base, 5);
		fake_tunnel_say(message + 3, sizeof(message) - 3);
		assert_goes_on();
	}
	assert_agent_gets(update, sizeof(update));
	test_run_for_ms(base, 20);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

/* Pictures that nobody takes are left out before it is there, and asked for when it is. */
static void test_pictures_before(void **state)
{
	uint8_t reinit[56], frame[56];

	(void)state;
	start();
	say_frame(true, 1);
	say_frame(false, 2000);
	test_run_for_ms(base, 50);
	come(&browser);
	show(&browser, TICKET);
	assert_agent_gets(rebuild, sizeof(rebuild));
	say_frame(false, 10);
	put_message(reinit, 7);
	fake_tunnel_say(reinit, sizeof(reinit));
	assert_agent_gets(update, sizeof(update));
	put_frame(frame, true);
	fake_tunnel_say(frame, sizeof(frame));
	assert_browser_gets(&browser, frame, sizeof(frame));
	assert_goes_on();
}

/* One that does not read gets the newest picture when it does, and no REINIT. */
static void test_slow_browser(void **state)
{
	uint8_t reinit[56];
	size_t got = 0;

	(void)state;
	begin();
	say_frame(true, 1);
	for (unsigned i = 0; evbuffer_get_length(fake.received) == 0; i++) {
		say_frame(false, 1000);
		test_run_for_ms(base, 1);
		assert_true(i < 2000);
	}
	assert_agent_gets(rebuild, sizeof(rebuild));
	say_frame(false, 1000);
	put_message(reinit, 7);
	fake_tunnel_say(reinit, sizeof(reinit));
	assert_agent_gets(update, sizeof(update));
	say_frame(true, 1);
	for (;;) {
		struct ws_client_frame frame = ws_client_await_frame(&browser);

		assert_int_equal(frame.opcode, OP_BINARY);
		for (size_t i = 0; i < frame.length; i++, got++)
			if (got % 56 == 0)
				assert_int_equal(frame.data[i], 0);
		/* The last one is the whole screen. */
		if (got % 56 == 0 && got > 56 && frame.length >= 56 &&
		    frame.data[frame.length - 56 + 12] == 0xff)
			break;
	}
	assert_goes_on();
}

/* In messages of 41 bytes each, as upstream's client sends a selection. */
static void test_large_selection(void **state)
{
	enum { BYTES = 900 * 1024, BLOCKS = 1 + (BYTES - 21 + 40) / 41 };
	uint8_t *said = calloc(BLOCKS, 41);
	int64_t begun;

	(void)state;
	begin();
	said[0] = 9;
	for (unsigned i = 0; i < 4; i++)
		said[4 + i] = said[16 + i] = (uint8_t)(BYTES >> 8 * i);
	said[8] = said[9] = said[10] = said[11] = 1;
	begun = test_now_ms();
	for (size_t i = 0; i < BLOCKS; i++)
		ws_client_send_frame(&browser, 0x82, said + 41 * i, 41);
	assert_agent_gets(said, 41 * BLOCKS);
	assert_in_range(test_now_ms() - begun, 0, 3000);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    COMPAT_TEST(test_ticket),
	    COMPAT_TEST(test_who_else_comes),
	    COMPAT_TEST(test_crowd),
	    COMPAT_TEST(test_large_crowd),
	    COMPAT_TEST(test_unknown_messages),
	    COMPAT_TEST(test_pictures_before),
	    COMPAT_TEST(test_slow_browser),
	    COMPAT_TEST(test_large_selection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
