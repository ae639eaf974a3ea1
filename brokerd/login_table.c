/* SPDX-License-Identifier: ISC */
#include "login_table.h"

#include <stdbool.h>
#include <string.h>

#include "config.h"
#include "login.h"

void login_table_init(struct login_table *table)
{
	LIST_INIT(&table->logins);
	table->count = 0;
	table->emptied = NULL;
}

void login_table_add(struct login_table *table, struct login *login)
{
	LIST_INSERT_HEAD(&table->logins, login, next);
	table->count++;
}

void login_table_remove(struct login_table *table, struct login *login)
{
	LIST_REMOVE(login, next);
	table->count--;
}

void login_table_tell_empty(struct login_table *table)
{
	if (table->count == 0 && table->emptied != NULL)
		table->emptied(table->emptied_arg);
}

struct login *login_table_find(const struct login_table *table, const char *id)
{
	struct login *login;

	LIST_FOREACH(login, &table->logins, next)
	if (strcmp(login->id, id) == 0)
		return login;
	return NULL;
}

enum error_code login_table_check_limits(const struct login_table *table,
    const struct config *config, const char *user, const char *server, const char *client,
    const char **ret_detail)
{
	unsigned of_user = 0, of_client = 0;
	const struct login *login;

	LIST_FOREACH(login, &table->logins, next)
	{
		if (strcmp(login->user, user) == 0 && strcmp(login->server, server) == 0)
			of_user++;
		if (client[0] != 0 && strcmp(login->client, client) == 0)
			of_client++;
	}
	if (table->count >= config->limits.logins)
		*ret_detail = "as many as [limits] logins allows";
	else if (of_user >= config->limits.logins_per_user)
		*ret_detail = "as many as [limits] logins_per_user allows";
	else if (of_client >= config->limits.logins_per_client)
		*ret_detail = "as many as [limits] logins_per_client allows";
	else
		return ERROR_NONE;
	return ERROR_TOO_MANY_LOGINS;
}

void login_table_forget_asker(struct login_table *table, const struct conn *asker)
{
	struct login *login, *following;

	for (login = LIST_FIRST(&table->logins); login != NULL; login = following) {
		following = LIST_NEXT(login, next);
		login_forget_asker(login, asker);
	}
}

void login_table_stop_all(struct login_table *table, enum error_code reason)
{
	struct login *login, *following;

	for (login = LIST_FIRST(&table->logins); login != NULL; login = following) {
		following = LIST_NEXT(login, next);
		login_stop(login, reason, NULL);
	}
}

void login_table_destroy_all(struct login_table *table)
{
	struct login *login;

	while ((login = LIST_FIRST(&table->logins)) != NULL) {
		login_table_remove(table, login);
		login_destroy(login);
	}
}

unsigned login_table_count_streams(const struct login_table *table)
{
	const struct login *login;
	unsigned count = 0;

	LIST_FOREACH(login, &table->logins, next)
	if (login->stream == STREAM_STATE_ATTACHED)
		count++;
	return count;
}
