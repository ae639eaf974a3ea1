/* SPDX-License-Identifier: ISC */
#include "ws_listener.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/log.h"
#include "proto/secret.h"

#include "timer.h"

/* How many are accepted before those that are there already get their turn. */
#define ACCEPT_BATCH 4
/* How long accepting rests when the process is out of descriptors. */
#define REST_MS 1000
/* How long the peer of a refused connection may take to read the answer and close. */
#define LINGER_MS 2000

struct pending {
	TAILQ_ENTRY(pending) next; /* ws_listener.pending, oldest first */
	struct ws_listener *listener;
	int fd;
	struct event *read_event, *deadline;
	bool refused; /* has its answer; only its end is awaited */
	size_t length;
	uint8_t *data; /* WS_HANDSHAKE_REQUEST_BYTES_MAX; holds the cookie */
};

struct ws_listener {
	struct event_base *base;
	int fd;
	struct ws_handshake_rules rules;
	struct ws_listener_handlers handlers;
	void *arg;
	struct event *accept_event, *rest;
	TAILQ_HEAD(, pending) pending;
	size_t pending_count;
	unsigned failures;
};

/* Closes the connection unless its descriptor has gone elsewhere. */
static void drop(struct pending *pending)
{
	TAILQ_REMOVE(&pending->listener->pending, pending, next);
	pending->listener->pending_count--;
	if (pending->read_event != NULL)
		event_free(pending->read_event);
	if (pending->deadline != NULL)
		event_free(pending->deadline);
	if (pending->fd >= 0)
		close(pending->fd);
	secret_free(pending->data);
	free(pending);
}

/* Strangers must not fill the log: the first, second, fourth, eighth... failure is told. */
static void note_failure(struct ws_listener *listener, const char *text)
{
	unsigned count = ++listener->failures;

	if ((count & (count - 1)) == 0)
		log_info("websocket: let nobody in, %u times so far: %s", count, text);
}

/* Answers and waits for the peer's end: closing at once could reset the connection before the
 * answer has been read. */
static void refuse(struct pending *pending, int status, const char *text)
{
	char reply[WS_HANDSHAKE_REPLY_BYTES_MAX];
	size_t length = ws_handshake_put_refusal(status, text, reply);

	note_failure(pending->listener, text);
	pending->refused = true;
	if (send(pending->fd, reply, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length ||
	    shutdown(pending->fd, SHUT_WR) != 0) {
		drop(pending);
		return;
	}
	timer_start_ms(pending->deadline, LINGER_MS);
}

/* Hands the connection over, or refuses it. */
static void admit(struct pending *pending, struct ws_handshake *handshake)
{
	struct ws_listener *listener = pending->listener;

	event_del(pending->read_event);
	if (listener->handlers.arrived(listener, pending->fd, handshake,
		pending->data + handshake->request_bytes,
		pending->length - handshake->request_bytes, listener->arg)) {
		pending->fd = -1;
		drop(pending);
	} else {
		event_add(pending->read_event, NULL);
		refuse(pending, handshake->status, handshake->refusal);
	}
}

static void read_request(struct pending *pending, size_t received)
{
	struct ws_handshake handshake;

	pending->length += received;
	switch (ws_handshake_judge(
	    &pending->listener->rules, pending->data, pending->length, &handshake)) {
	case WS_HANDSHAKE_SHORT:
		break;
	case WS_HANDSHAKE_ACCEPTED:
		explicit_bzero(pending->data, handshake.request_bytes);
		admit(pending, &handshake);
		break;
	case WS_HANDSHAKE_REFUSED:
		explicit_bzero(pending->data, pending->length);
		refuse(pending, handshake.status, handshake.refusal);
		break;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct pending *pending = arg;
	size_t offset = pending->refused ? 0 : pending->length;
	ssize_t received;

	(void)what;
	received = recv(fd, pending->data + offset, WS_HANDSHAKE_REQUEST_BYTES_MAX - offset, 0);
	if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (received <= 0)
		drop(pending);
	else if (!pending->refused)
		read_request(pending, (size_t)received);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct pending *pending = arg;

	(void)fd;
	(void)what;
	if (!pending->refused)
		note_failure(pending->listener, "The handshake is not complete in time.");
	drop(pending);
}

/* Takes fd over. */
static void add_pending(struct ws_listener *listener, int fd)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (pending == NULL) {
		close(fd);
		return;
	}
	if (listener->pending_count == WS_LISTENER_PENDING_MAX) {
		note_failure(listener, "Too many handshakes at once: the oldest is dropped.");
		drop(TAILQ_FIRST(&listener->pending));
	}
	TAILQ_INSERT_TAIL(&listener->pending, pending, next);
	listener->pending_count++;
	pending->listener = listener;
	pending->fd = fd;
	pending->data = secret_malloc(WS_HANDSHAKE_REQUEST_BYTES_MAX);
	pending->read_event =
	    event_new(listener->base, fd, EV_READ | EV_PERSIST, on_readable, pending);
	pending->deadline = evtimer_new(listener->base, on_deadline, pending);
	if (pending->data == NULL || pending->read_event == NULL || pending->deadline == NULL ||
	    event_add(pending->read_event, NULL) != 0)
		drop(pending);
	else
		timer_start_ms(pending->deadline, WS_LISTENER_DEADLINE_MS);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct ws_listener *listener = arg;

	(void)what;
	for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
		int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted >= 0) {
			add_pending(listener, accepted);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			log_warn("websocket: accept: resting");
			event_del(listener->accept_event);
			timer_start_ms(listener->rest, REST_MS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct ws_listener *listener = arg;

	(void)fd;
	(void)what;
	event_add(listener->accept_event, NULL);
}

struct ws_listener *ws_listener_create(struct event_base *base, int fd,
    const struct ws_handshake_rules *rules, const struct ws_listener_handlers *handlers, void *arg)
{
	struct ws_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		close(fd);
		return NULL;
	}
	listener->base = base;
	listener->fd = fd;
	listener->rules = *rules;
	listener->handlers = *handlers;
	listener->arg = arg;
	TAILQ_INIT(&listener->pending);
	listener->accept_event = event_new(base, fd, EV_READ | EV_PERSIST, on_acceptable, listener);
	listener->rest = evtimer_new(base, on_rested, listener);
	if (listener->accept_event == NULL || listener->rest == NULL ||
	    event_add(listener->accept_event, NULL) != 0) {
		ws_listener_destroy(listener);
		return NULL;
	}
	return listener;
}

void ws_listener_destroy(struct ws_listener *listener)
{
	if (listener == NULL)
		return;
	while (!TAILQ_EMPTY(&listener->pending))
		drop(TAILQ_FIRST(&listener->pending));
	if (listener->accept_event != NULL)
		event_free(listener->accept_event);
	if (listener->rest != NULL)
		event_free(listener->rest);
	close(listener->fd);
	free(listener);
}
