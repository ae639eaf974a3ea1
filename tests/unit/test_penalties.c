/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/penalties, penalty_table, source: penalties that grow, go by, are bounded in time and in
 * number, by whom they are shared, and what costs nothing. The clock is the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/penalties.h"
#include "brokerd/penalty_table.h"
#include "brokerd/source.h"

#define S 1000u

static struct config *config;
static struct penalties *penalties;
static struct policy_target target;
static uint64_t now_ms;

static struct penalty_key key_of(unsigned number)
{
	struct penalty_key key = {{0}};

	memcpy(key.bytes, &number, sizeof(number));
	return key;
}

/* 0, or after how many seconds it is told to come again. */
static unsigned refused_s(const char *client, const char *user, enum error_code *ret_code)
{
	const struct penalties_subject subject = {client, user, &target};
	struct conn_failure failure = {.code = ERROR_NONE};

	if (penalties_allow(penalties, config, &subject, now_ms, &failure)) {
		assert_int_equal(failure.code, ERROR_NONE);
		return 0;
	}
	if (ret_code != NULL)
		*ret_code = failure.code;
	assert_int_not_equal(failure.retry_after_s, 0);
	assert_non_null(failure.detail);
	return failure.retry_after_s;
}

static unsigned source_refused_s(const char *client)
{
	static unsigned users;
	enum error_code code = ERROR_TOO_MANY_ATTEMPTS;
	char user[32];
	unsigned left_s;

	/* Another one each time, so that it is not the account that is refused. */
	snprintf(user, sizeof(user), "user-%u", users++);
	left_s = refused_s(client, user, &code);
	assert_int_equal(code, ERROR_TOO_MANY_ATTEMPTS);
	return left_s;
}

static void add(const char *client, const char *user, enum penalty penalty)
{
	const struct penalties_subject subject = {client, user, &target};

	penalties_add(penalties, config, &subject, penalty, HOP_SERVER, now_ms);
}

/* As an attacker does it: another user each time. */
static void add_to_source(const char *client, enum penalty penalty, unsigned times)
{
	char user[32];

	for (unsigned i = 0; i < times; i++) {
		snprintf(user, sizeof(user), "victim-%u", i);
		add(client, user, penalty);
	}
}

static void test_growth(void **state)
{
	(void)state;
	/* 5 s each; nothing until they are 15 together. */
	add_to_source("192.0.2.1", PENALTY_AUTH_FAILED, 2);
	assert_int_equal(source_refused_s("192.0.2.1"), 0);
	add_to_source("192.0.2.1", PENALTY_AUTH_FAILED, 1);
	assert_int_equal(source_refused_s("192.0.2.1"), 15);
	add_to_source("192.0.2.1", PENALTY_AUTH_FAILED, 1);
	assert_int_equal(source_refused_s("192.0.2.1"), 20);
	add_to_source("192.0.2.1", PENALTY_UNFINISHED, 1);
	assert_int_equal(source_refused_s("192.0.2.1"), 21);
	assert_int_equal(source_refused_s("192.0.2.2"), 0);
	/* One crash is enough. */
	add_to_source("192.0.2.2", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s("192.0.2.2"), 90);
	/* Not more than 600 s, */
	add_to_source("192.0.2.2", PENALTY_CRASH, 20);
	assert_int_equal(source_refused_s("192.0.2.2"), 600);
	/* not even by a single one. */
	config->penalties.crash_ms = 86400 * S;
	add_to_source("192.0.2.3", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s("192.0.2.3"), 600);
	config->penalties.crash_ms = 0;
	add_to_source("192.0.2.4", PENALTY_CRASH, 100);
	assert_int_equal(source_refused_s("192.0.2.4"), 0);
}

static void test_decay(void **state)
{
	(void)state;
	add_to_source("192.0.2.1", PENALTY_AUTH_FAILED, 3);
	now_ms += 14 * S + 1;
	/* Once it counts, it counts until it is over, also below the threshold; rounded up. */
	assert_int_equal(source_refused_s("192.0.2.1"), 1);
	now_ms += S - 2;
	assert_int_equal(source_refused_s("192.0.2.1"), 1);
	now_ms += 1;
	assert_int_equal(source_refused_s("192.0.2.1"), 0);
	add_to_source("192.0.2.1", PENALTY_AUTH_FAILED, 2);
	assert_int_equal(source_refused_s("192.0.2.1"), 0);
	/* Slow enough never counts. */
	for (unsigned i = 0; i < 100; i++) {
		now_ms += 5 * S;
		add_to_source("192.0.2.9", PENALTY_AUTH_FAILED, 1);
		assert_int_equal(source_refused_s("192.0.2.9"), 0);
	}
}

static void test_prefixes(void **state)
{
	(void)state;
	add_to_source("2001:db8:1:2::1", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s("2001:db8:1:2:ffff::9"), 90);
	assert_int_equal(source_refused_s("2001:db8:1:3::1"), 0);
	add_to_source("192.0.2.1", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s("::ffff:192.0.2.1"), 90);
	assert_int_equal(source_refused_s("192.0.2.2"), 0);
	config->penalties.prefix4 = 24;
	config->penalties.prefix6 = 48;
	add_to_source("198.51.100.1", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s("198.51.100.255"), 90);
	assert_int_equal(source_refused_s("198.51.101.1"), 0);
	add_to_source("2001:db8:9:2::1", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s("2001:db8:9:3::1"), 90);
	assert_int_equal(source_refused_s("2001:db8:a::1"), 0);
}

/* Without an address all are one source. */
static void test_unknown(void **state)
{
	(void)state;
	add_to_source("", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s(""), 90);
	assert_int_equal(source_refused_s("unix:"), 90);
	assert_int_equal(source_refused_s("127.1"), 90);
	assert_int_equal(source_refused_s("127.0.0.1"), 0);
}

static void test_exempt(void **state)
{
	char client[32];

	(void)state;
	assert_true(network_parse("10.0.0.0/8", &config->penalties.exempt.items[0]));
	assert_true(network_parse("2001:db8::/32", &config->penalties.exempt.items[1]));
	config->penalties.exempt.count = 2;
	add_to_source("10.1.2.3", PENALTY_CRASH, 9);
	add_to_source("2001:db8::1", PENALTY_CRASH, 9);
	assert_int_equal(source_refused_s("10.1.2.3"), 0);
	assert_int_equal(source_refused_s("2001:db8::1"), 0);
	/* Nor is an account there that others guess at. */
	for (unsigned i = 0; i < 6; i++) {
		snprintf(client, sizeof(client), "192.0.2.%u", i);
		add(client, "alice", PENALTY_AUTH_FAILED);
	}
	assert_int_not_equal(refused_s("192.0.2.2", "alice", NULL), 0);
	assert_int_equal(refused_s("10.1.2.3", "alice", NULL), 0);
	/* "Unknown" is in no network, not even in this. */
	assert_true(network_parse("::/0", &config->penalties.exempt.items[0]));
	add_to_source("", PENALTY_CRASH, 1);
	assert_int_equal(source_refused_s(""), 90);
}

/* Guessing at one account from many addresses. */
static void test_accounts(void **state)
{
	enum error_code code = ERROR_NONE;
	char client[32];

	(void)state;
	/* One address alone is kept away before the account is. */
	for (unsigned i = 0; i < 50; i++)
		add("192.0.2.1", "alice", PENALTY_AUTH_FAILED);
	assert_int_equal(source_refused_s("192.0.2.1"), 250);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 0);
		snprintf(client, sizeof(client), "198.51.100.%u", i);
		add(client, "alice", PENALTY_AUTH_FAILED);
	}
	assert_int_equal(refused_s("203.0.113.1", "alice", &code), 30);
	assert_int_equal(code, ERROR_TOO_MANY_ATTEMPTS);
	assert_int_equal(refused_s("203.0.113.1", "alic", NULL), 0);
	assert_int_equal(refused_s("203.0.113.1", "alice2", NULL), 0);
	/* Elsewhere it is another account, */
	strcpy(target.id, "elsewhere");
	assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 0);
	strcpy(target.id, "here");
	/* and however much is guessed, nobody is locked out for long. */
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(client, sizeof(client), "198.51.%u.%u", i / 250, i % 250);
		add(client, "alice", PENALTY_AUTH_FAILED);
	}
	assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 30);
	now_ms += 30 * S;
	assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 0);
	/* Also where the admin thinks in longer times. */
	config->penalties.auth_failed_ms = 60 * S;
	config->penalties.min_ms = 100 * S;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 0);
		snprintf(client, sizeof(client), "192.0.2.%u", 100 + i);
		add(client, "alice", PENALTY_AUTH_FAILED);
	}
	assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 30);
	/* Other mishaps say nothing about the account. */
	for (unsigned i = 0; i < 100; i++)
		add("192.0.2.77", "bob", PENALTY_CRASH);
	assert_int_equal(refused_s("203.0.113.1", "bob", NULL), 0);
}

/* Not even where one failure is enough to keep an address away is it enough for the account. */
static void test_accounts_of_the_strict(void **state)
{
	(void)state;
	for (unsigned min_s = 0; min_s <= 15; min_s += 15) {
		config->penalties.min_ms = min_s * S;
		config->penalties.auth_failed_ms = 60 * S;
		for (unsigned i = 0; i < 10; i++)
			add("192.0.2.1", "alice", PENALTY_AUTH_FAILED);
		assert_int_equal(source_refused_s("192.0.2.1"), 600);
		assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 0);
		add("192.0.2.2", "alice", PENALTY_AUTH_FAILED);
		assert_int_equal(refused_s("203.0.113.1", "alice", NULL), 30);
		now_ms += 3600 * S;
	}
}

static void test_hosts(void **state)
{
	const struct penalties_subject subject = {"192.0.2.1", "alice", &target};
	struct conn_failure failure;

	(void)state;
	add("192.0.2.1", "alice", PENALTY_HOST_REFUSED);
	assert_false(penalties_allow(penalties, config, &subject, now_ms, &failure));
	assert_int_equal(failure.code, ERROR_HOST_REFUSED);
	assert_int_equal(failure.hop, HOP_SERVER);
	assert_int_equal(failure.retry_after_s, 15);
	/* Not for longer because it has refused several at once. */
	add("192.0.2.1", "alice", PENALTY_HOST_REFUSED);
	assert_false(penalties_allow(penalties, config, &subject, now_ms, &failure));
	assert_int_equal(failure.retry_after_s, 15);
	/* It is nobody's fault. */
	strcpy(target.hops[0].name, "other");
	assert_int_equal(refused_s("192.0.2.1", "alice", NULL), 0);
	strcpy(target.hops[0].name, "host");
	now_ms += 15 * S;
	assert_true(penalties_allow(penalties, config, &subject, now_ms, &failure));

	/* A jump host that refuses closes the way to all servers behind it. */
	target.hop_count = 2;
	strcpy(target.hops[0].name, "jump");
	strcpy(target.hops[1].name, "one");
	penalties_add(penalties, config, &subject, PENALTY_HOST_REFUSED, HOP_JUMP, now_ms);
	strcpy(target.hops[1].name, "two");
	assert_false(penalties_allow(penalties, config, &subject, now_ms, &failure));
	assert_int_equal(failure.hop, HOP_JUMP);
	now_ms += 15 * S;
	penalties_add(penalties, config, &subject, PENALTY_HOST_REFUSED, HOP_SERVER, now_ms);
	assert_false(penalties_allow(penalties, config, &subject, now_ms, &failure));
	assert_int_equal(failure.hop, HOP_SERVER);
	strcpy(target.hops[1].name, "one");
	assert_true(penalties_allow(penalties, config, &subject, now_ms, &failure));
}

static void test_what_costs(void **state)
{
	static const enum error_code free_of_charge[] = {ERROR_LOGOUT, ERROR_DRAINING,
	    ERROR_HOST_KEY_UNKNOWN, ERROR_HOST_KEY_CHANGED, ERROR_HOST_KEY_REVOKED,
	    ERROR_HOST_KEY_REFUSED, ERROR_KILLED, ERROR_TOO_MANY_LOGINS, ERROR_TOO_MANY_ATTEMPTS,
	    ERROR_TIMEOUT, ERROR_HOST_TIMEOUT, ERROR_HOST_UNREACHABLE, ERROR_SSH_LOST,
	    ERROR_METHOD_MISSING, ERROR_PASSWORD_EXPIRED, ERROR_JUMP_REFUSED, ERROR_INTERNAL};

	(void)state;
	for (size_t i = 0; i < sizeof(free_of_charge) / sizeof(free_of_charge[0]); i++)
		assert_int_equal(penalties_of(free_of_charge[i], false, &target), PENALTY_NONE);
	assert_int_equal(penalties_of(ERROR_AUTH_FAILED, false, &target), PENALTY_AUTH_FAILED);
	assert_int_equal(penalties_of(ERROR_ACCOUNT_REFUSED, false, &target), PENALTY_AUTH_FAILED);
	assert_int_equal(penalties_of(ERROR_PROMPT_TIMEOUT, false, &target), PENALTY_UNFINISHED);
	assert_int_equal(penalties_of(ERROR_HOST_REFUSED, false, &target), PENALTY_HOST_REFUSED);
	assert_int_equal(penalties_of(ERROR_SERVER_NOT_ALLOWED, false, NULL), PENALTY_UNFINISHED);
	for (uint16_t code = 1; error_is_known(code); code++)
		assert_int_equal(penalties_of(code, true, &target), PENALTY_NONE);
	/* Looking around in the network does. */
	target.typed = true;
	assert_int_equal(penalties_of(ERROR_HOST_UNREACHABLE, false, &target), PENALTY_UNFINISHED);
	assert_int_equal(penalties_of(ERROR_HOST_TIMEOUT, false, &target), PENALTY_UNFINISHED);
	assert_int_equal(penalties_of(ERROR_JUMP_REFUSED, false, &target), PENALTY_UNFINISHED);
}

/* Full of others, a table keeps those who are kept away the longest. */
static void test_eviction(void **state)
{
	const struct penalty_rules rules = {10 * S, 600 * S, 100};
	struct penalty_table *table = penalty_table_create();
	struct penalty_key key;

	(void)state;
	assert_non_null(table);
	for (unsigned i = 0; i < 100; i++) {
		key = key_of(i);
		assert_true(penalty_table_add(table, &key, (100 + i) * S, &rules, 0));
	}
	/* Less than anybody has: it does not get in. */
	key = key_of(1000);
	assert_false(penalty_table_add(table, &key, 99 * S, &rules, 0));
	assert_int_equal(penalty_table_left_ms(table, &key, 0), 0);
	assert_int_equal(penalty_table_count(table), 100);
	assert_true(penalty_table_add(table, &key, 150 * S, &rules, 0));
	key = key_of(0);
	assert_int_equal(penalty_table_left_ms(table, &key, 0), 0);
	/* One that grows stays. */
	key = key_of(1);
	penalty_table_add(table, &key, 400 * S, &rules, 0);
	for (unsigned i = 2000; i < 2200; i++) {
		struct penalty_key flood = key_of(i);

		penalty_table_add(table, &flood, 300 * S, &rules, 0);
	}
	assert_int_equal(penalty_table_left_ms(table, &key, 0), 501 * S);
	assert_int_equal(penalty_table_count(table), 100);
	/* What is over makes room. */
	key = key_of(3000);
	assert_true(penalty_table_add(table, &key, 10 * S, &rules, 400 * S));
	assert_int_equal(penalty_table_count(table), 2);
	penalty_table_destroy(table);
	penalty_table_destroy(NULL);
}

/* Fewer are allowed after a reload. */
static void test_shrinking(void **state)
{
	struct penalty_rules rules = {0, 600 * S, 100};
	struct penalty_table *table = penalty_table_create();
	struct penalty_key key;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		key = key_of(i);
		penalty_table_add(table, &key, (100 + i) * S, &rules, 0);
	}
	rules.entries = 20;
	key = key_of(100);
	penalty_table_add(table, &key, 500 * S, &rules, 0);
	assert_int_equal(penalty_table_count(table), 20);
	key = key_of(99);
	assert_int_equal(penalty_table_left_ms(table, &key, 0), 199 * S);
	penalty_table_destroy(table);
}

/* Many more sources than the table holds, most of them with little; a plain list tells what those
 * with much must have. */
static void test_many(void **state)
{
	enum { SOURCES = 100000, KEPT = 65536, HEAVY = 1000 };
	const struct penalty_rules rules = {15 * S, 600 * S, KEPT};
	uint64_t *ends = calloc(SOURCES, sizeof(*ends)), now = 1;
	struct penalty_table *table = penalty_table_create();
	uint32_t random = 12345;

	(void)state;
	assert_non_null(ends);
	for (unsigned i = 0; i < 4 * SOURCES; i++) {
		bool heavy = i % 100 == 0;
		uint64_t penalty_ms = (heavy ? 200 + i % 300 : 1 + i % 90) * S;
		struct penalty_key key;
		unsigned number;

		random = random * 1103515245 + 12345;
		number = heavy ? (random >> 8) % HEAVY : HEAVY + (random >> 8) % (SOURCES - HEAVY);
		key = key_of(number);
		penalty_table_add(table, &key, penalty_ms, &rules, now);
		ends[number] = (ends[number] > now ? ends[number] : now) + penalty_ms;
		if (ends[number] > now + 600 * S)
			ends[number] = now + 600 * S;
		assert_true(penalty_table_count(table) <= KEPT);
		now += i % 10 == 0;
	}
	for (unsigned number = 0; number < SOURCES; number++) {
		struct penalty_key key = key_of(number);
		uint64_t left_ms = penalty_table_left_ms(table, &key, now);
		uint64_t expected_ms = ends[number] > now ? ends[number] - now : 0;

		if (number < HEAVY)
			assert_int_equal(left_ms, expected_ms);
		else
			assert_true(left_ms <= expected_ms);
	}
	assert_int_equal(penalty_table_count(table), KEPT);
	penalty_table_destroy(table);
	free(ends);
}

static int set_up(void **state)
{
	(void)state;
	config = calloc(1, sizeof(*config));
	penalties = penalties_create();
	if (config == NULL || penalties == NULL)
		return -1;
	config->penalties.auth_failed_ms = 5 * S;
	config->penalties.unfinished_ms = 1 * S;
	config->penalties.crash_ms = 90 * S;
	config->penalties.min_ms = 15 * S;
	config->penalties.max_ms = 600 * S;
	config->penalties.prefix4 = 32;
	config->penalties.prefix6 = 64;
	config->penalties.sources = 65536;
	memset(&target, 0, sizeof(target));
	strcpy(target.id, "here");
	target.hop_count = 1;
	strcpy(target.hops[0].name, "host");
	now_ms = 1000000;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	penalties_destroy(penalties);
	free(config);
	return 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {CASE(test_growth), CASE(test_decay), CASE(test_prefixes),
	    CASE(test_unknown), CASE(test_exempt), CASE(test_accounts),
	    CASE(test_accounts_of_the_strict), CASE(test_hosts), CASE(test_what_costs),
	    CASE(test_eviction), CASE(test_shrinking), CASE(test_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
