/* SPDX-License-Identifier: ISC */
#include "knownhosts.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hostkey.h"

/* What lines are looked for, and what has been found so far. */
struct search {
	char name[KNOWNHOSTS_NAME_BYTES];
	uint8_t hop;
	struct record_hostkey *keys;
	size_t first, capacity, count;
	bool overflowed; /* a revoked key had no room */
	const struct log_context *context;
};

bool knownhosts_name(const char *host, uint16_t port, char name[KNOWNHOSTS_NAME_BYTES])
{
	size_t length;
	int printed;

	/* A scope (fe80::1%eth0) and everything that domain names and addresses consist of. */
	for (const char *c = host; *c != 0; c++)
		if (!isalnum((unsigned char)*c) && strchr("._:-%", *c) == NULL)
			return false;
	if (host[0] == 0)
		return false;
	if (port == 22)
		printed = snprintf(name, KNOWNHOSTS_NAME_BYTES, "%s", host);
	else
		printed = snprintf(name, KNOWNHOSTS_NAME_BYTES, "[%s]:%u", host, (unsigned)port);
	length = (size_t)printed;
	if (length >= KNOWNHOSTS_NAME_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	return true;
}

bool knownhosts_read(const char *path, knownhosts_visit *visit, void *arg)
{
	FILE *file = fopen(path, "re");
	size_t line_bytes = 0;
	char *text = NULL;
	ssize_t length;
	bool good;
	int saved;

	if (file == NULL)
		return false;
	errno = 0;
	for (unsigned number = 1; (length = getline(&text, &line_bytes, file)) > 0; number++) {
		struct knownhosts_line line;
		enum knownhosts_kind kind = knownhosts_line_parse(text, (size_t)length, &line);

		visit(path, number, kind, &line, arg);
		errno = 0;
	}
	good = feof(file) != 0;
	saved = errno;
	free(text);
	fclose(file);
	errno = saved;
	return good;
}

/* Which of two marks counts, and which key gives way when there is no room. */
static int rank(const struct record_hostkey *key)
{
	return key->mark == HOST_KEY_REVOKED ? 2 : key->mark == HOST_KEY_TRUSTED ? 1 : 0;
}

static void add_key(
    struct search *search, const struct record_hostkey *key, const char *path, unsigned number)
{
	struct record_hostkey *place = NULL;

	for (size_t i = search->first; i < search->count; i++) {
		struct record_hostkey *other = &search->keys[i];

		if (knownhosts_same_key(other, key)) {
			if (rank(other) < rank(key))
				other->mark = key->mark;
			return;
		}
		if (rank(other) < rank(key) && (place == NULL || rank(other) < rank(place)))
			place = other;
	}
	if (search->count < search->capacity)
		place = &search->keys[search->count++];
	else
		log_warnx("known hosts: %s:%u: too many keys for %s", path, number, search->name);
	if (place != NULL) {
		*place = *key;
		place->hop = search->hop;
	} else if (key->mark == HOST_KEY_REVOKED) {
		search->overflowed = true;
	}
}

static void find_in_line(const char *path, unsigned number, enum knownhosts_kind kind,
    const struct knownhosts_line *line, void *arg)
{
	struct search *search = arg;

	if (kind == KNOWNHOSTS_NOTHING)
		return;
	if (line->hosts != NULL && line->rest_length != 0 &&
	    !knownhosts_line_is_about(line, search->name))
		return;
	if (kind == KNOWNHOSTS_KEY)
		add_key(search, &line->key, path, number);
	else
		log_warnx("known hosts: %s:%u: %s", path, number, line->wrong);
}

/* Shows both files to visit. Fails: false with errno if one exists, but cannot be read. */
static bool read_files(const struct knownhosts_files *files, knownhosts_visit *visit, void *arg)
{
	if (!knownhosts_read(files->known_hosts, visit, arg)) {
		if (errno != ENOENT)
			return false;
		log_warn("known hosts: %s", files->known_hosts);
	}
	return files->accepted_hosts == NULL || files->accepted_hosts[0] == 0 ||
	       knownhosts_read(files->accepted_hosts, visit, arg) || errno == ENOENT;
}

bool knownhosts_find(const struct knownhosts_files *files, const char *host, uint16_t port,
    uint8_t hop, struct record_hostkey *keys, size_t capacity, size_t *count)
{
	struct search search = {
	    .hop = hop, .keys = keys, .first = *count, .capacity = capacity, .count = *count};

	if (!knownhosts_name(host, port, search.name)) {
		errno = EINVAL;
		return false;
	}
	if (!read_files(files, find_in_line, &search))
		return false;
	if (search.overflowed) {
		errno = E2BIG;
		return false;
	}
	*count = search.count;
	return true;
}

static void log_line(const char *path, unsigned number, enum knownhosts_kind kind,
    const struct knownhosts_line *line, void *arg)
{
	static const char *const marks[] = {[HOST_KEY_TRUSTED] = "",
	    [HOST_KEY_REVOKED] = "@revoked ",
	    [HOST_KEY_AUTHORITY] = "@cert-authority "};
	char fingerprint[HOSTKEY_FINGERPRINT_BYTES];
	const struct search *search = arg;

	if (kind != KNOWNHOSTS_KEY || !knownhosts_line_is_about(line, search->name))
		return;
	hostkey_print_fingerprint(line->key.blob, line->key.blob_length, fingerprint);
	log_about(search->context, LOG_LEVEL_INFO, "on file for %s: %s%s %s (%s:%u)", search->name,
	    marks[line->mark], line->key.type, fingerprint, path, number);
}

void knownhosts_log(const struct knownhosts_files *files, const char *host, uint16_t port,
    const struct log_context *context)
{
	struct search search = {.context = context};

	if (!knownhosts_name(host, port, search.name) || !read_files(files, log_line, &search))
		log_warn("known hosts: cannot be read");
}
