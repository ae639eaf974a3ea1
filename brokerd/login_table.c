/* SPDX-License-Identifier: ISC */
#include "login_table.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "config.h"
#include "login.h"
#include "proto/conn.h"
#include "source.h"

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

bool login_table_drops(const struct config_drop *drop, unsigned unfinished, unsigned roll)
{
	unsigned percent;

	if (unfinished < drop->begin)
		return false;
	if (unfinished >= drop->full)
		return true;
	percent = drop->percent +
		  (100 - drop->percent) * (unfinished - drop->begin) / (drop->full - drop->begin);
	return roll < percent;
}

/* Without chance nobody is dropped early. */
static unsigned roll_dice(void)
{
	uint32_t random;

	return getrandom(&random, sizeof(random), GRND_NONBLOCK) == sizeof(random) ? random % 100
										   : 99;
}

bool login_table_check_limits(const struct login_table *table, const struct config *config,
    const struct login *fresh, struct conn_failure *failure)
{
	const struct network source = source_of(config, fresh->client);
	unsigned of_user = 0, of_source = 0, of_server = 0, unfinished = 0;
	const struct login *login;

	LIST_FOREACH(login, &table->logins, next)
	{
		const struct network other = source_of(config, login->client);
		bool same_server = strcmp(login->server, fresh->server) == 0;

		/* Who has logged out may log in again at once. */
		if (login->state == LOGIN_STATE_STOPPING)
			continue;
		of_server += same_server;
		of_user += same_server && strcmp(login->user, fresh->user) == 0;
		of_source += memcmp(&other, &source, sizeof(source)) == 0;
		unfinished += login->state != LOGIN_STATE_READY;
	}
	failure->code = ERROR_TOO_MANY_LOGINS;
	failure->detail = NULL;
	if (table->count >= config->limits.logins)
		failure->detail = "as many as [limits] logins allows";
	else if (of_server >= config->limits.logins_per_server)
		failure->detail = "as many as [limits] logins_per_server allows";
	else if (of_user >= config->limits.logins_per_user)
		failure->detail = "as many as [limits] logins_per_user allows";
	else if (of_source >= config->limits.logins_per_client)
		failure->detail = "as many as [limits] logins_per_client allows";
	else if (login_table_drops(&config->limits.unfinished, unfinished, roll_dice()))
		failure->detail = "turned away by [limits] unfinished";
	else
		failure->code = ERROR_NONE;
	return failure->code == ERROR_NONE;
}

void login_table_forget_asker(struct login_table *table, const struct conn *asker)
{
	struct login *login, *following;

	for (login = LIST_FIRST(&table->logins); login != NULL; login = following) {
		following = LIST_NEXT(login, next);
		login_forget_asker(login, asker);
	}
}

bool login_table_is_flushed(const struct login_table *table)
{
	const struct login *login;

	LIST_FOREACH(login, &table->logins, next)
	if (login->link != NULL && conn_unsent_bytes(login->link) != 0)
		return false;
	return true;
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

unsigned login_table_count_streams(const struct login_table *table, enum stream_state state)
{
	const struct login *login;
	unsigned count = 0;

	LIST_FOREACH(login, &table->logins, next)
	if (login->stream == state)
		count++;
	return count;
}

unsigned login_table_count_unfinished(const struct login_table *table)
{
	const struct login *login;
	unsigned count = 0;

	LIST_FOREACH(login, &table->logins, next)
	if (login->state < LOGIN_STATE_READY)
		count++;
	return count;
}
