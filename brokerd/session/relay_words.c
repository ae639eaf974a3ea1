/* SPDX-License-Identifier: ISC */
#include "relay_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PARTS_MAX    7
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

/* Parts between single separators. Returns how many, PARTS_MAX + 1 if there are too many. */
static size_t split(const char *text, size_t length, char separator, struct part parts[PARTS_MAX])
{
	size_t count = 0, start = 0;

	for (size_t i = 0; i <= length; i++) {
		if (i != length && text[i] != separator)
			continue;
		if (count == PARTS_MAX)
			return PARTS_MAX + 1;
		parts[count++] = (struct part){text + start, i - start};
		start = i + 1;
	}
	return count;
}

static bool read_view(const struct part *part, bool *ret_hidden)
{
	*ret_hidden = is(part, "hidden");
	return *ret_hidden || is(part, "shown");
}

const char *relay_words_read_hello(const char *query, struct relay_hello *ret_hello)
{
	struct part parts[PARTS_MAX] = {0};
	size_t count = split(query, strlen(query), '.', parts);
	struct relay_hello *hello = ret_hello;

	*hello = (struct relay_hello){0};
	if (!is(&parts[0], "hello"))
		return "The address has no hello.";
	if (!is(&parts[1], "1"))
		return "This version of the hello is not served here.";
	if (count != 7)
		return "The hello has too few words, or too many.";
	if (!read_stream(&parts[2], hello->stream))
		return "The hello's stream is malformed.";
	if (!read_number(&parts[3], &hello->down))
		return "The hello's position is malformed.";
	if (hello->stream[0] == '\0' && hello->down != 0)
		return "The hello has a position of no stream.";
	if (!read_token(&parts[4], hello->page))
		return "The hello's page is malformed.";
	if (!read_number(&parts[5], &hello->attempt))
		return "The hello's attempt is malformed.";
	if (!read_view(&parts[6], &hello->hidden))
		return "The hello does not say whether the page is shown.";
	return NULL;
}

void relay_words_read(const uint8_t *data, size_t length, struct relay_words *ret_words)
{
	struct part parts[PARTS_MAX] = {0};
	size_t count = split((const char *)data, length, ' ', parts);
	struct relay_words *words = ret_words;
	bool good;

	*words = (struct relay_words){.word = RELAY_WORD_NONE};
	if (is(&parts[0], "hello")) {
		words->word = RELAY_WORD_HELLO;
		good = true;
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

/* What stands for itself: letters, digits and what RFC 3986 calls unreserved. */
static bool is_plain(unsigned char c)
{
	return is_digit((char)c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void relay_words_put_say(char *text, const char *said)
{
	static const char digits[] = "0123456789ABCDEF";

	strcpy(text, "say ");
	text += strlen(text);
	for (; *said != '\0'; said++) {
		unsigned char c = (unsigned char)*said;

		if (is_plain(c)) {
			*text++ = (char)c;
			continue;
		}
		*text++ = '%';
		*text++ = digits[c >> 4];
		*text++ = digits[c & 15];
	}
	*text = '\0';
}
