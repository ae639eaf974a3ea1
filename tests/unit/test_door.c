/* links: proto tls/door.c */
/* SPDX-License-Identifier: ISC */
/*
 * tls/door: what a web server on another machine says reaches the relay that it names, and the
 * other way round, to the last byte; everybody else gets nowhere. The door runs in a process of its
 * own, so that web server and relay can wait here as they would.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/log.h"
#include "proto/messages.h"
#include "tls/door.h"

#define NAME	   "0123456789abcdef0123456789abcdef"
#define OTHER	   "fedcba9876543210fedcba9876543210"
#define HEAD(path) "GET " path " HTTP/1.1\r\nHost: gateway\r\n\r\n"
#define VISITS_MAX 3
#define PATIENCE_S 20
/* More than the door lets wait, less than the kernel does. */
#define MUCH 150000

static struct world {
	char streams[sizeof("/tmp/x2goweb-test-door-XXXXXX")];
	uint16_t port;
	pid_t door;
	int relay; /* listens */
} world;

static SSL_CTX *make_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();

	assert_non_null(key);
	/* A client that hangs up without having read them would reset the connection. */
	SSL_CTX_set_num_tickets(context, 0);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return context;
}

static void on_stop(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	event_base_loopbreak(arg);
}

_Noreturn static void run_door(int listener)
{
	struct event_base *base = event_base_new();
	struct event *stop = evsignal_new(base, SIGTERM, on_stop, base);
	struct door *door = door_create(base, listener, world.streams, VISITS_MAX);

	signal(SIGPIPE, SIG_IGN);
	event_add(stop, NULL);
	door_set_context(door, make_context());
	event_base_dispatch(base);
	door_destroy(door);
	event_free(stop);
	event_base_free(base);
	libevent_global_shutdown();
	/* With what sanitizers have to say of leaks. */
	exit(0);
}

static int listen_as(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval limit = {PATIENCE_S, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", world.streams, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static int start(void **state)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)state;
	strcpy(world.streams, "/tmp/x2goweb-test-door-XXXXXX");
	assert_non_null(mkdtemp(world.streams));
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&address, &length);
	world.port = ntohs(address.sin_port);
	world.door = fork();
	if (world.door == 0)
		run_door(listener);
	close(listener);
	world.relay = listen_as(NAME);
	return 0;
}

static void forget(const char *name)
{
	char path[sizeof(world.streams) + sizeof("/.sock") + STREAM_SOCKET_CHARS];

	snprintf(path, sizeof(path), "%s/%s.sock", world.streams, name);
	unlink(path);
}

static int stop(void **state)
{
	int status = 0;

	(void)state;
	kill(world.door, SIGTERM);
	waitpid(world.door, &status, 0);
	close(world.relay);
	forget(NAME);
	forget(OTHER);
	rmdir(world.streams);
	assert_int_equal(status, 0);
	return 0;
}

/* --- the web server's end -------------------------------------------------------------------- */

struct web {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
};

static int reach_door(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(world.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval limit = {PATIENCE_S, 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct web web_connect(void)
{
	struct web web = {.fd = reach_door(), .context = SSL_CTX_new(TLS_client_method())};

	web.ssl = SSL_new(web.context);
	SSL_set_fd(web.ssl, web.fd);
	assert_int_equal(SSL_connect(web.ssl), 1);
	return web;
}

static void web_close(struct web *web)
{
	SSL_free(web->ssl);
	SSL_CTX_free(web->context);
	close(web->fd);
}

static void web_say(const struct web *web, const char *bytes, size_t length)
{
	assert_int_equal(SSL_write(web->ssl, bytes, (int)length), (int)length);
}

/* So many bytes, or all until an orderly end. */
static size_t web_hear(const struct web *web, char *bytes, size_t wanted)
{
	size_t length = 0;

	while (length < wanted) {
		int part = SSL_read(web->ssl, bytes + length, (int)(wanted - length));

		if (part <= 0) {
			assert_int_equal(SSL_get_error(web->ssl, part), SSL_ERROR_ZERO_RETURN);
			break;
		}
		length += (size_t)part;
	}
	return length;
}

static void assert_refused(const struct web *web, const char *status)
{
	char text[200] = "", expected[40];

	web_hear(web, text, sizeof(text) - 1);
	snprintf(expected, sizeof(expected), "HTTP/1.1 %s\r\n", status);
	if (strncmp(text, expected, strlen(expected)) != 0)
		fail_msg("not %s: %s", status, text);
}

/* --- the relay's end ------------------------------------------------------------------------- */

static void relay_hear(int fd, const char *expected, size_t length)
{
	char *bytes = malloc(length);

	assert_int_equal(recv(fd, bytes, length, MSG_WAITALL), (ssize_t)length);
	assert_memory_equal(bytes, expected, length);
	free(bytes);
}

static int relay_accept(int listener, const char *head)
{
	const struct timeval limit = {PATIENCE_S, 0};
	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	relay_hear(fd, head, strlen(head));
	return fd;
}

static void assert_nobody_came(void)
{
	struct pollfd relay = {.fd = world.relay, .events = POLLIN};

	assert_int_equal(poll(&relay, 1, 0), 0);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_passes_everything(void **state)
{
	static const char head[] = HEAD("/x2gows/" NAME "?hello");
	struct web web = web_connect();
	char *much = malloc(MUCH), *heard = malloc(MUCH + 1);
	int fd;

	(void)state;
	for (size_t i = 0; i < MUCH; i++)
		much[i] = (char)(i * 7 + i / 251);
	/* In pieces, as the first line may come. */
	for (size_t i = 0; i < strlen(head); i++)
		web_say(&web, head + i, 1);
	fd = relay_accept(world.relay, head);
	web_say(&web, much, MUCH);
	relay_hear(fd, much, MUCH);
	assert_int_equal(send(fd, much, MUCH, MSG_NOSIGNAL), MUCH);
	/* What a relay says last arrives, and then the end. */
	close(fd);
	assert_int_equal(web_hear(&web, heard, MUCH + 1), MUCH);
	assert_memory_equal(heard, much, MUCH);
	web_close(&web);
	free(much);
	free(heard);
}

static void test_leads_to_the_one_that_is_named(void **state)
{
	int other = listen_as(OTHER), fd;
	struct web web = web_connect();
	char byte;

	(void)state;
	web_say(&web, HEAD("/x2gows/" OTHER), strlen(HEAD("/x2gows/" OTHER)));
	fd = relay_accept(other, HEAD("/x2gows/" OTHER));
	web_say(&web, "last", 4);
	/* And a relay hears what a web server says last, and its end. */
	web_close(&web);
	relay_hear(fd, "last", 4);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	close(other);
	forget(OTHER);
}

static void test_refuses_other_paths(void **state)
{
	static const char *const heads[] = {
	    HEAD("/x2gows/" NAME "/"),
	    HEAD("/x2gows/" NAME "0"),
	    HEAD("/x2gows/../" NAME "........"),
	    HEAD("/x2gows/0123456789abcdef0123456789abcde "),
	    HEAD("/x2gows/0123456789ABCDEF0123456789ABCDEF"),
	    HEAD("/x2gows/%30123456789abcdef0123456789abcd"),
	    HEAD("//x2gows/" NAME),
	    HEAD("http://gateway/x2gows/" NAME),
	    HEAD("/x2go/rpc/config?padding=0123456789abcdef"),
	    "POST /x2gows/" NAME " HTTP/1.1\r\n\r\n",
	    "get /x2gows/" NAME " HTTP/1.1\r\n\r\n",
	    "GET\t/x2gows/" NAME " HTTP/1.1\r\n\r\n",
	    "\r\nGET /x2gows/" NAME " HTTP/1.1\r\n\r\n",
	    "GET /x2gows/" NAME "\r\nHost: gateway\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct web web = web_connect();

		web_say(&web, heads[i], strlen(heads[i]));
		assert_refused(&web, "404 Not Found");
		web_close(&web);
	}
	/* A string's end within the line is a byte like others. */
	for (size_t i = 0; i <= strlen("GET /x2gows/" NAME); i += 4) {
		char head[] = HEAD("/x2gows/" NAME);
		struct web web = web_connect();

		head[i] = 0;
		web_say(&web, head, sizeof(head) - 1);
		assert_refused(&web, "404 Not Found");
		web_close(&web);
	}
	assert_nobody_came();
}

static void test_no_relay(void **state)
{
	struct web web = web_connect();

	(void)state;
	web_say(&web, HEAD("/x2gows/" OTHER), strlen(HEAD("/x2gows/" OTHER)));
	assert_refused(&web, "502 Bad Gateway");
	web_close(&web);
}

/* A socket that nobody listens at any more: of a relay that has been killed. */
static void test_dead_relay(void **state)
{
	struct web web = web_connect();
	char byte;

	(void)state;
	close(listen_as(OTHER));
	web_say(&web, HEAD("/x2gows/" OTHER), strlen(HEAD("/x2gows/" OTHER)));
	assert_int_equal(web_hear(&web, &byte, 1), 0);
	web_close(&web);
	forget(OTHER);
}

static void test_no_tls(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} words[] = {{HEAD("/x2gows/" NAME), strlen(HEAD("/x2gows/" NAME))},
	    {"\x16\x03\x01\x02", 4}, {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff", 10},
	    {"\x16\x03\x01\x00\x05\x0e\x00\x00\x01\xff", 10}, {"\x80\x2e\x01\x00\x02", 5}};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int fd = reach_door();
		char answer[100];

		send(fd, words[i].bytes, words[i].length, MSG_NOSIGNAL);
		shutdown(fd, SHUT_WR);
		/* An alert at the most. */
		assert_true(recv(fd, answer, sizeof(answer), MSG_WAITALL) < 40);
		close(fd);
	}
	assert_nobody_came();
}

/* So many at a time, and no more; one that leaves makes room. */
static void test_crowd(void **state)
{
	struct web webs[VISITS_MAX];
	int relays[VISITS_MAX], fd;
	char byte;

	(void)state;
	for (size_t i = 0; i < VISITS_MAX; i++) {
		webs[i] = web_connect();
		web_say(&webs[i], HEAD("/x2gows/" NAME), strlen(HEAD("/x2gows/" NAME)));
		relays[i] = relay_accept(world.relay, HEAD("/x2gows/" NAME));
	}
	fd = reach_door();
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	close(relays[0]);
	assert_int_equal(web_hear(&webs[0], &byte, 1), 0);
	web_close(&webs[0]);
	webs[0] = web_connect();
	web_say(&webs[0], HEAD("/x2gows/" NAME), strlen(HEAD("/x2gows/" NAME)));
	relays[0] = relay_accept(world.relay, HEAD("/x2gows/" NAME));
	/* Some of them are there yet when the door is closed. */
	for (size_t i = 0; i < VISITS_MAX; i++) {
		web_close(&webs[i]);
		close(relays[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_passes_everything, start, stop),
	    cmocka_unit_test_setup_teardown(test_leads_to_the_one_that_is_named, start, stop),
	    cmocka_unit_test_setup_teardown(test_refuses_other_paths, start, stop),
	    cmocka_unit_test_setup_teardown(test_no_relay, start, stop),
	    cmocka_unit_test_setup_teardown(test_dead_relay, start, stop),
	    cmocka_unit_test_setup_teardown(test_no_tls, start, stop),
	    cmocka_unit_test_setup_teardown(test_crowd, start, stop),
	};

	log_init("test_door", LOG_LEVEL_ERROR);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
