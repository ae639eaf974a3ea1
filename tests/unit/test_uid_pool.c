/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/uid_pool with real processes: needs root, since it becomes other users.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/spawn.h"
#include "brokerd/uid_pool.h"
#include "proto/log.h"

/* Of this process alone, if several tests run at a time. */
#define FIRST (75000 + (uid_t)getpid() % 1000 * 2)
#define LAST  (FIRST + 1)

static struct event_base *base;
static struct spawner *spawner;
static struct uid_pool *pool;

static void on_log(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

static void on_swept(void *arg)
{
	(void)arg;
	event_base_loopbreak(base);
}

static bool is_alive(uid_t uid)
{
	errno = 0;
	return !(getpriority(PRIO_USER, uid) == -1 && errno == ESRCH);
}

/* A process of uid that ignores what can be ignored, with a child of its own that nobody here is
 * the parent of; both are there when this returns. */
static pid_t haunt(uid_t uid)
{
	struct pollfd test_ends = {.fd = pidfd_open(getpid(), 0), .events = POLLIN};
	int ready[2];
	char bytes[2];
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0)
			_exit(1);
		if (fork() == 0)
			setsid();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		close(ready[1]);
		/* A test that crashes leaves nothing behind. */
		poll(&test_ends, 1, -1);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], bytes, 1), 1);
	assert_int_equal(read(ready[0], bytes + 1, 1), 1);
	close(ready[0]);
	close(test_ends.fd);
	assert_true(is_alive(uid));
	return pid;
}

static void test_each_once(void **state)
{
	uid_t one = uid_pool_take(pool), other = uid_pool_take(pool);

	(void)state;
	assert_in_range(one, FIRST, LAST);
	assert_in_range(other, FIRST, LAST);
	assert_int_not_equal(one, other);
	assert_int_equal(uid_pool_take(pool), 0);
	assert_int_equal(uid_pool_count(pool).used, 2);
	assert_int_equal(uid_pool_count(pool).total, 2);
	/* Nothing is left of them: free at once. */
	uid_pool_give_back(pool, one);
	assert_int_equal(uid_pool_count(pool).used, 1);
	assert_false(uid_pool_is_sweeping(pool));
	assert_int_equal(uid_pool_take(pool), one);
}

static void test_strangers(void **state)
{
	pid_t pid = haunt(FIRST);

	(void)state;
	assert_int_equal(uid_pool_take(pool), LAST);
	assert_int_equal(uid_pool_take(pool), 0);
	/* They are nobody's to kill yet. */
	assert_int_equal(kill(pid, 0), 0);
	uid_pool_give_back(pool, LAST);
	assert_int_equal(kill(pid, 0), 0);
	/* Ends what this test began; also what uid_pool_kill is for. */
	uid_pool_kill(pool, FIRST);
	while (is_alive(FIRST))
		event_base_loop(base, EVLOOP_ONCE);
}

static void test_sweep(void **state)
{
	uid_t uid = uid_pool_take(pool);
	pid_t bystander = haunt(LAST);

	(void)state;
	assert_int_equal(uid, FIRST);
	haunt(uid);
	uid_pool_when_swept(pool, on_swept, NULL);
	uid_pool_give_back(pool, uid);
	assert_true(uid_pool_is_sweeping(pool));
	assert_int_equal(uid_pool_count(pool).used, 1);
	event_base_dispatch(base);
	assert_false(uid_pool_is_sweeping(pool));
	assert_false(is_alive(uid));
	assert_int_equal(uid_pool_count(pool).used, 0);
	assert_int_equal(kill(bystander, 0), 0);
	uid_pool_kill(pool, LAST);
	while (is_alive(LAST))
		event_base_loop(base, EVLOOP_ONCE);
}

static int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	spawner = spawner_create(
	    base, open("/dev/null", O_RDONLY | O_CLOEXEC), open("/", O_PATH | O_CLOEXEC));
	pool = uid_pool_create(base, spawner, FIRST, LAST);
	return pool != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	uid_pool_destroy(pool);
	spawner_destroy(spawner);
	event_base_free(base);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_each_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_strangers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_sweep, set_up, tear_down)};

	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	log_set_sink(on_log, NULL);
	/* Orphans come to us, so that their end is an event here. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
