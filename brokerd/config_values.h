/* SPDX-License-Identifier: ISC */
/*
 * From the text of one value of the configuration to its field. Private to config*.c; pure, except
 * for the look-up of users and groups.
 */
#ifndef BROKERD_CONFIG_VALUES_H
#define BROKERD_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>

struct config_account;

enum config_kind {
	CONFIG_KIND_TEXT,      /* char[], min..max bytes */
	CONFIG_KIND_PATH,      /* char[], absolute, min..max bytes; empty only if min is 0 */
	CONFIG_KIND_WEB_PATH,  /* char[], the path of a URL or nothing, at most max bytes */
	CONFIG_KIND_COLOUR,    /* char[8], "#rrggbb" or nothing */
	CONFIG_KIND_ADDRESS,   /* char[46], a numeric IP address; empty only if min is 0 */
	CONFIG_KIND_LISTEN,    /* char[46], a numeric IP address or "unix" */
	CONFIG_KIND_UINT,      /* unsigned, min..max */
	CONFIG_KIND_SECONDS,   /* unsigned, milliseconds; the text is whole seconds min..max */
	CONFIG_KIND_BOOL,      /* bool, yes or no */
	CONFIG_KIND_LEVEL,     /* unsigned, enum log_level */
	CONFIG_KIND_HOST_KEYS, /* unsigned, enum host_keys */
	CONFIG_KIND_WHEN_LEFT, /* unsigned, enum when_left */
	CONFIG_KIND_DROP,  /* struct config_drop, "BEGIN:PERCENT:FULL", min <= begin, full <= max */
	CONFIG_KIND_RANGE, /* struct config_range, min <= first <= last <= max */
	CONFIG_KIND_CHOICES,  /* struct config_choices, "ID=Title, ID" */
	CONFIG_KIND_NAMES,    /* char[], comma list, min..max bytes */
	CONFIG_KIND_PATTERNS, /* char[], "*.a.example,!b?" without blanks in lower case, max bytes
			       */
	CONFIG_KIND_METHODS,  /* char[], comma list of ways to log in without blanks, max bytes */
	CONFIG_KIND_NETWORKS, /* struct config_networks */
	CONFIG_KIND_PORTS,    /* struct config_ports, comma list of min..max */
	CONFIG_KIND_USER,     /* struct config_account */
	CONFIG_KIND_GROUP,    /* struct config_account */
	CONFIG_KIND_ACCOUNTS, /* struct config_accounts, comma list of users */
	CONFIG_KIND_COUNT
};

/* Kinds whose value may go on in indented lines. */
bool config_kind_is_list(enum config_kind kind);

/* Kinds of numbers, whose errors tell min and max. */
bool config_kind_has_bounds(enum config_kind kind);

/* Bytes of the field; 0 for texts, whose field is max + 1 bytes. */
size_t config_kind_bytes(enum config_kind kind);

/* Writes value into field. NULL, or what is wrong with it as a static text. */
const char *config_value_parse(
    enum config_kind kind, unsigned min, unsigned max, const char *value, void *field);

/* Whether two fields hold the same value; accounts are the same if their names are. */
bool config_value_equal(enum config_kind kind, const void *a, const void *b);

/* Fills the account's id. False if there is none of that name. */
bool config_account_resolve(struct config_account *account, bool group);

#endif
