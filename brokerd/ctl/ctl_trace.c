/* SPDX-License-Identifier: ISC */
/*
 * brokerctl trace: what is logged about logins, in every detail, as it happens.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "proto/log.h"

static enum ctl_colour colour_of(uint8_t level)
{
	if (level <= LOG_LEVEL_ERROR)
		return CTL_BAD;
	if (level == LOG_LEVEL_WARNING)
		return CTL_CARE;
	return level == LOG_LEVEL_DEBUG ? CTL_FAINT : CTL_PLAIN;
}

static const char *level_name(uint8_t level)
{
	if (level <= LOG_LEVEL_ERROR)
		return "error";
	if (level == LOG_LEVEL_WARNING)
		return "warning";
	return level == LOG_LEVEL_DEBUG ? "debug" : "info";
}

static void print_json(FILE *out, const struct message_traced *traced)
{
	struct ctl_json json = {.out = out};

	ctl_json_open(&json, NULL, '{');
	ctl_json_text(&json, "login", traced->login);
	ctl_json_uint(&json, "age_ms", traced->age_ms);
	ctl_json_text(&json, "level", level_name(traced->level));
	ctl_json_text(&json, "text", traced->text);
	ctl_json_bool(&json, "last", traced->last);
	ctl_json_close(&json, '}');
	fputc('\n', out);
}

/* The clock, the login, how long it had lived, the line. */
static void print_line(FILE *out, const struct ctl_look *look, const struct message_traced *traced)
{
	enum ctl_colour colour = colour_of(traced->level);
	char clock[16] = "";
	time_t now = time(NULL);
	struct tm local;

	if (localtime_r(&now, &local) != NULL)
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	fprintf(out, "%s%s %-8.8s %8" PRIu64 ".%03" PRIu64 "s%s  %s%s%s%s\n",
	    ctl_colour(look, CTL_FAINT), clock, ctl_or_dash(traced->login), traced->age_ms / 1000,
	    traced->age_ms % 1000, ctl_colour_end(look, CTL_FAINT), ctl_colour(look, colour),
	    traced->level <= LOG_LEVEL_WARNING
		? (traced->level <= LOG_LEVEL_ERROR ? "error: " : "warning: ")
		: "",
	    traced->text, ctl_colour_end(look, colour));
}

enum ctl_status ctl_trace(struct ctl *ctl)
{
	bool by_word = ctl->word_count != 0;
	struct message request, answer;
	struct record_whom whom;
	enum ctl_status status;

	if (by_word == ((ctl->options & CTL_OPTION_WHOM) != 0))
		return ctl_usage("trace wants a login, or one of --user, --server and --all");
	status = ctl_whom(ctl, by_word, &whom);
	if (status != CTL_STATUS_OK)
		return status;
	ctl_catch_interrupt(ctl);
	message_init(&request, MESSAGE_TRACE, 0);
	request.trace.whom_count = 1;
	request.trace.whom[0] = whom;
	if (!by_word && ctl->look.terminal && !ctl->json)
		fputs("Follows these logins, those to come as well, until Ctrl-C.\n", ctl->out);
	fflush(ctl->out);
	status = ctl_send(ctl, &request);
	while (status == CTL_STATUS_OK) {
		status = ctl_await(ctl, &answer, CTL_FOREVER);
		if (status != CTL_STATUS_OK)
			break;
		if (ctl->json)
			print_json(ctl->out, &answer.traced);
		else
			print_line(ctl->out, &ctl->look, &answer.traced);
		fflush(ctl->out);
		if (by_word && answer.traced.last)
			return CTL_STATUS_OK;
	}
	return ctl_is_interrupted(ctl) ? CTL_STATUS_OK : status;
}
