/* SPDX-License-Identifier: ISC */
/*
 * The applications that a server publishes: desktop entries, as x2gogetapps prints them, read by
 * the rules of the Desktop Entry Specification into commands that x2goruncommand can be given.
 * Pure. Linked into x2goweb-session.
 */
#ifndef SESSION_X2GO_APPLICATIONS_H
#define SESSION_X2GO_APPLICATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/messages.h"
#include "x2go_list.h"

#define X2GO_APPLICATIONS_MAX 256 /* as APPLICATIONS carries */

/* Fills in those that can be started, in the order of their titles, no command twice; entries that
 * are not as they should be are left out. applications: of X2GO_APPLICATIONS_MAX. has_xterm:
 * whether what needs a terminal can have one. Returns how many there are. */
size_t x2go_applications_parse(
    const struct x2go_text *text, bool has_xterm, struct record_application *applications);

#endif
