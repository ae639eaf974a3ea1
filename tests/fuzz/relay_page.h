/* SPDX-License-Identifier: ISC */
/*
 * A page as fuzz_relay plays it: what it says to the relay, and what it may be given by it. Knows
 * of the stream what the agent has said, and what anybody has been given of it.
 */
#ifndef TESTS_FUZZ_RELAY_PAGE_H
#define TESTS_FUZZ_RELAY_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "brokerd/session/kdrive_frames.h"
#include "brokerd/session/relay_words.h"

#define RELAY_PAGES  3
#define RELAY_ORIGIN "https://desk.example.org"
#define RELAY_COOKIE "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_x"
/* Of a stream that are compared. */
#define GIVEN_BYTES_MAX (1024 * 1024)

/* Where pictures are, side by side; one line of them is the screen. */
#define RELAY_PLACES 8

struct evbuffer;

/* A message that the agent has said. */
struct page_said {
	enum kdrive_message type;
	uint32_t places; /* that a FRAME shows, one bit each; 0: all of them */
	bool cached;	 /* the agent's cache may have a part in it */
};

/* What a page knows of its stream, over as many connections as it takes. */
struct relay_page {
	unsigned mine; /* which one it is */
	int fd;	       /* -1: it has none */
	struct evbuffer *got;
	bool http, open; /* the answer has come; the relay's hello has */
	bool wild;	 /* has broken the rules: what it gets is its own affair */
	uint64_t attempt;
	char stream[RELAY_STREAM_CHARS + 1];
	uint64_t down;
	struct kdrive_frames frames;
	uint8_t head[KDRIVE_HEADER_BYTES];
	size_t head_bytes;
	uint32_t last;	       /* number of the last message that began */
	bool gap;	       /* pictures were left out: none may come before REINIT */
	uint32_t stale;	       /* places whose pictures were left out one by one */
	bool begun_anew;       /* by the relay's own REINIT, which was the last message */
	bool may_miss_demands; /* somebody else had the stream */
	/* Its events: numbered, kept until they are acknowledged. */
	struct evbuffer *events;
	uint64_t events_start; /* position of the first that is kept */
	uint32_t number;
};

/* The stream that there is, or was last. */
struct relay_stream {
	const char *name;
	bool nonsense; /* the agent has spoken it: messages have no numbers any more */
	bool sized;    /* it is known how large the screen is: pictures may be missing one by one */
	uint32_t number; /* of the agent's last message */
	struct page_said said[4096];
	uint32_t events[RELAY_PAGES]; /* numbers of each page's last event that the agent got */
	bool may_lack[RELAY_PAGES];   /* numbers: somebody else had the stream */
	size_t opening;		      /* bytes of it that are still to come */
	uint8_t *given;
	bool *known;
};

extern struct relay_stream stream;

/* Where the relay listens. */
extern struct sockaddr_un relay_address;
extern socklen_t relay_address_length;

/* Of who has the input: past its end always the same. */
uint32_t choose_below(uint32_t limit);
size_t take_input(uint8_t *out, size_t size);

static inline uint32_t get_u32(const uint8_t *data)
{
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static inline void put_u32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

void relay_page_init(struct relay_page *page, unsigned mine);
void relay_page_finish(struct relay_page *page);

/* Opens a connection, instead of the one before if there is one. */
void relay_page_come(struct relay_page *page);
void relay_page_drop(struct relay_page *page);

/* Reads what has come, up to so many bytes, and checks it. */
void relay_page_read(struct relay_page *page, size_t most);

/* It has received what there was: counts what is missing since. */
void relay_page_miss_rest(struct relay_page *page);

/* Nothing if the relay has not said hello. */
void relay_page_say(struct relay_page *page, const char *text);
void relay_page_acknowledge(struct relay_page *page);
void relay_page_send_events(struct relay_page *page);

/* Breaks the rules. */
void relay_page_say_wildly(struct relay_page *page);

#endif
