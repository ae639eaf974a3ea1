/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/config: what a good file yields, that the example file shows the true defaults, and what
 * a reload keeps.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/config.h"
#include "config_file.h"
#include "proto/log.h"

static void test_defaults(void **state)
{
	struct config *config = load(IDS);

	(void)state;
	assert_string_equal(reports, "");
	assert_non_null(config);
	assert_string_equal(config->broker.runtime_dir, "/run/x2goweb");
	assert_int_equal(config->broker.user.id, 64200);
	assert_int_equal(config->broker.web_users.count, 1);
	assert_int_equal(config->broker.web_users.items[0].id, 64201);
	assert_int_equal(config->broker.admin_users.count, 0);
	assert_int_equal(config->broker.log_level, LOG_LEVEL_INFO);
	assert_true(config_relay_is_unix(config));
	assert_int_equal(config->relay.ports.first, 20000);
	assert_int_equal(config->relay.ports.last, 20499);
	assert_int_equal(config->relay.quarantine_ms, 30000);
	assert_false(config->relay.raw);
	assert_int_equal(config->deadlines.connect_ms, 10000);
	assert_int_equal(config->sessions.uids.first, 70000);
	assert_string_equal(config->web.default_desktop, config->web.desktops.items[0].id);
	assert_string_equal(config->web.logo, "");
	assert_string_equal(config->web.accent, "");
	assert_false(config->web.kiosk);
	assert_false(config->web.native_mode);
	assert_int_equal(config->server_count, 0);
	assert_int_equal(config->limits.logins_per_server, 200);
	assert_int_equal(config->limits.unfinished.begin, 50);
	assert_int_equal(config->limits.unfinished.percent, 30);
	assert_int_equal(config->limits.unfinished.full, 150);
	assert_int_equal(config->penalties.auth_failed_ms, 5000);
	assert_int_equal(config->penalties.unfinished_ms, 1000);
	assert_int_equal(config->penalties.crash_ms, 90000);
	assert_int_equal(config->penalties.min_ms, 15000);
	assert_int_equal(config->penalties.max_ms, 600000);
	assert_int_equal(config->penalties.prefix4, 32);
	assert_int_equal(config->penalties.prefix6, 64);
	assert_int_equal(config->penalties.sources, 65536);
	assert_int_equal(config->penalties.exempt.count, 0);
	assert_int_equal(config->deadlines.prompt_ms, 120000);
	assert_int_equal(config->deadlines.login_ms, 43200000);
	assert_int_equal(config->deadlines.grace_ms, 60000);
	assert_int_equal(config->sessions.when_left, WHEN_LEFT_SUSPEND);
	assert_string_equal(config->ssh.accepted_hosts, "/var/lib/x2goweb/known_hosts");
	assert_false(config->other_servers.allow);
	assert_string_equal(config->other_servers.names, "*");
	assert_int_equal(config->other_servers.networks.count, 0);
	assert_int_equal(config->other_servers.ports.count, 1);
	assert_int_equal(config->other_servers.ports.items[0], 22);
	assert_string_equal(config->other_servers.jump_hosts, "");
	assert_int_equal(config->other_servers.host_keys, HOST_KEYS_STRICT);
	assert_string_equal(config->other_servers.methods, "keyboard-interactive,password");
	config_destroy(config);
}

/* How servers are reached, and which others may be typed. */
static void test_ways(void **state)
{
	struct config *config = load(IDS "[server plain]\naddress = a\n"
					 "[server full]\naddress = b\njump = gate\n"
					 "users = alice, @staff\n"
					 "desktops = XFCE, MATE\ndesktop = MATE\n"
					 "host_keys = accept-new\n"
					 "methods = password,\n publickey\n"
					 "key = /etc/x2goweb/key\nkey_alone = yes\n"
					 "[group staff]\nusers = sue,\n\tsven\n"
					 "[jump gate]\naddress = c\nport = 2222\nuser = hop\n"
					 "key = /etc/x2goweb/jump\nhost_keys = ask\n"
					 "[jump door]\ntitle = Door\naddress = d\n"
					 "[other_servers]\nallow = yes\n"
					 "names = *.Example.org,\n !DB*.example.org\n"
					 "networks = 10.0.0.0/8, 2001:db8::/32,\n 192.0.2.7\n"
					 "ports = 22, 2222\njump_hosts = gate.*\n"
					 "host_keys = ask\nmethods = password\n"
					 "[limits]\nunfinished = 1:0:1\n"
					 "[penalties]\nexempt = 192.0.2.0/24\ncrash = 0\n"
					 "min = 20\nmax = 20\n"
					 "[sessions]\nwhen_left = leave\n"
					 "[deadlines]\nlogin = 2592000\ngrace = 86400\n");
	const struct config_server *server;
	struct ip ip;

	(void)state;
	assert_string_equal(reports, "");
	assert_non_null(config);
	server = &config->servers[0];
	assert_string_equal(server->ssh.methods, "keyboard-interactive,password");
	assert_int_equal(server->ssh.host_keys, HOST_KEYS_STRICT);
	assert_string_equal(server->ssh.key, "");
	assert_false(server->ssh.key_alone);
	assert_string_equal(server->jump, "");
	assert_string_equal(server->desktop, "");
	server = &config->servers[1];
	assert_string_equal(server->jump, "gate");
	assert_string_equal(server->users, "alice, @staff");
	assert_string_equal(server->desktop, "MATE");
	assert_int_equal(server->ssh.host_keys, HOST_KEYS_ACCEPT_NEW);
	assert_string_equal(server->ssh.methods, "password,publickey");
	assert_string_equal(server->ssh.key, "/etc/x2goweb/key");
	assert_true(server->ssh.key_alone);
	assert_int_equal(config->group_count, 1);
	assert_string_equal(config->groups[0].name, "staff");
	assert_string_equal(config->groups[0].users, "sue,sven");
	assert_int_equal(config->jump_count, 2);
	assert_string_equal(config->jumps[0].title, "gate");
	assert_string_equal(config->jumps[0].user, "hop");
	assert_int_equal(config->jumps[0].port, 2222);
	assert_int_equal(config->jumps[0].ssh.host_keys, HOST_KEYS_ASK);
	assert_string_equal(
	    config->jumps[0].ssh.methods, "publickey,keyboard-interactive,password");
	assert_string_equal(config->jumps[1].title, "Door");
	assert_string_equal(config->jumps[1].ssh.methods, "keyboard-interactive,password");
	assert_true(config->other_servers.allow);
	assert_string_equal(config->other_servers.names, "*.example.org,!db*.example.org");
	assert_int_equal(config->other_servers.networks.count, 3);
	assert_true(ip_parse("192.0.2.7", &ip));
	assert_true(network_has(&config->other_servers.networks.items[2], &ip));
	assert_int_equal(config->other_servers.ports.items[1], 2222);
	assert_string_equal(config->other_servers.jump_hosts, "gate.*");
	assert_int_equal(config->other_servers.host_keys, HOST_KEYS_ASK);
	assert_string_equal(config->other_servers.methods, "password");
	assert_int_equal(config->limits.unfinished.full, 1);
	assert_int_equal(config->penalties.exempt.count, 1);
	assert_int_equal(config->penalties.crash_ms, 0);
	assert_int_equal(config->sessions.when_left, WHEN_LEFT_LEAVE);
	assert_int_equal(config->deadlines.login_ms, 2592000000u);
	config_destroy(config);
}

static void test_values(void **state)
{
	struct config *config = load(IDS "admin_users = root, 64202\nlog_level = debug\n"
					 "[web]\n"
					 "title = Schreibtische f\xc3\xbcr alle\n"
					 "logo = /site/logo%20-1.svg\n"
					 "accent = #a0B1c2 ; ours\n"
					 "kiosk = yes\nnative_mode = yes\n"
					 "desktops = XFCE = Xfce ,MATE,\n"
					 "\tICEWM=Ice=WM\n"
					 "\t, TERMINAL=Terminal\n"
					 "default_desktop = ICEWM ; as agreed\n"
					 "default_server = b.2_c-d\n"
					 "[relay]\nlisten = ::1\nports = 30000-30000\nraw = yes\n"
					 "# a comment\n"
					 "; another one\n"
					 "[server first]\naddress = 192.0.2.1\n"
					 "[server b.2_c-d]\n"
					 "title = Second\naddress=x.example\nport=2222\n"
					 "users = alice,\n bob\n"
					 "desktops = KDE=Plasma\n"
					 "[deadlines]\nidle = 86400");

	(void)state;
	assert_string_equal(reports, "");
	assert_non_null(config);
	assert_int_equal(config->broker.admin_users.items[0].id, 0);
	assert_int_equal(config->broker.admin_users.items[1].id, 64202);
	assert_int_equal(config->broker.log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(config->web.title, "Schreibtische f\xc3\xbcr alle");
	assert_string_equal(config->web.logo, "/site/logo%20-1.svg");
	assert_string_equal(config->web.accent, "#a0B1c2");
	assert_true(config->web.kiosk);
	assert_true(config->web.native_mode);
	assert_int_equal(config->web.desktops.count, 4);
	assert_string_equal(config->web.desktops.items[0].id, "XFCE");
	assert_string_equal(config->web.desktops.items[0].title, "Xfce");
	assert_string_equal(config->web.desktops.items[1].title, "MATE");
	assert_string_equal(config->web.desktops.items[2].title, "Ice=WM");
	assert_string_equal(config->web.desktops.items[3].id, "TERMINAL");
	assert_string_equal(config->web.default_desktop, "ICEWM");
	assert_string_equal(config->relay.listen, "::1");
	assert_int_equal(config->relay.ports.last, 30000);
	assert_false(config_relay_is_unix(config));
	assert_true(config->relay.raw);
	assert_int_equal(config->server_count, 2);
	assert_string_equal(config->servers[0].title, "first");
	assert_int_equal(config->servers[0].port, 22);
	assert_int_equal(config->servers[0].desktops.count, 0);
	assert_string_equal(config->servers[1].name, "b.2_c-d");
	assert_string_equal(config->servers[1].address, "x.example");
	assert_int_equal(config->servers[1].port, 2222);
	assert_string_equal(config->servers[1].users, "alice,bob");
	assert_string_equal(config->servers[1].desktops.items[0].title, "Plasma");
	assert_int_equal(config->deadlines.idle_ms, 86400000);
	config_destroy(config);
}

static void test_no_file(void **state)
{
	(void)state;
	reports[0] = 0;
	assert_null(config_load("/nonexistent/x2goweb.conf", true, on_report, NULL));
	assert_string_equal(reports, "/nonexistent/x2goweb.conf: No such file or directory\n");
	reports[0] = 0;
	assert_null(config_load("/", true, on_report, NULL));
	assert_string_equal(reports, "/: Is a directory\n");
}

/* Whether the part of the example under this section's title shows the key. */
static bool is_shown(const char *text, const char *section, const char *name)
{
	static const char *const named[] = {"server", "jump", "group"};
	char title[64], key[64];
	const char *from, *end;

	snprintf(title, sizeof(title), "\n[%s]", section);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (strcmp(section, named[i]) == 0)
			snprintf(title, sizeof(title), "\n#[%s NAME]", section);
	snprintf(key, sizeof(key), "\n#%s =", name);
	from = strstr(text, title);
	if (from == NULL)
		return false;
	end = strstr(from + 1, "\n[");
	from = strstr(from + 1, key);
	return from != NULL && (end == NULL || from < end);
}

/* Uncommented, the example must mean the same as nothing, and show every key. */
static void test_example(void **state)
{
	static char text[32768], uncommented[32768];
	FILE *file = fopen("packaging/x2goweb.conf", "r");
	const char *section, *name, *preset;
	struct config *example, *defaults;
	char *rest = text, *line;
	bool in_named = false;

	(void)state;
	assert_non_null(file);
	assert_int_not_equal(fread(text, 1, sizeof(text) - 1, file), 0);
	fclose(file);
	for (unsigned i = 0; config_key_at(i, &section, &name, &preset); i++)
		if (!is_shown(text, section, name))
			fail_msg("the example does not show [%s] %s", section, name);
	while ((line = strsep(&rest, "\n")) != NULL) {
		size_t used = strlen(uncommented);

		if (line[0] == '#' && line[1] != 0 && line[1] != ' ' && line[1] != '\t')
			line++;
		else if (line[0] == '#' && line[1] == '\t' && strchr(line, '=') != NULL)
			line++;
		else if (line[0] == '#')
			continue;
		/* Sections that show how a server is described are no defaults. */
		if (line[0] == '[')
			in_named = strchr(line, ' ') != NULL;
		if (!in_named)
			snprintf(uncommented + used, sizeof(uncommented) - used, "%s\n", line);
	}
	example = load_with(uncommented, false);
	assert_string_equal(reports, "");
	assert_non_null(example);
	defaults = load_with("", false);
	assert_non_null(defaults);
	assert_memory_equal(example, defaults, sizeof(*defaults));
	config_destroy(example);
	config_destroy(defaults);
	/* As it is, it must be good, too. */
	defaults = config_load("packaging/x2goweb.conf", false, on_report, NULL);
	assert_non_null(defaults);
	config_destroy(defaults);
}

static char noted[256];

static void note(const char *text, void *arg)
{
	(void)arg;
	snprintf(noted, sizeof(noted), "%s", text);
}

static void test_reload(void **state)
{
	struct config *running = load(IDS "[relay]\nraw = no\n[web]\ntitle = old\n");
	struct config *fresh = load_with(
	    IDS "[relay]\nraw = yes\n[web]\ntitle = new\n[server a]\naddress = b\n", false);

	(void)state;
	assert_non_null(running);
	assert_non_null(fresh);
	assert_int_equal(config_keep_fixed(fresh, running, note, NULL), 0);
	assert_int_equal(fresh->broker.user.id, 64200);
	assert_int_equal(fresh->broker.web_users.items[0].id, 64201);
	assert_true(fresh->relay.raw);
	assert_string_equal(fresh->web.title, "new");
	assert_int_equal(fresh->server_count, 1);
	config_destroy(fresh);
	fresh = load_with(IDS "[relay]\nports = 30000-30001\n", false);
	assert_non_null(fresh);
	assert_int_equal(config_keep_fixed(fresh, running, note, NULL), 1);
	assert_string_equal(noted, "[relay] ports: the change counts after a restart only");
	assert_int_equal(fresh->relay.ports.first, 20000);
	config_destroy(fresh);
	fresh = load_with(IDS "admin_users = 5\n", false);
	assert_non_null(fresh);
	assert_int_equal(config_keep_fixed(fresh, running, note, NULL), 1);
	assert_int_equal(fresh->broker.admin_users.count, 0);
	config_destroy(fresh);
	config_destroy(running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_values), cmocka_unit_test(test_ways),

	    cmocka_unit_test(test_no_file), cmocka_unit_test(test_example),
	    cmocka_unit_test(test_reload)};

	return cmocka_run_group_tests(tests, config_file_set_up, config_file_tear_down);
}
