/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * A whole broker and those who ask too much of it: failed logins of several source addresses,
 * guessing at one account, crashes, logins left unfinished, servers that refuse, limits, and hosts
 * that are typed. Needs root.
 */
#include "broker_visit.h"

/* The last part makes the address. */
#define ATTACKER "198.51.100."

/* So that the third one counts, however little or much time goes by between them. */
#define WRONG_7_S "[penalties]\nauth_failed = 7\n"

static uint32_t send_login(
    struct peer *peer, const char *server, const char *host, const char *user, const char *client)
{
	struct message message;

	message_init(&message, MESSAGE_LOGIN, 0);
	strcpy(message.login.server, server);
	strcpy(message.login.host, host);
	strcpy(message.login.user, user);
	strcpy(message.login.password, "wonderland");
	strcpy(message.login.client, client);
	strcpy(message.login.origin, "https://localhost");
	return peer_send(peer, &message);
}

/* The code of the answer; 0: logged in. */
static enum error_code login(const char *server, const char *user, const char *client)
{
	const struct message *answer =
	    peer_await(&fcgi, send_login(&fcgi, server, "", user, client));

	return answer->type == MESSAGE_FAIL ? answer->fail.code : ERROR_NONE;
}

static enum error_code login_typed(const char *host, const char *client)
{
	const struct message *answer =
	    peer_await(&fcgi, send_login(&fcgi, "", host, "alice", client));

	/* Nothing is told that helps to look around. */
	if (answer->type == MESSAGE_FAIL)
		assert_string_equal(answer->fail.detail, "");
	return answer->type == MESSAGE_FAIL ? answer->fail.code : ERROR_NONE;
}

#define assert_code(actual, expected)                                                              \
	assert_string_equal(error_info(actual)->name, error_info(expected)->name)

static void assert_kept_away(const char *user, const char *client, unsigned seconds)
{
	assert_code(login("here", user, client), ERROR_TOO_MANY_ATTEMPTS);
	assert_in_range(fcgi.answer.fail.retry_after_s, seconds - 8, seconds);
	assert_string_equal(fcgi.answer.fail.detail, "");
}

/* Whether there is one login, in this state. */
static bool peer_is_listed(struct peer *peer, const char *state)
{
	const struct message_logins *list = peer_list(peer);

	return list->logins_count == 1 && strcmp(list->logins[0].state, state) == 0;
}

static unsigned count_logged(const char *text)
{
	unsigned count = 0;

	for (const char *at = world_log(); (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

/* The user name "wrong" fails on the server, "bob" is not among the users of "dead". */
static void test_wrong_passwords(void **state)
{
	(void)state;
	begin(WRONG_7_S);
	for (unsigned i = 0; i < 2; i++)
		assert_code(login("here", "wrong", ATTACKER "1"), ERROR_AUTH_FAILED);
	assert_int_equal(fcgi.answer.fail.retry_after_s, 0);
	assert_code(login("dead", "bob", ATTACKER "1"), ERROR_AUTH_FAILED);
	assert_logged(ATTACKER "1/32 is kept away for ");
	/* Whoever it is now, and however right the password: it is not even tried. */
	assert_kept_away("alice", ATTACKER "1", 21);
	assert_kept_away("bob", ATTACKER "1", 21);
	assert_logged("login refused: too_many_attempts: its address is kept away by [penalties]");
	assert_nothing_left(&ctl);
	/* Others go on. */
	assert_code(login("here", "alice", ATTACKER "2"), ERROR_NONE);
	assert_code(login("here", "alice", ""), ERROR_NONE);
	leave();
}

static void test_guessing_from_many(void **state)
{
	static const char *const clients[] = {
	    ATTACKER "1", ATTACKER "2", ATTACKER "3", ATTACKER "4"};
	static const char *const more_clients[] = {
	    ATTACKER "11", ATTACKER "12", ATTACKER "13", ATTACKER "14"};

	(void)state;
	begin("[penalties]\nauth_failed = 9\n");
	for (unsigned i = 0; i < 4; i++)
		assert_code(login("here", "wrong", clients[i]), ERROR_AUTH_FAILED);
	assert_kept_away("wrong", ATTACKER "5", 30);
	assert_logged("this account is kept away by [penalties]");
	/* Neither others from there nor this one from where it may. */
	assert_code(login("here", "alice", ATTACKER "1"), ERROR_NONE);
	assert_code(login("here", "wrong", "192.0.2.1"), ERROR_AUTH_FAILED);
	/* Whether the name is among the users of a server makes no difference. */
	for (unsigned i = 0; i < 4; i++)
		assert_code(login("dead", "eve", more_clients[i]), ERROR_AUTH_FAILED);
	assert_code(login("dead", "eve", ATTACKER "5"), ERROR_TOO_MANY_ATTEMPTS);
	leave();
}

/* It goes by: the same address gets in again. */
static void test_decay(void **state)
{
	unsigned refused = 0;

	(void)state;
	begin("[penalties]\nauth_failed = 2\nmin = 2\n");
	assert_code(login("here", "wrong", ATTACKER "1"), ERROR_AUTH_FAILED);
	while (login("here", "alice", ATTACKER "1") == ERROR_TOO_MANY_ATTEMPTS) {
		assert_in_range(fcgi.answer.fail.retry_after_s, 1, 2);
		refused++;
		poll(NULL, 0, 50);
	}
	assert_int_equal(fcgi.answer.type, MESSAGE_LOGGED_IN);
	/* Being refused does not make it longer. */
	assert_in_range(refused, 2, 45);
	leave();
}

static void test_crashes(void **state)
{
	(void)state;
	begin("");
	assert_code(login("here", "abort", ATTACKER "1"), ERROR_INTERNAL);
	assert_nothing_left(&ctl);
	assert_logged("session process was ended by signal 6");
	assert_kept_away("alice", ATTACKER "1", 90);
	/* One that broke a rule. */
	assert_code(login("here", "early", ATTACKER "2"), ERROR_INTERNAL);
	assert_kept_away("alice", ATTACKER "2", 90);
	/* One that the system ended, perhaps for want of memory. */
	assert_code(login("here", "crash", ATTACKER "3"), ERROR_INTERNAL);
	assert_nothing_left(&ctl);
	assert_code(login("here", "alice", ATTACKER "3"), ERROR_NONE);
	leave();
}

/* Who leaves while it is being opened pays, who is turned out by the broker does not. */
static void test_unfinished(void **state)
{
	struct message message;
	struct peer other;

	(void)state;
	begin("[penalties]\nauth_failed = 60\nunfinished = 30\n");
	/* With a password that the server is judging. */
	peer_open(&other, ROLE_FCGI);
	send_login(&other, "here", "", "silent", ATTACKER "1");
	AWAIT(peer_is_listed(&ctl, "opening"));
	peer_close(&other);
	assert_nothing_left(&ctl);
	assert_kept_away("alice", ATTACKER "1", 60);

	peer_open(&other, ROLE_FCGI);
	send_login(&other, "here", "", "silent", ATTACKER "2");
	AWAIT(peer_status(&ctl)->logins == 1);
	message_init(&message, MESSAGE_KILL, 0);
	message.kill.whom_count = 1;
	strcpy(message.kill.whom[0].login, peer_list(&ctl)->logins[0].login);
	assert_int_equal(peer_ask(&ctl, &message)->type, MESSAGE_KILLED);
	assert_nothing_left(&ctl);
	peer_close(&other);
	assert_code(login("here", "alice", ATTACKER "2"), ERROR_NONE);
	/* Nobody writes fields of the log by his name. */
	assert_code(login("dead", "bob\" client=192.0.2.9", ATTACKER "3"), ERROR_AUTH_FAILED);
	assert_logged("user=\"bob' client=192.0.2.9\" server=dead client=" ATTACKER "3");
	/* A host key that is not on file, a server that is down. */
	assert_code(login("unknown", "alice", ATTACKER "2"), ERROR_HOST_KEY_UNKNOWN);
	assert_code(login("dead", "alice", ATTACKER "2"), ERROR_HOST_UNREACHABLE);
	assert_code(login("here", "alice", ATTACKER "2"), ERROR_NONE);
	leave();
}

/* A question that nobody answers costs, one that is taken back does not, but for one that has been
 * answered it is too late. */
static void test_questions(void **state)
{
	const struct message *answer;
	struct ticket ticket;
	struct peer other;

	(void)state;
	begin("[penalties]\nauth_failed = 60\nunfinished = 0\n");
	answer = peer_await(&fcgi, send_login(&fcgi, "here", "", "ask then silent", ATTACKER "1"));
	assert_int_equal(answer->type, MESSAGE_PROMPTED);
	strcpy(ticket.login, answer->prompted.login);
	strcpy(ticket.cookie, answer->prompted.cookie);
	peer_open(&other, ROLE_FCGI);
	peer_send_answer(&other, &ticket, "felix", "123456");
	AWAIT(peer_is_listed(&ctl, "opening"));
	assert_int_equal(peer_logout(&fcgi, &ticket)->type, MESSAGE_DONE);
	assert_nothing_left(&ctl);
	peer_close(&other);
	assert_kept_away("alice", ATTACKER "1", 60);
	end();

	begin("[deadlines]\nprompt = 1\n[penalties]\nunfinished = 60\n");
	answer = peer_await(&fcgi, send_login(&fcgi, "here", "", "ask", ATTACKER "1"));
	assert_int_equal(answer->type, MESSAGE_PROMPTED);
	strcpy(ticket.login, answer->prompted.login);
	strcpy(ticket.cookie, answer->prompted.cookie);
	assert_int_equal(peer_logout(&fcgi, &ticket)->type, MESSAGE_DONE);
	assert_nothing_left(&ctl);
	answer = peer_await(&fcgi, send_login(&fcgi, "here", "", "ask", ATTACKER "1"));
	assert_int_equal(answer->type, MESSAGE_PROMPTED);
	assert_nothing_left(&ctl);
	assert_logged("login failed: prompt_timeout");
	assert_kept_away("alice", ATTACKER "1", 60);
	leave();
}

static void test_server_that_refuses(void **state)
{
	struct pollfd pending = {.fd = world.ssh, .events = POLLIN};

	(void)state;
	pending.fd = world.ssh;
	begin("");
	assert_code(login("here", "refused", ATTACKER "1"), ERROR_HOST_REFUSED);
	assert_in_range(fcgi.answer.fail.retry_after_s, 14, 15);
	while (poll(&pending, 1, 0) == 1)
		close(accept(world.ssh, NULL, NULL));
	assert_code(login("here", "alice", ATTACKER "2"), ERROR_HOST_REFUSED);
	assert_in_range(fcgi.answer.fail.retry_after_s, 10, 15);
	assert_logged("login refused: host_refused: it has just refused another login");
	/* It was not dialled for that. */
	assert_int_equal(poll(&pending, 1, 0), 0);
	assert_code(login("dead", "alice", ATTACKER "1"), ERROR_HOST_UNREACHABLE);
	leave();
}

static void test_limits(void **state)
{
	static const struct {
		const char *config, *logged;
	} cases[] = {
	    {"[limits]\nlogins = 1\n", "as many as [limits] logins allows"},
	    {"[limits]\nlogins_per_server = 1\n", "as many as [limits] logins_per_server allows"},
	    {"[limits]\nlogins_per_client = 1\n", "as many as [limits] logins_per_client allows"},
	    {"[limits]\nlogins_per_user = 1\n", "as many as [limits] logins_per_user allows"},
	    {"[limits]\nunfinished = 1:100:1\n", "turned away by [limits] unfinished"},
	};
	struct peer other;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].config);
		peer_open(&other, ROLE_FCGI);
		send_login(&other, "here", "", "silent", ATTACKER "1");
		AWAIT(peer_status(&ctl)->logins == 1);
		assert_code(login("here", "silent", ATTACKER "1"), ERROR_TOO_MANY_LOGINS);
		assert_in_range(fcgi.answer.fail.retry_after_s, 1, 60);
		assert_logged(cases[i].logged);
		peer_close(&other);
		assert_nothing_left(&ctl);
		leave();
	}
}

static unsigned count_answered(const struct peer *peers, const uint32_t *ids, unsigned count)
{
	unsigned answered = 0;

	for (unsigned i = 0; i < count; i++)
		answered += peers[i].answer_id == ids[i];
	return answered;
}

/* Early drop in numbers: of many unfinished ones about so many are turned away. */
static void test_early_drop(void **state)
{
	enum { WANTED = 28 };
	struct peer peers[WANTED];
	uint32_t ids[WANTED];
	unsigned refused = 0;

	(void)state;
	begin("[limits]\nunfinished = 4:50:1000\nlogins_per_user = 100\nlogins_at_once = 1\n");
	for (unsigned i = 0; i < WANTED; i++) {
		peer_open(&peers[i], ROLE_FCGI);
		ids[i] = send_login(&peers[i], "here", "", "silent", "192.0.2.1");
	}
	/* Those that are not refused stay unanswered. */
	AWAIT((refused = count_answered(peers, ids, WANTED)) + peer_status(&ctl)->logins == WANTED);
	for (unsigned i = 0; i < WANTED; i++)
		if (peers[i].answer_id == ids[i])
			assert_fails(&peers[i].answer, ERROR_TOO_MANY_LOGINS);
	/* Of 24 or more after the first four; less than this comes once in a million. */
	assert_in_range(refused, 2, WANTED - 5);
	assert_int_equal(count_logged("turned away by [limits] unfinished"), refused);
	for (unsigned i = 0; i < WANTED; i++)
		peer_close(&peers[i]);
	leave();
}

static void test_typed(void **state)
{
	char host[64];

	(void)state;
	begin_with("[other_servers]\nallow = yes\nnetworks = 0.0.0.0/0, ::/0\nports = %u\n"
		   "host_keys = ask\n[penalties]\nunfinished = 7\n",
	    (unsigned)world.ssh_port);
	/* By any name of it the gateway itself is not to be reached. */
	snprintf(host, sizeof(host), "localhost:%u", (unsigned)world.ssh_port);
	assert_code(login_typed(host, "192.0.2.1"), ERROR_SERVER_NOT_ALLOWED);
	/* Whichever of its addresses comes first. */
	assert_logged(" (RFC ");
	snprintf(host, sizeof(host), "[::ffff:127.0.0.1]:%u", (unsigned)world.ssh_port);
	/* The same as 127.0.0.1, for which there is a section. */
	assert_code(login_typed(host, "192.0.2.1"), ERROR_NONE);
	snprintf(host, sizeof(host), "[::1]:%u", (unsigned)world.ssh_port);
	assert_code(login_typed(host, "192.0.2.1"), ERROR_SERVER_NOT_ALLOWED);
	assert_code(login_typed("127.0.0.3", "192.0.2.1"), ERROR_SERVER_NOT_ALLOWED);
	assert_logged("its port is not among [other_servers] ports");
	/* Looking around is not for nothing. */
	for (unsigned i = 0; i < 3; i++)
		assert_code(login_typed("x.example:1", ATTACKER "1"), ERROR_SERVER_NOT_ALLOWED);
	assert_kept_away("alice", ATTACKER "1", 21);
	leave();

	/* Off is off, and allowed is what was meant. */
	begin("");
	assert_code(login_typed("localhost", "192.0.2.1"), ERROR_SERVER_NOT_ALLOWED);
	leave();
	begin_with(
	    "[other_servers]\nallow = yes\nnetworks = 127.0.0.1\nports = %u\nhost_keys = ask\n",
	    (unsigned)world.ssh_port);
	snprintf(host, sizeof(host), "LocalHost:%u", (unsigned)world.ssh_port);
	assert_code(login_typed(host, "192.0.2.1"), ERROR_NONE);
	snprintf(host, sizeof(host), "localhost:%u", (unsigned)world.ssh_port);
	assert_string_equal(peer_list(&ctl)->logins[0].server, host);
	leave();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_wrong_passwords),
	    CASE(test_guessing_from_many), CASE(test_decay), CASE(test_crashes),
	    CASE(test_unfinished), CASE(test_questions), CASE(test_server_that_refuses),
	    CASE(test_limits), CASE(test_early_drop), CASE(test_typed)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
