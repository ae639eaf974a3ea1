/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/config: what a good file yields, what is said about a bad one, that the example file
 * shows the true defaults, and what a reload keeps.
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
#include "proto/log.h"

/* Ids that need no look-up. */
#define IDS "[broker]\nuser = 64200\ngroup = 64200\nweb_users = 64201\nweb_group = 64201\n"

static char path[] = "/tmp/x2goweb-test-config-XXXXXX";
static char reports[4096]; /* without the path, one line each */

static void on_report(const char *text, void *arg)
{
	size_t used = strlen(reports);

	(void)arg;
	if (strncmp(text, path, strlen(path)) == 0)
		text += strlen(path);
	snprintf(reports + used, sizeof(reports) - used, "%s\n", text);
}

static struct config *load_with(const char *text, bool resolve)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	reports[0] = 0;
	return config_load(path, resolve, on_report, NULL);
}

static struct config *load(const char *text)
{
	return load_with(text, true);
}

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

#define TEN	"aaaaaaaaaa"
#define FIFTY	TEN TEN TEN TEN TEN
#define HUNDRED FIFTY FIFTY
#define NO_PATH "is not a path on this web server, as /x2go-logo.svg is\n"

static const struct {
	const char *text, *reports;
} bad[] = {
    {"[brokr]\nuser = x\n", ":6: [brokr]: there is no such section\n"},
    {"[server]\naddress = x\n", ":6: [server]: there is no such section\n"},
    {"[web]\ntitel = x\n", ":7: [web] titel: there is no such key\n"},
    {"[web]\ntitle = x\ntitle = y\n", ":8: [web] title: is given twice; first in line 7\n"},
    {"[web]\ntitle = x\n[web]\ntitle = x\n", ":9: [web] title: is given twice; first in line 7\n"},
    {"[web]\naccent = blue\n", ":7: [web] accent: is not a colour #rrggbb\n"},
    {"[web]\naccent = #12345\n", ":7: [web] accent: is not a colour #rrggbb\n"},
    {"[web]\naccent = #1234567\n", ":7: [web] accent: is not a colour #rrggbb\n"},
    {"[web]\naccent = 1234567\n", ":7: [web] accent: is not a colour #rrggbb\n"},
    {"[web]\naccent = #12345g\n", ":7: [web] accent: is not a colour #rrggbb\n"},
    {"[web]\nlogo = logo.svg\n", ":7: [web] logo: " NO_PATH},
    {"[web]\nlogo = //evil.example/logo.svg\n", ":7: [web] logo: " NO_PATH},
    {"[web]\nlogo = https://evil.example/logo.svg\n", ":7: [web] logo: " NO_PATH},
    {"[web]\nlogo = /a\"b\n", ":7: [web] logo: " NO_PATH},
    {"[web]\nlogo = /a\\b\n", ":7: [web] logo: " NO_PATH},
    {"[web]\nkiosk = 1\n", ":7: [web] kiosk: is neither yes nor no\n"},
    {"[web]\nnative_mode = on\n", ":7: [web] native_mode: is neither yes nor no\n"},
    {"nonsense\n", ":6: is neither [section] nor key = value\n"},
    {"[web\n", ":6: is neither [section] nor key = value\n"},
    {"[web]\ntitle = \xff\n", ":7: [web] title: is not clean UTF-8 text\n"},
    {"[web]\ntitle = x\n y\n", ":8: [web] title: only lists may go on in an indented line\n"},
    {"[web]\ntitle = " HUNDRED HUNDRED "\n[web]\n",
	":7: the line is longer than 197 bytes; lists may go on in an indented line\n"},
    {"[web]\ntitle = " HUNDRED FIFTY "\n", ":7: [web] title: is too long\n"},
    {"[web]\ndesktops = A=1,,B\n", ":7: [web] desktops: has an item that is not NAME=Title\n"},
    {"[web]\ndesktops = A,B,\n A\n", ":7: [web] desktops: names an item twice\n"},
    {"[web]\ndefault_server = x\n",
	":7: [web] default_server: there is no [server] section of this name\n"},
    {"[web]\ndefault_desktop = x\n", ":7: [web] default_desktop: is not one of the desktops\n"},
    {"[relay]\nlisten = localhost\n", ":7: [relay] listen: is not a numeric IP address\n"},
    {"[relay]\nports = 20000\n",
	":7: [relay] ports: is not FIRST-LAST within its bounds (1024 to 65535)\n"},
    {"[relay]\nports = 80-90\n",
	":7: [relay] ports: is not FIRST-LAST within its bounds (1024 to 65535)\n"},
    {"[relay]\nports = 20000-70000\n",
	":7: [relay] ports: is not FIRST-LAST within its bounds (1024 to 65535)\n"},
    {"[relay]\nports = 30000-20000\n",
	":7: [relay] ports: ends before it begins (1024 to 65535)\n"},
    {"[relay]\nraw = true\n", ":7: [relay] raw: is neither yes nor no\n"},
    {"[relay]\nbuffer_bytes = 4M\n",
	":7: [relay] buffer_bytes: is not a whole number within its bounds (65536 to 268435456)\n"},
    {"[relay]\nbuffer_bytes = 18446744073709551617\n",
	":7: [relay] buffer_bytes: is not a whole number within its bounds (65536 to 268435456)\n"},
    {"[deadlines]\nconnect = 0\n",
	":7: [deadlines] connect: is not a number of seconds within its bounds (1 to 600)\n"},
    {"[deadlines]\nconnect =\n",
	":7: [deadlines] connect: is not a number of seconds within its bounds (1 to 600)\n"},
    {"[ssh]\nknown_hosts = known_hosts\n", ":7: [ssh] known_hosts: is not an absolute path\n"},
    {"log_level = loud\n", ":6: [broker] log_level: is none of error, warning, info, debug\n"},
    {"admin_users = nobody-of-this-name\n",
	":6: [broker] admin_users: there is no user nobody-of-this-name\n"},
    {"admin_users = 70499\n", ": [sessions] uids: holds one of web_users or admin_users\n"},
    {"[sessions]\nuids = 64000-64300\n",
	":7: [sessions] uids: holds the broker's own user\n"
	":7: [sessions] uids: holds one of web_users or admin_users\n"},
    {"[server a]\n", ":6: [server a] address: is missing\n"},
    {"[server a]\naddress =\n", ":7: [server a] address: is empty\n"},
    {"[server a]\naddress = x\nport = 0\n",
	":8: [server a] port: is not a whole number within its bounds (1 to 65535)\n"},
    {"[server a]\naddress = x\n[server a]\naddress = y\n", ":8: [server a] is given twice\n"},
    {"[server a b]\naddress = x\n",
	":6: [server a b]: a server's name is 1 to 40 letters, digits, dots, dashes, "
	"underscores\n"},
    {"[server " FIFTY "]\naddress = x\n",
	":6: [server " FIFTY "]: a server's name is 1 to 40 letters, digits, dots, dashes, "
	"underscores\n"},
    /* All of them, in order. */
    {"[server a]\nport = x\n[relay]\nraw = 1\nports = 1\n[web]\nx = 1\n",
	":7: [server a] port: is not a whole number within its bounds (1 to 65535)\n"
	":6: [server a] address: is missing\n"
	":9: [relay] raw: is neither yes nor no\n"
	":10: [relay] ports: is not FIRST-LAST within its bounds (1024 to 65535)\n"
	":12: [web] x: there is no such key\n"},
};

static void test_bad(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), IDS "%s", bad[i].text);
		assert_null(load(text));
		assert_string_equal(reports, bad[i].reports);
	}
	assert_null(load("title = x\n"));
	assert_non_null(strstr(reports, ":1: title: stands before the first section\n"));
	assert_null(load("[broker]\nuser = root\n"));
	assert_null(load("[broker]\nuser = 0\ngroup = 0\nweb_users = 1\nweb_group = 1\n"));
	assert_string_equal(reports, ":2: [broker] user: must not be root\n"
				     ":3: [broker] group: must not be root's group\n");
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

static void test_reload(void **state)
{
	struct config *running = load(IDS "[relay]\nraw = no\n[web]\ntitle = old\n");
	struct config *fresh = load_with(
	    IDS "[relay]\nraw = yes\n[web]\ntitle = new\n[server a]\naddress = b\n", false);

	(void)state;
	assert_non_null(running);
	assert_non_null(fresh);
	assert_true(config_keep_fixed(fresh, running));
	assert_int_equal(fresh->broker.user.id, 64200);
	assert_int_equal(fresh->broker.web_users.items[0].id, 64201);
	assert_true(fresh->relay.raw);
	assert_string_equal(fresh->web.title, "new");
	assert_int_equal(fresh->server_count, 1);
	config_destroy(fresh);
	fresh = load_with(IDS "[relay]\nports = 30000-30001\n", false);
	assert_non_null(fresh);
	assert_false(config_keep_fixed(fresh, running));
	assert_int_equal(fresh->relay.ports.first, 20000);
	config_destroy(fresh);
	fresh = load_with(IDS "admin_users = 5\n", false);
	assert_non_null(fresh);
	assert_false(config_keep_fixed(fresh, running));
	assert_int_equal(fresh->broker.admin_users.count, 0);
	config_destroy(fresh);
	config_destroy(running);
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_values), cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_no_file), cmocka_unit_test(test_example),
	    cmocka_unit_test(test_reload)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
