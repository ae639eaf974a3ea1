/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/log.h"
#include "timer.h"

/* How long an ending login waits for its agent to take what was sent and hang up. Less than
 * [deadlines] stop usually is. */
#define END_WAIT_MS 4000

static const char *const state_names[SESSION_STATE_COUNT] = {
    "idle", "connecting", "probing", "ready", "ending", "ended"};

static const unsigned state_followers[SESSION_STATE_COUNT] = {
    [SESSION_STATE_IDLE] = 1u << SESSION_STATE_CONNECTING | 1u << SESSION_STATE_ENDING,
    [SESSION_STATE_CONNECTING] = 1u << SESSION_STATE_PROBING | 1u << SESSION_STATE_ENDING,
    [SESSION_STATE_PROBING] = 1u << SESSION_STATE_READY | 1u << SESSION_STATE_ENDING,
    [SESSION_STATE_READY] = 1u << SESSION_STATE_ENDING,
    [SESSION_STATE_ENDING] = 1u << SESSION_STATE_ENDED,
};

static void set_state(struct session *session, enum session_state state)
{
	if ((state_followers[session->state] & 1u << state) == 0)
		log_fatalx("session: %s cannot become %s", state_names[session->state],
		    state_names[state]);
	log_debug("session: %s -> %s", state_names[session->state], state_names[state]);
	session->state = state;
}

const char *session_attached_id(const struct session *session)
{
	return session->relay != NULL && relay_get_state(session->relay) != STREAM_STATE_NONE
		   ? session->stream.id
		   : "";
}

/* --- end ---------------------------------------------------------------------------------- */

/* From the event loop, where nobody's handler is under way. */
static void finish_end(struct session *session)
{
	struct message message;

	set_state(session, SESSION_STATE_ENDED);
	relay_destroy(session->relay);
	session->relay = NULL;
	session_hops_close(session);
	log_info("session: ended: %s: %s%s", error_info(session->end_code)->name,
	    session->end_hop == HOP_JUMP ? "jump host: " : "", session->end_detail);
	if (session->link == NULL) {
		event_base_loopbreak(session->base);
		return;
	}
	message_init(&message, MESSAGE_ENDED, 0);
	message.ended.code = (uint16_t)session->end_code;
	message.ended.hop = (uint8_t)session->end_hop;
	strcpy(message.ended.detail, session->end_detail);
	conn_send(session->link, &message);
	conn_close_when_sent(session->link);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct session *session = arg;

	(void)fd;
	(void)what;
	if (session->state == SESSION_STATE_ENDING)
		finish_end(session);
}

void session_end(struct session *session, enum error_code code, const char *detail)
{
	session_end_at(session, HOP_SERVER, code, detail);
}

void session_end_at(struct session *session, enum hop hop, enum error_code code, const char *detail)
{
	if (session->state >= SESSION_STATE_ENDING)
		return;
	set_state(session, SESSION_STATE_ENDING);
	session->end_code = code;
	session->end_hop = hop;
	message_set_text(session->end_detail, sizeof(session->end_detail), detail, strlen(detail));
	session->operations.closed = true;
	timer_start_ms(session->end_event, END_WAIT_MS);
	if (session->relay != NULL)
		relay_stop(session->relay, code, NULL);
	if (session->relay == NULL || relay_get_state(session->relay) == STREAM_STATE_NONE)
		timer_start_ms(session->end_event, 0);
}

/* A failed start has tried to show something, too. */
void session_rest(struct session *session)
{
	if (session->single && session->streamed && session->state == SESSION_STATE_READY &&
	    relay_get_state(session->relay) == STREAM_STATE_NONE)
		session_end(session, session->stream_reason, "the stream has ended");
}

/* --- stream ------------------------------------------------------------------------------- */

/* False if memory is short. */
static bool submit_own(struct session *session, enum operation_kind kind, bool urgent)
{
	struct operation *operation = operation_create(session, kind, 0);

	if (operation != NULL) {
		strcpy(operation->target, session->stream.id);
		operation->stream_number = session->stream.number;
	}
	if (operation != NULL && operation_submit(operation, urgent))
		return true;
	log_warnx("session: no room for an operation of our own");
	return false;
}

static void report_tally(struct session *session)
{
	struct relay_counters counters = relay_get_counters(session->relay);
	struct message message;

	if (session->link == NULL || memcmp(&counters, &session->told, sizeof(counters)) == 0)
		return;
	session->told = counters;
	message_init(&message, MESSAGE_TALLY, 0);
	message.tally.to_browser_bytes = counters.to_browser_bytes;
	message.tally.from_browser_bytes = counters.from_browser_bytes;
	message.tally.round_trip_us = counters.round_trip_us;
	message.tally.resumes = counters.resumes;
	conn_send(session->link, &message);
}

static void report_stream(struct session *session, enum stream_state state, enum error_code reason)
{
	struct message message;

	if (session->link == NULL)
		return;
	report_tally(session);
	message_init(&message, MESSAGE_STREAM_STATE, 0);
	strcpy(message.stream_state.session, session->stream.id);
	message.stream_state.state = (uint8_t)state;
	message.stream_state.reason = (uint16_t)reason;
	conn_send(session->link, &message);
}

static void on_stream_state(
    struct relay *relay, enum stream_state state, enum error_code reason, void *arg)
{
	struct session *session = arg;

	(void)relay;
	log_debug("session: stream state %d, reason %s", (int)state, error_info(reason)->name);
	report_stream(session, state, reason);
	session->streamed = true;
	session->stream_reason = reason;
	if (state != STREAM_STATE_NONE)
		return;
	if (session->state == SESSION_STATE_ENDING)
		timer_start_ms(session->end_event, 0);
	else if (!operation_queue_stream_ended(&session->operations))
		submit_own(session, OPERATION_SETTLE, true);
}

static void on_tally(struct relay *relay, void *arg)
{
	(void)relay;
	report_tally(arg);
}

static void on_agent_ended(struct relay *relay, void *arg)
{
	struct session *session = arg;

	/* Why, is told by the operation; without it nobody would end the stream. */
	if (session->state != SESSION_STATE_READY || !submit_own(session, OPERATION_INQUIRE, true))
		relay_stop(relay, ERROR_ENDED, NULL);
}

/* --- the server --------------------------------------------------------------------------- */

void session_connected(struct session *session, const struct ssh_login *login)
{
	set_state(session, SESSION_STATE_PROBING);
	strcpy(session->fingerprint, login->fingerprint);
	message_set_text(
	    session->methods, sizeof(session->methods), login->methods, strlen(login->methods));
	if (!submit_own(session, OPERATION_PROBE, false))
		session_end(session, ERROR_INTERNAL, "memory is short");
}

void session_open(struct session *session, struct message *opened)
{
	set_state(session, SESSION_STATE_READY);
	strcpy(opened->opened.fingerprint, session->fingerprint);
	strcpy(opened->opened.jump_fingerprint, session->jump_fingerprint);
	strcpy(opened->opened.methods, session->methods);
	strcpy(opened->opened.notice, session->notice);
	if (session->link != NULL)
		conn_send(session->link, opened);
}

/* --- broker ------------------------------------------------------------------------------- */

static void handle_open(struct session *session, struct message *message)
{
	static const struct relay_handlers relay_handlers = {
	    .state = on_stream_state, .tally = on_tally, .agent_ended = on_agent_ended};
	struct message_open *open = &message->open;
	const struct record_hop *server = &open->hops[open->hops_count - 1];
	struct relay_settings relay_settings = {.base = session->base,
	    .listener = message->fds[1],
	    .login = open->login,
	    .origin = open->origin,
	    .raw_allowed = open->raw_allowed,
	    .ticket_hash = open->ticket_hash_length != 0 ? open->ticket_hash : NULL,
	    .attach_deadline_ms = open->attach_deadline_ms,
	    .grace_ms = open->grace_ms,
	    .when_left = open->when_left,
	    .buffer_bytes = open->buffer_bytes,
	    .delay_bytes = open->delay_bytes};

	set_state(session, SESSION_STATE_CONNECTING);
	message->fds[1] = -1;
	memcpy(relay_settings.cookie_hash, open->cookie_hash, sizeof(relay_settings.cookie_hash));
	strcpy(session->user, server->user);
	session->port = open->port;
	session->start_deadline_ms = open->start_deadline_ms;
	session->single = open->ticket_hash_length != 0;
	session->desktop_count = open->desktops_count;
	memcpy(session->desktops, open->desktops, sizeof(session->desktops));
	session->relay = relay_create(&relay_settings, &relay_handlers, session);
	if (session->relay == NULL)
		session_end(session, ERROR_INTERNAL, "memory is short");
	else
		session_hops_open(session, message);
}

static void refuse(struct session *session, const struct message *message, const char *why)
{
	conn_send_fail(session->link, message->request_id, ERROR_SESSION_BUSY, why);
}

/* Of DO_START and DO_RESUME, which name these fields alike. */
#define COPY_SCREEN(screen, order)                                                                 \
	do {                                                                                       \
		(screen)->width = (order)->width;                                                  \
		(screen)->height = (order)->height;                                                \
		(screen)->dpi = (order)->dpi;                                                      \
		(screen)->clipboard = (order)->clipboard;                                          \
		(screen)->quality = (order)->quality;                                              \
		strcpy((screen)->layout, (order)->layout);                                         \
		strcpy((screen)->model, (order)->model);                                           \
	} while (0)

/* Fills in what is asked for. False if this is no order for an operation. */
static bool read_order(const struct message *message, struct operation *operation)
{
	switch (message->type) {
	case MESSAGE_DO_SESSIONS:
		operation->kind = OPERATION_LIST;
		return true;
	case MESSAGE_DO_APPLICATIONS:
		operation->kind = OPERATION_APPLICATIONS;
		return true;
	case MESSAGE_DO_START:
		operation->kind = OPERATION_START;
		strcpy(operation->program, message->do_start.command);
		COPY_SCREEN(&operation->screen, &message->do_start);
		return true;
	case MESSAGE_DO_RESUME:
		operation->kind = OPERATION_RESUME;
		strcpy(operation->target, message->do_resume.session);
		COPY_SCREEN(&operation->screen, &message->do_resume);
		return true;
	case MESSAGE_DO_SUSPEND:
		operation->kind = OPERATION_SUSPEND;
		strcpy(operation->target, message->do_suspend.session);
		return true;
	case MESSAGE_DO_TERMINATE:
		operation->kind = OPERATION_TERMINATE;
		strcpy(operation->target, message->do_terminate.session);
		return true;
	case MESSAGE_DO_LAYOUT:
		operation->kind = OPERATION_LAYOUT;
		strcpy(operation->target, message->do_layout.session);
		strcpy(operation->screen.layout, message->do_layout.layout);
		return true;
	default:
		return false;
	}
}

static void handle_order(struct session *session, const struct message *message)
{
	struct operation *operation =
	    operation_create(session, OPERATION_LIST, message->request_id);

	if (session->state != SESSION_STATE_READY || operation == NULL ||
	    !read_order(message, operation)) {
		operation_destroy(operation);
		refuse(session, message, "the login is not ready");
	} else if ((operation->kind == OPERATION_START || operation->kind == OPERATION_RESUME) &&
		   operation_queue_has_opener(&session->operations)) {
		operation_destroy(operation);
		refuse(session, message, "another desktop is being opened");
	} else if (!operation_submit(operation, false)) {
		refuse(session, message, "too much is asked for at a time");
	}
}

/* Whoever asked for what is under way has gone with the broker before. */
static void handle_resync(struct session *session, uint32_t request_id)
{
	struct message message;

	operation_queue_forget_requests(&session->operations);
	message_init(&message, MESSAGE_RESYNCED, request_id);
	strcpy(message.resynced.session, session->stream.id);
	if (session->relay != NULL)
		message.resynced.state = (uint8_t)relay_get_state(session->relay);
	conn_send(session->link, &message);
	if (session->state != SESSION_STATE_READY)
		return;
	memset(&session->told, 0xff, sizeof(session->told));
	report_tally(session);
}

static void handle_tell(struct session *session, const struct message *message)
{
	enum relay_said said = RELAY_SAID_NOBODY;
	struct message answer;

	/* Upstream's client has neither words on its stream nor a list. */
	if (session->relay != NULL && !session->single)
		said = relay_say(session->relay, message->tell.text);
	message_init(&answer, MESSAGE_TOLD, message->request_id);
	answer.told.pages = said == RELAY_SAID_NOW;
	answer.told.later = said == RELAY_SAID_LATER;
	conn_send(session->link, &answer);
}

static void on_message(struct conn *link, struct message *message, void *arg)
{
	struct session *session = arg;

	(void)link;
	if (message->type == MESSAGE_STOP) {
		enum error_code code = error_is_known(message->stop.code)
					   ? (enum error_code)message->stop.code
					   : ERROR_LOGOUT;

		session_end(session, code, "ordered by the broker");
	} else if (message->type == MESSAGE_DO_ANSWER) {
		session_hops_answer(session, message);
	} else if (message->type == MESSAGE_SIGNATURE || message->type == MESSAGE_FAIL) {
		session_hops_sign(session, message);
	} else if (message->type == MESSAGE_RESYNC) {
		handle_resync(session, message->request_id);
	} else if (message->type == MESSAGE_TELL) {
		handle_tell(session, message);
	} else if (message->type != MESSAGE_OPEN) {
		handle_order(session, message);
	} else if (session->state == SESSION_STATE_IDLE) {
		handle_open(session, message);
	}
}

/* Either our own last words have been sent, or the broker is gone: then all of it ends, with
 * nobody to tell. */
static void on_closed(struct conn *link, const char *reason, void *arg)
{
	struct session *session = arg;

	conn_destroy(link);
	session->link = NULL;
	if (session->state == SESSION_STATE_ENDED)
		event_base_loopbreak(session->base);
	else
		session_end(session, ERROR_BROKER_UNAVAILABLE, reason);
}

/* --- life --------------------------------------------------------------------------------- */

bool session_init(struct session *session, struct event_base *base, int link_fd)
{
	static const struct conn_handlers handlers = {.message = on_message, .closed = on_closed};

	memset(session, 0, sizeof(*session));
	session->base = base;
	operation_queue_init(&session->operations);
	session->end_event = event_new(base, -1, 0, on_end, session);
	session->link = conn_create(base, link_fd, ROLE_SESSION, ROLE_BROKER, &handlers, session);
	return session->end_event != NULL && session->link != NULL;
}

void session_finish(struct session *session)
{
	relay_destroy(session->relay);
	session_hops_close(session);
	operation_queue_finish(&session->operations);
	if (session->end_event != NULL)
		event_free(session->end_event);
	conn_destroy(session->link);
}
