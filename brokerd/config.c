/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config_parser.h"

__attribute__((format(printf, 5, 0))) static void report(struct config_parser *parser,
    unsigned line, const char *title, const char *name, const char *format, va_list arguments)
{
	char text[1024], place[32] = "", what[512];

	parser->failed = true;
	vsnprintf(what, sizeof(what), format, arguments);
	if (line != 0)
		snprintf(place, sizeof(place), ":%u", line);
	if (name != NULL)
		snprintf(text, sizeof(text), "%.256s%s: [%s] %s: %s", parser->path, place, title,
		    name, what);
	else
		snprintf(text, sizeof(text), "%.256s%s: %s", parser->path, place, what);
	parser->report(text, parser->report_arg);
}

void config_complain(struct config_parser *parser, unsigned line, const char *title,
    const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(parser, line, title, name, format, arguments);
	va_end(arguments);
}

void config_complain_key(struct config_parser *parser, const struct config_section *section,
    const struct config_key *key, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(parser, section->lines[key - config_keys],
	    section->named != NULL ? section->title : key->section, key->name, format, arguments);
	va_end(arguments);
}

/* The key's last line has been read. */
static void finish_key(struct config_parser *parser)
{
	const struct config_key *key = parser->key;
	const char *wrong;

	if (key == NULL)
		return;
	parser->key = NULL;
	wrong = config_value_parse(key->kind, key->min, key->max, parser->value,
	    (char *)parser->within->base + key->offset);
	if (wrong == NULL)
		return;
	if (config_kind_has_bounds(key->kind))
		config_complain_key(
		    parser, parser->within, key, "%s (%u to %u)", wrong, key->min, key->max);
	else
		config_complain_key(parser, parser->within, key, "%s", wrong);
}

static void finish_section(struct config_parser *parser)
{
	const struct config_section *section = parser->within;

	finish_key(parser);
	if (section == NULL || section->named == NULL)
		return;
	for (size_t i = 0; i < config_key_count; i++)
		if (config_find_named(config_keys[i].section) == section->named &&
		    config_keys[i].preset == NULL && section->lines[i] == 0)
			config_complain(parser, section->line, section->title, config_keys[i].name,
			    "is missing");
}

static bool section_name_is_good(const char *name)
{
	size_t length = strlen(name);

	/* The library cuts sections at 49 bytes. */
	return length >= 1 && length <= 40 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		   length;
}

static void open_named_section(
    struct config_parser *parser, const struct config_named *named, const char *name)
{
	char *items = (char *)parser->config + named->items;
	size_t *count = (size_t *)(void *)((char *)parser->config + named->count);
	struct config_section *section;

	if (!section_name_is_good(name)) {
		config_complain(parser, parser->line, NULL, NULL,
		    "[%s]: a %s's name is 1 to 40 letters, digits, dots, dashes, underscores",
		    parser->title, named->section);
		return;
	}
	for (size_t i = 0; i < *count; i++) {
		if (strcmp(items + i * named->bytes, name) == 0) {
			config_complain(
			    parser, parser->line, NULL, NULL, "[%s] is given twice", parser->title);
			return;
		}
	}
	if (*count == named->max) {
		config_complain(parser, parser->line, NULL, NULL, "[%s] is one %s too many",
		    parser->title, named->section);
		return;
	}
	section = &parser->sections[parser->section_count++];
	section->named = named;
	strcpy(section->title, parser->title);
	section->base = items + (*count)++ * named->bytes;
	section->line = parser->line;
	strcpy(section->base, name);
	config_preset(named, section->base);
	parser->within = section;
}

static void open_section(struct config_parser *parser, const char *text)
{
	const struct config_named *named;
	char kind[sizeof(parser->title)];
	size_t length;

	finish_section(parser);
	parser->within = NULL;
	parser->key_in_section = false;
	snprintf(parser->title, sizeof(parser->title), "%.*s", (int)strcspn(text, "]\r\n"), text);
	length = strcspn(parser->title, " \t");
	snprintf(kind, sizeof(kind), "%.*s", (int)length, parser->title);
	named = config_find_named(kind);
	if (named != NULL && parser->title[length] != 0) {
		open_named_section(
		    parser, named, parser->title + length + strspn(parser->title + length, " \t"));
		return;
	}
	for (size_t i = 0; i < config_key_count; i++)
		if (named == NULL && strcmp(config_keys[i].section, parser->title) == 0)
			parser->within = &parser->sections[0];
	if (parser->within == NULL)
		config_complain(parser, parser->line, NULL, NULL, "[%s]: there is no such section",
		    parser->title);
}

/* Reads a line for the library, which tells neither line numbers nor sections without keys. */
static char *read_line(char *line, int size, void *arg)
{
	struct config_parser *parser = arg;
	size_t blanks;
	int c;

	if (fgets(line, size, parser->file) == NULL)
		return NULL;
	parser->line++;
	if (strchr(line, '\n') == NULL && (c = fgetc(parser->file)) != EOF) {
		config_complain(parser, parser->line, NULL, NULL,
		    "the line is longer than %d bytes; lists may go on in an indented line",
		    size - 3);
		while (c != EOF && c != '\n')
			c = fgetc(parser->file);
		strcpy(line, "#\n");
	}
	blanks = strspn(line, " \t");
	parser->indented = blanks != 0;
	if (line[blanks] == '[' && !(parser->indented && parser->key_in_section))
		open_section(parser, line + blanks + 1);
	return line;
}

static void continue_value(struct config_parser *parser, const char *value)
{
	size_t used = strlen(parser->value);
	bool comma = used != 0 && parser->value[used - 1] != ',' && value[0] != ',';

	if (!config_kind_is_list(parser->key->kind))
		config_complain(parser, parser->line, parser->title, parser->key->name,
		    "only lists may go on in an indented line");
	else if (used + strlen(value) + 2 > CONFIG_VALUE_BYTES)
		config_complain(
		    parser, parser->line, parser->title, parser->key->name, "is too long");
	else
		sprintf(parser->value + used, "%s%s", comma ? "," : "", value);
}

/* The library's handler. Always content: errors are reported here, all of them. */
static int on_key(void *arg, const char *library_section, const char *name, const char *value)
{
	struct config_parser *parser = arg;
	struct config_section *section = parser->within;
	size_t index;

	(void)library_section;
	parser->key_in_section = true;
	if (parser->indented && parser->key != NULL && strcmp(parser->key->name, name) == 0) {
		continue_value(parser, value);
		return 1;
	}
	finish_key(parser);
	if (parser->title[0] == 0) {
		config_complain(
		    parser, parser->line, NULL, NULL, "%s: stands before the first section", name);
		return 1;
	}
	if (section == NULL)
		return 1;
	index =
	    config_find_key(section->named != NULL ? section->named->section : parser->title, name);
	if (index == config_key_count) {
		config_complain(parser, parser->line, parser->title, name, "there is no such key");
		return 1;
	}
	if (section->lines[index] != 0) {
		config_complain(parser, parser->line, parser->title, name,
		    "is given twice; first in line %u", section->lines[index]);
		return 1;
	}
	section->lines[index] = parser->line;
	parser->key = &config_keys[index];
	snprintf(parser->value, sizeof(parser->value), "%s", value);
	return 1;
}

struct config *config_load(
    const char *path, bool resolve_ids, config_report *tell, void *report_arg)
{
	struct config_parser *parser = calloc(1, sizeof(*parser));
	struct config *config = calloc(1, sizeof(*config));
	bool failed = true;
	int result;

	if (parser == NULL || config == NULL) {
		tell("out of memory", report_arg);
		goto out;
	}
	parser->config = config;
	parser->path = path;
	parser->report = tell;
	parser->report_arg = report_arg;
	parser->section_count = 1;
	parser->sections[0].base = config;
	parser->file = fopen(path, "re");
	if (parser->file == NULL) {
		config_complain(parser, 0, NULL, NULL, "%s", strerror(errno));
		goto out;
	}
	config_preset(NULL, config);
	result = ini_parse_stream(read_line, parser, on_key, parser);
	if (ferror(parser->file)) {
		config_complain(parser, 0, NULL, NULL, "%s", strerror(errno));
		goto out;
	}
	if (result < 0)
		config_complain(parser, 0, NULL, NULL, "out of memory");
	if (result > 0)
		config_complain(
		    parser, (unsigned)result, NULL, NULL, "is neither [section] nor key = value");
	finish_section(parser);
	config_check(parser);
	if (resolve_ids)
		config_check_ids(parser);
	failed = parser->failed;
out:
	if (parser != NULL && parser->file != NULL)
		fclose(parser->file);
	free(parser);
	if (failed) {
		free(config);
		config = NULL;
	}
	return config;
}

void config_destroy(struct config *config)
{
	free(config);
}
