/* SPDX-License-Identifier: ISC */
/*
 * Upstream's x2gows.options: what of it still has a meaning, which is TLS on the relay's ports.
 * Read with the configuration of x2goweb-brokerd, which decides what comes of it.
 */
#ifndef BROKERD_COMPAT_OPTIONS_H
#define BROKERD_COMPAT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct compat_options {
	bool tls; /* ws_proto=wss; then both of these are given: */
	char certificate[1024], key[1024];
};

/* Fails: false with *why, of so many bytes. */
bool compat_options_read(
    const char *path, struct compat_options *ret_options, char *why, size_t size);

#endif
