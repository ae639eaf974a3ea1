/* SPDX-License-Identifier: ISC */
/*
 * Starting a desktop: agent, then the stream and the program at once. Runs in x2goweb-session.
 *
 *	x2gostartagent -> [list, when it was slow] -> let go of another stream -> program
 *	-> stream -> answer (op_show.c); an agent that cannot be reached is suspended and resumed
 *	(op_resume.c); on a failure after the agent has started: terminate it first; an agent that
 *	did not come up: once more, and its row is terminated before anything is answered
 */
#include <stdio.h>
#include <string.h>

#include "proto/log.h"
#include "session.h"
#include "timer.h"

/* The server forgets a row that has no agent for 10 s; the agent then is in no list (row 5). */
#define SLOW_MS 8000

/* Between the server's clock, which is read in whole seconds, and the list that tells an age. */
#define AGE_SLACK_S 2

static void start_agent(struct operation *operation);
static void open_stream(struct operation *operation);

/* --- rows of agents that did not come up --------------------------------------------------- */

static void on_row_cleared(struct operation *operation, const struct x2go_answer *answer);

/* The server lists them as running until its cleaner comes by. Goes on with the stream, or fails.
 */
static void clear_failed_rows(struct operation *operation)
{
	const char *id;

	if (operation->failed_count > 0) {
		id = operation->failed[--operation->failed_count];
		operation_run(operation, x2go_command_terminate(&operation->command, id),
		    SHORT_OUTPUT_BYTES, LEAVE_DEADLINE_MS, on_row_cleared);
	} else if (operation->failure != ERROR_NONE) {
		operation_fail(operation, operation->failure, "%s", operation->detail);
	} else {
		operation_let_go(operation, ERROR_SUSPENDED, open_stream);
	}
}

static void on_row_cleared(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_info("start: row of an agent that did not start: %s", answer->detail);
	clear_failed_rows(operation);
}

/* --- failure after the agent has started --------------------------------------------------- */

static void on_killed(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_warnx("start: session %s may be left behind: %s", operation->started.id,
		    answer->detail);
	clear_failed_rows(operation);
}

/* x2goterminate-session knows nothing of a session that has dropped out of the database, and does
 * nothing while the database is locked. */
static void on_terminated(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_info("start: x2goterminate-session: %s", answer->detail);
	operation_run(operation,
	    x2go_command_kill(&operation->command, operation->started.id, operation->started.pid),
	    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_killed);
}

/* The first failure is the one that is told. */
static void take_back(struct operation *operation)
{
	log_info("start: session %s is taken back", operation->started.id);
	operation_run(operation, x2go_command_terminate(&operation->command, operation->started.id),
	    SHORT_OUTPUT_BYTES, LEAVE_DEADLINE_MS, on_terminated);
}

/* --- stream ------------------------------------------------------------------------------- */

static void on_unshown(struct operation *operation)
{
	if (operation->failure == ERROR_AGENT_LOST)
		op_resume_rescue(operation);
	else
		operation_fail(operation, operation->failure, "%s", operation->detail);
}

/* Nobody waits for this: whether the program runs is seen on the screen, or by its end. */
static void on_program(const struct ssh_exec_result *result, void *arg)
{
	(void)arg;
	if (result->error != ERROR_NONE)
		log_warnx("start: x2goruncommand: %s", error_info(result->error)->name);
}

static void open_stream(struct operation *operation)
{
	const struct x2go_started *started = &operation->started;
	struct x2go_row *row = &operation->row;

	/* Both at once; the tunnel is the first to be opened. */
	if (!x2go_command_run(
		&operation->command, started, &operation->screen, operation->program) ||
	    !ssh_exec(operation->session->ssh, operation->command.text, SHORT_OUTPUT_BYTES,
		QUICK_DEADLINE_MS, on_program, NULL)) {
		operation_fail(operation, ERROR_INTERNAL, "x2goruncommand could not be sent");
		return;
	}
	strcpy(operation->target, started->id);
	operation_make_row(operation->session, started->id, &row->session);
	row->pid = started->pid;
	strcpy(row->cookie, started->cookie);
	operation->port = started->graphics_port;
	operation->tries = 0;
	operation_show(operation, on_unshown);
}

/* --- agent -------------------------------------------------------------------------------- */

static void on_list(struct operation *operation, const struct x2go_answer *answer)
{
	struct x2go_row rows[X2GO_ROWS_MAX];
	size_t count;
	bool listed;

	if (!operation_check(operation, answer) ||
	    !operation_read_list(operation, &answer->payload, rows, &count))
		return;
	listed = x2go_list_find(rows, count, operation->started.id) != NULL;
	explicit_bzero(rows, sizeof(rows));
	if (listed)
		clear_failed_rows(operation);
	else
		operation_fail(operation, ERROR_START_FAILED,
		    "the server was so slow that it lost sight of the new session; see "
		    "agent-startup-time in its x2goserver.conf");
}

/* True if the X server was started without what keeps other users of the host away from it. */
static bool is_unprotected(const char *errors)
{
	return strstr(errors, "timeout in locking authority file") != NULL ||
	       strstr(errors, "xauth: command not found") != NULL ||
	       strstr(errors, "xauth: not found") != NULL ||
	       strstr(errors, "cannot create directory") != NULL;
}

static void fail_start(struct operation *operation, const struct x2go_answer *answer)
{
	const struct x2go_text errors = {answer->errors, strlen(answer->errors)};
	char line[150];

	if (answer->exit_status == 12) {
		if (x2go_failed_id_parse(&errors, operation->failed[operation->failed_count])) {
			operation->failed_count++;
			operation->on_failure = clear_failed_rows;
		}
		/* Row 15: the failed row still holds its display, so the next try takes another. */
		if (operation->tries++ == 0) {
			log_info("start: x2gostartagent failed with 12, once more");
			start_agent(operation);
			return;
		}
	}
	last_line(answer->errors, line, sizeof(line));
	if (answer->exit_status == 9 || x2go_text_has_line(&errors, "LIMIT"))
		operation_fail(operation, ERROR_SESSION_LIMIT, "%s", line);
	else if (answer->exit_status == 255)
		operation_fail(
		    operation, ERROR_X2GO_MISSING, "no agent for such sessions: %s", line);
	else
		operation_fail(operation, ERROR_START_FAILED, "x2gostartagent ends with %d: %s",
		    answer->exit_status, line);
}

/* Whether this row can be what was started at since_ms under that name. */
static bool is_ours(const struct x2go_row *row, const char *name, uint64_t since_ms)
{
	return strcmp(row->session.desktop, name) == 0 &&
	       row->session.kind == SESSION_KIND_DESKTOP &&
	       row->session.age_s <= (timer_now_ms() - since_ms) / 1000 + AGE_SLACK_S;
}

/* Another client may have started the like at the same time: so it is named, not ended. */
static void on_leftovers(struct operation *operation, const struct x2go_answer *answer)
{
	struct x2go_row rows[X2GO_ROWS_MAX];
	char name[64], left[X2GO_ID_BYTES + 1] = "";
	size_t count = 0;

	x2go_session_name(operation->program, name, sizeof(name));
	if (answer->error == ERROR_NONE && x2go_list_parse(&answer->payload, rows, &count))
		for (size_t i = 0; i < count; i++)
			if (is_ours(&rows[i], name, operation->since_ms))
				strcpy(left, rows[i].session.id);
	explicit_bzero(rows, sizeof(rows));
	if (left[0] != 0)
		operation_fail(operation, ERROR_TIMEOUT,
		    "x2gostartagent does not end; it leaves session %.120s behind", left);
	else
		operation_fail(operation, ERROR_TIMEOUT, "x2gostartagent does not end");
}

static void on_agent(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error == ERROR_TIMEOUT) {
		operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
		    LIST_DEADLINE_MS, on_leftovers);
		return;
	}
	if (!operation_check(operation, answer))
		return;
	if (!x2go_started_parse(&answer->payload, &operation->started)) {
		fail_start(operation, answer);
		return;
	}
	operation->on_failure = take_back;
	log_info("start: session %s, display %u, after %llu ms", operation->started.id,
	    operation->started.display, (unsigned long long)(timer_now_ms() - operation->since_ms));
	if (is_unprotected(answer->errors))
		operation_fail(operation, ERROR_START_FAILED,
		    "the display would be open to other users of the server: the home is not "
		    "writable or xauth is missing");
	else if (timer_now_ms() - operation->since_ms >= SLOW_MS)
		operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
		    LIST_DEADLINE_MS, on_list);
	else
		clear_failed_rows(operation);
}

static void start_agent(struct operation *operation)
{
	bool ready =
	    x2go_command_start(&operation->command, &operation->screen, operation->program);

	operation->since_ms = timer_now_ms();
	operation_run(
	    operation, ready, SHORT_OUTPUT_BYTES, operation->session->start_deadline_ms, on_agent);
}

void op_start_begin(struct operation *operation)
{
	start_agent(operation);
}
