/* SPDX-License-Identifier: ISC */
/*
 * Operations that only look: what a login needs to know, the list of sessions, and the published
 * applications. Runs in x2goweb-session.
 */
#include <stdio.h>
#include <string.h>

#include "proto/log.h"
#include "session.h"
#include "x2go_applications.h"

static void put_rows(struct session *session, const struct x2go_row *rows, size_t count,
    struct record_session *ret_rows)
{
	const char *attached = session_attached_id(session);

	for (size_t i = 0; i < count; i++) {
		ret_rows[i] = rows[i].session;
		ret_rows[i].attached = strcmp(rows[i].session.id, attached) == 0;
	}
}

/* --- probe -------------------------------------------------------------------------------- */

/* An empty list may also come from a broken installation: features are believed first. */
static bool check_features(struct operation *operation, const char *errors)
{
	const struct x2go_text features = {errors, strlen(errors)};
	char line[120];

	if (x2go_text_has_line(&features, "X2GOKDRIVE_BASE_SUPPORT"))
		return true;
	if (strstr(errors, "\nX2GO") != NULL)
		operation_fail(operation, ERROR_X2GO_MISSING, "x2goserver-x2gokdrive is missing");
	else
		operation_fail(operation, ERROR_X2GO_FAULT, "x2gofeaturelist says: %s",
		    first_line(errors, line, sizeof(line)));
	return false;
}

/* "+0130" */
static bool parse_offset(const struct x2go_text *line, int *ret_seconds)
{
	struct x2go_text digits = {line->start + 1, line->length - 1};
	uint64_t number;
	int seconds;

	if (line->length != 5 || (line->start[0] != '+' && line->start[0] != '-') ||
	    !x2go_number_parse(&digits, 0, 9999, &number))
		return false;
	seconds = (int)(number / 100 * 3600 + number % 100 * 60);
	*ret_seconds = line->start[0] == '-' ? -seconds : seconds;
	return true;
}

static void read_host(struct session *session, struct x2go_text text)
{
	struct x2go_text line;

	while (x2go_text_next_line(&text, &line)) {
		if (line.length == 0 || parse_offset(&line, &session->clock_offset_s))
			continue;
		message_set_text(session->host, sizeof(session->host), line.start, line.length);
	}
}

/* One line for each path that is there: a desktop may be named more than once. */
static void read_desktops(
    const struct session *session, struct x2go_text text, struct message_opened *opened)
{
	bool installed[32] = {false};
	struct x2go_text line;
	uint64_t index;

	while (x2go_text_next_line(&text, &line))
		if (session->desktop_count != 0 &&
		    x2go_number_parse(&line, 0, session->desktop_count - 1, &index))
			installed[index] = true;
	for (size_t i = 0; i < session->desktop_count; i++)
		if (installed[i])
			opened->desktops[opened->desktops_count++] = session->desktops[i];
}

static void on_probe(struct operation *operation, const struct x2go_answer *answer)
{
	struct session *session = operation->session;
	const char *nonce = operation->command.nonce;
	struct x2go_row rows[X2GO_ROWS_MAX];
	struct x2go_text host, desktops;
	struct message message;
	size_t count;

	if (!operation_check(operation, answer) ||
	    !operation_read_list(operation, &answer->payload, rows, &count))
		return;
	if (!check_features(operation, answer->errors)) {
		explicit_bzero(rows, sizeof(rows));
		return;
	}
	message_init(&message, MESSAGE_OPENED, 0);
	if (x2go_section_find(answer->output, nonce, "HOST", &host))
		read_host(session, host);
	if (x2go_section_find(answer->output, nonce, "DESKTOPS", &desktops))
		read_desktops(session, desktops, &message.opened);
	message.opened.sessions_count = (uint16_t)count;
	put_rows(session, rows, count, message.opened.sessions);
	explicit_bzero(rows, sizeof(rows));
	session_open(session, &message);
	operation_end(operation);
}

void op_probe_begin(struct operation *operation)
{
	struct session *session = operation->session;
	bool ready =
	    x2go_command_probe(&operation->command, session->desktops, session->desktop_count);

	operation_run(operation, ready, LIST_OUTPUT_BYTES, LIST_DEADLINE_MS, on_probe);
}

/* --- list --------------------------------------------------------------------------------- */

static void on_list(struct operation *operation, const struct x2go_answer *answer)
{
	struct x2go_row rows[X2GO_ROWS_MAX];
	struct message message;
	size_t count;

	if (!operation_check(operation, answer) ||
	    !operation_read_list(operation, &answer->payload, rows, &count))
		return;
	message_init(&message, MESSAGE_SESSIONS, 0);
	message.sessions.sessions_count = (uint16_t)count;
	put_rows(operation->session, rows, count, message.sessions.sessions);
	explicit_bzero(rows, sizeof(rows));
	/* Unless a broker that is gone has asked. */
	if (operation->request_id != 0)
		relay_take_unsaid(operation->session->relay, message.sessions.said);
	operation_reply(operation, &message);
}

void op_list_begin(struct operation *operation)
{
	operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
	    LIST_DEADLINE_MS, on_list);
}

/* --- applications ------------------------------------------------------------------------- */

static void on_applications(struct operation *operation, const struct x2go_answer *answer)
{
	struct x2go_text terminal;
	struct message message;
	bool has_xterm;

	if (!operation_check(operation, answer))
		return;
	has_xterm =
	    x2go_section_find(answer->output, operation->command.nonce, "TERMINAL", &terminal) &&
	    terminal.length != 0;
	message_init(&message, MESSAGE_APPLICATIONS, 0);
	message.applications.applications_count = (uint16_t)x2go_applications_parse(
	    &answer->payload, has_xterm, message.applications.applications);
	operation_reply(operation, &message);
}

void op_applications_begin(struct operation *operation)
{
	operation_run(operation, x2go_command_applications(&operation->command),
	    X2GO_APPLICATIONS_BYTES + SHORT_OUTPUT_BYTES, LIST_DEADLINE_MS, on_applications);
}
