/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/policy, typed_host, ip_filter, network: where a login leads, who may, and what typed
 * hosts may be.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/ip_filter.h"
#include "brokerd/policy.h"
#include "brokerd/typed_host.h"

static struct config *config;
static struct message_login request;
static struct policy_target target;
static const char *detail;

static enum error_code decide(const char *server, const char *host, const char *proxy_host)
{
	enum error_code error;

	strcpy(request.server, server);
	strcpy(request.host, host);
	strcpy(request.proxy_host, proxy_host);
	memset(&target, 0xff, sizeof(target));
	error = policy_decide(config, &request, &target, &detail);
	assert_int_equal(error == ERROR_NONE, detail == NULL);
	assert_int_equal(error == ERROR_NONE, target.hop_count != 0);
	return error;
}

static void set_networks(struct config_networks *networks, const char *text)
{
	char copy[512], *rest = copy, *item;

	strcpy(copy, text);
	networks->count = 0;
	while ((item = strsep(&rest, " ")) != NULL)
		assert_true(network_parse(item, &networks->items[networks->count++]));
}

static void allow_typed(const char *names, const char *networks, const char *jump_hosts)
{
	config->other_servers.allow = true;
	strcpy(config->other_servers.names, names);
	strcpy(config->other_servers.jump_hosts, jump_hosts);
	set_networks(&config->other_servers.networks, networks);
}

static void test_servers(void **state)
{
	static const char *const unknown[] = {"three", "192.0.2.1", "", "ONE", "one "};

	(void)state;
	assert_int_equal(decide("one", "", ""), ERROR_NONE);
	assert_string_equal(target.id, "one");
	assert_int_equal(target.hop_count, 1);
	assert_string_equal(target.hops[0].name, "192.0.2.1");
	assert_string_equal(target.hops[0].address, "192.0.2.1");
	assert_int_equal(target.hops[0].port, 22);
	assert_string_equal(target.hops[0].user, "alice");
	assert_string_equal(target.hops[0].ssh.methods, "password");
	assert_false(target.typed);
	assert_int_equal(target.desktops.count, 2);
	assert_int_equal(decide("two", "", ""), ERROR_NONE);
	assert_string_equal(target.hops[0].name, "[two.example]:2222");
	assert_string_equal(target.hops[0].ssh.key, "/key");
	assert_int_equal(target.desktops.count, 1);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_int_equal(decide(unknown[i], "", ""), ERROR_SERVER_NOT_ALLOWED);
		assert_string_equal(target.id, "");
	}
	/* A server has the way that the admin gave it, and is asked for once. */
	assert_int_equal(decide("one", "", "jump.example"), ERROR_SERVER_NOT_ALLOWED);
	allow_typed("*", "0.0.0.0/0", "*");
	assert_int_equal(decide("one", "192.0.2.1", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("one", "", "192.0.2.9"), ERROR_SERVER_NOT_ALLOWED);
}

static void test_users(void **state)
{
	static const struct {
		const char *users, *user;
		enum error_code result;
	} cases[] = {
	    {"", "anybody", ERROR_NONE},
	    {" , ", "anybody", ERROR_NONE},
	    {"alice", "alice", ERROR_NONE},
	    {"alice", "bob", ERROR_AUTH_FAILED},
	    {"alice", "ali", ERROR_AUTH_FAILED},
	    {"alice", "alicex", ERROR_AUTH_FAILED},
	    {"alice", "", ERROR_AUTH_FAILED},
	    {"alice, bob,carol", "bob", ERROR_NONE},
	    {"alice, bob,carol", "carol", ERROR_NONE},
	    {"alice, bob,carol", "bob,carol", ERROR_AUTH_FAILED},
	    {"alice, bob,carol", "dave", ERROR_AUTH_FAILED},
	    {"@staff", "sue", ERROR_NONE},
	    {"alice,@staff", "sven", ERROR_NONE},
	    {"@guests, @staff", "sven", ERROR_NONE},
	    {"@guests", "sven", ERROR_AUTH_FAILED},
	    {"@staff", "alice", ERROR_AUTH_FAILED},
	    {"@staf", "sue", ERROR_AUTH_FAILED},
	    {"@staffs", "sue", ERROR_AUTH_FAILED},
	    {"@", "sue", ERROR_AUTH_FAILED},
	    /* Who has the name of a group is not in it. */
	    {"@staff", "@staff", ERROR_AUTH_FAILED},
	    {"@staff", "staff", ERROR_AUTH_FAILED},
	    {"@staff", "@guests", ERROR_AUTH_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(config->servers[0].users, cases[i].users);
		strcpy(request.user, cases[i].user);
		if (decide("one", "", "") != cases[i].result)
			fail_msg("\"%s\" among \"%s\"", cases[i].user, cases[i].users);
		/* Also the refused one is counted for this server. */
		assert_string_equal(target.id, "one");
	}
}

static void test_jump(void **state)
{
	(void)state;
	strcpy(config->servers[0].jump, "gate");
	assert_ptr_equal(policy_find_jump(config, &config->servers[0]), &config->jumps[0]);
	assert_null(policy_find_jump(config, &config->servers[1]));
	assert_int_equal(decide("one", "", ""), ERROR_NONE);
	assert_int_equal(target.hop_count, 2);
	assert_string_equal(target.hops[0].name, "[gate.example]:22022");
	assert_string_equal(target.hops[0].user, "alice");
	assert_string_equal(target.hops[0].ssh.methods, "publickey");
	assert_string_equal(target.hops[1].name, "192.0.2.1");
	assert_string_equal(target.hops[1].user, "alice");
	assert_string_equal(target.hops[1].ssh.methods, "password");
	strcpy(request.proxy_user, "al");
	assert_int_equal(decide("one", "", ""), ERROR_NONE);
	assert_string_equal(target.hops[0].user, "al");
	assert_string_equal(target.hops[1].user, "alice");
	/* Where the admin says who it is, nobody else does. */
	strcpy(config->jumps[0].user, "gateway");
	assert_int_equal(decide("one", "", ""), ERROR_NONE);
	assert_string_equal(target.hops[0].user, "gateway");
}

static void test_typed(void **state)
{
	(void)state;
	assert_int_equal(decide("", "x.corp.example", ""), ERROR_SERVER_NOT_ALLOWED);
	allow_typed("*.corp.example,!db.*,10.*", "10.0.0.0/8", "");
	assert_int_equal(decide("", "X.Corp.Example", ""), ERROR_NONE);
	assert_string_equal(target.id, "x.corp.example:22");
	assert_string_equal(target.hops[0].name, "x.corp.example");
	assert_string_equal(target.hops[0].ssh.methods, "keyboard-interactive,password");
	assert_int_equal(target.hops[0].ssh.host_keys, HOST_KEYS_ASK);
	assert_true(target.typed);
	assert_int_equal(target.networks.count, 1);
	assert_int_equal(target.desktops.count, 2);
	assert_int_equal(decide("", "x.corp.example:2222", ""), ERROR_NONE);
	assert_string_equal(target.id, "x.corp.example:2222");
	assert_string_equal(target.hops[0].name, "[x.corp.example]:2222");
	assert_int_equal(decide("", "10.1.2.3", ""), ERROR_NONE);
	assert_int_equal(decide("", "x.corp.example:23", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "x.other.example", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "db.corp.example", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "corp.example", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "11.1.2.3", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "-x.corp.example", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_string_equal(detail, "what was typed is no host");
	/* A name that matches is not enough for a number. */
	allow_typed("*", "10.0.0.0/8", "");
	assert_int_equal(decide("", "192.0.2.7", ""), ERROR_SERVER_NOT_ALLOWED);
	assert_string_equal(detail, "is not in [other_servers] networks");
	assert_int_equal(decide("", "[::ffff:10.1.2.3]", ""), ERROR_NONE);
	assert_string_equal(target.hops[0].address, "10.1.2.3");
	assert_int_equal(decide("", "[2001:db8::1]:2222", ""), ERROR_SERVER_NOT_ALLOWED);
	allow_typed("2001:*", "2001:db8::/32", "");
	assert_int_equal(decide("", "[2001:DB8:0::1]:2222", ""), ERROR_NONE);
	assert_string_equal(target.id, "[2001:db8::1]:2222");
	assert_string_equal(target.hops[0].address, "2001:db8::1");
	assert_string_equal(target.hops[0].name, "[2001:db8::1]:2222");
}

/* What is configured has its own rules, also if it is typed. */
static void test_typed_but_configured(void **state)
{
	(void)state;
	allow_typed("*", "0.0.0.0/0", "*");
	strcpy(config->servers[1].users, "bob");
	assert_int_equal(decide("", "Two.Example:2222", ""), ERROR_AUTH_FAILED);
	assert_string_equal(target.id, "two");
	strcpy(request.user, "bob");
	assert_int_equal(decide("", "Two.Example:2222", ""), ERROR_NONE);
	assert_string_equal(target.id, "two");
	assert_false(target.typed);
	assert_string_equal(target.hops[0].ssh.key, "/key");
	/* At another port it is another server. */
	assert_int_equal(decide("", "two.example", ""), ERROR_NONE);
	assert_string_equal(target.id, "two.example:22");
	/* However the admin has written the number. */
	strcpy(config->servers[0].address, "2001:DB8:0:0::1");
	strcpy(config->servers[0].users, "carol");
	assert_int_equal(decide("", "[2001:db8::1]", ""), ERROR_AUTH_FAILED);
	assert_string_equal(target.id, "one");
	strcpy(config->servers[0].address, "::ffff:192.0.2.1");
	assert_int_equal(decide("", "192.0.2.1", ""), ERROR_AUTH_FAILED);
}

static void test_typed_jump(void **state)
{
	(void)state;
	allow_typed("*", "10.0.0.0/8", "");
	assert_int_equal(decide("", "x.example", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
	allow_typed("*", "10.0.0.0/8", "gate.*");
	strcpy(request.proxy_user, "al");
	assert_int_equal(decide("", "x.example", "Gate.Example:2222"), ERROR_NONE);
	assert_int_equal(target.hop_count, 2);
	assert_string_equal(target.hops[0].name, "[gate.example]:2222");
	assert_string_equal(target.hops[0].user, "al");
	assert_string_equal(target.hops[1].name, "x.example");
	assert_string_equal(target.hops[1].user, "alice");
	assert_true(target.typed);
	assert_int_equal(decide("", "x.example", "jump.example"), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "x.example", "gate.example:23"), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "x.example", "gate.-"), ERROR_SERVER_NOT_ALLOWED);
	/* What is behind it cannot be compared by its address, so it must not look like one. */
	assert_int_equal(decide("", "10.0.0.1", "gate.example"), ERROR_NONE);
	assert_int_equal(decide("", "127.0.0.1", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "127.1", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "localhost", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "x.localhost", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
	assert_int_equal(decide("", "notlocalhost", "gate.example"), ERROR_NONE);
	/* A jump host alone is no server. */
	assert_int_equal(decide("", "", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
}

/* Upstream's users type the names that they know, at no port, and the jump host as well. */
static void test_compat(void **state)
{
	static const char *const unknown[] = {
	    "three", "192.0.2.2", "", "two.example:22", "192.0.2.1;id", "-oProxyCommand=id"};

	(void)state;
	request.compat = 1;
	strcpy(request.command, "KDE");
	assert_int_equal(decide("", "one", ""), ERROR_NONE);
	assert_string_equal(target.hops[0].name, "192.0.2.1");
	assert_false(target.typed);
	assert_int_equal(target.desktops.count, 1);
	assert_string_equal(target.desktops.items[0].id, "KDE");
	assert_int_equal(decide("", "192.0.2.1", ""), ERROR_NONE);
	assert_string_equal(target.id, "one");
	assert_int_equal(decide("", "Two.Example", ""), ERROR_NONE);
	assert_string_equal(target.id, "two");
	assert_int_equal(target.hops[0].port, 2222);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(decide("", unknown[i], ""), ERROR_SERVER_NOT_ALLOWED);
	/* Too long to be asked for; and nothing is. */
	memset(request.command, 'x', 65);
	assert_int_equal(decide("", "one", ""), ERROR_NONE);
	assert_int_equal(target.desktops.count, 0);
	request.command[0] = 0;
	assert_int_equal(decide("", "one", ""), ERROR_NONE);
	assert_int_equal(target.desktops.count, 0);

	assert_int_equal(decide("", "one", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
	strcpy(config->servers[0].jump, "gate");
	strcpy(request.proxy_user, "al");
	assert_int_equal(decide("", "one", "Gate.Example"), ERROR_NONE);
	assert_int_equal(target.hop_count, 2);
	assert_string_equal(target.hops[0].user, "al");
	assert_int_equal(decide("", "one", "gate"), ERROR_NONE);
	assert_int_equal(decide("", "one", ""), ERROR_NONE);
	assert_int_equal(target.hop_count, 2);
	assert_int_equal(decide("", "one", "other.example"), ERROR_SERVER_NOT_ALLOWED);
	/* The page of ours still may not. */
	request.compat = 0;
	assert_int_equal(decide("one", "", "gate.example"), ERROR_SERVER_NOT_ALLOWED);
	/* Who may type others, may here. */
	request.compat = 1;
	allow_typed("*", "10.0.0.0/8", "");
	assert_int_equal(decide("", "10.1.2.3", ""), ERROR_NONE);
	assert_true(target.typed);
	strcpy(config->servers[0].users, "bob");
	assert_int_equal(decide("", "192.0.2.1", ""), ERROR_AUTH_FAILED);
	assert_string_equal(target.id, "one");
}

static void test_long_id(void **state)
{
	char host[256] = "", other[sizeof(host) + 1];

	(void)state;
	allow_typed("*", "10.0.0.0/8", "");
	for (unsigned i = 0; i < 25; i++)
		strcat(host, "abcdefghi.");
	strcat(host, "xyz");
	assert_int_equal(strlen(host), 253);
	assert_int_equal(decide("", host, ""), ERROR_NONE);
	assert_int_equal(strlen(target.id), 64);
	snprintf(other, sizeof(other), "a%s", host);
	assert_int_equal(decide("", other, ""), ERROR_SERVER_NOT_ALLOWED);
}

static void test_typed_host_parse(void **state)
{
	static const struct {
		const char *text, *host; /* NULL: refused */
		unsigned port;
	} cases[] = {
	    {"host", "host", 22},
	    {"HOST.Example:2222", "host.example", 2222},
	    {"my_host-1.x", "my_host-1.x", 22},
	    {"1host", "1host", 22},
	    {"192.0.2.1", "192.0.2.1", 22},
	    {"192.0.2.1:65535", "192.0.2.1", 65535},
	    {"[2001:DB8::1]", "2001:db8::1", 22},
	    {"[2001:db8:0:0::1]:22", "2001:db8::1", 22},
	    {"[::FFFF:127.0.0.1]", "127.0.0.1", 22},
	    {"", NULL, 0},
	    {":22", NULL, 0},
	    {"host:", NULL, 0},
	    {"host:0", NULL, 0},
	    {"host:022", NULL, 0},
	    {"host:65536", NULL, 0},
	    {"host:222222", NULL, 0},
	    {"host:-1", NULL, 0},
	    {"host:+22", NULL, 0},
	    {"host: 22", NULL, 0},
	    {"host:22 ", NULL, 0},
	    {"host:22:22", NULL, 0},
	    {"host:ssh", NULL, 0},
	    {" host", NULL, 0},
	    {"host ", NULL, 0},
	    {"-host", NULL, 0},
	    {"-oProxyCommand=x", NULL, 0},
	    {"host-", NULL, 0},
	    {"a.-b", NULL, 0},
	    {"a..b", NULL, 0},
	    {".a", NULL, 0},
	    {"host.", NULL, 0},
	    {"user@host", NULL, 0},
	    {"host;id", NULL, 0},
	    {"host$(id)", NULL, 0},
	    {"host'", NULL, 0},
	    {"host\n", NULL, 0},
	    {"host,other", NULL, 0},
	    {"h\xc3\xb6st", NULL, 0},
	    {"*", NULL, 0},
	    {"ho[s]t", NULL, 0},
	    /* Numbers that only some programs know. */
	    {"127.1", NULL, 0},
	    {"2130706433", NULL, 0},
	    {"0x7f000001", NULL, 0},
	    {"0x7f.1", NULL, 0},
	    {"0177.0.0.1", NULL, 0},
	    {"127.0.0.01", NULL, 0},
	    {"127.0.0.0x1", NULL, 0},
	    {"127.0.0.0x", NULL, 0},
	    {"256.0.0.1", NULL, 0},
	    {"1.2.3.4.5", NULL, 0},
	    {"2001:db8::1", NULL, 0},
	    {"::1", NULL, 0},
	    {"[::1", NULL, 0},
	    {"::1]", NULL, 0},
	    {"[::1]22", NULL, 0},
	    {"[[::1]]", NULL, 0},
	    {"[fe80::1%eth0]", NULL, 0},
	    {"[host]", NULL, 0},
	    {"[127.0.0.1]", NULL, 0},
	    {"[]", NULL, 0},
	};
	static const char label[] =
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct typed_host host;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (typed_host_parse(cases[i].text, &host) != (cases[i].host != NULL))
			fail_msg("\"%s\"", cases[i].text);
		if (cases[i].host == NULL)
			continue;
		assert_string_equal(host.host, cases[i].host);
		assert_int_equal(host.port, cases[i].port);
	}
	assert_int_equal(sizeof(label), 65);
	assert_false(typed_host_parse(label, &host));
	assert_true(typed_host_parse(label + 1, &host));
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_false(typed_host_parse(text, &host));
	text[0] = '[';
	assert_false(typed_host_parse(text, &host));
}

static void test_patterns(void **state)
{
	static const struct {
		const char *host, *patterns;
		bool matches;
	} cases[] = {
	    {"a.example", "*", true},
	    {"a.example", "", false},
	    {"a.example", "*.example", true},
	    {"a.b.example", "*.example", true},
	    {"example", "*.example", false},
	    {"a.example.evil", "*.example", false},
	    {"a1", "a?", true},
	    {"a12", "a?", false},
	    {"b", "a,b", true},
	    {"c", "a,b", false},
	    {"db.example", "*.example,!db.*", false},
	    {"db.example", "!db.*,*.example", false},
	    {"a.example", "!db.*", false},
	    {"a.example", "!db.*,*", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (typed_host_matches(cases[i].host, cases[i].patterns) != cases[i].matches)
			fail_msg("\"%s\" and \"%s\"", cases[i].host, cases[i].patterns);
}

static void test_networks(void **state)
{
	static const char *const bad[] = {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
	    "10.0.0.0/ 8", "10.0.0.0/8/8", "10.0.0.1/8", "10.0.0/8", "10/8", "2001:db8::1/64",
	    "2001:db8::/129", "fe80::%1/64", "host", "10.0.0.0/0008", "*",
	    "2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8:2001:db8"};
	static const struct {
		const char *network, *ip;
		bool has;
		const char *printed;
	} cases[] = {
	    {"10.0.0.0/8", "10.255.255.255", true, "10.0.0.0/8"},
	    {"10.0.0.0/8", "11.0.0.0", false, "10.0.0.0/8"},
	    {"10.0.0.0/8", "::ffff:10.0.0.1", true, "10.0.0.0/8"},
	    {"10.0.0.0/8", "::10.0.0.1", false, "10.0.0.0/8"},
	    {"192.0.2.1", "192.0.2.1", true, "192.0.2.1/32"},
	    {"192.0.2.1", "192.0.2.0", false, "192.0.2.1/32"},
	    {"192.0.2.128/25", "192.0.2.127", false, "192.0.2.128/25"},
	    {"0.0.0.0/0", "255.255.255.255", true, "0.0.0.0/0"},
	    {"0.0.0.0/0", "2001:db8::1", false, "0.0.0.0/0"},
	    {"::/0", "2001:db8::1", true, "::/0"},
	    {"::/0", "10.0.0.1", false, "::/0"},
	    {"::ffff:10.0.0.0/104", "10.0.0.1", true, "10.0.0.0/8"},
	    {"2001:db8::/32", "2001:db9::1", false, "2001:db8::/32"},
	    {"2001:db8::1", "2001:db8::1", true, "2001:db8::1/128"},
	};
	char text[NETWORK_TEXT_BYTES];
	struct network network;
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (network_parse(bad[i], &network))
			fail_msg("\"%s\"", bad[i]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(network_parse(cases[i].network, &network));
		assert_true(ip_parse(cases[i].ip, &ip));
		if (network_has(&network, &ip) != cases[i].has)
			fail_msg("%s and %s", cases[i].network, cases[i].ip);
		assert_string_equal(network_print(&network, text), cases[i].printed);
	}
}

/* All addresses are in the networks as such; what counts is what they really are. */
static void test_filter(void **state)
{
	static const char all[] = "0.0.0.0/0 ::/0";
	static const struct {
		const char *networks, *ip;
		bool allowed;
	} cases[] = {
	    {all, "10.0.0.1", true},
	    {all, "192.0.2.1", true},
	    {all, "2001:db8::1", true},
	    {all, "fd00::1", true},
	    {"10.0.0.0/8", "10.0.0.1", true},
	    {"10.0.0.0/8", "192.0.2.1", false},
	    {"10.0.0.0/8", "::ffff:10.0.0.1", true},
	    {"10.0.0.0/8", "64:ff9b::10.0.0.1", false},
	    /* Special ones, at both ends. */
	    {all, "0.0.0.0", false},
	    {all, "0.255.255.255", false},
	    {all, "127.0.0.1", false},
	    {all, "127.255.255.255", false},
	    {all, "128.0.0.0", true},
	    {all, "169.253.255.255", true},
	    {all, "169.254.0.0", false},
	    {all, "169.254.169.254", false},
	    {all, "169.255.0.0", true},
	    {all, "100.100.100.200", false},
	    {all, "192.0.0.192", false},
	    {all, "198.18.0.1", false},
	    {all, "223.255.255.255", true},
	    {all, "224.0.0.1", false},
	    {all, "239.255.255.255", false},
	    {all, "255.255.255.255", false},
	    {all, "::", false},
	    {all, "::1", false},
	    {all, "::127.0.0.1", false},
	    {all, "100::1", false},
	    {all, "fe80::1", false},
	    {all, "febf::1", false},
	    {all, "fec0::1", false},
	    {all, "ff02::1", false},
	    {all, "fd00:ec2::254", false},
	    {all, "fd20:ce::254", false},
	    /* IPv4 in disguise. */
	    {all, "::ffff:127.0.0.1", false},
	    {all, "::ffff:169.254.169.254", false},
	    {all, "64:ff9b::127.0.0.1", false},
	    {all, "64:ff9b::169.254.169.254", false},
	    {all, "64:ff9b::192.0.2.1", true},
	    {all, "64:ff9b:1::192.0.2.1", false},
	    {all, "::ffff:0:127.0.0.1", false},
	    {all, "2002:7f00:1::1", false},
	    {all, "2002:a9fe:a9fe::", false},
	    {all, "2002:c000:201::1", true},
	    {all, "2001:0:7f00:1::1", false},
	    {all, "2001:0:c000:201::80ff:fffe", false},
	    {all, "2001:0:c000:201::3fff:fdfe", true},
	    {all, "2001:db8::5efe:7f00:1", false},
	    {all, "2001:db8::200:5efe:7f00:1", false},
	    {all, "2001:db8::5efe:a00:1", true},
	    /* Meant by the admin. */
	    {"127.0.0.0/8", "127.0.0.1", true},
	    {"127.0.0.1", "127.0.0.1", true},
	    {"127.0.0.1", "127.0.0.2", false},
	    {"0.0.0.0/0 127.0.0.1", "127.0.0.1", true},
	    {"0.0.0.0/0 127.0.0.1", "127.0.0.2", false},
	    {"126.0.0.0/7", "127.0.0.1", false},
	    {"127.0.0.1", "::ffff:127.0.0.1", true},
	    {"::/0 127.0.0.1", "64:ff9b::127.0.0.1", true},
	    {"::/0 127.0.0.1", "64:ff9b::127.0.0.2", false},
	    {"::1", "::1", true},
	    {"fe80::/64", "fe80::1", true},
	    {"fe80::/64", "fe80:0:0:1::1", false},
	};
	struct config_networks networks;
	struct ip ip;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_networks(&networks, cases[i].networks);
		assert_true(ip_parse(cases[i].ip, &ip));
		if ((ip_filter_check(&networks, &ip) == NULL) != cases[i].allowed)
			fail_msg("%s in %s", cases[i].ip, cases[i].networks);
	}
	networks.count = 0;
	assert_true(ip_parse("192.0.2.1", &ip));
	assert_non_null(ip_filter_check(&networks, &ip));
}

static int set_up(void **state)
{
	struct config_server *servers;

	(void)state;
	config = calloc(1, sizeof(*config));
	if (config == NULL)
		return -1;
	servers = config->servers;
	config->server_count = 2;
	strcpy(servers[0].name, "one");
	strcpy(servers[0].address, "192.0.2.1");
	servers[0].port = 22;
	strcpy(servers[0].ssh.methods, "password");
	strcpy(servers[1].name, "two");
	strcpy(servers[1].address, "two.example");
	servers[1].port = 2222;
	strcpy(servers[1].ssh.methods, "publickey");
	strcpy(servers[1].ssh.key, "/key");
	servers[1].desktops.count = 1;
	config->web.desktops.count = 2;
	config->jump_count = 1;
	strcpy(config->jumps[0].name, "gate");
	strcpy(config->jumps[0].address, "gate.example");
	config->jumps[0].port = 22022;
	strcpy(config->jumps[0].ssh.methods, "publickey");
	config->group_count = 2;
	strcpy(config->groups[0].name, "guests");
	strcpy(config->groups[0].users, "gus");
	strcpy(config->groups[1].name, "staff");
	strcpy(config->groups[1].users, "sue, sven");
	config->other_servers.ports.count = 2;
	config->other_servers.ports.items[0] = 22;
	config->other_servers.ports.items[1] = 2222;
	config->other_servers.host_keys = HOST_KEYS_ASK;
	strcpy(config->other_servers.methods, "keyboard-interactive,password");
	memset(&request, 0, sizeof(request));
	strcpy(request.user, "alice");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(config);
	return 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {CASE(test_servers), CASE(test_users), CASE(test_jump),
	    CASE(test_typed), CASE(test_typed_but_configured), CASE(test_typed_jump),
	    CASE(test_long_id), CASE(test_typed_host_parse), CASE(test_patterns),
	    CASE(test_networks), CASE(test_filter), CASE(test_compat)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
