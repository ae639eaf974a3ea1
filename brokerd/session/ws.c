/* SPDX-License-Identifier: ISC */
/* One WebSocket's life: its states, timers and events, from the greeting to the last goodbye. */
#include "ws.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/log.h"

#include "timer.h"
#include "ws_internal.h"

/* Unsent bytes past which nothing is read: a browser that sends pings and reads no pongs. */
#define BLOCKED_BYTES (4 * WS_UNSENT_BYTES_MAX)
/* Unsent bytes under which writable() is called. */
#define LOW_BYTES (WS_UNSENT_BYTES_MAX / 2)

static const char *const state_names[] = {"open", "closing", "lingering", "closed"};

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

/* --- events --------------------------------------------------------------------------------- */

bool ws_may_read(const struct ws *ws)
{
	/* Nobody pauses a goodbye. */
	return (!ws->paused || ws->state != WS_STATE_OPEN) && ws_unsent(ws) < BLOCKED_BYTES;
}

void ws_update_events(struct ws *ws)
{
	bool reads =
	    ws->state == WS_STATE_LINGERING || (ws->state < WS_STATE_LINGERING && ws_may_read(ws) &&
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

void ws_pause(struct ws *ws, bool paused)
{
	ws->paused = paused;
	ws_update_events(ws);
	/* What was read already does not make the socket readable again. */
	if (!paused && ws->early_used < ws->early_length)
		event_active(ws->read_event, EV_READ, 0);
}

/* --- state ---------------------------------------------------------------------------------- */

void ws_close(struct ws *ws, unsigned code, const char *reason)
{
	if (ws->state != WS_STATE_OPEN)
		return;
	wslay_event_queue_close(ws->wslay, (uint16_t)code, (const uint8_t *)reason, strlen(reason));
	set_state(ws, WS_STATE_CLOSING);
	timer_start_ms(ws->deadline, WS_CLOSE_MS);
	ws_flush(ws);
}

/* Why the browser is lost. */
static unsigned lost_code(const struct ws *ws)
{
	/* Also a close frame can be none. */
	if (ws->unreadable && !ws->gone)
		return WS_CLOSE_CODE_PROTOCOL_ERROR;
	if (wslay_event_get_close_received(ws->wslay))
		return wslay_event_get_status_code_received(ws->wslay);
	if (ws->gone)
		return WS_CLOSE_CODE_ABNORMAL;
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
		ws_flush(ws);
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
		ws_update_events(ws);
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
		ws_discard_input(ws);
	} else if (!ws->gone) {
		ws->dispatching = true;
		ws_read(ws);
		if (!ws->destroyed)
			ws_flush(ws);
	}
	settle(ws);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct ws *ws = arg;

	(void)fd;
	(void)what;
	ws_flush_socket(ws);
	if (ws->writable_owed && ws->state == WS_STATE_OPEN && !ws->gone &&
	    ws_unsent(ws) < LOW_BYTES) {
		ws->writable_owed = false;
		ws->dispatching = true;
		ws->handlers.writable(ws, ws->arg);
	}
	settle(ws);
}

void ws_note_pong(struct ws *ws, const uint8_t *data, size_t length)
{
	uint64_t passed_us = timer_now_us() - ws->pinged_us;

	if (ws->ping_text[0] == 0 || length != strlen(ws->ping_text) ||
	    memcmp(data, ws->ping_text, length) != 0)
		return;
	ws->ping_text[0] = 0;
	if (ws->handlers.answered != NULL && passed_us <= UINT32_MAX)
		ws->handlers.answered(ws, (uint32_t)passed_us, ws->arg);
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
		snprintf(ws->ping_text, sizeof(ws->ping_text), "%u", ws->ping_count++);
		ws->pinged_us = timer_now_us();
		ws_queue(ws, WSLAY_PING, ws->ping_text);
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
	    .recv_callback = ws_on_wslay_recv,
	    .send_callback = ws_on_wslay_send,
	    .on_frame_recv_start_callback = ws_on_wslay_frame_start,
	    .on_frame_recv_chunk_callback = ws_on_wslay_chunk,
	    .on_msg_recv_callback = ws_on_wslay_message,
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
	/* What the kernel has not sent yet could be left out, if it were still with us. */
	const int on = 1, lowat = WS_UNSENT_BYTES_MAX;

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
	/* TCP, or else a UNIX socket, whose buffer is all that can wait there. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	else
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &lowat, sizeof(lowat));
	timer_start_ms(ws->ping, ping_ms == WS_PING_MS ? WS_PING_FIRST_MS : ping_ms);
	ws_flush(ws);
	if (early_length != 0)
		event_active(ws->read_event, EV_READ, 0);
	return ws;
}
