/* SPDX-License-Identifier: ISC */
/*
 * One SSH connection over a socket that is connected already, or over a tunnel of another
 * connection: handshake, host key, login, then commands one after the other and tunnels beside
 * them. Owns the socket and everything of libssh2. Runs in x2goweb-session; never blocks; must not
 * know what X2Go is.
 */
#ifndef SESSION_SSH_H
#define SESSION_SSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/errors.h"
#include "proto/messages.h"

struct event_base;
struct ssh;
struct ssh_tunnel;

struct ssh_settings {
	struct event_base *base;
	int fd;		 /* taken over, also by a failed ssh_create; unused with via */
	struct ssh *via; /* NULL, or an open connection to go through, to hop's address and port;
			  * it must outlive this one */
	const struct record_hop *hop;	       /* who logs in to what, and how; copied */
	const struct record_hostkey *hostkeys; /* what is on file for this hop; copied */
	size_t hostkey_count;
	enum hop place;		   /* for prompts */
	unsigned auth_deadline_ms; /* for handshake and login, without the time that prompts take */
	unsigned prompt_deadline_ms; /* for each prompt */
};

/* What there is to tell of a login. Valid during the call only. */
struct ssh_login {
	const char *fingerprint; /* "SHA256:…" of the server's key */
	const char *methods;	 /* that it took, joined by '+' */
	const char *notice;	 /* what the server has said and no prompt has shown; lines */
};

struct ssh_handlers {
	void (*opened)(struct ssh *ssh, const struct ssh_login *login, void *arg);
	/* The user is asked; ssh_answer is awaited. prompt is valid during the call only. */
	void (*prompt)(struct ssh *ssh, const struct record_prompt *prompt, void *arg);
	/* A signature by the hop's key is wanted (RFC 4252 section 7); ssh_signed is awaited. */
	void (*sign)(struct ssh *ssh, const char *method, const uint8_t *session_id, size_t length,
	    void *arg);
	/* The connection could not be made or is lost; called once, from the event loop. Pending
	 * commands and tunnels have been told before. The owner destroys ssh afterwards. */
	void (*failed)(struct ssh *ssh, enum error_code code, const char *detail, void *arg);
};

/* What the library does once in a process: before the sandbox is closed. Fails: false. */
bool ssh_warm_up(void);

/* Fails: NULL if memory is short. */
struct ssh *ssh_create(
    const struct ssh_settings *settings, const struct ssh_handlers *handlers, void *arg);

/* Says goodbye to the server if it can do so at once. Pending commands and tunnels vanish
 * without a call. Takes NULL; safe inside handlers. */
void ssh_destroy(struct ssh *ssh);

/* Answers the last prompt; the answers are copied. False: none is open, or it has another number
 * of questions. */
bool ssh_answer(struct ssh *ssh, const struct record_answer *answers, size_t count);

/* Answers sign. length 0: there is none. Nothing happens if none is awaited. */
void ssh_signed(struct ssh *ssh, const uint8_t *signature, size_t length);

/* What a command left behind. Valid during the call only. */
struct ssh_exec_result {
	enum error_code
	    error;	 /* ERROR_NONE: it ended; TIMEOUT, SSH_LOST, X2GO_FAULT (too much output) */
	int exit_status; /* -1 if a signal ended it or it did not say */
	const char *output; /* stdout, NUL-terminated */
	size_t output_length;
	const char *errors; /* stderr, cut at 8 KiB, NUL-terminated */
};

/* Runs the command by an exec channel; queued behind those before it (a server may allow one
 * session channel at a time). deadline_ms counts from when it is its turn.
 * done is called once, from the event loop. Fails: false if memory is short. */
bool ssh_exec(struct ssh *ssh, const char *command, size_t output_limit_bytes, unsigned deadline_ms,
    void (*done)(const struct ssh_exec_result *result, void *arg), void *arg);

struct ssh_tunnel_handlers {
	void (*opened)(struct ssh_tunnel *tunnel, void *arg);
	/* There is something to read. Comes again while something is left, unless nothing was
	 * taken: then with the next bytes, or after the next ssh_tunnel_read. */
	void (*readable)(struct ssh_tunnel *tunnel, void *arg);
	/* Everything written has been handed to the system. May be NULL. */
	void (*drained)(struct ssh_tunnel *tunnel, void *arg);
	/* Never opened (FORWARDING_DENIED; AGENT_LOST: the server could not connect), or lost.
	 * ENDED: the far side closed it and everything has been read. The owner closes it. */
	void (*failed)(
	    struct ssh_tunnel *tunnel, enum error_code code, const char *detail, void *arg);
};

/* Opens a direct-tcpip channel (RFC 4254 section 7.2) to host:port, as the server sees it.
 * Fails: NULL if memory is short. */
struct ssh_tunnel *ssh_tunnel_open(struct ssh *ssh, const char *host, uint16_t port,
    const struct ssh_tunnel_handlers *handlers, void *arg);

/* Bytes read (> 0), 0 when there is nothing now, -1 at the end. */
ssize_t ssh_tunnel_read(struct ssh_tunnel *tunnel, void *buffer, size_t size);

/* Queues bytes; what the channel and the socket take leaves at once. The caller bounds what
 * waits by ssh_tunnel_unsent. Fails: false if memory is short. */
bool ssh_tunnel_write(struct ssh_tunnel *tunnel, const void *data, size_t size);

/* Bytes that wait for the server: of this tunnel, and of the whole connection. */
size_t ssh_tunnel_unsent(const struct ssh_tunnel *tunnel);

/* Closes the channel, without what waits; the handlers are not called any more. Takes NULL; safe
 * inside handlers. */
void ssh_tunnel_close(struct ssh_tunnel *tunnel);

#endif
