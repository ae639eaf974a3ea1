/* links: brokerd/session/damage.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/damage: nothing that is noted is forgotten, nothing else is asked for, and what
 * was asked for longest ago comes first.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/damage.h"

#define WIDTH  1000
#define HEIGHT 300

static struct damage damage;
static bool stale[HEIGHT][WIDTH];
static uint32_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % limit;
}

static int set_up(void **state)
{
	(void)state;
	damage_init(&damage);
	memset(stale, 0, sizeof(stale));
	return damage_set_screen(&damage, WIDTH, HEIGHT) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	damage_finish(&damage);
	return 0;
}

static void add(int64_t x, int64_t y, int64_t width, int64_t height)
{
	damage_add(&damage, &(struct damage_rect){x, y, width, height});
	for (int64_t row = y; row < y + height; row++)
		for (int64_t column = x; column < x + width; column++)
			if (row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH)
				stale[row][column] = true;
}

static struct damage_rect take(uint64_t bytes)
{
	struct damage_rect rect;

	assert_true(damage_take(&damage, bytes, &rect));
	assert_true(rect.x >= 0 && rect.y >= 0 && rect.width > 0 && rect.height > 0);
	assert_true(rect.x + rect.width <= WIDTH && rect.y + rect.height <= HEIGHT);
	for (int64_t row = rect.y; row < rect.y + rect.height; row++)
		memset(&stale[row][rect.x], 0, (size_t)rect.width);
	return rect;
}

static void test_nothing_is_forgotten(void **state)
{
	struct damage_rect rect;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = random_below(4); k > 0; k--)
			add((int64_t)random_below(1200) - 100, (int64_t)random_below(500) - 100,
			    random_below(300), random_below(200));
		for (unsigned k = random_below(4); k > 0 && damage.stale != 0; k--)
			take(random_below(100000));
	}
	while (damage.stale != 0)
		take(random_below(100000));
	assert_false(damage_take(&damage, 1000, &rect));
	for (unsigned row = 0; row < HEIGHT; row++)
		for (unsigned column = 0; column < WIDTH; column++)
			assert_false(stale[row][column]);
}

/* The screen changes all the time, but for one place; what happens there is not kept waiting. */
static void test_the_stillest_comes_first(void **state)
{
	struct damage_rect rect;

	(void)state;
	add(0, 0, WIDTH, 64);
	for (unsigned i = 0; i < 10; i++) {
		rect = take(20000);
		assert_int_equal(rect.y, 0);
		add(0, 0, WIDTH, 64);
	}
	add(500, 200, 5, 5);
	rect = take(20000);
	assert_int_equal(rect.y, 192);
	assert_int_equal(rect.x, 448);
	assert_int_equal(rect.width, DAMAGE_TILE_PIXELS);
	/* Everything comes in turn. */
	for (unsigned i = 0, seen = 0; seen < 10; i++) {
		assert_true(i < 20);
		rect = take(20000);
		seen += rect.x == 0;
		add(0, 0, WIDTH, 64);
	}
}

static void test_how_much(void **state)
{
	struct damage_rect rect;

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		damage_learn(&damage, 4096, 4096);
	add(0, 0, WIDTH, HEIGHT);
	rect = take(6 * 4096 + 500);
	assert_in_range(rect.width * rect.height, 5 * 4096, 6 * 4096);
	rect = take(1);
	assert_int_equal(rect.width * rect.height, 4096);
	for (unsigned i = 0; i < 50; i++)
		damage_learn(&damage, 0, 4096);
	add(0, 0, WIDTH, HEIGHT);
	rect = take(1000000);
	assert_int_equal(rect.height, HEIGHT);
}

static void test_all_at_once(void **state)
{
	struct damage_rect rect;

	(void)state;
	assert_false(damage_take_all(&damage, 1000000, &rect));
	for (unsigned i = 0; i < 50; i++)
		damage_learn(&damage, 4096, 4096);
	add(70, 70, 1, 1);
	add(200, 130, 1, 1);
	/* Six tiles are between them. */
	assert_false(damage_take_all(&damage, 6 * 4096 - 500, &rect));
	assert_int_equal(damage.stale, 2);
	assert_true(damage_take_all(&damage, 6 * 4096 + 500, &rect));
	assert_int_equal(rect.x, 64);
	assert_int_equal(rect.y, 64);
	assert_int_equal(rect.width, 192);
	assert_int_equal(rect.height, 128);
	assert_int_equal(damage.stale, 0);
	add(WIDTH - 1, HEIGHT - 1, 1, 1);
	assert_true(damage_take_all(&damage, 10000, &rect));
	assert_int_equal(rect.x + rect.width, WIDTH);
	assert_int_equal(rect.y + rect.height, HEIGHT);
	assert_false(damage_take_all(&damage, 10000, &rect));
}

static void test_screens(void **state)
{
	struct damage_rect rect;

	(void)state;
	add(0, 0, 10, 10);
	assert_true(damage_set_screen(&damage, WIDTH, HEIGHT));
	assert_int_equal(damage.stale, 0);
	damage_add(&damage, &(struct damage_rect){INT32_MIN, INT32_MIN, UINT32_MAX, UINT32_MAX});
	assert_int_equal(damage.stale, 16 * 5);
	assert_true(damage_set_screen(&damage, 65, 1));
	assert_int_equal(damage.stale, 0);
	damage_add(&damage, &(struct damage_rect){64, 0, 1, 1});
	assert_true(damage_take(&damage, 1, &rect));
	assert_int_equal(rect.x, 64);
	assert_int_equal(rect.width, 1);
	assert_int_equal(rect.height, 1);
	/* Of no size, or of one that makes no sense: nothing can be noted. */
	assert_true(damage_set_screen(&damage, 21965, 9833));
	assert_int_equal(damage.width, 0);
	damage_add(&damage, &(struct damage_rect){0, 0, 100, 100});
	assert_false(damage_take(&damage, 1000, &rect));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_nothing_is_forgotten, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_the_stillest_comes_first, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_how_much, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_all_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_screens, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
