/* SPDX-License-Identifier: ISC */
/*
 * The life of x2goweb-brokerd behind its options: what is opened as root, then the drop, then the
 * loop, signals and the orderly end. Starts as root.
 */
#ifndef BROKERD_DAEMON_H
#define BROKERD_DAEMON_H

#define DAEMON_PROGRAM "x2goweb-brokerd"

struct daemon_options {
	const char *config;  /* path of the configuration */
	const char *session; /* path of the sessions' program */
};

/* Serves until SIGTERM or SIGINT. Returns the exit status; ends the process at once if it cannot
 * start. Descriptors 0 to 2 are open. */
int daemon_run(const struct daemon_options *options);

#endif
