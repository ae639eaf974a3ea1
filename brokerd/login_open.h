/* SPDX-License-Identifier: ISC */
/*
 * What a login's session process is told in OPEN: the way to the server as policy.h has decided,
 * with the host keys on file and the public halves of the gateway's keys. Runs in x2goweb-brokerd;
 * reads those files, and owns nothing.
 */
#ifndef BROKERD_LOGIN_OPEN_H
#define BROKERD_LOGIN_OPEN_H

#include "login.h"
#include "proto/conn.h"

/* Makes login->open for login->target, complete but for what login_open_complete fills in.
 * Fails: false, with *failure; its detail is for the journal and static. */
bool login_open_prepare(
    struct login *login, const struct message_login *request, struct conn_failure *failure);

/* Fills in what the login has taken for itself: id, port and cookie. */
void login_open_complete(struct login *login);

/* Which hop the index-th on the way is. */
enum hop login_open_hop(const struct login *login, size_t index);

#endif
