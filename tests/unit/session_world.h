/* SPDX-License-Identifier: ISC */
/*
 * A whole login for tests: the session code, a broker, a real sshd whose X2Go commands are
 * scripts that do and say what a test has laid out, and an agent that listens and hangs up.
 */
#ifndef TESTS_SESSION_WORLD_H
#define TESTS_SESSION_WORLD_H

#include <time.h>

#include "brokerd/session/session.h"
#include "event_loop.h"
#include "private_sshd.h"
#include "proto/log.h"

#define ID	"tester-50-1795219328_stKICEWM_dp24"
#define OTHER	"tester-51-1795219329_stKXFCE_dp24"
#define NX	"tester-52-1795219330_stDKDE_dp24"
#define COOKIE	"240ac61d233c4c8725890b72ab3c9855"
#define STARTED "50\n" COOKIE "\n%PID%\n" ID "\n%PORT%\n31332\n31333\n"

static struct private_sshd sshd;
static struct session session;
static struct conn *broker;
static char home[60];
static const char *sshd_options = ""; /* beside those that all tests need */
static unsigned start_deadline_ms;    /* of the next login */

/* What the session has told the broker. */
static struct {
	struct message opened, prompt, answer, ended, stream_state;
	bool is_open, has_prompt, has_answer, has_ended, link_closed, stream_ended;
	unsigned stream_states;
} told;

/* The agent: a listener that writes the state file as a real one does. */
static struct {
	int listener, stream;
	uint16_t port;
	struct event *accept_event, *read_event;
	uint8_t received[4096];
	size_t length;
	bool connected, gone;
	bool frozen;		 /* does not hang up */
	const char *first_state; /* that it writes once when it is connected to; NULL: none */
	const char *last_state;	 /* that it writes when it is left */
	pid_t pid;		 /* of a process that bears the sessions' names, as an agent does */
} agent;

/* --- files -------------------------------------------------------------------------------- */

/* For the user to change, too. */
__attribute__((unused)) static void put(const char *name, const char *text)
{
	char path[300];

	sshd_write_file(home, name, text);
	snprintf(path, sizeof(path), "%s/%s", home, name);
	chmod(path, 0666);
}

__attribute__((unused)) static void put_script(const char *name, const char *text)
{
	char path[120], script[3000];

	snprintf(script, sizeof(script), "#!/bin/sh\necho \"${0##*/} $*\" >>~/calls\n%s\n", text);
	snprintf(path, sizeof(path), "bin/%s", name);
	put(path, script);
	snprintf(path, sizeof(path), "%s/bin/%s", home, name);
	assert_int_equal(chmod(path, 0755), 0);
}

__attribute__((unused)) static void remove_file(const char *name)
{
	char path[120];

	snprintf(path, sizeof(path), "%s/%s", home, name);
	unlink(path);
}

/* The calls of a command so far, by its name and perhaps arguments. */
__attribute__((unused)) static unsigned count_calls(const char *beginning)
{
	char path[120], line[1000];
	unsigned count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/calls", home);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		count += strncmp(line, beginning, strlen(beginning)) == 0;
	if (file != NULL)
		fclose(file);
	return count;
}

__attribute__((unused)) static void put_state(const char *id, const char *state)
{
	char name[200];

	snprintf(name, sizeof(name), "%s/.x2go/C-%s", home, id);
	mkdir(name, 0777);
	chmod(name, 0777);
	snprintf(name, sizeof(name), ".x2go/C-%s/state", id);
	put(name, state);
}

__attribute__((unused)) static void put_row(char *list, size_t size, const char *id, char status)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used,
	    "%d|%s|%.2s|host|%c|2026-11-21T00:02:08|" COOKIE
	    "|127.0.0.1|%u|31332|2026-11-21T00:02:10|tester|3|31333|-1|-1\n",
	    (int)agent.pid, id, id + 7, status, agent.port);
}

__attribute__((unused)) static void put_list(const char *statuses)
{
	static const char *const ids[] = {ID, OTHER, NX};
	char list[2000] = "";

	for (size_t i = 0; statuses[i] != 0; i++)
		if (statuses[i] != '-')
			put_row(list, sizeof(list), ids[i], statuses[i]);
	put("list", list);
}

/* Puts the agent's numbers in. */
__attribute__((unused)) static void put_started(const char *text)
{
	char command[300];

	put("started.raw", text);
	snprintf(command, sizeof(command),
	    "cd %s && sed 's/%%PID%%/%d/; s/%%PORT%%/%u/' started.raw >started", home,
	    (int)agent.pid, agent.port);
	assert_int_equal(system(command), 0);
}

/* A server on which all is well and nothing runs. */
__attribute__((unused)) static void put_healthy_server(void)
{
	char command[400];

	snprintf(command, sizeof(command),
	    "rm -rf %s/* %s/.x2go; mkdir %s/bin; mkdir -m 777 %s/.x2go", home, home, home, home);
	assert_int_equal(system(command), 0);
	put_script("x2golistsessions", "cat ~/list");
	put_script("x2gofeaturelist", "echo X2GO_XSESSION; echo X2GOKDRIVE_BASE_SUPPORT");
	put_script(
	    "x2gostartagent", "cat ~/started; cat ~/start-errors >&2; exit $(cat ~/start-status)");
	put_script("x2goruncommand", "true");
	put_script("x2goresume-session",
	    "echo 'Died at /usr/lib/x2go/x2gormport line 34.' >&2\n"
	    "echo -n \"$(cat ~/resumed-state)\" >~/.x2go/C-$1/state\ncat ~/resumed");
	put_script("x2gosuspend-session", "sed -i 's/|R|/|S|/' ~/list");
	put_script("x2goterminate-session", "sed -i \"/$1/d\" ~/list");
	put_script("x2gocmdexitmessage", "cat ~/.x2go/C-$1/cmdoutput");
	put("start-errors", "");
	put("start-status", "0\n");
	put_started(STARTED);
	put("resumed-state", "RESUMING");
	put_list("");
	put("calls", "");
}

__attribute__((unused)) static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* As run_until, until a file says so. */
__attribute__((unused)) static void run_until_true(bool (*check)(void))
{
	const struct timeval interval = {0, 5000};
	struct event *look = event_new(base, -1, EV_PERSIST, on_look, NULL);

	event_add(look, &interval);
	for (time_t end = time(NULL) + 20; time(NULL) <= end && !check();)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(look);
	assert_true(check());
}

/* --- the agent ---------------------------------------------------------------------------- */

__attribute__((unused)) static void leave_agent(void)
{
	event_free(agent.read_event);
	agent.read_event = NULL;
	close(agent.stream);
	put_state(ID, agent.last_state);
	agent.gone = true;
}

__attribute__((unused)) static void on_agent_readable(evutil_socket_t fd, short what, void *arg)
{
	ssize_t got =
	    read(fd, agent.received + agent.length, sizeof(agent.received) - agent.length);

	(void)what;
	(void)arg;
	if (got > 0) {
		agent.length += (size_t)got;
		/* DISCONNECTCLIENT */
		if (agent.length < KDRIVE_OPENING_BYTES + KDRIVE_EVENT_BYTES)
			return;
		if (agent.frozen)
			return;
	}
	leave_agent();
}

__attribute__((unused)) static void on_agent_dialled(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	(void)arg;
	agent.stream = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(agent.stream >= 0);
	agent.connected = true;
	agent.length = 0;
	if (agent.first_state != NULL)
		put_state(ID, agent.first_state);
	agent.first_state = "RUNNING";
	agent.read_event =
	    event_new(base, agent.stream, EV_READ | EV_PERSIST, on_agent_readable, NULL);
	event_add(agent.read_event, NULL);
}

/* The user's own process: it can be looked at and ended from the server's side. */
__attribute__((unused)) static void start_agent_process(void)
{
	agent.pid = fork();
	assert_true(agent.pid >= 0);
	if (agent.pid != 0)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setgid(SSHD_UID) != 0 || setuid(SSHD_UID) != 0)
		_exit(1);
	execl("/bin/sleep", ID " " OTHER " " NX, "600", (char *)NULL);
	_exit(1);
}

__attribute__((unused)) static void end_agent_process(void)
{
	if (agent.pid > 0) {
		kill(agent.pid, SIGKILL);
		waitpid(agent.pid, NULL, 0);
	}
	agent.pid = 0;
}

/* Whether somebody else has ended it. */
__attribute__((unused)) static bool agent_process_is_gone(void)
{
	if (agent.pid > 0 && waitpid(agent.pid, NULL, WNOHANG) == agent.pid)
		agent.pid = 0;
	return agent.pid == 0;
}

/* --- the broker's side -------------------------------------------------------------------- */

__attribute__((unused)) static void on_message(
    struct conn *conn, struct message *message, void *arg)
{
	(void)conn;
	(void)arg;
	switch (message->type) {
	case MESSAGE_OPENED:
		told.opened = *message;
		told.is_open = true;
		break;
	case MESSAGE_ENDED:
		told.ended = *message;
		told.has_ended = true;
		break;
	case MESSAGE_STREAM_STATE:
		told.stream_state = *message;
		told.stream_states++;
		told.stream_ended = message->stream_state.state == STREAM_STATE_NONE;
		break;
	case MESSAGE_PROMPT:
		assert_false(told.has_prompt);
		told.prompt = *message;
		told.has_prompt = true;
		break;
	case MESSAGE_TALLY:
	case MESSAGE_LOG:
		break;
	default:
		assert_false(told.has_answer);
		told.answer = *message;
		told.has_answer = true;
	}
}

__attribute__((unused)) static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	(void)reason;
	(void)arg;
	conn_destroy(conn);
	broker = NULL;
	told.link_closed = true;
}

/* A login at the server itself, which a test may change. */
__attribute__((unused)) static void fill_open(struct message *message)
{
	static const char *const desktops[] = {"ICEWM", "x2gofeaturelist", "sh", "no-such-program"};
	struct message_open *open = &message->open;

	message_init(message, MESSAGE_OPEN, 0);
	strcpy(open->login, "0123456789abcdef");
	open->hops_count = 1;
	strcpy(open->hops[0].name, "test");
	strcpy(open->hops[0].address, "127.0.0.1");
	open->hops[0].port = 22;
	strcpy(open->hops[0].methods, "password,keyboard-interactive");
	strcpy(open->hops[0].user, SSHD_USER);
	strcpy(open->hops[0].password, SSHD_PASSWORD);
	open->cookie_hash_length = 32;
	strcpy(open->origin, "https://localhost");
	open->prompt_deadline_ms = 60000;
	open->auth_deadline_ms = 15000;
	open->start_deadline_ms = start_deadline_ms;
	open->attach_deadline_ms = 15000;
	open->buffer_bytes = 1048576;
	open->delay_bytes = 1048576;
	open->desktops_count = 4;
	for (size_t i = 0; i < 4; i++)
		strcpy(open->desktops[i].id, desktops[i]);
	open->hostkeys_count = 1;
	open->hostkeys[0] = sshd.key;
	message->fds[1] = sshd_bind(&open->port);
	assert_int_equal(listen(message->fds[1], 4), 0);
}

__attribute__((unused)) static void send_open(void)
{
	struct message message;

	fill_open(&message);
	message.fds[0] = sshd_connect(sshd.port);
	assert_true(conn_send(broker, &message));
}

__attribute__((unused)) static int set_up_login(void **state)
{
	static const struct conn_handlers handlers = {.message = on_message, .closed = on_closed};
	int link[2];

	(void)state;
	if (sshd.pid == 0)
		return 0;
	memset(&told, 0, sizeof(told));
	agent.connected = agent.gone = agent.frozen = false;
	agent.first_state = "RUNNING";
	base = event_base_new();
	agent.last_state = "SUSPENDED";
	start_deadline_ms = 15000;
	agent.accept_event =
	    event_new(base, agent.listener, EV_READ | EV_PERSIST, on_agent_dialled, NULL);
	event_add(agent.accept_event, NULL);
	start_agent_process();
	put_healthy_server();
	assert_true(conn_make_pair(link));
	assert_true(session_init(&session, base, link[0]));
	broker = conn_create(base, link[1], ROLE_BROKER, ROLE_SESSION, &handlers, NULL);
	return broker != NULL ? 0 : -1;
}

__attribute__((unused)) static int tear_down_login(void **state)
{
	(void)state;
	if (sshd.pid == 0)
		return 0;
	session_finish(&session);
	conn_destroy(broker);
	if (agent.read_event != NULL) {
		event_free(agent.read_event);
		close(agent.stream);
	}
	agent.read_event = NULL;
	end_agent_process();
	if (agent.accept_event != NULL)
		event_free(agent.accept_event);
	event_base_free(base);
	return 0;
}

__attribute__((unused)) static void open_login(void)
{
	if (sshd.pid == 0)
		skip();
	send_open();
	run_until(&told.is_open);
}

__attribute__((unused)) static void expect_end(enum error_code code)
{
	if (sshd.pid == 0)
		skip();
	send_open();
	run_until(&told.has_ended);
	if (told.ended.ended.code != code)
		fail_msg("%s: %s", error_info((enum error_code)told.ended.ended.code)->name,
		    told.ended.ended.detail);
	assert_false(told.is_open);
}

__attribute__((unused)) static void send_start(const char *program)
{
	struct message message;

	told.has_answer = false;
	message_init(&message, MESSAGE_DO_START, 7);
	strcpy(message.do_start.command, program);
	message.do_start.width = 1024;
	message.do_start.height = 768;
	message.do_start.quality = QUALITY_DEFAULT;
	assert_true(conn_send(broker, &message));
}

__attribute__((unused)) static void send_order(enum message_type type, const char *id)
{
	struct message message;

	told.has_answer = false;
	message_init(&message, type, 7);
	if (type == MESSAGE_DO_RESUME) {
		strcpy(message.do_resume.session, id);
		message.do_resume.width = 1024;
		message.do_resume.height = 768;
		message.do_resume.quality = QUALITY_DEFAULT;
	} else if (type == MESSAGE_DO_SUSPEND) {
		strcpy(message.do_suspend.session, id);
	} else if (type == MESSAGE_TELL) {
		strcpy(message.tell.text, id);
	} else if (type == MESSAGE_DO_TERMINATE) {
		strcpy(message.do_terminate.session, id);
	}
	assert_true(conn_send(broker, &message));
}

__attribute__((unused)) static void expect_answer(enum message_type type)
{
	char text[2000];

	run_until(&told.has_answer);
	if (told.answer.type != type || told.answer.request_id != 7)
		fail_msg("%s", message_print(&told.answer, text, sizeof(text)));
}

__attribute__((unused)) static void expect_fail(enum error_code code)
{
	expect_answer(MESSAGE_FAIL);
	if (told.answer.fail.code != code)
		fail_msg("%s: %s", error_info((enum error_code)told.answer.fail.code)->name,
		    told.answer.fail.detail);
}

__attribute__((unused)) static void start_desktop(void)
{
	open_login();
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	run_until(&agent.connected);
}

/* Until the stream is NONE again, for this reason. */
__attribute__((unused)) static void expect_stream_end(enum error_code reason)
{
	run_until(&told.stream_ended);
	if (told.stream_state.stream_state.reason != reason)
		fail_msg(
		    "%s", error_info((enum error_code)told.stream_state.stream_state.reason)->name);
}

/* --- fixture ------------------------------------------------------------------------------ */

__attribute__((unused)) static int set_up(void **state)
{
	char options[120];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	agent.listener = sshd_bind(&agent.port);
	assert_int_equal(listen(agent.listener, 4), 0);
	snprintf(options, sizeof(options), "PermitOpen 127.0.0.1:%u\n%s", agent.port, sshd_options);
	if (!sshd_start(&sshd, options))
		print_message("no sshd can be started here: tests with it are skipped\n");
	snprintf(home, sizeof(home), "%s/home", sshd.folder);
	return 0;
}

__attribute__((unused)) static int tear_down(void **state)
{
	(void)state;
	sshd_stop(&sshd);
	close(agent.listener);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_login, tear_down_login)

#endif
