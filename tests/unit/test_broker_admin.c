/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * What an admin can do with a whole broker beside looking at it: end and tell some of the logins,
 * drain, have the configuration read again, follow a login. Needs root.
 */
#include "broker_visit.h"

static struct peer admin; /* another one */

static const struct message *kill_by(
    struct peer *by, const char *login, const char *user, const char *server)
{
	struct message message;

	message_init(&message, MESSAGE_KILL, 0);
	message.kill.whom_count = 1;
	strcpy(message.kill.whom[0].login, login);
	strcpy(message.kill.whom[0].user, user);
	strcpy(message.kill.whom[0].server, server);
	return peer_ask(by, &message);
}

static const struct message *kill_of(const char *login, const char *user, const char *server)
{
	return kill_by(&ctl, login, user, server);
}

static void assert_killed(const struct message *answer, unsigned count)
{
	assert_int_equal(answer->type, MESSAGE_KILLED);
	assert_int_equal(answer->killed.logins, count);
}

static void test_kill_some(void **state)
{
	struct ticket first, second;
	char beginning[17];

	(void)state;
	begin("");
	assert_fails(kill_of("", "", ""), ERROR_NOT_LOGGED_IN);
	first = peer_login(&fcgi, "alice");
	second = peer_login(&fcgi, "alice");
	peer_login(&fcgi, "bob");
	/* Nothing said is nobody meant. */
	assert_fails(kill_of("", "", ""), ERROR_NOT_LOGGED_IN);
	assert_fails(kill_of("", "carol", ""), ERROR_NOT_LOGGED_IN);
	assert_fails(kill_of("", "alice", "elsewhere"), ERROR_NOT_LOGGED_IN);
	assert_fails(kill_of(first.login, "bob", ""), ERROR_NOT_LOGGED_IN);
	strcpy(beginning, first.login);
	for (size_t length = 16; length != 0; length--) {
		beginning[length] = 0;
		if (strncmp(second.login, beginning, length) != 0)
			continue;
		/* Both begin so. */
		assert_fails(kill_of(beginning, "alice", ""), ERROR_BAD_REQUEST);
		break;
	}
	strcpy(beginning, first.login);
	beginning[12] = 0;
	assert_killed(kill_of(beginning, "", ""), 1);
	AWAIT(peer_status(&ctl)->logins == 2);
	assert_killed(kill_of("", "alice", "here"), 1);
	AWAIT(peer_status(&ctl)->logins == 1);
	assert_string_equal(peer_list(&ctl)->logins[0].user, "bob");
	assert_killed(kill_of("", "", "here"), 1);
	assert_logged("has ended 1 logins");
	end();
}

static const struct message *drain(enum drain mode)
{
	struct message message;

	message_init(&message, MESSAGE_DRAIN, 0);
	message.drain.mode = (uint8_t)mode;
	return peer_ask(&ctl, &message);
}

static void test_drain(void **state)
{
	const struct message *answer;
	struct ticket ticket;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	assert_int_equal(peer_status(&ctl)->draining, 0);
	assert_int_equal(drain(DRAIN_ON)->type, MESSAGE_DONE);
	assert_int_equal(peer_status(&ctl)->draining, 1);
	answer = peer_await(&fcgi, peer_send_login(&fcgi, "here", "bob"));
	assert_fails(answer, ERROR_DRAINING);
	assert_int_equal(answer->fail.retry_after_s, 60);
	/* Who is there goes on. */
	assert_int_equal(peer_start(&fcgi, &ticket, "ICEWM")->type, MESSAGE_STREAM);
	assert_int_equal(drain(DRAIN_OFF)->type, MESSAGE_DONE);
	assert_int_equal(peer_status(&ctl)->draining, 0);
	peer_login(&fcgi, "bob");
	assert_int_equal(peer_status(&ctl)->logins, 2);
	assert_int_equal(drain(DRAIN_END)->type, MESSAGE_DONE);
	assert_nothing_left(&ctl);
	assert_logged("login ended: draining");
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", "bob")), ERROR_DRAINING);
	assert_logged("ends the logins that are left");
	end();
}

static const struct message *show(const char *login)
{
	struct message message;

	message_init(&message, MESSAGE_SHOW_GET, 0);
	strcpy(message.show_get.login, login);
	return peer_ask(&ctl, &message);
}

static void test_show(void **state)
{
	const struct record_login *login;
	const struct message *answer;
	struct ticket ticket;

	(void)state;
	begin("[deadlines]\nlogin = 1000\n");
	assert_fails(show("0123456789abcdef"), ERROR_NOT_LOGGED_IN);
	ticket = peer_login(&fcgi, "alice");
	answer = show(ticket.login);
	assert_int_equal(answer->type, MESSAGE_SHOWN);
	assert_int_equal(answer->shown.stream, STREAM_STATE_NONE);
	assert_string_equal(answer->shown.login[0].state, "ready");
	assert_int_equal(answer->shown.login[0].to_browser_bytes, 0);
	assert_string_equal(answer->shown.fingerprint, "SHA256:standin");
	assert_string_equal(answer->shown.way, "");
	assert_in_range(answer->shown.expires_s, 990, 1000);
	assert_int_equal(peer_start(&fcgi, &ticket, "ICEWM")->type, MESSAGE_STREAM);
	peer_send_start(&fcgi, &ticket, "never");
	answer = show(ticket.login);
	login = &answer->shown.login[0];
	assert_int_equal(answer->shown.stream, STREAM_STATE_ATTACHED);
	assert_in_range(answer->shown.since_s, 0, 5);
	assert_int_equal(answer->shown.orders, 1);
	assert_string_equal(login->state, "attached");
	assert_string_equal(login->session, "alice-50-1795219328_stKICEWM_dp24");
	assert_int_equal(login->to_browser_bytes, 1000);
	assert_int_equal(login->from_browser_bytes, 41);
	assert_int_equal(login->round_trip_us, 12345);
	assert_int_equal(login->resumes, 2);
	assert_killed(kill_of(ticket.login, "", ""), 1);
	assert_nothing_left(&ctl);
	assert_logged("1000 bytes to the browser, 41 from it");
	end();
}

static uint32_t send_say(struct peer *peer, const char *user, bool all)
{
	struct message message;

	message_init(&message, MESSAGE_SAY, 0);
	message.say.whom_count = 1;
	strcpy(message.say.whom[0].user, user);
	message.say.whom[0].all = all;
	strcpy(message.say.text, "gr\xc3\xbc\xc3\x9f"
				 "e an alle");
	return peer_send(peer, &message);
}

static void assert_said(
    const struct message *answer, unsigned logins, unsigned pages, unsigned later)
{
	assert_int_equal(answer->type, MESSAGE_SAID);
	assert_int_equal(answer->said.logins, logins);
	assert_int_equal(answer->said.pages, pages);
	assert_int_equal(answer->said.later, later);
}

static void test_say(void **state)
{
	struct ticket deaf;
	uint32_t first, second;

	(void)state;
	begin("[broker]\nlog_level = debug\n");
	assert_fails(peer_await(&ctl, send_say(&ctl, "", true)), ERROR_NOT_LOGGED_IN);
	for (unsigned i = 0; i < 3; i++)
		peer_login(&fcgi, "alice");
	peer_login(&fcgi, "bob");
	peer_login(&fcgi, "carol");
	assert_said(peer_await(&ctl, send_say(&ctl, "", true)), 5, 3, 1);
	assert_logged("session: gr\xc3\xbc\xc3\x9f"
		      "e an alle");
	assert_said(peer_await(&ctl, send_say(&ctl, "bob", false)), 1, 0, 1);
	assert_fails(peer_await(&ctl, send_say(&ctl, "", false)), ERROR_NOT_LOGGED_IN);
	/* Two admins at a time, one of whom does not wait; and a session that says nothing, and is
	 * over before it would have to. */
	deaf = peer_login(&fcgi, "deaf");
	peer_open(&admin, ROLE_CTL);
	first = send_say(&ctl, "", true);
	second = send_say(&admin, "deaf", false);
	peer_status(&admin);
	assert_int_equal(admin.answer_id, second + 1);
	peer_close(&admin);
	/* By another one, as the first one's answer may come before that of this. */
	peer_open(&admin, ROLE_CTL);
	assert_killed(kill_by(&admin, deaf.login, "", ""), 1);
	peer_close(&admin);
	assert_said(peer_await(&ctl, first), 6, 3, 1);
	drain(DRAIN_END);
	end();
}

static void test_say_to_nobody_in_time(void **state)
{
	(void)state;
	begin("");
	peer_login(&fcgi, "deaf");
	peer_login(&fcgi, "alice");
	assert_said(peer_await(&ctl, send_say(&ctl, "", true)), 2, 1, 0);
	drain(DRAIN_END);
	end();
}

static const struct message *reload(void)
{
	struct message message;

	message_init(&message, MESSAGE_RELOAD, 0);
	return peer_ask(&ctl, &message);
}

static bool has_line(const struct message *answer, const char *part)
{
	for (size_t i = 0; i < answer->reloaded.lines_count; i++)
		if (strstr(answer->reloaded.lines[i].text, part) != NULL)
			return true;
	return false;
}

static void test_reload(void **state)
{
	char many[4000] = "";
	const struct message *answer;

	(void)state;
	begin("");
	answer = reload();
	assert_int_equal(answer->type, MESSAGE_RELOADED);
	assert_int_equal(answer->reloaded.done, 1);
	assert_int_equal(answer->reloaded.lines_count, 1);
	assert_true(has_line(answer, "configuration reloaded"));
	world_configure("[limits]\nlogins = 0\n");
	answer = reload();
	assert_int_equal(answer->reloaded.done, 0);
	assert_true(has_line(answer, "[limits] logins: "));
	assert_true(has_line(answer, "the running one stays"));
	/* More than the answer holds: its last line is the last one. */
	for (unsigned i = 0; i < 100; i++)
		snprintf(
		    many + strlen(many), sizeof(many) - strlen(many), "[limits]\nno%u = 1\n", i);
	world_configure(many);
	answer = reload();
	assert_int_equal(answer->reloaded.done, 0);
	assert_int_equal(answer->reloaded.lines_count, 64);
	assert_true(has_line(answer, "no62"));
	assert_string_equal(
	    answer->reloaded.lines[63].text, "configuration not reloaded: the running one stays");
	end();
}

/* What followers are told. */
static char traced[16384];
static unsigned traced_lasts, traced_lines;

static void on_traced(struct conn *conn, struct message *message, void *arg)
{
	size_t used = strlen(traced);

	(void)conn;
	(void)arg;
	if (message->type == MESSAGE_FAIL) {
		snprintf(traced, sizeof(traced), "failed: %s", message->fail.detail);
		return;
	}
	assert_int_equal(message->type, MESSAGE_TRACED);
	snprintf(traced + used, sizeof(traced) - used, "%s %u %s\n", message->traced.login,
	    (unsigned)message->traced.level, message->traced.text);
	traced_lasts += message->traced.last;
	traced_lines++;
}

static void on_follower_ready(struct conn *conn, void *arg)
{
	conn_send(conn, arg);
}

static void on_follower_closed(struct conn *conn, const char *reason, void *arg)
{
	(void)conn;
	(void)arg;
	fail_msg("%s", reason);
}

static struct conn *follow(const char *login, const char *user)
{
	static const struct conn_handlers handlers = {
	    .ready = on_follower_ready, .message = on_traced, .closed = on_follower_closed};
	static struct message message;

	traced[0] = 0;
	traced_lasts = traced_lines = 0;
	message_init(&message, MESSAGE_TRACE, 7);
	message.trace.whom_count = 1;
	strcpy(message.trace.whom[0].login, login);
	strcpy(message.trace.whom[0].user, user);
	return conn_create(world.base, world_connect("run/control.sock"), ROLE_CTL, ROLE_BROKER,
	    &handlers, &message);
}

static void test_trace(void **state)
{
	struct conn *follower;
	struct ticket ticket;

	(void)state;
	begin("");
	follower = follow("0123456789abcdef", "");
	AWAIT(strcmp(traced, "failed: no such login") == 0);
	conn_destroy(follower);
	follower = follow("", "");
	AWAIT(strstr(traced, "failed: ") != NULL);
	conn_destroy(follower);
	ticket = peer_login(&fcgi, "alice");
	follower = follow(ticket.login, "");
	AWAIT(strstr(traced, " 6 alice@here from 192.0.2.1: ready, no desktop is shown\n") != NULL);
	/* Of all levels, of the broker and of the session process, and not of others. */
	peer_await(&ctl, send_say(&ctl, "alice", false));
	AWAIT(strstr(traced, " 7 session: gr\xc3\xbc\xc3\x9f"
			     "e an alle\n") != NULL);
	peer_login(&fcgi, "bob");
	assert_killed(kill_of(ticket.login, "", ""), 1);
	AWAIT(traced_lasts == 1);
	assert_non_null(strstr(traced, " 7 login: ready -> stopping\n"));
	assert_non_null(strstr(traced, " 6 login ended: killed"));
	assert_null(strstr(traced, "bob"));
	/* The log itself has not got more than usual. */
	assert_null(strstr(world_log(), "-> stopping"));
	conn_destroy(follower);
	drain(DRAIN_END);
	end();
}

/* From its first step, and what is refused before it is one. */
static void test_trace_of_what_is_to_come(void **state)
{
	struct conn *follower;

	(void)state;
	begin("");
	follower = follow("", "wrong");
	peer_status(&ctl);
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", "wrong")), ERROR_AUTH_FAILED);
	AWAIT(traced_lasts == 1);
	assert_non_null(strstr(traced, " 7 login: waiting -> dialling\n"));
	assert_non_null(strstr(traced, "login failed: auth_failed"));
	drain(DRAIN_ON);
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", "wrong")), ERROR_DRAINING);
	AWAIT(strstr(traced, " 6 login refused: draining") != NULL);
	conn_destroy(follower);
	/* It is gone while something is still being said. */
	drain(DRAIN_OFF);
	peer_login(&fcgi, "wrong2");
	drain(DRAIN_END);
	end();
}

/* A session process cannot fill its followers' connections. */
static void test_trace_of_chatter(void **state)
{
	struct conn *follower;
	struct ticket ticket;

	(void)state;
	begin("");
	follower = follow("", "chatty");
	peer_status(&ctl);
	ticket = peer_login(&fcgi, "chatty");
	/* What it sends of its own accord, 1000 lines, comes before the answer. */
	assert_int_equal(peer_start(&fcgi, &ticket, "ICEWM")->type, MESSAGE_STREAM);
	AWAIT(strstr(traced, "session started") != NULL);
	assert_in_range(traced_lines, 150, 500);
	traced[0] = 0;
	while (strstr(traced, " 4 ") == NULL)
		peer_await(&ctl, send_say(&ctl, "chatty", false));
	assert_non_null(strstr(traced, " lines of the session process were left out\n"));
	conn_destroy(follower);
	drain(DRAIN_END);
	end();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_kill_some), CASE(test_drain), CASE(test_show),
	    CASE(test_say), CASE(test_say_to_nobody_in_time), CASE(test_reload), CASE(test_trace),
	    CASE(test_trace_of_what_is_to_come), CASE(test_trace_of_chatter)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
