/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/compat and fcgi/form: what is read of a form fits the messages that ask the broker, what is
 * refused has a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/compat.h"
#include "fcgi/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct message *message)
{
	static uint8_t frame[PROTO_FRAME_BYTES];
	size_t length;

	if (!message_encode(message, frame, sizeof(frame), &length))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message ask, answer;
	struct compat compat = {0};
	struct json_failure failure;
	enum message_type expected;
	char detail[JSON_DETAIL_BYTES] = "";
	yajl_gen json;

	message_init(&ask, MESSAGE_LOGIN, 1);
	if (!compat_read(&compat, (const char *)data, size, &ask.login, detail)) {
		if (detail[0] == 0 || strlen(detail) >= sizeof(detail))
			abort();
		return 0;
	}
	strcpy(ask.login.origin, "https://gate.example");
	check(&ask);
	message_init(&answer, MESSAGE_LOGGED_IN, 1);
	memset(answer.logged_in.login, 'a', 16);
	memset(answer.logged_in.cookie, 'c', 43);
	for (uint16_t desktops = 0; desktops < 2; desktops++) {
		answer.logged_in.desktops_count = desktops;
		json = yajl_gen_alloc(NULL);
		if (compat_take(&compat, &answer, &ask, &expected, &failure) == COMPAT_ASK) {
			ask.request_id = 2;
			check(&ask);
		} else {
			compat_write_failure(json, &compat, &failure);
		}
		yajl_gen_free(json);
	}
	return 0;
}
