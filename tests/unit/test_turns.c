/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * Turns: how many of a server begin at a time, and that the line never stands still.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/event.h>
#include <cmocka.h>

#include "brokerd/turns.h"

#define COUNT 6

static struct event_base *base;
static struct turns turns;
static struct turn turn[COUNT];
static int begun[COUNT + 1], begun_count;
static bool end_at_once;

static void begin(void *arg)
{
	struct turn *mine = arg;

	begun[begun_count++] = (int)(mine - turn);
	if (end_at_once)
		turn_end(mine);
}

static void run(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static int set_up(void **state)
{
	(void)state;
	begun_count = 0;
	end_at_once = false;
	for (int i = 0; i < COUNT; i++)
		turn[i] = (struct turn){0};
	base = event_base_new();
	return base == NULL || !turns_init(&turns, base);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT; i++)
		turn_end(&turn[i]);
	turns_finish(&turns);
	event_base_free(base);
	return 0;
}

static void no_more_than_the_limit_begin_and_in_order(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT; i++)
		turn_wait(&turns, &turn[i], "demo", 2, begin, &turn[i]);
	assert_int_equal(begun_count, 0); /* never from within turn_wait */
	run();
	assert_int_equal(begun_count, 2);
	assert_false(turn_is_waiting(&turn[1]));
	assert_true(turn_is_waiting(&turn[2]));
	turn_end(&turn[0]);
	run();
	assert_int_equal(begun_count, 3);
	turn_end(&turn[1]);
	turn_end(&turn[2]);
	run();
	assert_int_equal(begun_count, 5);
	for (int i = 0; i < begun_count; i++)
		assert_int_equal(begun[i], i);
}

static void servers_do_not_wait_for_each_other(void **state)
{
	(void)state;
	turn_wait(&turns, &turn[0], "slow", 1, begin, &turn[0]);
	turn_wait(&turns, &turn[1], "slow", 1, begin, &turn[1]);
	turn_wait(&turns, &turn[2], "quick", 1, begin, &turn[2]);
	run();
	assert_int_equal(begun_count, 2);
	assert_int_equal(begun[1], 2);
}

static void who_leaves_the_line_is_not_begun(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		turn_wait(&turns, &turn[i], "demo", 1, begin, &turn[i]);
	run();
	turn_end(&turn[1]);
	turn_end(&turn[1]); /* once more does no harm */
	turn_end(&turn[0]);
	run();
	assert_int_equal(begun_count, 2);
	assert_int_equal(begun[1], 2);
}

static void turns_that_end_at_once_let_all_others_begin(void **state)
{
	(void)state;
	end_at_once = true;
	for (int i = 0; i < COUNT; i++)
		turn_wait(&turns, &turn[i], "demo", 1, begin, &turn[i]);
	run();
	assert_int_equal(begun_count, COUNT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(no_more_than_the_limit_begin_and_in_order),
	    TEST(servers_do_not_wait_for_each_other),
	    TEST(who_leaves_the_line_is_not_begun),
	    TEST(turns_that_end_at_once_let_all_others_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
