/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * A whole broker and those who connect to its sockets: who may, who says nothing, who says what
 * makes no sense. Needs root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker_world.h"
#include "standin_session.h"

#define SILENT 200
#define WEB    33 /* of web_users */

/* The broker's end of fd has been closed: nothing but its hello, then the end. */
static bool is_closed_by_broker(int fd, int limit_ms)
{
	char bytes[4096];
	ssize_t got;

	do {
		if (!world_wait_readable(fd, limit_ms))
			return false;
		got = recv(fd, bytes, sizeof(bytes), 0);
	} while (got > 0);
	return true;
}

static void assert_serves(void)
{
	struct message message;
	struct peer honest;

	peer_open(&honest, ROLE_FCGI);
	message_init(&message, MESSAGE_CONFIG_GET, 0);
	assert_int_equal(peer_ask(&honest, &message)->type, MESSAGE_CONFIG);
	peer_close(&honest);
}

/* Runs body as another user in a child; its result is the child's exit status. */
static int as_user(uid_t uid, int (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(uid) != 0 || setuid(uid) != 0)
			_exit(99);
		_exit(body());
	}
	return WEXITSTATUS(world_await_exit(pid));
}

static int try_broker_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_path("run/broker.sock"));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return errno == EACCES ? 1 : 2;
	return is_closed_by_broker(fd, 1000) ? 3 : 0;
}

static int try_control_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_path("run/control.sock"));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return errno == EACCES ? 1 : 2;
	return is_closed_by_broker(fd, 1000) ? 3 : 0;
}

static void test_who_may(void **state)
{
	(void)state;
	world_start("");
	assert_int_equal(as_user(WEB, try_broker_socket), 0);
	assert_int_equal(as_user(64210, try_broker_socket), 1);
	assert_int_equal(as_user(WEB, try_control_socket), 1);
	/* Even if the file would let everybody in. */
	assert_int_equal(chmod(world_path("run/broker.sock"), 0666), 0);
	assert_int_equal(chmod(world_path("run/control.sock"), 0666), 0);
	assert_int_equal(as_user(64210, try_broker_socket), 3);
	assert_int_equal(as_user(WEB, try_control_socket), 3);
	assert_logged("of uid 64210 may not connect event=PEER_REFUSED");
	assert_logged("of uid 33 may not connect event=PEER_REFUSED");
	world_stop();
	world_start("[broker]\nadmin_users = 64211\n");
	assert_int_equal(as_user(64211, try_control_socket), 0);
	assert_int_equal(as_user(64210, try_control_socket), 3);
}

static void test_silent(void **state)
{
	int silent[SILENT];
	struct peer ctl;
	unsigned closed = 0;

	(void)state;
	world_start(
	    "[deadlines]\nhello = 1\n[limits]\nconnections = 20\nconnections_per_uid = 16\n");
	for (unsigned i = 0; i < SILENT; i++)
		silent[i] = world_connect("run/broker.sock");
	assert_serves();
	peer_open(&ctl, ROLE_CTL);
	assert_in_range(peer_status(&ctl)->connections, 1, 17);
	for (unsigned i = 0; i < SILENT; i++)
		closed += is_closed_by_broker(silent[i], 5000);
	assert_int_equal(closed, SILENT);
	assert_logged("said no hello: dropped");
	assert_int_equal(peer_status(&ctl)->connections, 1);
	for (unsigned i = 0; i < SILENT; i++)
		close(silent[i]);
	peer_close(&ctl);
}

/* Who has said hello is not thrown out for newcomers. */
static void test_full(void **state)
{
	enum { LIMIT = 6 };
	struct peer peers[LIMIT], ctl;
	int late;

	(void)state;
	world_start("[limits]\nconnections = 10\nconnections_per_uid = 6\n");
	for (unsigned i = 0; i < LIMIT; i++) {
		struct message message;

		peer_open(&peers[i], ROLE_FCGI);
		message_init(&message, MESSAGE_CONFIG_GET, 0);
		assert_int_equal(peer_ask(&peers[i], &message)->type, MESSAGE_CONFIG);
	}
	late = world_connect("run/broker.sock");
	assert_true(is_closed_by_broker(late, 5000));
	assert_logged("too many connections event=PEER_REFUSED");
	close(late);
	peer_open(&ctl, ROLE_CTL);
	assert_int_equal(peer_status(&ctl)->connections, LIMIT + 1);
	peer_close(&peers[0]);
	/* There is room again once the broker knows of the end. */
	for (unsigned tries = 0; peer_status(&ctl)->connections != LIMIT; tries++) {
		assert_in_range(tries, 0, 200);
		poll(NULL, 0, 20);
	}
	assert_serves();
	peer_close(&ctl);
	for (unsigned i = 1; i < LIMIT; i++)
		peer_close(&peers[i]);
}

static size_t frame(
    uint8_t *bytes, uint16_t version, uint16_t type, uint32_t length, uint32_t request_id)
{
	const uint8_t header[16] = {0x58, 0x32, 0x47, 0x57, (uint8_t)(version >> 8),
	    (uint8_t)version, (uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(length >> 24),
	    (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length,
	    (uint8_t)(request_id >> 24), (uint8_t)(request_id >> 16), (uint8_t)(request_id >> 8),
	    (uint8_t)request_id};

	memcpy(bytes, header, sizeof(header));
	return sizeof(header);
}

/* A hello as the protocol wants it. */
static size_t hello(uint8_t *bytes)
{
	struct message message;
	size_t length;

	message_init(&message, MESSAGE_HELLO, 0);
	strcpy(message.hello.program, "fcgi");
	strcpy(message.hello.release, X2GOWEB_VERSION);
	assert_true(message_encode(&message, bytes, PROTO_FRAME_BYTES, &length));
	return length;
}

/* Sends bytes, with a descriptor if fd is one. */
static void send_all(int socket, const uint8_t *bytes, size_t length, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)bytes, length};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &header, MSG_NOSIGNAL), length);
}

static void test_garbage(void **state)
{
	static uint8_t bytes[2 * PROTO_FRAME_BYTES];
	size_t greeting = hello(bytes), length;
	int fd;

	(void)state;
	world_start("");
	/* Random bytes, always the same ones. */
	srandom(1);
	for (unsigned round = 0; round < 50; round++) {
		fd = world_connect("run/broker.sock");
		for (size_t i = 0; i < 100; i++)
			bytes[greeting + i] = (uint8_t)random();
		if (round % 2 == 0)
			send_all(fd, bytes, greeting + 100, -1);
		else
			send_all(fd, bytes + greeting, 100, -1);
		assert_true(is_closed_by_broker(fd, 5000));
		close(fd);
	}
	/* Lengths beyond any bound, other versions, unknown types, types of other peers, a request
	 * before hello, a hello twice, bytes of no field. */
	for (unsigned round = 0; round < 8; round++) {
		fd = world_connect("run/broker.sock");
		greeting = round == 5 ? 0 : hello(bytes);
		length = round == 6 ? hello(bytes + greeting)
				    : frame(bytes + greeting,
					  round == 1 ? PROTO_VERSION + 1 : PROTO_VERSION,
					  round == 2   ? 0x7777
					  : round == 3 ? MESSAGE_STATUS_GET
					  : round == 4 ? MESSAGE_OPENED
						       : MESSAGE_CONFIG_GET,
					  round == 0   ? 0xffffffff
					  : round == 7 ? 4
						       : 0,
					  1);
		if (round == 7) {
			memset(bytes + greeting + length, 0xff, 4);
			length += 4;
		}
		send_all(fd, bytes, greeting + length, -1);
		if (!is_closed_by_broker(fd, 5000))
			fail_msg("round %u is not refused", round);
		close(fd);
	}
	assert_serves();
}

static void test_descriptors(void **state)
{
	static uint8_t bytes[PROTO_FRAME_BYTES];
	int fd, pipes[2];
	size_t length;
	char byte;

	(void)state;
	world_start("");
	assert_int_equal(pipe(pipes), 0);
	fd = world_connect("run/broker.sock");
	length = hello(bytes);
	length += frame(bytes + length, PROTO_VERSION, MESSAGE_CONFIG_GET, 0, 1);
	send_all(fd, bytes, length, pipes[1]);
	assert_true(is_closed_by_broker(fd, 5000));
	close(fd);
	/* The broker keeps nothing of what it was sent. */
	close(pipes[1]);
	assert_true(world_wait_readable(pipes[0], 5000));
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
	assert_serves();
}

/* Half a frame, then nothing or the end. */
static void test_truncated(void **state)
{
	static uint8_t bytes[PROTO_FRAME_BYTES];
	size_t greeting = hello(bytes);
	int waiting, gone;

	(void)state;
	world_start("[deadlines]\nhello = 1\n");
	waiting = world_connect("run/broker.sock");
	gone = world_connect("run/broker.sock");
	send_all(waiting, bytes, greeting - 1, -1);
	send_all(gone, bytes, greeting + 0, -1);
	frame(bytes, PROTO_VERSION, MESSAGE_LOGIN, 1000, 1);
	send_all(gone, bytes, 16, -1);
	close(gone);
	assert_true(is_closed_by_broker(waiting, 5000));
	close(waiting);
	assert_serves();
}

/* Answers that nobody reads are not kept without bound. */
static void test_not_reading(void **state)
{
	static uint8_t bytes[PROTO_FRAME_BYTES];
	int fd;

	(void)state;
	world_start("");
	fd = world_connect("run/broker.sock");
	send_all(fd, bytes, hello(bytes), -1);
	for (uint32_t i = 1; i < 100000; i++) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

		frame(bytes, PROTO_VERSION, MESSAGE_CONFIG_GET, 0, i);
		assert_int_equal(poll(&poll_fd, 1, 5000), 1);
		if (send(fd, bytes, 16, MSG_NOSIGNAL) != 16) {
			assert_true(errno == EPIPE || errno == ECONNRESET);
			close(fd);
			assert_serves();
			return;
		}
	}
	fail_msg("the broker goes on for ever");
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_who_may), CASE(test_silent), CASE(test_full),
	    CASE(test_garbage), CASE(test_descriptors), CASE(test_truncated),
	    CASE(test_not_reading)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
