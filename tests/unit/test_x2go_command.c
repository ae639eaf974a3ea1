/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Command lines for an X2Go server: their exact spelling, and that nothing foreign gets in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "brokerd/session/x2go_command.h"
#include "brokerd/session/x2go_desktops.h"

#define ID    "demo-50-1795219328_stKICEWM_dp24"
#define BEGIN "exec sh -c 'echo; echo X2GOWEB-0123456789abcdef; "

#define LIST "x2golistsessions 2>/dev/null || echo x2golistsessions failed; "
#define OURS "grep -qF " ID " /proc/807/cmdline 2>/dev/null"
#define REAPER                                                                                     \
	"( " OURS " && sleep 30 && " OURS " && kill -KILL 807 ) </dev/null >/dev/null 2>&1 & "

static struct x2go_command command;
static const struct x2go_screen screen = {.width = 1024, .height = 768, .quality = QUALITY_DEFAULT};
static const struct x2go_screen swiss = {
    .width = 1024, .height = 768, .layout = "ch(fr)", .quality = QUALITY_DEFAULT};
static struct x2go_started started = {
    .display = 50, .pid = 807, .id = ID, .graphics_port = 31331, .sound_port = 31332};

static int set_nonce(void **state)
{
	(void)state;
	strcpy(command.nonce, "0123456789abcdef");
	return 0;
}

static void test_spelling(void **state)
{
	struct x2go_screen dense = {.width = 8192,
	    .height = 64,
	    .dpi = 144,
	    .layout = "de",
	    .model = "jp106",
	    .quality = 3,
	    .clipboard = CLIPBOARD_NONE};

	(void)state;
	assert_true(x2go_command_list(&command));
	assert_string_equal(command.text, BEGIN LIST "exit 0'");

	assert_true(x2go_command_start(&command, &screen, "ICEWM"));
	assert_string_equal(command.text,
	    BEGIN "exec x2gostartagent 1024x768 lan 16m-jpeg-9 unix-kde-depth_24 us pc105/us 1 K "
		  "ICEWM both'");
	assert_true(x2go_command_start(&command, &dense, "/usr/bin/xterm -e top"));
	assert_string_equal(command.text,
	    BEGIN "exec env X2GODPI=144 x2gostartagent 8192x64 lan 16m-jpeg-3 unix-kde-depth_24 de "
		  "jp106/de 1 K xterm none'");

	assert_true(x2go_command_run(&command, &started, &screen, "ICEWM"));
	assert_string_equal(command.text, BEGIN "cd; setsid x2goruncommand 50 807 " ID
						" 31332 ICEWM nosnd D </dev/null >/dev/null "
						"2>&1 & rm -f .x2go/C-" ID "/sshd.pid; exit 0'");
	assert_true(x2go_command_run(&command, &started, &screen, "xterm -e top"));
	assert_non_null(strstr(command.text, " xtermX2GO_SPACE_CHAR-eX2GO_SPACE_CHARtop nosnd D "));

	assert_true(x2go_command_resume(&command, &screen, ID));
	assert_string_equal(command.text,
	    BEGIN "exec x2goresume-session " ID " 1024x768 lan 16m-jpeg-9 us auto 0 both'");
	assert_true(x2go_command_resume(&command, &dense, ID));
	assert_string_equal(command.text,
	    BEGIN "exec x2goresume-session " ID " 8192x64 lan 16m-jpeg-3 us auto 0 none'");
	assert_true(x2go_command_stop_resume(&command, ID));
	assert_string_equal(command.text, BEGIN "exec pkill -KILL -f x2goresume-sessio[n]." ID "'");
	assert_true(x2go_command_adapt(&command, 50, &dense));
	assert_string_equal(command.text,
	    BEGIN "command -v xrdb >/dev/null 2>&1 && echo Xft.dpi: 144 | DISPLAY=:50 xrdb -nocpp "
		  "-merge; DISPLAY=:50 setxkbmap -model jp106 -layout de || exit 1; exit 0'");
	assert_true(x2go_command_suspend(&command, ID));
	assert_string_equal(command.text, BEGIN "exec x2gosuspend-session " ID "'");
	assert_true(x2go_command_terminate(&command, ID));
	assert_string_equal(command.text, BEGIN "exec x2goterminate-session " ID "'");

	assert_true(x2go_command_state(&command, ID));
	assert_string_equal(
	    command.text, BEGIN "cd; cat .x2go/C-" ID "/state 2>/dev/null; exit 0'");
	assert_true(x2go_command_examine(&command, ID, 807, 31331));
	assert_string_equal(command.text,
	    BEGIN "echo; echo X2GOWEB-0123456789abcdef-AGENT; " OURS " && echo agent; "
		  "echo; echo X2GOWEB-0123456789abcdef-PORT; "
		  "ss -Htan sport = :31331 2>/dev/null || "
		  "/usr/sbin/ss -Htan sport = :31331 2>/dev/null; "
		  "echo; echo X2GOWEB-0123456789abcdef-PROGRAM; "
		  "cd; test -e .x2go/C-" ID "/cmdoutput && echo program; exit 0'");
	assert_true(x2go_command_clean(&command, ID, "demo", 0));
	assert_string_equal(
	    command.text, BEGIN "cd; rm -rf .x2go/C-" ID " /tmp/.x2go-demo/C-" ID "; exit 0'");
	/* A name that cannot be sent: the link at least. */
	assert_true(x2go_command_clean(&command, ID, "DOM\\user", 807));
	assert_string_equal(command.text, BEGIN REAPER "cd; rm -rf .x2go/C-" ID "; exit 0'");
	assert_true(x2go_command_kill(&command, ID, 807));
	assert_string_equal(command.text, BEGIN OURS " || exit 0; kill 807; " REAPER "exit 0'");
}

static void test_applications_spelling(void **state)
{
	(void)state;
	assert_true(x2go_command_applications(&command));
	assert_string_equal(command.text,
	    BEGIN "command -v x2gogetapps >/dev/null 2>&1 || exit 0; x2gogetapps 2>/dev/null | "
		  "LC_ALL=C grep -a -e desktop -e Name= -e Name.= -e Exec= -e Exec.= -e Terminal "
		  "-e Categories | head -c 262144; echo; echo X2GOWEB-0123456789abcdef-TERMINAL; "
		  "command -v xterm; exit 0'");
}

static void test_probe_spelling(void **state)
{
	const struct record_choice desktops[] = {
	    {.id = "KDE"}, {.id = "xterm"}, {.id = "bad;one"}, {.id = "ICEWM"}};

	(void)state;
	assert_true(x2go_command_probe(&command, desktops, 4));
	assert_string_equal(command.text,
	    BEGIN "command -v x2golistsessions >/dev/null 2>&1 || exit 127; echo >&2; "
		  "x2gofeaturelist >&2 & " LIST "wait; "
		  "echo; echo X2GOWEB-0123456789abcdef-HOST; uname -n; date +%z; "
		  "echo; echo X2GOWEB-0123456789abcdef-DESKTOPS; "
		  "test -x /usr/bin/startplasma-x11 >/dev/null 2>&1 && echo 0; "
		  "test -x /usr/bin/startkde >/dev/null 2>&1 && echo 0; "
		  "command -v xterm >/dev/null 2>&1 && echo 1; "
		  "test -x /usr/bin/icewm-session >/dev/null 2>&1 && echo 3; exit 0'");
}

/* All desktops that can be offered, at their longest. */
static void test_probe_of_many_desktops_fits(void **state)
{
	static struct record_choice desktops[32];

	(void)state;
	for (size_t i = 0; i < 32; i++)
		strcpy(desktops[i].id, "WWWBROWSER");
	assert_true(x2go_command_probe(&command, desktops, 32));
	for (size_t i = 0; i < 32; i++)
		memset(desktops[i].id, 'a', 64);
	assert_true(x2go_command_probe(&command, desktops, 32));
}

/* What is between the quotes must mean nothing to six shells. */
static void test_only_harmless_characters_between_the_quotes(void **state)
{
	static const char operators[] = " ;&|<>()[]";
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/=+:,@%-";
	const struct record_choice desktops[] = {{.id = "KDE"}, {.id = "xterm"}};
	bool (*const writers[])(struct x2go_command *, const char *) = {x2go_command_suspend,
	    x2go_command_terminate, x2go_command_state, x2go_command_stop_resume,
	    x2go_command_forget_sshd};
	const struct x2go_screen all = {
	    .width = 1024, .height = 768, .dpi = 480, .layout = "ch(fr)", .model = "jp106"};

	(void)state;
	for (size_t i = 0; i < 10 + sizeof(writers) / sizeof(writers[0]); i++) {
		const char *inner;
		size_t length;

		if (i == 0)
			assert_true(x2go_command_probe(&command, desktops, 2));
		else if (i == 1)
			assert_true(x2go_command_start(&command, &screen, "xterm -e top"));
		else if (i == 2)
			assert_true(x2go_command_run(&command, &started, &swiss, "xterm -e top"));
		else if (i == 3)
			assert_true(x2go_command_inquire(&command, ID, 807));
		else if (i == 4)
			assert_true(x2go_command_kill(&command, ID, 807));
		else if (i == 5)
			assert_true(x2go_command_layout(&command, 50, "ch(fr)"));
		else if (i == 6)
			assert_true(x2go_command_adapt(&command, 50, &all));
		else if (i == 7)
			assert_true(x2go_command_inspect(&command, ID, true));
		else if (i == 8)
			assert_true(x2go_command_examine(&command, ID, 807, 31331));
		else if (i == 9)
			assert_true(x2go_command_clean(&command, ID, "demo", 807));
		else
			assert_true(writers[i - 10](&command, ID));
		length = strlen(command.text);
		assert_memory_equal(command.text, "exec sh -c '", 12);
		assert_int_equal(command.text[length - 1], '\'');
		for (inner = command.text + 12; inner < command.text + length - 1; inner++)
			if (strchr(plain, *inner) == NULL && strchr(operators, *inner) == NULL)
				fail_msg("0x%02x in: %s", (unsigned char)*inner, command.text);
	}
}

/* Every byte is tried at the start, in the middle and at the end of a program. */
static void test_program_refuses_each_foreign_byte(void **state)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/=+:,@%- ";

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		bool good = strchr(allowed, byte) != NULL;
		char program[] = "xterm";

		program[2] = (char)byte;
		assert_int_equal(x2go_program_is_valid(program), good);
		assert_int_equal(x2go_command_start(&command, &screen, program), good);
		assert_int_equal(x2go_command_run(&command, &started, &screen, program), good);
		strcpy(program, "xterm");
		program[4] = (char)byte;
		assert_int_equal(x2go_command_run(&command, &started, &screen, program), good);
		strcpy(program, "xterm");
		program[0] = (char)byte;
		assert_int_equal(x2go_command_run(&command, &started, &screen, program),
		    good && strchr("-=~ ", byte) == NULL);
	}
	assert_false(x2go_program_is_valid(""));
	assert_false(x2go_command_run(&command, &started, &screen, ""));
}

static void test_layout_spelling(void **state)
{
	(void)state;
	assert_true(x2go_command_layout(&command, 50, "de"));
	assert_string_equal(
	    command.text, BEGIN "DISPLAY=:50 setxkbmap -model pc105 -layout de || exit 1; exit 0'");
	assert_true(x2go_command_layout(&command, 50, "ch(fr)"));
	assert_string_equal(command.text,
	    BEGIN "DISPLAY=:50 setxkbmap -model pc105 -layout ch -variant fr || exit 1; exit 0'");
	/* The desktop begins with the layout in force. */
	assert_true(x2go_command_start(&command, &swiss, "ICEWM"));
	assert_non_null(strstr(command.text, " ch pc105/ch 1 K ICEWM both'"));
	assert_true(x2go_command_run(&command, &started, &swiss, "ICEWM"));
	assert_non_null(strstr(command.text,
	    "; cd; DISPLAY=:50 setxkbmap -model pc105 -layout ch -variant fr; setsid "
	    "x2goruncommand 50 807 "));
}

/* A layout reaches the agent's command line unquoted. */
static void test_layout_refuses_each_foreign_byte(void **state)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	struct x2go_screen other = screen;

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		bool good = strchr(allowed, byte) != NULL;

		strcpy(other.layout, "de");
		other.layout[1] = (char)byte;
		assert_int_equal(x2go_command_start(&command, &other, "ICEWM"), good);
		assert_int_equal(x2go_command_run(&command, &started, &other, "ICEWM"), good);
		assert_int_equal(x2go_command_layout(&command, 50, other.layout), good);
		strcpy(other.layout, "de");
		other.layout[0] = (char)byte;
		assert_int_equal(
		    x2go_command_start(&command, &other, "ICEWM"), good && byte != '-');
	}
}

/* So does a model. */
static void test_model_refuses_each_foreign_byte(void **state)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
	struct x2go_screen other = swiss;

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		bool good = strchr(allowed, byte) != NULL;

		strcpy(other.model, "pc105");
		other.model[2] = (char)byte;
		assert_int_equal(x2go_command_start(&command, &other, "ICEWM"), good);
		assert_int_equal(x2go_command_run(&command, &started, &other, "ICEWM"), good);
		assert_int_equal(x2go_command_adapt(&command, 50, &other), good);
		strcpy(other.model, "pc105");
		other.model[0] = (char)byte;
		assert_int_equal(
		    x2go_command_start(&command, &other, "ICEWM"), good && byte != '-');
	}
}

static void test_options_out_of_bounds(void **state)
{
	static const char *const words[] = {" both'", " none'", " client'", " server'"};
	struct x2go_screen other = screen;

	(void)state;
	for (uint8_t i = 0; i < CLIPBOARD_COUNT; i++) {
		other.clipboard = i;
		assert_true(x2go_command_start(&command, &other, "ICEWM"));
		assert_string_equal(
		    command.text + strlen(command.text) - strlen(words[i]), words[i]);
	}
	other.clipboard = CLIPBOARD_COUNT;
	assert_false(x2go_command_start(&command, &other, "ICEWM"));
	assert_false(x2go_command_resume(&command, &other, ID));
	other.clipboard = CLIPBOARD_BOTH;
	other.quality = UINT8_MAX;
	assert_true(x2go_command_start(&command, &other, "ICEWM"));
	assert_non_null(strstr(command.text, " 16m-jpeg-9 "));
}

static void test_geometry_bounds(void **state)
{
	static const struct {
		uint16_t width, height;
		bool good;
	} cases[] = {{64, 64, true}, {8192, 8192, true}, {63, 64, false}, {64, 63, false},
	    {8193, 64, false}, {64, 8193, false}, {0, 0, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct x2go_screen other = {.width = cases[i].width, .height = cases[i].height};

		assert_int_equal(x2go_command_start(&command, &other, "ICEWM"), cases[i].good);
	}
}

static void test_ids_are_checked(void **state)
{
	static const char *const bad[] = {"", "-50-1795219328_stKICEWM_dp24", "demo",
	    "demo-50-1795219328_stKICEWM_dp24/../..", "demo-50-1795219328_stKICEWM_dp24 x",
	    "demo-50-1795219328_stKICEWM_dp24;x", "..", "demo-50-1795219328_stK'_dp24"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(x2go_command_resume(&command, &screen, bad[i]));
		assert_false(x2go_command_suspend(&command, bad[i]));
		assert_false(x2go_command_terminate(&command, bad[i]));
		assert_false(x2go_command_state(&command, bad[i]));
		assert_false(x2go_command_inquire(&command, bad[i], 1));
		assert_false(x2go_command_inspect(&command, bad[i], true));
		assert_false(x2go_command_examine(&command, bad[i], 1, 1));
		assert_false(x2go_command_stop_resume(&command, bad[i]));
		assert_false(x2go_command_forget_sshd(&command, bad[i]));
		assert_false(x2go_command_clean(&command, bad[i], "demo", 1));
		assert_false(x2go_command_kill(&command, bad[i], 1));
	}
	/* A refusal does not stick to the next line. */
	assert_true(x2go_command_suspend(&command, ID));
}

static void test_session_names(void **state)
{
	static const struct {
		const char *program, *name;
	} cases[] = {
	    {"ICEWM", "ICEWM"},
	    {"/usr/bin/xterm -e top", "xterm"},
	    {"./a_b:c@d=e,f", "abcdef"},
	    {"-x", "x"},
	    {"/usr/bin/", "program"},
	    {"___", "program"},
	    {"aXSHADb", "program"},
	    {"x+y.z-1", "xy.z-1"},
	    {"0123456789012345678901234567890123456789", "01234567890123456789012345678901"},
	};
	char name[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		x2go_session_name(cases[i].program, name, sizeof(name));
		assert_string_equal(name, cases[i].name);
	}
}

static void test_desktops(void **state)
{
	(void)state;
	assert_string_equal(x2go_desktop_find("ICEWM")->paths[0], "/usr/bin/icewm-session");
	assert_string_equal(x2go_desktop_find("IceWM")->paths[0], "/usr/bin/icewm");
	/* x2goruncommand does not know this one. */
	assert_null(x2go_desktop_find("LXQT"));
	assert_null(x2go_desktop_find("xterm"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_spelling),
	    cmocka_unit_test(test_applications_spelling),
	    cmocka_unit_test(test_probe_spelling),
	    cmocka_unit_test(test_probe_of_many_desktops_fits),
	    cmocka_unit_test(test_only_harmless_characters_between_the_quotes),
	    cmocka_unit_test(test_program_refuses_each_foreign_byte),
	    cmocka_unit_test(test_layout_spelling),
	    cmocka_unit_test(test_layout_refuses_each_foreign_byte),
	    cmocka_unit_test(test_model_refuses_each_foreign_byte),
	    cmocka_unit_test(test_options_out_of_bounds),
	    cmocka_unit_test(test_geometry_bounds),
	    cmocka_unit_test(test_ids_are_checked),
	    cmocka_unit_test(test_session_names),
	    cmocka_unit_test(test_desktops),
	};

	return cmocka_run_group_tests(tests, set_nonce, NULL);
}
