/* SPDX-License-Identifier: ISC */
/*
 * brokerctl's conversation with the broker: one request after the other, each waited for.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "proto/conn.h"
#include "proto/log.h"

#define DEADLINE_MS 10000

struct answer {
	STAILQ_ENTRY(answer) next;
	struct message message;
};

struct ctl_link {
	struct event_base *base;
	struct conn *conn; /* NULL: gone, or not there yet */
	struct event *limit, *interrupt;
	bool over, interrupted;
	uint32_t last_id;
	STAILQ_HEAD(, answer) answers; /* that have come and are not taken */
};

static void on_ready(struct conn *conn, void *arg)
{
	struct ctl_link *link = arg;

	(void)conn;
	event_base_loopbreak(link->base);
}

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	struct ctl_link *link = arg;
	struct answer *answer;

	(void)conn;
	if (message->request_id != link->last_id)
		return;
	answer = malloc(sizeof(*answer));
	if (answer == NULL)
		log_fatalx("out of memory");
	answer->message = *message;
	STAILQ_INSERT_TAIL(&link->answers, answer, next);
	event_base_loopbreak(link->base);
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	struct ctl_link *link = arg;

	ctl_complain("the broker ended the connection (%s); may this user ask it?", reason);
	conn_destroy(conn);
	link->conn = NULL;
	event_base_loopbreak(link->base);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_link *link = arg;

	(void)fd;
	(void)what;
	link->over = true;
	event_base_loopbreak(link->base);
}

static void on_interrupt(evutil_socket_t number, short what, void *arg)
{
	struct ctl_link *link = arg;

	(void)number;
	(void)what;
	link->interrupted = true;
	event_base_loopbreak(link->base);
}

static struct ctl_link *link_of(struct ctl *ctl)
{
	struct ctl_link *link = ctl->link;

	if (link != NULL)
		return link;
	link = calloc(1, sizeof(*link));
	if (link == NULL || (link->base = event_base_new()) == NULL ||
	    (link->limit = evtimer_new(link->base, on_limit, link)) == NULL)
		log_fatalx("out of memory");
	STAILQ_INIT(&link->answers);
	ctl->link = link;
	return link;
}

/* -1 after a complaint. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		ctl_complain("%s: the path is too long", path);
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	ctl_complain("%s: %s; is x2goweb-brokerd running?", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Waits for whatever comes first. False: the limit or SIGINT. */
static bool turn(struct ctl_link *link, int limit_ms)
{
	struct timeval limit = {limit_ms / 1000, limit_ms % 1000 * 1000};

	link->over = false;
	if (limit_ms != CTL_FOREVER)
		event_add(link->limit, &limit);
	event_base_dispatch(link->base);
	event_del(link->limit);
	return !link->over && !link->interrupted;
}

static bool open_link(struct ctl *ctl)
{
	static const struct conn_handlers handlers = {
	    .ready = on_ready, .message = on_message, .closed = on_closed};
	struct ctl_link *link = link_of(ctl);
	int fd;

	if (link->conn != NULL)
		return true;
	fd = connect_to(ctl->socket_path);
	if (fd < 0)
		return false;
	link->conn = conn_create(link->base, fd, ROLE_CTL, ROLE_BROKER, &handlers, link);
	if (link->conn == NULL)
		log_fatalx("out of memory");
	while (link->conn != NULL && !conn_is_ready(link->conn))
		if (!turn(link, DEADLINE_MS)) {
			ctl_complain("the broker does not answer");
			return false;
		}
	return link->conn != NULL;
}

enum ctl_status ctl_await(struct ctl *ctl, struct message *answer, int limit_ms)
{
	struct ctl_link *link = ctl->link;
	char detail[sizeof(answer->fail.detail)];
	struct answer *first;

	while ((first = STAILQ_FIRST(&link->answers)) == NULL) {
		if (link->conn == NULL)
			return CTL_STATUS_UNREACHABLE;
		if (!turn(link, limit_ms))
			return CTL_STATUS_FAILED;
	}
	STAILQ_REMOVE_HEAD(&link->answers, next);
	*answer = first->message;
	free(first);
	if (answer->type != MESSAGE_FAIL)
		return CTL_STATUS_OK;
	/* Words of servers and users may stand in it. */
	log_make_harmless(detail, sizeof(detail),
	    answer->fail.detail[0] != 0 ? answer->fail.detail
					: error_info(answer->fail.code)->text);
	ctl_complain(
	    "%s%s%s", ctl->login != NULL ? ctl->login : "", ctl->login != NULL ? ": " : "", detail);
	return CTL_STATUS_FAILED;
}

static void forget_answers(struct ctl_link *link)
{
	struct answer *first;

	while ((first = STAILQ_FIRST(&link->answers)) != NULL) {
		STAILQ_REMOVE_HEAD(&link->answers, next);
		free(first);
	}
}

enum ctl_status ctl_send(struct ctl *ctl, struct message *request)
{
	if (!open_link(ctl))
		return CTL_STATUS_UNREACHABLE;
	forget_answers(ctl->link);
	request->request_id = ++ctl->link->last_id;
	if (conn_send(ctl->link->conn, request))
		return CTL_STATUS_OK;
	ctl_complain("this cannot be asked");
	return CTL_STATUS_USAGE;
}

enum ctl_status ctl_ask(struct ctl *ctl, struct message *request, struct message *answer)
{
	enum ctl_status status = ctl_send(ctl, request);

	if (status != CTL_STATUS_OK)
		return status;
	status = ctl_await(ctl, answer, DEADLINE_MS);
	if (!ctl->link->over)
		return status;
	ctl_complain("the broker does not answer");
	return CTL_STATUS_UNREACHABLE;
}

void ctl_catch_interrupt(struct ctl *ctl)
{
	struct ctl_link *link = link_of(ctl);

	link->interrupt = evsignal_new(link->base, SIGINT, on_interrupt, link);
	if (link->interrupt == NULL || event_add(link->interrupt, NULL) != 0)
		log_fatalx("out of memory");
}

bool ctl_is_interrupted(const struct ctl *ctl)
{
	return ctl->link != NULL && ctl->link->interrupted;
}

void ctl_link_close(struct ctl *ctl)
{
	struct ctl_link *link = ctl->link;

	if (link == NULL)
		return;
	forget_answers(link);
	conn_destroy(link->conn);
	event_free(link->limit);
	if (link->interrupt != NULL)
		event_free(link->interrupt);
	event_base_free(link->base);
	free(link);
	ctl->link = NULL;
}
