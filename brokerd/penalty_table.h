/* SPDX-License-Identifier: ISC */
/*
 * Who is kept away for how long: penalties that add up and go by with time. Bounded; when it is
 * full, whoever would be let in again first is forgotten. Runs in x2goweb-brokerd. Pure: the time
 * is given, and who the keys are is not known here.
 */
#ifndef BROKERD_PENALTY_TABLE_H
#define BROKERD_PENALTY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct penalty_table;

struct penalty_key {
	uint8_t bytes[16];
};

struct penalty_rules {
	uint64_t min_ms; /* less than this together does not count yet */
	uint64_t max_ms; /* nobody is kept away for longer, whatever has come together */
	size_t entries;	 /* at most */
};

/* Fails: NULL if memory is short. */
struct penalty_table *penalty_table_create(void);
void penalty_table_destroy(struct penalty_table *table);

/* Adds a penalty to what is left of those before. True if the key is kept away from now on and was
 * not before. If memory is short, nobody is. */
bool penalty_table_add(struct penalty_table *table, const struct penalty_key *key,
    uint64_t penalty_ms, const struct penalty_rules *rules, uint64_t now_ms);

/* How much longer the key is kept away; 0: it is not. */
uint64_t penalty_table_left_ms(
    const struct penalty_table *table, const struct penalty_key *key, uint64_t now_ms);

/* Entries, among them those whose time may be over. */
size_t penalty_table_count(const struct penalty_table *table);

#endif
