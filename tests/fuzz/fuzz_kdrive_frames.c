/* links: proto brokerd/session/kdrive_frames.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/kdrive_frames: any bytes. Messages have the same borders and types whether they
 * come at once or byte by byte, and what is refused is refused at the same place.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "brokerd/session/kdrive_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
	if (!fine)
		abort();
}

/* One message, or its beginning, byte by byte. False: refused. */
static bool take_slowly(
    struct kdrive_frames *frames, const uint8_t *data, size_t length, struct kdrive_span *ret_span)
{
	bool begins = false, good = true;
	size_t used = 0;

	do {
		good = kdrive_frames_take(frames, data + used, 1, ret_span);
		check(!good || ret_span->length == 1);
		check(!good || ret_span->begins == (used == 0));
		begins |= ret_span->begins;
		used++;
	} while (good && used < length && !ret_span->ends);
	ret_span->length = used;
	ret_span->begins = begins;
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kdrive_frames whole = {0}, slow = {0};
	struct kdrive_span span, slow_span;

	for (size_t at = 0; at < size; at += span.length) {
		bool good = kdrive_frames_take(&whole, data + at, size - at, &span);

		check(good ==
		      take_slowly(&slow, data + at, good ? span.length : size - at, &slow_span));
		if (!good)
			break;
		check(span.length != 0 && span.length <= size - at && span.begins);
		check(span.length == slow_span.length && span.type == slow_span.type);
		check(span.ends == slow_span.ends && span.begins == slow_span.begins);
		check(span.ends || at + span.length == size);
		check(span.type < KDRIVE_MESSAGE_UNKNOWN || span.length < 4);
	}
	return 0;
}
