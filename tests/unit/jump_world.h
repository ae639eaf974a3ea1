/* SPDX-License-Identifier: ISC */
/*
 * One SSH connection through another for tests: two real sshds that change keys every megabyte, a
 * third that forwards nothing, and a stream through one or both connections to far_end.h.
 */
#ifndef TESTS_JUMP_WORLD_H
#define TESTS_JUMP_WORLD_H

#include <openssl/evp.h>

#include "brokerd/session/ssh.h"
#include "brokerd/session/ssh_internal.h"
#include "far_end.h"
#include "private_sshd.h"
#include "proto/log.h"

/* The jump host lets "jumper" in, the server "tester". The closed host forwards nothing. */
static struct private_sshd jump_host, server_host, closed_host;
static uint16_t closed_port;

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

/* --- connections -------------------------------------------------------------------------- */

__attribute__((unused)) static void on_opened(
    struct ssh *ssh, const struct ssh_login *login, void *arg)
{
	struct line *line = arg;

	assert_ptr_equal(ssh, line->ssh);
	assert_int_equal(strncmp(login->fingerprint, "SHA256:", 7), 0);
	assert_false(line->opened);
	line->opened = true;
}

__attribute__((unused)) static void on_failed(
    struct ssh *ssh, enum error_code code, const char *detail, void *arg)
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

__attribute__((unused)) static void connect_line(struct line *line, const struct private_sshd *host,
    const char *user, const char *password, uint16_t port, struct ssh *via, unsigned deadline_ms)
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

__attribute__((unused)) static void begin(void)
{
	if (jump_host.pid == 0 || server_host.pid == 0)
		skip();
	memset(&near, 0, sizeof(near));
	memset(&far, 0, sizeof(far));
}

__attribute__((unused)) static void connect_jump(const struct private_sshd *host)
{
	begin();
	connect_line(&near.jump, host, SSHD_JUMPER, SSHD_JUMPER_PASSWORD, host->port, NULL, 15000);
}

__attribute__((unused)) static void log_in_to_jump(void)
{
	connect_jump(&jump_host);
	run_until(&near.jump.opened);
}

__attribute__((unused)) static void connect_server(uint16_t port, unsigned deadline_ms)
{
	connect_line(
	    &near.server, &server_host, SSHD_USER, SSHD_PASSWORD, port, near.jump.ssh, deadline_ms);
}

__attribute__((unused)) static void log_in(void)
{
	log_in_to_jump();
	connect_server(server_host.port, 15000);
	run_until(&near.server.opened);
}

__attribute__((unused)) static void leave(void)
{
	ssh_tunnel_close(near.tunnel);
	ssh_destroy(near.server.ssh);
	ssh_destroy(near.jump.ssh);
	if (far.stream != NULL)
		bufferevent_free(far.stream);
	far.stream = NULL;
}

__attribute__((unused)) static void expect_server_failure(enum error_code code)
{
	run_until(&near.server.failed);
	if (near.server.code != code)
		fail_msg("%s instead of %s: %s", error_info(near.server.code)->name,
		    error_info(code)->name, near.server.detail);
	assert_false(near.server.opened);
	ssh_destroy(near.server.ssh);
	near.server.ssh = NULL;
}

__attribute__((unused)) static void on_answer(const struct ssh_exec_result *result, void *arg)
{
	(void)arg;
	assert_int_equal(result->error, ERROR_NONE);
	near.answered = true;
	snprintf(near.output, sizeof(near.output), "%s", result->output);
}

__attribute__((unused)) static const char *run_command(struct ssh *ssh, const char *command)
{
	near.answered = false;
	assert_true(ssh_exec(ssh, command, 190, 20000, on_answer, NULL));
	run_until(&near.answered);
	return near.output;
}

/* The server's process for this connection. */
__attribute__((unused)) static pid_t find_server(struct ssh *ssh)
{
	pid_t pid = (pid_t)atoi(run_command(ssh, "echo $PPID"));

	assert_true(pid > 1);
	return pid;
}

/* --- the stream --------------------------------------------------------------------------- */

/* Keeps a few hundred KiB under way, of bytes that do not repeat. */
__attribute__((unused)) static void write_more(void)
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

__attribute__((unused)) static void read_tunnel(void)
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

__attribute__((unused)) static void on_tunnel_opened(struct ssh_tunnel *tunnel, void *arg)
{
	(void)tunnel;
	(void)arg;
	near.tunnel_opened = true;
}

__attribute__((unused)) static void on_tunnel_readable(struct ssh_tunnel *tunnel, void *arg)
{
	(void)tunnel;
	(void)arg;
	read_tunnel();
}

__attribute__((unused)) static void on_tunnel_drained(struct ssh_tunnel *tunnel, void *arg)
{
	(void)arg;
	assert_int_equal(ssh_tunnel_unsent(tunnel), 0);
	near.drained = true;
	write_more();
}

__attribute__((unused)) static void on_tunnel_failed(
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

__attribute__((unused)) static void open_tunnel(struct ssh *ssh)
{
	static const struct ssh_tunnel_handlers tunnel_handlers = {.opened = on_tunnel_opened,
	    .readable = on_tunnel_readable,
	    .drained = on_tunnel_drained,
	    .failed = on_tunnel_failed};

	near.tunnel = ssh_tunnel_open(ssh, "127.0.0.1", far_port, &tunnel_handlers, NULL);
	assert_non_null(near.tunnel);
	run_until(&near.tunnel_opened);
}

/* --- fixture ------------------------------------------------------------------------------ */

__attribute__((unused)) static void start_host(struct private_sshd *host, const char *options)
{
	if (!sshd_start(host, options))
		print_message("no sshd can be started here: tests with it are skipped\n");
}

__attribute__((unused)) static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	run_limit_s = 60;
	far_fd = sshd_bind(&far_port);
	close(sshd_bind(&closed_port));
	start_host(&jump_host, "AllowUsers " SSHD_JUMPER "\nRekeyLimit 1M\n");
	start_host(&server_host, "AllowUsers " SSHD_USER "\nRekeyLimit 1M\n");
	start_host(&closed_host, "AllowTcpForwarding no\n");
	return 0;
}

__attribute__((unused)) static int tear_down(void **state)
{
	(void)state;
	sshd_stop(&jump_host);
	sshd_stop(&server_host);
	sshd_stop(&closed_host);
	close(far_fd);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_far_end, tear_down_far_end)

#endif
