/* links: proto tests/unit/ws_client.c brokerd/session/relay_pace.c */
/* links: brokerd/session/kdrive_events.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/relay_pace: what reaches the agent together, what keeps its distance, and how
 * often its size may change.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/event.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/relay_pace.h"
#include "ws_client.h"

static struct event_base *base;
static struct relay_pace *pace;

static struct {
	uint8_t bytes[41];
	size_t length;
	int64_t at_ms;
} writes[64];
static size_t write_count;
static bool refuses;
static unsigned failures;

static bool on_send(void *arg, const uint8_t *units, size_t length)
{
	assert_ptr_equal(arg, &writes);
	if (refuses)
		return false;
	assert_true(write_count < sizeof(writes) / sizeof(writes[0]));
	memcpy(writes[write_count].bytes, units, 41);
	writes[write_count].length = length;
	writes[write_count++].at_ms = test_now_ms();
	return true;
}

static void on_failed(void *arg)
{
	(void)arg;
	failures++;
}

static int set_up(void **state)
{
	(void)state;
	write_count = 0;
	refuses = false;
	failures = 0;
	base = event_base_new();
	pace = relay_pace_create(base, on_send, on_failed, &writes);
	assert_non_null(pace);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	relay_pace_destroy(pace);
	event_base_free(base);
	return 0;
}

static void put(uint8_t *unit, uint8_t type, uint8_t mask, uint8_t mark)
{
	memset(unit, 0, 41);
	unit[0] = type;
	unit[4] = mask;
	unit[40] = mark;
}

static void push(uint8_t type, uint8_t mask, uint8_t mark)
{
	uint8_t unit[41];

	put(unit, type, mask, mark);
	assert_true(relay_pace_push(pace, unit, sizeof(unit)));
}

static bool has_written(void *arg)
{
	return write_count >= *(const size_t *)arg;
}

static void await_writes(size_t count)
{
	test_run_until(base, has_written, &count, "writes");
	assert_int_equal(write_count, count);
}

static void equal_masks_are_never_delayed(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 20; i++) {
		push(6, 99, i); /* motion has coordinates there */
		push(2, 1, i);
	}
	for (uint8_t i = 0; i < 10; i++)
		push(i % 2 == 0 ? 4 : 5, 1, i);
	assert_int_equal(write_count, 50);
	assert_int_equal(relay_pace_waiting(pace), 0);
}

static void other_masks_keep_their_distance(void **state)
{
	(void)state;
	push(2, 0, 0);
	push(2, 1, 1);
	push(6, 0, 2);
	push(2, 1, 3);
	push(5, 0, 4);
	assert_int_equal(write_count, 1);
	assert_int_equal(relay_pace_waiting(pace), 4 * 41);
	await_writes(4);
	await_writes(5);
	for (uint8_t i = 0; i < 5; i++)
		assert_int_equal(writes[i].bytes[40], i);
	assert_true(writes[1].at_ms - writes[0].at_ms >= RELAY_PACE_GAP_MS - 1);
	assert_true(writes[3].at_ms - writes[1].at_ms <= RELAY_PACE_GAP_MS);
	assert_true(writes[4].at_ms - writes[3].at_ms >= RELAY_PACE_GAP_MS - 1);
	/* After a pause, at once. */
	test_run_for_ms(base, 2 * RELAY_PACE_GAP_MS);
	push(2, 4, 5);
	assert_int_equal(write_count, 6);
}

/* A press, the way to somewhere else, the release there: as kept while the network was away. */
static void motion_keeps_off_the_button_before_it(void **state)
{
	(void)state;
	push(4, 0, 0);
	push(6, 7, 1);
	push(6, 8, 2);
	push(5, 0, 3);
	push(6, 9, 4);
	assert_int_equal(write_count, 1);
	await_writes(4);
	await_writes(5);
	for (uint8_t i = 0; i < 5; i++)
		assert_int_equal(writes[i].bytes[40], i);
	assert_true(writes[1].at_ms - writes[0].at_ms >= RELAY_PACE_GAP_MS - 1);
	assert_true(writes[4].at_ms - writes[3].at_ms >= RELAY_PACE_GAP_MS - 1);
	/* After a pause, at once. */
	test_run_for_ms(base, 2 * RELAY_PACE_GAP_MS);
	push(6, 10, 5);
	assert_int_equal(write_count, 6);
	/* Not of a button of another stream. */
	push(4, 0, 6);
	relay_pace_reset(pace);
	push(6, 11, 7);
	assert_int_equal(write_count, 8);
}

static void a_message_stays_together(void **state)
{
	uint8_t units[3 * 41];

	(void)state;
	put(units, 2, 1, 0);
	put(units + 41, 6, 0, 0);
	put(units + 82, 3, 0, 0);
	assert_true(relay_pace_push(pace, units, sizeof(units)));
	assert_int_equal(write_count, 1);
	assert_int_equal(writes[0].length, sizeof(units));
	/* What follows is judged by its last mask. */
	push(2, 0, 1);
	assert_int_equal(write_count, 2);
}

static void put_size(uint8_t *unit, uint8_t width)
{
	put(unit, 7, width, 0);
	unit[5] = 4;
}

static void resize(uint8_t width, bool with_rebuild)
{
	uint8_t units[82];

	put(units, 13, 0, 0);
	put_size(units + 41, width);
	assert_true(with_rebuild ? relay_pace_push(pace, units, 82)
				 : relay_pace_push(pace, units + 41, 41));
}

static void sizes_come_seldom_and_safely(void **state)
{
	int64_t begin = test_now_ms();

	(void)state;
	resize(10, false);
	assert_int_equal(write_count, 1);
	assert_int_equal(writes[0].length, 82);
	assert_int_equal(writes[0].bytes[0], 13);
	/* Dragging a window's corner. */
	for (uint8_t i = 0; i < 10; i++) {
		resize((uint8_t)(20 + i), i % 2 == 0);
		push(2, 0, i);
		test_run_for_ms(base, 60);
	}
	assert_int_equal(write_count, 11);
	await_writes(12);
	assert_int_equal(writes[11].length, 82);
	assert_true(writes[11].at_ms - begin >= 540 + RELAY_PACE_RESIZE_MS - 10);
	/* One that comes after a pause is not held back. */
	test_run_for_ms(base, RELAY_PACE_RESIZE_MS + 20);
	resize(40, true);
	assert_int_equal(write_count, 13);
	/* Asking for new caches alone is no change of size. */
	push(13, 0, 0);
	assert_int_equal(write_count, 14);
	assert_int_equal(writes[13].length, 41);
}

/* The agent draws in a size that it has just been given, whenever that was asked for. */
static void a_size_that_has_just_been_sent_is_kept(void **state)
{
	(void)state;
	resize(10, false);
	resize(11, false);
	await_writes(2);
	test_run_for_ms(base, 20);
	resize(12, false);
	assert_int_equal(write_count, 2);
	await_writes(3);
	assert_true(writes[2].at_ms - writes[1].at_ms >= RELAY_PACE_RESIZE_MS - 10);
	assert_int_equal(writes[2].bytes[0], 13);
}

static void nothing_is_left_of_a_stream(void **state)
{
	(void)state;
	push(2, 0, 0);
	push(2, 1, 1);
	resize(10, true);
	resize(11, true);
	relay_pace_reset(pace);
	assert_int_equal(relay_pace_waiting(pace), 0);
	test_run_for_ms(base, RELAY_PACE_RESIZE_MS + 100);
	assert_int_equal(write_count, 1);
	push(2, 4, 2);
	assert_int_equal(write_count, 2);
}

static void a_failure_is_told(void **state)
{
	uint8_t unit[41];

	(void)state;
	push(2, 0, 0);
	push(2, 1, 1);
	refuses = true;
	test_run_for_ms(base, 5 * RELAY_PACE_GAP_MS);
	assert_int_equal(failures, 1);
	put(unit, 2, 1, 0);
	assert_false(relay_pace_push(pace, unit, 41));
}

#define PACE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PACE_TEST(equal_masks_are_never_delayed),
	    PACE_TEST(other_masks_keep_their_distance),
	    PACE_TEST(motion_keeps_off_the_button_before_it),
	    PACE_TEST(a_message_stays_together),
	    PACE_TEST(sizes_come_seldom_and_safely),
	    PACE_TEST(a_size_that_has_just_been_sent_is_kept),
	    PACE_TEST(nothing_is_left_of_a_stream),
	    PACE_TEST(a_failure_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
