/* links: proto */
/* SPDX-License-Identifier: ISC */
/*
 * proto/conn over real socketpairs: two connections that talk to each other, and one that is told
 * every kind of nonsense by hand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "proto/conn.h"

struct side {
	struct conn *conn;
	const char *closed; /* reason, once it is */
	unsigned ready, messages;
	struct message last;
	int fds[PROTO_FDS];
	bool destroy_on_message;
	bool echo;
};

static struct event_base *base;
static struct side broker, other;
static int raw = -1; /* our hand-driven end */

static void on_ready(struct conn *conn, void *arg)
{
	struct side *side = arg;

	assert_ptr_equal(conn, side->conn);
	side->ready++;
}

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	struct side *side = arg;

	side->messages++;
	side->last = *message;
	for (size_t i = 0; i < PROTO_FDS; i++) {
		side->fds[i] = message->fds[i];
		message->fds[i] = -1;
	}
	if (side->echo)
		conn_send_done(conn, message->request_id);
	if (side->destroy_on_message) {
		conn_destroy(conn);
		side->conn = NULL;
	}
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	struct side *side = arg;

	side->closed = reason;
	conn_destroy(conn);
	side->conn = NULL;
}

static const struct conn_handlers handlers = {on_ready, on_message, on_closed};

static void expire(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Runs the loop until the condition holds; fails the test after five seconds. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		bool late = false;                                                                 \
		struct event *timer = evtimer_new(base, expire, &late);                            \
		event_add(timer, &(const struct timeval){5, 0});                                   \
		while (!(condition) && !late)                                                      \
			event_base_loop(base, EVLOOP_ONCE);                                        \
		event_free(timer);                                                                 \
		if (!(condition))                                                                  \
			fail_msg("never: %s", #condition);                                         \
	} while (0)

/* Of packets between broker and session, as they are in life. */
static void sockets_create(enum role role, int fds[2])
{
	if (role == ROLE_SESSION)
		assert_true(conn_make_pair(fds));
	else
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void pair_create(enum role role)
{
	int fds[2];

	sockets_create(role, fds);
	broker.conn = conn_create(base, fds[0], ROLE_BROKER, role, &handlers, &broker);
	other.conn = conn_create(base, fds[1], role, ROLE_BROKER, &handlers, &other);
	assert_non_null(broker.conn);
	assert_non_null(other.conn);
}

/* The broker's side real, ours a bare socket. */
static void raw_create(enum role role)
{
	int fds[2];

	sockets_create(role, fds);
	broker.conn = conn_create(base, fds[0], ROLE_BROKER, role, &handlers, &broker);
	assert_non_null(broker.conn);
	raw = fds[1];
}

static size_t encode(struct message *message, uint8_t *frame)
{
	size_t length;

	assert_true(message_encode(message, frame, PROTO_FRAME_BYTES, &length));
	return length;
}

static size_t encode_hello(uint8_t *frame)
{
	struct message hello;

	message_init(&hello, MESSAGE_HELLO, 0);
	strcpy(hello.hello.program, "test");
	strcpy(hello.hello.release, "1");
	return encode(&hello, frame);
}

static int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	broker = (struct side){0};
	other = (struct side){0};
	return base == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	conn_destroy(broker.conn);
	conn_destroy(other.conn);
	if (raw >= 0)
		close(raw);
	raw = -1;
	event_base_free(base);
	return 0;
}

static int count_open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void two_sides_say_hello_and_talk(void **state)
{
	struct message message;

	(void)state;
	pair_create(ROLE_FCGI);
	broker.echo = true;
	RUN_UNTIL(broker.ready == 1 && other.ready == 1);
	message_init(&message, MESSAGE_CONFIG_GET, 42);
	assert_true(conn_send(other.conn, &message));
	RUN_UNTIL(other.messages == 1);
	assert_int_equal(broker.last.type, MESSAGE_CONFIG_GET);
	assert_int_equal(other.last.type, MESSAGE_DONE);
	assert_int_equal(other.last.request_id, 42);
	assert_int_equal(conn_peer_uid(broker.conn), getuid());
	assert_int_equal(conn_peer_pid(broker.conn), getpid());
}

static void descriptors_arrive_with_their_message(void **state)
{
	struct message message;
	int before = count_open_fds(), pipe_fds[2];
	char byte = 0;

	(void)state;
	pair_create(ROLE_SESSION);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_true(message_example(0, false, &message));
	for (unsigned i = 0; message_example(i, false, &message); i++)
		if (message.type == MESSAGE_OPEN)
			break;
	assert_int_equal(message.type, MESSAGE_OPEN);
	assert_false(conn_send(broker.conn, &message)); /* without its descriptors */
	message.fds[0] = pipe_fds[1];
	message.fds[1] = dup(pipe_fds[1]);
	assert_true(conn_send(broker.conn, &message));
	assert_int_equal(message.fds[0], -1);
	RUN_UNTIL(other.messages == 1);
	assert_int_equal(write(other.fds[1], "x", 1), 1);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_true(fcntl(other.fds[0], F_GETFD) & FD_CLOEXEC);
	close(other.fds[0]);
	close(other.fds[1]);
	close(pipe_fds[0]);
	assert_int_equal(count_open_fds(), before + 2);
}

static void a_burst_past_the_socket_buffer_arrives_whole(void **state)
{
	struct message message;
	unsigned sent = 0;

	(void)state;
	pair_create(ROLE_CTL);
	RUN_UNTIL(broker.ready == 1 && other.ready == 1);
	for (unsigned i = 0; message_example(i, true, &message); i++)
		if (message.type == MESSAGE_LOGINS)
			break;
	for (sent = 0; sent < 12; sent++)
		assert_true(conn_send(broker.conn, &message));
	RUN_UNTIL(other.messages == sent);
	assert_int_equal(other.last.logins.logins_count, message.logins.logins_count);
}

static void a_peer_that_does_not_read_is_dropped(void **state)
{
	static uint8_t frame[PROTO_FRAME_BYTES];
	struct message message;
	unsigned sent = 0;

	(void)state;
	raw_create(ROLE_CTL);
	assert_true(write(raw, frame, encode_hello(frame)) > 0);
	RUN_UNTIL(broker.ready == 1);
	for (unsigned i = 0; message_example(i, true, &message); i++)
		if (message.type == MESSAGE_LOGINS)
			break;
	while (conn_send(broker.conn, &message))
		assert_true(++sent < 1000);
	RUN_UNTIL(broker.closed != NULL);
	assert_string_equal(broker.closed, "peer does not read");
}

static void bytes_may_come_one_by_one(void **state)
{
	static uint8_t frame[2 * PROTO_FRAME_BYTES];
	struct message message;
	size_t length = encode_hello(frame);

	(void)state;
	raw_create(ROLE_FCGI);
	message_init(&message, MESSAGE_CONFIG_GET, 7);
	length += encode(&message, frame + length);
	for (size_t i = 0; i < length; i++) {
		assert_int_equal(write(raw, frame + i, 1), 1);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	RUN_UNTIL(broker.messages == 1);
	assert_int_equal(broker.last.request_id, 7);
}

static void two_messages_in_one_read_are_both_heard(void **state)
{
	static uint8_t frame[3 * PROTO_FRAME_BYTES];
	struct message message;
	size_t length = encode_hello(frame);

	(void)state;
	raw_create(ROLE_FCGI);
	message_init(&message, MESSAGE_CONFIG_GET, 7);
	length += encode(&message, frame + length);
	length += encode(&message, frame + length);
	assert_int_equal(write(raw, frame, length), length);
	RUN_UNTIL(broker.messages == 2);
}

static void packets_larger_than_what_waits_arrive_whole(void **state)
{
	struct message message;
	unsigned sent = 0;

	(void)state;
	pair_create(ROLE_SESSION);
	RUN_UNTIL(broker.ready == 1 && other.ready == 1);
	for (unsigned i = 0; message_example(i, true, &message); i++)
		if (message.type == MESSAGE_APPLICATIONS)
			break;
	for (sent = 0; sent < 12; sent++)
		assert_true(conn_send(other.conn, &message));
	assert_true(conn_unsent_bytes(other.conn) != 0);
	RUN_UNTIL(broker.messages == sent);
	assert_int_equal(conn_unsent_bytes(other.conn), 0);
	assert_int_equal(
	    broker.last.applications.applications_count, message.applications.applications_count);
}

static void who_takes_over_a_link_finds_whole_messages(void **state)
{
	static uint8_t frame[PROTO_FRAME_BYTES];
	struct message message;
	int fds[2];

	(void)state;
	assert_true(conn_make_pair(fds));
	other.conn = conn_create(base, fds[1], ROLE_SESSION, ROLE_BROKER, &handlers, &other);
	assert_int_equal(write(fds[0], frame, encode_hello(frame)), encode_hello(frame));
	assert_true(read(fds[0], frame, sizeof(frame)) > 0); /* its hello, by who dies then */
	RUN_UNTIL(other.ready == 1);
	message_init(&message, MESSAGE_LOG, 0);
	strcpy(message.log.text, "meanwhile");
	assert_true(conn_send(other.conn, &message));
	assert_true(conn_send(other.conn, &message));
	broker.conn = conn_adopt(base, fds[0], ROLE_BROKER, ROLE_SESSION, &handlers, &broker);
	assert_non_null(broker.conn);
	assert_true(conn_is_ready(broker.conn));
	RUN_UNTIL(broker.messages == 2);
	assert_string_equal(broker.last.log.text, "meanwhile");
	message_init(&message, MESSAGE_DO_SESSIONS, 3);
	assert_true(conn_send(broker.conn, &message));
	RUN_UNTIL(other.messages == 1);
}

/* A packet is one frame: neither a part of one, nor two, nor more than the largest. */
static void wrong_packets_end_the_connection(void **state)
{
	static uint8_t frame[PROTO_FRAME_BYTES + 100];
	struct message message;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		static const char *const reasons[] = {"incomplete message", "malformed message",
		    "packet longer than a frame", "closed by peer"};
		size_t length = encode_hello(frame);

		raw_create(ROLE_SESSION);
		broker.closed = NULL;
		assert_int_equal(write(raw, frame, length), length);
		message_init(&message, MESSAGE_LOG, 0);
		strcpy(message.log.text, "text");
		length = encode(&message, frame);
		if (i == 1)
			memcpy(frame + length, frame, length);
		length = (const size_t[]){length - 1, 2 * length, sizeof(frame), 0}[i];
		assert_int_equal(send(raw, frame, length, 0), length);
		RUN_UNTIL(broker.closed != NULL);
		assert_string_equal(broker.closed, reasons[i]);
		assert_int_equal(broker.messages, 0);
		close(raw);
		raw = -1;
	}
}

static void wrong_peers_are_dropped_with_a_reason(void **state)
{
	/* Version 1 stands for ours. */
	static const struct {
		const char *bytes;
		size_t length;
		bool after_hello;
		const char *reason;
	} rows[] = {
	    {"GET / HTTP/1.1\r\n", 16, false, "malformed message"},
	    {"X2GW\0\x09\0\1\0\0\0\0\0\0\0\0", 16, false, "another protocol version"},
	    {"X2GW\0\1\1\1\0\0\0\0\0\0\0\1", 16, false, "message before hello"},
	    {"X2GW\0\1\1\1\0\0\0\1\0\0\0\1Z", 17, true, "malformed message"},
	    {"X2GW\0\1\1\1\xff\xff\xff\xff\0\0\0\1", 16, true, "malformed message"},
	    {"X2GW\0\1\5\1\0\0\0\0\0\0\0\1", 16, true, "message not allowed from this peer"},
	    {"X2GW", 4, true, "closed by peer"},
	    {"", 0, false, "closed by peer"},
	};
	static uint8_t frame[PROTO_FRAME_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t padded[32] = {0};
		int before = count_open_fds();

		raw_create(ROLE_FCGI);
		broker.closed = NULL;
		if (rows[i].after_hello)
			assert_true(write(raw, frame, encode_hello(frame)) > 0);
		memcpy(padded, rows[i].bytes, rows[i].length);
		if (padded[5] == 1)
			padded[5] = PROTO_VERSION;
		assert_int_equal(write(raw, padded, rows[i].length), rows[i].length);
		shutdown(raw, SHUT_WR);
		RUN_UNTIL(broker.closed != NULL);
		assert_string_equal(broker.closed, rows[i].reason);
		assert_int_equal(broker.messages, 0);
		close(raw);
		raw = -1;
		assert_int_equal(count_open_fds(), before);
	}
}

static void surplus_descriptors_end_the_connection_and_do_not_leak(void **state)
{
	static uint8_t frame[PROTO_FRAME_BYTES];
	int before = count_open_fds();

	(void)state;
	raw_create(ROLE_FCGI);
	for (int i = 0; i < 3 && broker.closed == NULL; i++) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(3 * sizeof(int))];
		} control = {0};
		struct iovec part = {frame, encode_hello(frame)};
		struct msghdr header = {.msg_iov = &part,
		    .msg_iovlen = 1,
		    .msg_control = control.bytes,
		    .msg_controllen = sizeof(control.bytes)};
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
		const int fds[3] = {0, 1, 2};

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
		assert_int_equal(sendmsg(raw, &header, MSG_NOSIGNAL), part.iov_len);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	RUN_UNTIL(broker.closed != NULL);
	assert_string_equal(broker.closed, "wrong number of descriptors");
	close(raw);
	raw = -1;
	assert_int_equal(count_open_fds(), before);
}

static void a_handler_may_destroy_its_connection(void **state)
{
	static uint8_t frame[3 * PROTO_FRAME_BYTES];
	struct message message;
	size_t length = encode_hello(frame);

	(void)state;
	raw_create(ROLE_FCGI);
	broker.destroy_on_message = true;
	message_init(&message, MESSAGE_CONFIG_GET, 7);
	length += encode(&message, frame + length);
	length += encode(&message, frame + length);
	assert_int_equal(write(raw, frame, length), length);
	RUN_UNTIL(broker.messages == 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(broker.messages, 1);
	assert_null(broker.conn);
}

static void close_when_sent_delivers_the_last_word(void **state)
{
	(void)state;
	pair_create(ROLE_FCGI);
	RUN_UNTIL(broker.ready == 1 && other.ready == 1);
	assert_true(conn_send_fail(broker.conn, 5, ERROR_DRAINING, "line\nbreak"));
	conn_close_when_sent(broker.conn);
	RUN_UNTIL(broker.closed != NULL && other.closed != NULL);
	assert_int_equal(other.messages, 1);
	assert_int_equal(other.last.fail.code, ERROR_DRAINING);
	assert_string_equal(other.last.fail.detail, "line?break");
}

static void last_words_of_a_peer_that_closed_are_heard(void **state)
{
	struct message message;

	(void)state;
	pair_create(ROLE_FCGI);
	RUN_UNTIL(broker.ready == 1 && other.ready == 1);
	assert_true(conn_send_fail(broker.conn, 5, ERROR_DRAINING, NULL));
	conn_destroy(broker.conn);
	broker.conn = NULL;
	message_init(&message, MESSAGE_CONFIG_GET, 7);
	conn_send(other.conn, &message); /* finds the socket closed */
	RUN_UNTIL(other.closed != NULL);
	assert_int_equal(other.messages, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(two_sides_say_hello_and_talk),
	    TEST(descriptors_arrive_with_their_message),
	    TEST(a_burst_past_the_socket_buffer_arrives_whole),
	    TEST(a_peer_that_does_not_read_is_dropped),
	    TEST(bytes_may_come_one_by_one),
	    TEST(two_messages_in_one_read_are_both_heard),
	    TEST(packets_larger_than_what_waits_arrive_whole),
	    TEST(who_takes_over_a_link_finds_whole_messages),
	    TEST(wrong_packets_end_the_connection),
	    TEST(wrong_peers_are_dropped_with_a_reason),
	    TEST(surplus_descriptors_end_the_connection_and_do_not_leak),
	    TEST(a_handler_may_destroy_its_connection),
	    TEST(close_when_sent_delivers_the_last_word),
	    TEST(last_words_of_a_peer_that_closed_are_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
