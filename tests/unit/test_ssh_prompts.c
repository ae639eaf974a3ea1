/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * What servers ask by keyboard-interactive, and what becomes of a question.
 */
#include "login_world.h"

/* --- keyboard-interactive ------------------------------------------------------------------ */

static void test_rounds(void **state)
{
	(void)state;
	dial_standin("two_rounds", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	assert_string_equal(told.prompt.title, "Gate");
	assert_string_equal(told.prompt.instruction, "Who goes there?");
	assert_int_equal(told.prompt.questions_count, 2);
	expect_question(0, "Name: ", true);
	expect_question(1, "Password: ", false);
	answer_with("Alice", "wonder land");
	expect_prompt(PROMPT_QUESTIONS);
	assert_string_equal(told.prompt.title, "");
	assert_string_equal(told.prompt.instruction, "");
	assert_int_equal(told.prompt.questions_count, 1);
	expect_question(0, "Verification code: ", false);
	answer_with("", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none", "keyboard-interactive", "answers Alice wonder land", "answers ");
}

/* The password of the login answers what can only be the question for it, and only once. */
static void test_given_password(void **state)
{
	(void)state;
	strcpy(hop.password, "wonderland");
	dial_standin("password_first", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Verification code: ", false);
	assert_string_equal(told.prompt.notice, "Welcome");
	answer_with("123456", NULL);
	expect_open("keyboard-interactive", "");
	assert_int_equal(told.prompts, 1);
	expect_heard("none", "keyboard-interactive", "answers wonderland", "answers 123456");

	dial_standin("two_rounds", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	assert_int_equal(told.prompt.questions_count, 2);
	answer_with("Alice", "wonderland");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Verification code: ", false);
	answer_with("7", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none", "keyboard-interactive", "answers Alice wonderland", "answers 7");

	dial_standin("password_echoed", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Name: ", true);
	answer_with("Alice", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none", "keyboard-interactive", "answers Alice");
}

/* Rounds without questions are answered at once, and their text comes with the next sight. */
static void test_rounds_without_questions(void **state)
{
	(void)state;
	strcpy(hop.password, "wonderland");
	dial_standin("silent_rounds", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Token: ", false);
	assert_string_equal(
	    told.prompt.notice, "Maintenancetonight\nfrom 8 pm[31m on\nLast login: yesterday");
	answer_with("1", NULL);
	expect_open("keyboard-interactive", "Bye");
	expect_heard("none", "keyboard-interactive", "answers", "answers wonderland", "answers",
	    "answers 1", "answers");
}

static void test_hostile_text(void **state)
{
	(void)state;
	dial_standin("hostile_text", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	assert_int_equal(strlen(told.prompt.title), 256);
	assert_int_equal(strncmp(told.prompt.title, "NameName", 8), 0);
	assert_int_equal(strlen(told.prompt.instruction), 2048);
	assert_int_equal(strncmp(told.prompt.instruction, "line\nline\n", 10), 0);
	assert_int_equal(strncmp(told.prompt.questions[0].text, "]0;xCode ]0;xCode ", 18), 0);
	assert_in_range(strlen(told.prompt.questions[0].text), 1000, 1024);
	answer_with("1", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none", "keyboard-interactive", "answers 1");
}

static void test_hostile_rounds(void **state)
{
	static const char *const scripts[] = {"count_too_high", "count_absurd", "length_absurd",
	    "instruction_length_absurd", "name_length_absurd"};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		dial_standin(scripts[i], "keyboard-interactive");
		expect_failure(ERROR_HOST_UNREACHABLE, "SSH login");
		assert_int_equal(told.prompts, 0);
		expect_heard("none", "keyboard-interactive");
	}
	/* More than the protocol between our processes has room for. */
	dial_standin("seventeen_questions", "keyboard-interactive");
	expect_failure(ERROR_METHOD_MISSING, "asks 17 questions at a time");
	assert_int_equal(told.prompts, 0);
	expect_heard("none", "keyboard-interactive");
	expect_silence();
}

static void test_hostile_offers(void **state)
{
	(void)state;
	dial_standin("short_failure", "keyboard-interactive");
	expect_failure(ERROR_HOST_UNREACHABLE, "SSH login");
	dial_standin("strange_offer", "keyboard-interactive");
	expect_failure(ERROR_METHOD_MISSING, "[host]:2222 offers ,,");
}

static void test_sixteen_questions(void **state)
{
	struct record_answer answers[17] = {0};

	(void)state;
	dial_standin("sixteen_questions", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	assert_int_equal(told.prompt.questions_count, 16);
	expect_question(15, "15: ", false);
	for (size_t i = 0; i < 16; i++)
		snprintf(answers[i].text, sizeof(answers[i].text), "%zu", i);
	/* Another number than there are questions. */
	assert_false(ssh_answer(told.ssh, answers, 0));
	assert_false(ssh_answer(told.ssh, answers, 15));
	assert_false(ssh_answer(told.ssh, answers, 17));
	assert_true(ssh_answer(told.ssh, answers, 16));
	expect_open("keyboard-interactive", "");
	expect_heard(
	    "none", "keyboard-interactive", "answers 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
}

static void test_question_without_text(void **state)
{
	(void)state;
	dial_standin("no_text", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "", false);
	answer_with("x", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none", "keyboard-interactive", "answers x");
}

/* --- what becomes of a prompt -------------------------------------------------------------- */

static void test_destroyed_at_prompt(void **state)
{
	(void)state;
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	ssh_destroy(told.ssh);
	expect_heard("none", "keyboard-interactive");
	expect_silence();

	/* In the second round, from within the handler, with the answer given. */
	strcpy(hop.password, "wonderland");
	dial_standin("password_first", "keyboard-interactive");
	told.destroy_at_prompt = true;
	run_until(&told.prompted, "prompt");
	expect_heard("none", "keyboard-interactive", "answers wonderland");

	memset(hop.password, 0, sizeof(hop.password));
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	answer_with("1", NULL);
	ssh_destroy(told.ssh);
	expect_heard("none", "keyboard-interactive");

	/* Before there is a prompt at all. */
	dial_standin("one_code", "keyboard-interactive");
	ssh_destroy(told.ssh);
	dial_standin("one_code", "keyboard-interactive");
	event_base_loop(base, EVLOOP_ONCE);
	event_base_loop(base, EVLOOP_ONCE);
	ssh_destroy(told.ssh);
}

static void test_server_closes_at_prompt(void **state)
{
	(void)state;
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	fputs("close\n", standin.orders);
	expect_failure(ERROR_PROMPT_TIMEOUT, "closed the connection before it had an answer");
	expect_heard("none", "keyboard-interactive");
}

/* Nobody may be kept busy by what comes while libssh2 does not read. */
static void test_noise_at_prompt(void **state)
{
	bool enough = false;
	unsigned turns = 0;

	(void)state;
	dial_standin("ignores_then_prompts", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	prompt_deadline_ms = 15000;
	for (; turns < 1000 && !enough; turns++) {
		const struct timeval moment = {0, 100000};

		event_base_loopexit(base, &moment);
		enough = event_base_loop(base, EVLOOP_ONCE) == 0 && event_base_got_exit(base);
	}
	assert_in_range(turns, 1, 10);
	answer_with("1", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none", "keyboard-interactive", "answers 1");
}

static void test_deadlines(void **state)
{
	(void)state;
	prompt_deadline_ms = 200;
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_failure(ERROR_PROMPT_TIMEOUT, "nobody has answered questions");
	expect_heard("none", "keyboard-interactive");

	prompt_deadline_ms = 15000;
	auth_deadline_ms = 400;
	dial_standin("silent", "keyboard-interactive");
	expect_failure(ERROR_HOST_TIMEOUT, "no login within the deadline (keyboard-interactive)");
	expect_heard("none", "keyboard-interactive");
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* The user may think for longer than the server may take. */
static void test_prompt_stops_the_clock(void **state)
{
	const struct timeval thinking = {2, 500000};
	struct event *later;
	bool has_thought = false;

	(void)state;
	auth_deadline_ms = 2000;
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	later = event_new(base, -1, 0, on_later, &has_thought);
	event_add(later, &thinking);
	run_until(&has_thought, "thought");
	event_free(later);
	assert_false(told.failed);
	answer_with("1", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none", "keyboard-interactive", "answers 1");
}

static void test_broken_second_round(void **state)
{
	(void)state;
	auth_deadline_ms = 1500;
	dial_standin("second_round_broken", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	answer_with("1", NULL);
	run_until(&told.failed, "failed");
	assert_int_equal(told.prompts, 1);
	ssh_destroy(told.ssh);
	expect_heard("none", "keyboard-interactive", "answers 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_rounds),
	    TEST(test_given_password),
	    TEST(test_rounds_without_questions),
	    TEST(test_hostile_text),
	    TEST(test_hostile_rounds),
	    TEST(test_hostile_offers),
	    TEST(test_sixteen_questions),
	    TEST(test_question_without_text),
	    TEST(test_destroyed_at_prompt),
	    TEST(test_server_closes_at_prompt),
	    TEST(test_noise_at_prompt),
	    TEST(test_deadlines),
	    TEST(test_prompt_stops_the_clock),
	    TEST(test_broken_second_round),
	};

	log_init(
	    "test_ssh_prompts", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
