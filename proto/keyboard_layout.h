/* SPDX-License-Identifier: ISC */
/*
 * A keyboard layout as xkb and people write it: "us", "de", "ch(fr)". The one place that says what
 * may be asked for; which layouts there are is the X2Go server's to know. Pure. Linked by all.
 */
#ifndef PROTO_KEYBOARD_LAYOUT_H
#define PROTO_KEYBOARD_LAYOUT_H

#include <stdbool.h>

/* Of the whole text. */
#define KEYBOARD_LAYOUT_CHARS 32

struct keyboard_layout {
	char name[KEYBOARD_LAYOUT_CHARS + 1];
	char variant[KEYBOARD_LAYOUT_CHARS + 1]; /* empty: the layout's own */
};

/* Takes name or name(variant), both of [a-z0-9_-] and not beginning with a dash.
 * Fails: false with anything else. */
bool keyboard_layout_parse(const char *text, struct keyboard_layout *ret_layout);

#endif
