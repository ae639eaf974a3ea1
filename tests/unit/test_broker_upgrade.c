/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * A broker becomes what is installed now, or does not; and session processes that another version
 * of it has started. Needs root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "brokerd/record.h"
#include "store_visit.h"

/* Its session process goes on in the protocol of its own version: it can be ended, and that is all.
 */
static void test_a_process_of_another_version(void **state)
{
	struct ticket alice, older;
	struct pollfd link = {.events = POLLIN};
	struct message message, ask;
	char name[32];
	pid_t session;
	int process;

	(void)state;
	begin("");
	alice = peer_login(&fcgi, "alice");
	older = peer_login(&fcgi, "older");
	assert_int_equal(peer_start(&fcgi, &older, "ICEWM")->type, MESSAGE_STREAM);
	session = (pid_t)list("older").pid;
	snprintf(name, sizeof(name), "login-%u", (unsigned)list("older").uid);
	process = open_process("older");
	assert_int_equal(kill(world.broker, SIGKILL), 0);
	world_await_exit(world.broker);
	assert_int_equal(kill(session, SIGUSR1), 0);
	link.fd = store_find_socket(name);
	assert_int_equal(poll(&link, 1, WORLD_LIMIT_MS), 1);
	for (unsigned i = 0; i < store.count; i++) {
		if (!record_is(store.kept[i].fd) || !record_read(store.kept[i].fd, &message) ||
		    message.type != MESSAGE_KEPT_LOGIN ||
		    strcmp(message.kept_login.user, "older") != 0)
			continue;
		message.kept_login.link_version = PROTO_VERSION - 1;
		assert_true(record_write(store.kept[i].fd, &message));
	}
	store_start();
	AWAIT(fcgi.closed && ctl.closed);
	connect_peers();
	for (size_t way = 0; way < WAYS; way++) {
		ask_sessions(&alice, MESSAGE_SESSIONS);
		message_init(&ask, MESSAGE_SESSIONS_GET, 0);
		strcpy(ask.sessions_get.login, older.login);
		strcpy(ask.sessions_get.cookie, older.cookie);
		assert_fails(peer_ask(&fcgi, &ask), ERROR_RENEWED);
		assert_string_equal(list("older").state, "attached");
		follow(way);
	}
	assert_int_equal(peer_logout(&fcgi, &older)->type, MESSAGE_DONE);
	await_end(process);
	await_kept(1);
	assert_logged("login ended: logout");
	peer_logout(&fcgi, &alice);
	end();
}

static const struct message *upgrade(void)
{
	struct message message;

	message_init(&message, MESSAGE_UPGRADE, 0);
	return peer_ask(&ctl, &message);
}

/* What is installed cannot be run, or is no broker of this configuration. */
static void test_upgrade_that_fails(void **state)
{
	static const struct {
		const char *installed, *why;
	} cases[] = {
	    {"/nonexistent", "the installed program cannot be run; the journal says why"},
	    {"/bin/false", "the installed program does not take the configuration; the journal "
			   "says why"},
	};
	const char *program = store_program();
	struct ticket ticket;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	assert_int_equal(rename(program, world_path("good")), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(symlink(cases[i].installed, program), 0);
		assert_fails(upgrade(), ERROR_INTERNAL);
		assert_string_equal(ctl.answer.fail.detail, cases[i].why);
		assert_logged(cases[i].why);
		ask_sessions(&ticket, MESSAGE_SESSIONS);
		assert_int_equal(unlink(program), 0);
	}
	assert_int_equal(rename(world_path("good"), program), 0);
	assert_int_equal(upgrade()->type, MESSAGE_DONE);
	store_await("READY=1");
	AWAIT(fcgi.closed && ctl.closed);
	connect_peers();
	ask_sessions(&ticket, MESSAGE_SESSIONS);
	peer_logout(&fcgi, &ticket);
	end();
}

static void test_upgrade(void **state)
{
	static const char *const lines[] = {"Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapInh",
	    "CapAmb", "CapBnd", "NoNewPrivs", "SigBlk"};
	char before[sizeof(lines) / sizeof(lines[0])][128];
	struct ticket ticket;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		strcpy(before[i], world_status_line(world.broker, lines[i]));
	world_configure("[broker]\nadmin_users = 5\n");
	assert_fails(upgrade(), ERROR_INTERNAL);
	assert_string_equal(
	    ctl.answer.fail.detail, "[broker] admin_users: the change counts after a restart only");
	world_configure("[broker]\nnonsense = 5\n");
	assert_fails(upgrade(), ERROR_INTERNAL);
	assert_logged("[broker] nonsense: there is no such key");
	world_configure("[web]\ntitle = New\n");
	assert_int_equal(upgrade()->type, MESSAGE_DONE);
	store_await("READY=1");
	AWAIT(fcgi.closed && ctl.closed);
	connect_peers();
	/* It may do no more than before, and hears signals. */
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_string_equal(before[i], world_status_line(world.broker, lines[i]));
	ask_sessions(&ticket, MESSAGE_SESSIONS);
	peer_logout(&fcgi, &ticket);
	end();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_upgrade), CASE(test_upgrade_that_fails),
	    CASE(test_a_process_of_another_version)};

	standin_session_main(argc, argv);
	store_broker_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
