/* SPDX-License-Identifier: ISC */
#include "ctl_doctor_net.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl_doctor.h"

int64_t doctor_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool doctor_await(int fd, short events, int64_t deadline_ms)
{
	struct pollfd pollfd = {.fd = fd, .events = events};
	int64_t left_ms = deadline_ms - doctor_now_ms();

	return left_ms > 0 && poll(&pollfd, 1, (int)left_ms) > 0;
}

/* --- names -------------------------------------------------------------------------------- */

/* What a resolver that is not waited for any more may still write to, so it is never freed then. */
struct query {
	struct gaicb request;
	struct addrinfo hints;
	char host[256], port[8];
};

struct addrinfo *doctor_resolve(const char *host, const char *port, char problem[300])
{
	const struct timespec limit = {DOCTOR_DEADLINE_MS / 1000, 0};
	struct query *query = calloc(1, sizeof(*query));
	struct addrinfo *addresses = NULL;
	int error;

	if (query == NULL)
		abort();
	snprintf(query->host, sizeof(query->host), "%s", host);
	snprintf(query->port, sizeof(query->port), "%s", port);
	query->hints.ai_socktype = SOCK_STREAM;
	query->hints.ai_flags = AI_NUMERICSERV;
	query->request.ar_name = query->host;
	query->request.ar_service = query->port;
	query->request.ar_request = &query->hints;
	error = getaddrinfo_a(GAI_NOWAIT, (struct gaicb *[]){&query->request}, 1, NULL);
	if (error == 0) {
		int64_t deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS;

		do
			gai_suspend((const struct gaicb *[]){&query->request}, 1, &limit);
		while ((error = gai_error(&query->request)) == EAI_INPROGRESS &&
		       doctor_now_ms() < deadline_ms);
	}
	if (error == EAI_INPROGRESS) {
		snprintf(problem, 300, "the name was not resolved within %d seconds",
		    DOCTOR_DEADLINE_MS / 1000);
		if (gai_cancel(&query->request) == EAI_CANCELED)
			free(query);
		return NULL;
	}
	if (error == 0)
		addresses = query->request.ar_result;
	else
		snprintf(problem, 300, "cannot be resolved: %s", gai_strerror(error));
	free(query);
	return addresses;
}

void doctor_addresses_free(struct addrinfo *addresses)
{
	if (addresses != NULL)
		freeaddrinfo(addresses);
}

const char *doctor_print_address(const struct addrinfo *addresses)
{
	static char text[300];
	char one[64];

	text[0] = 0;
	for (; addresses != NULL; addresses = addresses->ai_next) {
		size_t used = strlen(text);

		if (getnameinfo(addresses->ai_addr, addresses->ai_addrlen, one, sizeof(one), NULL,
			0, NI_NUMERICHOST) == 0)
			snprintf(
			    text + used, sizeof(text) - used, "%s%s", used != 0 ? ", " : "", one);
	}
	return text;
}

/* --- connections -------------------------------------------------------------------------- */

/* -1 with errno. */
static int connect_to(
    int family, const struct sockaddr *address, socklen_t length, int64_t deadline_ms)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t error_length = sizeof(error);

	if (fd < 0)
		return -1;
	if (connect(fd, address, length) == 0)
		return fd;
	error = errno;
	if (error == EINPROGRESS) {
		if (!doctor_await(fd, POLLOUT, deadline_ms))
			error = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_length) != 0)
			error = errno;
		if (error == 0)
			return fd;
	}
	close(fd);
	errno = error;
	return -1;
}

int doctor_connect(const struct addrinfo *addresses, int64_t deadline_ms, char problem[300])
{
	for (; addresses != NULL; addresses = addresses->ai_next) {
		int fd = connect_to(
		    addresses->ai_family, addresses->ai_addr, addresses->ai_addrlen, deadline_ms);

		if (fd >= 0)
			return fd;
		snprintf(
		    problem, 300, "%s", errno == ETIMEDOUT ? "no answer in time" : strerror(errno));
	}
	return -1;
}

int doctor_connect_path(const char *path, int64_t deadline_ms, char problem[300])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(problem, 300, "the path is too long");
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = connect_to(AF_UNIX, (const struct sockaddr *)&address, sizeof(address), deadline_ms);
	if (fd < 0)
		snprintf(problem, 300, "%s",
		    errno == EAGAIN ? "too many wait for it already" : strerror(errno));
	return fd;
}
