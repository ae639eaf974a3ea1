/* SPDX-License-Identifier: ISC */
/*
 * Reaching an X2Go server: its name resolved, its addresses tried one after the other until a TCP
 * connection stands, all within one deadline and without blocking. Runs in x2goweb-brokerd; whom
 * to dial has been decided before, except which addresses a name may stand for.
 */
#ifndef BROKERD_DIAL_H
#define BROKERD_DIAL_H

#include <stdint.h>

#include "proto/errors.h"

struct config_networks;
struct dial;
struct dialer;
struct event_base;

/* The resolver that dials share. It reads resolv.conf and hosts when they have changed.
 * Fails: NULL if memory is short. */
struct dialer *dialer_create(struct event_base *base);
void dialer_destroy(struct dialer *dialer);

struct dial_result {
	int fd;		       /* connected and non-blocking, for whom it is called; -1: failed */
	enum error_code error; /* HOST_UNREACHABLE, HOST_TIMEOUT or SERVER_NOT_ALLOWED */
	const char *detail;    /* why it failed */
};

/* Dials host, a name or a number. only: if not NULL, no address is connected to that ip_filter.h
 * does not allow in these networks; SERVER_NOT_ALLOWED if none is left. It stays as long as the
 * dial. done is called once, never from within this call; the dial must
 * be destroyed then. Fails: NULL if memory is short. */
struct dial *dial_create(struct dialer *dialer, const char *host, uint16_t port,
    const struct config_networks *only, unsigned deadline_ms,
    void (*done)(const struct dial_result *result, void *arg), void *arg);

/* Gives up if it is under way: done is not called any more. Takes NULL. */
void dial_destroy(struct dial *dial);

#endif
