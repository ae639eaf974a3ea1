/* SPDX-License-Identifier: ISC */
/*
 * The keyboard layout of a running session. Runs in x2goweb-session.
 *
 *	list -> setxkbmap on the session's display -> answer
 */
#include <string.h>

#include "session.h"

static void on_set(struct operation *operation, const struct x2go_answer *answer)
{
	struct message message;
	char line[150];

	if (!operation_check(operation, answer))
		return;
	if (answer->exit_status == 0) {
		message_init(&message, MESSAGE_DONE, 0);
		operation_reply(operation, &message);
		return;
	}
	/* Of the server's keyboard compiler, as setxkbmap tells it. */
	operation_fail(operation,
	    strstr(answer->errors, "Error loading new keyboard description") != NULL
		? ERROR_LAYOUT_UNKNOWN
		: ERROR_X2GO_FAULT,
	    "setxkbmap says: %s", last_line(answer->errors, line, sizeof(line)));
}

static void on_list(struct operation *operation, const struct x2go_answer *answer)
{
	struct x2go_row rows[X2GO_ROWS_MAX];
	const struct x2go_row *row;
	size_t count;

	if (!operation_check(operation, answer) ||
	    !operation_read_list(operation, &answer->payload, rows, &count))
		return;
	row = x2go_list_find(rows, count, operation->target);
	if (row == NULL)
		operation_fail(operation, ERROR_NO_SUCH_SESSION, "it is not in the list");
	else if (row->session.status != SESSION_STATUS_RUNNING)
		operation_fail(operation, ERROR_BAD_REQUEST, "the session is not running");
	else
		operation_run(operation,
		    x2go_command_layout(
			&operation->command, row->session.display, operation->screen.layout),
		    SHORT_OUTPUT_BYTES, QUICK_DEADLINE_MS, on_set);
	explicit_bzero(rows, sizeof(rows));
}

void op_layout_begin(struct operation *operation)
{
	operation_run(operation, x2go_command_list(&operation->command), LIST_OUTPUT_BYTES,
	    LIST_DEADLINE_MS, on_list);
}
