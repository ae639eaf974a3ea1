/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * A login that is short of memory ends; it does not wait for what nobody does.
 */
#include <stdlib.h>
#include <unistd.h>

#include "session_world.h"

/* In which state of the session no event can be had. */
static enum session_state poor_state = SESSION_STATE_COUNT;

static void *allocate(size_t size)
{
	if (session.state == poor_state && size == event_get_struct_event_size())
		return NULL;
	return malloc(size);
}

/* As run_until, which needs an event itself. */
static void run_poorly_until(const bool *done)
{
	alarm(20);
	while (!*done)
		assert_int_not_equal(event_base_loop(base, EVLOOP_ONCE), -1);
	alarm(0);
	poor_state = SESSION_STATE_COUNT;
}

static void test_probe_that_cannot_begin(void **state)
{
	(void)state;
	poor_state = SESSION_STATE_PROBING;
	expect_end(ERROR_INTERNAL);
	poor_state = SESSION_STATE_COUNT;
}

static void test_agent_ends_and_nobody_can_ask(void **state)
{
	(void)state;
	start_desktop();
	poor_state = SESSION_STATE_READY;
	leave_agent();
	run_poorly_until(&told.stream_ended);
	assert_int_equal(told.stream_state.stream_state.reason, ERROR_ENDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_probe_that_cannot_begin),
	    TEST(test_agent_ends_and_nobody_can_ask),
	};

	event_set_mem_functions(allocate, realloc, free);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
