/* SPDX-License-Identifier: ISC */
/* What the bench's own programs say to each other in KDrive's terms. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdint.h>
#include <string.h>

#define COOKIE_BYTES 32
#define EVENT_BYTES  41
#define HEADER_BYTES 56
#define REGION_BYTES 64

enum {
	EVENT_MOTION = 6,
	EVENT_GEOMETRY = 7,
	EVENT_UPDATE = 8,
	EVENT_CLIENT_VERSION = 10,
	EVENT_CACHE_REBUILD = 13,
	EVENT_WIN_CHANGE = 14,
	EVENT_DISCONNECT = 15
};

enum { MESSAGE_FRAME = 0, MESSAGE_CURSOR = 2, MESSAGE_SERVER_VERSION = 5, MESSAGE_REINIT = 7 };

/* A motion's first coordinate comes back in a cursor, here. */
#define CURSOR_TOKEN_OFFSET 28

/* The window of a WINCHANGE, which no desktop has: pictures at full rate, or none. */
#define FLOOD_ON  0x0f100d01u
#define FLOOD_OFF 0x0f100d00u

static inline uint32_t get_u32(const uint8_t *data)
{
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static inline void put_u32(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)value;
	out[1] = (uint8_t)(value >> 8);
	out[2] = (uint8_t)(value >> 16);
	out[3] = (uint8_t)(value >> 24);
}

static inline void put_event(uint8_t out[EVENT_BYTES], uint32_t type, uint32_t first)
{
	memset(out, 0, EVENT_BYTES);
	put_u32(out, type);
	put_u32(out + 4, first);
}

#endif
