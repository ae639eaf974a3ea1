/* SPDX-License-Identifier: ISC */
/*
 * brokerctl in a process of its own, on a terminal or without one, before a stand-in broker that
 * answers from a script and notes what it was asked.
 */
#ifndef UNIT_CTL_WORLD_H
#define UNIT_CTL_WORLD_H

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

#include "brokerd/ctl/ctl.h"
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
	snprintf(login->login, sizeof(login->login), "%02xabcdef01234567", number % 256);
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
	strcpy(shown->jump_fingerprint, "SHA256:vW3zQ8y1o5mYwV0kqkT7nQe");
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

#endif
