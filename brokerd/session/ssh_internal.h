/* SPDX-License-Identifier: ISC */
/*
 * What the files of the SSH connection share: ssh.c (life of the connection), ssh_transport.c
 * (bytes and memory under libssh2), ssh_login.c (everything until it is open; ssh_login.h says
 * more), ssh_channel.c (opening and closing of channels), ssh_exec.c and ssh_tunnel.c (the two uses
 * of a channel).
 *
 * Three properties of libssh2 (1.10 and 1.11) shape all of it:
 * - Any call may read the socket dry and so take in what belongs to somebody else. Hence one
 *   pump that serves everybody, and goes round again while bytes arrive.
 * - A packet that could only be sent in part must be finished by repeating the very call that
 *   made it, and until then nothing else may be sent. Hence a transport that takes everything
 *   and keeps the rest itself, within a bound.
 * - Opening a channel keeps its state in the session. Hence one opening at a time.
 */
#ifndef SESSION_SSH_INTERNAL_H
#define SESSION_SSH_INTERNAL_H

#include <event2/event.h>
#include <libssh2.h>
#include <sys/queue.h>

#include "ssh.h"
#include "proto/hostkey.h"

#define SSH_DETAIL_BYTES 401

/* Tunnels hand nothing more to libssh2 while this much waits for the socket or, through another
 * connection, for that. */
#define SSH_UNSENT_BYTES 262144

enum ssh_state { SSH_STATE_LOGIN, SSH_STATE_OPEN, SSH_STATE_FAILED, SSH_STATE_COUNT };

/* Under libssh2: the socket, what waits to be sent, and how much memory libssh2 holds. Or a tunnel
 * instead of the socket; it keeps what waits itself. */
struct ssh_transport {
	int fd; /* with a tunnel: of the first connection; libssh2 wants to see one */
	struct ssh_tunnel *tunnel; /* NULL: a socket */
	struct event *read_event, *write_event;
	struct evbuffer *unsent;
	bool ended;		 /* it is of no use any more, for the reason in error */
	int error;		 /* errno; 0: the server closed */
	bool dry;		 /* there was nothing more, this turn of the event loop */
	bool unwanted;		 /* something has come, and nobody has asked for it yet */
	size_t turn_bytes;	 /* read in this turn */
	uint64_t received_bytes; /* ever */
	size_t held_bytes;	 /* allocated by libssh2 */
};

struct ssh_attempt;
struct ssh_channel;
struct ssh_command;
TAILQ_HEAD(ssh_channel_list, ssh_channel);
TAILQ_HEAD(ssh_command_list, ssh_command);

struct ssh {
	LIBSSH2_SESSION *session;
	enum ssh_state state;
	struct ssh_handlers handlers;
	void *arg;
	struct ssh *via; /* what the transport's tunnel goes through; NULL: nothing */
	struct ssh_transport transport;

	struct ssh_attempt *attempt; /* the login; NULL after it */
	char fingerprint[HOSTKEY_FINGERPRINT_BYTES];
	bool disconnected;    /* the server has said goodbye */
	char disconnect[101]; /* its words then */

	struct event *pump_event, *alive_event;
	unsigned alive_interval_ms; /* of silence before the server is asked whether it lives */
	uint64_t heard_ms;	    /* when the server was last heard, monotonic */
	uint64_t heard_bytes;	    /* transport.received_bytes then */

	struct ssh_channel_list channels;
	struct ssh_channel *opening;
	LIBSSH2_CHANNEL *ear; /* see ssh_channel.c */
	struct ssh_command_list commands;

	bool entered, destroyed;
	enum error_code failure;
	char detail[SSH_DETAIL_BYTES];
};

/* ssh.c: notes the first failure, which the pump reports. Never calls back at once. */
void ssh_fail(struct ssh *ssh, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with what libssh2 and the socket say. what: what was tried. */
void ssh_fail_by_library(struct ssh *ssh, enum error_code code, const char *what);
/* Serves whoever something may have come for. From the event loop only. */
void ssh_pump(struct ssh *ssh);
/* Around calls of handlers: destruction waits until ssh_leave, after which ssh may be gone. */
void ssh_enter(struct ssh *ssh);
void ssh_leave(struct ssh *ssh);
/* Lets the event loop pump. */
void ssh_schedule(struct ssh *ssh);
void ssh_set_state(struct ssh *ssh, enum ssh_state state);
/* True if a negative result of libssh2 means that the whole connection is of no use. */
bool ssh_error_is_fatal(const struct ssh *ssh, ssize_t result);
/* libssh2's words for the last failure; valid until the next call. */
const char *ssh_error_text(const struct ssh *ssh);

/* ssh_transport.c */
bool ssh_transport_init(struct ssh *ssh, const struct ssh_settings *settings);
void ssh_transport_finish(struct ssh *ssh);
/* A session of libssh2 over this transport, with memory that is wiped when freed. */
LIBSSH2_SESSION *ssh_transport_new_session(struct ssh *ssh);
/* Nothing is sent or received from now on; libssh2 sees a dead connection. */
void ssh_transport_end(struct ssh_transport *transport, int error);
void ssh_transport_flush(struct ssh *ssh);
/* Bytes that wait for the socket, or on their way to it through the other connection. */
size_t ssh_transport_unsent(const struct ssh_transport *transport);
/* What secret_malloc is for libssh2: for texts that libssh2 frees. */
void *ssh_transport_alloc(size_t size, void **abstract);

/* ssh_login.c */
bool ssh_login_init(struct ssh *ssh, const struct ssh_settings *settings);
/* Goes on as far as it can: to OPEN, to a failure, or until something is awaited. */
void ssh_login_step(struct ssh *ssh);
/* What the login has found out, once OPEN. */
struct ssh_login ssh_login_describe(const struct ssh *ssh);
/* Forgets all of it, and breaks it off if it is under way; the connection is dead then. */
void ssh_login_finish(struct ssh *ssh);

/* ssh_channel.c: what a channel tells its owner, always from the pump. */
struct ssh_channel_handlers {
	void (*opened)(void *arg);
	/* The server opens no such channel; the channel is gone. text: libssh2's words. */
	void (*refused)(void *arg, const char *text);
	/* Something may have come. */
	void (*step)(void *arg);
	/* The connection has failed; the channel is gone. */
	void (*lost)(void *arg, enum error_code code, const char *detail);
};

/* A channel for commands (host NULL) or to host:port, as the server sees it; host is copied.
 * Fails: NULL if memory is short. */
struct ssh_channel *ssh_channel_create(struct ssh *ssh, const char *host, uint16_t port,
    const struct ssh_channel_handlers *handlers, void *arg);
/* The owner is called no more; the channel is closed in its own time. Takes NULL. */
void ssh_channel_abandon(struct ssh_channel *channel);
bool ssh_channel_is_abandoned(const struct ssh_channel *channel);
/* libssh2's channel; NULL while it is not open. */
LIBSSH2_CHANNEL *ssh_channel_handle(const struct ssh_channel *channel);
/* Reads from an open channel, as libssh2_channel_read_ex, which must not be called directly. */
ssize_t ssh_channel_read(struct ssh_channel *channel, int stream, void *buffer, size_t size);
void ssh_channels_step(struct ssh *ssh);
void ssh_channels_lose(struct ssh *ssh);
void ssh_channels_free(struct ssh *ssh);

/* ssh_exec.c */
void ssh_commands_step(struct ssh *ssh);
void ssh_commands_lose(struct ssh *ssh);
void ssh_commands_free(struct ssh *ssh);

#endif
