/* links: proto ctl */
/* SPDX-License-Identifier: ISC */
/*
 * brokerctl's commands from their words to what they print and their exit status, before a stand-in
 * broker: it answers from a script and notes what it was asked. On a terminal and without one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/event.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/ctl.h"
#include "proto/conn.h"

static char folder[64];
static char said[65536]; /* by brokerctl: stdout, then stderr */

/* --- the stand-in ------------------------------------------------------------------------- */

/* What the broker is at; shared with its process. */
static struct world {
	unsigned logins;
	bool draining, silent, reload_fails;
	char asked[4096]; /* requests as message_print writes them */
} * world;

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void fill_login(struct record_login *login, unsigned number)
{
	*login = (struct record_login){.state = "ready",
	    .server = "office",
	    .client = "192.0.2.1",
	    .pid = 4711 + number,
	    .uid = 70003,
	    .port = 20003,
	    .age_s = 11220};
	snprintf(login->login, sizeof(login->login), "%02xabcdef01234567", number);
	snprintf(login->user, sizeof(login->user), "user%u", number);
	if (number != 0)
		return;
	strcpy(login->state, "attached");
	strcpy(login->user, "alice");
	strcpy(login->client, "2001:db8:1234:5678:9abc:def0:1234:5678");
	strcpy(login->session, "alice-50-1795219328_stKICEWM_dp24");
	login->to_browser_bytes = 12900000;
	login->from_browser_bytes = 41000;
	login->round_trip_us = 12345;
	login->resumes = 1;
}

static void send_logins(struct conn *conn, uint32_t id)
{
	struct message answer;

	message_init(&answer, MESSAGE_LOGINS, id);
	for (unsigned i = 0; i < world->logins; i++) {
		/* In parts of two. */
		if (answer.logins.logins_count == 2) {
			conn_send(conn, &answer);
			answer.logins.logins_count = 0;
		}
		fill_login(&answer.logins.logins[answer.logins.logins_count++], i);
	}
	answer.logins.last = 1;
	conn_send(conn, &answer);
}

static void send_shown(struct conn *conn, uint32_t id)
{
	struct message answer;
	struct message_shown *shown = &answer.shown;

	message_init(&answer, MESSAGE_SHOWN, id);
	shown->login_count = 1;
	fill_login(&shown->login[0], 0);
	strcpy(shown->host, "x2go.example.org");
	strcpy(shown->way, "gate.example.org");
	strcpy(shown->methods, "publickey+keyboard-interactive");
	strcpy(shown->fingerprint, "SHA256:sK2LpBORoq60g6cZdEmERiE");
	shown->stream = STREAM_STATE_ATTACHED;
	shown->since_s = 61;
	shown->expires_s = 31920;
	conn_send(conn, &answer);
}

static void send_status(struct conn *conn, uint32_t id)
{
	struct message answer;

	message_init(&answer, MESSAGE_STATUS, id);
	answer.status = (struct message_status){.release = "0.1.0",
	    .uptime_s = 93784,
	    .logins = world->logins,
	    .logins_max = 200,
	    .unfinished = world->logins / 2,
	    .streams = 2,
	    .waiting = 1,
	    .ports_used = 190,
	    .ports_resting = 1,
	    .ports_total = 200,
	    .uids_used = 4,
	    .uids_total = 4,
	    .connections = 5,
	    .servers = 3,
	    .draining = world->draining};
	/* Each look finds one less. */
	if (world->draining && world->logins != 0)
		world->logins--;
	conn_send(conn, &answer);
}

static void send_reloaded(struct conn *conn, uint32_t id)
{
	struct message answer;

	message_init(&answer, MESSAGE_RELOADED, id);
	answer.reloaded.done = !world->reload_fails;
	answer.reloaded.lines_count = 2;
	strcpy(answer.reloaded.lines[0].text, "first line");
	strcpy(answer.reloaded.lines[1].text, "last line");
	conn_send(conn, &answer);
}

static void send_traced(struct conn *conn, uint32_t id)
{
	static const struct {
		uint8_t level;
		const char *text;
	} lines[] = {{7, "login: ready -> stopping"}, {4, "something is odd"}, {3, "it broke"},
	    {6, "nothing of the login is left"}};
	struct message answer;

	for (unsigned i = 0; i < 4; i++) {
		message_init(&answer, MESSAGE_TRACED, id);
		strcpy(answer.traced.login, "00abcdef01234567");
		answer.traced.age_ms = 1234 + i;
		answer.traced.level = lines[i].level;
		strcpy(answer.traced.text, lines[i].text);
		answer.traced.last = i == 3;
		conn_send(conn, &answer);
	}
}

static void send_counts(struct conn *conn, const struct message *asked)
{
	struct message answer;

	if (asked->type == MESSAGE_KILL) {
		message_init(&answer, MESSAGE_KILLED, asked->request_id);
		answer.killed.logins = world->logins;
	} else {
		message_init(&answer, MESSAGE_SAID, asked->request_id);
		answer.said.logins = world->logins;
		answer.said.pages = world->logins / 2;
		answer.said.later = world->logins / 3;
	}
	conn_send(conn, &answer);
}

/* Of the request, "KILL #1 ...": none of our business. */
static void drop_number(char *line)
{
	char *number = strstr(line, " #");

	if (number != NULL)
		memmove(number, number + 2 + strspn(number + 2, "0123456789"),
		    strlen(number + 2 + strspn(number + 2, "0123456789")) + 1);
}

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	size_t used = strlen(world->asked);
	uint32_t id = message->request_id;

	(void)arg;
	if (message->type != MESSAGE_STATUS_GET && sizeof(world->asked) - used > 600) {
		message_print(message, world->asked + used, 500);
		strcat(world->asked, "\n");
		drop_number(world->asked + used);
	}
	if (world->silent)
		return;
	switch (message->type) {
	case MESSAGE_STATUS_GET:
		send_status(conn, id);
		break;
	case MESSAGE_LOGINS_GET:
		send_logins(conn, id);
		break;
	case MESSAGE_SHOW_GET:
		send_shown(conn, id);
		break;
	case MESSAGE_RELOAD:
		send_reloaded(conn, id);
		break;
	case MESSAGE_TRACE:
		send_traced(conn, id);
		break;
	case MESSAGE_KILL:
	case MESSAGE_SAY:
		if (world->logins == 0)
			conn_send_fail(conn, id, ERROR_NOT_LOGGED_IN, "no such login");
		else
			send_counts(conn, message);
		break;
	case MESSAGE_DRAIN:
		world->draining = message->drain.mode != DRAIN_OFF;
		conn_send_done(conn, id);
		break;
	default:
		conn_send_done(conn, id);
		break;
	}
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	(void)reason;
	(void)arg;
	conn_destroy(conn);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	static const struct conn_handlers handlers = {.message = on_message, .closed = on_closed};

	(void)what;
	conn_create(arg, accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), ROLE_BROKER,
	    ROLE_CTL, &handlers, NULL);
}

static pid_t broker;

static int set_up(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct event_base *base;

	(void)state;
	strcpy(folder, "/tmp/testctl.XXXXXX");
	assert_non_null(mkdtemp(folder));
	*world = (struct world){.logins = 3};
	strcpy(address.sun_path, path_of("control.sock"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	broker = fork();
	if (broker == 0) {
		base = event_base_new();
		event_add(event_new(base, fd, EV_READ | EV_PERSIST, on_connection, base), NULL);
		event_base_dispatch(base);
		_exit(0);
	}
	close(fd);
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	kill(broker, SIGKILL);
	waitpid(broker, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* --- brokerctl ---------------------------------------------------------------------------- */

static void slurp(const char *name)
{
	FILE *file = fopen(path_of(name), "r");
	size_t used = strlen(said);

	assert_non_null(file);
	used += fread(said + used, 1, sizeof(said) - used - 1, file);
	said[used] = 0;
	fclose(file);
}

/* words: parted by blanks; '_' stands for a blank within one. */
_Noreturn static void be_brokerctl(const char *words)
{
	char line[1000], *argv[32] = {(char[]){"brokerctl"}, (char[]){"-s"}};
	int argc = 3;

	argv[2] = strdup(path_of("control.sock"));
	snprintf(line, sizeof(line), "%s", words);
	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
		for (char *at = word; (at = strchr(at, '_')) != NULL;)
			*at = ' ';
		argv[argc++] = word;
	}
	exit((int)ctl_run(argc, argv));
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Without a terminal. */
static int ctl(const char *words)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (freopen(path_of("out"), "w", stdout) == NULL ||
		    freopen(path_of("err"), "w", stderr) == NULL)
			_exit(99);
		be_brokerctl(words);
	}
	status = status_of(pid);
	said[0] = 0;
	slurp("out");
	slurp("err");
	return status;
}

/* On a terminal so wide. until: Ctrl-C is pressed once this has been read; NULL: never. */
static int ctl_on_terminal(unsigned short width, const char *until, const char *words)
{
	struct winsize size = {.ws_row = 24, .ws_col = width};
	size_t used = 0;
	ssize_t got;
	pid_t pid;
	int fd;

	fflush(NULL);
	pid = forkpty(&fd, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("TERM", "xterm", 1);
		be_brokerctl(words);
	}
	said[0] = 0;
	while ((got = read(fd, said + used, sizeof(said) - used - 1)) > 0) {
		used += (size_t)got;
		said[used] = 0;
		if (until != NULL && strstr(said, until) != NULL) {
			assert_int_equal(write(fd, "\3", 1), 1);
			until = NULL;
		}
	}
	close(fd);
	return status_of(pid);
}

#define assert_says(part)                                                                          \
	do {                                                                                       \
		if (strstr(said, part) == NULL)                                                    \
			fail_msg("no \"%s\" in:\n%s", part, said);                                 \
	} while (0)
#define assert_silent_on(part)                                                                     \
	do {                                                                                       \
		if (strstr(said, part) != NULL)                                                    \
			fail_msg("\"%s\" in:\n%s", part, said);                                    \
	} while (0)
#define assert_asked(expected) assert_string_equal(world->asked, expected)

static unsigned widest_line(void)
{
	unsigned widest = 0, width = 0;

	for (const char *at = said; *at != 0; at++) {
		width = *at == '\n' || *at == '\r' ? 0 : width + ((*at & 0xc0) != 0x80);
		if (width > widest)
			widest = width;
	}
	return widest;
}

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
	assert_string_equal(said, "brokerctl: no such login\n");
}

static void test_message(void **state)
{
	(void)state;
	assert_int_equal(ctl("message 00ab the_gateway stops at_5"), 0);
	assert_asked("SAY whom=[{ login=\"00ab\" user=\"\" server=\"\" all=0 }] "
		     "text=\"the gateway stops at 5\"\n");
	assert_string_equal(said, "1 page shows it, and 1 will once it is back.\n");
	world->logins = 8;
	world->asked[0] = 0;
	assert_int_equal(ctl("message --all tea"), 0);
	assert_asked("SAY whom=[{ login=\"\" user=\"\" server=\"\" all=1 }] text=\"tea\"\n");
	assert_string_equal(said, "4 pages show it, and 2 will once they are back.\n");
	assert_int_equal(ctl("message --all tea --json"), 0);
	assert_string_equal(said, "{\"logins\":8,\"pages\":4,\"later\":2}\n");
	world->logins = 1;
	assert_int_equal(ctl("message 00 tea"), 1);
	assert_string_equal(said, "Nobody sees it: of 1 login none shows a desktop.\n");
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
	static const char *const wrong[] = {"", "halt", "status now", "kill", "kill zz",
	    "kill 00112233445566778", "kill 00 --all", "kill --all --user alice", "list --wait 5",
	    "message", "message 00", "message --all", "message zz tea", "show", "show 00 11",
	    "trace", "trace 00 --all", "drain 00", "drain --wait never", "drain --all", "--user",
	    "-x", "list --user"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (ctl(wrong[i]) != 2)
			fail_msg("brokerctl %s", wrong[i]);
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
	(void)state;
	kill(broker, SIGKILL);
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

	write_file("key", "not a key");
	assert_int_equal(chmod(path_of("key"), 0644), 0);
	snprintf(content, sizeof(content),
	    "[broker]\nuser = 64200\ngroup = 64200\nweb_users = 33\nweb_group = 33\n"
	    "[ssh]\nknown_hosts = %s/none\n[server here]\naddress = x2go.example.org\n"
	    "key = %s/key\n[server new]\naddress = new.example.org\nhost_keys = ask\n"
	    "[relay]\nports = 20000-20009\n",
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
