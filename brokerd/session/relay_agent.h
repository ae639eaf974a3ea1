/* SPDX-License-Identifier: ISC */
/*
 * The relay's side towards the agent: one KDrive conversation over a tunnel, from the first attempt
 * to connect to the agent's hanging up. Owns the tunnel and the KDrive cookie; keeps the agent
 * alive with KEEPALIVE. Runs in x2goweb-session; must not know WebSockets.
 */
#ifndef SESSION_RELAY_AGENT_H
#define SESSION_RELAY_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kdrive_events.h"
#include "proto/errors.h"

/* Usual silence before a KEEPALIVE: an agent gives up a web client that is silent for 120 s. */
#define RELAY_AGENT_KEEPALIVE_MS 20000
/* How long an agent may take to hang up after DISCONNECTCLIENT, and how long in all if it is still
 * taking what was sent before: one that is left in the middle of a selection's chunk takes the next
 * connection's first events for the rest of it. */
#define RELAY_AGENT_DISCONNECT_MS 2000
#define RELAY_AGENT_DRAIN_MS	  10000

struct event_base;
struct relay_agent;
struct ssh;

struct relay_agent_handlers {
	/* The tunnel is open and the conversation begun. */
	void (*connected)(struct relay_agent *agent, void *arg);
	/* Call relay_agent_read until it returns 0 or -1. */
	void (*readable)(struct relay_agent *agent, void *arg);
	/* Everything written has left for the server. */
	void (*drained)(struct relay_agent *agent, void *arg);
	/* It never came about (AGENT_LOST: nobody listens, FORWARDING_DENIED, TIMEOUT), is lost
	 * (SSH_LOST), or the agent hung up (ENDED) and all has been read. Called once; the owner
	 * destroys the agent in here. */
	void (*ended)(
	    struct relay_agent *agent, enum error_code code, const char *detail, void *arg);
};

/* Connects to 127.0.0.1:port of the server. While nobody listens there it is tried again until the
 * deadline; never while an attempt may still be accepted, since agents accept one connection only.
 * Then writes the opening of kdrive_events_put_opening at once. Fails: NULL if memory is short. */
struct relay_agent *relay_agent_create(struct event_base *base, struct ssh *ssh, uint16_t port,
    const char cookie[KDRIVE_COOKIE_BYTES], uint16_t width, uint16_t height,
    unsigned connect_deadline_ms, unsigned keepalive_ms,
    const struct relay_agent_handlers *handlers, void *arg);

/* Closes the tunnel. Takes NULL; safe inside ended(). */
void relay_agent_destroy(struct relay_agent *agent);

/* As ssh_tunnel_read. */
ssize_t relay_agent_read(struct relay_agent *agent, void *buffer, size_t size);

/* Sends whole units in one write. Fails: false if memory is short. */
bool relay_agent_send(struct relay_agent *agent, const uint8_t *units, size_t length);

/* Bytes that wait for the server. */
size_t relay_agent_unsent(const struct relay_agent *agent);

/* In constant time. */
bool relay_agent_cookie_is(
    const struct relay_agent *agent, const uint8_t cookie[KDRIVE_COOKIE_BYTES]);

/* Sends DISCONNECTCLIENT; ended(ENDED) follows, within RELAY_AGENT_DISCONNECT_MS of the last
 * progress. Since only whole units are ever sent, no chunk is left open in the agent. */
void relay_agent_disconnect(struct relay_agent *agent);

#endif
