/* SPDX-License-Identifier: ISC */
/*
 * What the tests of the relay share: one relay on a listener of its own, the stand-in agent, a
 * browser, what the relay's handlers saw, and waiting.
 */
#ifndef TESTS_RELAY_FIXTURE_H
#define TESTS_RELAY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "brokerd/session/relay.h"
#include "ws_client.h"

#define LOGIN	"0123456789abcdef"
#define ORIGIN	"https://desk.example.org"
#define COOKIE	"AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_x"
#define KDRIVE	"00112233445566778899aabbccddeeff"
#define BUFFER	(256 * 1024)
#define DELAY	(64 * 1024 * 1024)
#define OPENING (32 + 41 + 41)

/* By somebody who comes for the first time. */
#define HELLO "?hello.1.-.0.stranger.1.shown"

#define REQUEST(query, origin, cookie, protocol)                                                   \
	"GET /x2gows/20003" query " HTTP/1.1\r\nHost: desk.example.org\r\nUpgrade: websocket\r\n"  \
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WS_CLIENT_KEY    \
	"\r\nOrigin: " origin "\r\nSec-WebSocket-Protocol: " protocol "\r\nCookie: x2goweb_" LOGIN \
	"=" cookie "\r\n\r\n"

extern struct event_base *base;
extern struct relay *relay;
extern struct relay_settings settings;
extern struct ssh *ssh; /* for relay_start */
extern struct ws_client browser;

/* What the relay told its owner. */
struct seen {
	unsigned states, done, agent_ended, tallies;
	enum stream_state state;
	enum error_code reason;	 /* of the last state */
	enum error_code started; /* what done() was told */
	enum stream_state state_at_done;
};

extern struct seen seen;

int relay_set_up(void **state);
int relay_tear_down(void **state);

#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(name, relay_set_up, relay_tear_down)

/* Another relay, by changed settings. */
void renew_relay(void);

/* done() of relay_start. */
void on_done(enum error_code error, const char *detail, void *arg);

/* Waits for done(). */
void await_done(void);
void await_state(enum stream_state state);
void await_agent_ended(void);

/* Waits until the agent has got exactly these bytes, and forgets them. */
void assert_agent_gets(const void *data, size_t length);

/* It is told to disconnect, and nothing more. */
void assert_agent_is_left(void);

/* Starts a stream, whose opening the agent then has read. */
void start(void);

void connect_browser(struct ws_client *client);

/* Connects, sends an HTTP request, waits for the status of the answer. */
int request(struct ws_client *client, const char *text);

/* The same, for a WebSocket that speaks x2goweb.v1. query: of the address, with its question mark.
 */
int request_v1(struct ws_client *client, const char *query);

/* The query of a page that was never here before; valid until the next call. */
const char *make_hello(const char *stream, uint64_t down, const char *view);

/* Forgets the head of an HTTP response. */
void take_head(struct ws_client *client);

/* Connects a browser and waits until it is attached. */
void attach(struct ws_client *client);
void attach_raw(struct ws_client *client);

void say(struct ws_client *client, const char *text);

/* As a network does: without a word. */
void lose(struct ws_client *client);

/* The relay's hello. */
struct greeting {
	char stream[17], how[8];
	uint64_t down, up;
};

/* Connects, waits for the relay's hello. */
struct greeting greet_by(struct ws_client *client, const char *query);

/* The same for a page that was never here before, and is looked at. */
struct greeting greet(struct ws_client *client, const char *stream, uint64_t down);

/* Waits for exactly these bytes, in as many binary messages as it takes. */
void assert_browser_gets(struct ws_client *client, const uint8_t *data, size_t length);

/* Waits for the bye word, the close code and the end. */
void assert_bye(struct ws_client *client, const char *word, unsigned close_code);

/* Waits for the stream's end. */
void assert_ended(enum error_code reason);

/* A message of the agent with this many bytes in all, at least 56, whose content has no period that
 * would hide a shift. The caller frees it. */
uint8_t *make_cursor(size_t length);

/* A message of the agent without anything, 56 bytes. */
void put_message(uint8_t *out, uint8_t type);

/* A FRAME without regions; whole: as if it showed the screen. */
void put_frame(uint8_t *frame, bool whole);

/* Lets the agent say such frames. */
void say_frame(bool whole, size_t count);

/* Lets the agent say something small, and the browser get it. */
void show_something(struct ws_client *client);

/* Bytes without a period that would hide a shift. The caller frees them. */
uint8_t *make_bytes(size_t length);

#endif
