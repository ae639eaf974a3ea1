/* SPDX-License-Identifier: ISC */
/*
 * The control words of the subprotocol x2goweb.v1 (docs/stream.md), read and written. Pure. Runs in
 * x2goweb-session.
 */
#ifndef SESSION_RELAY_WORDS_H
#define SESSION_RELAY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_STREAM_CHARS 16
#define RELAY_TOKEN_CHARS  16
#define RELAY_WORDS_BYTES  600
/* A word and the text, of which each byte may have to be written as three. */
#define RELAY_SAY_BYTES(text_bytes) (8 + 3 * (text_bytes))

enum relay_word {
	RELAY_WORD_NONE, /* unknown: for later versions */
	RELAY_WORD_MALFORMED,
	RELAY_WORD_HELLO, /* which has no place here */
	RELAY_WORD_ACK,
	RELAY_WORD_HIDE,
	RELAY_WORD_SHOW,
	RELAY_WORD_PING
};

struct relay_words {
	enum relay_word word;
	uint64_t down, painted;		   /* of ack */
	char token[RELAY_TOKEN_CHARS + 1]; /* of ping */
};

/* The browser's hello, which stands in its request. */
struct relay_hello {
	char stream[RELAY_STREAM_CHARS + 1]; /* "": none */
	uint64_t down;
	char page[RELAY_TOKEN_CHARS + 1];
	uint64_t attempt;
	bool hidden;
};

/* How a stream goes on for a browser. */
enum relay_how { RELAY_HOW_START, RELAY_HOW_RESUME, RELAY_HOW_FRESH };

/* query: of the request's target. Returns NULL, or what is wrong with it, a static text; then
 * nothing of *ret_hello may be used. */
const char *relay_words_read_hello(const char *query, struct relay_hello *ret_hello);

void relay_words_read(const uint8_t *data, size_t length, struct relay_words *ret_words);

/* "hello 1 <stream> <down> <up> <how>". text: of RELAY_WORDS_BYTES. */
void relay_words_put_hello(
    char *text, const char *stream, uint64_t down, uint64_t up, enum relay_how how);

/* "say <text, percent-encoded>". text: of RELAY_SAY_BYTES of the said one's length. */
void relay_words_put_say(char *text, const char *said);

#endif
