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

#include "store_world.h"
#include "standin_session.h"

static struct peer fcgi, ctl;

static void connect_peers(void)
{
	peer_open(&fcgi, ROLE_FCGI);
	peer_open(&ctl, ROLE_CTL);
}

static void begin(const char *config)
{
	world_configure(config);
	store_start();
	connect_peers();
}

static void end(void)
{
	assert_nothing_left(&ctl);
	assert_int_equal(store_count("login-"), 0);
	assert_int_equal(store_count(""), 3);
	peer_close(&fcgi);
	peer_close(&ctl);
	store_stop();
}

/* Each way in which one broker can follow another. */
static void follow_killed(void)
{
	store_kill();
}

static void follow_restarted(void)
{
	store_restart();
}

static void follow_upgraded(void)
{
	pid_t before = world.broker;

	assert_int_equal(kill(before, SIGUSR2), 0);
	store_await("READY=1");
	assert_int_equal(world.broker, before);
}

static void (*const ways[])(void) = {follow_killed, follow_restarted, follow_upgraded};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void follow(size_t way)
{
	ways[way]();
	AWAIT(fcgi.closed && ctl.closed);
	connect_peers();
}

static void ask_sessions(const struct ticket *ticket, enum message_type expected)
{
	struct message message;
	const struct message *answer;

	message_init(&message, MESSAGE_SESSIONS_GET, 0);
	strcpy(message.sessions_get.login, ticket->login);
	strcpy(message.sessions_get.cookie, ticket->cookie);
	answer = peer_ask(&fcgi, &message);
	if (answer->type != expected)
		fail_msg("%s instead of %s\n%s", message_type_name(answer->type),
		    message_type_name(expected), world_log());
}

/* Until no process of the others is left. The broker reports no changes: it is asked again. */
static void await_kept(unsigned logins)
{
	for (unsigned tries = 0; store_count("login-") != 3 * logins; tries++) {
		if (tries == WORLD_LIMIT_MS / 20)
			fail_msg("logins are still kept:\n%s", world_log());
		poll(NULL, 0, 20);
	}
}

static void message_kill(const char *login)
{
	struct message message;

	message_init(&message, MESSAGE_KILL, 0);
	message.kill.whom_count = 1;
	strcpy(message.kill.whom[0].login, login);
	assert_int_equal(peer_ask(&ctl, &message)->type, MESSAGE_KILLED);
}

/* All that brokerctl list tells of a user's login. */
static struct record_login list(const char *user)
{
	const struct message_logins *logins = peer_list(&ctl);

	for (unsigned i = 0; i < logins->logins_count; i++)
		if (strcmp(logins->logins[i].user, user) == 0)
			return logins->logins[i];
	fail_msg("%s has no login\n%s", user, world_log());
	return (struct record_login){0};
}

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

	(void)state;
	begin("");
	alice = peer_login(&fcgi, "alice");
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
	begin("[relay]\nlisten = unix\n");
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
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(test_open_logins_live_on), CASE(test_sockets_live_on)};

	standin_session_main(argc, argv);
	store_broker_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
