/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "compat_options.h"
#include "config_parser.h"

#define METHODS_WITHOUT_KEY "keyboard-interactive,password"
#define METHODS_WITH_KEY    "publickey," METHODS_WITHOUT_KEY

/* With /streams/, a name and .sock behind it, it has to fit a socket's address. */
#define SOCKET_DIR_MAX 61

static const struct config_key *key_of(const char *section, const char *name)
{
	return &config_keys[config_find_key(section, name)];
}

static bool has_choice(const struct config_choices *choices, const char *id)
{
	for (size_t i = 0; i < choices->count; i++)
		if (strcmp(choices->items[i].id, id) == 0)
			return true;
	return false;
}

/* A key of the sections that have no name. */
#define complain_fixed(parser, section, name, ...)                                                 \
	config_complain_key(parser, &(parser)->sections[0], key_of(section, name), __VA_ARGS__)

static void check_web(struct config_parser *parser)
{
	struct config *config = parser->config;
	bool server = config->web.default_server[0] == 0;

	for (size_t i = 0; i < config->server_count; i++)
		if (strcmp(config->servers[i].name, config->web.default_server) == 0)
			server = true;
	if (!server)
		complain_fixed(
		    parser, "web", "default_server", "there is no [server] section of this name");
	if (config->web.default_desktop[0] != 0 &&
	    !has_choice(&config->web.desktops, config->web.default_desktop))
		complain_fixed(parser, "web", "default_desktop", "is not one of the desktops");
	if (config->web.default_server[0] == 0 && config->server_count != 0)
		strcpy(config->web.default_server, config->servers[0].name);
	if (config->web.default_desktop[0] == 0 && config->web.desktops.count != 0)
		strcpy(config->web.default_desktop, config->web.desktops.items[0].id);
}

bool config_relay_is_unix(const struct config *config)
{
	return strcmp(config->relay.listen, "unix") == 0;
}

/* What upstream's x2gows.options still says, where nothing else says it. */
static void check_compat(struct config_parser *parser)
{
	struct config *config = parser->config;
	struct compat_options options;
	char why[200];

	if (config->compat.options[0] == 0)
		return;
	if (!compat_options_read(config->compat.options, &options, why, sizeof(why)))
		complain_fixed(parser, "compat", "options", "%s", why);
	else if (options.tls && config->relay.tls_certificate[0] == 0 &&
		 config->relay.tls_key[0] == 0) {
		strcpy(config->relay.tls_certificate, options.certificate);
		strcpy(config->relay.tls_key, options.key);
	}
}

static void check_relay(struct config_parser *parser)
{
	const struct config *config = parser->config;

	if (config_relay_is_unix(config) && strlen(config->broker.runtime_dir) > SOCKET_DIR_MAX)
		complain_fixed(parser, "broker", "runtime_dir",
		    "is too long for [relay] listen = unix: %d bytes at most", SOCKET_DIR_MAX);
	if (config->relay.tls_listen[0] == 0)
		return;
	if (!config_relay_is_unix(config))
		complain_fixed(parser, "relay", "tls_listen", "needs listen = unix");
	if (config->relay.tls_certificate[0] == 0)
		complain_fixed(parser, "relay", "tls_certificate", "is needed by tls_listen");
	if (config->relay.tls_key[0] == 0)
		complain_fixed(parser, "relay", "tls_key", "is needed by tls_listen");
}

static void check_penalties(struct config_parser *parser)
{
	const struct config *config = parser->config;

	if (config->penalties.min_ms > config->penalties.max_ms)
		complain_fixed(parser, "penalties", "min", "is above max");
}

static void check_other_servers(struct config_parser *parser)
{
	struct config *config = parser->config;
	char *methods = config->other_servers.methods;

	if (methods[0] == 0)
		strcpy(methods, METHODS_WITHOUT_KEY);
	if (strstr(methods, "publickey") != NULL)
		complain_fixed(parser, "other_servers", "methods",
		    "the gateway has no key for servers that it does not know");
	if (!config->other_servers.allow)
		return;
	if (config->other_servers.networks.count == 0)
		complain_fixed(parser, "other_servers", "networks",
		    "must say where typed servers may be, since allow is yes");
	if (config->other_servers.ports.count == 0)
		complain_fixed(parser, "other_servers", "ports", "is empty, but allow is yes");
}

static void check_ssh(
    struct config_parser *parser, const struct config_section *section, struct config_ssh *ssh)
{
	const char *kind = section->named->section;

	if (ssh->methods[0] == 0)
		strcpy(ssh->methods, ssh->key[0] != 0 ? METHODS_WITH_KEY : METHODS_WITHOUT_KEY);
	if (ssh->key[0] == 0 && strstr(ssh->methods, "publickey") != NULL)
		config_complain_key(
		    parser, section, key_of(kind, "methods"), "publickey needs a key beside it");
	if (ssh->key[0] != 0 && strstr(ssh->methods, "publickey") == NULL)
		config_complain_key(parser, section, key_of(kind, "key"),
		    "is of no use without publickey among the methods");
	if (ssh->key[0] == 0 && ssh->key_alone)
		config_complain_key(parser, section, key_of(kind, "key_alone"), "there is no key");
}

/* Complains about each "@NAME" in the list that is no group. */
static void check_users(struct config_parser *parser, const struct config_section *section,
    const char *users, bool groups_allowed)
{
	static const char separators[] = ", \t";
	const struct config *config = parser->config;
	const struct config_key *key = key_of(section->named->section, "users");
	size_t length;

	for (const char *item = users + strspn(users, separators); *item != 0;
	     item += length, item += strspn(item, separators)) {
		bool known = false;

		length = strcspn(item, separators);
		if (item[0] != '@')
			continue;
		if (!groups_allowed) {
			config_complain_key(parser, section, key, "a group holds no other groups");
			return;
		}
		for (size_t i = 0; i < config->group_count; i++)
			if (strlen(config->groups[i].name) == length - 1 &&
			    memcmp(config->groups[i].name, item + 1, length - 1) == 0)
				known = true;
		if (!known)
			config_complain_key(parser, section, key,
			    "there is no [group %.*s] section", (int)(length - 1), item + 1);
	}
}

static void check_server(struct config_parser *parser, const struct config_section *section)
{
	const struct config *config = parser->config;
	struct config_server *server = section->base;
	bool jump = server->jump[0] == 0;

	if (server->title[0] == 0)
		strcpy(server->title, server->name);
	check_ssh(parser, section, &server->ssh);
	check_users(parser, section, server->users, true);
	for (size_t i = 0; i < config->jump_count; i++)
		if (strcmp(config->jumps[i].name, server->jump) == 0)
			jump = true;
	if (!jump)
		config_complain_key(parser, section, key_of("server", "jump"),
		    "there is no [jump] section of this name");
	if (server->desktop[0] != 0 &&
	    !has_choice(server->desktops.count != 0 ? &server->desktops : &config->web.desktops,
		server->desktop))
		config_complain_key(parser, section, key_of("server", "desktop"),
		    "is not one of the desktops offered there");
}

static void check_jump(struct config_parser *parser, const struct config_section *section)
{
	struct config_jump *jump = section->base;

	if (jump->title[0] == 0)
		strcpy(jump->title, jump->name);
	check_ssh(parser, section, &jump->ssh);
}

static void check_group(struct config_parser *parser, const struct config_section *section)
{
	const struct config_group *group = section->base;

	check_users(parser, section, group->users, false);
}

void config_check(struct config_parser *parser)
{
	static const struct {
		const char *section;
		void (*check)(struct config_parser *parser, const struct config_section *section);
	} checks[] = {{"server", check_server}, {"jump", check_jump}, {"group", check_group}};

	check_web(parser);
	check_compat(parser);
	check_relay(parser);
	check_penalties(parser);
	check_other_servers(parser);
	for (size_t i = 1; i < parser->section_count; i++)
		for (size_t j = 0; j < sizeof(checks) / sizeof(checks[0]); j++)
			if (strcmp(parser->sections[i].named->section, checks[j].section) == 0)
				checks[j].check(parser, &parser->sections[i]);
}

static void resolve_account(struct config_parser *parser, const struct config_key *key,
    struct config_account *account, bool group)
{
	const struct config_section *section = &parser->sections[0];

	if (!config_account_resolve(account, group))
		config_complain_key(parser, section, key, "there is no %s %s%s",
		    group ? "group" : "user", account->name,
		    section->lines[key - config_keys] == 0 ? " (the default)" : "");
}

static void resolve_ids(struct config_parser *parser)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		void *field = (char *)parser->config + key->offset;
		struct config_accounts *list = field;

		switch (key->kind) {
		case CONFIG_KIND_USER:
		case CONFIG_KIND_GROUP:
			resolve_account(parser, key, field, key->kind == CONFIG_KIND_GROUP);
			break;
		case CONFIG_KIND_ACCOUNTS:
			for (size_t j = 0; j < list->count; j++)
				resolve_account(parser, key, &list->items[j], false);
			break;
		default:
			break;
		}
	}
}

static bool range_has(const struct config_range *range, const struct config_account *account)
{
	return account->id >= range->first && account->id <= range->last;
}

/* Ids that must be apart from each other for the borders between processes to hold. */
static void check_ids(struct config_parser *parser)
{
	const struct config *config = parser->config;
	const struct config_range *uids = &config->sessions.uids;
	const struct config_accounts *lists[] = {
	    &config->broker.web_users, &config->broker.admin_users};

	if (config->broker.user.id == 0)
		complain_fixed(parser, "broker", "user", "must not be root");
	if (config->broker.group.id == 0)
		complain_fixed(parser, "broker", "group", "must not be root's group");
	if (range_has(uids, &config->broker.user))
		complain_fixed(parser, "sessions", "uids", "holds the broker's own user");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			if (range_has(uids, &lists[i]->items[j]))
				complain_fixed(parser, "sessions", "uids",
				    "holds one of web_users or admin_users");
}

void config_check_ids(struct config_parser *parser)
{
	resolve_ids(parser);
	if (!parser->failed)
		check_ids(parser);
}
