/* SPDX-License-Identifier: ISC */
#include "broker_call.h"

#include <errno.h>
#include <event2/event.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/conn.h"
#include "proto/log.h"
#include "proto/secret.h"

/* Connections without a call that are kept. */
#define IDLE_MAX 4
/* For a logout that nobody waits for. */
#define LOGOUT_DEADLINE_MS 60000

/* A connection to the broker and the call on it, if any. */
struct broker_call {
	LIST_ENTRY(broker_call) next; /* broker.idle or broker.busy */
	struct broker *broker;
	struct conn *conn;
	struct event *deadline;
	uint32_t request_id; /* 0 = idle */
	bool cancelled;
	enum message_type expected;
	broker_call_done done;
	void *arg;
};

struct broker {
	struct event_base *base;
	const char *path;
	LIST_HEAD(, broker_call) idle, busy;
	unsigned idle_count;
	uint32_t last_request_id;
	bool complained; /* about the broker being away: once */
};

static void complain(struct broker *broker, const char *what, const char *why)
{
	if (!broker->complained)
		log_event(LOG_EVENT_BROKER_UNREACHABLE, NULL, "broker %s: %s: %s", broker->path,
		    what, why);
	broker->complained = true;
}

static void link_free(struct broker_call *link)
{
	LIST_REMOVE(link, next);
	if (link->request_id == 0)
		link->broker->idle_count--;
	conn_destroy(link->conn);
	if (link->deadline != NULL)
		event_free(link->deadline);
	free(link);
}

/* Gives the connection up and tells whose call it was. */
static void link_fail(struct broker_call *link, enum error_code failure)
{
	broker_call_done done = link->request_id != 0 ? link->done : NULL;
	void *arg = link->arg;

	link_free(link);
	if (done != NULL)
		done(NULL, failure, arg);
}

/* Both tell of a login, and its cookie, which nobody else has. */
_Static_assert(
    offsetof(struct message, prompted.login) == offsetof(struct message, logged_in.login) &&
	offsetof(struct message, prompted.cookie) == offsetof(struct message, logged_in.cookie),
    "PROMPTED and LOGGED_IN begin alike");

static bool is_expected(const struct broker_call *link, const struct message *message)
{
	if (message->type == MESSAGE_FAIL)
		return error_is_known(message->fail.code);
	return message->type == link->expected ||
	       (message->type == MESSAGE_PROMPTED && link->expected == MESSAGE_LOGGED_IN);
}

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	struct broker_call *link = arg;
	struct broker *broker = link->broker;
	broker_call_done done = link->done;
	void *done_arg = link->arg;

	(void)conn;
	if (link->request_id == 0 || message->request_id != link->request_id ||
	    !is_expected(link, message)) {
		log_warnx(
		    "broker %s: unexpected %s", broker->path, message_type_name(message->type));
		link_fail(link, ERROR_BROKER_UNAVAILABLE);
		return;
	}
	broker->complained = false;
	if (link->cancelled) {
		/* The broker answered before it saw the end. */
		if (message->type != MESSAGE_FAIL)
			broker_end_login(
			    broker, message->logged_in.login, message->logged_in.cookie);
		link_free(link);
		return;
	}
	event_del(link->deadline);
	LIST_REMOVE(link, next);
	link->request_id = 0;
	LIST_INSERT_HEAD(&broker->idle, link, next);
	if (++broker->idle_count > IDLE_MAX)
		link_free(link);
	if (done != NULL)
		done(message, ERROR_NONE, done_arg);
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	struct broker_call *link = arg;

	(void)conn;
	if (link->request_id != 0 && !link->cancelled)
		complain(link->broker, "connection ended in a call", reason);
	link_fail(link, ERROR_BROKER_UNAVAILABLE);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct broker_call *link = arg;

	(void)fd;
	(void)what;
	log_warnx(
	    "broker %s: no %s in time", link->broker->path, message_type_name(link->expected));
	link_fail(link, ERROR_TIMEOUT);
}

/* True if whoever listens at path may be the broker: root, ourselves, or the owner of the
 * directory. Others could only be there if the directory's permissions were wrong; no password is
 * theirs to read. */
static bool listener_is_trusted(int fd, const char *path)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	char copy[PATH_MAX];
	struct stat status;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return false;
	if (peer.uid == 0 || peer.uid == geteuid())
		return true;
	if (strlen(path) >= sizeof(copy))
		return false;
	return stat(dirname(strcpy(copy, path)), &status) == 0 && peer.uid == status.st_uid;
}

/* A connected socket, or -1. */
static int dial(struct broker *broker)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(broker->path) >= sizeof(address.sun_path)) {
		complain(broker, "cannot connect", "path too long");
		return -1;
	}
	strcpy(address.sun_path, broker->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A UNIX socket connects at once or not at all; EAGAIN means that the broker's queue is
	 * full. */
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		complain(broker, "cannot connect", strerror(errno));
		goto fail;
	}
	if (!listener_is_trusted(fd, broker->path)) {
		complain(broker, "cannot connect", "somebody else listens there");
		goto fail;
	}
	return fd;

fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A fresh idle connection, or NULL. */
static struct broker_call *link_create(struct broker *broker)
{
	static const struct conn_handlers handlers = {.message = on_message, .closed = on_closed};
	struct broker_call *link;
	int fd = dial(broker);

	if (fd < 0)
		return NULL;
	link = calloc(1, sizeof(*link));
	if (link == NULL) {
		close(fd);
		return NULL;
	}
	link->broker = broker;
	LIST_INSERT_HEAD(&broker->idle, link, next);
	broker->idle_count++;
	link->deadline = evtimer_new(broker->base, on_deadline, link);
	link->conn = conn_create(broker->base, fd, ROLE_FCGI, ROLE_BROKER, &handlers, link);
	if (link->deadline == NULL || link->conn == NULL) {
		link_free(link);
		return NULL;
	}
	return link;
}

struct broker *broker_create(struct event_base *base, const char *path)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	if (broker == NULL)
		return NULL;
	broker->base = base;
	broker->path = path;
	LIST_INIT(&broker->idle);
	LIST_INIT(&broker->busy);
	return broker;
}

void broker_destroy(struct broker *broker)
{
	if (broker == NULL)
		return;
	/* Calls whose answer does not matter may still be on their way. */
	while (!LIST_EMPTY(&broker->busy))
		link_free(LIST_FIRST(&broker->busy));
	while (!LIST_EMPTY(&broker->idle))
		link_free(LIST_FIRST(&broker->idle));
	free(broker);
}

struct broker_call *broker_call_start(struct broker *broker, struct message *ask,
    enum message_type expected, unsigned deadline_ms, broker_call_done done, void *arg)
{
	struct timeval deadline = {deadline_ms / 1000, (int)(deadline_ms % 1000) * 1000};
	struct broker_call *link;

	if (++broker->last_request_id == 0)
		broker->last_request_id = 1;
	ask->request_id = broker->last_request_id;
	/* A kept connection may have died unnoticed; then the next one is tried, a fresh one last.
	 */
	for (;;) {
		bool fresh = LIST_EMPTY(&broker->idle);

		link = fresh ? link_create(broker) : LIST_FIRST(&broker->idle);
		if (link == NULL)
			return NULL;
		if ((fresh || !conn_has_ended(link->conn)) && conn_send(link->conn, ask))
			break;
		link_free(link);
		if (fresh)
			return NULL;
	}
	LIST_REMOVE(link, next);
	broker->idle_count--;
	LIST_INSERT_HEAD(&broker->busy, link, next);
	link->request_id = ask->request_id;
	link->expected = expected;
	link->done = done;
	link->arg = arg;
	evtimer_add(link->deadline, &deadline);
	return link;
}

void broker_call_cancel(struct broker_call *call)
{
	if (call == NULL)
		return;
	if (call->expected != MESSAGE_LOGGED_IN) {
		link_free(call);
		return;
	}
	/* The login's cookie may be on its way to us; nobody else could end that login. */
	call->cancelled = true;
	call->done = NULL;
	conn_end_sending(call->conn);
}

void broker_end_login(struct broker *broker, const char *login, const char *cookie)
{
	struct message *ask;

	if (cookie[0] == 0)
		return;
	ask = secret_malloc(sizeof(*ask));
	if (ask == NULL)
		return;
	log_debug("login %s: logged out", login);
	message_init(ask, MESSAGE_LOGOUT, 0);
	strcpy(ask->logout.login, login);
	strcpy(ask->logout.cookie, cookie);
	broker_call_start(broker, ask, MESSAGE_DONE, LOGOUT_DEADLINE_MS, NULL, NULL);
	secret_free(ask);
}
