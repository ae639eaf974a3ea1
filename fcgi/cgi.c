/* SPDX-License-Identifier: ISC */
#include "cgi.h"

#include <errno.h>
#include <event2/event.h>
#include <fastcgi.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_guard.h"
#include "intake.h"
#include "proto/log.h"
#include "request.h"

extern char **environ;

#define REQUEST_ID 1
/* For the web server to pass the body on; SIGALRM ends the process. */
#define BODY_DEADLINE_S 10
#define RECORD_BYTES	65535

struct visit {
	struct requests *requests;
	int fd; /* our end of the connection; -1: nobody waits for the answer any more */
};

bool cgi_is_meant(void)
{
	int listening = 0;
	socklen_t length = sizeof(listening);

	return getenv("GATEWAY_INTERFACE") != NULL &&
	       (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 ||
		   listening == 0);
}

void cgi_read_options(const char **broker, struct http_origins *origins)
{
	const char *path = getenv("X2GOWEB_BROKER"), *list = getenv("X2GOWEB_ORIGINS");
	char *copy = list != NULL ? strdup(list) : NULL, *rest = copy, *origin;

	if (path != NULL)
		*broker = path;
	while ((origin = strsep(&rest, " ")) != NULL)
		if (*origin != 0 && !http_origins_add(origins, origin))
			log_fatalx(
			    "X2GOWEB_ORIGINS: %s: not scheme://host[:port], or too many", origin);
	free(copy);
}

/* --- the request ---------------------------------------------------------------------------- */

static bool put_record(struct intake *intake, unsigned type, const void *content, size_t length)
{
	const uint8_t header[FCGI_HEADER_LEN] = {FCGI_VERSION_1, (uint8_t)type, 0, REQUEST_ID,
	    (uint8_t)(length >> 8), (uint8_t)length, 0, 0};

	return intake_feed(intake, header, sizeof(header)) != INTAKE_BROKEN &&
	       (length == 0 || intake_feed(intake, content, length) != INTAKE_BROKEN);
}

/* FastCGI specification 1.0, section 3.4: lengths of more than 127 take four bytes. */
static uint8_t *put_length(uint8_t *to, size_t length)
{
	*to++ = (uint8_t)(0x80 | length >> 24);
	*to++ = (uint8_t)(length >> 16);
	*to++ = (uint8_t)(length >> 8);
	*to++ = (uint8_t)length;
	return to;
}

/* One variable, as "NAME=value". What has no name is left out. */
static bool put_variable(struct intake *intake, const char *variable)
{
	static uint8_t record[RECORD_BYTES];
	const char *equals = strchr(variable, '=');
	size_t name, value;
	uint8_t *end;
	bool put;

	if (equals == NULL || equals == variable)
		return true;
	name = (size_t)(equals - variable);
	value = strlen(equals + 1);
	if (name > INTAKE_STORED_BYTES || value > INTAKE_STORED_BYTES ||
	    8 + name + value > sizeof(record))
		return false;
	end = put_length(put_length(record, name), value);
	memcpy(end, variable, name);
	memcpy(end + name, equals + 1, value);
	put = put_record(intake, FCGI_PARAMS, record, 8 + name + value);
	explicit_bzero(record, 8 + name + value);
	return put;
}

/* What is announced. Nobody waits for a body whose length is none or too much: such a request is
 * refused for what it announces. */
static size_t announced_bytes(void)
{
	const char *text = getenv("CONTENT_LENGTH");
	unsigned long bytes;

	if (text == NULL || text[strspn(text, "0123456789")] != 0)
		return 0;
	bytes = strtoul(text, NULL, 10);
	return bytes <= INTAKE_BODY_BYTES ? bytes : 0;
}

static bool put_body(struct intake *intake)
{
	static char body[INTAKE_BODY_BYTES];
	size_t wanted = announced_bytes(), length = 0;
	bool put;

	alarm(BODY_DEADLINE_S);
	while (length < wanted) {
		ssize_t part = read(STDIN_FILENO, body + length, wanted - length);

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			break;
		length += (size_t)part;
	}
	alarm(0);
	put = length == 0 || put_record(intake, FCGI_STDIN, body, length);
	explicit_bzero(body, sizeof(body));
	return put;
}

static bool read_request(struct intake *intake)
{
	static const uint8_t begin[sizeof(FCGI_BeginRequestBody)] = {0, FCGI_RESPONDER};
	bool put = put_record(intake, FCGI_BEGIN_REQUEST, begin, sizeof(begin));

	for (char **variable = environ; put && *variable != NULL; variable++)
		put = put_variable(intake, *variable);
	return put && put_record(intake, FCGI_PARAMS, NULL, 0) && put_body(intake) &&
	       put_record(intake, FCGI_STDIN, NULL, 0);
}

/* --- the answer ----------------------------------------------------------------------------- */

static bool read_all(int fd, uint8_t *bytes, size_t length)
{
	while (length != 0) {
		ssize_t part = recv(fd, bytes, length, 0);

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return false;
		bytes += part;
		length -= (size_t)part;
	}
	return true;
}

static bool write_all(const uint8_t *bytes, size_t length)
{
	while (length != 0) {
		ssize_t part = write(STDOUT_FILENO, bytes, length);

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return false;
		bytes += part;
		length -= (size_t)part;
	}
	return true;
}

/* All of it is there already: our own writer has closed its end. */
static bool write_answer(int fd)
{
	static uint8_t content[RECORD_BYTES + 255];
	uint8_t header[FCGI_HEADER_LEN];
	bool answered = false;

	while (read_all(fd, header, sizeof(header))) {
		size_t length = (size_t)header[4] << 8 | header[5];

		if (!read_all(fd, content, length + header[6]))
			return false;
		if (header[1] != FCGI_STDOUT || length == 0)
			continue;
		if (!write_all(content, length))
			return false;
		answered = true;
	}
	explicit_bzero(content, sizeof(content));
	return answered;
}

/* --- both ----------------------------------------------------------------------------------- */

/* As a FastCGI web server that hangs up. */
static void leave(struct visit *visit)
{
	if (visit->fd >= 0)
		close(visit->fd);
	visit->fd = -1;
}

/* Some web servers make one socket of both directions and close theirs of the body early, which
 * says nothing; then only a signal tells that the reader has gone. */
static void on_reader_gone(evutil_socket_t fd, short what, void *arg)
{
	struct pollfd now = {.fd = fd};

	(void)what;
	if (poll(&now, 1, 0) == 1)
		leave(arg);
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	leave(arg);
}

bool cgi_serve(struct requests *requests)
{
	struct visit visit = {.requests = requests, .fd = -1};
	struct intake intake = {0};
	struct event *gone, *stop;
	struct stat output;
	int pair[2];
	bool served = false;

	if (!read_request(&intake)) {
		log_warnx("the request is too large");
		intake_finish(&intake);
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		log_fatal("socketpair");
	evutil_make_socket_nonblocking(pair[0]);
	visit.fd = pair[1];
	gone = event_new(requests->base, STDOUT_FILENO, EV_READ, on_reader_gone, &visit);
	stop = evsignal_new(requests->base, SIGTERM, on_stop_signal, &visit);
	if (gone == NULL || stop == NULL || event_add(stop, NULL) != 0)
		log_fatalx("out of memory");
	/* A file does not go away. */
	if (fstat(STDOUT_FILENO, &output) == 0 &&
	    (S_ISFIFO(output.st_mode) || S_ISSOCK(output.st_mode)))
		event_add(gone, NULL);
	request_serve(requests, pair[0], &intake);
	intake_finish(&intake);
	while (requests->count != 0 && event_base_loop(requests->base, EVLOOP_ONCE) == 0)
		;
	if (visit.fd >= 0)
		served = write_answer(visit.fd);
	leave(&visit);
	event_free(gone);
	event_free(stop);
	return served;
}
