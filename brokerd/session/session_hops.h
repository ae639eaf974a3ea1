/* SPDX-License-Identifier: ISC */
/*
 * The way to the X2Go server: one SSH connection, or one through another, first to the jump host.
 * Part of a session: makes the connections one after the other, asks the broker what they want to
 * know, and ends the login when one of them fails, saying where. What is done on the server is not
 * known here.
 */
#ifndef SESSION_SESSION_HOPS_H
#define SESSION_SESSION_HOPS_H

#include <stdint.h>

#include "proto/messages.h"

struct session;
struct session_onward;
struct ssh;

struct session_hops {
	struct ssh *jump;	       /* NULL: there is none */
	struct session_onward *onward; /* how to go on from there; NULL: that is done */
	uint32_t sign_id;	       /* request id of the last SIGN */
	unsigned count;
};

/* Takes the message's socket over. When the last hop has been logged in to, session_connected is
 * called; when that cannot be, session_end. */
void session_hops_open(struct session *session, struct message *message);

/* What the broker says to a prompt or to SIGN. */
void session_hops_answer(struct session *session, const struct message *message);
void session_hops_sign(struct session *session, const struct message *message);

/* Closes all connections; not from inside their handlers. The relay must be gone. */
void session_hops_close(struct session *session);

#endif
