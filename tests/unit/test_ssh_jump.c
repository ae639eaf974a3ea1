/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * One SSH connection through another, with two real sshds that change keys every megabyte: who
 * logs in where, every byte, bounded memory, and whose fault an end is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <time.h>

#include "brokerd/session/ssh.h"
#include "brokerd/session/ssh_internal.h"
#include "far_end.h"
#include "private_sshd.h"
#include "proto/log.h"

/* The jump host lets "jumper" in, the server "tester". The closed host forwards nothing. */
static struct private_sshd jump_host, server_host, closed_host;
static struct event_base *base;
static struct evconnlistener *listener;
static int far_listener;
static uint16_t far_port, closed_port;

/* Of one connection. */
struct line {
	struct ssh *ssh;
	bool opened, failed;
	unsigned order; /* of its failure among all */
	enum error_code code;
	char detail[400];
};

static struct {
	struct line jump, server;
	struct ssh_tunnel *tunnel;
	bool tunnel_opened, tunnel_over, drained, paused, answered, complete;
	unsigned failures;
	enum error_code tunnel_code;
	char output[200];
	/* The data to send, and what is read. */
	size_t written, to_write, received, wanted;
	EVP_MD_CTX *sent_hash, *received_hash;
	uint64_t random;
} near;

/* --- waiting ------------------------------------------------------------------------------ */

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("nothing has happened for 60 s");
}

static void run_until(const bool *done)
{
	const struct timeval limit = {60, 0};
	struct event *overdue = event_new(base, -1, 0, on_overdue, NULL);

	event_add(overdue, &limit);
	while (!*done)
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
	event_free(overdue);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	bool *done = arg;

	(void)fd;
	(void)what;
	*done = true;
}

static void run_for_ms(unsigned ms)
{
	const struct timeval delay = {ms / 1000, ms % 1000 * 1000};
	bool done = false;
	struct event *timer = event_new(base, -1, 0, on_time, &done);

	event_add(timer, &delay);
	run_until(&done);
	event_free(timer);
}

/* --- connections -------------------------------------------------------------------------- */

static void on_opened(struct ssh *ssh, const struct ssh_login *login, void *arg)
{
	struct line *line = arg;

	assert_ptr_equal(ssh, line->ssh);
	assert_int_equal(strncmp(login->fingerprint, "SHA256:", 7), 0);
	assert_false(line->opened);
	line->opened = true;
}

static void on_failed(struct ssh *ssh, enum error_code code, const char *detail, void *arg)
{
	struct line *line = arg;

	assert_ptr_equal(ssh, line->ssh);
	assert_false(line->failed);
	line->failed = true;
	line->order = ++near.failures;
	line->code = code;
	snprintf(line->detail, sizeof(line->detail), "%s", detail);
}

static const struct ssh_handlers handlers = {.opened = on_opened, .failed = on_failed};

static void connect_line(struct line *line, const struct private_sshd *host, const char *user,
    const char *password, uint16_t port, struct ssh *via, unsigned deadline_ms)
{
	struct record_hop hop = {
	    .name = "test", .address = "127.0.0.1", .port = port, .methods = "password"};
	struct ssh_settings settings = {.base = base,
	    .fd = via == NULL ? sshd_connect(port) : -1,
	    .via = via,
	    .hop = &hop,
	    .hostkeys = &host->key,
	    .hostkey_count = 1,
	    .place = via == NULL ? HOP_JUMP : HOP_SERVER,
	    .auth_deadline_ms = deadline_ms,
	    .prompt_deadline_ms = 15000};

	strcpy(hop.user, user);
	strcpy(hop.password, password);
	memset(line, 0, sizeof(*line));
	line->ssh = ssh_create(&settings, &handlers, line);
	assert_non_null(line->ssh);
}

static void begin(void)
{
	if (jump_host.pid == 0 || server_host.pid == 0)
		skip();
	memset(&near, 0, sizeof(near));
	memset(&far, 0, sizeof(far));
}

static void connect_jump(const struct private_sshd *host)
{
	begin();
	connect_line(&near.jump, host, SSHD_JUMPER, SSHD_JUMPER_PASSWORD, host->port, NULL, 15000);
}

static void log_in_to_jump(void)
{
	connect_jump(&jump_host);
	run_until(&near.jump.opened);
}

static void connect_server(uint16_t port, unsigned deadline_ms)
{
	connect_line(
	    &near.server, &server_host, SSHD_USER, SSHD_PASSWORD, port, near.jump.ssh, deadline_ms);
}

static void log_in(void)
{
	log_in_to_jump();
	connect_server(server_host.port, 15000);
	run_until(&near.server.opened);
}

static void leave(void)
{
	ssh_tunnel_close(near.tunnel);
	ssh_destroy(near.server.ssh);
	ssh_destroy(near.jump.ssh);
	if (far.stream != NULL)
		bufferevent_free(far.stream);
	far.stream = NULL;
}

static void expect_server_failure(enum error_code code)
{
	run_until(&near.server.failed);
	if (near.server.code != code)
		fail_msg("%s instead of %s: %s", error_info(near.server.code)->name,
		    error_info(code)->name, near.server.detail);
	assert_false(near.server.opened);
	ssh_destroy(near.server.ssh);
	near.server.ssh = NULL;
}

static void on_answer(const struct ssh_exec_result *result, void *arg)
{
	(void)arg;
	assert_int_equal(result->error, ERROR_NONE);
	near.answered = true;
	snprintf(near.output, sizeof(near.output), "%s", result->output);
}

static const char *run_command(struct ssh *ssh, const char *command)
{
	near.answered = false;
	assert_true(ssh_exec(ssh, command, 190, 20000, on_answer, NULL));
	run_until(&near.answered);
	return near.output;
}

/* The server's process for this connection. */
static pid_t find_server(struct ssh *ssh)
{
	pid_t pid = (pid_t)atoi(run_command(ssh, "echo $PPID"));

	assert_true(pid > 1);
	return pid;
}

/* --- the stream --------------------------------------------------------------------------- */

/* Keeps a few hundred KiB under way, of bytes that do not repeat. */
static void write_more(void)
{
	uint8_t chunk[32768];

	while (near.written < near.to_write && ssh_tunnel_unsent(near.tunnel) < 300000) {
		size_t length = near.to_write - near.written;

		if (length > sizeof(chunk))
			length = sizeof(chunk);
		for (size_t i = 0; i < length; i++) {
			near.random = near.random * 6364136223846793005u + 1442695040888963407u;
			chunk[i] = (uint8_t)(near.random >> 56);
		}
		EVP_DigestUpdate(near.sent_hash, chunk, length);
		near.written += length;
		assert_true(ssh_tunnel_write(near.tunnel, chunk, length));
	}
}

static void read_tunnel(void)
{
	uint8_t buffer[20000];
	ssize_t got;

	while (!near.paused && (got = ssh_tunnel_read(near.tunnel, buffer, sizeof(buffer))) > 0) {
		if (near.received_hash != NULL)
			EVP_DigestUpdate(near.received_hash, buffer, (size_t)got);
		else
			for (ssize_t i = 0; i < got; i++)
				if (buffer[i] != pattern(near.received + (size_t)i))
					fail_msg("byte %zu is wrong", near.received + (size_t)i);
		near.received += (size_t)got;
		near.complete = near.received >= near.wanted;
	}
}

static void on_tunnel_opened(struct ssh_tunnel *tunnel, void *arg)
{
	(void)tunnel;
	(void)arg;
	near.tunnel_opened = true;
}

static void on_tunnel_readable(struct ssh_tunnel *tunnel, void *arg)
{
	(void)tunnel;
	(void)arg;
	read_tunnel();
}

static void on_tunnel_drained(struct ssh_tunnel *tunnel, void *arg)
{
	(void)arg;
	assert_int_equal(ssh_tunnel_unsent(tunnel), 0);
	near.drained = true;
	write_more();
}

static void on_tunnel_failed(
    struct ssh_tunnel *tunnel, enum error_code code, const char *detail, void *arg)
{
	(void)arg;
	assert_false(near.tunnel_over);
	assert_non_null(detail);
	near.tunnel_over = true;
	near.tunnel_code = code;
	ssh_tunnel_close(tunnel);
	near.tunnel = NULL;
}

static void open_tunnel(struct ssh *ssh)
{
	static const struct ssh_tunnel_handlers tunnel_handlers = {.opened = on_tunnel_opened,
	    .readable = on_tunnel_readable,
	    .drained = on_tunnel_drained,
	    .failed = on_tunnel_failed};

	near.tunnel = ssh_tunnel_open(ssh, "127.0.0.1", far_port, &tunnel_handlers, NULL);
	assert_non_null(near.tunnel);
	run_until(&near.tunnel_opened);
}

static void finish_hash(EVP_MD_CTX *context, uint8_t *hash)
{
	assert_int_equal(EVP_DigestFinal_ex(context, hash, NULL), 1);
	EVP_MD_CTX_free(context);
}

/* --- logging in --------------------------------------------------------------------------- */

static void test_login(void **state)
{
	(void)state;
	log_in();
	assert_string_equal(run_command(near.server.ssh, "id -un"), SSHD_USER "\n");
	assert_string_equal(run_command(near.jump.ssh, "id -un"), SSHD_JUMPER "\n");
	/* The server is talked to by the jump host, and by nobody else. */
	assert_int_equal(atoi(strrchr(run_command(near.server.ssh, "echo $SSH_CONNECTION"), ' ')),
	    server_host.port);
	leave();
}

static void test_refusals(void **state)
{
	(void)state;
	log_in_to_jump();
	/* What fails behind the jump host leaves the connection to it as it was. */
	connect_server(closed_port, 15000);
	expect_server_failure(ERROR_HOST_UNREACHABLE);
	connect_line(&near.server, &server_host, SSHD_USER, SSHD_JUMPER_PASSWORD, server_host.port,
	    near.jump.ssh, 15000);
	expect_server_failure(ERROR_AUTH_FAILED);
	connect_line(&near.server, &jump_host, SSHD_USER, SSHD_PASSWORD, server_host.port,
	    near.jump.ssh, 15000);
	expect_server_failure(ERROR_HOST_KEY_CHANGED);
	connect_server(server_host.port, 15000);
	run_until(&near.server.opened);
	assert_string_equal(run_command(near.server.ssh, "echo hello"), "hello\n");
	assert_false(near.jump.failed);
	leave();
}

static void test_jump_host_that_forwards_nothing(void **state)
{
	(void)state;
	connect_jump(&closed_host);
	run_until(&near.jump.opened);
	connect_server(server_host.port, 15000);
	expect_server_failure(ERROR_JUMP_REFUSED);
	assert_false(near.jump.failed);
	leave();
}

/* Somebody who listens and says nothing, and a host that does not even answer. */
static void test_server_that_does_not_answer(void **state)
{
	int silent, fillers[3];
	uint16_t port;

	(void)state;
	log_in_to_jump();
	silent = sshd_bind(&port);
	assert_int_equal(listen(silent, 0), 0);
	connect_server(port, 300);
	expect_server_failure(ERROR_HOST_TIMEOUT);
	/* Its queue is full: the jump host goes on trying to connect. */
	for (size_t i = 0; i < 3; i++) {
		struct sockaddr_in address = {.sin_family = AF_INET,
		    .sin_port = htons(port),
		    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
	}
	run_for_ms(50);
	connect_server(port, 300);
	expect_server_failure(ERROR_HOST_TIMEOUT);
	for (size_t i = 0; i < 3; i++)
		close(fillers[i]);
	close(silent);
	assert_false(near.jump.failed);
	leave();
}

/* Nobody is called afterwards. */
static void test_cancel_at_each_stage(void **state)
{
	bool opened = false;

	(void)state;
	for (unsigned steps = 0; !opened; steps++) {
		connect_jump(&jump_host);
		for (unsigned i = 0; i < steps && !near.jump.opened; i++)
			event_base_loop(base, EVLOOP_ONCE);
		if (near.jump.opened) {
			connect_server(server_host.port, 15000);
			for (unsigned i = 0; i < steps % 64 && !near.server.opened; i++)
				event_base_loop(base, EVLOOP_ONCE);
			opened = near.server.opened || steps > 200;
		}
		assert_int_equal(near.failures, 0);
		leave();
		event_base_loop(base, EVLOOP_NONBLOCK);
		assert_int_equal(near.failures, 0);
	}
}

/* --- data --------------------------------------------------------------------------------- */

static void test_much_both_ways(void **state)
{
	uint8_t sent[EVP_MAX_MD_SIZE], received[EVP_MAX_MD_SIZE];

	(void)state;
	log_in();
	near.sent_hash = EVP_MD_CTX_new();
	near.received_hash = EVP_MD_CTX_new();
	EVP_DigestInit_ex(near.sent_hash, EVP_sha256(), NULL);
	EVP_DigestInit_ex(near.received_hash, EVP_sha256(), NULL);
	near.to_write = near.wanted = 16 * MEGABYTE;
	open_tunnel(near.server.ssh);
	write_more();
	/* Commands at both ends pass by. */
	assert_string_equal(run_command(near.server.ssh, "echo hello"), "hello\n");
	assert_string_equal(run_command(near.jump.ssh, "echo hello"), "hello\n");
	run_until(&near.complete);
	assert_int_equal(near.received, near.wanted);
	finish_hash(near.sent_hash, sent);
	finish_hash(near.received_hash, received);
	assert_memory_equal(sent, received, 32);
	leave();
}

static double measure(struct ssh *ssh)
{
	struct timespec before, after;

	memset(&far, 0, sizeof(far));
	far.mode = FAR_SOURCE;
	far.to_send = 40 * MEGABYTE;
	near.received = 0;
	near.tunnel_opened = near.tunnel_over = false;
	clock_gettime(CLOCK_MONOTONIC, &before);
	open_tunnel(ssh);
	run_until(&near.tunnel_over);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(near.tunnel_code, ERROR_ENDED);
	assert_int_equal(near.received, 40 * MEGABYTE);
	return 40 / ((double)(after.tv_sec - before.tv_sec) +
			(double)(after.tv_nsec - before.tv_nsec) / 1e9);
}

static void test_far_end_is_told_after_the_last_byte(void **state)
{
	double direct, both;

	(void)state;
	log_in();
	direct = measure(near.jump.ssh);
	both = measure(near.server.ssh);
	print_message("40 MiB: %.0f MiB/s through one, %.0f through both\n", direct, both);
	leave();
}

static void test_paused_reader_costs_bounded_memory(void **state)
{
	size_t held;

	(void)state;
	log_in();
	near.paused = true;
	far.mode = FAR_SOURCE;
	far.to_send = 20 * MEGABYTE;
	open_tunnel(near.server.ssh);
	run_for_ms(1000);
	held = near.server.ssh->transport.held_bytes + near.jump.ssh->transport.held_bytes;
	if (held > 7 * MEGABYTE)
		fail_msg("%zu bytes are held", held);
	assert_string_equal(run_command(near.server.ssh, "echo hello"), "hello\n");
	near.paused = false;
	read_tunnel();
	run_until(&near.tunnel_over);
	assert_int_equal(near.received, 20 * MEGABYTE);
	leave();
}

/* What cannot be sent waits where it was written, not on the way. */
static void test_far_reader_that_pauses(void **state)
{
	static uint8_t data[12 * MEGABYTE];

	(void)state;
	log_in();
	far.mode = FAR_SINK;
	open_tunnel(near.server.ssh);
	run_until(&far.connected);
	assert_true(ssh_tunnel_write(near.tunnel, data, sizeof(data)));
	run_for_ms(300);
	assert_false(near.drained);
	assert_true(ssh_tunnel_unsent(near.tunnel) > 0);
	assert_true(ssh_transport_unsent(&near.server.ssh->transport) <= 2 * SSH_UNSENT_BYTES);
	assert_string_equal(run_command(near.server.ssh, "echo hello"), "hello\n");
	bufferevent_enable(far.stream, EV_READ);
	run_until(&near.drained);
	while (far.received < sizeof(data))
		run_for_ms(5);
	assert_int_equal(far.received, sizeof(data));
	leave();
}

/* The same when it is the jump host that takes nothing. */
static void test_jump_host_that_pauses(void **state)
{
	static uint8_t data[6 * MEGABYTE];
	const int few = 65536;
	pid_t pid;

	(void)state;
	log_in();
	far.mode = FAR_SINK;
	open_tunnel(near.server.ssh);
	run_until(&far.connected);
	bufferevent_enable(far.stream, EV_READ);
	pid = find_server(near.jump.ssh);
	setsockopt(near.jump.ssh->transport.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_true(ssh_tunnel_write(near.tunnel, data, sizeof(data)));
	run_for_ms(300);
	assert_in_range(ssh_transport_unsent(&near.server.ssh->transport), SSH_UNSENT_BYTES / 2,
	    2 * SSH_UNSENT_BYTES);
	assert_false(near.drained);
	assert_int_equal(kill(pid, SIGCONT), 0);
	run_until(&near.drained);
	while (far.received < sizeof(data))
		run_for_ms(5);
	assert_int_equal(far.received, sizeof(data));
	leave();
}

/* --- ends --------------------------------------------------------------------------------- */

static void begin_endless_stream(void)
{
	log_in();
	far.mode = FAR_SOURCE;
	far.to_send = SIZE_MAX / 2;
	open_tunnel(near.server.ssh);
	near.wanted = MEGABYTE;
	run_until(&near.complete);
}

static void test_jump_host_is_lost(void **state)
{
	(void)state;
	begin_endless_stream();
	assert_int_equal(kill(find_server(near.jump.ssh), SIGKILL), 0);
	run_until(&near.jump.failed);
	run_until(&near.server.failed);
	assert_int_equal(near.jump.code, ERROR_SSH_LOST);
	/* The cause is told first. */
	assert_int_equal(near.jump.order, 1);
	assert_int_equal(near.server.code, ERROR_SSH_LOST);
	assert_true(near.tunnel_over);
	assert_int_equal(near.tunnel_code, ERROR_SSH_LOST);
	leave();
}

static void test_server_is_lost(void **state)
{
	(void)state;
	begin_endless_stream();
	assert_int_equal(kill(find_server(near.server.ssh), SIGKILL), 0);
	run_until(&near.server.failed);
	assert_int_equal(near.server.code, ERROR_SSH_LOST);
	assert_true(near.tunnel_over);
	assert_false(near.jump.failed);
	assert_string_equal(run_command(near.jump.ssh, "echo hello"), "hello\n");
	assert_false(near.jump.failed);
	leave();
}

/* The interval that is 30 s in earnest. libssh2 asks every two seconds at most. */
static void restart_alive_timer(struct ssh *ssh)
{
	const struct timeval interval = {2, 400000};

	ssh->alive_interval_ms = 2400;
	event_del(ssh->alive_event);
	event_add(ssh->alive_event, &interval);
}

/* The later one of two timers must not blame the server for the jump host's silence. */
static void test_silent_jump_host_is_noticed(void **state)
{
	pid_t pid;

	(void)state;
	log_in();
	pid = find_server(near.jump.ssh);
	restart_alive_timer(near.server.ssh);
	run_for_ms(1000);
	restart_alive_timer(near.jump.ssh);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	run_until(&near.jump.failed);
	assert_int_equal(near.jump.code, ERROR_SSH_LOST);
	assert_int_equal(near.jump.order, 1);
	run_until(&near.server.failed);
	assert_int_equal(kill(pid, SIGKILL), 0);
	leave();
}

static void test_silent_server_is_noticed(void **state)
{
	pid_t pid;

	(void)state;
	log_in();
	pid = find_server(near.server.ssh);
	restart_alive_timer(near.jump.ssh);
	run_for_ms(1000);
	restart_alive_timer(near.server.ssh);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	run_until(&near.server.failed);
	assert_int_equal(near.server.code, ERROR_SSH_LOST);
	/* It answers when it is asked, and is left alone. */
	assert_false(near.jump.failed);
	assert_string_equal(run_command(near.jump.ssh, "echo hello"), "hello\n");
	assert_int_equal(kill(pid, SIGKILL), 0);
	leave();
}

/* --- fixture ------------------------------------------------------------------------------ */

/* Of each test: one that failed inside a callback leaves an event loop that cannot be used. */
static int set_up_loop(void **state)
{
	(void)state;
	base = event_base_new();
	listener = evconnlistener_new(base, on_far_accept, base, 0, 8, far_listener);
	return base != NULL && listener != NULL ? 0 : -1;
}

static int tear_down_loop(void **state)
{
	(void)state;
	evconnlistener_free(listener);
	event_base_free(base);
	return 0;
}

static void start_host(struct private_sshd *host, const char *options)
{
	char all[300];

	/* Wrong passwords belong to this. */
	snprintf(all, sizeof(all), "%sPerSourcePenalties no\n", options);
	if (!sshd_start(host, all) && !sshd_start(host, options))
		print_message("no sshd can be started here: tests with it are skipped\n");
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	far_listener = sshd_bind(&far_port);
	close(sshd_bind(&closed_port));
	start_host(&jump_host, "AllowUsers " SSHD_JUMPER "\nRekeyLimit 1M\n");
	start_host(&server_host, "AllowUsers " SSHD_USER "\nRekeyLimit 1M\n");
	start_host(&closed_host, "AllowTcpForwarding no\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sshd_stop(&jump_host);
	sshd_stop(&server_host);
	sshd_stop(&closed_host);
	close(far_listener);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_loop, tear_down_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_login),
	    TEST(test_refusals),
	    TEST(test_jump_host_that_forwards_nothing),
	    TEST(test_server_that_does_not_answer),
	    TEST(test_cancel_at_each_stage),
	    TEST(test_much_both_ways),
	    TEST(test_far_end_is_told_after_the_last_byte),
	    TEST(test_paused_reader_costs_bounded_memory),
	    TEST(test_far_reader_that_pauses),
	    TEST(test_jump_host_that_pauses),
	    TEST(test_jump_host_is_lost),
	    TEST(test_server_is_lost),
	    TEST(test_silent_jump_host_is_noticed),
	    TEST(test_silent_server_is_noticed),
	};

	log_init("test_ssh_jump", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
