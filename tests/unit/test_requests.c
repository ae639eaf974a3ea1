/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/requests between a link and an asker, both real connections over socketpairs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/event.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <cmocka.h>

#include "brokerd/requests.h"
#include "proto/conn.h"

/* Ends of a pair: near is the broker's. */
struct pair {
	struct conn *near, *far;
	unsigned received;
	struct message last; /* that far has received */
};

static struct event_base *base;
static struct pair link_pair, asker_pair;
static struct requests requests;

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	struct pair *pair = arg;

	if (conn != pair->far)
		return;
	pair->received++;
	pair->last = *message;
	event_base_loopbreak(base);
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	(void)conn;
	(void)arg;
	fail_msg("closed: %s", reason);
}

static int open_pair(struct pair *pair, enum role far_role)
{
	static const struct conn_handlers handlers = {.message = on_message, .closed = on_closed};
	int fds[2];

	memset(pair, 0, sizeof(*pair));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return -1;
	pair->near = conn_create(base, fds[0], ROLE_BROKER, far_role, &handlers, pair);
	pair->far = conn_create(base, fds[1], far_role, ROLE_BROKER, &handlers, pair);
	while (!conn_is_ready(pair->near) || !conn_is_ready(pair->far))
		event_base_loop(base, EVLOOP_ONCE);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	if (open_pair(&link_pair, ROLE_SESSION) != 0 || open_pair(&asker_pair, ROLE_FCGI) != 0)
		return -1;
	requests_init(&requests, base);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	requests_fail_all(&requests, ERROR_INTERNAL, NULL);
	conn_destroy(link_pair.near);
	conn_destroy(link_pair.far);
	conn_destroy(asker_pair.near);
	conn_destroy(asker_pair.far);
	event_base_free(base);
	return 0;
}

static bool send_order(uint32_t asker_id, unsigned deadline_ms)
{
	struct message order;

	message_init(&order, MESSAGE_DO_SESSIONS, 0);
	return requests_send(&requests, link_pair.near, &order, MESSAGE_SESSIONS, asker_pair.near,
	    asker_id, deadline_ms);
}

/* As the session process would. */
static void answer(struct request *request, enum message_type type)
{
	struct message message;

	message_init(&message, type, request->id);
	request_answer(request, &message);
}

static void test_numbers(void **state)
{
	struct request *request;
	uint32_t first;

	(void)state;
	assert_true(send_order(77, 60000));
	event_base_dispatch(base);
	assert_int_equal(link_pair.last.type, MESSAGE_DO_SESSIONS);
	first = link_pair.last.request_id;
	assert_int_not_equal(first, 0);
	assert_true(send_order(78, 60000));
	event_base_dispatch(base);
	assert_int_not_equal(link_pair.last.request_id, first);

	assert_null(requests_take(&requests, first, MESSAGE_STREAM));
	assert_null(requests_take(&requests, first + 100, MESSAGE_SESSIONS));
	assert_null(requests_take(&requests, 0, MESSAGE_SESSIONS));
	request = requests_take(&requests, first, MESSAGE_SESSIONS);
	assert_non_null(request);
	assert_int_equal(request->asker_id, 77);
	assert_ptr_equal(request->asker, asker_pair.near);
	assert_int_equal(request->order, MESSAGE_DO_SESSIONS);
	answer(request, MESSAGE_SESSIONS);
	event_base_dispatch(base);
	assert_int_equal(asker_pair.last.type, MESSAGE_SESSIONS);
	assert_int_equal(asker_pair.last.request_id, 77);
	assert_null(requests_take(&requests, first, MESSAGE_SESSIONS));
	request = requests_take(&requests, link_pair.last.request_id, MESSAGE_FAIL);
	assert_non_null(request);
	assert_int_equal(request->asker_id, 78);
	answer(request, MESSAGE_SESSIONS);
	assert_int_equal(requests.count, 0);
}

/* Answers that the broker itself waits for. */
static unsigned answered, unanswered;

static void on_answer(const struct message *message, void *arg)
{
	assert_ptr_equal(arg, &requests);
	answered += message != NULL;
	unanswered += message == NULL;
}

static bool send_watched(unsigned deadline_ms)
{
	struct message order;

	message_init(&order, MESSAGE_TELL, 0);
	strcpy(order.tell.text, "text");
	return requests_send_watched(
	    &requests, link_pair.near, &order, MESSAGE_TOLD, on_answer, &requests, deadline_ms);
}

static void test_watched(void **state)
{
	struct request *request;

	(void)state;
	answered = unanswered = 0;
	assert_true(send_watched(60000));
	event_base_dispatch(base);
	assert_int_equal(link_pair.last.type, MESSAGE_TELL);
	request = requests_take(&requests, link_pair.last.request_id, MESSAGE_TOLD);
	assert_non_null(request);
	answer(request, MESSAGE_TOLD);
	assert_int_equal(answered, 1);
	/* Of one that comes too late, or never, it is told once. */
	assert_true(send_watched(20));
	event_base_dispatch(base);
	while (unanswered == 0)
		event_base_loop(base, EVLOOP_ONCE);
	request = requests_take(&requests, link_pair.last.request_id, MESSAGE_TOLD);
	assert_non_null(request);
	answer(request, MESSAGE_TOLD);
	assert_true(send_watched(60000));
	requests_forget(&requests, asker_pair.near);
	requests_fail_all(&requests, ERROR_INTERNAL, NULL);
	assert_int_equal(answered, 1);
	assert_int_equal(unanswered, 2);
	assert_int_equal(asker_pair.received, 0);
	/* One that is not sent is nobody's. */
	for (unsigned i = 0; i < REQUESTS_MAX; i++)
		assert_true(send_order(i + 1, 60000));
	assert_false(send_watched(60000));
	assert_int_equal(unanswered, 2);
}

static void test_bound(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= REQUESTS_MAX; i++)
		assert_true(send_order(i, 60000));
	assert_false(send_order(99, 60000));
	assert_int_equal(requests.count, REQUESTS_MAX);
}

static void test_deadline(void **state)
{
	struct request *request;

	(void)state;
	assert_true(send_order(5, 20));
	while (asker_pair.received == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(asker_pair.last.type, MESSAGE_FAIL);
	assert_int_equal(asker_pair.last.request_id, 5);
	assert_int_equal(asker_pair.last.fail.code, ERROR_TIMEOUT);
	/* The late answer still finds its entry, but nobody who wants it. */
	request = requests_take(&requests, 1, MESSAGE_SESSIONS);
	assert_non_null(request);
	assert_null(request->asker);
	answer(request, MESSAGE_SESSIONS);
	assert_int_equal(asker_pair.received, 1);
}

static void on_begin(void *arg)
{
	(void)arg;
}

static void test_forget_and_fail(void **state)
{
	struct request *request;

	(void)state;
	assert_true(send_order(5, 60000));
	requests_forget(&requests, link_pair.near);
	requests_forget(&requests, asker_pair.near);
	request = requests_take(&requests, 1, MESSAGE_SESSIONS);
	assert_null(request->asker);
	answer(request, MESSAGE_SESSIONS);
	assert_int_equal(asker_pair.received, 0);
	assert_true(send_order(6, 60000));
	requests_fail_all(&requests, ERROR_SSH_LOST, "gone");
	while (asker_pair.received == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(asker_pair.last.request_id, 6);
	assert_int_equal(asker_pair.last.fail.code, ERROR_SSH_LOST);
	assert_string_equal(asker_pair.last.fail.detail, "gone");
	assert_int_equal(requests.count, 0);
}

static bool send_in_turn(
    const struct request_line *lines, unsigned count, uint32_t asker_id, unsigned deadline_ms)
{
	struct message order;

	message_init(&order, MESSAGE_DO_START, 0);
	strcpy(order.do_start.command, "ICEWM");
	order.do_start.width = order.do_start.height = SCREEN_MIN;
	return requests_send_in_turn(&requests, lines, count, link_pair.near, &order,
	    MESSAGE_STREAM, asker_pair.near, asker_id, deadline_ms);
}

/* One line after the other; who waits too long is told so, and an order that takes too long holds
 * up nobody else. */
static void test_lines(void **state)
{
	struct turns of_user, of_server;
	const struct request_line lines[2] = {{&of_user, "alice@demo", 1}, {&of_server, "demo", 1}};
	struct request *request;
	struct turn server = {0};

	(void)state;
	assert_true(turns_init(&of_user, base) && turns_init(&of_server, base));
	assert_false(requests_has(&requests, MESSAGE_DO_START));
	turn_wait(&of_server, &server, "demo", 1, on_begin, NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_true(send_in_turn(lines, 2, 1, 60000));
	assert_true(send_in_turn(lines, 1, 2, 30));
	assert_true(requests_has(&requests, MESSAGE_DO_START));
	while (asker_pair.received == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(asker_pair.last.request_id, 2);
	assert_int_equal(asker_pair.last.fail.code, ERROR_SESSION_BUSY);
	assert_int_equal(link_pair.received, 0);
	turn_end(&server);
	while (link_pair.received == 0)
		event_base_loop(base, EVLOOP_ONCE);
	request = requests_take(&requests, link_pair.last.request_id, MESSAGE_STREAM);
	assert_int_equal(request->asker_id, 1);
	request->asker = NULL;
	answer(request, MESSAGE_SESSIONS);

	assert_true(send_in_turn(lines, 1, 3, 30));
	assert_true(send_in_turn(lines, 1, 4, 60000));
	while (asker_pair.received == 1 || link_pair.received < 3)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(asker_pair.last.request_id, 3);
	assert_int_equal(asker_pair.last.fail.code, ERROR_TIMEOUT);
	requests_fail_all(&requests, ERROR_INTERNAL, NULL);
	turns_finish(&of_user);
	turns_finish(&of_server);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_end_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	turn_end(arg);
}

/* What had to wait has as much time as what had not; nobody else begins before that is over. */
static void test_time_after_waiting(void **state)
{
	const struct timeval wait = {0, 600000};
	struct turns of_user;
	const struct request_line line = {&of_user, "alice@demo", 1};
	struct turn before = {0};
	uint64_t given_ms;

	(void)state;
	assert_true(turns_init(&of_user, base));
	turn_wait(&of_user, &before, "alice@demo", 1, on_begin, NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_true(send_in_turn(&line, 1, 1, 1000));
	assert_true(send_in_turn(&line, 1, 2, 60000));
	event_base_once(base, -1, EV_TIMEOUT, on_end_turn, &before, &wait);
	while (link_pair.received == 0)
		event_base_loop(base, EVLOOP_ONCE);
	given_ms = now_ms();
	while (asker_pair.received == 0 && link_pair.received == 1)
		event_base_loop(base, EVLOOP_ONCE);
	assert_in_range(now_ms() - given_ms, 700, 60000);
	requests_fail_all(&requests, ERROR_INTERNAL, NULL);
	turns_finish(&of_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_watched, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_deadline, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_forget_and_fail, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_time_after_waiting, set_up, tear_down)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
