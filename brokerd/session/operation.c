/* SPDX-License-Identifier: ISC */
#include "operation.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "heap_rest.h"
#include "proto/log.h"
#include "session.h"
#include "timer.h"

/* More cannot wait than a page can sensibly ask for. */
#define WAITING_MAX 16

/* The agent writes its state within milliseconds; see row 29 in section 6 of the contract. */
#define DETACH_WAIT_FIRST_MS 20
#define DETACH_WAIT_MAX_MS   5000

/* A busy database (row 19): the server itself gave up after 2 s. */
#define BUSY_WAIT_MS 1000
#define BUSY_TRIES   3

static void fail_request(struct operation *operation);
static void fail_login(struct operation *operation);
static void fail_inquiry(struct operation *operation);
static void fail_silently(struct operation *operation);

static const struct {
	const char *name;
	operation_step *begin;
	operation_step *fail; /* tells whom it may concern */
} kinds[OPERATION_KIND_COUNT] = {
    [OPERATION_PROBE] = {"probe", op_probe_begin, fail_login},
    [OPERATION_LIST] = {"list", op_list_begin, fail_request},
    [OPERATION_APPLICATIONS] = {"applications", op_applications_begin, fail_request},
    [OPERATION_START] = {"start", op_start_begin, fail_request},
    [OPERATION_RESUME] = {"resume", op_resume_begin, fail_request},
    [OPERATION_SUSPEND] = {"suspend", op_suspend_begin, fail_request},
    [OPERATION_TERMINATE] = {"terminate", op_terminate_begin, fail_request},
    [OPERATION_LAYOUT] = {"layout", op_layout_begin, fail_request},
    [OPERATION_INQUIRE] = {"inquire", op_inquire_begin, fail_inquiry},
    [OPERATION_SETTLE] = {"settle", op_settle_begin, fail_silently},
};

/* --- queue -------------------------------------------------------------------------------- */

void operation_queue_init(struct operation_queue *queue)
{
	memset(queue, 0, sizeof(*queue));
	TAILQ_INIT(&queue->waiting);
}

void operation_destroy(struct operation *operation)
{
	if (operation == NULL)
		return;
	if (operation->timer != NULL)
		event_free(operation->timer);
	/* Commands and rows may name a session's cookie. */
	explicit_bzero(operation, sizeof(*operation));
	free(operation);
}

void operation_queue_finish(struct operation_queue *queue)
{
	struct operation *operation;

	operation_destroy(queue->current);
	while ((operation = TAILQ_FIRST(&queue->waiting)) != NULL) {
		TAILQ_REMOVE(&queue->waiting, operation, next);
		operation_destroy(operation);
	}
}

static void begin_next(struct operation_queue *queue)
{
	struct operation *operation = TAILQ_FIRST(&queue->waiting);

	if (queue->closed || queue->current != NULL || operation == NULL)
		return;
	TAILQ_REMOVE(&queue->waiting, operation, next);
	queue->waiting_count--;
	queue->current = operation;
	log_debug("operation: %s begins", kinds[operation->kind].name);
	operation->since_ms = timer_now_ms();
	operation_wait(operation, 0, kinds[operation->kind].begin);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct operation *operation = arg;

	(void)fd;
	(void)what;
	if (!operation->session->operations.closed)
		operation->on_time(operation);
}

/* What nobody on the server can have printed before. */
static bool make_nonce(char *nonce)
{
	uint8_t bytes[X2GO_NONCE_CHARS / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

struct operation *operation_create(
    struct session *session, enum operation_kind kind, uint32_t request_id)
{
	struct operation *operation = calloc(1, sizeof(*operation));

	if (operation == NULL)
		return NULL;
	operation->session = session;
	operation->kind = kind;
	operation->request_id = request_id;
	operation->timer = event_new(session->base, -1, 0, on_time, operation);
	if (operation->timer == NULL || !make_nonce(operation->command.nonce)) {
		operation_destroy(operation);
		return NULL;
	}
	return operation;
}

bool operation_submit(struct operation *operation, bool urgent)
{
	struct operation_queue *queue = &operation->session->operations;

	if (queue->closed || (queue->waiting_count >= WAITING_MAX && !urgent)) {
		operation_destroy(operation);
		return false;
	}
	if (urgent)
		TAILQ_INSERT_HEAD(&queue->waiting, operation, next);
	else
		TAILQ_INSERT_TAIL(&queue->waiting, operation, next);
	queue->waiting_count++;
	begin_next(queue);
	return true;
}

static bool is_opener(const struct operation *operation)
{
	return operation->kind == OPERATION_START || operation->kind == OPERATION_RESUME;
}

bool operation_queue_has_opener(const struct operation_queue *queue)
{
	const struct operation *operation;

	if (queue->current != NULL && is_opener(queue->current))
		return true;
	TAILQ_FOREACH(operation, &queue->waiting, next)
	if (is_opener(operation))
		return true;
	return false;
}

void operation_queue_forget_requests(struct operation_queue *queue)
{
	struct operation *operation;

	if (queue->current != NULL)
		queue->current->request_id = 0;
	TAILQ_FOREACH(operation, &queue->waiting, next)
	operation->request_id = 0;
}

/* --- ends --------------------------------------------------------------------------------- */

void operation_end(struct operation *operation)
{
	struct session *session = operation->session;
	struct operation_queue *queue = &session->operations;

	queue->current = NULL;
	operation_destroy(operation);
	heap_rest_note(HEAP_REST_MUCH);
	begin_next(queue);
	if (queue->current == NULL)
		session_rest(session);
}

static void fail_request(struct operation *operation)
{
	struct conn *link = operation->session->link;

	if (link != NULL && operation->request_id != 0)
		conn_send_fail(link, operation->request_id, operation->failure, operation->detail);
}

static void fail_login(struct operation *operation)
{
	session_end(operation->session, operation->failure, operation->detail);
}

static void fail_inquiry(struct operation *operation)
{
	relay_stop(operation->session->relay, ERROR_AGENT_LOST, NULL);
}

static void fail_silently(struct operation *operation)
{
	(void)operation;
}

void operation_fail(struct operation *operation, enum error_code code, const char *format, ...)
{
	operation_step *on_failure = operation->on_failure;
	va_list arguments;
	char text[sizeof(operation->detail)];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	message_set_text(operation->detail, sizeof(operation->detail), text, strlen(text));
	operation->failure = code;
	operation->on_failure = NULL;
	if (on_failure != NULL) {
		on_failure(operation);
		return;
	}
	log_info("operation: %s fails: %s: %s", kinds[operation->kind].name, error_info(code)->name,
	    operation->detail);
	kinds[operation->kind].fail(operation);
	operation_end(operation);
}

void operation_reply(struct operation *operation, struct message *message)
{
	struct conn *link = operation->session->link;

	message->request_id = operation->request_id;
	if (link != NULL && operation->request_id != 0)
		conn_send(link, message);
	operation_end(operation);
}

void operation_reply_row(struct operation *operation, const struct record_session *row)
{
	struct message message;

	message_init(&message, MESSAGE_SESSION, 0);
	message.session.session_count = 1;
	message.session.session[0] = *row;
	message.session.session[0].attached =
	    strcmp(row->id, session_attached_id(operation->session)) == 0;
	operation_reply(operation, &message);
}

/* --- commands ----------------------------------------------------------------------------- */

const char *first_line(const char *text, char *line, size_t size)
{
	text += strspn(text, " \t\r\n");
	message_set_text(line, size, text, strcspn(text, "\r\n"));
	return line;
}

const char *last_line(const char *text, char *line, size_t size)
{
	size_t end = strlen(text), start;

	while (end > 0 && strchr(" \t\r\n", text[end - 1]) != NULL)
		end--;
	for (start = end; start > 0 && text[start - 1] != '\n'; start--)
		;
	message_set_text(line, size, text + start, end - start);
	return line;
}

/* Why the command has not run. A login that may not run any says so itself, on either stream. */
static enum error_code find_refusal(const struct ssh_exec_result *result)
{
	static const char expired[] = "Password change required";

	if (strstr(result->errors, expired) != NULL || strstr(result->output, expired) != NULL)
		return ERROR_PASSWORD_EXPIRED;
	return result->exit_status < 0 ? ERROR_X2GO_FAULT : ERROR_COMMANDS_DENIED;
}

static void classify(const struct ssh_exec_result *result, struct x2go_answer *answer,
    const char *nonce, char *text, size_t size)
{
	char said[120];

	answer->exit_status = result->exit_status;
	answer->output = result->output;
	answer->errors = result->errors;
	answer->error = result->error;
	answer->detail = error_info(result->error)->text;
	if (result->error != ERROR_NONE)
		return;
	answer->detail = text;
	if (!x2go_section_find(result->output, nonce, NULL, &answer->payload)) {
		first_line(result->errors[strspn(result->errors, " \t\r\n")] != 0 ? result->errors
										  : result->output,
		    said, sizeof(said));
		answer->error = find_refusal(result);
		snprintf(text, size, "instead of running the command the server says: %s", said);
	} else if (result->exit_status < 0) {
		answer->error = ERROR_X2GO_FAULT;
		snprintf(text, size, "the command was ended by a signal");
	} else if (result->exit_status == 127) {
		answer->error = ERROR_X2GO_MISSING;
		snprintf(text, size, "%s", first_line(result->errors, said, sizeof(said)));
	}
}

static void on_result(const struct ssh_exec_result *result, void *arg)
{
	struct operation *operation = arg;
	struct x2go_answer answer = {.output = ""};
	char text[200] = "";

	if (operation->session->operations.closed)
		return;
	classify(result, &answer, operation->command.nonce, text, sizeof(text));
	log_debug("operation: %s: command ends: %s, status %d", kinds[operation->kind].name,
	    error_info(answer.error)->name, answer.exit_status);
	operation->on_answer(operation, &answer);
}

void operation_run(struct operation *operation, bool ready, size_t output_limit_bytes,
    unsigned deadline_ms, operation_answer *on_answer)
{
	operation->on_answer = on_answer;
	if (!ready)
		operation_fail(operation, ERROR_BAD_REQUEST,
		    "a name contains what cannot be sent to the server");
	else if (!ssh_exec(operation->session->ssh, operation->command.text, output_limit_bytes,
		     deadline_ms, on_result, operation))
		operation_fail(operation, ERROR_INTERNAL, "memory is short");
}

void operation_wait(struct operation *operation, unsigned delay_ms, operation_step *step)
{
	operation->on_time = step;
	timer_start_ms(operation->timer, delay_ms);
}

bool operation_check(struct operation *operation, const struct x2go_answer *answer)
{
	if (answer->error == ERROR_NONE)
		return true;
	operation_fail(operation, answer->error, "%s", answer->detail);
	return false;
}

/* The command is still there; only its nonce has been used. */
static void run_again(struct operation *operation)
{
	operation_run(operation, true, LIST_OUTPUT_BYTES, LIST_DEADLINE_MS, operation->on_answer);
}

/* The first line that is no row. Rows may hold a cookie, which goes nowhere. */
static void find_complaint(const struct x2go_text *list, char *line, size_t size)
{
	struct x2go_text rest = *list, found;

	while (x2go_text_next_line(&rest, &found))
		if (found.length != 0 && memchr(found.start, '|', found.length) == NULL) {
			message_set_text(line, size, found.start, found.length);
			return;
		}
	snprintf(line, size, "a row that is no session");
}

bool operation_read_list(struct operation *operation, const struct x2go_text *text,
    struct x2go_row *rows, size_t *ret_count)
{
	static const char locked[] = "databaseislocked";
	char line[150];

	if (x2go_list_parse(text, rows, ret_count))
		return true;
	if (memmem(text->start, text->length, locked, sizeof(locked) - 1) != NULL &&
	    operation->busy_tries < BUSY_TRIES) {
		operation->busy_tries++;
		operation_wait(operation, BUSY_WAIT_MS, run_again);
		return false;
	}
	find_complaint(text, line, sizeof(line));
	operation_fail(operation, ERROR_X2GO_FAULT, "x2golistsessions says: %s", line);
	return false;
}

/* --- the stream --------------------------------------------------------------------------- */

static void ask_detached(struct operation *operation);

static void on_detached_state(struct operation *operation, const struct x2go_answer *answer)
{
	operation->detached_cleanly = answer->error == ERROR_NONE &&
				      x2go_state_parse(&answer->payload) == X2GO_STATE_SUSPENDED;
	if (answer->error != ERROR_NONE || operation->detached_cleanly ||
	    operation->wait_ms >= DETACH_WAIT_MAX_MS) {
		operation->on_detached(operation);
		return;
	}
	operation_wait(operation, operation->wait_ms, ask_detached);
	operation->wait_ms *= 2;
}

static void ask_detached(struct operation *operation)
{
	bool ready = x2go_command_state(&operation->command, operation->session->stream.id);

	operation_run(operation, ready, SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_detached_state);
}

static void confirm_stream_suspended(struct operation *operation)
{
	operation->wait_ms = DETACH_WAIT_FIRST_MS;
	ask_detached(operation);
}

static void let_go(struct operation *operation, enum error_code reason, operation_step *on_let_go)
{
	struct relay *relay = operation->session->relay;

	operation->on_let_go = on_let_go;
	relay_stop(relay, reason, NULL);
}

void operation_let_go(
    struct operation *operation, enum error_code reason, operation_step *on_let_go)
{
	if (relay_get_state(operation->session->relay) == STREAM_STATE_NONE)
		on_let_go(operation);
	else
		let_go(operation, reason, on_let_go);
}

void operation_detach(
    struct operation *operation, enum error_code reason, operation_step *on_detached)
{
	operation->on_detached = on_detached;
	operation->detached_cleanly = true;
	if (relay_get_state(operation->session->relay) == STREAM_STATE_NONE)
		on_detached(operation);
	else
		let_go(operation, reason, confirm_stream_suspended);
}

bool operation_queue_stream_ended(struct operation_queue *queue)
{
	struct operation *operation = queue->current;
	operation_step *on_let_go;

	if (queue->closed || operation == NULL || operation->on_let_go == NULL)
		return false;
	on_let_go = operation->on_let_go;
	operation->on_let_go = NULL;
	/* Not at once: this may be inside relay_stop. */
	operation_wait(operation, 0, on_let_go);
	return on_let_go == confirm_stream_suspended;
}
