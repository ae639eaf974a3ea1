/* SPDX-License-Identifier: ISC */
#include "login.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"
#include "clock.h"
#include "config.h"
#include "dial.h"
#include "knownhosts.h"
#include "login_internal.h"
#include "login_open.h"
#include "port_pool.h"
#include "proto/conn.h"
#include "proto/secret.h"
#include "spawn.h"
#include "stream_sockets.h"
#include "trace.h"
#include "uid_pool.h"

/* How much longer than its own deadlines a session process may take. */
#define DEADLINE_GRACE_MS 1000
/* After which a process that was told to die, or did, is swept again. */
#define KILL_PAUSE_MS 1000
/* When others may have ended their logins, and when another broker may run. */
#define RETRY_WHEN_FULL_S     30
#define RETRY_WHEN_DRAINING_S 10

#define BIT(state) (1u << LOGIN_STATE_##state)

static const struct {
	const char *name;
	unsigned next; /* bits of the states that may follow */
} states[LOGIN_STATE_COUNT] = {
    [LOGIN_STATE_WAITING] = {"waiting", BIT(DIALLING)},
    [LOGIN_STATE_DIALLING] = {"dialling", BIT(OPENING)},
    [LOGIN_STATE_OPENING] = {"opening", BIT(PROMPTING) | BIT(READY) | BIT(STOPPING)},
    [LOGIN_STATE_PROMPTING] = {"prompting", BIT(OPENING) | BIT(STOPPING)},
    [LOGIN_STATE_READY] = {"ready", BIT(STOPPING)},
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

void login_set_deadline(struct login *login, uint64_t duration_ms)
{
	const struct timeval limit = clock_timeval(duration_ms);

	event_add(login->deadline, &limit);
}

/* How long the login took, without the time in which its user was asked. */
static void note_time(struct login *login, enum login_state next)
{
	uint64_t now = clock_now_ms();

	if (login->state == LOGIN_STATE_PROMPTING)
		login->begun_ms += now - login->prompted_ms;
	if (next == LOGIN_STATE_PROMPTING)
		login->prompted_ms = now;
	if (next == LOGIN_STATE_READY)
		metrics_time(&login->broker->metrics, METRIC_TIME_LOGIN, now - login->begun_ms);
}

void login_set_state(struct login *login, enum login_state state)
{
	const struct config *config = login->broker->config;
	const struct log_context context = login_context(login);

	if ((states[login->state].next & 1u << state) == 0)
		log_fatalx("login %s: no way from %s to %s", login->id, states[login->state].name,
		    states[state].name);
	log_about(&context, LOG_LEVEL_DEBUG, "login: %s -> %s", states[login->state].name,
	    states[state].name);
	note_time(login, state);
	login->state = state;
	switch (state) {
	case LOGIN_STATE_OPENING:
		/* The session keeps them by itself, the first at each hop, the second for its first
		 * lists; the rest is for one that does not. */
		login_set_deadline(login, config->deadlines.auth_ms * login->target.hop_count +
					      config->deadlines.start_ms + DEADLINE_GRACE_MS);
		break;
	case LOGIN_STATE_PROMPTING:
		login_set_deadline(login, config->deadlines.prompt_ms + DEADLINE_GRACE_MS);
		break;
	case LOGIN_STATE_STOPPING:
		event_del(login->idle);
		login_set_deadline(login, config->deadlines.stop_ms);
		break;
	default:
		event_del(login->deadline);
		break;
	}
	login_keep(login);
}

/* For all who have an end of it open: systemd's store has one, too. */
static void drop_link(struct login *login)
{
	if (login->link != NULL && !login->broker->leaving)
		conn_cut(login->link);
	conn_destroy(login->link);
	login->link = NULL;
}

/* Its hash stays. */
static void forget_cookie(struct login *login)
{
	explicit_bzero(login->cookie, sizeof(login->cookie));
	explicit_bzero(login->ticket, sizeof(login->ticket));
}

void login_destroy(struct login *login)
{
	struct broker *broker = login->broker;

	turn_end(&login->opening);
	dial_destroy(login->dial);
	drop_link(login);
	if (login->pid != 0)
		spawner_forget(broker->spawner, login->pid);
	requests_fail_all(&login->requests, login->reason, NULL);
	if (login->open != NULL)
		secret_free(login->open);
	if (login->listener >= 0)
		close(login->listener);
	if (login->port != 0 && !broker->leaving)
		port_pool_give_back(broker->ports, login->port, clock_now_ms(),
		    broker->config->relay.quarantine_ms);
	if (login->socket[0] != 0 && !broker->leaving)
		stream_sockets_remove(broker->sockets, login->socket);
	if (login->uid != 0 && !broker->leaving)
		uid_pool_give_back(broker->uids, login->uid);
	if (login->deadline != NULL)
		event_free(login->deadline);
	if (login->idle != NULL)
		event_free(login->idle);
	if (login->expiry != NULL)
		event_free(login->expiry);
	forget_cookie(login);
	free(login);
}

void login_end(struct login *login)
{
	struct login_table *table = &login->broker->logins;

	if (login->was_ready)
		audit_ended(login);
	login_keep_over(login);
	trace_note_end(login);
	login_table_remove(table, login);
	login_destroy(login);
	login_table_tell_empty(table);
}

void login_penalise(struct login *login, enum penalty penalty, enum hop hop)
{
	const struct penalties_subject subject = {login->client, login->user, &login->target};

	if (penalty == PENALTY_NONE)
		return;
	metrics_count(&login->broker->metrics, METRIC_PENALTIES, penalty, 1);
	penalties_add(login->broker->penalties, login->broker->config, &subject, penalty, hop,
	    clock_now_ms());
}

uint32_t login_retry_after_s(enum error_code code)
{
	switch (code) {
	case ERROR_TOO_MANY_LOGINS:
		return RETRY_WHEN_FULL_S;
	case ERROR_DRAINING:
		return RETRY_WHEN_DRAINING_S;
	case ERROR_HOST_REFUSED:
		return PENALTIES_HOST_MS / 1000;
	default:
		return 0;
	}
}

/* Why a login was refused must not tell whether the user exists, nor what is in a network in which
 * hosts may be typed; which key a host shows the user must know. */
static bool may_be_told(const struct login *login, enum error_code reason)
{
	if (reason == ERROR_HOST_KEY_UNKNOWN || reason == ERROR_HOST_KEY_CHANGED ||
	    reason == ERROR_HOST_KEY_REVOKED)
		return true;
	return reason != ERROR_AUTH_FAILED && (!login->target.typed || login->was_ready);
}

void login_set_reason(struct login *login, enum error_code reason, enum hop hop, const char *detail)
{
	struct conn_failure failure = {.code = reason,
	    .hop = hop,
	    .retry_after_s = login_retry_after_s(reason),
	    .detail = detail};

	if (login->reason != ERROR_NONE)
		return;
	login->reason = reason;
	login->reason_hop = hop;
	if (detail != NULL)
		message_set_text(login->detail, sizeof(login->detail), detail, strlen(detail));
	login_penalise(login, penalties_of(reason, login->was_ready, &login->target), hop);
	if (!may_be_told(login, reason))
		failure.detail = NULL;
	if (!login->was_ready)
		audit_failed(login);
	if (login->asker != NULL)
		conn_send_failure(login->asker, login->asker_id, &failure);
	login->asker = NULL;
	forget_cookie(login);
	requests_fail_all(&login->requests, reason, failure.detail);
}

static void begin_stop(
    struct login *login, enum error_code reason, enum hop hop, const char *detail)
{
	login_set_reason(login, reason, hop, detail);
	if (login->state != LOGIN_STATE_STOPPING)
		login_set_state(login, LOGIN_STATE_STOPPING);
}

void login_stop(struct login *login, enum error_code reason, const char *detail)
{
	login_stop_at(login, reason, HOP_SERVER, detail);
}

void login_stop_at(struct login *login, enum error_code reason, enum hop hop, const char *detail)
{
	struct message stop;

	if (login->state == LOGIN_STATE_STOPPING)
		return;
	if (login->state == LOGIN_STATE_WAITING || login->state == LOGIN_STATE_DIALLING) {
		login_set_reason(login, reason, hop, detail);
		login_end(login);
		return;
	}
	begin_stop(login, reason, hop, detail);
	message_init(&stop, MESSAGE_STOP, 0);
	stop.stop.code = (uint16_t)reason;
	conn_send(login->link, &stop);
}

/* For the admin to compare the key that the server has shown with those on file. */
static void report_changed_key(const struct login *login, enum hop hop, const char *detail)
{
	const struct config *config = login->broker->config;
	const struct knownhosts_files files = {config->ssh.known_hosts, config->ssh.accepted_hosts};
	const struct log_context context = login_context(login);

	log_event(LOG_EVENT_HOST_KEY_CHANGED, &context, "%s shows another host key: %s",
	    hop == HOP_JUMP ? "the jump host" : "the server", detail);
	for (size_t i = 0; i < login->target.hop_count; i++)
		if (login_open_hop(login, i) == hop)
			knownhosts_log(&files, login->target.hops[i].address,
			    login->target.hops[i].port, &context);
}

void login_ended_by_itself(
    struct login *login, enum error_code reason, enum hop hop, const char *detail)
{
	if (reason == ERROR_HOST_KEY_CHANGED && login->reason == ERROR_NONE)
		report_changed_key(login, hop, detail);
	begin_stop(login, reason, hop, detail);
}

void login_kill(struct login *login, const char *why)
{
	const struct log_context context = login_context(login);

	metrics_count(&login->broker->metrics, METRIC_PROCESSES_KILLED, 0, 1);
	log_event(LOG_EVENT_PROCESS_KILLED, &context, "session process is killed: %s", why);
	login_penalise(login, PENALTY_CRASH, HOP_SERVER);
	begin_stop(login, ERROR_INTERNAL, HOP_SERVER, why);
	drop_link(login);
	uid_pool_kill(login->broker->uids, login->uid);
	login_set_deadline(login, KILL_PAUSE_MS);
}

/* The link's end comes after what the process said last, and the process' own end near it: the
 * login is over when both are there. */
void login_on_link_closed(struct conn *link, const char *reason, void *arg)
{
	struct login *login = arg;

	(void)link;
	drop_link(login);
	if (login->state != LOGIN_STATE_STOPPING)
		begin_stop(login, ERROR_INTERNAL, HOP_SERVER, reason);
	if (login->pid == 0)
		login_end(login);
}

void login_on_process_ended(int status, void *arg)
{
	struct login *login = arg;
	const struct log_context context = login_context(login);

	login->pid = 0;
	/* SIGKILL is the broker's own, the admin's, or the kernel's for want of memory. */
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		login_penalise(login, PENALTY_CRASH, HOP_SERVER);
	if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0)
		metrics_count(&login->broker->metrics, METRIC_PROCESSES_DIED, 0, 1);
	if (WIFSIGNALED(status))
		log_event(LOG_EVENT_PROCESS_DIED, &context,
		    "session process was ended by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		log_event(LOG_EVENT_PROCESS_DIED, &context, "session process ended with status %d",
		    WEXITSTATUS(status));
	if (login->link == NULL)
		login_end(login);
	else
		login_set_deadline(login, KILL_PAUSE_MS);
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
		login_on_link_closed(login->link, "link outlived its process", login);
	} else if (login->state == LOGIN_STATE_OPENING) {
		login_stop(login, ERROR_TIMEOUT, "session process opened nothing in time");
	} else if (login->state == LOGIN_STATE_READY) {
		login_kill(login, "it does not answer the new broker");
	} else if (login->state == LOGIN_STATE_PROMPTING) {
		login_stop(login, ERROR_PROMPT_TIMEOUT, NULL);
	} else {
		metrics_count(&login->broker->metrics, METRIC_PROCESSES_KILLED, 0, 1);
		log_event(LOG_EVENT_PROCESS_KILLED, &context,
		    "session process is killed: it does not stop");
		uid_pool_kill(login->broker->uids, login->uid);
		login_set_deadline(login, KILL_PAUSE_MS);
	}
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	login_stop(arg, ERROR_LOGIN_EXPIRED, NULL);
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

bool login_create_timers(struct login *login)
{
	struct event_base *base = login->broker->base;
	const struct timeval limit = clock_timeval(login->broker->config->deadlines.login_ms);

	login->deadline = evtimer_new(base, on_deadline, login);
	login->idle = evtimer_new(base, on_idle, login);
	login->expiry = evtimer_new(base, on_expiry, login);
	return login->deadline != NULL && login->idle != NULL && login->expiry != NULL &&
	       event_add(login->expiry, &limit) == 0;
}

uint64_t login_left_ms(const struct login *login)
{
	struct timeval end, now, left = {0};

	if (!event_pending(login->expiry, EV_TIMEOUT, &end) || gettimeofday(&now, NULL) != 0 ||
	    timercmp(&end, &now, <))
		return 0;
	timersub(&end, &now, &left);
	return (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000;
}

void login_touch(struct login *login)
{
	const struct timeval limit = clock_timeval(login->broker->config->deadlines.idle_ms);

	if (login->state == LOGIN_STATE_READY)
		event_add(login->idle, &limit);
}

void login_set_ready(struct login *login, const struct message_opened *opened)
{
	struct message answer;
	bool sent;

	message_init(&answer, MESSAGE_LOGGED_IN, login->asker_id);
	strcpy(answer.logged_in.login, login->id);
	strcpy(answer.logged_in.cookie, login->cookie);
	strcpy(answer.logged_in.ticket, login->ticket);
	strcpy(answer.logged_in.notice, opened->notice);
	answer.logged_in.sessions_count = opened->sessions_count;
	memcpy(answer.logged_in.sessions, opened->sessions, sizeof(opened->sessions));
	answer.logged_in.desktops_count = opened->desktops_count;
	memcpy(answer.logged_in.desktops, opened->desktops, sizeof(opened->desktops));
	forget_cookie(login);
	strcpy(login->methods, opened->methods);
	strcpy(login->fingerprint, opened->fingerprint);
	if (login->target.hop_count > 1)
		strcpy(login->jump_fingerprint, opened->jump_fingerprint);
	login->was_ready = true;
	login_set_state(login, LOGIN_STATE_READY);
	turn_end(&login->opening);
	login_touch(login);
	audit_opened(login);
	sent = conn_send(login->asker, &answer);
	message_wipe(&answer);
	login->asker = NULL;
	if (!sent)
		login_stop(login, ERROR_INTERNAL, "the answer cannot be sent");
}

bool login_may_be_used(const struct login *login, const char *cookie, unsigned allowed)
{
	return cookie_matches(cookie, login->cookie_hash) && (allowed & 1u << login->state) != 0;
}

/* Whoever leaves while the server judges a password has tried it, as sshd counts it: servers take
 * longer to say no than yes, so that guessing would cost nothing without waiting for the no. A
 * question that is taken back costs nothing. */
void login_leave(struct login *login, const char *detail)
{
	if (login->state != LOGIN_STATE_PROMPTING && !login->was_ready)
		login_penalise(
		    login, login->has_tried ? PENALTY_AUTH_FAILED : PENALTY_UNFINISHED, HOP_SERVER);
	login_stop(login, ERROR_LOGOUT, detail);
}

void login_forget_asker(struct login *login, const struct conn *asker)
{
	requests_forget(&login->requests, asker);
	if (login->asker != asker)
		return;
	login->asker = NULL;
	login_leave(login, "taken back before it was open");
}
