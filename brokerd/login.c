/* SPDX-License-Identifier: ISC */
#include "login.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"
#include "clock.h"
#include "config.h"
#include "dial.h"
#include "handle.h"
#include "knownhosts.h"
#include "policy.h"
#include "port_pool.h"
#include "proto/conn.h"
#include "proto/secret.h"
#include "spawn.h"
#include "uid_pool.h"

/* How much longer than its own deadlines a session process may take. */
#define DEADLINE_GRACE_MS 1000
/* After which a process that was told to die, or did, is swept again. */
#define KILL_PAUSE_MS 1000
/* As many as OPEN carries. */
#define HOSTKEYS_MAX (sizeof(((struct message_open *)0)->hostkeys) / sizeof(struct record_hostkey))

static const struct {
	const char *name;
	unsigned next; /* bits of the states that may follow */
} states[LOGIN_STATE_COUNT] = {
    [LOGIN_STATE_WAITING] = {"waiting", 1 << LOGIN_STATE_DIALLING},
    [LOGIN_STATE_DIALLING] = {"dialling", 1 << LOGIN_STATE_OPENING},
    [LOGIN_STATE_OPENING] = {"opening", 1 << LOGIN_STATE_READY | 1 << LOGIN_STATE_STOPPING},
    [LOGIN_STATE_READY] = {"ready", 1 << LOGIN_STATE_STOPPING},
    [LOGIN_STATE_STOPPING] = {"stopping", 0},
};

const char *login_state_name(enum login_state state)
{
	return states[state].name;
}

struct log_context login_context(const struct login *login)
{
	return (struct log_context){.login = login->id,
	    .session = login->session,
	    .user = login->user,
	    .server = login->server,
	    .client = login->client};
}

static void set_deadline(struct login *login, uint64_t duration_ms)
{
	const struct timeval limit = clock_timeval(duration_ms);

	event_add(login->deadline, &limit);
}

/* The only place that changes the state, and with it the deadline. */
static void set_state(struct login *login, enum login_state state)
{
	const struct config *config = login->broker->config;
	const struct log_context context = login_context(login);

	if ((states[login->state].next & 1u << state) == 0)
		log_fatalx("login %s: no way from %s to %s", login->id, states[login->state].name,
		    states[state].name);
	log_about(&context, LOG_LEVEL_DEBUG, "login: %s -> %s", states[login->state].name,
	    states[state].name);
	login->state = state;
	switch (state) {
	case LOGIN_STATE_OPENING:
		/* The session keeps both by itself, the second for its first lists; the rest is
		 * for one that does not. */
		set_deadline(login,
		    config->deadlines.auth_ms + config->deadlines.start_ms + DEADLINE_GRACE_MS);
		break;
	case LOGIN_STATE_STOPPING:
		event_del(login->idle);
		set_deadline(login, config->deadlines.stop_ms);
		break;
	default:
		event_del(login->deadline);
		break;
	}
}

void login_destroy(struct login *login)
{
	struct broker *broker = login->broker;

	turn_end(&login->opening);
	dial_destroy(login->dial);
	conn_destroy(login->link);
	if (login->pid != 0)
		spawner_forget(broker->spawner, login->pid);
	requests_fail_all(&login->requests, login->reason, NULL);
	if (login->open != NULL)
		secret_free(login->open);
	if (login->listener >= 0)
		close(login->listener);
	if (login->port != 0)
		port_pool_give_back(broker->ports, login->port, clock_now_ms(),
		    broker->config->relay.quarantine_ms);
	if (login->uid != 0)
		uid_pool_give_back(broker->uids, login->uid);
	if (login->deadline != NULL)
		event_free(login->deadline);
	if (login->idle != NULL)
		event_free(login->idle);
	explicit_bzero(login->cookie, sizeof(login->cookie));
	free(login);
}

/* Nothing of it runs any more. */
static void end(struct login *login)
{
	struct login_table *table = &login->broker->logins;
	const struct log_context context = login_context(login);

	if (login->was_ready)
		log_event(LOG_EVENT_LOGIN_ENDED, &context,
		    "login ended: %s%s%s; %" PRIu64 " s, %" PRIu64 " bytes to the browser, %" PRIu64
		    " from it",
		    error_info(login->reason)->name, login->detail[0] != 0 ? ": " : "",
		    login->detail, (clock_now_ms() - login->since_ms) / 1000,
		    login->to_browser_bytes, login->from_browser_bytes);
	login_table_remove(table, login);
	login_destroy(login);
	login_table_tell_empty(table);
}

/* Keeps the first reason and tells it to all who wait for an answer. */
static void set_reason(struct login *login, enum error_code reason, const char *detail)
{
	const struct log_context context = login_context(login);

	if (login->reason != ERROR_NONE)
		return;
	login->reason = reason;
	if (detail != NULL)
		message_set_text(login->detail, sizeof(login->detail), detail, strlen(detail));
	/* Why a login was refused must not tell whether the user exists. */
	if (reason == ERROR_AUTH_FAILED)
		detail = NULL;
	if (!login->was_ready)
		log_event(LOG_EVENT_LOGIN_FAILED, &context, "login failed: %s%s%s",
		    error_info(reason)->name, login->detail[0] != 0 ? ": " : "", login->detail);
	if (login->asker != NULL)
		conn_send_fail(login->asker, login->asker_id, reason, detail);
	login->asker = NULL;
	explicit_bzero(login->cookie, sizeof(login->cookie));
	requests_fail_all(&login->requests, reason, detail);
}

static void begin_stop(struct login *login, enum error_code reason, const char *detail)
{
	set_reason(login, reason, detail);
	if (login->state != LOGIN_STATE_STOPPING)
		set_state(login, LOGIN_STATE_STOPPING);
}

void login_stop(struct login *login, enum error_code reason, const char *detail)
{
	struct message stop;

	if (login->state == LOGIN_STATE_STOPPING)
		return;
	if (login->state == LOGIN_STATE_WAITING || login->state == LOGIN_STATE_DIALLING) {
		set_reason(login, reason, detail);
		end(login);
		return;
	}
	begin_stop(login, reason, detail);
	message_init(&stop, MESSAGE_STOP, 0);
	stop.stop.code = (uint16_t)reason;
	conn_send(login->link, &stop);
}

void login_ended_by_itself(struct login *login, enum error_code reason, const char *detail)
{
	begin_stop(login, reason, detail);
}

void login_kill(struct login *login, const char *why)
{
	const struct log_context context = login_context(login);

	log_about(&context, LOG_LEVEL_WARNING, "session process is killed: %s", why);
	begin_stop(login, ERROR_INTERNAL, why);
	conn_destroy(login->link);
	login->link = NULL;
	uid_pool_kill(login->broker->uids, login->uid);
	set_deadline(login, KILL_PAUSE_MS);
}

/* The link's end comes after what the process said last, and the process' own end near it: the
 * login is over when both are there. */
static void on_link_closed(struct conn *link, const char *reason, void *arg)
{
	struct login *login = arg;

	(void)link;
	conn_destroy(login->link);
	login->link = NULL;
	if (login->state != LOGIN_STATE_STOPPING)
		begin_stop(login, ERROR_INTERNAL, reason);
	if (login->pid == 0)
		end(login);
}

static void on_process_ended(int status, void *arg)
{
	struct login *login = arg;
	const struct log_context context = login_context(login);

	login->pid = 0;
	if (WIFSIGNALED(status))
		log_about(&context, LOG_LEVEL_WARNING,
		    "session process was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		log_about(&context, LOG_LEVEL_WARNING, "session process ended with status %d",
		    WEXITSTATUS(status));
	if (login->link == NULL)
		end(login);
	else
		set_deadline(login, KILL_PAUSE_MS);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct login *login = arg;
	const struct log_context context = login_context(login);

	(void)fd;
	(void)what;
	if (login->state == LOGIN_STATE_WAITING) {
		login_stop(login, ERROR_TOO_MANY_LOGINS, "too many others wait for this server");
	} else if (login->pid == 0) {
		/* Somebody holds the link of a process that has ended. */
		on_link_closed(login->link, "link outlived its process", login);
	} else if (login->state == LOGIN_STATE_OPENING) {
		login_stop(login, ERROR_TIMEOUT, "session process opened nothing in time");
	} else {
		log_about(&context, LOG_LEVEL_WARNING, "session process does not stop: killed");
		uid_pool_kill(login->broker->uids, login->uid);
		set_deadline(login, KILL_PAUSE_MS);
	}
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct login *login = arg;

	(void)fd;
	(void)what;
	if (login->stream != STREAM_STATE_NONE || login->requests.count != 0)
		login_touch(login);
	else
		login_stop(login, ERROR_IDLE, NULL);
}

void login_touch(struct login *login)
{
	const struct timeval limit = clock_timeval(login->broker->config->deadlines.idle_ms);

	if (login->state == LOGIN_STATE_READY)
		event_add(login->idle, &limit);
}

/* Starts the session process and hands it the connection; *ssh_fd is -1 once that is its. */
static bool start_process(struct login *login, int *ssh_fd)
{
	static const struct conn_handlers handlers = {
	    .message = handle_session, .closed = on_link_closed};
	struct broker *broker = login->broker;
	int pair[2];
	bool sent;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	login->pid =
	    spawner_run_session(broker->spawner, login->uid, pair[1], on_process_ended, login);
	close(pair[1]);
	if (login->pid < 0) {
		login->pid = 0;
		close(pair[0]);
		return false;
	}
	set_state(login, LOGIN_STATE_OPENING);
	login->link =
	    conn_create(broker->base, pair[0], ROLE_BROKER, ROLE_SESSION, &handlers, login);
	if (login->link == NULL)
		return false;
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
		set_reason(login, result->error, result->detail);
		end(login);
	} else if (!start_process(login, &ssh_fd)) {
		log_warn("session process cannot be started");
		if (login->pid == 0) {
			set_reason(login, ERROR_INTERNAL, "no session process");
			end(login);
		} else {
			login_kill(login, "it cannot be told anything");
		}
	}
	if (ssh_fd >= 0)
		close(ssh_fd);
	dial_destroy(dial);
}

/* The configuration may have been read anew while the login was waiting. */
static void on_turn(void *arg)
{
	struct login *login = arg;
	const struct broker *broker = login->broker;
	const struct config_server *server = policy_find_server(broker->config, login->server);

	set_state(login, LOGIN_STATE_DIALLING);
	if (server == NULL) {
		login_stop(login, ERROR_SERVER_NOT_ALLOWED, NULL);
		return;
	}
	login->dial = dial_create(broker->dialer, server->address, (uint16_t)server->port, NULL,
	    broker->config->deadlines.connect_ms, on_dialled, login);
	if (login->dial == NULL)
		login_stop(login, ERROR_INTERNAL, "it cannot be dialled");
}

void login_set_ready(struct login *login, const struct message_opened *opened)
{
	const struct log_context context = login_context(login);
	struct message answer;
	bool sent;

	message_init(&answer, MESSAGE_LOGGED_IN, login->asker_id);
	strcpy(answer.logged_in.login, login->id);
	strcpy(answer.logged_in.cookie, login->cookie);
	answer.logged_in.sessions_count = opened->sessions_count;
	memcpy(answer.logged_in.sessions, opened->sessions, sizeof(opened->sessions));
	answer.logged_in.desktops_count = opened->desktops_count;
	memcpy(answer.logged_in.desktops, opened->desktops, sizeof(opened->desktops));
	explicit_bzero(login->cookie, sizeof(login->cookie));
	set_state(login, LOGIN_STATE_READY);
	turn_end(&login->opening);
	login->was_ready = true;
	login_touch(login);
	log_event(LOG_EVENT_LOGIN_OPENED, &context, "login opened by password; host key %s",
	    opened->fingerprint);
	sent = conn_send(login->asker, &answer);
	message_wipe(&answer);
	login->asker = NULL;
	if (!sent)
		login_stop(login, ERROR_INTERNAL, "the answer cannot be sent");
}

bool login_may_be_used(const struct login *login, const char *cookie)
{
	return cookie_matches(cookie, login->cookie_hash) && login->state == LOGIN_STATE_READY;
}

void login_forget_asker(struct login *login, const struct conn *asker)
{
	requests_forget(&login->requests, asker);
	if (login->asker != asker)
		return;
	login->asker = NULL;
	login_stop(login, ERROR_LOGOUT, "taken back before it was open");
}

/* Fills OPEN but for the descriptors. */
static bool prepare_open(struct login *login, const struct message_login *request,
    const struct config_server *server, const struct record_hostkey *hostkeys, size_t hostkey_count)
{
	const struct config *config = login->broker->config;
	const struct config_choices *desktops = policy_desktops(config, server);
	struct message_open *open;

	login->open = secret_malloc(sizeof(*login->open));
	if (login->open == NULL)
		return false;
	message_init(login->open, MESSAGE_OPEN, 0);
	open = &login->open->open;
	strcpy(open->login, login->id);
	open->hops_count = 1;
	strcpy(open->hops[0].name, server->address);
	strcpy(open->hops[0].address, server->address);
	open->hops[0].port = (uint16_t)server->port;
	strcpy(open->hops[0].user, request->user);
	strcpy(open->hops[0].password, request->password);
	strcpy(open->hops[0].methods, "password,keyboard-interactive");
	strcpy(open->origin, request->origin);
	open->cookie_hash_length = sizeof(login->cookie_hash);
	memcpy(open->cookie_hash, login->cookie_hash, sizeof(login->cookie_hash));
	open->raw_allowed = config->relay.raw;
	open->port = login->port;
	open->auth_deadline_ms = config->deadlines.auth_ms;
	open->prompt_deadline_ms = config->deadlines.auth_ms;
	open->start_deadline_ms = config->deadlines.start_ms;
	open->attach_deadline_ms = config->deadlines.attach_ms;
	open->buffer_bytes = config->relay.buffer_bytes;
	open->hostkeys_count = (uint16_t)hostkey_count;
	memcpy(open->hostkeys, hostkeys, hostkey_count * sizeof(*hostkeys));
	open->desktops_count = (uint16_t)desktops->count;
	memcpy(open->desktops, desktops->items, desktops->count * sizeof(desktops->items[0]));
	return true;
}

/* Takes what the login needs. ERROR_NONE, or why not. */
static enum error_code take_resources(struct login *login, const char **ret_detail)
{
	struct broker *broker = login->broker;

	do {
		if (!cookie_make_login(login->id))
			return ERROR_INTERNAL;
	} while (login_table_find(&broker->logins, login->id) != NULL);
	login->deadline = evtimer_new(broker->base, on_deadline, login);
	login->idle = evtimer_new(broker->base, on_idle, login);
	if (login->deadline == NULL || login->idle == NULL ||
	    !cookie_make(login->cookie, login->cookie_hash))
		return ERROR_INTERNAL;
	login->listener = port_pool_take(broker->ports, login->since_ms, &login->port);
	if (login->listener < 0) {
		*ret_detail = "no port of [relay] ports is free";
		return ERROR_TOO_MANY_LOGINS;
	}
	login->uid = uid_pool_take(broker->uids);
	if (login->uid == 0) {
		*ret_detail = "no uid of [sessions] uids is free";
		return ERROR_TOO_MANY_LOGINS;
	}
	return ERROR_NONE;
}

/* Whether such a login may be: ERROR_NONE with the server and its keys, or why not. */
static enum error_code check(struct broker *broker, const struct message_login *request,
    const struct config_server **ret_server, struct record_hostkey hostkeys[HOSTKEYS_MAX],
    size_t *ret_count, const char **ret_detail)
{
	const struct config *config = broker->config;
	const struct config_server *server = policy_find_server(config, request->server);
	const struct knownhosts_files files = {config->ssh.known_hosts, config->ssh.accepted_hosts};
	enum error_code error;

	if (broker->stopping)
		return ERROR_DRAINING;
	if (server == NULL)
		return ERROR_SERVER_NOT_ALLOWED;
	error = policy_check_user(server, request->user);
	if (error != ERROR_NONE) {
		*ret_detail = "not among the users of this server";
		return error;
	}
	error = login_table_check_limits(
	    &broker->logins, config, request->user, request->server, request->client, ret_detail);
	if (error != ERROR_NONE)
		return error;
	if (!knownhosts_find(&files, server->address, (uint16_t)server->port, 0, hostkeys,
		HOSTKEYS_MAX, ret_count)) {
		log_warn("known hosts");
		*ret_detail = "the known hosts cannot be read";
		return ERROR_INTERNAL;
	}
	*ret_server = server;
	return *ret_count != 0 ? ERROR_NONE : ERROR_HOST_KEY_UNKNOWN;
}

static void refuse(
    const struct message *request, struct conn *asker, enum error_code code, const char *detail)
{
	const struct log_context context = {.user = request->login.user,
	    .server = request->login.server,
	    .client = request->login.client};

	log_event(LOG_EVENT_LOGIN_FAILED, &context, "login refused: %s%s%s", error_info(code)->name,
	    detail != NULL ? ": " : "", detail != NULL ? detail : "");
	conn_send_fail(asker, request->request_id, code, NULL);
}

void login_create(struct broker *broker, const struct message *request, struct conn *asker)
{
	struct record_hostkey hostkeys[HOSTKEYS_MAX];
	const struct config_server *server = NULL;
	const char *detail = NULL;
	size_t hostkey_count = 0;
	struct login *login;
	enum error_code error =
	    check(broker, &request->login, &server, hostkeys, &hostkey_count, &detail);

	if (error != ERROR_NONE) {
		refuse(request, asker, error, detail);
		return;
	}
	login = calloc(1, sizeof(*login));
	if (login == NULL) {
		refuse(request, asker, ERROR_INTERNAL, "out of memory");
		return;
	}
	login->broker = broker;
	login->listener = -1;
	login->since_ms = clock_now_ms();
	requests_init(&login->requests, broker->base);
	strcpy(login->server, request->login.server);
	strcpy(login->user, request->login.user);
	strcpy(login->client, request->login.client);
	error = take_resources(login, &detail);
	if (error == ERROR_NONE &&
	    !prepare_open(login, &request->login, server, hostkeys, hostkey_count))
		error = ERROR_INTERNAL;
	if (error != ERROR_NONE) {
		refuse(request, asker, error, detail);
		login_destroy(login);
		return;
	}
	login->asker = asker;
	login->asker_id = request->request_id;
	login_table_add(&broker->logins, login);
	set_deadline(login, broker->config->deadlines.auth_ms);
	turn_wait(&broker->openings, &login->opening, login->server,
	    broker->config->limits.logins_at_once, on_turn, login);
}
