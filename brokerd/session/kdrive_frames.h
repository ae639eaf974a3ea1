/* SPDX-License-Identifier: ISC */
/*
 * Following what a KDrive agent sends (facts of the protocol: section 3): where each message begins
 * and ends and of which type it is, never what it shows. Pure: no sockets, no clock, no buffers.
 * Runs in x2goweb-session.
 */
#ifndef SESSION_KDRIVE_FRAMES_H
#define SESSION_KDRIVE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KDRIVE_HEADER_BYTES 56
#define KDRIVE_REGION_BYTES 64

enum kdrive_message {
	KDRIVE_MESSAGE_FRAME = 0,
	KDRIVE_MESSAGE_DELETED = 1,
	KDRIVE_MESSAGE_CURSOR = 2,
	KDRIVE_MESSAGE_DELETED_CURSOR = 3,
	KDRIVE_MESSAGE_SELECTION = 4,
	KDRIVE_MESSAGE_SERVER_VERSION = 5,
	KDRIVE_MESSAGE_DEMAND_SELECTION = 6,
	KDRIVE_MESSAGE_REINIT = 7,
	KDRIVE_MESSAGE_WIN_UPDATE = 8,
	KDRIVE_MESSAGE_KEEPALIVE = 9,
	KDRIVE_MESSAGE_DISCONNECT = 10,
	KDRIVE_MESSAGE_CACHE_FRAME = 11, /* by UDP only */
	KDRIVE_MESSAGE_UDP_OPEN = 12,
	KDRIVE_MESSAGE_UDP_FAILED = 13,
	KDRIVE_MESSAGE_UNKNOWN /* fewer than four bytes of it have come */
};

/* What a FRAME's header says. */
struct kdrive_picture {
	int32_t x, y;
	uint32_t width, height;
	bool cached; /* others may refer to it, and it to others: no use without those before */
};

/* Where in the stream we are; zeroed at its beginning. */
struct kdrive_frames {
	uint8_t head[KDRIVE_REGION_BYTES]; /* of a message or region, as far as it has come */
	size_t head_bytes;
	bool in_region;		       /* head is a region's */
	bool whole_screen;	       /* the message is a FRAME of all of it */
	struct kdrive_picture picture; /* the last FRAME whose header has come */
	uint32_t regions;	       /* that the message still has, beside the one under way */
	uint64_t data_bytes;	       /* still to come before the next head */
};

/* Bytes that belong to one message and stand together. */
struct kdrive_span {
	size_t length;
	enum kdrive_message type;
	bool begins, ends; /* the message does, with these bytes */
	bool header;	   /* its header is complete with these bytes */
	bool whole_screen; /* a FRAME that shows all of the screen, as far as is known */
};

/* Takes what belongs to one message from the start of data (length > 0).
 * Fails: false if no agent sends such a thing: the rest of the stream makes no sense. */
bool kdrive_frames_take(
    struct kdrive_frames *frames, const uint8_t *data, size_t length, struct kdrive_span *ret_span);

#endif
