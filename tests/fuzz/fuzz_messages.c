/* links: proto */
/* SPDX-License-Identifier: ISC */
/*
 * The decoder of proto/messages: any bytes, as any pair of roles. What it takes it must be able to
 * encode again to the same bytes. The first byte says how the rest is used: as a whole frame, or
 * as the payload of the message that the second byte picks, with the header that belongs to it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/messages.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Puts a right header before the payload. Returns the frame's bytes. */
static size_t make_frame(unsigned index, const uint8_t *payload, size_t size, uint8_t *frame)
{
	static struct message example;
	struct wire_writer writer = {frame, PROTO_FRAME_BYTES, 0, false};

	if (size > PROTO_PAYLOAD_BYTES || !message_example(index, false, &example))
		return 0;
	wire_put_uint(&writer, PROTO_MAGIC, 4);
	wire_put_uint(&writer, PROTO_VERSION, 2);
	wire_put_uint(&writer, (uint64_t)example.type, 2);
	wire_put_uint(&writer, size, 4);
	wire_put_uint(&writer, 1, 4);
	wire_put_bytes(&writer, payload, size);
	return writer.length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message message;
	static uint8_t frame[PROTO_FRAME_BYTES], again[PROTO_FRAME_BYTES];
	static char text[4096];
	size_t length = 0, used, length_again;

	if (size < 2)
		return 0;
	if (data[0] & 1) {
		length = make_frame(data[1], data + 2, size - 2, frame);
	} else if (size - 2 <= sizeof(frame)) {
		length = size - 2;
		memcpy(frame, data + 2, length);
	}
	for (enum role sender = 0; sender < ROLE_COUNT; sender++)
		for (enum role receiver = 0; receiver < ROLE_COUNT; receiver++) {
			if (message_decode(frame, length, sender, receiver, &message, &used) !=
			    MESSAGE_OK)
				continue;
			if (used > length ||
			    !message_encode(&message, again, sizeof(again), &length_again) ||
			    length_again != used || memcmp(again, frame, used) != 0)
				abort();
			message_print(&message, text, sizeof(text));
			message_wipe(&message);
		}
	return 0;
}
