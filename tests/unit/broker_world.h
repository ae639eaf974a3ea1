/* SPDX-License-Identifier: ISC */
/*
 * A whole broker for tests, started as root in a directory of its own, with stand-ins for session
 * processes and an X2Go server that is only a listening port; and peers that talk to it over its
 * sockets. Everything is awaited as an event, with a limit.
 */
#ifndef UNIT_BROKER_WORLD_H
#define UNIT_BROKER_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "brokerd/daemon.h"
#include "proto/conn.h"

#define WORLD_LIMIT_MS 20000
/* What only asking shows is asked for again after so long. */
#define WORLD_LOOK_MS 20
#define WORLD_USER    64200
/* The ports are below those that the kernel picks. */
#define WORLD_PORT (15000 + world_block() * 30)
#define WORLD_UID  (80000 + (uid_t)world_block() * 30)
#define WORLD_KEY  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6Py"

static struct {
	char directory[64];
	pid_t broker;
	int notify; /* where the broker tells that it is ready */
	int ssh;    /* listening: "the X2Go server" */
	uint16_t ssh_port, dead_port;
	int dead; /* bound, not listening */
	struct event_base *base;
} world;

/* [relay] listen of the world's configuration. */
static const char *world_listen = "127.0.0.1";

struct peer {
	struct conn *conn;
	bool closed;
	uint32_t last_id, answer_id;
	struct message answer;
};

static inline const char *world_path(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", world.directory, name);
	return path;
}

static inline void world_write(const char *name, const char *text)
{
	FILE *file = fopen(world_path(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(world_path(name), 0644), 0);
}

/* The line of /proc/PID/status, without its name. */
static inline const char *world_status_line(pid_t pid, const char *name)
{
	static char line[256];
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':')
			continue;
		fclose(file);
		line[strcspn(line, "\n")] = 0;
		return line + strlen(name) + 1 + strspn(line + strlen(name) + 1, " \t");
	}
	fail_msg("no %s", name);
	return "";
}

/* What the broker and its sessions have written to stderr so far. */
static inline const char *world_log(void)
{
	static char text[256 * 1024];
	FILE *file = fopen(world_path("log"), "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

static inline void assert_logged(const char *text)
{
	if (strstr(world_log(), text) == NULL)
		fail_msg("not in the log: %s\n%s", text, world_log());
}

/* Which ports and uids are this test's, of those that run at a time: that of the first name that no
 * other socket has, until this process and its broker have ended. */
static inline unsigned world_block(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static int holder = -1;
	static unsigned block;

	if (holder >= 0)
		return block;
	holder = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (unsigned tries = 0; tries < 100; tries++) {
		block = ((unsigned)getpid() + tries) % 100;
		/* Abstract: it begins with a zero, and nothing is left of it. */
		snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
		    "x2goweb-test-block-%02u", block);
		if (bind(holder, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return block;
	}
	fail_msg("all ports for tests are taken");
	return 0;
}

/* Config of every test, with more lines for its sections. Sections may be given again. */
static inline void world_configure(const char *more)
{
	char text[4096];

	snprintf(text, sizeof(text),
	    "[broker]\nuser = %d\ngroup = %d\nruntime_dir = %s/run\nweb_users = 33\nweb_group = "
	    "33\n"
	    "[relay]\nlisten = %s\nports = %u-%u\nquarantine = 0\n"
	    "[sessions]\nuids = %u-%u\n"
	    "[deadlines]\nstop = 1\n"
	    "[ssh]\nknown_hosts = %s/known_hosts\n"
	    "[penalties]\nexempt = 192.0.2.1\n"
	    "[server here]\ntitle = Here\naddress = 127.0.0.1\nport = %u\n"
	    "[server dead]\naddress = 127.0.0.1\nport = %u\nusers = alice\n"
	    "[server unknown]\naddress = 127.0.0.2\nport = %u\n%s",
	    WORLD_USER, WORLD_USER, world.directory, world_listen, WORLD_PORT, WORLD_PORT + 29,
	    WORLD_UID, WORLD_UID + 29, world.directory, (unsigned)world.ssh_port,
	    (unsigned)world.dead_port, (unsigned)world.ssh_port, more);
	world_write("conf", text);
}

static inline int world_open_port(bool listening, uint16_t *ret_port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	if (listening)
		assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static inline int world_open_notify(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_path("notify"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0777), 0);
	return fd;
}

static inline int world_set_up(void **state)
{
	char text[256];

	(void)state;
	strcpy(world.directory, "/tmp/x2goweb-test-broker-XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	assert_int_equal(chmod(world.directory, 0755), 0);
	world.ssh = world_open_port(true, &world.ssh_port);
	world.dead = world_open_port(false, &world.dead_port);
	world.notify = world_open_notify();
	world.base = event_base_new();
	snprintf(text, sizeof(text), "[127.0.0.1]:%u " WORLD_KEY "\n[127.0.0.1]:%u " WORLD_KEY "\n",
	    (unsigned)world.ssh_port, (unsigned)world.dead_port);
	world_write("known_hosts", text);
	world_write("log", "");
	return 0;
}

/* Ends the broker when this process ends first, however that happens: a test that crashes leaves
 * nothing behind. PR_SET_PDEATHSIG would not outlive the broker's change of user. */
static inline void world_guard(pid_t broker)
{
	struct pollfd ends[2] = {{.fd = pidfd_open(getpid(), 0), .events = POLLIN},
	    {.fd = pidfd_open(broker, 0), .events = POLLIN}};
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* It must not keep open what the test closes. */
		for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
			if (fd != ends[0].fd && fd != ends[1].fd)
				close(fd);
		while (poll(ends, 2, -1) < 0)
			;
		if (ends[1].revents == 0) {
			kill(broker, SIGTERM);
			kill(broker, SIGCONT); /* a test may have stopped it */
		}
		_exit(0);
	}
	assert_true(pid > 0);
	close(ends[0].fd);
	close(ends[1].fd);
}

/* The name under which the tests' own binary is a broker that another one has become. */
#define WORLD_BROKER "x2goweb-brokerd"

/* Runs a broker. Its exit comes as that of a child. */
static inline pid_t world_fork_broker(void)
{
	static char config[128], name[] = WORLD_BROKER;
	static char *arguments[] = {name, config, NULL};
	const struct daemon_options options = {
	    .config = config, .session = "/proc/self/exe", .arguments = arguments};
	pid_t pid;

	strcpy(config, world_path("conf"));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int log = open(world_path("log"), O_WRONLY | O_APPEND | O_CLOEXEC);
		const gid_t groups[] = {4, 33};

		/* Something to lose. */
		if (setgroups(2, groups) != 0)
			_exit(99);
		setenv("NOTIFY_SOCKET", world_path("notify"), 1);
		dup2(log, STDERR_FILENO);
		exit(daemon_run(&options));
	}
	assert_true(pid > 0);
	world_guard(pid);
	return pid;
}

static inline bool world_wait_readable(int fd, int limit_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, limit_ms) == 1;
}

/* Waits for the next word of the broker, such as "READY=1". */
static inline void world_await_notice(const char *expected)
{
	char text[256] = "";

	if (!world_wait_readable(world.notify, WORLD_LIMIT_MS))
		fail_msg("the broker does not say %s:\n%s", expected, world_log());
	assert_true(recv(world.notify, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, expected);
}

static inline void world_start(const char *more)
{
	world_configure(more);
	world.broker = world_fork_broker();
	world_await_notice("READY=1");
}

/* The status of a child that is about to end. */
static inline int world_await_exit(pid_t pid)
{
	int fd = pidfd_open(pid, 0), status = -1;

	if (!world_wait_readable(fd, WORLD_LIMIT_MS))
		fail_msg("process %d does not end:\n%s", (int)pid, world_log());
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Starts a broker that cannot: it must say why. */
static inline void assert_start_fails(const char *why)
{
	int status = world_await_exit(world_fork_broker());

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_logged(why);
}

static inline void world_stop(void)
{
	assert_int_equal(kill(world.broker, SIGTERM), 0);
	world_await_notice("STOPPING=1");
	assert_int_equal(world_await_exit(world.broker), 0);
	world.broker = 0;
}

static inline int world_tear_down(void **state)
{
	char command[128];

	(void)state;
	if (world.broker > 0)
		world_stop();
	event_base_free(world.base);
	close(world.ssh);
	close(world.dead);
	close(world.notify);
	snprintf(command, sizeof(command), "rm -rf '%s'", world.directory);
	return system(command);
}

static inline void peer_on_message(struct conn *conn, struct message *message, void *arg)
{
	struct peer *peer = arg;

	(void)conn;
	peer->answer = *message;
	peer->answer_id = message->request_id;
}

static inline void peer_on_closed(struct conn *conn, const char *reason, void *arg)
{
	struct peer *peer = arg;

	(void)reason;
	conn_destroy(conn);
	peer->conn = NULL;
	peer->closed = true;
}

/* A connected stream socket that has said nothing. */
static inline int world_connect(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_path(name));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		fail_msg("cannot connect to %s: %s", name, strerror(errno));
	return fd;
}

static inline void peer_open(struct peer *peer, enum role role)
{
	static const struct conn_handlers handlers = {
	    .message = peer_on_message, .closed = peer_on_closed};

	memset(peer, 0, sizeof(*peer));
	peer->conn = conn_create(world.base,
	    world_connect(role == ROLE_CTL ? "run/control.sock" : "run/broker.sock"), role,
	    ROLE_BROKER, &handlers, peer);
	assert_non_null(peer->conn);
}

static inline void peer_close(struct peer *peer)
{
	conn_destroy(peer->conn);
	peer->conn = NULL;
}

static inline void peer_on_look(evutil_socket_t fd, short what, void *arg)
{
	unsigned *looks = arg;

	(void)fd;
	(void)what;
	(*looks)++;
}

/* Runs the loop until the condition holds, or fails after the limit. */
#define AWAIT(condition)                                                                           \
	do {                                                                                       \
		const struct timeval pause_ = {0, WORLD_LOOK_MS * 1000};                           \
		unsigned looks_ = 0;                                                               \
		struct event *event_ =                                                             \
		    event_new(world.base, -1, EV_PERSIST, peer_on_look, &looks_);                  \
                                                                                                   \
		event_add(event_, &pause_);                                                        \
		while (!(condition) && looks_ < WORLD_LIMIT_MS / WORLD_LOOK_MS)                    \
			event_base_loop(world.base, EVLOOP_ONCE);                                  \
		event_free(event_);                                                                \
		if (!(condition))                                                                  \
			fail_msg("never: %s\n%s", #condition, world_log());                        \
	} while (0)

/* Sends without waiting; returns the request's number. */
static inline uint32_t peer_send(struct peer *peer, struct message *message)
{
	message->request_id = ++peer->last_id;
	/* The first one has to wait until the broker has said hello. */
	AWAIT(peer->closed || conn_is_ready(peer->conn));
	assert_false(peer->closed);
	assert_true(conn_send(peer->conn, message));
	return message->request_id;
}

static inline const struct message *peer_await(struct peer *peer, uint32_t id)
{
	AWAIT(peer->answer_id == id || peer->closed);
	assert_false(peer->closed);
	return &peer->answer;
}

static inline const struct message *peer_ask(struct peer *peer, struct message *message)
{
	return peer_await(peer, peer_send(peer, message));
}

static inline void assert_fails(const struct message *answer, enum error_code code)
{
	if (answer->type != MESSAGE_FAIL)
		fail_msg("%s instead of %s\n%s", message_type_name(answer->type),
		    error_info(code)->name, world_log());
	assert_string_equal(error_info(answer->fail.code)->name, error_info(code)->name);
}

static inline uint32_t peer_send_login(struct peer *peer, const char *server, const char *user)
{
	struct message message;

	message_init(&message, MESSAGE_LOGIN, 0);
	strcpy(message.login.server, server);
	strcpy(message.login.user, user);
	strcpy(message.login.password, "wonderland");
	strcpy(message.login.client, "192.0.2.1");
	strcpy(message.login.origin, "https://localhost");
	return peer_send(peer, &message);
}

struct ticket {
	char login[17], cookie[44];
};

/* A login that works, of the stand-in for this user. */
static inline struct ticket peer_login_to(struct peer *peer, const char *server, const char *user)
{
	const struct message *answer = peer_await(peer, peer_send_login(peer, server, user));
	struct ticket ticket;

	if (answer->type != MESSAGE_LOGGED_IN)
		fail_msg(
		    "no login of %s: %s\n%s", user, message_type_name(answer->type), world_log());
	strcpy(ticket.login, answer->logged_in.login);
	strcpy(ticket.cookie, answer->logged_in.cookie);
	return ticket;
}

static inline struct ticket peer_login(struct peer *peer, const char *user)
{
	return peer_login_to(peer, "here", user);
}

static inline uint32_t peer_send_start(
    struct peer *peer, const struct ticket *ticket, const char *command)
{
	struct message message;

	message_init(&message, MESSAGE_START, 0);
	strcpy(message.start.login, ticket->login);
	strcpy(message.start.cookie, ticket->cookie);
	strcpy(message.start.command, command);
	message.start.width = 1024;
	message.start.height = 768;
	return peer_send(peer, &message);
}

static inline const struct message *peer_start(
    struct peer *peer, const struct ticket *ticket, const char *command)
{
	return peer_await(peer, peer_send_start(peer, ticket, command));
}

/* Answers a prompt, with up to two answers. */
static inline uint32_t peer_send_answer(
    struct peer *peer, const struct ticket *ticket, const char *first, const char *second)
{
	struct message message;

	message_init(&message, MESSAGE_ANSWER, 0);
	strcpy(message.answer.login, ticket->login);
	strcpy(message.answer.cookie, ticket->cookie);
	message.answer.answers_count = second != NULL ? 2 : 1;
	strcpy(message.answer.answers[0].text, first);
	if (second != NULL)
		strcpy(message.answer.answers[1].text, second);
	return peer_send(peer, &message);
}

static inline const struct message *peer_answer(
    struct peer *peer, const struct ticket *ticket, const char *first, const char *second)
{
	return peer_await(peer, peer_send_answer(peer, ticket, first, second));
}

/* A login up to its first prompt, which is in peer->answer. */
static inline struct ticket peer_login_to_prompt(
    struct peer *peer, const char *server, const char *user)
{
	const struct message *answer = peer_await(peer, peer_send_login(peer, server, user));
	struct ticket ticket;

	if (answer->type != MESSAGE_PROMPTED)
		fail_msg("%s is not prompted: %s\n%s", user, message_type_name(answer->type),
		    world_log());
	strcpy(ticket.login, answer->prompted.login);
	strcpy(ticket.cookie, answer->prompted.cookie);
	return ticket;
}

static inline const struct message *peer_logout(struct peer *peer, const struct ticket *ticket)
{
	struct message message;

	message_init(&message, MESSAGE_LOGOUT, 0);
	strcpy(message.logout.login, ticket->login);
	strcpy(message.logout.cookie, ticket->cookie);
	return peer_ask(peer, &message);
}

/* The one list of up to 48 logins, as brokerctl gets it. */
static inline const struct message_logins *peer_list(struct peer *ctl)
{
	struct message message;

	message_init(&message, MESSAGE_LOGINS_GET, 0);
	return &peer_ask(ctl, &message)->logins;
}

static inline const struct message_status *peer_status(struct peer *ctl)
{
	struct message message;

	message_init(&message, MESSAGE_STATUS_GET, 0);
	return &peer_ask(ctl, &message)->status;
}

/* All is given back: no login, no port, no uid in use. */
static inline void assert_nothing_left(struct peer *ctl)
{
	for (unsigned tries = 0; tries < WORLD_LIMIT_MS / WORLD_LOOK_MS; tries++) {
		const struct message_status *status = peer_status(ctl);

		if (status->logins == 0 && status->uids_used == 0) {
			assert_int_equal(status->ports_used, 0);
			assert_int_equal(status->streams, 0);
			return;
		}
		/* The broker reports no changes: look again. */
		poll(NULL, 0, WORLD_LOOK_MS);
	}
	fail_msg("logins or uids are still in use:\n%s", world_log());
}

#endif
