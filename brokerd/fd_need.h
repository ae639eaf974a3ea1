/* SPDX-License-Identifier: ISC */
/*
 * How many descriptors the broker may come to need: it does not start with fewer, and brokerctl
 * doctor compares when the limits were raised since.
 */
#ifndef BROKERD_FD_NEED_H
#define BROKERD_FD_NEED_H

#include <sys/resource.h>

#include "config.h"

/* Descriptors beside those of connections and logins. */
#define FDS_OF_OUR_OWN 64
/* Of one login: its listener, until its session process has that, the connection to the server,
 * the link, and what is kept for the next broker. */
#define FDS_OF_A_LOGIN 6

static inline rlim_t fd_need(const struct config *config)
{
	return 2 * (rlim_t)config->limits.connections +
	       FDS_OF_A_LOGIN * (rlim_t)config->limits.logins + FDS_OF_OUR_OWN;
}

#endif
