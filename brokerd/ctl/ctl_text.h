/* SPDX-License-Identifier: ISC */
/*
 * How brokerctl writes: times and amounts for people, colours where they are wanted, tables that
 * fit the terminal, JSON. Knows no command. Runs in brokerctl.
 */
#ifndef BROKERD_CTL_TEXT_H
#define BROKERD_CTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What the reader's end can show. */
struct ctl_look {
	bool terminal; /* somebody looks on */
	bool colour;
	bool utf8;
	unsigned columns;
};

/* Of what out leads to; NO_COLOR and TERM=dumb switch colours off. */
struct ctl_look ctl_look_at(FILE *out);

enum ctl_colour { CTL_PLAIN, CTL_GOOD, CTL_CARE, CTL_BAD, CTL_FAINT, CTL_BOLD };

/* What begins and ends text of this colour; "" where there are none. */
const char *ctl_colour(const struct ctl_look *look, enum ctl_colour colour);
const char *ctl_colour_end(const struct ctl_look *look, enum ctl_colour colour);

/* --- words --- */

#define CTL_TEXT_BYTES 32

/* "5s", "12m", "3h07m", "2d04h". */
const char *ctl_age(uint64_t age_s, char text[CTL_TEXT_BYTES]);
/* "999", "12K", "1.4M". */
const char *ctl_bytes(uint64_t bytes, char text[CTL_TEXT_BYTES]);
/* "1.4 MiB". */
const char *ctl_bytes_long(uint64_t bytes, char text[CTL_TEXT_BYTES]);
/* "0.8ms", "12ms", "1.2s"; "-" for 0. */
const char *ctl_latency(uint32_t microseconds, char text[CTL_TEXT_BYTES]);
/* "1 login", "2 logins". */
const char *ctl_count(uint64_t count, const char *noun, char text[CTL_TEXT_BYTES]);
/* "-" for nothing. */
const char *ctl_or_dash(const char *text);
/* "90", "90s", "5m", "2h" in seconds. False if it is none of these, or more than a day. */
bool ctl_parse_duration(const char *text, unsigned *ret_s);

/* --- tables --- */

#define CTL_COLUMNS_MAX 12

struct ctl_column {
	const char *title;
	unsigned least; /* may be cut to so many signs where room is short; 0: never */
	bool right;	/* numbers */
	bool spare;	/* left out where room is short */
};

struct ctl_table;

/* columns: at most CTL_COLUMNS_MAX, kept. NULL if memory is short, as with all that follows: then
 * nothing more happens. */
struct ctl_table *ctl_table_create(const struct ctl_column *columns, unsigned count);
/* The next cell; copied. */
void ctl_table_add(struct ctl_table *table, const char *text, enum ctl_colour colour);
void ctl_table_drop(struct ctl_table *table);
/* Writes all and frees it. */
void ctl_table_print(FILE *out, const struct ctl_look *look, struct ctl_table *table);

/* --- JSON --- */

/* What is written where: commas come by themselves. */
struct ctl_json {
	FILE *out;
	bool follows; /* something before on the same level */
};

/* name NULL: within a list, or the whole. */
void ctl_json_open(struct ctl_json *json, const char *name, char bracket);
void ctl_json_close(struct ctl_json *json, char bracket);
void ctl_json_text(struct ctl_json *json, const char *name, const char *text);
void ctl_json_uint(struct ctl_json *json, const char *name, uint64_t number);
void ctl_json_bool(struct ctl_json *json, const char *name, bool value);

#endif
