/* links: proto brokerd/session/ws.c brokerd/session/ws_in.c brokerd/session/ws_out.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws: any bytes from a browser, in pieces of any size. The messages that come out
 * are those that a reader of RFC 6455 of our own finds before the first broken rule, which ends the
 * WebSocket.
 */
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "brokerd/session/ws.h"

#define PING_MS 60000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
	if (!fine)
		abort();
}

/* --- messages, one after the other ---*/

struct log {
	struct evbuffer *bytes;
	bool ended;
};

static void note(struct log *log, bool text, const uint8_t *data, size_t length)
{
	const uint64_t size = length;

	evbuffer_add(log->bytes, text ? "t" : "b", 1);
	evbuffer_add(log->bytes, &size, sizeof(size));
	evbuffer_add(log->bytes, data, length);
}

/* --- what RFC 6455 says ---*/

/* Section 3 of RFC 3629. */
static bool is_utf8(const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
		uint8_t first = text[i++];
		unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
		uint32_t value = more == 0 ? first : first & (0x3fu >> more);

		if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || more > length - i)
			return false;
		for (unsigned k = 0; k < more; k++, i++) {
			if ((text[i] & 0xc0) != 0x80)
				return false;
			value = value << 6 | (text[i] & 0x3f);
		}
		if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
			return false;
	}
	return true;
}

struct frame {
	bool last, masked;
	unsigned reserved, opcode;
	uint64_t length;
	size_t head_bytes;
};

/* False: the head is not complete. */
static bool read_head(const uint8_t *data, size_t size, struct frame *ret)
{
	size_t extra;

	if (size < 2)
		return false;
	ret->last = (data[0] & 0x80) != 0;
	ret->reserved = data[0] & 0x70;
	ret->opcode = data[0] & 0x0f;
	ret->masked = (data[1] & 0x80) != 0;
	ret->length = data[1] & 0x7f;
	extra = ret->length == 126 ? 2 : ret->length == 127 ? 8 : 0;
	ret->head_bytes = 2 + extra + 4;
	if (size < ret->head_bytes)
		return false;
	if (extra != 0)
		ret->length = 0;
	for (size_t i = 0; i < extra; i++)
		ret->length = ret->length << 8 | data[2 + i];
	return true;
}

static bool head_is_right(const struct frame *frame, bool within, bool text, size_t before)
{
	bool control = frame->opcode >= 8;

	if (!frame->masked || frame->reserved != 0 || frame->opcode > 10 ||
	    (frame->opcode > 2 && !control))
		return false;
	if (control)
		return frame->last && frame->length <= 125;
	if (within != (frame->opcode == 0))
		return false;
	/* The length in its shortest form. */
	if ((frame->head_bytes == 8 && frame->length < 126) ||
	    (frame->head_bytes == 14 && frame->length < 65536))
		return false;
	if (frame->opcode != 0)
		text = frame->opcode == 1;
	return frame->length <= (text ? WS_TEXT_BYTES_MAX : WS_BINARY_BYTES_MAX) - before;
}

/* Notes the messages before a close frame or the first fault. */
static void read_as_the_standard_says(const uint8_t *data, size_t size, struct log *log)
{
	uint8_t *message = malloc(size + 1);
	bool within = false, text = false;
	size_t length = 0;
	struct frame frame;

	while (read_head(data, size, &frame)) {
		const uint8_t *mask = data + frame.head_bytes - 4;

		if (!head_is_right(&frame, within, text, within ? length : 0)) {
			/* wslay judges some heads when their first byte of data has come. */
			log->ended = size > frame.head_bytes;
			break;
		}
		if (frame.length > size - frame.head_bytes)
			break;
		data += frame.head_bytes;
		size -= frame.head_bytes;
		if (frame.opcode == 8) {
			log->ended = true;
			break;
		}
		if (frame.opcode <= 2) {
			if (!within) {
				text = frame.opcode == 1;
				length = 0;
			}
			for (size_t i = 0; i < frame.length; i++)
				message[length++] = data[i] ^ mask[i % 4];
			within = !frame.last;
			if (frame.last && text && !is_utf8(message, length)) {
				log->ended = true;
				break;
			}
			if (frame.last)
				note(log, text, message, length);
		}
		data += frame.length;
		size -= (size_t)frame.length;
	}
	free(message);
}

/* --- ours ---*/

static void on_message(struct ws *ws, bool text, const uint8_t *data, size_t length, void *arg)
{
	(void)ws;
	note(arg, text, data, length);
}

static void on_writable(struct ws *ws, void *arg)
{
	(void)ws;
	(void)arg;
}

static void on_lost(struct ws *ws, unsigned code, void *arg)
{
	struct log *log = arg;

	(void)ws;
	check(code >= 1000 && code <= 4999);
	check(!log->ended);
	log->ended = true;
}

static void on_closed(struct ws *ws, void *arg)
{
	(void)ws;
	(void)arg;
}

/* Sends in pieces, reading what is answered. */
static void read_as_we_do(const uint8_t *data, size_t size, size_t step, struct log *log)
{
	static const struct ws_handlers handlers = {
	    .message = on_message, .writable = on_writable, .lost = on_lost, .closed = on_closed};
	static struct event_base *base;
	static uint8_t answers[65536];
	size_t early = step < size ? step : size;
	struct ws *ws;
	int pair[2];

	if (base == NULL)
		base = event_base_new();
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	ws = ws_create(base, pair[0], "", 0, data, early, PING_MS, &handlers, log);
	check(ws != NULL);
	for (size_t at = early;; at += step) {
		size_t part = size - at < step ? size - at : step;

		event_base_loop(base, EVLOOP_NONBLOCK);
		event_base_loop(base, EVLOOP_NONBLOCK);
		while (recv(pair[1], answers, sizeof(answers), MSG_DONTWAIT) > 0)
			event_base_loop(base, EVLOOP_NONBLOCK);
		if (at >= size || log->ended)
			break;
		check(send(pair[1], data + at, part, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)part);
	}
	ws_destroy(ws);
	close(pair[1]);
}

/* The first byte says how large the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7, 40, 126, 1000};
	struct log expected = {evbuffer_new(), false}, got = {evbuffer_new(), false};
	size_t length;

	if (size >= 1 && size <= 100000) {
		size_t step = steps[data[0] % 8];

		/* Many tiny turns of the loop are slow, and show nothing new. */
		if (size > 1000 && step < 40)
			step = 40;
		read_as_the_standard_says(data + 1, size - 1, &expected);
		read_as_we_do(data + 1, size - 1, step, &got);
		length = evbuffer_get_length(expected.bytes);
		check(evbuffer_get_length(got.bytes) == length);
		check(length == 0 || memcmp(evbuffer_pullup(expected.bytes, -1),
					 evbuffer_pullup(got.bytes, -1), length) == 0);
		/* What is wrong may be found before its frame is complete. */
		check(got.ended || !expected.ended);
	}
	evbuffer_free(expected.bytes);
	evbuffer_free(got.bytes);
	return 0;
}
