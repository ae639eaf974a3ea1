/* SPDX-License-Identifier: ISC */
/*
 * What `brokerctl doctor` thinks of this machine's settings and of what an X2Go server says after a
 * login: pure, so that each judgement can be tested by itself. Runs in brokerctl.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "ctl_doctor.h"

/* What this was written in: a clock before that is wrong for certain. */
#define CLOCK_EARLIEST INT64_C(1767225600) /* 2026 */
#define CLOCK_OFF_S    60

/* --- this machine ------------------------------------------------------------------------- */

void doctor_judge_limit(const char *what, uint64_t have, uint64_t need, const char *todo,
    struct doctor_finding *finding)
{
	if (have >= need) {
		doctor_find(finding, DOCTOR_GREEN,
		    "%" PRIu64 " %s for the broker, of which [limits] may need %" PRIu64, have,
		    what, need);
		return;
	}
	doctor_find(finding, DOCTOR_RED,
	    "%" PRIu64 " %s for the broker, but [limits] may need %" PRIu64, have, what, need);
	doctor_advise(finding, "%s", todo);
}

/* Whether text, numbers and ranges with commas, holds all of the range. */
static bool holds_range(const char *text, const struct config_range *range)
{
	unsigned next = range->first;

	/* In the kernel's order, which is ascending. */
	while (*text != 0 && next <= range->last) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (first <= next && last >= next)
			next = (unsigned)last + 1;
		text = end + strspn(end, ", \n");
	}
	return next > range->last;
}

void doctor_judge_ports(const struct config *config, const char *local_range, const char *reserved,
    struct doctor_finding *finding)
{
	const struct config_range *range = &config->relay.ports;
	unsigned low = 0, high = 0, count = range->last - range->first + 1;

	if (count < config->limits.logins) {
		doctor_find(finding, DOCTOR_RED,
		    "[relay] ports are %u, but [limits] logins %u, and each needs one", count,
		    config->limits.logins);
		doctor_advise(finding,
		    "widen ports, in the web server's location as well, or lower logins; a port "
		    "rests for quarantine seconds after its use");
		return;
	}
	if (sscanf(local_range, "%u %u", &low, &high) == 2 && low <= range->last &&
	    high >= range->first && !holds_range(reserved, range)) {
		doctor_find(finding, DOCTOR_RED,
		    "[relay] ports %u-%u lie within ip_local_port_range %u-%u: other programs' "
		    "connections take them",
		    range->first, range->last, low, high);
		doctor_advise(finding,
		    "choose others below %u, or reserve them: sysctl "
		    "net.ipv4.ip_local_reserved_ports=%u-%u, and in /etc/sysctl.d",
		    low, range->first, range->last);
		return;
	}
	doctor_find(finding, DOCTOR_GREEN,
	    "ports %u-%u are enough, and none that the kernel gives to others", range->first,
	    range->last);
}

void doctor_judge_listeners(const struct config_range *range, const char *lines, uint32_t owner,
    struct doctor_finding *finding)
{
	unsigned taken = 0, first = 0, first_owner = 0;

	/* "sl: ADDRESS:PORT ADDRESS:PORT STATE QUEUES TIMER RETRANSMITS UID ...", in hex but UID.
	 */
	for (const char *line = lines; line != NULL; line = strchr(line, '\n')) {
		unsigned port, state, uid;

		line += line[0] == '\n';
		if (sscanf(line,
			" %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*[0-9A-F:] %*[0-9A-F:] "
			"%*x %u",
			&port, &state, &uid) != 3 ||
		    state != 10 || port < range->first || port > range->last || uid == owner)
			continue;
		if (taken++ == 0) {
			first = port;
			first_owner = uid;
		}
	}
	if (taken == 0) {
		doctor_find(finding, DOCTOR_GREEN, "nobody else listens on them");
		return;
	}
	doctor_find(finding, DOCTOR_RED,
	    "%u of the relay's ports are others', such as %u of user %u: the web server would "
	    "lead browsers there",
	    taken, first, first_owner);
	doctor_advise(finding,
	    "ss -ltnp 'sport = :%u' says whose it is; move that program, or [relay] ports and the "
	    "web server's location",
	    first);
}

void doctor_judge_subuids(
    const struct config_range *range, const char *lines, struct doctor_finding *finding)
{
	for (const char *line = lines; line != NULL && *line != 0;) {
		char name[65];
		unsigned long long first, count;
		const char *end = strchr(line, '\n');

		if (sscanf(line, "%64[^:\n]:%llu:%llu", name, &first, &count) == 3 && count != 0 &&
		    first <= range->last && first + count - 1 >= range->first) {
			doctor_find(finding, DOCTOR_RED,
			    "/etc/subuid gives %llu of the uids %u-%u and others to %s's "
			    "containers",
			    first > range->first ? first : range->first, range->first, range->last,
			    name);
			doctor_advise(
			    finding, "choose other [sessions] uids, which nothing else uses");
			return;
		}
		line = end != NULL ? end + 1 : NULL;
	}
	doctor_find(finding, DOCTOR_GREEN, "no container's either");
}

void doctor_judge_clock(int state, int64_t now, struct doctor_finding *finding)
{
	if (now < CLOCK_EARLIEST) {
		doctor_find(finding, DOCTOR_RED, "this machine's clock is years behind");
		doctor_advise(finding, "timedatectl set-ntp true, or install chrony");
	} else if (state < 0 || state == TIME_ERROR) {
		doctor_find(finding, DOCTOR_OPEN,
		    "the kernel does not know of anybody who keeps the clock right (see "
		    "timedatectl); "
		    "in a virtual machine that may be as it should");
	} else {
		doctor_find(finding, DOCTOR_GREEN, "the clock is kept right");
	}
}

/* --- an X2Go server ----------------------------------------------------------------------- */

/* The login shell may be any: nothing in here means something to one of them within quotes. */
const char doctor_versions_command[] =
    "sh -c '"
    "echo " DOCTOR_VERSIONS_MARK "; "
    "echo clock: `date +%s`; "
    "x2goversion 2>&1 | head -n 20; "
    "x2gofeature X2GOKDRIVE_BASE_SUPPORT >/dev/null 2>&1 && echo feature: yes; "
    "test -x /usr/bin/x2gokdrive && echo program: yes; "
    "dpkg-query -W -f \"agent: \\${Version}\" xserver-x2gokdrive 2>/dev/null && echo; "
    "x2golistsessions >/dev/null 2>&1; echo sessions: $?; "
    "x2gooptionsstring 2>&1 | grep -c Encode/Locale | sed \"s/^/locale: /\"; "
    "echo end: yes'";

/* The rest of the line "name: VALUE" after the mark; false if there is none. */
static bool find_value(const char *output, const char *name, char value[80])
{
	const char *line = strstr(output, DOCTOR_VERSIONS_MARK);
	size_t length = strlen(name);

	while (line != NULL && (line = strchr(line, '\n')) != NULL) {
		line++;
		if (strncmp(line, name, length) != 0 || strncmp(line + length, ": ", 2) != 0)
			continue;
		line += length + 2;
		snprintf(value, 80, "%.*s", (int)strcspn(line, "\r\n"), line);
		return true;
	}
	return false;
}

void doctor_judge_x2go(const char *output, struct doctor_finding *finding)
{
	char value[80];

	if (find_value(output, "x2goserver", value)) {
		doctor_find(finding, DOCTOR_GREEN, "x2goserver %s", value);
		return;
	}
	doctor_find(finding, DOCTOR_RED, "X2Go is not installed there, or x2goversion fails");
	doctor_advise(finding, "install x2goserver and x2goserver-xsession there");
}

void doctor_judge_kdrive(const char *output, struct doctor_finding *finding)
{
	char version[80], agent[80], value[80];
	bool feature = find_value(output, "feature", value);

	if (!find_value(output, "x2goserver-x2gokdrive", version) || !feature) {
		doctor_find(finding, DOCTOR_RED, "desktops cannot be shown in browsers: no KDrive");
		doctor_advise(finding, "install x2goserver-x2gokdrive there");
		return;
	}
	if (!find_value(output, "program", value)) {
		doctor_find(finding, DOCTOR_RED,
		    "x2goserver-x2gokdrive %s, but no /usr/bin/x2gokdrive", version);
		doctor_advise(finding, "install xserver-x2gokdrive there");
		return;
	}
	if (!find_value(output, "agent", agent))
		strcpy(agent, "of unknown version");
	doctor_find(finding, DOCTOR_GREEN, "x2goserver-x2gokdrive %s, xserver-x2gokdrive %s",
	    version, agent);
}

void doctor_judge_database(const char *output, struct doctor_finding *finding)
{
	char value[80];

	if (!find_value(output, "sessions", value)) {
		doctor_find(finding, DOCTOR_OPEN, "x2golistsessions was not reached");
	} else if (strcmp(value, "0") != 0) {
		doctor_find(finding, DOCTOR_RED, "x2golistsessions fails with status %.20s", value);
		doctor_advise(finding,
		    "the session database there is missing or broken: run "
		    "x2golistsessions there, then x2godbadmin --createdb as root");
	} else if (find_value(output, "locale", value) && strcmp(value, "0") != 0) {
		doctor_find(finding, DOCTOR_RED,
		    "x2gooptionsstring lacks Encode::Locale: suspended sessions do not come back "
		    "as they were");
		doctor_advise(finding, "install libencode-locale-perl there");
	} else {
		doctor_find(finding, DOCTOR_GREEN, "sessions can be listed");
	}
}

void doctor_judge_far_clock(const char *output, int64_t now, struct doctor_finding *finding)
{
	char value[80];
	long long there;

	if (!find_value(output, "clock", value) || (there = strtoll(value, NULL, 10)) <= 0) {
		doctor_find(finding, DOCTOR_OPEN, "its clock was not told");
	} else if (llabs((long long)now - there) > CLOCK_OFF_S) {
		doctor_find(finding, DOCTOR_RED, "its clock and this one's are %lld seconds apart",
		    llabs((long long)now - there));
		doctor_advise(finding, "set both right (timedatectl): one-time codes, Kerberos and "
				       "certificates go by them");
	} else {
		doctor_find(finding, DOCTOR_GREEN, "its clock says the same as this one's");
	}
}
