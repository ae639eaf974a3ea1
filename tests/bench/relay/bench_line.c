/* SPDX-License-Identifier: ISC */
/*
 * A slow line of the bench's own, for kernels without netem: passes connections on at a bounded
 * rate and after a delay, each way, with no more room for what waits than a modem has.
 *
 *	bench_line TARGET_PORT BITS_PER_SECOND ROUND_TRIP_MS
 *
 * Writes its port to standard output; ends with its input.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKET_BYTES 1448
#define WAITING_MOST (64 * 1024) /* bytes that wait to be sent on the line */
#define PACKETS_MAX  4096
#define LINES_MAX    32

struct packet {
	double due_s;
	size_t bytes, sent;
	uint8_t data[PACKET_BYTES];
};

/* One way. */
struct way {
	int from, to;
	bool ended, shut;
	double free_s; /* when the line has sent what it was given */
	struct packet *packets;
	size_t first, count;
};

static struct line {
	bool used;
	struct way ways[2];
} lines[LINES_MAX];

static double bytes_per_s, delay_s;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct packet *packet_at(struct way *way, size_t i)
{
	return &way->packets[(way->first + i) % PACKETS_MAX];
}

static bool has_room(const struct way *way, double now)
{
	return !way->ended && way->count < PACKETS_MAX &&
	       (way->free_s - now) * bytes_per_s < WAITING_MOST;
}

static void take(struct way *way, double now)
{
	while (has_room(way, now)) {
		struct packet *packet = packet_at(way, way->count);
		ssize_t got = recv(way->from, packet->data, PACKET_BYTES, MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			way->ended = true;
			return;
		}
		if (way->free_s < now)
			way->free_s = now;
		/* With the headers of TCP and IP. */
		way->free_s += (double)(got + 52) / bytes_per_s;
		packet->due_s = way->free_s + delay_s;
		packet->bytes = (size_t)got;
		packet->sent = 0;
		way->count++;
	}
}

static void give(struct way *way, double now)
{
	while (way->count != 0) {
		struct packet *packet = packet_at(way, 0);
		ssize_t sent;

		if (packet->due_s > now)
			return;
		sent = send(way->to, packet->data + packet->sent, packet->bytes - packet->sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (sent < 0) {
			way->ended = true;
			way->count = 0;
			return;
		}
		packet->sent += (size_t)sent;
		if (packet->sent < packet->bytes)
			return;
		way->first = (way->first + 1) % PACKETS_MAX;
		way->count--;
	}
	if (way->ended && !way->shut) {
		way->shut = true;
		shutdown(way->to, SHUT_WR);
	}
}

static void close_line(struct line *line)
{
	close(line->ways[0].from);
	close(line->ways[0].to);
	free(line->ways[0].packets);
	free(line->ways[1].packets);
	memset(line, 0, sizeof(*line));
}

static void open_line(int listener, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int on = 1, small = 16 * 1024;
	struct line *line = lines;

	while (line < lines + LINES_MAX && line->used)
		line++;
	if (fd < 0 || far < 0 || line == lines + LINES_MAX)
		errx(1, "too many connections");
	/* What the kernel keeps for us counts to the line. */
	setsockopt(far, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(far, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "connecting");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	line->used = true;
	line->ways[0] = (struct way){.from = fd, .to = far};
	line->ways[1] = (struct way){.from = far, .to = fd};
	for (int i = 0; i < 2; i++) {
		line->ways[i].packets = malloc(PACKETS_MAX * sizeof(struct packet));
		if (line->ways[i].packets == NULL)
			err(1, "memory");
	}
}

/* Milliseconds until something is due; -1: nothing is. */
static int next_ms(double now)
{
	double least = -1;

	for (struct line *line = lines; line < lines + LINES_MAX; line++)
		for (int i = 0; line->used && i < 2; i++) {
			struct way *way = &line->ways[i];
			double wait;

			if (way->count == 0 || way->shut)
				continue;
			wait = packet_at(way, 0)->due_s - now;
			if (least < 0 || wait < least)
				least = wait > 0.001 ? wait : 0.001;
		}
	return least < 0 ? -1 : (int)ceil(least * 1e3);
}

static void serve(struct line *line, double now)
{
	bool over = true;

	for (int i = 0; i < 2; i++) {
		give(&line->ways[i], now);
		take(&line->ways[i], now);
		over = over && line->ways[i].shut;
	}
	if (over)
		close_line(line);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 4)
		errx(2, "usage: bench_line TARGET_PORT BITS_PER_SECOND ROUND_TRIP_MS");
	bytes_per_s = atof(argv[2]) / 8;
	delay_s = atof(argv[3]) / 2e3;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		err(1, "listening");
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		struct pollfd wanted[2 + 2 * LINES_MAX] = {
		    {.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
		nfds_t count = 2;
		double now = now_s();

		for (struct line *line = lines; line < lines + LINES_MAX; line++)
			for (int i = 0; line->used && i < 2; i++)
				if (has_room(&line->ways[i], now))
					wanted[count++] = (struct pollfd){
					    .fd = line->ways[i].from, .events = POLLIN};
		if (poll(wanted, count, next_ms(now)) < 0 && errno != EINTR)
			err(1, "poll");
		if (wanted[0].revents != 0)
			return 0;
		if (wanted[1].revents != 0)
			open_line(listener, (uint16_t)atoi(argv[1]));
		now = now_s();
		for (struct line *line = lines; line < lines + LINES_MAX; line++)
			if (line->used)
				serve(line, now);
	}
}
