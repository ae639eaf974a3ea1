/* SPDX-License-Identifier: ISC */
/*
 * The stream's life: its phases, the agent's side, its end. What the browser says and is told is in
 * relay_browser.c, who becomes it in relay_door.c.
 */
#include "relay.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "proto/log.h"

#include "relay_agent.h"
#include "relay_internal.h"
#include "relay_pace.h"
#include "relay_rouse.h"
#include "timer.h"
#include "ws.h"
#include "ws_listener.h"

/* Read from the agent before the browser is fed, and before others get their turn. */
#define PUMP_BYTES (64 * 1024)
#define TURN_BYTES (1024 * 1024)

/* An agent with 400 MB in its queue answers CACHEREBUILD within 0.2 s; one that has not for so long
 * is asked again, so many times in all. */
#define REBUILD_WAIT_MS 5000
#define REBUILD_TRIES	3

/* How soon an agent hangs up whose goodbye came where nobody could expect it. */
#define HANG_UP_MS 500

static const char *const phase_names[] = {
    "idle", "connecting", "waiting", "attached", "left", "stopping"};

/* --- phases --------------------------------------------------------------------------------- */

static enum stream_state state_of(const struct relay *relay, enum relay_phase phase)
{
	switch (phase) {
	case RELAY_PHASE_WAITING:
	case RELAY_PHASE_LEFT:
		return STREAM_STATE_WAITING;
	case RELAY_PHASE_ATTACHED:
		return STREAM_STATE_ATTACHED;
	case RELAY_PHASE_STOPPING:
		return relay->state;
	default:
		return STREAM_STATE_NONE;
	}
}

void relay_set_phase(struct relay *relay, enum relay_phase phase, enum error_code reason)
{
	enum stream_state state = state_of(relay, phase);
	bool changed = state != relay->state;

	log_debug("relay: %s -> %s", phase_names[relay->phase], phase_names[phase]);
	relay->phase = phase;
	relay->state = state;
	if (changed)
		relay->handlers.state(relay, state, reason, relay->arg);
}

bool relay_is_streaming(const struct relay *relay)
{
	return relay->phase == RELAY_PHASE_WAITING || relay->phase == RELAY_PHASE_ATTACHED ||
	       relay->phase == RELAY_PHASE_LEFT;
}

static void forget_agent(struct relay *relay)
{
	relay_agent_destroy(relay->agent);
	relay->agent = NULL;
	relay_pace_reset(relay->pace);
	event_del(relay->turn);
	event_del(relay->rebuild);
	event_del(relay->unheard);
	event_del(relay->tell);
	event_del(relay->hang_up);
}

/* The agent's side is closed, or there was none left. */
static void finish_stream(struct relay *relay, enum error_code reason)
{
	forget_agent(relay);
	backlog_reset(&relay->backlog);
	relay_set_phase(relay, RELAY_PHASE_IDLE, reason);
}

void relay_end(struct relay *relay, enum error_code reason, const char *text)
{
	/* Ends that are nobody's fault. */
	bool normal = error_info(reason)->http_status == 200;

	if (relay->browser != NULL && reason != ERROR_LAGGING)
		relay->counters.to_browser_bytes +=
		    ws_send_binary(relay->browser, relay->backlog.unsent, NULL, WS_SEND_ALL);
	relay_browser_dismiss(
	    relay, normal ? WS_CLOSE_CODE_NORMAL : WS_CLOSE_CODE_SEE_BYE, reason, text);
	relay_door_close(relay, normal ? WS_CLOSE_CODE_NORMAL : WS_CLOSE_CODE_SEE_BYE, reason);
	backlog_reset(&relay->backlog);
	event_del(relay->browser_deadline);
	event_del(relay->hang_up);
	log_info("relay: stream ends: %s", error_info(reason)->name);
	if (relay->agent == NULL) {
		finish_stream(relay, reason);
		return;
	}
	relay->reason = reason;
	relay_pace_reset(relay->pace);
	relay_agent_disconnect(relay->agent);
	relay_set_phase(relay, RELAY_PHASE_STOPPING, reason);
}

void relay_leave(struct relay *relay)
{
	if (relay->grace_ms == 0 && relay->when_left == WHEN_LEFT_SUSPEND) {
		relay_end(relay, ERROR_SUSPENDED, NULL);
		return;
	}
	if (relay->when_left == WHEN_LEFT_SUSPEND)
		timer_start_ms(relay->browser_deadline, relay->grace_ms);
	relay_set_phase(relay, RELAY_PHASE_LEFT, ERROR_NONE);
}

static void send_rebuild(struct relay *relay)
{
	uint8_t event[KDRIVE_EVENT_BYTES];

	if (relay->agent == NULL)
		return;
	relay->rebuilds++;
	kdrive_events_put_plain(event, KDRIVE_EVENT_CACHE_REBUILD);
	timer_start_ms(relay->rebuild, relay->rebuild_ms);
	if (!relay_agent_send(relay->agent, event, sizeof(event)))
		relay_end(relay, ERROR_INTERNAL, NULL);
}

void relay_ask_rebuild(struct relay *relay)
{
	relay->rebuilds = 0;
	send_rebuild(relay);
}

static void on_rebuild(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;

	(void)fd;
	(void)what;
	if (relay->backlog.state != BACKLOG_STATE_SHEDDING)
		return;
	log_info("relay: the agent does not answer CACHEREBUILD, %u of %d", relay->rebuilds,
	    REBUILD_TRIES);
	if (relay->rebuilds < REBUILD_TRIES)
		send_rebuild(relay);
	else if (backlog_give_up_waiting(&relay->backlog))
		event_active(relay->turn, EV_TIMEOUT, 0);
	else
		relay_end(relay, ERROR_INTERNAL, NULL);
}

/* --- the agent's side ----------------------------------------------------------------------- */

static bool send_agent(void *arg, const uint8_t *units, size_t length)
{
	struct relay *relay = arg;

	return relay->agent == NULL || relay_agent_send(relay->agent, units, length);
}

static void on_pace_failed(void *arg)
{
	relay_end(arg, ERROR_INTERNAL, NULL);
}

static ssize_t read_agent(void *arg, void *buffer, size_t size)
{
	return relay_agent_read(arg, buffer, size);
}

/* The agent must never wait, so it is always drained, whatever becomes of the bytes. */
static void discard_agent(struct relay *relay)
{
	static uint8_t nowhere[PUMP_BYTES];

	while (relay_agent_read(relay->agent, nowhere, sizeof(nowhere)) > 0)
		;
}

/* Agents say DISCONNECT from another thread than their pictures, maybe in the middle of one: who
 * hangs up now has said that. Why, is found out as after any other end. */
static void note_nonsense(struct relay *relay)
{
	relay->garbled = true;
	timer_start_ms(relay->hang_up, HANG_UP_MS);
}

static void on_hang_up(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;

	(void)fd;
	(void)what;
	log_warnx("relay: the agent does not speak KDrive");
	relay_end(relay, ERROR_AGENT_LOST, NULL);
}

/* The agent has begun anew, and upstream's client neither knows that nor would ask. */
static void ask_screen(struct relay *relay)
{
	uint8_t event[KDRIVE_EVENT_BYTES];

	relay->backlog.renewed = false;
	if (relay->agent == NULL || !relay_is_streaming(relay))
		return;
	kdrive_events_put_plain(event, KDRIVE_EVENT_UPDATE);
	if (!relay_agent_send(relay->agent, event, sizeof(event)))
		relay_end(relay, ERROR_INTERNAL, NULL);
}

static void drain_agent(struct relay *relay)
{
	size_t unfed = 0, turn = 0;
	ssize_t received;
	bool broken, waited;

	if (relay->waiting && relay_is_streaming(relay))
		relay_browser_feed(relay);
	while (relay_is_streaming(relay) && relay->agent != NULL && !relay->waiting &&
	       !relay->garbled) {
		received = backlog_fill(&relay->backlog, read_agent, relay->agent, &broken);
		if (broken) {
			note_nonsense(relay);
			break;
		}
		if (received <= 0)
			break;
		unfed += (size_t)received;
		turn += (size_t)received;
		if (unfed >= PUMP_BYTES) {
			unfed = 0;
			relay_browser_feed(relay);
		}
		if (turn >= TURN_BYTES) {
			event_active(relay->turn, EV_TIMEOUT, 0);
			break;
		}
	}
	waited = relay->waiting;
	if (relay->backlog.renewed)
		ask_screen(relay);
	if (relay_is_streaming(relay))
		relay_rouse_note(relay);
	if (relay_is_streaming(relay))
		relay_browser_feed(relay);
	if (relay->agent != NULL && (relay->garbled || !relay_is_streaming(relay)))
		discard_agent(relay);
	/* Something may be there that was not read, and nobody else says so. */
	if (waited && !relay->waiting && relay_is_streaming(relay))
		event_active(relay->turn, EV_TIMEOUT, 0);
}

static void report_start(struct relay *relay, enum error_code error, const char *detail)
{
	void (*done)(enum error_code, const char *, void *) = relay->start_done;

	relay->start_done = NULL;
	if (done != NULL)
		done(error, detail, relay->start_arg);
}

static void on_agent_connected(struct relay_agent *agent, void *arg)
{
	struct relay *relay = arg;

	(void)agent;
	timer_start_ms(relay->browser_deadline, relay->attach_deadline_ms);
	relay_rouse_begin(relay);
	relay_set_phase(relay, RELAY_PHASE_WAITING, ERROR_NONE);
	report_start(relay, ERROR_NONE, NULL);
}

static void on_agent_readable(struct relay_agent *agent, void *arg)
{
	(void)agent;
	drain_agent(arg);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;

	(void)fd;
	(void)what;
	if (relay->agent != NULL)
		drain_agent(relay);
	else if (relay_is_streaming(relay))
		relay_browser_feed(relay);
}

static void on_agent_drained(struct relay_agent *agent, void *arg)
{
	(void)agent;
	relay_browser_note_drained(arg);
}

static void on_agent_ended(
    struct relay_agent *agent, enum error_code code, const char *detail, void *arg)
{
	struct relay *relay = arg;

	(void)agent;
	log_info(
	    "relay: agent ended: %s: %s", error_info(code)->name, detail != NULL ? detail : "");
	forget_agent(relay);
	switch (relay->phase) {
	case RELAY_PHASE_CONNECTING:
		relay_set_phase(relay, RELAY_PHASE_IDLE, code);
		report_start(relay, code, detail);
		break;
	case RELAY_PHASE_STOPPING:
		finish_stream(relay, relay->reason);
		break;
	default:
		if (code != ERROR_ENDED) {
			relay_end(relay, code, NULL);
			break;
		}
		event_del(relay->browser_deadline);
		relay->handlers.agent_ended(relay, relay->arg);
		break;
	}
}

/* --- the owner ------------------------------------------------------------------------------ */

static void on_browser_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;

	(void)fd;
	(void)what;
	relay_end(relay, relay->phase == RELAY_PHASE_LEFT ? ERROR_SUSPENDED : ERROR_TIMEOUT, NULL);
}

static void name_stream(struct relay *relay)
{
	uint8_t bytes[RELAY_STREAM_CHARS / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		log_fatalx("relay: no random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(relay->stream + 2 * i, 3, "%02x", bytes[i]);
}

void relay_start(struct relay *relay, struct ssh *ssh, uint16_t port,
    const char cookie[KDRIVE_COOKIE_BYTES], uint16_t width, uint16_t height,
    unsigned connect_deadline_ms,
    void (*done)(enum error_code error, const char *detail, void *arg), void *arg)
{
	static const struct relay_agent_handlers handlers = {
	    .connected = on_agent_connected,
	    .readable = on_agent_readable,
	    .drained = on_agent_drained,
	    .ended = on_agent_ended,
	};

	if (relay->phase != RELAY_PHASE_IDLE) {
		done(ERROR_SESSION_BUSY, "a stream is there already", arg);
		return;
	}
	relay->agent = relay_agent_create(relay->base, ssh, port, cookie, width, height,
	    connect_deadline_ms, relay->keepalive_ms, &handlers, relay);
	if (relay->agent == NULL) {
		done(ERROR_INTERNAL, "out of memory", arg);
		return;
	}
	kdrive_events_init(&relay->events, width, height);
	relay->dropped = 0;
	relay->taken = relay->told = 0;
	relay->page[0] = '\0';
	relay->garbled = false;
	backlog_reset(&relay->backlog);
	name_stream(relay);
	relay->start_done = done;
	relay->start_arg = arg;
	relay_set_phase(relay, RELAY_PHASE_CONNECTING, ERROR_NONE);
}

void relay_stop(struct relay *relay, enum error_code reason, const char *text)
{
	switch (relay->phase) {
	case RELAY_PHASE_CONNECTING:
		forget_agent(relay);
		relay_set_phase(relay, RELAY_PHASE_IDLE, reason);
		report_start(relay, reason, text);
		break;
	case RELAY_PHASE_WAITING:
	case RELAY_PHASE_ATTACHED:
	case RELAY_PHASE_LEFT:
		relay_end(relay, reason, text);
		break;
	default:
		break;
	}
}

enum stream_state relay_get_state(const struct relay *relay)
{
	return relay->state;
}

bool relay_awaits_browser(const struct relay *relay)
{
	return relay->phase == RELAY_PHASE_WAITING && relay->agent != NULL;
}

struct relay_counters relay_get_counters(const struct relay *relay)
{
	return relay->counters;
}

struct relay *relay_create(
    const struct relay_settings *settings, const struct relay_handlers *handlers, void *arg)
{
	static const struct ws_listener_handlers listener_handlers = {
	    .arrived = relay_door_arrived};
	struct relay *relay = calloc(1, sizeof(*relay));
	struct ws_handshake_rules rules = {
	    .raw_allowed = settings->raw_allowed, .by_ticket = settings->ticket_hash != NULL};

	if (relay == NULL)
		goto fail;
	TAILQ_INIT(&relay->candidates);
	relay->base = settings->base;
	relay->handlers = *handlers;
	relay->arg = arg;
	relay->attach_deadline_ms = settings->attach_deadline_ms;
	relay->grace_ms = settings->grace_ms;
	relay->when_left = settings->when_left;
	relay->buffer_bytes = settings->buffer_bytes;
	/* What is on its way waits again when the browser is lost. */
	relay->delay_bytes = settings->delay_bytes < settings->buffer_bytes
				 ? settings->delay_bytes
				 : settings->buffer_bytes;
	relay->keepalive_ms =
	    settings->keepalive_ms != 0 ? settings->keepalive_ms : RELAY_AGENT_KEEPALIVE_MS;
	relay->rebuild_ms = settings->rebuild_ms != 0 ? settings->rebuild_ms : REBUILD_WAIT_MS;
	relay->rouse_ms = settings->rouse_ms != 0 ? settings->rouse_ms : RELAY_ROUSE_WAIT_MS;
	relay->ping_ms = settings->ping_ms != 0 ? settings->ping_ms : WS_PING_MS;
	relay->login = strdup(settings->login);
	relay->origin = strdup(settings->origin);
	relay->from_browser = evbuffer_new();
	relay->rebuild = evtimer_new(relay->base, on_rebuild, relay);
	relay->hang_up = evtimer_new(relay->base, on_hang_up, relay);
	relay->browser_deadline = evtimer_new(relay->base, on_browser_deadline, relay);
	relay->turn = evtimer_new(relay->base, on_turn, relay);
	relay->pace = relay_pace_create(relay->base, send_agent, on_pace_failed, relay);
	if (!backlog_init(&relay->backlog) || !relay_browser_init(relay) ||
	    !relay_rouse_init(relay) || relay->login == NULL || relay->origin == NULL ||
	    relay->from_browser == NULL || relay->browser_deadline == NULL || relay->turn == NULL ||
	    relay->rebuild == NULL || relay->hang_up == NULL || relay->pace == NULL)
		goto fail;
	if (settings->ticket_hash != NULL) {
		relay->by_ticket = relay->backlog.plain = true;
		memcpy(relay->ticket_hash, settings->ticket_hash, sizeof(relay->ticket_hash));
	}
	rules.login = relay->login;
	rules.origin = relay->origin;
	memcpy(rules.cookie_hash, settings->cookie_hash, sizeof(rules.cookie_hash));
	relay->listener =
	    ws_listener_create(relay->base, settings->listener, &rules, &listener_handlers, relay);
	if (relay->listener == NULL) {
		relay_destroy(relay);
		return NULL;
	}
	return relay;

fail:
	close(settings->listener);
	relay_destroy(relay);
	return NULL;
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void relay_destroy(struct relay *relay)
{
	if (relay == NULL)
		return;
	ws_listener_destroy(relay->listener);
	if (relay->browser != NULL)
		ws_close(relay->browser, WS_CLOSE_CODE_GOING_AWAY, "gateway ends");
	ws_destroy(relay->browser);
	relay_door_finish(relay);
	ws_destroy(relay->leaving);
	relay_agent_destroy(relay->agent);
	relay_pace_destroy(relay->pace);
	backlog_finish(&relay->backlog);
	if (relay->from_browser != NULL)
		evbuffer_free(relay->from_browser);
	free_event(relay->browser_deadline);
	free_event(relay->turn);
	free_event(relay->rebuild);
	free_event(relay->unheard);
	free_event(relay->hang_up);
	free_event(relay->tell);
	free(relay->login);
	free(relay->origin);
	free(relay);
}
