/* SPDX-License-Identifier: ISC */
/*
 * The event loop of one test program, for tests that wait until something has happened.
 */
#ifndef TESTS_EVENT_LOOP_H
#define TESTS_EVENT_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

static struct event_base *base;
static unsigned run_limit_s = 20; /* then a test that waits has failed */

static inline void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("nothing has happened for %u s", run_limit_s);
}

/* Until *done. */
static inline void run_until(const bool *done)
{
	const struct timeval limit = {run_limit_s, 0};
	struct event *overdue = event_new(base, -1, 0, on_overdue, NULL);

	event_add(overdue, &limit);
	while (!*done)
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
	event_free(overdue);
}

/* arg: a bool to set. */
static inline void on_time(evutil_socket_t fd, short what, void *arg)
{
	bool *done = arg;

	(void)fd;
	(void)what;
	*done = true;
}

static inline void run_for_ms(unsigned ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};
	bool done = false;
	struct event *timer = event_new(base, -1, 0, on_time, &done);

	event_add(timer, &delay);
	run_until(&done);
	event_free(timer);
}

/* For each test: one that failed inside a callback leaves an event loop that cannot be used. */
static inline int set_up_loop(void **state)
{
	(void)state;
	base = event_base_new();
	return base != NULL ? 0 : -1;
}

static inline int tear_down_loop(void **state)
{
	(void)state;
	event_base_free(base);
	return 0;
}

#endif
