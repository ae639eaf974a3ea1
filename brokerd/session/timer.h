/* SPDX-License-Identifier: ISC */
/*
 * Milliseconds for libevent's timers. Used by everything in x2goweb-session that waits.
 */
#ifndef SESSION_TIMER_H
#define SESSION_TIMER_H

#include <event2/event.h>

/* (Re)starts the timer. */
static inline void timer_start_ms(struct event *timer, unsigned ms)
{
	struct timeval delay = {.tv_sec = (time_t)(ms / 1000), .tv_usec = ms % 1000 * 1000};

	event_add(timer, &delay);
}

#endif
