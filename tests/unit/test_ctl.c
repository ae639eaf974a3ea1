/* links: proto ctl */
/* SPDX-License-Identifier: ISC */
/*
 * brokerctl's table of commands, against what its manual and its completion say, and how it writes:
 * amounts, tables, JSON.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/ctl/ctl.h"

static char *text;
static size_t length;
static FILE *out;

static FILE *begin(void)
{
	free(text);
	text = NULL;
	out = open_memstream(&text, &length);
	assert_non_null(out);
	return out;
}

static const char *end(void)
{
	fclose(out);
	return text;
}

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "r");
	char *content = calloc(1, 100000);

	assert_non_null(file);
	assert_non_null(content);
	assert_true(fread(content, 1, 99999, file) > 0);
	fclose(file);
	return content;
}

static void test_commands(void **state)
{
	char *manual = slurp("packaging/man/brokerctl.8");
	char *completion = slurp("packaging/bash-completion/brokerctl");
	const struct ctl_command *command, *before = NULL;
	char words[1000] = "local commands='", item[64];

	(void)state;
	for (unsigned i = 0; (command = ctl_command_at(i)) != NULL; i++) {
		assert_ptr_equal(ctl_command_find(command->name), command);
		assert_non_null(command->run);
		assert_true(command->fewest <= command->most);
		assert_true(strlen(command->name) <= 8);
		if (before != NULL)
			assert_true(strcmp(before->name, command->name) < 0);
		before = command;
		snprintf(item, sizeof(item), "\n.It Cm %s", command->name);
		if (strcmp(command->name, "hostkey") != 0 && strstr(manual, item) == NULL)
			fail_msg("%s is not in the manual", command->name);
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s",
		    i != 0 ? " " : "", command->name);
	}
	strcat(words, "'\n");
	if (strstr(completion, words) == NULL)
		fail_msg("not in the completion: %s", words);
	assert_null(ctl_command_find("halt"));
	assert_null(ctl_command_find(""));
	free(manual);
	free(completion);
}

static void test_amounts(void **state)
{
	static const struct {
		uint64_t value;
		const char *age, *bytes, *bytes_long, *latency;
	} rows[] = {
	    {0, "0s", "0", "0 bytes", "-"},
	    {59, "59s", "59", "59 bytes", "0.1ms"},
	    {60, "1m", "60", "60 bytes", "0.1ms"},
	    {1023, "17m", "1023", "1023 bytes", "1.0ms"},
	    {1024, "17m", "1.0K", "1.0 KiB", "1.0ms"},
	    {3599, "59m", "3.5K", "3.5 KiB", "3.6ms"},
	    {9949, "2h45m", "9.7K", "9.7 KiB", "9.9ms"},
	    {9950, "2h45m", "9.7K", "9.7 KiB", "10ms"},
	    {11220, "3h07m", "11K", "11 KiB", "11ms"},
	    {93784, "1d02h", "92K", "92 KiB", "94ms"},
	    {999499, "11d13h", "976K", "976 KiB", "999ms"},
	    {999500, "11d13h", "976K", "976 KiB", "1.0s"},
	    {1048575, "12d03h", "1.0M", "1.0 MiB", "1.0s"},
	    {4294967295, "49710d06h", "4.0G", "4.0 GiB", "4295.0s"},
	};
	char age[CTL_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(ctl_age(rows[i].value, age), rows[i].age);
		assert_string_equal(ctl_bytes(rows[i].value, age), rows[i].bytes);
		assert_string_equal(ctl_bytes_long(rows[i].value, age), rows[i].bytes_long);
		assert_string_equal(ctl_latency((uint32_t)rows[i].value, age), rows[i].latency);
	}
	assert_string_equal(ctl_bytes(UINT64_MAX, age), "16E");
	assert_true(strlen(ctl_age(UINT64_MAX, age)) < CTL_TEXT_BYTES);
	assert_string_equal(ctl_count(1, "login", age), "1 login");
	assert_string_equal(ctl_count(0, "login", age), "0 logins");
	assert_string_equal(ctl_or_dash(""), "-");
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		unsigned seconds;
	} good[] = {{"0", 0}, {"90", 90}, {"90s", 90}, {"5m", 300}, {"2h", 7200}, {"24h", 86400},
	    {"86400", 86400}};
	static const char *const bad[] = {"", "s", "-1", "1.5", "5 m", "1d", "25h", "86401",
	    "1441m", "4294967297", "99999999999999999999", "5mm"};
	unsigned seconds;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(ctl_parse_duration(good[i].text, &seconds));
		assert_int_equal(seconds, good[i].seconds);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ctl_parse_duration(bad[i], &seconds))
			fail_msg("%s is %u", bad[i], seconds);
}

static const struct ctl_column columns[] = {{.title = "NAME", .least = 4},
    {.title = "WHERE", .least = 5}, {.title = "N", .right = true},
    {.title = "MORE", .spare = true}};

static const char *table(const struct ctl_look *look)
{
	struct ctl_table *table = ctl_table_create(columns, 4);

	ctl_table_add(table, "b\xc3\xb6rtle.alexander", CTL_BOLD);
	ctl_table_add(table, "here", CTL_PLAIN);
	ctl_table_add(table, "7", CTL_PLAIN);
	ctl_table_add(table, "all of it", CTL_PLAIN);
	ctl_table_add(table, "al", CTL_BOLD);
	ctl_table_add(table, "2001:db8::7", CTL_PLAIN);
	ctl_table_add(table, "1234", CTL_GOOD);
	ctl_table_add(table, "-", CTL_PLAIN);
	ctl_table_print(begin(), look, table);
	return end();
}

static void test_tables(void **state)
{
	struct ctl_look look = {.terminal = true, .utf8 = true, .columns = 80};

	(void)state;
	assert_string_equal(table(&look), "NAME              WHERE           N  MORE\n"
					  "b\xc3\xb6rtle.alexander  here            7  all of it\n"
					  "al                2001:db8::7  1234  -\n");
	/* Just too narrow: what can be spared goes, whole. */
	look.columns = 45;
	assert_string_equal(table(&look), "NAME              WHERE           N\n"
					  "b\xc3\xb6rtle.alexander  here            7\n"
					  "al                2001:db8::7  1234\n");
	look.columns = 25;
	assert_string_equal(table(&look), "NAME      WHERE         N\n"
					  "b\xc3\xb6rtle.\xe2\x80\xa6  here          7\n"
					  "al        2001:db8\xe2\x80\xa6  1234\n");
	look.utf8 = false;
	look.columns = 25;
	assert_non_null(strstr(table(&look), "b\xc3\xb6rtle.~  here"));
	/* Never less than can be read, however narrow it is. */
	look.columns = 5;
	assert_string_equal(table(&look), "NAME  WHERE     N\n"
					  "b\xc3\xb6r~  here      7\n"
					  "al    2001~  1234\n");
	/* Programs get all of every name. */
	look.terminal = false;
	assert_non_null(
	    strstr(table(&look), "b\xc3\xb6rtle.alexander  here            7  all of it\n"));
	look.colour = true;
	assert_non_null(strstr(table(&look), "\33[1mal\33[0m  "));
	assert_non_null(strstr(table(&look), "  \33[32m1234\33[0m  -\n"));
}

/* A user's name is what somebody typed. */
static void test_table_of_foreign_text(void **state)
{
	const struct ctl_look look = {.terminal = true, .utf8 = true, .columns = 80};
	struct ctl_table *table = ctl_table_create(columns, 4);

	(void)state;
	ctl_table_add(table, "\xe2\x80\xaemada", CTL_PLAIN);
	ctl_table_add(table, "a\33[2Jb", CTL_PLAIN);
	ctl_table_add(table, "", CTL_PLAIN);
	ctl_table_add(table, "\xc2\x9b", CTL_PLAIN);
	ctl_table_print(begin(), &look, table);
	assert_string_equal(end(), "NAME   WHERE   N  MORE\n"
				   "?mada  a?[2Jb     ?\n");
}

static void test_json(void **state)
{
	struct ctl_json json = {.out = begin()};

	(void)state;
	ctl_json_open(&json, NULL, '{');
	ctl_json_open(&json, "empty", '[');
	ctl_json_close(&json, ']');
	ctl_json_text(&json, "text", "a\"b\\c\n\xc3\xb6\x01");
	ctl_json_open(&json, "list", '[');
	ctl_json_uint(&json, NULL, UINT64_MAX);
	ctl_json_open(&json, NULL, '{');
	ctl_json_bool(&json, "yes", true);
	ctl_json_bool(&json, "no", false);
	ctl_json_close(&json, '}');
	ctl_json_close(&json, ']');
	ctl_json_close(&json, '}');
	assert_string_equal(end(), "{\"empty\":[],\"text\":\"a\\\"b\\\\c\\u000a\xc3\xb6\\u0001\","
				   "\"list\":[18446744073709551615,{\"yes\":true,\"no\":false}]}");
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
	    cmocka_unit_test(test_amounts), cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_tables), cmocka_unit_test(test_table_of_foreign_text),
	    cmocka_unit_test(test_json)};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
