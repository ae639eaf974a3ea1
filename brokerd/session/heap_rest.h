/* SPDX-License-Identifier: ISC */
/*
 * Gives memory back to the system when the process has been quiet for a while: what pictures, a
 * login or a list have taken is kept as long as more of them come, and no longer. Wakes nobody up
 * who has done nothing. Runs in x2goweb-session.
 */
#ifndef SESSION_HEAP_REST_H
#define SESSION_HEAP_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;

/* Fails: false if memory is short. */
bool heap_rest_init(struct event_base *base);
void heap_rest_finish(void);

/* So much went through the heap; a few bytes now and then do not matter. HEAP_REST_MUCH: it was not
 * counted. */
#define HEAP_REST_MUCH SIZE_MAX
void heap_rest_note(size_t bytes);

#endif
