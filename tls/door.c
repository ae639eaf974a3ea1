/* SPDX-License-Identifier: ISC */
#include "door.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/log.h"
#include "proto/messages.h"

#define PATH_PREFIX "GET /x2gows/"
/* What the first line's begin has to be: the prefix, a name, and what ends it. */
#define HEAD_BYTES (sizeof(PATH_PREFIX) - 1 + STREAM_SOCKET_CHARS + 1)
/* What may wait here in either direction: the relay measures how far the browser is. */
#define WAITING_BYTES (64 * 1024)
/* For TLS's handshake and the first line; for what is unsent when one side has gone. */
#define ARRIVAL_S 10
#define LEAVING_S 5

enum visit_state { VISIT_ARRIVING, VISIT_PASSING, VISIT_LEAVING };

struct visit {
	TAILQ_ENTRY(visit) next; /* door.visits */
	struct door *door;
	enum visit_state state;
	SSL *ssl;		 /* web's */
	struct bufferevent *web; /* the web server */
	struct bufferevent *relay;
	struct event *deadline;
};

struct door {
	struct event_base *base;
	struct evconnlistener *listener;
	SSL_CTX *context;
	char streams[sizeof(((struct sockaddr_un *)0)->sun_path)];
	unsigned visit_count, visits_max;
	TAILQ_HEAD(, visit) visits;
};

static void visit_free(struct visit *visit)
{
	TAILQ_REMOVE(&visit->door->visits, visit, next);
	visit->door->visit_count--;
	/* Says goodbye without waiting for the other's. */
	SSL_set_shutdown(visit->ssl, SSL_RECEIVED_SHUTDOWN);
	SSL_shutdown(visit->ssl);
	bufferevent_free(visit->web);
	if (visit->relay != NULL)
		bufferevent_free(visit->relay);
	event_free(visit->deadline);
	free(visit);
}

static void set_deadline(struct visit *visit, int seconds)
{
	const struct timeval limit = {seconds, 0};

	event_add(visit->deadline, &limit);
}

static struct bufferevent *other_of(const struct visit *visit, const struct bufferevent *side)
{
	return side == visit->web ? visit->relay : visit->web;
}

/* Ends once to has taken what it has still to get. */
static void leave(struct visit *visit, struct bufferevent *to)
{
	struct bufferevent *from = other_of(visit, to);

	visit->state = VISIT_LEAVING;
	bufferevent_disable(to, EV_READ);
	/* Whatever becomes of it does not matter any more. */
	if (from != NULL) {
		bufferevent_setcb(from, NULL, NULL, NULL, NULL);
		bufferevent_disable(from, EV_READ | EV_WRITE);
	}
	if (evbuffer_get_length(bufferevent_get_output(to)) == 0) {
		visit_free(visit);
		return;
	}
	set_deadline(visit, LEAVING_S);
}

static void refuse(struct visit *visit, const char *status)
{
	evbuffer_add_printf(bufferevent_get_output(visit->web),
	    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);
	leave(visit, visit->web);
}

/* Passes on what has come, and rests while too much of it waits. */
static void pass(struct visit *visit, struct bufferevent *from)
{
	struct bufferevent *to = other_of(visit, from);
	struct evbuffer *output = bufferevent_get_output(to);

	evbuffer_add_buffer(output, bufferevent_get_input(from));
	if (evbuffer_get_length(output) >= WAITING_BYTES)
		bufferevent_disable(from, EV_READ);
}

static void on_read(struct bufferevent *side, void *arg);
static void on_written(struct bufferevent *side, void *arg);
static void on_event(struct bufferevent *side, short what, void *arg);

static bool connect_relay(struct visit *visit, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock",
		visit->door->streams, name) >= sizeof(address.sun_path))
		return false;
	visit->relay = bufferevent_socket_new(visit->door->base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (visit->relay == NULL)
		return false;
	bufferevent_setcb(visit->relay, on_read, on_written, on_event, visit);
	bufferevent_setwatermark(visit->relay, EV_READ, 0, WAITING_BYTES);
	return bufferevent_socket_connect(
		   visit->relay, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       bufferevent_enable(visit->relay, EV_READ | EV_WRITE) == 0;
}

/* Which relay, by the first line. Everything, that line included, is the relay's to judge. */
static void read_head(struct visit *visit)
{
	struct evbuffer *input = bufferevent_get_input(visit->web);
	char head[HEAD_BYTES + 1] = "", name[STREAM_SOCKET_CHARS + 1];
	const char *begin = head + sizeof(PATH_PREFIX) - 1;

	if (evbuffer_get_length(input) < HEAD_BYTES)
		return;
	evbuffer_copyout(input, head, HEAD_BYTES);
	if (memcmp(head, PATH_PREFIX, sizeof(PATH_PREFIX) - 1) != 0 ||
	    strspn(begin, "0123456789abcdef") != STREAM_SOCKET_CHARS ||
	    strchr(" ?", head[HEAD_BYTES - 1]) == NULL || head[HEAD_BYTES - 1] == 0) {
		refuse(visit, "404 Not Found");
		return;
	}
	memcpy(name, begin, STREAM_SOCKET_CHARS);
	name[STREAM_SOCKET_CHARS] = 0;
	if (!connect_relay(visit, name)) {
		refuse(visit, "502 Bad Gateway");
		return;
	}
	visit->state = VISIT_PASSING;
	event_del(visit->deadline);
	pass(visit, visit->web);
}

static void on_read(struct bufferevent *side, void *arg)
{
	struct visit *visit = arg;

	if (visit->state == VISIT_ARRIVING)
		read_head(visit);
	else if (visit->state == VISIT_PASSING)
		pass(visit, side);
}

/* Nothing waits for this side any more. */
static void on_written(struct bufferevent *side, void *arg)
{
	struct visit *visit = arg;
	struct bufferevent *from = other_of(visit, side);

	if (visit->state == VISIT_LEAVING) {
		visit_free(visit);
		return;
	}
	if (visit->state != VISIT_PASSING || (bufferevent_get_enabled(from) & EV_READ) != 0)
		return;
	bufferevent_enable(from, EV_READ);
	pass(visit, from);
}

static void on_event(struct bufferevent *side, short what, void *arg)
{
	struct visit *visit = arg;

	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0)
		return;
	if (visit->state == VISIT_PASSING) {
		/* What it said last. */
		evbuffer_add_buffer(
		    bufferevent_get_output(other_of(visit, side)), bufferevent_get_input(side));
		leave(visit, other_of(visit, side));
	} else {
		visit_free(visit);
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	visit_free(arg);
}

static void on_accepted(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int address_bytes, void *arg)
{
	struct door *door = arg;
	struct visit *visit = NULL;
	SSL *ssl = NULL;
	const int on = 1, lowat = WAITING_BYTES;

	(void)listener;
	(void)address;
	(void)address_bytes;
	if (door->visit_count < door->visits_max)
		visit = calloc(1, sizeof(*visit));
	if (visit != NULL)
		ssl = SSL_new(door->context);
	if (ssl != NULL) {
		visit->ssl = ssl;
		visit->deadline = evtimer_new(door->base, on_deadline, visit);
		visit->web = bufferevent_openssl_socket_new(door->base, fd, ssl,
		    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	}
	if (ssl == NULL || visit->deadline == NULL || visit->web == NULL) {
		log_warnx("a connection is dropped: %u are open", door->visit_count);
		if (visit != NULL && visit->web != NULL)
			bufferevent_free(visit->web);
		else
			close(fd);
		if (visit != NULL && visit->web == NULL)
			SSL_free(ssl);
		if (visit != NULL && visit->deadline != NULL)
			event_free(visit->deadline);
		free(visit);
		return;
	}
	visit->door = door;
	TAILQ_INSERT_TAIL(&door->visits, visit, next);
	door->visit_count++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	bufferevent_openssl_set_allow_dirty_shutdown(visit->web, 1);
	bufferevent_setcb(visit->web, on_read, on_written, on_event, visit);
	bufferevent_setwatermark(visit->web, EV_READ, 0, WAITING_BYTES);
	bufferevent_enable(visit->web, EV_READ | EV_WRITE);
	set_deadline(visit, ARRIVAL_S);
}

struct door *door_create(
    struct event_base *base, int listener, const char *streams, unsigned visits_max)
{
	struct door *door = calloc(1, sizeof(*door));

	if (door == NULL) {
		close(listener);
		return NULL;
	}
	TAILQ_INIT(&door->visits);
	door->base = base;
	door->visits_max = visits_max;
	snprintf(door->streams, sizeof(door->streams), "%s", streams);
	door->listener = evconnlistener_new(
	    base, on_accepted, door, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listener);
	if (door->listener == NULL) {
		close(listener);
		free(door);
		return NULL;
	}
	return door;
}

void door_set_context(struct door *door, SSL_CTX *context)
{
	SSL_CTX_free(door->context);
	door->context = context;
}

void door_destroy(struct door *door)
{
	if (door == NULL)
		return;
	while (!TAILQ_EMPTY(&door->visits))
		visit_free(TAILQ_FIRST(&door->visits));
	evconnlistener_free(door->listener);
	SSL_CTX_free(door->context);
	free(door);
}
