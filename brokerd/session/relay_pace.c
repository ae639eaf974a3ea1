/* SPDX-License-Identifier: ISC */
#include "relay_pace.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "kdrive_events.h"
#include "timer.h"

#define NO_MASK (-1)

/* A message, or what is left of it. */
struct waiting {
	STAILQ_ENTRY(waiting) next;
	int first_mask, last_mask; /* of its key and button events, or NO_MASK */
	bool moves, clicks;	   /* begins with the pointer's motion; has buttons */
	size_t length;
	uint8_t units[];
};

struct relay_pace {
	bool (*send)(void *arg, const uint8_t *units, size_t length);
	void (*failed)(void *arg);
	void *arg;
	STAILQ_HEAD(, waiting) line;
	size_t bytes;
	struct event *due;
	int mask;		     /* that was sent last */
	uint64_t mask_ms, button_ms; /* when; 0: never */

	struct event *settle; /* until the size has been stable */
	uint8_t geometry[KDRIVE_EVENT_BYTES];
	uint64_t resized_ms; /* when a change of size came, or was sent, last; 0: never */
};

static uint32_t type_of(const uint8_t *unit)
{
	return unit[0] | (uint32_t)unit[1] << 8 | (uint32_t)unit[2] << 16 | (uint32_t)unit[3] << 24;
}

static bool has_mask(const uint8_t *unit)
{
	uint32_t type = type_of(unit);

	return type >= KDRIVE_EVENT_KEY_PRESS && type <= KDRIVE_EVENT_MOUSE_RELEASE;
}

static bool is_button(const uint8_t *unit)
{
	return type_of(unit) == KDRIVE_EVENT_MOUSE_PRESS ||
	       type_of(unit) == KDRIVE_EVENT_MOUSE_RELEASE;
}

static size_t length_of(const uint8_t *unit)
{
	return type_of(unit) == KDRIVE_EVENT_SELECTION ? kdrive_events_selection_bytes(unit)
						       : KDRIVE_EVENT_BYTES;
}

/* --- the line ------------------------------------------------------------------------------- */

static uint64_t due_ms(const struct relay_pace *pace, const struct waiting *message)
{
	uint64_t due = 0;

	if (message->first_mask != NO_MASK && pace->mask != NO_MASK &&
	    message->first_mask != pace->mask)
		due = pace->mask_ms + RELAY_PACE_GAP_MS;
	if (message->moves && pace->button_ms != 0 && due < pace->button_ms + RELAY_PACE_GAP_MS)
		due = pace->button_ms + RELAY_PACE_GAP_MS;
	return due;
}

static bool send_message(struct relay_pace *pace, const struct waiting *message, uint64_t now_ms)
{
	if (message->last_mask != NO_MASK) {
		pace->mask = message->last_mask;
		pace->mask_ms = now_ms;
	}
	if (message->clicks)
		pace->button_ms = now_ms;
	return message->length == 0 || pace->send(pace->arg, message->units, message->length);
}

static bool drain(struct relay_pace *pace)
{
	struct waiting *message;
	uint64_t now_ms = timer_now_ms();
	bool good = true;

	while (good && (message = STAILQ_FIRST(&pace->line)) != NULL) {
		uint64_t due = due_ms(pace, message);

		if (now_ms < due) {
			timer_start_ms(pace->due, (unsigned)(due - now_ms));
			break;
		}
		STAILQ_REMOVE_HEAD(&pace->line, next);
		pace->bytes -= message->length;
		good = send_message(pace, message, now_ms);
		free(message);
	}
	return good;
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct relay_pace *pace = arg;

	(void)fd;
	(void)what;
	if (!drain(pace))
		pace->failed(pace->arg);
}

static bool join(struct relay_pace *pace, struct waiting *message)
{
	STAILQ_INSERT_TAIL(&pace->line, message, next);
	pace->bytes += message->length;
	return event_pending(pace->due, EV_TIMEOUT, NULL) || drain(pace);
}

static struct waiting *make_message(size_t room)
{
	struct waiting *message = malloc(sizeof(*message) + room);

	if (message == NULL)
		return NULL;
	message->first_mask = message->last_mask = NO_MASK;
	message->moves = message->clicks = false;
	message->length = 0;
	return message;
}

static void add_unit(struct waiting *message, const uint8_t *unit, size_t length)
{
	if (has_mask(unit)) {
		message->last_mask = unit[4];
		if (message->first_mask == NO_MASK)
			message->first_mask = unit[4];
	}
	if (message->length == 0)
		message->moves = type_of(unit) == KDRIVE_EVENT_MOUSE_MOTION;
	message->clicks = message->clicks || is_button(unit);
	memcpy(message->units + message->length, unit, length);
	message->length += length;
}

/* --- changes of size ------------------------------------------------------------------------ */

/* Empties the agent's queue and changes the size before it draws again. */
static bool send_resize(struct relay_pace *pace)
{
	struct waiting *message = make_message(2 * KDRIVE_EVENT_BYTES);
	uint8_t rebuild[KDRIVE_EVENT_BYTES];

	pace->resized_ms = timer_now_ms();
	if (message == NULL)
		return false;
	kdrive_events_put_plain(rebuild, KDRIVE_EVENT_CACHE_REBUILD);
	add_unit(message, rebuild, sizeof(rebuild));
	add_unit(message, pace->geometry, sizeof(pace->geometry));
	return join(pace, message);
}

static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	struct relay_pace *pace = arg;

	(void)fd;
	(void)what;
	if (!send_resize(pace))
		pace->failed(pace->arg);
}

static bool take_resize(struct relay_pace *pace, const uint8_t *unit)
{
	uint64_t now_ms = timer_now_ms(), before_ms = pace->resized_ms;

	memcpy(pace->geometry, unit, sizeof(pace->geometry));
	pace->resized_ms = now_ms;
	if (before_ms == 0 || now_ms - before_ms >= RELAY_PACE_RESIZE_MS) {
		event_del(pace->settle);
		return send_resize(pace);
	}
	timer_start_ms(pace->settle, RELAY_PACE_RESIZE_MS);
	return true;
}

/* --- for the owner -------------------------------------------------------------------------- */

bool relay_pace_push(struct relay_pace *pace, const uint8_t *units, size_t length)
{
	struct waiting *message = make_message(length);
	const uint8_t *resize = NULL, *end = units + length;
	size_t step;

	if (message == NULL)
		return false;
	for (const uint8_t *unit = units; unit < end; unit += step) {
		const uint8_t *after = unit + KDRIVE_EVENT_BYTES;

		step = length_of(unit);
		if (type_of(unit) == KDRIVE_EVENT_GEOMETRY)
			resize = unit;
		else if (type_of(unit) != KDRIVE_EVENT_CACHE_REBUILD || after >= end ||
			 type_of(after) != KDRIVE_EVENT_GEOMETRY)
			add_unit(message, unit, step);
	}
	if (message->length == 0)
		free(message);
	else if (!join(pace, message))
		return false;
	return resize == NULL || take_resize(pace, resize);
}

size_t relay_pace_waiting(const struct relay_pace *pace)
{
	return pace->bytes;
}

void relay_pace_reset(struct relay_pace *pace)
{
	struct waiting *message;

	while ((message = STAILQ_FIRST(&pace->line)) != NULL) {
		STAILQ_REMOVE_HEAD(&pace->line, next);
		free(message);
	}
	pace->bytes = 0;
	pace->mask = NO_MASK;
	pace->button_ms = 0;
	pace->resized_ms = 0;
	event_del(pace->due);
	event_del(pace->settle);
}

struct relay_pace *relay_pace_create(struct event_base *base,
    bool (*send)(void *arg, const uint8_t *units, size_t length), void (*failed)(void *arg),
    void *arg)
{
	struct relay_pace *pace = calloc(1, sizeof(*pace));

	if (pace == NULL)
		return NULL;
	pace->send = send;
	pace->failed = failed;
	pace->arg = arg;
	pace->mask = NO_MASK;
	STAILQ_INIT(&pace->line);
	pace->due = evtimer_new(base, on_due, pace);
	pace->settle = evtimer_new(base, on_settled, pace);
	if (pace->due == NULL || pace->settle == NULL) {
		relay_pace_destroy(pace);
		return NULL;
	}
	return pace;
}

void relay_pace_destroy(struct relay_pace *pace)
{
	if (pace == NULL)
		return;
	if (pace->due != NULL && pace->settle != NULL)
		relay_pace_reset(pace);
	if (pace->due != NULL)
		event_free(pace->due);
	if (pace->settle != NULL)
		event_free(pace->settle);
	free(pace);
}
