/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * A whole broker and the life of its logins: what the session process is given and is, all ways
 * in which a login fails or ends, and that nothing is left behind. Needs root.
 */
#include "broker_visit.h"

static const char *fact(const struct message_logged_in *answer, const char *name)
{
	for (size_t i = 0; i < answer->desktops_count; i++)
		if (strcmp(answer->desktops[i].id, name) == 0)
			return answer->desktops[i].title;
	fail_msg("the stand-in does not tell %s", name);
	return "";
}

static void logout(const struct ticket *ticket)
{
	assert_int_equal(peer_logout(&fcgi, ticket)->type, MESSAGE_DONE);
}

/* 0x40000 is CAP_SYS_CHROOT. */
static void test_what_a_session_is(void **state)
{
	const struct message_logged_in *answer;
	struct ticket ticket;
	char expected[64];
	unsigned uid;

	(void)state;
	begin("");
	answer = &peer_await(&fcgi, peer_send_login(&fcgi, "here", "facts"))->logged_in;
	uid = (unsigned)atoi(fact(answer, "Uid"));
	assert_in_range(uid, WORLD_UID, WORLD_UID + 29);
	snprintf(expected, sizeof(expected), "%u %u %u %u", uid, uid, uid, uid);
	assert_string_equal(fact(answer, "Uid"), expected);
	assert_string_equal(fact(answer, "Gid"), expected);
	assert_int_equal(strspn(fact(answer, "Groups"), " "), strlen(fact(answer, "Groups")));
	assert_string_equal(fact(answer, "CapPrm"), "0000000000040000");
	assert_string_equal(fact(answer, "CapEff"), "0000000000040000");
	assert_string_equal(fact(answer, "CapAmb"), "0000000000040000");
	assert_string_equal(fact(answer, "CapBnd"), "00000000000400c0");
	assert_string_equal(fact(answer, "NoNewPrivs"), "1");
	assert_string_equal(fact(answer, "environment"), "empty");
	assert_string_equal(fact(answer, "fds"), "0 1 2 3 4");
	assert_string_equal(fact(answer, "root"), "changed");
	strcpy(ticket.login, answer->login);
	strcpy(ticket.cookie, answer->cookie);
	assert_int_equal(strlen(ticket.login), 16);
	assert_int_equal(strlen(ticket.cookie), 43);
	assert_logged("host key SHA256:standin event=LOGIN_OPENED");
	logout(&ticket);
	assert_nothing_left(&ctl);
	assert_logged(
	    "login ended: logout; 0 s, 0 bytes to the browser, 0 from it event=LOGIN_ENDED");
	/* Neither password nor cookie gets into the log. */
	assert_null(strstr(world_log(), "wonderland"));
	assert_null(strstr(world_log(), ticket.cookie));
	end();
}

static void test_calls(void **state)
{
	const struct message *answer;
	struct ticket ticket;
	struct message message;
	uint16_t port;

	(void)state;
	begin("");
	message_init(&message, MESSAGE_CONFIG_GET, 0);
	answer = peer_ask(&fcgi, &message);
	assert_int_equal(answer->type, MESSAGE_CONFIG);
	assert_int_equal(answer->config.servers_count, 3);
	assert_string_equal(answer->config.servers[0].id, "here");
	assert_string_equal(answer->config.servers[0].title, "Here");
	assert_string_equal(answer->config.default_server, "here");
	assert_int_equal(answer->config.desktops_count, 10);

	ticket = peer_login(&fcgi, "alice");
	port = peer_list(&ctl)->logins[0].port;
	assert_in_range(port, WORLD_PORT, WORLD_PORT + 29);

	message_init(&message, MESSAGE_SESSIONS_GET, 0);
	strcpy(message.sessions_get.login, ticket.login);
	strcpy(message.sessions_get.cookie, ticket.cookie);
	answer = peer_ask(&fcgi, &message);
	assert_int_equal(answer->type, MESSAGE_SESSIONS);
	assert_int_equal(answer->sessions.sessions_count, 1);

	/* The session's word for its port is not taken. */
	answer = peer_start(&fcgi, &ticket, "ICEWM");
	assert_int_equal(answer->type, MESSAGE_STREAM);
	assert_int_equal(answer->stream.port, port);
	assert_string_equal(answer->stream.session[0].desktop, "ICEWM");
	assert_logged("session started event=SESSION_STARTED");
	assert_logged("browser attached event=STREAM_ATTACHED");
	assert_int_equal(peer_status(&ctl)->streams, 1);
	assert_string_equal(peer_list(&ctl)->logins[0].state, "attached");
	assert_string_equal(
	    ctl.answer.logins.logins[0].session, "alice-50-1795219328_stKICEWM_dp24");

	assert_fails(peer_start(&fcgi, &ticket, "fail"), ERROR_DESKTOP_MISSING);
	assert_string_equal(fcgi.answer.fail.detail, "no such program");

	message_init(&message, MESSAGE_SUSPEND, 0);
	strcpy(message.suspend.login, ticket.login);
	strcpy(message.suspend.cookie, ticket.cookie);
	strcpy(message.suspend.session, "alice-50-1795219328_stKICEWM_dp24");
	answer = peer_ask(&fcgi, &message);
	assert_int_equal(answer->type, MESSAGE_SESSION);
	assert_logged("session suspended event=SESSION_SUSPENDED");
	assert_logged("stream ended: ok event=STREAM_ENDED");

	message_init(&message, MESSAGE_APPLICATIONS_GET, 0);
	strcpy(message.applications_get.login, ticket.login);
	strcpy(message.applications_get.cookie, ticket.cookie);
	answer = peer_ask(&fcgi, &message);
	assert_int_equal(answer->type, MESSAGE_APPLICATIONS);
	assert_int_equal(answer->applications.applications_count, 1);
	assert_string_equal(answer->applications.applications[0].command, "xterm -ls");

	message_init(&message, MESSAGE_LAYOUT, 0);
	strcpy(message.layout.login, ticket.login);
	strcpy(message.layout.cookie, ticket.cookie);
	strcpy(message.layout.session, "alice-50-1795219328_stKICEWM_dp24");
	strcpy(message.layout.layout, "ch(fr)");
	assert_int_equal(peer_ask(&fcgi, &message)->type, MESSAGE_DONE);
	strcpy(message.layout.layout, "de");
	assert_fails(peer_ask(&fcgi, &message), ERROR_LAYOUT_UNKNOWN);
	assert_string_equal(fcgi.answer.fail.detail, "alice-50-1795219328_stKICEWM_dp24");

	logout(&ticket);
	assert_fails(peer_start(&fcgi, &ticket, "ICEWM"), ERROR_NOT_LOGGED_IN);
	assert_fails(peer_ask(&fcgi, &message), ERROR_NOT_LOGGED_IN);
	assert_nothing_left(&ctl);
	assert_logged("1000 bytes to the browser, 41 from it");
	end();
}

/* Where servers are is told only if the page is to write files for native clients. */
static void test_page_configuration(void **state)
{
	const struct message_config *config = &fcgi.answer.config;
	struct message message;

	(void)state;
	for (int native = 0; native < 2; native++) {
		begin(native ? "[web]\nlogo = /logo.svg\naccent = #a0b1c2\nkiosk = yes\n"
			       "native_mode = yes\n"
			     : "");
		message_init(&message, MESSAGE_CONFIG_GET, 0);
		assert_int_equal(peer_ask(&fcgi, &message)->type, MESSAGE_CONFIG);
		assert_string_equal(config->logo, native ? "/logo.svg" : "");
		assert_string_equal(config->accent, native ? "#a0b1c2" : "");
		assert_int_equal(config->kiosk, native);
		assert_int_equal(config->native_mode, native);
		assert_string_equal(config->servers[0].id, "here");
		assert_string_equal(config->servers[0].address, native ? "127.0.0.1" : "");
		assert_int_equal(config->servers[0].port != 0, native);
		end();
	}
}

static void test_cookies(void **state)
{
	struct ticket one, other, wrong;

	(void)state;
	begin("");
	one = peer_login(&fcgi, "alice");
	other = peer_login(&fcgi, "bob");
	assert_string_not_equal(one.login, other.login);
	assert_string_not_equal(one.cookie, other.cookie);
	wrong = one;
	strcpy(wrong.cookie, other.cookie);
	assert_fails(peer_start(&fcgi, &wrong, "ICEWM"), ERROR_NOT_LOGGED_IN);
	wrong = one;
	wrong.cookie[42] = wrong.cookie[42] == 'A' ? 'B' : 'A';
	assert_fails(peer_start(&fcgi, &wrong, "ICEWM"), ERROR_NOT_LOGGED_IN);
	wrong = one;
	strcpy(wrong.login, "0123456789abcdef");
	assert_fails(peer_start(&fcgi, &wrong, "ICEWM"), ERROR_NOT_LOGGED_IN);
	assert_int_equal(peer_start(&fcgi, &one, "ICEWM")->type, MESSAGE_STREAM);
	logout(&one);
	logout(&other);
	end();
}

static void test_refusals(void **state)
{
	(void)state;
	begin("[limits]\nlogins_per_user = 1\n");
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "127.0.0.1", "alice")),
	    ERROR_SERVER_NOT_ALLOWED);
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "unknown", "alice")), ERROR_HOST_KEY_UNKNOWN);
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "dead", "alice")), ERROR_HOST_UNREACHABLE);
	/* Whether the user exists stays the broker's and the server's secret. */
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "dead", "bob")), ERROR_AUTH_FAILED);
	assert_string_equal(fcgi.answer.fail.detail, "");
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", "wrong")), ERROR_AUTH_FAILED);
	assert_string_equal(fcgi.answer.fail.detail, "");
	assert_logged("login failed: auth_failed: there is no such user event=LOGIN_FAILED");
	peer_login(&fcgi, "alice");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "here", "alice")), ERROR_TOO_MANY_LOGINS);
	peer_close(&fcgi);
	peer_close(&ctl);
	world_stop();
}

/* The server takes the connection, but its session process does not get anywhere. */
static void test_processes_that_fail_to_open(void **state)
{
	static const struct {
		const char *user;
		enum error_code code;
		const char *logged;
	} cases[] = {
	    {"crash", ERROR_INTERNAL, "session process was ended by signal 9"},
	    {"early", ERROR_INTERNAL, "session process is killed: it says what it may not say now"},
	    {"garbage", ERROR_INTERNAL, "login failed: internal"},
	    {"silent", ERROR_TIMEOUT, "login failed: timeout"},
	};

	(void)state;
	begin("[deadlines]\nauth = 1\nstart = 1\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", cases[i].user)),
		    cases[i].code);
		assert_nothing_left(&ctl);
		assert_logged(cases[i].logged);
	}
	end();
}

/* One that was ready goes wrong while somebody waits for its answer. */
static void test_processes_that_go_wrong(void **state)
{
	static const struct {
		const char *command;
		enum error_code code;
		const char *logged;
	} cases[] = {
	    {"die", ERROR_INTERNAL, "session process ended with status 3"},
	    {"lost", ERROR_SSH_LOST, "login ended: ssh_lost: connection reset"},
	    {"unasked", ERROR_INTERNAL, "it answers what was not asked"},
	    {"liar", ERROR_INTERNAL, "it answers what was not asked"},
	};

	(void)state;
	begin("");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ticket ticket = peer_login(&fcgi, "alice");

		assert_fails(peer_start(&fcgi, &ticket, cases[i].command), cases[i].code);
		assert_fails(peer_start(&fcgi, &ticket, "ICEWM"), ERROR_NOT_LOGGED_IN);
		assert_nothing_left(&ctl);
		assert_logged(cases[i].logged);
	}
	end();
}

static void test_killed_from_outside(void **state)
{
	struct ticket ticket;
	uint32_t waiting;
	pid_t pid;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	pid = (pid_t)peer_list(&ctl)->logins[0].pid;
	assert_true(pid > 1);
	waiting = peer_send_start(&fcgi, &ticket, "never");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_fails(peer_await(&fcgi, waiting), ERROR_INTERNAL);
	assert_nothing_left(&ctl);
	assert_logged("session process was ended by signal 9");
	end();
}

static void test_stubborn(void **state)
{
	struct ticket ticket;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "stubborn");
	logout(&ticket);
	assert_string_equal(peer_list(&ctl)->logins[0].state, "stopping");
	assert_nothing_left(&ctl);
	assert_logged("session process is killed: it does not stop event=PROCESS_KILLED");
	end();
}

static void test_kill_command(void **state)
{
	struct ticket ticket;
	struct message message;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	message_init(&message, MESSAGE_KILL, 0);
	message.kill.whom_count = 1;
	strcpy(message.kill.whom[0].login, "0123456789abcdef");
	assert_fails(peer_ask(&ctl, &message), ERROR_NOT_LOGGED_IN);
	strcpy(message.kill.whom[0].login, ticket.login);
	assert_int_equal(peer_ask(&ctl, &message)->type, MESSAGE_KILLED);
	assert_nothing_left(&ctl);
	assert_logged("login ended: killed");
	end();
}

static void test_idle(void **state)
{
	struct ticket watching, leaving;

	(void)state;
	begin("[deadlines]\nidle = 1\n");
	watching = peer_login(&fcgi, "alice");
	assert_int_equal(peer_start(&fcgi, &watching, "ICEWM")->type, MESSAGE_STREAM);
	leaving = peer_login(&fcgi, "bob");
	/* An attached browser is no idleness; nothing asked for a second is. */
	while (strstr(world_log(), "login ended: idle") == NULL)
		assert_false(world_wait_readable(world.notify, 50));
	assert_fails(peer_start(&fcgi, &leaving, "ICEWM"), ERROR_NOT_LOGGED_IN);
	assert_int_equal(peer_status(&ctl)->logins, 1);
	logout(&watching);
	end();
}

static void test_asker_goes_away(void **state)
{
	struct peer other;
	struct ticket ticket;

	(void)state;
	begin("");
	/* A login that nobody waits for any more is taken back, */
	peer_open(&other, ROLE_FCGI);
	peer_send_login(&other, "here", "silent");
	while (peer_status(&ctl)->logins == 0)
		;
	peer_close(&other);
	assert_nothing_left(&ctl);
	assert_logged("taken back before it was open");
	/* one that is open stays, and an answer for nobody does no harm. */
	peer_open(&other, ROLE_FCGI);
	ticket = peer_login(&other, "alice");
	peer_send_start(&other, &ticket, "ICEWM");
	peer_close(&other);
	while (peer_start(&fcgi, &ticket, "ICEWM")->type != MESSAGE_STREAM)
		assert_fails(&fcgi.answer, ERROR_SESSION_BUSY);
	assert_int_equal(peer_status(&ctl)->logins, 1);
	logout(&ticket);
	end();
}

static void test_many_at_once(void **state)
{
	enum { WANTED = 40, FIT = 30 };
	struct peer peers[WANTED];
	uint32_t ids[WANTED];
	unsigned opened = 0, refused = 0;
	bool ports[FIT] = {false}, uids[FIT] = {false};

	(void)state;
	begin("[limits]\nlogins_per_user = 100\n");
	for (unsigned i = 0; i < WANTED; i++) {
		peer_open(&peers[i], ROLE_FCGI);
		ids[i] = peer_send_login(&peers[i], "here", "alice");
	}
	for (unsigned i = 0; i < WANTED; i++) {
		const struct message *answer = peer_await(&peers[i], ids[i]);

		if (answer->type == MESSAGE_LOGGED_IN) {
			opened++;
		} else {
			assert_fails(answer, ERROR_TOO_MANY_LOGINS);
			refused++;
		}
	}
	assert_int_equal(opened, FIT);
	assert_int_equal(refused, WANTED - FIT);
	assert_int_equal(peer_list(&ctl)->logins_count, FIT);
	for (unsigned i = 0; i < FIT; i++) {
		const struct record_login *login = &ctl.answer.logins.logins[i];

		assert_in_range(login->port, WORLD_PORT, WORLD_PORT + FIT - 1);
		assert_false(ports[login->port - WORLD_PORT]);
		ports[login->port - WORLD_PORT] = true;
		assert_in_range(login->uid, WORLD_UID, WORLD_UID + FIT - 1);
		assert_false(uids[login->uid - WORLD_UID]);
		uids[login->uid - WORLD_UID] = true;
	}
	for (unsigned i = 0; i < WANTED; i++)
		peer_close(&peers[i]);
	peer_close(&fcgi);
	peer_close(&ctl);
	world_stop();
	assert_logged("event=BROKER_STOPPING");
}

static uint32_t send_resume(struct peer *peer, const struct ticket *ticket)
{
	struct message message;

	message_init(&message, MESSAGE_RESUME, 0);
	strcpy(message.resume.login, ticket->login);
	strcpy(message.resume.cookie, ticket->cookie);
	strcpy(message.resume.session, "alice-50-1795219328_stKICEWM_dp24");
	message.resume.width = 1024;
	message.resume.height = 768;
	return peer_send(peer, &message);
}

static const struct message *list_sessions(struct peer *peer, const struct ticket *ticket)
{
	struct message message;

	message_init(&message, MESSAGE_SESSIONS_GET, 0);
	strcpy(message.sessions_get.login, ticket->login);
	strcpy(message.sessions_get.cookie, ticket->cookie);
	return peer_ask(peer, &message);
}

/* One start or resume at a time of a user on a server, whichever login it comes from. */
static void test_starts_of_one_user(void **state)
{
	struct ticket first, second, bob;
	struct peer holder, waiter;
	uint32_t held, resumed;

	(void)state;
	begin("");
	peer_open(&holder, ROLE_FCGI);
	peer_open(&waiter, ROLE_FCGI);
	first = peer_login(&fcgi, "alice");
	second = peer_login(&fcgi, "alice");
	bob = peer_login(&fcgi, "bob");
	held = peer_send_start(&holder, &first, "held");
	/* In the same login a second one is not even kept waiting: two clicks do it once. */
	assert_fails(peer_start(&fcgi, &first, "ICEWM"), ERROR_SESSION_BUSY);
	assert_fails(peer_await(&fcgi, send_resume(&fcgi, &first)), ERROR_SESSION_BUSY);
	/* Another login's waits; its other calls, and other users, do not. */
	resumed = send_resume(&waiter, &second);
	assert_int_equal(list_sessions(&fcgi, &second)->type, MESSAGE_SESSIONS);
	assert_fails(peer_start(&fcgi, &second, "ICEWM"), ERROR_SESSION_BUSY);
	assert_int_equal(peer_start(&fcgi, &bob, "ICEWM")->type, MESSAGE_STREAM);
	assert_int_not_equal(waiter.answer_id, resumed);
	assert_int_equal(list_sessions(&fcgi, &first)->type, MESSAGE_SESSIONS);
	assert_int_equal(peer_await(&holder, held)->type, MESSAGE_STREAM);
	assert_int_equal(peer_await(&waiter, resumed)->type, MESSAGE_STREAM);
	logout(&first);
	logout(&second);
	logout(&bob);
	peer_close(&holder);
	peer_close(&waiter);
	end();
}

static unsigned count_logged(const char *text)
{
	unsigned count = 0;

	for (const char *at = world_log(); (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

/* A session process cannot fill the log. */
static void test_chatter(void **state)
{
	struct ticket chatty, flapping;

	(void)state;
	begin("");
	chatty = peer_login(&fcgi, "chatty");
	/* What it sends of its own accord comes before the answer. */
	peer_start(&fcgi, &chatty, "ICEWM");
	assert_in_range(count_logged("session: chatter "), 80, 200);
	assert_logged("session: chatter 0 login=");
	flapping = peer_login(&fcgi, "flapping");
	peer_start(&fcgi, &flapping, "ICEWM");
	assert_in_range(count_logged("event=STREAM_ENDED"), 5, 40);
	logout(&chatty);
	logout(&flapping);
	end();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_what_a_session_is), CASE(test_calls),
	    CASE(test_page_configuration), CASE(test_cookies), CASE(test_refusals),
	    CASE(test_processes_that_fail_to_open), CASE(test_processes_that_go_wrong),
	    CASE(test_killed_from_outside), CASE(test_stubborn), CASE(test_kill_command),
	    CASE(test_idle), CASE(test_asker_goes_away), CASE(test_many_at_once),
	    CASE(test_starts_of_one_user), CASE(test_chatter)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
