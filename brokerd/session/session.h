/* SPDX-License-Identifier: ISC */
/*
 * One login: the SSH connection, the stream, and what the broker asks for. Everything of
 * x2goweb-session hangs on this; session.c holds its states, session_hops.c the way to the server,
 * operation.c what is done there.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "operation.h"
#include "proto/conn.h"
#include "relay.h"
#include "session_hops.h"
#include "ssh.h"

enum session_state {
	SESSION_STATE_IDLE,	  /* OPEN is awaited */
	SESSION_STATE_CONNECTING, /* SSH */
	SESSION_STATE_PROBING,	  /* the X2Go server */
	SESSION_STATE_READY,
	SESSION_STATE_ENDING, /* the agent is being let go */
	SESSION_STATE_ENDED,  /* only the last words are still to be sent */
	SESSION_STATE_COUNT
};

/* The X2Go session whose agent the relay talks to, or talked to last. */
struct session_stream {
	char id[X2GO_ID_BYTES + 1];
	uint32_t pid;	 /* of the agent */
	unsigned number; /* of this stream among all of the login's */
};

/* How many sessions that this login has ended are remembered. */
#define SESSION_TERMINATED_MAX 4

struct session {
	enum session_state state;
	struct event_base *base;
	struct conn *link; /* to the broker; NULL when it is gone */
	struct session_hops hops;
	struct ssh *ssh; /* to the X2Go server; NULL before there is one */
	struct relay *relay;
	struct relay_counters told; /* to the broker */
	struct session_stream stream;
	bool streamed;		       /* there has been one */
	enum error_code stream_reason; /* why there is none any more */
	struct operation_queue operations;

	/* From OPEN. */
	char user[65];
	uint16_t port; /* the relay's */
	unsigned start_deadline_ms;
	bool single; /* ends with its first stream */
	struct record_choice desktops[32];
	size_t desktop_count;

	/* Of the server. */
	char fingerprint[65], jump_fingerprint[65];
	char methods[129]; /* that let the user in */
	char notice[2049]; /* what the hops have said to the user */
	char host[65];
	int clock_offset_s;
	bool options_known, options_broken; /* x2gooptionsstring works; it does not */

	/* For who asks to end them again. */
	struct record_session terminated[SESSION_TERMINATED_MAX];
	unsigned terminated_count; /* all in all; the next one's place modulo the size */

	struct event *end_event;
	enum error_code end_code;
	enum hop end_hop;
	char end_detail[401];
};

/* Takes over link_fd, which is connected to the broker. Fails: false with errno. */
bool session_init(struct session *session, struct event_base *base, int link_fd);
void session_finish(struct session *session);

/* Ends the login, once: lets the agent go, says goodbye to the server, tells the broker why, and
 * breaks the event loop. */
void session_end(struct session *session, enum error_code code, const char *detail);
/* The same for what has happened with this hop. */
void session_end_at(
    struct session *session, enum hop hop, enum error_code code, const char *detail);

/* The user is logged in on the X2Go server. */
void session_connected(struct session *session, const struct ssh_login *login);

/* The server has been probed. */
void session_open(struct session *session, struct message *opened);

/* No operation is under way any more. */
void session_rest(struct session *session);

/* Id of the session whose stream the login holds; empty: none. */
const char *session_attached_id(const struct session *session);

#endif
