/* SPDX-License-Identifier: ISC */
/*
 * Showing a session whose agent listens: the last part of starting and of resuming one. Runs in
 * x2goweb-session.
 *
 *	stream -> state RUNNING? -> answer
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/log.h"
#include "session.h"

/* The agent listens for 30 s, from half a second before it is reported. One that refuses for this
 * long has been burnt by somebody else's connection (row 6). */
#define CONNECT_DEADLINE_MS 5000

/* The agent writes its state as soon as it has taken the connection. */
#define CONFIRM_FIRST_MS 20
#define CONFIRM_MAX_MS	 5000

static operation_step confirm;

static void print_time(
    const struct session *session, uint64_t since_1970_s, char *text, size_t size)
{
	time_t local = (time_t)since_1970_s + session->clock_offset_s;
	struct tm parts;

	text[0] = 0;
	if (gmtime_r(&local, &parts) != NULL)
		strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
}

void operation_make_row(
    const struct session *session, const char *id, struct record_session *ret_row)
{
	struct x2go_id parsed;

	memset(ret_row, 0, sizeof(*ret_row));
	if (!x2go_id_parse(id, strlen(id), &parsed))
		log_fatalx("session: an id that was valid is not");
	strcpy(ret_row->id, id);
	strcpy(ret_row->desktop, parsed.command);
	ret_row->kind = (uint8_t)parsed.kind;
	ret_row->status = SESSION_STATUS_RUNNING;
	ret_row->display = parsed.display;
	strcpy(ret_row->server, session->host);
	print_time(session, parsed.created_s, ret_row->created, sizeof(ret_row->created));
}

static void give_up(struct operation *operation, enum error_code code, const char *detail)
{
	operation->failure = code;
	snprintf(operation->detail, sizeof(operation->detail), "%s", detail);
	operation_let_go(operation, code, operation->on_unshown);
}

static void on_forgotten(const struct ssh_exec_result *result, void *arg)
{
	(void)arg;
	if (result->error != ERROR_NONE)
		log_info("show: sshd.pid: %s", error_info(result->error)->name);
}

void operation_answer_stream(struct operation *operation)
{
	struct session *session = operation->session;
	struct message message;

	message_init(&message, MESSAGE_STREAM, 0);
	message.stream.session_count = 1;
	message.stream.session[0] = operation->row.session;
	message.stream.session[0].status = SESSION_STATUS_RUNNING;
	message.stream.session[0].attached = 1;
	message.stream.port = session->port;
	message.stream.agent_port = operation->port;
	message.stream.agent_pid = operation->row.pid;
	operation_reply(operation, &message);
}

static void on_confirmed(struct operation *operation, const struct x2go_answer *answer)
{
	struct session *session = operation->session;
	enum x2go_state state;
	char text[80];

	if (!operation_check(operation, answer))
		return;
	state = x2go_state_parse(&answer->payload);
	snprintf(text, sizeof(text), "the agent is not running but %s", x2go_state_name(state));
	switch (state) {
	case X2GO_STATE_RUNNING:
		if (x2go_command_forget_sshd(&operation->command, operation->target))
			ssh_exec(session->ssh, operation->command.text, SHORT_OUTPUT_BYTES,
			    QUICK_DEADLINE_MS, on_forgotten, NULL);
		operation_answer_stream(operation);
		break;
	case X2GO_STATE_UNKNOWN: /* caught while it was written */
	case X2GO_STATE_STARTING:
	case X2GO_STATE_RESUMING:
		/* In the end: somebody else listens where the agent should, or keeps it waiting
		 * (row 7). */
		if (operation->wait_ms > CONFIRM_MAX_MS) {
			give_up(operation, ERROR_AGENT_LOST, text);
			break;
		}
		operation_wait(operation, operation->wait_ms, confirm);
		operation->wait_ms *= 2;
		break;
	default:
		give_up(operation, ERROR_AGENT_LOST, text);
		break;
	}
}

static void confirm(struct operation *operation)
{
	operation_run(operation, x2go_command_state(&operation->command, operation->target),
	    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_confirmed);
}

static void on_stream(enum error_code error, const char *detail, void *arg)
{
	struct operation *operation = arg;

	if (operation->session->operations.closed)
		return;
	operation->wait_ms = CONFIRM_FIRST_MS;
	if (error == ERROR_NONE)
		confirm(operation);
	else
		give_up(operation, error, detail != NULL ? detail : "");
}

void operation_show(struct operation *operation, operation_step *on_unshown)
{
	struct session *session = operation->session;

	operation->on_unshown = on_unshown;
	strcpy(session->stream.id, operation->target);
	session->stream.pid = operation->row.pid;
	session->stream.number++;
	relay_start(session->relay, session->ssh, operation->port, operation->row.cookie,
	    operation->screen.width, operation->screen.height, CONNECT_DEADLINE_MS, on_stream,
	    operation);
}
