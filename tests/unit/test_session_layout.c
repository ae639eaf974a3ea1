/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Keyboard layouts of sessions: at a start, at a resume, and while one runs.
 */
#include "session_world.h"

static void put_setxkbmap(const char *text)
{
	char script[300];

	/* In the one line of a call, so that the display is seen, too. */
	snprintf(script, sizeof(script), "echo \"setxkbmap on $DISPLAY\" >>~/calls\n%s", text);
	put_script("setxkbmap", script);
}

static void send_layout(const char *id, const char *layout)
{
	struct message message;

	told.has_answer = false;
	message_init(&message, MESSAGE_DO_LAYOUT, 7);
	strcpy(message.do_layout.session, id);
	strcpy(message.do_layout.layout, layout);
	assert_true(conn_send(broker, &message));
}

static void send_resume(const char *layout)
{
	struct message message;
	char text[100];

	snprintf(text, sizeof(text), "gr_port=%u\nsound_port=1\nfs_port=2\n", agent.port);
	put("resumed", text);
	put_state(ID, "SUSPENDED");
	put_list("S");
	told.has_answer = false;
	message_init(&message, MESSAGE_DO_RESUME, 7);
	strcpy(message.do_resume.session, ID);
	strcpy(message.do_resume.layout, layout);
	message.do_resume.width = 1024;
	message.do_resume.height = 768;
	assert_true(conn_send(broker, &message));
}

/* --- a running session -------------------------------------------------------------------- */

static void test_layout(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("");
	put_list("-R");
	send_layout(OTHER, "de");
	expect_answer(MESSAGE_DONE);
	assert_int_equal(count_calls("setxkbmap -model pc105 -layout de\n"), 1);
	assert_int_equal(count_calls("setxkbmap on :51\n"), 1);
	send_layout(OTHER, "ch(fr)");
	expect_answer(MESSAGE_DONE);
	assert_int_equal(count_calls("setxkbmap -model pc105 -layout ch -variant fr\n"), 1);
}

static void test_layout_that_the_server_does_not_know(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("echo 'Error loading new keyboard description' >&2; exit 251");
	put_list("R");
	send_layout(ID, "nope");
	expect_fail(ERROR_LAYOUT_UNKNOWN);
	assert_string_equal(
	    told.answer.fail.detail, "setxkbmap says: Error loading new keyboard description");
}

static void test_layout_of_a_display_that_does_not_answer(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("echo 'Cannot open display' >&2; exit 255");
	put_list("R");
	send_layout(ID, "de");
	expect_fail(ERROR_X2GO_FAULT);
}

static void test_layout_without_a_session(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("");
	put_list("S");
	send_layout(OTHER, "de");
	expect_fail(ERROR_NO_SUCH_SESSION);
	send_layout(ID, "de");
	expect_fail(ERROR_BAD_REQUEST);
	assert_int_equal(count_calls("setxkbmap"), 0);
}

/* Nobody but the broker could send one; it reaches no command line. */
static void test_layout_that_is_none(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("");
	put_list("R");
	send_layout(ID, "de;reboot");
	expect_fail(ERROR_BAD_REQUEST);
	assert_int_equal(count_calls("setxkbmap"), 0);
}

/* --- resume ------------------------------------------------------------------------------- */

static void test_resume_sets_the_layout_first(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("sleep 0.3; echo 'setxkbmap done' >>~/calls");
	send_resume("ch(fr)");
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("setxkbmap on :50\n"), 1);
	assert_int_equal(count_calls("setxkbmap -model pc105 -layout ch -variant fr\n"), 1);
	assert_int_equal(count_calls("setxkbmap done\n"), 1);
}

static void test_resume_leaves_the_layout(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("");
	send_resume("");
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("setxkbmap"), 0);
}

static void test_resume_works_without_the_layout(void **state)
{
	(void)state;
	open_login();
	put_setxkbmap("echo 'Error loading new keyboard description' >&2; exit 251");
	send_resume("nope");
	expect_answer(MESSAGE_STREAM);
	assert_true(agent.connected);
}

/* --- start -------------------------------------------------------------------------------- */

static bool program_runs_in_the_layout(void)
{
	return count_calls("x2goruncommand found the layout set") == 1;
}

static void test_start_sets_the_layout_before_the_desktop(void **state)
{
	struct message message;

	(void)state;
	open_login();
	put_setxkbmap("");
	put_script("x2goruncommand",
	    "grep -q '^setxkbmap on :50' ~/calls && echo 'x2goruncommand found the layout set' "
	    ">>~/calls");
	message_init(&message, MESSAGE_DO_START, 7);
	strcpy(message.do_start.command, "ICEWM");
	strcpy(message.do_start.layout, "ch(fr)");
	message.do_start.width = 1024;
	message.do_start.height = 768;
	message.do_start.quality = QUALITY_DEFAULT;
	assert_true(conn_send(broker, &message));
	expect_answer(MESSAGE_STREAM);
	run_until_true(program_runs_in_the_layout);
	assert_int_equal(
	    count_calls("x2gostartagent 1024x768 lan 16m-jpeg-9 unix-kde-depth_24 ch pc105/ch 1 "),
	    1);
	assert_int_equal(count_calls("setxkbmap -model pc105 -layout ch -variant fr\n"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_layout),
	    TEST(test_layout_that_the_server_does_not_know),
	    TEST(test_layout_of_a_display_that_does_not_answer),
	    TEST(test_layout_without_a_session),
	    TEST(test_layout_that_is_none),
	    TEST(test_resume_sets_the_layout_first),
	    TEST(test_resume_leaves_the_layout),
	    TEST(test_resume_works_without_the_layout),
	    TEST(test_start_sets_the_layout_before_the_desktop),
	};

	log_init("test_session_layout",
	    getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
