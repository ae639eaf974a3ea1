/* SPDX-License-Identifier: ISC */
/*
 * The stream's own data, shared by relay.c (its life), relay_door.c (who becomes its browser),
 * relay_browser.c (what that one is fed and says) and relay_thin.c (what it sees by a slow line).
 */
#ifndef SESSION_RELAY_INTERNAL_H
#define SESSION_RELAY_INTERNAL_H

#include <sys/queue.h>

#include "backlog.h"
#include "relay.h"
#include "relay_flow.h"
#include "relay_words.h"
#include "ws_handshake.h"

struct evbuffer;
struct event;
struct relay_agent;
struct relay_pace;
struct ws;
struct ws_listener;

enum relay_phase {
	RELAY_PHASE_IDLE,
	RELAY_PHASE_CONNECTING, /* to the agent */
	RELAY_PHASE_WAITING,	/* for the first browser */
	RELAY_PHASE_ATTACHED,
	RELAY_PHASE_LEFT,    /* the browser is gone, and may come again */
	RELAY_PHASE_STOPPING /* for the agent to hang up; the state is still what it was */
};

/* Raw only: one that has not shown the KDrive cookie, or its ticket. */
struct relay_candidate {
	TAILQ_ENTRY(relay_candidate) next; /* relay.candidates, oldest first */
	struct relay *relay;
	struct ws *ws;
	struct evbuffer *said; /* a part of that */
	struct event *deadline;
};

TAILQ_HEAD(relay_candidates, relay_candidate);

struct relay {
	struct event_base *base;
	struct relay_handlers handlers;
	void *arg;
	char *login, *origin;
	unsigned attach_deadline_ms, grace_ms;
	enum when_left when_left;
	size_t buffer_bytes, delay_bytes;
	unsigned keepalive_ms, ping_ms, rebuild_ms, rouse_ms;
	struct ws_listener *listener;

	enum relay_phase phase;
	enum stream_state state;
	enum error_code reason; /* of STOPPING */
	void (*start_done)(enum error_code error, const char *detail, void *arg);
	void *start_arg;
	struct event *browser_deadline; /* of WAITING and LEFT */
	struct event *turn;		/* made active to go on with draining and feeding */

	struct relay_agent *agent;   /* NULL when idle, or when it hung up */
	struct kdrive_events events; /* judges what the browser sends to it */
	struct relay_pace *pace;     /* what passed, on its way to the agent */
	char stream[RELAY_STREAM_CHARS + 1];
	/* The page that has the stream, or had it last ("": none yet), and its attempt. */
	char page[RELAY_TOKEN_CHARS + 1];
	uint64_t attempt;
	struct backlog backlog; /* from the agent, not acknowledged by the browser */
	struct event *unheard;	/* how long an answer to the opening is awaited */
	unsigned feeds;		/* that the agent was given since */
	struct event *rebuild;	/* how long an answer to CACHEREBUILD is awaited */
	unsigned rebuilds;	/* sent without one */
	bool garbled;		/* the agent has said nonsense */
	struct event *hang_up;	/* how long it may take to hang up then */
	uint64_t taken, told;	/* of the browser's events: up to which position, and as it knows */
	struct event *tell;	/* when it is told how much has been taken */
	struct relay_counters counters;
	uint64_t dropped; /* the browser's events that the agent was spared */
	bool waiting;	  /* the agent is not read, since the browser has enough for the moment */
	int64_t patience_ms;	     /* for so long it may yet be */
	uint64_t weighed_ms;	     /* when that was counted */
	uint64_t asked_ms;	     /* when backlog.asked was */
	char unsaid[TELL_BYTES + 1]; /* for the user who comes back; "": nothing */
	uint64_t unsaid_ms;	     /* when it should have been said */

	struct ws *browser;
	enum ws_subprotocol subprotocol;
	struct relay_flow flow;
	struct evbuffer *from_browser; /* raw only: a unit that is not complete */
	size_t unit_bytes;	       /* of that, as far as is known */
	struct ws *leaving;	       /* the browser before, while it says goodbye */

	struct relay_candidates candidates;
	unsigned candidate_count;
	bool by_ticket; /* for upstream's client */
	uint8_t ticket_hash[32];
};

/* --- relay.c ---*/

/* WAITING, ATTACHED or LEFT: what the agent says is for a browser. */
bool relay_is_streaming(const struct relay *relay);

/* The only place where the phase changes. The owner is told and may start or stop the stream:
 * nothing is done after this call by whoever makes it. */
void relay_set_phase(struct relay *relay, enum relay_phase phase, enum error_code reason);

/* Ends a stream that runs; its browser, if still there, is dismissed. As relay_set_phase. */
void relay_end(struct relay *relay, enum error_code reason, const char *text);

/* The browser of a stream that it has had bytes of is lost: goes on as the settings say, or ends.
 * As relay_set_phase. */
void relay_leave(struct relay *relay);

/* Asks the agent to begin its pictures anew. As relay_set_phase. */
void relay_ask_rebuild(struct relay *relay);

/* --- relay_browser.c ---*/

/* Makes its timers. Fails: false if memory is short. */
bool relay_browser_init(struct relay *relay);

/* What all WebSockets of the relay call; those of a candidate go on to relay_door.c. */
extern const struct ws_handlers relay_ws_handlers;

/* This one becomes the browser, who was it before is dismissed. hidden: nobody looks at its page.
 * said: what it has said already (raw only), or NULL. As relay_set_phase. */
void relay_browser_attach(struct relay *relay, struct ws *ws, enum ws_subprotocol subprotocol,
    enum relay_how how, bool hidden, struct evbuffer *said);

/* Gives the browser what the line takes and leaves out what it does not, or has the agent wait.
 * May end the stream. */
void relay_browser_feed(struct relay *relay);

/* What was sent to the agent has left: the browser may be read again. */
void relay_browser_note_drained(struct relay *relay);

/* Sends the browser away, if there is one. word: a code of the error table; text NULL: the
 * table's. */
void relay_browser_dismiss(
    struct relay *relay, unsigned close_code, enum error_code word, const char *text);

/* Says goodbye to any WebSocket of ours; the caller forgets it. */
void relay_browser_say_bye(struct ws *ws, enum ws_subprotocol subprotocol, unsigned close_code,
    enum error_code word, const char *text);

/* --- relay_thin.c ---*/

/* While the line is too slow for the agent's pictures: asks it for the next part of what was left
 * out, if the line has room for it; back to all pictures when nothing is left. May end the
 * stream. */
void relay_thin_ask(struct relay *relay);

/* --- relay_door.c ---*/

/* The listener's handler. */
bool relay_door_arrived(struct ws_listener *listener, int fd, struct ws_handshake *handshake,
    const uint8_t *early, size_t early_length, void *arg);

/* A message of a candidate's, or its end. False if this is no candidate. */
bool relay_door_take(
    struct relay *relay, struct ws *ws, bool text, const uint8_t *data, size_t length);
bool relay_door_lose(struct relay *relay, struct ws *ws);

/* All candidates are sent away. */
void relay_door_close(struct relay *relay, unsigned close_code, enum error_code word);

/* The same, without a word. */
void relay_door_finish(struct relay *relay);

#endif
