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
 * brokerd/session/relay: what a request says of itself, and what becomes of one that says nonsense,
 * comes late, or is about another stream (docs/stream.md).
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

#include "fake_tunnel.h"
#include "relay_fixture.h"

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const uint8_t rebuild[41] = {13};

static int set_up(void **state)
{
	int result = relay_set_up(state);

	settings.grace_ms = 60000;
	renew_relay();
	return result;
}

#define HELLO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, relay_tear_down)

/* Comes and is refused, by an answer with this text. */
static void assert_refused(const char *query, int status, const char *text)
{
	struct ws_client client;
	char line[128];

	snprintf(line, sizeof(line), "\r\n\r\n%s\n", text);
	assert_int_equal(request_v1(&client, query), status);
	ws_client_await(&client, SIZE_MAX);
	if (memmem(client.input, client.input_length, line, strlen(line)) == NULL)
		fail_msg("%s: not \"%s\": %.*s", query, text, (int)client.input_length,
		    (const char *)client.input);
	ws_client_finish(&client);
}

/* Who has the stream has it still, and the agent has heard nothing. */
static void assert_unharmed(void)
{
	show_something(&browser);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
	assert_int_equal(relay_get_state(relay), STREAM_STATE_ATTACHED);
}

static void test_nonsense(void **state)
{
	static const struct {
		const char *query, *text;
	} rows[] = {
	    {"", "The address has no hello."},
	    {"?", "The address has no hello."},
	    {"?x=hello.1.-.0.a.1.shown", "The address has no hello."},
	    {"?hello+1+-+0+a+1+shown", "The address has no hello."},
	    {"?Hello.1.-.0.a.1.shown", "The address has no hello."},
	    {"?" LONG LONG, "The address is too long."},
	    {"?hello", "This version of the hello is not served here."},
	    {"?hello.2.-.0.a.1.shown", "This version of the hello is not served here."},
	    {"?hello.1", "The hello has too few words, or too many."},
	    {"?hello.1.-.0.a.1", "The hello has too few words, or too many."},
	    {"?hello.1.-.0.a.1.shown.", "The hello has too few words, or too many."},
	    {"?hello.1.-.0.a.1.shown.1.2.3", "The hello has too few words, or too many."},
	    {"?hello.1..0.a.1.shown", "The hello's stream is malformed."},
	    {"?hello.1.xyz.0.a.1.shown", "The hello's stream is malformed."},
	    {"?hello.1.0123456789abcdeF.0.a.1.shown", "The hello's stream is malformed."},
	    {"?hello.1.0123456789abcdef0.0.a.1.shown", "The hello's stream is malformed."},
	    {"?hello.1.-..a.1.shown", "The hello's position is malformed."},
	    {"?hello.1.-.-1.a.1.shown", "The hello's position is malformed."},
	    {"?hello.1.-.1234567890123456.a.1.shown", "The hello's position is malformed."},
	    {"?hello.1.-.5.a.1.shown", "The hello has a position of no stream."},
	    {"?hello.1.-.0..1.shown", "The hello's page is malformed."},
	    {"?hello.1.-.0.a_b.1.shown", "The hello's page is malformed."},
	    {"?hello.1.-.0.a%41.1.shown", "The hello's page is malformed."},
	    {"?hello.1.-.0.01234567890123456.1.shown", "The hello's page is malformed."},
	    {"?hello.1.-.0.a..shown", "The hello's attempt is malformed."},
	    {"?hello.1.-.0.a.0x1.shown", "The hello's attempt is malformed."},
	    {"?hello.1.-.0.a.1234567890123456.shown", "The hello's attempt is malformed."},
	    {"?hello.1.-.0.a.1.", "The hello does not say whether the page is shown."},
	    {"?hello.1.-.0.a.1.Shown", "The hello does not say whether the page is shown."},
	    {"?hello.1.-.0.a.1.hidden&x=1", "The hello does not say whether the page is shown."},
	};

	(void)state;
	start();
	greet(&browser, "-", 0);
	show_something(&browser);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_refused(rows[i].query, 400, rows[i].text);
	assert_unharmed();
}

static void test_largest_words(void **state)
{
	(void)state;
	start();
	assert_string_equal(
	    greet_by(&browser, "?hello.1.-.0.0123456789ABCDEz.999999999999999.hidden").how,
	    "start");
}

static void test_what_was_never_sent(void **state)
{
	struct greeting greeting;

	(void)state;
	start();
	greeting = greet(&browser, "-", 0);
	show_something(&browser);
	assert_refused(
	    make_hello(greeting.stream, 57, "shown"), 400, "The hello's position was never sent.");
	assert_unharmed();
	lose(&browser);
	assert_string_equal(greet(&browser, greeting.stream, 112).how, "resume");
}

static void make_attempt(
    char query[128], const char *stream, uint64_t down, const char *page, unsigned attempt)
{
	snprintf(query, 128, "?hello.1.%s.%" PRIu64 ".%s.%u.shown", stream, down, page, attempt);
}

/* A request that its page has given up, and made another one since. */
static void test_late_attempt(void **state)
{
	static const unsigned late[] = {5, 4, 0};
	struct greeting greeting;
	struct ws_client newer;
	char query[128];

	(void)state;
	start();
	make_attempt(query, "-", 0, "me", 5);
	greeting = greet_by(&browser, query);
	show_something(&browser);
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
		make_attempt(query, greeting.stream, 0, "me", late[i]);
		assert_refused(query, 409, "The page has come again since.");
		make_attempt(query, "-", 0, "me", late[i]);
		assert_refused(query, 409, "The page has come again since.");
	}
	assert_unharmed();
	/* Nor while nobody has it. */
	lose(&browser);
	assert_refused(query, 409, "The page has come again since.");
	assert_int_equal(relay_get_state(relay), STREAM_STATE_WAITING);
	make_attempt(query, greeting.stream, 112, "me", 6);
	assert_string_equal(greet_by(&browser, query).how, "resume");
	/* What comes in the right order takes over from its own. */
	make_attempt(query, greeting.stream, 112, "me", 7);
	assert_string_equal(greet_by(&newer, query).how, "resume");
	assert_bye(&browser, "replaced", 4000);
	ws_client_finish(&browser);
	browser = newer;
	assert_unharmed();
	make_attempt(query, greeting.stream, 0, "me", 6);
	assert_refused(query, 409, "The page has come again since.");
	assert_unharmed();
}

/* Numbers are the page's own, and the stream's. */
static void test_attempts_of_others(void **state)
{
	char query[128];

	(void)state;
	start();
	make_attempt(query, "-", 0, "me", 5);
	greet_by(&browser, query);
	show_something(&browser);
	lose(&browser);
	make_attempt(query, "-", 0, "Me", 1);
	assert_string_equal(greet_by(&browser, query).how, "fresh");
	relay_stop(relay, ERROR_SUSPENDED, NULL);
	assert_ended(ERROR_SUSPENDED);
	ws_client_finish(&browser);
	evbuffer_drain(fake.received, evbuffer_get_length(fake.received));
	seen.done = 0;
	start();
	assert_string_equal(greet_by(&browser, query).how, "start");
}

/* The session has been resumed by the X2Go server's means since. */
static void test_other_stream(void **state)
{
	struct ws_client other;

	(void)state;
	start();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
		    request_v1(&other, make_hello("0123456789abcdef", 0, "shown")), 101);
		take_head(&other);
		assert_bye(&other, "replaced", 4000);
		ws_client_finish(&other);
		/* Before there is a browser, while there is one, when it is gone. */
		assert_int_equal(
		    relay_get_state(relay), i == 1 ? STREAM_STATE_ATTACHED : STREAM_STATE_WAITING);
		if (i == 0) {
			assert_string_equal(greet(&browser, "-", 0).how, "start");
			show_something(&browser);
		} else if (i == 1) {
			assert_unharmed();
			lose(&browser);
		}
	}
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

/* Says what a hidden page has no use for, and something that it gets. */
static void assert_no_pictures(void)
{
	say_frame(true, 1);
	say_frame(false, 100);
	show_something(&browser);
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

static void assert_pictures_after_show(void)
{
	uint8_t expected[112];

	put_message(expected, 7);
	put_frame(expected + 56, true);
	say(&browser, "show");
	assert_agent_gets(rebuild, sizeof(rebuild));
	say_frame(false, 3);
	fake_tunnel_say(expected, 56);
	say_frame(true, 1);
	assert_browser_gets(&browser, expected, sizeof(expected));
	assert_int_equal(evbuffer_get_length(fake.received), 0);
}

static void test_hidden_from_the_start(void **state)
{
	(void)state;
	start();
	say_frame(true, 10);
	test_run_for_ms(base, 20);
	assert_string_equal(greet_by(&browser, make_hello("-", 0, "hidden")).how, "start");
	assert_no_pictures();
	assert_pictures_after_show();
}

static void test_hidden_again(void **state)
{
	struct greeting greeting;

	(void)state;
	start();
	greeting = greet(&browser, "-", 0);
	show_something(&browser);
	lose(&browser);
	say_frame(true, 10);
	test_run_for_ms(base, 20);
	greeting = greet_by(&browser, make_hello(greeting.stream, 56, "hidden"));
	assert_string_equal(greeting.how, "resume");
	assert_no_pictures();
	/* Hidden as before: nothing need be asked for. */
	lose(&browser);
	greeting = greet_by(&browser, make_hello(greeting.stream, 112, "hidden"));
	assert_string_equal(greeting.how, "resume");
	assert_no_pictures();
	/* No stream of its own: the same. */
	lose(&browser);
	greeting = greet_by(&browser, make_hello("-", 0, "hidden"));
	assert_string_equal(greeting.how, "fresh");
	assert_no_pictures();
	assert_pictures_after_show();
}

/* Hidden before, and shown when it comes again: nothing need be said for pictures to come. */
static void test_shown_again(void **state)
{
	struct greeting greeting;

	(void)state;
	start();
	greeting = greet_by(&browser, make_hello("-", 0, "hidden"));
	show_something(&browser);
	lose(&browser);
	assert_string_equal(greet(&browser, greeting.stream, 56).how, "resume");
	assert_agent_gets(rebuild, sizeof(rebuild));
}

/* A page that comes again and again, each time with more for an agent that takes nothing. */
static void test_again_with_more(void **state)
{
	enum { MESSAGE = 41 * 10000, TIMES = 10 };
	uint8_t *data = calloc(1, MESSAGE);
	struct greeting greeting;

	(void)state;
	for (size_t i = 0; i < MESSAGE; i += 41)
		data[i] = 6;
	start();
	fake.window_closed = true;
	greeting = greet(&browser, "-", 0);
	for (unsigned i = 0; i < TIMES; i++) {
		ws_client_send_frame(&browser, 0x82, data, MESSAGE);
		test_run_for_ms(base, 10);
		ws_client_finish(&browser);
		greeting = greet(&browser, greeting.stream, 0);
	}
	/* What is read before the first pause is one message, or two. */
	assert_in_range(relay_get_counters(relay).from_browser_bytes, MESSAGE, 2 * MESSAGE);
	fake_tunnel_open_window();
	test_run_for_ms(base, 10);
	evbuffer_drain(fake.received, evbuffer_get_length(fake.received));
	/* And then it is read again. */
	ws_client_send_frame(&browser, 0x82, data, 41);
	assert_agent_gets(data, 41);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    HELLO_TEST(test_nonsense),
	    HELLO_TEST(test_largest_words),
	    HELLO_TEST(test_what_was_never_sent),
	    HELLO_TEST(test_late_attempt),
	    HELLO_TEST(test_attempts_of_others),
	    HELLO_TEST(test_other_stream),
	    HELLO_TEST(test_hidden_from_the_start),
	    HELLO_TEST(test_hidden_again),
	    HELLO_TEST(test_shown_again),
	    HELLO_TEST(test_again_with_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
