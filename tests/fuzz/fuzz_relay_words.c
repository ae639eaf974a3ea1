/* links: proto brokerd/session/relay_words.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/relay_words: any text, as a message and as a request's query. What is understood
 * is within its bounds, and means the same when it is written anew.
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

static void check_hello(const uint8_t *data, size_t size)
{
	char query[128], text[RELAY_WORDS_BYTES];
	struct relay_hello hello, again;

	if (size >= sizeof(query) || memchr(data, '\0', size) != NULL)
		return;
	memcpy(query, data, size);
	query[size] = '\0';
	if (relay_words_read_hello(query, &hello) != NULL)
		return;
	check(hello.down <= NUMBER_MAX && hello.attempt <= NUMBER_MAX);
	check(strlen(hello.stream) == 0 || strlen(hello.stream) == RELAY_STREAM_CHARS);
	check(strspn(hello.stream, "0123456789abcdef") == strlen(hello.stream));
	check(strlen(hello.stream) != 0 || hello.down == 0);
	check(strlen(hello.page) != 0 && strlen(hello.page) <= RELAY_TOKEN_CHARS);
	snprintf(text, sizeof(text), "hello.1.%s.%" PRIu64 ".%s.%" PRIu64 ".%s",
	    hello.stream[0] != '\0' ? hello.stream : "-", hello.down, hello.page, hello.attempt,
	    hello.hidden ? "hidden" : "shown");
	check(strlen(text) <= size);
	check(relay_words_read_hello(text, &again) == NULL);
	check(memcmp(&hello, &again, sizeof(hello)) == 0);
	relay_words_put_hello(text, hello.stream, hello.down, hello.attempt, RELAY_HOW_RESUME);
	check(strlen(text) < 80);
}

static void check_words(const uint8_t *data, size_t size)
{
	struct relay_words words, again;
	char text[RELAY_WORDS_BYTES];

	relay_words_read(data, size, &words);
	if (words.word == RELAY_WORD_NONE || words.word == RELAY_WORD_MALFORMED ||
	    words.word == RELAY_WORD_HELLO)
		return;
	check(words.down <= NUMBER_MAX && words.painted <= words.down);
	check(strlen(words.token) <= RELAY_TOKEN_CHARS);
	check((words.word == RELAY_WORD_PING) == (words.token[0] != '\0'));
	write_words(&words, text);
	check(strlen(text) <= size);
	relay_words_read((const uint8_t *)text, strlen(text), &again);
	check(memcmp(&words, &again, sizeof(words)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_words(data, size);
	check_hello(data, size);
	return 0;
}
