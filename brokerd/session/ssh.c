/* SPDX-License-Identifier: ISC */
/*
 * The life of the SSH connection: made, pumped, failed, given up. Runs in x2goweb-session. The
 * pump is the only place that calls owners back, so they may destroy what they like in there.
 *
 *	LOGIN -> OPEN; both -> FAILED
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/log.h"

#include "ssh_internal.h"
#include "timer.h"

/* A server that has said nothing for so long is asked whether it lives, and given up when it
 * does not answer within twice that time. */
#define ALIVE_INTERVAL_MS 30000

static const char *const state_names[SSH_STATE_COUNT] = {"login", "open", "failed"};

/* Which states may follow each. */
static const unsigned state_followers[SSH_STATE_COUNT] = {
    [SSH_STATE_LOGIN] = 1u << SSH_STATE_OPEN | 1u << SSH_STATE_FAILED,
    [SSH_STATE_OPEN] = 1u << SSH_STATE_FAILED,
};

void ssh_set_state(struct ssh *ssh, enum ssh_state state)
{
	if ((state_followers[ssh->state] & 1u << state) == 0)
		log_fatalx("ssh: %s cannot become %s", state_names[ssh->state], state_names[state]);
	log_debug("ssh: %s -> %s", state_names[ssh->state], state_names[state]);
	ssh->state = state;
}

/* --- failure ------------------------------------------------------------------------------ */

void ssh_fail(struct ssh *ssh, enum error_code code, const char *format, ...)
{
	va_list arguments;

	if (ssh->failure != ERROR_NONE)
		return;
	ssh->failure = code;
	va_start(arguments, format);
	vsnprintf(ssh->detail, sizeof(ssh->detail), format, arguments);
	va_end(arguments);
	ssh_schedule(ssh);
}

const char *ssh_error_text(const struct ssh *ssh)
{
	char *text = NULL;

	libssh2_session_last_error(ssh->session, &text, NULL, 0);
	return text != NULL ? text : "";
}

void ssh_fail_by_library(struct ssh *ssh, enum error_code code, const char *what)
{
	const struct ssh_transport *transport = &ssh->transport;
	const char *reason = ssh_error_text(ssh);

	if (transport->ended)
		reason = transport->error != 0 ? strerror(transport->error)
					       : "the server closed the connection";
	ssh_fail(ssh, code, "%s: %s%s%s", what, reason, ssh->disconnect[0] != 0 ? ": " : "",
	    ssh->disconnect);
}

bool ssh_error_is_fatal(const struct ssh *ssh, ssize_t result)
{
	switch (result) {
	case LIBSSH2_ERROR_EAGAIN:
	case LIBSSH2_ERROR_CHANNEL_OUTOFORDER:
	case LIBSSH2_ERROR_CHANNEL_FAILURE:
	case LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED:
	case LIBSSH2_ERROR_CHANNEL_UNKNOWN:
	case LIBSSH2_ERROR_CHANNEL_WINDOW_EXCEEDED:
	case LIBSSH2_ERROR_CHANNEL_PACKET_EXCEEDED:
	case LIBSSH2_ERROR_CHANNEL_CLOSED:
	case LIBSSH2_ERROR_CHANNEL_EOF_SENT:
	case LIBSSH2_ERROR_CHANNEL_WINDOW_FULL:
		return ssh->transport.ended;
	default:
		return result < 0 || ssh->transport.ended;
	}
}

/* --- pump --------------------------------------------------------------------------------- */

void ssh_schedule(struct ssh *ssh)
{
	event_active(ssh->pump_event, EV_TIMEOUT, 0);
}

static void open_connection(struct ssh *ssh)
{
	struct ssh_login login = ssh_login_describe(ssh);

	ssh->heard_ms = timer_now_ms();
	timer_start_ms(ssh->alive_event, ssh->alive_interval_ms);
	log_debug("ssh: logged in; cipher %s, mac %s, key exchange %s",
	    libssh2_session_methods(ssh->session, LIBSSH2_METHOD_CRYPT_SC),
	    libssh2_session_methods(ssh->session, LIBSSH2_METHOD_MAC_SC),
	    libssh2_session_methods(ssh->session, LIBSSH2_METHOD_KEX));
	ssh->handlers.opened(ssh, &login, ssh->arg);
	ssh_login_finish(ssh);
}

static void report_failure(struct ssh *ssh)
{
	ssh_set_state(ssh, SSH_STATE_FAILED);
	ssh_login_finish(ssh);
	event_del(ssh->alive_event);
	ssh_commands_lose(ssh);
	if (!ssh->destroyed)
		ssh_channels_lose(ssh);
	if (!ssh->destroyed)
		ssh->handlers.failed(ssh, ssh->failure, ssh->detail, ssh->arg);
}

static void free_connection(struct ssh *ssh)
{
	ssh_commands_free(ssh);
	ssh_login_finish(ssh);
	if (ssh->session != NULL) {
		if (ssh->state == SSH_STATE_OPEN)
			libssh2_session_disconnect(ssh->session, "");
		/* Channels are waited for unless the connection is dead. */
		ssh_transport_end(&ssh->transport, 0);
		libssh2_session_free(ssh->session);
	}
	ssh_channels_free(ssh);
	if (ssh->pump_event != NULL)
		event_free(ssh->pump_event);
	if (ssh->alive_event != NULL)
		event_free(ssh->alive_event);
	ssh_transport_finish(ssh);
	free(ssh);
}

void ssh_enter(struct ssh *ssh)
{
	ssh->entered = true;
}

void ssh_leave(struct ssh *ssh)
{
	ssh->entered = false;
	if (ssh->destroyed)
		free_connection(ssh);
}

void ssh_pump(struct ssh *ssh)
{
	uint64_t before;

	ssh_enter(ssh);
	do {
		before = ssh->transport.received_bytes;
		if (ssh->state == SSH_STATE_LOGIN) {
			ssh_login_step(ssh);
			if (ssh->state == SSH_STATE_OPEN)
				open_connection(ssh);
		}
		if (ssh->state == SSH_STATE_OPEN && !ssh->destroyed && ssh->failure == ERROR_NONE) {
			ssh_commands_step(ssh);
			ssh_channels_step(ssh);
		}
	} while (ssh->transport.received_bytes != before && ssh->failure == ERROR_NONE &&
		 !ssh->destroyed);
	/* Also when nobody was reading. */
	if (ssh->transport.ended)
		ssh_fail_by_library(ssh, ERROR_SSH_LOST, "connection");
	if (ssh->failure != ERROR_NONE && ssh->state != SSH_STATE_FAILED && !ssh->destroyed)
		report_failure(ssh);
	ssh_leave(ssh);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ssh_pump(arg);
}

/* --- time --------------------------------------------------------------------------------- */

/* Nothing has come for longer than an answer takes. */
static bool is_silent(const struct ssh *ssh, uint64_t now)
{
	return ssh->transport.received_bytes == ssh->heard_bytes &&
	       now - ssh->heard_ms > (uint64_t)ssh->alive_interval_ms * 3 / 2;
}

/* TCP notices a dead host only when something is sent, and never a hanging sshd. An answer is
 * asked for after silence only: libssh2 keeps every answer for good, and looks through them at
 * each read. */
static void on_alive(evutil_socket_t fd, short what, void *arg)
{
	struct ssh *ssh = arg;
	uint64_t now = timer_now_ms();
	int next_s;

	(void)fd;
	(void)what;
	if (ssh->transport.received_bytes != ssh->heard_bytes) {
		ssh->heard_bytes = ssh->transport.received_bytes;
		ssh->heard_ms = now;
	} else if (ssh->via != NULL && is_silent(ssh->via, now)) {
		/* Then this is no wonder; that connection will be given up by itself. */
		log_debug("ssh: nothing comes through the jump host");
	} else if (now - ssh->heard_ms > (uint64_t)ssh->alive_interval_ms * 5 / 2) {
		ssh_fail(ssh, ERROR_SSH_LOST, "the server has not answered for %" PRIu64 " s",
		    (now - ssh->heard_ms) / 1000);
	} else if (libssh2_keepalive_send(ssh->session, &next_s) != 0) {
		ssh_fail_by_library(ssh, ERROR_SSH_LOST, "keepalive");
	}
}

/* --- life --------------------------------------------------------------------------------- */

bool ssh_warm_up(void)
{
	return libssh2_init(0) == 0;
}

static bool set_up(struct ssh *ssh, const struct ssh_settings *settings)
{
	if (!ssh_transport_init(ssh, settings))
		return false;
	ssh->pump_event = event_new(settings->base, -1, 0, on_pump, ssh);
	ssh->alive_event = event_new(settings->base, -1, EV_PERSIST, on_alive, ssh);
	ssh->session = ssh_transport_new_session(ssh);
	if (ssh->pump_event == NULL || ssh->alive_event == NULL || ssh->session == NULL ||
	    !ssh_login_init(ssh, settings))
		return false;
	libssh2_keepalive_config(ssh->session, 1, 2);
	ssh_schedule(ssh);
	return true;
}

struct ssh *ssh_create(
    const struct ssh_settings *settings, const struct ssh_handlers *handlers, void *arg)
{
	struct ssh *ssh = calloc(1, sizeof(*ssh));

	if (ssh == NULL) {
		if (settings->via == NULL)
			close(settings->fd);
		return NULL;
	}
	ssh->handlers = *handlers;
	ssh->arg = arg;
	ssh->alive_interval_ms = ALIVE_INTERVAL_MS;
	ssh->via = settings->via;
	TAILQ_INIT(&ssh->channels);
	TAILQ_INIT(&ssh->commands);
	if (!set_up(ssh, settings)) {
		free_connection(ssh);
		return NULL;
	}
	return ssh;
}

void ssh_destroy(struct ssh *ssh)
{
	if (ssh == NULL)
		return;
	ssh->destroyed = true;
	if (!ssh->entered)
		free_connection(ssh);
}
