/* SPDX-License-Identifier: ISC */
/*
 * What is on its way to the socket: one evbuffer that always holds whole frames. wslay writes small
 * ones into it; binary messages get their headers here, so that their bytes are moved and not
 * copied.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "ws_internal.h"

/* Pieces of the buffer that go into one message, and into one sendmsg. */
#define FRAME_PIECES 16
#define SEND_PIECES  64

/* Of a message that is copied and not shared. */
#define COPIED_BYTES_MAX 512

size_t ws_unsent(const struct ws *ws)
{
	return evbuffer_get_length(ws->out);
}

/* MSG_NOSIGNAL: a peer that is gone must not end us. */
void ws_flush_socket(struct ws *ws)
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
		if (!ws_may_read(ws))
			ws->heard = true;
	}
}

void ws_flush(struct ws *ws)
{
	if (wslay_event_send(ws->wslay) != 0)
		ws->gone = true;
	ws_flush_socket(ws);
	ws_update_events(ws);
	if (ws->gone || ws->state == WS_STATE_CLOSING)
		event_active(ws->settle, EV_TIMEOUT, 0);
}

ssize_t ws_on_wslay_send(
    wslay_event_context_ptr wslay, const uint8_t *data, size_t length, int flags, void *arg)
{
	struct ws *ws = arg;

	(void)flags;
	if (evbuffer_add(ws->out, data, length) == 0)
		return (ssize_t)length;
	wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

void ws_queue(struct ws *ws, uint8_t opcode, const char *text)
{
	struct wslay_event_msg message = {
	    .opcode = opcode, .msg = (const uint8_t *)text, .msg_length = strlen(text)};

	/* Somebody waits for what it says. */
	if (wslay_event_queue_msg(ws->wslay, &message) == WSLAY_ERR_NOMEM)
		ws->gone = true;
	ws_flush(ws);
}

void ws_send_text(struct ws *ws, const char *text)
{
	if (ws->state == WS_STATE_OPEN)
		ws_queue(ws, WSLAY_TEXT_FRAME, text);
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

/* A little would hold the memory of a whole piece, at both places, and sharing costs more than it
 * saves. */
static bool copy(struct ws *ws, struct evbuffer *source, struct evbuffer *keep, size_t length)
{
	uint8_t bytes[COPIED_BYTES_MAX];

	return evbuffer_copyout(source, bytes, length) == (ssize_t)length &&
	       evbuffer_add(ws->out, bytes, length) == 0 &&
	       evbuffer_add(keep, bytes, length) == 0 && evbuffer_drain(source, length) == 0;
}

static bool share(struct ws *ws, struct evbuffer *source, struct evbuffer *keep, size_t length)
{
	struct evbuffer *slice = evbuffer_new();
	size_t before = ws_unsent(ws);
	bool good;

	if (slice == NULL)
		return false;
	/* What libevent finds no memory for is only missing afterwards. */
	good = evbuffer_remove_buffer(source, slice, length) == (int)length &&
	       evbuffer_add_buffer_reference(ws->out, slice) == 0 &&
	       ws_unsent(ws) - before == length;
	if (good)
		evbuffer_add_buffer(keep, slice);
	else
		evbuffer_prepend_buffer(source, slice);
	evbuffer_free(slice);
	return good;
}

/* Moves bytes behind what is to be sent; with keep, that gets them, and shares their memory with
 * us. False if memory is short; then with keep they are still in the source. */
static bool move(struct ws *ws, struct evbuffer *source, struct evbuffer *keep, size_t length)
{
	if (keep == NULL)
		return evbuffer_remove_buffer(source, ws->out, length) == (int)length;
	return length <= COPIED_BYTES_MAX ? copy(ws, source, keep, length)
					  : share(ws, source, keep, length);
}

size_t ws_send_binary(struct ws *ws, struct evbuffer *source, struct evbuffer *keep, size_t most)
{
	size_t moved = 0, length;
	uint8_t header[10];

	if (ws->state != WS_STATE_OPEN)
		return 0;
	while (!ws->gone && moved < most && (length = frame_length(source)) != 0) {
		if (most != WS_SEND_ALL && ws_unsent(ws) >= WS_UNSENT_BYTES_MAX) {
			ws_flush_socket(ws);
			if (ws_unsent(ws) >= WS_UNSENT_BYTES_MAX)
				break;
		}
		if (evbuffer_add(ws->out, header, put_frame_header(header, length)) != 0 ||
		    !move(ws, source, keep, length)) {
			ws->gone = true;
			break;
		}
		moved += length;
	}
	ws->writable_owed = evbuffer_get_length(source) != 0;
	ws_flush(ws);
	return moved;
}
