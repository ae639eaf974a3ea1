/* SPDX-License-Identifier: ISC */
/*
 * The uids of the session processes: each serves one session at a time and is free again only
 * when no process of it is left, which is seen to here. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_UID_POOL_H
#define BROKERD_UID_POOL_H

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct spawner;
struct uid_pool;

struct uid_pool_counts {
	unsigned total, used;
};

/* Fails: NULL if memory is short. */
struct uid_pool *uid_pool_create(
    struct event_base *base, struct spawner *spawner, uid_t first, uid_t last);
void uid_pool_destroy(struct uid_pool *pool);

/* Takes a uid that no process has; 0 if there is none. */
uid_t uid_pool_take(struct uid_pool *pool);

/* Takes this one, which has processes of an earlier broker. False: it is not of these, or taken. */
bool uid_pool_reserve(struct uid_pool *pool, uid_t uid);

/* freed is called for each uid that is free again. */
void uid_pool_when_freed(struct uid_pool *pool, void (*freed)(uid_t uid, void *arg), void *arg);

/* Kills what is left of the uid, but keeps it taken. */
void uid_pool_kill(struct uid_pool *pool, uid_t uid);

/* The uid's session has ended: kills what is left of it, as often as it takes, then frees it. */
void uid_pool_give_back(struct uid_pool *pool, uid_t uid);

/* True while a uid is being swept. */
bool uid_pool_is_sweeping(const struct uid_pool *pool);

/* Calls idle once, when no sweep is under way any more. */
void uid_pool_when_swept(struct uid_pool *pool, void (*idle)(void *arg), void *arg);

struct uid_pool_counts uid_pool_count(const struct uid_pool *pool);

#endif
