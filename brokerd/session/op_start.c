/* SPDX-License-Identifier: ISC */
/*
 * Starting a desktop: agent, then the stream and the program at once. Runs in x2goweb-session.
 *
 *	x2gostartagent -> [list, when it was slow] -> let go of another stream -> stream + program
 *	-> answer; on a failure after the agent has started: terminate it first
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/log.h"
#include "session.h"
#include "timer.h"

/* The server forgets a row that has no agent for 10 s; the agent then is in no list (row 5). */
#define SLOW_MS 8000

static void start_agent(struct operation *operation);

/* --- failure after the agent has started --------------------------------------------------- */

static void on_killed(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_warnx("start: session %s may be left behind: %s", operation->started.id,
		    answer->detail);
	operation_fail(operation, operation->failure, "%s", operation->detail);
}

/* x2goterminate-session knows nothing of a session that has dropped out of the database. */
static void on_terminated(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error != ERROR_NONE)
		log_info("start: x2goterminate-session: %s", answer->detail);
	operation_run(operation,
	    x2go_command_kill(&operation->command, operation->started.id, operation->started.pid),
	    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_killed);
}

/* The first failure is the one that is told. */
static void give_up(struct operation *operation, enum error_code code, const char *detail)
{
	operation->failure = code;
	snprintf(operation->detail, sizeof(operation->detail), "%s", detail);
	operation_run(operation, x2go_command_terminate(&operation->command, operation->started.id),
	    SHORT_OUTPUT_BYTES, LEAVE_DEADLINE_MS, on_terminated);
}

/* --- answer ------------------------------------------------------------------------------- */

static void print_time(
    const struct session *session, uint64_t since_1970_s, char *text, size_t size)
{
	time_t local = (time_t)since_1970_s + session->clock_offset_s;
	struct tm parts;

	text[0] = 0;
	if (gmtime_r(&local, &parts) != NULL)
		strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
}

/* The row as the next list will show it, without asking for one. */
static void make_row(
    const struct session *session, const struct x2go_started *started, struct record_session *row)
{
	struct x2go_id id;

	memset(row, 0, sizeof(*row));
	if (!x2go_id_parse(started->id, strlen(started->id), &id))
		log_fatalx("start: an id that was valid is not");
	strcpy(row->id, started->id);
	strcpy(row->desktop, id.command);
	row->kind = (uint8_t)id.kind;
	row->status = SESSION_STATUS_RUNNING;
	row->display = started->display;
	strcpy(row->server, session->host);
	print_time(session, id.created_s, row->created, sizeof(row->created));
	row->attached = 1;
}

static void on_stream(struct operation *operation, enum error_code error, const char *detail)
{
	struct session *session = operation->session;
	struct message message;

	if (error != ERROR_NONE) {
		give_up(operation, error, detail);
		return;
	}
	log_debug("start: the stream is open after %llu ms",
	    (unsigned long long)(timer_now_ms() - operation->since_ms));
	message_init(&message, MESSAGE_STREAM, 0);
	message.stream.session_count = 1;
	make_row(session, &operation->started, &message.stream.session[0]);
	message.stream.port = session->port;
	operation_reply(operation, &message);
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
	struct session *session = operation->session;
	const struct x2go_started *started = &operation->started;

	/* Both at once; the tunnel is the first to be opened. */
	if (!x2go_command_run(
		&operation->command, started, &operation->screen, operation->program) ||
	    !ssh_exec(session->ssh, operation->command.text, SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS,
		on_program, NULL)) {
		give_up(operation, ERROR_INTERNAL, "x2goruncommand could not be sent");
		return;
	}
	operation_open_stream(operation, started->id, started->pid, started->graphics_port,
	    started->cookie, on_stream);
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
		operation_let_go(operation, ERROR_SUSPENDED, open_stream);
	else
		give_up(operation, ERROR_START_FAILED,
		    "the server was so slow that it lost sight of the new session");
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

	/* Row 15: the failed row still holds its display, so the next try takes another one. */
	if (answer->exit_status == 12 && operation->tries++ == 0) {
		log_info("start: x2gostartagent failed with 12, once more");
		start_agent(operation);
		return;
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

static void on_agent(struct operation *operation, const struct x2go_answer *answer)
{
	if (!operation_check(operation, answer))
		return;
	if (!x2go_started_parse(&answer->payload, &operation->started)) {
		fail_start(operation, answer);
		return;
	}
	log_info("start: session %s, display %u, after %llu ms", operation->started.id,
	    operation->started.display, (unsigned long long)(timer_now_ms() - operation->since_ms));
	if (is_unprotected(answer->errors))
		give_up(operation, ERROR_START_FAILED,
		    "the display would be open to other users of the server: the home is not "
		    "writable or xauth is missing");
	else if (timer_now_ms() - operation->since_ms >= SLOW_MS)
		operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
		    LIST_DEADLINE_MS, on_list);
	else
		operation_let_go(operation, ERROR_SUSPENDED, open_stream);
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
