/* SPDX-License-Identifier: ISC */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "clock.h"
#include "credit.h"
#include "login.h"
#include "proto/conn.h"
#include "whom.h"

/* Lines of one session process that the log has not got: so many at once, and so many in the long
 * run. More could fill a follower's connection, which would be cut. */
#define LINES_BURST	 100
#define LINES_PER_SECOND 20

struct tracer {
	LIST_ENTRY(tracer) next; /* broker.tracers */
	struct conn *conn;
	uint32_t id; /* its request's number */
	struct record_whom whom;
};

static void send_line(struct tracer *tracer, const struct log_context *about, uint64_t age_ms,
    enum log_level level, const char *text, bool last)
{
	struct message line;

	message_init(&line, MESSAGE_TRACED, tracer->id);
	if (about->login != NULL)
		strcpy(line.traced.login, about->login);
	line.traced.age_ms = age_ms;
	line.traced.level = (uint8_t)level;
	message_set_text(line.traced.text, sizeof(line.traced.text), text, strlen(text));
	line.traced.last = last;
	conn_send(tracer->conn, &line);
}

/* To all who follow it. */
static void spread(const struct broker *broker, const struct log_context *about,
    enum log_level level, const char *text, bool last)
{
	const struct login *login =
	    about->login != NULL ? login_table_find(&broker->logins, about->login) : NULL;
	uint64_t age_ms = login != NULL ? clock_now_ms() - login->since_ms : 0;
	struct tracer *tracer;

	LIST_FOREACH(tracer, &broker->tracers, next)
	if (whom_fits(&tracer->whom, about->login, about->user, about->server))
		send_line(tracer, about, age_ms, level, text, last);
}

static void on_log(
    enum log_level level, const struct log_context *about, const char *text, void *arg)
{
	spread(arg, about, level, text, false);
}

/* Nobody pays for lines that nobody reads. */
static void listen_to_log(struct broker *broker)
{
	log_set_tap(LIST_EMPTY(&broker->tracers) ? NULL : on_log, broker);
}

static void describe(struct tracer *tracer, const struct login *login)
{
	static const char *const streams[STREAM_STATE_COUNT] = {"no desktop is shown",
	    "its desktop waits for a browser", "a browser shows its desktop"};
	const struct log_context about = login_context(login);
	char text[256];

	snprintf(text, sizeof(text), "%s@%s from %s: %s, %s", login->user, login->server,
	    login->client[0] != 0 ? login->client : "nowhere", login_state_name(login->state),
	    streams[login->stream]);
	send_line(tracer, &about, clock_now_ms() - login->since_ms, LOG_LEVEL_INFO, text, false);
}

void trace_begin(struct broker *broker, const struct message *trace, struct conn *asker)
{
	const struct record_whom *whom = &trace->trace.whom[0];
	const struct login *login = NULL;
	struct conn_failure failure;
	struct tracer *tracer;

	/* Others than one that is named may still come. */
	if (!whom_check(whom, &broker->logins, &failure) &&
	    (whom->login[0] != 0 || !whom_names_anybody(whom))) {
		conn_send_failure(asker, trace->request_id, &failure);
		return;
	}
	tracer = calloc(1, sizeof(*tracer));
	if (tracer == NULL) {
		conn_send_fail(asker, trace->request_id, ERROR_INTERNAL, "out of memory");
		return;
	}
	tracer->conn = asker;
	tracer->id = trace->request_id;
	tracer->whom = *whom;
	while ((login = whom_next(whom, &broker->logins, login)) != NULL)
		describe(tracer, login);
	audit_admin(conn_peer_uid(asker), "follows %s",
	    whom->all		  ? "all logins"
	    : whom->login[0] != 0 ? "a login"
				  : "some logins");
	LIST_INSERT_HEAD(&broker->tracers, tracer, next);
	listen_to_log(broker);
}

void trace_forget_asker(struct broker *broker, const struct conn *asker)
{
	struct tracer *tracer, *following;

	for (tracer = LIST_FIRST(&broker->tracers); tracer != NULL; tracer = following) {
		following = LIST_NEXT(tracer, next);
		if (tracer->conn != asker)
			continue;
		LIST_REMOVE(tracer, next);
		free(tracer);
	}
	listen_to_log(broker);
}

void trace_session_line(struct login *login, enum log_level level, const char *text)
{
	const struct log_context about = login_context(login);
	char line[1024];

	if (LIST_EMPTY(&login->broker->tracers))
		return;
	if (!credit_take(&login->trace_credit, LINES_BURST, LINES_PER_SECOND, clock_now_ms())) {
		login->traces_dropped++;
		return;
	}
	if (login->traces_dropped != 0) {
		snprintf(line, sizeof(line), "%u lines of the session process were left out",
		    login->traces_dropped);
		spread(login->broker, &about, LOG_LEVEL_WARNING, line, false);
	}
	login->traces_dropped = 0;
	snprintf(line, sizeof(line), "session: ");
	log_make_harmless(line + strlen(line), sizeof(line) - strlen(line), text);
	spread(login->broker, &about, level, line, false);
}

void trace_note_end(const struct login *login)
{
	const struct log_context about = login_context(login);

	spread(login->broker, &about, LOG_LEVEL_INFO, "nothing of the login is left", true);
}
