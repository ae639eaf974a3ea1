/* SPDX-License-Identifier: ISC */
/*
 * An agent that was left within a selection's chunk, by whoever had it before, takes what it is
 * sent for the rest of that, our opening first of all (facts of the protocol: section 7, row 9).
 * One that does not answer the opening is fed KEEPALIVEs, which harm none, until it does. Runs in
 * x2goweb-session.
 */
#ifndef SESSION_RELAY_ROUSE_H
#define SESSION_RELAY_ROUSE_H

#include <stdbool.h>

struct relay;

/* How long an answer is awaited. */
#define RELAY_ROUSE_WAIT_MS 3000

/* Makes its timer. Fails: false if memory is short. */
bool relay_rouse_init(struct relay *relay);

/* The opening has been sent. */
void relay_rouse_begin(struct relay *relay);

/* To be called when something has come from the agent. May end the stream. */
void relay_rouse_note(struct relay *relay);

#endif
