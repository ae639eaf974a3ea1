/* SPDX-License-Identifier: ISC */
/*
 * Which parts of the screen the browser shows as they were, since pictures of them were left out,
 * and which of them it is to be shown next: those that were asked for longest ago, so that what has
 * been still (where somebody types) comes before what changes all the time. In tiles. Pure. Runs in
 * x2goweb-session.
 */
#ifndef SESSION_DAMAGE_H
#define SESSION_DAMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAMAGE_TILE_PIXELS 64

struct damage_rect {
	int64_t x, y, width, height;
};

struct damage_tile;

struct damage {
	uint32_t width, height; /* of the screen; 0: not known, and nothing is noted */
	uint32_t columns, rows;
	struct damage_tile *tiles; /* by rows */
	size_t stale;		   /* tiles that are */
	uint64_t turn;
	double bytes_per_pixel; /* of pictures that came */
};

void damage_init(struct damage *damage);
void damage_finish(struct damage *damage);

/* The screen is shown whole, and is so large. Fails: false if memory is short. */
bool damage_set_screen(struct damage *damage, uint32_t width, uint32_t height);

/* All of it is shown, or will be soon. */
void damage_forget(struct damage *damage);

/* Of a picture, which may be anywhere. */
void damage_add(struct damage *damage, const struct damage_rect *rect);

/* A picture of so many pixels had so many bytes. */
void damage_learn(struct damage *damage, uint64_t bytes, uint64_t pixels);

/* What to ask for next, of which a picture has about so many bytes (a tile at the least), and which
 * counts as shown now. False: nothing. */
bool damage_take(struct damage *damage, uint64_t bytes, struct damage_rect *ret_rect);

/* All of it at once, if a picture of what it lies in has no more than about so many bytes. False:
 * it has more, or there is nothing. */
bool damage_take_all(struct damage *damage, uint64_t bytes, struct damage_rect *ret_rect);

#endif
