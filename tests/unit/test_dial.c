/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/dial: connections that stand, are refused, or never come, dials that are given up, and
 * addresses that are not allowed, whatever a name stands for. The latter needs root, for a file of
 * hosts of its own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/clock.h"
#include "brokerd/config.h"
#include "brokerd/dial.h"

static struct event_base *base;
static struct dialer *dialer;

struct outcome {
	struct dial *dial;
	unsigned calls;
	struct dial_result result;
	char detail[256];
};

static void on_done(const struct dial_result *result, void *arg)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	outcome->result = *result;
	snprintf(outcome->detail, sizeof(outcome->detail), "%s", result->detail);
	dial_destroy(outcome->dial);
	outcome->dial = NULL;
	event_base_loopbreak(base);
}

/* A socket on a loopback port of the kernel's choice, listening or not. */
static int open_port(bool listening, int backlog, uint16_t *ret_port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	if (listening)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static struct outcome dial_within(
    const char *host, uint16_t port, const struct config_networks *only, unsigned deadline_ms)
{
	struct outcome outcome = {0};

	outcome.dial = dial_create(dialer, host, port, only, deadline_ms, on_done, &outcome);
	assert_non_null(outcome.dial);
	assert_int_equal(outcome.calls, 0);
	event_base_dispatch(base);
	assert_int_equal(outcome.calls, 1);
	return outcome;
}

static struct outcome dial(const char *host, uint16_t port, unsigned deadline_ms)
{
	return dial_within(host, port, NULL, deadline_ms);
}

static void assert_connected(const char *host)
{
	uint16_t port;
	int listener = open_port(true, 4, &port), on = 0;
	socklen_t length = sizeof(on);
	struct outcome outcome = dial(host, port, 5000);
	char byte = 0;
	int peer;

	assert_true(outcome.result.fd >= 0);
	assert_int_equal(outcome.result.error, ERROR_NONE);
	peer = accept(listener, NULL, NULL);
	assert_int_equal(write(outcome.result.fd, "x", 1), 1);
	assert_int_equal(read(peer, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(getsockopt(outcome.result.fd, IPPROTO_TCP, TCP_NODELAY, &on, &length), 0);
	assert_int_not_equal(on, 0);
	assert_int_equal(getsockopt(outcome.result.fd, SOL_SOCKET, SO_KEEPALIVE, &on, &length), 0);
	assert_int_not_equal(on, 0);
	close(outcome.result.fd);
	close(peer);
	close(listener);
}

static void test_number(void **state)
{
	(void)state;
	assert_connected("127.0.0.1");
}

/* localhost may have an IPv6 address as well, where nobody listens. */
static void test_name(void **state)
{
	(void)state;
	assert_connected("localhost");
}

static void test_refused(void **state)
{
	uint16_t port;
	int fd = open_port(false, 0, &port);
	struct outcome outcome = dial("127.0.0.1", port, 5000);

	(void)state;
	assert_int_equal(outcome.result.fd, -1);
	assert_int_equal(outcome.result.error, ERROR_HOST_UNREACHABLE);
	close(fd);
}

/* A listener whose backlog is full answers no further connection. */
static void test_timeout(void **state)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint64_t begin, took;
	uint16_t port;
	int listener = open_port(true, 0, &port), fillers[4];
	struct outcome outcome;

	(void)state;
	address.sin_port = htons(port);
	for (unsigned i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fillers[i], (const struct sockaddr *)&address, sizeof(address));
	}
	begin = clock_now_ms();
	outcome = dial("127.0.0.1", port, 300);
	took = clock_now_ms() - begin;
	assert_int_equal(outcome.result.fd, -1);
	assert_int_equal(outcome.result.error, ERROR_HOST_TIMEOUT);
	assert_true(took >= 250);
	for (unsigned i = 0; i < 4; i++)
		close(fillers[i]);
	close(listener);
}

/* Without a nameserver it is unreachable, with a silent one it takes too long. */
static void test_no_such_name(void **state)
{
	struct outcome outcome = dial("no-such-host.invalid", 22, 700);

	(void)state;
	assert_int_equal(outcome.result.fd, -1);
	assert_true(outcome.result.error == ERROR_HOST_UNREACHABLE ||
		    outcome.result.error == ERROR_HOST_TIMEOUT);
}

static void stop_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(base);
}

static void test_given_up(void **state)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "no-such-host.invalid"};
	const struct timeval pause = {0, 100000};
	uint16_t port;
	int listener = open_port(true, 4, &port);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct outcome outcome = {0};

		outcome.dial = dial_create(dialer, names[i], port, NULL, 50, on_done, &outcome);
		assert_non_null(outcome.dial);
		dial_destroy(outcome.dial);
		event_base_once(base, -1, EV_TIMEOUT, stop_loop, NULL, &pause);
		event_base_dispatch(base);
		assert_int_equal(outcome.calls, 0);
	}
	close(listener);
	dial_destroy(NULL);
}

static const char hosts[] = "127.0.0.1 localhost\n"
			    "127.0.0.1 turned.example\n"
			    "169.254.169.254 metadata.example\n"
			    "::ffff:127.0.0.1 mapped.example\n"
			    "64:ff9b::7f00:1 nat64.example\n"
			    "2002:7f00:1::1 sixtofour.example\n"
			    "127.0.0.2 mixed.example\n"
			    "169.254.1.1 mixed.example\n"
			    "127.0.0.1 mixed.example\n";

/* Puts a file of our own in the place of /etc/hosts, for this process. */
static bool take_hosts(void)
{
	char path[] = "/tmp/x2goweb-test-dial-XXXXXX";
	int fd;
	bool good;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	fd = mkstemp(path);
	good = fd >= 0 && write(fd, hosts, sizeof(hosts) - 1) == (ssize_t)(sizeof(hosts) - 1) &&
	       mount(path, "/etc/hosts", NULL, MS_BIND, NULL) == 0;
	close(fd);
	unlink(path);
	return good;
}

static void set_networks(struct config_networks *networks, const char *text)
{
	char copy[256], *rest = copy, *item;

	strcpy(copy, text);
	networks->count = 0;
	while ((item = strsep(&rest, " ")) != NULL)
		assert_true(network_parse(item, &networks->items[networks->count++]));
}

/* A name says nothing about where it leads; neither does the way a number is written. */
static void test_filter(void **state)
{
	static const struct {
		const char *host, *networks;
		enum error_code error;
		const char *detail;
	} cases[] = {
	    {"127.0.0.1", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"localhost", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"turned.example", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"turned.example", "10.0.0.0/8", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"turned.example", "127.0.0.1", ERROR_NONE, ""},
	    {"turned.example", "127.0.0.2/31", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"mapped.example", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"::ffff:127.0.0.1", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"::ffff:7f00:1", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"127.0.0.1 is a loopback address (RFC 1122)"},
	    {"::1", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"::1 is unspecified, loopback or a compatible form of IPv4 (RFC 4291)"},
	    {"0.0.0.0", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"0.0.0.0 is an address of no host (RFC 1122)"},
	    {"nat64.example", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"64:ff9b::7f00:1 is a loopback address (RFC 1122)"},
	    {"sixtofour.example", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"2002:7f00:1::1 is a loopback address (RFC 1122)"},
	    {"metadata.example", "0.0.0.0/0 ::/0", ERROR_SERVER_NOT_ALLOWED,
		"169.254.169.254 is a link-local address, or metadata of a cloud (RFC 3927)"},
	    {"192.0.2.1", "10.0.0.0/8", ERROR_SERVER_NOT_ALLOWED,
		"192.0.2.1 is not in [other_servers] networks"},
	    /* Of several addresses those are tried that are allowed, and no others. */
	    {"mixed.example", "127.0.0.1", ERROR_NONE, NULL},
	    {"mixed.example", "10.0.0.0/8", ERROR_SERVER_NOT_ALLOWED, NULL},
	    {"mixed.example", "127.0.0.2", ERROR_HOST_UNREACHABLE, NULL},
	};
	struct config_networks networks;
	uint16_t port;
	int listener = open_port(true, 16, &port);
	struct pollfd pending = {.fd = listener, .events = POLLIN};

	(void)state;
	if (!take_hosts()) {
		print_message("skipped: needs root and mounts\n");
		close(listener);
		return;
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome;

		set_networks(&networks, cases[i].networks);
		outcome = dial_within(cases[i].host, port, &networks, 5000);
		if (outcome.result.error != cases[i].error)
			fail_msg("%s in %s: %s, %s", cases[i].host, cases[i].networks,
			    error_info(outcome.result.error)->name, outcome.detail);
		if (cases[i].detail != NULL)
			assert_string_equal(outcome.detail, cases[i].detail);
		/* Not even for a moment. */
		assert_int_equal(poll(&pending, 1, 0), cases[i].error == ERROR_NONE);
		if (cases[i].error == ERROR_NONE) {
			close(accept(listener, NULL, NULL));
			close(outcome.result.fd);
		}
	}
	/* Whom the admin has named may be anywhere. */
	close(dial("turned.example", port, 5000).result.fd);
	assert_int_equal(poll(&pending, 1, 0), 1);
	close(listener);
}

static int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	dialer = dialer_create(base);
	return base != NULL && dialer != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dialer_destroy(dialer);
	event_base_free(base);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_number),
	    cmocka_unit_test(test_name), cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_timeout), cmocka_unit_test(test_no_such_name),
	    cmocka_unit_test(test_given_up), cmocka_unit_test(test_filter)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
