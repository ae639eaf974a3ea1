/* SPDX-License-Identifier: ISC */
/*
 * Configuration files for tests, written, read, and what was reported about them.
 */
#ifndef UNIT_CONFIG_FILE_H
#define UNIT_CONFIG_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "brokerd/config.h"

/* Ids that need no look-up. */
#define IDS "[broker]\nuser = 64200\ngroup = 64200\nweb_users = 64201\nweb_group = 64201\n"

static char path[] = "/tmp/x2goweb-test-config-XXXXXX";
static char reports[4096]; /* without the path, one line each */

static inline void on_report(const char *text, void *arg)
{
	size_t used = strlen(reports);

	(void)arg;
	if (strncmp(text, path, strlen(path)) == 0)
		text += strlen(path);
	snprintf(reports + used, sizeof(reports) - used, "%s\n", text);
}

static inline struct config *load_with(const char *text, bool resolve)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	reports[0] = 0;
	return config_load(path, resolve, on_report, NULL);
}

static inline struct config *load(const char *text)
{
	return load_with(text, true);
}

static inline int config_file_set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd >= 0 ? close(fd) : -1;
}

static inline int config_file_tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

#endif
