/* SPDX-License-Identifier: ISC */
/*
 * The broker's children: session processes, and sweepers that kill what is left of a session's
 * uid. Owns the session binary's descriptor and the SIGCHLD handling; knows no logins.
 */
#ifndef BROKERD_SPAWN_H
#define BROKERD_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct spawner;

/* Where a session process finds what it is given. */
#define SPAWN_FD_LINK 3 /* its socketpair to the broker */
#define SPAWN_FD_ROOT 4 /* the directory that becomes its root */

/* Is called once, when the child has been reaped; status is waitpid's. */
typedef void spawn_ended(int status, void *arg);

/* session_fd: the binary, opened so that it may stand where a session's uid cannot look; root_fd:
 * an empty directory. Both are taken over. Fails: NULL if memory is short. */
struct spawner *spawner_create(struct event_base *base, int session_fd, int root_fd);
void spawner_destroy(struct spawner *spawner);

/* Starts a session process as uid. link stays with the caller. Fails: -1 with errno. */
pid_t spawner_run_session(
    struct spawner *spawner, uid_t uid, int link, spawn_ended *ended, void *arg);

/* Starts a child that becomes uid, kills every process of that uid, and ends. The broker itself
 * may not signal a session: it has no CAP_KILL. Fails: -1 with errno. */
pid_t spawner_run_sweep(struct spawner *spawner, uid_t uid, spawn_ended *ended, void *arg);

/* Status of a child that never came to run its program. */
#define SPAWN_NOT_STARTED 127

/* Runs a program as this process' user, with nothing but its stderr. Fails: -1 with errno. */
pid_t spawner_run_program(struct spawner *spawner, const char *program, char *const *arguments,
    spawn_ended *ended, void *arg);

/* Watches a session process that an earlier broker started; pidfd stays the caller's and open until
 * ended was called. Its status is 0 if only its new parent knows that. Fails: false with errno. */
bool spawner_adopt(struct spawner *spawner, pid_t pid, int pidfd, spawn_ended *ended, void *arg);

/* ended is not called any more for this child. */
void spawner_forget(struct spawner *spawner, pid_t pid);

#endif
