/* SPDX-License-Identifier: ISC */
/*
 * The 41-byte events that a browser sends to a KDrive agent: their framing, the basic guard that
 * keeps an agent alive (facts of the protocol: sections 2, 4.3 and 7), and the few events that the
 * relay sends itself. Pure: no sockets, no clock. Runs in x2goweb-session.
 */
#ifndef SESSION_KDRIVE_EVENTS_H
#define SESSION_KDRIVE_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KDRIVE_EVENT_BYTES  41
#define KDRIVE_COOKIE_BYTES 32

/* A selection chunk counts as one unit together with the raw blocks that follow its event. */
#define KDRIVE_UNIT_BYTES_MAX (1024 * 1024)
/* All chunks of one selection together, as they are after decompression. */
#define KDRIVE_SELECTION_BYTES_MAX (32u * 1024 * 1024)

/* Cookie, CLIENTVERSION, GEOMETRY. */
#define KDRIVE_OPENING_BYTES (KDRIVE_COOKIE_BYTES + 2 * KDRIVE_EVENT_BYTES)

enum kdrive_event {
	KDRIVE_EVENT_KEY_PRESS = 2,
	KDRIVE_EVENT_KEY_RELEASE = 3,
	KDRIVE_EVENT_MOUSE_PRESS = 4,
	KDRIVE_EVENT_MOUSE_RELEASE = 5,
	KDRIVE_EVENT_MOUSE_MOTION = 6,
	KDRIVE_EVENT_GEOMETRY = 7,
	KDRIVE_EVENT_UPDATE = 8,
	KDRIVE_EVENT_SELECTION = 9,
	KDRIVE_EVENT_CLIENT_VERSION = 10,
	KDRIVE_EVENT_DEMAND_SELECTION = 11,
	KDRIVE_EVENT_KEEPALIVE = 12,
	KDRIVE_EVENT_CACHE_REBUILD = 13,
	KDRIVE_EVENT_WIN_CHANGE = 14,
	KDRIVE_EVENT_DISCONNECT_CLIENT = 15
};

/* What one connection's events are judged by. */
struct kdrive_events {
	uint16_t width, height; /* of the last GEOMETRY that passed */
	bool selection_open;	/* a first chunk has passed, the last one has not */
	uint8_t selection;
	uint32_t selection_total_bytes, selection_bytes;
};

enum kdrive_verdict {
	KDRIVE_VERDICT_PASS,
	KDRIVE_VERDICT_DROP,	 /* not for the agent; the stream goes on */
	KDRIVE_VERDICT_SHORT,	 /* the unit is not complete */
	KDRIVE_VERDICT_MALFORMED /* the stream cannot be trusted any more */
};

/* width, height: of the GEOMETRY that the agent was sent first. */
void kdrive_events_init(struct kdrive_events *events, uint16_t width, uint16_t height);

/* Judges the unit at the start of data: an event, or a selection's event with all of its blocks.
 * *ret_length: its bytes, with PASS and DROP. *ret_reason: a static text, with MALFORMED and, for
 * the log, with DROP. SHORT changes nothing: call again with more. */
enum kdrive_verdict kdrive_events_judge(struct kdrive_events *events, const uint8_t *data,
    size_t length, size_t *ret_length, const char **ret_reason);

/* Bytes of a selection's event with all of its blocks, once it has been judged. */
size_t kdrive_events_selection_bytes(const uint8_t event[KDRIVE_EVENT_BYTES]);

/* What a conversation begins with, in one piece: the cookie, CLIENTVERSION (8, web) and GEOMETRY
 * with one screen. */
void kdrive_events_put_opening(uint8_t out[KDRIVE_OPENING_BYTES],
    const char cookie[KDRIVE_COOKIE_BYTES], uint16_t width, uint16_t height);

/* What it is made of: CLIENTVERSION, and GEOMETRY with one screen. */
void kdrive_events_put_version(uint8_t out[KDRIVE_EVENT_BYTES]);
void kdrive_events_put_geometry(uint8_t out[KDRIVE_EVENT_BYTES], uint16_t width, uint16_t height);

/* UPDATE of a part of the screen; one side of that is at most 65535. */
void kdrive_events_put_update(
    uint8_t out[KDRIVE_EVENT_BYTES], uint32_t x, uint32_t y, uint32_t width, uint32_t height);

/* An event that is nothing but its type. */
void kdrive_events_put_plain(uint8_t out[KDRIVE_EVENT_BYTES], enum kdrive_event type);

#endif
