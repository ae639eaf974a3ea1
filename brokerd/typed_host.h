/* SPDX-License-Identifier: ISC */
/*
 * The host that a user typed: strictly read, and compared with the admin's patterns. Runs in
 * x2goweb-brokerd. Pure: knows no configuration and resolves nothing.
 */
#ifndef BROKERD_TYPED_HOST_H
#define BROKERD_TYPED_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "network.h"

#define TYPED_HOST_BYTES 256

struct typed_host {
	char host[TYPED_HOST_BYTES]; /* in lower case; a number as inet_ntop(3) writes it */
	bool is_ip;
	struct ip ip; /* if so */
	uint16_t port;
};

/* "NAME", "NUMBER", "[IPV6]", each with ":PORT" or without, which means 22. A name that other
 * programs might take for a number is none. False if it is nothing of that. */
bool typed_host_parse(const char *text, struct typed_host *ret_host);

/* Whether host is matched by one of the patterns and by none with '!' in front. patterns: comma
 * list in lower case, of '*', '?' and characters of host names. */
bool typed_host_matches(const char *host, const char *patterns);

#endif
