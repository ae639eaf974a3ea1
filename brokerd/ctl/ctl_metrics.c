/* SPDX-License-Identifier: ISC */
/*
 * The broker's metrics: as it gives them, for Prometheus, or as JSON, one object for each.
 */
#include <string.h>

#include "ctl.h"

/* NAME{LABEL="VALUE"} NUMBER, or without the part in braces; nothing in it has to be escaped. */
static void print_json_line(FILE *out, const char *line, size_t length)
{
	size_t name = strcspn(line, "{ "), label = 0, value = 0;
	const char *number = memchr(line, ' ', length), *labels = line + name + 1;

	if (number == NULL)
		return;
	fprintf(out, "{\"name\":\"%.*s\",\"labels\":{", (int)name, line);
	if (line[name] == '{') {
		label = strcspn(labels, "=");
		value = strcspn(labels + label + 2, "\"");
		fprintf(
		    out, "\"%.*s\":\"%.*s\"", (int)label, labels, (int)value, labels + label + 2);
	}
	number++;
	fprintf(out, "},\"value\":%.*s}", (int)(length - (size_t)(number - line)), number);
}

static void print_metrics(FILE *out, const char *text, bool json)
{
	const char *between = "";

	if (!json) {
		fputs(text, out);
		return;
	}
	fputc('[', out);
	for (size_t length; *text != 0; text += length + (text[length] != 0)) {
		length = strcspn(text, "\n");
		if (*text == '#' || length == 0)
			continue;
		fputs(between, out);
		print_json_line(out, text, length);
		between = ",\n";
	}
	fputs("]\n", out);
}

enum ctl_status ctl_metrics(struct ctl *ctl)
{
	struct message request, answer;
	enum ctl_status status;

	message_init(&request, MESSAGE_METRICS_GET, 0);
	status = ctl_ask(ctl, &request, &answer);
	if (status == CTL_STATUS_OK)
		print_metrics(ctl->out, answer.metrics.text, ctl->json);
	return status;
}
