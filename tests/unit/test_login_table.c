/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/login_table: look-up and limits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/config.h"
#include "brokerd/login.h"
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
	assert_int_equal(login_table_count_streams(&table), 2);
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
		unsigned logins, per_user, per_client;
		const char *user, *server, *client;
		enum error_code result;
	} cases[] = {
	    {5, 9, 9, "carol", "one", "192.0.2.9", ERROR_NONE},
	    {4, 9, 9, "carol", "one", "192.0.2.9", ERROR_TOO_MANY_LOGINS},
	    {9, 3, 9, "alice", "one", "192.0.2.9", ERROR_NONE},
	    {9, 2, 9, "alice", "one", "192.0.2.9", ERROR_TOO_MANY_LOGINS},
	    {9, 2, 9, "alice", "two", "192.0.2.9", ERROR_NONE},
	    {9, 1, 9, "alice", "two", "192.0.2.9", ERROR_TOO_MANY_LOGINS},
	    {9, 9, 3, "carol", "one", "192.0.2.2", ERROR_NONE},
	    {9, 9, 2, "carol", "one", "192.0.2.2", ERROR_TOO_MANY_LOGINS},
	    {9, 9, 2, "carol", "one", "192.0.2.1", ERROR_NONE},
	    {9, 9, 1, "carol", "one", "", ERROR_NONE},
	};
	struct config *config = calloc(1, sizeof(*config));

	(void)state;
	assert_non_null(config);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *detail = NULL;

		config->limits.logins = cases[i].logins;
		config->limits.logins_per_user = cases[i].per_user;
		config->limits.logins_per_client = cases[i].per_client;
		if (login_table_check_limits(&table, config, cases[i].user, cases[i].server,
			cases[i].client, &detail) != cases[i].result)
			fail_msg("case %zu", i);
		assert_int_equal(detail != NULL, cases[i].result != ERROR_NONE);
	}
	free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_remove, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
