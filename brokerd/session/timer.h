/* SPDX-License-Identifier: ISC */
/*
 * Milliseconds for libevent's timers. Used by everything in x2goweb-session that waits.
 */
#ifndef SESSION_TIMER_H
#define SESSION_TIMER_H

#include <event2/event.h>
#include <stdint.h>
#include <time.h>

/* (Re)starts the timer. */
static inline void timer_start_ms(struct event *timer, unsigned ms)
{
	struct timeval delay = {.tv_sec = (time_t)(ms / 1000), .tv_usec = ms % 1000 * 1000};

	event_add(timer, &delay);
}

/* Monotonic. */
static inline uint64_t timer_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline uint64_t timer_now_ms(void)
{
	return timer_now_us() / 1000;
}

#endif
