/* SPDX-License-Identifier: ISC */
#include "spawn.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privdrop.h"
#include "proto/log.h"

/* What a session may open and run at most; it tightens this further itself. */
#define SESSION_FDS_MAX 64

struct child {
	LIST_ENTRY(child) next; /* spawner.children */
	pid_t pid;
	spawn_ended *ended; /* NULL: nobody cares any more */
	void *arg;
	struct event *gone; /* of one that an earlier broker started, by its pidfd; else NULL */
};

struct spawner {
	struct event_base *base;
	struct event *sigchld;
	int session_fd, root_fd;
	LIST_HEAD(, child) children;
};

/* It is over: its child record goes. */
static void finish(struct child *child, int status)
{
	LIST_REMOVE(child, next);
	if (child->ended != NULL)
		child->ended(status, child->arg);
	if (child->gone != NULL)
		event_free(child->gone);
	free(child);
}

static void on_sigchld(evutil_socket_t signal_number, short what, void *arg)
{
	struct spawner *spawner = arg;
	struct child *child;
	int status;
	pid_t pid;

	(void)signal_number;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		LIST_FOREACH(child, &spawner->children, next)
		if (child->pid == pid && child->gone == NULL)
			break;
		if (child != NULL)
			finish(child, status);
	}
}

/* Its parent, which is not this process, has its status. */
static void on_gone(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, 0);
}

struct spawner *spawner_create(struct event_base *base, int session_fd, int root_fd)
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));

	if (spawner == NULL)
		return NULL;
	LIST_INIT(&spawner->children);
	spawner->base = base;
	spawner->session_fd = session_fd;
	spawner->root_fd = root_fd;
	spawner->sigchld = evsignal_new(base, SIGCHLD, on_sigchld, spawner);
	if (spawner->sigchld == NULL || event_add(spawner->sigchld, NULL) != 0) {
		spawner_destroy(spawner);
		return NULL;
	}
	return spawner;
}

void spawner_destroy(struct spawner *spawner)
{
	struct child *child;

	if (spawner == NULL)
		return;
	while ((child = LIST_FIRST(&spawner->children)) != NULL) {
		child->ended = NULL;
		finish(child, 0);
	}
	if (spawner->sigchld != NULL)
		event_free(spawner->sigchld);
	close(spawner->session_fd);
	close(spawner->root_fd);
	free(spawner);
}

/* Forks with all signals blocked, so that none meets the broker's handlers in the child: they
 * would write to the pipe that both share. */
static pid_t fork_clean(void)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_DFL);
		sigemptyset(&before);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static bool limit(__rlimit_resource_t resource, rlim_t value)
{
	const struct rlimit both = {value, value};

	return setrlimit(resource, &both) == 0;
}

/* The child's descriptors. Those from FIRST_SPARE on close by themselves at the exec. */
struct child_fds {
	int program, link, root, null, stderr_copy;
};

static bool arrange_fds(const struct spawner *spawner, int link, struct child_fds *fds)
{
	enum { FIRST_SPARE = SPAWN_FD_ROOT + 1 };

	/* Out of the way of the numbers that are about to be taken. */
	fds->program = fcntl(spawner->session_fd, F_DUPFD_CLOEXEC, FIRST_SPARE);
	fds->link = fcntl(link, F_DUPFD_CLOEXEC, FIRST_SPARE);
	fds->root = fcntl(spawner->root_fd, F_DUPFD_CLOEXEC, FIRST_SPARE);
	fds->stderr_copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, FIRST_SPARE);
	fds->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fds->program >= 0 && fds->null >= 0 && dup2(fds->link, SPAWN_FD_LINK) >= 0 &&
	       dup2(fds->root, SPAWN_FD_ROOT) >= 0 && dup2(fds->null, STDIN_FILENO) >= 0 &&
	       dup2(fds->null, STDOUT_FILENO) >= 0 &&
	       close_range(FIRST_SPARE, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

_Noreturn static void be_session(const struct spawner *spawner, uid_t uid, int link)
{
	char name[] = "x2goweb-session", *arguments[] = {name, NULL}, *environment[] = {NULL};
	struct child_fds fds;

	if (setsid() >= 0 && limit(RLIMIT_NPROC, 1) && privdrop_child(uid, true) &&
	    arrange_fds(spawner, link, &fds) && limit(RLIMIT_NOFILE, SESSION_FDS_MAX)) {
		/* Nothing checks what a session writes to stderr, so only a detailed log has it. */
		if (log_get_level() < LOG_LEVEL_DEBUG)
			dup2(fds.null, STDERR_FILENO);
		execveat(fds.program, "", arguments, environment, AT_EMPTY_PATH);
		dup2(fds.stderr_copy, STDERR_FILENO);
	}
	log_error("session process: cannot be started as uid %u", (unsigned)uid);
	_exit(SPAWN_NOT_STARTED);
}

_Noreturn static void be_sweeper(uid_t uid)
{
	if (!privdrop_child(uid, false)) {
		log_error("sweeper: cannot become uid %u", (unsigned)uid);
		_exit(SPAWN_NOT_STARTED);
	}
	kill(-1, SIGKILL);
	_exit(0);
}

/* Notes a child that has been forked; on -1 there is none. */
static pid_t watch(
    struct child *child, struct spawner *spawner, pid_t pid, spawn_ended *ended, void *arg)
{
	if (pid < 0) {
		free(child);
		return -1;
	}
	child->pid = pid;
	child->ended = ended;
	child->arg = arg;
	child->gone = NULL;
	LIST_INSERT_HEAD(&spawner->children, child, next);
	return pid;
}

/* Whether this process, which may have been another program when it started that one, will hear of
 * its end by SIGCHLD. It may have ended already. */
static bool is_child(int pidfd)
{
	siginfo_t info;

	return waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool spawner_adopt(struct spawner *spawner, pid_t pid, int pidfd, spawn_ended *ended, void *arg)
{
	struct child *child = malloc(sizeof(*child));

	if (child == NULL)
		return false;
	watch(child, spawner, pid, ended, arg);
	if (is_child(pidfd)) {
		event_active(spawner->sigchld, EV_SIGNAL, 1);
		return true;
	}
	child->gone = event_new(spawner->base, pidfd, EV_READ, on_gone, child);
	if (child->gone != NULL && event_add(child->gone, NULL) == 0)
		return true;
	child->ended = NULL;
	finish(child, 0);
	return false;
}

pid_t spawner_run_session(
    struct spawner *spawner, uid_t uid, int link, spawn_ended *ended, void *arg)
{
	struct child *child = malloc(sizeof(*child));
	pid_t pid;

	if (child == NULL)
		return -1;
	pid = fork_clean();
	if (pid == 0)
		be_session(spawner, uid, link);
	return watch(child, spawner, pid, ended, arg);
}

pid_t spawner_run_sweep(struct spawner *spawner, uid_t uid, spawn_ended *ended, void *arg)
{
	struct child *child = malloc(sizeof(*child));
	pid_t pid;

	if (child == NULL)
		return -1;
	pid = fork_clean();
	if (pid == 0)
		be_sweeper(uid);
	return watch(child, spawner, pid, ended, arg);
}

_Noreturn static void be_program(const char *program, char *const *arguments)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		execv(program, arguments);
	log_error("%s: cannot be run", program);
	_exit(SPAWN_NOT_STARTED);
}

pid_t spawner_run_program(struct spawner *spawner, const char *program, char *const *arguments,
    spawn_ended *ended, void *arg)
{
	struct child *child = malloc(sizeof(*child));
	pid_t pid;

	if (child == NULL)
		return -1;
	pid = fork_clean();
	if (pid == 0)
		be_program(program, arguments);
	return watch(child, spawner, pid, ended, arg);
}

void spawner_forget(struct spawner *spawner, pid_t pid)
{
	struct child *child;

	LIST_FOREACH(child, &spawner->children, next)
	if (child->pid == pid)
		break;
	if (child == NULL)
		return;
	child->ended = NULL;
	/* Whoever has its pidfd closes it now; one of our own is waited for all the same. */
	if (child->gone != NULL)
		finish(child, 0);
}
