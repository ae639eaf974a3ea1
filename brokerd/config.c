/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_values.h"

#define VALUE_BYTES 4096
#define DAY_S	    86400

/* One key of the grammar. Those of section "server" stand in every [server NAME]. */
struct key {
	const char *section, *name;
	enum config_kind kind;
	size_t offset; /* in struct config or struct config_server */
	unsigned min, max;
	const char *preset; /* NULL: must be given */
	bool fixed;	    /* counts only at a start */
};

#define FIELD(member)  offsetof(struct config, member)
#define SERVER(member) offsetof(struct config_server, member)
#define DESKTOPS                                                                                   \
	"KDE=KDE Plasma, GNOME=GNOME, XFCE=Xfce, MATE=MATE, CINNAMON=Cinnamon, LXDE=LXDE, "        \
	"ICEWM=IceWM, OPENBOX=Openbox, TRINITY=Trinity, TERMINAL=Terminal"

/* clang-format off */
static const struct key keys[] = {
	{"broker", "user", CONFIG_KIND_USER, FIELD(broker.user), 0, 0, "x2goweb", true},
	{"broker", "group", CONFIG_KIND_GROUP, FIELD(broker.group), 0, 0, "x2goweb", true},
	{"broker", "runtime_dir", CONFIG_KIND_PATH, FIELD(broker.runtime_dir), 2, 89, "/run/x2goweb", true},
	{"broker", "web_users", CONFIG_KIND_ACCOUNTS, FIELD(broker.web_users), 0, 0, "www-data", true},
	{"broker", "web_group", CONFIG_KIND_GROUP, FIELD(broker.web_group), 0, 0, "www-data", true},
	{"broker", "admin_users", CONFIG_KIND_ACCOUNTS, FIELD(broker.admin_users), 0, 0, "", true},
	{"broker", "log_level", CONFIG_KIND_LEVEL, FIELD(broker.log_level), 0, 0, "info", false},
	{"web", "title", CONFIG_KIND_TEXT, FIELD(web.title), 0, 128, "X2Go", false},
	{"web", "logo", CONFIG_KIND_WEB_PATH, FIELD(web.logo), 0, 255, "", false},
	{"web", "accent", CONFIG_KIND_COLOUR, FIELD(web.accent), 0, 7, "", false},
	{"web", "kiosk", CONFIG_KIND_BOOL, FIELD(web.kiosk), 0, 0, "no", false},
	{"web", "native_mode", CONFIG_KIND_BOOL, FIELD(web.native_mode), 0, 0, "no", false},
	{"web", "default_server", CONFIG_KIND_TEXT, FIELD(web.default_server), 0, 64, "", false},
	{"web", "default_desktop", CONFIG_KIND_TEXT, FIELD(web.default_desktop), 0, 64, "", false},
	{"web", "desktops", CONFIG_KIND_CHOICES, FIELD(web.desktops), 0, 0, DESKTOPS, false},
	{"relay", "listen", CONFIG_KIND_ADDRESS, FIELD(relay.listen), 2, 45, "127.0.0.1", true},
	{"relay", "ports", CONFIG_KIND_RANGE, FIELD(relay.ports), 1024, 65535, "20000-20499", true},
	{"relay", "quarantine", CONFIG_KIND_SECONDS, FIELD(relay.quarantine_ms), 0, 3600, "30", false},
	{"relay", "buffer_bytes", CONFIG_KIND_UINT, FIELD(relay.buffer_bytes), 65536, 268435456, "16777216", false},
	{"relay", "raw", CONFIG_KIND_BOOL, FIELD(relay.raw), 0, 0, "no", false},
	{"limits", "logins", CONFIG_KIND_UINT, FIELD(limits.logins), 1, 10000, "200", false},
	{"limits", "logins_per_user", CONFIG_KIND_UINT, FIELD(limits.logins_per_user), 1, 10000, "10", false},
	{"limits", "logins_per_client", CONFIG_KIND_UINT, FIELD(limits.logins_per_client), 1, 10000, "50", false},
	{"limits", "logins_at_once", CONFIG_KIND_UINT, FIELD(limits.logins_at_once), 1, 1000, "8", false},
	{"limits", "starts_at_once", CONFIG_KIND_UINT, FIELD(limits.starts_at_once), 1, 1000, "3", false},
	{"limits", "connections", CONFIG_KIND_UINT, FIELD(limits.connections), 4, 4096, "128", false},
	{"limits", "connections_per_uid", CONFIG_KIND_UINT, FIELD(limits.connections_per_uid), 2, 4096, "64", false},
	{"sessions", "uids", CONFIG_KIND_RANGE, FIELD(sessions.uids), 1000, 2147483647, "70000-70499", true},
	{"deadlines", "hello", CONFIG_KIND_SECONDS, FIELD(deadlines.hello_ms), 1, 60, "5", false},
	{"deadlines", "connect", CONFIG_KIND_SECONDS, FIELD(deadlines.connect_ms), 1, 600, "10", false},
	{"deadlines", "auth", CONFIG_KIND_SECONDS, FIELD(deadlines.auth_ms), 1, 600, "30", false},
	{"deadlines", "start", CONFIG_KIND_SECONDS, FIELD(deadlines.start_ms), 1, 600, "60", false},
	{"deadlines", "attach", CONFIG_KIND_SECONDS, FIELD(deadlines.attach_ms), 1, 600, "30", false},
	{"deadlines", "idle", CONFIG_KIND_SECONDS, FIELD(deadlines.idle_ms), 1, DAY_S, "600", false},
	{"deadlines", "stop", CONFIG_KIND_SECONDS, FIELD(deadlines.stop_ms), 1, 60, "5", false},
	{"ssh", "known_hosts", CONFIG_KIND_PATH, FIELD(ssh.known_hosts), 2, 1023, "/etc/x2goweb/known_hosts", false},
	{"server", "title", CONFIG_KIND_TEXT, SERVER(title), 0, 128, "", false},
	{"server", "address", CONFIG_KIND_TEXT, SERVER(address), 1, 255, NULL, false},
	{"server", "port", CONFIG_KIND_UINT, SERVER(port), 1, 65535, "22", false},
	{"server", "users", CONFIG_KIND_NAMES, SERVER(users), 0, 1023, "", false},
	{"server", "desktops", CONFIG_KIND_CHOICES, SERVER(desktops), 0, 0, "", false},
};
/* clang-format on */

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

struct parser {
	struct config *config;
	const char *path;
	FILE *file;
	config_report *report;
	void *report_arg;
	bool failed;

	unsigned line;
	bool indented;	    /* the line begins with a blank */
	char section[64];   /* "" before the first one */
	bool section_known; /* keys of an unknown section are not complained about */
	bool key_in_section;
	struct config_server *server; /* of [server NAME] */
	unsigned lines[KEY_COUNT];    /* where the key was given; those of "server": in this one */

	/* The value being collected: lists may go on in indented lines. */
	const struct key *key;
	char value[VALUE_BYTES];
};

__attribute__((format(printf, 4, 5))) static void complain(
    struct parser *parser, unsigned line, const char *name, const char *format, ...)
{
	char text[1024], place[32] = "", what[512];
	va_list arguments;

	parser->failed = true;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (line != 0)
		snprintf(place, sizeof(place), ":%u", line);
	if (name != NULL)
		snprintf(text, sizeof(text), "%.256s%s: [%s] %s: %s", parser->path, place,
		    parser->section, name, what);
	else
		snprintf(text, sizeof(text), "%.256s%s: %s", parser->path, place, what);
	parser->report(text, parser->report_arg);
}

static void *field_of(const struct key *key, struct config *config, struct config_server *server)
{
	return (char *)(strcmp(key->section, "server") == 0 ? (void *)server : (void *)config) +
	       key->offset;
}

/* The index of the key, or KEY_COUNT. */
static size_t find_key(const char *section, const char *name)
{
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return i;
	return KEY_COUNT;
}

/* Puts the defaults of all keys of "server" into server, or of all others into config. */
static void preset(struct config *config, struct config_server *server)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key *key = &keys[i];

		if (key->preset != NULL &&
		    (server != NULL) == (strcmp(key->section, "server") == 0))
			config_value_parse(
			    key->kind, 0, key->max, key->preset, field_of(key, config, server));
	}
}

/* The key's last line has been read. */
static void finish_key(struct parser *parser)
{
	const struct key *key = parser->key;
	const char *wrong;

	if (key == NULL)
		return;
	parser->key = NULL;
	wrong = config_value_parse(key->kind, key->min, key->max, parser->value,
	    field_of(key, parser->config, parser->server));
	if (wrong == NULL)
		return;
	if (key->kind == CONFIG_KIND_UINT || key->kind == CONFIG_KIND_SECONDS ||
	    key->kind == CONFIG_KIND_RANGE)
		complain(parser, parser->lines[key - keys], key->name, "%s (%u to %u)", wrong,
		    key->min, key->max);
	else
		complain(parser, parser->lines[key - keys], key->name, "%s", wrong);
}

static void finish_section(struct parser *parser)
{
	finish_key(parser);
	if (parser->server == NULL)
		return;
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(keys[i].section, "server") == 0 && keys[i].preset == NULL &&
		    parser->lines[i] == 0)
			complain(parser, parser->server->line, keys[i].name, "is missing");
	if (parser->server->title[0] == 0)
		strcpy(parser->server->title, parser->server->name);
	parser->server = NULL;
}

static bool server_name_is_good(const char *name)
{
	size_t length = strlen(name);

	/* The library cuts sections at 49 bytes. */
	return length >= 1 && length <= 40 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		   length;
}

static void open_server(struct parser *parser, const char *name)
{
	struct config *config = parser->config;

	parser->section_known = false;
	if (!server_name_is_good(name)) {
		complain(parser, parser->line, NULL,
		    "[%s]: a server's name is 1 to 40 letters, digits, dots, dashes, underscores",
		    parser->section);
		return;
	}
	for (size_t i = 0; i < config->server_count; i++) {
		if (strcmp(config->servers[i].name, name) == 0) {
			complain(
			    parser, parser->line, NULL, "[%s] is given twice", parser->section);
			return;
		}
	}
	if (config->server_count == CONFIG_SERVERS_MAX) {
		complain(
		    parser, parser->line, NULL, "[%s] is one server too many", parser->section);
		return;
	}
	parser->section_known = true;
	parser->server = &config->servers[config->server_count++];
	parser->server->line = parser->line;
	strcpy(parser->server->name, name);
	preset(config, parser->server);
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(keys[i].section, "server") == 0)
			parser->lines[i] = 0;
}

static void open_section(struct parser *parser, const char *text)
{
	finish_section(parser);
	parser->key_in_section = false;
	snprintf(
	    parser->section, sizeof(parser->section), "%.*s", (int)strcspn(text, "]\r\n"), text);
	if (strncmp(parser->section, "server ", 7) == 0) {
		open_server(parser, parser->section + 7 + strspn(parser->section + 7, " \t"));
		return;
	}
	parser->section_known = false;
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(keys[i].section, parser->section) == 0 &&
		    strcmp(parser->section, "server") != 0)
			parser->section_known = true;
	if (!parser->section_known)
		complain(
		    parser, parser->line, NULL, "[%s]: there is no such section", parser->section);
}

/* Reads a line for the library, which tells neither line numbers nor sections without keys. */
static char *read_line(char *line, int size, void *arg)
{
	struct parser *parser = arg;
	size_t blanks;
	int c;

	if (fgets(line, size, parser->file) == NULL)
		return NULL;
	parser->line++;
	if (strchr(line, '\n') == NULL && (c = fgetc(parser->file)) != EOF) {
		complain(parser, parser->line, NULL,
		    "the line is longer than %d bytes; lists may go on in an indented line",
		    size - 3);
		while (c != EOF && c != '\n')
			c = fgetc(parser->file);
		strcpy(line, "#\n");
	}
	blanks = strspn(line, " \t");
	parser->indented = blanks != 0;
	if (line[blanks] == '[' && !(parser->indented && parser->key_in_section))
		open_section(parser, line + blanks + 1);
	return line;
}

static void continue_value(struct parser *parser, const char *value)
{
	size_t used = strlen(parser->value);
	bool comma = used != 0 && parser->value[used - 1] != ',' && value[0] != ',';

	if (!config_kind_is_list(parser->key->kind))
		complain(parser, parser->line, parser->key->name,
		    "only lists may go on in an indented line");
	else if (used + strlen(value) + 2 > VALUE_BYTES)
		complain(parser, parser->line, parser->key->name, "is too long");
	else
		sprintf(parser->value + used, "%s%s", comma ? "," : "", value);
}

/* The library's handler. Always content: errors are reported here, all of them. */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct parser *parser = arg;
	size_t index;

	(void)section;
	parser->key_in_section = true;
	if (parser->indented && parser->key != NULL && strcmp(parser->key->name, name) == 0) {
		continue_value(parser, value);
		return 1;
	}
	finish_key(parser);
	if (parser->section[0] == 0) {
		complain(parser, parser->line, NULL, "%s: stands before the first section", name);
		return 1;
	}
	if (!parser->section_known)
		return 1;
	index = find_key(parser->server != NULL ? "server" : parser->section, name);
	if (index == KEY_COUNT) {
		complain(parser, parser->line, name, "there is no such key");
		return 1;
	}
	if (parser->lines[index] != 0) {
		complain(parser, parser->line, name, "is given twice; first in line %u",
		    parser->lines[index]);
		return 1;
	}
	parser->lines[index] = parser->line;
	parser->key = &keys[index];
	snprintf(parser->value, sizeof(parser->value), "%s", value);
	return 1;
}

/* A complaint about a key of a fixed section after all has been read. */
static void complain_key(struct parser *parser, const struct key *key, const char *what)
{
	snprintf(parser->section, sizeof(parser->section), "%s", key->section);
	complain(parser, parser->lines[key - keys], key->name, "%s", what);
}

static void resolve_account(
    struct parser *parser, const struct key *key, struct config_account *account, bool group)
{
	char what[128];

	if (config_account_resolve(account, group))
		return;
	snprintf(what, sizeof(what), "there is no %s %s%s", group ? "group" : "user", account->name,
	    parser->lines[key - keys] == 0 ? " (the default)" : "");
	complain_key(parser, key, what);
}

static void resolve_ids(struct parser *parser)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		void *field = (char *)parser->config + keys[i].offset;
		struct config_accounts *list = field;

		switch (keys[i].kind) {
		case CONFIG_KIND_USER:
		case CONFIG_KIND_GROUP:
			resolve_account(parser, &keys[i], field, keys[i].kind == CONFIG_KIND_GROUP);
			break;
		case CONFIG_KIND_ACCOUNTS:
			for (size_t j = 0; j < list->count; j++)
				resolve_account(parser, &keys[i], &list->items[j], false);
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
static void check_ids(struct parser *parser)
{
	const struct config *config = parser->config;
	const struct config_range *uids = &config->sessions.uids;
	const struct config_accounts *lists[] = {
	    &config->broker.web_users, &config->broker.admin_users};
	const struct key *key = &keys[find_key("sessions", "uids")];

	if (config->broker.user.id == 0)
		complain_key(parser, &keys[find_key("broker", "user")], "must not be root");
	if (config->broker.group.id == 0)
		complain_key(
		    parser, &keys[find_key("broker", "group")], "must not be root's group");
	if (range_has(uids, &config->broker.user))
		complain_key(parser, key, "holds the broker's own user");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			if (range_has(uids, &lists[i]->items[j]))
				complain_key(parser, key, "holds one of web_users or admin_users");
}

static void check_defaults(struct parser *parser)
{
	struct config *config = parser->config;
	bool server = config->web.default_server[0] == 0;
	bool desktop = config->web.default_desktop[0] == 0;

	for (size_t i = 0; i < config->server_count; i++)
		if (strcmp(config->servers[i].name, config->web.default_server) == 0)
			server = true;
	for (size_t i = 0; i < config->web.desktops.count; i++)
		if (strcmp(config->web.desktops.items[i].id, config->web.default_desktop) == 0)
			desktop = true;
	if (!server)
		complain_key(parser, &keys[find_key("web", "default_server")],
		    "there is no [server] section of this name");
	if (!desktop)
		complain_key(parser, &keys[find_key("web", "default_desktop")],
		    "is not one of the desktops");
	if (config->web.default_server[0] == 0 && config->server_count != 0)
		strcpy(config->web.default_server, config->servers[0].name);
	if (config->web.default_desktop[0] == 0 && config->web.desktops.count != 0)
		strcpy(config->web.default_desktop, config->web.desktops.items[0].id);
}

struct config *config_load(const char *path, bool resolve, config_report *report, void *report_arg)
{
	struct parser *parser = calloc(1, sizeof(*parser));
	struct config *config = calloc(1, sizeof(*config));
	bool failed = true;
	int result;

	if (parser == NULL || config == NULL) {
		report("out of memory", report_arg);
		goto out;
	}
	parser->config = config;
	parser->path = path;
	parser->report = report;
	parser->report_arg = report_arg;
	parser->file = fopen(path, "re");
	if (parser->file == NULL) {
		complain(parser, 0, NULL, "%s", strerror(errno));
		goto out;
	}
	preset(config, NULL);
	result = ini_parse_stream(read_line, parser, on_key, parser);
	if (ferror(parser->file)) {
		complain(parser, 0, NULL, "%s", strerror(errno));
		goto out;
	}
	if (result < 0)
		complain(parser, 0, NULL, "out of memory");
	if (result > 0)
		complain(parser, (unsigned)result, NULL, "is neither [section] nor key = value");
	finish_section(parser);
	check_defaults(parser);
	if (resolve) {
		resolve_ids(parser);
		if (!parser->failed)
			check_ids(parser);
	}
	failed = parser->failed;
out:
	if (parser != NULL && parser->file != NULL)
		fclose(parser->file);
	free(parser);
	if (failed) {
		free(config);
		config = NULL;
	}
	return config;
}

void config_destroy(struct config *config)
{
	free(config);
}

bool config_keep_fixed(struct config *fresh, const struct config *running)
{
	bool same = true;

	for (size_t i = 0; i < KEY_COUNT; i++) {
		size_t bytes = config_kind_bytes(keys[i].kind);
		void *to = (char *)fresh + keys[i].offset;
		const void *from = (const char *)running + keys[i].offset;

		if (!keys[i].fixed)
			continue;
		if (!config_value_equal(keys[i].kind, to, from))
			same = false;
		memcpy(to, from, bytes != 0 ? bytes : keys[i].max + 1);
	}
	return same;
}

bool config_key_at(
    unsigned index, const char **ret_section, const char **ret_name, const char **ret_preset)
{
	if (index >= KEY_COUNT)
		return false;
	*ret_section = keys[index].section;
	*ret_name = keys[index].name;
	*ret_preset = keys[index].preset;
	return true;
}
