/* SPDX-License-Identifier: ISC */
#include "kdrive_events.h"

#include <string.h>

#include "proto/messages.h"

#define CLIENT_VERSION 8
#define CLIENT_OS_WEB  3

#define SCREEN_RECORDS	       4
#define SELECTION_COUNT	       2
#define SELECTION_MIMES	       3
#define SELECTION_HEADER_BYTES 20
/* zlib may make incompressible data a little larger. */
#define SELECTION_DEFLATE_SLACK 1024

static uint16_t get_u16(const uint8_t *data)
{
	return (uint16_t)(data[0] | data[1] << 8);
}

static uint32_t get_u32(const uint8_t *data)
{
	return get_u16(data) | (uint32_t)get_u16(data + 2) << 16;
}

static void put_u16(uint8_t *out, unsigned value)
{
	out[0] = (uint8_t)value;
	out[1] = (uint8_t)(value >> 8);
}

static bool side_is_sane(uint16_t side)
{
	return side >= SCREEN_MIN && side <= SCREEN_MAX;
}

void kdrive_events_init(struct kdrive_events *events, uint16_t width, uint16_t height)
{
	*events = (struct kdrive_events){.width = width, .height = height};
}

/* Agents divide by the sides and allocate by their product, unchecked. */
static enum kdrive_verdict judge_geometry(
    struct kdrive_events *events, const uint8_t *event, const char **ret_reason)
{
	uint16_t width = get_u16(event + 4), height = get_u16(event + 6);

	*ret_reason = "geometry out of bounds";
	if (!side_is_sane(width) || !side_is_sane(height))
		return KDRIVE_VERDICT_DROP;
	for (size_t i = 0; i < SCREEN_RECORDS; i++) {
		const uint8_t *record = event + 9 + 8 * i;
		uint16_t screen_width = get_u16(record), screen_height = get_u16(record + 2);

		if (screen_width == 0 || screen_height == 0)
			break;
		if (screen_width > SCREEN_MAX || screen_height > SCREEN_MAX ||
		    (int16_t)get_u16(record + 4) < 0 || (int16_t)get_u16(record + 6) < 0)
			return KDRIVE_VERDICT_DROP;
	}
	events->width = width;
	events->height = height;
	return KDRIVE_VERDICT_PASS;
}

/* Either all zero, which means the whole screen, or a rectangle inside the screen. */
static enum kdrive_verdict judge_update(
    const struct kdrive_events *events, const uint8_t *event, const char **ret_reason)
{
	uint32_t width = get_u32(event + 4), height = get_u32(event + 8);
	uint32_t x = get_u32(event + 12), y = get_u32(event + 16);

	if ((width | height | x | y) == 0)
		return KDRIVE_VERDICT_PASS;
	/* Negative values are huge here, and the first two tests keep the differences positive. */
	if (width >= 1 && width <= events->width && height >= 1 && height <= events->height &&
	    x <= events->width - width && y <= events->height - height)
		return KDRIVE_VERDICT_PASS;
	*ret_reason = "update outside the screen";
	return KDRIVE_VERDICT_DROP;
}

size_t kdrive_events_selection_bytes(const uint8_t event[KDRIVE_EVENT_BYTES])
{
	uint32_t size = get_u32(event + 4), compressed = get_u32(event + 12);
	size_t wire = compressed != 0 ? compressed : size, rest;

	if (wire <= KDRIVE_EVENT_BYTES - SELECTION_HEADER_BYTES)
		return KDRIVE_EVENT_BYTES;
	rest = wire - (KDRIVE_EVENT_BYTES - SELECTION_HEADER_BYTES);
	return KDRIVE_EVENT_BYTES +
	       (rest + KDRIVE_EVENT_BYTES - 1) / KDRIVE_EVENT_BYTES * KDRIVE_EVENT_BYTES;
}

/* Agents copy chunks into a buffer of the first chunk's total, unchecked. A chunk is passed on as a
 * whole only, so that no agent is ever left in the middle of its blocks. */
static enum kdrive_verdict judge_selection(struct kdrive_events *events, const uint8_t *data,
    size_t length, size_t *ret_length, const char **ret_reason)
{
	uint32_t size = get_u32(data + 4), compressed = get_u32(data + 12);
	uint32_t total = get_u32(data + 16);
	uint8_t selection = data[8], mime = data[9], first = data[10], last = data[11];
	uint32_t wire = compressed != 0 ? compressed : size;
	size_t unit = KDRIVE_EVENT_BYTES;

	*ret_reason = "selection header out of bounds";
	if (selection >= SELECTION_COUNT || mime >= SELECTION_MIMES || first > 1 || last > 1)
		return KDRIVE_VERDICT_MALFORMED;
	if (size == 0) {
		/* A notification: something is there to be asked for. */
		if (total != 0 || compressed != 0 || first != 1 || last != 1)
			return KDRIVE_VERDICT_MALFORMED;
		*ret_length = unit;
		events->selection_open = false;
		return KDRIVE_VERDICT_PASS;
	}
	*ret_reason = "selection size out of bounds";
	if (size > total || total > KDRIVE_SELECTION_BYTES_MAX || size > KDRIVE_UNIT_BYTES_MAX ||
	    wire > KDRIVE_UNIT_BYTES_MAX || wire > size + SELECTION_DEFLATE_SLACK)
		return KDRIVE_VERDICT_MALFORMED;
	if (!first) {
		*ret_reason = "selection chunk without a beginning";
		if (!events->selection_open || selection != events->selection)
			return KDRIVE_VERDICT_MALFORMED;
		*ret_reason = "selection larger than announced";
		if (total != events->selection_total_bytes ||
		    size > events->selection_total_bytes - events->selection_bytes)
			return KDRIVE_VERDICT_MALFORMED;
	}
	unit = kdrive_events_selection_bytes(data);
	*ret_reason = "selection chunk too large";
	if (unit > KDRIVE_UNIT_BYTES_MAX)
		return KDRIVE_VERDICT_MALFORMED;
	if (length < unit)
		return KDRIVE_VERDICT_SHORT;

	if (first) {
		events->selection = selection;
		events->selection_total_bytes = total;
		events->selection_bytes = 0;
	}
	events->selection_bytes += size;
	events->selection_open = last == 0;
	*ret_length = unit;
	return KDRIVE_VERDICT_PASS;
}

enum kdrive_verdict kdrive_events_judge(struct kdrive_events *events, const uint8_t *data,
    size_t length, size_t *ret_length, const char **ret_reason)
{
	if (length < KDRIVE_EVENT_BYTES)
		return KDRIVE_VERDICT_SHORT;
	*ret_length = KDRIVE_EVENT_BYTES;
	switch (get_u32(data)) {
	case KDRIVE_EVENT_KEY_PRESS:
	case KDRIVE_EVENT_KEY_RELEASE:
	case KDRIVE_EVENT_MOUSE_PRESS:
	case KDRIVE_EVENT_MOUSE_RELEASE:
	case KDRIVE_EVENT_MOUSE_MOTION:
	case KDRIVE_EVENT_DEMAND_SELECTION:
	case KDRIVE_EVENT_KEEPALIVE:
	case KDRIVE_EVENT_CACHE_REBUILD:
	case KDRIVE_EVENT_WIN_CHANGE:
	case KDRIVE_EVENT_DISCONNECT_CLIENT:
		return KDRIVE_VERDICT_PASS;
	case KDRIVE_EVENT_GEOMETRY:
		return judge_geometry(events, data, ret_reason);
	case KDRIVE_EVENT_UPDATE:
		return judge_update(events, data, ret_reason);
	case KDRIVE_EVENT_SELECTION:
		return judge_selection(events, data, length, ret_length, ret_reason);
	case KDRIVE_EVENT_CLIENT_VERSION:
		*ret_reason = "client version is the relay's to send, once";
		return KDRIVE_VERDICT_DROP;
	default:
		*ret_reason = "event type that no browser needs";
		return KDRIVE_VERDICT_DROP;
	}
}

void kdrive_events_put_plain(uint8_t out[KDRIVE_EVENT_BYTES], enum kdrive_event type)
{
	memset(out, 0, KDRIVE_EVENT_BYTES);
	out[0] = (uint8_t)type;
}

void kdrive_events_put_version(uint8_t out[KDRIVE_EVENT_BYTES])
{
	kdrive_events_put_plain(out, KDRIVE_EVENT_CLIENT_VERSION);
	put_u16(out + 4, CLIENT_VERSION);
	put_u16(out + 6, CLIENT_OS_WEB);
}

void kdrive_events_put_geometry(uint8_t out[KDRIVE_EVENT_BYTES], uint16_t width, uint16_t height)
{
	kdrive_events_put_plain(out, KDRIVE_EVENT_GEOMETRY);
	put_u16(out + 4, width);
	put_u16(out + 6, height);
	put_u16(out + 9, width);
	put_u16(out + 11, height);
}

void kdrive_events_put_update(
    uint8_t out[KDRIVE_EVENT_BYTES], uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	kdrive_events_put_plain(out, KDRIVE_EVENT_UPDATE);
	put_u16(out + 4, (uint16_t)width);
	put_u16(out + 8, (uint16_t)height);
	put_u16(out + 12, (uint16_t)x);
	put_u16(out + 16, (uint16_t)y);
}

void kdrive_events_put_opening(uint8_t out[KDRIVE_OPENING_BYTES],
    const char cookie[KDRIVE_COOKIE_BYTES], uint16_t width, uint16_t height)
{
	memcpy(out, cookie, KDRIVE_COOKIE_BYTES);
	kdrive_events_put_version(out + KDRIVE_COOKIE_BYTES);
	kdrive_events_put_geometry(out + KDRIVE_COOKIE_BYTES + KDRIVE_EVENT_BYTES, width, height);
}
