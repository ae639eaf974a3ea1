/* SPDX-License-Identifier: ISC */
/*
 * What is known of a configuration file while it is read and checked, and how its errors are told.
 * Private to config.c and config_check.c.
 */
#ifndef BROKERD_CONFIG_PARSER_H
#define BROKERD_CONFIG_PARSER_H

#include <stdio.h>

#include "config_keys.h"

#define CONFIG_VALUE_BYTES  4096
#define CONFIG_SECTIONS_MAX (1 + CONFIG_SERVERS_MAX + CONFIG_JUMPS_MAX + CONFIG_GROUPS_MAX)

/* One named section of the file, or, as the first, all that have no name. */
struct config_section {
	const struct config_named *named; /* NULL: the first */
	char title[64];			  /* as it is written */
	void *base;			  /* struct config, or that of the named section */
	unsigned line;
	unsigned lines[CONFIG_KEYS_MAX]; /* where each key was given; 0: was not */
};

struct config_parser {
	struct config *config;
	const char *path;
	FILE *file;
	config_report *report;
	void *report_arg;
	bool failed;

	size_t section_count;
	struct config_section sections[CONFIG_SECTIONS_MAX];

	unsigned line;
	bool indented;		       /* the line begins with a blank */
	char title[64];		       /* of the section that is being read; "" before the first */
	struct config_section *within; /* NULL: none, or unknown; its keys are passed over then */
	bool key_in_section;

	/* The value being collected: lists may go on in indented lines. */
	const struct config_key *key;
	char value[CONFIG_VALUE_BYTES];
};

/* Reports an error at line (0: none) about the section's key (NULL: none). */
void config_complain(struct config_parser *parser, unsigned line, const char *title,
    const char *name, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same about a key at the place where it was given. */
void config_complain_key(struct config_parser *parser, const struct config_section *section,
    const struct config_key *key, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Looks at all of it together once it has been read, and fills what follows from other keys. */
void config_check(struct config_parser *parser);

/* Looks up users and groups, and checks that those are apart who must be. */
void config_check_ids(struct config_parser *parser);

#endif
