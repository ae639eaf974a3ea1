/* SPDX-License-Identifier: ISC */
/*
 * The ports of the relays: each is given out once, as a bound and listening socket, and rests
 * after use, so that a late browser of one login never meets the next one's relay. Runs in
 * x2goweb-brokerd; does not accept connections.
 */
#ifndef BROKERD_PORT_POOL_H
#define BROKERD_PORT_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct port_pool;

struct port_pool_counts {
	unsigned total, used, resting;
};

/* address: numeric, where the listeners are bound. Fails: NULL if memory is short. */
struct port_pool *port_pool_create(const char *address, unsigned first, unsigned last);
void port_pool_destroy(struct port_pool *pool);

/* Takes a free port. Ports that somebody else listens on are passed over.
 * Returns a non-blocking listener, owned by the caller, and sets *ret_port; -1 if there is none. */
int port_pool_take(struct port_pool *pool, uint64_t now_ms, uint16_t *ret_port);

/* Takes this port, whose listener a session process already has. False: it is not one of these, or
 * taken. */
bool port_pool_reserve(struct port_pool *pool, uint16_t port);

/* The port's listener is closed everywhere, or will be soon: it rests until now + quarantine.
 * Nothing is done about one that is not of these. */
void port_pool_give_back(
    struct port_pool *pool, uint16_t port, uint64_t now_ms, unsigned quarantine_ms);

struct port_pool_counts port_pool_count(struct port_pool *pool, uint64_t now_ms);

#endif
