/* SPDX-License-Identifier: ISC */
#include "relay_rouse.h"

#include <event2/event.h>
#include <string.h>

#include "proto/log.h"

#include "relay_agent.h"
#include "relay_internal.h"
#include "relay_pace.h"
#include "timer.h"

/* At a time; and as often as it takes to fill the largest chunk that we let pass. */
#define FEED_EVENTS 3200
#define FEEDS_MAX   (KDRIVE_UNIT_BYTES_MAX / (FEED_EVENTS * KDRIVE_EVENT_BYTES) + 1)

static void on_unheard(evutil_socket_t fd, short what, void *arg)
{
	struct relay *relay = arg;
	static uint8_t feed[(FEED_EVENTS + 1) * KDRIVE_EVENT_BYTES];

	(void)fd;
	(void)what;
	if (relay->agent == NULL || !relay_is_streaming(relay) || relay->feeds == FEEDS_MAX)
		return;
	timer_start_ms(relay->unheard, relay->rouse_ms);
	/* It reads nothing at all at the moment. */
	if (relay_agent_unsent(relay->agent) != 0)
		return;
	relay->feeds++;
	log_info("relay: the agent does not answer: feeding it, %u of %d", relay->feeds, FEEDS_MAX);
	for (size_t i = 0; i < FEED_EVENTS; i++)
		kdrive_events_put_plain(feed + i * KDRIVE_EVENT_BYTES, KDRIVE_EVENT_KEEPALIVE);
	kdrive_events_put_version(feed + FEED_EVENTS * KDRIVE_EVENT_BYTES);
	if (!relay_agent_send(relay->agent, feed, sizeof(feed)))
		relay_end(relay, ERROR_INTERNAL, NULL);
}

bool relay_rouse_init(struct relay *relay)
{
	relay->unheard = evtimer_new(relay->base, on_unheard, relay);
	return relay->unheard != NULL;
}

void relay_rouse_begin(struct relay *relay)
{
	relay->feeds = 0;
	timer_start_ms(relay->unheard, relay->rouse_ms);
}

void relay_rouse_note(struct relay *relay)
{
	uint8_t geometry[KDRIVE_EVENT_BYTES];

	if (!relay->backlog.introduced || !event_pending(relay->unheard, EV_TIMEOUT, NULL))
		return;
	event_del(relay->unheard);
	if (relay->feeds == 0)
		return;
	/* The size went the way of the opening. */
	kdrive_events_put_geometry(geometry, relay->events.width, relay->events.height);
	if (!relay_pace_push(relay->pace, geometry, sizeof(geometry)))
		relay_end(relay, ERROR_INTERNAL, NULL);
}
