/* SPDX-License-Identifier: ISC */
#include "file_group.h"

#include <errno.h>
#include <sys/fsuid.h>
#include <unistd.h>

bool file_group_begin(gid_t group)
{
	setfsgid(group);
	/* It tells by its next answer alone whether it worked; no group has this number. */
	if ((gid_t)setfsgid((gid_t)-1) == group)
		return true;
	errno = EPERM;
	return false;
}

void file_group_end(void)
{
	setfsgid(getegid());
}
