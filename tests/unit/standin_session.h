/* SPDX-License-Identifier: ISC */
/*
 * A stand-in for x2goweb-session, for tests of the broker: speaks the protocol over the link, but
 * no SSH. What it does depends on the user's name in OPEN and on the command in DO_START. The
 * tests' own binary is it, when it is run under the name of x2goweb-session.
 */
#ifndef UNIT_STANDIN_SESSION_H
#define UNIT_STANDIN_SESSION_H

#include <dirent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/conn.h"
#include "standin_dialogue.h"

#define STANDIN_LINK 3

extern char **environ;

static struct message standin_held; /* a DO_START that waits */
static char standin_session[256];   /* as told last */
static enum stream_state standin_stream_state;

/* "Uid: 70000 70000 …" of /proc/self/status as one line without blanks' abundance. */
static inline void standin_status_line(const char *name, char *text, size_t size)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];

	snprintf(text, size, "none");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			snprintf(text, size, "%.*s", (int)strcspn(line + strlen(name) + 2, "\n"),
			    line + strlen(name) + 2);
	if (file != NULL)
		fclose(file);
	for (; *text != 0; text++)
		if (*text == '\t')
			*text = ' ';
}

/* The open descriptors but the one that lists them: "0 1 2 3 4". */
static inline void standin_list_fds(char *text, size_t size)
{
	DIR *directory = opendir("/proc/self/fd");
	bool open[32] = {false};
	const struct dirent *entry;

	text[0] = 0;
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd < 32 && fd != dirfd(directory))
			open[fd] = true;
	}
	for (int fd = 0; fd < 32; fd++)
		if (open[fd])
			snprintf(text + strlen(text), size - strlen(text), "%s%d",
			    text[0] != 0 ? " " : "", fd);
	if (directory != NULL)
		closedir(directory);
}

/* What it finds itself to be, as desktops: id = what, title = value. */
static inline void standin_tell_facts(struct message_opened *opened)
{
	static const char *const lines[] = {
	    "Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapAmb", "CapBnd", "NoNewPrivs"};
	size_t count = 0;

	for (; count < sizeof(lines) / sizeof(lines[0]); count++) {
		struct record_choice *fact = &opened->desktops[count];

		strcpy(fact->id, lines[count]);
		standin_status_line(lines[count], fact->title, sizeof(fact->title));
	}
	strcpy(opened->desktops[count].id, "environment");
	strcpy(opened->desktops[count++].title, environ[0] == NULL ? "empty" : environ[0]);
	strcpy(opened->desktops[count].id, "root");
	strcpy(opened->desktops[count++].title,
	    fchdir(4) == 0 && chroot(".") == 0 ? "changed" : "not changed");
	opened->desktops_count = (uint16_t)count;
}

static inline void standin_send_log(struct conn *conn, unsigned lines)
{
	struct message message;

	for (unsigned i = 0; i < lines; i++) {
		message_init(&message, MESSAGE_LOG, 0);
		message.log.level = 6;
		snprintf(message.log.text, sizeof(message.log.text), "chatter %u", i);
		conn_send(conn, &message);
	}
}

static inline void standin_log_text(struct conn *conn, const char *text)
{
	struct message message;

	message_init(&message, MESSAGE_LOG, 0);
	message.log.level = 7;
	strcpy(message.log.text, text);
	conn_send(conn, &message);
}

static inline void standin_stream(struct conn *conn, enum stream_state state)
{
	struct message message;

	message_init(&message, MESSAGE_TALLY, 0);
	message.tally = (struct message_tally){.to_browser_bytes = 1000,
	    .from_browser_bytes = 41,
	    .round_trip_us = 12345,
	    .resumes = 2};
	conn_send(conn, &message);
	message_init(&message, MESSAGE_STREAM_STATE, 0);
	strcpy(message.stream_state.session, "alice-50-1795219328_stKICEWM_dp24");
	message.stream_state.state = (uint8_t)state;
	strcpy(standin_session, message.stream_state.session);
	standin_stream_state = state;
	conn_send(conn, &message);
}

static inline void standin_resync(struct conn *conn, uint32_t request_id)
{
	struct message answer;

	/* Of another broker; nobody waits for it. */
	standin_held.type = 0;
	message_init(&answer, MESSAGE_RESYNCED, request_id);
	strcpy(answer.resynced.session, standin_session);
	answer.resynced.state = (uint8_t)standin_stream_state;
	if (strcmp(standin_user, "mute") != 0)
		conn_send(conn, &answer);
}

static inline void standin_open(struct conn *conn, struct message *order, const char *fds)
{
	struct message answer;

	strcpy(standin_user, order->open.hops[order->open.hops_count - 1].user);
	if (standin_begin_dialogue(conn, &order->open))
		return;
	if (strcmp(standin_user, "wrong") == 0)
		standin_end(conn, ERROR_AUTH_FAILED, "there is no such user");
	if (strcmp(standin_user, "crash") == 0)
		raise(SIGKILL);
	if (strcmp(standin_user, "abort") == 0)
		raise(SIGABRT);
	if (strcmp(standin_user, "refused") == 0)
		standin_end(conn, ERROR_HOST_REFUSED, "closed before its banner");
	if (strcmp(standin_user, "silent") == 0)
		return;
	if (strcmp(standin_user, "garbage") == 0) {
		static const char garbage[] = "\x16\x03\x01 this is no frame of ours at all";

		if (write(STANDIN_LINK, garbage, sizeof(garbage)) < 0)
			_exit(1);
		return;
	}
	message_init(&answer, MESSAGE_OPENED, 0);
	if (strcmp(standin_user, "early") == 0)
		message_init(&answer, MESSAGE_SESSIONS, 1);
	else
		standin_describe(&answer.opened);
	if (strcmp(standin_user, "facts") == 0) {
		standin_tell_facts(&answer.opened);
		strcpy(answer.opened.desktops[answer.opened.desktops_count].id, "fds");
		strcpy(answer.opened.desktops[answer.opened.desktops_count++].title, fds);
	}
	conn_send(conn, &answer);
	if (strcmp(standin_user, "unasked") == 0)
		standin_resync(conn, 1);
	if (strcmp(standin_user, "chatty") == 0)
		standin_send_log(conn, 1000);
	if (strcmp(standin_user, "flapping") == 0)
		for (unsigned i = 0; i < 500; i++)
			standin_stream(
			    conn, i % 2 == 0 ? STREAM_STATE_ATTACHED : STREAM_STATE_NONE);
}

static inline void standin_start(struct conn *conn, const struct message *order)
{
	const char *command = order->do_start.command;
	struct message answer;

	message_init(&answer, MESSAGE_STREAM, order->request_id);
	answer.stream.session_count = 1;
	strcpy(answer.stream.session[0].id, "alice-50-1795219328_stKICEWM_dp24");
	strcpy(answer.stream.session[0].desktop, command);
	answer.stream.port = 22;
	if (strcmp(command, "never") == 0)
		return;
	if (strcmp(command, "held") == 0) {
		standin_held = *order;
		standin_stream(conn, STREAM_STATE_WAITING);
		return;
	}
	if (strcmp(command, "die") == 0)
		_exit(3);
	if (strcmp(command, "lost") == 0)
		standin_end(conn, ERROR_SSH_LOST, "connection reset");
	if (strcmp(command, "unasked") == 0)
		answer.request_id++;
	if (strcmp(command, "liar") == 0)
		answer.type = MESSAGE_SESSION;
	if (strcmp(command, "fail") == 0) {
		conn_send_fail(conn, order->request_id, ERROR_DESKTOP_MISSING, "no such program");
		return;
	}
	standin_stream(conn, STREAM_STATE_WAITING);
	standin_stream(conn, STREAM_STATE_ATTACHED);
	conn_send(conn, &answer);
}

static inline void standin_message(struct conn *conn, struct message *order, void *arg)
{
	struct message answer;

	switch (order->type) {
	case MESSAGE_OPEN:
		standin_open(conn, order, arg);
		break;
	case MESSAGE_DO_SESSIONS:
		message_init(&answer, MESSAGE_SESSIONS, order->request_id);
		answer.sessions.sessions_count = 1;
		strcpy(answer.sessions.sessions[0].id, "alice-50-1795219328_stKICEWM_dp24");
		conn_send(conn, &answer);
		/* Asking for the list lets a held start go on. */
		if (standin_held.type == MESSAGE_DO_START) {
			strcpy(standin_held.do_start.command, "ICEWM");
			standin_start(conn, &standin_held);
			standin_held.type = 0;
		}
		break;
	case MESSAGE_DO_START:
		standin_start(conn, order);
		break;
	case MESSAGE_DO_RESUME:
		message_init(&answer, MESSAGE_STREAM, order->request_id);
		answer.stream.session_count = 1;
		strcpy(answer.stream.session[0].id, order->do_resume.session);
		conn_send(conn, &answer);
		break;
	case MESSAGE_DO_ANSWER:
		standin_on_answer(conn, &order->do_answer);
		break;
	case MESSAGE_SIGNATURE:
		standin_on_signature(conn, &order->signature);
		break;
	case MESSAGE_FAIL:
		standin_end(conn, order->fail.code, order->fail.detail);
		break;
	case MESSAGE_DO_SUSPEND:
	case MESSAGE_DO_TERMINATE:
		standin_stream(conn, STREAM_STATE_NONE);
		message_init(&answer, MESSAGE_SESSION, order->request_id);
		answer.session.session_count = 1;
		strcpy(answer.session.session[0].id, order->do_suspend.session);
		conn_send(conn, &answer);
		break;
	case MESSAGE_DO_APPLICATIONS:
		message_init(&answer, MESSAGE_APPLICATIONS, order->request_id);
		answer.applications.applications_count = 1;
		strcpy(answer.applications.applications[0].command, "xterm -ls");
		strcpy(answer.applications.applications[0].title, "Terminal");
		conn_send(conn, &answer);
		break;
	case MESSAGE_DO_LAYOUT:
		if (strcmp(order->do_layout.layout, "ch(fr)") == 0) {
			message_init(&answer, MESSAGE_DONE, order->request_id);
			conn_send(conn, &answer);
		} else {
			conn_send_fail(conn, order->request_id, ERROR_LAYOUT_UNKNOWN,
			    order->do_layout.session);
		}
		break;
	case MESSAGE_RESYNC:
		standin_resync(conn, order->request_id);
		break;
	case MESSAGE_TELL:
		/* Two are shown a desktop, one of them through a bad line. */
		message_init(&answer, MESSAGE_TOLD, order->request_id);
		answer.told.pages = strcmp(standin_user, "alice") == 0;
		answer.told.later = strcmp(standin_user, "bob") == 0;
		standin_log_text(conn, order->tell.text);
		if (strcmp(standin_user, "deaf") != 0)
			conn_send(conn, &answer);
		break;
	case MESSAGE_STOP:
		if (strcmp(standin_user, "stubborn") != 0)
			standin_end(conn, order->stop.code, "");
		break;
	default:
		conn_send_fail(conn, order->request_id, ERROR_INTERNAL, "not stood in for");
		break;
	}
}

/* A held start goes on, without the broker's doing. */
static inline void standin_let_go(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	/* As if it had been started by another version's broker. */
	if (strcmp(standin_user, "older") == 0) {
		conn_set_version(*(struct conn **)arg, PROTO_VERSION - 1);
		standin_send_log(*(struct conn **)arg, 1);
	}
	if (standin_held.type == MESSAGE_DO_START) {
		strcpy(standin_held.do_start.command, "ICEWM");
		standin_start(*(struct conn **)arg, &standin_held);
		standin_held.type = 0;
	}
}

static inline void standin_closed(struct conn *conn, const char *reason, void *arg)
{
	(void)conn;
	(void)reason;
	(void)arg;
	_exit(0);
}

/* If this process was started as a session: is one, and does not return. */
static inline void standin_session_main(int argc, char **argv)
{
	static const struct conn_handlers handlers = {
	    .message = standin_message, .closed = standin_closed};
	static char fds[128];
	struct event_base *base;
	struct event *let_go;
	struct conn *conn;

	if (argc != 1 || strcmp(argv[0], "x2goweb-session") != 0)
		return;
	standin_list_fds(fds, sizeof(fds));
	base = event_base_new();
	if (base == NULL)
		_exit(1);
	conn = conn_create(base, STANDIN_LINK, ROLE_SESSION, ROLE_BROKER, &handlers, fds);
	let_go = evsignal_new(base, SIGUSR1, standin_let_go, &conn);
	if (conn == NULL || let_go == NULL || event_add(let_go, NULL) != 0)
		_exit(1);
	event_base_dispatch(base);
	_exit(1);
}

#endif
