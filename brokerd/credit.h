/* SPDX-License-Identifier: ISC */
/*
 * What may still come of something now: so many at once, and so many in the long run. A member that
 * is all zero begins with everything. Runs in x2goweb-brokerd. Pure: the time is given.
 */
#ifndef BROKERD_CREDIT_H
#define BROKERD_CREDIT_H

#include <stdbool.h>
#include <stdint.h>

struct credit {
	unsigned left;
	uint64_t earned_ms; /* up to when it has been earned */
};

/* True if one more may come now. */
static inline bool credit_take(
    struct credit *credit, unsigned burst, unsigned per_second, uint64_t now_ms)
{
	uint64_t earned = (now_ms - credit->earned_ms) * per_second / 1000;

	/* It begins long ago, thus with all that it may have. */
	if (earned != 0) {
		credit->earned_ms = now_ms;
		credit->left =
		    credit->left + earned < burst ? credit->left + (unsigned)earned : burst;
	}
	if (credit->left == 0)
		return false;
	credit->left--;
	return true;
}

#endif
