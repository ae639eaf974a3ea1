/* SPDX-License-Identifier: ISC */
/*
 * Who has the stream: a browser that speaks x2goweb.v1 has said in its request what it wants, and
 * gets it at once, from whoever had it. A raw one is a candidate until it has shown the KDrive
 * cookie, or the ticket that upstream's client was given in its place. Whoever says nothing, or
 * nonsense, or comes late harms nobody. docs/stream.md has the rules.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "proto/secret.h"

#include "relay_agent.h"
#include "relay_internal.h"
#include "timer.h"
#include "ws.h"

/* How long a candidate may take, and how many may at the same time: one more pushes out the oldest.
 */
#define COOKIE_MS      10000
#define CANDIDATES_MAX 8

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
	relay_browser_attach(relay, ws, WS_SUBPROTOCOL_V1, how, hello->hidden, NULL);
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

/* The caller has taken the WebSocket out, or it is closed without a word. */
static void candidate_free(struct relay_candidate *candidate)
{
	TAILQ_REMOVE(&candidate->relay->candidates, candidate, next);
	candidate->relay->candidate_count--;
	ws_destroy(candidate->ws);
	if (candidate->said != NULL)
		evbuffer_free(candidate->said);
	if (candidate->deadline != NULL)
		event_free(candidate->deadline);
	free(candidate);
}

static void dismiss(struct relay_candidate *candidate, unsigned close_code, enum error_code word)
{
	send_away(candidate->relay, candidate->ws, WS_SUBPROTOCOL_RAW, close_code, word);
	candidate->ws = NULL;
	candidate_free(candidate);
}

static void expel(struct relay_candidate *candidate, unsigned close_code, const char *why)
{
	log_info("relay: candidate expelled: %s", why);
	dismiss(candidate, close_code, ERROR_BAD_REQUEST);
}

static struct relay_candidate *find(struct relay *relay, const struct ws *ws)
{
	struct relay_candidate *candidate;

	TAILQ_FOREACH(candidate, &relay->candidates, next)
	if (candidate->ws == ws)
		return candidate;
	return NULL;
}

void relay_door_close(struct relay *relay, unsigned close_code, enum error_code word)
{
	while (!TAILQ_EMPTY(&relay->candidates))
		dismiss(TAILQ_FIRST(&relay->candidates), close_code, word);
}

void relay_door_finish(struct relay *relay)
{
	while (!TAILQ_EMPTY(&relay->candidates))
		candidate_free(TAILQ_FIRST(&relay->candidates));
}

bool relay_door_lose(struct relay *relay, struct ws *ws)
{
	struct relay_candidate *candidate = find(relay, ws);

	if (candidate != NULL)
		dismiss(candidate, WS_CLOSE_CODE_NORMAL, ERROR_TIMEOUT);
	return candidate != NULL;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	dismiss(arg, WS_CLOSE_CODE_SEE_BYE, ERROR_TIMEOUT);
}

/* shown: KDRIVE_COOKIE_BYTES; a ticket is as long. */
static bool may_have_stream(const struct relay *relay, const uint8_t *shown)
{
	uint8_t hash[32];
	bool right;

	if (!relay->by_ticket)
		return relay_agent_cookie_is(relay->agent, shown);
	right = EVP_Digest(shown, TICKET_CHARS, hash, NULL, EVP_sha256(), NULL) == 1 &&
		secret_equal(hash, relay->ticket_hash, sizeof(hash));
	explicit_bzero(hash, sizeof(hash));
	return right;
}

/* The agent has been sent its cookie already. */
static void take_cookie(struct relay_candidate *candidate, const uint8_t *data, size_t length)
{
	struct relay *relay = candidate->relay;
	struct evbuffer *said = candidate->said;
	struct ws *ws = candidate->ws;

	if (evbuffer_add(said, data, length) != 0) {
		dismiss(candidate, WS_CLOSE_CODE_SEE_BYE, ERROR_INTERNAL);
		return;
	}
	if (evbuffer_get_length(said) < KDRIVE_COOKIE_BYTES)
		return;
	if (!may_have_stream(relay, evbuffer_pullup(said, KDRIVE_COOKIE_BYTES))) {
		expel(candidate, WS_CLOSE_CODE_POLICY,
		    relay->by_ticket ? "wrong ticket" : "wrong KDrive cookie");
		return;
	}
	if (relay->backlog.sent != 0) {
		expel(candidate, WS_CLOSE_CODE_POLICY, "the raw stream has been given already");
		return;
	}
	evbuffer_drain(said, KDRIVE_COOKIE_BYTES);
	candidate->ws = NULL;
	candidate->said = NULL;
	candidate_free(candidate);
	relay_door_close(relay, WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED);
	relay_browser_attach(relay, ws, WS_SUBPROTOCOL_RAW, RELAY_HOW_START, false, said);
	evbuffer_free(said);
}

bool relay_door_take(
    struct relay *relay, struct ws *ws, bool text, const uint8_t *data, size_t length)
{
	struct relay_candidate *candidate = find(relay, ws);

	if (candidate == NULL)
		return false;
	/* While it is found out why the agent hung up there is no stream to be had. */
	if (relay->agent == NULL || !relay_is_streaming(relay))
		dismiss(candidate, WS_CLOSE_CODE_SEE_BYE, ERROR_AGENT_LOST);
	else if (text)
		expel(candidate, WS_CLOSE_CODE_UNSUPPORTED, "text in the raw stream");
	else
		take_cookie(candidate, data, length);
	return true;
}

/* Who comes first need not be who may have the stream, so that several are heard. */
static bool take_in_raw(struct relay *relay, int fd, struct ws_handshake *handshake,
    const uint8_t *early, size_t early_length)
{
	struct relay_candidate *candidate;

	if (relay->backlog.sent != 0)
		return refuse(handshake, 503, "The desktop is open in another window.");
	candidate = calloc(1, sizeof(*candidate));
	if (candidate == NULL)
		return refuse(handshake, 503, "The gateway cannot answer at the moment.");
	if (relay->candidate_count == CANDIDATES_MAX)
		dismiss(TAILQ_FIRST(&relay->candidates), WS_CLOSE_CODE_SEE_BYE, ERROR_REPLACED);
	candidate->relay = relay;
	TAILQ_INSERT_TAIL(&relay->candidates, candidate, next);
	relay->candidate_count++;
	candidate->said = evbuffer_new();
	candidate->deadline = evtimer_new(relay->base, on_deadline, candidate);
	candidate->ws = let_in(relay, fd, handshake, early, early_length);
	if (candidate->said == NULL || candidate->deadline == NULL || candidate->ws == NULL)
		candidate_free(candidate);
	else
		timer_start_ms(candidate->deadline, COOKIE_MS);
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
