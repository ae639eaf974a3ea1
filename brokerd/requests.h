/* SPDX-License-Identifier: ISC */
/*
 * Orders that a session process has not answered yet, some of them not given yet: who asked, under
 * which number, and until when. Embedded in struct login. Runs in x2goweb-brokerd; does not look
 * into answers.
 */
#ifndef BROKERD_REQUESTS_H
#define BROKERD_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/errors.h"
#include "proto/messages.h"

#include "turns.h"

struct conn;
struct event_base;

/* More at a time are not taken: a page asks one thing after the other. */
#define REQUESTS_MAX 16

/* A line that an order has to stand in before it is given. */
struct request_line {
	struct turns *turns;
	char name[TURN_NAME_BYTES];
	unsigned limit;
};
#define REQUEST_LINES_MAX 2

/* Gets the answer, or NULL if there is none in time; called once. */
typedef void request_done(const struct message *answer, void *arg);

struct request {
	LIST_ENTRY(request) next; /* requests.list */
	struct requests *requests;
	/* Of an order that is given in turn: it stands in one line after the other. */
	struct request_line lines[REQUEST_LINES_MAX];
	struct turn turns[REQUEST_LINES_MAX];
	unsigned line_count, turn_count; /* turn_count: lines that it has joined */
	struct message *waiting;	 /* the order, until its turn has come */
	struct conn *link;		 /* that it is given over */
	struct conn *asker;		 /* NULL: gone, or told that it took too long */
	uint32_t asker_id;		 /* its request's number */
	request_done *done;		 /* is told instead of asker; NULL: as with asker */
	void *done_arg;
	uint32_t id;	   /* the order's number */
	uint64_t asked_ms; /* when it was asked for */
	enum message_type order, answer;
	unsigned deadline_ms;
	struct event *deadline;
};

struct requests {
	struct event_base *base;
	LIST_HEAD(, request) list;
	unsigned count;
	uint32_t last_id;
};

void requests_init(struct requests *requests, struct event_base *base);

/* Gives order its number, sends it over link and remembers that asker waits until deadline_ms are
 * over, when it is told ERROR_TIMEOUT. answer: the type, beside FAIL, that may come back.
 * Fails: false, with nothing sent, if there are too many or memory is short. */
bool requests_send(struct requests *requests, struct conn *link, struct message *order,
    enum message_type answer, struct conn *asker, uint32_t asker_id, unsigned deadline_ms);

/* The same for an order of the broker's own. */
bool requests_send_watched(struct requests *requests, struct conn *link, struct message *order,
    enum message_type answer, request_done *done, void *done_arg, unsigned deadline_ms);

/* The order is given when its turn has come in each of these lines (at most REQUEST_LINES_MAX), one
 * after the other. Who still waits for that after deadline_ms is told ERROR_SESSION_BUSY, and if
 * nobody waits any more, the order is forgotten. deadline_ms count anew once it is given; the turns
 * last until the answer, but no longer than that. link lives until requests_fail_all. Otherwise as
 * requests_send. */
bool requests_send_in_turn(struct requests *requests, const struct request_line *lines,
    unsigned line_count, struct conn *link, struct message *order, enum message_type answer,
    struct conn *asker, uint32_t asker_id, unsigned deadline_ms);

/* Whether such an order waits or was given and is not answered yet. */
bool requests_has(const struct requests *requests, enum message_type order);

/* Takes out the request with this number if such an answer may come to it; the caller gives it to
 * request_answer. NULL: there is none. */
struct request *requests_take(struct requests *requests, uint32_t id, enum message_type answer);

/* Passes the answer on to who waits for it, if anybody still does, and frees the request. */
void request_answer(struct request *request, struct message *answer);

/* Answers to asker are thrown away from now on. */
void requests_forget(struct requests *requests, const struct conn *asker);

/* Tells all who wait, and forgets them. */
void requests_fail_all(struct requests *requests, enum error_code code, const char *detail);

#endif
