/* SPDX-License-Identifier: ISC */
/*
 * Memory that held a secret: an allocator that wipes on free, comparison in constant time, and
 * the process-wide switches that keep secrets out of core dumps. Linked by every program.
 */
#ifndef PROTO_SECRET_H
#define PROTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* malloc, realloc and free whose memory is overwritten before it goes back. secret_free takes
 * NULL. They mix freely with nothing else: free by secret_free what they return. */
void *secret_malloc(size_t size);
void *secret_realloc(void *old, size_t size);
void secret_free(void *memory);

/* Overwrites the stack below its caller, where functions that have returned left copies: for the
 * top of an event loop. */
void secret_wipe_stack(void);

/* True if both hold the same length_bytes; the time depends on the length only. */
bool secret_equal(const void *a, const void *b, size_t length_bytes);

/* No core dumps, and no ptrace or /proc/PID/mem for equals. Fails: false with errno. */
bool secret_forbid_dumps(void);

#endif
