/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * One SSH connection through another: who logs in where, and whose fault an end is.
 */
#include <limits.h>

#include "jump_world.h"

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

/* How many of libevent's allocations still succeed before one does not. */
static unsigned allocations_left = UINT_MAX;

static void *allocate(size_t size)
{
	return allocations_left-- == 0 ? NULL : malloc(size);
}

/* Whatever cannot be had of what a connection needs, the one to the jump host goes on. */
static void test_memory_is_short(void **state)
{
	struct record_hop hop = {
	    .name = "test", .address = "127.0.0.1", .port = 22, .methods = "password"};
	unsigned failures = 0;

	(void)state;
	log_in_to_jump();
	for (; near.server.ssh == NULL; failures++) {
		struct ssh_settings settings = {.base = base,
		    .fd = -1,
		    .via = near.jump.ssh,
		    .hop = &hop,
		    .place = HOP_SERVER,
		    .auth_deadline_ms = 15000,
		    .prompt_deadline_ms = 15000};

		allocations_left = failures;
		near.server.ssh = ssh_create(&settings, &handlers, &near.server);
		allocations_left = UINT_MAX;
		assert_string_equal(run_command(near.jump.ssh, "echo hello"), "hello\n");
	}
	assert_in_range(failures, 4, 20);
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

/* Stops the server's process of ssh, whose timer is the later one then. Returns the process. */
static pid_t silence(struct ssh *ssh, struct ssh *other)
{
	pid_t pid = find_server(ssh);

	restart_alive_timer(other);
	run_for_ms(1000);
	restart_alive_timer(ssh);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	return pid;
}

/* The earlier timer must not blame the server for the jump host's silence. */
static void test_silent_jump_host_is_noticed(void **state)
{
	pid_t pid;

	(void)state;
	log_in();
	pid = silence(near.jump.ssh, near.server.ssh);
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
	pid = silence(near.server.ssh, near.jump.ssh);
	run_until(&near.server.failed);
	assert_int_equal(near.server.code, ERROR_SSH_LOST);
	/* It answers when it is asked, and is left alone. */
	assert_false(near.jump.failed);
	assert_string_equal(run_command(near.jump.ssh, "echo hello"), "hello\n");
	assert_int_equal(kill(pid, SIGKILL), 0);
	leave();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_login),
	    TEST(test_refusals),
	    TEST(test_jump_host_that_forwards_nothing),
	    TEST(test_memory_is_short),
	    TEST(test_server_that_does_not_answer),
	    TEST(test_cancel_at_each_stage),
	    TEST(test_jump_host_is_lost),
	    TEST(test_server_is_lost),
	    TEST(test_silent_jump_host_is_noticed),
	    TEST(test_silent_server_is_noticed),
	};

	event_set_mem_functions(allocate, realloc, free);
	log_init("test_ssh_jump", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
