/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/json_read with the fields of every call: what it takes fits the message that asks the
 * broker, what it refuses has a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/json_read.h"
#include "fcgi/rpc_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What JSON does not bring, but the message needs. */
static void complete(const struct rpc_call *call, struct message *ask)
{
	if (call->cookie == RPC_COOKIE_GIVEN)
		strcpy(ask->login.origin, "https://gate.example");
	else if (call->cookie != RPC_COOKIE_NONE)
		memset(rpc_cookie(ask), 'c', 43);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message ask;
	static uint8_t frame[PROTO_FRAME_BYTES];
	const struct rpc_call *call;
	char detail[JSON_DETAIL_BYTES];
	size_t length;

	for (size_t i = 0; (call = rpc_at(i)) != NULL; i++) {
		message_init(&ask, call->ask, 1);
		if (json_read((const char *)data, size, call->fields, &ask, detail)) {
			complete(call, &ask);
			if (!message_encode(&ask, frame, sizeof(frame), &length))
				abort();
		} else if (detail[0] == 0 || strlen(detail) >= sizeof(detail)) {
			abort();
		}
	}
	return 0;
}
