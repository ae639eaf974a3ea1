/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * What a whole broker does with what session processes ask before their login is open: prompts in
 * rounds, their ends, and processes that ask what they may not ask. Needs root.
 */
#include "broker_visit.h"

static void test_rounds(void **state)
{
	const struct message *answer;
	const struct record_prompt *prompt;
	struct ticket ticket, wrong;
	char name[64];

	(void)state;
	begin("");
	ticket = peer_login_to_prompt(&fcgi, "here", "ask");
	prompt = &fcgi.answer.prompted.prompt[0];
	assert_int_equal(strlen(ticket.login), 16);
	assert_int_equal(strlen(ticket.cookie), 43);
	assert_int_equal(prompt->kind, PROMPT_QUESTIONS);
	assert_int_equal(prompt->hop, HOP_SERVER);
	/* Whom it is for is the broker's word. */
	snprintf(name, sizeof(name), "[127.0.0.1]:%u", (unsigned)world.ssh_port);
	assert_string_equal(prompt->host, name);
	assert_string_equal(prompt->instruction, "Two things,\nplease");
	assert_int_equal(prompt->questions_count, 2);
	assert_int_equal(prompt->questions[0].echo, 1);
	assert_string_equal(prompt->questions[1].text, "Verification code: ");
	assert_int_equal(prompt->questions[1].echo, 0);
	assert_string_equal(peer_list(&ctl)->logins[0].state, "prompting");

	/* Nothing else works, and what is wrong changes nothing. */
	assert_fails(peer_start(&fcgi, &ticket, "ICEWM"), ERROR_SESSION_BUSY);
	assert_fails(peer_answer(&fcgi, &ticket, "felix", NULL), ERROR_BAD_REQUEST);
	wrong = ticket;
	wrong.cookie[42] = wrong.cookie[42] == 'A' ? 'B' : 'A';
	assert_fails(peer_answer(&fcgi, &wrong, "felix", "123456"), ERROR_NOT_LOGGED_IN);
	assert_string_equal(peer_list(&ctl)->logins[0].state, "prompting");

	answer = peer_answer(&fcgi, &ticket, "felix", "123456");
	assert_int_equal(answer->type, MESSAGE_PROMPTED);
	assert_string_equal(answer->prompted.login, ticket.login);
	assert_string_equal(answer->prompted.cookie, "");
	assert_int_equal(answer->prompted.prompt[0].kind, PROMPT_NEW_PASSWORD);
	assert_fails(peer_answer(&fcgi, &ticket, "new", "new"), ERROR_BAD_REQUEST);

	answer = peer_answer(&fcgi, &ticket, "a new one", NULL);
	assert_int_equal(answer->type, MESSAGE_LOGGED_IN);
	assert_string_equal(answer->logged_in.login, ticket.login);
	assert_string_equal(answer->logged_in.cookie, "");
	assert_string_equal(answer->logged_in.notice, "<felix><123456><a new one>");
	assert_logged("login opened by publickey+keyboard-interactive; host key SHA256:standin");
	assert_fails(peer_answer(&fcgi, &ticket, "more", NULL), ERROR_SESSION_BUSY);
	assert_int_equal(peer_start(&fcgi, &ticket, "ICEWM")->type, MESSAGE_STREAM);
	assert_int_equal(peer_logout(&fcgi, &ticket)->type, MESSAGE_DONE);
	assert_fails(peer_answer(&fcgi, &ticket, "more", NULL), ERROR_NOT_LOGGED_IN);
	assert_null(strstr(world_log(), "123456"));
	assert_null(strstr(world_log(), "a new one"));
	assert_null(strstr(world_log(), ticket.cookie));
	end();
}

static void test_cancel(void **state)
{
	struct ticket ticket;
	uint32_t waiting;
	struct peer other;

	(void)state;
	begin("");
	ticket = peer_login_to_prompt(&fcgi, "here", "ask");
	assert_int_equal(peer_logout(&fcgi, &ticket)->type, MESSAGE_DONE);
	assert_fails(peer_answer(&fcgi, &ticket, "felix", "123456"), ERROR_NOT_LOGGED_IN);
	assert_nothing_left(&ctl);
	assert_logged("login failed: logout event=LOGIN_FAILED");
	assert_logged("error=logout");

	/* While the server thinks about an answer. */
	ticket = peer_login_to_prompt(&fcgi, "here", "ask then silent");
	peer_open(&other, ROLE_FCGI);
	waiting = peer_send_answer(&other, &ticket, "felix", "123456");
	while (strcmp(peer_list(&ctl)->logins[0].state, "opening") != 0)
		;
	assert_fails(peer_answer(&fcgi, &ticket, "felix", "123456"), ERROR_SESSION_BUSY);
	assert_int_equal(peer_logout(&fcgi, &ticket)->type, MESSAGE_DONE);
	assert_fails(peer_await(&other, waiting), ERROR_LOGOUT);
	assert_nothing_left(&ctl);

	/* Who answered and then went away has taken the login back. */
	ticket = peer_login_to_prompt(&fcgi, "here", "ask then silent");
	peer_send_answer(&other, &ticket, "felix", "123456");
	while (strcmp(peer_list(&ctl)->logins[0].state, "opening") != 0)
		;
	peer_close(&other);
	assert_nothing_left(&ctl);
	assert_logged("taken back before it was open");
	end();
}

/* Nobody answers, and the session process does not mind. */
static void test_vanished_user(void **state)
{
	struct ticket ticket;
	struct peer other;

	(void)state;
	begin("[deadlines]\nprompt = 1\n");
	peer_open(&other, ROLE_FCGI);
	ticket = peer_login_to_prompt(&other, "here", "ask");
	peer_close(&other);
	assert_string_equal(peer_list(&ctl)->logins[0].state, "prompting");
	assert_nothing_left(&ctl);
	assert_logged("login failed: prompt_timeout event=LOGIN_FAILED");
	assert_fails(peer_answer(&fcgi, &ticket, "felix", "123456"), ERROR_NOT_LOGGED_IN);
	end();
}

/* The time in which a login has to get on begins anew with each answer, but not for ever. */
static void test_limits_of_time(void **state)
{
	struct ticket ticket, open;

	(void)state;
	begin("[deadlines]\nauth = 1\nstart = 1\nlogin = 4\n");
	open = peer_login(&fcgi, "alice");
	ticket = peer_login_to_prompt(&fcgi, "here", "ask then silent");
	assert_fails(peer_answer(&fcgi, &ticket, "felix", "123456"), ERROR_TIMEOUT);
	assert_int_equal(peer_start(&fcgi, &open, "ICEWM")->type, MESSAGE_STREAM);
	ticket = peer_login_to_prompt(&fcgi, "here", "ask on and on");
	while (peer_answer(&fcgi, &ticket, "felix", "123456")->type == MESSAGE_PROMPTED)
		;
	assert_int_equal(fcgi.answer.type, MESSAGE_FAIL);
	assert_nothing_left(&ctl);
	assert_fails(peer_start(&fcgi, &open, "ICEWM"), ERROR_NOT_LOGGED_IN);
	assert_logged("login ended: login_expired");
	assert_logged("login failed: login_expired");
	end();
}

/* Who thinks about a question keeps nobody waiting. */
static void test_turn_is_given_back(void **state)
{
	struct ticket thinking, other;

	(void)state;
	begin("[limits]\nlogins_at_once = 1\n");
	thinking = peer_login_to_prompt(&fcgi, "here", "ask");
	other = peer_login(&fcgi, "alice");
	peer_logout(&fcgi, &thinking);
	peer_logout(&fcgi, &other);
	end();
}

static void test_processes_that_ask_what_they_may_not(void **state)
{
	static const struct {
		const char *user, *logged;
	} cases[] = {
	    {"ask twice", "it says what it may not say now"},
	    {"ask and open", "it says what it may not say now"},
	    {"no questions", "it asks nothing, or what the page asks"},
	    {"words of its own", "it asks nothing, or what the page asks"},
	    {"no such hop", "it asks for a host that is not on its way"},
	    {"key beside", "it shows a host key with another question"},
	    {"strict key", "it asks about a host key that it has to refuse"},
	    {"sign ssh-ed25519", "it asks for a signature that it may not have"},
	    {"sign hop 1", "it asks for a signature that it may not have"},
	    {"late", "it says what it may not say now"},
	    {"late sign", "it says what it may not say now"},
	};
	unsigned killed = 0;

	(void)state;
	begin("");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[128];

		/* Some are found out before there is an answer, some after. */
		peer_await(&fcgi, peer_send_login(&fcgi, "here", cases[i].user));
		assert_nothing_left(&ctl);
		snprintf(expected, sizeof(expected),
		    "session process is killed: %s event=PROCESS_KILLED login=", cases[i].logged);
		assert_logged(expected);
		killed = 0;
		for (const char *at = world_log(); (at = strstr(at, "is killed: ")) != NULL; at++)
			killed++;
		assert_int_equal(killed, i + 1);
	}
	end();
}

static void test_where_it_failed(void **state)
{
	(void)state;
	world_write("known_hosts", "");
	begin_with("[jump gate]\naddress = 127.0.0.1\nport = %u\nhost_keys = ask\n"
		   "[server inner]\naddress = inner.example\njump = gate\nhost_keys = ask\n"
		   "[jump none]\naddress = 127.0.0.1\nport = %u\nhost_keys = ask\n"
		   "[server behind]\naddress = inner.example\njump = none\nhost_keys = ask\n"
		   "[server strict]\naddress = inner.example\njump = gate\n",
	    (unsigned)world.ssh_port, (unsigned)world.dead_port);
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "inner", "fails at jump")),
	    ERROR_JUMP_REFUSED);
	assert_int_equal(fcgi.answer.fail.hop, HOP_JUMP);
	assert_string_equal(fcgi.answer.fail.detail, "administratively prohibited");
	assert_logged("login failed: jump_refused at the jump host: administratively prohibited");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "behind", "alice")), ERROR_HOST_UNREACHABLE);
	assert_int_equal(fcgi.answer.fail.hop, HOP_JUMP);
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "strict", "alice")), ERROR_HOST_KEY_UNKNOWN);
	assert_int_equal(fcgi.answer.fail.hop, HOP_SERVER);
	end();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_rounds), CASE(test_cancel),
	    CASE(test_vanished_user), CASE(test_limits_of_time), CASE(test_turn_is_given_back),
	    CASE(test_processes_that_ask_what_they_may_not), CASE(test_where_it_failed)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
