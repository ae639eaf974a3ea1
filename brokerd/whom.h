/* SPDX-License-Identifier: ISC */
/*
 * Which logins an admin means. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_WHOM_H
#define BROKERD_WHOM_H

#include <stdbool.h>

#include "login_table.h"
#include "proto/messages.h"

/* Whether anything is said of who is meant. */
bool whom_names_anybody(const struct record_whom *whom);

/* Whether a login with this id, user and server, each of which may be NULL, is meant. */
bool whom_fits(
    const struct record_whom *whom, const char *id, const char *user, const char *server);

/* The next one after login, or the first one of all with NULL, that is meant; NULL: there is no
 * more. */
struct login *whom_next(
    const struct record_whom *whom, const struct login_table *table, const struct login *login);

/* Fails: false, with *failure, if there is none, or if the beginning of an id is that of several.
 */
bool whom_check(
    const struct record_whom *whom, const struct login_table *table, struct conn_failure *failure);

#endif
