/* SPDX-License-Identifier: ISC */
#include "clients.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker.h"
#include "clock.h"
#include "config.h"
#include "handle.h"
#include "proto/conn.h"
#include "proto/log.h"
#include "tell.h"
#include "trace.h"
#include "upgrade.h"

/* Accepted in one turn; the rest waits until those have been read. */
#define ACCEPT_AT_ONCE 16
/* Without descriptors or memory, accepting again at once would only spin. */
#define ACCEPT_PAUSE_MS 1000
/* Whoever has been accepted is about to ask: so long after the last one was. */
#define SETTLE_MS 200

struct client {
	TAILQ_ENTRY(client) next; /* listener.clients, oldest first */
	struct listener *listener;
	struct conn *conn;
	struct event *hello_deadline;
};

struct listener {
	struct clients *clients;
	int fd;
	enum role role; /* of its peers */
	void (*handle)(struct conn *conn, struct message *message, void *arg);
	struct event *event, *pause;
	TAILQ_HEAD(, client) list;
	unsigned count;
};

struct clients {
	struct broker *broker;
	struct listener fcgi, ctl;
	struct event *settle; /* until then those who have not asked yet may */
};

static void drop(struct client *client)
{
	struct listener *listener = client->listener;
	struct broker *broker = listener->clients->broker;

	TAILQ_REMOVE(&listener->list, client, next);
	listener->count--;
	login_table_forget_asker(&broker->logins, client->conn);
	upgrade_forget_asker(broker->upgrade, client->conn);
	tell_forget_asker(broker, client->conn);
	trace_forget_asker(broker, client->conn);
	conn_destroy(client->conn);
	event_free(client->hello_deadline);
	free(client);
}

static void on_ready(struct conn *conn, void *arg)
{
	struct client *client = arg;

	(void)conn;
	event_del(client->hello_deadline);
}

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	struct client *client = arg;

	client->listener->handle(conn, message, client->listener->clients->broker);
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	struct client *client = arg;

	log_debug("%s: pid %d of uid %u: %s", role_name(client->listener->role),
	    (int)conn_peer_pid(conn), (unsigned)conn_peer_uid(conn), reason);
	drop(client);
}

static void on_hello_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;

	(void)fd;
	(void)what;
	log_info("%s: pid %d of uid %u said no hello: dropped", role_name(client->listener->role),
	    (int)conn_peer_pid(client->conn), (unsigned)conn_peer_uid(client->conn));
	drop(client);
}

static bool is_named(const struct config_accounts *accounts, uid_t uid)
{
	for (size_t i = 0; i < accounts->count; i++)
		if (accounts->items[i].id == uid)
			return true;
	return uid == 0;
}

/* The oldest one (of uid, if any_uid is false) that has said nothing yet. */
static struct client *find_silent(struct listener *listener, bool any_uid, uid_t uid)
{
	struct client *client;

	TAILQ_FOREACH(client, &listener->list, next)
	if (!conn_is_ready(client->conn) && (any_uid || conn_peer_uid(client->conn) == uid))
		return client;
	return NULL;
}

/* Makes room for one more of uid, at the cost of who is silent. False if there is no room. */
static bool make_room(struct listener *listener, uid_t uid)
{
	const struct config *config = listener->clients->broker->config;
	unsigned of_uid = 0;
	struct client *client, *silent = NULL;
	bool full = listener->count >= config->limits.connections;

	TAILQ_FOREACH(client, &listener->list, next)
	if (conn_peer_uid(client->conn) == uid)
		of_uid++;
	if (of_uid < config->limits.connections_per_uid && !full)
		return true;
	silent = find_silent(listener, of_uid < config->limits.connections_per_uid, uid);
	if (silent == NULL)
		return false;
	log_debug("%s: a silent connection of uid %u gives way", role_name(listener->role),
	    (unsigned)conn_peer_uid(silent->conn));
	drop(silent);
	return true;
}

/* Takes over fd. */
static void take_client(struct listener *listener, int fd)
{
	static const struct conn_handlers handlers = {
	    .ready = on_ready, .message = on_message, .closed = on_closed};
	struct broker *broker = listener->clients->broker;
	const struct config *config = broker->config;
	const struct timeval limit = clock_timeval(config->deadlines.hello_ms);
	socklen_t length = sizeof(struct ucred);
	struct client *client = NULL;
	struct ucred peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		goto refuse;
	if (!is_named(listener->role == ROLE_FCGI ? &config->broker.web_users
						  : &config->broker.admin_users,
		peer.uid)) {
		metrics_count(&broker->metrics, METRIC_CONNECTIONS_REFUSED, 0, 1);
		log_event(LOG_EVENT_PEER_REFUSED, NULL, "%s: pid %d of uid %u may not connect",
		    role_name(listener->role), (int)peer.pid, (unsigned)peer.uid);
		goto refuse;
	}
	if (!make_room(listener, peer.uid)) {
		metrics_count(&broker->metrics, METRIC_CONNECTIONS_REFUSED, 0, 1);
		log_event(LOG_EVENT_PEER_REFUSED, NULL,
		    "%s: pid %d of uid %u: too many connections", role_name(listener->role),
		    (int)peer.pid, (unsigned)peer.uid);
		goto refuse;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		goto refuse;
	client->listener = listener;
	client->hello_deadline = evtimer_new(broker->base, on_hello_deadline, client);
	if (client->hello_deadline == NULL || event_add(client->hello_deadline, &limit) != 0)
		goto refuse;
	client->conn =
	    conn_create(broker->base, fd, ROLE_BROKER, listener->role, &handlers, client);
	fd = -1;
	if (client->conn == NULL)
		goto refuse;
	TAILQ_INSERT_TAIL(&listener->list, client, next);
	listener->count++;
	return;

refuse:
	if (client != NULL && client->hello_deadline != NULL)
		event_free(client->hello_deadline);
	free(client);
	if (fd >= 0)
		close(fd);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval pause = clock_timeval(ACCEPT_PAUSE_MS);
	struct listener *listener = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (peer >= 0) {
			take_client(listener, peer);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		log_warn("%s: cannot accept; trying again later", role_name(listener->role));
		event_del(listener->event);
		event_add(listener->pause, &pause);
		return;
	}
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;

	(void)fd;
	(void)what;
	event_add(listener->event, NULL);
}

/* The loop goes round, and clients_close_answered is called. */
static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static bool init_listener(struct clients *clients, struct listener *listener)
{
	struct event_base *base = clients->broker->base;

	listener->clients = clients;
	listener->event =
	    event_new(base, listener->fd, EV_READ | EV_PERSIST, on_connection, listener);
	listener->pause = evtimer_new(base, on_pause_over, listener);
	return listener->event != NULL && listener->pause != NULL &&
	       event_add(listener->event, NULL) == 0;
}

struct clients *clients_create(struct broker *broker, int broker_fd, int control_fd)
{
	struct clients *clients = calloc(1, sizeof(*clients));

	if (clients == NULL) {
		close(broker_fd);
		close(control_fd);
		return NULL;
	}
	clients->broker = broker;
	clients->fcgi =
	    (struct listener){.fd = broker_fd, .role = ROLE_FCGI, .handle = handle_fcgi};
	clients->ctl = (struct listener){.fd = control_fd, .role = ROLE_CTL, .handle = handle_ctl};
	TAILQ_INIT(&clients->fcgi.list);
	TAILQ_INIT(&clients->ctl.list);
	clients->settle = evtimer_new(broker->base, on_settled, NULL);
	if (clients->settle == NULL || !init_listener(clients, &clients->fcgi) ||
	    !init_listener(clients, &clients->ctl)) {
		clients_destroy(clients);
		return NULL;
	}
	return clients;
}

static void stop_accepting(struct listener *listener)
{
	if (listener->event != NULL)
		event_free(listener->event);
	if (listener->pause != NULL)
		event_free(listener->pause);
	if (listener->fd >= 0)
		close(listener->fd);
	listener->event = listener->pause = NULL;
	listener->fd = -1;
}

void clients_stop_accepting(struct clients *clients)
{
	stop_accepting(&clients->fcgi);
	stop_accepting(&clients->ctl);
}

static void pause_accepting(struct listener *listener)
{
	event_del(listener->event);
	event_del(listener->pause);
}

void clients_pause_accepting(struct clients *clients)
{
	const struct timeval settle = clock_timeval(SETTLE_MS);

	pause_accepting(&clients->fcgi);
	pause_accepting(&clients->ctl);
	event_add(clients->settle, &settle);
}

/* What it has sent is not read yet, or still to come. */
static bool is_asking(const struct client *client)
{
	return conn_has_ended(client->conn) ||
	       (!conn_has_asked(client->conn) &&
		   event_pending(client->listener->clients->settle, EV_TIMEOUT, NULL));
}

static void close_answered(struct listener *listener)
{
	struct client *client, *following;

	for (client = TAILQ_FIRST(&listener->list); client != NULL; client = following) {
		following = TAILQ_NEXT(client, next);
		if (conn_unanswered(client->conn) == 0 && conn_unsent_bytes(client->conn) == 0 &&
		    !is_asking(client))
			drop(client);
	}
}

unsigned clients_close_answered(struct clients *clients)
{
	close_answered(&clients->fcgi);
	close_answered(&clients->ctl);
	return clients_count(clients);
}

void clients_destroy(struct clients *clients)
{
	struct client *client;

	if (clients == NULL)
		return;
	clients_stop_accepting(clients);
	while ((client = TAILQ_FIRST(&clients->fcgi.list)) != NULL ||
	       (client = TAILQ_FIRST(&clients->ctl.list)) != NULL)
		drop(client);
	if (clients->settle != NULL)
		event_free(clients->settle);
	free(clients);
}

unsigned clients_count(const struct clients *clients)
{
	return clients->fcgi.count + clients->ctl.count;
}
