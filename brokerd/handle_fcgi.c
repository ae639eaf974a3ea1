/* SPDX-License-Identifier: ISC */
/*
 * Messages of x2goweb-fcgi: the browsers' calls. Checks whose login a call is for and turns it
 * into an order for that login's session process.
 */
#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "config.h"
#include "handle.h"
#include "login.h"
#include "policy.h"
#include "proto/conn.h"
#include "proto/log.h"

/* The session process has deadlines of its own; this is for one that does not keep them. */
#define ANSWER_GRACE_MS 10000

/* What the page learns of a server before any login. */
static void fill_server(
    const struct config *config, const struct config_server *server, struct record_server *record)
{
	const struct config_jump *jump = policy_find_jump(config, server);

	strcpy(record->id, server->name);
	strcpy(record->title, server->title);
	strcpy(record->desktop, server->desktop);
	if (jump != NULL) {
		strcpy(record->jump, jump->title);
		record->jump_user = jump->user[0] == 0;
	}
	if (config->web.native_mode) {
		strcpy(record->address, server->address);
		record->port = (uint16_t)server->port;
	}
}

static void on_config_get(struct broker *broker, struct conn *conn, struct message *message)
{
	const struct config *config = broker->config;
	struct message answer;

	message_init(&answer, MESSAGE_CONFIG, message->request_id);
	strcpy(answer.config.title, config->web.title);
	strcpy(answer.config.logo, config->web.logo);
	strcpy(answer.config.accent, config->web.accent);
	answer.config.kiosk = config->web.kiosk;
	answer.config.native_mode = config->web.native_mode;
	strcpy(answer.config.default_server, config->web.default_server);
	strcpy(answer.config.default_desktop, config->web.default_desktop);
	answer.config.other_servers = config->other_servers.allow;
	answer.config.other_jumps =
	    config->other_servers.allow && config->other_servers.jump_hosts[0] != 0;
	answer.config.servers_count = (uint16_t)config->server_count;
	for (size_t i = 0; i < config->server_count; i++)
		fill_server(config, &config->servers[i], &answer.config.servers[i]);
	answer.config.desktops_count = (uint16_t)config->web.desktops.count;
	memcpy(answer.config.desktops, config->web.desktops.items,
	    config->web.desktops.count * sizeof(config->web.desktops.items[0]));
	conn_send(conn, &answer);
}

static void on_health_get(struct broker *broker, struct conn *conn, struct message *message)
{
	struct message answer;

	message_init(&answer, MESSAGE_HEALTH, message->request_id);
	answer.health.draining = broker->draining || broker->stopping;
	conn_send(conn, &answer);
}

static void on_metrics_get(struct broker *broker, struct conn *conn, struct message *message)
{
	if (metrics_may_be_seen(broker, message->metrics_get.client))
		handle_metrics_get(broker, conn, message);
	else
		conn_send_fail(conn, message->request_id, ERROR_NOT_FOUND, NULL);
}

#define IN(state) (1u << LOGIN_STATE_##state)

/* The login that the call is for. NULL, and the call is answered, if the cookie is not its own or
 * the login is in none of these states. */
static struct login *find_login_in(unsigned states, struct broker *broker, struct conn *conn,
    const struct message *message, const char *id, const char *cookie)
{
	struct login *login = login_table_find(&broker->logins, id);
	bool is_opening;

	if (login != NULL && login_may_be_used(login, cookie, states)) {
		login_touch(login);
		if (message->type == MESSAGE_LOGOUT || !login_is_of_before(login))
			return login;
		conn_send_fail(conn, message->request_id, ERROR_RENEWED, NULL);
		return NULL;
	}
	is_opening = login != NULL && login_may_be_used(login, cookie, IN(OPENING) | IN(PROMPTING));
	conn_send_fail(
	    conn, message->request_id, is_opening ? ERROR_SESSION_BUSY : ERROR_NOT_LOGGED_IN, NULL);
	return NULL;
}

/* The same for calls of an open login. */
static struct login *find_login(struct broker *broker, struct conn *conn,
    const struct message *message, const char *id, const char *cookie)
{
	return find_login_in(IN(READY), broker, conn, message, id, cookie);
}

static unsigned answer_limit_ms(const struct broker *broker)
{
	return broker->config->deadlines.start_ms + ANSWER_GRACE_MS;
}

static void order(struct login *login, struct conn *conn, const struct message *message,
    struct message *order, enum message_type answer)
{
	if (!requests_send(&login->requests, login->link, order, answer, conn, message->request_id,
		answer_limit_ms(login->broker)))
		conn_send_fail(conn, message->request_id, ERROR_SESSION_BUSY, NULL);
}

/* Starting and resuming: in a login one at a time, of a user on a server, whose other logins see
 * the same sessions, as well. by_server: only so many at once there. */
static void order_in_turn(struct login *login, struct conn *conn, const struct message *message,
    struct message *order, bool by_server)
{
	struct broker *broker = login->broker;
	const struct policy_hop *server = &login->target.hops[login->target.hop_count - 1];
	struct request_line lines[2] = {{.turns = &broker->users, .limit = 1},
	    {.turns = &broker->starts, .limit = broker->config->limits.starts_at_once}};

	snprintf(lines[0].name, sizeof(lines[0].name), "%s@%s", server->user, server->name);
	snprintf(lines[1].name, sizeof(lines[1].name), "%s", server->name);
	if (requests_has(&login->requests, MESSAGE_DO_START) ||
	    requests_has(&login->requests, MESSAGE_DO_RESUME) ||
	    !requests_send_in_turn(&login->requests, lines, by_server ? 2 : 1, login->link, order,
		MESSAGE_STREAM, conn, message->request_id, answer_limit_ms(broker)))
		conn_send_fail(conn, message->request_id, ERROR_SESSION_BUSY, NULL);
}

static void on_answer(struct broker *broker, struct conn *conn, struct message *message)
{
	struct login *login = find_login_in(IN(OPENING) | IN(PROMPTING) | IN(READY), broker, conn,
	    message, message->answer.login, message->answer.cookie);

	if (login != NULL)
		login_answer(login, message, conn);
}

static void on_login(struct broker *broker, struct conn *conn, struct message *message)
{
	if (message->login.compat && !broker->config->compat.enabled)
		conn_send_fail(conn, message->request_id, ERROR_NOT_FOUND, NULL);
	else
		login_create(broker, message, conn);
}

static void on_sessions_get(struct broker *broker, struct conn *conn, struct message *message)
{
	struct login *login = find_login(
	    broker, conn, message, message->sessions_get.login, message->sessions_get.cookie);
	struct message out;

	if (login == NULL)
		return;
	message_init(&out, MESSAGE_DO_SESSIONS, 0);
	order(login, conn, message, &out, MESSAGE_SESSIONS);
}

static void on_applications_get(struct broker *broker, struct conn *conn, struct message *message)
{
	struct login *login = find_login(broker, conn, message, message->applications_get.login,
	    message->applications_get.cookie);
	struct message out;

	if (login == NULL)
		return;
	message_init(&out, MESSAGE_DO_APPLICATIONS, 0);
	order(login, conn, message, &out, MESSAGE_APPLICATIONS);
}

static void on_start(struct broker *broker, struct conn *conn, struct message *message)
{
	const struct message_start *start = &message->start;
	struct login *login = find_login(broker, conn, message, start->login, start->cookie);
	struct message out;

	if (login == NULL)
		return;
	message_init(&out, MESSAGE_DO_START, 0);
	strcpy(out.do_start.command, start->command);
	out.do_start.width = start->width;
	out.do_start.height = start->height;
	strcpy(out.do_start.layout, start->layout);
	strcpy(out.do_start.model, start->model);
	out.do_start.dpi = start->dpi;
	out.do_start.clipboard = start->clipboard;
	out.do_start.quality = start->quality;
	order_in_turn(login, conn, message, &out, true);
}

static void on_resume(struct broker *broker, struct conn *conn, struct message *message)
{
	const struct message_resume *resume = &message->resume;
	struct login *login = find_login(broker, conn, message, resume->login, resume->cookie);
	struct message out;

	if (login == NULL)
		return;
	message_init(&out, MESSAGE_DO_RESUME, 0);
	strcpy(out.do_resume.session, resume->session);
	out.do_resume.width = resume->width;
	out.do_resume.height = resume->height;
	strcpy(out.do_resume.layout, resume->layout);
	strcpy(out.do_resume.model, resume->model);
	out.do_resume.dpi = resume->dpi;
	out.do_resume.clipboard = resume->clipboard;
	out.do_resume.quality = resume->quality;
	order_in_turn(login, conn, message, &out, false);
}

/* Upstream's client logs in once more to end what it shows by another login. That one is told, as
 * it can let go of the agent in order; signals to an agent that draws may hang it. */
static struct login *find_shower(struct login *login, const char *session)
{
	const struct policy_hop *server = &login->target.hops[login->target.hop_count - 1];
	struct login *other;

	if (!login->compat)
		return login;
	LIST_FOREACH(other, &login->broker->logins.logins, next)
	{
		const struct policy_hop *its = &other->target.hops[other->target.hop_count - 1];

		if (other->state == LOGIN_STATE_READY && !login_is_of_before(other) &&
		    other->stream != STREAM_STATE_NONE && strcmp(other->session, session) == 0 &&
		    strcmp(its->user, server->user) == 0 && strcmp(its->name, server->name) == 0)
			return other;
	}
	return login;
}

static void on_suspend(struct broker *broker, struct conn *conn, struct message *message)
{
	const struct message_suspend *suspend = &message->suspend;
	struct login *login = find_login(broker, conn, message, suspend->login, suspend->cookie);
	struct message out;

	if (login == NULL)
		return;
	message_init(&out, MESSAGE_DO_SUSPEND, 0);
	strcpy(out.do_suspend.session, suspend->session);
	order(find_shower(login, suspend->session), conn, message, &out, MESSAGE_SESSION);
}

static void on_terminate(struct broker *broker, struct conn *conn, struct message *message)
{
	const struct message_terminate *terminate = &message->terminate;
	struct login *login =
	    find_login(broker, conn, message, terminate->login, terminate->cookie);
	struct message out;

	if (login == NULL)
		return;
	message_init(&out, MESSAGE_DO_TERMINATE, 0);
	strcpy(out.do_terminate.session, terminate->session);
	order(find_shower(login, terminate->session), conn, message, &out, MESSAGE_SESSION);
}

static void on_layout(struct broker *broker, struct conn *conn, struct message *message)
{
	const struct message_layout *layout = &message->layout;
	struct login *login = find_login(broker, conn, message, layout->login, layout->cookie);
	struct message out;

	if (login == NULL)
		return;
	message_init(&out, MESSAGE_DO_LAYOUT, 0);
	strcpy(out.do_layout.session, layout->session);
	strcpy(out.do_layout.layout, layout->layout);
	order(login, conn, message, &out, MESSAGE_DONE);
}

static void on_logout(struct broker *broker, struct conn *conn, struct message *message)
{
	struct login *login = find_login_in(IN(OPENING) | IN(PROMPTING) | IN(READY), broker, conn,
	    message, message->logout.login, message->logout.cookie);

	if (login == NULL)
		return;
	login_leave(login, NULL);
	conn_send_done(conn, message->request_id);
}

static const struct {
	enum message_type type;
	void (*handle)(struct broker *broker, struct conn *conn, struct message *message);
} rows[] = {
    {MESSAGE_CONFIG_GET, on_config_get},
    {MESSAGE_LOGIN, on_login},
    {MESSAGE_ANSWER, on_answer},
    {MESSAGE_SESSIONS_GET, on_sessions_get},
    {MESSAGE_APPLICATIONS_GET, on_applications_get},
    {MESSAGE_START, on_start},
    {MESSAGE_RESUME, on_resume},
    {MESSAGE_SUSPEND, on_suspend},
    {MESSAGE_TERMINATE, on_terminate},
    {MESSAGE_LAYOUT, on_layout},
    {MESSAGE_LOGOUT, on_logout},
    {MESSAGE_HEALTH_GET, on_health_get},
    {MESSAGE_METRICS_GET, on_metrics_get},
};

void handle_fcgi(struct conn *conn, struct message *message, void *arg)
{
	struct broker *broker = arg;

	/* Without a number there is nobody to answer. */
	if (message->request_id == 0)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == message->type)
			rows[i].handle(broker, conn, message);
}
