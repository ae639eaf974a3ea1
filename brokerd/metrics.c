/* SPDX-License-Identifier: ISC */
#include "metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker.h"
#include "clients.h"
#include "clock.h"
#include "config.h"
#include "login.h"
#include "penalties.h"
#include "port_pool.h"
#include "proto/errors.h"
#include "uid_pool.h"

#define PREFIX "x2goweb_"

/* Upper ends of the histograms' buckets; the last one has none. */
static const uint64_t bucket_ms[] = {
    100, 250, 500, 1000, 2000, 3000, 5000, 10000, 20000, 30000, 60000};
#define BUCKET_COUNT (sizeof(bucket_ms) / sizeof(bucket_ms[0]))
_Static_assert(BUCKET_COUNT < METRIC_BUCKETS_MAX, "METRIC_BUCKETS_MAX is too small");

/* --- names of labels -------------------------------------------------------------------------- */

static const char *code_name(unsigned code)
{
	return error_is_known((uint16_t)code) ? error_info(code)->name : NULL;
}

static const char *session_name(unsigned what)
{
	static const char *const names[METRIC_SESSION_COUNT] = {
	    "started", "resumed", "suspended", "terminated"};

	return names[what];
}

static const char *direction_name(unsigned direction)
{
	static const char *const names[METRIC_DIRECTION_COUNT] = {"to_browser", "from_browser"};

	return names[direction];
}

static const char *penalty_name(unsigned penalty)
{
	static const char *const names[PENALTY_COUNT] = {[PENALTY_NONE] = NULL,
	    [PENALTY_AUTH_FAILED] = "auth_failed",
	    [PENALTY_UNFINISHED] = "unfinished",
	    [PENALTY_CRASH] = "crash",
	    [PENALTY_HOST_REFUSED] = "host_refused"};

	return names[penalty];
}

static const char *stream_name(unsigned state)
{
	static const char *const names[STREAM_STATE_COUNT] = {[STREAM_STATE_NONE] = NULL,
	    [STREAM_STATE_WAITING] = "waiting",
	    [STREAM_STATE_ATTACHED] = "attached"};

	return names[state];
}

static const char *login_name(unsigned state)
{
	return login_state_name(state);
}

/* Only ports rest. */
enum use { USE_USED, USE_FREE, USE_RESTING, USE_COUNT };

static const char *use_name(unsigned use)
{
	static const char *const names[USE_COUNT] = {"used", "free", "resting"};

	return names[use];
}

static const char *version_name(unsigned label)
{
	(void)label;
	return X2GOWEB_VERSION;
}

/* --- what is read when it is asked for ---------------------------------------------------------
 */

static uint64_t read_one(const struct broker *broker, unsigned label)
{
	(void)broker;
	(void)label;
	return 1;
}

static uint64_t read_start_time(const struct broker *broker, unsigned label)
{
	(void)label;
	return (uint64_t)broker->started_at;
}

static uint64_t read_draining(const struct broker *broker, unsigned label)
{
	(void)label;
	return broker->draining || broker->stopping;
}

static uint64_t read_logins(const struct broker *broker, unsigned state)
{
	const struct login *login;
	uint64_t count = 0;

	LIST_FOREACH(login, &broker->logins.logins, next)
	count += login->state == state;
	return count;
}

static uint64_t read_logins_max(const struct broker *broker, unsigned label)
{
	(void)label;
	return broker->config->limits.logins;
}

static uint64_t read_streams(const struct broker *broker, unsigned state)
{
	return login_table_count_streams(&broker->logins, state);
}

static uint64_t read_ports(const struct broker *broker, unsigned use)
{
	const struct port_pool_counts ports = port_pool_count(broker->ports, clock_now_ms());

	return use == USE_USED	    ? ports.used
	       : use == USE_RESTING ? ports.resting
				    : ports.total - ports.used - ports.resting;
}

static uint64_t read_uids(const struct broker *broker, unsigned use)
{
	const struct uid_pool_counts uids = uid_pool_count(broker->uids);

	return use == USE_USED ? uids.used : uids.total - uids.used;
}

static uint64_t read_connections(const struct broker *broker, unsigned label)
{
	(void)label;
	return clients_count(broker->clients);
}

static uint64_t read_servers(const struct broker *broker, unsigned label)
{
	(void)label;
	return broker->config->server_count;
}

/* --- the table ----------------------------------------------------------------------------------
 */

/* Of enum metric; read: not counted but read. Labels without a name do not exist; of those by error
 * code only the ones that have occurred are shown. */
static const struct family {
	const char *name, *help, *label;
	const char *(*label_name)(unsigned label);
	unsigned labels;
	uint64_t (*read)(const struct broker *broker, unsigned label);
	enum metric metric;
} families[] = {
    {"build_info", "The broker's version.", "version", version_name, 1, read_one, 0},
    {"start_time_seconds", "When this broker started, by the clock, in seconds since 1970.", NULL,
	NULL, 1, read_start_time, 0},
    {"draining", "1 if no new logins are taken.", NULL, NULL, 1, read_draining, 0},
    {"servers", "X2Go servers in the configuration.", NULL, NULL, 1, read_servers, 0},
    {"logins", "Logins there are, by state.", "state", login_name, LOGIN_STATE_COUNT, read_logins,
	0},
    {"logins_max", "Logins that [limits] allows.", NULL, NULL, 1, read_logins_max, 0},
    {"streams", "Desktops that are shown, or kept for a browser that is gone.", "state",
	stream_name, STREAM_STATE_COUNT, read_streams, 0},
    {"ports", "Ports of [relay] ports, by use.", "use", use_name, USE_COUNT, read_ports, 0},
    {"uids", "Uids of [sessions] uids, by use.", "use", use_name, USE_RESTING, read_uids, 0},
    {"connections", "Connections of responders and brokerctl.", NULL, NULL, 1, read_connections, 0},
    {"logins_opened_total", "Logins that were let in.", NULL, NULL, 1, NULL, METRIC_LOGINS_OPENED},
    {"logins_failed_total", "Logins that were refused, by error code.", "code", code_name,
	METRIC_LABELS_MAX, NULL, METRIC_LOGINS_FAILED},
    {"logins_ended_total", "Logins that are over, by error code.", "code", code_name,
	METRIC_LABELS_MAX, NULL, METRIC_LOGINS_ENDED},
    {"sessions_total", "What users have done with X2Go sessions.", "action", session_name,
	METRIC_SESSION_COUNT, NULL, METRIC_SESSIONS},
    {"calls_failed_total", "Calls of open logins that X2Go servers refused, by error code.", "code",
	code_name, METRIC_LABELS_MAX, NULL, METRIC_CALLS_FAILED},
    {"streams_total", "Streams that were opened.", NULL, NULL, 1, NULL, METRIC_STREAMS},
    {"stream_resumes_total", "Browsers that came back to their stream.", NULL, NULL, 1, NULL,
	METRIC_STREAM_RESUMES},
    {"relay_bytes_total", "Bytes between relays and browsers.", "direction", direction_name,
	METRIC_DIRECTION_COUNT, NULL, METRIC_RELAY_BYTES},
    {"penalties_total", "Penalties given, by reason.", "reason", penalty_name, PENALTY_COUNT, NULL,
	METRIC_PENALTIES},
    {"processes_killed_total", "Session processes that broke a rule.", NULL, NULL, 1, NULL,
	METRIC_PROCESSES_KILLED},
    {"processes_died_total", "Session processes that ended in disorder.", NULL, NULL, 1, NULL,
	METRIC_PROCESSES_DIED},
    {"connections_refused_total", "Local connections that were not allowed.", NULL, NULL, 1, NULL,
	METRIC_CONNECTIONS_REFUSED},
};

static const struct {
	const char *name, *help;
} histograms[METRIC_TIME_COUNT] = {
    [METRIC_TIME_LOGIN] = {"login_seconds",
	"From a login's call until it is open, without the time in which users answer."},
    [METRIC_TIME_START] = {"start_seconds", "From a start's call until its desktop can be shown."},
    [METRIC_TIME_RESUME] = {"resume_seconds",
	"From a resume's call until its desktop can be shown."},
};

/* --- counting ------------------------------------------------------------------------------------
 */

void metrics_count(struct metrics *metrics, enum metric metric, unsigned label, uint64_t amount)
{
	if (label < METRIC_LABELS_MAX)
		metrics->counters[metric][label] += amount;
}

void metrics_time(struct metrics *metrics, enum metric_time time, uint64_t duration_ms)
{
	struct metric_times *times = &metrics->times[time];
	size_t i = 0;

	while (i < BUCKET_COUNT && duration_ms > bucket_ms[i])
		i++;
	times->buckets[i]++;
	times->count++;
	times->sum_ms += duration_ms;
}

uint64_t metrics_growth(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

void metrics_count_tally(
    struct metrics *metrics, const struct message_tally *before, const struct message_tally *now)
{
	metrics_count(metrics, METRIC_RELAY_BYTES, METRIC_DIRECTION_TO_BROWSER,
	    metrics_growth(before->to_browser_bytes, now->to_browser_bytes));
	metrics_count(metrics, METRIC_RELAY_BYTES, METRIC_DIRECTION_FROM_BROWSER,
	    metrics_growth(before->from_browser_bytes, now->from_browser_bytes));
	metrics_count(
	    metrics, METRIC_STREAM_RESUMES, 0, metrics_growth(before->resumes, now->resumes));
}

bool metrics_may_be_seen(const struct broker *broker, const char *client)
{
	const struct config_networks *allowed = &broker->config->metrics.allow;
	struct ip ip;

	if (!ip_parse(client, &ip))
		return false;
	for (size_t i = 0; i < allowed->count; i++)
		if (network_has(&allowed->items[i], &ip))
			return true;
	return false;
}

/* --- printing ------------------------------------------------------------------------------------
 */

struct out {
	char *text;
	size_t size, used;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *out, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(out->text + out->used, out->size - out->used, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= out->size - out->used)
		out->full = true;
	else
		out->used += (size_t)length;
}

static void put_head(struct out *out, const char *name, const char *help, const char *type)
{
	put(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void put_family(struct out *out, const struct broker *broker, const struct family *family)
{
	put_head(out, family->name, family->help, family->read != NULL ? "gauge" : "counter");
	for (unsigned i = 0; i < family->labels; i++) {
		const char *label = family->label_name != NULL ? family->label_name(i) : "";
		uint64_t value = family->read != NULL ? family->read(broker, i)
						      : broker->metrics.counters[family->metric][i];

		if (label == NULL || (family->label_name == code_name && value == 0))
			continue;
		if (family->label != NULL)
			put(out, PREFIX "%s{%s=\"%s\"} %" PRIu64 "\n", family->name, family->label,
			    label, value);
		else
			put(out, PREFIX "%s %" PRIu64 "\n", family->name, value);
	}
}

static void put_histogram(struct out *out, const char *name, const struct metric_times *times)
{
	uint64_t below = 0;

	for (size_t i = 0; i < BUCKET_COUNT; i++) {
		below += times->buckets[i];
		put(out, PREFIX "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
		    (double)bucket_ms[i] / 1000, below);
	}
	put(out,
	    PREFIX "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n" PREFIX "%s_sum %" PRIu64 ".%03u\n" PREFIX
		   "%s_count %" PRIu64 "\n",
	    name, times->count, name, times->sum_ms / 1000, (unsigned)(times->sum_ms % 1000), name,
	    times->count);
}

bool metrics_print(const struct broker *broker, char *text, size_t size)
{
	struct out out = {.text = text, .size = size};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		put_family(&out, broker, &families[i]);
	for (size_t i = 0; i < METRIC_TIME_COUNT; i++) {
		put_head(&out, histograms[i].name, histograms[i].help, "histogram");
		put_histogram(&out, histograms[i].name, &broker->metrics.times[i]);
	}
	return !out.full;
}
