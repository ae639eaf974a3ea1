/* SPDX-License-Identifier: ISC */
/*
 * Messages of brokerctl: what the admin wants to know or to end.
 */
#include <string.h>

#include "broker.h"
#include "clients.h"
#include "clock.h"
#include "config.h"
#include "handle.h"
#include "login.h"
#include "port_pool.h"
#include "proto/conn.h"
#include "uid_pool.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void on_status_get(struct broker *broker, struct conn *conn, struct message *message)
{
	uint64_t now = clock_now_ms();
	struct port_pool_counts ports = port_pool_count(broker->ports, now);
	struct uid_pool_counts uids = uid_pool_count(broker->uids);
	struct message answer;
	struct message_status *status = &answer.status;

	message_init(&answer, MESSAGE_STATUS, message->request_id);
	strcpy(status->release, X2GOWEB_VERSION);
	status->uptime_s = (now - broker->started_ms) / 1000;
	status->logins = broker->logins.count;
	status->logins_max =
	    smaller(broker->config->limits.logins, smaller(ports.total, uids.total));
	status->streams = login_table_count_streams(&broker->logins);
	status->ports_used = ports.used;
	status->ports_resting = ports.resting;
	status->ports_total = ports.total;
	status->uids_used = uids.used;
	status->uids_total = uids.total;
	status->connections = clients_count(broker->clients);
	conn_send(conn, &answer);
}

static void show_login(const struct login *login, struct record_login *record)
{
	memset(record, 0, sizeof(*record));
	strcpy(record->login, login->id);
	strcpy(record->state, login_state_name(login->state));
	if (login->stream == STREAM_STATE_ATTACHED)
		strcpy(record->state, "attached");
	strcpy(record->user, login->user);
	strcpy(record->server, login->server);
	strcpy(record->client, login->client);
	record->pid = (uint32_t)login->pid;
	record->uid = login->uid;
	record->port = login->port;
	record->age_s = (clock_now_ms() - login->since_ms) / 1000;
	strcpy(record->session, login->session);
}

static void on_logins_get(struct broker *broker, struct conn *conn, struct message *message)
{
	struct message answer;
	struct message_logins *out = &answer.logins;
	const struct login *login;

	message_init(&answer, MESSAGE_LOGINS, message->request_id);
	LIST_FOREACH(login, &broker->logins.logins, next)
	{
		if (out->logins_count == sizeof(out->logins) / sizeof(out->logins[0])) {
			conn_send(conn, &answer);
			out->logins_count = 0;
		}
		show_login(login, &out->logins[out->logins_count++]);
	}
	out->last = 1;
	conn_send(conn, &answer);
}

static void on_kill(struct broker *broker, struct conn *conn, struct message *message)
{
	struct login *login = login_table_find(&broker->logins, message->kill.login);

	if (login == NULL) {
		conn_send_fail(conn, message->request_id, ERROR_NOT_LOGGED_IN, "no such login");
		return;
	}
	login_stop(login, ERROR_KILLED, NULL);
	conn_send_done(conn, message->request_id);
}

static const struct {
	enum message_type type;
	void (*handle)(struct broker *broker, struct conn *conn, struct message *message);
} rows[] = {
    {MESSAGE_STATUS_GET, on_status_get},
    {MESSAGE_LOGINS_GET, on_logins_get},
    {MESSAGE_KILL, on_kill},
};

void handle_ctl(struct conn *conn, struct message *message, void *arg)
{
	struct broker *broker = arg;

	if (message->request_id == 0)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == message->type)
			rows[i].handle(broker, conn, message);
}
