/* SPDX-License-Identifier: ISC */
#include "x2go_applications.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "x2go_command.h"

#define COMMAND_BYTES sizeof(((struct record_application *)0)->command)
#define TERMINAL      "xterm -e "

/* Codes for files, addresses, an icon, a title and a place: what a start without any of these
 * leaves out. The second half is deprecated. */
#define FIELD_CODES                                                                                \
	"fFuUick"                                                                                  \
	"dDnNvm"

/* One <desktop> block; of keys that come twice the first one counts. */
struct entry {
	struct x2go_text name, exec, terminal, categories, no_display, hidden;
};

/* --- text ----------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(struct x2go_text *text)
{
	while (text->length != 0 && is_blank(text->start[0])) {
		text->start++;
		text->length--;
	}
	while (text->length != 0 && is_blank(text->start[text->length - 1]))
		text->length--;
}

static bool text_is(const struct x2go_text *text, const char *word)
{
	return text->length == strlen(word) && memcmp(text->start, word, text->length) == 0;
}

/* Moves what stands before the separator, trimmed. False when nothing is left. */
static bool take_part(struct x2go_text *text, char separator, struct x2go_text *ret_part)
{
	const char *end;

	if (text->length == 0)
		return false;
	end = memchr(text->start, separator, text->length);
	*ret_part = *text;
	if (end != NULL)
		ret_part->length = (size_t)(end - text->start);
	text->start += ret_part->length + (end != NULL);
	text->length -= ret_part->length + (end != NULL);
	trim(ret_part);
	return true;
}

/* --- the values of an entry ----------------------------------------------------------------- */

/* A command that is being put together. */
struct command {
	char text[COMMAND_BYTES];
	size_t length;
	bool failed;
};

static void put_char(struct command *command, char c)
{
	if (command->length + 1 >= sizeof(command->text)) {
		command->failed = true;
		return;
	}
	command->text[command->length++] = c;
	command->text[command->length] = 0;
}

/* An argument in quotes: as it stands, up to the closing quote. */
static void put_quoted(struct command *command, struct x2go_text *exec)
{
	size_t length = command->length;

	for (exec->start++, exec->length--; exec->length != 0 && exec->start[0] != '"';
	     exec->start++, exec->length--) {
		/* A blank would make two of it, and codes are for arguments without quotes. */
		if (is_blank(exec->start[0]) || exec->start[0] == '%')
			command->failed = true;
		put_char(command, exec->start[0]);
	}
	if (exec->length == 0 || command->length == length) {
		command->failed = true;
		return;
	}
	exec->start++;
	exec->length--;
	if (exec->length != 0 && !is_blank(exec->start[0]))
		command->failed = true;
}

static void put_unquoted(struct command *command, struct x2go_text *exec)
{
	for (; exec->length != 0 && !is_blank(exec->start[0]); exec->start++, exec->length--) {
		if (exec->start[0] != '%') {
			put_char(command, exec->start[0]);
			continue;
		}
		if (exec->length == 1) {
			command->failed = true;
			return;
		}
		exec->start++;
		exec->length--;
		if (exec->start[0] == '%')
			put_char(command, '%');
		else if (exec->start[0] == 0 || strchr(FIELD_CODES, exec->start[0]) == NULL)
			command->failed = true;
	}
}

/* The command of an Exec line. What needs a backslash there could not be sent anyhow, and whatever
 * else a shell or x2goruncommand would take to mean something is refused where every command is.
 * False if it cannot be started. */
static bool read_exec(struct x2go_text exec, bool in_terminal, char *ret_command)
{
	struct command command = {.length = 0};
	size_t program, length;

	if (in_terminal) {
		strcpy(command.text, TERMINAL);
		command.length = strlen(TERMINAL);
	}
	program = command.length;
	for (trim(&exec); exec.length != 0 && !command.failed; trim(&exec)) {
		length = command.length;
		if (length != program)
			put_char(&command, ' ');
		if (exec.start[0] == '"')
			put_quoted(&command, &exec);
		else
			put_unquoted(&command, &exec);
		/* Nothing but a code: no argument, and no program. */
		if (length != program && command.length == length + 1)
			command.text[command.length = length] = 0;
		else if (command.length == program)
			return false;
	}
	if (command.failed || !x2go_program_is_valid(command.text + program) ||
	    !x2go_program_is_valid(command.text) ||
	    memchr(command.text + program, '=', strcspn(command.text + program, " ")) != NULL)
		return false;
	memcpy(ret_command, command.text, command.length + 1);
	return true;
}

/* Escapes mean blanks of some kind, or a backslash. */
static bool read_title(const struct x2go_text *name, char *title, size_t size)
{
	char plain[512];
	size_t used = 0;

	for (size_t i = 0; i < name->length && used < sizeof(plain); i++) {
		char c = name->start[i];

		if (c == '\\' && i + 1 < name->length) {
			c = name->start[++i];
			if (strchr("sntr", c) != NULL && c != 0)
				c = ' ';
		}
		plain[used++] = c;
	}
	message_set_text(title, size, plain, used);
	return title[strspn(title, " ")] != 0;
}

/* The first main category. */
static enum application_group read_group(struct x2go_text categories)
{
	struct x2go_text part;

	while (take_part(&categories, ';', &part)) {
		if (text_is(&part, "Audio") || text_is(&part, "Video"))
			return APPLICATION_GROUP_AUDIO_VIDEO;
		for (unsigned i = APPLICATION_GROUP_OTHER + 1; i < APPLICATION_GROUP_COUNT; i++)
			if (text_is(&part, application_group_name((enum application_group)i)))
				return (enum application_group)i;
	}
	return APPLICATION_GROUP_OTHER;
}

/* --- entries -------------------------------------------------------------------------------- */

static void read_line(struct entry *entry, struct x2go_text line)
{
	const struct {
		const char *name;
		struct x2go_text *value;
	} keys[] = {{"Name", &entry->name}, {"Exec", &entry->exec}, {"Terminal", &entry->terminal},
	    {"Categories", &entry->categories}, {"NoDisplay", &entry->no_display},
	    {"Hidden", &entry->hidden}};
	struct x2go_text key;

	if (memchr(line.start, '=', line.length) == NULL || !take_part(&line, '=', &key))
		return;
	trim(&line);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (text_is(&key, keys[i].name) && keys[i].value->start == NULL)
			*keys[i].value = line;
}

static bool read_entry(
    const struct entry *entry, bool has_xterm, struct record_application *application)
{
	bool in_terminal = text_is(&entry->terminal, "true");

	memset(application, 0, sizeof(*application));
	if (entry->name.start == NULL || entry->exec.start == NULL ||
	    text_is(&entry->no_display, "true") || text_is(&entry->hidden, "true") ||
	    (in_terminal && !has_xterm) ||
	    !read_exec(entry->exec, in_terminal, application->command) ||
	    !read_title(&entry->name, application->title, sizeof(application->title)))
		return false;
	if (entry->categories.start != NULL)
		application->group = (uint8_t)read_group(entry->categories);
	return true;
}

static bool is_known(
    const struct record_application *applications, size_t count, const char *command)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(applications[i].command, command) == 0)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	const struct record_application *one = a, *other = b;
	int order = strcasecmp(one->title, other->title);

	return order != 0 ? order : strcmp(one->command, other->command);
}

size_t x2go_applications_parse(
    const struct x2go_text *text, bool has_xterm, struct record_application *applications)
{
	struct x2go_text rest = *text, line;
	struct entry entry;
	bool inside = false;
	size_t count = 0;

	while (count < X2GO_APPLICATIONS_MAX && x2go_text_next_line(&rest, &line)) {
		trim(&line);
		if (text_is(&line, "<desktop>")) {
			memset(&entry, 0, sizeof(entry));
			inside = true;
		} else if (inside && text_is(&line, "</desktop>")) {
			inside = false;
			if (read_entry(&entry, has_xterm, &applications[count]) &&
			    !is_known(applications, count, applications[count].command))
				count++;
		} else if (inside) {
			read_line(&entry, line);
		}
	}
	if (count != 0)
		qsort(applications, count, sizeof(applications[0]), compare);
	return count;
}
