/* SPDX-License-Identifier: ISC */
/*
 * How much may be on its way to the browser, by what it has told of having painted: enough to fill
 * the line, and never so much that it would take long. Pure: the caller brings the time. Runs in
 * x2goweb-session.
 */
#ifndef SESSION_RELAY_FLOW_H
#define SESSION_RELAY_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the line carries in this time may wait, beside what is on its way. */
#define RELAY_FLOW_DELAY_MS 300
/* A line is never thought to carry less at a time than this. */
#define RELAY_FLOW_LEAST_BYTES (48 * 1024)
/* Until anything is known of the line. */
#define RELAY_FLOW_FIRST_BYTES (128 * 1024)

#define RELAY_FLOW_SENDS 64

struct relay_flow {
	size_t most_bytes; /* of the settings */
	uint64_t painted;  /* position up to which the browser has painted */
	uint64_t painted_ms;
	double bytes_per_ms;			  /* that the line carries; 0: not known */
	uint64_t round_trip_ms, round_trip_at_ms; /* the shortest of late; 0: not known */
	/* When what was sent, the oldest first; thinned out when there is no more room. */
	struct relay_flow_send {
		uint64_t position; /* after it */
		uint64_t at_ms;
		uint64_t painted, painted_ms; /* then */
		bool idle;		      /* nothing more was there to be sent */
	} sends[RELAY_FLOW_SENDS];
	size_t send_count;
};

void relay_flow_init(
    struct relay_flow *flow, size_t most_bytes, uint64_t position, uint64_t now_ms);

/* Everything before position has been sent. more: something is left that had to wait. */
void relay_flow_sent(struct relay_flow *flow, uint64_t position, bool more, uint64_t now_ms);

/* The browser has painted everything before position. */
void relay_flow_painted(struct relay_flow *flow, uint64_t position, uint64_t now_ms);

/* The round trip was last seen short so long ago that nothing should be on its way for a moment, so
 * that it is seen again: else our own bytes, which wait on the line, would count as its length. */
bool relay_flow_is_stale(const struct relay_flow *flow, uint64_t now_ms);

/* Bytes that may be on their way, and those that may wait beside them. */
size_t relay_flow_window(const struct relay_flow *flow);
size_t relay_flow_limit(const struct relay_flow *flow);

#endif
