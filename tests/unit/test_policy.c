/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/policy: which servers there are, who may log in, which desktops are offered.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/policy.h"

static struct config *config;

static void test_servers(void **state)
{
	(void)state;
	assert_ptr_equal(policy_find_server(config, "one"), &config->servers[0]);
	assert_ptr_equal(policy_find_server(config, "two"), &config->servers[1]);
	assert_null(policy_find_server(config, "three"));
	assert_null(policy_find_server(config, "192.0.2.1"));
	assert_null(policy_find_server(config, ""));
	assert_null(policy_find_server(config, "ONE"));
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
	};
	struct config_server server = {.name = "x"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(server.users, cases[i].users);
		if (policy_check_user(&server, cases[i].user) != cases[i].result)
			fail_msg("\"%s\" among \"%s\"", cases[i].user, cases[i].users);
	}
}

static void test_desktops(void **state)
{
	(void)state;
	assert_ptr_equal(policy_desktops(config, &config->servers[0]), &config->web.desktops);
	assert_ptr_equal(
	    policy_desktops(config, &config->servers[1]), &config->servers[1].desktops);
}

static int set_up(void **state)
{
	(void)state;
	config = calloc(1, sizeof(*config));
	if (config == NULL)
		return -1;
	config->server_count = 2;
	strcpy(config->servers[0].name, "one");
	strcpy(config->servers[0].address, "192.0.2.1");
	strcpy(config->servers[1].name, "two");
	config->servers[1].desktops.count = 1;
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_servers),
	    cmocka_unit_test(test_users), cmocka_unit_test(test_desktops)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
