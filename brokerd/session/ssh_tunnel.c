/* SPDX-License-Identifier: ISC */
/*
 * Byte streams through the connection: to an agent, or to the server behind a jump host. Owns what
 * waits for the channel's window or the socket. Runs in x2goweb-session; knows nothing of what the
 * bytes mean.
 */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

#include "ssh_internal.h"

#define CHUNK_BYTES 32768

struct ssh_tunnel {
	struct ssh *ssh;
	struct ssh_channel *channel;
	struct evbuffer *unsent;
	bool undrained; /* the owner waits for drained() */
	bool ended;	/* the end has been told */
	struct ssh_tunnel_handlers handlers;
	void *arg;
};

size_t ssh_tunnel_unsent(const struct ssh_tunnel *tunnel)
{
	return evbuffer_get_length(tunnel->unsent) + ssh_transport_unsent(&tunnel->ssh->transport);
}

/* Tells the owner its end once. The owner may close the tunnel in there. */
static void end(struct ssh_tunnel *tunnel, enum error_code code, const char *detail)
{
	if (tunnel->ended)
		return;
	tunnel->ended = true;
	tunnel->handlers.failed(tunnel, code, detail, tunnel->arg);
}

/* Lets go of what has been sent, or never will be: the first bytes may be a session's cookie. */
static void drop_unsent(struct ssh_tunnel *tunnel, size_t length)
{
	struct evbuffer_iovec part;

	while (length != 0 && evbuffer_peek(tunnel->unsent, -1, NULL, &part, 1) >= 1) {
		size_t size = part.iov_len < length ? part.iov_len : length;

		explicit_bzero(part.iov_base, size);
		evbuffer_drain(tunnel->unsent, size);
		length -= size;
	}
}

/* Gives libssh2 what waits, as long as it and the socket take it. */
static void send_waiting(struct ssh_tunnel *tunnel, LIBSSH2_CHANNEL *handle)
{
	struct ssh *ssh = tunnel->ssh;
	ssize_t sent;

	while (ssh_transport_unsent(&ssh->transport) < SSH_UNSENT_BYTES) {
		struct evbuffer_iovec part;

		if (evbuffer_peek(tunnel->unsent, CHUNK_BYTES, NULL, &part, 1) < 1)
			return;
		sent = libssh2_channel_write(
		    handle, part.iov_base, part.iov_len < CHUNK_BYTES ? part.iov_len : CHUNK_BYTES);
		if (sent <= 0) {
			/* No window is no failure, nor is a far side that has closed: its end is
			 * reported once everything that came before has been read. */
			if (sent < 0 && ssh_error_is_fatal(ssh, sent))
				ssh_fail_by_library(ssh, ERROR_SSH_LOST, "writing");
			return;
		}
		drop_unsent(tunnel, (size_t)sent);
	}
}

/* --- the channel's events ----------------------------------------------------------------- */

static void on_opened(void *arg)
{
	struct ssh_tunnel *tunnel = arg;

	/* A connection has no second stream; whatever comes there must not fill the window. */
	libssh2_channel_handle_extended_data2(
	    ssh_channel_handle(tunnel->channel), LIBSSH2_CHANNEL_EXTENDED_DATA_IGNORE);
	ssh_schedule(tunnel->ssh);
	tunnel->handlers.opened(tunnel, tunnel->arg);
}

static void on_refused(void *arg, const char *text)
{
	struct ssh_tunnel *tunnel = arg;

	tunnel->channel = NULL;
	/* RFC 4254 section 5.1 knows four reasons; libssh2 hands them over as text only. */
	if (strstr(text, "prohibited") != NULL || strstr(text, "unknown channel type") != NULL)
		end(tunnel, ERROR_FORWARDING_DENIED, text);
	else
		end(tunnel, ERROR_AGENT_LOST, text);
}

static void on_lost(void *arg, enum error_code code, const char *detail)
{
	struct ssh_tunnel *tunnel = arg;

	tunnel->channel = NULL;
	end(tunnel, code, detail);
}

/* Takes in what has come, for whomever. True if there is something to read for this one. */
static bool listen_to(struct ssh *ssh, struct ssh_channel *channel)
{
	unsigned long available = 0;
	char nothing;
	ssize_t result = ssh_channel_read(channel, 0, &nothing, 0);

	if (result < 0 && ssh_error_is_fatal(ssh, result)) {
		ssh_fail_by_library(ssh, ERROR_SSH_LOST, "reading");
		return false;
	}
	libssh2_channel_window_read_ex(ssh_channel_handle(channel), &available, NULL);
	return available != 0;
}

static void on_step(void *arg)
{
	struct ssh_tunnel *tunnel = arg;
	struct ssh_channel *channel = tunnel->channel;
	LIBSSH2_CHANNEL *handle = ssh_channel_handle(channel);
	struct ssh *ssh = tunnel->ssh;

	send_waiting(tunnel, handle);
	if (tunnel->ended || ssh->failure != ERROR_NONE)
		return;
	if (listen_to(ssh, channel)) {
		tunnel->handlers.readable(tunnel, tunnel->arg);
		/* The owner may have closed the tunnel, or everything. */
		if (ssh->destroyed || ssh_channel_is_abandoned(channel))
			return;
	}
	if (ssh->failure != ERROR_NONE)
		return;
	/* True only when nothing is left to be read. */
	if (libssh2_channel_eof(handle) == 1) {
		end(tunnel, ERROR_ENDED, "the far side closed the connection");
		return;
	}
	if (tunnel->undrained && ssh_tunnel_unsent(tunnel) == 0) {
		tunnel->undrained = false;
		if (tunnel->handlers.drained != NULL)
			tunnel->handlers.drained(tunnel, tunnel->arg);
	}
}

/* --- for the owner ------------------------------------------------------------------------ */

static const struct ssh_channel_handlers channel_handlers = {
    .opened = on_opened, .refused = on_refused, .step = on_step, .lost = on_lost};

struct ssh_tunnel *ssh_tunnel_open(struct ssh *ssh, const char *host, uint16_t port,
    const struct ssh_tunnel_handlers *handlers, void *arg)
{
	struct ssh_tunnel *tunnel = calloc(1, sizeof(*tunnel));

	if (tunnel == NULL)
		return NULL;
	tunnel->ssh = ssh;
	tunnel->handlers = *handlers;
	tunnel->arg = arg;
	tunnel->unsent = evbuffer_new();
	if (tunnel->unsent != NULL)
		tunnel->channel = ssh_channel_create(ssh, host, port, &channel_handlers, tunnel);
	if (tunnel->channel == NULL) {
		ssh_tunnel_close(tunnel);
		return NULL;
	}
	return tunnel;
}

ssize_t ssh_tunnel_read(struct ssh_tunnel *tunnel, void *buffer, size_t size)
{
	uint64_t before = tunnel->ssh->transport.received_bytes;
	ssize_t got;

	if (tunnel->ended)
		return -1;
	if (tunnel->channel == NULL || ssh_channel_handle(tunnel->channel) == NULL)
		return 0;
	got = ssh_channel_read(tunnel->channel, 0, buffer, size);
	/* Reading may have taken in what is for others, and there may be more for this owner, who
	 * need not take it all at once. */
	if (got != LIBSSH2_ERROR_EAGAIN || tunnel->ssh->transport.received_bytes != before)
		ssh_schedule(tunnel->ssh);
	if (got == LIBSSH2_ERROR_EAGAIN)
		return 0;
	if (got > 0)
		return got;
	if (got < 0 && ssh_error_is_fatal(tunnel->ssh, got)) {
		ssh_fail_by_library(tunnel->ssh, ERROR_SSH_LOST, "reading");
		return 0;
	}
	return -1;
}

bool ssh_tunnel_write(struct ssh_tunnel *tunnel, const void *data, size_t size)
{
	LIBSSH2_CHANNEL *handle;

	if (evbuffer_add(tunnel->unsent, data, size) != 0)
		return false;
	tunnel->undrained = true;
	handle = tunnel->channel != NULL ? ssh_channel_handle(tunnel->channel) : NULL;
	if (handle != NULL && !tunnel->ended)
		send_waiting(tunnel, handle);
	ssh_schedule(tunnel->ssh);
	return true;
}

void ssh_tunnel_close(struct ssh_tunnel *tunnel)
{
	if (tunnel == NULL)
		return;
	ssh_channel_abandon(tunnel->channel);
	if (tunnel->unsent != NULL) {
		drop_unsent(tunnel, evbuffer_get_length(tunnel->unsent));
		evbuffer_free(tunnel->unsent);
	}
	free(tunnel);
}
