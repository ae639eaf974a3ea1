/* SPDX-License-Identifier: ISC */
/*
 * What the agent has said and the browser has not acknowledged, in stream order (docs/stream.md):
 * first what has been sent, kept to be sent again, then what has not. Pictures that nobody was sent
 * yet can be shed, in whole messages. Positions are counted here and nowhere else. Runs in
 * x2goweb-session; knows neither sockets nor when to do what.
 *
 *	base		      sent			 end
 *	 |  kept, in order     |  unsent, by messages	  |
 */
#ifndef SESSION_BACKLOG_H
#define SESSION_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "damage.h"
#include "kdrive_frames.h"

struct evbuffer;

enum backlog_state {
	BACKLOG_STATE_OPEN,	/* everything is taken */
	BACKLOG_STATE_THIN,	/* pictures that stand by themselves, a few at a time */
	BACKLOG_STATE_SHEDDING, /* no pictures until REINIT */
	BACKLOG_STATE_BLIND	/* no pictures until told */
};

struct backlog_mark;

struct backlog {
	enum backlog_state state;
	struct evbuffer *kept, *unsent;
	size_t piece_bytes_min; /* less is copied, so that a little never holds much memory */
	uint64_t base, sent, end;
	uint64_t selection_end; /* of the last selection's bytes before end */
	struct kdrive_frames frames;

	/* Messages that begin in unsent, in order. */
	struct backlog_mark *marks;
	size_t mark_count, mark_room;
	size_t marked_bytes;
	size_t picture_bytes; /* of those that could be shed */

	bool plain;	    /* set by the owner: nothing that upstream's client does not know */
	bool renewed;	    /* plain: REINIT has come, for the owner to clear and ask the screen */
	bool open_marked;   /* the message that is coming in has the last mark */
	bool dropping;	    /* it is left out */
	bool whole;	    /* nothing has ever been left out */
	bool introduced;    /* the agent has told its version, or shown something */
	bool much;	    /* came at the last read */
	bool refreshed;	    /* a picture of the whole screen has been sent since the last REINIT */
	bool selection_cut; /* pieces of one were left out: the rest of it is, too */
	bool reinit_due;    /* ours, when the message that is coming in ends */
	/* Its first bytes, while they do not show what it is, and it may be left out. */
	uint8_t limbo[KDRIVE_HEADER_BYTES];
	size_t limbo_bytes;

	struct damage damage; /* by pictures that were left out while thin */
	size_t thin_bytes;    /* of pictures that may be unsent then */
	/* An UPDATE of ours that is not answered (width 0: none), and its answer's bytes. */
	struct damage_rect asked;
	uint64_t answer_bytes;
	bool answering; /* the message that is coming in does */
};

/* Fails: false if memory is short; then, too, backlog_finish is due. */
bool backlog_init(struct backlog *backlog);
void backlog_finish(struct backlog *backlog);
/* A new stream begins at position 0. */
void backlog_reset(struct backlog *backlog);

/* Reads once from the agent, by read, which returns bytes (> 0), 0 when there is nothing now, -1 at
 * the end; so does this. *ret_broken: what came is no KDrive stream, or memory is short: what is
 * there ends before that, and nothing more may be read. */
ssize_t backlog_fill(struct backlog *backlog, ssize_t (*read)(void *arg, void *buffer, size_t size),
    void *arg, bool *ret_broken);

/* Whoever sends moves bytes from the front of unsent, and puts them (or copies that share their
 * memory) at the end of kept; then says here how many. */
void backlog_note_sent(struct backlog *backlog, size_t bytes);

/* All before position has been received. Fails: false, with nothing done, if it has not been sent.
 * A position that is acknowledged already is no news. */
bool backlog_acknowledge(struct backlog *backlog, uint64_t position);

/* Whether a browser that has received all before position can be given the rest, without a gap. */
bool backlog_reaches(const struct backlog *backlog, uint64_t position);
/* Does that: what was sent from there on is unsent again. Only if it reaches. */
void backlog_rewind(struct backlog *backlog, uint64_t position);

/* Leaves out all pictures that are not on their way, and those that come until the agent answers
 * CACHEREBUILD, which the caller sends. all: everything else that is not on its way and may be
 * large, too. Fails: false if memory is short. */
bool backlog_shed(struct backlog *backlog, bool all);

/* Leaves out the pictures that are not on their way and that the agent's cache has a part in, and
 * those that come, until the next call of backlog_thicken. Others are taken as long as no more than
 * so many bytes of pictures are unsent. What was left out is noted as damage; who asks for it says
 * so by backlog->asked. Only if the screen's size is known (backlog_knows_screen). Fails: false if
 * memory is short. */
bool backlog_thin(struct backlog *backlog, size_t bytes);
void backlog_thicken(struct backlog *backlog);
bool backlog_knows_screen(const struct backlog *backlog);

/* As backlog_shed, but until the next call with false, after which REINIT is awaited: CACHEREBUILD
 * is sent then. */
bool backlog_set_blind(struct backlog *backlog, bool blind);

/* For a browser that has no part of the stream: also what is kept, and the rest of a message that
 * is cut, are left out. Everything begins anew at backlog->sent, which nobody reaches who was there
 * before. Fails: false if memory is short. */
bool backlog_start_afresh(struct backlog *backlog);

/* No answer will come to CACHEREBUILD: a REINIT of ours is put where the next message would begin,
 * and everything is taken again. Fails: false if memory is short. */
bool backlog_give_up_waiting(struct backlog *backlog);

/* Bytes that are not acknowledged: on their way, and of pictures that are not. */
size_t backlog_in_flight(const struct backlog *backlog);
size_t backlog_unsent(const struct backlog *backlog);
size_t backlog_pictures(const struct backlog *backlog);

#endif
