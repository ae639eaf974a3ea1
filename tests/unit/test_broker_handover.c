/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * Logins that outlive their broker: it is killed, restarted and upgraded, and what it knew is known
 * afterwards. Needs root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "brokerd/record.h"
#include "store_visit.h"

static void assert_same(const struct record_login *before)
{
	struct record_login now = list(before->user);

	assert_string_equal(now.login, before->login);
	assert_string_equal(now.state, before->state);
	assert_string_equal(now.server, before->server);
	assert_string_equal(now.client, before->client);
	assert_string_equal(now.session, before->session);
	assert_int_equal(now.pid, before->pid);
	assert_int_equal(now.uid, before->uid);
	assert_int_equal(now.port, before->port);
	assert_true(now.age_s >= before->age_s);
}

static void test_open_logins_live_on(void **state)
{
	struct record_login alice_before, bob_before;
	struct ticket alice, bob, carol;
	char config[200];

	(void)state;
	snprintf(config, sizeof(config),
	    "[jump gate]\naddress = 127.0.0.1\nport = %u\nhost_keys = ask\n"
	    "[server inner]\naddress = inner.example\njump = gate\nhost_keys = ask\n",
	    (unsigned)world.ssh_port);
	begin(config);
	alice = peer_login_to(&fcgi, "inner", "alice");
	bob = peer_login(&fcgi, "bob");
	assert_int_equal(peer_start(&fcgi, &bob, "ICEWM")->type, MESSAGE_STREAM);
	alice_before = list("alice");
	bob_before = list("bob");
	assert_string_equal(bob_before.state, "attached");
	for (unsigned round = 0; round < 3 * WAYS; round++) {
		struct record_login fresh;

		follow(round % WAYS);
		assert_int_equal(store_count("login-"), 6);
		assert_same(&alice_before);
		assert_same(&bob_before);
		assert_int_equal(peer_status(&ctl)->streams, 1);
		assert_int_equal(peer_status(&ctl)->uids_used, 2);
		ask_sessions(&alice, MESSAGE_SESSIONS);
		ask_sessions(&bob, MESSAGE_SESSIONS);
		assert_int_equal(peer_start(&fcgi, &alice, "fail")->type, MESSAGE_FAIL);
		/* Nobody gets what they have. */
		carol = peer_login(&fcgi, "carol");
		fresh = list("carol");
		assert_true(fresh.uid != alice_before.uid && fresh.uid != bob_before.uid);
		assert_true(fresh.port != alice_before.port && fresh.port != bob_before.port);
		assert_int_equal(peer_logout(&fcgi, &carol)->type, MESSAGE_DONE);
		await_kept(2);
	}
	/* A cookie is as good as it was, and no other is. */
	bob.cookie[0] = bob.cookie[0] == 'A' ? 'B' : 'A';
	ask_sessions(&bob, MESSAGE_FAIL);
	peer_logout(&fcgi, &alice);
	message_kill(bob.login);
	assert_nothing_left(&ctl);
	/* The trail has no gap. */
	assert_logged(" host_key=SHA256:standin jump_host_key=SHA256:gate duration_ms=");
	end();
}

/* Where relays listen stays as well, and goes with its login, whoever is the broker then. */
static void test_sockets_live_on(void **state)
{
	const struct message *answer;
	struct ticket alice;
	struct stat status;
	char file[64];

	(void)state;
	world_listen = "unix";
	begin("");
	alice = peer_login(&fcgi, "alice");
	answer = peer_start(&fcgi, &alice, "ICEWM");
	assert_int_equal(answer->type, MESSAGE_STREAM);
	snprintf(file, sizeof(file), "run/streams/%s.sock", answer->stream.socket);
	for (unsigned round = 0; round < 2 * WAYS; round++) {
		follow(round % WAYS);
		assert_int_equal(stat(world_path(file), &status), 0);
		answer = peer_start(&fcgi, &alice, "ICEWM");
		assert_int_equal(answer->type, MESSAGE_STREAM);
		assert_non_null(strstr(file, answer->stream.socket));
	}
	assert_int_equal(peer_logout(&fcgi, &alice)->type, MESSAGE_DONE);
	await_kept(0);
	assert_int_not_equal(stat(world_path(file), &status), 0);
	end();
	world_listen = "127.0.0.1";
}

/* Until the session process has the order that it holds. */
static void await_held(void)
{
	for (unsigned tries = 0; peer_status(&ctl)->waiting == 0; tries++) {
		assert_true(tries < WORLD_LIMIT_MS / 20);
		poll(NULL, 0, 20);
	}
}

static void test_questions_live_on(void **state)
{
	(void)state;
	begin("");
	for (size_t way = 0; way < WAYS; way++) {
		struct ticket ticket = peer_login_to_prompt(&fcgi, "here", "ask");
		const struct message *answer;

		follow(way);
		assert_string_equal(list("ask").state, "prompting");
		ask_sessions(&ticket, MESSAGE_FAIL);
		assert_fails(peer_answer(&fcgi, &ticket, "Rex", NULL), ERROR_BAD_REQUEST);
		answer = peer_answer(&fcgi, &ticket, "Rex", "123456");
		if (answer->type != MESSAGE_PROMPTED)
			fail_msg("%s %s\n%s", message_type_name(answer->type), answer->fail.detail,
			    world_log());
		/* Once more, at the second question. */
		follow(way);
		answer = peer_answer(&fcgi, &ticket, "new", NULL);
		if (answer->type != MESSAGE_LOGGED_IN)
			fail_msg("%s\n%s", message_type_name(answer->type), world_log());
		ask_sessions(&ticket, MESSAGE_SESSIONS);
		peer_logout(&fcgi, &ticket);
	}
	end();
}

/* Nobody has its cookie. */
static void test_who_is_logging_in_ends(void **state)
{
	struct peer other;
	int process;

	(void)state;
	begin("");
	peer_open(&other, ROLE_FCGI);
	peer_send_login(&other, "here", "silent");
	for (unsigned tries = 0;
	     peer_list(&ctl)->logins_count == 0 || ctl.answer.logins.logins[0].pid == 0; tries++) {
		assert_true(tries < WORLD_LIMIT_MS / 20);
		poll(NULL, 0, 20);
	}
	process = open_process("silent");
	follow(0);
	await_end(process);
	assert_logged("login failed: broker_unavailable: the broker was replaced");
	peer_close(&other);
	end();
}

/* A broker that leaves by itself lets those who wait have their answers. */
static void test_calls_under_way_are_answered(void **state)
{
	struct ticket ticket;
	uint32_t call;
	pid_t session;

	(void)state;
	for (size_t way = 1; way < WAYS; way++) {
		begin("");
		ticket = peer_login(&fcgi, "alice");
		call = peer_send_start(&fcgi, &ticket, "held");
		await_held();
		session = (pid_t)list("alice").pid;
		assert_int_equal(kill(world.broker, way == 1 ? SIGTERM : SIGUSR2), 0);
		AWAIT(ctl.closed);
		assert_int_equal(kill(session, SIGUSR1), 0);
		assert_int_equal(peer_await(&fcgi, call)->type, MESSAGE_STREAM);
		AWAIT(fcgi.closed);
		if (way == 1) {
			assert_int_equal(world_await_exit(world.broker), 0);
			store_start();
		} else {
			store_await("READY=1");
		}
		connect_peers();
		assert_string_equal(list("alice").state, "attached");
		peer_logout(&fcgi, &ticket);
		end();
	}
}

/* What comes for another broker's question is nobody's answer, whatever number it has. */
static void test_late_answers_are_nobodys(void **state)
{
	struct pollfd link = {.events = POLLIN};
	struct ticket ticket;
	pid_t session;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	session = (pid_t)list("alice").pid;
	peer_send_start(&fcgi, &ticket, "held");
	await_held();
	assert_int_equal(kill(world.broker, SIGSTOP), 0);
	assert_int_equal(kill(session, SIGUSR1), 0);
	link.fd = store_find_socket("login-");
	assert_int_equal(poll(&link, 1, WORLD_LIMIT_MS), 1);
	follow(0);
	/* The first question of the new one has the same number. */
	ask_sessions(&ticket, MESSAGE_SESSIONS);
	assert_string_equal(list("alice").state, "attached");
	assert_int_equal(peer_start(&fcgi, &ticket, "ICEWM")->type, MESSAGE_STREAM);
	peer_logout(&fcgi, &ticket);
	end();
}

/* Until the broker has sent one to its session process. */
static void await_order(const struct ticket *ticket)
{
	struct message message;

	for (unsigned tries = 0;; tries++) {
		message_init(&message, MESSAGE_SHOW_GET, 0);
		strcpy(message.show_get.login, ticket->login);
		if (peer_ask(&ctl, &message)->shown.orders != 0)
			return;
		assert_true(tries < WORLD_LIMIT_MS / 20);
		poll(NULL, 0, 20);
	}
}

/* Nor is what a broker asked that was killed before it could read the answer to its RESYNC. */
static void test_two_killed_in_a_row(void **state)
{
	struct message message;
	struct ticket ticket;
	uint32_t call;
	pid_t session;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	session = (pid_t)list("alice").pid;
	assert_int_equal(kill(session, SIGSTOP), 0);
	follow(0);
	message_init(&message, MESSAGE_SESSIONS_GET, 0);
	strcpy(message.sessions_get.login, ticket.login);
	strcpy(message.sessions_get.cookie, ticket.cookie);
	peer_send(&fcgi, &message);
	await_order(&ticket);
	follow(0);
	/* Another question, with the same number. */
	call = peer_send_start(&fcgi, &ticket, "ICEWM");
	await_order(&ticket);
	assert_int_equal(kill(session, SIGCONT), 0);
	assert_int_equal(peer_await(&fcgi, call)->type, MESSAGE_STREAM);
	peer_logout(&fcgi, &ticket);
	end();
}

/* At any moment from its start until it is ready, and then some. */
static void test_killed_while_it_takes_over(void **state)
{
	struct ticket alice, bob;

	(void)state;
	begin("");
	alice = peer_login(&fcgi, "alice");
	bob = peer_login(&fcgi, "bob");
	assert_int_equal(peer_start(&fcgi, &bob, "ICEWM")->type, MESSAGE_STREAM);
	assert_int_equal(kill(world.broker, SIGKILL), 0);
	world_await_exit(world.broker);
	for (int round = 0; round < 20; round++) {
		store_run();
		poll(NULL, 0, round);
		assert_int_equal(kill(world.broker, SIGKILL), 0);
		world_await_exit(world.broker);
	}
	store_start();
	AWAIT(fcgi.closed && ctl.closed);
	connect_peers();
	ask_sessions(&alice, MESSAGE_SESSIONS);
	assert_string_equal(list("bob").state, "attached");
	peer_logout(&fcgi, &alice);
	peer_logout(&fcgi, &bob);
	end();
}

static void test_who_ended_meanwhile(void **state)
{
	int process;

	(void)state;
	begin("");
	peer_login(&fcgi, "alice");
	peer_login(&fcgi, "bob");
	process = open_process("alice");
	assert_int_equal(kill(world.broker, SIGKILL), 0);
	world_await_exit(world.broker);
	assert_int_equal(pidfd_send_signal(process, SIGKILL, NULL, 0), 0);
	await_end(process);
	store_start();
	AWAIT(fcgi.closed && ctl.closed);
	connect_peers();
	await_kept(1);
	assert_int_equal(peer_list(&ctl)->logins_count, 1);
	message_kill(list("bob").login);
	end();
}

/* A process that was taken over may not use the moment. */
static void test_hostile_sessions(void **state)
{
	int process;

	(void)state;
	begin("");
	peer_await(&fcgi, peer_send_login(&fcgi, "here", "unasked"));
	await_kept(0);
	assert_logged("session process is killed: it answers what was not asked");
	peer_login(&fcgi, "mute");
	process = open_process("mute");
	follow(0);
	await_end(process);
	assert_logged("session process is killed: it does not answer the new broker");
	end();
}

/* Whatever is found under the names of logins, the broker starts. */
static void test_what_makes_no_login(void **state)
{
	int fds[2];

	(void)state;
	begin("");
	peer_login(&fcgi, "alice");
	store_catch_up();
	for (unsigned i = 0; i < store.count; i++)
		/* Another uid's name. */
		if (strncmp(store.kept[i].name, "login-", 6) == 0)
			strcpy(store.kept[i].name, "login-7");
	assert_int_equal(pipe(fds), 0);
	strcpy(store.kept[store.count].name, "login-8");
	store.kept[store.count++].fd = fds[0];
	strcpy(store.kept[store.count].name, "login-9");
	store.kept[store.count++].fd = record_create();
	strcpy(store.kept[store.count].name, "somebody else's");
	store.kept[store.count++].fd = fds[1];
	follow(0);
	assert_logged("what is kept as login-7 makes no login");
	assert_logged("what is kept as login-8 makes no login");
	assert_logged("what is kept as login-9 makes no login");
	assert_int_equal(store_count("login-"), 0);
	store_remove("somebody else's");
	end();
}

/* A login is over, but the broker was killed before its uid was clean. */
static void test_rests_are_swept(void **state)
{
	struct message message;
	int process, record = record_create(), changed[2];
	const uid_t uid = WORLD_UID + 5;
	char byte;
	pid_t pid;

	(void)state;
	begin("");
	assert_int_equal(pipe(changed), 0);
	pid = fork();
	if (pid == 0) {
		if (setresuid(uid, uid, uid) == 0 && write(changed[1], "x", 1) == 1)
			sleep(WORLD_LIMIT_MS / 1000);
		_exit(1);
	}
	assert_int_equal(read(changed[0], &byte, 1), 1);
	close(changed[0]);
	close(changed[1]);
	process = pidfd_open(pid, 0);
	message_init(&message, MESSAGE_KEPT_LOGIN, 0);
	for (unsigned i = 0; message_example(i, false, &message); i++)
		if (message.type == MESSAGE_KEPT_LOGIN)
			break;
	message.kept_login.uid = uid;
	message.kept_login.state = KEPT_OVER;
	message.kept_login.port = (uint16_t)(WORLD_PORT + 5);
	assert_true(record_write(record, &message));
	snprintf(
	    store.kept[store.count].name, sizeof(store.kept[0].name), "login-%u", (unsigned)uid);
	store.kept[store.count++].fd = record;
	follow(0);
	await_end(process);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	await_kept(0);
	end();
}

static void test_stop_ends_all(void **state)
{
	int processes[2];

	(void)state;
	begin("");
	peer_login(&fcgi, "alice");
	peer_login(&fcgi, "bob");
	processes[0] = open_process("alice");
	processes[1] = open_process("bob");
	peer_close(&fcgi);
	peer_close(&ctl);
	store_stop();
	await_end(processes[0]);
	await_end(processes[1]);
}

static void test_drains_live_on(void **state)
{
	struct message message;

	(void)state;
	begin("");
	message_init(&message, MESSAGE_DRAIN, 0);
	message.drain.mode = DRAIN_ON;
	assert_int_equal(peer_ask(&ctl, &message)->type, MESSAGE_DONE);
	for (size_t way = 0; way < WAYS; way++) {
		follow(way);
		assert_fails(
		    peer_await(&fcgi, peer_send_login(&fcgi, "here", "alice")), ERROR_DRAINING);
	}
	end();
}

/* The number of the last writing of the only login's record (record.c). */
static uint64_t count_writings(void)
{
	const off_t place_bytes = 32 + 8 + 8 + 16384;
	uint64_t most = 0, number;

	store_catch_up();
	for (unsigned i = 0; i < store.count; i++)
		for (off_t place = 0; place < 2 && record_is(store.kept[i].fd); place++) {
			assert_int_equal(pread(store.kept[i].fd, &number, sizeof(number),
					     place * place_bytes + 32),
			    sizeof(number));
			most = number > most ? number : most;
		}
	return most;
}

/* A session process that reports without end does not keep the broker writing; what it said last
 * is known all the same. */
static void test_reports_without_end(void **state)
{
	struct ticket flapping;

	(void)state;
	begin("");
	flapping = peer_login(&fcgi, "flapping");
	/* What it sends of its own accord, 1000 reports, comes before the answer. */
	assert_int_equal(peer_start(&fcgi, &flapping, "ICEWM")->type, MESSAGE_STREAM);
	assert_in_range(count_writings(), 40, 400);
	follow(0);
	ask_sessions(&flapping, MESSAGE_SESSIONS);
	assert_string_equal(list("flapping").state, "attached");
	assert_int_equal(peer_logout(&fcgi, &flapping)->type, MESSAGE_DONE);
	await_kept(0);
	end();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_open_logins_live_on),
	    CASE(test_sockets_live_on), CASE(test_questions_live_on),
	    CASE(test_who_is_logging_in_ends), CASE(test_calls_under_way_are_answered),
	    CASE(test_late_answers_are_nobodys), CASE(test_two_killed_in_a_row),
	    CASE(test_killed_while_it_takes_over), CASE(test_who_ended_meanwhile),
	    CASE(test_hostile_sessions), CASE(test_what_makes_no_login), CASE(test_rests_are_swept),
	    CASE(test_stop_ends_all), CASE(test_drains_live_on), CASE(test_reports_without_end)};

	standin_session_main(argc, argv);
	store_broker_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
