/* SPDX-License-Identifier: ISC */
/*
 * Channels from asking for them to their last packet: one opening at a time, closing without
 * anybody waiting. Owns libssh2's channels; ssh_exec.c and ssh_tunnel.c use them. Runs in
 * x2goweb-session.
 *
 *	WAITING -> OPENING -> OPEN -> CLOSING
 *
 * libssh2 reads the socket only on behalf of a channel. So that the server is heard while nobody
 * has one open, the first command's channel is kept after both sides have closed it, as an ear:
 * reading from it takes in whatever has come and yields nothing itself.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

#include "ssh_internal.h"

/* Commands say little; the default of 2 MiB would only let a server fill our memory. */
#define COMMAND_WINDOW_BYTES 262144
#define PACKET_BYTES	     32768
/* Of one read. */
#define READ_BYTES_MAX 65536
/* A server that never confirms a close is no good. */
#define CLOSING_MAX 16

enum channel_state { CHANNEL_WAITING, CHANNEL_OPENING, CHANNEL_OPEN, CHANNEL_CLOSING };

struct ssh_channel {
	TAILQ_ENTRY(ssh_channel) next; /* ssh.channels */
	struct ssh *ssh;
	LIBSSH2_CHANNEL *handle;
	enum channel_state state;
	char *host;    /* where it leads to; NULL: for commands */
	uint16_t port; /* there */
	struct ssh_channel_handlers handlers;
	void *arg;
	bool abandoned;
	unsigned long widening; /* bytes by which the window is being widened */
};

struct ssh_channel *ssh_channel_create(struct ssh *ssh, const char *host, uint16_t port,
    const struct ssh_channel_handlers *handlers, void *arg)
{
	struct ssh_channel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->host = host != NULL ? strdup(host) : NULL;
	if (host != NULL && channel->host == NULL) {
		free(channel);
		return NULL;
	}
	channel->ssh = ssh;
	channel->port = port;
	channel->handlers = *handlers;
	channel->arg = arg;
	TAILQ_INSERT_TAIL(&ssh->channels, channel, next);
	ssh_schedule(ssh);
	return channel;
}

static void channel_free(struct ssh_channel *channel)
{
	if (channel->ssh->opening == channel)
		channel->ssh->opening = NULL;
	TAILQ_REMOVE(&channel->ssh->channels, channel, next);
	free(channel->host);
	free(channel);
}

void ssh_channel_abandon(struct ssh_channel *channel)
{
	if (channel == NULL)
		return;
	channel->abandoned = true;
	ssh_schedule(channel->ssh);
}

bool ssh_channel_is_abandoned(const struct ssh_channel *channel)
{
	return channel->abandoned;
}

LIBSSH2_CHANNEL *ssh_channel_handle(const struct ssh_channel *channel)
{
	return channel->state == CHANNEL_OPEN ? channel->handle : NULL;
}

/* libssh2 widens the window when it reads. If that has to wait, for an exchange of keys, and the
 * next read is of another size, it counts another widening than it has told the server, and then
 * drops what it takes for too much. So the window is widened here, so early that libssh2 never
 * has to. Returns 0, or libssh2's error. */
static int widen_window(struct ssh_channel *channel)
{
	unsigned long initial, window;
	int result;

	window = libssh2_channel_window_read_ex(channel->handle, NULL, &initial);
	if (channel->widening == 0 && window < initial / 4 * 3 + READ_BYTES_MAX)
		channel->widening = initial + READ_BYTES_MAX - window;
	if (channel->widening == 0)
		return 0;
	result =
	    libssh2_channel_receive_window_adjust2(channel->handle, channel->widening, 1, NULL);
	if (result == 0)
		channel->widening = 0;
	return result;
}

ssize_t ssh_channel_read(struct ssh_channel *channel, int stream, void *buffer, size_t size)
{
	int result = widen_window(channel);

	if (result != 0)
		return result;
	return libssh2_channel_read_ex(
	    channel->handle, stream, buffer, size < READ_BYTES_MAX ? size : READ_BYTES_MAX);
}

static void step_opening(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;
	int result;

	if (channel->host == NULL)
		channel->handle = libssh2_channel_open_ex(
		    ssh->session, "session", 7, COMMAND_WINDOW_BYTES, PACKET_BYTES, NULL, 0);
	else
		channel->handle = libssh2_channel_direct_tcpip_ex(
		    ssh->session, channel->host, channel->port, "127.0.0.1", 0);
	if (channel->handle != NULL) {
		ssh->opening = NULL;
		channel->state = CHANNEL_OPEN;
		if (!channel->abandoned)
			channel->handlers.opened(channel->arg);
		return;
	}
	result = libssh2_session_last_errno(ssh->session);
	if (result == LIBSSH2_ERROR_EAGAIN)
		return;
	if (ssh_error_is_fatal(ssh, result)) {
		ssh_fail_by_library(ssh, ERROR_SSH_LOST, "opening a channel");
		return;
	}
	if (!channel->abandoned)
		channel->handlers.refused(channel->arg, ssh_error_text(ssh));
	channel_free(channel);
}

static bool may_be_ear(const struct ssh_channel *channel)
{
	unsigned long initial, window;

	if (channel->host != NULL || channel->ssh->ear != NULL || channel->widening != 0)
		return false;
	/* libssh2 would widen a narrower window before it reads. */
	window = libssh2_channel_window_read_ex(channel->handle, NULL, &initial);
	return window >= initial / 4 * 3 + 1024;
}

static void step_closing(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;
	int result = libssh2_channel_close(channel->handle);

	if (result == LIBSSH2_ERROR_EAGAIN)
		return;
	if (ssh_error_is_fatal(ssh, result)) {
		ssh_fail_by_library(ssh, ERROR_SSH_LOST, "closing a channel");
		return;
	}
	if (may_be_ear(channel))
		ssh->ear = channel->handle;
	else
		libssh2_channel_free(channel->handle);
	channel_free(channel);
}

static void step_channel(struct ssh_channel *channel)
{
	struct ssh *ssh = channel->ssh;

	if (channel->state == CHANNEL_WAITING && channel->abandoned) {
		channel_free(channel);
		return;
	}
	if (channel->state == CHANNEL_WAITING && ssh->opening == NULL) {
		channel->state = CHANNEL_OPENING;
		ssh->opening = channel;
	}
	if (channel->state == CHANNEL_OPENING) {
		step_opening(channel);
		/* It may be gone, or open for its owner's next step: the pump comes back. */
		return;
	}
	if (channel->state == CHANNEL_OPEN && !channel->abandoned)
		channel->handlers.step(channel->arg);
	if (channel->state == CHANNEL_OPEN && channel->abandoned)
		channel->state = CHANNEL_CLOSING;
	if (channel->state == CHANNEL_CLOSING)
		step_closing(channel);
}

static void listen_by_ear(struct ssh *ssh)
{
	char nothing;
	ssize_t result;

	if (ssh->ear == NULL)
		return;
	result = libssh2_channel_read(ssh->ear, &nothing, 1);
	if (result < 0 && ssh_error_is_fatal(ssh, result))
		ssh_fail_by_library(ssh, ERROR_SSH_LOST, "connection");
}

void ssh_channels_step(struct ssh *ssh)
{
	struct ssh_channel *channel, *next;
	unsigned closing = 0;

	listen_by_ear(ssh);
	for (channel = TAILQ_FIRST(&ssh->channels); channel != NULL; channel = next) {
		if (ssh->destroyed || ssh->failure != ERROR_NONE)
			return;
		next = TAILQ_NEXT(channel, next);
		closing += channel->state == CHANNEL_CLOSING;
		step_channel(channel);
	}
	if (closing > CLOSING_MAX)
		ssh_fail(ssh, ERROR_SSH_LOST, "the server does not close its channels");
}

void ssh_channels_lose(struct ssh *ssh)
{
	struct ssh_channel *channel, *next;

	for (channel = TAILQ_FIRST(&ssh->channels); channel != NULL; channel = next) {
		next = TAILQ_NEXT(channel, next);
		if (!channel->abandoned) {
			channel->abandoned = true;
			channel->handlers.lost(channel->arg, ssh->failure, ssh->detail);
		}
		if (ssh->destroyed)
			return;
	}
}

/* The handles are freed with the session. */
void ssh_channels_free(struct ssh *ssh)
{
	struct ssh_channel *channel;

	while ((channel = TAILQ_FIRST(&ssh->channels)) != NULL)
		channel_free(channel);
}
