/* SPDX-License-Identifier: ISC */
/*
 * What the browser sends, on its way to the agent, in time (facts of the protocol: sections 2.1 and
 * 7): an agent judges the modifiers of all that it reads at once by the state before, so key and
 * button events with another mask keep their distance, however they arrived; it tells of a button
 * where the pointer is after all that it has read, so motion keeps off the button before it; and a
 * change of size may kill an agent that is drawing, so it comes seldom and in the safe form. Owns
 * what waits. Runs in x2goweb-session.
 */
#ifndef SESSION_RELAY_PACE_H
#define SESSION_RELAY_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_PACE_GAP_MS    10
#define RELAY_PACE_RESIZE_MS 500

struct event_base;
struct relay_pace;

/* send: whole units in one write; false: memory is short, which failed() is told from the event
 * loop. Fails: NULL if memory is short. */
struct relay_pace *relay_pace_create(struct event_base *base,
    bool (*send)(void *arg, const uint8_t *units, size_t length), void (*failed)(void *arg),
    void *arg);
/* Takes NULL. */
void relay_pace_destroy(struct relay_pace *pace);
/* Another stream begins: nothing waits. */
void relay_pace_reset(struct relay_pace *pace);

/* One message's units, each a unit that kdrive_events_judge let pass; they stay together, but for
 * changes of size. Fails: false if memory is short. */
bool relay_pace_push(struct relay_pace *pace, const uint8_t *units, size_t length);

/* Bytes that wait here. */
size_t relay_pace_waiting(const struct relay_pace *pace);

#endif
