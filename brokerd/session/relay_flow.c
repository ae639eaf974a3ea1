/* SPDX-License-Identifier: ISC */
#include "relay_flow.h"

#include <string.h>

/* A round trip that was short is believed in for so long. */
#define ROUND_TRIP_LIFE_MS 10000
/* Before that it is looked for. */
#define ROUND_TRIP_STALE_MS 8000
/* Of the line's measure, how much a slower one counts. */
#define SLOWER_SHARE 0.25
/* What is on its way may take so much longer than the shortest round trip: acknowledgements come
 * in steps. */
#define SLACK_MS 60

void relay_flow_init(struct relay_flow *flow, size_t most_bytes, uint64_t position, uint64_t now_ms)
{
	*flow = (struct relay_flow){
	    .most_bytes = most_bytes, .painted = position, .painted_ms = now_ms};
}

/* Every other one is forgotten: what it said is said a little later by the next. */
static void thin_out(struct relay_flow *flow)
{
	for (size_t i = 0; 2 * i + 1 < flow->send_count; i++)
		flow->sends[i] = flow->sends[2 * i + 1];
	flow->send_count /= 2;
}

void relay_flow_sent(struct relay_flow *flow, uint64_t position, bool more, uint64_t now_ms)
{
	if (flow->send_count == RELAY_FLOW_SENDS)
		thin_out(flow);
	flow->sends[flow->send_count++] = (struct relay_flow_send){.position = position,
	    .at_ms = now_ms,
	    .painted = flow->painted,
	    .painted_ms = flow->painted_ms,
	    .idle = !more};
}

static void measure(struct relay_flow *flow, const struct relay_flow_send *send, uint64_t now_ms)
{
	uint64_t trip_ms = now_ms - send->at_ms + 1;
	/* Since the browser's word before this was sent, or since it was: whichever is longer
	 * under way. */
	uint64_t since_ms = now_ms - send->painted_ms;
	uint64_t longer_ms = flow->round_trip_ms + flow->round_trip_ms / 8 + 1;
	double rate;

	if (flow->round_trip_ms == 0 || trip_ms <= flow->round_trip_ms) {
		flow->round_trip_ms = trip_ms;
		flow->round_trip_at_ms = now_ms;
	} else if (now_ms - flow->round_trip_at_ms > ROUND_TRIP_LIFE_MS) {
		/* By and by: on a full line it is our own bytes that make it long. */
		flow->round_trip_ms = trip_ms < longer_ms ? trip_ms : longer_ms;
		flow->round_trip_at_ms = now_ms;
	}
	if (since_ms < trip_ms)
		since_ms = trip_ms;
	rate = (double)(flow->painted - send->painted) / (double)since_ms;
	if (rate > flow->bytes_per_ms)
		flow->bytes_per_ms = rate;
	else if (!send->idle)
		flow->bytes_per_ms += (rate - flow->bytes_per_ms) * SLOWER_SHARE;
}

void relay_flow_painted(struct relay_flow *flow, uint64_t position, uint64_t now_ms)
{
	size_t count = 0;

	if (position <= flow->painted)
		return;
	flow->painted = position;
	flow->painted_ms = now_ms;
	while (count < flow->send_count && flow->sends[count].position <= position)
		count++;
	if (count == 0)
		return;
	measure(flow, &flow->sends[count - 1], now_ms);
	flow->send_count -= count;
	memmove(flow->sends, flow->sends + count, flow->send_count * sizeof(flow->sends[0]));
}

bool relay_flow_is_stale(const struct relay_flow *flow, uint64_t now_ms)
{
	return now_ms - flow->round_trip_at_ms >= ROUND_TRIP_STALE_MS;
}

static size_t carried_in(const struct relay_flow *flow, uint64_t ms)
{
	double bytes = flow->bytes_per_ms * (double)ms;

	if (bytes < RELAY_FLOW_LEAST_BYTES)
		return RELAY_FLOW_LEAST_BYTES;
	return bytes < (double)flow->most_bytes ? (size_t)bytes : flow->most_bytes;
}

size_t relay_flow_window(const struct relay_flow *flow)
{
	if (flow->bytes_per_ms == 0)
		return RELAY_FLOW_FIRST_BYTES;
	/* Twice what is needed, so that a line that has become faster is found out. */
	return carried_in(flow, 2 * flow->round_trip_ms + SLACK_MS);
}

size_t relay_flow_limit(const struct relay_flow *flow)
{
	if (flow->bytes_per_ms == 0)
		return flow->most_bytes;
	return carried_in(flow, flow->round_trip_ms + RELAY_FLOW_DELAY_MS);
}
