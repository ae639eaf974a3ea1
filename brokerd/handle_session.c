/* SPDX-License-Identifier: ISC */
/*
 * Messages of session processes: their reports, and answers to orders, which go on to who asked.
 * A session process may have been taken over by what it talks to: it is killed when it says what
 * it may not say.
 */
#include <event2/event.h>
#include <string.h>

#include "broker.h"
#include "clock.h"
#include "handle.h"
#include "login.h"
#include "proto/conn.h"
#include "trace.h"

/* Lines of its own that a session process may bring into the log: so many at once, and so many in
 * the long run. */
#define LOG_BURST      100
#define LOG_PER_SECOND 20

/* Records written anew for what it reports. */
#define KEEP_BURST	50
#define KEEP_PER_SECOND 10

#define IN(state) (1u << LOGIN_STATE_##state)

static void on_opened(struct login *login, struct message *message)
{
	login_set_ready(login, &message->opened);
}

static void on_prompt(struct login *login, struct message *message)
{
	login_prompt(login, &message->prompt.prompt[0]);
}

static void on_sign(struct login *login, struct message *message)
{
	login_sign(login, message);
}

static void on_ended(struct login *login, struct message *message)
{
	enum error_code code =
	    error_is_known(message->ended.code) ? message->ended.code : ERROR_INTERNAL;

	login_ended_by_itself(login, code != ERROR_NONE ? code : ERROR_INTERNAL, message->ended.hop,
	    message->ended.detail);
}

/* What the record lacks then, the next writing brings; the stream's state RESYNCED tells as well.
 */
static void keep_reported(struct login *login)
{
	if (credit_take(&login->keep_credit, KEEP_BURST, KEEP_PER_SECOND, clock_now_ms()))
		login_keep(login);
}

static void on_stream_state(struct login *login, struct message *message)
{
	const struct message_stream_state *report = &message->stream_state;
	enum stream_state before = login->stream;

	strcpy(login->session, report->session);
	if (before != report->state)
		login->stream_since_ms = clock_now_ms();
	login->stream = report->state;
	audit_stream(login, before, report->reason);
	keep_reported(login);
	login_touch(login);
}

static void on_tally(struct login *login, struct message *message)
{
	metrics_count_tally(&login->broker->metrics, &login->tally, &message->tally);
	login->tally = message->tally;
	keep_reported(login);
}

/* What the broker before was told of the stream may have died with it. */
static void on_resynced(struct login *login, struct message *message)
{
	const struct message_resynced *report = &message->resynced;
	enum stream_state before = login->stream;

	if (login->resync_id == 0) {
		login_kill(login, "it answers what was not asked");
		return;
	}
	/* For a broker that did not live to read it. */
	if (message->request_id != login->resync_id)
		return;
	login->resync_id = 0;
	strcpy(login->session, report->session);
	if (login->stream != report->state)
		login->stream_since_ms = clock_now_ms();
	login->stream = report->state;
	audit_stream(login, before, ERROR_NONE);
	if (login->state == LOGIN_STATE_READY)
		event_del(login->deadline);
	login_keep(login);
}

static void on_log(struct login *login, struct message *message)
{
	const struct log_context context = login_context(login);
	uint8_t level = message->log.level;

	if (level < LOG_LEVEL_ERROR)
		level = LOG_LEVEL_ERROR;
	if (level > log_get_level()) {
		trace_session_line(login, level, message->log.text);
		return;
	}
	if (!credit_take(&login->log_credit, LOG_BURST, LOG_PER_SECOND, clock_now_ms())) {
		login->lines_dropped++;
		trace_session_line(login, level, message->log.text);
		return;
	}
	if (login->lines_dropped != 0)
		log_event(LOG_EVENT_LINES_DROPPED, &context,
		    "%u lines of the session process were dropped", login->lines_dropped);
	login->lines_dropped = 0;
	log_about(&context, level, "session: %s", message->log.text);
}

static void on_answer(struct login *login, struct message *message)
{
	struct metrics *metrics = &login->broker->metrics;
	struct log_context context = login_context(login);
	struct request *request;

	/* Of the broker before; its numbers may be in use again. */
	if (login->resync_id != 0)
		return;
	request = requests_take(&login->requests, message->request_id, message->type);
	if (request == NULL) {
		login_kill(login, "it answers what was not asked");
		return;
	}
	login_touch(login);
	switch (message->type) {
	case MESSAGE_STREAM:
		message->stream.port = login->port;
		strcpy(message->stream.socket, login->socket);
		metrics_time(metrics,
		    request->order == MESSAGE_DO_START ? METRIC_TIME_START : METRIC_TIME_RESUME,
		    clock_now_ms() - request->asked_ms);
		audit_order_done(login, request->order, message->stream.session[0].id);
		break;
	case MESSAGE_SESSION:
		audit_order_done(login, request->order, message->session.session[0].id);
		break;
	case MESSAGE_FAIL:
		if (!error_is_known(message->fail.code))
			message->fail.code = ERROR_INTERNAL;
		metrics_count(metrics, METRIC_CALLS_FAILED, message->fail.code, 1);
		context.error = error_info(message->fail.code)->name;
		log_about(&context, LOG_LEVEL_INFO, "%s failed: %s: %s",
		    message_type_name(request->order), context.error, message->fail.detail);
		break;
	default:
		break;
	}
	request_answer(request, message);
}

/* What a session process may say, and when. While it stops, what it still has to say of before
 * is read but does nothing. */
static const struct {
	enum message_type type;
	unsigned states, without_effect;
	void (*handle)(struct login *login, struct message *message);
} rows[] = {
    {MESSAGE_PROMPT, IN(OPENING), IN(STOPPING), on_prompt},
    {MESSAGE_SIGN, IN(OPENING), IN(STOPPING), on_sign},
    {MESSAGE_OPENED, IN(OPENING), IN(STOPPING), on_opened},
    {MESSAGE_ENDED, IN(OPENING) | IN(PROMPTING) | IN(READY), IN(STOPPING), on_ended},
    {MESSAGE_RESYNCED, IN(OPENING) | IN(PROMPTING) | IN(READY), IN(STOPPING), on_resynced},
    {MESSAGE_STREAM_STATE, IN(READY) | IN(STOPPING), 0, on_stream_state},
    {MESSAGE_TALLY, IN(READY) | IN(STOPPING), 0, on_tally},
    {MESSAGE_LOG, IN(OPENING) | IN(PROMPTING) | IN(READY) | IN(STOPPING), 0, on_log},
    {MESSAGE_SESSIONS, IN(READY), IN(STOPPING), on_answer},
    {MESSAGE_STREAM, IN(READY), IN(STOPPING), on_answer},
    {MESSAGE_SESSION, IN(READY), IN(STOPPING), on_answer},
    {MESSAGE_APPLICATIONS, IN(READY), IN(STOPPING), on_answer},
    {MESSAGE_DONE, IN(READY), IN(STOPPING), on_answer},
    {MESSAGE_TOLD, IN(READY), IN(STOPPING), on_answer},
    {MESSAGE_FAIL, IN(READY), IN(STOPPING), on_answer},
};

void handle_session(struct conn *conn, struct message *message, void *arg)
{
	struct login *login = arg;

	(void)conn;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].type != message->type)
			continue;
		if ((rows[i].states & 1u << login->state) != 0) {
			rows[i].handle(login, message);
			return;
		}
		if ((rows[i].without_effect & 1u << login->state) != 0)
			return;
	}
	login_kill(login, "it says what it may not say now");
}
