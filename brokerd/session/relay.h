/* SPDX-License-Identifier: ISC */
/*
 * The stream between one KDrive agent and one browser: accepts WebSockets on the login's
 * listener, lets in who shows the login's cookie and comes from its origin, starts the agent's
 * side, and passes bytes both ways with bounded memory. Owns the listener, the WebSockets and the
 * tunnel that it is given. Runs in x2goweb-session; must not know SSH or X2Go commands.
 */
#ifndef SESSION_RELAY_H
#define SESSION_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/errors.h"
#include "proto/messages.h"

#define KDRIVE_COOKIE_BYTES 32

struct event_base;
struct relay;
struct ssh_tunnel;

struct relay_settings {
	struct event_base *base;
	int listener;		     /* non-blocking, listening; taken over */
	const char *login;	     /* names the cookie: x2goweb_<login> */
	uint8_t cookie_hash[32];     /* SHA-256 of the cookie's value */
	const char *origin;	     /* the only Origin that is let in */
	bool raw_allowed;	     /* subprotocol "binary" as well */
	unsigned attach_deadline_ms; /* how long an agent waits for its browser */
	size_t buffer_bytes;	     /* unsent bytes past which a browser is dropped as lagging */
};

struct relay_counters {
	uint64_t to_browser_bytes, from_browser_bytes;
};

struct relay_handlers {
	/* The stream's state changed; reason says why it is NONE. */
	void (*state)(
	    struct relay *relay, enum stream_state state, enum error_code reason, void *arg);
	/* The agent closed its side: find out why, then call relay_stop with the reason, which the
	 * browser is told. */
	void (*agent_ended)(struct relay *relay, void *arg);
};

struct relay *relay_create(
    const struct relay_settings *settings, const struct relay_handlers *handlers, void *arg);
void relay_destroy(struct relay *relay);

/* Opens a tunnel to the agent at 127.0.0.1:port through ssh and begins its conversation: the
 * cookie, CLIENTVERSION and the first GEOMETRY in one write. A refused connection is tried again
 * until connect_deadline_ms, since the agent listens a moment after it is reported. done is called
 * once: ERROR_NONE when the channel is open and the conversation begun.
 * State goes to WAITING. Only when the state is NONE. */
struct ssh;
void relay_start(struct relay *relay, struct ssh *ssh, uint16_t port,
    const char cookie[KDRIVE_COOKIE_BYTES], uint16_t width, uint16_t height,
    unsigned connect_deadline_ms,
    void (*done)(enum error_code error, const char *detail, void *arg), void *arg);

/* Ends the stream: DISCONNECTCLIENT to the agent, "bye" with the reason to the browser. When
 * the agent's side is closed the state goes to NONE with that reason. No-op when it is NONE. */
void relay_stop(struct relay *relay, enum error_code reason, const char *text);

enum stream_state relay_get_state(const struct relay *relay);
struct relay_counters relay_get_counters(const struct relay *relay);

#endif
