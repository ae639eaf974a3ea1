/* SPDX-License-Identifier: ISC */
/*
 * The stream's own data, shared by relay.c (its life) and relay_browser.c (its browser).
 */
#ifndef SESSION_RELAY_INTERNAL_H
#define SESSION_RELAY_INTERNAL_H

#include "relay.h"
#include "ws_handshake.h"

struct evbuffer;
struct event;
struct relay_agent;
struct ws;
struct ws_listener;

enum relay_phase {
	RELAY_PHASE_IDLE,
	RELAY_PHASE_CONNECTING, /* to the agent */
	RELAY_PHASE_WAITING,	/* for a browser */
	RELAY_PHASE_ATTACHED,
	RELAY_PHASE_LEFT,    /* the browser is gone, the agent goes on to be drained */
	RELAY_PHASE_STOPPING /* for the agent to hang up; the state is still what it was */
};

struct relay {
	struct event_base *base;
	struct relay_handlers handlers;
	void *arg;
	char *login, *origin;
	unsigned attach_deadline_ms, grace_ms;
	enum when_left when_left;
	size_t buffer_bytes;
	unsigned keepalive_ms, ping_ms;
	struct ws_listener *listener;

	enum relay_phase phase;
	enum stream_state state;
	enum error_code reason; /* of STOPPING */
	void (*start_done)(enum error_code error, const char *detail, void *arg);
	void *start_arg;
	struct event *browser_deadline; /* of WAITING and LEFT */
	struct event *turn;		/* made active to go on with draining and feeding */

	struct relay_agent *agent;     /* NULL when idle, or when it hung up */
	struct kdrive_events events;   /* judges what the browser sends to it */
	struct evbuffer *to_browser;   /* from the agent, not given to the browser's WebSocket */
	struct evbuffer *from_browser; /* raw only: a unit that is not complete */
	bool given;		       /* the stream's first bytes have gone to a browser */
	struct relay_counters counters;
	uint64_t dropped; /* the browser's events that the agent was spared */

	struct ws *browser;
	enum ws_subprotocol subprotocol;
	bool locked;	    /* raw only: the browser has not shown the KDrive cookie yet */
	struct ws *leaving; /* the browser before, while it says goodbye */
};

/* --- relay.c ---*/

/* WAITING or ATTACHED: what the agent says is for a browser. */
bool relay_is_streaming(const struct relay *relay);

/* The only place where the phase changes. The owner is told and may start or stop the stream:
 * nothing is done after this call by whoever makes it. */
void relay_set_phase(struct relay *relay, enum relay_phase phase, enum error_code reason);

/* Ends a stream that runs; its browser, if still there, is dismissed. As relay_set_phase. */
void relay_end(struct relay *relay, enum error_code reason, const char *text);

/* The browser of a stream that it has had bytes of is gone: goes on as the settings say, or ends.
 * As relay_set_phase. */
void relay_leave(struct relay *relay);

/* --- relay_browser.c ---*/

/* The door's handler: attaches whoever comes first. */
const char *relay_browser_arrived(struct ws_listener *listener, int fd,
    const struct ws_handshake *handshake, const uint8_t *early, size_t early_length, void *arg);

/* Gives the browser what its WebSocket takes and keeps the rest within its bound. May end the
 * stream. */
void relay_browser_feed(struct relay *relay);

/* Sends the browser away, if there is one. word: a code of the error table; text NULL: the
 * table's. */
void relay_browser_dismiss(
    struct relay *relay, unsigned close_code, enum error_code word, const char *text);

#endif
