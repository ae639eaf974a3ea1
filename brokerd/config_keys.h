/* SPDX-License-Identifier: ISC */
/*
 * The keys of the configuration: one table of their sections, kinds, places and defaults. Private
 * to config*.c. Pure.
 */
#ifndef BROKERD_CONFIG_KEYS_H
#define BROKERD_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "config_values.h"

#define CONFIG_KEYS_MAX 128

/* One key of the grammar. */
struct config_key {
	const char *section, *name;
	enum config_kind kind;
	size_t offset; /* in struct config, or in the struct of a named section */
	unsigned min, max;
	const char *preset; /* NULL: must be given */
	bool fixed;	    /* counts only at a start */
};

/* A kind of section that is given several times, as [server NAME]. Their structs begin with the
 * name. */
struct config_named {
	const char *section;
	size_t items, count; /* in struct config */
	size_t bytes;	     /* of one struct */
	size_t max;
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The index of the key, or config_key_count. */
size_t config_find_key(const char *section, const char *name);

/* NULL for sections that have no name. */
const struct config_named *config_find_named(const char *section);

/* Puts the defaults of all keys of this named section into its struct, or with NULL those of all
 * other sections into struct config. */
void config_preset(const struct config_named *named, void *base);

#endif
