/* SPDX-License-Identifier: ISC */
/*
 * Where x2goweb-fcgi's listening socket comes from: systemd, the program that spawned it, or a
 * path of its own. Part of x2goweb-fcgi; runs at the start and the end only.
 */
#ifndef FCGI_LISTENER_H
#define FCGI_LISTENER_H

#include <sys/types.h>

struct listener {
	int fd;
	/* A socket that we made ourselves, else NULL. */
	const char *path;
	dev_t device;
	ino_t inode;
};

/* How to make a socket of our own. */
struct listener_options {
	const char *path; /* NULL: none */
	mode_t mode;
	uid_t owner; /* (uid_t)-1: as it comes */
	gid_t group; /* (gid_t)-1: as it comes */
};

/* Takes the socket that systemd passed, else file descriptor 0 if it listens, else makes one at
 * options->path: a dead one there is replaced, one that somebody serves is left alone.
 * Ends the program with a message if there is none. */
void listener_open(struct listener *listener, const struct listener_options *options);

/* Closes it and removes what we made, unless somebody else has replaced it. */
void listener_close(struct listener *listener);

#endif
