/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * The bytes under libssh2 while nobody takes them: the user is being asked something, and the
 * server says more, or goes away. Between us and a real sshd stands the test.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <sys/socket.h>

#include "brokerd/session/ssh.h"
#include "brokerd/session/ssh_internal.h"
#include "event_loop.h"
#include "private_sshd.h"
#include "proto/log.h"

static struct private_sshd sshd;
static struct bufferevent *our_side, *server_side; /* of the one between */
static struct ssh *ssh;
static bool asked, opened, failed;
static enum error_code failure;

/* Returns how often the event loop had something to do. */
static unsigned count_turns(unsigned ms)
{
	const struct timeval delay = {0, (suseconds_t)ms * 1000};
	bool done = false;
	struct event *timer = event_new(base, -1, 0, on_time, &done);
	unsigned turns = 0;

	event_add(timer, &delay);
	while (!done) {
		event_base_loop(base, EVLOOP_ONCE);
		turns++;
	}
	event_free(timer);
	return turns;
}

static void pass_on(struct bufferevent *from, void *arg)
{
	struct bufferevent **to = arg;

	if (*to != NULL)
		bufferevent_write_buffer(*to, bufferevent_get_input(from));
}

static void on_opened(struct ssh *from, const struct ssh_login *login, void *arg)
{
	(void)from;
	(void)login;
	(void)arg;
	opened = true;
}

static void on_prompt(struct ssh *from, const struct record_prompt *prompt, void *arg)
{
	(void)from;
	(void)arg;
	assert_int_equal(prompt->kind, PROMPT_PASSWORD);
	asked = true;
}

static void on_failed(struct ssh *from, enum error_code code, const char *detail, void *arg)
{
	(void)from;
	(void)detail;
	(void)arg;
	failed = true;
	failure = code;
}

/* Until the user is asked for the password. */
static int set_up_prompt(void **state)
{
	static const struct ssh_handlers handlers = {
	    .opened = on_opened, .prompt = on_prompt, .failed = on_failed};
	const struct record_hop hop = {.name = "test", .user = SSHD_USER, .methods = "password"};
	struct ssh_settings settings = {.hop = &hop,
	    .hostkeys = &sshd.key,
	    .hostkey_count = 1,
	    .auth_deadline_ms = 15000,
	    .prompt_deadline_ms = 60000};
	int pair[2];

	(void)state;
	asked = opened = failed = false;
	if (sshd.pid == 0)
		return 0;
	base = event_base_new();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	our_side = bufferevent_socket_new(base, pair[1], BEV_OPT_CLOSE_ON_FREE);
	server_side = bufferevent_socket_new(base, sshd_connect(sshd.port), BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(our_side, pass_on, NULL, NULL, &server_side);
	bufferevent_setcb(server_side, pass_on, NULL, NULL, &our_side);
	evutil_make_socket_nonblocking(bufferevent_getfd(our_side));
	evutil_make_socket_nonblocking(bufferevent_getfd(server_side));
	bufferevent_enable(our_side, EV_READ | EV_WRITE);
	bufferevent_enable(server_side, EV_READ | EV_WRITE);
	settings.base = base;
	settings.fd = pair[0];
	ssh = ssh_create(&settings, &handlers, NULL);
	assert_non_null(ssh);
	run_until(&asked);
	return 0;
}

static int tear_down_prompt(void **state)
{
	(void)state;
	if (sshd.pid == 0)
		return 0;
	ssh_destroy(ssh);
	if (our_side != NULL)
		bufferevent_free(our_side);
	bufferevent_free(server_side);
	event_base_free(base);
	return 0;
}

static void need_sshd(void)
{
	if (sshd.pid == 0)
		skip();
}

static void test_unread_bytes_are_left_alone(void **state)
{
	(void)state;
	need_sshd();
	count_turns(50);
	bufferevent_write(our_side, "\0\0\0\0", 4);
	assert_true(count_turns(300) < 10);
	assert_false(failed);
}

static void test_end_is_noticed(void **state)
{
	(void)state;
	need_sshd();
	bufferevent_free(our_side);
	our_side = NULL;
	run_until(&failed);
	assert_int_equal(failure, ERROR_PROMPT_TIMEOUT);
}

static void test_login_goes_on(void **state)
{
	const struct record_answer answer = {.text = SSHD_PASSWORD};

	(void)state;
	need_sshd();
	count_turns(50);
	assert_true(ssh_answer(ssh, &answer, 1));
	run_until(&opened);
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!sshd_start(&sshd, ""))
		print_message("no sshd can be started here: tests with it are skipped\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sshd_stop(&sshd);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_prompt, tear_down_prompt)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_unread_bytes_are_left_alone),
	    TEST(test_end_is_noticed),
	    TEST(test_login_goes_on),
	};

	log_init(
	    "test_ssh_transport", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
