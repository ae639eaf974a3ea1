/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * A whole broker and logins of upstream's client: only where it is served, to servers of the
 * configuration, with a ticket, and ended from beside. Needs root.
 */
#include "broker_visit.h"
#include "brokerd/record.h"
#include "store_world.h"

#define SESSION "alice-50-1795219328_stKICEWM_dp24"
#define SERVED	"[compat]\nenabled = yes\n"

static const struct message *log_in(const char *host, const char *user)
{
	struct message message;

	message_init(&message, MESSAGE_LOGIN, 0);
	strcpy(message.login.host, host);
	strcpy(message.login.user, user);
	strcpy(message.login.password, "wonderland");
	strcpy(message.login.client, "192.0.2.1");
	strcpy(message.login.origin, "https://desk.example.org");
	strcpy(message.login.command, "ICEWM");
	message.login.compat = 1;
	return peer_ask(&fcgi, &message);
}

static struct ticket take_login(const char *host, const char *user)
{
	const struct message *answer = log_in(host, user);
	struct ticket ticket;

	assert_int_equal(answer->type, MESSAGE_LOGGED_IN);
	assert_int_equal(strlen(answer->logged_in.ticket), 32);
	assert_int_equal(strspn(answer->logged_in.ticket, "0123456789abcdef"), 32);
	strcpy(ticket.login, answer->logged_in.login);
	strcpy(ticket.cookie, answer->logged_in.cookie);
	return ticket;
}

static void test_not_served(void **state)
{
	const struct message *answer;

	(void)state;
	begin("");
	assert_fails(log_in("127.0.0.1", "alice"), ERROR_NOT_FOUND);
	assert_int_equal(peer_status(&ctl)->logins, 0);
	/* And nobody else is given a ticket. */
	answer = peer_await(&fcgi, peer_send_login(&fcgi, "here", "alice"));
	assert_int_equal(answer->type, MESSAGE_LOGGED_IN);
	assert_string_equal(answer->logged_in.ticket, "");
	leave();
}

static void test_logins(void **state)
{
	static const char *const refused[] = {
	    "localhost", "127.0.0.1:22", "192.0.2.77", "", "here;id", "-oProxyCommand=id"};
	char first[33];

	(void)state;
	begin(SERVED);
	take_login("127.0.0.1", "alice");
	strcpy(first, fcgi.answer.logged_in.ticket);
	take_login("here", "alice");
	assert_string_not_equal(fcgi.answer.logged_in.ticket, first);
	assert_null(strstr(world_log(), first));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_fails(log_in(refused[i], "alice"), ERROR_SERVER_NOT_ALLOWED);
	/* As for everybody: who may not use it, host keys. */
	assert_fails(log_in("here", "wrong"), ERROR_AUTH_FAILED);
	assert_fails(log_in("unknown", "alice"), ERROR_HOST_KEY_UNKNOWN);
	leave();
}

/* The stand-in takes its own stream for ended when it is told to suspend, and nobody else's. */
static void order(enum message_type type, const struct ticket *by)
{
	struct message message;

	message_init(&message, type, 0);
	strcpy(message.suspend.login, by->login);
	strcpy(message.suspend.cookie, by->cookie);
	strcpy(
	    type == MESSAGE_SUSPEND ? message.suspend.session : message.terminate.session, SESSION);
	assert_int_equal(peer_ask(&fcgi, &message)->type, MESSAGE_SESSION);
}

static void test_ended_from_beside(void **state)
{
	static const enum message_type types[] = {MESSAGE_SUSPEND, MESSAGE_TERMINATE};
	struct ticket shows, other, bobs;

	(void)state;
	begin(SERVED);
	shows = take_login("here", "alice");
	other = take_login("127.0.0.1", "alice");
	bobs = take_login("here", "bob");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(peer_start(&fcgi, &shows, "ICEWM")->type, MESSAGE_STREAM);
		assert_int_equal(peer_status(&ctl)->streams, 1);
		/* Another user's order is for another user's process, which finds no such session.
		 */
		order(types[i], &bobs);
		assert_int_equal(peer_status(&ctl)->streams, 1);
		order(types[i], &other);
		assert_int_equal(peer_status(&ctl)->streams, 0);
	}
	leave();
}

static void follow(void (*way)(void))
{
	way();
	AWAIT(fcgi.closed && ctl.closed);
	peer_open(&fcgi, ROLE_FCGI);
	peer_open(&ctl, ROLE_CTL);
	AWAIT(conn_is_ready(fcgi.conn) && conn_is_ready(ctl.conn));
}

static struct ticket older;

/* The login's process is from now on one that a broker of another version has started. */
static void follow_another_version(void)
{
	const struct message_logins *logins = peer_list(&ctl);
	struct pollfd link = {.events = POLLIN};
	struct message message;
	char name[32];

	assert_int_equal(kill(world.broker, SIGKILL), 0);
	world_await_exit(world.broker);
	for (unsigned i = 0; i < logins->logins_count; i++) {
		if (strcmp(logins->logins[i].login, older.login) != 0)
			continue;
		snprintf(name, sizeof(name), "login-%u", (unsigned)logins->logins[i].uid);
		assert_int_equal(kill((pid_t)logins->logins[i].pid, SIGUSR1), 0);
		link.fd = store_find_socket(name);
		assert_int_equal(poll(&link, 1, WORLD_LIMIT_MS), 1);
	}
	for (unsigned i = 0; i < store.count; i++) {
		if (!record_is(store.kept[i].fd) || !record_read(store.kept[i].fd, &message) ||
		    message.type != MESSAGE_KEPT_LOGIN ||
		    strcmp(message.kept_login.login, older.login) != 0)
			continue;
		message.kept_login.link_version = PROTO_VERSION - 1;
		assert_true(record_write(store.kept[i].fd, &message));
	}
	store_start();
}

/* The next broker knows as well whose client it is, and what may not be asked of whom. */
static void test_ended_from_beside_later(void **state)
{
	struct ticket other;

	(void)state;
	world_configure(SERVED);
	store_start();
	peer_open(&fcgi, ROLE_FCGI);
	peer_open(&ctl, ROLE_CTL);
	older = take_login("here", "older");
	other = take_login("here", "older");
	assert_int_equal(peer_start(&fcgi, &older, "ICEWM")->type, MESSAGE_STREAM);
	follow(store_kill);
	assert_int_equal(peer_status(&ctl)->streams, 1);
	order(MESSAGE_SUSPEND, &other);
	assert_int_equal(peer_status(&ctl)->streams, 0);
	assert_int_equal(peer_start(&fcgi, &older, "ICEWM")->type, MESSAGE_STREAM);
	follow(follow_another_version);
	order(MESSAGE_SUSPEND, &other);
	assert_int_equal(peer_status(&ctl)->streams, 1);
	peer_close(&fcgi);
	peer_close(&ctl);
	store_stop();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_not_served), CASE(test_logins),
	    CASE(test_ended_from_beside), CASE(test_ended_from_beside_later)};

	standin_session_main(argc, argv);
	store_broker_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
