/* SPDX-License-Identifier: ISC */
/*
 * A login's beginning: whether it may be, what it takes, its turn, the dial and its session
 * process. Runs in x2goweb-brokerd.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker.h"
#include "clock.h"
#include "config.h"
#include "dial.h"
#include "handle.h"
#include "login_internal.h"
#include "login_open.h"
#include "penalties.h"
#include "port_pool.h"
#include "proto/conn.h"
#include "proto/secret.h"
#include "spawn.h"
#include "stream_sockets.h"
#include "uid_pool.h"

/* An admin has switched logins off, and will take a while. */
#define RETRY_WHEN_DRAINED_S 60

/* Starts the session process and hands it the connection; *ssh_fd is -1 once that is its. */
static bool start_process(struct login *login, int *ssh_fd)
{
	static const struct conn_handlers handlers = {
	    .message = handle_session, .closed = login_on_link_closed};
	struct broker *broker = login->broker;
	int pair[2];
	bool sent;

	if (!conn_make_pair(pair))
		return false;
	login->pid = spawner_run_session(
	    broker->spawner, login->uid, pair[1], login_on_process_ended, login);
	close(pair[1]);
	if (login->pid < 0) {
		login->pid = 0;
		close(pair[0]);
		return false;
	}
	login_keep_begin(login, pair[0]);
	login_set_state(login, LOGIN_STATE_OPENING);
	login->link =
	    conn_create(broker->base, pair[0], ROLE_BROKER, ROLE_SESSION, &handlers, login);
	if (login->link == NULL)
		return false;
	for (size_t i = 0; i < login->target.hop_count; i++)
		login->has_tried = login->has_tried || login->open->open.hops[i].password[0] != 0;
	login->open->fds[0] = *ssh_fd;
	login->open->fds[1] = login->listener;
	sent = conn_send(login->link, login->open);
	*ssh_fd = login->open->fds[0];
	login->listener = login->open->fds[1];
	secret_free(login->open);
	login->open = NULL;
	return sent;
}

static void on_dialled(const struct dial_result *result, void *arg)
{
	struct login *login = arg;
	struct dial *dial = login->dial;
	int ssh_fd = result->fd;

	login->dial = NULL;
	if (ssh_fd < 0) {
		login_set_reason(login, result->error, login_open_hop(login, 0), result->detail);
		login_end(login);
	} else if (!start_process(login, &ssh_fd)) {
		log_warn("session process cannot be started");
		if (login->pid == 0) {
			login_set_reason(login, ERROR_INTERNAL, HOP_SERVER, "no session process");
			login_end(login);
		} else {
			login_kill(login, "it cannot be told anything");
		}
	}
	if (ssh_fd >= 0)
		close(ssh_fd);
	dial_destroy(dial);
}

/* The first host of the way is dialled, and none but that. */
static void on_turn(void *arg)
{
	struct login *login = arg;
	const struct broker *broker = login->broker;
	const struct policy_target *target = &login->target;
	const struct policy_hop *hop = &target->hops[0];

	login_set_state(login, LOGIN_STATE_DIALLING);
	login->dial = dial_create(broker->dialer, hop->address, hop->port,
	    target->typed ? &target->networks : NULL, broker->config->deadlines.connect_ms,
	    on_dialled, login);
	if (login->dial == NULL)
		login_stop(login, ERROR_INTERNAL, "it cannot be dialled");
}

/* Takes what the login needs. */
static bool take_resources(struct login *login, struct conn_failure *failure)
{
	struct broker *broker = login->broker;

	failure->code = ERROR_INTERNAL;
	do {
		if (!cookie_make_login(login->id))
			return false;
	} while (login_table_find(&broker->logins, login->id) != NULL);
	if (!login_create_timers(login) || !cookie_make(login->cookie, login->cookie_hash) ||
	    (login->compat && !cookie_make_ticket(login->ticket, login->ticket_hash)))
		return false;
	failure->code = ERROR_TOO_MANY_LOGINS;
	if (broker->sockets != NULL)
		login->listener = stream_sockets_listen(broker->sockets, login->socket);
	else
		login->listener = port_pool_take(broker->ports, login->since_ms, &login->port);
	if (login->listener < 0) {
		failure->detail = broker->sockets != NULL ? "no socket can be made for its relay"
							  : "no port of [relay] ports is free";
		return false;
	}
	login->uid = uid_pool_take(broker->uids);
	if (login->uid == 0) {
		failure->detail = "no uid of [sessions] uids is free";
		return false;
	}
	return true;
}

/* Whether such a login may be, now. */
static bool check(
    struct login *login, const struct message_login *request, struct conn_failure *failure)
{
	const struct broker *broker = login->broker;
	const struct penalties_subject subject = {login->client, login->user, &login->target};
	struct conn_failure refused;

	if (broker->stopping || broker->draining) {
		failure->code = ERROR_DRAINING;
		if (!broker->stopping)
			failure->retry_after_s = RETRY_WHEN_DRAINED_S;
		return false;
	}
	failure->code = policy_decide(broker->config, request, &login->target, &failure->detail);
	if (login->target.id[0] != 0)
		strcpy(login->server, login->target.id);
	if (!penalties_allow(
		broker->penalties, broker->config, &subject, clock_now_ms(), &refused)) {
		*failure = refused;
		return false;
	}
	if (failure->code != ERROR_NONE) {
		login_penalise(
		    login, penalties_of(failure->code, false, &login->target), HOP_SERVER);
		return false;
	}
	return login_table_check_limits(&broker->logins, broker->config, login, failure);
}

/* The detail is for the journal alone. */
static void refuse(
    const struct login *login, const struct conn_failure *failure, struct conn *asker, uint32_t id)
{
	const struct conn_failure told = {.code = failure->code,
	    .hop = failure->hop,
	    .retry_after_s = failure->retry_after_s != 0 ? failure->retry_after_s
							 : login_retry_after_s(failure->code)};

	audit_refused(login, failure);
	conn_send_failure(asker, id, &told);
}

/* Nothing is taken yet. NULL: out of memory. */
static struct login *create(struct broker *broker, const struct message_login *request)
{
	struct login *login = calloc(1, sizeof(*login));
	const char *server = request->server[0] != 0 ? request->server : request->host;

	if (login == NULL)
		return NULL;
	login->broker = broker;
	login->listener = login->record = -1;
	login->since_ms = login->begun_ms = clock_now_ms();
	requests_init(&login->requests, broker->base);
	message_set_text(login->server, sizeof(login->server), server, strlen(server));
	strcpy(login->user, request->user);
	strcpy(login->client, request->client);
	login->compat = request->compat != 0;
	return login;
}

void login_create(struct broker *broker, const struct message *request, struct conn *asker)
{
	struct conn_failure failure = {.code = ERROR_NONE};
	struct login *login = create(broker, &request->login);

	if (login == NULL) {
		conn_send_fail(asker, request->request_id, ERROR_INTERNAL, NULL);
		return;
	}
	if (!check(login, &request->login, &failure) ||
	    !login_open_prepare(login, &request->login, &failure) ||
	    !take_resources(login, &failure)) {
		refuse(login, &failure, asker, request->request_id);
		login_destroy(login);
		return;
	}
	login_open_complete(login);
	login->asker = asker;
	login->asker_id = request->request_id;
	login_table_add(&broker->logins, login);
	login_set_deadline(login, broker->config->deadlines.auth_ms);
	turn_wait(&broker->openings, &login->opening, login->target.hops[0].name,
	    broker->config->limits.logins_at_once, on_turn, login);
}
