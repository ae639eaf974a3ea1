/* links: proto ctl */
/* SPDX-License-Identifier: ISC */
/*
 * brokerctl's commands and how it prints answers, for people and as JSON.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/ctl.h"

static char *text;
static size_t length;

/* Prints the answer by the command; the result is in text. */
static bool print(const char *command, const struct message *answer, unsigned part, bool json)
{
	FILE *out;
	bool last;

	free(text);
	text = NULL;
	out = open_memstream(&text, &length);
	last = ctl_command_find(command)->print(out, answer, part, json);
	fclose(out);
	return last;
}

static void test_commands(void **state)
{
	const struct ctl_command *command, *before = NULL;
	struct message request;

	(void)state;
	for (unsigned i = 0; (command = ctl_command_at(i)) != NULL; i++) {
		assert_ptr_equal(ctl_command_find(command->name), command);
		if (before != NULL)
			assert_true(strcmp(before->name, command->name) < 0);
		before = command;
	}
	assert_null(ctl_command_find("halt"));
	assert_null(ctl_command_find(""));
	assert_null(ctl_command_find("status")->ask(&request, NULL));
	assert_int_equal(request.type, MESSAGE_STATUS_GET);
	assert_int_not_equal(request.request_id, 0);
	assert_null(ctl_command_find("list")->ask(&request, NULL));
	assert_int_equal(request.type, MESSAGE_LOGINS_GET);
	assert_null(ctl_command_find("kill")->ask(&request, "0123456789abcdef"));
	assert_int_equal(request.type, MESSAGE_KILL);
	assert_string_equal(request.kill.whom[0].login, "0123456789abcdef");
	assert_non_null(ctl_command_find("kill")->ask(&request, "0123456789abcde"));
	assert_non_null(ctl_command_find("kill")->ask(&request, "0123456789abcdef0"));
	assert_non_null(ctl_command_find("kill")->ask(&request, ""));
}

static void test_status(void **state)
{
	struct message answer;

	(void)state;
	message_init(&answer, MESSAGE_STATUS, 1);
	answer.status = (struct message_status){.release = "0.1.0",
	    .uptime_s = 93784,
	    .logins = 3,
	    .logins_max = 200,
	    .streams = 2,
	    .ports_used = 3,
	    .ports_resting = 1,
	    .ports_total = 500,
	    .uids_used = 4,
	    .uids_total = 499,
	    .connections = 5};
	assert_true(print("status", &answer, 0, false));
	assert_string_equal(text, "version      0.1.0\n"
				  "running for  1d02h\n"
				  "logins       3 of 200\n"
				  "streams      2\n"
				  "ports        3 of 500, 1 resting\n"
				  "uids         4 of 499\n"
				  "connections  5\n");
	assert_true(print("status", &answer, 0, true));
	assert_string_equal(text,
	    "{\"version\":\"0.1.0\",\"uptime_s\":93784,\"logins\":3,\"logins_max\":200,"
	    "\"streams\":2,\"ports_used\":3,\"ports_resting\":1,\"ports_total\":500,"
	    "\"uids_used\":4,\"uids_total\":499,\"connections\":5}\n");
}

static void test_list(void **state)
{
	struct message answer;

	(void)state;
	message_init(&answer, MESSAGE_LOGINS, 1);
	answer.logins.last = 1;
	assert_true(print("list", &answer, 0, true));
	assert_string_equal(text, "[]\n");
	answer.logins.last = 0;
	answer.logins.logins_count = 1;
	answer.logins.logins[0] = (struct record_login){.login = "0123456789abcdef",
	    .state = "attached",
	    .user = "al\"ice\\",
	    .server = "here",
	    .client = "2001:db8::7",
	    .pid = 4711,
	    .uid = 70003,
	    .port = 20003,
	    .age_s = 11220,
	    .session = "alice-50-1795219328_stKICEWM_dp24"};
	assert_false(print("list", &answer, 0, false));
	assert_non_null(strstr(text, "LOGIN  "));
	assert_non_null(strstr(text, "\n0123456789abcdef  attached   al\"ice\\ "));
	assert_non_null(strstr(text, "  3h07m   alice-50-1795219328_stKICEWM_dp24\n"));
	assert_false(print("list", &answer, 0, true));
	assert_string_equal(text,
	    "[{\"login\":\"0123456789abcdef\",\"state\":\"attached\",\"user\":\"al\\\"ice\\\\\","
	    "\"server\":\"here\",\"client\":\"2001:db8::7\","
	    "\"session\":\"alice-50-1795219328_stKICEWM_dp24\",\"pid\":4711,\"uid\":70003,"
	    "\"port\":20003,\"age_s\":11220}");
	/* The second and last part. */
	answer.logins.last = 1;
	answer.logins.logins[0].age_s = 59;
	answer.logins.logins[0].client[0] = 0;
	assert_true(print("list", &answer, 1, false));
	assert_null(strstr(text, "LOGIN  "));
	assert_non_null(strstr(text, "  59s "));
	assert_non_null(strstr(text, "  -  "));
	assert_true(print("list", &answer, 1, true));
	assert_int_equal(strncmp(text, ",{", 2), 0);
	assert_string_equal(text + strlen(text) - 3, "}]\n");
}

static int tear_down(void **state)
{
	(void)state;
	free(text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_status), cmocka_unit_test(test_list)};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
