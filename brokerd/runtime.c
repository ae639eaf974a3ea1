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
#include "proto/log.h"

#define BROKER_SOCKET  "broker.sock"
#define CONTROL_SOCKET "control.sock"
#define ROOT_DIRECTORY "empty"
#define BACKLOG	       128

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
	if (fchown(fd, config->broker.user.id, config->broker.group.id) != 0 ||
	    fchmod(fd, 0755) != 0)
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
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    fchownat(directory, name, 0, group, AT_SYMLINK_NOFOLLOW) != 0 ||
	    listen(fd, BACKLOG) != 0)
		log_fatal("%s: cannot listen there", address.sun_path);
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
	if (status.st_uid != 0 || status.st_gid != 0)
		log_fatalx("%s: does not belong to root", ROOT_DIRECTORY);
	if (fchmod(fd, 0555) != 0)
		log_fatal("%s: cannot make it read-only", ROOT_DIRECTORY);
	return fd;
}

void runtime_open(struct runtime *runtime, const struct config *config)
{
	/* Admins who are not root need to reach it; who they are is checked by their uid. */
	mode_t control_mode = config->broker.admin_users.count != 0 ? 0666 : 0600;

	runtime->directory = open_directory(config);
	runtime->root_fd = open_root(runtime->directory);
	runtime->broker_fd =
	    listen_on(config, runtime->directory, BROKER_SOCKET, config->broker.web_group.id, 0660);
	runtime->control_fd =
	    listen_on(config, runtime->directory, CONTROL_SOCKET, 0, control_mode);
}

void runtime_remove(struct runtime *runtime)
{
	if (unlinkat(runtime->directory, BROKER_SOCKET, 0) != 0 ||
	    unlinkat(runtime->directory, CONTROL_SOCKET, 0) != 0 ||
	    unlinkat(runtime->directory, ROOT_DIRECTORY, AT_REMOVEDIR) != 0)
		log_warn("cannot clear the runtime directory");
}
