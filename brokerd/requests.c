/* SPDX-License-Identifier: ISC */
#include "requests.h"

#include <event2/event.h>
#include <stdlib.h>

#include "clock.h"
#include "proto/conn.h"

void requests_init(struct requests *requests, struct event_base *base)
{
	requests->base = base;
	LIST_INIT(&requests->list);
	requests->count = 0;
	requests->last_id = 0;
}

void request_destroy(struct request *request)
{
	if (request->deadline != NULL)
		event_free(request->deadline);
	free(request);
}

/* The entry stays, since the answer will still come. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct request *request = arg;

	(void)fd;
	(void)what;
	if (request->asker != NULL)
		conn_send_fail(request->asker, request->asker_id, ERROR_TIMEOUT, NULL);
	request->asker = NULL;
}

bool requests_send(struct requests *requests, struct conn *link, struct message *order,
    enum message_type answer, struct conn *asker, uint32_t asker_id, unsigned deadline_ms)
{
	const struct timeval limit = clock_timeval(deadline_ms);
	struct request *request;

	if (requests->count >= REQUESTS_MAX)
		return false;
	request = calloc(1, sizeof(*request));
	if (request == NULL)
		return false;
	if (++requests->last_id == 0)
		requests->last_id = 1;
	request->asker = asker;
	request->asker_id = asker_id;
	request->id = order->request_id = requests->last_id;
	request->order = order->type;
	request->answer = answer;
	request->deadline = evtimer_new(requests->base, on_deadline, request);
	if (request->deadline == NULL || event_add(request->deadline, &limit) != 0 ||
	    !conn_send(link, order)) {
		request_destroy(request);
		return false;
	}
	LIST_INSERT_HEAD(&requests->list, request, next);
	requests->count++;
	return true;
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
	struct request *request;

	LIST_FOREACH(request, &requests->list, next)
	if (request->asker == asker)
		request->asker = NULL;
}

void requests_fail_all(struct requests *requests, enum error_code code, const char *detail)
{
	struct request *request;

	while ((request = LIST_FIRST(&requests->list)) != NULL) {
		LIST_REMOVE(request, next);
		requests->count--;
		if (request->asker != NULL)
			conn_send_fail(request->asker, request->asker_id, code, detail);
		request_destroy(request);
	}
}
