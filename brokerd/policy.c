/* SPDX-License-Identifier: ISC */
#include "policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ip_filter.h"
#include "typed_host.h"

#define SSH_PORT 22

static const char separators[] = ", \t";

/* Whether user stands in the list; items with '@' are none here. */
static bool list_has(const char *list, const char *user)
{
	size_t length = strlen(user), item;

	for (list += strspn(list, separators); *list != 0;
	     list += item, list += strspn(list, separators)) {
		item = strcspn(list, separators);
		if (list[0] != '@' && item == length && memcmp(list, user, length) == 0)
			return true;
	}
	return false;
}

static bool group_has(
    const struct config *config, const char *name, size_t name_length, const char *user)
{
	for (size_t i = 0; i < config->group_count; i++) {
		const struct config_group *group = &config->groups[i];

		if (strlen(group->name) == name_length &&
		    memcmp(group->name, name, name_length) == 0)
			return list_has(group->users, user);
	}
	return false;
}

static bool user_is_allowed(
    const struct config *config, const struct config_server *server, const char *user)
{
	const char *list = server->users + strspn(server->users, separators);
	size_t item;

	if (*list == 0 || list_has(list, user))
		return true;
	for (; *list != 0; list += item, list += strspn(list, separators)) {
		item = strcspn(list, separators);
		if (list[0] == '@' && group_has(config, list + 1, item - 1, user))
			return true;
	}
	return false;
}

static void set_hop(struct policy_hop *hop, const char *address, unsigned port, const char *user,
    const struct config_ssh *ssh)
{
	if (port == SSH_PORT)
		snprintf(hop->name, sizeof(hop->name), "%s", address);
	else
		snprintf(hop->name, sizeof(hop->name), "[%s]:%u", address, port);
	strcpy(hop->address, address);
	hop->port = (uint16_t)port;
	strcpy(hop->user, user);
	hop->ssh = *ssh;
}

/* Who the user is on the jump host: as the admin says, as the user says, the same as behind it. */
static const char *jump_user(const char *fixed, const struct message_login *request)
{
	if (fixed[0] != 0)
		return fixed;
	return request->proxy_user[0] != 0 ? request->proxy_user : request->user;
}

const struct config_jump *policy_find_jump(
    const struct config *config, const struct config_server *server)
{
	for (size_t i = 0; i < config->jump_count; i++)
		if (server->jump[0] != 0 && strcmp(config->jumps[i].name, server->jump) == 0)
			return &config->jumps[i];
	return NULL;
}

/* Whether what upstream's users type as the jump host is the one that is meant for them anyway. */
static bool is_named(const struct config_jump *jump, const struct message_login *request)
{
	return jump != NULL && (strcmp(jump->name, request->proxy_host) == 0 ||
				   strcasecmp(jump->address, request->proxy_host) == 0);
}

static enum error_code decide_configured(const struct config *config,
    const struct config_server *server, const struct message_login *request,
    struct policy_target *target, const char **ret_detail)
{
	const struct config_jump *jump = policy_find_jump(config, server);

	strcpy(target->id, server->name);
	if (request->proxy_host[0] != 0 && !(request->compat && is_named(jump, request))) {
		*ret_detail = "a jump host may not be chosen for this server";
		return ERROR_SERVER_NOT_ALLOWED;
	}
	if (!user_is_allowed(config, server, request->user)) {
		*ret_detail = "not among the users of this server";
		return ERROR_AUTH_FAILED;
	}
	if (jump != NULL)
		set_hop(&target->hops[target->hop_count++], jump->address, jump->port,
		    jump_user(jump->user, request), &jump->ssh);
	set_hop(&target->hops[target->hop_count++], server->address, server->port, request->user,
	    &server->ssh);
	target->desktops = server->desktops.count != 0 ? server->desktops : config->web.desktops;
	return ERROR_NONE;
}

/* RFC 6761 gives these names to whoever resolves them. */
static bool is_localhost(const char *host)
{
	size_t length = strlen(host), last = strlen("localhost");

	return length >= last && strcmp(host + length - last, "localhost") == 0 &&
	       (length == last || host[length - last - 1] == '.');
}

/* What can be said about a typed host before its name is resolved. NULL: nothing against it. */
static const char *check_typed(
    const struct config *config, const struct typed_host *host, const char *patterns)
{
	const struct config_ports *ports = &config->other_servers.ports;
	bool port_allowed = false;

	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i] == host->port)
			port_allowed = true;
	if (!port_allowed)
		return "its port is not among [other_servers] ports";
	if (!typed_host_matches(host->host, patterns))
		return "no pattern of [other_servers] matches it";
	if (host->is_ip)
		return ip_filter_check(&config->other_servers.networks, &host->ip);
	return NULL;
}

/* A number may be written in several ways. */
static bool is_address_of(const struct typed_host *host, const char *address)
{
	struct ip ip;

	if (host->is_ip && ip_parse(address, &ip))
		return memcmp(&ip, &host->ip, sizeof(ip)) == 0;
	return strcasecmp(address, host->host) == 0;
}

/* The section of the typed host if it has one, so that typing it does not pass by its rules. */
static const struct config_server *find_by_address(
    const struct config *config, const struct typed_host *host)
{
	for (size_t i = 0; i < config->server_count; i++)
		if (config->servers[i].port == host->port &&
		    is_address_of(host, config->servers[i].address))
			return &config->servers[i];
	return NULL;
}

/* What upstream's users type, who know no sections and no ports. */
static const struct config_server *find_meant(const struct config *config, const char *host)
{
	for (size_t i = 0; i < config->server_count; i++)
		if (strcmp(config->servers[i].name, host) == 0)
			return &config->servers[i];
	for (size_t i = 0; i < config->server_count; i++)
		if (strcasecmp(config->servers[i].address, host) == 0)
			return &config->servers[i];
	return NULL;
}

static enum error_code decide_typed(const struct config *config,
    const struct message_login *request, struct policy_target *target, const char **ret_detail)
{
	const struct config_server *configured;
	struct config_ssh ssh = {.host_keys = config->other_servers.host_keys};
	struct typed_host host, jump;
	char id[TYPED_HOST_BYTES + 8];

	strcpy(ssh.methods, config->other_servers.methods);
	*ret_detail = "[other_servers] does not allow to type a server";
	if (!config->other_servers.allow)
		return ERROR_SERVER_NOT_ALLOWED;
	*ret_detail = "what was typed is no host";
	if (!typed_host_parse(request->host, &host))
		return ERROR_SERVER_NOT_ALLOWED;
	*ret_detail = NULL;
	configured = find_by_address(config, &host);
	if (configured != NULL)
		return decide_configured(config, configured, request, target, ret_detail);
	snprintf(id, sizeof(id), strchr(host.host, ':') != NULL ? "[%s]:%u" : "%s:%u", host.host,
	    (unsigned)host.port);
	message_set_text(target->id, sizeof(target->id), id, strlen(id));
	*ret_detail = check_typed(config, &host, config->other_servers.names);
	if (*ret_detail != NULL)
		return ERROR_SERVER_NOT_ALLOWED;
	if (request->proxy_host[0] != 0) {
		*ret_detail = "what was typed is no jump host";
		if (!typed_host_parse(request->proxy_host, &jump))
			return ERROR_SERVER_NOT_ALLOWED;
		*ret_detail = check_typed(config, &jump, config->other_servers.jump_hosts);
		if (*ret_detail != NULL)
			return ERROR_SERVER_NOT_ALLOWED;
		/* The jump host resolves it, so this name cannot be compared by its address. */
		*ret_detail = "the jump host itself is not allowed as a server";
		if (is_localhost(host.host))
			return ERROR_SERVER_NOT_ALLOWED;
		*ret_detail = NULL;
		set_hop(&target->hops[target->hop_count++], jump.host, jump.port,
		    jump_user("", request), &ssh);
	}
	set_hop(&target->hops[target->hop_count++], host.host, host.port, request->user, &ssh);
	target->typed = true;
	target->networks = config->other_servers.networks;
	target->desktops = config->web.desktops;
	return ERROR_NONE;
}

/* All that such a login has to know is whether this is installed. */
static void ask_for_command(const char *command, struct config_choices *desktops)
{
	desktops->count = command[0] != 0 && strlen(command) < sizeof(desktops->items[0].id);
	if (desktops->count != 0)
		strcpy(desktops->items[0].id, command);
}

static enum error_code decide_compat(const struct config *config,
    const struct message_login *request, struct policy_target *target, const char **ret_detail)
{
	const struct config_server *server = find_meant(config, request->host);
	enum error_code error = server != NULL
				    ? decide_configured(config, server, request, target, ret_detail)
				    : decide_typed(config, request, target, ret_detail);

	ask_for_command(request->command, &target->desktops);
	return error;
}

enum error_code policy_decide(const struct config *config, const struct message_login *request,
    struct policy_target *ret_target, const char **ret_detail)
{
	memset(ret_target, 0, sizeof(*ret_target));
	*ret_detail = NULL;
	if (request->compat)
		return decide_compat(config, request, ret_target, ret_detail);
	if (request->host[0] != 0 && request->server[0] == 0)
		return decide_typed(config, request, ret_target, ret_detail);
	for (size_t i = 0; i < config->server_count; i++)
		if (request->host[0] == 0 && strcmp(config->servers[i].name, request->server) == 0)
			return decide_configured(
			    config, &config->servers[i], request, ret_target, ret_detail);
	*ret_detail = "there is no [server] section of this name";
	return ERROR_SERVER_NOT_ALLOWED;
}
