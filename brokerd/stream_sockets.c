/* SPDX-License-Identifier: ISC */
#include "stream_sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/log.h"

/* Browsers of one login: a few at a time. */
#define BACKLOG		16
#define SUFFIX		".sock"
#define FILE_NAME_BYTES (STREAM_SOCKET_CHARS + sizeof(SUFFIX))
/* Who may come this far is decided by the directory; see runtime.c. */
#define MODE 0666

struct stream_sockets {
	int directory;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

struct stream_sockets *stream_sockets_create(int directory, const char *runtime_dir)
{
	struct stream_sockets *sockets = calloc(1, sizeof(*sockets));

	if (sockets == NULL) {
		close(directory);
		return NULL;
	}
	sockets->directory = directory;
	snprintf(sockets->path, sizeof(sockets->path), "%s/" STREAM_SOCKETS_DIRECTORY, runtime_dir);
	return sockets;
}

void stream_sockets_destroy(struct stream_sockets *sockets)
{
	if (sockets == NULL)
		return;
	close(sockets->directory);
	free(sockets);
}

static bool make_name(char name[STREAM_SOCKET_CHARS + 1])
{
	uint8_t random[STREAM_SOCKET_CHARS / 2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(name + 2 * i, 3, "%02x", random[i]);
	return true;
}

static bool listen_on(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0777 & ~MODE);
	bool bound = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	umask(mask);
	return bound && listen(fd, BACKLOG) == 0;
}

int stream_sockets_listen(struct stream_sockets *sockets, char name[STREAM_SOCKET_CHARS + 1])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	name[0] = 0;
	if (fd < 0 || !make_name(name) ||
	    (size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s" SUFFIX,
		sockets->path, name) >= sizeof(address.sun_path) ||
	    !listen_on(fd, &address)) {
		log_warn("sockets: cannot make one for a relay");
		if (fd >= 0)
			close(fd);
		if (name[0] != 0)
			stream_sockets_remove(sockets, name);
		name[0] = 0;
		return -1;
	}
	return fd;
}

void stream_sockets_remove(struct stream_sockets *sockets, const char *name)
{
	char file[FILE_NAME_BYTES];

	if (sockets == NULL)
		return;
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	if (unlinkat(sockets->directory, file, 0) != 0 && errno != ENOENT)
		log_warn("sockets: cannot remove that of a relay");
}

/* Cuts the suffix off. False if it is the name of none of ours. */
static bool name_of(const char *file, char name[STREAM_SOCKET_CHARS + 1])
{
	if (strlen(file) != FILE_NAME_BYTES - 1 ||
	    strspn(file, "0123456789abcdef") != STREAM_SOCKET_CHARS ||
	    strcmp(file + STREAM_SOCKET_CHARS, SUFFIX) != 0)
		return false;
	memcpy(name, file, STREAM_SOCKET_CHARS);
	name[STREAM_SOCKET_CHARS] = 0;
	return true;
}

void stream_sockets_sweep(
    struct stream_sockets *sockets, bool (*lives)(const char *name, void *arg), void *arg)
{
	char name[STREAM_SOCKET_CHARS + 1];
	const struct dirent *entry;
	DIR *directory;
	int fd;

	if (sockets == NULL)
		return;
	/* An open file of its own, since reading it moves its position. */
	fd = openat(sockets->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (directory == NULL) {
		log_warn("sockets: cannot list those of earlier relays");
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)) != NULL)
		if (name_of(entry->d_name, name) && !lives(name, arg))
			stream_sockets_remove(sockets, name);
	closedir(directory);
}
