/* SPDX-License-Identifier: ISC */
/*
 * The life of x2goweb-brokerd behind its options: what is opened as root, then the drop, then the
 * loop, signals and the orderly end. Starts as root.
 */
#ifndef BROKERD_DAEMON_H
#define BROKERD_DAEMON_H

#include <stdbool.h>

#define DAEMON_PROGRAM "x2goweb-brokerd"

struct daemon_options {
	const char *config;	/* path of the configuration */
	const char *session;	/* path of the sessions' program */
	char *const *arguments; /* its own, for the newer program that it becomes */
	bool in_store;		/* logins outlive the process in systemd's store of descriptors */
};

/* Serves until SIGTERM or SIGINT, which end all logins, or with in_store leave them to the next
 * broker. Returns the exit status; ends the process at once if it cannot
 * start. Descriptors 0 to 2 are open. */
int daemon_run(const struct daemon_options *options);

#endif
