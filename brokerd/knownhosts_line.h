/* SPDX-License-Identifier: ISC */
/*
 * One line of a known_hosts file: taken apart, compared with a server's name, put together.
 * Private to knownhosts*.c and ctl_hostkey*.c; pure.
 */
#ifndef BROKERD_KNOWNHOSTS_LINE_H
#define BROKERD_KNOWNHOSTS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

#define KNOWNHOSTS_NAME_BYTES 265

enum knownhosts_kind {
	KNOWNHOSTS_NOTHING, /* blank or a comment */
	KNOWNHOSTS_KEY,
	KNOWNHOSTS_WRONG /* not understood */
};

/* How a line names a server. */
enum knownhosts_match {
	KNOWNHOSTS_NO_MATCH,
	KNOWNHOSTS_BY_NAME, /* in full, or hashed */
	KNOWNHOSTS_BY_PATTERN
};

/* The texts stand in what was parsed. */
struct knownhosts_line {
	enum host_key_mark mark;
	const char *hosts; /* the first field, or the second after a mark; not terminated */
	size_t hosts_length;
	const char *rest; /* from the key's type on */
	size_t rest_length;
	struct record_hostkey key; /* with mark and type; KNOWNHOSTS_KEY only */
	const char *wrong;	   /* KNOWNHOSTS_WRONG only: why, a static text */
};

/* Takes apart one line with or without its end. Of a line that is wrong, hosts may be known: if not
 * they are NULL. */
enum knownhosts_kind knownhosts_line_parse(
    const char *text, size_t length, struct knownhosts_line *line);

/* Whether the line's hosts name this one (of knownhosts_name). */
enum knownhosts_match knownhosts_line_match(const struct knownhosts_line *line, const char *name);

/* Whether what the line says counts for this name. A key that has been revoked for a host is in
 * nobody's hands who may be trusted at another of its ports: such lines count for all of them. */
bool knownhosts_line_is_about(const struct knownhosts_line *line, const char *name);

/* True if the hosts are a hash, which tells nobody what it was made of. */
bool knownhosts_line_is_hashed(const struct knownhosts_line *line);

/* Copies hosts without this name, which stands there in full. Length of the copy; 0 if nothing but
 * negations remains. copy: room for hosts_length bytes; may overlap with hosts if it does not begin
 * behind them. */
size_t knownhosts_line_without(const struct knownhosts_line *line, const char *name, char *copy);

bool knownhosts_same_key(const struct record_hostkey *a, const struct record_hostkey *b);

#endif
