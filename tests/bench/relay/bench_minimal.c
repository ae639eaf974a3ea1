/* SPDX-License-Identifier: ISC */
/*
 * What libssh2 itself can do: reads a stream of bench_source through a tunnel and forgets it. Or
 * the same echoes as bench_client's. With the memory functions and the socket of libssh2's own;
 * without a window of our own making. What is not named after SECONDS is as the relay has it.
 *
 *	bench_minimal SSH_PORT USER KEY_FILE SOURCE_PORT COOKIE flood|echo SECONDS
 *		[CIPHER [MAC [WINDOW_BYTES [READ_BYTES]]]]
 */
#include <arpa/inet.h>
#include <err.h>
#include <libssh2.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench_wire.h"

/* What the relay gets of an sshd of today: see brokerd/session/ssh_algorithms.c. */
#if LIBSSH2_VERSION_NUM >= 0x010b00
#define CIPHER "aes128-gcm@openssh.com"
#define MAC    "hmac-sha2-256-etm@openssh.com"
#else
#define CIPHER "aes128-ctr"
#define MAC    "hmac-sha2-256"
#endif
#define READ_BYTES_MAX (256 * 1024)
#define WARM_UP_S      0.3
#define ECHOES_MAX     20000

static LIBSSH2_SESSION *session;
static LIBSSH2_CHANNEL *channel;
static int fd;

static const char *cipher = CIPHER, *mac = MAC;
static unsigned window_bytes = LIBSSH2_CHANNEL_WINDOW_DEFAULT;
static size_t read_bytes = 64 * 1024;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double own_s(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void await(void)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};

	if (libssh2_session_block_directions(session) & LIBSSH2_SESSION_BLOCK_OUTBOUND)
		wanted.events |= POLLOUT;
	poll(&wanted, 1, 1000);
}

static void prefer(int type, const char *name)
{
	if (libssh2_session_method_pref(session, type, name) != 0)
		errx(1, "libssh2 has no %s", name);
}

/* RFC 4254 section 7.2. libssh2's own function knows no other window than its default. */
static void open_channel(uint16_t port)
{
	static const char loopback[] = "127.0.0.1";
	const uint32_t length = htonl(sizeof(loopback) - 1), to = htonl(port);
	char target[2 * (sizeof(loopback) - 1) + 4 * sizeof(uint32_t)] = {0}, *at = target;

	for (unsigned end = 0; end < 2; end++) {
		at = (char *)mempcpy(at, &length, sizeof(length));
		at = (char *)mempcpy(at, loopback, sizeof(loopback) - 1);
		if (end == 0)
			at = (char *)mempcpy(at, &to, sizeof(to));
	}
	channel = libssh2_channel_open_ex(session, "direct-tcpip", 12, window_bytes,
	    LIBSSH2_CHANNEL_PACKET_DEFAULT, target, sizeof(target));
	if (channel == NULL)
		errx(1, "no tunnel");
}

static void log_in(char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	const int on = 1;

	address.sin_port = htons((uint16_t)atoi(argv[1]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "connecting");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	session = libssh2_session_init();
	prefer(LIBSSH2_METHOD_CRYPT_SC, cipher);
	prefer(LIBSSH2_METHOD_CRYPT_CS, cipher);
	prefer(LIBSSH2_METHOD_MAC_SC, mac);
	prefer(LIBSSH2_METHOD_MAC_CS, mac);
	if (libssh2_session_handshake(session, fd) != 0 ||
	    libssh2_userauth_publickey_fromfile(session, argv[2], NULL, argv[3], "") != 0)
		errx(1, "no login");
}

static void put(const uint8_t *data, size_t length)
{
	while (length != 0) {
		ssize_t sent = libssh2_channel_write(channel, (const char *)data, length);

		if (sent == LIBSSH2_ERROR_EAGAIN) {
			await();
			continue;
		}
		if (sent < 0)
			errx(1, "writing: %zd", sent);
		data += sent;
		length -= (size_t)sent;
	}
}

static size_t get(uint8_t *data)
{
	for (;;) {
		ssize_t got = libssh2_channel_read(channel, (char *)data, read_bytes);

		if (got > 0)
			return (size_t)got;
		if (got != LIBSSH2_ERROR_EAGAIN)
			errx(1, "reading: %zd", got);
		await();
	}
}

static void flood(double seconds)
{
	static uint8_t data[READ_BYTES_MAX];
	uint8_t event[EVENT_BYTES];
	double start_s = now_s(), before_s = 0;
	uint64_t bytes = 0;
	bool warm = false;

	put_event(event, EVENT_WIN_CHANGE, FLOOD_ON);
	put(event, sizeof(event));
	for (;;) {
		bytes += get(data);
		if (!warm && now_s() - start_s >= WARM_UP_S) {
			warm = true;
			bytes = 0;
			before_s = own_s();
			start_s = now_s();
		} else if (warm && now_s() - start_s >= seconds) {
			break;
		}
	}
	printf("{\"bytes\":%llu,\"seconds\":%.6f,\"cpu\":%.3f}\n", (unsigned long long)bytes,
	    now_s() - start_s, own_s() - before_s);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void echo(double seconds)
{
	static double times[ECHOES_MAX];
	static uint8_t data[READ_BYTES_MAX];
	uint8_t event[EVENT_BYTES];
	double begin_s;
	size_t count = 0;

	/* Until the picture has come. */
	for (double until_s = now_s() + 0.3; now_s() < until_s;)
		if (libssh2_channel_read(channel, (char *)data, read_bytes) <= 0)
			poll(NULL, 0, 10);
	begin_s = now_s();
	while (count < ECHOES_MAX && now_s() - begin_s < seconds) {
		double start_s = now_s();
		size_t wanted = HEADER_BYTES;

		put_event(event, EVENT_MOTION, (uint32_t)count);
		put(event, sizeof(event));
		while (wanted != 0) {
			size_t got = get(data);

			wanted -= got < wanted ? got : wanted;
		}
		times[count++] = now_s() - start_s;
	}
	qsort(times, count, sizeof(times[0]), compare);
	printf("{\"count\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}\n", count,
	    1e6 * times[count / 2], 1e6 * times[count * 99 / 100], 1e6 * times[count * 999 / 1000],
	    1e6 * times[count - 1]);
}

int main(int argc, char **argv)
{
	uint8_t opening[COOKIE_BYTES + 2 * EVENT_BYTES];

	if (argc < 8 || argc > 12 || strlen(argv[5]) != COOKIE_BYTES)
		errx(2, "usage: bench_minimal SSH_PORT USER KEY_FILE SOURCE_PORT COOKIE "
			"flood|echo SECONDS [CIPHER [MAC [WINDOW_BYTES [READ_BYTES]]]]");
	if (argc > 8)
		cipher = argv[8];
	if (argc > 9)
		mac = argv[9];
	if (argc > 10)
		window_bytes = (unsigned)atoi(argv[10]);
	if (argc > 11)
		read_bytes = (size_t)atoi(argv[11]);
	if (read_bytes == 0 || read_bytes > READ_BYTES_MAX)
		errx(2, "nothing reads so much at once");
	libssh2_init(0);
	log_in(argv);
	open_channel((uint16_t)atoi(argv[4]));
	memcpy(opening, argv[5], COOKIE_BYTES);
	put_event(opening + COOKIE_BYTES, EVENT_CLIENT_VERSION, 8 | 3u << 16);
	put_event(opening + COOKIE_BYTES + EVENT_BYTES, EVENT_GEOMETRY, 1024 | 768u << 16);
	libssh2_session_set_blocking(session, 0);
	put(opening, sizeof(opening));
	if (strcmp(argv[6], "flood") == 0)
		flood(atof(argv[7]));
	else
		echo(atof(argv[7]));
	return 0;
}
