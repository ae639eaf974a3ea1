/* SPDX-License-Identifier: ISC */
/*
 * Who has the stream: a browser that speaks x2goweb.v1 has said in its request what it wants, and
 * gets it at once, from whoever had it. A raw one is a candidate until it has shown the KDrive
 * cookie. Whoever says nothing, or nonsense, or comes late harms nobody. docs/stream.md has the
 * rules.
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
#define COOKIE_MS 10000

/* One at a time says goodbye; an older one has had its time. */
static void send_away(struct relay *relay, struct ws *ws, enum ws_subprotocol subprotocol,
    unsigned close_code, enum error_code word)
{
	ws_destroy(relay->leaving);
	relay->leaving = ws;
	relay_browser_say_bye(ws, subprotocol, close_code, word, NULL);
}

static struct ws *let_in(struct relay *relay, int fd, const struct ws_handshake *handshake,
    const uint8_t *early, size_t early_length)
{
	char greeting[WS_HANDSHAKE_REPLY_BYTES_MAX];

	return ws_create(relay->base, fd, greeting,
	    ws_handshake_put_acceptance(handshake, greeting), early, early_length, relay->ping_ms,
	    &relay_ws_handlers, relay);
}

static bool refuse(struct ws_handshake *handshake, int status, const char *text)
{
	handshake->status = status;
	handshake->refusal = text;
	return false;
}

/* --- x2goweb.v1 ----------------------------------------------------------------------------- */

static bool is_same_stream(const struct relay *relay, const struct relay_hello *hello)
{
	return strcmp(hello->stream, relay->stream) == 0;
}

/* Whether who says this is let in at all; nothing has changed if not. */
static bool judge_hello(const struct relay *relay, struct ws_handshake *handshake,
    const char *fault, const struct relay_hello *hello)
{
	if (fault != NULL)
		return refuse(handshake, 400, fault);
	if (strcmp(hello->page, relay->page) == 0 && hello->attempt <= relay->attempt)
		return refuse(handshake, 409, "The page has come again since.");
	if (is_same_stream(relay, hello) && hello->down > relay->backlog.sent)
		return refuse(handshake, 400, "The hello's position was never sent.");
	return true;
}

/* Whether who says this can be the first: where another one was, who knows position 0 as well, each
 * would take the other's events for its own. */
static bool is_first(const struct relay *relay, const struct relay_hello *hello)
{
	return hello->stream[0] == '\0' && relay->backlog.sent == 0 && relay->backlog.whole &&
	       relay->taken == 0 &&
	       (relay->page[0] == '\0' || strcmp(hello->page, relay->page) == 0);
}

/* As relay_set_phase. */
static void give_stream(struct relay *relay, struct ws *ws, const struct relay_hello *hello)
{
	struct backlog *backlog = &relay->backlog;
	enum relay_how how;

	if (is_same_stream(relay, hello) && backlog_reaches(backlog, hello->down)) {
		backlog_rewind(backlog, hello->down);
		how = RELAY_HOW_RESUME;
	} else if (is_first(relay, hello)) {
		how = RELAY_HOW_START;
	} else if (backlog_start_afresh(backlog)) {
		how = RELAY_HOW_FRESH;
	} else {
		send_away(relay, ws, WS_SUBPROTOCOL_V1, WS_CLOSE_CODE_SEE_BYE, ERROR_INTERNAL);
		relay_end(relay, ERROR_INTERNAL, NULL);
		return;
	}
	memcpy(relay->page, hello->page, sizeof(relay->page));
	relay->attempt = hello->attempt;
	relay_door_close(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED);
	relay_browser_attach(relay, ws, WS_SUBPROTOCOL_V1, how, hello->hidden);
}

static bool take_in_v1(struct relay *relay, int fd, struct ws_handshake *handshake,
    const uint8_t *early, size_t early_length)
{
	struct relay_hello hello;
	const char *fault = relay_words_read_hello(handshake->query, &hello);
	struct ws *ws;

	if (!judge_hello(relay, handshake, fault, &hello))
		return false;
	ws = let_in(relay, fd, handshake, early, early_length);
	if (ws == NULL)
		return true;
	if (hello.stream[0] != '\0' && !is_same_stream(relay, &hello))
		send_away(relay, ws, WS_SUBPROTOCOL_V1, WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED);
	else
		give_stream(relay, ws, &hello);
	return true;
}

/* --- raw ------------------------------------------------------------------------------------ */

static struct ws *release_candidate(struct relay *relay)
{
	struct ws *candidate = relay->candidate;

	relay->candidate = NULL;
	event_del(relay->candidate_deadline);
	return candidate;
}

void relay_door_close(struct relay *relay, unsigned close_code, enum error_code word)
{
	if (relay->candidate == NULL)
		return;
	evbuffer_drain(relay->from_candidate, evbuffer_get_length(relay->from_candidate));
	send_away(relay, release_candidate(relay), WS_SUBPROTOCOL_RAW, close_code, word);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	relay_door_close(arg, WS_CLOSE_CODE_SEE_BYE, ERROR_TIMEOUT);
}

static void expel_candidate(struct relay *relay, unsigned close_code, const char *why)
{
	log_info("relay: candidate expelled: %s", why);
	relay_door_close(relay, close_code, ERROR_BAD_REQUEST);
}

/* The agent has been sent its cookie already. */
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
		expel_candidate(relay, WS_CLOSE_CODE_POLICY, "wrong KDrive cookie");
		return;
	}
	if (relay->backlog.sent != 0) {
		expel_candidate(
		    relay, WS_CLOSE_CODE_POLICY, "the raw stream has been given already");
		return;
	}
	evbuffer_drain(said, KDRIVE_COOKIE_BYTES);
	relay_browser_attach(
	    relay, release_candidate(relay), WS_SUBPROTOCOL_RAW, RELAY_HOW_START, false);
}

void relay_door_take(struct relay *relay, bool text, const uint8_t *data, size_t length)
{
	/* While it is found out why the agent hung up there is no stream to be had. */
	if (relay->agent == NULL || !relay_is_streaming(relay))
		relay_door_close(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_AGENT_LOST);
	else if (text)
		expel_candidate(relay, WS_CLOSE_CODE_UNSUPPORTED, "text in the raw stream");
	else
		take_cookie(relay, data, length);
}

static bool take_in_raw(struct relay *relay, int fd, struct ws_handshake *handshake,
    const uint8_t *early, size_t early_length)
{
	if (relay->backlog.sent != 0)
		return refuse(handshake, 503, "The desktop is open in another window.");
	relay_door_close(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED);
	relay->candidate = let_in(relay, fd, handshake, early, early_length);
	if (relay->candidate != NULL)
		timer_start_ms(relay->candidate_deadline, COOKIE_MS);
	return true;
}

/* --- both ----------------------------------------------------------------------------------- */

bool relay_door_arrived(struct ws_listener *listener, int fd, struct ws_handshake *handshake,
    const uint8_t *early, size_t early_length, void *arg)
{
	struct relay *relay = arg;

	(void)listener;
	if (!relay_is_streaming(relay) || relay->agent == NULL)
		return refuse(handshake, 503, "There is no desktop to be shown at the moment.");
	if (handshake->subprotocol == WS_SUBPROTOCOL_RAW)
		return take_in_raw(relay, fd, handshake, early, early_length);
	return take_in_v1(relay, fd, handshake, early, early_length);
}

bool relay_door_init(struct relay *relay)
{
	relay->candidate_deadline = evtimer_new(relay->base, on_deadline, relay);
	return relay->candidate_deadline != NULL;
}
