/* links: proto brokerd/session/relay_words.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/relay_words: any text. What is understood is within its bounds, and means the
 * same when it is written anew.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brokerd/session/relay_words.h"

#define NUMBER_MAX UINT64_C(999999999999999)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int fine)
{
	if (!fine)
		abort();
}

/* What a browser would have written. */
static void write_words(const struct relay_words *words, char text[RELAY_WORDS_BYTES])
{
	switch (words->word) {
	case RELAY_WORD_HELLO:
		snprintf(text, RELAY_WORDS_BYTES, "hello 1 %s %" PRIu64,
		    words->stream[0] != '\0' ? words->stream : "-", words->down);
		break;
	case RELAY_WORD_ACK:
		snprintf(text, RELAY_WORDS_BYTES, "ack %" PRIu64 " %" PRIu64, words->down,
		    words->painted);
		break;
	case RELAY_WORD_PING:
		snprintf(text, RELAY_WORDS_BYTES, "ping %s", words->token);
		break;
	default:
		snprintf(text, RELAY_WORDS_BYTES, words->word == RELAY_WORD_HIDE ? "hide" : "show");
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct relay_words words, again;
	char text[RELAY_WORDS_BYTES];

	relay_words_read(data, size, &words);
	if (words.word == RELAY_WORD_NONE || words.word == RELAY_WORD_MALFORMED)
		return 0;
	check(words.down <= NUMBER_MAX && words.painted <= words.down);
	check(strlen(words.stream) == 0 || strlen(words.stream) == RELAY_STREAM_CHARS);
	check(strspn(words.stream, "0123456789abcdef") == strlen(words.stream));
	check(strlen(words.token) <= RELAY_TOKEN_CHARS);
	check((words.word == RELAY_WORD_PING) == (words.token[0] != '\0'));
	write_words(&words, text);
	check(strlen(text) <= size);
	relay_words_read((const uint8_t *)text, strlen(text), &again);
	check(memcmp(&words, &again, sizeof(words)) == 0);
	relay_words_put_hello(text, words.stream, words.down, words.painted, RELAY_HOW_RESUME);
	check(strlen(text) < 80);
	return 0;
}
