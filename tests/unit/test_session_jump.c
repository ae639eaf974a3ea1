/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * A login through a jump host: each hop gets what is meant for it, and an end says at which hop it
 * came about.
 */
#include <libssh2.h>

#include "session_world.h"

static struct private_sshd jump_host, closed_host; /* the closed one forwards nothing */
/* libssh2 hands banners over since 1.11. */
#define JUMP_NOTICE (LIBSSH2_VERSION_NUM >= 0x010b00 ? "words of the jump host" : "")
static char banner[] = "/tmp/private-banner.XXXXXX";

/* --- helpers ------------------------------------------------------------------------------ */

/* The way by this jump host, on which all is well. */
static void fill_way(struct message *message, const struct private_sshd *host)
{
	struct message_open *open = &message->open;

	fill_open(message);
	open->hops_count = 2;
	open->hops[1] = open->hops[0];
	strcpy(open->hops[0].name, "jump");
	strcpy(open->hops[0].user, SSHD_JUMPER);
	strcpy(open->hops[0].password, SSHD_JUMPER_PASSWORD);
	open->hops[0].port = host->port;
	open->hops[1].port = sshd.port;
	open->hostkeys_count = 2;
	open->hostkeys[0] = host->key;
	open->hostkeys[0].hop = 0;
	open->hostkeys[1] = sshd.key;
	open->hostkeys[1].hop = 1;
}

static void send_way(struct message *message)
{
	message->fds[0] = sshd_connect(message->open.hops[0].port);
	assert_true(conn_send(broker, message));
}

static void begin(struct message *message)
{
	if (sshd.pid == 0 || jump_host.pid == 0 || closed_host.pid == 0)
		skip();
	fill_way(message, &jump_host);
}

static void expect_end_at(enum hop hop, enum error_code code)
{
	run_until(&told.has_ended);
	if (told.ended.ended.code != code || told.ended.ended.hop != hop)
		fail_msg("%s at the %s: %s",
		    error_info((enum error_code)told.ended.ended.code)->name,
		    hop_name((enum hop)told.ended.ended.hop), told.ended.ended.detail);
	assert_false(told.is_open);
}

/* One login for each of many cases in a test. */
static void renew_login(void)
{
	assert_int_equal(tear_down_login(NULL), 0);
	assert_int_equal(set_up_login(NULL), 0);
}

static void open_way(void)
{
	struct message message;

	begin(&message);
	send_way(&message);
	run_until(&told.is_open);
}

static void expect_prompt(enum hop hop, enum prompt_kind kind)
{
	run_until(&told.has_prompt);
	told.has_prompt = false;
	assert_int_equal(told.prompt.prompt.prompt[0].hop, hop);
	assert_int_equal(told.prompt.prompt.prompt[0].kind, kind);
	assert_string_equal(told.prompt.prompt.prompt[0].host, hop == HOP_JUMP ? "jump" : "test");
}

static void answer(const char *text)
{
	struct message message;

	message_init(&message, MESSAGE_DO_ANSWER, 0);
	message.do_answer.answers_count = 1;
	strcpy(message.do_answer.answers[0].text, text);
	assert_true(conn_send(broker, &message));
}

static void send_stop(void)
{
	struct message message;

	message_init(&message, MESSAGE_STOP, 0);
	message.stop.code = ERROR_LOGOUT;
	assert_true(conn_send(broker, &message));
	run_until(&told.link_closed);
	assert_true(told.has_ended);
	assert_int_equal(told.ended.ended.code, ERROR_LOGOUT);
}

/* What serves this host's connections. */
static void kill_connections(const struct private_sshd *host)
{
	char command[200];

	snprintf(command, sizeof(command),
	    "for i in $(cat /proc/$(cat %s/pid)/task/*/children); do\n"
	    "kill -KILL $(cat /proc/$i/task/$i/children) $i 2>/dev/null; done; true",
	    host->folder);
	assert_int_equal(system(command), 0);
}

/* --- the way ------------------------------------------------------------------------------ */

static void test_desktop_behind_a_jump_host(void **state)
{
	(void)state;
	open_way();
	/* What both have to say is for the user; the rest is about the server. */
	assert_string_equal(told.opened.opened.notice, JUMP_NOTICE);
	assert_string_equal(told.opened.opened.methods, "password");
	assert_memory_equal(told.opened.opened.jump_fingerprint, "SHA256:", 7);
	assert_string_not_equal(
	    told.opened.opened.jump_fingerprint, told.opened.opened.fingerprint);
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	run_until(&agent.connected);
	send_stop();
	assert_true(agent.gone);
	assert_int_equal(told.stream_state.stream_state.reason, ERROR_LOGOUT);
}

static void test_passwords(void **state)
{
	struct message message;

	(void)state;
	begin(&message);
	strcpy(message.open.hops[0].password, SSHD_PASSWORD);
	send_way(&message);
	expect_end_at(HOP_JUMP, ERROR_AUTH_FAILED);

	renew_login();
	begin(&message);
	strcpy(message.open.hops[1].password, SSHD_JUMPER_PASSWORD);
	send_way(&message);
	expect_end_at(HOP_SERVER, ERROR_AUTH_FAILED);
}

static void test_host_keys(void **state)
{
	struct message message;

	(void)state;
	/* A key on file is for its own hop only. */
	begin(&message);
	message.open.hostkeys[0].hop = 1;
	send_way(&message);
	expect_end_at(HOP_JUMP, ERROR_HOST_KEY_UNKNOWN);

	renew_login();
	begin(&message);
	message.open.hostkeys[1].hop = 0;
	send_way(&message);
	expect_end_at(HOP_SERVER, ERROR_HOST_KEY_UNKNOWN);

	renew_login();
	begin(&message);
	message.open.hostkeys[0].blob[message.open.hostkeys[0].blob_length - 1] ^= 1;
	send_way(&message);
	expect_end_at(HOP_JUMP, ERROR_HOST_KEY_CHANGED);

	renew_login();
	begin(&message);
	message.open.hostkeys[1].blob[message.open.hostkeys[1].blob_length - 1] ^= 1;
	send_way(&message);
	expect_end_at(HOP_SERVER, ERROR_HOST_KEY_CHANGED);
}

static void test_way_that_leads_nowhere(void **state)
{
	struct message message;

	(void)state;
	begin(&message);
	fill_way(&message, &closed_host);
	send_way(&message);
	expect_end_at(HOP_JUMP, ERROR_JUMP_REFUSED);

	renew_login();
	begin(&message);
	close(sshd_bind(&message.open.hops[1].port));
	send_way(&message);
	expect_end_at(HOP_SERVER, ERROR_HOST_UNREACHABLE);
	assert_non_null(strstr(told.ended.ended.detail, "jump host"));
}

/* Each hop has the whole deadline. */
static void test_hosts_that_say_nothing(void **state)
{
	struct message message;
	uint16_t port;
	int silent = sshd_bind(&port);

	(void)state;
	assert_int_equal(listen(silent, 4), 0);
	begin(&message);
	message.open.hops[0].port = port;
	message.open.auth_deadline_ms = 300;
	send_way(&message);
	expect_end_at(HOP_JUMP, ERROR_HOST_TIMEOUT);

	renew_login();
	begin(&message);
	message.open.hops[1].port = port;
	message.open.auth_deadline_ms = 2000;
	send_way(&message);
	expect_end_at(HOP_SERVER, ERROR_HOST_TIMEOUT);
	close(silent);
}

/* --- what is asked ------------------------------------------------------------------------ */

static void test_each_hop_asks(void **state)
{
	struct message message;

	(void)state;
	begin(&message);
	message.open.hops[0].password[0] = message.open.hops[1].password[0] = 0;
	message.open.hops[0].host_keys = message.open.hops[1].host_keys = HOST_KEYS_ASK;
	message.open.hostkeys_count = 0;
	send_way(&message);
	expect_prompt(HOP_JUMP, PROMPT_HOST_KEY);
	answer("yes");
	expect_prompt(HOP_JUMP, PROMPT_PASSWORD);
	answer(SSHD_JUMPER_PASSWORD);
	expect_prompt(HOP_SERVER, PROMPT_HOST_KEY);
	assert_memory_equal(told.prompt.prompt.prompt[0].key, sshd.key.blob, sshd.key.blob_length);
	answer("yes");
	expect_prompt(HOP_SERVER, PROMPT_PASSWORD);
	answer(SSHD_PASSWORD);
	run_until(&told.is_open);
}

static void test_answers_that_end_it(void **state)
{
	struct message message;

	(void)state;
	begin(&message);
	message.open.hops[0].host_keys = message.open.hops[1].host_keys = HOST_KEYS_ASK;
	message.open.hostkeys_count = 0;
	send_way(&message);
	expect_prompt(HOP_JUMP, PROMPT_HOST_KEY);
	answer("yes");
	expect_prompt(HOP_SERVER, PROMPT_HOST_KEY);
	answer("no");
	expect_end_at(HOP_SERVER, ERROR_HOST_KEY_REFUSED);

	renew_login();
	begin(&message);
	message.open.hops[0].password[0] = 0;
	message.open.prompt_deadline_ms = 100;
	send_way(&message);
	expect_prompt(HOP_JUMP, PROMPT_PASSWORD);
	expect_end_at(HOP_JUMP, ERROR_PROMPT_TIMEOUT);
}

/* While the user thinks about the server's question, the jump host goes away. */
static void test_jump_host_is_lost_at_a_prompt(void **state)
{
	struct message message;

	(void)state;
	begin(&message);
	message.open.hops[1].password[0] = 0;
	send_way(&message);
	expect_prompt(HOP_SERVER, PROMPT_PASSWORD);
	kill_connections(&jump_host);
	expect_end_at(HOP_JUMP, ERROR_SSH_LOST);
}

/* --- ends --------------------------------------------------------------------------------- */

static void test_losses(void **state)
{
	(void)state;
	open_way();
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	told.is_open = false;
	kill_connections(&jump_host);
	expect_end_at(HOP_JUMP, ERROR_SSH_LOST);
	assert_int_equal(told.stream_state.stream_state.state, STREAM_STATE_NONE);
	assert_int_equal(told.stream_state.stream_state.reason, ERROR_SSH_LOST);

	renew_login();
	open_way();
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	told.is_open = false;
	kill_connections(&sshd);
	expect_end_at(HOP_SERVER, ERROR_SSH_LOST);
	assert_int_equal(told.stream_state.stream_state.reason, ERROR_SSH_LOST);
}

/* However far it has come. */
static void test_stop_at_each_stage(void **state)
{
	struct message message;
	bool opened = false;

	(void)state;
	for (unsigned steps = 0; !opened; steps += 3) {
		begin(&message);
		send_way(&message);
		for (unsigned i = 0; i < steps && !told.is_open; i++)
			event_base_loop(base, EVLOOP_ONCE);
		opened = told.is_open;
		send_stop();
		renew_login();
	}
	for (unsigned hop = 0; hop < 2; hop++) {
		begin(&message);
		message.open.hops[hop].password[0] = 0;
		send_way(&message);
		expect_prompt(hop == 0 ? HOP_JUMP : HOP_SERVER, PROMPT_PASSWORD);
		send_stop();
		renew_login();
	}
}

/* --- fixture ------------------------------------------------------------------------------ */

static int set_up_hosts(void **state)
{
	char options[200];
	int fd = mkstemp(banner);

	assert_int_equal(dprintf(fd, "words of the jump host\n"), 23);
	close(fd);
	snprintf(options, sizeof(options), "AllowUsers " SSHD_JUMPER "\nBanner %s\n", banner);
	if (set_up(state) != 0)
		return -1;
	if (!sshd_start(&jump_host, options) ||
	    !sshd_start(&closed_host, "AllowTcpForwarding no\n"))
		print_message("no sshd can be started here: tests with it are skipped\n");
	return 0;
}

static int tear_down_hosts(void **state)
{
	sshd_stop(&jump_host);
	sshd_stop(&closed_host);
	unlink(banner);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_desktop_behind_a_jump_host),
	    TEST(test_passwords),
	    TEST(test_host_keys),
	    TEST(test_way_that_leads_nowhere),
	    TEST(test_hosts_that_say_nothing),
	    TEST(test_each_hop_asks),
	    TEST(test_answers_that_end_it),
	    TEST(test_jump_host_is_lost_at_a_prompt),
	    TEST(test_losses),
	    TEST(test_stop_at_each_stage),
	};

	log_init(
	    "test_session_jump", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up_hosts, tear_down_hosts);
}
