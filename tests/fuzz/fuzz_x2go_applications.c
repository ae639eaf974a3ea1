/* links: proto brokerd/session/x2go_applications.c brokerd/session/x2go_list.c */
/* links: brokerd/session/x2go_command.c brokerd/session/x2go_desktops.c */
/* SPDX-License-Identifier: ISC */
/*
 * What a server publishes. Whatever it says: only commands that can be sent back, titles that PROTO
 * can carry, in order, none twice.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "brokerd/session/x2go_applications.h"
#include "brokerd/session/x2go_command.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_application list[X2GO_APPLICATIONS_MAX];
	char *output = malloc(size + 1);
	struct x2go_text text = {output, size};
	size_t count;

	memcpy(output, data, size);
	count = x2go_applications_parse(&text, size % 2 == 0, list);
	require(count <= X2GO_APPLICATIONS_MAX);
	for (size_t i = 0; i < count; i++) {
		require(x2go_program_is_valid(list[i].command));
		require(list[i].title[0] != 0);
		require(wire_text_is_clean(list[i].title, strlen(list[i].title)));
		require(list[i].group < APPLICATION_GROUP_COUNT);
		if (i != 0) {
			require(strcasecmp(list[i - 1].title, list[i].title) <= 0);
			require(strcmp(list[i - 1].command, list[i].command) != 0);
		}
	}
	free(output);
	return 0;
}
