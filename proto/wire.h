/* SPDX-License-Identifier: ISC */
/*
 * Bounds-checked writing and reading of the protocol's integers, bytes and text. Failure is
 * sticky: after the first one every call does nothing, so callers check once, at the end.
 * Linked by every program; knows no messages.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes into memory of its caller. */
struct wire_writer {
	uint8_t *data;
	size_t capacity;
	size_t length;
	bool failed;
};

/* Reads from memory of its caller, which outlives it. */
struct wire_reader {
	const uint8_t *data;
	size_t length;
	size_t offset;
	bool failed;
};

/* Integers of 1, 2, 4 or 8 bytes, most significant byte first. */
void wire_put_uint(struct wire_writer *writer, uint64_t value, size_t size_bytes);
void wire_put_bytes(struct wire_writer *writer, const void *data, size_t length);
/* Overwrites an integer that was put at offset before. */
void wire_patch_uint(struct wire_writer *writer, size_t offset, uint64_t value, size_t size_bytes);

/* 0 after a failure. */
uint64_t wire_get_uint(struct wire_reader *reader, size_t size_bytes);
/* Pointer into the reader's memory, or NULL after a failure. */
const uint8_t *wire_get_bytes(struct wire_reader *reader, size_t length);
/* True if nothing failed and nothing is left over. */
bool wire_end(const struct wire_reader *reader);

/* True for well-formed UTF-8 (RFC 3629 section 4) without control characters (C0, DEL, C1). */
bool wire_text_is_clean(const char *text, size_t length);

/* The same but for newlines, which may stand in it, and characters that change the direction of
 * writing, which may not: for text that a server wants the user to read. */
bool wire_lines_are_clean(const char *text, size_t length);

/* Bytes of the character at text (length is not 0); 1 if it is malformed. *ret_plain: whether it
 * may stand in a line of the log, being no control character and none that changes the direction of
 * writing. */
size_t wire_character(const char *text, size_t length, bool *ret_plain);

#endif
