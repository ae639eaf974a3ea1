/* links: proto brokerd/knownhosts.c brokerd/knownhosts_edit.c brokerd/knownhosts_line.c */
/* SPDX-License-Identifier: ISC */
/*
 * Reading, searching and editing a known_hosts file of any content. What is found can be carried by
 * PROTO; what is removed is gone, and nothing else is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "brokerd/knownhosts.h"
#include "brokerd/knownhosts_edit.h"
#include "proto/hostkey.h"
#include "proto/wire.h"

#define HOST	 "x2go.example.org"
#define CAPACITY 6

static char folder[] = "/dev/shm/x2goweb-fuzz-XXXXXX";
static char path[64];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void ignore(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

static void clean_up(void)
{
	unlink(path);
	rmdir(folder);
}

static void write_file(const uint8_t *data, size_t size)
{
	FILE *file;

	if (path[0] == 0) {
		require(mkdtemp(folder) != NULL);
		snprintf(path, sizeof(path), "%s/known_hosts", folder);
		log_set_sink(ignore, NULL);
		atexit(clean_up);
	}
	file = fopen(path, "w");
	require(file != NULL && fwrite(data, 1, size, file) == size);
	fclose(file);
}

/* How many trusted keys there are for HOST at this port, counted by a search. */
static size_t count_keys(uint16_t port)
{
	const struct knownhosts_files files = {path, NULL};
	struct record_hostkey keys[CAPACITY];
	char type[HOSTKEY_TYPE_BYTES];
	size_t count = 0, trusted = 0;

	if (!knownhosts_find(&files, HOST, port, 1, keys, CAPACITY, &count))
		return 0;
	require(count <= CAPACITY);
	for (size_t i = 0; i < count; i++) {
		require(keys[i].hop == 1 && keys[i].mark < HOST_KEY_MARK_COUNT);
		require(keys[i].blob_length <= HOST_KEY_BYTES);
		require(hostkey_read_type(keys[i].blob, keys[i].blob_length, type));
		require(strcmp(type, keys[i].type) == 0);
		require(wire_text_is_clean(type, strlen(type)));
		if (keys[i].mark == HOST_KEY_TRUSTED)
			trusted++;
	}
	return trusted;
}

struct fates {
	unsigned removed, kept;
};

static void note_fate(
    unsigned number, enum knownhosts_fate fate, const struct knownhosts_line *line, void *arg)
{
	struct fates *fates = arg;

	(void)number;
	require(line->hosts_length != 0);
	if (fate == KNOWNHOSTS_REMOVED)
		fates->removed++;
	else if (fate == KNOWNHOSTS_KEPT_PATTERN)
		fates->kept++;
}

static void remove_keys(const char *name, struct fates *fates)
{
	struct knownhosts_edit *edit = knownhosts_edit_open(path, false);

	require(edit != NULL);
	knownhosts_edit_remove(edit, name, NULL, note_fate, fates);
	require(knownhosts_edit_commit(edit));
	knownhosts_edit_close(edit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fates first = {0}, again = {0};
	size_t other_port;

	write_file(data, size);
	count_keys(22);
	other_port = count_keys(2222);
	remove_keys(HOST, &first);
	remove_keys(HOST, &again);
	require(again.removed == 0);
	if (again.kept == 0)
		require(count_keys(22) == 0);
	/* The host's other port has lost nothing. */
	require(count_keys(2222) == other_port);
	return 0;
}
