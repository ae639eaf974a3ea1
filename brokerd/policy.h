/* SPDX-License-Identifier: ISC */
/*
 * Who may be dialled for whom, by the configuration alone. Pure.
 */
#ifndef BROKERD_POLICY_H
#define BROKERD_POLICY_H

#include "config.h"
#include "proto/errors.h"

/* The [server NAME] section of this name, or NULL. */
const struct config_server *policy_find_server(const struct config *config, const char *name);

/* Whether user may log in to the server: ERROR_NONE, or ERROR_AUTH_FAILED, which looks to the
 * outside like a wrong password. */
enum error_code policy_check_user(const struct config_server *server, const char *user);

/* The desktops offered on the server. */
const struct config_choices *policy_desktops(
    const struct config *config, const struct config_server *server);

#endif
