/* SPDX-License-Identifier: ISC */
/* The formats are those of sections 1.4 to 1.9 and 3 of the X2Go server's command contract. */
#include "x2go_list.h"

#include <stdio.h>
#include <string.h>

#define FIELD_COUNT 16

static const char *const state_names[X2GO_STATE_COUNT] = {"UNKNOWN", "STARTING", "RUNNING",
    "SUSPENDING", "SUSPENDED", "RESUMING", "TERMINATING", "TERMINATED"};

/* --- text --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_id_char(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
	       c == '_' || c == '-' || c == '@';
}

static bool text_is(const struct x2go_text *text, const char *word)
{
	return text->length == strlen(word) && memcmp(text->start, word, text->length) == 0;
}

bool x2go_text_next_line(struct x2go_text *text, struct x2go_text *ret_line)
{
	const char *end;

	if (text->length == 0)
		return false;
	end = memchr(text->start, '\n', text->length);
	ret_line->start = text->start;
	ret_line->length = end != NULL ? (size_t)(end - text->start) : text->length;
	text->start += ret_line->length;
	text->length -= ret_line->length;
	if (end != NULL) {
		text->start++;
		text->length--;
	}
	return true;
}

bool x2go_text_has_line(const struct x2go_text *text, const char *line)
{
	struct x2go_text rest = *text, found;

	while (x2go_text_next_line(&rest, &found))
		if (text_is(&found, line))
			return true;
	return false;
}

bool x2go_number_parse(
    const struct x2go_text *text, uint64_t smallest, uint64_t largest, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text->length == 0 || text->length > 18)
		return false;
	for (size_t i = 0; i < text->length; i++) {
		if (!is_digit(text->start[i]))
			return false;
		number = number * 10 + (uint64_t)(text->start[i] - '0');
	}
	if (number < smallest || number > largest)
		return false;
	*ret_number = number;
	return true;
}

static bool parse_cookie(const struct x2go_text *text, char *cookie)
{
	if (text->length != X2GO_COOKIE_BYTES)
		return false;
	for (size_t i = 0; i < text->length; i++)
		if (!is_digit(text->start[i]) && (text->start[i] < 'a' || text->start[i] > 'f'))
			return false;
	memcpy(cookie, text->start, X2GO_COOKIE_BYTES);
	cookie[X2GO_COOKIE_BYTES] = 0;
	return true;
}

static bool parse_port(const struct x2go_text *text, uint16_t *ret_port)
{
	uint64_t number;

	if (!x2go_number_parse(text, 1, UINT16_MAX, &number))
		return false;
	*ret_port = (uint16_t)number;
	return true;
}

bool x2go_section_find(
    const char *output, const char *nonce, const char *name, struct x2go_text *ret_section)
{
	struct x2go_text rest = {output, strlen(output)}, line;
	char any[80], wanted[120];
	bool found = false;

	snprintf(any, sizeof(any), "X2GOWEB-%s", nonce);
	snprintf(wanted, sizeof(wanted), "%s%s%s", any, name != NULL ? "-" : "",
	    name != NULL ? name : "");
	while (x2go_text_next_line(&rest, &line)) {
		if (!found && text_is(&line, wanted)) {
			found = true;
			*ret_section = rest;
		} else if (found && line.length >= strlen(any) &&
			   memcmp(line.start, any, strlen(any)) == 0) {
			ret_section->length = (size_t)(line.start - ret_section->start);
			return true;
		}
	}
	return found;
}

/* --- ids ---------------------------------------------------------------------------------- */

/* Steps back over digits before *end. False unless there are fewest to most of them. */
static bool skip_digits_back(const char *id, size_t *end, size_t fewest, size_t most)
{
	size_t start = *end;

	while (start > 0 && is_digit(id[start - 1]))
		start--;
	if (*end - start < fewest || *end - start > most)
		return false;
	*end = start;
	return true;
}

/* Reads -<display>-<time> that ends before the type at offset type. */
static bool parse_numbers(const char *id, size_t type, struct x2go_id *ret_id)
{
	size_t time_start = type, display_start;
	struct x2go_text text;
	uint64_t number;

	if (!skip_digits_back(id, &time_start, 9, 12) || time_start < 2 ||
	    id[time_start - 1] != '-')
		return false;
	display_start = time_start - 1;
	if (!skip_digits_back(id, &display_start, 2, 4) || display_start < 2 ||
	    id[display_start - 1] != '-')
		return false;
	text = (struct x2go_text){id + time_start, type - time_start};
	if (!x2go_number_parse(&text, 0, UINT64_MAX, &ret_id->created_s))
		return false;
	text = (struct x2go_text){id + display_start, time_start - 1 - display_start};
	if (!x2go_number_parse(&text, 0, UINT32_MAX, &number))
		return false;
	ret_id->display = (uint32_t)number;
	ret_id->user_length = display_start - 1;
	return true;
}

/* The length of the id up to _dp<depth>, which an XDMCP host's name may follow. 0: none. */
static size_t find_depth(const char *id, size_t length)
{
	for (size_t at = length; at-- > 0;) {
		size_t digits = 0;

		if (length - at < 4 || memcmp(id + at, "_dp", 3) != 0)
			continue;
		while (at + 3 + digits < length && is_digit(id[at + 3 + digits]))
			digits++;
		if (digits >= 1 && digits <= 3 &&
		    (at + 3 + digits == length || id[at + 3 + digits] == '_'))
			return at;
	}
	return 0;
}

static bool parse_kind(char type, enum session_kind *ret_kind)
{
	switch (type) {
	case 'K':
		*ret_kind = SESSION_KIND_DESKTOP;
		return true;
	case 'A':
		*ret_kind = SESSION_KIND_APPLICATION;
		return true;
	case 'D':
	case 'R':
		*ret_kind = SESSION_KIND_NX;
		return true;
	case 'S':
		*ret_kind = SESSION_KIND_OTHER;
		return true;
	default:
		return false;
	}
}

bool x2go_id_parse(const char *id, size_t length, struct x2go_id *ret_id)
{
	struct x2go_id parsed = {0};
	size_t depth, type;

	if (length == 0 || length > X2GO_ID_BYTES || id[0] == '-' || id[0] == '@')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_id_char(id[i]))
			return false;
	depth = find_depth(id, length);
	/* From the right: a user's name may look like the numbers. */
	for (type = depth; type > 0; type--)
		if (depth - type >= 4 && memcmp(id + type, "_st", 3) == 0 &&
		    parse_kind(id[type + 3], &parsed.kind) && parse_numbers(id, type, &parsed))
			break;
	if (type == 0 || memchr(id + type, '@', length - type) != NULL)
		return false;
	message_set_text(parsed.command, sizeof(parsed.command), id + type + 4, depth - type - 4);
	parsed.remote = memchr(id + depth + 1, '_', length - depth - 1) != NULL;
	*ret_id = parsed;
	return true;
}

/* --- lists -------------------------------------------------------------------------------- */

/* Whether the id's first part is this user's name, as far as it could be put into an id. */
static bool id_belongs(const char *id, size_t user_length, const struct x2go_text *user)
{
	size_t at = 0;

	for (size_t i = 0; i < user->length; i++) {
		if (!is_id_char(user->start[i]))
			continue;
		if (at >= user_length || id[at] != user->start[i])
			return false;
		at++;
	}
	return at == user_length;
}

static bool parse_status(const struct x2go_text *text, enum session_status *ret_status)
{
	if (text_is(text, "R"))
		*ret_status = SESSION_STATUS_RUNNING;
	else if (text_is(text, "S"))
		*ret_status = SESSION_STATUS_SUSPENDED;
	else if (text_is(text, "T"))
		*ret_status = SESSION_STATUS_TERMINATING;
	else
		return false;
	return true;
}

/* pid, cookie and ports: all there, or none while the session is starting. */
static bool parse_agent(const struct x2go_text *fields, struct x2go_row *row)
{
	uint64_t pid;

	if (fields[0].length == 0 && fields[6].length == 0 && fields[8].length == 0 &&
	    fields[9].length == 0) {
		row->session.status = SESSION_STATUS_STARTING;
		return true;
	}
	if (!x2go_number_parse(&fields[0], 1, INT32_MAX, &pid) ||
	    !parse_cookie(&fields[6], row->cookie) ||
	    !parse_port(&fields[8], &row->graphics_port) ||
	    !parse_port(&fields[9], &row->sound_port))
		return false;
	row->pid = (uint32_t)pid;
	return true;
}

static bool split_fields(const struct x2go_text *line, struct x2go_text *fields)
{
	const char *at = line->start, *end = line->start + line->length;

	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const char *bar = memchr(at, '|', (size_t)(end - at));

		if ((bar == NULL) != (i == FIELD_COUNT - 1))
			return false;
		fields[i].start = at;
		fields[i].length = (size_t)((bar != NULL ? bar : end) - at);
		at = bar != NULL ? bar + 1 : end;
	}
	return true;
}

static bool parse_row(const struct x2go_text *line, struct x2go_row *row)
{
	struct x2go_text fields[FIELD_COUNT];
	struct record_session *session = &row->session;
	enum session_status status;
	struct x2go_id id;
	uint64_t display;

	memset(row, 0, sizeof(*row));
	if (!split_fields(line, fields) || !x2go_id_parse(fields[1].start, fields[1].length, &id) ||
	    !x2go_number_parse(&fields[2], 0, 99999, &display) || display != id.display ||
	    !parse_status(&fields[4], &status) ||
	    !id_belongs(fields[1].start, id.user_length, &fields[11]))
		return false;
	session->status = (uint8_t)status;
	if (!parse_agent(fields, row))
		return false;
	memcpy(session->id, fields[1].start, fields[1].length);
	strcpy(session->desktop, id.command);
	session->kind = (uint8_t)id.kind;
	session->display = id.display;
	message_set_text(
	    session->server, sizeof(session->server), fields[3].start, fields[3].length);
	message_set_text(
	    session->created, sizeof(session->created), fields[5].start, fields[5].length);
	/* A clock that was set back makes it negative; nothing depends on it. */
	if (!x2go_number_parse(&fields[12], 0, UINT64_MAX, &session->age_s))
		session->age_s = 0;
	return true;
}

bool x2go_list_parse(const struct x2go_text *text, struct x2go_row *rows, size_t *ret_count)
{
	struct x2go_text rest = *text, line;
	struct x2go_row row;
	size_t count = 0;
	bool good = true;

	while (good && x2go_text_next_line(&rest, &line)) {
		if (line.length == 0)
			continue;
		good = parse_row(&line, &row);
		if (good && count < X2GO_ROWS_MAX)
			rows[count++] = row;
	}
	explicit_bzero(&row, sizeof(row));
	if (good)
		*ret_count = count;
	else
		explicit_bzero(rows, count * sizeof(*rows));
	return good;
}

const struct x2go_row *x2go_list_find(const struct x2go_row *rows, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].session.id, id) == 0)
			return &rows[i];
	return NULL;
}

/* --- the other commands ------------------------------------------------------------------- */

bool x2go_started_parse(const struct x2go_text *text, struct x2go_started *ret_started)
{
	struct x2go_text rest = *text, lines[7];
	struct x2go_started started = {0};
	uint64_t display, pid;
	struct x2go_id id;
	uint16_t files_port;

	for (size_t i = 0; i < 7; i++)
		if (!x2go_text_next_line(&rest, &lines[i]))
			return false;
	if (!x2go_number_parse(&lines[0], 1, 9999, &display) ||
	    !parse_cookie(&lines[1], started.cookie) ||
	    !x2go_number_parse(&lines[2], 1, INT32_MAX, &pid) ||
	    !x2go_id_parse(lines[3].start, lines[3].length, &id) || id.display != display ||
	    id.kind != SESSION_KIND_DESKTOP || !parse_port(&lines[4], &started.graphics_port) ||
	    !parse_port(&lines[5], &started.sound_port) || !parse_port(&lines[6], &files_port))
		return false;
	started.display = (uint32_t)display;
	started.pid = (uint32_t)pid;
	memcpy(started.id, lines[3].start, lines[3].length);
	*ret_started = started;
	explicit_bzero(&started, sizeof(started));
	return true;
}

bool x2go_failed_id_parse(const struct x2go_text *errors, char *ret_id)
{
	static const char before[] = "Failed to start X2Go Agent session with ID ";
	static const char after[] = ". X2Go Agent";
	struct x2go_text rest = *errors, line;
	struct x2go_id id;
	const char *end;

	while (x2go_text_next_line(&rest, &line)) {
		if (line.length < sizeof(before) - 1 ||
		    memcmp(line.start, before, sizeof(before) - 1) != 0)
			continue;
		line.start += sizeof(before) - 1;
		line.length -= sizeof(before) - 1;
		end = memmem(line.start, line.length, after, sizeof(after) - 1);
		if (end == NULL || !x2go_id_parse(line.start, (size_t)(end - line.start), &id))
			continue;
		memcpy(ret_id, line.start, (size_t)(end - line.start));
		ret_id[end - line.start] = 0;
		return true;
	}
	return false;
}

bool x2go_resumed_parse(const struct x2go_text *text, uint16_t *ret_port)
{
	static const char key[] = "gr_port=";
	struct x2go_text rest = *text, line;

	while (x2go_text_next_line(&rest, &line)) {
		if (line.length < sizeof(key) - 1 || memcmp(line.start, key, sizeof(key) - 1) != 0)
			continue;
		line.start += sizeof(key) - 1;
		line.length -= sizeof(key) - 1;
		return parse_port(&line, ret_port);
	}
	return false;
}

enum x2go_state x2go_state_parse(const struct x2go_text *text)
{
	for (unsigned state = X2GO_STATE_STARTING; state < X2GO_STATE_COUNT; state++)
		if (x2go_text_has_line(text, state_names[state]))
			return (enum x2go_state)state;
	return X2GO_STATE_UNKNOWN;
}

const char *x2go_state_name(enum x2go_state state)
{
	return state_names[state];
}

bool x2go_port_is_taken(const struct x2go_text *sockets, bool listeners)
{
	static const char *const words[] = {"LISTEN", "ESTAB", "SYN-SENT", "SYN-RECV"};
	struct x2go_text rest = *sockets, line;

	while (x2go_text_next_line(&rest, &line))
		for (size_t i = listeners ? 0 : 1; i < sizeof(words) / sizeof(words[0]); i++)
			if (line.length > strlen(words[i]) &&
			    memcmp(line.start, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

bool x2go_program_missing(const struct x2go_text *text, char *program, size_t size)
{
	static const char words[] = "X2GORUNCOMMAND ERR NOEXEC:";
	struct x2go_text rest = *text, line;

	while (x2go_text_next_line(&rest, &line)) {
		if (line.length < sizeof(words) - 1 ||
		    memcmp(line.start, words, sizeof(words) - 1) != 0)
			continue;
		message_set_text(program, size, line.start + sizeof(words) - 1,
		    line.length - (sizeof(words) - 1));
		return true;
	}
	return false;
}
