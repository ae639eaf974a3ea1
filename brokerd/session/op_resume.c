/* SPDX-License-Identifier: ISC */
/*
 * Resuming a session, or taking a running one over: x2goresume-session does both. Its status
 * proves nothing; the agent's state file does. Runs in x2goweb-session.
 *
 *	detach what is there -> look -> x2goresume-session -> state RESUMING? -> layout and stream
 *	-> state RUNNING? -> answer; what looks like a race on the server is tried once more
 */
#include <stdio.h>
#include <string.h>

#include "proto/log.h"
#include "session.h"

/* Two resumes at a time cancel each other (row 2). */
#define AGAIN_MS    1000
#define TRIES_MAX   2
#define CONFIRM_MS  30u
#define CONFIRM_MAX 8

static operation_step look, confirm;

/* Once more from the start, if that may help. */
static void try_again(struct operation *operation, enum error_code code, const char *detail)
{
	if (++operation->tries >= TRIES_MAX) {
		operation_fail(operation, code, "%s", detail);
		return;
	}
	log_info("resume: %s; once more", detail);
	operation_wait(operation, AGAIN_MS, look);
}

/* --- stream ------------------------------------------------------------------------------- */

static void on_forgotten(const struct ssh_exec_result *result, void *arg)
{
	(void)arg;
	if (result->error != ERROR_NONE)
		log_info("resume: sshd.pid: %s", error_info(result->error)->name);
}

static void answer_stream(struct operation *operation)
{
	struct session *session = operation->session;
	struct message message;

	if (x2go_command_forget_sshd(&operation->command, operation->target))
		ssh_exec(session->ssh, operation->command.text, SHORT_OUTPUT_BYTES,
		    QUICK_DEADLINE_MS, on_forgotten, NULL);
	message_init(&message, MESSAGE_STREAM, 0);
	message.stream.session_count = 1;
	message.stream.session[0] = operation->row.session;
	message.stream.session[0].status = SESSION_STATUS_RUNNING;
	message.stream.session[0].attached = 1;
	message.stream.port = session->port;
	operation_reply(operation, &message);
}

static void on_confirmed(struct operation *operation, const struct x2go_answer *answer)
{
	enum x2go_state state;

	if (!operation_check(operation, answer))
		return;
	state = x2go_state_parse(&answer->payload);
	if (state == X2GO_STATE_RUNNING)
		answer_stream(operation);
	else if (relay_get_state(operation->session->relay) == STREAM_STATE_NONE)
		try_again(operation, ERROR_RESUME_FAILED, "the agent let go at once");
	else if (++operation->confirmations < CONFIRM_MAX)
		operation_wait(operation, CONFIRM_MS * operation->confirmations, confirm);
	else {
		/* Somebody else listens where the agent should. */
		relay_stop(operation->session->relay, ERROR_RESUME_FAILED, NULL);
		operation_fail(operation, ERROR_RESUME_FAILED, "the agent is not running but %s",
		    x2go_state_name(state));
	}
}

static void confirm(struct operation *operation)
{
	operation_run(operation, x2go_command_state(&operation->command, operation->target),
	    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_confirmed);
}

static void on_stream(struct operation *operation, enum error_code error, const char *detail)
{
	operation->confirmations = 0;
	if (error == ERROR_NONE)
		confirm(operation);
	else if (error == ERROR_AGENT_LOST)
		try_again(operation, ERROR_RESUME_FAILED, detail);
	else
		operation_fail(operation, error, "%s", detail);
}

/* --- agent -------------------------------------------------------------------------------- */

/* A desktop with the wrong layout is better than none, and the page can ask for another one. */
static void on_layout(const struct ssh_exec_result *result, void *arg)
{
	char line[120];

	(void)arg;
	if (result->error != ERROR_NONE)
		log_warnx("resume: setxkbmap: %s", error_info(result->error)->name);
	else if (result->exit_status != 0)
		log_warnx("resume: setxkbmap: %s", last_line(result->errors, line, sizeof(line)));
}

/* Commands run one after the other: when the state is confirmed, the layout is in force. */
static void begin_layout(struct operation *operation)
{
	const struct x2go_screen *screen = &operation->screen;

	if (screen->layout[0] == 0)
		return;
	if (!x2go_command_layout(
		&operation->command, operation->row.session.display, screen->layout) ||
	    !ssh_exec(operation->session->ssh, operation->command.text, SHORT_OUTPUT_BYTES,
		QUICK_DEADLINE_MS, on_layout, NULL))
		log_warnx("resume: setxkbmap could not be sent");
}

static void on_state(struct operation *operation, const struct x2go_answer *answer)
{
	enum x2go_state state;
	char text[80];

	if (!operation_check(operation, answer))
		return;
	state = x2go_state_parse(&answer->payload);
	if (state == X2GO_STATE_RESUMING) {
		begin_layout(operation);
		operation_open_stream(operation, operation->target, operation->row.pid,
		    operation->port, operation->row.cookie, on_stream);
		return;
	}
	snprintf(
	    text, sizeof(text), "after x2goresume-session the agent is %s", x2go_state_name(state));
	try_again(operation, ERROR_RESUME_FAILED, text);
}

static void on_resumed(struct operation *operation, const struct x2go_answer *answer)
{
	char line[120];

	if (!operation_check(operation, answer))
		return;
	if (answer->exit_status == 3)
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "it has been terminated");
	else if (strstr(answer->errors, "ERROR: failed to resume") != NULL)
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "its agent is gone");
	else if (!x2go_resumed_parse(&answer->payload, &operation->port))
		operation_fail(operation, ERROR_RESUME_FAILED,
		    "x2goresume-session ends with %d: %s", answer->exit_status,
		    last_line(answer->errors, line, sizeof(line)));
	else
		operation_run(operation, x2go_command_state(&operation->command, operation->target),
		    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_state);
}

/* Never an id that has not just been listed: the server would keep ports for it for good. */
static void judge(struct operation *operation, const struct x2go_row *row, enum x2go_state state)
{
	if (row == NULL || row->session.status == SESSION_STATUS_TERMINATING) {
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "it is not in the list");
	} else if (row->session.kind != SESSION_KIND_DESKTOP) {
		operation_fail(
		    operation, ERROR_RESUME_FAILED, "such a session cannot be shown in a browser");
	} else if (row->session.status == SESSION_STATUS_STARTING) {
		operation_fail(operation, ERROR_SESSION_BUSY, "it is still starting");
	} else if (state == X2GO_STATE_UNKNOWN) {
		/* Caught while it was written, or gone: a resume would do harm then (row 12). */
		try_again(operation, ERROR_RESUME_FAILED, "its state file is missing");
	} else {
		operation->row = *row;
		operation_run(operation,
		    x2go_command_resume(&operation->command, &operation->screen, operation->target),
		    SHORT_OUTPUT_BYTES, operation->session->start_deadline_ms, on_resumed);
	}
}

static void on_look(struct operation *operation, const struct x2go_answer *answer)
{
	const char *nonce = operation->command.nonce;
	struct x2go_row rows[X2GO_ROWS_MAX];
	struct x2go_text state, list;
	size_t count;

	if (!operation_check(operation, answer))
		return;
	if (!x2go_section_find(answer->output, nonce, "STATE", &state) ||
	    !x2go_section_find(answer->output, nonce, "LIST", &list)) {
		operation_fail(operation, ERROR_X2GO_FAULT, "the command was cut off");
		return;
	}
	if (!operation_read_list(operation, &list, rows, &count))
		return;
	judge(operation, x2go_list_find(rows, count, operation->target), x2go_state_parse(&state));
	explicit_bzero(rows, sizeof(rows));
}

static void look(struct operation *operation)
{
	operation_run(operation, x2go_command_inspect(&operation->command, operation->target),
	    LIST_OUTPUT_BYTES, LIST_DEADLINE_MS, on_look);
}

void op_resume_begin(struct operation *operation)
{
	operation_detach(operation, ERROR_SUSPENDED, look);
}
