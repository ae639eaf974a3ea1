/* SPDX-License-Identifier: ISC */
/*
 * Under libssh2: sends, receives and allocates for it. Its bytes go by a socket or by a tunnel
 * through another connection. Owns the socket or tunnel, the bytes that wait for the socket, and
 * the bound on libssh2's memory. Runs in x2goweb-session; knows nothing of SSH.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/secret.h"

#include "heap_rest.h"
#include "ssh_internal.h"

/* libssh2 keeps what has not been read: at most its window a channel. With two channels, their
 * packets' overhead and its own needs that is about 6 MiB; a server that wants more than this
 * is up to something. */
#define HELD_BYTES_MAX (32 * 1024 * 1024)
/* Of one piece, as long as the server has not been logged in to: no packet is longer, and libssh2
 * 1.10 believes the lengths that stand in them. */
#define LOGIN_PIECE_BYTES_MAX 65536
/* What libssh2 sends unasked: answers to the server's questions. Whoever asks without end and
 * does not read is dropped. */
#define UNSENT_BYTES_MAX (4 * 1024 * 1024)
/* libssh2 reads until the socket is dry; other events must get their turn, above all the browser's
 * acknowledgements: with 1 MiB a fast line seems full again and again. */
#define TURN_BYTES_MAX (256 * 1024)

/* --- memory ------------------------------------------------------------------------------- */

void *ssh_transport_alloc(size_t size, void **abstract)
{
	struct ssh *ssh = *abstract;
	size_t most = ssh->attempt != NULL ? LOGIN_PIECE_BYTES_MAX : HELD_BYTES_MAX;
	void *memory;

	if (size > most || ssh->transport.held_bytes > HELD_BYTES_MAX - size)
		return NULL;
	memory = secret_malloc(size);
	if (memory != NULL)
		ssh->transport.held_bytes += malloc_usable_size(memory);
	return memory;
}

static void transport_free(void *memory, void **abstract)
{
	struct ssh *ssh = *abstract;

	if (memory != NULL)
		ssh->transport.held_bytes -= malloc_usable_size(memory);
	secret_free(memory);
}

static void *transport_realloc(void *old, size_t size, void **abstract)
{
	size_t old_size = old != NULL ? malloc_usable_size(old) : 0;
	void *fresh;

	if (old != NULL && size <= old_size)
		return old;
	fresh = ssh_transport_alloc(size, abstract);
	if (fresh == NULL)
		return NULL;
	if (old != NULL)
		memcpy(fresh, old, old_size);
	transport_free(old, abstract);
	return fresh;
}

/* --- bytes -------------------------------------------------------------------------------- */

void ssh_transport_end(struct ssh_transport *transport, int error)
{
	if (transport->ended)
		return;
	transport->ended = true;
	transport->error = error;
	if (transport->tunnel != NULL)
		return;
	event_del(transport->read_event);
	event_del(transport->write_event);
	evbuffer_drain(transport->unsent, evbuffer_get_length(transport->unsent));
}

size_t ssh_transport_unsent(const struct ssh_transport *transport)
{
	return transport->tunnel != NULL ? ssh_tunnel_unsent(transport->tunnel)
					 : evbuffer_get_length(transport->unsent);
}

/* Returns as recv, but not -1: a negative errno. */
static ssize_t receive_from_socket(struct ssh_transport *transport, void *buffer, size_t length)
{
	ssize_t received;

	do
		received = recv(transport->fd, buffer, length, MSG_DONTWAIT);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	transport->dry = (size_t)received < length;
	return received;
}

static ssize_t receive_from_tunnel(struct ssh_transport *transport, void *buffer, size_t length)
{
	ssize_t received = ssh_tunnel_read(transport->tunnel, buffer, length);

	if (received == 0)
		return -EAGAIN;
	return received > 0 ? received : 0;
}

static ssize_t transport_recv(int fd, void *buffer, size_t length, int flags, void **abstract)
{
	struct ssh *ssh = *abstract;
	struct ssh_transport *transport = &ssh->transport;
	ssize_t received;

	(void)fd;
	(void)flags;
	if (transport->ended)
		return -ECONNRESET;
	if (transport->unwanted) {
		transport->unwanted = false;
		if (transport->tunnel == NULL)
			event_add(transport->read_event, NULL);
	}
	if (transport->dry || transport->turn_bytes >= TURN_BYTES_MAX)
		return -EAGAIN;
	received = transport->tunnel != NULL ? receive_from_tunnel(transport, buffer, length)
					     : receive_from_socket(transport, buffer, length);
	if (received > 0) {
		transport->turn_bytes += (size_t)received;
		transport->received_bytes += (uint64_t)received;
		heap_rest_note((size_t)received);
	} else if (received == -EAGAIN) {
		transport->dry = true;
	} else {
		ssh_transport_end(transport, (int)-received);
	}
	return received;
}

/* Sends what the socket takes. Returns how many bytes that was. */
static size_t send_now(struct ssh_transport *transport, const void *data, size_t length)
{
	ssize_t sent;

	do
		sent = send(transport->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		ssh_transport_end(transport, errno);
	return sent > 0 ? (size_t)sent : 0;
}

/* Sends what the socket takes and keeps the rest. False if memory is short. */
static bool send_to_socket(struct ssh_transport *transport, const void *data, size_t length)
{
	size_t sent = 0;

	if (evbuffer_get_length(transport->unsent) == 0)
		sent = send_now(transport, data, length);
	if (transport->ended || sent == length)
		return true;
	event_add(transport->write_event, NULL);
	return evbuffer_add(transport->unsent, (const char *)data + sent, length - sent) == 0;
}

static ssize_t transport_send(int fd, const void *buffer, size_t length, int flags, void **abstract)
{
	struct ssh *ssh = *abstract;
	struct ssh_transport *transport = &ssh->transport;
	bool taken;

	(void)fd;
	(void)flags;
	if (transport->ended)
		return -ECONNRESET;
	taken = ssh_transport_unsent(transport) + length <= UNSENT_BYTES_MAX &&
		(transport->tunnel != NULL ? ssh_tunnel_write(transport->tunnel, buffer, length)
					   : send_to_socket(transport, buffer, length));
	if (!taken)
		ssh_transport_end(transport, ENOBUFS);
	return transport->ended ? -ECONNRESET : (ssize_t)length;
}

void ssh_transport_flush(struct ssh *ssh)
{
	struct ssh_transport *transport = &ssh->transport;

	while (!transport->ended) {
		struct evbuffer_iovec part;
		size_t sent;

		if (evbuffer_peek(transport->unsent, -1, NULL, &part, 1) < 1) {
			event_del(transport->write_event);
			break;
		}
		sent = send_now(transport, part.iov_base, part.iov_len);
		if (transport->ended)
			break;
		evbuffer_drain(transport->unsent, sent);
		if (sent < part.iov_len) {
			event_add(transport->write_event, NULL);
			break;
		}
	}
}

/* --- the socket's events ------------------------------------------------------------------ */

/* Something has come; it is up to libssh2 to take it. */
static void begin_turn(struct ssh *ssh)
{
	ssh->transport.unwanted = true;
	ssh->transport.dry = false;
	ssh->transport.turn_bytes = 0;
	ssh_pump(ssh);
}

/* While nobody takes what has come, as when the user is being asked something, only the end is
 * news. */
static void await_reader(struct ssh_transport *transport)
{
	char first;
	ssize_t got = recv(transport->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

	event_del(transport->read_event);
	if (got == 0)
		ssh_transport_end(transport, 0);
	else if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		ssh_transport_end(transport, errno);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ssh *ssh = arg;

	(void)fd;
	(void)what;
	if (ssh->transport.unwanted)
		await_reader(&ssh->transport);
	begin_turn(ssh);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	ssh_transport_flush(arg);
	ssh_pump(arg);
}

/* --- the tunnel's events ------------------------------------------------------------------ */

static void on_tunnel_opened(struct ssh_tunnel *tunnel, void *arg)
{
	/* What was written before has left. */
	(void)tunnel;
	(void)arg;
}

static void on_tunnel_readable(struct ssh_tunnel *tunnel, void *arg)
{
	(void)tunnel;
	begin_turn(arg);
}

static void on_tunnel_drained(struct ssh_tunnel *tunnel, void *arg)
{
	(void)tunnel;
	ssh_pump(arg);
}

static void on_tunnel_failed(
    struct ssh_tunnel *tunnel, enum error_code code, const char *detail, void *arg)
{
	struct ssh *ssh = arg;

	(void)tunnel;
	if (code == ERROR_FORWARDING_DENIED)
		ssh_fail(ssh, ERROR_JUMP_REFUSED, "the jump host says: %s", detail);
	else if (code == ERROR_AGENT_LOST)
		ssh_fail(ssh, ERROR_HOST_UNREACHABLE, "the jump host says: %s", detail);
	else if (code != ERROR_ENDED)
		ssh_fail(ssh, code, "the jump host: %s", detail);
	ssh_transport_end(&ssh->transport, 0);
	ssh_schedule(ssh);
}

/* --- life --------------------------------------------------------------------------------- */

static bool init_tunnel(struct ssh *ssh, const struct ssh_settings *settings)
{
	static const struct ssh_tunnel_handlers handlers = {.opened = on_tunnel_opened,
	    .readable = on_tunnel_readable,
	    .drained = on_tunnel_drained,
	    .failed = on_tunnel_failed};

	ssh->transport.fd = settings->via->transport.fd;
	ssh->transport.tunnel = ssh_tunnel_open(
	    settings->via, settings->hop->address, settings->hop->port, &handlers, ssh);
	return ssh->transport.tunnel != NULL;
}

static bool init_socket(struct ssh *ssh, struct event_base *base, int fd)
{
	struct ssh_transport *transport = &ssh->transport;
	const int on = 1;

	transport->fd = fd;
	transport->unsent = evbuffer_new();
	transport->read_event = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, ssh);
	transport->write_event = event_new(base, fd, EV_WRITE, on_writable, ssh);
	if (transport->unsent == NULL || transport->read_event == NULL ||
	    transport->write_event == NULL || evutil_make_socket_nonblocking(fd) != 0)
		return false;
	/* Keys and mouse must not wait for each other. No TCP, no delay: failure means nothing. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return event_add(transport->read_event, NULL) == 0;
}

bool ssh_transport_init(struct ssh *ssh, const struct ssh_settings *settings)
{
	return settings->via != NULL ? init_tunnel(ssh, settings)
				     : init_socket(ssh, settings->base, settings->fd);
}

void ssh_transport_finish(struct ssh *ssh)
{
	struct ssh_transport *transport = &ssh->transport;

	/* The socket is that connection's then, even if there is no tunnel. */
	if (ssh->via != NULL) {
		ssh_tunnel_close(transport->tunnel);
		return;
	}
	if (transport->read_event != NULL)
		event_free(transport->read_event);
	if (transport->write_event != NULL)
		event_free(transport->write_event);
	if (transport->unsent != NULL)
		evbuffer_free(transport->unsent);
	close(transport->fd);
}

LIBSSH2_SESSION *ssh_transport_new_session(struct ssh *ssh)
{
	LIBSSH2_SESSION *session =
	    libssh2_session_init_ex(ssh_transport_alloc, transport_free, transport_realloc, ssh);

	if (session == NULL)
		return NULL;
#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(
	    session, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)transport_recv);
	libssh2_session_callback_set2(
	    session, LIBSSH2_CALLBACK_SEND, (libssh2_cb_generic *)transport_send);
#else
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)transport_recv);
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, (void *)transport_send);
#endif
	libssh2_session_set_blocking(session, 0);
	return session;
}
