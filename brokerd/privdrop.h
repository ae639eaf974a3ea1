/* SPDX-License-Identifier: ISC */
/*
 * Giving up what root may: for the broker itself at its start, and for its children, which become
 * sessions or sweepers of a session's uid. Each step is proved afterwards.
 */
#ifndef BROKERD_PRIVDROP_H
#define BROKERD_PRIVDROP_H

#include <stdbool.h>
#include <sys/types.h>

/* From root to uid and gid, without supplementary groups, with CAP_SETUID and CAP_SETGID (for the
 * sessions' ids) and CAP_SYS_CHROOT (which a session needs for a moment, for its empty root) and
 * no_new_privs. Ends the process if a step fails or does not hold. */
void privdrop_broker(uid_t uid, gid_t gid);

/* What privdrop_broker left survives the exec that follows; only for one of the broker's own
 * program, which calls privdrop_broker in turn. Fails: false with errno. */
bool privdrop_keep_for_exec(void);

/* In a child of the broker: to the uid and the group of the same number, keeping nothing but, with
 * keep_chroot, CAP_SYS_CHROOT across the exec that follows. Fails: false with errno. */
bool privdrop_child(uid_t uid, bool keep_chroot);

#endif
