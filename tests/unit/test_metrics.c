/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * What the broker counts, read back as Prometheus reads it: every line is in its format, each
 * family is explained once, histograms add up, and the largest numbers have room in one message.
 */
#include "broker_visit.h"
#include "brokerd/metrics.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* Every line, as the text format's version 0.0.4 has it. */
static void assert_format(const char *text)
{
	char family[128] = "", kind[16] = "", line[512], head[160];
	const char *const whole = text;
	unsigned families = 0;
	long long below = 0;

	assert_string_equal(text + strlen(text) - 1, "\n");
	for (; *text != 0; text += strlen(line) + 1) {
		const char *at = line;

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		if (strncmp(line, "# HELP ", 7) == 0) {
			snprintf(
			    family, sizeof(family), "%.*s", (int)strcspn(line + 7, " "), line + 7);
			assert_int_equal(strncmp(family, "x2goweb_", 8), 0);
			assert_true(strlen(line) > 7 + strlen(family) + 10);
			/* Once, and with its type behind it. */
			snprintf(head, sizeof(head), "# HELP %s ", family);
			assert_ptr_equal(strstr(whole, head), text);
			snprintf(head, sizeof(head), "\n# TYPE %s ", family);
			assert_ptr_equal(strstr(whole, head), text + strlen(line));
			below = 0;
			families++;
			continue;
		}
		if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_int_equal(strncmp(line + 7, family, strlen(family)), 0);
			snprintf(kind, sizeof(kind), "%s", line + 7 + strlen(family) + 1);
			assert_true(strcmp(kind, "gauge") == 0 || strcmp(kind, "counter") == 0 ||
				    strcmp(kind, "histogram") == 0);
			assert_int_equal(strcmp(kind, "counter") == 0,
			    strcmp(family + strlen(family) - 6, "_total") == 0);
			continue;
		}
		assert_int_equal(strncmp(line, family, strlen(family)), 0);
		at += strlen(family);
		if (strcmp(kind, "histogram") == 0)
			at += strspn(at, NAME_CHARS);
		if (*at == '{') {
			at++;
			at += strspn(at, NAME_CHARS);
			assert_int_equal(strncmp(at, "=\"", 2), 0);
			at += 2;
			at += strspn(at, NAME_CHARS "+.");
			assert_int_equal(strncmp(at, "\"}", 2), 0);
			at += 2;
		}
		assert_int_equal(*at, ' ');
		at++;
		assert_int_equal(strspn(at, "0123456789."), strlen(at));
		assert_true(strlen(at) > 0);
		/* What is below one bucket's end is below the next one's, too. */
		if (strstr(line, "_bucket{") != NULL) {
			assert_true(atoll(at) >= below);
			below = atoll(at);
		} else if (strcmp(kind, "histogram") == 0 && strstr(line, "_count ") != NULL) {
			assert_int_equal(atoll(at), below);
		}
	}
	assert_true(families > 20);
}

/* The value behind these words of a line; -1: there is no such line. */
static double value(const char *text, const char *words)
{
	size_t length = strlen(words);

	for (; text != NULL && *text != 0; text = strchr(text, '\n') + 1)
		if (strncmp(text, words, length) == 0 && text[length] == ' ')
			return atof(text + length);
	return -1;
}

#define assert_value(text, words, expected)                                                        \
	assert_int_equal((long long)(value(text, words) * 1000), (long long)((expected)*1000.0))

static const char *ask(struct peer *peer)
{
	struct message message;

	message_init(&message, MESSAGE_METRICS_GET, 0);
	strcpy(message.metrics_get.client, peer == &fcgi ? "127.0.0.1" : "");
	assert_int_equal(peer_ask(peer, &message)->type, MESSAGE_METRICS);
	assert_format(peer->answer.metrics.text);
	return peer->answer.metrics.text;
}

static void test_what_is_counted(void **state)
{
	const time_t before = time(NULL);
	struct ticket ticket;
	const char *text;

	(void)state;
	begin("");
	text = ask(&ctl);
	assert_in_range(value(text, "x2goweb_start_time_seconds"), before, time(NULL));
	assert_value(text, "x2goweb_logins_opened_total", 0);
	assert_value(text, "x2goweb_login_seconds_count", 0);
	assert_value(text, "x2goweb_build_info{version=\"" X2GOWEB_VERSION "\"}", 1);
	assert_value(text, "x2goweb_draining", 0);
	assert_value(text, "x2goweb_ports{use=\"free\"}", 30);
	assert_value(text, "x2goweb_logins_failed_total{code=\"auth_failed\"}", -1);

	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", "wrong")), ERROR_AUTH_FAILED);
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "dead", "bob")), ERROR_AUTH_FAILED);
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "nowhere", "bob")), ERROR_SERVER_NOT_ALLOWED);
	ticket = peer_login(&fcgi, "alice");
	assert_int_equal(peer_start(&fcgi, &ticket, "ICEWM")->type, MESSAGE_STREAM);
	assert_fails(peer_start(&fcgi, &ticket, "fail"), ERROR_DESKTOP_MISSING);
	text = ask(&fcgi);
	assert_value(text, "x2goweb_logins_opened_total", 1);
	assert_value(text, "x2goweb_logins_failed_total{code=\"auth_failed\"}", 2);
	assert_value(text, "x2goweb_logins_failed_total{code=\"server_not_allowed\"}", 1);
	assert_value(text, "x2goweb_calls_failed_total{code=\"desktop_missing\"}", 1);
	assert_value(text, "x2goweb_logins{state=\"ready\"}", 1);
	assert_value(text, "x2goweb_streams{state=\"attached\"}", 1);
	assert_value(text, "x2goweb_streams_total", 1);
	assert_value(text, "x2goweb_sessions_total{action=\"started\"}", 1);
	assert_value(text, "x2goweb_relay_bytes_total{direction=\"to_browser\"}", 1000);
	assert_value(text, "x2goweb_relay_bytes_total{direction=\"from_browser\"}", 41);
	assert_value(text, "x2goweb_stream_resumes_total", 2);
	assert_value(text, "x2goweb_login_seconds_count", 1);
	assert_value(text, "x2goweb_login_seconds_bucket{le=\"+Inf\"}", 1);
	assert_value(text, "x2goweb_login_seconds_bucket{le=\"60\"}", 1);
	assert_value(text, "x2goweb_start_seconds_count", 1);
	assert_value(text, "x2goweb_resume_seconds_count", 0);
	/* Those of logins that failed are used until their processes have ended. */
	AWAIT(value(ask(&fcgi), "x2goweb_ports{use=\"used\"}") == 1);
	text = fcgi.answer.metrics.text;
	assert_value(text, "x2goweb_connections", 2);

	peer_logout(&fcgi, &ticket);
	assert_nothing_left(&ctl);
	text = ask(&ctl);
	assert_value(text, "x2goweb_logins_ended_total{code=\"logout\"}", 1);
	assert_value(text, "x2goweb_logins{state=\"ready\"}", 0);
	assert_null(strstr(text, "alice"));
	assert_null(strstr(text, "192.0.2.1"));
	end();
}

/* Who may read them by the web is the admin's matter; brokerctl may always. */
static void test_who_may_see_them(void **state)
{
	static const struct {
		const char *config, *client;
		bool allowed;
	} rows[] = {
	    {"", "127.0.0.1", true},
	    {"", "::1", true},
	    {"", "127.3.2.1", true},
	    {"", "192.0.2.1", false},
	    {"", "", false},
	    {"", "localhost", false},
	    {"[metrics]\nallow = 192.0.2.0/24\n", "192.0.2.77", true},
	    {"[metrics]\nallow = 192.0.2.0/24\n", "127.0.0.1", false},
	    {"[metrics]\nallow =\n", "127.0.0.1", false},
	};
	struct message message;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i == 0 || strcmp(rows[i].config, rows[i - 1].config) != 0) {
			if (i != 0)
				end();
			begin(rows[i].config);
			ask(&ctl);
		}
		message_init(&message, MESSAGE_METRICS_GET, 0);
		strcpy(message.metrics_get.client, rows[i].client);
		if (rows[i].allowed)
			assert_int_equal(peer_ask(&fcgi, &message)->type, MESSAGE_METRICS);
		else
			assert_fails(peer_ask(&fcgi, &message), ERROR_NOT_FOUND);
	}
	end();
}

static void test_health(void **state)
{
	struct message message;

	(void)state;
	begin("");
	message_init(&message, MESSAGE_HEALTH_GET, 0);
	assert_int_equal(peer_ask(&fcgi, &message)->type, MESSAGE_HEALTH);
	assert_int_equal(fcgi.answer.health.draining, 0);
	message_init(&message, MESSAGE_DRAIN, 0);
	message.drain.mode = DRAIN_ON;
	assert_int_equal(peer_ask(&ctl, &message)->type, MESSAGE_DONE);
	message_init(&message, MESSAGE_HEALTH_GET, 0);
	assert_int_equal(peer_ask(&fcgi, &message)->type, MESSAGE_HEALTH);
	assert_int_equal(fcgi.answer.health.draining, 1);
	assert_value(ask(&ctl), "x2goweb_draining", 1);
	end();
}

static void test_histograms(void **state)
{
	static struct metrics metrics;

	(void)state;
	metrics_time(&metrics, METRIC_TIME_START, 0);
	metrics_time(&metrics, METRIC_TIME_START, 100);
	metrics_time(&metrics, METRIC_TIME_START, 101);
	metrics_time(&metrics, METRIC_TIME_START, 60000);
	metrics_time(&metrics, METRIC_TIME_START, 60001);
	assert_int_equal(metrics.times[METRIC_TIME_START].buckets[0], 2);
	assert_int_equal(metrics.times[METRIC_TIME_START].buckets[1], 1);
	assert_int_equal(metrics.times[METRIC_TIME_START].buckets[10], 1);
	assert_int_equal(metrics.times[METRIC_TIME_START].buckets[11], 1);
	assert_int_equal(metrics.times[METRIC_TIME_START].count, 5);
	assert_int_equal(metrics.times[METRIC_TIME_START].sum_ms, 120202);
}

/* Neither strange labels nor counts that go backwards do harm. */
static void test_what_processes_may_say(void **state)
{
	static struct metrics metrics, before;
	const struct message_tally more = {.to_browser_bytes = 10, .resumes = 1}, less = {0};

	(void)state;
	metrics_count(&metrics, METRIC_LOGINS_FAILED, METRIC_LABELS_MAX, 1);
	metrics_count(&metrics, METRIC_LOGINS_FAILED, UINT16_MAX, 1);
	assert_int_equal(metrics_growth(10, 3), 0);
	assert_int_equal(metrics_growth(3, 10), 7);
	metrics_count_tally(&metrics, &more, &less);
	assert_memory_equal(&metrics, &before, sizeof(metrics));
	metrics_count_tally(&metrics, &less, &more);
	assert_int_equal(metrics.counters[METRIC_RELAY_BYTES][METRIC_DIRECTION_TO_BROWSER], 10);
}

/* Also when every code has occurred, in each of the three families that have them. */
static void test_room(void **state)
{
	const char *longest = "x2goweb_logins_failed_total{code=\"\"} 18446744073709551615\n";
	size_t bytes = 0, others;

	(void)state;
	begin("");
	others = strlen(ask(&ctl));
	end();
	for (unsigned i = 0; error_info_at(i) != NULL; i++) {
		assert_true((unsigned)error_info_at(i)->code < METRIC_LABELS_MAX);
		bytes += strlen(longest) + strlen(error_info_at(i)->name);
	}
	/* Those that are there may get longer, too. */
	assert_true(3 * bytes + 2 * others < METRICS_BYTES);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_what_is_counted), CASE(test_who_may_see_them),
	    CASE(test_health), CASE(test_room), cmocka_unit_test(test_histograms),
	    cmocka_unit_test(test_what_processes_may_say)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
