/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/login_table: look-up and limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/config.h"
#include "brokerd/login.h"
#include "proto/conn.h"
#include "brokerd/login_table.h"

static const struct {
	const char *id, *user, *server, *client;
	enum stream_state stream;
} logins[] = {
    {"0000000000000001", "alice", "one", "192.0.2.1", STREAM_STATE_NONE},
    {"0000000000000002", "alice", "one", "192.0.2.2", STREAM_STATE_ATTACHED},
    {"0000000000000003", "alice", "two", "192.0.2.2", STREAM_STATE_WAITING},
    {"0000000000000004", "bob", "one", "", STREAM_STATE_ATTACHED},
};
#define COUNT (sizeof(logins) / sizeof(logins[0]))

static struct login_table table;
static struct login *entries[COUNT];
static unsigned emptied;

static void on_emptied(void *arg)
{
	assert_null(arg);
	emptied++;
}

static int set_up(void **state)
{
	(void)state;
	login_table_init(&table);
	for (size_t i = 0; i < COUNT; i++) {
		entries[i] = calloc(1, sizeof(*entries[i]));
		if (entries[i] == NULL)
			return -1;
		strcpy(entries[i]->id, logins[i].id);
		strcpy(entries[i]->user, logins[i].user);
		strcpy(entries[i]->server, logins[i].server);
		strcpy(entries[i]->client, logins[i].client);
		entries[i]->stream = logins[i].stream;
		login_table_add(&table, entries[i]);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		free(entries[i]);
	return 0;
}

static void test_find(void **state)
{
	(void)state;
	assert_int_equal(table.count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		assert_ptr_equal(login_table_find(&table, logins[i].id), entries[i]);
	assert_null(login_table_find(&table, "0000000000000005"));
	assert_null(login_table_find(&table, ""));
	assert_int_equal(login_table_count_streams(&table, STREAM_STATE_ATTACHED), 2);
}

static void test_remove(void **state)
{
	(void)state;
	emptied = 0;
	table.emptied = on_emptied;
	table.emptied_arg = NULL;
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(emptied, 0);
		login_table_remove(&table, entries[i]);
		assert_null(login_table_find(&table, logins[i].id));
		login_table_tell_empty(&table);
	}
	assert_int_equal(table.count, 0);
	assert_int_equal(emptied, 1);
}

static void test_limits(void **state)
{
	static const struct {
		unsigned logins, per_user, per_client, per_server;
		const char *user, *server, *client;
		const char *refused_by; /* NULL: not at all */
	} cases[] = {
	    {5, 9, 9, 9, "carol", "one", "192.0.2.9", NULL},
	    {4, 9, 9, 9, "carol", "one", "192.0.2.9", "logins "},
	    {9, 3, 9, 9, "alice", "one", "192.0.2.9", NULL},
	    {9, 2, 9, 9, "alice", "one", "192.0.2.9", "logins_per_user "},
	    {9, 2, 9, 9, "alice", "two", "192.0.2.9", NULL},
	    {9, 1, 9, 9, "alice", "two", "192.0.2.9", "logins_per_user "},
	    {9, 9, 3, 9, "carol", "one", "192.0.2.2", NULL},
	    {9, 9, 2, 9, "carol", "one", "192.0.2.2", "logins_per_client "},
	    {9, 9, 2, 9, "carol", "one", "192.0.2.1", NULL},
	    {9, 9, 2, 9, "carol", "one", "::ffff:192.0.2.2", "logins_per_client "},
	    {9, 9, 1, 9, "carol", "one", "198.51.100.1", NULL},
	    /* Who has no known address is one client. */
	    {9, 9, 2, 9, "carol", "one", "", NULL},
	    {9, 9, 1, 9, "carol", "one", "", "logins_per_client "},
	    {9, 9, 1, 9, "carol", "one", "no address", "logins_per_client "},
	    {9, 9, 9, 4, "carol", "one", "192.0.2.9", NULL},
	    {9, 9, 9, 3, "carol", "one", "192.0.2.9", "logins_per_server "},
	    {9, 9, 9, 2, "carol", "two", "192.0.2.9", NULL},
	};
	struct config *config = calloc(1, sizeof(*config));
	struct login *fresh = calloc(1, sizeof(*fresh));

	(void)state;
	assert_non_null(config);
	assert_non_null(fresh);
	config->limits.unfinished = (struct config_drop){100, 0, 100};
	config->penalties.prefix4 = 32;
	config->penalties.prefix6 = 64;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conn_failure failure = {.code = ERROR_NONE};
		char detail[64];
		bool fits;

		config->limits.logins = cases[i].logins;
		config->limits.logins_per_user = cases[i].per_user;
		config->limits.logins_per_client = cases[i].per_client;
		config->limits.logins_per_server = cases[i].per_server;
		strcpy(fresh->user, cases[i].user);
		strcpy(fresh->server, cases[i].server);
		strcpy(fresh->client, cases[i].client);
		fits = login_table_check_limits(&table, config, fresh, &failure);
		if (fits != (cases[i].refused_by == NULL))
			fail_msg("case %zu", i);
		assert_int_equal(failure.code, fits ? ERROR_NONE : ERROR_TOO_MANY_LOGINS);
		snprintf(detail, sizeof(detail), "as many as [limits] %sallows",
		    fits ? "" : cases[i].refused_by);
		assert_true(fits || strcmp(failure.detail, detail) == 0);
	}
	/* What is about to end counts in all, for its port and uid, but against nobody. */
	config->limits.logins = 5;
	config->limits.logins_per_user = config->limits.logins_per_server = 3;
	strcpy(fresh->user, "alice");
	strcpy(fresh->server, "one");
	assert_false(login_table_check_limits(&table, config, fresh, &(struct conn_failure){0}));
	entries[3]->state = LOGIN_STATE_STOPPING;
	assert_true(login_table_check_limits(&table, config, fresh, &(struct conn_failure){0}));
	config->limits.logins = 4;
	assert_false(login_table_check_limits(&table, config, fresh, &(struct conn_failure){0}));
	free(fresh);
	free(config);
}

/* Prefixes make one client of many addresses. */
static void test_prefixes(void **state)
{
	struct config *config = calloc(1, sizeof(*config));
	struct login *fresh = calloc(1, sizeof(*fresh));
	struct conn_failure failure = {.code = ERROR_NONE};

	(void)state;
	assert_non_null(config);
	assert_non_null(fresh);
	config->limits.logins = config->limits.logins_per_user = 9;
	config->limits.logins_per_server = 9;
	config->limits.logins_per_client = 3;
	config->limits.unfinished = (struct config_drop){100, 0, 100};
	config->penalties.prefix4 = 32;
	config->penalties.prefix6 = 64;
	strcpy(fresh->client, "192.0.2.3");
	assert_true(login_table_check_limits(&table, config, fresh, &failure));
	config->penalties.prefix4 = 24;
	assert_false(login_table_check_limits(&table, config, fresh, &failure));
	for (size_t i = 0; i < COUNT; i++)
		sprintf(entries[i]->client, "2001:db8:1:2::%zx", i + 1);
	strcpy(fresh->client, "2001:db8:1:2:ffff::1");
	assert_false(login_table_check_limits(&table, config, fresh, &failure));
	strcpy(fresh->client, "2001:db8:1:3::1");
	assert_true(login_table_check_limits(&table, config, fresh, &failure));
	free(fresh);
	free(config);
}

/* As sshd's MaxStartups: nobody before begin, percent of them there, more on the way, then all. */
static void test_early_drop(void **state)
{
	static const struct {
		unsigned unfinished, percent;
	} cases[] = {{0, 0}, {9, 0}, {10, 30}, {55, 65}, {99, 99}, {100, 100}, {1000, 100}};
	const struct config_drop drop = {10, 30, 100}, step = {5, 30, 5};
	struct config *config = calloc(1, sizeof(*config));
	struct login *fresh = calloc(1, sizeof(*fresh));
	struct conn_failure failure = {.code = ERROR_NONE};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned percent = 0;

		for (unsigned roll = 0; roll < 100; roll++)
			percent += login_table_drops(&drop, cases[i].unfinished, roll);
		assert_int_equal(percent, cases[i].percent);
	}
	assert_false(login_table_drops(&step, 4, 0));
	assert_true(login_table_drops(&step, 5, 99));

	/* Only those count that are neither open nor over. */
	assert_non_null(config);
	assert_non_null(fresh);
	config->limits.logins = config->limits.logins_per_user = 9;
	config->limits.logins_per_server = config->limits.logins_per_client = 9;
	config->limits.unfinished = (struct config_drop){4, 100, 4};
	assert_false(login_table_check_limits(&table, config, fresh, &failure));
	assert_string_equal(failure.detail, "turned away by [limits] unfinished");
	for (enum login_state other = 0; other < LOGIN_STATE_COUNT; other++) {
		bool over = other == LOGIN_STATE_READY || other == LOGIN_STATE_STOPPING;

		entries[0]->state = other;
		assert_int_equal(login_table_check_limits(&table, config, fresh, &failure), over);
	}
	free(fresh);
	free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_remove, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_prefixes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_early_drop, set_up, tear_down)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
