/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * A login and its desktop against a server that does what a healthy one never does: logging
 * in, starting, and every end.
 */
#include "session_world.h"

/* --- logging in --------------------------------------------------------------------------- */

static void test_open(void **state)
{
	(void)state;
	put_list("RS");
	open_login();
	assert_int_equal(told.opened.opened.sessions_count, 2);
	assert_string_equal(told.opened.opened.sessions[0].id, ID);
	assert_string_equal(told.opened.opened.sessions[1].desktop, "XFCE");
	assert_int_equal(told.opened.opened.sessions[0].attached, 0);
	/* Those that are installed, in our order; ICEWM perhaps is here, too. */
	assert_in_range(told.opened.opened.desktops_count, 2, 3);
	assert_string_equal(
	    told.opened.opened.desktops[told.opened.opened.desktops_count - 1].id, "sh");
	assert_int_equal(strncmp(told.opened.opened.fingerprint, "SHA256:", 7), 0);
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_SESSIONS);
	assert_int_equal(told.answer.sessions.sessions_count, 2);
}

/* An admin has something to say while the user looks at the list: the latest goes with it, once. */
static void test_said_with_the_list(void **state)
{
	(void)state;
	open_login();
	for (unsigned i = 0; i < 2; i++) {
		send_order(MESSAGE_TELL, i == 0 ? "tea" : "no tea");
		expect_answer(MESSAGE_TOLD);
		assert_int_equal(told.answer.told.pages, 0);
		assert_int_equal(told.answer.told.later, 1);
	}
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_SESSIONS);
	assert_string_equal(told.answer.sessions.said, "no tea");
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_SESSIONS);
	assert_string_equal(told.answer.sessions.said, "");
}

static void test_open_without_x2go(void **state)
{
	(void)state;
	if (sshd.pid != 0)
		remove_file("bin/x2golistsessions");
	expect_end(ERROR_X2GO_MISSING);
}

static void test_open_without_kdrive(void **state)
{
	(void)state;
	if (sshd.pid != 0)
		put_script("x2gofeaturelist", "echo X2GO_XSESSION");
	expect_end(ERROR_X2GO_MISSING);
}

/* No list, no features: that is no server without sessions. */
static void test_open_with_broken_x2go(void **state)
{
	(void)state;
	if (sshd.pid != 0)
		put_script("x2gofeaturelist", "echo WARNING: determined X2Go; exit 1");
	expect_end(ERROR_X2GO_FAULT);
	assert_non_null(strstr(told.ended.ended.detail, "WARNING"));
}

static void test_open_with_broken_database(void **state)
{
	(void)state;
	if (sshd.pid != 0)
		put("list", "DBIconnect('dbname=/var/lib/x2go/x2go_sessions','',...)failed\n");
	expect_end(ERROR_X2GO_FAULT);
	assert_int_equal(count_calls("x2golistsessions"), 1);
}

/* What has gone wrong is told, what the rows before it hold is not. */
static void test_open_with_rows_and_a_fault(void **state)
{
	char list[2000] = "";

	(void)state;
	if (sshd.pid != 0) {
		put_row(list, sizeof(list), ID, 'R');
		strcat(list, "DBD::SQLite::stfetchrowfailed:diskI/Oerror\n");
		put("list", list);
	}
	expect_end(ERROR_X2GO_FAULT);
	assert_string_equal(told.ended.ended.detail,
	    "x2golistsessions says: DBD::SQLite::stfetchrowfailed:diskI/Oerror");
}

static void test_open_with_a_row_that_is_no_session(void **state)
{
	char list[2000] = "";

	(void)state;
	if (sshd.pid != 0) {
		put_row(list, sizeof(list), ID, 'Q');
		put("list", list);
	}
	expect_end(ERROR_X2GO_FAULT);
	assert_null(strstr(told.ended.ended.detail, COOKIE));
}

static void test_open_waits_for_a_busy_database(void **state)
{
	(void)state;
	if (sshd.pid != 0)
		put_script("x2golistsessions",
		    "[ $(grep -c listsessions ~/calls) -ge 3 ] && exit 0\n"
		    "echo DBD::SQLite::stexecutefailed:databaseislockedat/usr/share");
	open_login();
	assert_int_equal(count_calls("x2golistsessions"), 3);
}

static void test_open_with_an_endless_list(void **state)
{
	(void)state;
	if (sshd.pid != 0)
		put_script("x2golistsessions", "yes");
	expect_end(ERROR_X2GO_FAULT);
}

/* --- starting ----------------------------------------------------------------------------- */

static bool program_has_run(void)
{
	return count_calls("x2goruncommand 50 ") == 1;
}

static bool agent_has_been_greeted(void)
{
	return agent.length == KDRIVE_OPENING_BYTES;
}

static void test_start(void **state)
{
	const struct record_session *row = &told.answer.stream.session[0];

	(void)state;
	start_desktop();
	assert_string_equal(row->id, ID);
	assert_string_equal(row->desktop, "ICEWM");
	assert_int_equal(row->display, 50);
	assert_int_equal(row->status, SESSION_STATUS_RUNNING);
	assert_int_equal(row->attached, 1);
	assert_int_equal(strlen(row->created), strlen("2026-11-21T00:02:08"));
	assert_true(told.answer.stream.port != 0);
	run_until_true(program_has_run);
	run_until_true(agent_has_been_greeted);
	assert_memory_equal(agent.received, COOKIE, 32);
	assert_int_equal(count_calls("x2gostartagent 1024x768 lan 16m-jpeg-9 unix-kde-depth_24 us "
				     "pc105/us 1 K ICEWM both\n"),
	    1);
	assert_int_equal(count_calls("x2golistsessions"), 1);
	/* The list agrees about who is attached. */
	put_list("RR");
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_SESSIONS);
	assert_int_equal(told.answer.sessions.sessions[0].attached, 1);
	assert_int_equal(told.answer.sessions.sessions[1].attached, 0);
}

static void test_start_beyond_the_limit(void **state)
{
	(void)state;
	open_login();
	put("started", "");
	put("start-errors", "LIMIT\n");
	put("start-status", "9\n");
	send_start("ICEWM");
	expect_fail(ERROR_SESSION_LIMIT);
}

#define FAILED_BEFORE "echo 'Failed to start X2Go Agent session with ID tester-5"
#define FAILED_AFTER                                                                               \
	"-1795219320_stDICEWM_dp24. X2Go Agent terminated unexpectedly. Aborting session "         \
	"startup.' >&2; exit 12"

/* A stale lock: the next display is tried, and the row of the first is ended. */
static void test_start_is_tried_twice(void **state)
{
	(void)state;
	open_login();
	put_script("x2gostartagent", "if [ $(grep -c startagent ~/calls) = 1 ]; then " FAILED_BEFORE
				     "2" FAILED_AFTER "; fi\ncat ~/started");
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("x2goterminate-session"), 1);
	assert_int_equal(count_calls("x2goterminate-session tester-52-"), 1);

	put_script("x2gostartagent",
	    "echo noise >&2; if [ $(grep -c startagent ~/calls) = 3 ]; "
	    "then " FAILED_BEFORE "3" FAILED_AFTER "; fi\n" FAILED_BEFORE "4" FAILED_AFTER);
	send_start("ICEWM");
	expect_fail(ERROR_START_FAILED);
	assert_int_equal(count_calls("x2gostartagent"), 4);
	assert_int_equal(count_calls("x2goterminate-session tester-53-"), 1);
	assert_int_equal(count_calls("x2goterminate-session tester-54-"), 1);
	assert_non_null(strstr(told.answer.fail.detail, "with 12: Failed to start"));
	/* What was there before is still there. */
	assert_int_equal(told.stream_state.stream_state.state, STREAM_STATE_WAITING);
}

static void test_start_that_makes_no_sense(void **state)
{
	static const char *const nonsense[] = {
	    "", "\n\n\n\n\n\n\n", "50\n", "50\n" COOKIE "\n1\n" NX "\n31331\n31332\n31333\n"};

	(void)state;
	open_login();
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		put("started", nonsense[i]);
		send_start("ICEWM");
		expect_fail(ERROR_START_FAILED);
	}
	assert_int_equal(count_calls("x2goruncommand"), 0);
}

static void test_start_of_an_unprotected_display(void **state)
{
	(void)state;
	open_login();
	put_started(STARTED);
	put("start-errors", "xauth:  timeout in locking authority file /home/tester/.Xauthority\n");
	send_start("ICEWM");
	expect_fail(ERROR_START_FAILED);
	assert_int_equal(count_calls("x2goterminate-session " ID "\n"), 1);
	assert_false(agent.connected);
}

static void test_start_without_an_agent(void **state)
{
	(void)state;
	open_login();
	put("started", "50\n" COOKIE "\n1\n" ID "\n1\n31332\n31333\n");
	send_start("ICEWM");
	/* sshd permits the agent's port only. */
	expect_fail(ERROR_FORWARDING_DENIED);
	assert_int_equal(count_calls("x2goterminate-session " ID "\n"), 1);
	assert_int_equal(told.stream_states, 0);
}

static void test_one_start_at_a_time(void **state)
{
	(void)state;
	open_login();
	send_start("ICEWM");
	send_start("ICEWM");
	expect_fail(ERROR_SESSION_BUSY);
	told.has_answer = false;
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_STREAM);
	told.has_answer = false;
	expect_answer(MESSAGE_SESSIONS);
}

static void test_start_of_what_cannot_be_sent(void **state)
{
	(void)state;
	open_login();
	send_start("xterm; rm -rf x");
	expect_fail(ERROR_BAD_REQUEST);
	assert_int_equal(count_calls("x2gostartagent"), 0);
}

/* --- ends --------------------------------------------------------------------------------- */

static void expect_end_with(const char *last_state, const char *message, enum error_code reason)
{
	char path[100];

	start_desktop();
	if (message != NULL) {
		snprintf(path, sizeof(path), ".x2go/C-%s/cmdoutput", ID);
		put(path, message);
	}
	agent.last_state = last_state;
	leave_agent();
	expect_stream_end(reason);
}

static void test_desktop_ends(void **state)
{
	(void)state;
	expect_end_with("TERMINATED", "exec ICEWM\n", ERROR_ENDED);
}

static void test_desktop_is_suspended_elsewhere(void **state)
{
	(void)state;
	expect_end_with("SUSPENDED", NULL, ERROR_SUSPENDED);
}

static void test_desktop_is_not_installed(void **state)
{
	(void)state;
	expect_end_with("TERMINATED", "X2GORUNCOMMAND ERR NOEXEC:/usr/bin/icewm-session\n",
	    ERROR_DESKTOP_MISSING);
}

static void test_agent_dies(void **state)
{
	(void)state;
	put_started("50\n" COOKIE "\n4194304\n" ID "\n%PORT%\n31332\n31333\n");
	expect_end_with("RUNNING", NULL, ERROR_AGENT_LOST);
}

/* --- the login's end ---------------------------------------------------------------------- */

static void test_stop(void **state)
{
	struct message message;

	(void)state;
	start_desktop();
	message_init(&message, MESSAGE_STOP, 0);
	message.stop.code = ERROR_IDLE;
	assert_true(conn_send(broker, &message));
	run_until(&told.link_closed);
	assert_true(told.has_ended);
	assert_int_equal(told.ended.ended.code, ERROR_IDLE);
	run_until(&agent.gone);
	/* It was asked to hang up, not just cut off. */
	assert_int_equal(agent.length, KDRIVE_OPENING_BYTES + KDRIVE_EVENT_BYTES);
}

static bool session_has_ended(void)
{
	return session.state == SESSION_STATE_ENDED;
}

static void test_broker_is_gone(void **state)
{
	(void)state;
	start_desktop();
	conn_destroy(broker);
	broker = NULL;
	run_until(&agent.gone);
	assert_int_equal(agent.length, KDRIVE_OPENING_BYTES + KDRIVE_EVENT_BYTES);
	run_until_true(session_has_ended);
}

static bool agent_is_starting(void)
{
	return count_calls("x2gostartagent") == 1;
}

static void test_stop_in_the_middle(void **state)
{
	struct message message;

	(void)state;
	open_login();
	put_script("x2gostartagent", "sleep 2");
	send_start("ICEWM");
	send_order(MESSAGE_DO_SESSIONS, NULL);
	run_until_true(agent_is_starting);
	message_init(&message, MESSAGE_STOP, 0);
	message.stop.code = ERROR_LOGOUT;
	assert_true(conn_send(broker, &message));
	run_until(&told.link_closed);
	assert_true(told.has_ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_open),
	    TEST(test_said_with_the_list),
	    TEST(test_open_without_x2go),
	    TEST(test_open_without_kdrive),
	    TEST(test_open_with_broken_x2go),
	    TEST(test_open_with_broken_database),
	    TEST(test_open_with_rows_and_a_fault),
	    TEST(test_open_with_a_row_that_is_no_session),
	    TEST(test_open_waits_for_a_busy_database),
	    TEST(test_open_with_an_endless_list),
	    TEST(test_start),
	    TEST(test_start_beyond_the_limit),
	    TEST(test_start_is_tried_twice),
	    TEST(test_start_that_makes_no_sense),
	    TEST(test_start_of_an_unprotected_display),
	    TEST(test_start_without_an_agent),
	    TEST(test_one_start_at_a_time),
	    TEST(test_start_of_what_cannot_be_sent),
	    TEST(test_desktop_ends),
	    TEST(test_desktop_is_suspended_elsewhere),
	    TEST(test_desktop_is_not_installed),
	    TEST(test_agent_dies),
	    TEST(test_stop),
	    TEST(test_broker_is_gone),
	    TEST(test_stop_in_the_middle),
	};

	log_init("test_session", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
