/* SPDX-License-Identifier: ISC */
#include "penalty_table.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	struct penalty_key key; /* first: the tree compares entries as keys */
	uint64_t ends_ms;
	bool counts;  /* once enough has come together, until it is over */
	size_t place; /* in the heap */
};

/* Each entry stands in both: in the C library's balanced tree by its key, and in a heap in which
 * the first to end is on top. */
struct penalty_table {
	void *tree;
	struct kept **heap;
	size_t count, capacity;
};

struct penalty_table *penalty_table_create(void)
{
	return calloc(1, sizeof(struct penalty_table));
}

void penalty_table_destroy(struct penalty_table *table)
{
	if (table == NULL)
		return;
	tdestroy(table->tree, free);
	free(table->heap);
	free(table);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct penalty_key));
}

static struct kept *find(const struct penalty_table *table, const struct penalty_key *key)
{
	struct kept *const *found = tfind(key, &table->tree, compare);

	return found != NULL ? *found : NULL;
}

static void put(struct penalty_table *table, size_t place, struct kept *entry)
{
	table->heap[place] = entry;
	entry->place = place;
}

static void move_up(struct penalty_table *table, struct kept *entry)
{
	size_t place = entry->place;

	while (place != 0 && table->heap[(place - 1) / 2]->ends_ms > entry->ends_ms) {
		put(table, place, table->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	put(table, place, entry);
}

static void move_down(struct penalty_table *table, struct kept *entry)
{
	size_t place = entry->place, child;

	while ((child = 2 * place + 1) < table->count) {
		if (child + 1 < table->count &&
		    table->heap[child + 1]->ends_ms < table->heap[child]->ends_ms)
			child++;
		if (table->heap[child]->ends_ms >= entry->ends_ms)
			break;
		put(table, place, table->heap[child]);
		place = child;
	}
	put(table, place, entry);
}

static void forget_first(struct penalty_table *table)
{
	struct kept *first = table->heap[0], *last = table->heap[--table->count];

	tdelete(first, &table->tree, compare);
	if (last != first) {
		put(table, 0, last);
		move_down(table, last);
	}
	free(first);
}

static bool grow(struct penalty_table *table)
{
	size_t capacity = table->capacity != 0 ? 2 * table->capacity : 64;
	struct kept **heap;

	if (table->count < table->capacity)
		return true;
	heap = realloc(table->heap, capacity * sizeof(*heap));
	if (heap == NULL)
		return false;
	table->heap = heap;
	table->capacity = capacity;
	return true;
}

static struct kept *add(
    struct penalty_table *table, const struct penalty_key *key, uint64_t ends_ms)
{
	struct kept *entry = calloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->key = *key;
	entry->ends_ms = ends_ms;
	if (!grow(table) || tsearch(entry, &table->tree, compare) == NULL) {
		free(entry);
		return NULL;
	}
	put(table, table->count++, entry);
	move_up(table, entry);
	return entry;
}

/* What comes together of before, if it is not over, and penalty_ms. */
static uint64_t add_up(const struct kept *entry, uint64_t penalty_ms,
    const struct penalty_rules *rules, uint64_t now_ms, bool *ret_counts)
{
	uint64_t total_ms = penalty_ms + (entry != NULL ? entry->ends_ms - now_ms : 0);

	*ret_counts = (entry != NULL && entry->counts) || total_ms >= rules->min_ms;
	return *ret_counts && total_ms > rules->max_ms ? rules->max_ms : total_ms;
}

bool penalty_table_add(struct penalty_table *table, const struct penalty_key *key,
    uint64_t penalty_ms, const struct penalty_rules *rules, uint64_t now_ms)
{
	struct kept *entry;
	uint64_t ends_ms;
	bool counts, counted;

	if (penalty_ms == 0)
		return false;
	while (table->count != 0 && table->heap[0]->ends_ms <= now_ms)
		forget_first(table);
	entry = find(table, key);
	ends_ms = now_ms + add_up(entry, penalty_ms, rules, now_ms, &counts);
	if (entry == NULL) {
		/* A configuration that was read anew may allow fewer. */
		while (table->count >= rules->entries) {
			if (table->heap[0]->ends_ms > ends_ms)
				return false;
			forget_first(table);
		}
		entry = add(table, key, ends_ms);
		if (entry == NULL)
			return false;
	}
	counted = entry->counts;
	entry->counts = counts;
	entry->ends_ms = ends_ms;
	move_up(table, entry);
	move_down(table, entry);
	return counts && !counted;
}

uint64_t penalty_table_left_ms(
    const struct penalty_table *table, const struct penalty_key *key, uint64_t now_ms)
{
	const struct kept *entry = find(table, key);

	return entry != NULL && entry->counts && entry->ends_ms > now_ms ? entry->ends_ms - now_ms
									 : 0;
}

size_t penalty_table_count(const struct penalty_table *table)
{
	return table->count;
}
