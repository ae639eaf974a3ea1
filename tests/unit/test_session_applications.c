/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Published applications over a connection: what the server says, or does not.
 */
#include "session_world.h"

#define XTERM                                                                                      \
	"<desktop>\nName=XTerm\nName[de]=XTerm\nExec=xterm -ls\nCategories=System;\n</desktop>\n"
#define TOP "<desktop>\nName=top\nExec=no-such-program-either\nTerminal=true\n</desktop>\n"

static void ask(void)
{
	struct message message;

	told.has_answer = false;
	message_init(&message, MESSAGE_DO_APPLICATIONS, 7);
	assert_true(conn_send(broker, &message));
}

static void test_applications(void **state)
{
	(void)state;
	open_login();
	put("apps", XTERM TOP);
	put_script("x2gogetapps", "cat ~/apps; echo noise >&2");
	put_script("xterm", "");
	ask();
	expect_answer(MESSAGE_APPLICATIONS);
	assert_int_equal(told.answer.applications.applications_count, 2);
	assert_string_equal(
	    told.answer.applications.applications[0].command, "xterm -e no-such-program-either");
	assert_string_equal(told.answer.applications.applications[1].command, "xterm -ls");
	assert_string_equal(told.answer.applications.applications[1].title, "XTerm");
	assert_int_equal(told.answer.applications.applications[1].group, APPLICATION_GROUP_SYSTEM);
}

static void test_server_that_publishes_nothing(void **state)
{
	(void)state;
	open_login();
	put_script("x2gogetapps", "exit 1");
	ask();
	expect_answer(MESSAGE_APPLICATIONS);
	assert_int_equal(told.answer.applications.applications_count, 0);
	remove_file("bin/x2gogetapps");
	ask();
	expect_answer(MESSAGE_APPLICATIONS);
	assert_int_equal(told.answer.applications.applications_count, 0);
}

/* Megabytes of pictures, and texts without end: what comes first is read. */
static void test_endless_output(void **state)
{
	(void)state;
	open_login();
	put("apps", XTERM);
	put_script("x2gogetapps",
	    "cat ~/apps; head -c 20000000 /dev/zero | tr '\\0' 'A' | fold -w 76\n"
	    "yes 'Name=a desktop without end'");
	ask();
	expect_answer(MESSAGE_APPLICATIONS);
	assert_int_equal(told.answer.applications.applications_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_applications),
	    TEST(test_server_that_publishes_nothing),
	    TEST(test_endless_output),
	};

	log_init("test_session_applications",
	    getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
