/* SPDX-License-Identifier: ISC */
/*
 * Which addresses a typed host may have: those in the configured networks, and special ones (the
 * gateway itself, its link, metadata services, groups, IPv4 in disguise) only if a network was
 * meant for them. Runs in x2goweb-brokerd. Pure.
 */
#ifndef BROKERD_IP_FILTER_H
#define BROKERD_IP_FILTER_H

#include <stdbool.h>

#include "config.h"

/* NULL if ip is allowed, or why not as a static text: "is ...". */
const char *ip_filter_check(const struct config_networks *networks, const struct ip *ip);

#endif
