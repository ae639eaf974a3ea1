/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * The SSH connection against a real sshd: who may be talked to, logging in, commands, losing it.
 */
#include "brokerd/session/ssh.h"
#include "brokerd/session/ssh_internal.h"
#include "event_loop.h"
#include "private_sshd.h"
#include "proto/log.h"

static struct private_sshd sshd;

struct outcome {
	struct ssh *ssh;
	bool opened, failed, destroy_when_opened;
	enum error_code code;
	char detail[400], fingerprint[80];
};

struct answer {
	bool answered;
	unsigned count;
	enum error_code error;
	int exit_status;
	size_t length;
	char output[4096], errors[4096];
	struct ssh *destroy; /* in the call */
};

/* --- helpers ------------------------------------------------------------------------------ */

static void on_opened(struct ssh *ssh, const struct ssh_login *login, void *arg)
{
	struct outcome *outcome = arg;

	assert_false(outcome->opened);
	assert_false(outcome->failed);
	outcome->opened = true;
	snprintf(outcome->fingerprint, sizeof(outcome->fingerprint), "%s", login->fingerprint);
	if (outcome->destroy_when_opened)
		ssh_destroy(ssh);
}

static void on_failed(struct ssh *ssh, enum error_code code, const char *detail, void *arg)
{
	struct outcome *outcome = arg;

	(void)ssh;
	assert_false(outcome->failed);
	outcome->failed = true;
	outcome->code = code;
	snprintf(outcome->detail, sizeof(outcome->detail), "%s", detail);
}

static const struct ssh_handlers handlers = {.opened = on_opened, .failed = on_failed};

static struct ssh *dial(struct outcome *outcome, uint16_t port, const char *password,
    const struct record_hostkey *keys, size_t key_count, unsigned deadline_ms)
{
	struct record_hop hop = {
	    .name = "test", .user = SSHD_USER, .methods = "keyboard-interactive,password"};
	struct ssh_settings settings = {.base = base,
	    .fd = sshd_connect(port),
	    .hop = &hop,
	    .hostkeys = keys,
	    .hostkey_count = key_count,
	    .auth_deadline_ms = deadline_ms,
	    .prompt_deadline_ms = 15000};

	strcpy(hop.password, password);
	memset(outcome, 0, sizeof(*outcome));
	outcome->ssh = ssh_create(&settings, &handlers, outcome);
	assert_non_null(outcome->ssh);
	/* It keeps a copy. */
	memset(&hop, 0xff, sizeof(hop));
	return outcome->ssh;
}

static struct ssh *log_in(struct outcome *outcome)
{
	struct ssh *ssh = dial(outcome, sshd.port, SSHD_PASSWORD, &sshd.key, 1, 15000);

	run_until(&outcome->opened);
	return ssh;
}

static void expect_failure(struct outcome *outcome, enum error_code code)
{
	run_until(&outcome->failed);
	if (outcome->code != code)
		fail_msg("%s instead of %s: %s", error_info(outcome->code)->name,
		    error_info(code)->name, outcome->detail);
	assert_false(outcome->opened);
	ssh_destroy(outcome->ssh);
}

static void on_done(const struct ssh_exec_result *result, void *arg)
{
	struct answer *answer = arg;

	answer->answered = true;
	answer->count++;
	answer->error = result->error;
	answer->exit_status = result->exit_status;
	answer->length = result->output_length;
	assert_int_equal(strlen(result->output), result->output_length);
	snprintf(answer->output, sizeof(answer->output), "%s", result->output);
	snprintf(answer->errors, sizeof(answer->errors), "%s", result->errors);
	if (answer->destroy != NULL)
		ssh_destroy(answer->destroy);
}

static void run_until_answered(const struct answer *answer)
{
	run_until(&answer->answered);
	assert_int_equal(answer->count, 1);
}

static void run_command(struct ssh *ssh, const char *line, struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	assert_true(ssh_exec(ssh, line, 2000, 10000, on_done, answer));
	assert_int_equal(answer->count, 0);
	run_until_answered(answer);
}

static int set_up(void **state)
{
	(void)state;
	if (!sshd_start(&sshd, ""))
		print_message("no sshd can be started here: tests with it are skipped\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sshd_stop(&sshd);
	return 0;
}

static void need_sshd(void)
{
	if (sshd.pid == 0)
		skip();
}

/* --- who the server is -------------------------------------------------------------------- */

static void test_login(void **state)
{
	struct outcome outcome;
	struct ssh *ssh;
	char command[200], expected[100] = "", text[120];
	FILE *pipe;

	(void)state;
	need_sshd();
	ssh = log_in(&outcome);
	snprintf(command, sizeof(command), "ssh-keygen -lf %s/key.pub", sshd.folder);
	pipe = popen(command, "r");
	assert_non_null(fgets(text, sizeof(text), pipe));
	assert_int_equal(sscanf(text, "%*s %99s", expected), 1);
	pclose(pipe);
	assert_string_equal(outcome.fingerprint, expected);
	ssh_destroy(ssh);
}

static void test_host_key_must_be_known(void **state)
{
	struct record_hostkey other = sshd.key;
	struct outcome outcome;

	(void)state;
	need_sshd();
	dial(&outcome, sshd.port, SSHD_PASSWORD, NULL, 0, 15000);
	expect_failure(&outcome, ERROR_HOST_KEY_UNKNOWN);
	assert_non_null(strstr(outcome.detail, "ssh-ed25519 SHA256:"));

	/* A key of another type is no reason to call this one changed. */
	strcpy(other.type, "ssh-rsa");
	other.blob[0] ^= 1;
	dial(&outcome, sshd.port, SSHD_PASSWORD, &other, 1, 15000);
	expect_failure(&outcome, ERROR_HOST_KEY_UNKNOWN);

	other = sshd.key;
	other.blob[other.blob_length - 1] ^= 1;
	dial(&outcome, sshd.port, SSHD_PASSWORD, &other, 1, 15000);
	expect_failure(&outcome, ERROR_HOST_KEY_CHANGED);
	assert_non_null(strstr(outcome.detail, "test shows ssh-ed25519 SHA256:"));
	assert_non_null(strstr(outcome.detail, "on file is SHA256:"));

	other = sshd.key;
	other.blob_length--;
	dial(&outcome, sshd.port, SSHD_PASSWORD, &other, 1, 15000);
	expect_failure(&outcome, ERROR_HOST_KEY_CHANGED);
}

static void test_one_of_several_keys_is_enough(void **state)
{
	struct record_hostkey keys[3] = {sshd.key, sshd.key, sshd.key};
	struct outcome outcome;

	(void)state;
	need_sshd();
	strcpy(keys[0].type, "ecdsa-sha2-nistp256");
	keys[0].blob[30] ^= 1;
	keys[1].blob[30] ^= 1;
	dial(&outcome, sshd.port, SSHD_PASSWORD, keys, 3, 15000);
	run_until(&outcome.opened);
	ssh_destroy(outcome.ssh);
}

static void test_wrong_password(void **state)
{
	struct outcome outcome;

	(void)state;
	need_sshd();
	dial(&outcome, sshd.port, "wonderlan", &sshd.key, 1, 15000);
	expect_failure(&outcome, ERROR_AUTH_FAILED);
}

/* --- servers that are none ---------------------------------------------------------------- */

struct impostor {
	int listener, peer;
	const char *says;
	bool closes;
	struct event *accept_event;
};

static void on_dialled(evutil_socket_t fd, short what, void *arg)
{
	struct impostor *impostor = arg;

	(void)what;
	impostor->peer = accept(fd, NULL, NULL);
	if (impostor->says != NULL)
		assert_true(write(impostor->peer, impostor->says, strlen(impostor->says)) > 0);
	if (impostor->closes)
		close(impostor->peer);
}

static void expect_with_impostor(
    const char *says, bool closes, unsigned deadline_ms, enum error_code code)
{
	struct impostor impostor = {.says = says, .closes = closes};
	struct outcome outcome;
	uint16_t port;

	impostor.listener = sshd_bind(&port);
	assert_int_equal(listen(impostor.listener, 1), 0);
	impostor.accept_event = event_new(base, impostor.listener, EV_READ, on_dialled, &impostor);
	event_add(impostor.accept_event, NULL);
	dial(&outcome, port, SSHD_PASSWORD, NULL, 0, deadline_ms);
	expect_failure(&outcome, code);
	event_free(impostor.accept_event);
	if (!closes)
		close(impostor.peer);
	close(impostor.listener);
}

static void test_servers_that_are_none(void **state)
{
	(void)state;
	/* Penalties and limits of sshd, with and without words. */
	expect_with_impostor(NULL, true, 5000, ERROR_HOST_REFUSED);
	expect_with_impostor("Not allowed at this time\r\n", true, 5000, ERROR_HOST_REFUSED);
	expect_with_impostor("Exceeded MaxStartups\r\n", true, 5000, ERROR_HOST_REFUSED);
	/* Silence, at once and later. */
	expect_with_impostor(NULL, false, 200, ERROR_HOST_TIMEOUT);
	expect_with_impostor("SSH-2.0-slow\r\n", false, 200, ERROR_HOST_TIMEOUT);
	/* Nonsense. */
	expect_with_impostor("SSH-2.0-x\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n", true, 5000,
	    ERROR_HOST_UNREACHABLE);
}

/* --- commands ----------------------------------------------------------------------------- */

static void test_commands(void **state)
{
	struct outcome outcome;
	struct answer answer;
	struct ssh *ssh;

	(void)state;
	need_sshd();
	ssh = log_in(&outcome);
	run_command(ssh, "echo one; echo two >&2; exit 3", &answer);
	assert_int_equal(answer.error, ERROR_NONE);
	assert_int_equal(answer.exit_status, 3);
	assert_string_equal(answer.output, "one\n");
	assert_string_equal(answer.errors, "two\n");
	run_command(ssh, "cat; true", &answer); /* its input is at its end */
	assert_int_equal(answer.exit_status, 0);
	assert_string_equal(answer.output, "");
	run_command(ssh, "kill -TERM $$", &answer);
	assert_int_equal(answer.exit_status, -1);
	run_command(ssh, "does-not-exist", &answer);
	assert_int_equal(answer.exit_status, 127);
	/* What goes on in the background does not hold it up. */
	run_command(ssh, "sleep 100 </dev/null >/dev/null 2>&1 & echo $!", &answer);
	assert_int_equal(answer.error, ERROR_NONE);
	kill((pid_t)atoi(answer.output), SIGTERM);
	ssh_destroy(ssh);
}

static void test_output_is_bounded(void **state)
{
	struct outcome outcome;
	struct answer answer;
	struct ssh *ssh;

	(void)state;
	need_sshd();
	ssh = log_in(&outcome);
	run_command(ssh, "head -c 2000 /dev/zero | tr '\\0' a", &answer);
	assert_int_equal(answer.error, ERROR_NONE);
	assert_int_equal(answer.length, 2000);
	run_command(ssh, "head -c 2001 /dev/zero | tr '\\0' a", &answer);
	assert_int_equal(answer.error, ERROR_X2GO_FAULT);
	/* One that never stops; the next one is not disturbed by what still comes. */
	run_command(ssh, "yes", &answer);
	assert_int_equal(answer.error, ERROR_X2GO_FAULT);
	/* stderr is cut, however long. */
	run_command(ssh, "head -c 3000000 /dev/zero | tr '\\0' b >&2; echo end", &answer);
	assert_int_equal(answer.error, ERROR_NONE);
	assert_string_equal(answer.output, "end\n");
	assert_int_equal(strlen(answer.errors), sizeof(answer.errors) - 1);
	run_command(ssh, "echo fine", &answer);
	assert_string_equal(answer.output, "fine\n");
	ssh_destroy(ssh);
}

static void test_deadline_and_queue(void **state)
{
	struct answer slow = {0}, next = {0}, last = {0};
	struct outcome outcome;
	struct ssh *ssh;

	(void)state;
	need_sshd();
	ssh = log_in(&outcome);
	assert_true(ssh_exec(ssh, "echo $$; exec sleep 60", 100, 300, on_done, &slow));
	assert_true(ssh_exec(ssh, "echo next", 100, 5000, on_done, &next));
	assert_true(ssh_exec(ssh, "echo last", 100, 5000, on_done, &last));
	run_until_answered(&slow);
	assert_int_equal(slow.error, ERROR_TIMEOUT);
	/* What it has said so far is handed over; it goes on. */
	assert_int_equal(kill((pid_t)atoi(slow.output), SIGTERM), 0);
	assert_int_equal(next.count, 0);
	run_until_answered(&next);
	assert_string_equal(next.output, "next\n");
	assert_int_equal(last.count, 0);
	run_until_answered(&last);
	assert_string_equal(last.output, "last\n");
	ssh_destroy(ssh);
}

/* --- the end ------------------------------------------------------------------------------ */

static void test_destroying_inside_handlers(void **state)
{
	struct answer first = {0}, second = {0};
	struct outcome outcome;
	struct ssh *ssh;
	bool gone = false;

	(void)state;
	need_sshd();
	dial(&outcome, sshd.port, SSHD_PASSWORD, &sshd.key, 1, 15000);
	outcome.destroy_when_opened = true;
	run_until(&outcome.opened);

	ssh = log_in(&outcome);
	first.destroy = ssh;
	assert_true(ssh_exec(ssh, "echo one", 100, 5000, on_done, &first));
	assert_true(ssh_exec(ssh, "echo two", 100, 5000, on_done, &second));
	run_until_answered(&first);

	ssh = log_in(&outcome);
	memset(&first, 0, sizeof(first));
	first.destroy = ssh; /* when it takes too long */
	assert_true(ssh_exec(ssh, "sleep 2", 100, 200, on_done, &first));
	run_until_answered(&first);
	assert_int_equal(first.error, ERROR_TIMEOUT);
	assert_int_equal(second.count, 0);

	/* While something is under way; nobody is called then. */
	ssh = log_in(&outcome);
	assert_true(ssh_exec(ssh, "echo one", 100, 5000, on_done, &second));
	event_base_loop(base, EVLOOP_ONCE);
	ssh_destroy(ssh);
	gone = true;
	run_until(&gone);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(second.count, 0);
	assert_false(outcome.failed);
}

/* The server's process for this connection, as the command sees it. */
static pid_t find_server(struct ssh *ssh)
{
	struct answer answer;
	pid_t pid;

	run_command(ssh, "echo $PPID", &answer);
	pid = (pid_t)atoi(answer.output);
	assert_true(pid > 1);
	return pid;
}

static void test_lost_connection(void **state)
{
	struct answer running = {0}, queued = {0};
	struct outcome outcome;
	struct ssh *ssh;
	pid_t server;

	(void)state;
	need_sshd();
	/* Idle: nobody has a channel open, and yet it is noticed. */
	ssh = log_in(&outcome);
	server = find_server(ssh);
	assert_int_equal(kill(server, SIGKILL), 0);
	run_until(&outcome.failed);
	assert_int_equal(outcome.code, ERROR_SSH_LOST);
	ssh_destroy(ssh);

	ssh = log_in(&outcome);
	server = find_server(ssh);
	assert_true(ssh_exec(ssh, "sleep 2", 100, 15000, on_done, &running));
	assert_true(ssh_exec(ssh, "echo no", 100, 15000, on_done, &queued));
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(kill(server, SIGKILL), 0);
	run_until(&outcome.failed);
	assert_int_equal(outcome.code, ERROR_SSH_LOST);
	/* They have been told before. */
	assert_int_equal(running.count, 1);
	assert_int_equal(running.error, ERROR_SSH_LOST);
	assert_int_equal(queued.count, 1);
	assert_int_equal(queued.error, ERROR_SSH_LOST);
	ssh_destroy(ssh);
}

/* The interval that is 30 s in earnest. */
static void restart_alive_timer(struct ssh *ssh, unsigned interval_ms)
{
	const struct timeval interval = {0, (suseconds_t)interval_ms * 1000};

	ssh->alive_interval_ms = interval_ms;
	event_del(ssh->alive_event);
	event_add(ssh->alive_event, &interval);
}

static void test_silent_server_is_noticed(void **state)
{
	struct outcome outcome;
	struct ssh *ssh;
	pid_t server;
	uint64_t answered;
	bool enough = false;

	(void)state;
	need_sshd();
	ssh = log_in(&outcome);
	server = find_server(ssh);
	restart_alive_timer(ssh, 500);
	answered = ssh->transport.received_bytes;
	/* It answers when it is asked, and is left alone. */
	for (int i = 0; i < 200 && ssh->transport.received_bytes == answered; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_true(ssh->transport.received_bytes > answered);
	assert_false(outcome.failed);
	assert_int_equal(kill(server, SIGSTOP), 0);
	run_until(&outcome.failed);
	assert_int_equal(outcome.code, ERROR_SSH_LOST);
	assert_non_null(strstr(outcome.detail, "has not answered"));
	kill(server, SIGKILL);
	ssh_destroy(ssh);
	enough = true;
	run_until(&enough);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_loop, tear_down_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_login),
	    TEST(test_host_key_must_be_known),
	    TEST(test_one_of_several_keys_is_enough),
	    TEST(test_wrong_password),
	    TEST(test_servers_that_are_none),
	    TEST(test_commands),
	    TEST(test_output_is_bounded),
	    TEST(test_deadline_and_queue),
	    TEST(test_destroying_inside_handlers),
	    TEST(test_lost_connection),
	    TEST(test_silent_server_is_noticed),
	};

	log_init("test_ssh", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
