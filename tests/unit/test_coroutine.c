/* links: proto brokerd/session/coroutine.c */
/* SPDX-License-Identifier: ISC */
/* brokerd/session/coroutine: order of things, several at a time, large and overflowing stacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "brokerd/session/coroutine.h"

struct counter {
	struct coroutine *coroutine;
	unsigned value, last;
};

static void count(void *arg)
{
	struct counter *counter = arg;

	while (counter->value < counter->last) {
		counter->value++;
		coroutine_yield(counter->coroutine);
	}
}

static void test_stops_and_goes_on(void **state)
{
	struct counter counter = {.last = 3};

	(void)state;
	counter.coroutine = coroutine_create(count, &counter);
	assert_non_null(counter.coroutine);
	assert_int_equal(counter.value, 0);
	for (unsigned i = 1; i <= 3; i++) {
		assert_false(coroutine_resume(counter.coroutine));
		assert_int_equal(counter.value, i);
	}
	assert_true(coroutine_resume(counter.coroutine));
	coroutine_destroy(counter.coroutine);
}

static void test_several_at_a_time(void **state)
{
	struct counter counters[20] = {0};

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		counters[i].last = i;
		counters[i].coroutine = coroutine_create(count, &counters[i]);
	}
	for (unsigned round = 0; round < 20; round++)
		for (unsigned i = round; i < 20; i++)
			assert_int_equal(coroutine_resume(counters[i].coroutine), i == round);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(counters[i].value, i);
		coroutine_destroy(counters[i].coroutine);
	}
}

static void test_never_entered(void **state)
{
	struct counter counter = {0};

	(void)state;
	coroutine_destroy(coroutine_create(count, &counter));
	coroutine_destroy(NULL);
}

/* Needs some 1 KiB a level. */
__attribute__((noinline)) static unsigned descend(struct counter *counter, unsigned depth)
{
	volatile char room[1024];

	memset((char *)(uintptr_t)room, (int)depth, sizeof(room));
	if (depth != 0)
		return descend(counter, depth - 1) + (unsigned)room[depth % sizeof(room)] % 2 / 2 +
		       1;
	coroutine_yield(counter->coroutine);
	return 0;
}

static void go_deep(void *arg)
{
	struct counter *counter = arg;

	counter->value = descend(counter, counter->last);
}

static void test_deep_stack(void **state)
{
	struct counter counter = {.last = 200};

	(void)state;
	counter.coroutine = coroutine_create(go_deep, &counter);
	assert_false(coroutine_resume(counter.coroutine));
	assert_true(coroutine_resume(counter.coroutine));
	assert_int_equal(counter.value, 200);
	coroutine_destroy(counter.coroutine);
}

/* A stack that is used up ends the process, and nobody else's memory. */
static void test_overflow(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct counter counter = {.last = 5000};

		close(STDERR_FILENO);
		signal(SIGSEGV, SIG_DFL);
		counter.coroutine = coroutine_create(go_deep, &counter);
		coroutine_resume(counter.coroutine);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

/* --- mistakes of ours ---------------------------------------------------------------------- */

static int run_in_child(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		close(STDERR_FILENO);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void destroy_in_the_middle(void)
{
	struct counter counter = {.last = 1};

	counter.coroutine = coroutine_create(count, &counter);
	coroutine_resume(counter.coroutine);
	coroutine_destroy(counter.coroutine);
}

static void resume_after_the_end(void)
{
	struct counter counter = {0};

	counter.coroutine = coroutine_create(count, &counter);
	coroutine_resume(counter.coroutine);
	coroutine_resume(counter.coroutine);
}

static void test_misuse_is_fatal(void **state)
{
	(void)state;
	assert_int_not_equal(run_in_child(destroy_in_the_middle), 0);
	assert_int_not_equal(run_in_child(resume_after_the_end), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stops_and_goes_on),
	    cmocka_unit_test(test_several_at_a_time),
	    cmocka_unit_test(test_never_entered),
	    cmocka_unit_test(test_deep_stack),
	    cmocka_unit_test(test_overflow),
	    cmocka_unit_test(test_misuse_is_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
