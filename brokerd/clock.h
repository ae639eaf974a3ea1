/* SPDX-License-Identifier: ISC */
/*
 * The time that deadlines and ages are counted in. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_CLOCK_H
#define BROKERD_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/* Milliseconds since some moment; never goes back. */
static inline uint64_t clock_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* For libevent. */
static inline struct timeval clock_timeval(uint64_t duration_ms)
{
	return (struct timeval){
	    (time_t)(duration_ms / 1000), (suseconds_t)(duration_ms % 1000 * 1000)};
}

#endif
