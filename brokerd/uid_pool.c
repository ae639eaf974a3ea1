/* SPDX-License-Identifier: ISC */
#include "uid_pool.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "clock.h"
#include "proto/log.h"
#include "spawn.h"

/* Between sweeps of a uid that still has processes; the first ones may just be on their way out. */
#define SWEEP_PAUSE_MS	 200
#define SWEEP_WARN_AFTER 25

enum uid_use { UID_USE_FREE, UID_USE_TAKEN, UID_USE_SWEEPING };

struct uid_entry {
	struct uid_pool *pool;
	enum uid_use use;
	unsigned sweeps;
	pid_t sweeper;
	struct event *pause;
};

struct uid_pool {
	struct event_base *base;
	struct spawner *spawner;
	void (*idle)(void *arg);
	void *idle_arg;
	void (*freed)(uid_t uid, void *arg);
	void *freed_arg;
	uid_t first;
	unsigned count, next, sweeping; /* next: where the search begins, so that use goes round */
	struct uid_entry entries[];
};

struct uid_pool *uid_pool_create(
    struct event_base *base, struct spawner *spawner, uid_t first, uid_t last)
{
	unsigned count = last - first + 1;
	struct uid_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->entries[0]));

	if (pool == NULL)
		return NULL;
	pool->base = base;
	pool->spawner = spawner;
	pool->first = first;
	pool->count = count;
	for (unsigned i = 0; i < count; i++)
		pool->entries[i].pool = pool;
	return pool;
}

void uid_pool_destroy(struct uid_pool *pool)
{
	if (pool == NULL)
		return;
	for (unsigned i = 0; i < pool->count; i++) {
		if (pool->entries[i].sweeper != 0)
			spawner_forget(pool->spawner, pool->entries[i].sweeper);
		if (pool->entries[i].pause != NULL)
			event_free(pool->entries[i].pause);
	}
	free(pool);
}

static uid_t uid_of(const struct uid_entry *entry)
{
	return entry->pool->first + (uid_t)(entry - entry->pool->entries);
}

/* Whether the kernel knows any process with this real uid; zombies count. */
static bool uid_is_alive(uid_t uid)
{
	errno = 0;
	return !(getpriority(PRIO_USER, uid) == -1 && errno == ESRCH);
}

uid_t uid_pool_take(struct uid_pool *pool)
{
	for (unsigned tried = 0; tried < pool->count; tried++) {
		struct uid_entry *entry = &pool->entries[pool->next];
		uid_t uid = pool->first + pool->next;

		pool->next = (pool->next + 1) % pool->count;
		if (entry->use != UID_USE_FREE)
			continue;
		/* A session of a broker that died is on its way out, or the range is not ours. */
		if (uid_is_alive(uid)) {
			log_warnx("uids: %u is passed over: it has processes", (unsigned)uid);
			continue;
		}
		entry->use = UID_USE_TAKEN;
		return uid;
	}
	return 0;
}

bool uid_pool_reserve(struct uid_pool *pool, uid_t uid)
{
	if (uid < pool->first || uid - pool->first >= pool->count ||
	    pool->entries[uid - pool->first].use != UID_USE_FREE)
		return false;
	pool->entries[uid - pool->first].use = UID_USE_TAKEN;
	return true;
}

void uid_pool_when_freed(struct uid_pool *pool, void (*freed)(uid_t uid, void *arg), void *arg)
{
	pool->freed = freed;
	pool->freed_arg = arg;
}

static void sweep(struct uid_entry *entry);

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sweep(arg);
}

static void sweep_later(struct uid_entry *entry)
{
	const struct timeval pause = clock_timeval(SWEEP_PAUSE_MS);

	if (entry->pause == NULL)
		entry->pause = evtimer_new(entry->pool->base, on_pause_over, entry);
	if (entry->pause == NULL || event_add(entry->pause, &pause) != 0)
		log_errorx("uids: %u stays out of use: no memory", (unsigned)uid_of(entry));
}

static void on_swept(int status, void *arg)
{
	struct uid_entry *entry = arg;

	(void)status;
	entry->sweeper = 0;
	if (entry->use != UID_USE_SWEEPING)
		return;
	if (++entry->sweeps == 1)
		sweep(entry);
	else
		sweep_later(entry);
}

static void start_sweeper(struct uid_entry *entry)
{
	pid_t pid;

	if (entry->sweeper != 0)
		return;
	pid = spawner_run_sweep(entry->pool->spawner, uid_of(entry), on_swept, entry);
	if (pid < 0)
		log_warn("uids: cannot start the sweeper of %u", (unsigned)uid_of(entry));
	else
		entry->sweeper = pid;
}

static void set_free(struct uid_entry *entry)
{
	struct uid_pool *pool = entry->pool;

	entry->use = UID_USE_FREE;
	pool->sweeping--;
	if (entry->pause != NULL)
		event_free(entry->pause);
	entry->pause = NULL;
	if (pool->freed != NULL)
		pool->freed(uid_of(entry), pool->freed_arg);
	if (pool->sweeping == 0 && pool->idle != NULL)
		pool->idle(pool->idle_arg);
}

/* Looks whether the uid is free, else kills what has it. */
static void sweep(struct uid_entry *entry)
{
	if (entry->sweeper == 0 && !uid_is_alive(uid_of(entry))) {
		set_free(entry);
		return;
	}
	if (entry->sweeps == SWEEP_WARN_AFTER)
		log_warnx("uids: processes of %u do not end", (unsigned)uid_of(entry));
	start_sweeper(entry);
	if (entry->sweeper == 0)
		sweep_later(entry);
}

void uid_pool_kill(struct uid_pool *pool, uid_t uid)
{
	start_sweeper(&pool->entries[uid - pool->first]);
}

void uid_pool_give_back(struct uid_pool *pool, uid_t uid)
{
	struct uid_entry *entry = &pool->entries[uid - pool->first];

	entry->use = UID_USE_SWEEPING;
	entry->sweeps = 0;
	pool->sweeping++;
	sweep(entry);
}

bool uid_pool_is_sweeping(const struct uid_pool *pool)
{
	return pool->sweeping != 0;
}

void uid_pool_when_swept(struct uid_pool *pool, void (*idle)(void *arg), void *arg)
{
	pool->idle = idle;
	pool->idle_arg = arg;
}

struct uid_pool_counts uid_pool_count(const struct uid_pool *pool)
{
	struct uid_pool_counts counts = {.total = pool->count};

	for (unsigned i = 0; i < pool->count; i++)
		if (pool->entries[i].use != UID_USE_FREE)
			counts.used++;
	return counts;
}
