/* SPDX-License-Identifier: ISC */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "proto/log.h"

/* Connections that may wait for accept; the kernel caps it by net.core.somaxconn. */
#define BACKLOG 512

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t length = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 &&
	       listening != 0;
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
	    sizeof(address.sun_path))
		log_fatalx("socket %s: the path is too long", path);
	return address;
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		log_fatal("socket");
	return fd;
}

/* Ends the program if path is no socket, or one that is served. */
static void check_path_is_free(const char *path)
{
	struct sockaddr_un address = address_of(path);
	struct stat status;
	int fd;

	if (lstat(path, &status) != 0) {
		if (errno != ENOENT)
			log_fatal("socket %s", path);
		return;
	}
	if (!S_ISSOCK(status.st_mode))
		log_fatalx("socket %s: something else is there", path);
	fd = make_socket();
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN)
		log_fatalx("socket %s: another program serves it", path);
	if (errno != ECONNREFUSED)
		log_fatal("socket %s", path);
	close(fd);
}

/* Makes the socket beside its place and moves it there when it is ready: whoever sees it can
 * connect, and nobody can before its permissions are right. */
static void make_listener(struct listener *listener, const struct listener_options *options)
{
	char fresh[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	struct sockaddr_un address;
	struct stat status;

	check_path_is_free(options->path);
	snprintf(fresh, sizeof(fresh), "%s.new", options->path);
	address = address_of(fresh);
	listener->fd = make_socket();
	if (unlink(fresh) != 0 && errno != ENOENT)
		log_fatal("socket %s", fresh);
	/* connect() needs write permission, which nobody has until chmod. */
	umask(0777);
	if (bind(listener->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener->fd, BACKLOG) != 0 ||
	    lchown(fresh, options->owner, options->group) != 0 ||
	    chmod(fresh, options->mode) != 0 || lstat(fresh, &status) != 0 ||
	    rename(fresh, options->path) != 0)
		log_fatal("socket %s", options->path);
	umask(0077);
	listener->path = options->path;
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
}

void listener_open(struct listener *listener, const struct listener_options *options)
{
	int passed = sd_listen_fds(1);

	*listener = (struct listener){.fd = -1};
	if (passed > 1)
		log_fatalx("systemd passes %d sockets; one is wanted", passed);
	if (passed == 1) {
		listener->fd = SD_LISTEN_FDS_START;
		if (!is_listening(listener->fd))
			log_fatalx("what systemd passes is no listening socket");
	} else if (is_listening(STDIN_FILENO)) {
		listener->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (listener->fd < 0)
			log_fatal("standard input");
	} else if (options->path != NULL) {
		make_listener(listener, options);
	} else {
		log_fatalx("no socket: name one by --socket, or pass one as standard input");
	}
}

void listener_close(struct listener *listener)
{
	struct stat status;

	close(listener->fd);
	/* Without permission to remove it (we gave root away) it stays, and the next start replaces
	 * it. */
	if (listener->path != NULL && lstat(listener->path, &status) == 0 &&
	    status.st_dev == listener->device && status.st_ino == listener->inode)
		unlink(listener->path);
}
