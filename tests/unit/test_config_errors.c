/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/config: what is said about a bad file: all of it, each with line, section and key.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/config.h"
#include "config_file.h"

#define TEN	"aaaaaaaaaa"
#define FIFTY	TEN TEN TEN TEN TEN
#define HUNDRED FIFTY FIFTY
#define SERVER	"[server a]\naddress = x\n"
#define JUMP	"[jump j]\naddress = x\n"
#define OTHER	"[other_servers]\nallow = yes\n"
#define METHODS "is none of publickey, keyboard-interactive, password\n"
#define NETWORK "has an item that is not ADDRESS/BITS with zeros after its bits\n"
#define PATTERN "has an item that is no pattern of host names\n"
#define DROP	"is not BEGIN:PERCENT:FULL within its bounds (1 to 10000)\n"
#define NAME	"name is 1 to 40 letters, digits, dots, dashes, underscores\n"
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
    {"[relay]\nlisten = localhost\n",
	":7: [relay] listen: is neither a numeric IP address nor unix\n"},
    {"[relay]\ntls_listen = any\n", ":7: [relay] tls_listen: is not a numeric IP address\n"},
    {"[relay]\nlisten = ::1\ntls_listen = ::\ntls_certificate = /c\ntls_key = /k\n",
	":8: [relay] tls_listen: needs listen = unix\n"},
    {"[relay]\ntls_listen = ::\ntls_certificate = /c\n",
	": [relay] tls_key: is needed by tls_listen\n"},
    {"[compat]\nenabled = maybe\n", ":7: [compat] enabled: is neither yes nor no\n"},
    {"[compat]\noptions = /nonexistent/x2gows.options\n",
	":7: [compat] options: No such file or directory\n"},
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
    /* Sections with names. */
    {"[group]\nusers = x\n", ":6: [group]: there is no such section\n"},
    {"[jump ]\naddress = x\n", ":6: [jump ]: a jump's " NAME},
    {"[group a b]\nusers = x\n", ":6: [group a b]: a group's " NAME},
    {"[limits x]\nlogins = 1\n", ":6: [limits x]: there is no such section\n"},
    {"[group g]\n", ":6: [group g] users: is missing\n"},
    {"[group g]\nusers =\n", ":7: [group g] users: is empty\n"},
    {"[group g]\nusers = a\n[group g]\nusers = b\n", ":8: [group g] is given twice\n"},
    {"[group g]\nusers = a, @h\n", ":7: [group g] users: a group holds no other groups\n"},
    {"[group g]\nmembers = a\n",
	":7: [group g] members: there is no such key\n:6: [group g] users: is missing\n"},
    {"[jump j]\n", ":6: [jump j] address: is missing\n"},
    {JUMP JUMP, ":8: [jump j] is given twice\n"},
    {JUMP "jump = x\n", ":8: [jump j] jump: there is no such key\n"},
    {JUMP "users = x\n", ":8: [jump j] users: there is no such key\n"},
    /* What refers to something else; also when that comes later. */
    {SERVER "users = bob, @staff, @g\n[group g]\nusers = a\n",
	":8: [server a] users: there is no [group staff] section\n"},
    {SERVER "users = @\n", ":8: [server a] users: there is no [group ] section\n"},
    {SERVER "jump = b\n" JUMP, ":8: [server a] jump: there is no [jump] section of this name\n"},
    {SERVER "jump = a\n", ":8: [server a] jump: there is no [jump] section of this name\n"},
    {SERVER "desktop = FVWM\n",
	":8: [server a] desktop: is not one of the desktops offered there\n"},
    {SERVER "desktop = XFCE\ndesktops = MATE\n",
	":8: [server a] desktop: is not one of the desktops offered there\n"},
    /* Logging in. */
    {SERVER "host_keys = no\n", ":8: [server a] host_keys: is none of strict, ask, accept-new\n"},
    {JUMP "host_keys = Ask\n", ":8: [jump j] host_keys: is none of strict, ask, accept-new\n"},
    {SERVER "methods = passwort\n", ":8: [server a] methods: has an item that " METHODS},
    {SERVER "methods = password,\n", ":8: [server a] methods: has an item that " METHODS},
    {SERVER "methods = Password\n", ":8: [server a] methods: has an item that " METHODS},
    {SERVER "methods = password, password\n", ":8: [server a] methods: names an item twice\n"},
    {SERVER "methods = publickey\n", ":8: [server a] methods: publickey needs a key beside it\n"},
    {JUMP "methods = password, publickey\n",
	":8: [jump j] methods: publickey needs a key beside it\n"},
    {SERVER "key = id_ed25519\n", ":8: [server a] key: is not an absolute path\n"},
    {SERVER "key = /k\nmethods = password\n",
	":8: [server a] key: is of no use without publickey among the methods\n"},
    {SERVER "key_alone = yes\n", ":8: [server a] key_alone: there is no key\n"},
    {SERVER "key_alone = 1\n", ":8: [server a] key_alone: is neither yes nor no\n"},
    {"[ssh]\naccepted_hosts = accepted\n", ":7: [ssh] accepted_hosts: is not an absolute path\n"},
    {"[ssh]\naccepted_hosts =\n", ":7: [ssh] accepted_hosts: is not an absolute path\n"},
    /* Typed servers. */
    {OTHER,
	": [other_servers] networks: must say where typed servers may be, since allow is yes\n"},
    {OTHER "networks = 10.0.0.0/8\nports =\n",
	":9: [other_servers] ports: is empty, but allow is yes\n"},
    {OTHER "networks = 10.0.0.1/8\n",
	":8: [other_servers] networks: " NETWORK
	":8: [other_servers] networks: must say where typed servers may be, since allow is yes\n"},
    {"[other_servers]\nnetworks = 10.0.0.0/8, 10.0.0.0/33\n",
	":7: [other_servers] networks: " NETWORK},
    {"[other_servers]\nnetworks = 2001:db8::1/64\n", ":7: [other_servers] networks: " NETWORK},
    {"[other_servers]\nnetworks = localhost\n", ":7: [other_servers] networks: " NETWORK},
    {"[other_servers]\nnames = a b\n", ":7: [other_servers] names: " PATTERN},
    {"[other_servers]\nnames = a,,b\n", ":7: [other_servers] names: " PATTERN},
    {"[other_servers]\nnames = !\n", ":7: [other_servers] names: " PATTERN},
    {"[other_servers]\njump_hosts = [ab].example\n", ":7: [other_servers] jump_hosts: " PATTERN},
    {"[other_servers]\nports = 22, ssh\n",
	":7: [other_servers] ports: has an item that is no port\n"},
    {"[other_servers]\nports = 0\n", ":7: [other_servers] ports: has an item that is no port\n"},
    {"[other_servers]\nports = 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n",
	":7: [other_servers] ports: has too many items\n"},
    {"[other_servers]\nmethods = publickey\n",
	":7: [other_servers] methods: the gateway has no key for servers that it does not know\n"},
    {"[other_servers]\nkey = /k\n", ":7: [other_servers] key: there is no such key\n"},
    /* Limits. */
    {"[limits]\nunfinished = 10\n", ":7: [limits] unfinished: " DROP},
    {"[limits]\nunfinished = 10:30\n", ":7: [limits] unfinished: " DROP},
    {"[limits]\nunfinished = 10:101:100\n", ":7: [limits] unfinished: " DROP},
    {"[limits]\nunfinished = 0:30:100\n", ":7: [limits] unfinished: " DROP},
    {"[limits]\nunfinished = 10:30:100:1\n", ":7: [limits] unfinished: " DROP},
    {"[limits]\nunfinished = 10:30:10001\n", ":7: [limits] unfinished: " DROP},
    {"[limits]\nunfinished = 101:30:100\n",
	":7: [limits] unfinished: is full before it begins (1 to 10000)\n"},
    {"[limits]\nlogins_per_server = 0\n",
	":7: [limits] logins_per_server: is not a whole number within its bounds (1 to 10000)\n"},
    {"[penalties]\nmin = 601\n", ":7: [penalties] min: is above max\n"},
    {"[penalties]\nmax = 10\n", ": [penalties] min: is above max\n"},
    {"[penalties]\nmax = 0\n",
	":7: [penalties] max: is not a number of seconds within its bounds (1 to 86400)\n"},
    {"[penalties]\nprefix4 = 33\n",
	":7: [penalties] prefix4: is not a whole number within its bounds (8 to 32)\n"},
    {"[penalties]\nprefix6 = 129\n",
	":7: [penalties] prefix6: is not a whole number within its bounds (16 to 128)\n"},
    {"[penalties]\nexempt = 192.0.2.1/24\n", ":7: [penalties] exempt: " NETWORK},
    {"[sessions]\nwhen_left = kill\n", ":7: [sessions] when_left: is neither suspend nor leave\n"},
    {"[deadlines]\nlogin = 0\n",
	":7: [deadlines] login: is not a number of seconds within its bounds (1 to 2592000)\n"},
    {"[deadlines]\ngrace = 86401\n",
	":7: [deadlines] grace: is not a number of seconds within its bounds (0 to 86400)\n"},
    {"[deadlines]\nprompt = 0\n",
	":7: [deadlines] prompt: is not a number of seconds within its bounds (1 to 3600)\n"},
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

/* One more than fits of everything that is counted. */
static void test_too_many(void **state)
{
	static const struct {
		const char *kind, *key;
		unsigned max;
	} kinds[] = {{"server", "address", CONFIG_SERVERS_MAX},
	    {"jump", "address", CONFIG_JUMPS_MAX}, {"group", "users", CONFIG_GROUPS_MAX}};
	static char text[16384];
	char expected[128];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct config *config;

		for (unsigned extra = 0; extra < 2; extra++) {
			strcpy(text, IDS);
			for (unsigned n = 0; n < kinds[i].max + extra; n++)
				sprintf(text + strlen(text), "[%s n%u]\n%s = x\n", kinds[i].kind, n,
				    kinds[i].key);
			config = load(text);
			assert_int_equal(config != NULL, extra == 0);
			config_destroy(config);
		}
		snprintf(expected, sizeof(expected), ":%u: [%s n%u] is one %s too many\n",
		    6 + 2 * kinds[i].max, kinds[i].kind, kinds[i].max, kinds[i].kind);
		assert_string_equal(reports, expected);
	}
	strcpy(text, IDS "[penalties]\nexempt = 10.0.0.0\n");
	for (unsigned n = 1; n < CONFIG_NETWORKS_MAX; n++)
		sprintf(text + strlen(text), "\t10.0.0.%u\n", n);
	config_destroy(load(text));
	assert_string_equal(reports, "");
	strcat(text, "\t10.0.1.0\n");
	assert_null(load(text));
	assert_string_equal(reports, ":7: [penalties] exempt: has too many items\n");
	strcpy(text, IDS "[group g]\nusers = x\n");
	for (unsigned n = 0; n < 80; n++)
		strcat(text, "\taaaaaaaaa,aaaaaaaaa,aaaaaaaaa,aaaaaaaaa,aaaaaaaaa\n");
	config_destroy(load(text));
	assert_string_equal(reports, "");
	strcat(text, "\taaaaaaaaa,aaaaaaaaa,aaaaaaaaa,aaaaaaaaa,aaaaaaaaa\n");
	strcat(text, "\taaaaaaaaa,aaaaaaaaa,aaaaaaaaa,aaaaaaaaa,aaaaaaaaa\n");
	assert_null(load(text));
	assert_string_equal(reports, ":89: [group g] users: is too long\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad), cmocka_unit_test(test_too_many)};

	return cmocka_run_group_tests(tests, config_file_set_up, config_file_tear_down);
}
