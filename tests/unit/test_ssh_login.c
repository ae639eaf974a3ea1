/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Logging in: prompts, answers, keys and host keys, against real sshds, and against a stand-in for
 * what they do not do on demand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "brokerd/session/ssh.h"
#include "brokerd/session/ssh_internal.h"
#include "private_sshd.h"
#include "proto/log.h"

#define STANDIN "tests/unit/standin_sshd.py"

/* Before 1.11 libssh2 neither tells of banners nor knows RSA keys with SHA-2. */
#if LIBSSH2_VERSION_NUM >= 0x010b00
#define BANNER	  "Mind the\ngap"
#define KNOWS_RSA true
#else
#define BANNER	  ""
#define KNOWS_RSA false
#endif

/* One that takes a key and then the password, and one that asks by PAM, has a banner and signs with
 * its RSA key in the old way, too. */
static struct private_sshd key_sshd, pam_sshd;
static struct record_hostkey rsa_key; /* of both */
static char folder[] = "/tmp/test-ssh-login.XXXXXX";
static struct event_base *base;

/* See standin_sshd.py. */
static struct {
	pid_t pid;
	uint16_t port;
	struct record_hostkey key;
	FILE *lines, *orders;
} standin;

/* An Ed25519 key that the sshds know. */
static struct {
	EVP_PKEY *private;
	uint8_t blob[51];
} user_key;

/* What has come of a login. */
static struct {
	struct ssh *ssh;
	bool opened, failed, prompted, sign_wanted, destroy_at_prompt;
	enum error_code code;
	char detail[401], methods[129], notice[2049], method[65];
	struct record_prompt prompt;
	unsigned prompts;
	uint8_t session_id[64];
	size_t session_id_length;
} told;

/* What the next login is made of. */
static struct record_hop hop;
static struct record_hostkey hostkeys[4];
static size_t hostkey_count;
static unsigned auth_deadline_ms, prompt_deadline_ms;

/* --- the owner ----------------------------------------------------------------------------- */

static void on_opened(struct ssh *ssh, const struct ssh_login *login, void *arg)
{
	(void)ssh;
	(void)arg;
	assert_false(told.opened || told.failed);
	told.opened = true;
	snprintf(told.methods, sizeof(told.methods), "%s", login->methods);
	snprintf(told.notice, sizeof(told.notice), "%s", login->notice);
}

static void on_prompt(struct ssh *ssh, const struct record_prompt *prompt, void *arg)
{
	(void)arg;
	told.prompt = *prompt;
	told.prompted = true;
	told.prompts++;
	if (told.destroy_at_prompt)
		ssh_destroy(ssh);
}

static void on_sign(
    struct ssh *ssh, const char *method, const uint8_t *session_id, size_t length, void *arg)
{
	(void)ssh;
	(void)arg;
	snprintf(told.method, sizeof(told.method), "%s", method);
	assert_in_range(length, 20, sizeof(told.session_id));
	memcpy(told.session_id, session_id, length);
	told.session_id_length = length;
	told.sign_wanted = true;
}

static void on_failed(struct ssh *ssh, enum error_code code, const char *detail, void *arg)
{
	(void)ssh;
	(void)arg;
	assert_false(told.failed);
	told.failed = true;
	told.code = code;
	snprintf(told.detail, sizeof(told.detail), "%s", detail);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail_msg("nothing has happened for 20 s: %s", (const char *)arg);
}

static void run_until(const bool *done, const char *what)
{
	const struct timeval limit = {20, 0};
	struct event *overdue = event_new(base, -1, 0, on_overdue, (void *)(uintptr_t)what);

	event_add(overdue, &limit);
	while (!*done) {
		if (told.failed && done != &told.failed)
			fail_msg(
			    "%s instead of %s: %s", error_info(told.code)->name, what, told.detail);
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
	}
	event_free(overdue);
}

static void dial(uint16_t port)
{
	static const struct ssh_handlers handlers = {
	    .opened = on_opened, .prompt = on_prompt, .sign = on_sign, .failed = on_failed};
	struct ssh_settings settings = {.base = base,
	    .fd = sshd_connect(port),
	    .hop = &hop,
	    .hostkeys = hostkeys,
	    .hostkey_count = hostkey_count,
	    .place = HOP_JUMP,
	    .auth_deadline_ms = auth_deadline_ms,
	    .prompt_deadline_ms = prompt_deadline_ms};

	memset(&told, 0, sizeof(told));
	told.ssh = ssh_create(&settings, &handlers, NULL);
	assert_non_null(told.ssh);
}

/* By a script of the stand-in. */
static void dial_standin(const char *script, const char *methods)
{
	if (standin.pid == 0)
		skip();
	strcpy(hop.user, script);
	strcpy(hop.methods, methods);
	if (hostkey_count == 0)
		hostkeys[hostkey_count++] = standin.key;
	dial(standin.port);
}

static void dial_sshd(const struct private_sshd *sshd, const char *methods)
{
	if (sshd->pid == 0)
		skip();
	strcpy(hop.methods, methods);
	if (hostkey_count == 0)
		hostkeys[hostkey_count++] = sshd->key;
	dial(sshd->port);
}

static void expect_open(const char *methods, const char *notice)
{
	run_until(&told.opened, "opened");
	assert_string_equal(told.methods, methods);
	assert_string_equal(told.notice, notice);
	ssh_destroy(told.ssh);
}

/* part: of the detail. */
static void expect_failure(enum error_code code, const char *part)
{
	run_until(&told.failed, "failed");
	if (told.code != code || strstr(told.detail, part) == NULL)
		fail_msg("%s: %s", error_info(told.code)->name, told.detail);
	assert_false(told.opened);
	ssh_destroy(told.ssh);
}

static void expect_prompt(enum prompt_kind kind)
{
	run_until(&told.prompted, "prompt");
	told.prompted = false;
	assert_int_equal(told.prompt.kind, kind);
	assert_int_equal(told.prompt.hop, HOP_JUMP);
	assert_string_equal(told.prompt.host, "[host]:2222");
}

static void expect_question(unsigned index, const char *text, bool echo)
{
	assert_true(index < told.prompt.questions_count);
	assert_string_equal(told.prompt.questions[index].text, text);
	assert_int_equal(told.prompt.questions[index].echo, echo);
}

/* One answer; NULL: another one. */
static void answer_with(const char *first, const char *second)
{
	struct record_answer answers[2] = {0};

	strcpy(answers[0].text, first);
	if (second != NULL)
		strcpy(answers[1].text, second);
	assert_true(ssh_answer(told.ssh, answers, second != NULL ? 2 : 1));
	/* They are copied, and taken once. */
	memset(answers, 0xff, sizeof(answers));
	assert_false(ssh_answer(told.ssh, answers, second != NULL ? 2 : 1));
}

/* What the client has said to the stand-in. */
static void expect_heard(const char *line)
{
	char heard[4096];

	assert_non_null(fgets(heard, sizeof(heard), standin.lines));
	heard[strcspn(heard, "\n")] = 0;
	assert_string_equal(heard, line);
}

/* --- fixture ------------------------------------------------------------------------------- */

static void start_standin(void)
{
	int lines[2], orders[2];
	char type[64], base64[200];
	int length;

	if (pipe2(lines, O_CLOEXEC) != 0 || pipe2(orders, O_CLOEXEC) != 0)
		abort();
	standin.pid = fork();
	if (standin.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(orders[0], STDIN_FILENO);
		dup2(lines[1], STDOUT_FILENO);
		execl(STANDIN, STANDIN, (char *)NULL);
		_exit(77);
	}
	close(lines[1]);
	close(orders[0]);
	standin.lines = fdopen(lines[0], "r");
	standin.orders = fdopen(orders[1], "w");
	setlinebuf(standin.orders);
	if (fscanf(standin.lines, "%hu %63s %199s", &standin.port, type, base64) != 3) {
		print_message("no python3-paramiko: tests with a stand-in are skipped\n");
		waitpid(standin.pid, NULL, 0);
		standin.pid = 0;
		return;
	}
	length =
	    EVP_DecodeBlock(standin.key.blob, (const unsigned char *)base64, (int)strlen(base64));
	assert_int_equal(length, 51);
	strcpy(standin.key.type, type);
	standin.key.blob_length = 51;
}

static size_t put_string(uint8_t *at, const void *data, size_t length)
{
	at[0] = at[1] = 0;
	at[2] = (uint8_t)(length >> 8);
	at[3] = (uint8_t)length;
	memcpy(at + 4, data, length);
	return 4 + length;
}

static void make_user_key(void)
{
	size_t used, length = 32;

	user_key.private = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	used = put_string(user_key.blob, "ssh-ed25519", 11);
	used += put_string(user_key.blob + used, "", 0);
	user_key.blob[used - 1] = 32;
	assert_int_equal(
	    EVP_PKEY_get_raw_public_key(user_key.private, user_key.blob + used, &length), 1);
}

/* With sshd's penalties off, if it has such. */
static void start_sshd(struct private_sshd *sshd, const char *options)
{
	char all[1000];

	snprintf(all, sizeof(all), "PerSourcePenalties no\n%s", options);
	if (!sshd_start(sshd, all))
		sshd_start(sshd, options);
}

static void start_sshds(void)
{
	char command[200], options[900], text[200];
	unsigned char base64[100];

	if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0)
		abort();
	EVP_EncodeBlock(base64, user_key.blob, sizeof(user_key.blob));
	snprintf(text, sizeof(text), "ssh-ed25519 %s\n", base64);
	sshd_write_file(folder, "authorized_keys", text);
	sshd_write_file(folder, "banner", "Mind the\ngap\n");
	snprintf(command, sizeof(command), "ssh-keygen -q -t rsa -b 2048 -N '' -f %s/key", folder);
	if (system(command) != 0)
		abort();
	sshd_read_key(folder, &rsa_key);
	snprintf(options, sizeof(options),
	    "HostKey %s/key\nAuthorizedKeysFile %s/authorized_keys\nStrictModes no\n"
	    "AuthenticationMethods publickey,password publickey,hostbased\n"
	    "HostbasedAuthentication yes\n",
	    folder, folder);
	start_sshd(&key_sshd, options);
	snprintf(options, sizeof(options),
	    "HostKey %s/key\nHostKeyAlgorithms +ssh-rsa\nBanner %s/banner\nMaxAuthTries 2\n"
	    "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication yes\n",
	    folder, folder);
	start_sshd(&pam_sshd, options);
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	make_user_key();
	start_sshds();
	if (key_sshd.pid == 0 || pam_sshd.pid == 0)
		print_message("no sshd can be started here: tests with it are skipped\n");
	start_standin();
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	sshd_stop(&key_sshd);
	sshd_stop(&pam_sshd);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
	EVP_PKEY_free(user_key.private);
	fclose(standin.orders);
	fclose(standin.lines);
	if (standin.pid != 0)
		waitpid(standin.pid, NULL, 0);
	return 0;
}

static int set_up_login(void **state)
{
	char line[4096] = "";

	(void)state;
	/* What was said in another test that did not listen. */
	if (standin.pid != 0)
		fputs("begin\n", standin.orders);
	while (standin.pid != 0 && strcmp(line, "begin\n") != 0)
		assert_non_null(fgets(line, sizeof(line), standin.lines));
	base = event_base_new();
	memset(&hop, 0, sizeof(hop));
	strcpy(hop.name, "[host]:2222");
	strcpy(hop.user, SSHD_USER);
	hostkey_count = 0;
	memset(hostkeys, 0, sizeof(hostkeys));
	auth_deadline_ms = prompt_deadline_ms = 15000;
	return base != NULL ? 0 : -1;
}

static int tear_down_login(void **state)
{
	(void)state;
	event_base_free(base);
	return 0;
}

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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers Alice wonder land");
	expect_heard("answers ");
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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers wonderland");
	expect_heard("answers 123456");

	dial_standin("two_rounds", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	assert_int_equal(told.prompt.questions_count, 2);
	answer_with("Alice", "wonderland");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Verification code: ", false);
	answer_with("7", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers Alice wonderland");
	expect_heard("answers 7");

	dial_standin("password_echoed", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Name: ", true);
	answer_with("Alice", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers Alice");
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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers");
	expect_heard("answers wonderland");
	expect_heard("answers");
	expect_heard("answers 1");
	expect_heard("answers");
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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 1");
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
		expect_heard("none");
		expect_heard("keyboard-interactive");
	}
	/* More than the protocol between our processes has room for. */
	dial_standin("seventeen_questions", "keyboard-interactive");
	expect_failure(ERROR_METHOD_MISSING, "asks 17 questions at a time");
	assert_int_equal(told.prompts, 0);
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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15");
}

static void test_question_without_text(void **state)
{
	(void)state;
	dial_standin("no_text", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "", false);
	answer_with("x", NULL);
	expect_open("keyboard-interactive", "");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers x");
}

/* --- what becomes of a prompt -------------------------------------------------------------- */

static void test_destroyed_at_prompt(void **state)
{
	(void)state;
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	ssh_destroy(told.ssh);
	expect_heard("none");
	expect_heard("keyboard-interactive");

	/* In the second round, from within the handler, with the answer given. */
	strcpy(hop.password, "wonderland");
	dial_standin("password_first", "keyboard-interactive");
	told.destroy_at_prompt = true;
	run_until(&told.prompted, "prompt");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers wonderland");

	memset(hop.password, 0, sizeof(hop.password));
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	answer_with("1", NULL);
	ssh_destroy(told.ssh);
	expect_heard("none");
	expect_heard("keyboard-interactive");

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
	expect_heard("none");
	expect_heard("keyboard-interactive");
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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 1");
}

static void test_deadlines(void **state)
{
	(void)state;
	prompt_deadline_ms = 200;
	dial_standin("one_code", "keyboard-interactive");
	expect_prompt(PROMPT_QUESTIONS);
	expect_failure(ERROR_PROMPT_TIMEOUT, "nobody has answered questions");
	expect_heard("none");
	expect_heard("keyboard-interactive");

	prompt_deadline_ms = 15000;
	auth_deadline_ms = 400;
	dial_standin("silent", "keyboard-interactive");
	expect_failure(ERROR_HOST_TIMEOUT, "no login within the deadline (keyboard-interactive)");
	expect_heard("none");
	expect_heard("keyboard-interactive");
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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 1");
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
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 1");
}

/* --- methods ------------------------------------------------------------------------------- */

static void test_password_is_asked_for(void **state)
{
	(void)state;
	dial_standin("partial", "password,keyboard-interactive");
	expect_prompt(PROMPT_PASSWORD);
	assert_int_equal(told.prompt.questions_count, 0);
	answer_with("wonderland", NULL);
	expect_prompt(PROMPT_QUESTIONS);
	answer_with("42", NULL);
	expect_open("password+keyboard-interactive", "");
	expect_heard("none");
	expect_heard("password wonderland");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 42");
}

static void test_partial_success(void **state)
{
	(void)state;
	/* What was given for the first method is not shown to the second. */
	strcpy(hop.password, "wonderland");
	dial_standin("partial", "keyboard-interactive,password");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Code: ", false);
	answer_with("42", NULL);
	expect_open("password+keyboard-interactive", "");
	expect_heard("none");
	expect_heard("password wonderland");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 42");

	memset(hop.password, 0, sizeof(hop.password));
	dial_standin("partial_then_unknown", "password,keyboard-interactive");
	expect_prompt(PROMPT_PASSWORD);
	answer_with("x", NULL);
	expect_failure(ERROR_METHOD_MISSING,
	    "[host]:2222 offers hostbased; allowed are password,keyboard-interactive (there");
	expect_heard("none");
	expect_heard("password x");
	expect_heard("none");

	dial_standin("one_code", "publickey,password");
	expect_failure(ERROR_METHOD_MISSING, "offers keyboard-interactive; allowed are "
					     "publickey,password (there is no key)");
	expect_heard("none");
}

static void test_endless_parts(void **state)
{
	(void)state;
	dial_standin("endless_parts", "password");
	for (unsigned i = 0; i < 8; i++) {
		expect_prompt(PROMPT_PASSWORD);
		answer_with("x", NULL);
	}
	expect_failure(ERROR_METHOD_MISSING, "is not content with password+password");
	for (unsigned i = 0; i < 8; i++) {
		expect_heard("none");
		expect_heard("password x");
	}
	expect_heard("none");
}

/* A wrong secret is not tried by another method: that would count twice. */
static void test_refused_once(void **state)
{
	(void)state;
	strcpy(hop.password, "wonderland");
	dial_standin("refused", "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, "refuses what was answered to keyboard-interactive");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers wonderland");
	expect_heard("none");

	/* One that has not even asked leaves it for the next. */
	dial_standin("nothing_asked", "keyboard-interactive,password");
	expect_open("password", "");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("none");
	expect_heard("password wonderland");
}

static void test_nobody_is_asked(void **state)
{
	(void)state;
	dial_standin("nobody", "password");
	expect_open("none", "");
	expect_heard("none");
}

static void test_changed_password(void **state)
{
	(void)state;
	strcpy(hop.password, "wonderland");
	dial_standin("change", "password");
	expect_prompt(PROMPT_NEW_PASSWORD);
	assert_int_equal(told.prompt.questions_count, 0);
	answer_with("simple", NULL);
	expect_prompt(PROMPT_NEW_PASSWORD);
	answer_with("complicated", NULL);
	expect_open("password", "");
	expect_heard("none");
	expect_heard("password wonderland");
	expect_heard("password wonderland simple");
	expect_heard("password wonderland complicated");

	dial_standin("change_refused", "password");
	expect_prompt(PROMPT_NEW_PASSWORD);
	answer_with("simple", NULL);
	expect_failure(ERROR_AUTH_FAILED, "password");
	expect_heard("none");
	expect_heard("password wonderland");
	expect_heard("password wonderland simple");
	expect_heard("none");

	dial_standin("change", "password");
	expect_prompt(PROMPT_NEW_PASSWORD);
	ssh_destroy(told.ssh);
	expect_heard("none");
	expect_heard("password wonderland");
}

/* --- how servers turn away ----------------------------------------------------------------- */

static void test_refusals(void **state)
{
	static const struct {
		const char *script, *methods, *detail;
		enum error_code code;
		const char *heard[4];
	} cases[] = {
	    {"says_goodbye", "keyboard-interactive", "closes-the-door", ERROR_HOST_REFUSED,
		{"none", "keyboard-interactive", "answers"}},
	    {"account_closed", "password", "the server has closed the connection",
		ERROR_ACCOUNT_REFUSED, {"none", "password wonderland"}},
	    {"account_words", "keyboard-interactive", "Your account has expired",
		ERROR_ACCOUNT_REFUSED,
		{"none", "keyboard-interactive", "answers wonderland", "answers"}},
	    {"too_many_failures", "password", "Too many authentication failures", ERROR_AUTH_FAILED,
		{"none", "password wonderland"}},
	    {"refuses_and_closes", "password", "the server has closed the connection",
		ERROR_AUTH_FAILED, {"none", "password wonderland"}},
	    {"closes_at_once", "password", "methods", ERROR_HOST_REFUSED, {"none"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(hop.password, "wonderland");
		dial_standin(cases[i].script, cases[i].methods);
		expect_failure(cases[i].code, cases[i].detail);
		for (size_t line = 0; line < 4 && cases[i].heard[line] != NULL; line++)
			expect_heard(cases[i].heard[line]);
	}
}

/* --- keys ---------------------------------------------------------------------------------- */

static void use_key(void)
{
	memcpy(hop.key, user_key.blob, sizeof(user_key.blob));
	hop.key_length = sizeof(user_key.blob);
}

/* Writes and signs what RFC 4252 section 7 says, as the broker does. */
static void sign_for(const char *user)
{
	static const struct {
		const char *text;
	} fields[] = {{NULL}, {"ssh-connection"}, {"publickey"}};
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t data[400], signature[64];
	size_t used, length = sizeof(signature);

	run_until(&told.sign_wanted, "sign");
	told.sign_wanted = false;
	assert_string_equal(told.method, "ssh-ed25519");
	used = put_string(data, told.session_id, told.session_id_length);
	data[used++] = 50;
	for (size_t i = 0; i < 3; i++) {
		const char *text = i == 0 ? user : fields[i].text;

		used += put_string(data + used, text, strlen(text));
	}
	data[used++] = 1;
	used += put_string(data + used, told.method, strlen(told.method));
	used += put_string(data + used, user_key.blob, sizeof(user_key.blob));
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, user_key.private), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &length, data, used), 1);
	EVP_MD_CTX_free(context);
	ssh_signed(told.ssh, signature, length);
	/* Once. */
	ssh_signed(told.ssh, NULL, 0);
}

static void test_key_and_code(void **state)
{
	(void)state;
	use_key();
	dial_standin("key_then_code", "publickey,keyboard-interactive");
	sign_for("key_then_code");
	expect_prompt(PROMPT_QUESTIONS);
	answer_with("42", NULL);
	expect_open("publickey+keyboard-interactive", "");
	expect_heard("none");
	expect_heard("publickey ssh-ed25519");
	expect_heard("publickey ssh-ed25519 signed well");
	expect_heard("none");
	expect_heard("keyboard-interactive");
	expect_heard("answers 42");
}

/* Neither may the key be enough by itself, nor with a method that asks for nothing. */
static void test_key_alone(void **state)
{
	(void)state;
	use_key();
	dial_standin("key_then_nothing", "publickey,keyboard-interactive");
	sign_for("key_then_nothing");
	expect_failure(ERROR_KEY_ALONE, "asks for publickey+keyboard-interactive, and the user");
	for (unsigned i = 0; i < 6; i++) {
		char line[200];

		assert_non_null(fgets(line, sizeof(line), standin.lines));
	}

	hop.key_alone = 1;
	dial_standin("key_then_nothing", "publickey,keyboard-interactive");
	sign_for("key_then_nothing");
	expect_open("publickey+keyboard-interactive", "Hello");
	for (unsigned i = 0; i < 6; i++) {
		char line[200];

		assert_non_null(fgets(line, sizeof(line), standin.lines));
	}
}

static void test_key_is_not_signed(void **state)
{
	(void)state;
	use_key();
	dial_standin("key_then_code", "publickey");
	run_until(&told.sign_wanted, "sign");
	ssh_destroy(told.ssh);
	expect_heard("none");
	expect_heard("publickey ssh-ed25519");

	dial_standin("key_not_signed", "publickey,password");
	run_until(&told.sign_wanted, "sign");
	ssh_signed(told.ssh, NULL, 0);
	expect_prompt(PROMPT_PASSWORD);
	answer_with("x", NULL);
	expect_open("password", "");
	expect_heard("none");
	expect_heard("publickey ssh-ed25519");
	expect_heard("none");
	expect_heard("password x");
}

static void test_key_with_sshd(void **state)
{
	(void)state;
	use_key();
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&key_sshd, "password,publickey");
	sign_for(SSHD_USER);
	expect_open("publickey+password", "");

	/* The same, with a wrong password, and with a key that is not known there. */
	strcpy(hop.password, "wonderlan");
	dial_sshd(&key_sshd, "publickey,password");
	sign_for(SSHD_USER);
	expect_failure(ERROR_AUTH_FAILED, "[host]:2222 refuses what was answered to password");

	hop.key[20] ^= 1;
	dial_sshd(&key_sshd, "publickey,password");
	expect_failure(ERROR_AUTH_FAILED, "[host]:2222 refuses publickey and offers publickey");
	assert_false(told.sign_wanted);

	/* A signature by another key. */
	use_key();
	dial_sshd(&key_sshd, "publickey,password");
	run_until(&told.sign_wanted, "sign");
	ssh_signed(told.ssh, (const uint8_t[64]){0}, 64);
	expect_failure(ERROR_AUTH_FAILED, "[host]:2222 refuses publickey");
}

/* An RSA key on file is looked for, but sshd signs with it by SHA-1 only when it is told to. */
static void test_rsa_host_key(void **state)
{
	(void)state;
	hostkeys[hostkey_count++] = rsa_key;
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&pam_sshd, "password");
	expect_open("password", BANNER);

	dial_sshd(&key_sshd, "hostbased");
	if (KNOWS_RSA)
		expect_failure(ERROR_METHOD_MISSING, "offers publickey");
	else
		expect_failure(ERROR_HOST_KEY_UNKNOWN, "put its Ed25519 or ECDSA key on file");
}

/* --- PAM ----------------------------------------------------------------------------------- */

static void test_pam(void **state)
{
	(void)state;
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_open("keyboard-interactive", BANNER);

	memset(hop.password, 0, sizeof(hop.password));
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_prompt(PROMPT_QUESTIONS);
	assert_string_equal(told.prompt.notice, BANNER);
	assert_int_equal(told.prompt.questions_count, 1);
	assert_int_equal(told.prompt.questions[0].echo, 0);
	answer_with(SSHD_PASSWORD, NULL);
	expect_open("keyboard-interactive", "");

	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, "");
	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "password,keyboard-interactive");
	expect_failure(ERROR_AUTH_FAILED, "");
}

/* Whether the user exists makes no difference. */
static void test_unknown_user(void **state)
{
	char detail[401];

	(void)state;
	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, "");
	strcpy(detail, told.detail);
	strcpy(hop.user, "nobody-of-that-name");
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, detail);
}

static void test_expired_account(void **state)
{
	(void)state;
	strcpy(hop.user, SSHD_EXPIRED);
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&pam_sshd, "password");
	expect_failure(ERROR_ACCOUNT_REFUSED, "");
	dial_sshd(&pam_sshd, "keyboard-interactive");
	expect_failure(ERROR_ACCOUNT_REFUSED, "");
	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "password");
	expect_failure(ERROR_AUTH_FAILED, "");
}

/* --- host keys ----------------------------------------------------------------------------- */

static struct record_hostkey *add_hostkey(enum host_key_mark mark, bool is_its_own)
{
	struct record_hostkey *key = &hostkeys[hostkey_count++];

	*key = standin.key;
	key->mark = (uint8_t)mark;
	if (!is_its_own)
		key->blob[key->blob_length - 1] ^= (uint8_t)hostkey_count;
	return key;
}

static void test_unknown_host(void **state)
{
	(void)state;
	/* A key of another type is none to compare with. */
	strcpy(add_hostkey(HOST_KEY_TRUSTED, false)->type, "ecdsa-sha2-nistp256");
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "[host]:2222 shows ssh-ed25519 SHA256:");
	assert_non_null(strstr(told.detail, "on file are keys of other types only"));

	strcpy(hostkeys[0].type, "ssh-rsa");
	dial_standin("nobody", "password");
	expect_failure(
	    ERROR_HOST_KEY_UNKNOWN, KNOWS_RSA ? "keys of other types only" : "by SHA-1 only");

	hostkey_count = 0;
	add_hostkey(HOST_KEY_AUTHORITY, false);
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "; certificates (@cert-authority) are not used");
	/* Not even if it is the server's own. */
	hostkey_count = 0;
	add_hostkey(HOST_KEY_AUTHORITY, true);
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "(@cert-authority)");
	assert_int_equal(told.prompts, 0);
}

static void test_asking_about_host(void **state)
{
	char detail[401];

	(void)state;
	add_hostkey(HOST_KEY_REVOKED, false);
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "SHA256:");
	strcpy(detail, told.detail);
	for (unsigned policy = HOST_KEYS_ASK; policy <= HOST_KEYS_ACCEPT_NEW; policy++) {
		hop.host_keys = (uint8_t)policy;
		dial_standin("nobody", "password");
		expect_prompt(PROMPT_HOST_KEY);
		assert_string_equal(told.prompt.key_type, "ssh-ed25519");
		assert_int_equal(strncmp(told.prompt.fingerprint, "SHA256:", 7), 0);
		assert_non_null(strstr(detail, told.prompt.fingerprint));
		assert_int_equal(told.prompt.key_length, standin.key.blob_length);
		assert_memory_equal(told.prompt.key, standin.key.blob, standin.key.blob_length);
		assert_int_equal(told.prompt.questions_count, 0);
		answer_with("yes", NULL);
		expect_open("none", "");
		expect_heard("none");

		dial_standin("nobody", "password");
		expect_prompt(PROMPT_HOST_KEY);
		answer_with(policy == HOST_KEYS_ASK ? "no" : "yes ", NULL);
		expect_failure(ERROR_HOST_KEY_REFUSED, "[host]:2222 shows ssh-ed25519 SHA256:");

		dial_standin("nobody", "password");
		expect_prompt(PROMPT_HOST_KEY);
		ssh_destroy(told.ssh);
	}
}

static void test_changed_host(void **state)
{
	(void)state;
	for (unsigned policy = HOST_KEYS_STRICT; policy <= HOST_KEYS_ACCEPT_NEW; policy++) {
		hop.host_keys = (uint8_t)policy;
		hostkey_count = 0;
		add_hostkey(HOST_KEY_TRUSTED, false);
		add_hostkey(HOST_KEY_TRUSTED, false);
		dial_standin("nobody", "password");
		expect_failure(ERROR_HOST_KEY_CHANGED, "[host]:2222 shows ssh-ed25519 SHA256:");
		assert_non_null(strstr(told.detail, "; on file is SHA256:"));
		assert_non_null(strstr(told.detail, " or SHA256:"));
		assert_int_equal(told.prompts, 0);

		/* One that fits is enough. */
		add_hostkey(HOST_KEY_TRUSTED, true);
		dial_standin("nobody", "password");
		expect_open("none", "");
		expect_heard("none");

		/* Unless it has been revoked. */
		add_hostkey(HOST_KEY_REVOKED, true);
		dial_standin("nobody", "password");
		expect_failure(ERROR_HOST_KEY_REVOKED, "[host]:2222 shows ssh-ed25519 SHA256:");
		assert_int_equal(told.prompts, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_login, tear_down_login)

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
	    TEST(test_password_is_asked_for),
	    TEST(test_partial_success),
	    TEST(test_endless_parts),
	    TEST(test_refused_once),
	    TEST(test_nobody_is_asked),
	    TEST(test_changed_password),
	    TEST(test_refusals),
	    TEST(test_key_and_code),
	    TEST(test_key_alone),
	    TEST(test_key_is_not_signed),
	    TEST(test_key_with_sshd),
	    TEST(test_rsa_host_key),
	    TEST(test_pam),
	    TEST(test_unknown_user),
	    TEST(test_expired_account),
	    TEST(test_unknown_host),
	    TEST(test_asking_about_host),
	    TEST(test_changed_host),
	};

	log_init(
	    "test_ssh_login", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
