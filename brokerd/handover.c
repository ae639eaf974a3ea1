/* SPDX-License-Identifier: ISC */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "proto/log.h"

#define FIRST_FD SD_LISTEN_FDS_START

struct entry {
	LIST_ENTRY(entry) next; /* handover.entries */
	char name[HANDOVER_NAME_BYTES];
	int fds[HANDOVER_FDS_MAX];
	size_t count;
};

struct handover {
	LIST_HEAD(, entry) entries;
	bool in_store;
};

static struct entry *find(const struct handover *handover, const char *name)
{
	struct entry *entry;

	LIST_FOREACH(entry, &handover->entries, next)
	if (strcmp(entry->name, name) == 0)
		return entry;
	return NULL;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* NULL if memory is short or the name is too long. */
static struct entry *add(struct handover *handover, const char *name)
{
	struct entry *entry = strlen(name) < HANDOVER_NAME_BYTES ? calloc(1, sizeof(*entry)) : NULL;

	if (entry != NULL) {
		strcpy(entry->name, name);
		LIST_INSERT_HEAD(&handover->entries, entry, next);
	}
	return entry;
}

static void remove_from_store(const struct handover *handover, const char *name)
{
	char text[HANDOVER_NAME_BYTES + 64];

	if (!handover->in_store)
		return;
	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%.*s", HANDOVER_NAME_BYTES, name);
	sd_notify(0, text);
}

/* One of those that the process was started with. */
static void take(struct handover *handover, const char *name, int fd)
{
	struct entry *entry = find(handover, name);

	if (entry == NULL)
		entry = add(handover, name);
	if (entry != NULL && entry->count < HANDOVER_FDS_MAX) {
		entry->fds[entry->count++] = fd;
		return;
	}
	log_warnx("handover: one too many under the name %s", name);
	close(fd);
}

struct handover *handover_create(bool in_store)
{
	struct handover *handover = calloc(1, sizeof(*handover));
	char **names = NULL;
	int count;

	if (handover == NULL)
		return NULL;
	LIST_INIT(&handover->entries);
	handover->in_store = in_store && getenv("NOTIFY_SOCKET") != NULL;
	count = sd_listen_fds_with_names(1, &names);
	for (int i = 0; i < count; i++) {
		take(handover, names[i], FIRST_FD + i);
		free(names[i]);
	}
	free(names);
	return handover;
}

void handover_destroy(struct handover *handover)
{
	struct entry *entry;

	if (handover == NULL)
		return;
	while ((entry = LIST_FIRST(&handover->entries)) != NULL) {
		LIST_REMOVE(entry, next);
		close_all(entry->fds, entry->count);
		free(entry);
	}
	free(handover);
}

bool handover_is_in_store(const struct handover *handover)
{
	return handover->in_store;
}

/* Takes the descriptors over, also when it fails. */
static bool keep(struct handover *handover, const char *name, const int *fds, size_t count)
{
	struct entry *entry = NULL;

	if (count <= HANDOVER_FDS_MAX && find(handover, name) == NULL)
		entry = add(handover, name);
	if (entry == NULL) {
		close_all(fds, count);
		return false;
	}
	memcpy(entry->fds, fds, count * sizeof(*fds));
	entry->count = count;
	return true;
}

bool handover_keep(struct handover *handover, const char *name, const int *fds, size_t count)
{
	char text[HANDOVER_NAME_BYTES + 64];
	int result;

	if (!keep(handover, name, fds, count))
		return false;
	if (!handover->in_store)
		return true;
	/* What has come to its end is still to be read by the next broker: no FDPOLL. */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	result = sd_pid_notify_with_fds(0, 0, text, fds, (unsigned)count);
	if (result < 0) {
		errno = -result;
		log_warn("handover: systemd does not keep %s", name);
	}
	return true;
}

bool handover_pass(struct handover *handover, const char *name, int fd)
{
	return keep(handover, name, &fd, 1);
}

int handover_take(struct handover *handover, const char *name)
{
	struct entry *entry = find(handover, name);
	int fd;

	if (entry == NULL)
		return -1;
	LIST_REMOVE(entry, next);
	fd = entry->fds[0];
	close_all(entry->fds + 1, entry->count - 1);
	free(entry);
	return fd;
}

void handover_forget(struct handover *handover, const char *name)
{
	struct entry *entry = find(handover, name);

	if (entry == NULL)
		return;
	remove_from_store(handover, entry->name);
	LIST_REMOVE(entry, next);
	close_all(entry->fds, entry->count);
	free(entry);
}

size_t handover_find(const struct handover *handover, const char *name, int fds[HANDOVER_FDS_MAX])
{
	const struct entry *entry = find(handover, name);

	if (entry == NULL)
		return 0;
	memcpy(fds, entry->fds, entry->count * sizeof(*fds));
	return entry->count;
}

void handover_visit(struct handover *handover, const char *prefix,
    void (*visit)(const char *name, const int *fds, size_t count, void *arg), void *arg)
{
	struct entry *entry, *following;

	for (entry = LIST_FIRST(&handover->entries); entry != NULL; entry = following) {
		following = LIST_NEXT(entry, next);
		if (strncmp(entry->name, prefix, strlen(prefix)) == 0)
			visit(entry->name, entry->fds, entry->count, arg);
	}
}

/* All that is kept, and its names with a colon between them; both to be freed. */
static int *gather(const struct handover *handover, size_t *ret_count, char **ret_names)
{
	const struct entry *entry;
	size_t count = 0, room = 1;
	int *fds = NULL;
	char *names, *end;

	LIST_FOREACH(entry, &handover->entries, next)
	{
		count += entry->count;
		room += entry->count * (strlen(entry->name) + 1);
	}
	names = malloc(room);
	fds = calloc(count + 1, sizeof(*fds));
	if (names == NULL || fds == NULL) {
		free(names);
		free(fds);
		return NULL;
	}
	count = 0;
	end = names;
	*end = 0;
	LIST_FOREACH(entry, &handover->entries, next)
	for (size_t i = 0; i < entry->count; i++) {
		fds[count] = entry->fds[i];
		end += sprintf(end, "%s%s", count++ != 0 ? ":" : "", entry->name);
	}
	*ret_count = count;
	*ret_names = names;
	return fds;
}

/* As systemd passes them: from number 3 on. Nothing else of this process is open any more. */
static bool arrange(int *fds, size_t count)
{
	int end = FIRST_FD + (int)count;

	/* First out of the way of the numbers that are about to be taken. */
	for (size_t i = 0; i < count; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, end);
		if (fds[i] < 0)
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(fds[i], FIRST_FD + (int)i) < 0)
			return false;
	return close_range((unsigned)end, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

static bool tell(size_t count, const char *names)
{
	char number[24], pid[24];

	snprintf(number, sizeof(number), "%zu", count);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", number, 1) == 0 &&
	       setenv("LISTEN_FDNAMES", names, 1) == 0;
}

void handover_exec(struct handover *handover, const char *program, char *const *arguments)
{
	size_t count;
	char *names;
	int *fds = gather(handover, &count, &names);
	sigset_t all;

	if (fds == NULL || !tell(count, names))
		return;
	/* Until the next one has its handlers, signals would end it. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (arrange(fds, count))
		execv(program, arguments);
	/* Half of the descriptors are others now. Whoever starts the next one has the store. */
	log_fatal("%s: cannot be run", program);
}
