/* SPDX-License-Identifier: ISC */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config.h"
#include "file_group.h"
#include "handover.h"
#include "proto/log.h"
#include "stream_sockets.h"

#define BROKER_SOCKET  "broker.sock"
#define CONTROL_SOCKET "control.sock"
#define ROOT_DIRECTORY "empty"
#define STREAMS	       STREAM_SOCKETS_DIRECTORY
#define STREAMS_MODE   0710
/* What is passed on by exec only. */
#define PASSED_DIRECTORY "directory"
#define PASSED_ROOT	 "root"
#define BACKLOG		 128

/* A broker that is not root, or not any more, finds it as it has to be. */
static bool is_given_to(const struct stat *status, uid_t user, gid_t group, mode_t mode)
{
	return status->st_uid == user && status->st_gid == group &&
	       (status->st_mode & 07777) == mode;
}

/* The directory belongs to the broker's user, so from the second start on nothing in it may be
 * followed or trusted by root. */
static int open_directory(const struct config *config)
{
	const char *path = config->broker.runtime_dir;
	struct stat status;
	int fd;

	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		log_fatal("%s: cannot make it", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0)
		log_fatal("%s: cannot open it", path);
	if (status.st_uid != 0 && status.st_uid != config->broker.user.id)
		log_fatalx("%s: belongs to uid %u, who is neither root nor the broker's user", path,
		    (unsigned)status.st_uid);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			log_fatalx("%s: another broker runs with this directory", path);
		log_fatal("%s: cannot lock it", path);
	}
	if (!is_given_to(&status, config->broker.user.id, config->broker.group.id, 0755) &&
	    (fchown(fd, config->broker.user.id, config->broker.group.id) != 0 ||
		fchmod(fd, 0755) != 0))
		log_fatal("%s: cannot give it to the broker's user", path);
	return fd;
}

/* Whether somebody listens there. */
static bool answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool connected =
	    fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			   errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return connected;
}

static void remove_stale(int directory, const char *name, const struct sockaddr_un *address)
{
	struct stat status;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			log_fatal("%s: cannot look at it", address->sun_path);
		return;
	}
	if (!S_ISSOCK(status.st_mode))
		log_fatalx("%s: is in the way and not a socket", address->sun_path);
	if (answers(address))
		log_fatalx("%s: somebody else listens there", address->sun_path);
	if (unlinkat(directory, name, 0) != 0)
		log_fatal("%s: cannot remove the stale socket", address->sun_path);
	log_info("%s: a stale socket was replaced", address->sun_path);
}

static int listen_on(
    const struct config *config, int directory, const char *name, gid_t group, mode_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t mask;

	snprintf(
	    address.sun_path, sizeof(address.sun_path), "%s/%s", config->broker.runtime_dir, name);
	remove_stale(directory, name, &address);
	mask = umask(0777 & ~mode);
	if (fd < 0 || !file_group_begin(group) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		log_fatal("%s: cannot listen there", address.sun_path);
	file_group_end();
	umask(mask);
	return fd;
}

static int open_root(int directory)
{
	struct stat status;
	int fd;

	if (mkdirat(directory, ROOT_DIRECTORY, 0555) != 0 && errno != EEXIST)
		log_fatal("%s: cannot make it", ROOT_DIRECTORY);
	fd = openat(directory, ROOT_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0)
		log_fatal("%s: cannot open it", ROOT_DIRECTORY);
	/* A broker that never was root has made it itself. */
	if (status.st_uid != 0 && status.st_uid != geteuid())
		log_fatalx("%s: does not belong to root", ROOT_DIRECTORY);
	if ((status.st_mode & 07777) != 0555 && fchmod(fd, 0555) != 0)
		log_fatal("%s: cannot make it read-only", ROOT_DIRECTORY);
	return fd;
}

/* The web server's group may pass through it to a socket whose name it is told, but not list it;
 * nobody else gets that far, so that the sockets in it need no group. */
static int open_streams(const struct config *config, int directory)
{
	struct stat status;
	int fd;

	if (!file_group_begin(config->broker.web_group.id) ||
	    (mkdirat(directory, STREAMS, 0700) != 0 && errno != EEXIST))
		log_fatal("%s: cannot make it", STREAMS);
	file_group_end();
	fd = openat(directory, STREAMS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0)
		log_fatal("%s: cannot open it", STREAMS);
	if (status.st_uid != 0 && status.st_uid != config->broker.user.id)
		log_fatalx("%s: belongs to uid %u, who is neither root nor the broker's user",
		    STREAMS, (unsigned)status.st_uid);
	if (is_given_to(&status, config->broker.user.id, config->broker.web_group.id, STREAMS_MODE))
		return fd;
	if (((status.st_uid != config->broker.user.id ||
		 status.st_gid != config->broker.web_group.id) &&
		fchown(fd, config->broker.user.id, config->broker.web_group.id) != 0) ||
	    fchmod(fd, STREAMS_MODE) != 0)
		log_fatal("%s: cannot give it to the broker's user", STREAMS);
	return fd;
}

/* Whether the socket that was kept is the one at this name, and open to whom it has to be. */
static bool is_still_there(
    const struct config *config, int directory, const char *name, int fd, gid_t group, mode_t mode)
{
	struct sockaddr_un address = {0}, expected = {0};
	socklen_t length = sizeof(address), listens_length = sizeof(int);
	struct stat status;
	int listens = 0;

	snprintf(expected.sun_path, sizeof(expected.sun_path), "%s/%s", config->broker.runtime_dir,
	    name);
	return getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	       address.sun_family == AF_UNIX &&
	       strncmp(address.sun_path, expected.sun_path, sizeof(address.sun_path)) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_length) == 0 &&
	       listens != 0 && fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISSOCK(status.st_mode) && (status.st_uid == 0 || status.st_uid == geteuid()) &&
	       status.st_gid == group && (status.st_mode & 0777) == mode;
}

/* Those who connect while no broker runs wait in a socket that is kept. */
static int take_or_listen(const struct config *config, struct handover *handover, int directory,
    const char *name, gid_t group, mode_t mode)
{
	int kept[HANDOVER_FDS_MAX], fd, copy;

	if (handover_find(handover, name, kept) != 0) {
		if (is_still_there(config, directory, name, kept[0], group, mode) &&
		    (fd = fcntl(kept[0], F_DUPFD_CLOEXEC, 0)) >= 0)
			return fd;
		handover_forget(handover, name);
	}
	fd = listen_on(config, directory, name, group, mode);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0 || !handover_keep(handover, name, &copy, 1))
		log_warn("%s: is not kept for the next broker", name);
	return fd;
}

void runtime_open(struct runtime *runtime, const struct config *config, struct handover *handover)
{
	/* Admins who are not root need to reach it; who they are is checked by their uid. */
	mode_t control_mode = config->broker.admin_users.count != 0 ? 0666 : 0600;

	runtime->directory = handover_take(handover, PASSED_DIRECTORY);
	runtime->root_fd = handover_take(handover, PASSED_ROOT);
	if (runtime->directory < 0)
		runtime->directory = open_directory(config);
	if (runtime->root_fd < 0)
		runtime->root_fd = open_root(runtime->directory);
	runtime->streams_fd =
	    config_relay_is_unix(config) ? open_streams(config, runtime->directory) : -1;
	runtime->broker_fd = take_or_listen(
	    config, handover, runtime->directory, BROKER_SOCKET, config->broker.web_group.id, 0660);
	runtime->control_fd = take_or_listen(config, handover, runtime->directory, CONTROL_SOCKET,
	    config->broker.group.id, control_mode);
}

static void pass(struct handover *handover, const char *name, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0 || !handover_pass(handover, name, copy))
		log_fatal("%s: cannot be passed on", name);
}

void runtime_pass(const struct runtime *runtime, struct handover *handover)
{
	pass(handover, PASSED_DIRECTORY, runtime->directory);
	pass(handover, PASSED_ROOT, runtime->root_fd);
}

void runtime_close(struct handover *handover)
{
	handover_forget(handover, BROKER_SOCKET);
	handover_forget(handover, CONTROL_SOCKET);
}

void runtime_remove(struct runtime *runtime)
{
	if (unlinkat(runtime->directory, BROKER_SOCKET, 0) != 0 ||
	    unlinkat(runtime->directory, CONTROL_SOCKET, 0) != 0 ||
	    unlinkat(runtime->directory, ROOT_DIRECTORY, AT_REMOVEDIR) != 0 ||
	    (runtime->streams_fd >= 0 && unlinkat(runtime->directory, STREAMS, AT_REMOVEDIR) != 0))
		log_warn("cannot clear the runtime directory");
}
