/* SPDX-License-Identifier: ISC */
/*
 * A test's visit to a broker that is followed by others: it is killed, restarted and upgraded, with
 * a stand-in for systemd's store. A web server's process and a brokerctl are connected to each of
 * them.
 */
#ifndef UNIT_STORE_VISIT_H
#define UNIT_STORE_VISIT_H

#include "store_world.h"
#include "standin_session.h"

static struct peer fcgi, ctl;

static inline void connect_peers(void)
{
	peer_open(&fcgi, ROLE_FCGI);
	peer_open(&ctl, ROLE_CTL);
	/* Else they would wait for the next broker. */
	AWAIT(conn_is_ready(fcgi.conn) && conn_is_ready(ctl.conn));
}

static inline void begin(const char *config)
{
	world_configure(config);
	store_start();
	connect_peers();
}

static inline void end(void)
{
	assert_nothing_left(&ctl);
	assert_int_equal(store_count("login-"), 0);
	assert_int_equal(store_count(""), 3);
	peer_close(&fcgi);
	peer_close(&ctl);
	store_stop();
}

/* Each way in which one broker can follow another. */
static inline void follow_killed(void)
{
	store_kill();
}

static inline void follow_restarted(void)
{
	store_restart();
}

static inline void follow_upgraded(void)
{
	pid_t before = world.broker;

	assert_int_equal(kill(before, SIGUSR2), 0);
	store_await("READY=1");
	assert_int_equal(world.broker, before);
}

static void (*const ways[])(void) = {follow_killed, follow_restarted, follow_upgraded};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static inline void follow(size_t way)
{
	ways[way]();
	AWAIT(fcgi.closed && ctl.closed);
	connect_peers();
}

static inline void ask_sessions(const struct ticket *ticket, enum message_type expected)
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
static inline void await_kept(unsigned logins)
{
	for (unsigned tries = 0; store_count("login-") != 3 * logins; tries++) {
		if (tries == WORLD_LIMIT_MS / 20)
			fail_msg("logins are still kept:\n%s", world_log());
		poll(NULL, 0, 20);
	}
}

static inline void message_kill(const char *login)
{
	struct message message;

	message_init(&message, MESSAGE_KILL, 0);
	message.kill.whom_count = 1;
	strcpy(message.kill.whom[0].login, login);
	assert_int_equal(peer_ask(&ctl, &message)->type, MESSAGE_KILLED);
}

/* All that brokerctl list tells of a user's login. */
static inline struct record_login list(const char *user)
{
	const struct message_logins *logins = peer_list(&ctl);

	for (unsigned i = 0; i < logins->logins_count; i++)
		if (strcmp(logins->logins[i].user, user) == 0)
			return logins->logins[i];
	fail_msg("%s has no login\n%s", user, world_log());
	return (struct record_login){0};
}

/* Its process' end, to be awaited. */
static inline int open_process(const char *user)
{
	int fd = pidfd_open((pid_t)list(user).pid, 0);

	assert_true(fd >= 0);
	return fd;
}

static inline void await_end(int process)
{
	if (!world_wait_readable(process, WORLD_LIMIT_MS))
		fail_msg("a session process does not end:\n%s", world_log());
	close(process);
}

#endif
