/* SPDX-License-Identifier: ISC */
#include "audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "clock.h"
#include "login.h"
#include "proto/conn.h"

/* Lines of refused logins in the whole broker, and of one login's stream that comes and goes: so
 * many at once, and so many in the long run. The journal takes 10000 in 30 s by itself. */
#define REFUSALS_BURST	    200
#define REFUSALS_PER_SECOND 20
#define STREAM_BURST	    20
#define STREAM_PER_SECOND   1

/* With the way that the login has gone. */
static struct log_context context_of(const struct login *login)
{
	const struct policy_target *target = &login->target;
	struct log_context context = login_context(login);

	if (target->hop_count != 0)
		context.host = target->hops[target->hop_count - 1].name;
	if (target->hop_count > 1) {
		context.jump = target->hops[0].name;
		context.jump_user = target->hops[0].user;
	}
	context.methods = login->was_ready && login->methods[0] == 0 ? "none" : login->methods;
	context.host_key = login->fingerprint;
	context.jump_host_key = login->jump_fingerprint;
	if (login->reason != ERROR_NONE)
		context.error = error_info(login->reason)->name;
	return context;
}

static struct log_counts counts_of(const struct login *login)
{
	return (struct log_counts){.duration_ms = clock_now_ms() - login->since_ms,
	    .to_browser_bytes = login->tally.to_browser_bytes,
	    .from_browser_bytes = login->tally.from_browser_bytes};
}

static const char *place_of(enum hop hop)
{
	return hop == HOP_JUMP ? " at the jump host" : "";
}

void audit_refused(const struct login *login, const struct conn_failure *failure)
{
	struct audit_flood *flood = &login->broker->flood;
	struct log_context context = login_context(login);
	bool has_detail = failure->detail != NULL && failure->detail[0] != 0;

	metrics_count(&login->broker->metrics, METRIC_LOGINS_FAILED, failure->code, 1);
	if (!credit_take(&flood->refusals, REFUSALS_BURST, REFUSALS_PER_SECOND, clock_now_ms())) {
		flood->refusals_dropped++;
		return;
	}
	if (flood->refusals_dropped != 0)
		log_event(LOG_EVENT_LINES_DROPPED, NULL,
		    "%u more logins were refused: too many to write each of them down",
		    flood->refusals_dropped);
	flood->refusals_dropped = 0;
	context.login = NULL; /* nobody will ever see it again */
	context.error = error_info(failure->code)->name;
	log_event(LOG_EVENT_LOGIN_FAILED, &context, "login refused: %s%s%s%s", context.error,
	    place_of(failure->hop), has_detail ? ": " : "", has_detail ? failure->detail : "");
}

void audit_failed(const struct login *login)
{
	const struct log_counts counts = counts_of(login);
	struct log_context context = context_of(login);

	metrics_count(&login->broker->metrics, METRIC_LOGINS_FAILED, login->reason, 1);
	context.counts = &counts;
	log_event(LOG_EVENT_LOGIN_FAILED, &context, "login failed: %s%s%s%s", context.error,
	    place_of(login->reason_hop), login->detail[0] != 0 ? ": " : "", login->detail);
}

void audit_opened(const struct login *login)
{
	const struct log_context context = context_of(login);

	metrics_count(&login->broker->metrics, METRIC_LOGINS_OPENED, 0, 1);
	log_event(LOG_EVENT_LOGIN_OPENED, &context, "login opened by %s%s%s; host key %s",
	    context.methods, context.jump != NULL ? ", through " : "",
	    context.jump != NULL ? context.jump : "", login->fingerprint);
}

void audit_ended(const struct login *login)
{
	const struct log_counts counts = counts_of(login);
	struct log_context context = context_of(login);

	metrics_count(&login->broker->metrics, METRIC_LOGINS_ENDED, login->reason, 1);
	context.counts = &counts;
	log_event(LOG_EVENT_LOGIN_ENDED, &context,
	    "login ended: %s%s%s; %" PRIu64 " s, %" PRIu64 " bytes to the browser, %" PRIu64
	    " from it",
	    context.error, login->detail[0] != 0 ? ": " : "", login->detail,
	    counts.duration_ms / 1000, counts.to_browser_bytes, counts.from_browser_bytes);
}

void audit_order_done(const struct login *login, enum message_type order, const char *session)
{
	static const struct {
		enum message_type order;
		enum log_event event;
		enum metric_session metric;
		const char *text;
	} rows[] = {
	    {MESSAGE_DO_START, LOG_EVENT_SESSION_STARTED, METRIC_SESSION_STARTED,
		"session started"},
	    {MESSAGE_DO_RESUME, LOG_EVENT_SESSION_RESUMED, METRIC_SESSION_RESUMED,
		"session resumed"},
	    {MESSAGE_DO_SUSPEND, LOG_EVENT_SESSION_SUSPENDED, METRIC_SESSION_SUSPENDED,
		"session suspended"},
	    {MESSAGE_DO_TERMINATE, LOG_EVENT_SESSION_TERMINATED, METRIC_SESSION_TERMINATED,
		"session terminated"},
	};
	struct log_context context = login_context(login);

	context.session = session;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].order != order)
			continue;
		metrics_count(&login->broker->metrics, METRIC_SESSIONS, rows[i].metric, 1);
		log_event(rows[i].event, &context, "%s", rows[i].text);
	}
}

void audit_stream(struct login *login, enum stream_state before, uint16_t reason)
{
	const struct message_tally *tally = &login->tally;
	struct log_context context = login_context(login);
	struct audit *audit = &login->audit;
	bool ended = before != STREAM_STATE_NONE && login->stream == STREAM_STATE_NONE;
	struct log_counts counts;

	if (before == STREAM_STATE_NONE && login->stream != STREAM_STATE_NONE) {
		metrics_count(&login->broker->metrics, METRIC_STREAMS, 0, 1);
		audit->shown_since_ms = clock_now_ms();
		audit->to_bytes_before = tally->to_browser_bytes;
		audit->from_bytes_before = tally->from_browser_bytes;
	}
	if (!ended && (before == STREAM_STATE_ATTACHED) == (login->stream == STREAM_STATE_ATTACHED))
		return;
	if (!credit_take(&audit->streams, STREAM_BURST, STREAM_PER_SECOND, clock_now_ms())) {
		audit->streams_dropped++;
		return;
	}
	if (audit->streams_dropped != 0)
		log_event(LOG_EVENT_LINES_DROPPED, &context,
		    "%u changes of the stream were not written down", audit->streams_dropped);
	audit->streams_dropped = 0;
	if (login->stream == STREAM_STATE_ATTACHED) {
		log_event(LOG_EVENT_STREAM_ATTACHED, &context, "browser attached");
	} else if (!ended) {
		log_event(
		    LOG_EVENT_STREAM_DETACHED, &context, "browser detached: the desktop goes on");
	} else {
		counts.duration_ms = clock_now_ms() - audit->shown_since_ms;
		counts.to_browser_bytes =
		    metrics_growth(audit->to_bytes_before, tally->to_browser_bytes);
		counts.from_browser_bytes =
		    metrics_growth(audit->from_bytes_before, tally->from_browser_bytes);
		context.counts = &counts;
		context.error = error_is_known(reason) ? error_info(reason)->name : "?";
		log_event(LOG_EVENT_STREAM_ENDED, &context, "stream ended: %s", context.error);
	}
}

void audit_admin(uid_t admin, const char *format, ...)
{
	struct log_context context = {0};
	char uid[16], what[TELL_BYTES + 64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(uid, sizeof(uid), "%u", (unsigned)admin);
	context.admin = uid;
	log_event(LOG_EVENT_ADMIN_ACTED, &context, "admin of uid %s %s", uid, what);
}
