/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * What libevent's buffers have held of a desktop's cookie is gone before their memory is.
 */
#include <malloc.h>

#include "session_world.h"

static unsigned blocks_with_cookie;

static void *allocate(size_t size)
{
	return calloc(1, size);
}

static void release(void *memory)
{
	if (memory == NULL)
		return;
	blocks_with_cookie +=
	    memmem(memory, malloc_usable_size(memory), COOKIE, strlen(COOKIE)) != NULL;
	free(memory);
}

static void *reallocate(void *old, size_t size)
{
	size_t old_size = old != NULL ? malloc_usable_size(old) : 0;
	void *fresh = allocate(size);

	if (fresh != NULL && old != NULL) {
		memcpy(fresh, old, size < old_size ? size : old_size);
		release(old);
	}
	return fresh;
}

/* --- tests -------------------------------------------------------------------------------- */

static bool is_greeted(void)
{
	return agent.length >= KDRIVE_OPENING_BYTES;
}

static void test_cookie_that_was_sent(void **state)
{
	(void)state;
	start_desktop();
	run_until_true(is_greeted);
	assert_memory_equal(agent.received, COOKIE, strlen(COOKIE));
	assert_int_equal(blocks_with_cookie, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_cookie_that_was_sent),
	};

	event_set_mem_functions(allocate, reallocate, release);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
