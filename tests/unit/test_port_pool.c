/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/port_pool: each port once, as a listener; occupied ones are passed over; used ones rest.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/port_pool.h"
#include "proto/log.h"

/* Below those that the kernel picks, and of this process alone if several tests run at a time. */
#define FIRST (uint16_t)(18000 + getpid() % 400 * COUNT)
#define COUNT 4
#define LAST  (uint16_t)(FIRST + COUNT - 1)

static void on_log(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

static bool connects(uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool connected = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return connected;
}

static void assert_counts(struct port_pool *pool, uint64_t now_ms, unsigned used, unsigned resting)
{
	struct port_pool_counts counts = port_pool_count(pool, now_ms);

	assert_int_equal(counts.total, COUNT);
	assert_int_equal(counts.used, used);
	assert_int_equal(counts.resting, resting);
}

static void test_each_once(void **state)
{
	struct port_pool *pool = port_pool_create("127.0.0.1", FIRST, LAST);
	bool seen[COUNT] = {false};
	int fds[COUNT];
	uint16_t port;

	(void)state;
	assert_non_null(pool);
	assert_counts(pool, 0, 0, 0);
	for (unsigned i = 0; i < COUNT; i++) {
		fds[i] = port_pool_take(pool, 0, &port);
		assert_true(fds[i] >= 0);
		assert_in_range(port, FIRST, LAST);
		assert_false(seen[port - FIRST]);
		seen[port - FIRST] = true;
		assert_true(connects(port));
		assert_true((fcntl(fds[i], F_GETFL) & O_NONBLOCK) != 0);
		assert_true((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
	}
	assert_counts(pool, 0, COUNT, 0);
	assert_int_equal(port_pool_take(pool, 0, &port), -1);
	for (unsigned i = 0; i < COUNT; i++)
		close(fds[i]);
	port_pool_destroy(pool);
}

static void test_rest(void **state)
{
	struct port_pool *pool = port_pool_create("127.0.0.1", FIRST, LAST);
	uint16_t ports[COUNT], port;
	int fd;

	(void)state;
	assert_non_null(pool);
	for (unsigned i = 0; i < COUNT; i++)
		close(port_pool_take(pool, 1000, &ports[i]));
	port_pool_give_back(pool, ports[2], 1000, 500);
	assert_counts(pool, 1000, COUNT - 1, 1);
	assert_int_equal(port_pool_take(pool, 1499, &port), -1);
	fd = port_pool_take(pool, 1500, &port);
	assert_true(fd >= 0);
	assert_int_equal(port, ports[2]);
	close(fd);
	/* Use goes round: the port that was given back last comes last. */
	for (unsigned i = 0; i < COUNT; i++)
		port_pool_give_back(pool, ports[i], 2000, 0);
	assert_counts(pool, 2000, 0, 0);
	for (unsigned i = 0; i < COUNT; i++) {
		close(port_pool_take(pool, 2000, &port));
		assert_int_equal(port, ports[(2 + 1 + i) % COUNT]);
	}
	port_pool_destroy(pool);
}

static void test_occupied(void **state)
{
	struct port_pool *one = port_pool_create("127.0.0.1", FIRST, LAST);
	struct port_pool *other = port_pool_create("127.0.0.1", FIRST, LAST);
	int fds[COUNT + 1];
	uint16_t port;

	(void)state;
	assert_non_null(one);
	assert_non_null(other);
	fds[0] = port_pool_take(one, 0, &port);
	assert_int_equal(port, FIRST);
	for (unsigned i = 1; i < COUNT; i++) {
		fds[i] = port_pool_take(other, 0, &port);
		assert_true(fds[i] >= 0);
		assert_int_equal(port, FIRST + i);
	}
	assert_int_equal(port_pool_take(other, 0, &port), -1);
	/* Passed over, not lost. */
	close(fds[0]);
	fds[0] = port_pool_take(other, 0, &port);
	assert_true(fds[0] >= 0);
	assert_int_equal(port, FIRST);
	for (unsigned i = 0; i < COUNT; i++)
		close(fds[i]);
	port_pool_destroy(one);
	port_pool_destroy(other);
}

static void test_ipv6(void **state)
{
	struct port_pool *pool = port_pool_create("::1", FIRST, FIRST);
	struct sockaddr_in6 address;
	socklen_t length = sizeof(address);
	uint16_t port;
	int fd;

	(void)state;
	assert_non_null(pool);
	fd = port_pool_take(pool, 0, &port);
	port_pool_destroy(pool);
	/* A machine without IPv6 has nothing to test here. */
	if (fd < 0 && access("/proc/net/if_inet6", F_OK) != 0)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(address.sin6_family, AF_INET6);
	assert_true(IN6_IS_ADDR_LOOPBACK(&address.sin6_addr));
	assert_int_equal(ntohs(address.sin6_port), FIRST);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_once),
	    cmocka_unit_test(test_rest), cmocka_unit_test(test_occupied),
	    cmocka_unit_test(test_ipv6)};

	log_set_sink(on_log, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
