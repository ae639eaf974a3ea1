/* SPDX-License-Identifier: ISC */
/*
 * wslay reads frames, checks them and answers pings and closes; it is used without its message
 * buffers, since messages are collected in one piece here. Whatever goes out ends up in one
 * evbuffer that always holds whole frames: wslay writes small ones into it, binary messages get
 * their headers here, so that their bytes are moved and not copied.
 */
#include "ws.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "proto/log.h"

#include "timer.h"

/* Read per turn of the event loop, so that others get theirs. */
#define TURN_BYTES (256 * 1024)
/* Unsent bytes past which nothing is read: a browser that sends pings and reads no pongs. */
#define BLOCKED_BYTES (4 * WS_UNSENT_BYTES_MAX)
/* Unsent bytes under which writable() is called. */
#define LOW_BYTES (WS_UNSENT_BYTES_MAX / 2)
/* Memory for messages that is kept between them. */
#define MESSAGE_BYTES_KEPT 4096
/* Pieces of the buffer that go into one message, and into one sendmsg. */
#define FRAME_PIECES 16
#define SEND_PIECES  64

enum ws_state {
	WS_STATE_OPEN,
	WS_STATE_CLOSING,   /* a close frame is queued; the peer's is awaited */
	WS_STATE_LINGERING, /* nothing more to send; the peer's end is awaited */
	WS_STATE_CLOSED
};

static const char *const state_names[] = {"open", "closing", "lingering", "closed"};

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
	bool dispatching; /* inside a handler: destruction waits */
	bool destroyed;
};

static void set_state(struct ws *ws, enum ws_state state)
{
	log_debug("websocket: %s -> %s", state_names[ws->state], state_names[state]);
	ws->state = state;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void ws_free(struct ws *ws)
{
	free_event(ws->read_event);
	free_event(ws->write_event);
	free_event(ws->ping);
	free_event(ws->deadline);
	free_event(ws->settle);
	if (ws->wslay != NULL)
		wslay_event_context_free(ws->wslay);
	if (ws->out != NULL)
		evbuffer_free(ws->out);
	close(ws->fd);
	free(ws->early);
	free(ws->message);
	free(ws);
}

void ws_destroy(struct ws *ws)
{
	if (ws == NULL)
		return;
	if (ws->dispatching)
		ws->destroyed = true;
	else
		ws_free(ws);
}

size_t ws_unsent(const struct ws *ws)
{
	return evbuffer_get_length(ws->out);
}

/* --- out ------------------------------------------------------------------------------------ */

static bool may_read(const struct ws *ws)
{
	/* Nobody pauses a goodbye. */
	return (!ws->paused || ws->state != WS_STATE_OPEN) && ws_unsent(ws) < BLOCKED_BYTES;
}

static void update_events(struct ws *ws)
{
	bool reads =
	    ws->state == WS_STATE_LINGERING || (ws->state < WS_STATE_LINGERING && may_read(ws) &&
						   wslay_event_get_read_enabled(ws->wslay));

	if (ws->gone || !reads)
		event_del(ws->read_event);
	else
		event_add(ws->read_event, NULL);
	if (ws->gone || ws_unsent(ws) == 0)
		event_del(ws->write_event);
	else
		event_add(ws->write_event, NULL);
}

/* Gives the socket what it takes. MSG_NOSIGNAL: a peer that is gone must not end us. */
static void flush_socket(struct ws *ws)
{
	struct evbuffer_iovec pieces[SEND_PIECES];
	struct msghdr header = {0};
	ssize_t sent;
	int count;

	while (!ws->gone && ws_unsent(ws) != 0) {
		count = evbuffer_peek(ws->out, -1, NULL, pieces, SEND_PIECES);
		header.msg_iov = (struct iovec *)pieces;
		header.msg_iovlen = (size_t)(count < SEND_PIECES ? count : SEND_PIECES);
		sent = sendmsg(ws->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (sent < 0) {
			ws->gone = true;
			event_active(ws->settle, EV_TIMEOUT, 0);
			break;
		}
		evbuffer_drain(ws->out, (size_t)sent);
		if (!may_read(ws))
			ws->heard = true;
	}
}

/* Moves wslay's frames into the buffer and the buffer into the socket. */
static void flush(struct ws *ws)
{
	if (wslay_event_send(ws->wslay) != 0)
		ws->gone = true;
	flush_socket(ws);
	update_events(ws);
	if (ws->gone || ws->state == WS_STATE_CLOSING)
		event_active(ws->settle, EV_TIMEOUT, 0);
}

static ssize_t on_wslay_send(
    wslay_event_context_ptr wslay, const uint8_t *data, size_t length, int flags, void *arg)
{
	struct ws *ws = arg;

	(void)flags;
	if (evbuffer_add(ws->out, data, length) == 0)
		return (ssize_t)length;
	wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static void queue(struct ws *ws, uint8_t opcode, const char *text)
{
	struct wslay_event_msg message = {
	    .opcode = opcode, .msg = (const uint8_t *)text, .msg_length = strlen(text)};

	wslay_event_queue_msg(ws->wslay, &message);
	flush(ws);
}

void ws_send_text(struct ws *ws, const char *text)
{
	if (ws->state == WS_STATE_OPEN)
		queue(ws, WSLAY_TEXT_FRAME, text);
}

/* The longest run of whole pieces that is not too long for one message, so that pieces need not
 * be split, which would copy them. */
static size_t frame_length(struct evbuffer *source)
{
	struct evbuffer_iovec pieces[FRAME_PIECES];
	int count = evbuffer_peek(source, WS_UNSENT_BYTES_MAX, NULL, pieces, FRAME_PIECES);
	size_t length = 0;

	if (count > FRAME_PIECES)
		count = FRAME_PIECES;
	for (int i = 0; i < count; i++) {
		if (length != 0 && length + pieces[i].iov_len > WS_UNSENT_BYTES_MAX)
			break;
		length += pieces[i].iov_len;
	}
	return length;
}

/* RFC 6455 section 5.2: one unmasked final frame. */
static size_t put_frame_header(uint8_t header[10], size_t length)
{
	size_t used;

	header[0] = 0x80 | WSLAY_BINARY_FRAME;
	if (length < 126) {
		header[1] = (uint8_t)length;
		return 2;
	}
	header[1] = length < 65536 ? 126 : 127;
	used = length < 65536 ? 4 : 10;
	for (size_t i = used; i > 2; i--, length >>= 8)
		header[i - 1] = (uint8_t)length;
	return used;
}

size_t ws_send_binary(struct ws *ws, struct evbuffer *source, bool all)
{
	size_t moved = 0, length;
	uint8_t header[10];

	if (ws->state != WS_STATE_OPEN)
		return 0;
	while (!ws->gone && (length = frame_length(source)) != 0) {
		if (!all && ws_unsent(ws) >= WS_UNSENT_BYTES_MAX) {
			flush_socket(ws);
			if (ws_unsent(ws) >= WS_UNSENT_BYTES_MAX)
				break;
		}
		if (evbuffer_add(ws->out, header, put_frame_header(header, length)) != 0 ||
		    evbuffer_remove_buffer(source, ws->out, length) != (int)length) {
			ws->gone = true;
			break;
		}
		moved += length;
	}
	ws->writable_owed = evbuffer_get_length(source) != 0;
	flush(ws);
	return moved;
}

void ws_close(struct ws *ws, unsigned code, const char *reason)
{
	if (ws->state != WS_STATE_OPEN)
		return;
	wslay_event_queue_close(ws->wslay, (uint16_t)code, (const uint8_t *)reason, strlen(reason));
	set_state(ws, WS_STATE_CLOSING);
	timer_start_ms(ws->deadline, WS_CLOSE_MS);
	flush(ws);
}

void ws_pause(struct ws *ws, bool paused)
{
	ws->paused = paused;
	update_events(ws);
	/* What was read already does not make the socket readable again. */
	if (!paused && ws->early_used < ws->early_length)
		event_active(ws->read_event, EV_READ, 0);
}

/* --- in ------------------------------------------------------------------------------------- */

static ssize_t take_early(struct ws *ws, uint8_t *buffer, size_t size)
{
	size_t left = ws->early_length - ws->early_used;
	size_t taken = left < size ? left : size;

	memcpy(buffer, ws->early + ws->early_used, taken);
	ws->early_used += taken;
	return (ssize_t)taken;
}

static ssize_t on_wslay_recv(
    wslay_event_context_ptr wslay, uint8_t *buffer, size_t size, int flags, void *arg)
{
	struct ws *ws = arg;
	ssize_t received;

	(void)flags;
	if (!may_read(ws) || ws->turn_bytes == 0 || ws->destroyed) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (ws->early_used < ws->early_length)
		return take_early(ws, buffer, size);
	do
		received = recv(ws->fd, buffer, size, MSG_DONTWAIT);
	while (received < 0 && errno == EINTR);
	if (received > 0) {
		ws->heard = true;
		ws->turn_bytes -=
		    ws->turn_bytes < (size_t)received ? ws->turn_bytes : (size_t)received;
		return received;
	}
	if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	ws->gone = true;
	wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

/* Ends the connection for what the browser sent. */
static void fault(struct ws *ws, unsigned code, const char *reason)
{
	wslay_event_queue_close(ws->wslay, (uint16_t)code, (const uint8_t *)reason, strlen(reason));
	wslay_event_shutdown_read(ws->wslay);
}

/* Makes room for the frame; wslay limits each one, this limits all of a message. */
static void on_wslay_frame_start(wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
	struct ws *ws = arg;
	size_t limit, needed;
	uint8_t *larger;

	(void)wslay;
	ws->in_data_frame = !wslay_is_ctrl_frame(frame->opcode);
	if (!ws->in_data_frame)
		return;
	if (frame->opcode != WSLAY_CONTINUATION_FRAME) {
		ws->message_is_text = frame->opcode == WSLAY_TEXT_FRAME;
		ws->message_length = 0;
	}
	limit = ws->message_is_text ? WS_TEXT_BYTES_MAX : WS_BINARY_BYTES_MAX;
	if (frame->payload_length > limit - ws->message_length) {
		fault(ws, WS_CLOSE_CODE_TOO_BIG, "message too large");
		return;
	}
	needed = ws->message_length + (size_t)frame->payload_length;
	if (needed <= ws->message_capacity)
		return;
	/* Many small fragments must not mean as many copies. */
	if (needed < 2 * ws->message_capacity)
		needed = 2 * ws->message_capacity;
	if (needed < MESSAGE_BYTES_KEPT)
		needed = MESSAGE_BYTES_KEPT;
	larger = realloc(ws->message, needed);
	if (larger == NULL) {
		fault(ws, WS_CLOSE_CODE_TOO_BIG, "out of memory");
		return;
	}
	ws->message = larger;
	ws->message_capacity = needed;
}

/* Control frames come by here, too, but wslay collects those itself. */
static void on_wslay_chunk(wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg)
{
	struct ws *ws = arg;

	if (!ws->in_data_frame || chunk->data_length == 0 || !wslay_event_get_read_enabled(wslay))
		return;
	memcpy(ws->message + ws->message_length, chunk->data, chunk->data_length);
	ws->message_length += chunk->data_length;
}

static void on_wslay_message(
    wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
	struct ws *ws = arg;

	/* After a fault wslay still finishes the frame. */
	if (wslay_is_ctrl_frame(message->opcode) || !wslay_event_get_read_enabled(wslay) ||
	    ws->state != WS_STATE_OPEN || ws->destroyed)
		return;
	ws->handlers.message(ws, ws->message_is_text, ws->message, ws->message_length, ws->arg);
	ws->message_length = 0;
	if (ws->message_capacity > MESSAGE_BYTES_KEPT) {
		free(ws->message);
		ws->message = NULL;
		ws->message_capacity = 0;
	}
}

/* What comes after the goodbyes is of no interest, but closing with unread bytes would reset the
 * connection and take the goodbye with it. */
static void discard_input(struct ws *ws)
{
	uint8_t scrap[4096];
	ssize_t received = recv(ws->fd, scrap, sizeof(scrap), MSG_DONTWAIT);

	if (received == 0 ||
	    (received < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		ws->gone = true;
}

/* --- state ---------------------------------------------------------------------------------- */

/* Why the browser is lost. */
static unsigned lost_code(const struct ws *ws)
{
	if (wslay_event_get_close_received(ws->wslay))
		return wslay_event_get_status_code_received(ws->wslay);
	if (ws->gone)
		return WS_CLOSE_CODE_ABNORMAL;
	if (ws->unreadable)
		return WS_CLOSE_CODE_PROTOCOL_ERROR;
	return wslay_event_get_status_code_sent(ws->wslay);
}

/* Moves on to the state that the facts call for, tells the owner, and frees what was destroyed
 * meanwhile. Ends every turn that may have changed something. */
static void settle(struct ws *ws)
{
	ws->dispatching = true;
	if (ws->state == WS_STATE_OPEN && !ws->destroyed &&
	    (ws->gone || !wslay_event_get_read_enabled(ws->wslay))) {
		/* Sends the close frame that wslay or fault() queued, and knows its code then. */
		set_state(ws, WS_STATE_CLOSING);
		timer_start_ms(ws->deadline, WS_CLOSE_MS);
		flush(ws);
		ws->handlers.lost(ws, lost_code(ws), ws->arg);
	}
	if (ws->state == WS_STATE_CLOSING && !ws->gone && ws_unsent(ws) == 0 &&
	    wslay_event_get_close_sent(ws->wslay) && !wslay_event_get_read_enabled(ws->wslay)) {
		set_state(ws, WS_STATE_LINGERING);
		if (shutdown(ws->fd, SHUT_WR) != 0)
			ws->gone = true;
	}
	if (ws->gone && ws->state != WS_STATE_CLOSED && !ws->destroyed) {
		set_state(ws, WS_STATE_CLOSED);
		event_del(ws->deadline);
		event_del(ws->ping);
		ws->handlers.closed(ws, ws->arg);
	}
	ws->dispatching = false;
	if (ws->destroyed)
		ws_free(ws);
	else
		update_events(ws);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	settle(arg);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct ws *ws = arg;

	(void)fd;
	(void)what;
	if (ws->state == WS_STATE_LINGERING) {
		discard_input(ws);
	} else if (!ws->gone) {
		ws->dispatching = true;
		ws->turn_bytes = TURN_BYTES;
		/* Where it loses track of the frames it queues a close frame without a code. */
		if (wslay_event_recv(ws->wslay) != 0)
			ws->unreadable = true;
		if (!ws->destroyed)
			flush(ws);
	}
	settle(ws);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ws *ws = arg;

	(void)fd;
	(void)what;
	flush_socket(ws);
	if (ws->writable_owed && ws->state == WS_STATE_OPEN && !ws->gone &&
	    ws_unsent(ws) < LOW_BYTES) {
		ws->writable_owed = false;
		ws->dispatching = true;
		ws->handlers.writable(ws, ws->arg);
	}
	settle(ws);
}

/* A browser that is heard of, or takes what it is sent while it is not read, lives. While the owner
 * has us not read, nothing can be said about it. */
static void on_ping(evutil_socket_t fd, short what, void *arg)
{
	struct ws *ws = arg;

	(void)fd;
	(void)what;
	if (ws->pinged && !ws->heard && !ws->paused) {
		log_info("websocket: the browser does not answer");
		ws->gone = true;
	} else if (ws->state == WS_STATE_OPEN) {
		ws->pinged = true;
		ws->heard = false;
		queue(ws, WSLAY_PING, "");
		timer_start_ms(ws->ping, ws->ping_ms);
	}
	settle(ws);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ws *ws = arg;

	(void)fd;
	(void)what;
	ws->gone = true;
	settle(ws);
}

static bool create_events(struct ws *ws, struct event_base *base)
{
	ws->read_event = event_new(base, ws->fd, EV_READ | EV_PERSIST, on_readable, ws);
	ws->write_event = event_new(base, ws->fd, EV_WRITE | EV_PERSIST, on_writable, ws);
	ws->ping = evtimer_new(base, on_ping, ws);
	ws->deadline = evtimer_new(base, on_deadline, ws);
	ws->settle = evtimer_new(base, on_settle, ws);
	return ws->read_event != NULL && ws->write_event != NULL && ws->ping != NULL &&
	       ws->deadline != NULL && ws->settle != NULL && event_add(ws->read_event, NULL) == 0;
}

static bool create_wslay(struct ws *ws)
{
	static const struct wslay_event_callbacks callbacks = {
	    .recv_callback = on_wslay_recv,
	    .send_callback = on_wslay_send,
	    .on_frame_recv_start_callback = on_wslay_frame_start,
	    .on_frame_recv_chunk_callback = on_wslay_chunk,
	    .on_msg_recv_callback = on_wslay_message,
	};

	if (wslay_event_context_server_init(&ws->wslay, &callbacks, ws) != 0)
		return false;
	wslay_event_config_set_no_buffering(ws->wslay, 1);
	wslay_event_config_set_max_recv_msg_length(ws->wslay, WS_BINARY_BYTES_MAX);
	return true;
}

struct ws *ws_create(struct event_base *base, int fd, const char *greeting, size_t greeting_length,
    const uint8_t *early, size_t early_length, unsigned ping_ms, const struct ws_handlers *handlers,
    void *arg)
{
	struct ws *ws = calloc(1, sizeof(*ws));
	const int on = 1;

	if (ws == NULL) {
		close(fd);
		return NULL;
	}
	ws->fd = fd;
	ws->handlers = *handlers;
	ws->ping_ms = ping_ms;
	ws->arg = arg;
	ws->out = evbuffer_new();
	ws->early = malloc(early_length + 1);
	if (ws->out == NULL || ws->early == NULL || !create_wslay(ws) || !create_events(ws, base) ||
	    evbuffer_add(ws->out, greeting, greeting_length) != 0) {
		ws_free(ws);
		return NULL;
	}
	memcpy(ws->early, early, early_length);
	ws->early_length = early_length;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	timer_start_ms(ws->ping, ping_ms);
	flush(ws);
	if (early_length != 0)
		event_active(ws->read_event, EV_READ, 0);
	return ws;
}
