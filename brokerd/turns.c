/* SPDX-License-Identifier: ISC */
#include "turns.h"

#include <event2/event.h>
#include <string.h>

/* The first in line for whose name there is room; NULL if there is none. */
static struct turn *find_next(const struct turns *turns)
{
	struct turn *turn, *other;

	TAILQ_FOREACH(turn, &turns->line, next)
	{
		unsigned begun = 0;

		if (turn->begun)
			continue;
		TAILQ_FOREACH(other, &turns->line, next)
		begun += other->begun && strcmp(other->name, turn->name) == 0;
		if (begun < turn->limit)
			return turn;
	}
	return NULL;
}

static void on_next(evutil_socket_t fd, short what, void *arg)
{
	struct turns *turns = arg;
	struct turn *turn;

	(void)fd;
	(void)what;
	/* The line may have changed whenever somebody has begun. */
	while ((turn = find_next(turns)) != NULL) {
		turn->begun = true;
		turn->begin(turn->arg);
	}
}

bool turns_init(struct turns *turns, struct event_base *base)
{
	TAILQ_INIT(&turns->line);
	turns->next = evtimer_new(base, on_next, turns);
	return turns->next != NULL;
}

void turns_finish(struct turns *turns)
{
	if (turns->next != NULL)
		event_free(turns->next);
	turns->next = NULL;
}

void turn_wait(struct turns *turns, struct turn *turn, const char *name, unsigned limit,
    void (*begin)(void *arg), void *arg)
{
	*turn = (struct turn){.turns = turns, .limit = limit, .begin = begin, .arg = arg};
	strncpy(turn->name, name, sizeof(turn->name) - 1);
	TAILQ_INSERT_TAIL(&turns->line, turn, next);
	event_active(turns->next, EV_TIMEOUT, 0);
}

void turn_end(struct turn *turn)
{
	if (turn->turns == NULL)
		return;
	TAILQ_REMOVE(&turn->turns->line, turn, next);
	event_active(turn->turns->next, EV_TIMEOUT, 0);
	turn->turns = NULL;
}

bool turn_is_waiting(const struct turn *turn)
{
	return turn->turns != NULL && !turn->begun;
}
