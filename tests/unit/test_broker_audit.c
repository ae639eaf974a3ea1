/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * The trail that logins leave in the log of a whole broker: all of it in one line at the end, an
 * admin's acts, and what a flood of refused logins does to it. Needs root.
 */
#include "broker_visit.h"

static unsigned count_logged(const char *text)
{
	unsigned count = 0;

	for (const char *at = world_log(); (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

/* The line that holds both texts. */
static const char *find_line(const char *text, const char *other)
{
	static char line[4200];

	for (const char *at = world_log(); *at != 0; at += strcspn(at, "\n") + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		if (strstr(line, text) != NULL && strstr(line, other) != NULL)
			return line;
		if (strchr(at, '\n') == NULL)
			break;
	}
	fail_msg("no line with %s and %s:\n%s", text, other, world_log());
	return "";
}

static void assert_in_line(const char *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void assert_in_line(const char *line, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (strstr(line, text) == NULL)
		fail_msg("no %s in: %s", text, line);
}

static void test_trail(void **state)
{
	struct ticket ticket;
	const char *line;
	struct message message;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	assert_int_equal(peer_start(&fcgi, &ticket, "ICEWM")->type, MESSAGE_STREAM);
	message_init(&message, MESSAGE_SUSPEND, 0);
	strcpy(message.suspend.login, ticket.login);
	strcpy(message.suspend.cookie, ticket.cookie);
	strcpy(message.suspend.session, "alice-50-1795219328_stKICEWM_dp24");
	assert_int_equal(peer_ask(&fcgi, &message)->type, MESSAGE_SESSION);
	peer_logout(&fcgi, &ticket);
	assert_nothing_left(&ctl);

	line = find_line("event=LOGIN_OPENED", ticket.login);
	assert_in_line(line,
	    " user=alice server=here client=192.0.2.1 host=[127.0.0.1]:%u methods=",
	    (unsigned)world.ssh_port);
	assert_in_line(line, " host_key=SHA256:standin");
	line = find_line("event=STREAM_ENDED", ticket.login);
	assert_in_line(line, " session=alice-50-1795219328_stKICEWM_dp24 ");
	assert_in_line(line, " duration_ms=");
	/* All that came with the first word of the stand-in's stream counts as before it. */
	assert_in_line(line, " to_browser_bytes=0 from_browser_bytes=0");
	line = find_line("event=LOGIN_ENDED", ticket.login);
	assert_in_line(line,
	    " session=alice-50-1795219328_stKICEWM_dp24 user=alice server=here "
	    "client=192.0.2.1 error=logout host=[127.0.0.1]:%u methods=",
	    (unsigned)world.ssh_port);
	assert_in_line(line, " host_key=SHA256:standin duration_ms=");
	assert_in_line(line, " to_browser_bytes=1000 from_browser_bytes=41");
	assert_int_equal(count_logged("event=SESSION_STARTED"), 1);
	assert_int_equal(count_logged("event=SESSION_SUSPENDED"), 1);
	end();
}

/* With a jump host, which has an account and a key of its own. */
static void test_jump(void **state)
{
	struct ticket ticket;
	const char *line;

	(void)state;
	begin_with("[jump gate]\naddress = 127.0.0.1\nport = %u\nuser = warden\nhost_keys = ask\n"
		   "[server inner]\naddress = inner.example\njump = gate\nhost_keys = ask\n",
	    (unsigned)world.ssh_port);
	ticket = peer_login_to(&fcgi, "inner", "alice");
	peer_logout(&fcgi, &ticket);
	assert_nothing_left(&ctl);
	for (int ended = 0; ended < 2; ended++) {
		line = find_line(ended ? "event=LOGIN_ENDED" : "event=LOGIN_OPENED", ticket.login);
		assert_in_line(line,
		    " host=inner.example jump=[127.0.0.1]:%u jump_user=warden methods=",
		    (unsigned)world.ssh_port);
		assert_in_line(line, " host_key=SHA256:standin jump_host_key=SHA256:gate");
	}
	end();
}

static void test_admin(void **state)
{
	struct message message;

	(void)state;
	begin("");
	peer_login(&fcgi, "alice");
	message_init(&message, MESSAGE_KILL, 0);
	message.kill.whom_count = 1;
	message.kill.whom[0].all = 1;
	assert_int_equal(peer_ask(&ctl, &message)->type, MESSAGE_KILLED);
	assert_nothing_left(&ctl);
	assert_in_line(find_line("event=ADMIN_ACTED", "ended 1 logins"), " admin=0");
	find_line("event=LOGIN_ENDED", " error=killed ");
	end();
}

/* Who asks without end for what is refused must not make the journal leave out what others do. */
static void test_flood(void **state)
{
	unsigned count, tries = 0;

	(void)state;
	begin("");
	for (unsigned i = 0; i < 600; i++)
		assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "nowhere", "alice")),
		    ERROR_SERVER_NOT_ALLOWED);
	count = count_logged("event=LOGIN_FAILED");
	assert_in_range(count, 200, 599);
	/* What was let in is written down in the midst of it. */
	peer_login(&fcgi, "alice");
	assert_int_equal(count_logged("event=LOGIN_OPENED"), 1);
	while (count_logged("event=LINES_DROPPED") == 0 && tries++ < 10000)
		peer_await(&fcgi, peer_send_login(&fcgi, "nowhere", "alice"));
	assert_logged("more logins were refused: too many to write each of them down");
	leave();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(test_trail), CASE(test_jump), CASE(test_admin), CASE(test_flood)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
