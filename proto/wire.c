/* SPDX-License-Identifier: ISC */
#include "wire.h"

#include <string.h>

void wire_put_bytes(struct wire_writer *writer, const void *data, size_t length)
{
	if (writer->failed || length > writer->capacity - writer->length) {
		writer->failed = true;
		return;
	}
	if (length != 0)
		memcpy(writer->data + writer->length, data, length);
	writer->length += length;
}

static void store_uint(uint8_t *bytes, uint64_t value, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		bytes[i] = (uint8_t)(value >> (8 * (size_bytes - 1 - i)));
}

void wire_put_uint(struct wire_writer *writer, uint64_t value, size_t size_bytes)
{
	uint8_t bytes[8];

	if (size_bytes > sizeof(bytes) || (size_bytes < 8 && value >> (8 * size_bytes) != 0)) {
		writer->failed = true;
		return;
	}
	store_uint(bytes, value, size_bytes);
	wire_put_bytes(writer, bytes, size_bytes);
}

void wire_patch_uint(struct wire_writer *writer, size_t offset, uint64_t value, size_t size_bytes)
{
	if (writer->failed || size_bytes > 8 || offset > writer->length ||
	    size_bytes > writer->length - offset) {
		writer->failed = true;
		return;
	}
	store_uint(writer->data + offset, value, size_bytes);
}

const uint8_t *wire_get_bytes(struct wire_reader *reader, size_t length)
{
	const uint8_t *bytes;

	if (reader->failed || length > reader->length - reader->offset) {
		reader->failed = true;
		return NULL;
	}
	bytes = reader->data + reader->offset;
	reader->offset += length;
	return bytes;
}

uint64_t wire_get_uint(struct wire_reader *reader, size_t size_bytes)
{
	const uint8_t *bytes = size_bytes <= 8 ? wire_get_bytes(reader, size_bytes) : NULL;
	uint64_t value = 0;

	if (bytes == NULL) {
		reader->failed = true;
		return 0;
	}
	for (size_t i = 0; i < size_bytes; i++)
		value = value << 8 | bytes[i];
	return value;
}

bool wire_end(const struct wire_reader *reader)
{
	return !reader->failed && reader->offset == reader->length;
}

/* Length of the UTF-8 sequence at text, 0 if it is malformed; *ret_point is its code point. */
static size_t utf8_sequence(const uint8_t *text, size_t length, uint32_t *ret_point)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = text[0] < 0x80		 ? 1
		      : (text[0] & 0xe0) == 0xc0 ? 2
		      : (text[0] & 0xf0) == 0xe0 ? 3
		      : (text[0] & 0xf8) == 0xf0 ? 4
						 : 0;
	uint32_t point;

	if (size == 0 || size > length)
		return 0;
	point = size == 1 ? text[0] : (uint32_t)(text[0] & (0x7f >> size));
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (text[i] & 0x3f);
	}
	if (point < smallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return size;
}

static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

/* Marks, embeddings, overrides and isolates (Unicode Standard Annex 9), and separators of lines
 * that are not newlines. */
static bool changes_direction(uint32_t point)
{
	return point == 0x061c || (point >= 0x200e && point <= 0x200f) ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

bool wire_text_is_clean(const char *text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)text;
	uint32_t point;
	size_t size;

	for (size_t i = 0; i < length; i += size) {
		size = utf8_sequence(bytes + i, length - i, &point);
		if (size == 0 || is_control(point))
			return false;
	}
	return true;
}

bool wire_lines_are_clean(const char *text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)text;
	uint32_t point;
	size_t size;

	for (size_t i = 0; i < length; i += size) {
		size = utf8_sequence(bytes + i, length - i, &point);
		if (size == 0 || (point != '\n' && is_control(point)) || changes_direction(point))
			return false;
	}
	return true;
}

size_t wire_character(const char *text, size_t length, bool *ret_plain)
{
	uint32_t point = 0;
	size_t size = utf8_sequence((const uint8_t *)text, length, &point);

	*ret_plain = size != 0 && !is_control(point) && !changes_direction(point);
	return size != 0 ? size : 1;
}
