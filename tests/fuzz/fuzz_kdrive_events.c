/* links: proto brokerd/session/kdrive_events.c brokerd/session/relay_pace.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/kdrive_events and relay_pace: any bytes, judged at once and cut anywhere with the
 * same verdicts. What passes is looked at the way an agent does, which checks nothing: as it is,
 * and again as the pace gives it on, in messages of several units.
 */
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "brokerd/session/kdrive_events.h"
#include "brokerd/session/relay_pace.h"
#include "proto/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What an agent has of a selection. */
struct agent {
	uint32_t total, ready;
	int begun;
};

static uint32_t u32(const uint8_t *data)
{
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static void check(int fine)
{
	if (!fine)
		abort();
}

static void be_agent(struct agent *agent, const uint8_t *unit, size_t length)
{
	uint32_t type = u32(unit), size = u32(unit + 4), compressed = u32(unit + 12);

	check(type >= 2 && type <= 15 && type != KDRIVE_EVENT_CLIENT_VERSION);
	if (type != KDRIVE_EVENT_SELECTION)
		check(length == KDRIVE_EVENT_BYTES);
	if (type == KDRIVE_EVENT_GEOMETRY) {
		uint32_t width = size & 0xffff, height = size >> 16;

		check(width >= SCREEN_MIN && width <= SCREEN_MAX);
		check(height >= SCREEN_MIN && height <= SCREEN_MAX);
	}
	if (type == KDRIVE_EVENT_UPDATE) {
		int32_t width = (int32_t)size, height = (int32_t)u32(unit + 8);

		check((int32_t)compressed >= 0 && (int32_t)u32(unit + 16) >= 0);
		check((width == 0) == (height == 0) && width >= 0 && height >= 0);
	}
	if (type == KDRIVE_EVENT_SELECTION) {
		uint32_t wire = compressed != 0 ? compressed : size;
		size_t blocks = wire > 21 ? (wire - 21 + 40) / 41 : 0;

		check(length == KDRIVE_EVENT_BYTES * (1 + blocks));
		check(length <= KDRIVE_UNIT_BYTES_MAX);
		if (unit[10]) {
			agent->total = u32(unit + 16);
			agent->ready = 0;
			agent->begun = 1;
		}
		check(agent->begun);
		agent->ready += size;
		check(agent->ready <= agent->total);
		if (unit[11])
			agent->begun = 0;
	}
}

/* --- the pace ---*/

#define RESIZE_BYTES (2 * KDRIVE_EVENT_BYTES)

static struct paced {
	struct relay_pace *pace;
	struct agent agent;
	size_t sent, pushed; /* bytes; pushed: what is to come out as it is */
	bool resized;
} paced;

static size_t unit_bytes(const uint8_t *unit)
{
	return u32(unit) == KDRIVE_EVENT_SELECTION ? kdrive_events_selection_bytes(unit)
						   : KDRIVE_EVENT_BYTES;
}

/* One write to the agent. */
static bool on_send(void *arg, const uint8_t *units, size_t length)
{
	uint32_t before = 0;

	(void)arg;
	for (size_t at = 0, step; at < length; at += step) {
		uint32_t type = u32(units + at);

		step = unit_bytes(units + at);
		check(step <= length - at);
		be_agent(&paced.agent, units + at, step);
		/* A change of size in its safe form, and in a write of its own. */
		check(type != KDRIVE_EVENT_GEOMETRY ||
		      (before == KDRIVE_EVENT_CACHE_REBUILD && length == RESIZE_BYTES));
		before = type;
	}
	paced.sent += length;
	return true;
}

static void on_failed(void *arg)
{
	(void)arg;
}

static void pace_start(void)
{
	if (paced.pace == NULL)
		paced.pace = relay_pace_create(event_base_new(), on_send, on_failed, NULL);
	check(paced.pace != NULL);
	relay_pace_reset(paced.pace);
	paced = (struct paced){.pace = paced.pace};
}

static void pace_push(const uint8_t *units, size_t length)
{
	size_t out;

	for (size_t at = 0, step; at < length; at += step) {
		step = unit_bytes(units + at);
		if (u32(units + at) == KDRIVE_EVENT_GEOMETRY)
			paced.resized = true;
		else if (u32(units + at) != KDRIVE_EVENT_CACHE_REBUILD || at + step >= length ||
			 u32(units + at + step) != KDRIVE_EVENT_GEOMETRY)
			paced.pushed += step;
	}
	check(relay_pace_push(paced.pace, units, length));
	/* Nothing is lost or said twice; sizes come when they come. */
	out = paced.sent + relay_pace_waiting(paced.pace);
	check(out >= paced.pushed && (out - paced.pushed) % RESIZE_BYTES == 0);
	check(out == paced.pushed || paced.resized);
}

/* --- both ---*/

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kdrive_events events, cut;
	struct agent agent = {0};
	uint8_t *message = malloc(size + 1); /* units that passed */
	size_t offset = 0, message_bytes = 0, in_message = 0;

	check(message != NULL);
	pace_start();
	kdrive_events_init(&events, 1024, 768);
	for (;;) {
		size_t used = 0, step = 0, cut_used = 0;
		const char *reason = NULL;
		enum kdrive_verdict verdict, cut_verdict;

		cut = events;
		verdict =
		    kdrive_events_judge(&events, data + offset, size - offset, &used, &reason);
		do {
			cut_verdict =
			    kdrive_events_judge(&cut, data + offset, step, &cut_used, &reason);
			step += 7;
		} while (cut_verdict == KDRIVE_VERDICT_SHORT && step <= size - offset);
		if (verdict == KDRIVE_VERDICT_SHORT)
			break;
		check(reason == NULL || strlen(reason) <= 123);
		if (cut_verdict != KDRIVE_VERDICT_SHORT)
			check(cut_verdict == verdict && memcmp(&cut, &events, sizeof(cut)) == 0);
		if (verdict == KDRIVE_VERDICT_MALFORMED)
			break;
		check(used >= KDRIVE_EVENT_BYTES && used <= size - offset);
		if (verdict == KDRIVE_VERDICT_PASS) {
			be_agent(&agent, data + offset, used);
			memcpy(message + message_bytes, data + offset, used);
			message_bytes += used;
			in_message++;
		}
		/* Where an event has nothing to say it says how messages are cut. */
		if (in_message > data[offset + KDRIVE_EVENT_BYTES - 1] % 4u) {
			pace_push(message, message_bytes);
			message_bytes = in_message = 0;
		}
		offset += used;
	}
	if (message_bytes != 0)
		pace_push(message, message_bytes);
	free(message);
	return 0;
}
