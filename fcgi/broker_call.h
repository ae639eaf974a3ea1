/* SPDX-License-Identifier: ISC */
/*
 * Calls to the broker: one connection for each call in flight, so that a call is cancelled by
 * closing its connection and a broken one harms nobody else; a few stay open for the next calls.
 * Part of x2goweb-fcgi. It knows no HTTP.
 */
#ifndef FCGI_BROKER_CALL_H
#define FCGI_BROKER_CALL_H

#include "proto/errors.h"
#include "proto/messages.h"

struct broker;
struct broker_call;
struct event_base;

/* Called once, from the event loop, unless the call is cancelled before.
 * answer: of the awaited type, or a FAIL; or NULL, then failure says why there is none:
 * ERROR_BROKER_UNAVAILABLE or ERROR_TIMEOUT. It is wiped after the handler has returned. */
typedef void (*broker_call_done)(const struct message *answer, enum error_code failure, void *arg);

/* path: of the broker's socket; not copied. NULL when out of memory. Nothing is connected yet. */
struct broker *broker_create(struct event_base *base, const char *path);

/* No call may be in flight. Takes NULL. */
void broker_destroy(struct broker *broker);

/* Sends ask, whose request id is chosen here; the caller may wipe it at once.
 * expected: type of the answer besides FAIL; for LOGGED_IN it may be PROMPTED as well. deadline_ms:
 * from now on. done may be NULL if the answer does not matter. Fails: NULL if the broker cannot be
 * reached; done is not called then. */
struct broker_call *broker_call_start(struct broker *broker, struct message *ask,
    enum message_type expected, unsigned deadline_ms, broker_call_done done, void *arg);

/* Nobody waits for the answer any more: the broker sees the connection end. A login that it has
 * opened all the same is ended. Not after done. Takes NULL. */
void broker_call_cancel(struct broker_call *call);

/* Ends a login whose cookie has reached nobody, or nobody who would use it again; "": none came. */
void broker_end_login(struct broker *broker, const char *login, const char *cookie);

#endif
