/* links: proto */
/* SPDX-License-Identifier: ISC */
/*
 * The message table, its encoder and its decoder: round trips at every bound, and refusal of
 * every way in which a frame can be wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/messages.h"

static uint8_t frame[PROTO_FRAME_BYTES];
static struct message message, decoded;

/* Any pair of roles that the table allows for this frame. */
static enum message_result decode_as_anyone(size_t length, size_t *ret_length)
{
	enum message_result result = MESSAGE_DENIED;

	for (enum role sender = 0; sender < ROLE_COUNT && result == MESSAGE_DENIED; sender++)
		for (enum role receiver = 0; receiver < ROLE_COUNT && result == MESSAGE_DENIED;
		     receiver++)
			result =
			    message_decode(frame, length, sender, receiver, &decoded, ret_length);
	return result;
}

static void every_message_survives_at_both_bounds(void **state)
{
	static uint8_t again[PROTO_FRAME_BYTES];
	size_t length, used, length_again;
	unsigned count = 0;

	(void)state;
	for (int largest = 0; largest < 2; largest++)
		for (unsigned i = 0; message_example(i, largest, &message); i++) {
			assert_true(message_encode(&message, frame, sizeof(frame), &length));
			assert_int_equal(decode_as_anyone(length, &used), MESSAGE_OK);
			assert_int_equal(used, length);
			assert_int_equal(decoded.type, message.type);
			assert_int_equal(decoded.request_id, i + 1);
			assert_true(message_encode(&decoded, again, sizeof(again), &length_again));
			assert_int_equal(length_again, length);
			assert_memory_equal(again, frame, length);
			count++;
		}
	assert_true(count > 50);
}

static void every_prefix_is_short_and_every_surplus_stays(void **state)
{
	size_t length, used;

	(void)state;
	for (unsigned i = 0; message_example(i, false, &message); i++) {
		assert_true(message_encode(&message, frame, sizeof(frame), &length));
		for (size_t part = 0; part < length; part++)
			assert_int_equal(decode_as_anyone(part, &used), MESSAGE_SHORT);
		assert_int_equal(decode_as_anyone(length + 1, &used), MESSAGE_OK);
		assert_int_equal(used, length);
	}
}

static size_t encode_suspend(void)
{
	size_t length;

	message_init(&message, MESSAGE_SUSPEND, 9);
	strcpy(message.suspend.login, "0123456789abcdef");
	memset(message.suspend.cookie, 'c', 43);
	strcpy(message.suspend.session, "alice-50-1795219328_stKICEWM_dp24");
	assert_true(message_encode(&message, frame, sizeof(frame), &length));
	return length;
}

static enum message_result decode(size_t length)
{
	size_t used;

	return message_decode(frame, length, ROLE_FCGI, ROLE_BROKER, &decoded, &used);
}

static void frames_with_one_wrong_byte_are_refused(void **state)
{
	static const struct {
		size_t offset;
		uint8_t value;
		enum message_result expected;
	} rows[] = {
	    {0, 'Y', MESSAGE_MALFORMED}, /* magic */
	    {5, PROTO_VERSION + 1, MESSAGE_VERSION},
	    {6, 0x7f, MESSAGE_MALFORMED},  /* no such type */
	    {6, 0x08, MESSAGE_MALFORMED},  /* 0x0806: none either */
	    {9, 0x02, MESSAGE_MALFORMED},  /* payload of 128 KiB */
	    {16, 1, MESSAGE_MALFORMED},	   /* another kind */
	    {20, 15, MESSAGE_MALFORMED},   /* login too short, rest shifted */
	    {17, 0xff, MESSAGE_MALFORMED}, /* field longer than the frame */
	    {21, 0, MESSAGE_MALFORMED},	   /* NUL in text */
	    {21, '\n', MESSAGE_MALFORMED}, /* control character */
	    {21, 0xff, MESSAGE_MALFORMED}, /* not UTF-8 */
	    {42, 0, MESSAGE_MALFORMED},	   /* NUL in a secret */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = encode_suspend();

		assert_int_equal(decode(length), MESSAGE_OK);
		frame[rows[i].offset] = rows[i].value;
		if (decode(length) != rows[i].expected)
			fail_msg("byte %zu = %d is taken", rows[i].offset, rows[i].value);
	}
}

static void a_payload_with_leftovers_is_refused(void **state)
{
	size_t length = encode_suspend();

	(void)state;
	frame[11]++;
	frame[length] = 0;
	assert_int_equal(decode(length + 1), MESSAGE_MALFORMED);
}

static void nonsense_is_refused_at_its_first_byte(void **state)
{
	(void)state;
	memcpy(frame, "GET / HTTP/1.1", 14);
	for (size_t length = 1; length <= 14; length++)
		assert_int_equal(decode(length), MESSAGE_MALFORMED);
}

static void nobody_may_say_what_is_not_theirs(void **state)
{
	size_t length = encode_suspend(), used;

	(void)state;
	for (enum role sender = 0; sender < ROLE_COUNT; sender++)
		for (enum role receiver = 0; receiver < ROLE_COUNT; receiver++) {
			enum message_result expected =
			    sender == ROLE_FCGI && receiver == ROLE_BROKER ? MESSAGE_OK
									   : MESSAGE_DENIED;
			assert_int_equal(
			    message_decode(frame, length, sender, receiver, &decoded, &used),
			    expected);
		}
}

static void values_out_of_bounds_are_neither_sent_nor_taken(void **state)
{
	size_t length;

	(void)state;
	message_init(&message, MESSAGE_START, 1);
	strcpy(message.start.login, "0123456789abcdef");
	memset(message.start.cookie, 'c', 43);
	strcpy(message.start.command, "ICEWM");
	message.start.width = 1024;
	message.start.height = SCREEN_MIN;
	assert_true(message_encode(&message, frame, sizeof(frame), &length));
	for (size_t i = 0; i + 2 <= length; i++)
		if (frame[i] == 0x04 && frame[i + 1] == 0x00) /* 1024 */
			frame[i] = 0x40;		      /* 16384 */
	assert_int_equal(decode(length), MESSAGE_MALFORMED);
	message.start.height = SCREEN_MIN - 1;
	assert_false(message_encode(&message, frame, sizeof(frame), &length));
	message.start.height = SCREEN_MIN;
	strcpy(message.start.command, "");
	assert_false(message_encode(&message, frame, sizeof(frame), &length));
	strcpy(message.start.command, "a\tb");
	assert_false(message_encode(&message, frame, sizeof(frame), &length));
}

static void a_buffer_too_small_is_not_overrun(void **state)
{
	size_t length = encode_suspend(), unused;

	(void)state;
	for (size_t size = 0; size < length; size++) {
		uint8_t *small = malloc(size != 0 ? size : 1);

		assert_false(message_encode(&message, small, size, &unused));
		free(small);
	}
}

static void secrets_are_not_printed_and_are_wiped(void **state)
{
	char text[400];

	(void)state;
	message_init(&message, MESSAGE_LOGIN, 3);
	strcpy(message.login.server, "demo");
	strcpy(message.login.user, "alice");
	strcpy(message.login.password, "canary-7b1f");
	assert_non_null(strstr(message_print(&message, text, sizeof(text)), "user=\"alice\""));
	assert_non_null(strstr(text, "password=***"));
	assert_null(strstr(text, "canary"));
	assert_non_null(memmem(&message, sizeof(message), "canary", 6));
	message_wipe(&message);
	assert_null(memmem(&message, sizeof(message), "canary", 6));
}

static void foreign_text_is_made_clean(void **state)
{
	static const struct {
		const char *in, *out;
		size_t size;
	} rows[] = {
	    {"plain", "plain", 32},
	    {"a\nb\x1b[0m", "a?b?[0m", 32},
	    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 32},
	    {"\xff\xfe", "??", 32},
	    {"\xc3", "?", 32},
	    {"\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!", 32},
	    {"\xed\xa0\x80", "???", 32},
	    {"abcdef", "abc", 4},
	    {"ab\xc3\xbc", "ab", 4},
	    {"\xc2\x9b", "??", 32},
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		message_set_text(text, rows[i].size, rows[i].in, strlen(rows[i].in));
		assert_string_equal(text, rows[i].out);
	}
}

static void foreign_lines_are_made_clean(void **state)
{
	static const struct {
		const char *in, *out;
		size_t size;
	} rows[] = {
	    {"one\ntwo\r\nthree\rfour", "one\ntwo\nthree\nfour", 64},
	    {"\x1b[31mred\x07", "[31mred", 64},
	    {"a\xe2\x80\xae"
	     "b\xe2\x81\xa6"
	     "c\xd8\x9c"
	     "d\xe2\x80\x8f"
	     "e",
		"abcde", 64},
	    {"a\xe2\x80\xa8"
	     "b",
		"ab", 64},
	    {"gr\xc3\xbc\xff\xc3", "gr\xc3\xbc", 64},
	    {"\xd7\xa9\xd7\x9c", "\xd7\xa9\xd7\x9c", 64},
	    {"ab\xc3\xbc", "ab", 4},
	    {"\n\n\n\n", "\n\n\n", 4},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		message_set_lines(text, rows[i].size, rows[i].in, strlen(rows[i].in));
		assert_string_equal(text, rows[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_message_survives_at_both_bounds),
	    cmocka_unit_test(every_prefix_is_short_and_every_surplus_stays),
	    cmocka_unit_test(frames_with_one_wrong_byte_are_refused),
	    cmocka_unit_test(a_payload_with_leftovers_is_refused),
	    cmocka_unit_test(nonsense_is_refused_at_its_first_byte),
	    cmocka_unit_test(nobody_may_say_what_is_not_theirs),
	    cmocka_unit_test(values_out_of_bounds_are_neither_sent_nor_taken),
	    cmocka_unit_test(a_buffer_too_small_is_not_overrun),
	    cmocka_unit_test(secrets_are_not_printed_and_are_wiped),
	    cmocka_unit_test(foreign_text_is_made_clean),
	    cmocka_unit_test(foreign_lines_are_made_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
