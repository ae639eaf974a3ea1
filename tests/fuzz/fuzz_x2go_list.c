/* links: proto brokerd/session/x2go_list.c brokerd/session/x2go_command.c */
/* links: brokerd/session/x2go_desktops.c */
/* SPDX-License-Identifier: ISC */
/*
 * Everything that reads what an X2Go server prints. What is accepted must hold what its readers
 * rely on: ids that can be sent back, texts that end, fields that PROTO can carry.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "brokerd/session/x2go_command.h"
#include "brokerd/session/x2go_list.h"
#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void check_row(const struct x2go_row *row)
{
	static struct x2go_command command;
	struct x2go_id id;

	strcpy(command.nonce, "0123456789abcdef");
	require(x2go_id_parse(row->session.id, strlen(row->session.id), &id));
	require(x2go_command_terminate(&command, row->session.id));
	require(strpbrk(row->session.id, "'/ \n") == NULL);
	require(wire_text_is_clean(row->session.server, strlen(row->session.server)));
	require(wire_text_is_clean(row->session.created, strlen(row->session.created)));
	require(
	    row->session.status < SESSION_STATUS_COUNT && row->session.kind < SESSION_KIND_COUNT);
	require((row->pid == 0) == (strlen(row->cookie) != X2GO_COOKIE_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct x2go_row rows[X2GO_ROWS_MAX];
	struct x2go_started started;
	struct x2go_text text, section;
	char *output = malloc(size + 1), program[64];
	uint16_t port;
	size_t count;

	memcpy(output, data, size);
	output[size] = 0;
	text = (struct x2go_text){output, strlen(output)};
	if (x2go_list_parse(&text, rows, &count)) {
		require(count <= X2GO_ROWS_MAX);
		for (size_t i = 0; i < count; i++)
			check_row(&rows[i]);
	}
	if (x2go_started_parse(&text, &started))
		require(strlen(started.cookie) == X2GO_COOKIE_BYTES && started.graphics_port != 0);
	if (x2go_resumed_parse(&text, &port))
		require(port != 0);
	if (x2go_program_missing(&text, program, sizeof(program)))
		require(wire_text_is_clean(program, strlen(program)));
	x2go_state_parse(&text);
	if (x2go_section_find(output, "0", NULL, &section))
		require(section.start >= output && section.start + section.length <= output + size);
	free(output);
	return 0;
}
