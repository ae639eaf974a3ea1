/* SPDX-License-Identifier: ISC */
#include "damage.h"

#include <stdlib.h>
#include <string.h>

/* More than any decoder takes (facts of the protocol: section 8). */
#define SIDE_MAX 16384u

/* Until pictures have come, and how much the next one counts. */
#define BYTES_PER_PIXEL_FIRST 0.4
#define BYTES_PER_PIXEL_LEAST 0.01
#define LEARNT_SHARE	      0.25

struct damage_tile {
	uint64_t asked; /* the turn in which it was */
	bool stale;
};

void damage_init(struct damage *damage)
{
	*damage = (struct damage){.bytes_per_pixel = BYTES_PER_PIXEL_FIRST};
}

void damage_finish(struct damage *damage)
{
	free(damage->tiles);
	damage_init(damage);
}

bool damage_set_screen(struct damage *damage, uint32_t width, uint32_t height)
{
	uint32_t columns = (width + DAMAGE_TILE_PIXELS - 1) / DAMAGE_TILE_PIXELS;
	uint32_t rows = (height + DAMAGE_TILE_PIXELS - 1) / DAMAGE_TILE_PIXELS;
	struct damage_tile *tiles;

	damage_forget(damage);
	if (width == damage->width && height == damage->height)
		return true;
	if (width == 0 || height == 0 || width > SIDE_MAX || height > SIDE_MAX) {
		damage_finish(damage);
		return true;
	}
	tiles = calloc((size_t)columns * rows, sizeof(*tiles));
	if (tiles == NULL)
		return false;
	free(damage->tiles);
	damage->tiles = tiles;
	damage->width = width;
	damage->height = height;
	damage->columns = columns;
	damage->rows = rows;
	damage->turn = 0;
	return true;
}

void damage_forget(struct damage *damage)
{
	for (size_t i = 0; damage->stale != 0 && i < (size_t)damage->columns * damage->rows; i++)
		damage->tiles[i].stale = false;
	damage->stale = 0;
}

static struct damage_tile *tile_at(const struct damage *damage, uint32_t column, uint32_t row)
{
	return &damage->tiles[(size_t)row * damage->columns + column];
}

static int64_t clamp(int64_t value, int64_t most)
{
	return value < 0 ? 0 : value > most ? most : value;
}

void damage_add(struct damage *damage, const struct damage_rect *rect)
{
	int64_t left = clamp(rect->x, damage->width);
	int64_t top = clamp(rect->y, damage->height);
	int64_t right = clamp(rect->x + rect->width, damage->width);
	int64_t bottom = clamp(rect->y + rect->height, damage->height);

	if (left >= right || top >= bottom)
		return;
	for (int64_t row = top / DAMAGE_TILE_PIXELS; row * DAMAGE_TILE_PIXELS < bottom; row++)
		for (int64_t column = left / DAMAGE_TILE_PIXELS;
		     column * DAMAGE_TILE_PIXELS < right; column++) {
			struct damage_tile *tile = tile_at(damage, (uint32_t)column, (uint32_t)row);

			damage->stale += !tile->stale;
			tile->stale = true;
		}
}

void damage_learn(struct damage *damage, uint64_t bytes, uint64_t pixels)
{
	double now = (double)bytes / (double)(pixels != 0 ? pixels : 1);

	damage->bytes_per_pixel += (now - damage->bytes_per_pixel) * LEARNT_SHARE;
	if (damage->bytes_per_pixel < BYTES_PER_PIXEL_LEAST)
		damage->bytes_per_pixel = BYTES_PER_PIXEL_LEAST;
}

static size_t find_oldest(const struct damage *damage)
{
	size_t count = (size_t)damage->columns * damage->rows, oldest = count;

	for (size_t i = 0; i < count; i++)
		if (damage->tiles[i].stale &&
		    (oldest == count || damage->tiles[i].asked < damage->tiles[oldest].asked))
			oldest = i;
	return oldest;
}

/* Whether so many tiles of a row are all stale. */
static bool is_stale(const struct damage *damage, uint32_t column, uint32_t row, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!tile_at(damage, column + i, row)->stale)
			return false;
	return true;
}

static double tile_bytes(const struct damage *damage)
{
	return damage->bytes_per_pixel * DAMAGE_TILE_PIXELS * DAMAGE_TILE_PIXELS;
}

/* These tiles count as shown now. */
static void take_tiles(struct damage *damage, uint32_t column, uint32_t row, uint32_t width,
    uint32_t height, struct damage_rect *ret_rect)
{
	damage->turn++;
	for (uint32_t i = 0; i < width * height; i++) {
		struct damage_tile *tile = tile_at(damage, column + i % width, row + i / width);

		damage->stale -= tile->stale;
		tile->stale = false;
		tile->asked = damage->turn;
	}
	ret_rect->x = (int64_t)column * DAMAGE_TILE_PIXELS;
	ret_rect->y = (int64_t)row * DAMAGE_TILE_PIXELS;
	ret_rect->width =
	    clamp(ret_rect->x + (int64_t)width * DAMAGE_TILE_PIXELS, damage->width) - ret_rect->x;
	ret_rect->height =
	    clamp(ret_rect->y + (int64_t)height * DAMAGE_TILE_PIXELS, damage->height) - ret_rect->y;
}

bool damage_take(struct damage *damage, uint64_t bytes, struct damage_rect *ret_rect)
{
	double most = (double)bytes / tile_bytes(damage); /* tiles */
	uint32_t column, row, width = 1, height = 1;
	size_t oldest;

	if (damage->stale == 0)
		return false;
	oldest = find_oldest(damage);
	column = (uint32_t)(oldest % damage->columns);
	row = (uint32_t)(oldest / damage->columns);
	while (width + 1 <= most && column + width < damage->columns &&
	       is_stale(damage, column + width, row, 1))
		width++;
	for (; width + 1 <= most && column > 0 && is_stale(damage, column - 1, row, 1); column--)
		width++;
	while ((double)width * (height + 1) <= most && row + height < damage->rows &&
	       is_stale(damage, column, row + height, width))
		height++;
	take_tiles(damage, column, row, width, height, ret_rect);
	return true;
}

bool damage_take_all(struct damage *damage, uint64_t bytes, struct damage_rect *ret_rect)
{
	uint32_t left = damage->columns, top = damage->rows, right = 0, bottom = 0;

	if (damage->stale == 0)
		return false;
	for (uint32_t row = 0; row < damage->rows; row++)
		for (uint32_t column = 0; column < damage->columns; column++) {
			if (!tile_at(damage, column, row)->stale)
				continue;
			left = column < left ? column : left;
			top = row < top ? row : top;
			right = column + 1 > right ? column + 1 : right;
			bottom = row + 1;
		}
	if ((double)bytes < tile_bytes(damage) * (right - left) * (bottom - top))
		return false;
	take_tiles(damage, left, top, right - left, bottom - top, ret_rect);
	return true;
}
