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
 * brokerd/session/relay: how a stream ends, by the browser, the agent, the owner or the line.
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

#include "brokerd/session/kdrive_frames.h"
#include "brokerd/session/relay_agent.h"
#include "brokerd/session/ws.h"
#include "fake_tunnel.h"
#include "relay_fixture.h"

static void test_browser_closes(void **state)
{
	(void)state;
	start();
	attach(&browser);
	show_something(&browser);
	ws_client_send_frame(&browser, 0x80 | OP_CLOSE, "\x03\xe8", 2);
	assert_int_equal(ws_client_await_close(&browser), 1000);
	assert_ended(ERROR_SUSPENDED);
	assert_agent_is_left();
}

static void test_dead_browser(void **state)
{
	(void)state;
	settings.ping_ms = 150;
	renew_relay();
	start();
	attach(&browser);
	fake_tunnel_say("x", 1);
	assert_ended(ERROR_SUSPENDED);
	assert_agent_is_left();
}

/* The same login in another window: it gets the stream, but not what the first one had. */
static void test_replaced(void **state)
{
	static const uint8_t rebuild[41] = {13};
	struct ws_client second;
	struct ws_client_frame frame;

	(void)state;
	start();
	attach(&browser);
	show_something(&browser);
	assert_int_equal(request_v1(&second, HELLO), 101);
	take_head(&second);
	frame = ws_client_await_frame(&second);
	assert_non_null(strstr((char *)frame.data, " 57 0 fresh"));
	assert_bye(&browser, "replaced", 4000);
	assert_agent_gets(rebuild, sizeof(rebuild));
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
	show_something(&second);
	ws_client_finish(&second);
	assert_ended(ERROR_SUSPENDED);
}

static void test_stop(void **state)
{
	static const struct {
		enum error_code reason;
		const char *word;
		unsigned code;
	} stops[] = {
	    {ERROR_SUSPENDED, "suspended", 1000},
	    {ERROR_TERMINATED, "terminated", 1000},
	    {ERROR_LOGOUT, "logout", 1000},
	    {ERROR_KILLED, "killed", 4000},
	    {ERROR_REPLACED, "replaced", 4000},
	};

	(void)state;
	relay_stop(relay, ERROR_LOGOUT, NULL);
	assert_int_equal(seen.states, 0);
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		seen.done = 0;
		start();
		attach(&browser);
		relay_stop(relay, stops[i].reason, NULL);
		/* The agent has the first word. */
		assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
		assert_bye(&browser, stops[i].word, stops[i].code);
		assert_ended(stops[i].reason);
		assert_agent_is_left();
		ws_client_finish(&browser);
	}
}

static void test_stop_with_text(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	start();
	attach(&browser);
	relay_stop(relay, ERROR_AGENT_LOST, "it said \xff\n and died");
	frame = ws_client_await_frame(&browser);
	assert_int_equal(strncmp((const char *)frame.data, "bye agent_lost it said ", 23), 0);
	for (size_t i = 0; i < frame.length; i++)
		assert_in_range(frame.data[i], ' ', '~');
	assert_int_equal(ws_client_await_close(&browser), 4000);
}

static void test_agent_does_not_hang_up(void **state)
{
	int64_t begin = test_now_ms();

	(void)state;
	fake.hangs_up = false;
	start();
	relay_stop(relay, ERROR_SUSPENDED, NULL);
	/* What it still says is drained and thrown away. */
	fake_tunnel_say("x", 1);
	assert_ended(ERROR_SUSPENDED);
	assert_in_range(test_now_ms() - begin, 1900, 4000);
	assert_int_equal(evbuffer_get_length(fake.to_read), 0);
}

/* What the browser sent last is still on its way to a server that takes it slowly: the tunnel is
 * not closed in the middle of it. */
static void test_slow_server_is_waited_for(void **state)
{
	enum { LENGTH = 41 * 1000 };
	uint8_t *data = calloc(1, LENGTH);
	int64_t begin;

	(void)state;
	for (size_t i = 0; i < LENGTH; i += 41)
		data[i] = 6;
	start();
	attach(&browser);
	fake.window_closed = true;
	ws_client_send_frame(&browser, 0x82, data, LENGTH);
	ws_client_send_frame(&browser, 0x81, "ping 1", 6);
	assert_int_equal(ws_client_await_frame(&browser).opcode, OP_TEXT);
	begin = test_now_ms();
	relay_stop(relay, ERROR_SUSPENDED, NULL);
	test_run_for_ms(base, RELAY_AGENT_DISCONNECT_MS * 3 / 4);
	fake_tunnel_let_out(20000);
	test_run_for_ms(base, RELAY_AGENT_DISCONNECT_MS * 3 / 4);
	assert_int_equal(fake.open_now, 1);
	fake_tunnel_open_window();
	assert_agent_gets(data, LENGTH);
	assert_agent_is_left();
	assert_ended(ERROR_SUSPENDED);
	assert_in_range(
	    test_now_ms() - begin, RELAY_AGENT_DISCONNECT_MS, 3 * RELAY_AGENT_DISCONNECT_MS);
	free(data);
}

/* The agent ends: the browser gets all it said, and is told why when the owner knows. */
static void test_agent_ends(void **state)
{
	uint8_t *data = make_cursor(100000);

	(void)state;
	start();
	attach(&browser);
	fake_tunnel_say(data, 100000);
	fake_tunnel_end(ERROR_ENDED);
	await_agent_ended();
	assert_int_equal(fake.open_now, 0);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
	/* Input has nowhere to go now. */
	ws_client_send_frame(&browser, 0x82, data, 0);
	relay_stop(relay, ERROR_TERMINATED, NULL);
	assert_ended(ERROR_TERMINATED);
	assert_browser_gets(&browser, data, 100000);
	assert_bye(&browser, "terminated", 1000);
	assert_int_equal(seen.agent_ended, 1);
	free(data);
}

/* A browser that is slow, but not too slow, gets the rest before it is told why. */
static void test_agent_ends_with_bytes_left(void **state)
{
	enum { PIECE = 16384 };
	uint8_t *data = make_cursor(PIECE);
	size_t said = 0;

	(void)state;
	start();
	attach(&browser);
	do {
		fake_tunnel_say(data, PIECE);
		said += PIECE;
		test_run_for_ms(base, 1);
	} while (said - relay_get_counters(relay).to_browser_bytes < BUFFER / 2);
	fake_tunnel_end(ERROR_ENDED);
	await_agent_ended();
	relay_stop(relay, ERROR_TERMINATED, NULL);
	assert_int_equal(relay_get_counters(relay).to_browser_bytes, said);
	for (size_t got = 0; got < said;) {
		struct ws_client_frame frame = ws_client_await_frame(&browser);

		assert_int_equal(frame.opcode, OP_BINARY);
		for (size_t i = 0; i < frame.length; i++, got++)
			assert_int_equal(frame.data[i], data[got % PIECE]);
	}
	assert_bye(&browser, "terminated", 1000);
	free(data);
}

static void test_agent_ends_and_browser_leaves(void **state)
{
	uint8_t key[41] = {2};
	struct ws_client second;

	(void)state;
	start();
	attach(&browser);
	fake_tunnel_say("x", 1);
	fake_tunnel_end(ERROR_ENDED);
	await_agent_ended();
	ws_client_send_frame(&browser, 0x82, key, sizeof(key));
	test_run_for_ms(base, 20);
	ws_client_finish(&browser);
	test_run_for_ms(base, 50);
	assert_int_equal(request_v1(&second, HELLO), 503);
	ws_client_finish(&second);
	/* The reason is the owner's to say. */
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
	relay_stop(relay, ERROR_AGENT_LOST, NULL);
	assert_ended(ERROR_AGENT_LOST);
}

/* It hangs up then: no nonsense, but an end as any other. */
static void test_agent_says_goodbye_in_a_frame(void **state)
{
	uint8_t head[KDRIVE_HEADER_BYTES] = {0}, nonsense[KDRIVE_REGION_BYTES];

	(void)state;
	head[20] = 1; /* region */
	memset(nonsense, 0xff, sizeof(nonsense));
	start();
	attach(&browser);
	fake_tunnel_say(head, sizeof(head));
	assert_browser_gets(&browser, head, sizeof(head));
	for (unsigned i = 0; i < 2; i++) {
		fake_tunnel_say(nonsense, sizeof(nonsense));
		test_run_for_ms(base, 50);
	}
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
	fake_tunnel_end(ERROR_ENDED);
	await_agent_ended();
	relay_stop(relay, ERROR_SUSPENDED, NULL);
	assert_ended(ERROR_SUSPENDED);
	/* Nothing of what makes no sense. */
	assert_bye(&browser, "suspended", 1000);
}

static void test_agent_talks_nonsense(void **state)
{
	uint8_t nonsense[3 * KDRIVE_HEADER_BYTES] = {KDRIVE_MESSAGE_KEEPALIVE};
	struct ws_client second;

	(void)state;
	memset(nonsense + KDRIVE_HEADER_BYTES, 0xff, 2 * KDRIVE_HEADER_BYTES);
	start();
	attach(&browser);
	fake_tunnel_say(nonsense, sizeof(nonsense));
	assert_browser_gets(&browser, nonsense, KDRIVE_HEADER_BYTES);
	assert_agent_is_left();
	assert_ended(ERROR_AGENT_LOST);
	assert_bye(&browser, "agent_lost", 4000);
	assert_int_equal(seen.agent_ended, 0);
	assert_int_equal(request_v1(&second, HELLO), 503);
	ws_client_finish(&second);
	ws_client_finish(&browser);
	/* The next stream knows nothing of it. */
	start();
	attach(&browser);
	show_something(&browser);
}

static void test_ssh_is_lost(void **state)
{
	(void)state;
	start();
	attach(&browser);
	fake_tunnel_end(ERROR_SSH_LOST);
	assert_bye(&browser, "ssh_lost", 4000);
	assert_ended(ERROR_SSH_LOST);
	assert_int_equal(seen.agent_ended, 0);
}

static void test_destroy_says_goodbye(void **state)
{
	(void)state;
	start();
	attach(&browser);
	relay_destroy(relay);
	relay = NULL;
	assert_int_equal(ws_client_await_close(&browser), WS_CLOSE_CODE_GOING_AWAY);
}

static void test_streams_one_after_the_other(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		seen.done = 0;
		start();
		attach(&browser);
		show_something(&browser);
		assert_int_equal(relay_get_counters(relay).to_browser_bytes, 56 * (i + 1));
		ws_client_finish(&browser);
		assert_ended(ERROR_SUSPENDED);
		assert_agent_is_left();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RELAY_TEST(test_browser_closes),
	    RELAY_TEST(test_dead_browser),
	    RELAY_TEST(test_replaced),
	    RELAY_TEST(test_stop),
	    RELAY_TEST(test_stop_with_text),
	    RELAY_TEST(test_agent_does_not_hang_up),
	    RELAY_TEST(test_slow_server_is_waited_for),
	    RELAY_TEST(test_agent_ends),
	    RELAY_TEST(test_agent_ends_with_bytes_left),
	    RELAY_TEST(test_agent_ends_and_browser_leaves),
	    RELAY_TEST(test_agent_says_goodbye_in_a_frame),
	    RELAY_TEST(test_agent_talks_nonsense),
	    RELAY_TEST(test_ssh_is_lost),
	    RELAY_TEST(test_destroy_says_goodbye),
	    RELAY_TEST(test_streams_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
