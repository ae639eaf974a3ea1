/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * One SSH connection through another: every byte arrives, whoever is slow, and memory stays
 * bounded.
 */
#include <time.h>

#include "jump_world.h"

static void finish_hash(EVP_MD_CTX *context, uint8_t *hash)
{
	assert_int_equal(EVP_DigestFinal_ex(context, hash, NULL), 1);
	EVP_MD_CTX_free(context);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_much_both_ways),
	    TEST(test_far_end_is_told_after_the_last_byte),
	    TEST(test_paused_reader_costs_bounded_memory),
	    TEST(test_far_reader_that_pauses),
	    TEST(test_jump_host_that_pauses),
	};

	log_init(
	    "test_ssh_jump_data", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
