/* links: proto session tests/unit/ws_client.c */
/* SPDX-License-Identifier: ISC */
/*
 * A login whose browser has left its desktop: what the broker is told, and that a resume brings the
 * desktop back. test_relay_leave.c has the stream's side of it.
 */
#include "session_world.h"

#include <openssl/evp.h>

#include "ws_client.h"

#define LOGIN_COOKIE "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_x"

static uint16_t port; /* of the WebSocket */

static void open_desktop(unsigned grace_ms, enum when_left when_left)
{
	struct message message;

	if (sshd.pid == 0)
		skip();
	fill_open(&message);
	message.open.grace_ms = grace_ms;
	message.open.when_left = (uint8_t)when_left;
	EVP_Digest(
	    LOGIN_COOKIE, strlen(LOGIN_COOKIE), message.open.cookie_hash, NULL, EVP_sha256(), NULL);
	port = message.open.port;
	message.fds[0] = sshd_connect(sshd.port);
	assert_true(conn_send(broker, &message));
	run_until(&told.is_open);
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	run_until(&agent.connected);
}

/* Comes, sees a byte of the picture. */
static void look_at_desktop(struct ws_client *browser)
{
	static const char format[] =
	    "GET /?hello.1.-.0.%u.1.shown HTTP/1.1\r\nHost: localhost\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WS_CLIENT_KEY
	    "\r\nOrigin: https://localhost\r\nSec-WebSocket-Protocol: x2goweb.v1\r\n"
	    "Cookie: x2goweb_0123456789abcdef=" LOGIN_COOKIE "\r\n\r\n";
	static const uint8_t keepalive[56] = {9};
	static unsigned pages;
	const uint8_t *end;
	char request[512];

	snprintf(request, sizeof(request), format, ++pages);
	ws_client_init(browser, base, sshd_connect(port));
	ws_client_send(browser, request, strlen(request));
	assert_int_equal(ws_client_await_status(browser), 101);
	end = memmem(browser->input, browser->input_length, "\r\n\r\n", 4);
	assert_non_null(end);
	ws_client_take(browser, (size_t)(end - browser->input) + 4);
	assert_int_equal(ws_client_await_frame(browser).opcode, OP_TEXT);
	assert_int_equal(write(agent.stream, keepalive, sizeof(keepalive)), sizeof(keepalive));
	assert_int_equal(ws_client_await_frame(browser).opcode, OP_BINARY);
}

static bool is_attached(void)
{
	return told.stream_state.stream_state.state == STREAM_STATE_ATTACHED;
}

static bool is_waiting(void)
{
	return told.stream_state.stream_state.state == STREAM_STATE_WAITING;
}

static void look_and_leave(void)
{
	struct ws_client browser;

	look_at_desktop(&browser);
	run_until_true(is_attached);
	ws_client_finish(&browser);
	run_until_true(is_waiting);
}

static void test_left_desktop_is_resumed(void **state)
{
	struct ws_client browser;
	char text[100];

	(void)state;
	open_desktop(0, WHEN_LEFT_LEAVE);
	look_and_leave();
	assert_false(agent.gone);
	snprintf(text, sizeof(text), "gr_port=%u\nsound_port=1\nfs_port=2\n", agent.port);
	put("resumed", text);
	put_list("S");
	agent.connected = false;
	send_order(MESSAGE_DO_RESUME, ID);
	expect_answer(MESSAGE_STREAM);
	/* Who comes now sees it from its first byte. */
	assert_true(agent.gone);
	assert_true(agent.connected);
	assert_int_equal(count_calls("x2goresume-session"), 1);
	look_at_desktop(&browser);
	ws_client_finish(&browser);
}

static void test_left_desktop_is_suspended_after_the_grace_time(void **state)
{
	(void)state;
	open_desktop(300, WHEN_LEFT_SUSPEND);
	look_and_leave();
	assert_false(agent.gone);
	expect_stream_end(ERROR_SUSPENDED);
	assert_true(agent.gone);
}

static void test_left_desktop_is_suspended_by_the_logout(void **state)
{
	struct message message;

	(void)state;
	open_desktop(0, WHEN_LEFT_LEAVE);
	look_and_leave();
	message_init(&message, MESSAGE_STOP, 0);
	message.stop.code = ERROR_LOGOUT;
	assert_true(conn_send(broker, &message));
	run_until(&told.link_closed);
	assert_true(agent.gone);
	assert_int_equal(told.stream_state.stream_state.reason, ERROR_LOGOUT);
}

/* Upstream's client: a stream of its own and nothing after it. */
#define TICKET "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

static void open_for_upstream(unsigned attach_deadline_ms)
{
	struct message message;

	if (sshd.pid == 0)
		skip();
	fill_open(&message);
	message.open.grace_ms = 0;
	message.open.when_left = WHEN_LEFT_SUSPEND;
	message.open.attach_deadline_ms = attach_deadline_ms;
	message.open.ticket_hash_length = 32;
	EVP_Digest(TICKET, strlen(TICKET), message.open.ticket_hash, NULL, EVP_sha256(), NULL);
	port = message.open.port;
	message.fds[0] = sshd_connect(sshd.port);
	assert_true(conn_send(broker, &message));
	run_until(&told.is_open);
}

static void test_upstreams_login_ends_with_its_stream(void **state)
{
	static const char request[] =
	    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WS_CLIENT_KEY
	    "\r\nOrigin: https://localhost\r\nSec-WebSocket-Protocol: binary\r\n\r\n";
	struct ws_client browser;

	(void)state;
	open_for_upstream(60000);
	/* Looking at lists does not end it. */
	send_order(MESSAGE_DO_SESSIONS, "");
	expect_answer(MESSAGE_SESSIONS);
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	assert_int_equal(told.answer.stream.agent_port, agent.port);
	run_until(&agent.connected);
	ws_client_init(&browser, base, sshd_connect(port));
	ws_client_send(&browser, request, strlen(request));
	assert_int_equal(ws_client_await_status(&browser), 101);
	ws_client_send_frame(&browser, 0x82, TICKET, 32);
	run_until_true(is_attached);
	assert_false(told.has_ended);
	/* It has no list either that a message might come with. */
	send_order(MESSAGE_TELL, "tea");
	expect_answer(MESSAGE_TOLD);
	assert_int_equal(told.answer.told.pages + told.answer.told.later, 0);
	ws_client_finish(&browser);
	run_until(&told.has_ended);
	assert_int_equal(told.stream_state.stream_state.state, STREAM_STATE_NONE);
	assert_true(agent.gone);
}

static void test_upstreams_login_ends_if_nobody_comes(void **state)
{
	(void)state;
	open_for_upstream(200);
	send_start("ICEWM");
	expect_answer(MESSAGE_STREAM);
	run_until(&told.has_ended);
	assert_int_equal(told.ended.ended.code, ERROR_TIMEOUT);
	assert_true(agent.gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_left_desktop_is_resumed),
	    TEST(test_left_desktop_is_suspended_after_the_grace_time),
	    TEST(test_left_desktop_is_suspended_by_the_logout),
	    TEST(test_upstreams_login_ends_with_its_stream),
	    TEST(test_upstreams_login_ends_if_nobody_comes),
	};

	log_init(
	    "test_session_left", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
