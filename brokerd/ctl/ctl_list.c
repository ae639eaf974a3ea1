/* SPDX-License-Identifier: ISC */
/*
 * brokerctl status, list and show: what there is.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "proto/log.h"

/* So much of a login's name is shown: enough to tell thousands apart. */
#define SHORT_CHARS 8

/* "ready": it is open, and no desktop is. */
static enum ctl_colour colour_of(const char *state)
{
	if (strcmp(state, "attached") == 0)
		return CTL_GOOD;
	if (strcmp(state, "ready") == 0 || strcmp(state, "detached") == 0)
		return CTL_PLAIN;
	return strcmp(state, "stopping") == 0 ? CTL_FAINT : CTL_CARE;
}

/* --- status ------------------------------------------------------------------------------- */

static void print_status_json(FILE *out, const struct message_status *status)
{
	struct ctl_json json = {.out = out};

	ctl_json_open(&json, NULL, '{');
	ctl_json_text(&json, "version", status->release);
	ctl_json_bool(&json, "draining", status->draining);
	ctl_json_uint(&json, "uptime_s", status->uptime_s);
	ctl_json_uint(&json, "logins", status->logins);
	ctl_json_uint(&json, "logins_max", status->logins_max);
	ctl_json_uint(&json, "unfinished", status->unfinished);
	ctl_json_uint(&json, "streams", status->streams);
	ctl_json_uint(&json, "streams_waiting", status->waiting);
	ctl_json_uint(&json, "servers", status->servers);
	ctl_json_uint(&json, "ports_used", status->ports_used);
	ctl_json_uint(&json, "ports_resting", status->ports_resting);
	ctl_json_uint(&json, "ports_total", status->ports_total);
	ctl_json_uint(&json, "uids_used", status->uids_used);
	ctl_json_uint(&json, "uids_total", status->uids_total);
	ctl_json_uint(&json, "connections", status->connections);
	ctl_json_close(&json, '}');
	fputc('\n', out);
}

/* What nearly all of is in use deserves a look. */
static enum ctl_colour colour_of_use(uint32_t used, uint32_t total)
{
	if (used >= total)
		return CTL_BAD;
	return used >= total - total / 10 ? CTL_CARE : CTL_PLAIN;
}

static void print_use(FILE *out, const struct ctl_look *look, const char *name, uint32_t used,
    uint32_t total, uint32_t aside, const char *what)
{
	enum ctl_colour colour = colour_of_use(used, total);

	fprintf(out, "%-12s %s%" PRIu32 "%s of %" PRIu32, name, ctl_colour(look, colour), used,
	    ctl_colour_end(look, colour), total);
	if (aside != 0)
		fprintf(out, ", %" PRIu32 " %s", aside, what);
	fputc('\n', out);
}

static void print_status(
    FILE *out, const struct ctl_look *look, const struct message_status *status)
{
	enum ctl_colour colour = status->draining ? CTL_CARE : CTL_GOOD;
	char age[CTL_TEXT_BYTES];

	fprintf(out, "%-12s %s\n", "version", status->release);
	fprintf(out, "%-12s %s\n", "running for", ctl_age(status->uptime_s, age));
	fprintf(out, "%-12s %s%s%s\n", "state", ctl_colour(look, colour),
	    status->draining ? "draining: no new logins are taken" : "taking logins",
	    ctl_colour_end(look, colour));
	print_use(out, look, "logins", status->logins, status->logins_max, status->unfinished,
	    "not open yet");
	fprintf(out, "%-12s %" PRIu32 " shown", "desktops", status->streams);
	if (status->waiting != 0)
		fprintf(out, ", %" PRIu32 " waiting for a browser", status->waiting);
	fputc('\n', out);
	fprintf(out, "%-12s %" PRIu32 "\n", "servers", status->servers);
	print_use(out, look, "ports", status->ports_used, status->ports_total,
	    status->ports_resting, "resting");
	print_use(out, look, "uids", status->uids_used, status->uids_total, 0, "");
	fprintf(out, "%-12s %" PRIu32 "\n", "connections", status->connections);
}

enum ctl_status ctl_status_show(struct ctl *ctl)
{
	struct message request, answer;
	enum ctl_status status;

	message_init(&request, MESSAGE_STATUS_GET, 0);
	status = ctl_ask(ctl, &request, &answer);
	if (status != CTL_STATUS_OK)
		return status;
	if (ctl->json)
		print_status_json(ctl->out, &answer.status);
	else
		print_status(ctl->out, &ctl->look, &answer.status);
	return CTL_STATUS_OK;
}

/* --- list --------------------------------------------------------------------------------- */

static void put_login(struct ctl_json *json, const struct record_login *login)
{
	ctl_json_text(json, "login", login->login);
	ctl_json_text(json, "state", login->state);
	ctl_json_text(json, "user", login->user);
	ctl_json_text(json, "server", login->server);
	ctl_json_text(json, "client", login->client);
	ctl_json_text(json, "session", login->session);
	ctl_json_uint(json, "pid", login->pid);
	ctl_json_uint(json, "uid", login->uid);
	ctl_json_uint(json, "port", login->port);
	ctl_json_uint(json, "age_s", login->age_s);
	ctl_json_uint(json, "to_browser_bytes", login->to_browser_bytes);
	ctl_json_uint(json, "from_browser_bytes", login->from_browser_bytes);
	ctl_json_uint(json, "round_trip_us", login->round_trip_us);
	ctl_json_uint(json, "resumes", login->resumes);
}

static const struct ctl_column list_columns[] = {
    {.title = "LOGIN"},
    {.title = "USER", .least = 6},
    {.title = "FROM", .least = 9},
    {.title = "SERVER", .least = 6},
    {.title = "STATE"},
    {.title = "SINCE", .right = true},
    {.title = "DATA", .right = true},
    {.title = "TRIP", .right = true},
    {.title = "SESSION", .spare = true},
};

static void add_row(struct ctl_table *table, const struct record_login *login)
{
	char text[CTL_TEXT_BYTES], name[sizeof(login->login)];

	snprintf(name, sizeof(name), "%.*s", SHORT_CHARS, login->login);
	ctl_table_add(table, name, CTL_BOLD);
	ctl_table_add(table, login->user, CTL_PLAIN);
	ctl_table_add(table, ctl_or_dash(login->client), CTL_PLAIN);
	ctl_table_add(table, login->server, CTL_PLAIN);
	ctl_table_add(table, login->state, colour_of(login->state));
	ctl_table_add(table, ctl_age(login->age_s, text), CTL_PLAIN);
	ctl_table_add(
	    table, ctl_bytes(login->to_browser_bytes + login->from_browser_bytes, text), CTL_PLAIN);
	ctl_table_add(table, ctl_latency(login->round_trip_us, text), CTL_PLAIN);
	ctl_table_add(table, ctl_or_dash(login->session), CTL_PLAIN);
}

/* Without any of the options everybody is meant. */
static bool is_wanted(const struct ctl *ctl, const struct record_login *login)
{
	return ((ctl->options & CTL_OPTION_USER) == 0 ||
		   strcmp(login->user, ctl->whom.user) == 0) &&
	       ((ctl->options & CTL_OPTION_SERVER) == 0 ||
		   strcmp(login->server, ctl->whom.server) == 0);
}

enum ctl_status ctl_list(struct ctl *ctl)
{
	struct ctl_json json = {.out = ctl->out};
	struct ctl_table *table = NULL;
	struct message request, answer;
	enum ctl_status status;
	unsigned count = 0;

	message_init(&request, MESSAGE_LOGINS_GET, 0);
	status = ctl_ask(ctl, &request, &answer);
	if (status != CTL_STATUS_OK)
		return status;
	if (ctl->json)
		ctl_json_open(&json, NULL, '[');
	else
		table =
		    ctl_table_create(list_columns, sizeof(list_columns) / sizeof(list_columns[0]));
	for (;;) {
		for (size_t i = 0; i < answer.logins.logins_count; i++) {
			const struct record_login *login = &answer.logins.logins[i];

			if (!is_wanted(ctl, login))
				continue;
			count++;
			if (!ctl->json) {
				add_row(table, login);
				continue;
			}
			ctl_json_open(&json, NULL, '{');
			put_login(&json, login);
			ctl_json_close(&json, '}');
		}
		if (answer.logins.last != 0)
			break;
		status = ctl_await(ctl, &answer, 10000);
		if (status != CTL_STATUS_OK) {
			ctl_complain("the broker does not tell the rest");
			ctl_table_drop(table);
			return status;
		}
	}
	if (ctl->json) {
		ctl_json_close(&json, ']');
		fputc('\n', ctl->out);
	} else if (count == 0) {
		fputs((ctl->options & ~(unsigned)CTL_OPTION_ALL) != 0 ? "Nobody is logged in so.\n"
								      : "Nobody is logged in.\n",
		    ctl->out);
		ctl_table_drop(table);
	} else {
		ctl_table_print(ctl->out, &ctl->look, table);
	}
	return CTL_STATUS_OK;
}

/* --- show --------------------------------------------------------------------------------- */

static const char *stream_name(const struct message_shown *shown)
{
	static const char *const names[STREAM_STATE_COUNT] = {"none", "waiting", "attached"};

	return names[shown->stream];
}

static void print_shown_json(FILE *out, const struct message_shown *shown)
{
	struct ctl_json json = {.out = out};

	ctl_json_open(&json, NULL, '{');
	put_login(&json, &shown->login[0]);
	ctl_json_text(&json, "host", shown->host);
	ctl_json_text(&json, "jump_host", shown->way);
	ctl_json_text(&json, "methods", shown->methods);
	ctl_json_text(&json, "host_key", shown->fingerprint);
	ctl_json_text(&json, "jump_host_key", shown->jump_fingerprint);
	ctl_json_text(&json, "stream", stream_name(shown));
	ctl_json_uint(&json, "stream_since_s", shown->since_s);
	ctl_json_uint(&json, "expires_s", shown->expires_s);
	ctl_json_uint(&json, "orders", shown->orders);
	ctl_json_close(&json, '}');
	fputc('\n', out);
}

/* What the state means. */
static const char *explain(const struct message_shown *shown)
{
	static const struct {
		const char *state, *text;
	} rows[] = {{"waiting", "its turn for this server has not come yet"},
	    {"dialling", "the server is being connected to"},
	    {"opening", "the server judges who it is"},
	    {"prompting", "the user is asked something"}, {"ready", "open, without a desktop"},
	    {"attached", "a browser shows the desktop"},
	    {"detached", "the desktop goes on without a browser"},
	    {"stopping", "its process is asked to end"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].state, shown->login[0].state) == 0)
			return rows[i].text;
	return "";
}

__attribute__((format(printf, 3, 4))) static void line(
    FILE *out, const char *name, const char *format, ...)
{
	va_list arguments;

	fprintf(out, "%-12s ", name);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
}

/* The words of whoever typed them, or of a session process. */
static void foreign_line(FILE *out, const char *name, const char *text)
{
	char shown[300];

	log_make_harmless(shown, sizeof(shown), text);
	line(out, name, "%s", shown);
}

static void print_traffic(FILE *out, const struct record_login *login)
{
	char to[CTL_TEXT_BYTES], from[CTL_TEXT_BYTES];

	line(out, "data", "%s to the browser, %s from it",
	    ctl_bytes_long(login->to_browser_bytes, to),
	    ctl_bytes_long(login->from_browser_bytes, from));
	if (login->round_trip_us != 0)
		line(out, "round trip", "%s", ctl_latency(login->round_trip_us, to));
	if (login->resumes != 0)
		line(out, "came back", "%s", ctl_count(login->resumes, "time", to));
}

static void print_shown(
    FILE *out, const struct ctl_look *look, const struct message_shown *shown, time_t now)
{
	const struct record_login *login = &shown->login[0];
	char age[CTL_TEXT_BYTES], since[64] = "";
	time_t begun = now - (time_t)login->age_s;
	enum ctl_colour colour = colour_of(login->state);
	struct tm local;

	if (localtime_r(&begun, &local) != NULL)
		strftime(since, sizeof(since), "%Y-%m-%d %H:%M", &local);
	line(out, "login", "%s", login->login);
	foreign_line(out, "user", login->user);
	line(out, "from", "%s", ctl_or_dash(login->client));
	line(out, "server", "%s", login->server);
	line(
	    out, "host", "%s%s%s", shown->host, shown->way[0] != 0 ? ", through " : "", shown->way);
	line(out, "since", "%s, for %s", since, ctl_age(login->age_s, age));
	line(out, "ends", "in %s at the latest", ctl_age(shown->expires_s, age));
	line(out, "state", "%s%s%s: %s", ctl_colour(look, colour), login->state,
	    ctl_colour_end(look, colour), explain(shown));
	if (shown->methods[0] != 0)
		line(out, "opened by", "%s", shown->methods);
	if (shown->fingerprint[0] != 0)
		line(out, "host key", "%s", shown->fingerprint);
	if (shown->jump_fingerprint[0] != 0)
		line(out, "jump's key", "%s", shown->jump_fingerprint);
	if (login->session[0] != 0)
		foreign_line(out, "session", login->session);
	if (shown->stream != STREAM_STATE_NONE)
		line(out, "stream", "%s for %s", stream_name(shown), ctl_age(shown->since_s, age));
	if (login->to_browser_bytes + login->from_browser_bytes != 0)
		print_traffic(out, login);
	if (shown->orders != 0)
		line(out, "waits for", "%s of the server", ctl_count(shown->orders, "answer", age));
	line(out, "process", "%" PRIu32 ", uid %" PRIu32 ", port %u", login->pid, login->uid,
	    (unsigned)login->port);
}

enum ctl_status ctl_show(struct ctl *ctl)
{
	struct message request, answer;
	struct record_whom whom;
	enum ctl_status status = ctl_whom(ctl, true, &whom);

	if (status != CTL_STATUS_OK)
		return status;
	message_init(&request, MESSAGE_SHOW_GET, 0);
	strcpy(request.show_get.login, whom.login);
	status = ctl_ask(ctl, &request, &answer);
	if (status != CTL_STATUS_OK)
		return status;
	if (ctl->json)
		print_shown_json(ctl->out, &answer.shown);
	else
		print_shown(ctl->out, &ctl->look, &answer.shown, time(NULL));
	return CTL_STATUS_OK;
}
