/* SPDX-License-Identifier: ISC */
/*
 * Resuming a session, or taking a running one over: x2goresume-session does both. Its status
 * proves nothing; the agent's state file does. Runs in x2goweb-session.
 *
 *	detach what is there -> list and state -> agent alive? port free? -> x2goresume-session
 *	-> state RESUMING? -> layout, program, stream -> answer (op_show.c)
 *
 * What looks like a race on the server is tried once more. docs/x2go-defences.md says against what
 * each of the questions is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "session.h"

#define AGAIN_MS  1000
#define TRIES_MAX 2

/* While somebody else's connection has the agent's port. */
#define PORT_WAIT_FIRST_MS 250
#define PORT_WAIT_MAX_MS   2000

static operation_step look, examine, on_unshown;

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

/* --- agent -------------------------------------------------------------------------------- */

static void on_freed(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_info("resume: x2gosuspend-session: %s", answer->detail);
	look(operation);
}

/* Suspending gives an agent whose listener is burnt, or that a silent peer keeps waiting, a new one
 * at the next resume (rows 6 and 7). */
void op_resume_rescue(struct operation *operation)
{
	if (++operation->tries >= TRIES_MAX) {
		operation_fail(operation, ERROR_RESUME_FAILED, "%s", operation->detail);
		return;
	}
	log_info("resume: %s; suspended and once more", operation->detail);
	operation_run(operation, x2go_command_suspend(&operation->command, operation->target),
	    SHORT_OUTPUT_BYTES, LEAVE_DEADLINE_MS, on_freed);
}

static void on_unshown(struct operation *operation)
{
	if (operation->failure == ERROR_AGENT_LOST)
		op_resume_rescue(operation);
	else
		operation_fail(operation, operation->failure, "%s", operation->detail);
}

/* A desktop with the wrong layout is better than none, and the page can ask for another one. */
static void on_adapted(const struct ssh_exec_result *result, void *arg)
{
	char line[120];

	(void)arg;
	if (result->error != ERROR_NONE)
		log_warnx("resume: layout and resolution: %s", error_info(result->error)->name);
	else if (result->exit_status != 0)
		log_warnx("resume: setxkbmap: %s", last_line(result->errors, line, sizeof(line)));
}

/* Commands run one after the other: when the state is confirmed, the layout is in force. */
static void adapt(struct operation *operation)
{
	const struct x2go_screen *screen = &operation->screen;

	if (screen->layout[0] == 0 && screen->dpi == 0)
		return;
	if (!x2go_command_adapt(&operation->command, operation->row.session.display, screen) ||
	    !ssh_exec(operation->session->ssh, operation->command.text, SHORT_OUTPUT_BYTES,
		QUICK_DEADLINE_MS, on_adapted, NULL))
		log_warnx("resume: layout and resolution could not be sent");
}

static void on_program(const struct ssh_exec_result *result, void *arg)
{
	(void)arg;
	if (result->error != ERROR_NONE)
		log_warnx("resume: x2goruncommand: %s", error_info(result->error)->name);
}

/* A start that was cut off has left an agent that nobody gave a program: it is given it now. */
static void run_program(struct operation *operation)
{
	const struct x2go_row *row = &operation->row;
	const struct x2go_screen as_it_is = {0}; /* the layout has been seen to */
	struct x2go_started started = {
	    .display = row->session.display, .pid = row->pid, .sound_port = row->sound_port};

	log_info("resume: session %s was never given its program", operation->target);
	strcpy(started.id, operation->target);
	if (!x2go_command_run(&operation->command, &started, &as_it_is, row->session.desktop) ||
	    !ssh_exec(operation->session->ssh, operation->command.text, SHORT_OUTPUT_BYTES,
		QUICK_DEADLINE_MS, on_program, NULL))
		log_warnx("resume: x2goruncommand could not be sent");
}

static void on_state(struct operation *operation, const struct x2go_answer *answer)
{
	enum x2go_state state;
	char text[80];

	if (!operation_check(operation, answer))
		return;
	state = x2go_state_parse(&answer->payload);
	if (state == X2GO_STATE_RESUMING) {
		adapt(operation);
		if (operation->lacks_program)
			run_program(operation);
		operation_show(operation, on_unshown);
		return;
	}
	snprintf(
	    text, sizeof(text), "after x2goresume-session the agent is %s", x2go_state_name(state));
	try_again(operation, ERROR_RESUME_FAILED, text);
}

static void on_given_up(struct operation *operation, const struct x2go_answer *answer)
{
	(void)answer;
	operation_fail(operation, ERROR_TIMEOUT, "x2goresume-session does not end");
}

static void on_resumed(struct operation *operation, const struct x2go_answer *answer)
{
	char line[120], text[180];

	if (answer->error == ERROR_TIMEOUT) {
		operation_run(operation,
		    x2go_command_stop_resume(&operation->command, operation->target),
		    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_given_up);
		return;
	}
	if (!operation_check(operation, answer))
		return;
	snprintf(text, sizeof(text), "x2goresume-session ends with %d: %s", answer->exit_status,
	    last_line(answer->errors, line, sizeof(line)));
	if (answer->exit_status == 3)
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "it has been terminated");
	else if (strstr(answer->errors, "ERROR: failed to resume") != NULL)
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "its agent is gone");
	else if (!x2go_resumed_parse(&answer->payload, &operation->port))
		operation_fail(operation, ERROR_RESUME_FAILED, "%s", text);
	else
		operation_run(operation, x2go_command_state(&operation->command, operation->target),
		    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_state);
}

static void resume(struct operation *operation)
{
	operation_run(operation,
	    x2go_command_resume(&operation->command, &operation->screen, operation->target),
	    SHORT_OUTPUT_BYTES, operation->session->start_deadline_ms, on_resumed);
}

/* --- looking before ----------------------------------------------------------------------- */

static void on_buried(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_info("resume: x2goterminate-session: %s", answer->detail);
	operation_fail(operation, ERROR_NO_SUCH_SESSION, "its agent has died");
}

/* So that it is in no list any more, whether X2Go's cleaner runs or not. */
static void bury(struct operation *operation)
{
	operation_run(operation, x2go_command_terminate(&operation->command, operation->target),
	    SHORT_OUTPUT_BYTES, LEAVE_DEADLINE_MS, on_buried);
}

static void on_examined(struct operation *operation, const struct x2go_answer *answer)
{
	const char *nonce = operation->command.nonce;
	struct x2go_text agent = {0}, port = {0}, program = {0};
	struct x2go_id id;

	if (!operation_check(operation, answer))
		return;
	if (!x2go_section_find(answer->output, nonce, "AGENT", &agent) ||
	    !x2go_section_find(answer->output, nonce, "PORT", &port) ||
	    !x2go_section_find(answer->output, nonce, "PROGRAM", &program)) {
		operation_fail(operation, ERROR_X2GO_FAULT, "the command was cut off");
		return;
	}
	if (!x2go_text_has_line(&agent, "agent")) {
		bury(operation);
		return;
	}
	/* A running agent's own connection is there as well. */
	if (operation->state == X2GO_STATE_SUSPENDED &&
	    x2go_port_is_taken(&port, operation->session->options_broken)) {
		if (operation->wait_ms > PORT_WAIT_MAX_MS) {
			operation_fail(operation, ERROR_SESSION_BUSY,
			    "another connection of the server has the session's port");
			return;
		}
		log_info("resume: port %u is taken at the moment", operation->row.graphics_port);
		operation_wait(operation, operation->wait_ms, examine);
		operation->wait_ms *= 2;
		return;
	}
	operation->lacks_program =
	    operation->kind == OPERATION_RESUME && operation->state == X2GO_STATE_SUSPENDED &&
	    !x2go_text_has_line(&program, "program") &&
	    x2go_id_parse(operation->target, strlen(operation->target), &id) && !id.remote;
	resume(operation);
}

static void examine(struct operation *operation)
{
	operation_run(operation,
	    x2go_command_examine(&operation->command, operation->target, operation->row.pid,
		operation->row.graphics_port),
	    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_examined);
}

/* Never an id that has not just been listed: the server would keep ports for it for good. */
static void judge(struct operation *operation, const struct x2go_row *row)
{
	if (row == NULL || row->session.status == SESSION_STATUS_TERMINATING) {
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "it is not in the list");
	} else if (row->session.kind != SESSION_KIND_DESKTOP) {
		operation_fail(
		    operation, ERROR_NOT_SHOWABLE, "only desktops by KDrive can be shown");
	} else if (row->session.status == SESSION_STATUS_STARTING) {
		operation_fail(operation, ERROR_SESSION_BUSY, "it is still starting");
	} else if (operation->state == X2GO_STATE_UNKNOWN) {
		/* Caught while it was written, or gone: a resume would do harm then (row 12). */
		try_again(operation, ERROR_RESUME_FAILED, "its state file is missing");
	} else {
		operation->row = *row;
		operation->wait_ms = PORT_WAIT_FIRST_MS;
		examine(operation);
	}
}

/* Row 4. */
static void read_options_fault(struct session *session, const char *errors)
{
	session->options_known = true;
	session->options_broken = strstr(errors, "Encode/Locale.pm") != NULL;
	if (session->options_broken)
		log_warnx("resume: the X2Go server lacks Perl's Encode::Locale "
			  "(libencode-locale-perl): each resume empties the session's options, "
			  "and one whose port has been taken ends the session");
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
	if (!operation->session->options_known)
		read_options_fault(operation->session, answer->errors);
	operation->state = x2go_state_parse(&state);
	judge(operation, x2go_list_find(rows, count, operation->target));
	explicit_bzero(rows, sizeof(rows));
}

static void look(struct operation *operation)
{
	operation_run(operation,
	    x2go_command_inspect(
		&operation->command, operation->target, !operation->session->options_known),
	    LIST_OUTPUT_BYTES, LIST_DEADLINE_MS, on_look);
}

void op_resume_begin(struct operation *operation)
{
	struct session *session = operation->session;
	bool own = strcmp(operation->target, session_attached_id(session)) == 0;

	if (!x2go_screen_is_valid(&operation->screen)) {
		operation_fail(operation, ERROR_BAD_REQUEST, "not what can be sent to the server");
		return;
	}
	/* Asked for twice: the browser of the first time has still to come. */
	if (own && relay_awaits_browser(session->relay)) {
		operation_make_row(session, operation->target, &operation->row.session);
		operation_answer_stream(operation);
		return;
	}
	operation_detach(operation, own ? ERROR_REPLACED : ERROR_SUSPENDED, look);
}
