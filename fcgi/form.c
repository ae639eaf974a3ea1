/* SPDX-License-Identifier: ISC */
#include "form.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NAME_BYTES 32

/* A part of the form, being read. */
struct source {
	const char *at, *end;
};

/* What has been decoded: length counts on where there is no room. */
struct sink {
	char *text;
	size_t size, length;
};

static void put(struct sink *sink, unsigned byte)
{
	if (sink->length + 1 < sink->size)
		sink->text[sink->length] = (char)byte;
	sink->length++;
}

static void put_character(struct sink *sink, uint32_t character)
{
	if (character < 0x80) {
		put(sink, character);
		return;
	}
	if (character < 0x800) {
		put(sink, 0xc0 | character >> 6);
	} else {
		if (character < 0x10000) {
			put(sink, 0xe0 | character >> 12);
		} else {
			put(sink, 0xf0 | character >> 18);
			put(sink, 0x80 | (character >> 12 & 0x3f));
		}
		put(sink, 0x80 | (character >> 6 & 0x3f));
	}
	put(sink, 0x80 | (character & 0x3f));
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes prefix and so many digits after it, if they are there. */
static bool take_hex(
    struct source *source, const char *prefix, unsigned digits, uint32_t *ret_number)
{
	size_t skip = strlen(prefix);
	uint32_t number = 0;

	if ((size_t)(source->end - source->at) < skip + digits ||
	    memcmp(source->at, prefix, skip) != 0)
		return false;
	for (unsigned i = 0; i < digits; i++) {
		int digit = digit_of(source->at[skip + i]);

		if (digit < 0)
			return false;
		number = number << 4 | (uint32_t)digit;
	}
	source->at += skip + digits;
	*ret_number = number;
	return true;
}

/* Two units make a character past the first 65536; half of one is none. */
static bool take_unicode(struct source *source, uint32_t *ret_character)
{
	struct source rest = *source;
	uint32_t low;

	if (!take_hex(&rest, "%u", 4, ret_character) ||
	    (*ret_character >= 0xdc00 && *ret_character <= 0xdfff))
		return false;
	if (*ret_character >= 0xd800 && *ret_character <= 0xdbff) {
		if (!take_hex(&rest, "%u", 4, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		*ret_character = 0x10000 + ((*ret_character - 0xd800) << 10) + (low - 0xdc00);
	}
	*source = rest;
	return true;
}

static void decode(struct source source, struct sink *sink)
{
	uint32_t number;

	while (source.at < source.end) {
		if (take_unicode(&source, &number)) {
			put_character(sink, number);
		} else if (take_hex(&source, "%", 2, &number)) {
			put(sink, number);
		} else {
			put(sink, *source.at == '+' ? ' ' : (unsigned char)*source.at);
			source.at++;
		}
	}
	if (sink->size != 0)
		sink->text[sink->length < sink->size ? sink->length : sink->size - 1] = 0;
}

static const char *find_end(const char *at, const char *end, char separator)
{
	const char *found = memchr(at, separator, (size_t)(end - at));

	return found != NULL ? found : end;
}

ssize_t form_find(const char *form, size_t length, const char *name, char *value, size_t size)
{
	const char *end = form + length, *next;

	value[0] = 0;
	for (const char *at = form; at < end; at = next) {
		const char *stop = find_end(at, end, '&'), *middle = find_end(at, stop, '=');
		char called[NAME_BYTES];
		struct sink sink = {.text = called, .size = sizeof(called)};

		next = stop < end ? stop + 1 : end;
		decode((struct source){at, middle}, &sink);
		if (sink.length != strlen(name) || memcmp(called, name, sink.length) != 0)
			continue;
		sink = (struct sink){.text = value, .size = size};
		decode((struct source){middle < stop ? middle + 1 : stop, stop}, &sink);
		return (ssize_t)sink.length;
	}
	return -1;
}
