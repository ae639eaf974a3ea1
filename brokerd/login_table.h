/* SPDX-License-Identifier: ISC */
/*
 * All logins there are: look-up by id, how many there may be of whom, and what
 * concerns them all. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_LOGIN_TABLE_H
#define BROKERD_LOGIN_TABLE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "proto/errors.h"
#include "proto/messages.h"

struct config;
struct config_drop;
struct conn;
struct conn_failure;
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

/* Whether one more login, which is not in the table yet, is within [limits]. Its user, server and
 * client count. Of unfinished ones it may be turned away by chance.
 * Fails: false, with *failure; its detail is for the journal and static. */
bool login_table_check_limits(const struct login_table *table, const struct config *config,
    const struct login *fresh, struct conn_failure *failure);

/* Whether one more is turned away when there are so many unfinished ones. roll: 0 to 99, by
 * chance. */
bool login_table_drops(const struct config_drop *drop, unsigned unfinished, unsigned roll);

/* Tells all logins that asker has gone; some of them may go, too. */
void login_table_forget_asker(struct login_table *table, const struct conn *asker);

/* Whether all that their session processes were told has left. */
bool login_table_is_flushed(const struct login_table *table);

/* Stops all logins for this reason. */
void login_table_stop_all(struct login_table *table, enum error_code reason);

/* Frees all logins as they are, for the broker's own end. */
void login_table_destroy_all(struct login_table *table);

/* How many streams are in this state. */
unsigned login_table_count_streams(const struct login_table *table, enum stream_state state);

/* How many logins are still on their way to be open. */
unsigned login_table_count_unfinished(const struct login_table *table);

#endif
