/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Published applications: which desktop entries become commands, and which are left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "brokerd/session/x2go_applications.h"
#include "brokerd/session/x2go_command.h"

static struct record_application applications[X2GO_APPLICATIONS_MAX];

static size_t parse(const char *output, bool has_xterm)
{
	/* On the heap, so that the sanitizer sees a read past the end. */
	size_t length = strlen(output), count;
	char *copy = malloc(length + (length == 0));
	struct x2go_text text = {copy, length};

	assert_non_null(copy);
	memcpy(copy, output, length);
	count = x2go_applications_parse(&text, has_xterm, applications);
	free(copy);
	return count;
}

/* As the real x2gogetapps prints them, pictures included. */
static void test_output_of_a_server(void **state)
{
	static const char output[] =
	    "<desktop>\nName=XTerm\nComment=standard terminal emulator for the X window system\n"
	    "Exec=xterm\nTerminal=false\n<icon>\niVBORw0KGgo=\n\nAAAA\n</icon>\n"
	    "Categories=System;TerminalEmulator;\n</desktop>\n"
	    "<desktop>\nName=Document Viewer\nName[de]=Dokumentenbetrachter\n"
	    "Exec=evince %U\nTerminal=false\n"
	    "Categories=GNOME;GTK;Office;Viewer;Graphics;2DGraphics;VectorGraphics;\n</desktop>\n"
	    "<desktop>\nName=htop\nExec=htop\nTerminal=true\nCategories=System;Monitor;\n"
	    "</desktop>\n";

	(void)state;
	assert_int_equal(parse(output, true), 3);
	assert_string_equal(applications[0].title, "Document Viewer");
	assert_string_equal(applications[0].command, "evince");
	assert_int_equal(applications[0].group, APPLICATION_GROUP_OFFICE);
	assert_string_equal(applications[1].title, "htop");
	assert_string_equal(applications[1].command, "xterm -e htop");
	assert_string_equal(applications[2].title, "XTerm");
	assert_string_equal(applications[2].command, "xterm");
	assert_int_equal(applications[2].group, APPLICATION_GROUP_SYSTEM);
	/* What would need a terminal that is not there is not offered. */
	assert_int_equal(parse(output, false), 2);
	assert_int_equal(parse("", true), 0);
}

/* NULL: left out. */
static void test_commands(void **state)
{
	static const struct {
		const char *exec, *command;
	} rows[] = {
	    {"xterm -ls", "xterm -ls"},
	    {"  xterm   -ls\t", "xterm -ls"},
	    {"/usr/bin/env FOO=bar xterm", "/usr/bin/env FOO=bar xterm"},
	    {"firefox %u", "firefox"},
	    {"gimp-2.10 %U", "gimp-2.10"},
	    {"mpv --player-operation-mode=pseudo-gui -- %U",
		"mpv --player-operation-mode=pseudo-gui --"},
	    {"a %f %F %u %U %i %c %k %d %D %n %N %v %m b", "a b"},
	    {"a --file=%f -x", "a --file= -x"},
	    {"a 100%%", "a 100%"},
	    {"a %%f", "a %f"},
	    {"\"/usr/bin/a\" \"b\" c", "/usr/bin/a b c"},
	    {"a \"--option=1\"", "a --option=1"},
	    /* What cannot be told from the rest of a line in x2goruncommand. */
	    {"a \"b c\"", NULL},
	    {"sh -c \"x; y\"", NULL},
	    {"a \"\"", NULL},
	    {"\"\"", NULL},
	    /* Not as the specification says. */
	    {"", NULL},
	    {" ", NULL},
	    {"%f", NULL},
	    {"%f a", NULL},
	    {"a %", NULL},
	    {"a %z", NULL},
	    {"a \"%f\"", NULL},
	    {"a \"b", NULL},
	    {"\"a\"b", NULL},
	    {"FOO=bar xterm", NULL},
	    /* What means something to a shell, in words or in quotes. */
	    {"a;b", NULL},
	    {"a ; b", NULL},
	    {"a $HOME", NULL},
	    {"a `b`", NULL},
	    {"a 'b'", NULL},
	    {"a \"$b\"", NULL},
	    {"a \\sb", NULL},
	    {"a \"\\\\$b\"", NULL},
	    {"a > b", NULL},
	    {"a | b", NULL},
	    {"a & b", NULL},
	    {"a (b)", NULL},
	    {"a *", NULL},
	    {"a ?", NULL},
	    {"a [b]", NULL},
	    {"a {b,c}", NULL},
	    {"a !b", NULL},
	    {"a #b", NULL},
	    {"a ~/b", NULL},
	    {"~/a", NULL},
	    {"-a", NULL},
	    {"a \x01", NULL},
	    {"\xc3\xa4", NULL},
	};
	char output[400];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t count;

		snprintf(output, sizeof(output), "<desktop>\nName=A\nExec=%s\n</desktop>\n",
		    rows[i].exec);
		count = parse(output, true);
		if (count != (rows[i].command != NULL))
			fail_msg("%s: %zu", rows[i].exec, count);
		if (rows[i].command == NULL)
			continue;
		assert_string_equal(applications[0].command, rows[i].command);
		assert_true(x2go_program_is_valid(applications[0].command));
	}
}

static void test_longest_command(void **state)
{
	char output[400];

	(void)state;
	for (int length = 127; length <= 129; length++) {
		snprintf(output, sizeof(output), "<desktop>\nName=A\nExec=%0*d\n</desktop>\n",
		    length, 0);
		assert_int_equal(parse(output, true), length <= 128);
		snprintf(output, sizeof(output),
		    "<desktop>\nName=A\nTerminal=true\nExec=%0*d\n</desktop>\n", length - 9, 0);
		assert_int_equal(parse(output, true), length <= 128);
	}
	/* Codes take no room. */
	snprintf(output, sizeof(output), "<desktop>\nName=A\nExec=%0128d %%U\n</desktop>\n", 0);
	assert_int_equal(parse(output, true), 0);
	snprintf(output, sizeof(output), "<desktop>\nName=A\nExec=%0127d %%U\n</desktop>\n", 0);
	assert_int_equal(parse(output, true), 1);
}

static void test_titles(void **state)
{
	static const struct {
		const char *name, *title;
	} rows[] = {
	    {"Text Editor", "Text Editor"},
	    {"  padded ", "padded"},
	    {"a\\sb\\tc\\\\d", "a b c\\d"},
	    {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
	    {"<b>&amp;\"'", "<b>&amp;\"'"},
	    {"bell\x07", "bell?"},
	    {"\xff", "?"},
	    {"trailing\\", "trailing\\"},
	    {"", NULL},
	    {"\\s", NULL},
	};
	char output[400];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(output, sizeof(output), "<desktop>\nName=%s\nExec=a\n</desktop>\n",
		    rows[i].name);
		assert_int_equal(parse(output, true), rows[i].title != NULL);
		if (rows[i].title != NULL)
			assert_string_equal(applications[0].title, rows[i].title);
	}
	snprintf(output, sizeof(output), "<desktop>\nName=%0300d\nExec=a\n</desktop>\n", 0);
	assert_int_equal(parse(output, true), 1);
	assert_int_equal(strlen(applications[0].title), 64);
}

static void test_groups(void **state)
{
	static const struct {
		const char *categories;
		enum application_group group;
	} rows[] = {
	    {"AudioVideo;Player;", APPLICATION_GROUP_AUDIO_VIDEO},
	    {"Qt;KDE;Video", APPLICATION_GROUP_AUDIO_VIDEO},
	    {"Game", APPLICATION_GROUP_GAME},
	    {" GTK ; Settings ; System ;", APPLICATION_GROUP_SETTINGS},
	    {"Utility;", APPLICATION_GROUP_UTILITY},
	    {"Office2;X-Own;", APPLICATION_GROUP_OTHER},
	    {"Other;", APPLICATION_GROUP_OTHER},
	    {";;;", APPLICATION_GROUP_OTHER},
	    {"", APPLICATION_GROUP_OTHER},
	};
	char output[400];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(output, sizeof(output),
		    "<desktop>\nName=A\nExec=a\nCategories=%s\n</desktop>\n", rows[i].categories);
		assert_int_equal(parse(output, true), 1);
		assert_int_equal(applications[0].group, rows[i].group);
	}
}

#define ENTRY(lines) "<desktop>\n" lines "</desktop>\n"

static void test_entries(void **state)
{
	static const struct {
		const char *output;
		size_t count;
	} rows[] = {
	    {ENTRY("Name=A\nExec=a\n"), 1},
	    {ENTRY("Name = A\nExec\t=\ta\n"), 1},
	    {ENTRY("Name=A\r\nExec=a\r\n"), 1},
	    {ENTRY("Exec=a\n"), 0},
	    {ENTRY("Name=A\n"), 0},
	    {ENTRY("Name[de]=A\nExec=a\n"), 0},
	    {ENTRY("name=A\nExec=a\n"), 0},
	    {ENTRY("Name=A\nTryExec=a\n"), 0},
	    {ENTRY("Name=A\nExec=a\nNoDisplay=true\n"), 0},
	    {ENTRY("Name=A\nExec=a\nHidden=true\n"), 0},
	    {ENTRY("Name=A\nExec=a\nHidden=false\n"), 1},
	    /* Cut off, or not of any entry. */
	    {"<desktop>\nName=A\nExec=a\n", 0},
	    {"Name=A\nExec=a\n</desktop>\n", 0},
	    {"<desktop>\nName=A\n<desktop>\nExec=a\n</desktop>\n", 0},
	    {"</desktop>\n</desktop>\n", 0},
	    {"bash: noise\n" ENTRY("Name=A\nExec=a\n") "Name=B\nExec=b\n", 1},
	    /* The first of a key counts. */
	    {ENTRY("Name=A\nExec=a\nExec=;\nName=\n"), 1},
	    {ENTRY("Name=A\nExec=;\nExec=a\n"), 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (parse(rows[i].output, true) != rows[i].count)
			fail_msg("not %zu: %s", rows[i].count, rows[i].output);
}

static void test_order_and_duplicates(void **state)
{
	(void)state;
	assert_int_equal(
	    parse(ENTRY("Name=b\nExec=2\n") ENTRY("Name=A\nExec=3\n") ENTRY("Name=b\nExec=1\n")
		      ENTRY("Name=c\nExec=3\n") ENTRY("Name=b\nExec=2 %u\n"),
		true),
	    3);
	assert_string_equal(applications[0].title, "A");
	assert_string_equal(applications[1].command, "1");
	assert_string_equal(applications[2].command, "2");
}

static void test_more_than_fit(void **state)
{
	char *output = malloc(100 * 1000), *end = output;

	(void)state;
	assert_non_null(output);
	for (int i = 0; i < 1000; i++)
		end += sprintf(end, "<desktop>\nName=A%03d\nExec=a%d\n</desktop>\n", i, i);
	assert_int_equal(parse(output, true), X2GO_APPLICATIONS_MAX);
	assert_string_equal(applications[X2GO_APPLICATIONS_MAX - 1].command, "a255");
	free(output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_output_of_a_server),
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_longest_command),
	    cmocka_unit_test(test_titles),
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_order_and_duplicates),
	    cmocka_unit_test(test_more_than_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
