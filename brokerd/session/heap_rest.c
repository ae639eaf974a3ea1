/* SPDX-License-Identifier: ISC */
#include "heap_rest.h"

#include <event2/event.h>
#include <malloc.h>

#include "timer.h"

/* Less is not worth it. */
#define NOTED_BYTES_MIN (32 * 1024)
#define QUIET_MS	2000

/* There is one heap, so there is one of this. */
static struct event *quiet;
static size_t noted_bytes; /* since the timer was started, or fired */

/* A clock that ticks on the desktop is quiet, too. */
static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
	bool disturbed = noted_bytes >= NOTED_BYTES_MIN;

	(void)fd;
	(void)what;
	(void)arg;
	noted_bytes = 0;
	if (disturbed)
		timer_start_ms(quiet, QUIET_MS);
	else
		malloc_trim(0);
}

bool heap_rest_init(struct event_base *base)
{
	quiet = evtimer_new(base, on_quiet, NULL);
	if (quiet != NULL)
		heap_rest_note(HEAP_REST_MUCH);
	return quiet != NULL;
}

void heap_rest_finish(void)
{
	if (quiet != NULL)
		event_free(quiet);
	quiet = NULL;
}

void heap_rest_note(size_t bytes)
{
	if (noted_bytes < NOTED_BYTES_MIN)
		noted_bytes = bytes < NOTED_BYTES_MIN ? noted_bytes + bytes : NOTED_BYTES_MIN;
	if (quiet == NULL || noted_bytes < NOTED_BYTES_MIN ||
	    event_pending(quiet, EV_TIMEOUT, NULL))
		return;
	noted_bytes = 0;
	timer_start_ms(quiet, QUIET_MS);
}
