/* SPDX-License-Identifier: ISC */
/*
 * The broker's answers for people, aligned, and for programs, as JSON.
 */
#include <inttypes.h>
#include <string.h>

#include "ctl.h"

void ctl_print_json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != 0; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* "5s", "12m", "3h07m", "2d04h". */
static const char *print_age(uint64_t age_s, char text[32])
{
	if (age_s < 60)
		snprintf(text, 32, "%" PRIu64 "s", age_s);
	else if (age_s < 3600)
		snprintf(text, 32, "%" PRIu64 "m", age_s / 60);
	else if (age_s < 86400)
		snprintf(text, 32, "%" PRIu64 "h%02" PRIu64 "m", age_s / 3600, age_s / 60 % 60);
	else
		snprintf(text, 32, "%" PRIu64 "d%02" PRIu64 "h", age_s / 86400, age_s / 3600 % 24);
	return text;
}

void ctl_print_status(FILE *out, const struct message_status *status, bool json)
{
	char age[32];

	if (json) {
		fputs("{\"version\":", out);
		ctl_print_json_text(out, status->release);
		fprintf(out,
		    ",\"uptime_s\":%" PRIu64 ",\"logins\":%" PRIu32 ",\"logins_max\":%" PRIu32
		    ",\"streams\":%" PRIu32 ",\"ports_used\":%" PRIu32 ",\"ports_resting\":%" PRIu32
		    ",\"ports_total\":%" PRIu32 ",\"uids_used\":%" PRIu32 ",\"uids_total\":%" PRIu32
		    ",\"connections\":%" PRIu32 "}\n",
		    status->uptime_s, status->logins, status->logins_max, status->streams,
		    status->ports_used, status->ports_resting, status->ports_total,
		    status->uids_used, status->uids_total, status->connections);
		return;
	}
	fprintf(out,
	    "version      %s\n"
	    "running for  %s\n"
	    "logins       %" PRIu32 " of %" PRIu32 "\n"
	    "streams      %" PRIu32 "\n"
	    "ports        %" PRIu32 " of %" PRIu32 ", %" PRIu32 " resting\n"
	    "uids         %" PRIu32 " of %" PRIu32 "\n"
	    "connections  %" PRIu32 "\n",
	    status->release, print_age(status->uptime_s, age), status->logins, status->logins_max,
	    status->streams, status->ports_used, status->ports_total, status->ports_resting,
	    status->uids_used, status->uids_total, status->connections);
}

static void print_login_json(FILE *out, const struct record_login *login)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"login", login->login}, {"state", login->state}, {"user", login->user},
	    {"server", login->server}, {"client", login->client}, {"session", login->session}};

	fputc('{', out);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fprintf(out, "%s\"%s\":", i != 0 ? "," : "", texts[i].name);
		ctl_print_json_text(out, texts[i].text);
	}
	fprintf(out, ",\"pid\":%" PRIu32 ",\"uid\":%" PRIu32 ",\"port\":%u,\"age_s\":%" PRIu64 "}",
	    login->pid, login->uid, (unsigned)login->port, login->age_s);
}

static const char *or_dash(const char *text)
{
	return text[0] != 0 ? text : "-";
}

void ctl_print_logins(FILE *out, const struct message_logins *logins, unsigned part, bool json)
{
	char age[32];

	if (part == 0)
		fputs(
		    json
			? "["
			: "LOGIN             STATE      USER          SERVER        CLIENT         "
			  "     PID     PORT   AGE     SESSION\n",
		    out);
	for (size_t i = 0; i < logins->logins_count; i++) {
		const struct record_login *login = &logins->logins[i];

		if (json) {
			fputs(part != 0 || i != 0 ? "," : "", out);
			print_login_json(out, login);
		} else {
			fprintf(out,
			    "%-16s  %-9s  %-12s  %-12s  %-18s  %-6" PRIu32 "  %-5u  %-6s  %s\n",
			    login->login, login->state, login->user, login->server,
			    or_dash(login->client), login->pid, (unsigned)login->port,
			    print_age(login->age_s, age), or_dash(login->session));
		}
	}
	if (json && logins->last != 0)
		fputs("]\n", out);
}
