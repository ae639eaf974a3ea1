/* SPDX-License-Identifier: ISC */
#include "whom.h"

#include <string.h>

#include "login.h"
#include "proto/conn.h"

static bool is_or_open(const char *wanted, const char *text)
{
	return wanted[0] == 0 || (text != NULL && strcmp(wanted, text) == 0);
}

bool whom_names_anybody(const struct record_whom *whom)
{
	return whom->login[0] != 0 || whom->user[0] != 0 || whom->server[0] != 0 || whom->all;
}

bool whom_fits(const struct record_whom *whom, const char *id, const char *user, const char *server)
{
	if (whom->login[0] != 0 &&
	    (id == NULL || strncmp(whom->login, id, strlen(whom->login)) != 0))
		return false;
	return whom_names_anybody(whom) && is_or_open(whom->user, user) &&
	       is_or_open(whom->server, server);
}

struct login *whom_next(
    const struct record_whom *whom, const struct login_table *table, const struct login *login)
{
	struct login *next = login != NULL ? LIST_NEXT(login, next) : LIST_FIRST(&table->logins);

	while (next != NULL && !whom_fits(whom, next->id, next->user, next->server))
		next = LIST_NEXT(next, next);
	return next;
}

bool whom_check(
    const struct record_whom *whom, const struct login_table *table, struct conn_failure *failure)
{
	const struct login *first = whom_next(whom, table, NULL);

	*failure = (struct conn_failure){.code = ERROR_NONE};
	if (first == NULL) {
		failure->code = ERROR_NOT_LOGGED_IN;
		failure->detail = whom->login[0] != 0 ? "no such login" : "nobody is logged in so";
	} else if (whom->login[0] != 0 && whom_next(whom, table, first) != NULL) {
		failure->code = ERROR_BAD_REQUEST;
		failure->detail = "more than one login begins so";
	}
	return failure->code == ERROR_NONE;
}
