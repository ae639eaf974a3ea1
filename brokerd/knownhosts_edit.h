/* SPDX-License-Identifier: ISC */
/*
 * Changing a known_hosts file. From open to close it is locked against other editors (by flock on
 * its folder, so that the lock outlives the file being replaced); the changes are made in memory
 * and take effect at once, by rename, with mode and, if the caller may, owner kept. Whoever reads
 * sees the old file or the new one. What is not changed stays as it is, byte for byte. Private to
 * knownhosts*.c and ctl_hostkey*.c.
 */
#ifndef BROKERD_KNOWNHOSTS_EDIT_H
#define BROKERD_KNOWNHOSTS_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "knownhosts_line.h"

struct knownhosts_edit;

/* What became of a line that names a host which is removed. */
enum knownhosts_fate {
	KNOWNHOSTS_REMOVED,	 /* the line, or the name out of it */
	KNOWNHOSTS_KEPT_PATTERN, /* a pattern names it, maybe with others */
	KNOWNHOSTS_KEPT_MARK	 /* revoked keys and authorities are for people to take back */
};

typedef void knownhosts_removed(
    unsigned number, enum knownhosts_fate fate, const struct knownhosts_line *line, void *arg);

/* Locks and reads the file; one that does not exist is empty. Symbolic links are not followed.
 * wait: until other editors are done, or a signal comes.
 * Fails: NULL with errno; EWOULDBLOCK if somebody else edits it. */
struct knownhosts_edit *knownhosts_edit_open(const char *path, bool wait);

/* Appends a line, which has no end yet. False with errno if there is no memory or the file would
 * become too large. */
bool knownhosts_edit_add(struct knownhosts_edit *edit, const char *line);

/* "NAME TYPE BASE64 COMMENT" for edit_add, to be freed; without comment if that is NULL. NULL if
 * out of memory. */
char *knownhosts_edit_compose(
    const char *name, const struct record_hostkey *key, const char *comment);

/* Removes the keys of name (of knownhosts_name), of this type only unless it is NULL. removed is
 * told of each line that names it, with its number before the change. */
void knownhosts_edit_remove(struct knownhosts_edit *edit, const char *name, const char *type,
    knownhosts_removed *removed, void *arg);

/* Writes down what was changed, if anything. Fails: false with errno; the file is as it was. */
bool knownhosts_edit_commit(struct knownhosts_edit *edit);

/* Gives up the lock and what was not committed. */
void knownhosts_edit_close(struct knownhosts_edit *edit);

#endif
