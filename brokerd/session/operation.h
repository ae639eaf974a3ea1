/* SPDX-License-Identifier: ISC */
/*
 * What is done for a login on the X2Go server, one thing at a time: each operation is a chain of
 * commands and waits, written as functions that name the next one. Runs in x2goweb-session.
 * The files op_*.c hold the chains; this is what they share.
 */
#ifndef SESSION_OPERATION_H
#define SESSION_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/errors.h"
#include "proto/messages.h"
#include "x2go_command.h"
#include "x2go_list.h"

struct event;
struct operation;
struct session;
struct ssh_exec_result;

/* Time limits of commands; section 1.3 of the contract names usual durations. */
#define LIST_DEADLINE_MS  15000
#define LEAVE_DEADLINE_MS 30000 /* suspending and terminating */
#define QUICK_DEADLINE_MS 10000 /* those that only look at files */

#define LIST_OUTPUT_BYTES  65536
#define SHORT_OUTPUT_BYTES 8192

enum operation_kind {
	OPERATION_PROBE, /* what a login needs to know first */
	OPERATION_LIST,
	OPERATION_APPLICATIONS,
	OPERATION_START,
	OPERATION_RESUME,
	OPERATION_SUSPEND,
	OPERATION_TERMINATE,
	OPERATION_LAYOUT,
	OPERATION_INQUIRE, /* why the agent ended */
	OPERATION_SETTLE,  /* the browser is gone: the server's list is to say so */
	OPERATION_KIND_COUNT
};

/* A command's answer. Valid during the call only. */
struct x2go_answer {
	enum error_code error;	  /* ERROR_NONE: the command has run and ended */
	const char *detail;	  /* what went wrong */
	int exit_status;	  /* -1: none; says little, see section 0 of the contract */
	const char *output;	  /* with the markers */
	struct x2go_text payload; /* after the first marker */
	const char *errors;
};

typedef void operation_step(struct operation *operation);
typedef void operation_answer(struct operation *operation, const struct x2go_answer *answer);

struct operation {
	TAILQ_ENTRY(operation) next; /* operation_queue.waiting */
	struct session *session;
	enum operation_kind kind;
	uint32_t request_id; /* 0: our own idea, or nobody waits for the answer any more */
	/* What is asked for; each kind uses its part. */
	char target[X2GO_ID_BYTES + 1]; /* id of a session */
	char program[129];
	struct x2go_screen screen;

	/* On the way. */
	struct x2go_command command;
	operation_answer *on_answer;
	operation_step *on_time;
	operation_step *on_detached;
	operation_step *on_unshown;
	struct event *timer;
	unsigned tries, busy_tries, wait_ms;
	uint64_t since_ms;	   /* when it began */
	operation_step *on_let_go; /* awaits that the relay lets its agent go */
	enum error_code failure;
	char detail[200];
	operation_step *on_failure; /* what is to be undone first; calls operation_fail again */
	char failed[2][X2GO_ID_BYTES + 1]; /* rows of agents that did not come up */
	unsigned failed_count;
	bool detached_cleanly; /* the agent said that it is suspended */
	struct x2go_started started;
	struct x2go_row row;
	enum x2go_state state; /* when it was looked at */
	uint16_t port;	       /* of the agent that listens */
	bool lacks_program;
	unsigned stream_number; /* which stream it is about */
};

TAILQ_HEAD(operation_list, operation);

struct operation_queue {
	struct operation *current;
	struct operation_list waiting;
	unsigned waiting_count;
	bool closed; /* nothing starts or goes on any more */
};

void operation_queue_init(struct operation_queue *queue);
/* Only once the SSH connection and the relay, which know the current operation, are gone. */
void operation_queue_finish(struct operation_queue *queue);

/* NULL if memory is short. */
struct operation *operation_create(
    struct session *session, enum operation_kind kind, uint32_t request_id);

/* One that has not been submitted. Takes NULL. */
void operation_destroy(struct operation *operation);

/* Queues it, urgent ones before all others, and begins it when it is its turn.
 * Fails: false with the operation gone when too much waits. */
bool operation_submit(struct operation *operation, bool urgent);

/* Nobody waits for answers to what is under way or waits; it is done all the same. */
void operation_queue_forget_requests(struct operation_queue *queue);

/* Whether a start or resume is under way or waits: two at a time disturb each other. */
bool operation_queue_has_opener(const struct operation_queue *queue);

/* The relay has let its agent go. True if an operation has waited for that and will bring the
 * server's list up to date, too. */
bool operation_queue_stream_ended(struct operation_queue *queue);

/* --- for the chains ----------------------------------------------------------------------- */

/* Sends operation->command, which has just been written; ready is what its writer returned. */
void operation_run(struct operation *operation, bool ready, size_t output_limit_bytes,
    unsigned deadline_ms, operation_answer *on_answer);

/* Goes on in a while. */
void operation_wait(struct operation *operation, unsigned delay_ms, operation_step *on_time);

/* Lets go of the stream that this login holds, if it does: the browser is told the reason, the
 * agent to disconnect. Goes on when the relay is free. */
void operation_let_go(
    struct operation *operation, enum error_code reason, operation_step *on_let_go);

/* The same, but goes on when the agent says that it is suspended, or when it has not for five
 * seconds: see detached_cleanly. */
void operation_detach(
    struct operation *operation, enum error_code reason, operation_step *on_detached);

/* The ends. Nothing of the operation may be touched afterwards. operation_fail goes on with
 * on_failure instead if that is set, once, with failure and detail for its own call. */
void operation_fail(struct operation *operation, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void operation_reply(struct operation *operation, struct message *message);
void operation_end(struct operation *operation);

/* Fails the operation unless the command has run. */
bool operation_check(struct operation *operation, const struct x2go_answer *answer);

/* Reads the list in text. Fails the operation, or tries the last command again when the server's
 * database was only busy: false in both cases. rows: of X2GO_ROWS_MAX. */
bool operation_read_list(struct operation *operation, const struct x2go_text *text,
    struct x2go_row *rows, size_t *ret_count);

/* Answers with the one row. */
void operation_reply_row(struct operation *operation, const struct record_session *row);

/* op_show.c: opens the stream to target's agent, of row, at port, with the screen that is asked
 * for; makes sure that it is this agent that has taken it, and answers. on_unshown: it was not to
 * be; failure (AGENT_LOST if the listener is at fault) and detail are set, the relay is free. */
void operation_show(struct operation *operation, operation_step *on_unshown);

/* What the next list will say of a session that runs, without asking for one. id: a valid one. */
void operation_make_row(
    const struct session *session, const char *id, struct record_session *ret_row);

/* Answers with row and the relay's port. */
void operation_answer_stream(struct operation *operation);

/* The first line of a text that says something, cleaned for logs and people. Returns line. */
const char *first_line(const char *text, char *line, size_t size);
/* The last one: where scripts say what went wrong, after the noise of what they called. */
const char *last_line(const char *text, char *line, size_t size);

/* op_resume.c: suspends target, whose agent cannot be reached, and resumes it. detail: why. */
void op_resume_rescue(struct operation *operation);

/* Their beginnings, for the table in operation.c. */
operation_step op_probe_begin, op_list_begin, op_applications_begin, op_start_begin,
    op_resume_begin, op_suspend_begin, op_terminate_begin, op_layout_begin, op_inquire_begin,
    op_settle_begin;

#endif
