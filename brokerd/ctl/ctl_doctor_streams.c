/* SPDX-License-Identifier: ISC */
/*
 * The way of the streams for `brokerctl doctor`: it listens in a relay's place for a moment, asks
 * the web server for a WebSocket to there, and looks at what arrives and what comes back. Elsewhere
 * it listens to see that nothing arrives. Runs in brokerctl.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl_doctor.h"

#define PLACE_BYTES 160
#define KEY_CHARS   24
/* RFC 6455 section 1.3. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* Binary frames of two bytes, from the relay and, masked by zeroes, from the browser. */
static const uint8_t down_frame[] = {0x82, 2, 'd', 'n'};
static const uint8_t up_frame[] = {0x82, 0x82, 0, 0, 0, 0, 'u', 'p'};

/* Where a relay would listen. */
struct far_end {
	int listener, fd;		 /* -1: none */
	char path[108];			 /* of a UNIX socket, to be removed; empty: none */
	char answered;			 /* the request has been */
	uint8_t bytes[sizeof(up_frame)]; /* that came after it */
	size_t count;
};

struct attempt {
	struct doctor_stream *stream;
	struct far_end *far;
	CURL *curl;
	curl_socket_t fd; /* of curl */
	char key[KEY_CHARS + 1];
	char reply[4096];
	size_t reply_length;
	bool sent_up, closed;
	int64_t deadline_ms;
};

/* --- the far end -------------------------------------------------------------------------- */

static void far_init(struct far_end *far)
{
	*far = (struct far_end){.listener = -1, .fd = -1};
}

static void far_close(struct far_end *far)
{
	if (far->fd >= 0)
		close(far->fd);
	if (far->listener >= 0)
		close(far->listener);
	if (far->path[0] != 0)
		unlink(far->path);
	far_init(far);
}

static bool listen_at(struct far_end *far, const struct sockaddr *address, socklen_t length)
{
	const int on = 1, off = 0;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return false;
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, address, length) != 0 || listen(fd, 4) != 0) {
		close(fd);
		return false;
	}
	far->listener = fd;
	return true;
}

/* text: a numeric address; NULL: all of them. */
static bool far_listen_port(struct far_end *far, const char *text, unsigned port)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (text == NULL || inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		if (listen_at(far, (const struct sockaddr *)&v6, sizeof(v6)))
			return true;
		if (text != NULL)
			return false;
	} else if (inet_pton(AF_INET, text, &v4.sin_addr) != 1) {
		return false;
	}
	return listen_at(far, (const struct sockaddr *)&v4, sizeof(v4));
}

static bool far_listen_path(struct far_end *far, const char *path, gid_t group)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	strcpy(address.sun_path, path);
	if (!listen_at(far, (const struct sockaddr *)&address, sizeof(address)))
		return false;
	strcpy(far->path, path);
	return chown(path, (uid_t)-1, group) == 0 && chmod(path, 0660) == 0;
}

static void answer_request(struct attempt *attempt)
{
	struct far_end *far = attempt->far;
	char input[KEY_CHARS + sizeof(ACCEPT_GUID)], accept[29], text[300];
	uint8_t hash[20];
	int length;

	snprintf(input, sizeof(input), "%s%s", attempt->key, ACCEPT_GUID);
	EVP_Digest(input, strlen(input), hash, NULL, EVP_sha1(), NULL);
	EVP_EncodeBlock((unsigned char *)accept, hash, sizeof(hash));
	length = snprintf(text, sizeof(text),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: x2goweb.v1\r\n\r\n",
	    accept);
	far->answered = true;
	if (send(far->fd, text, (size_t)length, MSG_NOSIGNAL) == length)
		send(far->fd, down_frame, sizeof(down_frame), MSG_NOSIGNAL);
}

static void drop(struct far_end *far)
{
	close(far->fd);
	far->fd = -1;
}

/* Whoever else comes by is sent away: only a request with our key is the web server's. */
static void read_request(struct attempt *attempt)
{
	struct doctor_stream *stream = attempt->stream;
	struct far_end *far = attempt->far;
	size_t used = strlen(stream->request), room = sizeof(stream->request) - 1 - used;
	ssize_t got = room != 0 ? recv(far->fd, stream->request + used, room, 0) : 0;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || memchr(stream->request + used, 0, (size_t)got) != NULL) {
		memset(stream->request, 0, sizeof(stream->request));
		drop(far);
		return;
	}
	if (strstr(stream->request, "\r\n\r\n") == NULL)
		return;
	if (strstr(stream->request, attempt->key) == NULL) {
		memset(stream->request, 0, sizeof(stream->request));
		drop(far);
		return;
	}
	stream->arrived = true;
	answer_request(attempt);
}

static void serve_far(struct attempt *attempt)
{
	struct far_end *far = attempt->far;
	ssize_t got;

	if (far->fd < 0) {
		far->fd = accept4(far->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		return;
	}
	if (!far->answered) {
		read_request(attempt);
		return;
	}
	got = recv(far->fd, far->bytes + far->count, sizeof(far->bytes) - far->count, 0);
	if (got > 0)
		far->count += (size_t)got;
	else if (got == 0 || errno != EAGAIN)
		drop(far);
	attempt->stream->up =
	    far->count == sizeof(up_frame) && memcmp(far->bytes, up_frame, sizeof(up_frame)) == 0;
}

/* --- the browser's end -------------------------------------------------------------------- */

static bool await_curl(const struct attempt *attempt, short events)
{
	struct pollfd pollfd = {.fd = attempt->fd, .events = events};
	int64_t left_ms = attempt->deadline_ms - doctor_now_ms();

	return left_ms > 0 && poll(&pollfd, 1, (int)left_ms) > 0;
}

static bool send_all(struct attempt *attempt, const void *data, size_t length)
{
	const uint8_t *at = data;

	while (length != 0) {
		size_t sent = 0;
		CURLcode result = curl_easy_send(attempt->curl, at, length, &sent);

		if (result != CURLE_OK && result != CURLE_AGAIN)
			return false;
		at += sent;
		length -= sent;
		if (result == CURLE_AGAIN && !await_curl(attempt, POLLOUT))
			return false;
	}
	return true;
}

static bool send_request(struct attempt *attempt, const struct doctor *doctor, const char *path)
{
	char text[2048];
	int length = snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Origin: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
	    "Sec-WebSocket-Protocol: x2goweb.v1\r\nCookie: x2goweb_doctor=1\r\n"
	    "User-Agent: brokerctl-doctor\r\n\r\n",
	    path, strstr(doctor->origin, "://") + 3, doctor->origin, attempt->key);

	return length > 0 && (size_t)length < sizeof(text) &&
	       send_all(attempt, text, (size_t)length);
}

/* Takes what has come of the reply; then attempt->closed tells whether more can. */
static void read_reply(struct attempt *attempt)
{
	struct doctor_stream *stream = attempt->stream;
	const char *end;

	for (;;) {
		size_t got = 0, room = sizeof(attempt->reply) - 1 - attempt->reply_length;
		CURLcode result = room == 0
				      ? CURLE_RECV_ERROR
				      : curl_easy_recv(attempt->curl,
					    attempt->reply + attempt->reply_length, room, &got);

		if (result == CURLE_AGAIN)
			break;
		if (result != CURLE_OK || got == 0) {
			attempt->closed = true;
			break;
		}
		attempt->reply_length += got;
	}
	end = memmem(attempt->reply, attempt->reply_length, "\r\n\r\n", 4);
	if (end == NULL)
		return;
	if (stream->status == 0 && sscanf(attempt->reply, "HTTP/%*s %d", &stream->status) != 1)
		attempt->closed = true;
	stream->down = memmem(end, attempt->reply_length - (size_t)(end - attempt->reply),
			   down_frame, sizeof(down_frame)) != NULL;
	if (stream->status == 101 && !attempt->sent_up) {
		attempt->sent_up = true;
		if (!send_all(attempt, up_frame, sizeof(up_frame)))
			attempt->closed = true;
	}
}

static bool is_done(const struct attempt *attempt)
{
	const struct doctor_stream *stream = attempt->stream;

	return attempt->closed || (stream->status != 0 && stream->status != 101) ||
	       (stream->status == 101 && !stream->listened) || (stream->down && stream->up);
}

static void explain(const struct attempt *attempt)
{
	struct doctor_stream *stream = attempt->stream;

	if (stream->status != 0 && stream->status != 101)
		snprintf(stream->problem, sizeof(stream->problem), "the web server answers %d",
		    stream->status);
	else if (attempt->closed)
		snprintf(stream->problem, sizeof(stream->problem),
		    "the web server closes the connection");
	else
		snprintf(stream->problem, sizeof(stream->problem), "no answer within %d seconds",
		    DOCTOR_DEADLINE_MS / 1000);
}

/* Asks for path; far: who listens where that should lead, maybe nobody. */
static void try_path(
    struct doctor *doctor, struct far_end *far, const char *path, struct doctor_stream *stream)
{
	struct attempt attempt = {.stream = stream, .far = far};
	uint8_t random[16];

	memset(stream, 0, sizeof(*stream));
	stream->listened = far->listener >= 0;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return;
	EVP_EncodeBlock((unsigned char *)attempt.key, random, sizeof(random));
	attempt.curl = doctor_http_open(doctor, stream->problem);
	if (attempt.curl == NULL)
		return;
	attempt.deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS;
	if (curl_easy_getinfo(attempt.curl, CURLINFO_ACTIVESOCKET, &attempt.fd) != CURLE_OK ||
	    !send_request(&attempt, doctor, path))
		attempt.closed = true;
	while (!is_done(&attempt)) {
		struct pollfd fds[] = {{.fd = attempt.fd, .events = POLLIN},
		    {.fd = far->fd >= 0 ? far->fd : far->listener, .events = POLLIN}};
		int64_t left_ms = attempt.deadline_ms - doctor_now_ms();

		/* What TLS has read already wakes nobody. */
		read_reply(&attempt);
		if (left_ms <= 0 || is_done(&attempt))
			break;
		if (poll(fds, 2, (int)left_ms) > 0 && fds[1].revents != 0)
			serve_far(&attempt);
	}
	if (!stream->down || !stream->up)
		explain(&attempt);
	curl_easy_cleanup(attempt.curl);
}

/* --- the checks --------------------------------------------------------------------------- */

/* Listens where a login could, and leaves path and place of it. False if that is not possible, but
 * path and place are set if they are free. */
static bool listen_as_relay(
    const struct config *config, struct far_end *far, char path[64], char place[PLACE_BYTES])
{
	uint8_t random[16];
	char name[33], socket_path[PLACE_BYTES];

	path[0] = 0;
	if (!config_relay_is_unix(config)) {
		for (unsigned port = config->relay.ports.last; port >= config->relay.ports.first;
		     port--) {
			if (!far_listen_port(far, config->relay.listen, port))
				continue;
			snprintf(path, 64, "/x2gows/%u", port);
			snprintf(place, PLACE_BYTES, "port %u", port);
			return true;
		}
		return false;
	}
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(name + 2 * i, 3, "%02x", random[i]);
	snprintf(path, 64, "/x2gows/%s", name);
	snprintf(socket_path, sizeof(socket_path), "%s/streams/%s.sock", config->broker.runtime_dir,
	    name);
	snprintf(place, PLACE_BYTES, "a socket in %s/streams", config->broker.runtime_dir);
	return far_listen_path(far, socket_path, config->broker.web_group.id);
}

static void look_outside(struct doctor *doctor, unsigned port)
{
	struct doctor_finding finding;
	struct doctor_stream stream;
	struct far_end far;
	char path[64];

	if (port == 0 || port > UINT16_MAX)
		return;
	far_init(&far);
	far_listen_port(&far, NULL, port);
	snprintf(path, sizeof(path), "/x2gows/%u", port);
	try_path(doctor, &far, path, &stream);
	far_close(&far);
	doctor_judge_outside(&stream, port, &finding);
	doctor_report(doctor, "outside", &finding);
}

/* Of a port that is free now, as the kernel finds one. */
static unsigned find_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	struct far_end far;
	unsigned port = 0;

	far_init(&far);
	if (listen_at(&far, (const struct sockaddr *)&address, sizeof(address)) &&
	    getsockname(far.listener, (struct sockaddr *)&address, &length) == 0)
		port = ntohs(address.sin_port);
	far_close(&far);
	return port;
}

void doctor_look_streams(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	struct doctor_finding finding;
	struct doctor_stream stream;
	struct far_end far;
	char path[64], place[PLACE_BYTES] = "";
	bool listened, proved = false;
	unsigned port;

	if (config == NULL || doctor->url[0] == 0)
		return;
	doctor_report_area(doctor, "Streams");
	far_init(&far);
	listened = listen_as_relay(config, &far, path, place);
	if (listened) {
		try_path(doctor, &far, path, &stream);
		doctor_judge_upgrade(&stream, place, doctor->origin, &finding);
		proved = finding.verdict == DOCTOR_GREEN;
	} else {
		doctor_find(&finding, DOCTOR_OPEN, "cannot listen in a relay's place: %s",
		    errno == EACCES || errno == EPERM ? "that takes root" : strerror(errno));
	}
	doctor_report(doctor, "upgrade", &finding);
	far_close(&far);
	if (path[0] != 0) {
		try_path(doctor, &far, path, &stream);
		doctor_judge_nobody(&stream, place, proved, &finding);
		doctor_report(doctor, "nobody", &finding);
	}
	look_outside(doctor, config->relay.ports.first - 1);
	look_outside(doctor, config->relay.ports.last + 1);
	port = find_port();
	if (port < config->relay.ports.first || port > config->relay.ports.last)
		look_outside(doctor, port);
}
