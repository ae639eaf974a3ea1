/* SPDX-License-Identifier: ISC */
/*
 * What comes in: bytes from the socket, or from before it was a WebSocket's, and the message that
 * they make up, in one piece.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ws_internal.h"

/* Read per turn of the event loop, so that others get theirs. */
#define TURN_BYTES (256 * 1024)
/* Memory for messages that is kept between them. */
#define MESSAGE_BYTES_KEPT 4096

static ssize_t take_early(struct ws *ws, uint8_t *buffer, size_t size)
{
	size_t left = ws->early_length - ws->early_used;
	size_t taken = left < size ? left : size;

	memcpy(buffer, ws->early + ws->early_used, taken);
	ws->early_used += taken;
	return (ssize_t)taken;
}

ssize_t ws_on_wslay_recv(
    wslay_event_context_ptr wslay, uint8_t *buffer, size_t size, int flags, void *arg)
{
	struct ws *ws = arg;
	ssize_t received;

	(void)flags;
	if (!ws_may_read(ws) || ws->turn_bytes == 0 || ws->destroyed) {
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
void ws_on_wslay_frame_start(wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
	struct ws *ws = arg;
	size_t limit, needed;
	uint8_t *larger;

	(void)wslay;
	ws->in_data_frame = !wslay_is_ctrl_frame(frame->opcode);
	/* Half a code, which wslay takes for none. */
	if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1) {
		ws->unreadable = true;
		fault(ws, WS_CLOSE_CODE_PROTOCOL_ERROR, "half a close code");
	}
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
	/* Never NULL, not even for a message of nothing. */
	if (ws->message != NULL && needed <= ws->message_capacity)
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
void ws_on_wslay_chunk(wslay_event_context_ptr wslay,
    const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg)
{
	struct ws *ws = arg;

	if (!ws->in_data_frame || chunk->data_length == 0 || !wslay_event_get_read_enabled(wslay))
		return;
	memcpy(ws->message + ws->message_length, chunk->data, chunk->data_length);
	ws->message_length += chunk->data_length;
}

void ws_on_wslay_message(
    wslay_event_context_ptr wslay, const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
	struct ws *ws = arg;

	/* After a fault wslay still finishes the frame. */
	if (!wslay_event_get_read_enabled(wslay) || ws->state != WS_STATE_OPEN || ws->destroyed)
		return;
	if (message->opcode == WSLAY_PONG)
		ws_note_pong(ws, message->msg, message->msg_length);
	if (wslay_is_ctrl_frame(message->opcode))
		return;
	ws->handlers.message(ws, ws->message_is_text, ws->message, ws->message_length, ws->arg);
	ws->message_length = 0;
	if (ws->message_capacity > MESSAGE_BYTES_KEPT) {
		free(ws->message);
		ws->message = NULL;
		ws->message_capacity = 0;
	}
}

void ws_read(struct ws *ws)
{
	ws->turn_bytes = TURN_BYTES;
	/* Where it loses track of the frames it queues a close frame without a code. */
	if (wslay_event_recv(ws->wslay) != 0)
		ws->unreadable = true;
}

void ws_discard_input(struct ws *ws)
{
	uint8_t scrap[4096];
	ssize_t received = recv(ws->fd, scrap, sizeof(scrap), MSG_DONTWAIT);

	if (received == 0 ||
	    (received < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		ws->gone = true;
}
