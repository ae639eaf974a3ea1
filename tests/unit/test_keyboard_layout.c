/* links: proto */
/* SPDX-License-Identifier: ISC */
/*
 * What counts as a keyboard layout.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/keyboard_layout.h"

static void test_taken(void **state)
{
	static const struct {
		const char *text, *name, *variant;
	} rows[] = {
	    {"us", "us", ""},
	    {"de(nodeadkeys)", "de", "nodeadkeys"},
	    {"ch(fr)", "ch", "fr"},
	    {"us(altgr-intl)", "us", "altgr-intl"},
	    {"de(mac_nodeadkeys)", "de", "mac_nodeadkeys"},
	    {"a(0)", "a", "0"},
	    {"abcdefghijklmnopqrstuvwxyz012345", "abcdefghijklmnopqrstuvwxyz012345", ""},
	    {"abcdefghijklmnopqrstuvwxyz012(4)", "abcdefghijklmnopqrstuvwxyz012", "4"},
	};
	struct keyboard_layout layout;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&layout, 'x', sizeof(layout));
		assert_true(keyboard_layout_parse(rows[i].text, &layout));
		assert_string_equal(layout.name, rows[i].name);
		assert_string_equal(layout.variant, rows[i].variant);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {"", "(fr)", "ch()", "ch(fr", "ch(fr))", "ch(fr)x",
	    "ch((fr))", "-ch", "ch(-fr)", "us,de", "DE", "de T3", " de", "de ", "d\xc3\xa9",
	    "abcdefghijklmnopqrstuvwxyz0123456", "abcdefghijklmnopqrstuvwxyz012(45)",
	    "abcdefghijklmnopqrstuvwxyz012345(fr)", "ch(abcdefghijklmnopqrstuvwxyz0123456789)"};
	struct keyboard_layout layout;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (keyboard_layout_parse(texts[i], &layout))
			fail_msg("%s is taken", texts[i]);
}

static void test_each_byte(void **state)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	struct keyboard_layout layout;

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		char name[] = "de", variant[] = "ch(fr)";
		bool good = strchr(allowed, byte) != NULL;

		name[1] = variant[4] = (char)byte;
		assert_int_equal(keyboard_layout_parse(name, &layout), good);
		assert_int_equal(keyboard_layout_parse(variant, &layout), good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_each_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
