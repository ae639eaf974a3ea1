/* SPDX-License-Identifier: ISC */
/*
 * What the broker counts, and all of it as text for Prometheus. Names and meanings stand in one
 * table, in metrics.c, and for readers in docs/metrics.md. Nobody's name or address is in it. Runs
 * in x2goweb-brokerd; counters begin anew with each broker.
 */
#ifndef BROKERD_METRICS_H
#define BROKERD_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker;
struct login;

enum metric {
	METRIC_LOGINS_OPENED,
	METRIC_LOGINS_FAILED, /* by error code */
	METRIC_LOGINS_ENDED,  /* by error code */
	METRIC_SESSIONS,      /* by enum metric_session */
	METRIC_CALLS_FAILED,  /* by error code */
	METRIC_STREAMS,
	METRIC_STREAM_RESUMES,
	METRIC_RELAY_BYTES, /* by enum metric_direction */
	METRIC_PENALTIES,   /* by enum penalty */
	METRIC_PROCESSES_KILLED,
	METRIC_PROCESSES_DIED,
	METRIC_CONNECTIONS_REFUSED,
	METRIC_COUNT
};

enum metric_session {
	METRIC_SESSION_STARTED,
	METRIC_SESSION_RESUMED,
	METRIC_SESSION_SUSPENDED,
	METRIC_SESSION_TERMINATED,
	METRIC_SESSION_COUNT
};

enum metric_direction {
	METRIC_DIRECTION_TO_BROWSER,
	METRIC_DIRECTION_FROM_BROWSER,
	METRIC_DIRECTION_COUNT
};

enum metric_time { METRIC_TIME_LOGIN, METRIC_TIME_START, METRIC_TIME_RESUME, METRIC_TIME_COUNT };

/* More labels than any of the families has. */
#define METRIC_LABELS_MAX  128
#define METRIC_BUCKETS_MAX 12

struct metric_times {
	uint64_t buckets[METRIC_BUCKETS_MAX], count, sum_ms;
};

struct metrics {
	uint64_t counters[METRIC_COUNT][METRIC_LABELS_MAX];
	struct metric_times times[METRIC_TIME_COUNT];
};

/* label: 0 where a metric has none. */
void metrics_count(struct metrics *metrics, enum metric metric, unsigned label, uint64_t amount);
void metrics_time(struct metrics *metrics, enum metric_time time, uint64_t duration_ms);

/* By how much a session process says that one of its numbers has grown; 0 if it shrinks. */
uint64_t metrics_growth(uint64_t before, uint64_t now);

/* What has grown from one of these to the other; who counts backwards counts nothing. */
struct message_tally;
void metrics_count_tally(
    struct metrics *metrics, const struct message_tally *before, const struct message_tally *now);

/* Whether who asks from this address may see them ([metrics] allow). */
bool metrics_may_be_seen(const struct broker *broker, const char *client);

/* All metrics, one line each with those that explain them. False if size is too small. */
bool metrics_print(const struct broker *broker, char *text, size_t size);

#endif
