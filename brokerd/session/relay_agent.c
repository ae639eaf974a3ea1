/* SPDX-License-Identifier: ISC */
#include "relay_agent.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "proto/secret.h"

#include "ssh.h"
#include "timer.h"

/* Between attempts to connect. */
#define RETRY_FIRST_MS 20
#define RETRY_MOST_MS  320

enum agent_state {
	AGENT_STATE_CONNECTING, /* a tunnel is being opened */
	AGENT_STATE_RETRYING,	/* nobody listened; the next attempt is awaited */
	AGENT_STATE_TALKING,
	AGENT_STATE_HANGING_UP /* DISCONNECTCLIENT is sent */
};

static const char *const state_names[] = {"connecting", "retrying", "talking", "hanging up"};

struct relay_agent {
	enum agent_state state;
	struct relay_agent_handlers handlers;
	void *arg;

	struct ssh *ssh;
	struct ssh_tunnel *tunnel;
	uint16_t port;
	unsigned retry_ms;
	struct event *retry;
	struct event *deadline; /* of connecting, then of hanging up */
	struct event *keepalive;
	unsigned keepalive_ms;
	uint64_t sent_ms;  /* when something was sent last */
	uint64_t left_ms;  /* when it was asked to hang up */
	size_t left_bytes; /* that waited for the server at the last look after that */

	uint16_t width, height; /* of the first GEOMETRY */
	char cookie[KDRIVE_COOKIE_BYTES];
};

static void set_state(struct relay_agent *agent, enum agent_state state)
{
	log_debug("agent: %s -> %s", state_names[agent->state], state_names[state]);
	agent->state = state;
}

/* Nothing of the agent may be touched afterwards. */
static void end(struct relay_agent *agent, enum error_code code, const char *detail)
{
	event_del(agent->retry);
	event_del(agent->deadline);
	event_del(agent->keepalive);
	agent->handlers.ended(agent, code, detail, agent->arg);
}

static bool write_tunnel(struct relay_agent *agent, const void *data, size_t length)
{
	agent->sent_ms = timer_now_ms();
	return ssh_tunnel_write(agent->tunnel, data, length);
}

static bool send_plain(struct relay_agent *agent, enum kdrive_event type)
{
	uint8_t event[KDRIVE_EVENT_BYTES];

	kdrive_events_put_plain(event, type);
	return write_tunnel(agent, event, sizeof(event));
}

static void on_opened(struct ssh_tunnel *tunnel, void *arg)
{
	struct relay_agent *agent = arg;
	uint8_t opening[KDRIVE_OPENING_BYTES];
	bool written;

	(void)tunnel;
	event_del(agent->deadline);
	set_state(agent, AGENT_STATE_TALKING);
	kdrive_events_put_opening(opening, agent->cookie, agent->width, agent->height);
	written = write_tunnel(agent, opening, sizeof(opening));
	explicit_bzero(opening, sizeof(opening));
	if (!written) {
		end(agent, ERROR_INTERNAL, "out of memory");
		return;
	}
	timer_start_ms(agent->keepalive, agent->keepalive_ms);
	agent->handlers.connected(agent, agent->arg);
}

static void on_readable(struct ssh_tunnel *tunnel, void *arg)
{
	struct relay_agent *agent = arg;

	(void)tunnel;
	agent->handlers.readable(agent, agent->arg);
}

static void on_drained(struct ssh_tunnel *tunnel, void *arg)
{
	struct relay_agent *agent = arg;

	(void)tunnel;
	agent->handlers.drained(agent, agent->arg);
}

static void on_failed(
    struct ssh_tunnel *tunnel, enum error_code code, const char *detail, void *arg)
{
	struct relay_agent *agent = arg;

	(void)tunnel;
	if (agent->state == AGENT_STATE_CONNECTING && code == ERROR_AGENT_LOST) {
		ssh_tunnel_close(agent->tunnel);
		agent->tunnel = NULL;
		set_state(agent, AGENT_STATE_RETRYING);
		timer_start_ms(agent->retry, agent->retry_ms);
		return;
	}
	end(agent, code, detail);
}

static void connect_tunnel(struct relay_agent *agent)
{
	static const struct ssh_tunnel_handlers handlers = {
	    .opened = on_opened,
	    .readable = on_readable,
	    .drained = on_drained,
	    .failed = on_failed,
	};

	set_state(agent, AGENT_STATE_CONNECTING);
	if (agent->retry_ms < RETRY_MOST_MS)
		agent->retry_ms *= 2;
	agent->tunnel = ssh_tunnel_open(agent->ssh, "127.0.0.1", agent->port, &handlers, agent);
	if (agent->tunnel == NULL) {
		set_state(agent, AGENT_STATE_RETRYING);
		timer_start_ms(agent->retry, agent->retry_ms);
	}
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connect_tunnel(arg);
}

/* True if what was sent before DISCONNECTCLIENT is still on its way. */
static bool is_draining(struct relay_agent *agent)
{
	size_t unsent = ssh_tunnel_unsent(agent->tunnel);
	bool progress = unsent < agent->left_bytes;

	agent->left_bytes = unsent;
	return progress && timer_now_ms() - agent->left_ms < RELAY_AGENT_DRAIN_MS;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct relay_agent *agent = arg;

	(void)fd;
	(void)what;
	switch (agent->state) {
	case AGENT_STATE_CONNECTING:
		end(agent, ERROR_TIMEOUT, "the server did not connect to the agent in time");
		break;
	case AGENT_STATE_RETRYING:
		end(agent, ERROR_AGENT_LOST, "nobody listens on the agent's port");
		break;
	default:
		if (is_draining(agent)) {
			timer_start_ms(agent->deadline, RELAY_AGENT_DISCONNECT_MS);
			break;
		}
		log_info("agent: does not hang up: closing the tunnel");
		end(agent, ERROR_ENDED, "the agent did not hang up");
		break;
	}
}

/* Sent only when nothing was for the whole time, and never into a backlog: what waits there will
 * do as well. */
static void on_keepalive(evutil_socket_t fd, short what, void *arg)
{
	struct relay_agent *agent = arg;
	uint64_t silent_ms = timer_now_ms() - agent->sent_ms;

	(void)fd;
	(void)what;
	if (silent_ms < agent->keepalive_ms) {
		timer_start_ms(agent->keepalive, (unsigned)(agent->keepalive_ms - silent_ms));
		return;
	}
	timer_start_ms(agent->keepalive, agent->keepalive_ms);
	if (ssh_tunnel_unsent(agent->tunnel) == 0)
		send_plain(agent, KDRIVE_EVENT_KEEPALIVE);
}

struct relay_agent *relay_agent_create(struct event_base *base, struct ssh *ssh, uint16_t port,
    const char cookie[KDRIVE_COOKIE_BYTES], uint16_t width, uint16_t height,
    unsigned connect_deadline_ms, unsigned keepalive_ms,
    const struct relay_agent_handlers *handlers, void *arg)
{
	struct relay_agent *agent = calloc(1, sizeof(*agent));

	if (agent == NULL)
		return NULL;
	agent->handlers = *handlers;
	agent->arg = arg;
	agent->ssh = ssh;
	agent->port = port;
	agent->width = width;
	agent->height = height;
	agent->keepalive_ms = keepalive_ms;
	agent->retry_ms = RETRY_FIRST_MS / 2;
	memcpy(agent->cookie, cookie, sizeof(agent->cookie));
	agent->retry = evtimer_new(base, on_retry, agent);
	agent->deadline = evtimer_new(base, on_deadline, agent);
	agent->keepalive = evtimer_new(base, on_keepalive, agent);
	if (agent->retry == NULL || agent->deadline == NULL || agent->keepalive == NULL) {
		relay_agent_destroy(agent);
		return NULL;
	}
	timer_start_ms(agent->deadline, connect_deadline_ms);
	connect_tunnel(agent);
	return agent;
}

void relay_agent_destroy(struct relay_agent *agent)
{
	if (agent == NULL)
		return;
	ssh_tunnel_close(agent->tunnel);
	if (agent->retry != NULL)
		event_free(agent->retry);
	if (agent->deadline != NULL)
		event_free(agent->deadline);
	if (agent->keepalive != NULL)
		event_free(agent->keepalive);
	explicit_bzero(agent->cookie, sizeof(agent->cookie));
	free(agent);
}

ssize_t relay_agent_read(struct relay_agent *agent, void *buffer, size_t size)
{
	return ssh_tunnel_read(agent->tunnel, buffer, size);
}

bool relay_agent_send(struct relay_agent *agent, const uint8_t *units, size_t length)
{
	return agent->state == AGENT_STATE_TALKING && write_tunnel(agent, units, length);
}

size_t relay_agent_unsent(const struct relay_agent *agent)
{
	return agent->tunnel != NULL ? ssh_tunnel_unsent(agent->tunnel) : 0;
}

bool relay_agent_cookie_is(
    const struct relay_agent *agent, const uint8_t cookie[KDRIVE_COOKIE_BYTES])
{
	return secret_equal(agent->cookie, cookie, KDRIVE_COOKIE_BYTES);
}

void relay_agent_disconnect(struct relay_agent *agent)
{
	set_state(agent, AGENT_STATE_HANGING_UP);
	event_del(agent->keepalive);
	timer_start_ms(agent->deadline, RELAY_AGENT_DISCONNECT_MS);
	send_plain(agent, KDRIVE_EVENT_DISCONNECT_CLIENT);
	agent->left_ms = timer_now_ms();
	agent->left_bytes = ssh_tunnel_unsent(agent->tunnel);
}
