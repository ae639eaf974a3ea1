/* SPDX-License-Identifier: ISC */
/*
 * A backlog under a schedule: an agent that says numbered messages and answers CACHEREBUILD, a
 * relay that sends, sheds, thins, asks and rewinds, a browser that loses its connection. What the
 * browser has in the end is compared with what the agent said. Who runs it chooses what happens.
 */
#ifndef TESTS_BACKLOG_WORLD_H
#define TESTS_BACKLOG_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "brokerd/session/backlog.h"

#define AGENT_BYTES 65536
/* Where pictures are, side by side; one line of them is the screen. */
#define WORLD_PLACES 8

struct agent {
	uint8_t bytes[AGENT_BYTES];
	size_t length, read;
	uint32_t number;   /* of its last message */
	uint32_t rebuilds; /* asked for, not answered */
	uint32_t reinits;
	uint32_t dear; /* messages that are never left out for who has heard all before */
	bool nonsense; /* the last thing that it said is no message */
	bool silent;   /* the last thing that it said will not end */
};

struct browser {
	uint64_t position;
	struct kdrive_frames frames;
	uint8_t head[KDRIVE_HEADER_BYTES];
	size_t head_bytes, received; /* of the message */
	uint32_t last;		     /* number of the last message that began */
	bool may_miss_others;	     /* more than pictures have been left out */
	bool may_miss_demands;
	bool gap; /* pictures were left out: none may come before REINIT */
	/* Pictures that were left out one by one: their places are to be asked for. */
	bool stale[WORLD_PLACES];
	bool begun_anew; /* by a REINIT that was the last message */
	uint32_t messages, pictures;
};

struct backlog_world {
	/* Chooses; below limit. */
	uint32_t (*below)(uint32_t limit);
	struct agent agent;
	struct browser browser;
	struct backlog backlog;
	size_t most_bytes; /* that may wait; 0: any */
	/* Sent, not arrived: lost when the connection is. */
	uint8_t wire[AGENT_BYTES];
	size_t wire_bytes;
	bool given_up; /* waiting for an answer to CACHEREBUILD, at least once */
	bool thinned;  /* pictures may have been left out one by one */
};

extern struct backlog_world world;

/* Everything but the chooser as at the start; the backlog is reset. */
void world_reset(void);

/* The agent says one message of this type. Nothing when it has said enough. */
void world_say(enum kdrive_message type);
/* Something, or a REINIT if it was asked for one. */
void world_let_agent_speak(void);
/* Header bytes that may mean anything, and data as long as they announce. Nothing more is said
 * after nonsense. */
void world_say_anything(const uint8_t header[KDRIVE_HEADER_BYTES]);

/* What the backlog reads the agent by. */
ssize_t world_read_agent(void *arg, void *buffer, size_t size);
/* Reads once. False: the agent's nonsense has been found. */
bool world_fill(void);
void world_send_some(void);
/* One thing that a relay or a network does. False as world_fill. */
bool world_step(void);
/* Lets everything arrive. */
void world_settle(void);

#endif
