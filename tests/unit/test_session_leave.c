/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Resuming, suspending and terminating against a server that does what a healthy one never does.
 */
#include "session_world.h"

/* --- resuming ----------------------------------------------------------------------------- */

static void put_resumed(void)
{
	char text[100];

	snprintf(text, sizeof(text), "words of setxkbmap\ngr_port=%u\nsound_port=1\nfs_port=2\n",
	    agent.port);
	put("resumed", text);
	put_state(ID, "SUSPENDED");
	put_list("S");
}

static void test_resume(void **state)
{
	(void)state;
	open_login();
	put_resumed();
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_string_equal(told.answer.stream.session[0].id, ID);
	assert_int_equal(told.answer.stream.session[0].status, SESSION_STATUS_RUNNING);
	assert_int_equal(told.answer.stream.session[0].attached, 1);
	assert_true(agent.connected);
	assert_int_equal(
	    count_calls("x2goresume-session " ID " 1024x768 lan 16m-jpeg-9 us auto 0 both\n"), 1);
}

/* Two resumes at a time cancel each other: ports are printed, and nothing listens. */
static void test_resume_race(void **state)
{
	(void)state;
	open_login();
	put_resumed();
	put_script("x2goresume-session",
	    "s=RESUMING; [ $(grep -c resume-session ~/calls) = 1 ] && s=SUSPENDED\n"
	    "echo -n $s >~/.x2go/C-$1/state; cat ~/resumed");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("x2goresume-session"), 2);
	assert_int_equal(count_calls("x2golistsessions"), 3); /* looked at anew */
}

static void test_resume_that_fails(void **state)
{
	(void)state;
	open_login();
	put_resumed();
	put("resumed-state", "SUSPENDED");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_RESUME_FAILED);
	assert_int_equal(count_calls("x2goresume-session"), 2);
	assert_false(agent.connected);

	put("resumed", "");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_RESUME_FAILED);

	put_script("x2goresume-session",
	    "echo \"ERROR: failed to resume session with ID $1\" >&2; cat ~/resumed");
	put_resumed();
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_NO_SUCH_SESSION);
}

static void test_resume_of_what_must_not_be(void **state)
{
	(void)state;
	open_login();
	put_list("-SS");
	put_state(NX, "SUSPENDED");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_NO_SUCH_SESSION);
	send_order(MESSAGE_DO_RESUME, NX);
	expect_fail(ERROR_NOT_SHOWABLE);
	/* No state file: a resume would make it worse. */
	send_order(MESSAGE_DO_RESUME, OTHER);
	expect_fail(ERROR_RESUME_FAILED);
	assert_int_equal(count_calls("x2goresume-session"), 0);
}

/* --- leaving ------------------------------------------------------------------------------ */

static void test_suspend_of_the_own_stream(void **state)
{
	(void)state;
	start_desktop();
	put_script("x2golistsessions", "grep -q SUSPENDED ~/.x2go/C-" ID "/state && sed -i "
				       "'s/|R|/|S|/' ~/list; cat ~/list");
	put_list("R");
	send_order(MESSAGE_DO_SUSPEND, ID);
	expect_answer(MESSAGE_SESSION);
	assert_true(agent.gone);
	assert_int_equal(told.answer.session.session[0].status, SESSION_STATUS_SUSPENDED);
	assert_int_equal(told.answer.session.session[0].attached, 0);
	/* No signal was needed. */
	assert_int_equal(count_calls("x2gosuspend-session"), 0);
}

static void test_suspend_of_another(void **state)
{
	(void)state;
	open_login();
	put_list("RR");
	send_order(MESSAGE_DO_SUSPEND, OTHER);
	expect_answer(MESSAGE_SESSION);
	assert_string_equal(told.answer.session.session[0].id, OTHER);
	assert_int_equal(count_calls("x2gosuspend-session " OTHER "\n"), 1);
	put_script("x2gosuspend-session", "true");
	put_list("R");
	send_order(MESSAGE_DO_SUSPEND, ID);
	expect_fail(ERROR_X2GO_FAULT);
	send_order(MESSAGE_DO_SUSPEND, OTHER);
	expect_fail(ERROR_NO_SUCH_SESSION);
}

static void test_terminate(void **state)
{
	char path[120];

	(void)state;
	start_desktop();
	put_list("R");
	/* It takes a while. */
	put_script(
	    "x2goterminate-session", "(sleep 0.3; sed -i \"/$1/d\" ~/list) >/dev/null 2>&1 &");
	send_order(MESSAGE_DO_TERMINATE, ID);
	expect_answer(MESSAGE_SESSION);
	assert_int_equal(told.answer.session.session[0].status, SESSION_STATUS_TERMINATED);
	assert_true(agent.gone); /* before any signal */
	assert_int_equal(told.stream_state.stream_state.reason, ERROR_TERMINATED);
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_SESSIONS);
	snprintf(path, sizeof(path), "%s/.x2go/C-" ID, home);
	assert_int_not_equal(access(path, F_OK), 0);
	/* The second click. */
	send_order(MESSAGE_DO_TERMINATE, ID);
	expect_answer(MESSAGE_SESSION);
	assert_int_equal(told.answer.session.session[0].status, SESSION_STATUS_TERMINATED);
	send_order(MESSAGE_DO_TERMINATE, OTHER);
	expect_fail(ERROR_NO_SUCH_SESSION);
	assert_int_equal(count_calls("x2goterminate-session"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_resume),
	    TEST(test_resume_race),
	    TEST(test_resume_that_fails),
	    TEST(test_resume_of_what_must_not_be),
	    TEST(test_suspend_of_the_own_stream),
	    TEST(test_suspend_of_another),
	    TEST(test_terminate),
	};

	log_init(
	    "test_session_leave", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
