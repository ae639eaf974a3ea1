/* SPDX-License-Identifier: ISC */
#include "requests.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "proto/conn.h"

void requests_init(struct requests *requests, struct event_base *base)
{
	requests->base = base;
	LIST_INIT(&requests->list);
	requests->count = 0;
	requests->last_id = 0;
}

static void end_turns(struct request *request)
{
	for (unsigned i = 0; i < REQUEST_LINES_MAX; i++)
		turn_end(&request->turns[i]);
}

static void request_destroy(struct request *request)
{
	end_turns(request);
	free(request->waiting);
	if (request->deadline != NULL)
		event_free(request->deadline);
	free(request);
}

/* There is no answer to be waited for. */
static void fail(struct request *request, enum error_code code, const char *detail)
{
	request_done *done = request->done;

	request->done = NULL;
	if (done != NULL)
		done(NULL, request->done_arg);
	if (request->asker != NULL)
		conn_send_fail(request->asker, request->asker_id, code, detail);
	request->asker = NULL;
}

void request_answer(struct request *request, struct message *answer)
{
	answer->request_id = request->asker_id;
	if (request->done != NULL)
		request->done(answer, request->done_arg);
	if (request->asker != NULL)
		conn_send(request->asker, answer);
	request_destroy(request);
}

static void forget(struct request *request)
{
	LIST_REMOVE(request, next);
	request->requests->count--;
	request_destroy(request);
}

/* One whose order was given stays, since the answer will still come; but others need not wait for
 * that any more. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct request *request = arg;

	(void)fd;
	(void)what;
	fail(request, request->waiting != NULL ? ERROR_SESSION_BUSY : ERROR_TIMEOUT, NULL);
	if (request->waiting != NULL)
		forget(request);
	else
		end_turns(request);
}

static bool start_deadline(struct request *request)
{
	const struct timeval limit = clock_timeval(request->deadline_ms);

	return event_add(request->deadline, &limit) == 0;
}

static struct request *request_create(struct requests *requests, struct conn *link,
    struct message *order, enum message_type answer, struct conn *asker, uint32_t asker_id,
    unsigned deadline_ms)
{
	struct request *request;

	if (requests->count >= REQUESTS_MAX)
		return NULL;
	request = calloc(1, sizeof(*request));
	if (request == NULL)
		return NULL;
	if (++requests->last_id == 0)
		requests->last_id = 1;
	request->requests = requests;
	request->link = link;
	request->asker = asker;
	request->asker_id = asker_id;
	request->asked_ms = clock_now_ms();
	request->id = order->request_id = requests->last_id;
	request->order = order->type;
	request->answer = answer;
	request->deadline_ms = deadline_ms;
	request->deadline = evtimer_new(requests->base, on_deadline, request);
	if (request->deadline == NULL || !start_deadline(request)) {
		request_destroy(request);
		return NULL;
	}
	LIST_INSERT_HEAD(&requests->list, request, next);
	requests->count++;
	return request;
}

bool requests_send(struct requests *requests, struct conn *link, struct message *order,
    enum message_type answer, struct conn *asker, uint32_t asker_id, unsigned deadline_ms)
{
	struct request *request =
	    request_create(requests, link, order, answer, asker, asker_id, deadline_ms);

	if (request != NULL && !conn_send(link, order)) {
		forget(request);
		request = NULL;
	}
	return request != NULL;
}

bool requests_send_watched(struct requests *requests, struct conn *link, struct message *order,
    enum message_type answer, request_done *done, void *done_arg, unsigned deadline_ms)
{
	struct request *request =
	    request_create(requests, link, order, answer, NULL, 0, deadline_ms);

	if (request != NULL && !conn_send(link, order)) {
		forget(request);
		return false;
	}
	if (request == NULL)
		return false;
	request->done = done;
	request->done_arg = done_arg;
	return true;
}

static void give(struct request *request)
{
	struct message *order = request->waiting;
	/* Who does it has all the time for it, however long it had to wait. */
	bool sent = start_deadline(request) && conn_send(request->link, order);

	request->waiting = NULL;
	free(order);
	if (sent)
		return;
	fail(request, ERROR_INTERNAL, NULL);
	forget(request);
}

/* Its turn has come in all lines that it has joined. */
static void on_turn(void *arg)
{
	struct request *request = arg;
	const struct request_line *line = &request->lines[request->turn_count];

	if (request->turn_count == request->line_count) {
		give(request);
		return;
	}
	turn_wait(line->turns, &request->turns[request->turn_count++], line->name, line->limit,
	    on_turn, request);
}

bool requests_send_in_turn(struct requests *requests, const struct request_line *lines,
    unsigned line_count, struct conn *link, struct message *order, enum message_type answer,
    struct conn *asker, uint32_t asker_id, unsigned deadline_ms)
{
	struct message *waiting = malloc(sizeof(*waiting));
	struct request *request = waiting != NULL ? request_create(requests, link, order, answer,
							asker, asker_id, deadline_ms)
						  : NULL;

	if (request == NULL) {
		free(waiting);
		return false;
	}
	*waiting = *order;
	request->waiting = waiting;
	request->line_count = line_count;
	memcpy(request->lines, lines, line_count * sizeof(*lines));
	on_turn(request);
	return true;
}

bool requests_has(const struct requests *requests, enum message_type order)
{
	const struct request *request;

	LIST_FOREACH(request, &requests->list, next)
	if (request->order == order)
		return true;
	return false;
}

struct request *requests_take(struct requests *requests, uint32_t id, enum message_type answer)
{
	struct request *request;

	LIST_FOREACH(request, &requests->list, next)
	if (request->id == id && (request->answer == answer || answer == MESSAGE_FAIL))
		break;
	if (request != NULL) {
		LIST_REMOVE(request, next);
		requests->count--;
	}
	return request;
}

void requests_forget(struct requests *requests, const struct conn *asker)
{
	struct request *request, *following;

	for (request = LIST_FIRST(&requests->list); request != NULL; request = following) {
		following = LIST_NEXT(request, next);
		if (request->asker != asker)
			continue;
		request->asker = NULL;
		if (request->waiting != NULL)
			forget(request);
	}
}

void requests_fail_all(struct requests *requests, enum error_code code, const char *detail)
{
	struct request *request;

	while ((request = LIST_FIRST(&requests->list)) != NULL) {
		LIST_REMOVE(request, next);
		requests->count--;
		fail(request, code, detail);
		request_destroy(request);
	}
}
