/* SPDX-License-Identifier: ISC */
/*
 * A function on a stack of its own that can stop in the middle and go on later. Runs in
 * x2goweb-session, for libraries that want an answer before they return while the event loop has to
 * go on. It knows neither; there are no threads.
 */
#ifndef SESSION_COROUTINE_H
#define SESSION_COROUTINE_H

#include <stdbool.h>

struct coroutine;

/* run is entered by the first coroutine_resume. Fails: NULL if memory is short. */
struct coroutine *coroutine_create(void (*run)(void *arg), void *arg);

/* Goes on where it stopped, until the next coroutine_yield or the end of run. Not from within.
 * True if run has returned; then it must not be resumed again. */
bool coroutine_resume(struct coroutine *coroutine);

/* From within run: stops, and returns when it is resumed. */
void coroutine_yield(struct coroutine *coroutine);

/* True between coroutine_yield and the next coroutine_resume. */
bool coroutine_is_stopped(const struct coroutine *coroutine);

/* Gives the stack back. It must not be in the middle of run: nothing would be cleaned up. Takes
 * NULL. */
void coroutine_destroy(struct coroutine *coroutine);

#endif
