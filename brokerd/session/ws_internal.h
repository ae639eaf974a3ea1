/* SPDX-License-Identifier: ISC */
/*
 * The data of one WebSocket, shared by ws.c (its life), ws_in.c (what comes) and ws_out.c (what is
 * on its way to the socket).
 *
 * wslay reads frames, checks them and answers pings and closes; it is used without its message
 * buffers, since messages are collected in one piece in ws_in.c.
 */
#ifndef SESSION_WS_INTERNAL_H
#define SESSION_WS_INTERNAL_H

#include <sys/types.h>
#include <wslay/wslay.h>

#include "ws.h"

struct event;

enum ws_state {
	WS_STATE_OPEN,
	WS_STATE_CLOSING,   /* a close frame is queued; the peer's is awaited */
	WS_STATE_LINGERING, /* nothing more to send; the peer's end is awaited */
	WS_STATE_CLOSED
};

struct ws {
	int fd;
	enum ws_state state;
	struct ws_handlers handlers;
	void *arg;
	struct event *read_event, *write_event;
	struct event *ping;	/* every ping_ms */
	struct event *deadline; /* of closing */
	struct event *settle;	/* made active when something is to be reported */

	wslay_event_context_ptr wslay;
	struct evbuffer *out;
	bool writable_owed; /* ws_send_binary left bytes behind */
	bool paused;
	bool gone;	 /* end of the stream, or an error of the socket */
	bool unreadable; /* what comes are not frames */

	uint8_t *early; /* read before the socket is */
	size_t early_length, early_used;
	size_t turn_bytes; /* that may still be read this turn */

	uint8_t *message; /* the one that is coming in */
	size_t message_length, message_capacity;
	bool message_is_text;
	bool in_data_frame; /* not in a control frame between two fragments */

	bool heard; /* something came, or was taken, since the last ping */
	bool pinged;
	unsigned ping_ms;
	char ping_text[12];  /* of the last one; empty: it is answered */
	unsigned ping_count; /* all in all */
	uint64_t pinged_us;
	bool dispatching; /* inside a handler: destruction waits */
	bool destroyed;
};

/* --- ws.c ---*/

/* Listens to the socket for what can be done now. */
void ws_update_events(struct ws *ws);

/* A pong with these bytes has come; some come unasked. */
void ws_note_pong(struct ws *ws, const uint8_t *data, size_t length);

/* Whether more may come in: the owner wants it and the browser takes what it is sent. */
bool ws_may_read(const struct ws *ws);

/* --- ws_in.c ---*/

/* Reads what the socket has, for a turn; whole messages go to the owner. */
void ws_read(struct ws *ws);

/* Reads and forgets. What comes after the goodbyes is of no interest, but closing with unread bytes
 * would reset the connection and take the goodbye with it. */
void ws_discard_input(struct ws *ws);

/* wslay's. */
ssize_t ws_on_wslay_recv(
    wslay_event_context_ptr wslay, uint8_t *buffer, size_t size, int flags, void *arg);
void ws_on_wslay_frame_start(wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_start_arg *frame, void *arg);
void ws_on_wslay_chunk(wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg);
void ws_on_wslay_message(
    wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message, void *arg);

/* --- ws_out.c ---*/

/* Gives the socket what it takes. */
void ws_flush_socket(struct ws *ws);

/* The same, after wslay's frames have been taken over. */
void ws_flush(struct ws *ws);

/* Queues a message by wslay. */
void ws_queue(struct ws *ws, uint8_t opcode, const char *text);

/* wslay's. */
ssize_t ws_on_wslay_send(
    wslay_event_context_ptr wslay, const uint8_t *data, size_t length, int flags, void *arg);

#endif
