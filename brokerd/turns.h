/* SPDX-License-Identifier: ISC */
/*
 * Turns: of what an X2Go server bears only so much of at once, a few at a time begin, the others
 * wait in line. sshd drops connections that have not logged in when there are about ten of them
 * (MaxStartups), and x2gostartagent run side by side too often collides with itself over display
 * numbers. Runs in x2goweb-brokerd; does not know what a turn is for.
 */
#ifndef BROKERD_TURNS_H
#define BROKERD_TURNS_H

#include <stdbool.h>
#include <sys/queue.h>

/* A user, "@", and a host with its port. */
#define TURN_NAME_BYTES 336

struct event;
struct event_base;

/* A place in the line or among those whose turn it is; embedded, zeroed at first. */
struct turn {
	TAILQ_ENTRY(turn) next;	    /* turns.line */
	struct turns *turns;	    /* NULL: neither */
	char name[TURN_NAME_BYTES]; /* of what bears so many */
	unsigned limit;
	bool begun;
	void (*begin)(void *arg);
	void *arg;
};

/* One line for all names; each name's turns are counted for themselves. */
struct turns {
	TAILQ_HEAD(, turn) line;
	struct event *next;
};

/* Fails: false if memory is short. */
bool turns_init(struct turns *turns, struct event_base *base);
void turns_finish(struct turns *turns);

/* Joins the line. begin is called from the event loop once fewer than limit others of this name
 * are at it; it may call turn_end. */
void turn_wait(struct turns *turns, struct turn *turn, const char *name, unsigned limit,
    void (*begin)(void *arg), void *arg);

/* Done, or not wanted any more. Nothing is done if turn is in no line. */
void turn_end(struct turn *turn);

/* Whether it waits for its turn to come. */
bool turn_is_waiting(const struct turn *turn);

#endif
