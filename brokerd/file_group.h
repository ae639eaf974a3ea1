/* SPDX-License-Identifier: ISC */
/*
 * To which group new files belong. With CAP_SETGID any will do, where giving a file away afterwards
 * would take CAP_CHOWN. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_FILE_GROUP_H
#define BROKERD_FILE_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* Files and sockets that are made from now on belong to this group, until file_group_end. Fails:
 * false, errno is set. */
bool file_group_begin(gid_t group);
void file_group_end(void);

#endif
