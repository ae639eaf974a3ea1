/* SPDX-License-Identifier: ISC */
#include "compat_options.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

struct reader {
	struct compat_options *options;
	char *why; /* empty as long as all is well */
	size_t size;
};

static int read_path(struct reader *reader, const char *name, const char *value, char *path)
{
	if (value[0] != '/' || strlen(value) >= sizeof(reader->options->key)) {
		snprintf(reader->why, reader->size, "%s is no absolute path", name);
		return 0;
	}
	strcpy(path, value);
	return 1;
}

/* The library's handler. ssl_only and log_dir, and whatever later versions may have, mean nothing
 * here. */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *reader = arg;

	(void)section;
	if (strcmp(name, "ssl_cert") == 0)
		return read_path(reader, name, value, reader->options->certificate);
	if (strcmp(name, "ssl_key") == 0)
		return read_path(reader, name, value, reader->options->key);
	if (strcmp(name, "ws_proto") != 0)
		return 1;
	reader->options->tls = strcmp(value, "wss") == 0;
	if (!reader->options->tls && strcmp(value, "ws") != 0)
		snprintf(reader->why, reader->size, "ws_proto is neither ws nor wss");
	return reader->why[0] == 0;
}

bool compat_options_read(
    const char *path, struct compat_options *ret_options, char *why, size_t size)
{
	struct reader reader = {ret_options, why, size};
	FILE *file = fopen(path, "re");
	int result;

	memset(ret_options, 0, sizeof(*ret_options));
	why[0] = 0;
	if (file == NULL) {
		snprintf(why, size, "%s", strerror(errno));
		return false;
	}
	result = ini_parse_file(file, on_key, &reader);
	fclose(file);
	if (why[0] == 0 && result != 0)
		snprintf(why, size, "line %d is no key = value", result);
	if (why[0] == 0 && ret_options->tls &&
	    (ret_options->certificate[0] == 0 || ret_options->key[0] == 0))
		snprintf(why, size, "ws_proto is wss, but ssl_cert or ssl_key is missing");
	return why[0] == 0;
}
