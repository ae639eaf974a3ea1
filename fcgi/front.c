/* SPDX-License-Identifier: ISC */
#include "front.h"

#include <errno.h>
#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake.h"
#include "proto/log.h"

#define READ_BYTES 16384
/* Connections accepted in one turn of the loop, so that others get theirs. */
#define ACCEPT_TURN 32
/* Pause after accept found no descriptor or memory left. */
#define PAUSE_MS 200

struct arrival {
	TAILQ_ENTRY(arrival) next; /* front.waiting, oldest first */
	struct front *front;
	int fd;
	struct event *readable, *deadline;
	struct intake intake;
};

struct front {
	struct event_base *base;
	struct event *acceptable, *pause;
	struct timeval deadline;
	unsigned waiting_count, waiting_max;
	TAILQ_HEAD(, arrival) waiting;
	front_serve serve;
	void *arg;
	uint8_t bytes[READ_BYTES];
};

static void arrival_free(struct arrival *arrival)
{
	TAILQ_REMOVE(&arrival->front->waiting, arrival, next);
	arrival->front->waiting_count--;
	if (arrival->readable != NULL)
		event_free(arrival->readable);
	if (arrival->deadline != NULL)
		event_free(arrival->deadline);
	if (arrival->fd >= 0)
		close(arrival->fd);
	intake_finish(&arrival->intake);
	free(arrival);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	log_debug("connection dropped: no whole request in time");
	arrival_free(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct arrival *arrival = arg;
	struct front *front = arrival->front;
	enum intake_result result = INTAKE_BROKEN;
	ssize_t length = recv(fd, front->bytes, sizeof(front->bytes), MSG_DONTWAIT);

	(void)what;
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length > 0) {
		result = intake_feed(&arrival->intake, front->bytes, (size_t)length);
		explicit_bzero(front->bytes, (size_t)length);
	}
	if (result == INTAKE_MORE)
		return;
	if (result == INTAKE_WHOLE) {
		event_del(arrival->readable);
		front->serve(fd, &arrival->intake, front->arg);
		arrival->fd = -1;
	} else {
		log_debug("connection dropped: %s",
		    length > 0 ? "not a FastCGI request" : "cut off before the request was whole");
	}
	arrival_free(arrival);
}

static void arrival_create(struct front *front, int fd)
{
	struct arrival *arrival = calloc(1, sizeof(*arrival));

	if (arrival == NULL) {
		close(fd);
		return;
	}
	if (front->waiting_count == front->waiting_max) {
		log_debug("connection dropped: %u wait", front->waiting_count);
		arrival_free(TAILQ_FIRST(&front->waiting));
	}
	arrival->front = front;
	arrival->fd = fd;
	TAILQ_INSERT_TAIL(&front->waiting, arrival, next);
	front->waiting_count++;
	arrival->readable = event_new(front->base, fd, EV_READ | EV_PERSIST, on_readable, arrival);
	arrival->deadline = evtimer_new(front->base, on_deadline, arrival);
	if (arrival->readable == NULL || arrival->deadline == NULL ||
	    event_add(arrival->readable, NULL) != 0 ||
	    evtimer_add(arrival->deadline, &front->deadline) != 0)
		arrival_free(arrival);
}

static void on_acceptable(evutil_socket_t listener, short what, void *arg)
{
	static const struct timeval pause = {0, PAUSE_MS * 1000};
	struct front *front = arg;

	(void)what;
	for (unsigned i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			arrival_create(front, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* Trying again at once would spin. */
			log_warn("accept");
			event_del(front->acceptable);
			evtimer_add(front->pause, &pause);
		}
		return;
	}
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct front *front = arg;

	(void)fd;
	(void)what;
	event_add(front->acceptable, NULL);
}

struct front *front_create(struct event_base *base, int listener, unsigned deadline_ms,
    unsigned waiting_max, front_serve serve, void *arg)
{
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL)
		return NULL;
	TAILQ_INIT(&front->waiting);
	front->base = base;
	front->deadline.tv_sec = deadline_ms / 1000;
	front->deadline.tv_usec = (int)(deadline_ms % 1000) * 1000;
	front->waiting_max = waiting_max;
	front->serve = serve;
	front->arg = arg;
	front->acceptable = event_new(base, listener, EV_READ | EV_PERSIST, on_acceptable, front);
	front->pause = evtimer_new(base, on_pause_over, front);
	if (front->acceptable == NULL || front->pause == NULL ||
	    evutil_make_socket_nonblocking(listener) != 0 ||
	    event_add(front->acceptable, NULL) != 0) {
		front_destroy(front);
		return NULL;
	}
	return front;
}

void front_destroy(struct front *front)
{
	if (front == NULL)
		return;
	while (!TAILQ_EMPTY(&front->waiting))
		arrival_free(TAILQ_FIRST(&front->waiting));
	if (front->acceptable != NULL)
		event_free(front->acceptable);
	if (front->pause != NULL)
		event_free(front->pause);
	free(front);
}
