/* SPDX-License-Identifier: ISC */
/*
 * The broker's directory under /run: it is locked by the one broker there may be, holds the two
 * sockets and the empty directory that becomes the sessions' root. Made as root, at the start.
 */
#ifndef BROKERD_RUNTIME_H
#define BROKERD_RUNTIME_H

struct config;

struct runtime {
	int directory; /* holds the lock */
	int broker_fd, control_fd;
	int root_fd; /* the empty directory */
};

/* Makes all of it. Sockets that a broker left behind are replaced. Ends the process with a line
 * that says why if that cannot be. */
void runtime_open(struct runtime *runtime, const struct config *config);

/* Removes the sockets; the lock goes with the process. Works for the broker's user. */
void runtime_remove(struct runtime *runtime);

#endif
