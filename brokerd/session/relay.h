/* SPDX-License-Identifier: ISC */
/*
 * The stream between one KDrive agent and one browser: accepts WebSockets on the login's
 * listener, lets in who shows the login's cookie and comes from its origin, starts the agent's
 * side, and passes bytes both ways with bounded memory. Owns the listener, the WebSockets and the
 * tunnel that it is given. Runs in x2goweb-session; must not know SSH or X2Go commands.
 *
 * The files behind it, from the browser to the agent: ws_listener and ws_handshake (who may come
 * in), ws (one WebSocket), relay_door (who has the stream), relay_words (what is said beside it),
 * relay_browser, relay_flow (how much the line takes), backlog and kdrive_frames (what waits for
 * it), relay (the stream's life), kdrive_events and relay_pace (what an agent may be sent, and
 * when), relay_agent (the conversation with it), relay_rouse (how one is brought to listen).
 */
#ifndef SESSION_RELAY_H
#define SESSION_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/errors.h"
#include "proto/messages.h"

#include "kdrive_events.h"

struct event_base;
struct relay;
struct ssh;

struct relay_settings {
	struct event_base *base;
	int listener;		 /* non-blocking, listening; taken over */
	const char *login;	 /* names the cookie: x2goweb_<login>; copied */
	uint8_t cookie_hash[32]; /* SHA-256 of the cookie's value */
	const char *origin;	 /* the only Origin that is let in; copied */
	bool raw_allowed;	 /* subprotocol "binary" as well */
	/* Not NULL: upstream's client, and nobody else, is let in by a ticket with this SHA-256;
	 * its stream holds nothing that it does not know. Copied. */
	const uint8_t *ticket_hash;
	unsigned attach_deadline_ms; /* how long an agent waits for its browser */
	unsigned grace_ms;	     /* how long a stream goes on whose browser is gone */
	enum when_left when_left;    /* what becomes of it then */
	size_t buffer_bytes; /* of all that waits for a browser; past it, all of it is left out */
	size_t delay_bytes;  /* of pictures that wait, or are on their way */
	/* 0: as relay_agent.h, ws.h, relay.c and relay_rouse.h say */
	unsigned keepalive_ms, ping_ms, rebuild_ms, rouse_ms;
};

/* Of all streams together; the round trip, 0 while unknown, is the present browser's. */
struct relay_counters {
	uint64_t to_browser_bytes, from_browser_bytes;
	uint32_t round_trip_us;
	uint32_t resumes; /* how often a browser has come back */
};

struct relay_handlers {
	/* The stream's state changed; reason says why it is NONE: what relay_stop was given, or
	 * SUSPENDED (the browser is gone for longer than the grace time), REPLACED, LAGGING,
	 * TIMEOUT (no browser came), BAD_REQUEST (the browser broke the protocol), SSH_LOST. May be
	 * called from inside relay_start and relay_stop, and may call both. */
	void (*state)(
	    struct relay *relay, enum stream_state state, enum error_code reason, void *arg);
	/* There is a new round trip, thus every now and then while a browser is there. May be
	 * NULL. */
	void (*tally)(struct relay *relay, void *arg);
	/* The agent closed its side: find out why, then call relay_stop with the reason, which the
	 * browser is told. */
	void (*agent_ended)(struct relay *relay, void *arg);
};

/* Fails: NULL if memory is short; the listener is closed then, too. */
struct relay *relay_create(
    const struct relay_settings *settings, const struct relay_handlers *handlers, void *arg);

/* Closes everything without waiting; the handlers are not called any more. To end a stream in an
 * orderly way, call relay_stop and await NONE. Takes NULL; not from inside the handlers. */
void relay_destroy(struct relay *relay);

/* Opens a tunnel to the agent at 127.0.0.1:port through ssh and begins its conversation: the
 * cookie, CLIENTVERSION and the first GEOMETRY in one write. A refused connection is tried again
 * until connect_deadline_ms, since the agent listens a moment after it is reported. done is called
 * once: ERROR_NONE when the channel is open and the conversation begun; the state has gone to
 * WAITING just before. Only when the state is NONE and no other start is under way. ssh must
 * outlive the stream: when SSH is lost, relay_stop comes before ssh_destroy. */
void relay_start(struct relay *relay, struct ssh *ssh, uint16_t port,
    const char cookie[KDRIVE_COOKIE_BYTES], uint16_t width, uint16_t height,
    unsigned connect_deadline_ms,
    void (*done)(enum error_code error, const char *detail, void *arg), void *arg);

/* Ends the stream: DISCONNECTCLIENT to the agent, "bye" with the reason and text (NULL: the
 * reason's own) to the browser. When the agent's side is closed the state goes to NONE with that
 * reason. A start under way is given up: its done is called with the reason. Otherwise a no-op when
 * it is NONE. */
void relay_stop(struct relay *relay, enum error_code reason, const char *text);

/* What became of a line for the user: the stream's page shows it, or what the user's page comes by
 * first within RELAY_UNSAID_MS, a stream or the list of sessions, has it. */
enum relay_said { RELAY_SAID_NOBODY, RELAY_SAID_NOW, RELAY_SAID_LATER };
#define RELAY_UNSAID_MS (10 * 60 * 1000)

/* text: clean UTF-8 of at most TELL_BYTES. */
enum relay_said relay_say(struct relay *relay, const char *text);

/* The latest that is still to be said, which is said thereby; or "". */
void relay_take_unsaid(struct relay *relay, char ret_text[TELL_BYTES + 1]);

enum stream_state relay_get_state(const struct relay *relay);

/* True if whoever comes now is shown the desktop: WAITING, but not for one that has been left. */
bool relay_awaits_browser(const struct relay *relay);

struct relay_counters relay_get_counters(const struct relay *relay);

#endif
