/* SPDX-License-Identifier: ISC */
#include "kdrive_frames.h"

#include <string.h>

/* What a decoder accepts (facts of the protocol: section 8). */
#define REGIONS_MAX	 9
#define REGION_DATA_MAX	 (256u * 1024 * 1024)
#define IDS_MAX		 1000000u
#define CURSOR_BYTES_MAX (1024u * 1024 * 4 + 65536)
#define SELECTION_MAX	 (10u * 1024 * 1024)
#define WINDOWS_MAX	 (16u * 1024 * 1024)

static uint32_t get_u32(const uint8_t *data)
{
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static bool set_data(struct kdrive_frames *frames, uint32_t count, uint32_t max, uint32_t each)
{
	frames->data_bytes = (uint64_t)count * each;
	return count <= max;
}

/* The whole header of a message is there. */
static bool read_header(struct kdrive_frames *frames)
{
	const uint8_t *head = frames->head;
	uint32_t size = get_u32(head + 12), compressed = get_u32(head + 24);

	frames->data_bytes = 0;
	frames->regions = 0;
	frames->whole_screen = false;
	switch (get_u32(head)) {
	case KDRIVE_MESSAGE_FRAME:
		frames->regions = get_u32(head + 20);
		/* Not cached, and placed by x = y = -1 (section 3.4). */
		frames->picture = (struct kdrive_picture){.x = (int32_t)get_u32(head + 12),
		    .y = (int32_t)get_u32(head + 16),
		    .width = get_u32(head + 4),
		    .height = get_u32(head + 8),
		    .cached = get_u32(head + 24) != 0};
		frames->whole_screen = get_u32(head + 24) == 0 &&
				       get_u32(head + 12) == UINT32_MAX &&
				       get_u32(head + 16) == UINT32_MAX;
		return frames->regions <= REGIONS_MAX;
	case KDRIVE_MESSAGE_DELETED:
	case KDRIVE_MESSAGE_DELETED_CURSOR:
		return set_data(frames, get_u32(head + 4), IDS_MAX, 4);
	case KDRIVE_MESSAGE_CURSOR:
		return set_data(frames, get_u32(head + 24), CURSOR_BYTES_MAX, 1);
	case KDRIVE_MESSAGE_SELECTION:
		return set_data(frames, compressed != 0 ? compressed : size, SELECTION_MAX, 1);
	case KDRIVE_MESSAGE_WIN_UPDATE:
		return set_data(frames, get_u32(head + 4), WINDOWS_MAX, 1);
	case KDRIVE_MESSAGE_SERVER_VERSION:
	case KDRIVE_MESSAGE_DEMAND_SELECTION:
	case KDRIVE_MESSAGE_REINIT:
	case KDRIVE_MESSAGE_KEEPALIVE:
	case KDRIVE_MESSAGE_DISCONNECT:
	case KDRIVE_MESSAGE_UDP_OPEN:
	case KDRIVE_MESSAGE_UDP_FAILED:
		return true;
	default:
		return false;
	}
}

static bool read_region(struct kdrive_frames *frames)
{
	bool copied = get_u32(frames->head) != 0;

	frames->data_bytes = get_u32(frames->head + 28);
	return frames->data_bytes <= REGION_DATA_MAX && !(copied && frames->data_bytes != 0);
}

/* Adds to the head what it lacks. False if it is complete and not an agent's. */
static bool take_head(
    struct kdrive_frames *frames, const uint8_t *data, size_t length, size_t *used)
{
	size_t whole = frames->in_region ? KDRIVE_REGION_BYTES : KDRIVE_HEADER_BYTES;
	size_t part = whole - frames->head_bytes;

	if (part > length)
		part = length;
	memcpy(frames->head + frames->head_bytes, data, part);
	frames->head_bytes += part;
	*used += part;
	if (frames->head_bytes < whole)
		return true;
	return frames->in_region ? read_region(frames) : read_header(frames);
}

/* True if a head is complete: then its data, or another head, comes. */
static bool head_is_whole(const struct kdrive_frames *frames)
{
	return frames->head_bytes ==
	       (frames->in_region ? (size_t)KDRIVE_REGION_BYTES : (size_t)KDRIVE_HEADER_BYTES);
}

bool kdrive_frames_take(
    struct kdrive_frames *frames, const uint8_t *data, size_t length, struct kdrive_span *ret_span)
{
	bool known = frames->in_region || head_is_whole(frames), good = true;
	size_t used = 0;

	*ret_span = (struct kdrive_span){.type = KDRIVE_MESSAGE_UNKNOWN};
	ret_span->begins = !frames->in_region && frames->head_bytes == 0;
	for (;;) {
		size_t part;

		if (!head_is_whole(frames)) {
			if (used == length)
				break;
			if (!take_head(frames, data + used, length - used, &used))
				return false;
			continue;
		}
		part =
		    length - used < frames->data_bytes ? length - used : (size_t)frames->data_bytes;
		frames->data_bytes -= part;
		used += part;
		if (frames->data_bytes != 0)
			break;
		if (frames->regions == 0) {
			ret_span->ends = true;
			break;
		}
		frames->regions--;
		frames->in_region = true;
		frames->head_bytes = 0;
	}
	/* In a region only a FRAME can be. */
	if (frames->in_region) {
		ret_span->type = KDRIVE_MESSAGE_FRAME;
	} else if (frames->head_bytes >= 4) {
		ret_span->type = (enum kdrive_message)get_u32(frames->head);
		/* A number that no agent uses is refused as soon as it shows. */
		good = ret_span->type < KDRIVE_MESSAGE_UNKNOWN &&
		       ret_span->type != KDRIVE_MESSAGE_CACHE_FRAME;
	}
	ret_span->length = used;
	ret_span->header = !known && (frames->in_region || head_is_whole(frames));
	ret_span->whole_screen = ret_span->type == KDRIVE_MESSAGE_FRAME && frames->whole_screen &&
				 (frames->in_region || head_is_whole(frames));
	if (ret_span->ends) {
		frames->in_region = false;
		frames->head_bytes = 0;
	}
	return good;
}
