/* SPDX-License-Identifier: ISC */
#include "policy.h"

#include <string.h>

const struct config_server *policy_find_server(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->server_count; i++)
		if (strcmp(config->servers[i].name, name) == 0)
			return &config->servers[i];
	return NULL;
}

enum error_code policy_check_user(const struct config_server *server, const char *user)
{
	static const char separators[] = ", \t";
	const char *item = server->users;
	size_t length = strlen(user);

	item += strspn(item, separators);
	if (*item == 0)
		return ERROR_NONE;
	while (*item != 0) {
		size_t item_length = strcspn(item, separators);

		if (item_length == length && memcmp(item, user, length) == 0)
			return ERROR_NONE;
		item += item_length;
		item += strspn(item, separators);
	}
	return ERROR_AUTH_FAILED;
}

const struct config_choices *policy_desktops(
    const struct config *config, const struct config_server *server)
{
	return server->desktops.count != 0 ? &server->desktops : &config->web.desktops;
}
