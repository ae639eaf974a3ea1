/* SPDX-License-Identifier: ISC */
/*
 * What the browser sees by a line that is too slow for the agent's pictures: those are left out
 * (backlog_thin), and the agent is asked for parts of the screen as they are now, one after
 * another, each when the line has room for it. So what comes is never older than what stands on the
 * line.
 */
#include <event2/event.h>

#include "proto/log.h"

#include "relay_agent.h"
#include "relay_internal.h"
#include "timer.h"

/* An agent passes over what is outside of the screen, which may have changed; an answer is waited
 * for no longer. */
#define ANSWER_WAIT_MS 1000

/* Of the bytes that may be on their way: what the line has left of them when the next part is asked
 * for, and what that brings. */
#define LEFT_SHARE  2
#define BRING_SHARE 4
/* Left when the round trip is to be seen: what little comes all the time, as DELETED, does not
 * count. */
#define NEXT_TO_NONE 8

/* What the line carries in so long is as good as nothing. */
#define ALL_AT_ONCE_MS 50

static void ask(struct relay *relay, const struct damage_rect *rect)
{
	uint8_t event[KDRIVE_EVENT_BYTES];
	const char *reason;
	size_t length;

	kdrive_events_put_update(event, (uint32_t)rect->x, (uint32_t)rect->y, (uint32_t)rect->width,
	    (uint32_t)rect->height);
	/* The size is changing: the agent will show all of it. */
	if (kdrive_events_judge(&relay->events, event, sizeof(event), &length, &reason) !=
	    KDRIVE_VERDICT_PASS)
		return;
	relay->backlog.asked = *rect;
	relay->asked_ms = timer_now_ms();
	timer_start_ms(relay->turn, ANSWER_WAIT_MS);
	if (!relay_agent_send(relay->agent, event, sizeof(event)))
		relay_end(relay, ERROR_INTERNAL, NULL);
}

/* Whether an answer must be waited for. */
static bool is_answer_due(struct relay *relay, uint64_t now_ms)
{
	struct damage_rect *asked = &relay->backlog.asked;

	if (asked->width == 0)
		return false;
	if (now_ms - relay->asked_ms < ANSWER_WAIT_MS) {
		if (!event_pending(relay->turn, EV_TIMEOUT, NULL))
			timer_start_ms(relay->turn, ANSWER_WAIT_MS);
		return true;
	}
	log_debug("relay: the agent does not show a part of the screen");
	damage_add(&relay->backlog.damage, asked);
	*asked = (struct damage_rect){0};
	return false;
}

void relay_thin_ask(struct relay *relay)
{
	struct backlog *backlog = &relay->backlog;
	struct relay_flow *flow = &relay->flow;
	struct damage *damage = &backlog->damage;
	uint64_t now_ms = timer_now_ms(), sent = backlog->sent - flow->painted;
	size_t window = relay_flow_window(flow);
	struct damage_rect rect;

	if (backlog->state != BACKLOG_STATE_THIN || relay->agent == NULL ||
	    is_answer_due(relay, now_ms) || backlog_unsent(backlog) != 0)
		return;
	if (sent > window / (relay_flow_is_stale(flow, now_ms) ? NEXT_TO_NONE : LEFT_SHARE))
		return;
	/* An agent that goes on drawing never comes to an end with parts, so a line that is fast
	 * again gets all that is left at once. */
	if (damage_take_all(damage, (uint64_t)(flow->bytes_per_ms * ALL_AT_ONCE_MS), &rect)) {
		backlog_thicken(backlog);
		ask(relay, &rect);
	} else if (damage_take(damage, window / BRING_SHARE, &rect)) {
		ask(relay, &rect);
	} else {
		backlog_thicken(backlog);
	}
}
