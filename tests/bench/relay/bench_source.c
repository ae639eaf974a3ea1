/* SPDX-License-Identifier: ISC */
/*
 * The X2Go server's side of the relay's bench: speaks as many KDrive agents at once as there are
 * connections, all on one port. Answers what an agent would answer, echoes pointer motions as
 * cursors, and sends pictures at full rate while it is told to. Knows no screen.
 *
 *	bench_source COOKIE FRAME_BYTES		writes its port to standard output; ends with its
 *input
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_wire.h"

/* Whole frames that are sent again and again, in one piece. */
#define BLOCK_BYTES (512 * 1024)
#define WHOLE_BYTES (48 * 1024)
#define SMALL_BYTES (256 * 1024)
#define INPUT_BYTES (64 * EVENT_BYTES)

struct agent {
	int fd;
	bool known; /* has shown the cookie */
	bool flooding, blocked;
	uint16_t width, height;
	uint8_t input[INPUT_BYTES];
	size_t input_bytes;
	size_t at;	/* of the block */
	uint8_t *small; /* messages that go between two frames */
	size_t small_bytes;
};

static const char *cookie;
static uint8_t *block;
static size_t block_bytes, frame_bytes;
static int loop;

/* --- messages ------------------------------------------------------------------------------- */

static size_t put_frame(uint8_t *out, int32_t x, int32_t y, uint32_t width, uint32_t height,
    uint32_t crc, uint32_t data_bytes)
{
	memset(out, 0, HEADER_BYTES + REGION_BYTES);
	put_u32(out, MESSAGE_FRAME);
	put_u32(out + 4, width);
	put_u32(out + 8, height);
	put_u32(out + 12, (uint32_t)x);
	put_u32(out + 16, (uint32_t)y);
	put_u32(out + 20, 1);
	put_u32(out + 24, crc);
	out += HEADER_BYTES;
	put_u32(out + 12, x < 0 ? 0 : (uint32_t)x);
	put_u32(out + 16, y < 0 ? 0 : (uint32_t)y);
	put_u32(out + 20, width);
	put_u32(out + 24, height);
	put_u32(out + 28, data_bytes);
	return HEADER_BYTES + REGION_BYTES + data_bytes;
}

/* Data that does not compress, as pictures. */
static void fill(uint8_t *out, size_t bytes)
{
	static uint64_t state = 88172645463325252u;

	for (size_t i = 0; i < bytes; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		out[i] = (uint8_t)state;
	}
}

static void make_block(size_t bytes)
{
	size_t count = BLOCK_BYTES / bytes + 1;

	frame_bytes = bytes;
	block_bytes = count * bytes;
	block = malloc(block_bytes);
	if (block == NULL)
		err(1, "memory");
	fill(block, block_bytes);
	for (size_t i = 0; i < count; i++)
		put_frame(block + i * bytes, 0, 0, 640, 480, (uint32_t)i + 1,
		    (uint32_t)(bytes - HEADER_BYTES - REGION_BYTES));
}

static uint8_t *small_room(struct agent *agent, size_t bytes)
{
	uint8_t *room = agent->small + agent->small_bytes;

	/* Nobody asks for so much and reads nothing. */
	if (agent->small_bytes + bytes > SMALL_BYTES)
		return NULL;
	agent->small_bytes += bytes;
	memset(room, 0, bytes);
	return room;
}

static uint8_t *put_plain(struct agent *agent, uint32_t type)
{
	uint8_t *out = small_room(agent, HEADER_BYTES);

	if (out != NULL)
		put_u32(out, type);
	return out;
}

static void put_picture(
    struct agent *agent, int32_t x, int32_t y, uint32_t width, uint32_t height, size_t data_bytes)
{
	uint8_t *out = small_room(agent, HEADER_BYTES + REGION_BYTES + data_bytes);

	if (out != NULL)
		put_frame(out, x, y, width, height, 0, (uint32_t)data_bytes);
}

/* --- out ------------------------------------------------------------------------------------ */

static void close_agent(struct agent *agent)
{
	close(agent->fd);
	free(agent->small);
	free(agent);
}

/* Returns what was sent, or -1 when the peer is gone. */
static ssize_t give(struct agent *agent, const uint8_t *data, size_t length)
{
	ssize_t sent = send(agent->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* Sends until the socket takes no more. False: the peer is gone. */
static bool feed(struct agent *agent)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = agent};
	size_t length = 1;
	ssize_t sent = 0;
	unsigned turns = 0;

	agent->blocked = false;
	while (turns++ < 16) {
		if (agent->small_bytes != 0 && agent->at % frame_bytes == 0) {
			length = agent->small_bytes;
			sent = give(agent, agent->small, length);
			if (sent > 0) {
				agent->small_bytes -= (size_t)sent;
				memmove(agent->small, agent->small + sent, agent->small_bytes);
			}
			/* A part of a message: no frame may come between. */
			if (sent >= 0 && agent->small_bytes != 0) {
				agent->blocked = true;
				break;
			}
		} else if (agent->flooding || agent->at % frame_bytes != 0) {
			size_t end = block_bytes;

			if (agent->small_bytes != 0 || !agent->flooding)
				end = (agent->at / frame_bytes + 1) * frame_bytes;
			length = end - agent->at;
			sent = give(agent, block + agent->at, length);
			if (sent > 0)
				agent->at = (agent->at + (size_t)sent) % block_bytes;
		} else {
			break;
		}
		if (sent < 0)
			return false;
		if ((size_t)sent < length) {
			agent->blocked = true;
			break;
		}
	}
	if (agent->flooding || agent->blocked)
		event.events |= EPOLLOUT;
	epoll_ctl(loop, EPOLL_CTL_MOD, agent->fd, &event);
	return true;
}

/* --- in ------------------------------------------------------------------------------------- */

static void take_event(struct agent *agent, const uint8_t *event)
{
	uint8_t *answer;

	switch (get_u32(event)) {
	case EVENT_CLIENT_VERSION:
		answer = put_plain(agent, MESSAGE_SERVER_VERSION);
		if (answer != NULL)
			answer[4] = 8;
		break;
	case EVENT_GEOMETRY:
		agent->width = (uint16_t)(event[4] | event[5] << 8);
		agent->height = (uint16_t)(event[6] | event[7] << 8);
		put_picture(agent, -1, -1, agent->width, agent->height, WHOLE_BYTES);
		break;
	case EVENT_UPDATE:
		if (get_u32(event + 4) == 0)
			put_picture(agent, -1, -1, agent->width, agent->height, WHOLE_BYTES);
		else
			put_picture(agent, (int32_t)get_u32(event + 12),
			    (int32_t)get_u32(event + 16), get_u32(event + 4), get_u32(event + 8),
			    600);
		break;
	case EVENT_CACHE_REBUILD:
		put_plain(agent, MESSAGE_REINIT);
		break;
	case EVENT_MOTION:
		answer = put_plain(agent, MESSAGE_CURSOR);
		if (answer != NULL)
			memcpy(answer + CURSOR_TOKEN_OFFSET, event + 4, 4);
		break;
	case EVENT_WIN_CHANGE:
		agent->flooding = get_u32(event + 4) == FLOOD_ON;
		break;
	default:
		break;
	}
}

/* False: the peer is gone, or wants to go. */
static bool take(struct agent *agent)
{
	ssize_t received = recv(agent->fd, agent->input + agent->input_bytes,
	    sizeof(agent->input) - agent->input_bytes, MSG_DONTWAIT);
	size_t at = 0;

	if (received < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (received <= 0)
		return false;
	agent->input_bytes += (size_t)received;
	if (!agent->known) {
		if (agent->input_bytes < COOKIE_BYTES)
			return true;
		if (memcmp(agent->input, cookie, COOKIE_BYTES) != 0)
			return false;
		agent->known = true;
		at = COOKIE_BYTES;
	}
	for (; agent->input_bytes - at >= EVENT_BYTES; at += EVENT_BYTES) {
		if (get_u32(agent->input + at) == EVENT_DISCONNECT)
			return false;
		take_event(agent, agent->input + at);
	}
	agent->input_bytes -= at;
	memmove(agent->input, agent->input + at, agent->input_bytes);
	return true;
}

static void welcome(int listener)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct agent *agent = calloc(1, sizeof(*agent));
	const int on = 1;

	if (agent == NULL || (agent->small = malloc(SMALL_BYTES)) == NULL)
		err(1, "memory");
	agent->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (agent->fd < 0)
		err(1, "accept");
	setsockopt(agent->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	event.data.ptr = agent;
	epoll_ctl(loop, EPOLL_CTL_ADD, agent->fd, &event);
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 600) != 0 || getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		err(1, "listening");
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct rlimit files = {4096, 4096};
	struct epoll_event events[64], event = {.events = EPOLLIN};
	int listener;

	if (argc != 3 || strlen(argv[1]) != COOKIE_BYTES || atoi(argv[2]) < 1024)
		errx(2, "usage: bench_source COOKIE FRAME_BYTES");
	cookie = argv[1];
	make_block((size_t)atoi(argv[2]));
	setrlimit(RLIMIT_NOFILE, &files);
	loop = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_somewhere();
	event.data.ptr = NULL; /* the listener */
	epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
	event.data.ptr = &loop; /* our owner */
	epoll_ctl(loop, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (;;) {
		int count = epoll_wait(loop, events, 64, -1);

		for (int i = 0; i < count; i++) {
			struct agent *agent = events[i].data.ptr;

			if (events[i].data.ptr == &loop)
				return 0;
			if (agent == NULL)
				welcome(listener);
			else if (((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && !take(agent)) ||
				 !feed(agent))
				close_agent(agent);
		}
	}
}
