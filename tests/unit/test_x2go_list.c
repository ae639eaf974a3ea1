/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * What X2Go's commands print: lines as real servers printed them, and lines that no server
 * should get away with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "brokerd/session/x2go_list.h"

#define SUSPENDED                                                                                  \
	"154397|demo-52-1795222317_stKICEWM_dp24|52|x2gohost|S|2026-11-21T00:51:58|"               \
	"a2de4ec0de02d68d4a0d1e21321b947e|127.0.0.1|31901|31902|2026-11-21T00:52:04|demo|6|31903|" \
	"-1|-1\n"
#define RUNNING                                                                                    \
	"154759|demo-51-1795222321_stKXTERM_dp24|51|x2gohost|R|2026-11-21T00:52:01|"               \
	"e7c36c18b4963274bb337337cf428506|127.0.0.1|53138|53139|2026-11-21T00:52:02|demo|3|53140|" \
	"-1|-1\n"
#define STARTING                                                                                   \
	"|demo-51-1795219415_stKICEWM_dp24|51|x2gohost|R|2026-11-21T00:03:35|||||"                 \
	"2026-11-21T00:03:35|demo|0|||\n"

static struct x2go_text text_of(const char *text)
{
	return (struct x2go_text){text, strlen(text)};
}

/* --- lists -------------------------------------------------------------------------------- */

static void test_list_reads_rows(void **state)
{
	struct x2go_text text = text_of(SUSPENDED RUNNING STARTING);
	struct x2go_row rows[X2GO_ROWS_MAX];
	size_t count;

	(void)state;
	assert_true(x2go_list_parse(&text, rows, &count));
	assert_int_equal(count, 3);
	assert_string_equal(rows[0].session.id, "demo-52-1795222317_stKICEWM_dp24");
	assert_string_equal(rows[0].session.desktop, "ICEWM");
	assert_int_equal(rows[0].session.kind, SESSION_KIND_DESKTOP);
	assert_int_equal(rows[0].session.status, SESSION_STATUS_SUSPENDED);
	assert_int_equal(rows[0].session.display, 52);
	assert_string_equal(rows[0].session.server, "x2gohost");
	assert_string_equal(rows[0].session.created, "2026-11-21T00:51:58");
	assert_int_equal(rows[0].session.age_s, 6);
	assert_int_equal(rows[0].pid, 154397);
	assert_string_equal(rows[0].cookie, "a2de4ec0de02d68d4a0d1e21321b947e");
	assert_int_equal(rows[0].graphics_port, 31901);
	assert_int_equal(rows[1].session.status, SESSION_STATUS_RUNNING);
	assert_int_equal(rows[2].session.status, SESSION_STATUS_STARTING);
	assert_int_equal(rows[2].pid, 0);
	assert_int_equal(rows[2].graphics_port, 0);
	assert_ptr_equal(x2go_list_find(rows, count, "demo-51-1795222321_stKXTERM_dp24"), &rows[1]);
	assert_null(x2go_list_find(rows, count, "demo-51-1795222321_stKXTERM_dp2"));
}

static void test_list_may_be_empty(void **state)
{
	struct x2go_text empty = text_of(""), blank = text_of("\n\n");
	struct x2go_row rows[X2GO_ROWS_MAX];
	size_t count = 7;

	(void)state;
	assert_true(x2go_list_parse(&empty, rows, &count));
	assert_int_equal(count, 0);
	count = 7;
	assert_true(x2go_list_parse(&blank, rows, &count));
	assert_int_equal(count, 0);
}

static void test_list_is_cut_at_its_bound(void **state)
{
	static char many[(X2GO_ROWS_MAX + 5) * sizeof(RUNNING)];
	struct x2go_row rows[X2GO_ROWS_MAX];
	struct x2go_text text;
	size_t count;

	(void)state;
	many[0] = 0;
	for (size_t i = 0; i < X2GO_ROWS_MAX + 5; i++)
		strcat(many, RUNNING);
	text = text_of(many);
	assert_true(x2go_list_parse(&text, rows, &count));
	assert_int_equal(count, X2GO_ROWS_MAX);
}

/* Each is a valid line but for one thing. */
static void test_list_refuses_what_is_no_row(void **state)
{
	static const char *const bad[] = {
	    /* what a server with a broken database printed */
	    "DBD::SQLite::dbpreparefailed:nosuchtable:sessionsat/usr/share/perl5/X2Go/Server/DB/"
	    "SQLite3.pmline567.\n",
	    "DBIconnect('dbname=/var/lib/x2go/x2go_sessions','',...)failed:"
	    "unabletoopendatabasefileat/usr/share/perl5/X2Go/Server/DB/SQLite3.pmline33.\n",
	    /* a field less, a field more */
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|5|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|5|-1|-1|\n",
	    /* status */
	    "1|demo-52-1795222317_stKX_dp24|52|h|F|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h||d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|5|-1|-1\n",
	    /* display: of another session, no number */
	    "1|demo-52-1795222317_stKX_dp24|51|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|x|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|5|-1|-1\n",
	    /* pid, cookie, ports: empty, too much, wrong letters */
	    "|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|"
	    "5|-1|-1\n",
	    "0|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|demo|"
	    "6|5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d||i|3|4|d|demo|6|5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|A2DE4EC0DE02D68D4A0D1E21321B947E|i|3|4|d|demo|"
	    "6|5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947|i|3|4|d|demo|"
	    "6|"
	    "5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|0|4|d|demo|"
	    "6|5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|70000|4|d|"
	    "demo|6|5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3||d|demo|"
	    "6|"
	    "5|-1|-1\n",
	    /* somebody else's */
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|dem|"
	    "6|"
	    "5|-1|-1\n",
	    "1|demo-52-1795222317_stKX_dp24|52|h|S|d|a2de4ec0de02d68d4a0d1e21321b947e|i|3|4|d|"
	    "demos|"
	    "6|5|-1|-1\n",
	};
	struct x2go_row rows[X2GO_ROWS_MAX];
	char beside[2048];
	struct x2go_text text;
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		text = text_of(bad[i]);
		if (x2go_list_parse(&text, rows, &count))
			fail_msg("accepted: %s", bad[i]);
		/* One bad line spoils the list: nothing of it can be believed. */
		snprintf(beside, sizeof(beside), "%s%s", RUNNING, bad[i]);
		text = text_of(beside);
		if (x2go_list_parse(&text, rows, &count))
			fail_msg("accepted beside a good one: %s", bad[i]);
	}
}

/* --- ids ---------------------------------------------------------------------------------- */

static void test_id_parts(void **state)
{
	static const struct {
		const char *id;
		size_t user_length;
		uint32_t display;
		enum session_kind kind;
		const char *command;
	} good[] = {
	    {"demo-50-1795219328_stKICEWM_dp24", 4, 50, SESSION_KIND_DESKTOP, "ICEWM"},
	    {"demo-1234-179521932_stAxterm_dp8", 4, 1234, SESSION_KIND_APPLICATION, "xterm"},
	    {"demo-50-1795219328_stDKDE_dp24", 4, 50, SESSION_KIND_NX, "KDE"},
	    {"demo-50-1795219328_stRPUBLISHED_dp32", 4, 50, SESSION_KIND_NX, "PUBLISHED"},
	    {"demo-50-1795219328_stS0XSHADbobXSHADPP51_dp24", 4, 50, SESSION_KIND_OTHER,
		"0XSHADbobXSHADPP51"},
	    {"at@example.org-51-1795219328_stKa_dp24", 14, 51, SESSION_KIND_DESKTOP, "a"},
	    {"dash-50-user-52-1795219328_stKICEWM_dp24", 12, 52, SESSION_KIND_DESKTOP, "ICEWM"},
	    {"x-50-1795219328_stKA_dp24-53-1795219329_stKB_dp24", 25, 53, SESSION_KIND_DESKTOP,
		"B"},
	    {"demo-50-1795219328_stK_dp24", 4, 50, SESSION_KIND_DESKTOP, ""},
	    {"demo-50-1795219328_stKa.b-c_d_dp24", 4, 50, SESSION_KIND_DESKTOP, "a.b-c_d"},
	    {"demo-50-1795219328_stDXDMCP_dp24_host.example.org", 4, 50, SESSION_KIND_NX, "XDMCP"},
	};
	struct x2go_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!x2go_id_parse(good[i].id, strlen(good[i].id), &id))
			fail_msg("refused: %s", good[i].id);
		assert_int_equal(id.user_length, good[i].user_length);
		assert_int_equal(id.display, good[i].display);
		assert_int_equal(id.kind, good[i].kind);
		assert_string_equal(id.command, good[i].command);
	}
	assert_true(x2go_id_parse("demo-50-1795219328_stKICEWM_dp24", 32, &id));
	assert_int_equal(id.created_s, 1795219328);
}

static void test_id_refuses(void **state)
{
	static const char *const bad[] = {"", "demo", "-50-1795219328_stKICEWM_dp24",
	    "--50-1795219328_stKICEWM_dp24", "@a-50-1795219328_stKICEWM_dp24",
	    "demo-5-1795219328_stKICEWM_dp24", "demo-50000-1795219328_stKICEWM_dp24",
	    "demo-50-17952193_stKICEWM_dp24", "demo-50-1795219328123_stKICEWM_dp24",
	    "demo-50-1795219328_stBICEWM_dp24", "demo-50-1795219328_stkICEWM_dp24",
	    "demo-50-1795219328_stKICEWM", "demo-50-1795219328_stKICEWM_dp",
	    "demo-50-1795219328_stKICEWM_dp1234", "demo-50-1795219328_stKICEWM_dp24x",
	    "demo-50-1795219328_stKICE@M_dp24", "demo-50-1795219328_stKICE WM_dp24",
	    "demo-50-1795219328_stKICE/../x_dp24", "de'mo-50-1795219328_stKICEWM_dp24",
	    "de;mo-50-1795219328_stKICEWM_dp24", "de$mo-50-1795219328_stKICEWM_dp24",
	    "demo\n-50-1795219328_stKICEWM_dp24"};
	char id[300];
	struct x2go_id parsed;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (x2go_id_parse(bad[i], strlen(bad[i]), &parsed))
			fail_msg("accepted: %s", bad[i]);
	memset(id, 'a', sizeof(id));
	strcpy(id + 223, "-50-1795219328_stKICEWM_dp24");
	assert_true(x2go_id_parse(id, 251, &parsed));
	strcpy(id + 228, "-50-1795219328_stKICEWM_dp24");
	assert_false(x2go_id_parse(id, 256, &parsed));
}

/* Any byte that is not in the pattern spoils an id, wherever it stands. */
static void test_id_refuses_each_foreign_byte(void **state)
{
	static const char good[] = "demo-50-1795219328_stKICEWM_dp24";
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@";
	struct x2go_id parsed;

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char id[sizeof(good)];

		memcpy(id, good, sizeof(good));
		id[1] = (char)byte;
		assert_int_equal(x2go_id_parse(id, sizeof(good) - 1, &parsed),
		    byte != 0 && strchr(allowed, byte) != NULL);
	}
}

/* --- start and resume --------------------------------------------------------------------- */

#define STARTED                                                                                    \
	"50\n240ac61d233c4c8725890b72ab3c9855\n807\ndemo-50-1795219328_stKICEWM_"                  \
	"dp24\n31331\n31332\n"

static void test_started(void **state)
{
	struct x2go_text text = text_of(STARTED "31333\n");
	struct x2go_started started;

	(void)state;
	assert_true(x2go_started_parse(&text, &started));
	assert_int_equal(started.display, 50);
	assert_int_equal(started.pid, 807);
	assert_string_equal(started.cookie, "240ac61d233c4c8725890b72ab3c9855");
	assert_string_equal(started.id, "demo-50-1795219328_stKICEWM_dp24");
	assert_int_equal(started.graphics_port, 31331);
	assert_int_equal(started.sound_port, 31332);
	/* Telekinesis adds two. */
	text = text_of(STARTED "31333\n31334\n31335\n");
	assert_true(x2go_started_parse(&text, &started));
}

/* Only what is an id is one: it goes into the next command. */
static void test_failed_id(void **state)
{
	static const struct {
		const char *errors, *id;
	} cases[] = {
	    {"noise\nFailed to start X2Go Agent session with ID a.b-50-1795219328_stDICEWM_dp24. "
	     "X2Go "
	     "Agent terminated unexpectedly.\n",
		"a.b-50-1795219328_stDICEWM_dp24"},
	    {"Failed to start X2Go Agent session with ID demo-50-1795219328_stDICEWM_dp24", NULL},
	    {"Failed to start X2Go Agent session with ID ../x-50-1795219328_stDICEWM_dp24. X2Go "
	     "Agent",
		NULL},
	    {"Failed to start X2Go Agent session with ID . X2Go Agent", NULL},
	    {"Failed to start X2Go Agent session with ID ", NULL},
	    {"", NULL},
	};
	char id[X2GO_ID_BYTES + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct x2go_text errors = {cases[i].errors, strlen(cases[i].errors)};

		assert_int_equal(x2go_failed_id_parse(&errors, id), cases[i].id != NULL);
		if (cases[i].id != NULL)
			assert_string_equal(id, cases[i].id);
	}
}

static void test_started_refuses(void **state)
{
	static const char *const bad[] = {"", "\n\n\n\n\n\n\n", STARTED, STARTED "\n",
	    STARTED "x\n", STARTED "65536\n",
	    "51\n240ac61d233c4c8725890b72ab3c9855\n807\ndemo-50-1795219328_stKICEWM_"
	    "dp24\n1\n2\n3\n",
	    "50\n240ac61d233c4c8725890b72ab3c985\n807\ndemo-50-1795219328_stKICEWM_dp24\n1\n2\n3\n",
	    "50\n240ac61d233c4c8725890b72ab3c9855\n0\ndemo-50-1795219328_stKICEWM_dp24\n1\n2\n3\n",
	    "50\n240ac61d233c4c8725890b72ab3c9855\n807\ndemo-50-1795219328_stDICEWM_"
	    "dp24\n1\n2\n3\n",
	    "50\n240ac61d233c4c8725890b72ab3c9855\n807\nde mo\n1\n2\n3\n",
	    "noise50\n240ac61d233c4c8725890b72ab3c9855\n807\ndemo-50-1795219328_stKICEWM_"
	    "dp24\n1\n2\n"
	    "3\n",
	    "50\n240ac61d233c4c8725890b72ab3c9855\n807\ndemo-50-1795219328_stKICEWM_dp24\n-"
	    "1\n2\n3\n"};
	struct x2go_started started;
	struct x2go_text text;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		text = text_of(bad[i]);
		if (x2go_started_parse(&text, &started))
			fail_msg("accepted: %s", bad[i]);
	}
}

static void test_resumed(void **state)
{
	static const struct {
		const char *text;
		uint16_t port; /* 0: refused */
	} cases[] = {
	    {"gr_port=43067\nsound_port=43068\nfs_port=43069\n", 43067},
	    {"Error loading new keyboard description\nmore words\ngr_port=43067\n", 43067},
	    {"sound_port=43068\ngr_port=1", 1},
	    {"", 0},
	    {"sound_port=43068\n", 0},
	    {"gr_port=\n", 0},
	    {"gr_port=0\n", 0},
	    {"gr_port=65536\n", 0},
	    {"gr_port=12x\n", 0},
	    {" gr_port=12\n", 0},
	};
	struct x2go_text text;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = text_of(cases[i].text);
		port = 0;
		assert_int_equal(x2go_resumed_parse(&text, &port), cases[i].port != 0);
		assert_int_equal(port, cases[i].port);
	}
}

static void test_state_words(void **state)
{
	static const struct {
		const char *text;
		enum x2go_state state;
	} cases[] = {
	    {"STARTING", X2GO_STATE_STARTING},
	    {"RUNNING", X2GO_STATE_RUNNING},
	    {"SUSPENDING", X2GO_STATE_SUSPENDING},
	    {"SUSPENDED", X2GO_STATE_SUSPENDED},
	    {"RESUMING\n", X2GO_STATE_RESUMING},
	    {"TERMINATING", X2GO_STATE_TERMINATING},
	    {"TERMINATED\n\n", X2GO_STATE_TERMINATED},
	    {"", X2GO_STATE_UNKNOWN},
	    {"RUN", X2GO_STATE_UNKNOWN},
	    {"RUNNINGS", X2GO_STATE_UNKNOWN},
	    {"running", X2GO_STATE_UNKNOWN},
	    {"UNKNOWN", X2GO_STATE_UNKNOWN},
	};
	struct x2go_text text;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = text_of(cases[i].text);
		assert_int_equal(x2go_state_parse(&text), cases[i].state);
	}
}

static void test_program_missing(void **state)
{
	struct x2go_text missing = text_of("X2GORUNCOMMAND ERR NOEXEC:/usr/bin/startkde\n"),
			 fine = text_of("exec ICEWM\nLoading profile from /etc/profile\n"),
			 foul = text_of("exec x\nX2GORUNCOMMAND ERR NOEXEC:a\033[2Jb\n");
	char program[64] = "";

	(void)state;
	assert_true(x2go_program_missing(&missing, program, sizeof(program)));
	assert_string_equal(program, "/usr/bin/startkde");
	assert_false(x2go_program_missing(&fine, program, sizeof(program)));
	assert_true(x2go_program_missing(&foul, program, sizeof(program)));
	assert_string_equal(program, "a?[2Jb");
}

/* --- sections ----------------------------------------------------------------------------- */

static void assert_section(
    const char *output, const char *nonce, const char *name, const char *expected)
{
	struct x2go_text section = {0};
	bool found = x2go_section_find(output, nonce, name, &section);

	assert_int_equal(found, expected != NULL);
	if (expected != NULL) {
		assert_int_equal(section.length, strlen(expected));
		assert_memory_equal(section.start, expected, section.length);
	}
}

static void test_sections(void **state)
{
	static const char output[] =
	    "Welcome\nno newline at end of noise\nX2GOWEB-ab12\none\ntwo\n\n"
	    "X2GOWEB-ab12-LIST\nthree\n\nX2GOWEB-ab12-END\n";

	(void)state;
	assert_section(output, "ab12", NULL, "one\ntwo\n\n");
	assert_section(output, "ab12", "LIST", "three\n\n");
	assert_section(output, "ab12", "END", "");
	assert_section(output, "ab12", "NONE", NULL);
	assert_section(output, "ab13", NULL, NULL);
	assert_section(output, "ab1", NULL, NULL);
	assert_section("", "ab12", NULL, NULL);
	/* Glued to noise it is no marker; commands print an empty line before. */
	assert_section("noiseX2GOWEB-ab12\none\n", "ab12", NULL, NULL);
	assert_section("X2GOWEB-ab12", "ab12", NULL, "");
	assert_section("X2GOWEB-ab12\nno end", "ab12", NULL, "no end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list_reads_rows),
	    cmocka_unit_test(test_failed_id),
	    cmocka_unit_test(test_list_may_be_empty),
	    cmocka_unit_test(test_list_is_cut_at_its_bound),
	    cmocka_unit_test(test_list_refuses_what_is_no_row),
	    cmocka_unit_test(test_id_parts),
	    cmocka_unit_test(test_id_refuses),
	    cmocka_unit_test(test_id_refuses_each_foreign_byte),
	    cmocka_unit_test(test_started),
	    cmocka_unit_test(test_started_refuses),
	    cmocka_unit_test(test_resumed),
	    cmocka_unit_test(test_state_words),
	    cmocka_unit_test(test_program_missing),
	    cmocka_unit_test(test_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
