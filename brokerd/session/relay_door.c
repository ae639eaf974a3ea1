/* SPDX-License-Identifier: ISC */
/*
 * Who has the stream: a WebSocket that has shown the login's cookie is a candidate until it has
 * said hello (or, raw, shown the KDrive cookie); then it takes the stream, from whoever had it.
 * Whoever says nothing, or nonsense, harms nobody. docs/stream.md has the rules.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <string.h>

#include "proto/log.h"

#include "relay_agent.h"
#include "relay_internal.h"
#include "timer.h"
#include "ws.h"

/* How long a candidate may take. */
#define HELLO_MS 10000

void relay_door_close(struct relay *relay, unsigned close_code, enum error_code word)
{
	struct ws *candidate = relay->candidate;

	if (candidate == NULL)
		return;
	relay->candidate = NULL;
	event_del(relay->candidate_deadline);
	evbuffer_drain(relay->from_candidate, evbuffer_get_length(relay->from_candidate));
	/* One at a time says goodbye; an older one has had its time. */
	ws_destroy(relay->leaving);
	relay->leaving = candidate;
	relay_browser_say_bye(candidate, relay->candidate_subprotocol, close_code, word, NULL);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	relay_door_close(arg, WS_CLOSE_CODE_SEE_BYE, ERROR_TIMEOUT);
}

static void refuse(struct relay *relay, unsigned close_code, const char *why)
{
	log_info("relay: candidate refused: %s", why);
	relay_door_close(relay, close_code, ERROR_BAD_REQUEST);
}

/* From where on the candidate gets the stream. */
static void take_hello(struct relay *relay, const struct relay_words *words)
{
	struct backlog *backlog = &relay->backlog;
	bool same = strcmp(words->stream, relay->stream) == 0;

	if (same && words->down > backlog->sent) {
		refuse(relay, WS_CLOSE_CODE_PROTOCOL_ERROR, "it knows what was never sent");
	} else if (same && backlog_reaches(backlog, words->down)) {
		backlog_rewind(backlog, words->down);
		relay_browser_attach(relay, RELAY_HOW_RESUME);
	} else if (!same && backlog->sent == 0 && backlog->whole) {
		relay_browser_attach(relay, RELAY_HOW_START);
	} else if (backlog_start_afresh(backlog)) {
		relay_browser_attach(relay, RELAY_HOW_FRESH);
	} else {
		relay_end(relay, ERROR_INTERNAL, NULL);
	}
}

/* Raw: the agent has been sent its cookie already. */
static void take_cookie(struct relay *relay, const uint8_t *data, size_t length)
{
	struct evbuffer *said = relay->from_candidate;

	if (evbuffer_add(said, data, length) != 0) {
		relay_door_close(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_INTERNAL);
		return;
	}
	if (evbuffer_get_length(said) < KDRIVE_COOKIE_BYTES)
		return;
	if (!relay_agent_cookie_is(relay->agent, evbuffer_pullup(said, KDRIVE_COOKIE_BYTES))) {
		refuse(relay, WS_CLOSE_CODE_POLICY, "wrong KDrive cookie");
		return;
	}
	if (relay->backlog.sent != 0) {
		refuse(relay, WS_CLOSE_CODE_POLICY, "the raw stream has been given already");
		return;
	}
	evbuffer_drain(said, KDRIVE_COOKIE_BYTES);
	relay_browser_attach(relay, RELAY_HOW_START);
}

void relay_door_take(struct relay *relay, bool text, const uint8_t *data, size_t length)
{
	bool raw = relay->candidate_subprotocol == WS_SUBPROTOCOL_RAW;
	struct relay_words words = {.word = RELAY_WORD_NONE};

	/* While it is found out why the agent hung up there is no stream to be had. */
	if (relay->agent == NULL || !relay_is_streaming(relay)) {
		relay_door_close(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_AGENT_LOST);
		return;
	}
	if (raw && !text) {
		take_cookie(relay, data, length);
		return;
	}
	if (!raw && text)
		relay_words_read(data, length, &words);
	if (words.word == RELAY_WORD_HELLO)
		take_hello(relay, &words);
	else if (raw)
		refuse(relay, WS_CLOSE_CODE_UNSUPPORTED, "text in the raw stream");
	else
		refuse(relay, WS_CLOSE_CODE_PROTOCOL_ERROR, "no hello first");
}

const char *relay_door_arrived(struct ws_listener *listener, int fd,
    const struct ws_handshake *handshake, const uint8_t *early, size_t early_length, void *arg)
{
	struct relay *relay = arg;
	char greeting[WS_HANDSHAKE_REPLY_BYTES_MAX];

	(void)listener;
	if (!relay_is_streaming(relay) || relay->agent == NULL)
		return "There is no desktop to be shown at the moment.";
	if (handshake->subprotocol == WS_SUBPROTOCOL_RAW && relay->backlog.sent != 0)
		return "The desktop is open in another window.";
	relay_door_close(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED);
	relay->candidate_subprotocol = handshake->subprotocol;
	relay->candidate =
	    ws_create(relay->base, fd, greeting, ws_handshake_put_acceptance(handshake, greeting),
		early, early_length, relay->ping_ms, &relay_ws_handlers, relay);
	if (relay->candidate != NULL)
		timer_start_ms(relay->candidate_deadline, HELLO_MS);
	return NULL;
}

bool relay_door_init(struct relay *relay)
{
	relay->candidate_deadline = evtimer_new(relay->base, on_deadline, relay);
	return relay->candidate_deadline != NULL;
}
