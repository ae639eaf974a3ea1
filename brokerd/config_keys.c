/* SPDX-License-Identifier: ISC */
#include "config_keys.h"

#include <stdio.h>
#include <string.h>

#define DAY_S 86400

#define FIELD(member)  offsetof(struct config, member)
#define SERVER(member) offsetof(struct config_server, member)
#define JUMP(member)   offsetof(struct config_jump, member)
#define GROUP(member)  offsetof(struct config_group, member)
#define DESKTOPS                                                                                   \
	"KDE=KDE Plasma, GNOME=GNOME, XFCE=Xfce, MATE=MATE, CINNAMON=Cinnamon, LXDE=LXDE, "        \
	"ICEWM=IceWM, OPENBOX=Openbox, TRINITY=Trinity, TERMINAL=Terminal"

/* clang-format off */
const struct config_key config_keys[] = {
	{"broker", "user", CONFIG_KIND_USER, FIELD(broker.user), 0, 0, "x2goweb", true},
	{"broker", "group", CONFIG_KIND_GROUP, FIELD(broker.group), 0, 0, "x2goweb", true},
	{"broker", "runtime_dir", CONFIG_KIND_PATH, FIELD(broker.runtime_dir), 2, 89, "/run/x2goweb", true},
	{"broker", "web_users", CONFIG_KIND_ACCOUNTS, FIELD(broker.web_users), 0, 0, "www-data", true},
	{"broker", "web_group", CONFIG_KIND_GROUP, FIELD(broker.web_group), 0, 0, "www-data", true},
	{"broker", "admin_users", CONFIG_KIND_ACCOUNTS, FIELD(broker.admin_users), 0, 0, "", true},
	{"broker", "log_level", CONFIG_KIND_LEVEL, FIELD(broker.log_level), 0, 0, "info", false},
	{"web", "url", CONFIG_KIND_TEXT, FIELD(web.url), 0, 250, "", false},
	{"web", "title", CONFIG_KIND_TEXT, FIELD(web.title), 0, 128, "X2Go", false},
	{"web", "logo", CONFIG_KIND_WEB_PATH, FIELD(web.logo), 0, 255, "", false},
	{"web", "accent", CONFIG_KIND_COLOUR, FIELD(web.accent), 0, 7, "", false},
	{"web", "kiosk", CONFIG_KIND_BOOL, FIELD(web.kiosk), 0, 0, "no", false},
	{"web", "native_mode", CONFIG_KIND_BOOL, FIELD(web.native_mode), 0, 0, "no", false},
	{"web", "default_server", CONFIG_KIND_TEXT, FIELD(web.default_server), 0, 64, "", false},
	{"web", "default_desktop", CONFIG_KIND_TEXT, FIELD(web.default_desktop), 0, 64, "", false},
	{"web", "desktops", CONFIG_KIND_CHOICES, FIELD(web.desktops), 0, 0, DESKTOPS, false},
	{"relay", "listen", CONFIG_KIND_LISTEN, FIELD(relay.listen), 2, 45, "unix", true},
	{"relay", "ports", CONFIG_KIND_RANGE, FIELD(relay.ports), 1024, 65535, "20000-20499", true},
	{"relay", "tls_listen", CONFIG_KIND_ADDRESS, FIELD(relay.tls_listen), 0, 45, "", false},
	{"relay", "tls_port", CONFIG_KIND_UINT, FIELD(relay.tls_port), 1, 65535, "20443", false},
	{"relay", "tls_certificate", CONFIG_KIND_PATH, FIELD(relay.tls_certificate), 0, 1023, "", false},
	{"relay", "tls_key", CONFIG_KIND_PATH, FIELD(relay.tls_key), 0, 1023, "", false},
	{"relay", "quarantine", CONFIG_KIND_SECONDS, FIELD(relay.quarantine_ms), 0, 3600, "30", false},
	{"relay", "delay_bytes", CONFIG_KIND_UINT, FIELD(relay.delay_bytes), 65536, 268435456, "1048576", false},
	{"relay", "buffer_bytes", CONFIG_KIND_UINT, FIELD(relay.buffer_bytes), 65536, 268435456, "16777216", false},
	{"relay", "raw", CONFIG_KIND_BOOL, FIELD(relay.raw), 0, 0, "no", false},
	{"limits", "logins", CONFIG_KIND_UINT, FIELD(limits.logins), 1, 10000, "200", false},
	{"limits", "logins_per_user", CONFIG_KIND_UINT, FIELD(limits.logins_per_user), 1, 10000, "10", false},
	{"limits", "logins_per_client", CONFIG_KIND_UINT, FIELD(limits.logins_per_client), 1, 10000, "50", false},
	{"limits", "logins_per_server", CONFIG_KIND_UINT, FIELD(limits.logins_per_server), 1, 10000, "200", false},
	{"limits", "unfinished", CONFIG_KIND_DROP, FIELD(limits.unfinished), 1, 10000, "50:30:150", false},
	{"limits", "logins_at_once", CONFIG_KIND_UINT, FIELD(limits.logins_at_once), 1, 1000, "8", false},
	{"limits", "starts_at_once", CONFIG_KIND_UINT, FIELD(limits.starts_at_once), 1, 1000, "3", false},
	{"limits", "connections", CONFIG_KIND_UINT, FIELD(limits.connections), 4, 4096, "128", false},
	{"limits", "connections_per_uid", CONFIG_KIND_UINT, FIELD(limits.connections_per_uid), 2, 4096, "64", false},
	{"penalties", "auth_failed", CONFIG_KIND_SECONDS, FIELD(penalties.auth_failed_ms), 0, DAY_S, "5", false},
	{"penalties", "unfinished", CONFIG_KIND_SECONDS, FIELD(penalties.unfinished_ms), 0, DAY_S, "1", false},
	{"penalties", "crash", CONFIG_KIND_SECONDS, FIELD(penalties.crash_ms), 0, DAY_S, "90", false},
	{"penalties", "min", CONFIG_KIND_SECONDS, FIELD(penalties.min_ms), 0, DAY_S, "15", false},
	{"penalties", "max", CONFIG_KIND_SECONDS, FIELD(penalties.max_ms), 1, DAY_S, "600", false},
	{"penalties", "prefix4", CONFIG_KIND_UINT, FIELD(penalties.prefix4), 8, 32, "32", false},
	{"penalties", "prefix6", CONFIG_KIND_UINT, FIELD(penalties.prefix6), 16, 128, "64", false},
	{"penalties", "sources", CONFIG_KIND_UINT, FIELD(penalties.sources), 16, 1048576, "65536", false},
	{"penalties", "exempt", CONFIG_KIND_NETWORKS, FIELD(penalties.exempt), 0, 0, "", false},
	{"metrics", "allow", CONFIG_KIND_NETWORKS, FIELD(metrics.allow), 0, 0, "127.0.0.0/8, ::1", false},
	{"sessions", "uids", CONFIG_KIND_RANGE, FIELD(sessions.uids), 1000, 2147483647, "70000-70499", true},
	{"sessions", "when_left", CONFIG_KIND_WHEN_LEFT, FIELD(sessions.when_left), 0, 0, "suspend", false},
	{"deadlines", "hello", CONFIG_KIND_SECONDS, FIELD(deadlines.hello_ms), 1, 60, "5", false},
	{"deadlines", "connect", CONFIG_KIND_SECONDS, FIELD(deadlines.connect_ms), 1, 600, "10", false},
	{"deadlines", "auth", CONFIG_KIND_SECONDS, FIELD(deadlines.auth_ms), 1, 600, "30", false},
	{"deadlines", "prompt", CONFIG_KIND_SECONDS, FIELD(deadlines.prompt_ms), 1, 3600, "120", false},
	{"deadlines", "start", CONFIG_KIND_SECONDS, FIELD(deadlines.start_ms), 1, 600, "60", false},
	{"deadlines", "attach", CONFIG_KIND_SECONDS, FIELD(deadlines.attach_ms), 1, 600, "30", false},
	{"deadlines", "grace", CONFIG_KIND_SECONDS, FIELD(deadlines.grace_ms), 0, DAY_S, "60", false},
	{"deadlines", "idle", CONFIG_KIND_SECONDS, FIELD(deadlines.idle_ms), 1, DAY_S, "600", false},
	{"deadlines", "login", CONFIG_KIND_SECONDS, FIELD(deadlines.login_ms), 1, 30 * DAY_S, "43200", false},
	{"deadlines", "stop", CONFIG_KIND_SECONDS, FIELD(deadlines.stop_ms), 1, 60, "5", false},
	{"ssh", "known_hosts", CONFIG_KIND_PATH, FIELD(ssh.known_hosts), 2, 1023, "/etc/x2goweb/known_hosts", false},
	{"ssh", "accepted_hosts", CONFIG_KIND_PATH, FIELD(ssh.accepted_hosts), 2, 1023, "/var/lib/x2goweb/known_hosts", false},
	{"other_servers", "allow", CONFIG_KIND_BOOL, FIELD(other_servers.allow), 0, 0, "no", false},
	{"other_servers", "names", CONFIG_KIND_PATTERNS, FIELD(other_servers.names), 0, 1023, "*", false},
	{"other_servers", "networks", CONFIG_KIND_NETWORKS, FIELD(other_servers.networks), 0, 0, "", false},
	{"other_servers", "ports", CONFIG_KIND_PORTS, FIELD(other_servers.ports), 1, 65535, "22", false},
	{"other_servers", "jump_hosts", CONFIG_KIND_PATTERNS, FIELD(other_servers.jump_hosts), 0, 1023, "", false},
	{"other_servers", "host_keys", CONFIG_KIND_HOST_KEYS, FIELD(other_servers.host_keys), 0, 0, "strict", false},
	{"other_servers", "methods", CONFIG_KIND_METHODS, FIELD(other_servers.methods), 0, 64, "", false},
	{"compat", "enabled", CONFIG_KIND_BOOL, FIELD(compat.enabled), 0, 0, "no", false},
	{"compat", "options", CONFIG_KIND_PATH, FIELD(compat.options), 0, 1023, "", false},
	{"server", "title", CONFIG_KIND_TEXT, SERVER(title), 0, 128, "", false},
	{"server", "address", CONFIG_KIND_TEXT, SERVER(address), 1, 255, NULL, false},
	{"server", "port", CONFIG_KIND_UINT, SERVER(port), 1, 65535, "22", false},
	{"server", "users", CONFIG_KIND_NAMES, SERVER(users), 0, 1023, "", false},
	{"server", "desktops", CONFIG_KIND_CHOICES, SERVER(desktops), 0, 0, "", false},
	{"server", "desktop", CONFIG_KIND_TEXT, SERVER(desktop), 0, 64, "", false},
	{"server", "jump", CONFIG_KIND_TEXT, SERVER(jump), 0, 64, "", false},
	{"server", "host_keys", CONFIG_KIND_HOST_KEYS, SERVER(ssh.host_keys), 0, 0, "strict", false},
	{"server", "methods", CONFIG_KIND_METHODS, SERVER(ssh.methods), 0, 64, "", false},
	{"server", "key", CONFIG_KIND_PATH, SERVER(ssh.key), 0, 1023, "", false},
	{"server", "key_alone", CONFIG_KIND_BOOL, SERVER(ssh.key_alone), 0, 0, "no", false},
	{"jump", "title", CONFIG_KIND_TEXT, JUMP(title), 0, 128, "", false},
	{"jump", "address", CONFIG_KIND_TEXT, JUMP(address), 1, 255, NULL, false},
	{"jump", "port", CONFIG_KIND_UINT, JUMP(port), 1, 65535, "22", false},
	{"jump", "user", CONFIG_KIND_TEXT, JUMP(user), 0, 64, "", false},
	{"jump", "host_keys", CONFIG_KIND_HOST_KEYS, JUMP(ssh.host_keys), 0, 0, "strict", false},
	{"jump", "methods", CONFIG_KIND_METHODS, JUMP(ssh.methods), 0, 64, "", false},
	{"jump", "key", CONFIG_KIND_PATH, JUMP(ssh.key), 0, 1023, "", false},
	{"jump", "key_alone", CONFIG_KIND_BOOL, JUMP(ssh.key_alone), 0, 0, "no", false},
	{"group", "users", CONFIG_KIND_NAMES, GROUP(users), 1, 4095, NULL, false},
};
/* clang-format on */

const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);
_Static_assert(sizeof(config_keys) / sizeof(config_keys[0]) <= CONFIG_KEYS_MAX,
    "CONFIG_KEYS_MAX is too small");

static const struct config_named named_sections[] = {
    {"server", FIELD(servers), FIELD(server_count), sizeof(struct config_server),
	CONFIG_SERVERS_MAX},
    {"jump", FIELD(jumps), FIELD(jump_count), sizeof(struct config_jump), CONFIG_JUMPS_MAX},
    {"group", FIELD(groups), FIELD(group_count), sizeof(struct config_group), CONFIG_GROUPS_MAX},
};
_Static_assert(SERVER(name) == 0 && JUMP(name) == 0 && GROUP(name) == 0, "the name comes first");

size_t config_find_key(const char *section, const char *name)
{
	size_t i = 0;

	while (i < config_key_count && (strcmp(config_keys[i].section, section) != 0 ||
					   strcmp(config_keys[i].name, name) != 0))
		i++;
	return i;
}

const struct config_named *config_find_named(const char *section)
{
	for (size_t i = 0; i < sizeof(named_sections) / sizeof(named_sections[0]); i++)
		if (strcmp(named_sections[i].section, section) == 0)
			return &named_sections[i];
	return NULL;
}

void config_preset(const struct config_named *named, void *base)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->preset != NULL && config_find_named(key->section) == named)
			config_value_parse(
			    key->kind, 0, key->max, key->preset, (char *)base + key->offset);
	}
}

unsigned config_keep_fixed(
    struct config *fresh, const struct config *running, config_report *report, void *report_arg)
{
	unsigned differing = 0;
	char text[200];

	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		size_t bytes = config_kind_bytes(key->kind);
		void *to = (char *)fresh + key->offset;
		const void *from = (const char *)running + key->offset;

		if (!key->fixed)
			continue;
		if (!config_value_equal(key->kind, to, from)) {
			snprintf(text, sizeof(text),
			    "[%s] %s: the change counts after a restart only", key->section,
			    key->name);
			report(text, report_arg);
			differing++;
		}
		memcpy(to, from, bytes != 0 ? bytes : key->max + 1);
	}
	return differing;
}

bool config_key_at(
    unsigned index, const char **ret_section, const char **ret_name, const char **ret_preset)
{
	if (index >= config_key_count)
		return false;
	*ret_section = config_keys[index].section;
	*ret_name = config_keys[index].name;
	*ret_preset = config_keys[index].preset;
	return true;
}
