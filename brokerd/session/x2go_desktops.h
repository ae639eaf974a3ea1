/* SPDX-License-Identifier: ISC */
/*
 * The desktops that x2goruncommand knows by name, and what it runs for them. Pure. Linked into
 * x2goweb-session.
 */
#ifndef SESSION_X2GO_DESKTOPS_H
#define SESSION_X2GO_DESKTOPS_H

struct x2go_desktop {
	const char *name;
	const char *paths[8]; /* any of them will do; ends with NULL */
};

/* NULL: no desktop but a program. Case matters. */
const struct x2go_desktop *x2go_desktop_find(const char *name);

#endif
