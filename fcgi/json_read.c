/* SPDX-License-Identifier: ISC */
#include "json_read.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "proto/keyboard_layout.h"
#include "proto/messages.h"
#include "proto/secret.h"
#include "proto/wire.h"

struct reader {
	const struct json_field *fields;
	const struct json_field *current; /* whose value is due */
	uint8_t *into;
	unsigned seen; /* bit of each field that was given */
	bool inside;   /* the object */
	bool in_list;  /* of answers */
	char *detail;  /* empty as long as all is well */
};

static int refuse(struct reader *reader, const char *name, const char *why)
{
	snprintf(reader->detail, JSON_DETAIL_BYTES, "%s%s%s", name, *name != 0 ? " " : "", why);
	return 0;
}

/* A value of another kind than its field's, or one outside the object. */
static int refuse_kind(struct reader *reader)
{
	static const char *const wanted[JSON_KIND_COUNT] = {[JSON_TEXT] = "must be a text",
	    [JSON_SECRET] = "must be a text",
	    [JSON_LAYOUT] = "must be a text",
	    [JSON_UINT16] = "must be a whole number",
	    [JSON_UINT8] = "must be a whole number",
	    [JSON_WORD] = "must be a text",
	    [JSON_ANSWERS] = "must be a list of texts"};

	if (!reader->inside)
		return refuse(reader, "", "not a JSON object");
	return refuse(reader, reader->current->name, wanted[reader->current->kind]);
}

static int on_null(void *arg)
{
	return refuse_kind(arg);
}

static int on_boolean(void *arg, int value)
{
	(void)value;
	return refuse_kind(arg);
}

static int on_double(void *arg, double value)
{
	(void)value;
	return refuse_kind(arg);
}

static struct json_answers *answers_of(struct reader *reader)
{
	return (struct json_answers *)(void *)(reader->into + reader->current->offset);
}

static int on_start_array(void *arg)
{
	struct reader *reader = arg;

	if (!reader->inside || reader->in_list || reader->current->kind != JSON_ANSWERS)
		return refuse_kind(reader);
	reader->in_list = true;
	answers_of(reader)->count = 0;
	return 1;
}

static int on_end_array(void *arg)
{
	struct reader *reader = arg;

	reader->in_list = false;
	return 1;
}

static void store_number(
    const struct reader *reader, const struct json_field *field, unsigned value)
{
	uint16_t number16 = (uint16_t)value;

	if (field->kind == JSON_UINT16)
		memcpy(reader->into + field->offset, &number16, sizeof(number16));
	else
		reader->into[field->offset] = (uint8_t)value;
}

static bool kind_is_number(enum json_kind kind)
{
	return kind == JSON_UINT16 || kind == JSON_UINT8;
}

static int on_integer(void *arg, long long value)
{
	struct reader *reader = arg;
	const struct json_field *field = reader->current;
	char why[64];

	if (!reader->inside || !kind_is_number(field->kind))
		return refuse_kind(reader);
	if (value < (long long)field->min || value > (long long)field->max) {
		snprintf(why, sizeof(why), "must be from %u to %u", field->min, field->max);
		return refuse(reader, field->name, why);
	}
	store_number(reader, field, (unsigned)value);
	return 1;
}

/* Where the text of the current field goes: its own member, or the next answer. NULL, and noted,
 * if there is no room. */
static char *place_of_text(struct reader *reader)
{
	struct json_answers *answers;

	if (reader->current->kind != JSON_ANSWERS)
		return (char *)reader->into + reader->current->offset;
	answers = answers_of(reader);
	if (answers->count == QUESTIONS_MAX) {
		refuse(reader, reader->current->name, "has too many entries");
		return NULL;
	}
	return answers->items[answers->count++].text;
}

static int read_word(struct reader *reader, const char *text, size_t length)
{
	const struct json_field *field = reader->current;
	char why[100] = "must be";

	for (unsigned i = 0; field->words[i] != NULL; i++) {
		size_t used = strlen(why);

		if (strlen(field->words[i]) == length &&
		    memcmp(field->words[i], text, length) == 0) {
			store_number(reader, field, i);
			return 1;
		}
		snprintf(
		    why + used, sizeof(why) - used, "%s%s", i != 0 ? " or " : " ", field->words[i]);
	}
	return refuse(reader, field->name, why);
}

static bool text_is_allowed(enum json_kind kind, const char *text, size_t length)
{
	if (kind == JSON_SECRET || kind == JSON_ANSWERS)
		return length == 0 || memchr(text, 0, length) == NULL;
	return wire_text_is_clean(text, length);
}

static int on_string(void *arg, const unsigned char *bytes, size_t length)
{
	struct reader *reader = arg;
	const struct json_field *field = reader->current;
	const char *text = (const char *)bytes;
	char *into, why[64];
	struct keyboard_layout layout;

	if (!reader->inside || kind_is_number(field->kind) ||
	    (field->kind == JSON_ANSWERS && !reader->in_list))
		return refuse_kind(reader);
	if (field->kind == JSON_WORD)
		return read_word(reader, text, length);
	if (length < field->min)
		return refuse(
		    reader, field->name, length == 0 ? "must not be empty" : "is too short");
	if (length > field->max) {
		snprintf(why, sizeof(why), "must not be longer than %u bytes", field->max);
		return refuse(reader, field->name, why);
	}
	if (!text_is_allowed(field->kind, text, length))
		return refuse(reader, field->name, "holds characters that are not allowed");
	into = place_of_text(reader);
	if (into == NULL)
		return 0;
	memcpy(into, text, length);
	into[length] = 0;
	if (field->kind == JSON_LAYOUT && length != 0 && !keyboard_layout_parse(into, &layout))
		return refuse(reader, field->name, "must be a keyboard layout like de or ch(fr)");
	return 1;
}

static int on_start_map(void *arg)
{
	struct reader *reader = arg;

	if (reader->inside)
		return refuse_kind(reader);
	reader->inside = true;
	return 1;
}

static int on_end_map(void *arg)
{
	(void)arg;
	return 1;
}

static int on_map_key(void *arg, const unsigned char *bytes, size_t length)
{
	struct reader *reader = arg;
	char name[64];

	for (unsigned i = 0; reader->fields[i].name != NULL; i++) {
		const struct json_field *field = &reader->fields[i];

		if (strlen(field->name) != length || memcmp(field->name, bytes, length) != 0)
			continue;
		if ((reader->seen & 1u << i) != 0)
			return refuse(reader, field->name, "is given twice");
		for (unsigned k = 0; reader->fields[k].name != NULL; k++) {
			if ((reader->seen & 1u << k) == 0 || field->group == 0 ||
			    reader->fields[k].group != field->group)
				continue;
			snprintf(name, sizeof(name), "cannot go with %s", reader->fields[k].name);
			return refuse(reader, field->name, name);
		}
		reader->seen |= 1u << i;
		reader->current = field;
		return 1;
	}
	message_set_text(name, sizeof(name), (const char *)bytes, length);
	return refuse(reader, name, "is not a field of this call");
}

/* Notes the first field that is missing. */
static bool check_all_given(struct reader *reader)
{
	for (unsigned i = 0; reader->fields[i].name != NULL; i++) {
		const struct json_field *field = &reader->fields[i];
		bool given = field->optional || (reader->seen & 1u << i) != 0;

		for (unsigned k = 0; reader->fields[k].name != NULL && !given; k++)
			given = field->group != 0 && reader->fields[k].group == field->group &&
				(reader->seen & 1u << k) != 0;
		if (!given) {
			refuse(reader, reader->fields[i].name, "is missing");
			return false;
		}
	}
	return true;
}

static void *wiping_malloc(void *arg, size_t size)
{
	(void)arg;
	return secret_malloc(size);
}

static void *wiping_realloc(void *arg, void *old, size_t size)
{
	(void)arg;
	return secret_realloc(old, size);
}

static void wiping_free(void *arg, void *memory)
{
	(void)arg;
	secret_free(memory);
}

bool json_read(const char *text, size_t length, const struct json_field *fields, void *into,
    char detail[JSON_DETAIL_BYTES])
{
	/* yajl skips kinds that have no callback, so all have one. */
	static const yajl_callbacks callbacks = {
	    .yajl_null = on_null,
	    .yajl_boolean = on_boolean,
	    .yajl_integer = on_integer,
	    .yajl_double = on_double,
	    .yajl_string = on_string,
	    .yajl_start_map = on_start_map,
	    .yajl_map_key = on_map_key,
	    .yajl_end_map = on_end_map,
	    .yajl_start_array = on_start_array,
	    .yajl_end_array = on_end_array,
	};
	yajl_alloc_funcs memory = {wiping_malloc, wiping_realloc, wiping_free, NULL};
	struct reader reader = {.fields = fields, .into = into, .detail = detail};
	yajl_handle parser = yajl_alloc(&callbacks, &memory, &reader);
	yajl_status status;

	detail[0] = 0;
	for (const struct json_field *field = fields; field->name != NULL; field++)
		if (field->optional && kind_is_number(field->kind))
			store_number(&reader, field, field->preset);
	if (parser == NULL) {
		refuse(&reader, "", "out of memory");
		return false;
	}
	status = yajl_parse(parser, (const unsigned char *)text, length);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(parser);
	yajl_free(parser);
	if (status == yajl_status_error)
		refuse(&reader, "", "not well-formed JSON");
	return status == yajl_status_ok && check_all_given(&reader);
}
