/* SPDX-License-Identifier: ISC */
/*
 * Leaving sessions: suspending and terminating on demand, and finding out what happened when a
 * stream has ended by itself. Runs in x2goweb-session.
 *
 * An agent that is drawing may freeze when it is signalled (row 29 in section 6 of the
 * contract). So a stream of our own is always let go first: the agent then suspends itself, and
 * the next list writes that into the server's database.
 */
#include <stdio.h>
#include <string.h>

#include "proto/log.h"
#include "session.h"

/* How a terminated session's leaving the list is awaited. */
#define GONE_WAIT_FIRST_MS 100
#define GONE_WAIT_MAX_MS   6400
/* Past this x2goterminate-session is run anew: it does nothing while the database is locked. */
#define GONE_AGAIN_MS 1600

#define SUSPEND_WAIT_FIRST_MS 100
#define SUSPEND_WAIT_MAX_MS   3200

static bool is_own_stream(const struct operation *operation)
{
	return strcmp(operation->target, session_attached_id(operation->session)) == 0;
}

/* --- suspend ------------------------------------------------------------------------------ */

static operation_step list_suspended;

static void on_suspended(struct operation *operation, const struct x2go_answer *answer)
{
	if (operation_check(operation, answer))
		list_suspended(operation);
}

/* Once; then the list is looked at until it agrees. */
static void force_suspend(struct operation *operation)
{
	if (operation->tries++ == 0)
		operation_run(operation,
		    x2go_command_suspend(&operation->command, operation->target),
		    SHORT_OUTPUT_BYTES, LEAVE_DEADLINE_MS, on_suspended);
	else if (operation->wait_ms > SUSPEND_WAIT_MAX_MS)
		operation_fail(operation, ERROR_X2GO_FAULT, "the session does not suspend");
	else {
		operation_wait(operation, operation->wait_ms, list_suspended);
		operation->wait_ms *= 2;
	}
}

static void on_suspended_list(struct operation *operation, const struct x2go_answer *answer)
{
	const char *nonce = operation->command.nonce;
	struct x2go_row rows[X2GO_ROWS_MAX];
	struct x2go_text state = {0}, list = {0};
	const struct x2go_row *row;
	struct record_session found = {0};
	size_t count;

	if (!operation_check(operation, answer))
		return;
	x2go_section_find(answer->output, nonce, "STATE", &state);
	if (!x2go_section_find(answer->output, nonce, "LIST", &list)) {
		operation_fail(operation, ERROR_X2GO_FAULT, "the command was cut off");
		return;
	}
	if (!operation_read_list(operation, &list, rows, &count))
		return;
	row = x2go_list_find(rows, count, operation->target);
	if (row != NULL)
		found = row->session;
	explicit_bzero(rows, sizeof(rows));
	if (row == NULL || found.status == SESSION_STATUS_TERMINATING)
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "it is not in the list");
	else if (found.status == SESSION_STATUS_SUSPENDED)
		operation_reply_row(operation, &found);
	else if (found.status == SESSION_STATUS_STARTING ||
		 (found.kind == SESSION_KIND_NX && x2go_state_parse(&state) == X2GO_STATE_STARTING))
		/* The signal ends an NX agent that still awaits its first client. */
		operation_fail(operation, ERROR_SESSION_BUSY, "it is still starting");
	else
		force_suspend(operation);
}

static void list_suspended(struct operation *operation)
{
	operation_run(operation,
	    x2go_command_inspect(&operation->command, operation->target, false), LIST_OUTPUT_BYTES,
	    LIST_DEADLINE_MS, on_suspended_list);
}

/* An agent that has been let go suspends itself; the list then only takes note of it. */
void op_suspend_begin(struct operation *operation)
{
	operation->wait_ms = SUSPEND_WAIT_FIRST_MS;
	if (is_own_stream(operation))
		operation_detach(operation, ERROR_SUSPENDED, list_suspended);
	else
		list_suspended(operation);
}

/* --- terminate ---------------------------------------------------------------------------- */

static operation_step list_gone, terminate;

static void remember(struct session *session, const struct record_session *row)
{
	session->terminated[session->terminated_count++ % SESSION_TERMINATED_MAX] = *row;
}

/* NULL: this login has not ended it, or long ago. */
static const struct record_session *recall(const struct session *session, const char *id)
{
	for (size_t i = 0; i < SESSION_TERMINATED_MAX; i++)
		if (strcmp(session->terminated[i].id, id) == 0)
			return &session->terminated[i];
	return NULL;
}

static void on_cleaned(const struct ssh_exec_result *result, void *arg)
{
	(void)arg;
	if (result->error != ERROR_NONE)
		log_info("terminate: leftovers: %s", error_info(result->error)->name);
}

static void on_gone_list(struct operation *operation, const struct x2go_answer *answer)
{
	struct session *session = operation->session;
	struct x2go_row rows[X2GO_ROWS_MAX];
	size_t count;
	bool listed;

	if (!operation_check(operation, answer) ||
	    !operation_read_list(operation, &answer->payload, rows, &count))
		return;
	listed = x2go_list_find(rows, count, operation->target) != NULL;
	explicit_bzero(rows, sizeof(rows));
	if (listed && operation->wait_ms > GONE_WAIT_MAX_MS) {
		operation_fail(operation, ERROR_X2GO_FAULT, "the session does not end");
		return;
	}
	if (listed) {
		operation_wait(operation, operation->wait_ms,
		    operation->wait_ms < GONE_AGAIN_MS ? list_gone : terminate);
		operation->wait_ms *= 2;
		return;
	}
	if (x2go_command_clean(
		&operation->command, operation->target, session->user, operation->row.pid))
		ssh_exec(session->ssh, operation->command.text, SHORT_OUTPUT_BYTES,
		    QUICK_DEADLINE_MS, on_cleaned, NULL);
	operation->row.session.status = SESSION_STATUS_TERMINATED;
	remember(session, &operation->row.session);
	operation_reply_row(operation, &operation->row.session);
}

static void list_gone(struct operation *operation)
{
	operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
	    LIST_DEADLINE_MS, on_gone_list);
}

static void on_terminated(struct operation *operation, const struct x2go_answer *answer)
{
	if (operation_check(operation, answer))
		list_gone(operation);
}

static void terminate(struct operation *operation)
{
	operation_run(operation, x2go_command_terminate(&operation->command, operation->target),
	    SHORT_OUTPUT_BYTES, LEAVE_DEADLINE_MS, on_terminated);
}

/* The command says nothing about an id that does not exist. */
static void on_terminate_list(struct operation *operation, const struct x2go_answer *answer)
{
	const struct record_session *ended = recall(operation->session, operation->target);
	struct x2go_row rows[X2GO_ROWS_MAX];
	const struct x2go_row *row;
	size_t count;

	if (!operation_check(operation, answer) ||
	    !operation_read_list(operation, &answer->payload, rows, &count))
		return;
	row = x2go_list_find(rows, count, operation->target);
	if (row != NULL)
		operation->row = *row;
	explicit_bzero(rows, sizeof(rows));
	if (row == NULL && ended != NULL)
		operation_reply_row(operation, ended);
	else if (row == NULL)
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "it is not in the list");
	else if (is_own_stream(operation))
		operation_detach(operation, ERROR_TERMINATED, terminate);
	else
		terminate(operation);
}

void op_terminate_begin(struct operation *operation)
{
	operation->wait_ms = GONE_WAIT_FIRST_MS;
	operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
	    LIST_DEADLINE_MS, on_terminate_list);
}

/* --- inquire ------------------------------------------------------------------------------ */

/* What became of the agent whose stream has ended. */
static enum error_code find_reason(enum x2go_state state, bool alive)
{
	switch (state) {
	case X2GO_STATE_STARTING:
	case X2GO_STATE_SUSPENDING:
	case X2GO_STATE_SUSPENDED:
	case X2GO_STATE_RESUMING:
		return ERROR_SUSPENDED;
	case X2GO_STATE_RUNNING:
		/* A file that was not rewritten, or somebody else's stream by now. */
		return alive ? ERROR_REPLACED : ERROR_AGENT_LOST;
	default:
		return ERROR_ENDED;
	}
}

static void on_inquired(struct operation *operation, const struct x2go_answer *answer)
{
	struct relay *relay = operation->session->relay;
	const char *nonce = operation->command.nonce;
	struct x2go_text message = {0}, state = {0}, alive = {0}, taker = {0};
	char program[100], text[200];

	if (!operation_check(operation, answer))
		return;
	x2go_section_find(answer->output, nonce, "MESSAGE", &message);
	x2go_section_find(answer->output, nonce, "STATE", &state);
	x2go_section_find(answer->output, nonce, "ALIVE", &alive);
	x2go_section_find(answer->output, nonce, "TAKER", &taker);
	if (x2go_program_missing(&message, program, sizeof(program))) {
		snprintf(text, sizeof(text), "%s is not installed on this server.", program);
		relay_stop(relay, ERROR_DESKTOP_MISSING, text);
	} else if (x2go_text_has_line(&taker, "taker")) {
		relay_stop(relay, ERROR_REPLACED, NULL);
	} else {
		relay_stop(relay,
		    find_reason(x2go_state_parse(&state), x2go_text_has_line(&alive, "alive")),
		    NULL);
	}
	operation_end(operation);
}

void op_inquire_begin(struct operation *operation)
{
	struct session *session = operation->session;

	/* Somebody may have let go of it meanwhile, and even have opened another one. */
	if (!is_own_stream(operation) || operation->stream_number != session->stream.number) {
		operation_end(operation);
		return;
	}
	operation_run(operation,
	    x2go_command_inquire(&operation->command, session->stream.id, session->stream.pid),
	    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_inquired);
}

/* --- settle ------------------------------------------------------------------------------- */

static void on_settled(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_info("settle: %s", answer->detail);
	operation_end(operation);
}

/* By the time that the list looks at its state, the agent has written it. */
void op_settle_begin(struct operation *operation)
{
	operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
	    LIST_DEADLINE_MS, on_settled);
}
