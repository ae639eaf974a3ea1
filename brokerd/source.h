/* SPDX-License-Identifier: ISC */
/*
 * Where a login comes from, as limits and penalties count it. Runs in x2goweb-brokerd. Pure.
 */
#ifndef BROKERD_SOURCE_H
#define BROKERD_SOURCE_H

#include "config.h"

/* The part of the client's address that counts, by prefix4 and prefix6 of [penalties]. What is no
 * address is one source for all, which no address is. */
struct network source_of(const struct config *config, const char *client);

/* Whether it is in one of the networks that are never kept away. */
bool source_is_exempt(const struct config *config, const char *client);

#endif
