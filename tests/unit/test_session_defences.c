/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * An X2Go server at its worst: agents that have died, froze or never listened, ports that somebody
 * else has, commands that never end, a database that is locked, and users who click twice. The
 * numbers are those of docs/x2go-defences.md.
 */
#include "session_world.h"

/* A session that was left, and what x2goresume-session says of it. */
static void put_suspended(const char *program)
{
	char text[100];

	snprintf(text, sizeof(text), "gr_port=%u\nsound_port=1\nfs_port=2\n", agent.port);
	put("resumed", text);
	put_state(ID, "SUSPENDED");
	if (program != NULL)
		put(".x2go/C-" ID "/cmdoutput", program);
	put_list("S");
	put_script("x2gosuspend-session",
	    "sed -i 's/|R|/|S|/' ~/list; echo -n SUSPENDED >~/.x2go/C-$1/state");
}

static void expect_detail(const char *text)
{
	if (strstr(told.answer.fail.detail, text) == NULL)
		fail_msg("%s", told.answer.fail.detail);
}

/* --- before a resume ---------------------------------------------------------------------- */

/* Rows 11 and 13: x2goresume-session would wait for ever, or take a minute to notice. */
static void test_agent_has_died(void **state)
{
	(void)state;
	open_login();
	put_suspended("exec ICEWM\n");
	end_agent_process();
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_NO_SUCH_SESSION);
	expect_detail("agent has died");
	assert_int_equal(count_calls("x2goresume-session"), 0);
	/* Nor does it stay in the list, should X2Go's cleaner not run. */
	assert_int_equal(count_calls("x2goterminate-session " ID "\n"), 1);
}

/* Row 3: as long as somebody else's connection has the port, a resume would kill the agent. */
static void test_port_is_taken_for_a_while(void **state)
{
	char call[60];

	(void)state;
	open_login();
	put_suspended("exec ICEWM\n");
	put_script("ss", "[ $(grep -c '^ss ' ~/calls) -gt 2 ] || echo 'ESTAB 0 0 127.0.0.1:1 "
			 "127.0.0.1:22'\necho 'TIME-WAIT 0 0 127.0.0.1:1 127.0.0.1:22'");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	snprintf(call, sizeof(call), "ss -Htan sport = :%u\n", agent.port);
	assert_int_equal(count_calls(call), 3);
	assert_int_equal(count_calls("x2goresume-session"), 1);
}

static void test_port_stays_taken(void **state)
{
	(void)state;
	open_login();
	put_suspended("exec ICEWM\n");
	put_script("ss", "echo 'ESTAB 0 0 127.0.0.1:1 127.0.0.1:22'");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_SESSION_BUSY);
	assert_int_equal(count_calls("x2goresume-session"), 0);
}

/* Fact 7, row 4: a listener at the port is no harm where another port can be written into the
 * options. */
static void test_listener_and_broken_options(void **state)
{
	(void)state;
	open_login();
	put_suspended("exec ICEWM\n");
	put_script("ss", "echo 'LISTEN 0 1 0.0.0.0:1 0.0.0.0:*'");
	put_script("x2gooptionsstring", "echo No options string given, aborting. >&2; exit 6");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_false(session.options_broken);
	assert_int_equal(count_calls("x2gooptionsstring"), 1);
	/* Asked once in a login. */
	session.options_known = false;
	put_script("x2gooptionsstring",
	    "echo \"Can't locate Encode/Locale.pm in @INC at line 51.\" >&2; exit 2");
	put_list("R");
	send_order(MESSAGE_DO_SUSPEND, ID);
	expect_answer(MESSAGE_SESSION);
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_SESSION_BUSY);
	assert_true(session.options_broken);
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_SESSION_BUSY);
	assert_int_equal(count_calls("x2gooptionsstring"), 2);
	assert_int_equal(count_calls("x2goresume-session"), 1);
}

/* --- the resume itself -------------------------------------------------------------------- */

static bool resume_has_been_ended(void)
{
	char path[100];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/resume-pid", home);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return kill(pid, 0) != 0;
}

/* Row 11. */
static void test_resume_without_an_end(void **state)
{
	(void)state;
	start_deadline_ms = 500;
	open_login();
	put_suspended("exec ICEWM\n");
	put_script("x2goresume-session", "echo $$ >~/resume-pid; while :; do sleep 0.05; done");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_TIMEOUT);
	run_until_true(resume_has_been_ended);
}

/* Row 20: the server's cleaner suspends what has just been resumed. */
static void test_agent_lets_go_at_once(void **state)
{
	(void)state;
	open_login();
	put_suspended("exec ICEWM\n");
	agent.first_state = "SUSPENDED";
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("x2goresume-session"), 2);
	/* Nobody takes the second stream for the first one that has ended. */
	run_for_ms(300);
	assert_int_equal(told.stream_state.stream_state.state, STREAM_STATE_WAITING);
}

/* Row 7: whoever connected first says nothing, and the agent waits for that. */
static void test_agent_is_kept_waiting(void **state)
{
	(void)state;
	open_login();
	put_suspended("exec ICEWM\n");
	agent.first_state = NULL;
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("x2gosuspend-session " ID "\n"), 1);
	assert_int_equal(count_calls("x2goresume-session"), 2);
}

static void test_program_that_was_never_run(void **state)
{
	(void)state;
	open_login();
	put_suspended(NULL);
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("x2goruncommand 50 "), 1);
	assert_int_equal(count_calls("setxkbmap"), 0);
	send_order(MESSAGE_DO_SUSPEND, ID);
	expect_answer(MESSAGE_SESSION);

	put_suspended("exec ICEWM\n");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("x2goruncommand"), 1);
}

/* --- starts ------------------------------------------------------------------------------- */

static bool agent_has_been_suspended(void)
{
	return count_calls("x2gosuspend-session " ID "\n") == 1;
}

/* Nobody listens: another connection has used the agent's only one up. */
static void start_with_a_burnt_listener(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(agent.port)};
	const int on = 1;

	put_suspended(NULL);
	put_state(ID, "STARTING");
	put_list("R");
	event_free(agent.accept_event);
	agent.accept_event = NULL;
	close(agent.listener);
	send_start("ICEWM");
	run_until_true(agent_has_been_suspended);
	agent.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(agent.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(agent.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(agent.listener, 4), 0);
	agent.accept_event =
	    event_new(base, agent.listener, EV_READ | EV_PERSIST, on_agent_dialled, NULL);
	event_add(agent.accept_event, NULL);
}

/* Row 6. */
static void test_start_with_a_burnt_listener(void **state)
{
	(void)state;
	open_login();
	start_with_a_burnt_listener();
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(count_calls("x2gostartagent"), 1);
	assert_int_equal(count_calls("x2goresume-session " ID), 1);
	assert_int_equal(count_calls("x2goruncommand"), 1);
	assert_int_equal(count_calls("x2goterminate-session"), 0);
}

/* What cannot be rescued is not left behind. */
static void test_start_that_cannot_be_rescued(void **state)
{
	(void)state;
	open_login();
	put("resumed-state", "SUSPENDED");
	start_with_a_burnt_listener();
	expect_fail(ERROR_RESUME_FAILED);
	assert_int_equal(count_calls("x2goterminate-session " ID "\n"), 1);
	run_until_true(agent_process_is_gone);
}

/* Fact 9, row 14: terminated, and its process is ended even if the database did not know it. */
static void test_start_of_an_unprotected_display(void **state)
{
	(void)state;
	open_login();
	put_script("x2goterminate-session", "true");
	put("start-errors", "/usr/bin/x2gostartagent: line 500: xauth: command not found\n");
	send_start("ICEWM");
	expect_fail(ERROR_START_FAILED);
	run_until_true(agent_process_is_gone);
}

/* Somebody else may have started the like: the session is named in the journal. */
static void test_start_without_an_end(void **state)
{
	(void)state;
	start_deadline_ms = 1500;
	open_login();
	put_script("x2gostartagent", "sleep 3");
	put_list("RR");
	send_start("ICEWM");
	expect_fail(ERROR_TIMEOUT);
	expect_detail("leaves session " ID " behind");
	assert_int_equal(count_calls("x2goterminate-session"), 0);
}

/* --- leaving ------------------------------------------------------------------------------ */

/* Row 29, second half. */
static void test_frozen_agent_is_killed(void **state)
{
	(void)state;
	start_desktop();
	put_list("R");
	put_script("sleep", "while [ ! -e ~/half-a-minute ]; do /bin/sleep 0.02; done");
	agent.frozen = true;
	send_order(MESSAGE_DO_TERMINATE, ID);
	expect_answer(MESSAGE_SESSION);
	assert_int_equal(told.answer.session.session[0].status, SESSION_STATUS_TERMINATED);
	/* Nothing waits for it. */
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_SESSIONS);
	assert_false(agent_process_is_gone());
	put("half-a-minute", "");
	run_until_true(agent_process_is_gone);
}

/* One that is about to end by itself is no session of ours any more, whatever has its number. */
static void test_other_process_is_not_killed(void **state)
{
	pid_t other;

	(void)state;
	open_login();
	other = fork();
	if (other == 0) {
		if (setgid(SSHD_UID) != 0 || setuid(SSHD_UID) != 0)
			_exit(1);
		execl("/bin/sleep", "somebody-else", "600", (char *)NULL);
		_exit(1);
	}
	end_agent_process();
	agent.pid = other;
	put_list("R");
	put_script("sleep", "echo sleep >>~/calls");
	send_order(MESSAGE_DO_TERMINATE, ID);
	expect_answer(MESSAGE_SESSION);
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_answer(MESSAGE_SESSIONS);
	run_for_ms(200);
	assert_int_equal(count_calls("sleep"), 0);
	assert_false(agent_process_is_gone());
}

static void test_frozen_agent_does_not_suspend(void **state)
{
	(void)state;
	start_desktop();
	put_list("R");
	put_script("x2gosuspend-session", "true");
	agent.frozen = true;
	send_order(MESSAGE_DO_SUSPEND, ID);
	expect_fail(ERROR_X2GO_FAULT);
	expect_detail("does not suspend");
	/* What the user has open is not ended unasked. */
	assert_int_equal(count_calls("x2goterminate-session"), 0);
	assert_int_equal(count_calls("x2gosuspend-session"), 1);
}

/* Row 19: it exits 0 and has done nothing. */
static void test_terminate_with_a_locked_database(void **state)
{
	(void)state;
	open_login();
	put_list("RR");
	put_script("x2goterminate-session",
	    "[ $(grep -c terminate ~/calls) -ge 2 ] && sed -i \"/$1/d\" ~/list; exit 0");
	send_order(MESSAGE_DO_TERMINATE, ID);
	expect_answer(MESSAGE_SESSION);
	assert_int_equal(count_calls("x2goterminate-session " ID "\n"), 2);
}

/* --- twice -------------------------------------------------------------------------------- */

static void test_suspend_twice(void **state)
{
	(void)state;
	open_login();
	put_list("R");
	for (int i = 0; i < 2; i++) {
		send_order(MESSAGE_DO_SUSPEND, ID);
		expect_answer(MESSAGE_SESSION);
		assert_int_equal(told.answer.session.session[0].status, SESSION_STATUS_SUSPENDED);
	}
	assert_int_equal(count_calls("x2gosuspend-session"), 1);
}

static void test_resume_twice(void **state)
{
	uint16_t port;

	(void)state;
	open_login();
	put_suspended("exec ICEWM\n");
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	port = told.answer.stream.port;
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(told.answer.stream.port, port);
	assert_string_equal(told.answer.stream.session[0].id, ID);
	assert_int_equal(count_calls("x2goresume-session"), 1);
	assert_false(agent.gone);
}

/* --- others ------------------------------------------------------------------------------- */

/* The agent says "suspended" then, too. */
static void test_session_is_taken_over(void **state)
{
	pid_t taker;

	(void)state;
	start_desktop();
	taker = fork();
	if (taker == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sleep", "/usr/bin/x2goresume-session " ID, "600", (char *)NULL);
		_exit(1);
	}
	leave_agent();
	expect_stream_end(ERROR_REPLACED);
	kill(taker, SIGKILL);
	waitpid(taker, NULL, 0);
}

/* Row 25, and accounts that may log in but run nothing. */
static void test_commands_that_do_not_run(void **state)
{
	static const struct {
		const char *script;
		enum error_code code;
	} cases[] = {
	    {"echo 'Password change required but no TTY available.' >&2; exit 1",
		ERROR_PASSWORD_EXPIRED},
	    {"echo 'This account is currently not available.'; exit 1", ERROR_COMMANDS_DENIED},
	    {"echo 'This service allows sftp connections only.'; exit 1", ERROR_COMMANDS_DENIED},
	    {"echo 'a forced command'; exit 0", ERROR_COMMANDS_DENIED},
	    {"kill -KILL $$", ERROR_X2GO_FAULT},
	    {"shift; (/bin/sh -c \"$1\"); kill -KILL $$", ERROR_X2GO_FAULT},
	};

	(void)state;
	open_login();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* It stands in for the one that our line names. */
		put_script("sh", cases[i].script);
		send_order(MESSAGE_DO_SESSIONS, NULL);
		expect_fail(cases[i].code);
	}
}

/* Fact 1: no list is not an empty one. */
static void test_list_that_fails(void **state)
{
	(void)state;
	open_login();
	put_script("x2golistsessions", "exit 1");
	send_order(MESSAGE_DO_SESSIONS, NULL);
	expect_fail(ERROR_X2GO_FAULT);
	put_script("x2golistsessions", "kill -TERM $$");
	send_order(MESSAGE_DO_TERMINATE, ID);
	expect_fail(ERROR_X2GO_FAULT);
	send_order(MESSAGE_DO_RESUME, ID);
	expect_fail(ERROR_X2GO_FAULT);
}

/* Row 21: the server takes its time to forget the last command's channel. */
static int set_up_one_channel(void **state)
{
	sshd_options = "MaxSessions 1\n";
	return set_up(state);
}

static void test_one_channel_at_a_time(void **state)
{
	(void)state;
	start_desktop();
	put_list("R");
	for (int i = 0; i < 20; i++) {
		send_order(MESSAGE_DO_SESSIONS, NULL);
		expect_answer(MESSAGE_SESSIONS);
	}
	send_order(MESSAGE_DO_SUSPEND, ID);
	expect_answer(MESSAGE_SESSION);
	put_suspended(NULL);
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	send_order(MESSAGE_DO_TERMINATE, ID);
	expect_answer(MESSAGE_SESSION);
}

static int set_up_no_channel(void **state)
{
	sshd_options = "MaxSessions 0\n";
	return set_up(state);
}

static void test_no_channel_at_all(void **state)
{
	(void)state;
	expect_end(ERROR_X2GO_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_agent_has_died),
	    TEST(test_port_is_taken_for_a_while),
	    TEST(test_port_stays_taken),
	    TEST(test_listener_and_broken_options),
	    TEST(test_resume_without_an_end),
	    TEST(test_agent_lets_go_at_once),
	    TEST(test_agent_is_kept_waiting),
	    TEST(test_program_that_was_never_run),
	    TEST(test_start_with_a_burnt_listener),
	    TEST(test_start_that_cannot_be_rescued),
	    TEST(test_start_of_an_unprotected_display),
	    TEST(test_start_without_an_end),
	    TEST(test_frozen_agent_is_killed),
	    TEST(test_other_process_is_not_killed),
	    TEST(test_frozen_agent_does_not_suspend),
	    TEST(test_terminate_with_a_locked_database),
	    TEST(test_suspend_twice),
	    TEST(test_resume_twice),
	    TEST(test_session_is_taken_over),
	    TEST(test_commands_that_do_not_run),
	    TEST(test_list_that_fails),
	};
	const struct CMUnitTest one_channel[] = {TEST(test_one_channel_at_a_time)};
	const struct CMUnitTest no_channel[] = {TEST(test_no_channel_at_all)};

	log_init("test_session_defences",
	    getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down) +
	       cmocka_run_group_tests(one_channel, set_up_one_channel, tear_down) +
	       cmocka_run_group_tests(no_channel, set_up_no_channel, tear_down);
}
