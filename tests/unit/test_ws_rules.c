/* links: proto brokerd/session/ws.c brokerd/session/ws_in.c brokerd/session/ws_out.c */
/* links: tests/unit/ws_client.c tests/unit/ws_world.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/ws against a client that keeps RFC 6455 in every odd way, and one that breaks
 * each rule of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ws_world.h"

#define FRAME_HEAD_BYTES 14

/* --- what may be sent ------------------------------------------------------------------------- */

static void test_byte_by_byte(void **state)
{
	uint8_t frames[400], data[150];
	size_t length;

	(void)state;
	memset(data, 'a', sizeof(data));
	length = ws_client_put_frame(frames, OP_BINARY, data, 130);
	length += ws_client_put_frame(frames + length, 0x80 | OP_PING, "ping", 4);
	length += ws_client_put_frame(frames + length, 0x80 | OP_CONTINUATION, data + 130, 20);
	for (size_t i = 0; i < length; i++) {
		assert_int_equal(world.messages, 0);
		ws_client_send(&world.client, frames + i, 1);
	}
	world_await_messages(1);
	world_assert_message(false, data, 150);
	assert_int_equal(ws_client_await_frame(&world.client).opcode, OP_PONG);
}

static void test_fragments(void **state)
{
	(void)state;
	ws_client_send_frame(&world.client, OP_TEXT, "One, ", 5);
	ws_client_send_frame(&world.client, 0x80 | OP_PING, "x", 1);
	ws_client_send_frame(&world.client, OP_CONTINUATION, "", 0);
	ws_client_send_frame(
	    &world.client, OP_CONTINUATION, "t\xc3", 2); /* a character cut in two */
	ws_client_send_frame(&world.client, 0x80 | OP_PONG, "", 0);
	ws_client_send_frame(&world.client, 0x80 | OP_CONTINUATION, "\xbcr.", 3);
	world_await_messages(1);
	world_assert_message(true, "One, t\xc3\xbcr.", 10);
	assert_int_equal(ws_client_await_frame(&world.client).data[0], 'x');
	/* As many fragments as there are bytes. */
	for (size_t i = 0; i < 5000; i++)
		ws_client_send_frame(&world.client, i == 0 ? OP_BINARY : OP_CONTINUATION, "y", 1);
	ws_client_send_frame(&world.client, 0x80 | OP_CONTINUATION, "z", 1);
	world_await_messages(2);
	assert_int_equal(world.length, 5001);
	assert_int_equal(world.data[5000], 'z');
}

static void test_ping_is_answered(void **state)
{
	struct ws_client_frame frame;
	uint8_t data[125];

	(void)state;
	memset(data, 'p', sizeof(data));
	ws_client_send_frame(&world.client, 0x80 | OP_PING, data, sizeof(data));
	frame = ws_client_await_frame(&world.client);
	assert_int_equal(frame.first, 0x80 | OP_PONG);
	assert_int_equal(frame.length, sizeof(data));
	assert_memory_equal(frame.data, data, sizeof(data));
}

/* What a frame announces may come in any pieces, each with another mask. */
static void test_masks(void **state)
{
	static const uint8_t masks[][4] = {
	    {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 0xff, 1, 0x80}, {'m', 'a', 's', 'k'}};
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++)
		for (size_t length = 0; length < 10; length++) {
			uint8_t frame[6 + 10] = {0x82, (uint8_t)(0x80 | length)};

			memcpy(frame + 2, masks[i], 4);
			for (size_t k = 0; k < length; k++)
				frame[6 + k] = (uint8_t)("abcdefghij"[k] ^ masks[i][k % 4]);
			ws_client_send(&world.client, frame, 3 + length / 2);
			ws_client_send(
			    &world.client, frame + 3 + length / 2, 6 + length - 3 - length / 2);
			world_await_messages(++count);
			world_assert_message(false, "abcdefghij", length);
		}
}

/* Nothing but heads: they cost nothing, and mean nothing. */
static void test_empty_fragments(void **state)
{
	uint8_t frame[FRAME_HEAD_BYTES], frames[1000 * FRAME_HEAD_BYTES];
	size_t each = ws_client_put_frame(frame, OP_CONTINUATION, "", 0);

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		memcpy(frames + i * each, frame, each);
	ws_client_send_frame(&world.client, OP_TEXT, "", 0);
	for (unsigned i = 0; i < 20; i++)
		ws_client_send(&world.client, frames, 1000 * each);
	assert_int_equal(world.messages, 0);
	ws_client_send_frame(&world.client, 0x80 | OP_CONTINUATION, "end", 3);
	world_await_messages(1);
	world_assert_message(true, "end", 3);
}

/* A message may be as large as it may, in one frame or many. */
static void test_limits(void **state)
{
	uint8_t *data = calloc(1, WS_BINARY_BYTES_MAX);

	(void)state;
	memset(data, 't', WS_TEXT_BYTES_MAX);
	ws_client_send_frame(&world.client, 0x80 | OP_TEXT, data, WS_TEXT_BYTES_MAX);
	world_await_messages(1);
	world_assert_message(true, data, WS_TEXT_BYTES_MAX);
	ws_client_send_frame(&world.client, OP_TEXT, data, WS_TEXT_BYTES_MAX - 1);
	ws_client_send_frame(&world.client, OP_CONTINUATION, data, 1);
	ws_client_send_frame(&world.client, 0x80 | OP_CONTINUATION, data, 0);
	world_await_messages(2);
	world_assert_message(true, data, WS_TEXT_BYTES_MAX);
	ws_client_send_frame(&world.client, OP_BINARY, data, WS_BINARY_BYTES_MAX - 70000);
	ws_client_send_frame(&world.client, 0x80 | OP_PING, data, 125);
	ws_client_send_frame(
	    &world.client, 0x80 | OP_CONTINUATION, data + WS_BINARY_BYTES_MAX - 70000, 70000);
	world_await_messages(3);
	world_assert_message(false, data, WS_BINARY_BYTES_MAX);
	free(data);
}

/* Pongs that nobody asked for, and pings with and without data. */
static void test_control_frames(void **state)
{
	struct ws_client_frame frame;

	(void)state;
	ws_client_send_frame(&world.client, 0x80 | OP_PONG, "unasked", 7);
	ws_client_send_frame(&world.client, 0x80 | OP_PING, "", 0);
	frame = ws_client_await_frame(&world.client);
	assert_int_equal(frame.first, 0x80 | OP_PONG);
	assert_int_equal(frame.length, 0);
	/* Not text: anything may stand there. */
	ws_client_send_frame(&world.client, 0x80 | OP_PING, "\xff\0\xc3", 3);
	frame = ws_client_await_frame(&world.client);
	assert_int_equal(frame.length, 3);
	assert_memory_equal(frame.data, "\xff\0\xc3", 3);
	assert_int_equal(world.messages + world.lost, 0);
}

/* --- UTF-8 ------------------------------------------------------------------------------------ */

#define TEXT(bytes)                                                                                \
	{                                                                                          \
		bytes, sizeof(bytes) - 1                                                           \
	}
static const struct {
	const char *bytes;
	size_t length;
} good_texts[] = {TEXT(""), TEXT("a"), TEXT("\0"), TEXT("\x7f"), TEXT("\xc2\x80"), TEXT("\xdf\xbf"),
    TEXT("\xe0\xa0\x80"), TEXT("\xed\x9f\xbf"), TEXT("\xee\x80\x80"), TEXT("\xef\xbf\xbd"),
    TEXT("\xef\xbf\xbf"), TEXT("\xf0\x90\x80\x80"), TEXT("\xf4\x8f\xbf\xbf"),
    TEXT("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5")},
  bad_texts[] = {TEXT("\x80"), TEXT("\xbf"), TEXT("\xc0\x80"), TEXT("\xc1\xbf"), TEXT("\xc2"),
      TEXT("\xc2 "), TEXT("\xc2\xc2"), TEXT("\xe0\x80\x80"), TEXT("\xe0\x9f\xbf"), TEXT("\xe1\x80"),
      TEXT("\xe1\x80 "), TEXT("\xed\xa0\x80"), TEXT("\xed\xbf\xbf"), TEXT("\xf0\x80\x80\x80"),
      TEXT("\xf0\x8f\xbf\xbf"), TEXT("\xf0\x90\x80"), TEXT("\xf4\x90\x80\x80"),
      TEXT("\xf5\x80\x80\x80"), TEXT("\xf8\x88\x80\x80\x80"), TEXT("\xfc\x84\x80\x80\x80\x80"),
      TEXT("\xfe"), TEXT("\xff"), TEXT("good\xff"), TEXT("\xce\xba\xed\xa0\x80!")};
#undef TEXT

/* In two fragments, cut behind this many bytes, with a ping between them. */
static void send_cut_text(const char *bytes, size_t length, size_t cut)
{
	ws_client_send_frame(&world.client, OP_TEXT, bytes, cut);
	ws_client_send_frame(&world.client, 0x80 | OP_PING, "\xff", 1);
	ws_client_send_frame(&world.client, 0x80 | OP_CONTINUATION, bytes + cut, length - cut);
}

static void test_good_text(void **state)
{
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(good_texts) / sizeof(good_texts[0]); i++)
		for (size_t cut = 0; cut <= good_texts[i].length; cut++) {
			send_cut_text(good_texts[i].bytes, good_texts[i].length, cut);
			world_await_messages(++count);
			world_assert_message(true, good_texts[i].bytes, good_texts[i].length);
		}
}

static void test_bad_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		for (size_t cut = 0; cut <= bad_texts[i].length; cut++) {
			world_create_anew();
			send_cut_text(bad_texts[i].bytes, bad_texts[i].length, cut);
			if (ws_client_await_close(&world.client) != 1007)
				fail_msg("bad text %zu, cut at %zu", i, cut);
			assert_int_equal(world.messages, 0);
		}
		/* As data it is fine. */
		world_create_anew();
		ws_client_send_frame(
		    &world.client, 0x80 | OP_BINARY, bad_texts[i].bytes, bad_texts[i].length);
		world_await_messages(1);
	}
}

/* What is wrong at once is found before the message ends. */
static void test_bad_text_is_found_early(void **state)
{
	(void)state;
	ws_client_send_frame(&world.client, OP_TEXT, "a\xff", 2);
	assert_int_equal(ws_client_await_close(&world.client), 1007);
}

/* --- closing ---------------------------------------------------------------------------------- */

/* Section 7.4.2: what may stand in a close frame. */
static bool may_be_said(unsigned code)
{
	return (code >= 1000 && code <= 1011 && (code < 1004 || code > 1006)) ||
	       (code >= 3000 && code <= 4999);
}

static void test_close_codes(void **state)
{
	static const unsigned codes[] = {0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007,
	    1008, 1009, 1010, 1011, 1015, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000,
	    32768, 65535};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		const uint8_t body[] = {(uint8_t)(codes[i] >> 8), (uint8_t)codes[i]};
		unsigned expected = may_be_said(codes[i]) ? codes[i] : 1002, code;

		world_create_anew();
		ws_client_send_frame(&world.client, 0x80 | OP_CLOSE, body, sizeof(body));
		code = ws_client_await_close(&world.client);
		if (code != expected)
			fail_msg("close code %u is answered by %u", codes[i], code);
		ws_client_await_end(&world.client);
		assert_int_equal(world.lost, 1);
		assert_int_equal(world.code, expected);
	}
}

/* Reasons of all lengths that there can be; after them nothing counts. */
static void test_close_reasons(void **state)
{
	uint8_t body[125] = {0x03, 0xe8};

	(void)state;
	memset(body + 2, 'r', sizeof(body) - 2);
	for (size_t length = 0; length <= 123; length += 41) {
		world_create_anew();
		ws_client_send_frame(&world.client, OP_BINARY, "half", 4);
		ws_client_send_frame(&world.client, 0x80 | OP_CLOSE, body, 2 + length);
		ws_client_send_frame(&world.client, 0x80 | OP_CONTINUATION, "a message", 9);
		ws_client_send_frame(&world.client, 0x80 | OP_TEXT, "late", 4);
		assert_int_equal(ws_client_await_close(&world.client), 1000);
		ws_client_await_end(&world.client);
		ws_client_finish(&world.client);
		world_await_closed("closed");
		assert_int_equal(world.messages, 0);
		assert_int_equal(world.code, 1000);
	}
}

/* --- rules that a client may break ------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned code;
	const char *bytes;
	size_t length;
} faults[] = {
#define FAULT(name, code, bytes)                                                                   \
	{                                                                                          \
		name, code, bytes, sizeof(bytes) - 1                                               \
	}
    FAULT("not masked", 1002, "\x82\x01x"),
    FAULT("reserved bit 1", 1002, "\xc2\x81\0\0\0\0x"),
    FAULT("reserved bit 2", 1002, "\xa2\x81\0\0\0\0x"),
    FAULT("reserved bit 3", 1002, "\x92\x81\0\0\0\0x"),
    FAULT("ping not masked", 1002, "\x89\x00"),
    FAULT("close not masked", 1002, "\x88\x02\x03\xe8"),
    FAULT("second fragment not masked", 1002, "\x02\x81\0\0\0\0x\x80\x01x"),
    FAULT("reserved bit in a continuation", 1002, "\x02\x81\0\0\0\0x\xc0\x81\0\0\0\0x"),
    FAULT("reserved bit in a ping", 1002, "\xa9\x80\0\0\0\0"),
    FAULT("reserved bit in a close frame", 1002, "\xd8\x82\0\0\0\0\x03\xe8"),
    FAULT("continuation of nothing", 1002, "\x80\x81\0\0\0\0x"),
    FAULT("new message within a message", 1002, "\x02\x81\0\0\0\0x\x82\x81\0\0\0\0x"),
    FAULT("continuation of nothing, not the last", 1002, "\x00\x81\0\0\0\0x"),
    FAULT("text within binary", 1002, "\x02\x80\0\0\0\0\x81\x81\0\0\0\0x"),
    FAULT("beginning within text", 1002, "\x01\x80\0\0\0\0\x01\x81\0\0\0\0x"),
    FAULT("fragmented ping", 0, "\x09\x81\0\0\0\0x"),
    FAULT("fragmented pong", 0, "\x0a\x81\0\0\0\0x"),
    FAULT("fragmented close frame", 0, "\x08\x82\0\0\0\0\x03\xe8"),
    FAULT("close frame of 126 bytes", 0, "\x88\xfe\x00\x7e\0\0\0\0"),
    FAULT("ping of 126 bytes", 0, "\x89\xfe\x00\x7e\0\0\0\0"),
    FAULT("long form of a short length", 0, "\x82\xfe\x00\x05\0\0\0\0xxxxx"),
    FAULT("longest form of a short length", 0, "\x82\xff\0\0\0\0\0\0\0\x05\0\0\0\0xxxxx"),
    FAULT("length with its top bit", 0, "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),
    FAULT("long form of 125 bytes", 0, "\x82\xfe\x00\x7d\0\0\0\0"),
    FAULT("longest form of 65535 bytes", 0, "\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0"),
    FAULT("length of 2^62", 1009, "\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0x"),
    FAULT("one byte more than may be", 1009, "\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0x"),
    FAULT("one byte more in two fragments", 1009,
	"\x02\x81\0\0\0\0x\x80\xff\0\0\0\0\0\x10\0\0\0\0\0\0x"),
    FAULT("text too large", 1009, "\x81\xfe\x10\x01\0\0\0\0x"),
    FAULT("text too large in two fragments", 1009, "\x01\x81\0\0\0\0x\x80\xfe\x10\x00\0\0\0\0x"),
    FAULT("text that is not UTF-8", 1007, "\x81\x82\0\0\0\0\xc3("),
    FAULT("text with a surrogate", 1007, "\x81\x83\0\0\0\0\xed\xa0\x80"),
    FAULT("text that ends within a character", 1007, "\x81\x81\0\0\0\0\xc3"),
    FAULT("half a close code", 1002, "\x88\x81\0\0\0\0\x03"),
#undef FAULT
};

/* The connection ends with this code; 0: with a close frame that names none, since wslay has lost
 * track of the frames. No message gets through. */
static void check_fault(
    const char *name, unsigned expected, const void *bytes, size_t length, size_t step)
{
	unsigned code;

	world_create_anew();
	for (size_t at = 0; at < length; at += step)
		ws_client_send(&world.client, (const uint8_t *)bytes + at,
		    length - at < step ? length - at : step);
	code = ws_client_await_close(&world.client);
	if (code != expected)
		fail_msg("%s: close code %u", name, code);
	ws_client_await_end(&world.client);
	world_await_lost(name);
	assert_int_equal(world.code, expected != 0 ? expected : 1002);
	assert_int_equal(world.messages, 0);
	/* Our end stays open for a moment, so that the goodbye is not lost. */
	ws_client_finish(&world.client);
	world_await_closed(name);
	assert_int_equal(world.lost, 1);
}

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		check_fault(faults[i].name, faults[i].code, faults[i].bytes, faults[i].length,
		    faults[i].length);
		check_fault(faults[i].name, faults[i].code, faults[i].bytes, faults[i].length, 1);
	}
}

/* Every first byte of a frame: those that mean nothing, as first frame and between fragments. */
static void test_first_bytes(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		unsigned opcode = first & 15;
		uint8_t frames[] = {0x02, 0x80, 0, 0, 0, 0, (uint8_t)first, 0x80, 0, 0, 0, 0};
		/* A control frame in parts is no frame to wslay. */
		unsigned code = (first & 0x88) == 0x08 ? 0 : 1002;
		char name[32];

		if ((first & 0x70) == 0 && (opcode <= 2 || (opcode >= 8 && opcode <= 10)))
			continue;
		snprintf(name, sizeof(name), "first byte %#x", first);
		check_fault(name, code, frames + 6, 6, 6);
		check_fault(name, code, frames, sizeof(frames), sizeof(frames));
	}
}

/* What was whole before a fault has been delivered. */
static void test_fault_after_message(void **state)
{
	(void)state;
	ws_client_send_frame(&world.client, 0x80 | OP_TEXT, "whole", 5);
	ws_client_send_frame(&world.client, 0x80 | OP_CONTINUATION, "no more", 7);
	assert_int_equal(ws_client_await_close(&world.client), 1002);
	assert_int_equal(world.messages, 1);
	world_assert_message(true, "whole", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_byte_by_byte),
	    WORLD_TEST(test_fragments),
	    WORLD_TEST(test_ping_is_answered),
	    WORLD_TEST(test_masks),
	    WORLD_TEST(test_empty_fragments),
	    WORLD_TEST(test_limits),
	    WORLD_TEST(test_control_frames),
	    WORLD_TEST(test_good_text),
	    WORLD_TEST(test_bad_text),
	    WORLD_TEST(test_bad_text_is_found_early),
	    WORLD_TEST(test_close_codes),
	    WORLD_TEST(test_close_reasons),
	    WORLD_TEST(test_faults),
	    WORLD_TEST(test_first_bytes),
	    WORLD_TEST(test_fault_after_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
