/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Tunnels through a real sshd that changes keys every megabyte: every byte arrives, in order,
 * whoever is slow, and memory stays bounded.
 */
#include <time.h>

#include "brokerd/session/ssh.h"
#include "brokerd/session/ssh_internal.h"
#include "far_end.h"
#include "private_sshd.h"
#include "proto/log.h"

static struct private_sshd sshd;
static uint16_t closed_port, forbidden_port;

/* Our side. */
struct near {
	struct ssh *ssh;
	struct ssh_tunnel *tunnel;
	bool logged_in, opened, over, lost, drained, answered;
	bool paused, stop_early, close_in_readable;
	size_t received, wanted;
	bool complete;
	enum error_code code;
	pid_t server;
};

/* --- our side ----------------------------------------------------------------------------- */

static void on_tunnel_opened(struct ssh_tunnel *tunnel, void *arg)
{
	struct near *near = arg;

	assert_ptr_equal(tunnel, near->tunnel);
	near->opened = true;
}

static void read_tunnel(struct near *near)
{
	uint8_t buffer[20000];
	ssize_t got;

	while (!near->paused && (got = ssh_tunnel_read(near->tunnel, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < got; i++)
			if (buffer[i] != pattern(near->received + (size_t)i))
				fail_msg("byte %zu is wrong", near->received + (size_t)i);
		near->received += (size_t)got;
		near->complete = near->received >= near->wanted;
		if (near->stop_early)
			break;
	}
}

static void on_tunnel_readable(struct ssh_tunnel *tunnel, void *arg)
{
	struct near *near = arg;

	if (near->close_in_readable) {
		ssh_tunnel_close(tunnel);
		near->tunnel = NULL;
		near->over = true;
		return;
	}
	read_tunnel(near);
}

static void on_tunnel_drained(struct ssh_tunnel *tunnel, void *arg)
{
	struct near *near = arg;

	assert_int_equal(ssh_tunnel_unsent(tunnel), 0);
	near->drained = true;
}

static void on_tunnel_failed(
    struct ssh_tunnel *tunnel, enum error_code code, const char *detail, void *arg)
{
	struct near *near = arg;

	assert_false(near->over);
	assert_non_null(detail);
	near->over = true;
	near->code = code;
	ssh_tunnel_close(tunnel);
	near->tunnel = NULL;
}

static const struct ssh_tunnel_handlers tunnel_handlers = {.opened = on_tunnel_opened,
    .readable = on_tunnel_readable,
    .drained = on_tunnel_drained,
    .failed = on_tunnel_failed};

static void on_ssh_opened(struct ssh *ssh, const struct ssh_login *login, void *arg)
{
	struct near *near = arg;

	(void)ssh;
	(void)login;
	near->logged_in = true;
}

static void on_ssh_failed(struct ssh *ssh, enum error_code code, const char *detail, void *arg)
{
	struct near *near = arg;

	(void)ssh;
	near->lost = true;
	if (code != ERROR_SSH_LOST || !near->logged_in)
		fail_msg("%s: %s", error_info(code)->name, detail);
	/* The tunnel has been told before. */
	assert_true(near->over);
}

static void log_in(struct near *near)
{
	static const struct ssh_handlers handlers = {
	    .opened = on_ssh_opened, .failed = on_ssh_failed};
	static const struct record_hop hop = {
	    .name = "test", .user = SSHD_USER, .password = SSHD_PASSWORD, .methods = "password"};
	struct ssh_settings settings = {.base = base,
	    .hop = &hop,
	    .hostkeys = &sshd.key,
	    .hostkey_count = 1,
	    .auth_deadline_ms = 15000,
	    .prompt_deadline_ms = 15000};

	if (sshd.pid == 0)
		skip();
	memset(near, 0, sizeof(*near));
	memset(&far, 0, sizeof(far));
	settings.fd = sshd_connect(sshd.port);
	near->ssh = ssh_create(&settings, &handlers, near);
	assert_non_null(near->ssh);
	run_until(&near->logged_in);
}

static void open_tunnel(struct near *near, uint16_t port)
{
	near->tunnel = ssh_tunnel_open(near->ssh, "127.0.0.1", port, &tunnel_handlers, near);
	assert_non_null(near->tunnel);
}

static void leave(struct near *near)
{
	ssh_tunnel_close(near->tunnel);
	ssh_destroy(near->ssh);
	if (far.stream != NULL)
		bufferevent_free(far.stream);
	far.stream = NULL;
}

static void write_pattern(struct near *near, size_t from, size_t length)
{
	uint8_t *bytes = malloc(length);

	for (size_t i = 0; i < length; i++)
		bytes[i] = pattern(from + i);
	assert_true(ssh_tunnel_write(near->tunnel, bytes, length));
	free(bytes);
}

static void on_answer(const struct ssh_exec_result *result, void *arg)
{
	struct near *near = arg;

	assert_int_equal(result->error, ERROR_NONE);
	assert_string_equal(result->output, "hello\n");
	near->answered = true;
}

static void run_command(struct near *near)
{
	near->answered = false;
	assert_true(ssh_exec(near->ssh, "echo hello", 100, 10000, on_answer, near));
	run_until(&near->answered);
}

/* --- tests -------------------------------------------------------------------------------- */

static void test_echo_across_key_changes(void **state)
{
	struct near near;

	(void)state;
	log_in(&near);
	open_tunnel(&near, far_port);
	/* Before it is open, too: it waits. */
	write_pattern(&near, 0, 41);
	assert_true(ssh_tunnel_unsent(near.tunnel) >= 41);
	near.wanted = 5 * MEGABYTE;
	run_until(&near.opened);
	write_pattern(&near, 41, near.wanted - 41);
	run_until(&near.complete);
	run_until(&near.drained);
	assert_int_equal(near.received, near.wanted);
	run_command(&near);
	leave(&near);
}

static void test_far_end_is_told_after_the_last_byte(void **state)
{
	struct near near;
	struct timespec before, after;
	double seconds;

	(void)state;
	log_in(&near);
	far.mode = FAR_SOURCE;
	far.to_send = 40 * MEGABYTE;
	clock_gettime(CLOCK_MONOTONIC, &before);
	open_tunnel(&near, far_port);
	run_until(&near.over);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(near.code, ERROR_ENDED);
	assert_int_equal(near.received, 40 * MEGABYTE);
	seconds =
	    (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
	print_message("40 MiB in %.2f s: %.0f MiB/s\n", seconds, 40 / seconds);
	leave(&near);
}

/* A reader that takes one piece at a time gets all of it without asking again. */
static void test_readable_comes_again(void **state)
{
	struct near near;

	(void)state;
	log_in(&near);
	near.stop_early = true;
	far.mode = FAR_SOURCE;
	far.to_send = 3 * MEGABYTE;
	open_tunnel(&near, far_port);
	run_until(&near.over);
	assert_int_equal(near.code, ERROR_ENDED);
	assert_int_equal(near.received, 3 * MEGABYTE);
	leave(&near);
}

static void test_paused_reader_costs_bounded_memory(void **state)
{
	struct near near;
	size_t held;

	(void)state;
	log_in(&near);
	near.paused = true;
	far.mode = FAR_SOURCE;
	far.to_send = 20 * MEGABYTE;
	open_tunnel(&near, far_port);
	run_for_ms(500);
	held = near.ssh->transport.held_bytes;
	if (held > 4 * MEGABYTE)
		fail_msg("%zu bytes are held", held);
	assert_false(near.over);
	/* Others are served meanwhile. */
	run_command(&near);
	run_command(&near);
	near.paused = false;
	read_tunnel(&near);
	run_until(&near.over);
	assert_int_equal(near.code, ERROR_ENDED);
	assert_int_equal(near.received, 20 * MEGABYTE);
	leave(&near);
}

static void test_far_reader_that_pauses(void **state)
{
	struct near near;
	size_t unsent;

	(void)state;
	log_in(&near);
	far.mode = FAR_SINK;
	open_tunnel(&near, far_port);
	run_until(&near.opened);
	run_until(&far.connected);
	write_pattern(&near, 0, 12 * MEGABYTE);
	run_for_ms(300);
	unsent = ssh_tunnel_unsent(near.tunnel);
	/* Kernels and windows take some; the rest waits here, and commands pass it. */
	assert_true(unsent > 0);
	assert_false(near.drained);
	assert_true(evbuffer_get_length(near.ssh->transport.unsent) <= 2 * SSH_UNSENT_BYTES);
	run_command(&near);
	bufferevent_enable(far.stream, EV_READ);
	run_until(&near.drained);
	while (far.received < 12 * MEGABYTE)
		run_for_ms(5);
	assert_int_equal(far.received, 12 * MEGABYTE);
	leave(&near);
}

static void on_server_pid(const struct ssh_exec_result *result, void *arg)
{
	struct near *near = arg;

	near->answered = true;
	near->server = (pid_t)atoi(result->output);
	assert_true(near->server > 1);
}

/* The server's process for this connection. */
static pid_t find_server(struct near *near)
{
	near->answered = false;
	assert_true(ssh_exec(near->ssh, "echo $PPID", 100, 10000, on_server_pid, near));
	run_until(&near->answered);
	return near->server;
}

/* The line itself is full: what cannot be sent waits here, within its bound. */
static void test_server_that_pauses(void **state)
{
	const int few = 65536;
	struct near near;
	size_t waiting;

	(void)state;
	log_in(&near);
	open_tunnel(&near, far_port);
	run_until(&near.opened);
	setsockopt(near.ssh->transport.fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
	find_server(&near);
	assert_int_equal(kill(near.server, SIGSTOP), 0);
	near.drained = false;
	near.wanted = 4 * MEGABYTE;
	write_pattern(&near, 0, near.wanted);
	run_for_ms(300);
	waiting = evbuffer_get_length(near.ssh->transport.unsent);
	assert_in_range(waiting, SSH_UNSENT_BYTES / 2, 2 * SSH_UNSENT_BYTES);
	assert_in_range(ssh_tunnel_unsent(near.tunnel), MEGABYTE, 4 * MEGABYTE + 65536);
	assert_int_equal(kill(near.server, SIGCONT), 0);
	run_until(&near.complete);
	run_until(&near.drained);
	assert_int_equal(near.received, near.wanted);
	leave(&near);
}

static void test_refused(void **state)
{
	struct near near;

	(void)state;
	log_in(&near);
	open_tunnel(&near, closed_port);
	run_until(&near.over);
	assert_int_equal(near.code, ERROR_AGENT_LOST);
	assert_false(near.opened);
	near.over = false;
	open_tunnel(&near, forbidden_port);
	run_until(&near.over);
	assert_int_equal(near.code, ERROR_FORWARDING_DENIED);
	assert_false(near.opened);
	/* The connection is as good as before. */
	run_command(&near);
	near.over = false;
	open_tunnel(&near, far_port);
	run_until(&near.opened);
	leave(&near);
}

static void test_closing(void **state)
{
	struct near near;

	(void)state;
	/* Before it is open: the far side sees it come and go, or not at all. */
	log_in(&near);
	open_tunnel(&near, far_port);
	ssh_tunnel_close(near.tunnel);
	open_tunnel(&near, far_port);
	event_base_loop(base, EVLOOP_ONCE);
	ssh_tunnel_close(near.tunnel);
	near.tunnel = NULL;
	run_command(&near);
	assert_false(near.opened);
	assert_false(near.over);
	leave(&near);

	/* While it is open: the far side is told. */
	log_in(&near);
	open_tunnel(&near, far_port);
	run_until(&near.opened);
	run_until(&far.connected);
	ssh_tunnel_close(near.tunnel);
	near.tunnel = NULL;
	run_until(&far.over);
	run_command(&near);
	leave(&near);

	/* Inside a handler, with much still to come. */
	log_in(&near);
	near.close_in_readable = true;
	far.mode = FAR_SOURCE;
	far.to_send = 5 * MEGABYTE;
	open_tunnel(&near, far_port);
	run_until(&near.over);
	run_command(&near);
	assert_true(near.ssh->transport.held_bytes < MEGABYTE);
	leave(&near);
}

static void test_lost_connection(void **state)
{
	struct near near;

	(void)state;
	log_in(&near);
	open_tunnel(&near, far_port);
	run_until(&near.opened);
	assert_int_equal(kill(find_server(&near), SIGKILL), 0);
	run_until(&near.lost);
	assert_int_equal(near.code, ERROR_SSH_LOST);
	leave(&near);
}

/* --- fixture ------------------------------------------------------------------------------ */

static int set_up(void **state)
{
	char options[200];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	run_limit_s = 30;
	far_fd = sshd_bind(&far_port);
	close(sshd_bind(&closed_port));
	close(sshd_bind(&forbidden_port));
	snprintf(options, sizeof(options), "RekeyLimit 1M\nPermitOpen 127.0.0.1:%u 127.0.0.1:%u\n",
	    far_port, closed_port);
	if (!sshd_start(&sshd, options))
		print_message("no sshd can be started here: tests with it are skipped\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sshd_stop(&sshd);
	close(far_fd);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_far_end, tear_down_far_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_echo_across_key_changes),
	    TEST(test_far_end_is_told_after_the_last_byte),
	    TEST(test_readable_comes_again),
	    TEST(test_paused_reader_costs_bounded_memory),
	    TEST(test_far_reader_that_pauses),
	    TEST(test_server_that_pauses),
	    TEST(test_refused),
	    TEST(test_closing),
	    TEST(test_lost_connection),
	};

	log_init(
	    "test_ssh_tunnel", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
