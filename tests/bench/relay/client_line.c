/* SPDX-License-Identifier: ISC */
#include "client_line.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench_wire.h"

/* As www/js/stream/acknowledger.js. */
#define ACK_BYTES (96 * 1024)
#define ACK_MS	  25

struct line line;

static SSL_CTX *tls;

double line_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- bytes ---------------------------------------------------------------------------------- */

static void await_socket(short what, int timeout_ms)
{
	struct pollfd wanted = {.fd = line.fd, .events = what};

	if (poll(&wanted, 1, timeout_ms) < 0 && errno != EINTR)
		err(1, "poll");
}

/* Returns the bytes, 0: nothing now, -1: the end. */
static ssize_t get_bytes(uint8_t *data, size_t size)
{
	ssize_t got;

	if (line.ssl != NULL) {
		int result = SSL_read(line.ssl, data, (int)size), why;

		if (result > 0)
			return result;
		why = SSL_get_error(line.ssl, result);
		return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
	got = recv(line.fd, data, size, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return got > 0 ? got : -1;
}

static void put_bytes(const uint8_t *data, size_t length)
{
	while (length != 0) {
		ssize_t sent;

		if (line.ssl != NULL) {
			int result = SSL_write(line.ssl, data, (int)length);
			int why = result > 0 ? 0 : SSL_get_error(line.ssl, result);

			if (why != 0 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
				errx(1, "TLS: writing");
			sent = result > 0 ? result : 0;
		} else {
			sent = send(line.fd, data, length, MSG_NOSIGNAL);
			if (sent < 0 && errno != EAGAIN && errno != EINTR)
				err(1, "send");
			if (sent < 0)
				sent = 0;
		}
		if (sent == 0)
			await_socket(POLLOUT, 1000);
		data += sent;
		length -= (size_t)sent;
	}
}

static void put_message(uint8_t opcode, const void *data, size_t length)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	uint8_t frame[8 + 256];
	size_t used = 2;

	if (!line.web) {
		put_bytes(data, length);
		return;
	}
	if (length > 256)
		errx(1, "a message of %zu bytes", length);
	frame[0] = 0x80 | opcode;
	frame[1] = (uint8_t)(0x80 | (length < 126 ? length : 126));
	if (length >= 126) {
		frame[used++] = (uint8_t)(length >> 8);
		frame[used++] = (uint8_t)length;
	}
	memcpy(frame + used, mask, 4);
	used += 4;
	for (size_t i = 0; i < length; i++)
		frame[used + i] = ((const uint8_t *)data)[i] ^ mask[i % 4];
	put_bytes(frame, used + length);
}

static void say(const char *text)
{
	put_message(1, text, strlen(text));
}

void line_send_event(uint32_t type, uint32_t first)
{
	uint8_t event[EVENT_BYTES];

	put_event(event, type, first);
	put_message(2, event, sizeof(event));
}

void line_ask_picture(uint32_t x, uint32_t width, uint32_t height)
{
	uint8_t event[EVENT_BYTES];

	put_event(event, EVENT_UPDATE, width);
	put_u32(event + 8, height);
	put_u32(event + 12, x);
	put_message(2, event, sizeof(event));
}

static void acknowledge(void)
{
	char text[64];

	line.unsaid_s = 0;
	line.told = line.position;
	snprintf(text, sizeof(text), "ack %" PRIu64 " %" PRIu64, line.position, line.position);
	say(text);
}

/* --- what comes ----------------------------------------------------------------------------- */

static void take_message(const struct kdrive_span *span)
{
	const uint8_t *head = line.frames.head;

	if (span->type == KDRIVE_MESSAGE_CURSOR) {
		line.token = get_u32(head + CURSOR_TOKEN_OFFSET);
	} else if (span->type == KDRIVE_MESSAGE_REINIT) {
		line.reinits++;
		line_ask_picture(0, 0, 0);
	} else if (span->type == KDRIVE_MESSAGE_FRAME) {
		line.pictures++;
		/* Of a FRAME with regions the last one's head is left there. */
		if (get_u32(head + 20) == LINE_PROBE_SIDE &&
		    get_u32(head + 24) == LINE_PROBE_SIDE && get_u32(head + 16) == 0)
			line.probe = get_u32(head + 12);
	}
}

static void take_stream(const uint8_t *data, size_t length)
{
	struct kdrive_span span;

	line.position += length;
	line.received += length;
	for (; length != 0; data += span.length, length -= span.length) {
		if (!kdrive_frames_take(&line.frames, data, length, &span))
			errx(1, "what comes is no KDrive, at %" PRIu64, line.position);
		if (span.ends)
			take_message(&span);
	}
	if (!line.v1)
		return;
	if (line.unsaid_s == 0)
		line.unsaid_s = line_now_s();
	if (line.position - line.told >= ACK_BYTES)
		acknowledge();
}

static void take_text(void)
{
	uint64_t down, up;

	line.text[line.text_bytes] = 0;
	line.text_bytes = 0;
	if (sscanf(line.text, "hello 1 %16s %" SCNu64 " %" SCNu64 " %15s", line.stream, &down, &up,
		line.how) == 4) {
		line.hellos++;
		line.position = line.told = down;
		if (strcmp(line.how, "resume") != 0)
			line.frames = (struct kdrive_frames){0};
		if (strcmp(line.how, "fresh") == 0)
			line.reinits = 0;
	} else if (strncmp(line.text, "bye ", 4) == 0) {
		errx(1, "the relay says: %s", line.text);
	}
}

/* Takes a WebSocket's header if it is whole. */
static bool take_frame_header(void)
{
	const uint8_t *at = line.buffer + line.start;
	size_t there = line.end - line.start, bytes = 2;
	uint64_t length;

	if (there < bytes)
		return false;
	length = at[1] & 0x7f;
	bytes += length == 126 ? 2 : length == 127 ? 8 : 0;
	if (there < bytes)
		return false;
	if (bytes > 2) {
		length = 0;
		for (size_t i = 2; i < bytes; i++)
			length = length << 8 | at[i];
	}
	line.opcode = at[0] & 0xf;
	line.frame_left = length;
	line.start += bytes;
	if (line.opcode == 8)
		errx(1, "the WebSocket is closed");
	return true;
}

static void take_all(void)
{
	while (line.start != line.end) {
		size_t part = line.end - line.start;

		if (line.web && line.frame_left == 0) {
			if (!take_frame_header())
				break;
			continue;
		}
		if (line.web && part > line.frame_left)
			part = (size_t)line.frame_left;
		if (!line.web || line.opcode == 2 || line.opcode == 0) {
			take_stream(line.buffer + line.start, part);
		} else if (line.text_bytes + part <= LINE_TEXT_BYTES) {
			memcpy(line.text + line.text_bytes, line.buffer + line.start, part);
			line.text_bytes += part;
		}
		line.start += part;
		line.frame_left -= line.web ? part : 0;
		if (line.web && line.frame_left == 0 && line.opcode == 1)
			take_text();
		else if (line.web && line.frame_left == 0 && line.opcode == 9)
			line.text_bytes = 0, put_message(10, "", 0);
	}
	memmove(line.buffer, line.buffer + line.start, line.end - line.start);
	line.end -= line.start;
	line.start = 0;
}

bool line_pump(double until_s)
{
	for (;;) {
		ssize_t got = get_bytes(line.buffer + line.end, LINE_BUFFER_BYTES - line.end);
		double now, wake_s = until_s;

		if (got < 0)
			errx(1, "the connection is lost");
		if (got > 0) {
			line.end += (size_t)got;
			take_all();
			return true;
		}
		now = line_now_s();
		if (now >= until_s)
			return false;
		if (line.unsaid_s != 0) {
			if (now - line.unsaid_s >= ACK_MS / 1e3) {
				acknowledge();
				continue;
			}
			if (line.unsaid_s + ACK_MS / 1e3 < wake_s)
				wake_s = line.unsaid_s + ACK_MS / 1e3;
		}
		await_socket(POLLIN, (int)((wake_s - now) * 1e3) + 1);
	}
}

/* --- connecting ----------------------------------------------------------------------------- */

static void connect_line(const struct line_options *options)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const int on = 1;

	address.sin_port = htons((uint16_t)atoi(options->port));
	inet_pton(AF_INET, options->host, &address.sin_addr);
	line.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (line.fd < 0 || connect(line.fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "connecting to %s", options->port);
	setsockopt(line.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (options->tls) {
		if (tls == NULL)
			tls = SSL_CTX_new(TLS_client_method());
		line.ssl = SSL_new(tls);
		SSL_set_fd(line.ssl, line.fd);
		SSL_set_mode(
		    line.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_set_tlsext_host_name(line.ssl, "localhost");
		if (SSL_connect(line.ssl) != 1)
			errx(1, "TLS: no connection");
	}
	if (fcntl(line.fd, F_SETFL, O_NONBLOCK) != 0)
		err(1, "fcntl");
}

/* What www/js/stream/connection.js says of itself; each process is a page. */
static void put_hello(char query[128])
{
	static unsigned attempts;
	bool first = line.stream[0] == 0;

	snprintf(query, 128, "?hello.1.%s.%" PRIu64 ".bench%ld.%u.shown", first ? "-" : line.stream,
	    first ? 0 : line.position, (long)getpid(), ++attempts);
}

static void open_websocket(const struct line_options *options)
{
	char request[1024], query[128] = "";
	double until_s = line_now_s() + LINE_GIVE_UP_S;
	uint8_t *end;

	if (line.v1)
		put_hello(query);
	snprintf(request, sizeof(request),
	    "GET %s%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Origin: %s\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n%s%s%s\r\n",
	    options->path, query, options->header_host, options->origin, options->protocol,
	    options->cookie[0] != 0 ? "Cookie: " : "", options->cookie,
	    options->cookie[0] != 0 ? "\r\n" : "");
	put_bytes((const uint8_t *)request, strlen(request));
	for (;;) {
		ssize_t got = get_bytes(line.buffer + line.end, LINE_BUFFER_BYTES - line.end);

		if (got < 0 || line_now_s() > until_s)
			errx(1, "no answer to the request for a WebSocket");
		line.end += (size_t)got;
		end = memmem(line.buffer, line.end, "\r\n\r\n", 4);
		if (end != NULL)
			break;
		if (got == 0)
			await_socket(POLLIN, 1000);
	}
	if (strncmp((const char *)line.buffer, "HTTP/1.1 101", 12) != 0)
		errx(1, "no WebSocket: %.60s", (const char *)line.buffer);
	line.start = (size_t)(end - line.buffer) + 4;
	line.web = true;
}

void line_begin(const struct line_options *options)
{
	uint8_t opening[COOKIE_BYTES + 2 * EVENT_BYTES];
	double until_s = line_now_s() + LINE_GIVE_UP_S;
	unsigned hellos = line.hellos;

	line.start = line.end = 0;
	line.frame_left = line.text_bytes = 0;
	line.unsaid_s = 0;
	line.web = false;
	line.v1 = options->path != NULL && strcmp(options->protocol, "x2goweb.v1") == 0;
	connect_line(options);
	if (options->path != NULL)
		open_websocket(options);
	if (line.v1) {
		take_all();
		while (line.hellos == hellos)
			if (!line_pump(until_s))
				errx(1, "no hello");
		return;
	}
	line.frames = (struct kdrive_frames){0};
	memcpy(opening, options->kdrive, COOKIE_BYTES);
	put_event(opening + COOKIE_BYTES, EVENT_CLIENT_VERSION, 8 | 3u << 16);
	put_event(opening + COOKIE_BYTES + EVENT_BYTES, EVENT_GEOMETRY, 1024 | 768u << 16);
	opening[COOKIE_BYTES + EVENT_BYTES + 9 + 1] = 1024 >> 8;
	opening[COOKIE_BYTES + EVENT_BYTES + 11 + 1] = 768 >> 8;
	put_message(2, opening, sizeof(opening));
	take_all();
}

void line_cut(void)
{
	const struct linger at_once = {1, 0};

	setsockopt(line.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(line.fd);
	if (line.ssl != NULL)
		SSL_free(line.ssl);
	line.ssl = NULL;
}
