/* SPDX-License-Identifier: ISC */
/*
 * Descriptors that outlive the broker: what an earlier broker left is found here at the start, and
 * what the next one is to have is kept here, under names. Whoever comes next gets it from systemd's
 * store of descriptors, where this process was killed or restarted, or from this process itself,
 * which becomes the next one by exec. Both pass it on in the same way (sd_listen_fds(3)). Runs in
 * x2goweb-brokerd; knows no logins.
 */
#ifndef BROKERD_HANDOVER_H
#define BROKERD_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

struct handover;

#define HANDOVER_NAME_BYTES 32
/* Under one name. */
#define HANDOVER_FDS_MAX 3

/* Takes over what the process was started with. in_store: systemd keeps what is kept here (see
 * FileDescriptorStoreMax= in systemd.service(5)). Fails: NULL if memory is short. */
struct handover *handover_create(bool in_store);
/* Closes all that is kept; the store has its own. */
void handover_destroy(struct handover *handover);

/* Whether somebody has what is kept when this process has ended. */
bool handover_is_in_store(const struct handover *handover);

/* Keeps descriptors for the next broker; they are taken over. Fails: false if memory is short, or
 * the name is in use; they are closed then. */
bool handover_keep(struct handover *handover, const char *name, const int *fds, size_t count);

/* Closes what is kept under this name, here and in the store. */
void handover_forget(struct handover *handover, const char *name);

/* As handover_keep of one descriptor, but only for a program that this process becomes by exec:
 * what would stand in the way of one that is started anew is not for the store. */
bool handover_pass(struct handover *handover, const char *name, int fd);

/* The descriptor that came under this name, which is the caller's from now on and kept no longer;
 * -1: there is none. */
int handover_take(struct handover *handover, const char *name);

/* What is kept under this name, for as long as it is kept; they stay the handover's. Returns how
 * many there are: 0 if there is no such name. */
size_t handover_find(const struct handover *handover, const char *name, int fds[HANDOVER_FDS_MAX]);

/* Calls visit for every name that begins with prefix. It may forget that one. */
void handover_visit(struct handover *handover, const char *prefix,
    void (*visit)(const char *name, const int *fds, size_t count, void *arg), void *arg);

/* Becomes program, which finds all that is kept. Returns only if that cannot be tried. */
void handover_exec(struct handover *handover, const char *program, char *const *arguments);

#endif
