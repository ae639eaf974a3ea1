/* SPDX-License-Identifier: ISC */
/*
 * The relays' UNIX sockets, one for each login, in a directory of their own: [relay] listen = unix.
 * Each has a random name, which its login's browser is told and nobody can list. Runs in
 * x2goweb-brokerd; does not accept connections.
 */
#ifndef BROKERD_STREAM_SOCKETS_H
#define BROKERD_STREAM_SOCKETS_H

#include <stdbool.h>

#include "proto/messages.h"

/* In runtime_dir. */
#define STREAM_SOCKETS_DIRECTORY "streams"

struct stream_sockets;

/* directory: made by runtime_open; taken over, also on failure. runtime_dir: copied. Fails: NULL if
 * memory is short. */
struct stream_sockets *stream_sockets_create(int directory, const char *runtime_dir);
void stream_sockets_destroy(struct stream_sockets *sockets);

/* Makes a socket with a new name. Returns a non-blocking listener, owned by the caller; -1 if it
 * cannot be made. */
int stream_sockets_listen(struct stream_sockets *sockets, char name[STREAM_SOCKET_CHARS + 1]);

/* Nobody can find the socket any more; who is connected stays so. Here and below sockets may be
 * NULL: of a broker that uses ports now. */
void stream_sockets_remove(struct stream_sockets *sockets, const char *name);

/* Removes all that do not live. */
void stream_sockets_sweep(
    struct stream_sockets *sockets, bool (*lives)(const char *name, void *arg), void *arg);

#endif
