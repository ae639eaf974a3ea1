/* SPDX-License-Identifier: ISC */
/*
 * The stream's browser: who is let to it, what it is fed, what of its words reaches the agent, and
 * how it is sent away.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "proto/log.h"

#include "relay_agent.h"
#include "relay_internal.h"
#include "timer.h"
#include "ws.h"

/* Bytes that wait for the server past which the browser is not read. */
#define AGENT_UNSENT_BYTES_MAX (256 * 1024)

#define BYE_BYTES_MAX	     512
#define PING_TOKEN_BYTES_MAX 16

/* The browser becomes the leaving one, which has WS_CLOSE_MS to read its goodbye. */
static void let_browser_leave(struct relay *relay)
{
	ws_destroy(relay->leaving);
	relay->leaving = relay->browser;
	relay->browser = NULL;
	evbuffer_drain(relay->from_browser, evbuffer_get_length(relay->from_browser));
}

void relay_browser_dismiss(
    struct relay *relay, unsigned close_code, enum error_code word, const char *text)
{
	char bye[BYE_BYTES_MAX], clean[BYE_BYTES_MAX - 64];
	const struct error_info *info = error_info(word);

	if (relay->browser == NULL)
		return;
	if (text == NULL || text[0] == '\0')
		text = info->text;
	message_set_text(clean, sizeof(clean), text, strlen(text));
	snprintf(bye, sizeof(bye), "bye %s %s", info->name, clean);
	if (relay->subprotocol == WS_SUBPROTOCOL_V1)
		ws_send_text(relay->browser, bye);
	ws_close(relay->browser, close_code, info->name);
	let_browser_leave(relay);
}

void relay_browser_feed(struct relay *relay)
{
	size_t waiting;

	if (relay->browser != NULL && !relay->locked) {
		size_t moved = ws_send_binary(relay->browser, relay->to_browser, false);

		relay->counters.to_browser_bytes += moved;
		relay->given |= moved != 0;
	}
	waiting = evbuffer_get_length(relay->to_browser);
	if (waiting <= relay->buffer_bytes)
		return;
	if (relay->given)
		relay_end(relay, ERROR_LAGGING, NULL);
	else
		relay_end(relay, ERROR_TIMEOUT, "No browser took the desktop's picture.");
}

/* --- from the browser ------------------------------------------------------------------------ */

/* The browser broke the protocol. */
static void expel_browser(struct relay *relay, unsigned close_code, const char *why)
{
	log_info("relay: browser expelled: %s", why);
	relay_browser_dismiss(relay, close_code, ERROR_BAD_REQUEST, why);
	relay_end(relay, ERROR_BAD_REQUEST, why);
}

/* Passes on all whole units, those that follow each other in one write: a resize is CACHEREBUILD
 * and GEOMETRY in one. Returns the bytes used, or -1 if the stream has ended. */
static ssize_t pass_units(struct relay *relay, const uint8_t *data, size_t length)
{
	size_t used = 0, passed = 0; /* of used, handed to the agent or dropped */

	if (length == 0)
		return 0;
	for (;;) {
		size_t unit = 0;
		const char *reason = NULL;
		enum kdrive_verdict verdict =
		    kdrive_events_judge(&relay->events, data + used, length - used, &unit, &reason);

		if (verdict == KDRIVE_VERDICT_PASS) {
			used += unit;
			continue;
		}
		if (used != passed && relay->agent != NULL &&
		    !relay_agent_send(relay->agent, data + passed, used - passed)) {
			relay_end(relay, ERROR_INTERNAL, NULL);
			return -1;
		}
		if (verdict == KDRIVE_VERDICT_SHORT)
			return (ssize_t)used;
		if (verdict == KDRIVE_VERDICT_MALFORMED) {
			expel_browser(relay, WS_CLOSE_CODE_PROTOCOL_ERROR, reason);
			return -1;
		}
		if (relay->dropped++ == 0)
			log_info(
			    "relay: the browser's events are not all for the agent: %s", reason);
		used += unit;
		passed = used;
	}
}

/* Raw: the cookie, which the agent has been sent already, then units wherever messages end. */
static void take_raw(struct relay *relay, const uint8_t *data, size_t length)
{
	ssize_t used;

	if (evbuffer_add(relay->from_browser, data, length) != 0) {
		relay_end(relay, ERROR_INTERNAL, NULL);
		return;
	}
	length = evbuffer_get_length(relay->from_browser);
	if (relay->locked) {
		if (length < KDRIVE_COOKIE_BYTES)
			return;
		if (relay->agent == NULL ||
		    !relay_agent_cookie_is(
			relay->agent, evbuffer_pullup(relay->from_browser, KDRIVE_COOKIE_BYTES))) {
			log_info("relay: wrong KDrive cookie");
			ws_close(relay->browser, WS_CLOSE_CODE_POLICY, "wrong cookie");
			let_browser_leave(relay);
			relay_set_phase(relay, RELAY_PHASE_WAITING, ERROR_NONE);
			return;
		}
		evbuffer_drain(relay->from_browser, KDRIVE_COOKIE_BYTES);
		relay->locked = false;
		event_del(relay->browser_deadline);
		length -= KDRIVE_COOKIE_BYTES;
		event_active(relay->turn, EV_TIMEOUT, 0);
	}
	used = pass_units(relay, evbuffer_pullup(relay->from_browser, -1), length);
	if (used > 0)
		evbuffer_drain(relay->from_browser, (size_t)used);
}

static void take_binary(struct relay *relay, const uint8_t *data, size_t length)
{
	ssize_t used;

	relay->counters.from_browser_bytes += length;
	if (relay->subprotocol == WS_SUBPROTOCOL_RAW) {
		take_raw(relay, data, length);
		return;
	}
	used = pass_units(relay, data, length);
	if (used >= 0 && (size_t)used != length)
		expel_browser(relay, WS_CLOSE_CODE_PROTOCOL_ERROR, "message ends within an event");
}

/* The one control word of a browser that has a meaning: "ping <token>" is answered "pong <token>"
 * at once. What was sent before it has been taken then, so that a browser can pace itself. Words
 * that are unknown, or not as they should be, are for later versions. */
static void take_word(struct relay *relay, const uint8_t *data, size_t length)
{
	static const char word[] = "ping ";
	char answer[sizeof(word) + PING_TOKEN_BYTES_MAX];
	size_t start = sizeof(word) - 1;

	if (length <= start || length > start + PING_TOKEN_BYTES_MAX ||
	    memcmp(data, word, start) != 0)
		return;
	for (size_t i = start; i < length; i++)
		if (!((data[i] >= '0' && data[i] <= '9') || (data[i] >= 'A' && data[i] <= 'Z') ||
			(data[i] >= 'a' && data[i] <= 'z')))
			return;
	memcpy(answer, data, length);
	answer[1] = 'o';
	answer[length] = '\0';
	ws_send_text(relay->browser, answer);
}

static void on_browser_message(
    struct ws *ws, bool text, const uint8_t *data, size_t length, void *arg)
{
	struct relay *relay = arg;

	if (ws != relay->browser)
		return;
	if (!text)
		take_binary(relay, data, length);
	else if (relay->subprotocol == WS_SUBPROTOCOL_RAW)
		expel_browser(relay, WS_CLOSE_CODE_UNSUPPORTED, "text in the raw stream");
	else
		take_word(relay, data, length);
	if (relay->browser != NULL && relay->agent != NULL &&
	    relay_agent_unsent(relay->agent) > AGENT_UNSENT_BYTES_MAX)
		ws_pause(relay->browser, true);
}

/* --- coming and going ------------------------------------------------------------------------ */

static void on_browser_writable(struct ws *ws, void *arg)
{
	struct relay *relay = arg;

	if (ws == relay->browser && relay_is_streaming(relay))
		relay_browser_feed(relay);
}

static void on_browser_lost(struct ws *ws, unsigned code, void *arg)
{
	struct relay *relay = arg;
	bool fault = code == WS_CLOSE_CODE_PROTOCOL_ERROR || code == WS_CLOSE_CODE_TOO_BIG ||
		     code == WS_CLOSE_CODE_UNSUPPORTED;

	if (ws != relay->browser)
		return;
	log_info("relay: browser lost: %u", code);
	let_browser_leave(relay);
	/* Why the agent hung up is being found out; relay_stop will come. */
	if (relay->agent == NULL)
		return;
	if (relay->given) {
		if (fault)
			relay_end(relay, ERROR_BAD_REQUEST, NULL);
		else
			relay_leave(relay);
		return;
	}
	timer_start_ms(relay->browser_deadline, relay->attach_deadline_ms);
	relay_set_phase(relay, RELAY_PHASE_WAITING, ERROR_NONE);
}

static void on_browser_closed(struct ws *ws, void *arg)
{
	struct relay *relay = arg;

	if (ws == relay->leaving)
		relay->leaving = NULL;
	ws_destroy(ws);
}

static void attach(struct relay *relay, int fd, const struct ws_handshake *handshake,
    const uint8_t *early, size_t early_length)
{
	static const struct ws_handlers handlers = {
	    .message = on_browser_message,
	    .writable = on_browser_writable,
	    .lost = on_browser_lost,
	    .closed = on_browser_closed,
	};
	char greeting[WS_HANDSHAKE_REPLY_BYTES_MAX];
	size_t greeting_length = ws_handshake_put_acceptance(handshake, greeting);

	relay->browser = ws_create(relay->base, fd, greeting, greeting_length, early, early_length,
	    relay->ping_ms, &handlers, relay);
	relay->subprotocol = handshake->subprotocol;
	relay->locked = handshake->subprotocol == WS_SUBPROTOCOL_RAW;
	if (relay->browser == NULL || relay->locked)
		timer_start_ms(relay->browser_deadline, relay->attach_deadline_ms);
	else
		event_del(relay->browser_deadline);
	if (relay->browser == NULL) {
		relay_set_phase(relay, RELAY_PHASE_WAITING, ERROR_NONE);
		return;
	}
	if (!relay->locked)
		ws_send_text(relay->browser, "hello 1");
	event_active(relay->turn, EV_TIMEOUT, 0);
	relay_set_phase(relay, RELAY_PHASE_ATTACHED, ERROR_NONE);
}

/* A stream can be taken from its first byte only: whoever comes first has it. */
const char *relay_browser_arrived(struct ws_listener *listener, int fd,
    const struct ws_handshake *handshake, const uint8_t *early, size_t early_length, void *arg)
{
	struct relay *relay = arg;

	(void)listener;
	if (relay->phase == RELAY_PHASE_LEFT)
		return "The desktop's window was closed; resume the desktop.";
	if (!relay_is_streaming(relay) || relay->agent == NULL)
		return "There is no desktop to be shown at the moment.";
	if (relay->given) {
		relay_end(relay, ERROR_REPLACED, NULL);
		return "The desktop was open in another window and has been suspended there.";
	}
	relay_browser_dismiss(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED, NULL);
	attach(relay, fd, handshake, early, early_length);
	return NULL;
}
