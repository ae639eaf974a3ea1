/* SPDX-License-Identifier: ISC */
/*
 * All logins there are: look-up by id, how many there may be of whom, and what
 * concerns them all. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_LOGIN_TABLE_H
#define BROKERD_LOGIN_TABLE_H

#include <sys/queue.h>

#include "proto/errors.h"

struct config;
struct conn;
struct login;

struct login_table {
	LIST_HEAD(, login) logins;
	unsigned count;
	void (*emptied)(void *arg); /* if set: called once the last login has gone */
	void *emptied_arg;
};

void login_table_init(struct login_table *table);
void login_table_add(struct login_table *table, struct login *login);
void login_table_remove(struct login_table *table, struct login *login);

/* After a login was removed and destroyed: tells if it was the last one. */
void login_table_tell_empty(struct login_table *table);

/* NULL if there is none. */
struct login *login_table_find(const struct login_table *table, const char *id);

/* Whether one more login of user on server from client is within the limits: ERROR_NONE, or
 * ERROR_TOO_MANY_LOGINS with *ret_detail, a static text. An empty client is not counted. */
enum error_code login_table_check_limits(const struct login_table *table,
    const struct config *config, const char *user, const char *server, const char *client,
    const char **ret_detail);

/* Tells all logins that asker has gone; some of them may go, too. */
void login_table_forget_asker(struct login_table *table, const struct conn *asker);

/* Stops all logins for this reason. */
void login_table_stop_all(struct login_table *table, enum error_code reason);

/* Frees all logins as they are, for the broker's own end. */
void login_table_destroy_all(struct login_table *table);

/* How many browsers are attached. */
unsigned login_table_count_streams(const struct login_table *table);

#endif
