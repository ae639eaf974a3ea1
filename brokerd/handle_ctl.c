/* SPDX-License-Identifier: ISC */
/*
 * Messages of brokerctl: what the admin wants to know, to say or to end.
 */
#include <string.h>

#include "broker.h"
#include "broker_kept.h"
#include "clients.h"
#include "clock.h"
#include "config.h"
#include "handle.h"
#include "login.h"
#include "port_pool.h"
#include "proto/conn.h"
#include "reload.h"
#include "tell.h"
#include "trace.h"
#include "uid_pool.h"
#include "upgrade.h"
#include "whom.h"

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
	status->logins_max = smaller(broker->config->limits.logins, uids.total);
	if (broker->sockets == NULL)
		status->logins_max = smaller(status->logins_max, ports.total);
	status->unfinished = login_table_count_unfinished(&broker->logins);
	status->streams = login_table_count_streams(&broker->logins, STREAM_STATE_ATTACHED);
	status->waiting = login_table_count_streams(&broker->logins, STREAM_STATE_WAITING);
	status->ports_used = ports.used;
	status->ports_resting = ports.resting;
	status->ports_total = ports.total;
	status->uids_used = uids.used;
	status->uids_total = uids.total;
	status->connections = clients_count(broker->clients);
	status->servers = (uint32_t)broker->config->server_count;
	status->draining = broker->draining || broker->stopping;
	conn_send(conn, &answer);
}

static void show_login(const struct login *login, struct record_login *record)
{
	memset(record, 0, sizeof(*record));
	strcpy(record->login, login->id);
	strcpy(record->state, login_state_name(login->state));
	if (login->stream == STREAM_STATE_ATTACHED)
		strcpy(record->state, "attached");
	else if (login->stream == STREAM_STATE_WAITING && login->state == LOGIN_STATE_READY)
		strcpy(record->state, "detached");
	strcpy(record->user, login->user);
	strcpy(record->server, login->server);
	strcpy(record->client, login->client);
	record->pid = (uint32_t)login->pid;
	record->uid = login->uid;
	record->port = login->port;
	record->age_s = (clock_now_ms() - login->since_ms) / 1000;
	strcpy(record->session, login->session);
	record->to_browser_bytes = login->tally.to_browser_bytes;
	record->from_browser_bytes = login->tally.from_browser_bytes;
	if (login->stream == STREAM_STATE_ATTACHED)
		record->round_trip_us = login->tally.round_trip_us;
	record->resumes = login->tally.resumes;
}

void handle_metrics_get(struct broker *broker, struct conn *conn, struct message *message)
{
	struct message answer;

	message_init(&answer, MESSAGE_METRICS, message->request_id);
	if (metrics_print(broker, answer.metrics.text, sizeof(answer.metrics.text)))
		conn_send(conn, &answer);
	else
		conn_send_fail(conn, message->request_id, ERROR_INTERNAL, NULL);
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

/* Ends all that are meant and do not end already. Returns how many. */
static unsigned end_logins(
    struct broker *broker, const struct record_whom *whom, enum error_code reason)
{
	struct login *login;
	unsigned count = 0;

	/* The end of one may be that of others, so each is looked for anew. */
	for (;;) {
		login = whom_next(whom, &broker->logins, NULL);
		while (login != NULL && login->state == LOGIN_STATE_STOPPING)
			login = whom_next(whom, &broker->logins, login);
		if (login == NULL)
			return count;
		login_stop(login, reason, NULL);
		count++;
	}
}

static void on_kill(struct broker *broker, struct conn *conn, struct message *message)
{
	const struct record_whom *whom = &message->kill.whom[0];
	struct conn_failure failure;
	struct message answer;

	if (!whom_check(whom, &broker->logins, &failure)) {
		conn_send_failure(conn, message->request_id, &failure);
		return;
	}
	message_init(&answer, MESSAGE_KILLED, message->request_id);
	answer.killed.logins = end_logins(broker, whom, ERROR_KILLED);
	audit_admin(conn_peer_uid(conn), "has ended %u logins", (unsigned)answer.killed.logins);
	conn_send(conn, &answer);
}

static void on_show_get(struct broker *broker, struct conn *conn, struct message *message)
{
	uint64_t now_ms = clock_now_ms();
	const struct policy_target *target;
	struct conn_failure failure;
	struct record_whom whom = {0};
	const struct login *login;
	struct message answer;
	struct message_shown *shown = &answer.shown;

	strcpy(whom.login, message->show_get.login);
	if (!whom_check(&whom, &broker->logins, &failure)) {
		conn_send_failure(conn, message->request_id, &failure);
		return;
	}
	login = whom_next(&whom, &broker->logins, NULL);
	target = &login->target;
	message_init(&answer, MESSAGE_SHOWN, message->request_id);
	shown->login_count = 1;
	show_login(login, &shown->login[0]);
	strcpy(shown->host, target->hops[target->hop_count - 1].name);
	if (target->hop_count > 1)
		strcpy(shown->way, target->hops[0].name);
	strcpy(shown->methods, login->methods);
	strcpy(shown->fingerprint, login->fingerprint);
	strcpy(shown->jump_fingerprint, login->jump_fingerprint);
	shown->stream = (uint8_t)login->stream;
	if (login->stream_since_ms != 0)
		shown->since_s = (now_ms - login->stream_since_ms) / 1000;
	shown->expires_s = login_left_ms(login) / 1000;
	shown->orders = login->requests.count;
	conn_send(conn, &answer);
}

static void on_say(struct broker *broker, struct conn *conn, struct message *message)
{
	tell_logins(broker, message, conn);
}

static void on_trace(struct broker *broker, struct conn *conn, struct message *message)
{
	trace_begin(broker, message, conn);
}

static void add_line(const char *text, void *arg)
{
	struct message_reloaded *reloaded = arg;
	size_t most = sizeof(reloaded->lines) / sizeof(reloaded->lines[0]);
	struct record_line *line;

	/* The last place is for the last line, which says what came of it. */
	if (reloaded->lines_count == most)
		reloaded->lines_count--;
	line = &reloaded->lines[reloaded->lines_count++];
	message_set_text(line->text, sizeof(line->text), text, strlen(text));
}

static void on_reload(struct broker *broker, struct conn *conn, struct message *message)
{
	struct message answer;

	audit_admin(conn_peer_uid(conn), "reloads the configuration");
	message_init(&answer, MESSAGE_RELOADED, message->request_id);
	answer.reloaded.done = reload(broker, add_line, &answer.reloaded);
	conn_send(conn, &answer);
}

static void on_drain(struct broker *broker, struct conn *conn, struct message *message)
{
	static const struct record_whom all = {.all = 1};
	static const char *const names[DRAIN_COUNT] = {
	    "takes logins again", "takes no new logins", "ends the logins that are left"};
	uint8_t mode = message->drain.mode;

	audit_admin(conn_peer_uid(conn), "%s", names[mode]);
	broker->draining = mode != DRAIN_OFF;
	broker_keep(broker);
	if (mode == DRAIN_END)
		end_logins(broker, &all, ERROR_DRAINING);
	conn_send_done(conn, message->request_id);
}

static void on_upgrade(struct broker *broker, struct conn *conn, struct message *message)
{
	audit_admin(conn_peer_uid(conn), "orders an upgrade");
	upgrade_begin(broker->upgrade, conn, message->request_id);
}

static const struct {
	enum message_type type;
	void (*handle)(struct broker *broker, struct conn *conn, struct message *message);
} rows[] = {
    {MESSAGE_STATUS_GET, on_status_get},
    {MESSAGE_LOGINS_GET, on_logins_get},
    {MESSAGE_KILL, on_kill},
    {MESSAGE_SHOW_GET, on_show_get},
    {MESSAGE_SAY, on_say},
    {MESSAGE_DRAIN, on_drain},
    {MESSAGE_UPGRADE, on_upgrade},
    {MESSAGE_METRICS_GET, handle_metrics_get},
    {MESSAGE_RELOAD, on_reload},
    {MESSAGE_TRACE, on_trace},
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
