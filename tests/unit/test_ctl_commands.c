/* links: proto ctl */
/* SPDX-License-Identifier: ISC */
/*
 * brokerctl's commands from their words to what they print and their exit status, before a stand-in
 * broker: it answers from a script and notes what it was asked. On a terminal and without one.
 */
#include "ctl_world.h"

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(ctl("status"), 0);
	assert_string_equal(said, "version      0.1.0\n"
				  "running for  1d02h\n"
				  "state        taking logins\n"
				  "logins       3 of 200, 1 not open yet\n"
				  "desktops     2 shown, 1 waiting for a browser\n"
				  "servers      3\n"
				  "ports        190 of 200, 1 resting\n"
				  "uids         4 of 4\n"
				  "connections  5\n");
	assert_int_equal(ctl("status --json"), 0);
	assert_string_equal(said,
	    "{\"version\":\"0.1.0\",\"draining\":false,\"uptime_s\":93784,\"logins\":3,"
	    "\"logins_max\":200,\"unfinished\":1,\"streams\":2,\"streams_waiting\":1,"
	    "\"servers\":3,\"ports_used\":190,\"ports_resting\":1,\"ports_total\":200,"
	    "\"uids_used\":4,\"uids_total\":4,\"connections\":5}\n");
	world->draining = true;
	assert_int_equal(ctl_on_terminal(80, NULL, "status"), 0);
	assert_says("state        \33[33mdraining: no new logins are taken\33[0m");
	assert_says("ports        \33[33m190\33[0m of 200");
	assert_says("uids         \33[31m4\33[0m of 4");
	setenv("NO_COLOR", "1", 1);
	assert_int_equal(ctl_on_terminal(80, NULL, "status"), 0);
	assert_silent_on("\33");
	unsetenv("NO_COLOR");
}

static void test_list(void **state)
{
	(void)state;
	assert_int_equal(ctl("list"), 0);
	assert_says("LOGIN     USER   FROM");
	assert_says("\n00abcdef  alice  2001:db8:1234:5678:9abc:def0:1234:5678  office  attached  "
		    "3h07m   12M  12ms");
	assert_says("\n02abcdef  user2  192.0.2.1 ");
	assert_int_equal(ctl_on_terminal(80, NULL, "list"), 0);
	setenv("NO_COLOR", "1", 1);
	for (unsigned short width = 64; width < 200; width += 9) {
		assert_int_equal(ctl_on_terminal(width, NULL, "list"), 0);
		assert_in_range(widest_line(), 60, width);
	}
	/* Where there is room, there is more. */
	assert_says("alice-50-1795219328_stKICEWM_dp24");
	unsetenv("NO_COLOR");
	assert_int_equal(ctl("list --user user1 --json"), 0);
	assert_string_equal(said,
	    "[{\"login\":\"01abcdef01234567\",\"state\":\"ready\",\"user\":\"user1\","
	    "\"server\":\"office\",\"client\":\"192.0.2.1\",\"session\":\"\",\"pid\":4712,"
	    "\"uid\":70003,\"port\":20003,\"age_s\":11220,\"to_browser_bytes\":0,"
	    "\"from_browser_bytes\":0,\"round_trip_us\":0,\"resumes\":0}]\n");
	assert_int_equal(ctl("list --server elsewhere"), 0);
	assert_string_equal(said, "Nobody is logged in so.\n");
	world->logins = 0;
	assert_int_equal(ctl("list"), 0);
	assert_string_equal(said, "Nobody is logged in.\n");
	assert_int_equal(ctl("list -j"), 0);
	assert_string_equal(said, "[]\n");
}

static void test_show(void **state)
{
	(void)state;
	assert_int_equal(ctl("show 00abc"), 0);
	assert_asked("SHOW_GET login=\"00abc\"\n");
	assert_says("login        00abcdef01234567\n"
		    "user         alice\n"
		    "from         2001:db8:1234:5678:9abc:def0:1234:5678\n"
		    "server       office\n"
		    "host         x2go.example.org, through gate.example.org\n"
		    "since        ");
	assert_says(", for 3h07m\n"
		    "ends         in 8h52m at the latest\n"
		    "state        attached: a browser shows the desktop\n"
		    "opened by    publickey+keyboard-interactive\n"
		    "host key     SHA256:sK2LpBORoq60g6cZdEmERiE\n"
		    "jump's key   SHA256:vW3zQ8y1o5mYwV0kqkT7nQe\n"
		    "session      alice-50-1795219328_stKICEWM_dp24\n"
		    "stream       attached for 1m\n"
		    "data         12 MiB to the browser, 40 KiB from it\n"
		    "round trip   12ms\n"
		    "came back    1 time\n"
		    "process      4711, uid 70003, port 20003\n");
	assert_int_equal(ctl("--json show 00abc"), 0);
	assert_says("\"jump_host\":\"gate.example.org\"");
	assert_says("\"stream\":\"attached\",\"stream_since_s\":61,\"expires_s\":31920,");
}

static void test_kill(void **state)
{
	(void)state;
	assert_int_equal(ctl("kill 00ab 01"), 0);
	assert_asked("KILL whom=[{ login=\"00ab\" user=\"\" server=\"\" all=0 }]\n"
		     "KILL whom=[{ login=\"01\" user=\"\" server=\"\" all=0 }]\n");
	assert_string_equal(said, "6 logins told to end.\n");
	world->asked[0] = 0;
	assert_int_equal(ctl("kill --user alice --server office -j"), 0);
	assert_asked("KILL whom=[{ login=\"\" user=\"alice\" server=\"office\" all=0 }]\n");
	assert_string_equal(said, "{\"logins\":3}\n");
	world->asked[0] = 0;
	assert_int_equal(ctl("kill --all"), 0);
	assert_asked("KILL whom=[{ login=\"\" user=\"\" server=\"\" all=1 }]\n");
	world->logins = 0;
	assert_int_equal(ctl("kill 00"), 1);
	assert_string_equal(said, "brokerctl: 00: no such login\n");
}

static void test_message(void **state)
{
	(void)state;
	assert_int_equal(ctl("message 00ab the_gateway stops at_5"), 0);
	assert_asked("SAY whom=[{ login=\"00ab\" user=\"\" server=\"\" all=0 }] "
		     "text=\"the gateway stops at 5\"\n");
	assert_string_equal(said, "1 page shows it, and 1 will when next heard from.\n");
	world->logins = 8;
	world->asked[0] = 0;
	assert_int_equal(ctl("message --all tea"), 0);
	assert_asked("SAY whom=[{ login=\"\" user=\"\" server=\"\" all=1 }] text=\"tea\"\n");
	assert_string_equal(said, "4 pages show it, and 2 will when next heard from.\n");
	assert_int_equal(ctl("message --all tea --json"), 0);
	assert_string_equal(said, "{\"logins\":8,\"pages\":4,\"later\":2}\n");
	world->logins = 1;
	assert_int_equal(ctl("message 00 tea"), 1);
	assert_string_equal(
	    said, "Nobody sees it: none of 1 login has a page that could show it.\n");
	assert_int_equal(ctl("message 00 a\nb\tc"), 1);
	assert_non_null(strstr(world->asked, "text=\"a b c\""));
	assert_int_equal(ctl("message 00 \x1b[31mred"), 2);
	assert_int_equal(ctl("message 00 \xe4"), 2);
	assert_int_equal(ctl("message 00 _"), 2);
}

static void test_too_long_a_message(void **state)
{
	char words[500] = "message --all ";

	(void)state;
	memset(words + strlen(words), 'x', 401);
	assert_int_equal(ctl(words), 2);
	words[strlen(words) - 1] = 0;
	assert_int_equal(ctl(words), 0);
}

static void test_drain(void **state)
{
	(void)state;
	assert_int_equal(ctl("drain"), 0);
	assert_asked("DRAIN mode=1\n");
	assert_string_equal(said, "3 logins go on.\n"
				  "No new logins are taken; brokerctl undrain changes that.\n");
	/* Each look finds one less: all go before the end. */
	world->logins = 3;
	world->asked[0] = 0;
	assert_int_equal(ctl("drain --wait 1h --message soon"), 0);
	assert_asked("DRAIN mode=1\n"
		     "SAY whom=[{ login=\"\" user=\"\" server=\"\" all=1 }] text=\"soon\"\n");
	assert_says("1 page shows it.\n"
		    "3 logins left, the end in 60:00\n"
		    "2 logins left, the end in 59:59\n"
		    "1 login left, the end in 59:58\n"
		    "Nobody is logged in any more.\n");
	/* The rest is ended. */
	world->logins = 3;
	world->asked[0] = 0;
	assert_int_equal(ctl("drain --wait 1 --json"), 0);
	assert_asked("DRAIN mode=1\nDRAIN mode=2\n");
	assert_string_equal(said, "{\"draining\":true,\"logins\":0,\"ended\":2,\"told\":0}\n");
	world->asked[0] = 0;
	assert_int_equal(ctl("undrain"), 0);
	assert_asked("DRAIN mode=0\n");
	assert_string_equal(said, "Logins are taken again.\n");
}

static void test_drain_given_up(void **state)
{
	(void)state;
	world->logins = 100;
	assert_int_equal(ctl_on_terminal(80, "98 logins left, ", "drain --wait 5m"), 1);
	assert_says("\r\33[K100 logins left, the end in 5:00");
	assert_says("logins go on.\r\nNo new logins are taken");
	assert_asked("DRAIN mode=1\n");
}

static void test_reload(void **state)
{
	(void)state;
	assert_int_equal(ctl("reload"), 0);
	assert_string_equal(said, "first line\nlast line\n");
	world->reload_fails = true;
	assert_int_equal(ctl("reload --json"), 1);
	assert_string_equal(
	    said, "{\"reloaded\":false,\"lines\":[\"first line\",\"last line\"]}\n");
}

static void test_trace(void **state)
{
	(void)state;
	assert_int_equal(ctl("trace 00abc"), 0);
	assert_asked("TRACE whom=[{ login=\"00abc\" user=\"\" server=\"\" all=0 }]\n");
	assert_says(" 00abcdef        1.234s  login: ready -> stopping\n");
	assert_says(" 00abcdef        1.235s  warning: something is odd\n");
	assert_says("  error: it broke\n");
	assert_int_equal(ctl("trace -j 00abc"), 0);
	assert_says("{\"login\":\"00abcdef01234567\",\"age_ms\":1234,\"level\":\"debug\","
		    "\"text\":\"login: ready -> stopping\",\"last\":false}\n");
	/* Those to come: until Ctrl-C, which is no failure. */
	assert_int_equal(ctl_on_terminal(80, "is left", "trace --user alice"), 0);
	assert_says("until Ctrl-C");
	assert_says("\33[31merror: it broke\33[0m");
}

static void test_usage(void **state)
{
	/* What is wrong is named. */
	static const struct {
		const char *words, *said;
	} wrong[] = {{"", "usage: brokerctl"}, {"halt", "no command halt;"},
	    {"status now", "now is too much after status;"}, {"kill", "kill wants logins"},
	    {"kill zz", "zz is no login"}, {"kill 00112233445566778", "00112233445566778 is no"},
	    {"kill 00 --all", "kill wants logins"}, {"kill --all --user alice", "--all is"},
	    {"list --wait 5", "--wait does not go with list;"}, {"message", "message wants"},
	    {"message 00", "message wants"}, {"message --all", "message wants"},
	    {"message zz tea", "zz is no login"}, {"show", "show wants LOGIN;"},
	    {"show 00 11", "11 is too much after show;"}, {"trace", "trace wants"},
	    {"trace 00 --all", "trace wants"}, {"drain 00", "00 is too much after drain;"},
	    {"drain --wait never", "--wait wants"},
	    {"drain --all", "--all does not go with drain;"},
	    {"--user", "is missing after --user;"}, {"-x", "no option -x;"},
	    {"-jx list", "no option -x;"}, {"status --most", "no option --most;"},
	    {"list --user", "is missing after --user;"}, {"-s", "is missing after -s;"}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (ctl(wrong[i].words) != 2)
			fail_msg("brokerctl %s", wrong[i].words);
		assert_says(wrong[i].said);
	}
	assert_asked("");
	assert_int_equal(ctl("--help"), 0);
	assert_says("usage: brokerctl");
	assert_in_range(widest_line(), 60, 80);
	assert_int_equal(ctl("list -h"), 0);
	assert_int_equal(ctl("-V"), 0);
	assert_says("brokerctl " X2GOWEB_VERSION "\n");
}

static void test_no_broker(void **state)
{
	siginfo_t how;

	(void)state;
	kill(broker, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)broker, &how, WEXITED | WNOWAIT), 0);
	assert_int_equal(ctl("status"), 3);
	assert_says("is x2goweb-brokerd running?");
	assert_int_equal(unlink(path_of("control.sock")), 0);
	assert_int_equal(ctl("list"), 3);
	assert_int_equal(ctl("-s /dev/null status"), 3);
	assert_int_equal(ctl("drain --wait 5"), 3);
}

static void write_file(const char *name, const char *content)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static void test_check(void **state)
{
	char words[200], expected[400], content[600];

	(void)state;
	write_file("bad",
	    "[limits]\nlogins = 0\n[server here]\n[broker]\nuser = 64200\ngroup = 64200\n"
	    "web_users = 33\nweb_group = 33\n");
	snprintf(words, sizeof(words), "check -c %s", path_of("bad"));
	assert_int_equal(ctl(words), 1);
	snprintf(expected, sizeof(expected), "%s:2: [limits] logins: is not a whole number",
	    path_of("bad"));
	assert_says(expected);
	snprintf(expected, sizeof(expected), "%s: 2 errors\n", path_of("bad"));
	assert_says(expected);
	snprintf(words, sizeof(words), "check -j -c %s", path_of("bad"));
	assert_int_equal(ctl(words), 1);
	assert_says("{\"line\":2,\"section\":\"limits\",\"key\":\"logins\",\"text\":\"is not a ");
	assert_says("\"section\":\"server here\",\"key\":\"address\",\"text\":\"is missing\"}");
	assert_says(",\"warnings\":[],\"ok\":false}\n");
	write_file("bad", "[brokr]\nuser = x\n[server a]\n[server a]\n");
	assert_int_equal(ctl(words), 1);
	assert_says("{\"line\":1,\"section\":\"brokr\",\"key\":\"\",\"text\":\"there is no such ");
	assert_says("\"section\":\"server a\",\"key\":\"\",\"text\":\"[server a] is given twice\"");

	write_file("key", "not a key");
	assert_int_equal(chmod(path_of("key"), 0644), 0);
	snprintf(content, sizeof(content),
	    "[broker]\nuser = 64200\ngroup = 64200\nweb_users = 33\nweb_group = 33\n"
	    "[ssh]\nknown_hosts = %s/none\n[server here]\naddress = x2go.example.org\n"
	    "key = %s/key\n[server new]\naddress = new.example.org\nhost_keys = ask\n"
	    "[relay]\nlisten = 127.0.0.1\nports = 20000-20009\n",
	    folder, folder);
	write_file("good", content);
	snprintf(words, sizeof(words), "check -c %s", path_of("good"));
	assert_int_equal(ctl(words), 0);
	assert_says("[server here] warning: host_keys: no key of x2go.example.org is on file: "
		    "brokerctl hostkey add here\n");
	assert_says("[server here] warning: key: others may read or write ");
	assert_says("[relay] warning: ports: are only 10, for [limits] logins = 200\n");
	assert_silent_on("new.example.org");
	assert_says("no errors, 3 warnings, 2 servers, 0 jump hosts\n");
	snprintf(words, sizeof(words), "-j -c %s check", path_of("good"));
	assert_int_equal(ctl(words), 0);
	assert_says("\"errors\":[],\"warnings\":[{\"line\":0,\"section\":\"server here\",");
	assert_int_equal(ctl("check -c /nowhere"), 1);
	assert_says("/nowhere: No such file or directory\n");
	assert_asked("");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {CASE(test_status), CASE(test_list), CASE(test_show),
	    CASE(test_kill), CASE(test_message), CASE(test_too_long_a_message), CASE(test_drain),
	    CASE(test_drain_given_up), CASE(test_reload), CASE(test_trace), CASE(test_usage),
	    CASE(test_no_broker), CASE(test_check)};

	world =
	    mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
