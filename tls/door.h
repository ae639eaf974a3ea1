/* SPDX-License-Identifier: ISC */
/*
 * The relays' door for web servers on other machines: accepts TLS, reads which relay the first
 * request line asks for, and passes everything on to that relay's UNIX socket, which judges it.
 * Runs in x2goweb-tls.
 */
#ifndef TLS_DOOR_H
#define TLS_DOOR_H

#include <openssl/ssl.h>

struct door;
struct event_base;

/* listener: non-blocking, listening; taken over, also on failure. streams: directory of the relays'
 * sockets; copied. Fails: NULL if memory is short. */
struct door *door_create(
    struct event_base *base, int listener, const char *streams, unsigned visits_max);

/* For connections from now on; taken over. */
void door_set_context(struct door *door, SSL_CTX *context);

void door_destroy(struct door *door);

#endif
