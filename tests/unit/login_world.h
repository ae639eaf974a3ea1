/* SPDX-License-Identifier: ISC */
/*
 * Logins for tests: their owner, a user with a key, real sshds, and a stand-in for what those do
 * not do on demand.
 */
#ifndef TESTS_LOGIN_WORLD_H
#define TESTS_LOGIN_WORLD_H

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

static inline void on_opened(struct ssh *ssh, const struct ssh_login *login, void *arg)
{
	(void)ssh;
	(void)arg;
	assert_false(told.opened || told.failed);
	told.opened = true;
	snprintf(told.methods, sizeof(told.methods), "%s", login->methods);
	snprintf(told.notice, sizeof(told.notice), "%s", login->notice);
}

static inline void on_prompt(struct ssh *ssh, const struct record_prompt *prompt, void *arg)
{
	(void)arg;
	told.prompt = *prompt;
	told.prompted = true;
	told.prompts++;
	if (told.destroy_at_prompt)
		ssh_destroy(ssh);
}

static inline void on_sign(
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

static inline void on_failed(struct ssh *ssh, enum error_code code, const char *detail, void *arg)
{
	(void)ssh;
	(void)arg;
	assert_false(told.failed);
	told.failed = true;
	told.code = code;
	snprintf(told.detail, sizeof(told.detail), "%s", detail);
}

static inline void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fail_msg("nothing has happened for 20 s: %s", (const char *)arg);
}

static inline void run_until(const bool *done, const char *what)
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

static inline void dial(uint16_t port)
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
static inline void dial_standin(const char *script, const char *methods)
{
	if (standin.pid == 0)
		skip();
	strcpy(hop.user, script);
	strcpy(hop.methods, methods);
	if (hostkey_count == 0)
		hostkeys[hostkey_count++] = standin.key;
	dial(standin.port);
}

static inline void dial_sshd(const struct private_sshd *sshd, const char *methods)
{
	if (sshd->pid == 0)
		skip();
	strcpy(hop.methods, methods);
	if (hostkey_count == 0)
		hostkeys[hostkey_count++] = sshd->key;
	dial(sshd->port);
}

static inline void expect_open(const char *methods, const char *notice)
{
	run_until(&told.opened, "opened");
	assert_string_equal(told.methods, methods);
	assert_string_equal(told.notice, notice);
	ssh_destroy(told.ssh);
}

/* part: of the detail. */
static inline void expect_failure(enum error_code code, const char *part)
{
	run_until(&told.failed, "failed");
	if (told.code != code || strstr(told.detail, part) == NULL)
		fail_msg("%s: %s", error_info(told.code)->name, told.detail);
	assert_false(told.opened);
	ssh_destroy(told.ssh);
}

static inline void expect_prompt(enum prompt_kind kind)
{
	run_until(&told.prompted, "prompt");
	told.prompted = false;
	assert_int_equal(told.prompt.kind, kind);
	assert_int_equal(told.prompt.hop, HOP_JUMP);
	assert_string_equal(told.prompt.host, "[host]:2222");
}

static inline void expect_question(unsigned index, const char *text, bool echo)
{
	assert_true(index < told.prompt.questions_count);
	assert_string_equal(told.prompt.questions[index].text, text);
	assert_int_equal(told.prompt.questions[index].echo, echo);
}

/* One answer; NULL: another one. */
static inline void answer_with(const char *first, const char *second)
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

/* What the client has said to the stand-in, line by line. */
#define expect_heard(...) expect_lines((const char *const[]){__VA_ARGS__, NULL})
static inline void expect_lines(const char *const *lines)
{
	char heard[4096];

	for (; *lines != NULL; lines++) {
		assert_non_null(fgets(heard, sizeof(heard), standin.lines));
		heard[strcspn(heard, "\n")] = 0;
		assert_string_equal(heard, *lines);
	}
}

/* It has said nothing more until the connection's end. */
static inline void expect_silence(void)
{
	fputs("silence\n", standin.orders);
	expect_heard("silence");
}

/* --- fixture ------------------------------------------------------------------------------- */

static inline void start_standin(void)
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

static inline size_t put_string(uint8_t *at, const void *data, size_t length)
{
	at[0] = at[1] = 0;
	at[2] = (uint8_t)(length >> 8);
	at[3] = (uint8_t)length;
	memcpy(at + 4, data, length);
	return 4 + length;
}

static inline void make_user_key(void)
{
	size_t used, length = 32;

	user_key.private = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	used = put_string(user_key.blob, "ssh-ed25519", 11);
	used += put_string(user_key.blob + used, "", 0);
	user_key.blob[used - 1] = 32;
	assert_int_equal(
	    EVP_PKEY_get_raw_public_key(user_key.private, user_key.blob + used, &length), 1);
}

static inline void start_sshds(void)
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
	sshd_start(&key_sshd, options);
	snprintf(options, sizeof(options),
	    "HostKey %s/key\nHostKeyAlgorithms +ssh-rsa\nBanner %s/banner\nMaxAuthTries 2\n"
	    "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication yes\n",
	    folder, folder);
	sshd_start(&pam_sshd, options);
}

static inline int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	make_user_key();
	start_standin();
	return 0;
}

static inline int set_up_with_sshds(void **state)
{
	set_up(state);
	start_sshds();
	if (key_sshd.pid == 0 || pam_sshd.pid == 0)
		print_message("no sshd can be started here: tests with it are skipped\n");
	return 0;
}

static inline int tear_down(void **state)
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

static inline int set_up_login(void **state)
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

static inline int tear_down_login(void **state)
{
	(void)state;
	event_base_free(base);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_login, tear_down_login)

#endif
