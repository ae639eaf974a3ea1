/* links: proto tests/unit/ws_client.c brokerd/session/heap_rest.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/heap_rest: when memory is given back, and when it is left alone.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/event.h>
#include <malloc.h>
#include <cmocka.h>

#include "brokerd/session/heap_rest.h"
#include "ws_client.h"

#define MUCH_BYTES   (64 * 1024)
#define LITTLE_BYTES 100

static struct event_base *base;
static unsigned trims;

/* Instead of the library's. */
int malloc_trim(size_t pad)
{
	(void)pad;
	trims++;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	trims = 0;
	base = event_base_new();
	assert_true(heap_rest_init(base));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	heap_rest_finish();
	event_base_free(base);
	return 0;
}

static bool has_trimmed(void *arg)
{
	return trims >= *(const unsigned *)arg;
}

static void await_trims(unsigned count)
{
	test_run_until(base, has_trimmed, &count, "memory given back");
	assert_int_equal(trims, count);
}

/* Whatever was done at the start. */
static void what_was_taken_is_given_back(void **state)
{
	(void)state;
	await_trims(1);
	/* And then nobody is woken up. */
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	heap_rest_note(LITTLE_BYTES);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	heap_rest_note(MUCH_BYTES);
	await_trims(2);
}

static void little_comes_to_much(void **state)
{
	(void)state;
	await_trims(1);
	for (unsigned i = 0; i < MUCH_BYTES / LITTLE_BYTES; i++)
		heap_rest_note(LITTLE_BYTES);
	await_trims(2);
}

/* Pictures that come all the time would only need it again. */
static void memory_in_use_is_left_alone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		heap_rest_note(MUCH_BYTES);
		test_run_for_ms(base, 100);
	}
	assert_int_equal(trims, 0);
	await_trims(1);
}

static void a_clock_that_ticks_keeps_nothing(void **state)
{
	(void)state;
	for (int64_t end = test_now_ms() + 5000; test_now_ms() < end && trims == 0;) {
		heap_rest_note(LITTLE_BYTES);
		test_run_for_ms(base, 50);
	}
	assert_int_equal(trims, 1);
}

#define HEAP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    HEAP_TEST(what_was_taken_is_given_back),
	    HEAP_TEST(little_comes_to_much),
	    HEAP_TEST(memory_in_use_is_left_alone),
	    HEAP_TEST(a_clock_that_ticks_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
