/* SPDX-License-Identifier: ISC */
/*
 * Names, addresses and connections for `brokerctl doctor`, each with an end to its waiting.
 */
#ifndef BROKERD_CTL_DOCTOR_NET_H
#define BROKERD_CTL_DOCTOR_NET_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL with the reason in problem. */
struct addrinfo *doctor_resolve(const char *host, const char *port, char problem[300]);
/* Takes NULL. */
void doctor_addresses_free(struct addrinfo *addresses);
/* All of them, with commas; static. */
const char *doctor_print_address(const struct addrinfo *addresses);

/* Connects to the first that answers; non-blocking. -1 with the reason in problem. */
int doctor_connect(const struct addrinfo *addresses, int64_t deadline_ms, char problem[300]);

/* The same for a UNIX socket. */
int doctor_connect_path(const char *path, int64_t deadline_ms, char problem[300]);

/* Waits for events of poll(2). False when the time is over. */
bool doctor_await(int fd, short events, int64_t deadline_ms);

#endif
