/* links: proto brokerd/session/kdrive_events.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/kdrive_events: any bytes, judged at once and cut anywhere with the same verdicts.
 * What passes is looked at the way an agent does, which checks nothing.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "brokerd/session/kdrive_events.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kdrive_events events, cut;
	struct agent agent = {0};
	size_t offset = 0;

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
		if (verdict == KDRIVE_VERDICT_PASS)
			be_agent(&agent, data + offset, used);
		offset += used;
	}
	return 0;
}
