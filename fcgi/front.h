/* SPDX-License-Identifier: ISC */
/*
 * The listening socket and the connections whose request is not whole yet. Part of x2goweb-fcgi.
 * Silent, slow and cut-off peers stay here, each with a deadline and all of them bounded, so they
 * cost memory for a while and nothing else. It does not look into requests.
 */
#ifndef FCGI_FRONT_H
#define FCGI_FRONT_H

struct event_base;
struct front;
struct intake;

/* Takes over fd, the peer's connection; intake stays with the front. */
typedef void (*front_serve)(int fd, const struct intake *intake, void *arg);

/* Accepts on listener, a listening socket that stays the caller's, and calls serve for each whole
 * request. deadline_ms: for a request to come in, from the connection's first moment.
 * waiting_max: connections kept; when one more comes, the oldest goes.
 * Fails: NULL. */
struct front *front_create(struct event_base *base, int listener, unsigned deadline_ms,
    unsigned waiting_max, front_serve serve, void *arg);

/* Drops what waits and accepts no more. Takes NULL. */
void front_destroy(struct front *front);

#endif
