/* SPDX-License-Identifier: ISC */
/*
 * Stands in for the ssh_tunnel functions of brokerd/session/ssh.h: one agent's port that refuses,
 * hangs, accepts once, and whose far side the test plays.
 */
#ifndef TESTS_FAKE_TUNNEL_H
#define TESTS_FAKE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/errors.h"

struct event_base;
struct evbuffer;
struct ssh;

struct fake_tunnel {
	/* How it behaves; changed by tests at any time. */
	unsigned refusals;	 /* attempts to connect that are refused before one succeeds */
	enum error_code refusal; /* by what */
	bool hangs;		 /* attempts are never answered */
	bool hangs_up;		 /* closes at DISCONNECTCLIENT, as agents do; on by default */
	bool window_closed;	 /* what is written stays unsent */
	/* What happened. */
	unsigned opened, open_now, writes;
	size_t first_write_bytes;
	uint16_t port;
	struct evbuffer *received; /* what the agent got */
	struct evbuffer *to_read;  /* what the agent said and the relay has not read */
};

extern struct fake_tunnel fake;

/* Gives the stand-in to pass where an ssh is wanted. */
struct ssh *fake_tunnel_init(struct event_base *base);
void fake_tunnel_finish(void);

/* The agent says something. */
void fake_tunnel_say(const void *data, size_t length);

/* The far side closes once all has been read (ENDED), or the tunnel is lost. */
void fake_tunnel_end(enum error_code code);

/* Lets out so much of what is unsent, while the window is closed for the rest. */
void fake_tunnel_let_out(size_t length);

/* Lets out what is unsent. */
void fake_tunnel_open_window(void);

#endif
