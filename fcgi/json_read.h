/* SPDX-License-Identifier: ISC */
/*
 * Reads the JSON object of a call into a struct, field by field as a table says. Part of
 * x2goweb-fcgi. All of the parser's memory is wiped. Pure: no I/O.
 */
#ifndef FCGI_JSON_READ_H
#define FCGI_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

enum json_kind {
	JSON_TEXT,    /* to char[size]: well-formed UTF-8 without control characters */
	JSON_SECRET,  /* to char[size]: anything but NUL */
	JSON_LAYOUT,  /* to char[size]: a keyboard layout, or nothing if min allows that */
	JSON_UINT16,  /* to uint16_t */
	JSON_UINT8,   /* to uint8_t */
	JSON_WORD,    /* to uint8_t: the word's index in words */
	JSON_ANSWERS, /* to struct json_answers: a list of secrets */
	JSON_KIND_COUNT
};

/* As a list of answers lies in the messages. */
struct json_answers {
	uint16_t count;
	struct record_answer items[QUESTIONS_MAX];
};

/* A field that a call takes. */
struct json_field {
	const char *name; /* NULL ends the table */
	enum json_kind kind;
	bool optional;	   /* if it is not given, numbers become preset, the rest is kept */
	size_t offset;	   /* in the struct */
	size_t size;	   /* of the member */
	unsigned min, max; /* text: bytes; number: its value; answers: of each */
	unsigned preset;
	const char *const *words; /* NULL ends them */
	/* Not 0: fields of the same group are alternatives. At most one may be given, and one must
	 * be unless all are optional. */
	unsigned group;
};

#define JSON_FIELDS_MAX	  16
#define JSON_DETAIL_BYTES 160

/* Reads text into *into. Fails: false with a detail for the user that names the field; *into may
 * hold parts then: wipe it. */
bool json_read(const char *text, size_t length, const struct json_field *fields, void *into,
    char detail[JSON_DETAIL_BYTES]);

#endif
