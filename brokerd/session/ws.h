/* SPDX-License-Identifier: ISC */
/*
 * One WebSocket (RFC 6455) to a browser, after its handshake: whole messages in, messages out,
 * pings, closing. Owns the socket and what is on its way to it. Runs in x2goweb-session; knows
 * nothing of what the messages mean.
 */
#ifndef SESSION_WS_H
#define SESSION_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_BINARY_BYTES_MAX (1024 * 1024)
#define WS_TEXT_BYTES_MAX   4096

/* Unsent bytes up to which ws_send_binary takes more, so that what is said later does not wait
 * behind megabytes. */
#define WS_UNSENT_BYTES_MAX (64 * 1024)

/* Usual time between pings, and then that before the first one: the round trip is soon known. */
#define WS_PING_MS	 30000
#define WS_PING_FIRST_MS 1000
/* How long a closing handshake may take. */
#define WS_CLOSE_MS 3000

/* RFC 6455 section 7.4.1; 4000 and above are ours. */
enum ws_close_code {
	WS_CLOSE_CODE_NORMAL = 1000,
	WS_CLOSE_CODE_GOING_AWAY = 1001,
	WS_CLOSE_CODE_PROTOCOL_ERROR = 1002,
	WS_CLOSE_CODE_UNSUPPORTED = 1003,
	WS_CLOSE_CODE_ABNORMAL = 1006,
	WS_CLOSE_CODE_BAD_TEXT = 1007,
	WS_CLOSE_CODE_POLICY = 1008,
	WS_CLOSE_CODE_TOO_BIG = 1009,
	WS_CLOSE_CODE_SEE_BYE = 4000 /* the text message before says why */
};

struct evbuffer;
struct event_base;
struct ws;

/* All are called from the event loop, never from inside another function of this file. */
struct ws_handlers {
	/* A whole message; data is valid during the call. */
	void (*message)(struct ws *ws, bool text, const uint8_t *data, size_t length, void *arg);
	/* The browser has answered a ping after so long. May be NULL. */
	void (*answered)(struct ws *ws, uint32_t round_trip_us, void *arg);
	/* ws_send_binary takes bytes again, after it left some behind. */
	void (*writable)(struct ws *ws, void *arg);
	/* The browser closed, broke the protocol or vanished; called once, and never after
	 * ws_close. code: RFC 6455 section 7.4.1. Nothing can be sent any more. */
	void (*lost)(struct ws *ws, unsigned code, void *arg);
	/* Everything is over, goodbyes included: destroy it. */
	void (*closed)(struct ws *ws, void *arg);
};

/* fd: a connected non-blocking stream socket; taken over, also on failure. greeting: HTTP's answer,
 * sent first. early: bytes that came with the request; copied. ping_ms: a browser that was sent a
 * ping and is not heard of for this long is gone. Fails: NULL if memory is short. */
struct ws *ws_create(struct event_base *base, int fd, const char *greeting, size_t greeting_length,
    const uint8_t *early, size_t early_length, unsigned ping_ms, const struct ws_handlers *handlers,
    void *arg);

/* Closes without a word. Takes NULL; safe inside handlers. */
void ws_destroy(struct ws *ws);

/* Queues a text message. Nothing happens once it is closing. */
void ws_send_text(struct ws *ws, const char *text);

/* Moves bytes from the source into binary messages, without copying them, until the source is
 * empty, about most bytes are moved (a message more at the most) or WS_UNSENT_BYTES_MAX are unsent;
 * WS_SEND_ALL: whatever is unsent. keep: gets the same bytes at its end, or NULL. Returns the bytes
 * moved. */
#define WS_SEND_ALL SIZE_MAX
size_t ws_send_binary(struct ws *ws, struct evbuffer *source, struct evbuffer *keep, size_t most);

/* Bytes that the socket has not taken yet. */
size_t ws_unsent(const struct ws *ws);

/* While paused, the socket is not read; a message or two that had been read may still come. */
void ws_pause(struct ws *ws, bool paused);

/* Says goodbye after what is unsent; closed() follows within WS_CLOSE_MS. reason: at most 123 bytes
 * of UTF-8. */
void ws_close(struct ws *ws, unsigned code, const char *reason);

#endif
