/* SPDX-License-Identifier: ISC */
#include "relay_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PARTS_MAX    5
#define NUMBER_CHARS 15

struct part {
	const char *text;
	size_t length;
};

static bool is(const struct part *part, const char *word)
{
	return part->length == strlen(word) && memcmp(part->text, word, part->length) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool read_number(const struct part *part, uint64_t *ret_number)
{
	*ret_number = 0;
	if (part->length == 0 || part->length > NUMBER_CHARS)
		return false;
	for (size_t i = 0; i < part->length; i++) {
		if (!is_digit(part->text[i]))
			return false;
		*ret_number = *ret_number * 10 + (uint64_t)(part->text[i] - '0');
	}
	return true;
}

static bool read_stream(const struct part *part, char stream[RELAY_STREAM_CHARS + 1])
{
	if (is(part, "-"))
		return true;
	if (part->length != RELAY_STREAM_CHARS)
		return false;
	for (size_t i = 0; i < part->length; i++)
		if (!is_digit(part->text[i]) && !(part->text[i] >= 'a' && part->text[i] <= 'f'))
			return false;
	memcpy(stream, part->text, part->length);
	return true;
}

static bool read_token(const struct part *part, char token[RELAY_TOKEN_CHARS + 1])
{
	if (part->length == 0 || part->length > RELAY_TOKEN_CHARS)
		return false;
	for (size_t i = 0; i < part->length; i++) {
		char c = part->text[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
			return false;
	}
	memcpy(token, part->text, part->length);
	return true;
}

/* Parts between single blanks. Returns how many, PARTS_MAX + 1 if there are too many. */
static size_t split(const char *text, size_t length, struct part parts[PARTS_MAX])
{
	size_t count = 0, start = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i != length && text[i] != ' ')
			continue;
		if (count == PARTS_MAX)
			return PARTS_MAX + 1;
		parts[count++] = (struct part){text + start, i - start};
		start = i + 1;
	}
	return count;
}

void relay_words_read(const uint8_t *data, size_t length, struct relay_words *ret_words)
{
	struct part parts[PARTS_MAX] = {0};
	size_t count = split((const char *)data, length, parts);
	struct relay_words *words = ret_words;
	uint64_t version;
	bool good;

	*words = (struct relay_words){.word = RELAY_WORD_NONE};
	if (is(&parts[0], "hello")) {
		words->word = RELAY_WORD_HELLO;
		good = count == 4 && read_number(&parts[1], &version) && version == 1 &&
		       read_stream(&parts[2], words->stream) &&
		       read_number(&parts[3], &words->down);
	} else if (is(&parts[0], "ack")) {
		words->word = RELAY_WORD_ACK;
		good = count == 3 && read_number(&parts[1], &words->down) &&
		       read_number(&parts[2], &words->painted) && words->painted <= words->down;
	} else if (is(&parts[0], "ping")) {
		words->word = RELAY_WORD_PING;
		good = count == 2 && read_token(&parts[1], words->token);
	} else if (is(&parts[0], "hide") || is(&parts[0], "show")) {
		words->word = is(&parts[0], "hide") ? RELAY_WORD_HIDE : RELAY_WORD_SHOW;
		good = count == 1;
	} else {
		return;
	}
	if (!good)
		words->word = RELAY_WORD_MALFORMED;
}

void relay_words_put_hello(
    char *text, const char *stream, uint64_t down, uint64_t up, enum relay_how how)
{
	static const char *const names[] = {"start", "resume", "fresh"};

	snprintf(text, RELAY_WORDS_BYTES, "hello 1 %s %" PRIu64 " %" PRIu64 " %s", stream, down, up,
	    names[how]);
}
