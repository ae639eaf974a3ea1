/* SPDX-License-Identifier: ISC */
#include "conn.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errors.h"
#include "log.h"
#include "secret.h"

#define FDS_PENDING_MAX (2 * PROTO_FDS)
/* As many of the largest a pair's ends may hold. */
#define PAIR_FRAMES 4

/* Own buffers instead of evbuffers: frames hold secrets that must be wiped, and descriptors have
 * to leave with the first byte of their frame. */
struct frame {
	STAILQ_ENTRY(frame) next; /* conn.unsent */
	size_t length, sent;
	int fds[PROTO_FDS];
	size_t fd_count;
	uint8_t data[];
};

struct conn {
	int fd;
	enum role self, peer;
	unsigned version;
	bool packets; /* each frame comes and goes as one, whole or not at all */
	struct conn_handlers handlers;
	void *arg;
	struct event *read_event, *write_event;
	struct ucred credentials;
	unsigned asked, answered; /* messages with a number, in and out */
	bool ready;		  /* HELLO has come */
	bool closing;		  /* close once all is sent */
	bool dispatching;	  /* inside a handler: destruction waits */
	bool destroyed;
	const char *failure; /* why it ended, once it has */

	STAILQ_HEAD(, frame) unsent;
	size_t unsent_bytes;

	uint8_t *input; /* PROTO_FRAME_BYTES */
	size_t input_length;
	int input_fds[FDS_PENDING_MAX];
	size_t input_fd_count;
	struct message *message; /* the one being handled */
};

static void close_fds(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static void frame_free(struct frame *frame)
{
	close_fds(frame->fds, frame->fd_count);
	secret_free(frame);
}

static void conn_free(struct conn *conn)
{
	struct frame *frame;

	while ((frame = STAILQ_FIRST(&conn->unsent)) != NULL) {
		STAILQ_REMOVE_HEAD(&conn->unsent, next);
		frame_free(frame);
	}
	if (conn->read_event != NULL)
		event_free(conn->read_event);
	if (conn->write_event != NULL)
		event_free(conn->write_event);
	close_fds(conn->input_fds, conn->input_fd_count);
	close(conn->fd);
	secret_free(conn->input);
	secret_free(conn->message);
	free(conn);
}

void conn_destroy(struct conn *conn)
{
	if (conn == NULL)
		return;
	if (conn->dispatching)
		conn->destroyed = true;
	else
		conn_free(conn);
}

/* Notes why the connection is over and lets the event loop report it: callers of conn_send are
 * never surprised by closed() while they work with the connection. */
static void fail(struct conn *conn, const char *reason)
{
	if (conn->failure != NULL)
		return;
	conn->failure = reason;
	event_active(conn->read_event, EV_TIMEOUT, 0);
}

/* Calls a handler with destruction held back. False if the connection is gone afterwards. */
static bool leave_dispatch(struct conn *conn)
{
	conn->dispatching = false;
	if (!conn->destroyed)
		return true;
	conn_free(conn);
	return false;
}

static void report_closed(struct conn *conn)
{
	event_del(conn->read_event);
	event_del(conn->write_event);
	conn->dispatching = true;
	conn->handlers.closed(conn, conn->failure, conn->arg);
	leave_dispatch(conn);
}

/* Sends one frame's rest; its descriptors leave with its first byte. Returns as sendmsg. */
static ssize_t send_frame(struct conn *conn, struct frame *frame)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * PROTO_FDS)];
	} control = {0};
	struct iovec part = {frame->data + frame->sent, frame->length - frame->sent};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (frame->sent == 0 && frame->fd_count != 0) {
		struct cmsghdr *cmsg;

		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * frame->fd_count);
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * frame->fd_count);
		memcpy(CMSG_DATA(cmsg), frame->fds, sizeof(int) * frame->fd_count);
	}
	do
		sent = sendmsg(conn->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent;
}

static void flush(struct conn *conn)
{
	struct frame *frame;
	ssize_t sent;

	while ((frame = STAILQ_FIRST(&conn->unsent)) != NULL && conn->failure == NULL) {
		sent = send_frame(conn, frame);
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(conn->write_event, NULL);
			return;
		}
		if (sent < 0) {
			/* What the peer said before it went away is still to be read. */
			event_active(conn->read_event, EV_READ, 0);
			return;
		}
		if (frame->sent == 0) {
			close_fds(frame->fds, frame->fd_count);
			frame->fd_count = 0;
		}
		frame->sent += (size_t)sent;
		conn->unsent_bytes -= (size_t)sent;
		if (frame->sent < frame->length)
			continue;
		STAILQ_REMOVE_HEAD(&conn->unsent, next);
		frame_free(frame);
	}
	if (conn->closing && STAILQ_EMPTY(&conn->unsent))
		fail(conn, "closed");
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

/* Of a frame's header. */
static void put_version(uint8_t *frame, unsigned version)
{
	frame[4] = (uint8_t)(version >> 8);
	frame[5] = (uint8_t)version;
}

bool conn_send(struct conn *conn, struct message *message)
{
	size_t length, fd_count = message_fd_count(message->type);
	struct frame *frame;

	if (conn->failure != NULL || conn->closing)
		return false;
	frame = secret_malloc(sizeof(*frame) + PROTO_FRAME_BYTES);
	if (frame == NULL)
		return false;
	if (!message_encode(message, frame->data, PROTO_FRAME_BYTES, &length)) {
		log_warnx("proto: %s does not fit its own table", message_type_name(message->type));
		goto refuse;
	}
	put_version(frame->data, conn->version);
	if (conn->unsent_bytes + length > CONN_UNSENT_BYTES_MAX) {
		fail(conn, "peer does not read");
		goto refuse;
	}
	for (size_t i = 0; i < fd_count; i++) {
		if (message->fds[i] < 0)
			goto refuse;
		frame->fds[i] = message->fds[i];
	}
	for (size_t i = 0; i < fd_count; i++)
		message->fds[i] = -1;
	conn->answered += message->request_id != 0;
	frame->fd_count = fd_count;
	frame->length = length;
	frame->sent = 0;
	conn->unsent_bytes += length;
	STAILQ_INSERT_TAIL(&conn->unsent, frame, next);
	flush(conn);
	return true;

refuse:
	explicit_bzero(frame->data, PROTO_FRAME_BYTES);
	free(frame);
	return false;
}

bool conn_send_failure(struct conn *conn, uint32_t request_id, const struct conn_failure *failure)
{
	struct message message;

	message_init(&message, MESSAGE_FAIL, request_id);
	message.fail.code = (uint16_t)failure->code;
	message.fail.hop = (uint8_t)failure->hop;
	message.fail.retry_after_s = failure->retry_after_s;
	if (failure->detail != NULL)
		message_set_text(message.fail.detail, sizeof(message.fail.detail), failure->detail,
		    strlen(failure->detail));
	return conn_send(conn, &message);
}

bool conn_send_fail(
    struct conn *conn, uint32_t request_id, enum error_code code, const char *detail)
{
	const struct conn_failure failure = {.code = code, .detail = detail};

	return conn_send_failure(conn, request_id, &failure);
}

bool conn_send_done(struct conn *conn, uint32_t request_id)
{
	struct message message;

	message_init(&message, MESSAGE_DONE, request_id);
	return conn_send(conn, &message);
}

/* Takes descriptors out of a received control part. False if there are more than fit. */
static bool take_fds(struct conn *conn, struct msghdr *header)
{
	bool fits = (header->msg_flags & MSG_CTRUNC) == 0;
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(header); cmsg != NULL; cmsg = CMSG_NXTHDR(header, cmsg)) {
		size_t count;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (conn->input_fd_count < FDS_PENDING_MAX) {
				conn->input_fds[conn->input_fd_count++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

/* Hands over the message that has been decoded. False if the connection is gone. */
static bool dispatch(struct conn *conn)
{
	struct message *message = conn->message;
	size_t fd_count = message_fd_count(message->type);

	if (conn->input_fd_count < fd_count ||
	    ((fd_count == 0 || conn->packets) && conn->input_length == 0 &&
		conn->input_fd_count != fd_count)) {
		fail(conn, "wrong number of descriptors");
		return true;
	}
	memcpy(message->fds, conn->input_fds, fd_count * sizeof(int));
	conn->input_fd_count -= fd_count;
	memmove(conn->input_fds, conn->input_fds + fd_count, conn->input_fd_count * sizeof(int));

	conn->dispatching = true;
	if (message->type == MESSAGE_HELLO) {
		if (conn->ready) {
			fail(conn, "second hello");
		} else {
			conn->ready = true;
			if (conn->handlers.ready != NULL)
				conn->handlers.ready(conn, conn->arg);
		}
	} else if (!conn->ready) {
		fail(conn, "message before hello");
	} else {
		conn->asked += message->request_id != 0;
		conn->handlers.message(conn, message, conn->arg);
	}
	close_fds(message->fds, PROTO_FDS);
	message_wipe(message);
	return leave_dispatch(conn);
}

/* From a peer of another version: whether the frame is in its form, and if so, made to look like
 * one of ours. */
static bool translate(struct conn *conn)
{
	if (conn->input_length < PROTO_HEADER_BYTES ||
	    (conn->input[4] << 8 | conn->input[5]) != (int)conn->version)
		return false;
	put_version(conn->input, PROTO_VERSION);
	return true;
}

/* Decodes and hands over all whole messages. False if the connection is gone. */
static bool dispatch_input(struct conn *conn)
{
	while (conn->failure == NULL && !conn->closing && conn->input_length != 0) {
		bool translated = conn->version != PROTO_VERSION && translate(conn);
		size_t used;
		enum message_result result = message_decode(
		    conn->input, conn->input_length, conn->peer, conn->self, conn->message, &used);

		if (result == MESSAGE_SHORT && !conn->packets)
			break;
		if (result == MESSAGE_OK && conn->packets && used != conn->input_length)
			result = MESSAGE_MALFORMED;
		if (result != MESSAGE_OK && translated) {
			explicit_bzero(conn->input, conn->input_length);
			conn->input_length = 0;
			close_fds(conn->input_fds, conn->input_fd_count);
			conn->input_fd_count = 0;
			break;
		}
		if (result != MESSAGE_OK) {
			message_wipe(conn->message);
			fail(conn, message_result_text(result));
			break;
		}
		conn->input_length -= used;
		memmove(conn->input, conn->input + used, conn->input_length);
		explicit_bzero(conn->input + conn->input_length, used);
		if (!dispatch(conn))
			return false;
	}
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_PENDING_MAX)];
	} control;
	struct iovec part;
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t received;

	if (conn->failure != NULL) {
		report_closed(conn);
		return;
	}
	/* A frame always fits the buffer, so after dispatch_input there is room. */
	part.iov_base = conn->input + conn->input_length;
	part.iov_len = PROTO_FRAME_BYTES - conn->input_length;
	header.msg_control = control.bytes;
	header.msg_controllen = sizeof(control.bytes);
	do
		received = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	(void)what;
	if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (received <= 0) {
		fail(conn, received == 0 ? "closed by peer" : "connection lost");
		report_closed(conn);
		return;
	}
	conn->input_length += (size_t)received;
	if (!take_fds(conn, &header))
		fail(conn, "too many descriptors");
	if ((header.msg_flags & MSG_TRUNC) != 0)
		fail(conn, "packet longer than a frame");
	if (dispatch_input(conn) && conn->failure != NULL)
		report_closed(conn);
}

bool conn_make_pair(int pair[2])
{
	const int bytes = PAIR_FRAMES * PROTO_FRAME_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	/* The system gives less if its limit says so, and says no to a packet that never fits. */
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) != 0)
			goto fail;
	return true;

fail:
	close(pair[0]);
	close(pair[1]);
	return false;
}

/* Without a hello. */
static struct conn *conn_begin(struct event_base *base, int fd, enum role self, enum role peer,
    const struct conn_handlers *handlers, void *arg)
{
	socklen_t length = sizeof(struct ucred), type_length = sizeof(int);
	struct conn *conn = calloc(1, sizeof(*conn));
	int type = 0;

	if (conn == NULL) {
		close(fd);
		return NULL;
	}
	STAILQ_INIT(&conn->unsent);
	conn->fd = fd;
	conn->self = self;
	conn->peer = peer;
	conn->handlers = *handlers;
	conn->arg = arg;
	conn->input = secret_malloc(PROTO_FRAME_BYTES);
	conn->message = secret_malloc(sizeof(*conn->message));
	conn->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, conn);
	conn->write_event = event_new(base, fd, EV_WRITE, on_writable, conn);
	if (conn->input == NULL || conn->message == NULL || conn->read_event == NULL ||
	    conn->write_event == NULL || evutil_make_socket_nonblocking(fd) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &conn->credentials, &length) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 ||
	    event_add(conn->read_event, NULL) != 0) {
		conn_free(conn);
		return NULL;
	}
	conn->packets = type == SOCK_SEQPACKET;
	conn->version = PROTO_VERSION;
	return conn;
}

struct conn *conn_create(struct event_base *base, int fd, enum role self, enum role peer,
    const struct conn_handlers *handlers, void *arg)
{
	struct conn *conn = conn_begin(base, fd, self, peer, handlers, arg);
	struct message hello;

	if (conn == NULL)
		return NULL;
	message_init(&hello, MESSAGE_HELLO, 0);
	strcpy(hello.hello.program, role_name(self));
	strcpy(hello.hello.release, X2GOWEB_VERSION);
	if (!conn_send(conn, &hello)) {
		conn_free(conn);
		return NULL;
	}
	return conn;
}

struct conn *conn_adopt(struct event_base *base, int fd, enum role self, enum role peer,
    const struct conn_handlers *handlers, void *arg)
{
	struct conn *conn = conn_begin(base, fd, self, peer, handlers, arg);

	if (conn != NULL)
		conn->ready = true;
	return conn;
}

void conn_set_version(struct conn *conn, unsigned version)
{
	conn->version = version;
}

void conn_close_when_sent(struct conn *conn)
{
	conn->closing = true;
	flush(conn);
}

void conn_cut(struct conn *conn)
{
	shutdown(conn->fd, SHUT_RDWR);
}

unsigned conn_unanswered(const struct conn *conn)
{
	return conn->asked > conn->answered ? conn->asked - conn->answered : 0;
}

bool conn_has_asked(const struct conn *conn)
{
	return conn->asked != 0;
}

void conn_end_sending(struct conn *conn)
{
	shutdown(conn->fd, SHUT_WR);
}

bool conn_is_ready(const struct conn *conn)
{
	return conn->ready && conn->failure == NULL;
}

bool conn_has_ended(const struct conn *conn)
{
	char byte;
	ssize_t received = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return conn->failure != NULL || received >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

size_t conn_unsent_bytes(const struct conn *conn)
{
	return conn->unsent_bytes;
}

uid_t conn_peer_uid(const struct conn *conn)
{
	return conn->credentials.uid;
}

pid_t conn_peer_pid(const struct conn *conn)
{
	return conn->credentials.pid;
}
