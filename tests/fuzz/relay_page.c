/* SPDX-License-Identifier: ISC */
#include "relay_page.h"

#include <assert.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "brokerd/session/kdrive_events.h"

/* Of a query. */
#define REQUEST                                                                                    \
	"GET /x2gows/1?%s HTTP/1.1\r\nHost: desk.example.org\r\nUpgrade: websocket\r\n"            \
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                                     \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: " RELAY_ORIGIN "\r\n"              \
	"Sec-WebSocket-Protocol: x2goweb.v1\r\nCookie: x2goweb_0123456789abcdef=" RELAY_COOKIE     \
	"\r\n\r\n"

struct relay_stream stream;
struct sockaddr_un relay_address;
socklen_t relay_address_length;

/* --- frames ---------------------------------------------------------------------------------- */

static void send_frame(struct relay_page *page, unsigned first, const void *data, size_t length)
{
	/* The mask is zero. */
	uint8_t head[8] = {(uint8_t)first, 0x80};
	size_t used = 6;

	if (page->fd < 0)
		return;
	head[1] |= (uint8_t)(length < 126 ? length : 126);
	if (length >= 126) {
		head[2] = (uint8_t)(length >> 8);
		head[3] = (uint8_t)length;
		used = 8;
	}
	/* What the socket does not take would break a frame. */
	if (send(page->fd, head, used, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)used ||
	    send(page->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length)
		page->wild = true;
}

/* All that are kept, but for so many bytes, in messages of a few. */
static void send_events(struct relay_page *page, size_t from)
{
	size_t length = evbuffer_get_length(page->events), part;

	for (; from < length; from += part) {
		part = length - from < 4 * 41 ? length - from : 4 * 41;
		send_frame(page, 0x82, evbuffer_pullup(page->events, -1) + from, part);
	}
}

/* --- what a page gets ------------------------------------------------------------------------ */

/* Of the stream that there is now: what is known of another is not kept. */
static bool is_of_this_stream(const struct relay_page *page)
{
	return strcmp(page->stream, stream.name) == 0;
}

/* Its events go on from up. */
static void go_on_from(struct relay_page *page, uint64_t up, bool same)
{
	size_t kept = evbuffer_get_length(page->events);

	if (same && up >= page->events_start && up - page->events_start <= kept)
		evbuffer_drain(page->events, (size_t)(up - page->events_start));
	else
		evbuffer_drain(page->events, kept);
	page->events_start = up;
	send_events(page, 0);
}

/* The relay's hello. */
static void be_greeted(struct relay_page *page, const char *text)
{
	char name[RELAY_STREAM_CHARS + 1], how[8];
	uint64_t down, up, sent = page->events_start + evbuffer_get_length(page->events);
	bool same;

	assert(
	    sscanf(text, "hello 1 %16s %" SCNu64 " %" SCNu64 " %7s", name, &down, &up, how) == 4);
	same = strcmp(name, page->stream) == 0;
	memcpy(page->stream, name, sizeof(name));
	if (strcmp(how, "resume") == 0) {
		assert(same && down == page->down && up >= page->events_start && up <= sent);
	} else {
		assert(strcmp(how, "start") != 0 || (down == 0 && up == 0));
		page->frames = (struct kdrive_frames){0};
		page->head_bytes = 0;
		page->gap = page->may_miss_demands = strcmp(how, "fresh") == 0;
		page->begun_anew = false;
		page->stale = 0;
		page->last = same ? page->last : 0;
		if (is_of_this_stream(page))
			stream.may_lack[page->mine] = true;
	}
	page->down = down;
	page->open = true;
	go_on_from(page, up, same);
}

static bool is_picture(enum kdrive_message type)
{
	return type == KDRIVE_MESSAGE_FRAME || type == KDRIVE_MESSAGE_DELETED;
}

/* The relay's own REINIT has no number: what is missing since the last message was before it. */
static void miss(struct relay_page *page, uint32_t number)
{
	const struct page_said *said = &stream.said[number];

	assert(said->type != KDRIVE_MESSAGE_DEMAND_SELECTION || page->may_miss_demands);
	if (!is_picture(said->type) || page->begun_anew)
		return;
	if (said->type == KDRIVE_MESSAGE_FRAME && said->places != 0 && stream.sized)
		page->stale |= said->places;
	else
		page->gap = true;
}

void relay_page_miss_rest(struct relay_page *page)
{
	for (uint32_t missing = page->last + 1; missing <= stream.number; missing++)
		miss(page, missing);
}

static void begin_message(struct relay_page *page, uint32_t number, enum kdrive_message type)
{
	const struct page_said *said;

	if (number == 0) {
		assert(type == KDRIVE_MESSAGE_REINIT);
		page->gap = false;
		page->stale = 0;
		page->begun_anew = true;
		return;
	}
	assert(number > page->last && number <= stream.number);
	said = &stream.said[number];
	assert(said->type == type);
	for (uint32_t missing = page->last + 1; missing < number; missing++)
		miss(page, missing);
	page->may_miss_demands = page->begun_anew = false;
	if (type == KDRIVE_MESSAGE_REINIT)
		page->gap = false;
	assert(!page->gap || !is_picture(type));
	if (type == KDRIVE_MESSAGE_REINIT || (type == KDRIVE_MESSAGE_FRAME && said->places == 0))
		page->stale = 0;
	else if (type == KDRIVE_MESSAGE_FRAME && !said->cached)
		page->stale &= ~said->places;
	page->last = number;
}

/* Whoever had a byte of this position before had the same. */
static void compare(uint64_t position, const uint8_t *data, size_t length)
{
	for (; length != 0 && position < GIVEN_BYTES_MAX; position++, data++, length--) {
		assert(!stream.known[position] || stream.given[position] == *data);
		stream.known[position] = true;
		stream.given[position] = *data;
	}
}

static void read_stream(struct relay_page *page, const uint8_t *data, size_t length)
{
	struct kdrive_span span;

	if (is_of_this_stream(page))
		compare(page->down, data, length);
	page->down += length;
	if (!is_of_this_stream(page))
		return;
	for (; length != 0; data += span.length, length -= span.length) {
		size_t part;

		assert(kdrive_frames_take(&page->frames, data, length, &span));
		if (span.begins)
			page->head_bytes = 0;
		part = KDRIVE_HEADER_BYTES - page->head_bytes;
		if (part > span.length)
			part = span.length;
		memcpy(page->head + page->head_bytes, data, part);
		if (part != 0 && (page->head_bytes += part) == KDRIVE_HEADER_BYTES &&
		    !stream.nonsense)
			begin_message(page, get_u32(page->head + 52), span.type);
	}
}

static void take_frame(struct relay_page *page, unsigned opcode, const uint8_t *data, size_t length)
{
	char text[RELAY_WORDS_BYTES];

	if (opcode == 2) {
		assert(page->open);
		read_stream(page, data, length);
	}
	if (opcode != 1)
		return;
	assert(length < sizeof(text));
	memcpy(text, data, length);
	text[length] = '\0';
	if (strncmp(text, "hello ", 6) == 0) {
		assert(!page->open);
		be_greeted(page, text);
	}
	if (strncmp(text, "ack ", 4) == 0) {
		uint64_t up = strtoull(text + 4, NULL, 10);

		assert(page->wild ||
		       (up >= page->events_start &&
			   up - page->events_start <= evbuffer_get_length(page->events)));
		if (page->wild)
			return;
		evbuffer_drain(page->events, (size_t)(up - page->events_start));
		page->events_start = up;
	}
}

void relay_page_drop(struct relay_page *page)
{
	if (page->fd >= 0)
		close(page->fd);
	page->fd = -1;
	page->http = page->open = false;
	evbuffer_drain(page->got, evbuffer_get_length(page->got));
}

/* The answer to the request. False: it is not complete, or is none to go on with. */
static bool take_answer(struct relay_page *page)
{
	struct evbuffer_ptr end = evbuffer_search(page->got, "\r\n\r\n", 4, NULL);

	if (end.pos < 0)
		return false;
	if (memcmp(evbuffer_pullup(page->got, 12), "HTTP/1.1 101", 12) != 0) {
		relay_page_drop(page);
		return false;
	}
	evbuffer_drain(page->got, (size_t)end.pos + 4);
	page->http = true;
	return true;
}

/* One frame of the relay's. False: none is complete. */
static bool take_answer_frame(struct relay_page *page)
{
	size_t there = evbuffer_get_length(page->got), head = 2, length, more;
	uint8_t *data = evbuffer_pullup(page->got, there < 10 ? (ssize_t)there : 10);

	if (there < 2)
		return false;
	/* Whole, not masked, nothing reserved. */
	assert((data[1] & 0x80) == 0 && (data[0] & 0xf0) == 0x80);
	length = data[1];
	more = length < 126 ? 0 : length == 126 ? 2 : 8;
	if (there < 2 + more)
		return false;
	if (more != 0)
		length = 0;
	for (size_t i = 0; i < more; i++)
		length = length << 8 | data[2 + i];
	head += more;
	if (there < head + length)
		return false;
	data = evbuffer_pullup(page->got, (ssize_t)(head + length));
	take_frame(page, data[0] & 0x0f, data + head, length);
	evbuffer_drain(page->got, head + length);
	return true;
}

void relay_page_read(struct relay_page *page, size_t most)
{
	static uint8_t bytes[65536];
	ssize_t received;

	if (page->fd < 0)
		return;
	received = recv(page->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);
	if (received > 0)
		evbuffer_add(page->got, bytes, (size_t)received);
	if (!page->http && !take_answer(page))
		return;
	while (take_answer_frame(page))
		;
}

/* --- what a page says ------------------------------------------------------------------------ */

void relay_page_say(struct relay_page *page, const char *text)
{
	if (page->open)
		send_frame(page, 0x81, text, strlen(text));
}

void relay_page_come(struct relay_page *page)
{
	char text[sizeof(REQUEST) + 128], query[128];
	int length;

	relay_page_drop(page);
	if (page->wild) {
		page->wild = false;
		page->stream[0] = '\0';
		page->down = 0;
	}
	/* Sometimes the one that it has made before. */
	if (choose_below(16) != 0)
		page->attempt++;
	snprintf(query, sizeof(query), "hello.1.%s.%" PRIu64 ".page%u.%" PRIu64 ".%s",
	    page->stream[0] != '\0' ? page->stream : "-", page->down, page->mine, page->attempt,
	    choose_below(4) == 0 ? "hidden" : "shown");
	length = snprintf(text, sizeof(text), REQUEST, query);
	page->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert(page->fd >= 0);
	if (connect(page->fd, (struct sockaddr *)&relay_address, relay_address_length) != 0)
		relay_page_drop(page);
	else
		assert(send(page->fd, text, (size_t)length, MSG_NOSIGNAL) == length);
}

void relay_page_send_events(struct relay_page *page)
{
	size_t from = evbuffer_get_length(page->events);

	if (!page->open || page->wild)
		return;
	for (size_t count = 1 + choose_below(4); count != 0; count--) {
		uint8_t event[41] = {(uint8_t)(2 + choose_below(14))};

		/* A selection has its own fuzzer, and an end is an end. */
		if (event[0] == KDRIVE_EVENT_SELECTION ||
		    event[0] == KDRIVE_EVENT_DISCONNECT_CLIENT)
			event[0] = KDRIVE_EVENT_MOUSE_MOTION;
		if (event[0] == KDRIVE_EVENT_MOUSE_MOTION) {
			put_u32(event + 4, page->mine);
			put_u32(event + 8, ++page->number);
		} else {
			take_input(event + 4, 4);
		}
		evbuffer_add(page->events, event, sizeof(event));
	}
	send_events(page, from);
}

void relay_page_acknowledge(struct relay_page *page)
{
	char text[64];
	uint64_t painted = page->down / (1 + choose_below(2));

	if (!page->open)
		return;
	snprintf(text, sizeof(text), "ack %" PRIu64 " %" PRIu64, page->down, painted);
	relay_page_say(page, text);
}

void relay_page_say_wildly(struct relay_page *page)
{
	uint8_t bytes[40];
	size_t length = take_input(bytes, sizeof(bytes));

	page->wild = true;
	if (choose_below(2))
		send_frame(page, choose_below(2) ? 0x81 : 0x82, bytes, length);
	else if (page->fd >= 0 && length != 0)
		(void)!send(page->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void relay_page_init(struct relay_page *page, unsigned mine)
{
	*page = (struct relay_page){
	    .mine = mine, .fd = -1, .got = evbuffer_new(), .events = evbuffer_new()};
}

void relay_page_finish(struct relay_page *page)
{
	relay_page_drop(page);
	evbuffer_free(page->got);
	evbuffer_free(page->events);
}
