/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/intake: however the bytes are cut, the result is the same, and what comes out whole goes in
 * whole once more and comes out unchanged.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum intake_result feed(
    struct intake *intake, const uint8_t *data, size_t size, size_t step, size_t *ret_used)
{
	enum intake_result result = INTAKE_MORE;
	size_t used = 0;

	memset(intake, 0, sizeof(*intake));
	while (used < size && result == INTAKE_MORE) {
		size_t part = step < size - used ? step : size - used;

		result = intake_feed(intake, data + used, part);
		used += part;
	}
	*ret_used = used;
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct intake bytes, once, again;
	size_t used, ignored;
	enum intake_result result = feed(&bytes, data, size, 1, &used);

	/* The first request alone: what follows it breaks it when it comes in the same piece. */
	if (feed(&once, data, used, used != 0 ? used : 1, &ignored) != result)
		abort();
	if (result == INTAKE_WHOLE) {
		if (bytes.length != once.length || memcmp(bytes.data, once.data, once.length) != 0)
			abort();
		if (feed(&again, once.data, once.length, 7, &ignored) != INTAKE_WHOLE ||
		    again.length != once.length || memcmp(again.data, once.data, once.length) != 0)
			abort();
		intake_finish(&again);
	}
	intake_finish(&once);
	intake_finish(&bytes);
	return 0;
}
