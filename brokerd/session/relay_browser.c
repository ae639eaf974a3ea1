/* SPDX-License-Identifier: ISC */
/*
 * The stream's browser: what it is fed, what of its words reaches the agent, and how it is sent
 * away. docs/stream.md says what the two tell each other.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/log.h"

#include "relay_agent.h"
#include "relay_internal.h"
#include "relay_pace.h"
#include "timer.h"
#include "ws.h"

/* Bytes that wait for the agent past which the browser is not read. */
#define AGENT_UNSENT_BYTES_MAX (256 * 1024)

/* How soon the browser hears that its events have been taken. */
#define TELL_MS 100

#define BYE_BYTES_MAX 512

/* How long an agent may be kept waiting for the browser before something is left out, and how much
 * of that each millisecond gives back in which it is read: a line that takes a fifth of what we
 * could give it is faster than any agent draws, and loses nothing. */
#define PATIENCE_MS   50
#define PATIENCE_GAIN 4

/* The browser becomes the leaving one, which has WS_CLOSE_MS to read its goodbye. */
static void let_browser_leave(struct relay *relay)
{
	ws_destroy(relay->leaving);
	relay->leaving = relay->browser;
	relay->browser = NULL;
	relay->waiting = false;
	event_del(relay->tell);
	evbuffer_drain(relay->from_browser, evbuffer_get_length(relay->from_browser));
	relay->unit_bytes = 0;
}

void relay_browser_say_bye(struct ws *ws, enum ws_subprotocol subprotocol, unsigned close_code,
    enum error_code word, const char *text)
{
	char bye[BYE_BYTES_MAX], clean[BYE_BYTES_MAX - 64];
	const struct error_info *info = error_info(word);

	if (text == NULL || text[0] == '\0')
		text = info->text;
	message_set_text(clean, sizeof(clean), text, strlen(text));
	snprintf(bye, sizeof(bye), "bye %s %s", info->name, clean);
	if (subprotocol == WS_SUBPROTOCOL_V1)
		ws_send_text(ws, bye);
	ws_close(ws, close_code, info->name);
}

void relay_browser_dismiss(
    struct relay *relay, unsigned close_code, enum error_code word, const char *text)
{
	if (relay->browser == NULL)
		return;
	relay_browser_say_bye(relay->browser, relay->subprotocol, close_code, word, text);
	let_browser_leave(relay);
}

/* --- to the browser -------------------------------------------------------------------------- */

/* Bytes that it has not painted. */
static uint64_t on_their_way(const struct relay *relay)
{
	return relay->backlog.sent - relay->flow.painted;
}

static void send_stream(struct relay *relay)
{
	struct backlog *backlog = &relay->backlog;
	uint64_t sent = on_their_way(relay);
	size_t window = relay_flow_window(&relay->flow), moved;

	if (sent >= window || backlog_unsent(backlog) == 0)
		return;
	moved =
	    ws_send_binary(relay->browser, backlog->unsent, backlog->kept, (size_t)(window - sent));
	if (moved == 0)
		return;
	backlog_note_sent(backlog, moved);
	relay->counters.to_browser_bytes += moved;
	relay_flow_sent(&relay->flow, backlog->sent, backlog_unsent(backlog) != 0, timer_now_ms());
}

/* Upstream's protocol knows no acknowledgements. */
static void send_raw(struct relay *relay)
{
	struct backlog *backlog = &relay->backlog;
	size_t moved = ws_send_binary(relay->browser, backlog->unsent, NULL, WS_SEND_ALL - 1);

	backlog_note_sent(backlog, moved);
	backlog_acknowledge(backlog, backlog->sent);
	relay->counters.to_browser_bytes += moved;
}

/* Leaves out what the browser did not take in time; all: whatever it is. May end the stream. */
static void shed(struct relay *relay, bool all)
{
	log_debug("relay: %zu bytes of pictures are left out", backlog_pictures(&relay->backlog));
	if (!backlog_shed(&relay->backlog, all))
		relay_end(relay, ERROR_INTERNAL, NULL);
	else if (relay->backlog.state == BACKLOG_STATE_SHEDDING)
		relay_ask_rebuild(relay);
}

/* Whether the agent may still be kept waiting. */
static bool have_patience(struct relay *relay, bool wait)
{
	uint64_t now_ms = timer_now_ms();
	int64_t passed_ms = (int64_t)(now_ms - relay->weighed_ms);

	relay->patience_ms += relay->waiting ? -passed_ms : PATIENCE_GAIN * passed_ms;
	if (relay->patience_ms > PATIENCE_MS)
		relay->patience_ms = PATIENCE_MS;
	relay->weighed_ms = now_ms;
	relay->waiting = wait && relay->patience_ms > 0;
	if (relay->waiting)
		timer_start_ms(relay->turn, (unsigned)relay->patience_ms);
	return relay->waiting;
}

/* What pictures wait for, themselves included. Behind a selection they come late whatever is left
 * out, and that would cost the selection: CACHEREBUILD makes the agent drop the rest of it. */
static uint64_t before_pictures(const struct relay *relay)
{
	bool selection = relay->backlog.selection_end > relay->flow.painted;

	return backlog_pictures(&relay->backlog) + (selection ? 0 : on_their_way(relay));
}

/* Of what the browser did not take in time the newest is asked for again, bit by bit. Before its
 * first picture of the whole screen nothing is known of what is where. */
static void thin_out(struct relay *relay)
{
	size_t bytes = relay_flow_limit(&relay->flow);

	if (!backlog_knows_screen(&relay->backlog))
		shed(relay, false);
	else if (!backlog_thin(&relay->backlog, bytes))
		relay_end(relay, ERROR_INTERNAL, NULL);
}

/* The picture of the whole screen is let through, however large it is: else a slow line would never
 * see one. */
static void limit_delay(struct relay *relay)
{
	struct backlog *backlog = &relay->backlog;
	size_t pictures = backlog_pictures(backlog);
	bool full = relay->browser != NULL && backlog->state == BACKLOG_STATE_OPEN &&
		    pictures != 0 && (backlog->refreshed || backlog_knows_screen(backlog)) &&
		    before_pictures(relay) > relay_flow_limit(&relay->flow);

	if (have_patience(relay, full) || pictures == 0 ||
	    (backlog->state != BACKLOG_STATE_OPEN && backlog->state != BACKLOG_STATE_THIN))
		return;
	if (relay->browser == NULL) {
		if (backlog_in_flight(backlog) + pictures > relay->delay_bytes &&
		    !backlog_set_blind(backlog, true))
			relay_end(relay, ERROR_INTERNAL, NULL);
	} else if (full) {
		thin_out(relay);
	}
}

/* For upstream's client, which says nothing of what it has received: of the pictures that wait for
 * its connection all are left out when there are too many, and the whole screen is asked for. */
static void limit_unheard(struct relay *relay)
{
	const struct backlog *backlog = &relay->backlog;

	if (backlog->state == BACKLOG_STATE_OPEN && backlog->refreshed &&
	    backlog_pictures(backlog) > relay->delay_bytes)
		shed(relay, false);
}

static void limit_memory(struct relay *relay)
{
	bool raw = relay->browser != NULL && relay->subprotocol == WS_SUBPROTOCOL_RAW;

	if (backlog_unsent(&relay->backlog) <= relay->buffer_bytes)
		return;
	if (!raw || relay->by_ticket)
		shed(relay, true);
	/* It is one message that is as large, or a browser that may know no REINIT. */
	if (relay_is_streaming(relay) && backlog_unsent(&relay->backlog) > relay->buffer_bytes)
		relay_end(relay, ERROR_LAGGING, NULL);
}

void relay_browser_feed(struct relay *relay)
{
	bool raw = relay->subprotocol == WS_SUBPROTOCOL_RAW;

	if (relay->browser != NULL && raw)
		send_raw(relay);
	else if (relay->browser != NULL)
		send_stream(relay);
	if (relay->browser == NULL || !raw)
		limit_delay(relay);
	else if (relay->by_ticket)
		limit_unheard(relay);
	if (relay_is_streaming(relay))
		limit_memory(relay);
	if (relay_is_streaming(relay) && relay->browser != NULL && !raw)
		relay_thin_ask(relay);
}

/* --- from the browser ------------------------------------------------------------------------ */

/* The browser broke the protocol. */
static void expel_browser(struct relay *relay, unsigned close_code, const char *why)
{
	log_info("relay: browser expelled: %s", why);
	relay_browser_dismiss(relay, close_code, ERROR_BAD_REQUEST, why);
	relay_end(relay, ERROR_BAD_REQUEST, why);
}

/* Passes on all whole units, those that follow each other as one message. Returns the bytes used,
 * or -1 if the stream has ended. */
static ssize_t pass_units(struct relay *relay, const uint8_t *data, size_t length)
{
	size_t used = 0, passed = 0; /* of used, passed on or dropped */

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
		    !relay_pace_push(relay->pace, data + passed, used - passed)) {
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

/* Raw: units wherever messages end. Upstream's client sends a selection in thousands of them, so it
 * is looked at again only when there is enough. */
static void take_raw(struct relay *relay, const uint8_t *data, size_t length)
{
	uint8_t event[KDRIVE_EVENT_BYTES];
	ssize_t used;

	if (evbuffer_add(relay->from_browser, data, length) != 0) {
		relay_end(relay, ERROR_INTERNAL, NULL);
		return;
	}
	if (evbuffer_get_length(relay->from_browser) < relay->unit_bytes)
		return;
	used = pass_units(relay, evbuffer_pullup(relay->from_browser, -1),
	    evbuffer_get_length(relay->from_browser));
	if (used < 0)
		return;
	evbuffer_drain(relay->from_browser, (size_t)used);
	relay->unit_bytes = sizeof(event);
	if (evbuffer_copyout(relay->from_browser, event, sizeof(event)) == sizeof(event))
		relay->unit_bytes = kdrive_events_selection_bytes(event);
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
	if (used < 0)
		return;
	if ((size_t)used != length) {
		expel_browser(relay, WS_CLOSE_CODE_PROTOCOL_ERROR, "message ends within an event");
		return;
	}
	relay->taken += length;
	if (!event_pending(relay->tell, EV_TIMEOUT, NULL))
		timer_start_ms(relay->tell, TELL_MS);
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;
	char text[RELAY_WORDS_BYTES];

	(void)fd;
	(void)what;
	if (relay->browser == NULL || relay->told == relay->taken)
		return;
	relay->told = relay->taken;
	snprintf(text, sizeof(text), "ack %" PRIu64, relay->taken);
	ws_send_text(relay->browser, text);
}

static void take_ack(struct relay *relay, const struct relay_words *words)
{
	if (!backlog_acknowledge(&relay->backlog, words->down)) {
		expel_browser(
		    relay, WS_CLOSE_CODE_PROTOCOL_ERROR, "what was never sent is received");
		return;
	}
	relay_flow_painted(&relay->flow, words->painted, timer_now_ms());
	event_active(relay->turn, EV_TIMEOUT, 0);
}

/* Nobody looks: pictures would be of no use when somebody does again. */
static void set_hidden(struct relay *relay, bool hidden)
{
	bool was_blind = relay->backlog.state == BACKLOG_STATE_BLIND;

	if (!backlog_set_blind(&relay->backlog, hidden))
		relay_end(relay, ERROR_INTERNAL, NULL);
	else if (was_blind && !hidden)
		relay_ask_rebuild(relay);
}

static void take_words(struct relay *relay, const uint8_t *data, size_t length)
{
	struct relay_words words;
	char text[RELAY_WORDS_BYTES];

	relay_words_read(data, length, &words);
	switch (words.word) {
	case RELAY_WORD_ACK:
		take_ack(relay, &words);
		break;
	case RELAY_WORD_HIDE:
	case RELAY_WORD_SHOW:
		set_hidden(relay, words.word == RELAY_WORD_HIDE);
		break;
	case RELAY_WORD_PING:
		snprintf(text, sizeof(text), "pong %s", words.token);
		ws_send_text(relay->browser, text);
		break;
	case RELAY_WORD_HELLO:
		expel_browser(relay, WS_CLOSE_CODE_PROTOCOL_ERROR, "a hello out of place");
		break;
	case RELAY_WORD_MALFORMED:
		expel_browser(relay, WS_CLOSE_CODE_PROTOCOL_ERROR, "a malformed word");
		break;
	default:
		break;
	}
}

/* Of the browser's events, for the agent. */
static bool too_much_waits(const struct relay *relay)
{
	return relay->agent != NULL &&
	       relay_agent_unsent(relay->agent) + relay_pace_waiting(relay->pace) >
		   AGENT_UNSENT_BYTES_MAX;
}

static void hold_if_too_much(struct relay *relay)
{
	if (relay->browser != NULL && too_much_waits(relay))
		ws_pause(relay->browser, true);
}

static void on_message(struct ws *ws, bool text, const uint8_t *data, size_t length, void *arg)
{
	struct relay *relay = arg;

	if (relay_door_take(relay, ws, text, data, length) || ws != relay->browser)
		return;
	if (!text)
		take_binary(relay, data, length);
	else if (relay->subprotocol == WS_SUBPROTOCOL_RAW)
		expel_browser(relay, WS_CLOSE_CODE_UNSUPPORTED, "text in the raw stream");
	else
		take_words(relay, data, length);
	hold_if_too_much(relay);
}

void relay_browser_note_drained(struct relay *relay)
{
	/* What keeps its distance from the one before is still to come. */
	if (relay->browser != NULL && !too_much_waits(relay))
		ws_pause(relay->browser, false);
}

/* --- what the user is told ---------------------------------------------------------------------
 */

static void say(struct relay *relay, const char *text)
{
	char words[RELAY_SAY_BYTES(TELL_BYTES)];

	relay_words_put_say(words, text);
	ws_send_text(relay->browser, words);
}

enum relay_said relay_say(struct relay *relay, const char *text)
{
	if (relay->browser != NULL && relay->subprotocol == WS_SUBPROTOCOL_V1) {
		say(relay, text);
		return RELAY_SAID_NOW;
	}
	if (relay->browser != NULL)
		return RELAY_SAID_NOBODY;
	strcpy(relay->unsaid, text);
	relay->unsaid_ms = timer_now_ms();
	return RELAY_SAID_LATER;
}

void relay_take_unsaid(struct relay *relay, char ret_text[TELL_BYTES + 1])
{
	ret_text[0] = '\0';
	if (relay->unsaid[0] != '\0' && timer_now_ms() - relay->unsaid_ms < RELAY_UNSAID_MS)
		strcpy(ret_text, relay->unsaid);
	relay->unsaid[0] = '\0';
}

static void say_unsaid(struct relay *relay)
{
	char text[TELL_BYTES + 1];

	relay_take_unsaid(relay, text);
	if (text[0] != '\0')
		say(relay, text);
}

/* --- coming and going ------------------------------------------------------------------------ */

static void on_writable(struct ws *ws, void *arg)
{
	struct relay *relay = arg;

	/* The agent may have had to wait for this. */
	if (ws == relay->browser && relay_is_streaming(relay))
		event_active(relay->turn, EV_TIMEOUT, 0);
}

static bool is_fault(unsigned code)
{
	return code == WS_CLOSE_CODE_PROTOCOL_ERROR || code == WS_CLOSE_CODE_UNSUPPORTED ||
	       code == WS_CLOSE_CODE_BAD_TEXT || code == WS_CLOSE_CODE_TOO_BIG;
}

static void on_lost(struct ws *ws, unsigned code, void *arg)
{
	struct relay *relay = arg;

	if (relay_door_lose(relay, ws) || ws != relay->browser)
		return;
	log_info("relay: browser lost: %u", code);
	let_browser_leave(relay);
	/* Why the agent hung up is being found out; relay_stop will come. */
	if (relay->agent == NULL)
		return;
	if (relay->backlog.sent == 0 && !is_fault(code)) {
		timer_start_ms(relay->browser_deadline, relay->attach_deadline_ms);
		relay_set_phase(relay, RELAY_PHASE_WAITING, ERROR_NONE);
	} else if (is_fault(code)) {
		relay_end(relay, ERROR_BAD_REQUEST, NULL);
	} else if (relay->when_left == WHEN_LEFT_SUSPEND &&
		   (code == WS_CLOSE_CODE_NORMAL || code == WS_CLOSE_CODE_GOING_AWAY)) {
		/* It said so: nobody waits for it. */
		relay_end(relay, ERROR_SUSPENDED, NULL);
	} else {
		relay_leave(relay);
	}
}

static void on_closed(struct ws *ws, void *arg)
{
	struct relay *relay = arg;

	if (ws == relay->leaving)
		relay->leaving = NULL;
	ws_destroy(ws);
}

static void on_answered(struct ws *ws, uint32_t round_trip_us, void *arg)
{
	struct relay *relay = arg;

	if (ws != relay->browser)
		return;
	relay->counters.round_trip_us = round_trip_us;
	if (relay->handlers.tally != NULL)
		relay->handlers.tally(relay, relay->arg);
}

const struct ws_handlers relay_ws_handlers = {
    .message = on_message,
    .answered = on_answered,
    .writable = on_writable,
    .lost = on_lost,
    .closed = on_closed,
};

void relay_browser_attach(struct relay *relay, struct ws *ws, enum ws_subprotocol subprotocol,
    enum relay_how how, bool hidden, struct evbuffer *said)
{
	char text[RELAY_WORDS_BYTES];

	relay_browser_dismiss(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED, NULL);
	relay->browser = ws;
	relay->subprotocol = subprotocol;
	relay->counters.round_trip_us = 0;
	relay->counters.resumes += how != RELAY_HOW_START;
	event_del(relay->browser_deadline);
	if (said != NULL)
		evbuffer_add_buffer(relay->from_browser, said);
	relay_flow_init(&relay->flow, relay->delay_bytes, relay->backlog.sent, timer_now_ms());
	if (relay->subprotocol == WS_SUBPROTOCOL_V1) {
		relay_words_put_hello(text, relay->stream, relay->backlog.sent, relay->taken, how);
		ws_send_text(relay->browser, text);
		relay->told = relay->taken;
		say_unsaid(relay);
	}
	/* The one before may have left more than the agent takes. */
	hold_if_too_much(relay);
	event_active(relay->turn, EV_TIMEOUT, 0);
	relay_set_phase(relay, RELAY_PHASE_ATTACHED, ERROR_NONE);
	if (relay->phase == RELAY_PHASE_ATTACHED && relay->subprotocol == WS_SUBPROTOCOL_RAW)
		take_raw(relay, NULL, 0);
	if (relay->phase == RELAY_PHASE_ATTACHED)
		set_hidden(relay, hidden);
	if (relay->phase == RELAY_PHASE_ATTACHED && how == RELAY_HOW_FRESH && !hidden)
		relay_ask_rebuild(relay);
}

bool relay_browser_init(struct relay *relay)
{
	relay->tell = evtimer_new(relay->base, on_tell, relay);
	return relay->tell != NULL;
}
