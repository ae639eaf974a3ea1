/* SPDX-License-Identifier: ISC */
/*
 * The broker's directory under /run: it is locked by the one broker there may be, holds the two
 * sockets, the empty directory that becomes the sessions' root and, if wanted, the one for the
 * relays' sockets. Made as root, at the start.
 */
#ifndef BROKERD_RUNTIME_H
#define BROKERD_RUNTIME_H

struct config;
struct handover;

struct runtime {
	int directory; /* holds the lock */
	int broker_fd, control_fd;
	int root_fd;	/* the empty directory */
	int streams_fd; /* that of the relays' sockets, see stream_sockets.h; -1: they use ports */
};

/* Makes all of it, or takes what the broker before has left: sockets in which connections may wait.
 * Other sockets that are left behind are replaced. What has been passed on by exec is all taken,
 * and root is not needed then. Ends the process with a line that says why if that cannot be. */
void runtime_open(struct runtime *runtime, const struct config *config, struct handover *handover);

/* For the program that the process is about to become. */
void runtime_pass(const struct runtime *runtime, struct handover *handover);

/* Nobody is to wait in the sockets any more. */
void runtime_close(struct handover *handover);

/* Removes the sockets; the lock goes with the process. Works for the broker's user. */
void runtime_remove(struct runtime *runtime);

#endif
