/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/intake: whole, cut and broken requests, in one piece and byte by byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgi/intake.h"

enum { BEGIN = 1, ABORT = 2, PARAMS = 4, STDIN = 5, GET_VALUES = 9 };

static uint8_t input[2 * 1024 * 1024];
static size_t input_length;

static void put(unsigned type, unsigned id, size_t content, size_t padding)
{
	const uint8_t header[8] = {1, (uint8_t)type, (uint8_t)(id >> 8), (uint8_t)id,
	    (uint8_t)(content >> 8), (uint8_t)content, (uint8_t)padding, 0};

	assert_true(input_length + sizeof(header) + content + padding <= sizeof(input));
	memcpy(input + input_length, header, sizeof(header));
	input_length += sizeof(header);
	for (size_t i = 0; i < content; i++)
		input[input_length++] = (uint8_t)('a' + i % 26);
	memset(input + input_length, '*', padding);
	input_length += padding;
}

static void start(void)
{
	input_length = 0;
	put(BEGIN, 7, 8, 0);
}

/* Feeds the input in pieces of step bytes; stops with the first result that is not MORE. */
static enum intake_result feed(struct intake *intake, size_t step)
{
	enum intake_result result = INTAKE_MORE;

	memset(intake, 0, sizeof(*intake));
	for (size_t used = 0; used < input_length && result == INTAKE_MORE; used += step)
		result = intake_feed(
		    intake, input + used, step < input_length - used ? step : input_length - used);
	return result;
}

static void expect(enum intake_result expected)
{
	static const size_t steps[] = {1, 3, 8, 1000, sizeof(input)};
	struct intake intake;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(feed(&intake, steps[i]), expected);
		intake_finish(&intake);
		assert_null(intake.data);
	}
}

static void test_whole(void **state)
{
	struct intake intake;

	(void)state;
	start();
	put(PARAMS, 7, 300, 0);
	put(PARAMS, 7, 0, 0);
	put(STDIN, 7, 100, 0);
	put(STDIN, 7, 0, 0);
	expect(INTAKE_WHOLE);
	/* Without padding the result is what came in. */
	assert_int_equal(feed(&intake, 1), INTAKE_WHOLE);
	assert_int_equal(intake.length, input_length);
	assert_memory_equal(intake.data, input, input_length);
	intake_finish(&intake);
}

static void test_padding_goes(void **state)
{
	struct intake intake;
	size_t content = 4 * 8 + 8 + 300 + 100;

	(void)state;
	start();
	put(PARAMS, 7, 300, 255);
	put(PARAMS, 7, 0, 1);
	put(STDIN, 7, 100, 4);
	put(STDIN, 7, 0, 9);
	expect(INTAKE_WHOLE);
	assert_int_equal(feed(&intake, 5), INTAKE_WHOLE);
	assert_int_equal(intake.length, content + 8);
	assert_null(memchr(intake.data, '*', intake.length));
	intake_finish(&intake);
}

static void test_cut(void **state)
{
	size_t whole;

	(void)state;
	start();
	put(PARAMS, 7, 30, 2);
	put(PARAMS, 7, 0, 0);
	put(STDIN, 7, 30, 2);
	put(STDIN, 7, 0, 3);
	for (whole = input_length; input_length > 1;) {
		input_length--;
		expect(INTAKE_MORE);
	}
	assert_true(whole > 80);
}

/* A body past the limit is dropped but for one byte, so the request still ends as a whole. */
static void test_large_body(void **state)
{
	static const struct {
		size_t sent, kept;
	} table[] = {{INTAKE_BODY_BYTES, INTAKE_BODY_BYTES},
	    {INTAKE_BODY_BYTES + 1, INTAKE_BODY_BYTES + 1},
	    {INTAKE_BODY_BYTES + 2, INTAKE_BODY_BYTES + 1}, {60000, INTAKE_BODY_BYTES + 1}};
	struct intake intake;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		start();
		put(PARAMS, 7, 0, 0);
		put(STDIN, 7, table[i].sent, 5);
		put(STDIN, 7, 60000, 0);
		put(STDIN, 7, 0, 0);
		assert_int_equal(feed(&intake, 1000), INTAKE_WHOLE);
		assert_true(intake.length <= 16 + 8 + 8 + 8 + 8 + INTAKE_BODY_BYTES + 1);
		/* The second record's header, then the rest of it. */
		assert_int_equal(
		    intake.data[24 + 4] << 8 | intake.data[24 + 5], (int)table[i].kept);
		/* The last record is the empty one that ends the body. */
		assert_int_equal(intake.data[intake.length - 8 + 1], STDIN);
		assert_int_equal(intake.data[intake.length - 8 + 4], 0);
		assert_int_equal(intake.data[intake.length - 8 + 5], 0);
		intake_finish(&intake);
	}
}

static void test_limits(void **state)
{
	(void)state;
	/* Parameters do not fit. */
	start();
	put(PARAMS, 7, 40000, 0);
	put(PARAMS, 7, 40000, 0);
	expect(INTAKE_BROKEN);
	/* Very many small records do not either. */
	start();
	for (size_t i = 0; i < 9000; i++)
		put(PARAMS, 7, 1, 0);
	expect(INTAKE_BROKEN);
	/* Nor does a body without end. */
	start();
	put(PARAMS, 7, 0, 0);
	while (input_length <= INTAKE_TOTAL_BYTES)
		put(STDIN, 7, 60000, 0);
	expect(INTAKE_BROKEN);
}

static void test_broken(void **state)
{
	(void)state;
	input_length = 0;
	put(PARAMS, 7, 3, 0); /* before BEGIN */
	expect(INTAKE_BROKEN);

	input_length = 0;
	put(GET_VALUES, 0, 3, 0); /* management */
	expect(INTAKE_BROKEN);

	input_length = 0;
	put(BEGIN, 0, 8, 0); /* the null id */
	expect(INTAKE_BROKEN);

	input_length = 0;
	put(BEGIN, 7, 9, 0);
	expect(INTAKE_BROKEN);

	start();
	put(BEGIN, 7, 8, 0);
	expect(INTAKE_BROKEN);

	start();
	put(PARAMS, 8, 3, 0); /* another request */
	expect(INTAKE_BROKEN);

	start();
	put(STDIN, 7, 3, 0); /* parameters not ended */
	expect(INTAKE_BROKEN);

	start();
	put(PARAMS, 7, 0, 0);
	put(ABORT, 7, 0, 0);
	expect(INTAKE_BROKEN);

	start();
	put(PARAMS, 7, 0, 0);
	put(PARAMS, 7, 0, 0);
	expect(INTAKE_BROKEN);

	start();
	input[0] = 2; /* version */
	expect(INTAKE_BROKEN);
}

/* What follows a whole request in the same read breaks it; later bytes are the reader's matter. */
static void test_more_than_one(void **state)
{
	struct intake intake;

	(void)state;
	start();
	put(PARAMS, 7, 0, 0);
	put(STDIN, 7, 0, 2);
	put(BEGIN, 7, 8, 0);
	assert_int_equal(feed(&intake, sizeof(input)), INTAKE_BROKEN);
	intake_finish(&intake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_padding_goes),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_large_body),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_more_than_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
