/* SPDX-License-Identifier: ISC */
/*
 * brokerctl drain and undrain: no new logins, a countdown of those that there are, and their end.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "ctl.h"

#define LOOK_EVERY_MS 1000
/* After the end was ordered; [deadlines] stop is usually less. */
#define END_WAIT_S 30

struct draining {
	struct ctl *ctl;
	struct message_said said;
	uint32_t logins;  /* that there are */
	uint32_t printed; /* the number that was said last */
	uint32_t ended;	  /* by order */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum ctl_status order(struct ctl *ctl, enum drain mode)
{
	struct message request, answer;

	message_init(&request, MESSAGE_DRAIN, 0);
	request.drain.mode = (uint8_t)mode;
	return ctl_ask(ctl, &request, &answer);
}

static enum ctl_status count_logins(struct draining *drain)
{
	struct message request, answer;
	enum ctl_status status;

	message_init(&request, MESSAGE_STATUS_GET, 0);
	status = ctl_ask(drain->ctl, &request, &answer);
	if (status == CTL_STATUS_OK)
		drain->logins = answer.status.logins;
	return status;
}

static enum ctl_status tell(struct draining *drain)
{
	static const struct record_whom all = {.all = 1};
	struct ctl *ctl = drain->ctl;
	struct message answer;
	enum ctl_status status;

	if (ctl->message == NULL || drain->logins == 0)
		return CTL_STATUS_OK;
	status = ctl_say(ctl, &all, &ctl->message, 1, &answer);
	/* The last one may just have gone. */
	if (status != CTL_STATUS_OK)
		return status == CTL_STATUS_FAILED ? CTL_STATUS_OK : status;
	drain->said = answer.said;
	if (!ctl->json)
		ctl_print_said(ctl->out, &answer.said);
	return CTL_STATUS_OK;
}

/* On a terminal one line that changes, else a line for each change of the number. */
static void print_countdown(struct draining *drain, const char *what, uint64_t left_ms)
{
	const struct ctl *ctl = drain->ctl;
	uint64_t left_s = (left_ms + 999) / 1000;
	char text[CTL_TEXT_BYTES];

	if (ctl->json || (!ctl->look.terminal && drain->printed == drain->logins))
		return;
	drain->printed = drain->logins;
	fprintf(ctl->out, "%s%s left, %s in %" PRIu64 ":%02" PRIu64 "%s",
	    ctl->look.terminal ? "\r\33[K" : "", ctl_count(drain->logins, "login", text), what,
	    left_s / 60, left_s % 60, ctl->look.terminal ? "" : "\n");
	fflush(ctl->out);
}

/* The line that changed stays as it is. */
static void end_countdown(const struct draining *drain)
{
	if (drain->ctl->look.terminal && drain->printed != UINT32_MAX && !drain->ctl->json)
		fputc('\n', drain->ctl->out);
}

/* Until none is left, the time is over, or SIGINT comes. */
static enum ctl_status wait_for_all(struct draining *drain, const char *what, unsigned wait_s)
{
	uint64_t end = now_ms() + (uint64_t)wait_s * 1000, now;
	enum ctl_status status = CTL_STATUS_OK;
	struct message nothing;

	drain->printed = UINT32_MAX;
	while (drain->logins != 0 && (now = now_ms()) < end) {
		print_countdown(drain, what, end - now);
		ctl_await(drain->ctl, &nothing,
		    end - now < LOOK_EVERY_MS ? (int)(end - now) : LOOK_EVERY_MS);
		if (ctl_is_interrupted(drain->ctl)) {
			status = CTL_STATUS_FAILED;
			break;
		}
		status = count_logins(drain);
		if (status != CTL_STATUS_OK)
			break;
	}
	end_countdown(drain);
	return status;
}

static enum ctl_status end_the_rest(struct draining *drain)
{
	enum ctl_status status;

	drain->ended = drain->logins;
	status = order(drain->ctl, DRAIN_END);
	if (status == CTL_STATUS_OK)
		status = wait_for_all(drain, "their processes' end", END_WAIT_S);
	return status;
}

static void report(const struct draining *drain)
{
	const struct ctl *ctl = drain->ctl;
	struct ctl_json json = {.out = ctl->out};
	char text[CTL_TEXT_BYTES];

	if (ctl->json) {
		ctl_json_open(&json, NULL, '{');
		ctl_json_bool(&json, "draining", true);
		ctl_json_uint(&json, "logins", drain->logins);
		ctl_json_uint(&json, "ended", drain->ended);
		ctl_json_uint(&json, "told", drain->said.pages + drain->said.later);
		ctl_json_close(&json, '}');
		fputc('\n', ctl->out);
		return;
	}
	if (drain->logins == 0)
		fprintf(ctl->out, "%sNobody is logged in any more.%s\n",
		    ctl_colour(&ctl->look, CTL_GOOD), ctl_colour_end(&ctl->look, CTL_GOOD));
	else
		fprintf(ctl->out, "%s go%s on.\n", ctl_count(drain->logins, "login", text),
		    drain->logins == 1 ? "es" : "");
	if (drain->ended != 0)
		fprintf(ctl->out, "%s ended by order; X2Go sessions are suspended.\n",
		    ctl_count(drain->ended, "login", text));
	fputs("No new logins are taken; brokerctl undrain changes that.\n", ctl->out);
}

enum ctl_status ctl_drain(struct ctl *ctl)
{
	struct draining drain = {.ctl = ctl};
	bool waits = (ctl->options & CTL_OPTION_WAIT) != 0;
	enum ctl_status status;

	if (waits)
		ctl_catch_interrupt(ctl);
	status = order(ctl, DRAIN_ON);
	if (status == CTL_STATUS_OK)
		status = count_logins(&drain);
	if (status == CTL_STATUS_OK)
		status = tell(&drain);
	if (status == CTL_STATUS_OK && waits)
		status = wait_for_all(&drain, "the end", ctl->wait_s);
	if (status == CTL_STATUS_OK && waits && drain.logins != 0)
		status = end_the_rest(&drain);
	if (status == CTL_STATUS_OK || ctl_is_interrupted(ctl))
		report(&drain);
	return status == CTL_STATUS_OK && waits && drain.logins != 0 ? CTL_STATUS_FAILED : status;
}

enum ctl_status ctl_undrain(struct ctl *ctl)
{
	enum ctl_status status = order(ctl, DRAIN_OFF);

	if (status == CTL_STATUS_OK)
		ctl_print_done(ctl, "Logins are taken again.", "draining", false);
	return status;
}
