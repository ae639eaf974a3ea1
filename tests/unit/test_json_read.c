/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/json_read: what is taken, where it goes, and what is said about everything else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgi/json_read.h"

struct target {
	char before;
	char name[9];
	char secret[9];
	char choice[9];
	char layout[13];
	char between;
	uint16_t width, dpi;
	uint8_t quality, way;
	struct json_answers answers;
	char after;
};

#define MEMBER(member)                                                                             \
	.offset = offsetof(struct target, member), .size = sizeof(((struct target *)0)->member)

static const char *const ways[] = {"both", "none", NULL};

static const struct json_field fields[] = {
    {.name = "name", .kind = JSON_TEXT, MEMBER(name), .min = 2, .max = 8},
    {.name = "secret", .kind = JSON_SECRET, .optional = true, MEMBER(secret), .max = 8},
    {.name = "desktop", .kind = JSON_TEXT, MEMBER(choice), .min = 1, .max = 8, .group = 1},
    {.name = "command", .kind = JSON_TEXT, MEMBER(choice), .min = 1, .max = 8, .group = 1},
    {.name = "layout", .kind = JSON_LAYOUT, .optional = true, MEMBER(layout), .max = 12},
    {.name = "width", .kind = JSON_UINT16, MEMBER(width), .min = 64, .max = 8192},
    {.name = "dpi", .kind = JSON_UINT16, .optional = true, MEMBER(dpi), .min = 1, .max = 65535},
    {.name = "quality",
	.kind = JSON_UINT8,
	.optional = true,
	MEMBER(quality),
	.max = 9,
	.preset = 10},
    {.name = "way", .kind = JSON_WORD, .optional = true, MEMBER(way), .words = ways},
    {.name = "answers", .kind = JSON_ANSWERS, .optional = true, MEMBER(answers), .max = 6},
    {.name = NULL},
};

static struct target target;
static char detail[JSON_DETAIL_BYTES];

static bool read_text(const char *text, size_t length)
{
	/* On the heap, so that the sanitizer sees a read past the end. */
	char *copy = malloc(length + 1);
	bool result;

	assert_non_null(copy);
	memcpy(copy, text, length);
	copy = realloc(copy, length != 0 ? length : 1);
	memset(&target, 0, sizeof(target));
	target.before = target.between = target.after = 'x';
	result = json_read(copy, length, fields, &target, detail);
	free(copy);
	assert_true(target.before == 'x' && target.between == 'x' && target.after == 'x');
	assert_int_equal(result, detail[0] == 0);
	return result;
}

static void test_taken(void **state)
{
	static const char all[] = " {\"dpi\":96,\"width\":8192,\n\"command\":\"xterm\",\"secret\":"
				  "\"\\u00e4\\\"\\n\",\"name\":\"alice678\"}\n ";
	static const char least[] = "{\"name\":\"al\",\"desktop\":\"KDE\",\"width\":64}";

	(void)state;
	assert_true(read_text(all, sizeof(all) - 1));
	assert_string_equal(target.name, "alice678");
	assert_string_equal(target.secret, "\xc3\xa4\"\n");
	assert_string_equal(target.choice, "xterm");
	assert_int_equal(target.width, 8192);
	assert_int_equal(target.dpi, 96);
	assert_true(read_text(least, sizeof(least) - 1));
	assert_string_equal(target.choice, "KDE");
	assert_string_equal(target.secret, "");
	assert_int_equal(target.dpi, 0);
	assert_int_equal(target.quality, 10);
	assert_int_equal(target.answers.count, 0);
}

static void test_kinds(void **state)
{
	static const char text[] = "{\"name\":\"al\",\"desktop\":\"a\",\"width\":64,\"quality\":9,"
				   "\"way\":\"none\",\"answers\":[\"\",\"a\\nb\",\"123456\"]}";
	char many[200] = "{\"answers\":[\"\"";

	(void)state;
	assert_true(read_text(text, sizeof(text) - 1));
	assert_int_equal(target.quality, 9);
	assert_int_equal(target.way, 1);
	assert_int_equal(target.answers.count, 3);
	assert_string_equal(target.answers.items[0].text, "");
	assert_string_equal(target.answers.items[1].text, "a\nb");
	assert_string_equal(target.answers.items[2].text, "123456");
	for (unsigned i = 1; i <= QUESTIONS_MAX; i++)
		strcat(many, ",\"\"");
	strcat(many, "]}");
	assert_false(read_text(many, strlen(many)));
	assert_string_equal(detail, "answers has too many entries");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *detail;
	} table[] = {
	    {"", "not well-formed JSON"},
	    {"{", "not well-formed JSON"},
	    {"{}x", "not well-formed JSON"},
	    {"{} {}", "not well-formed JSON"},
	    {"{\"name\"}", "not well-formed JSON"},
	    {"{\"name\":\"alice\",}", "not well-formed JSON"},
	    {"{'name':'alice'}", "not well-formed JSON"},
	    {"{/**/}", "not well-formed JSON"},
	    {"{\"name\":\"al\xff\"}", "not well-formed JSON"},
	    {"{\"name\":\"al\xc0\x80\"}", "name holds characters that are not allowed"},
	    {"{\"width\":99999999999999999999}", "not well-formed JSON"},
	    {"\xef\xbb\xbf{}", "not well-formed JSON"},
	    {"null", "not a JSON object"},
	    {"true", "not a JSON object"},
	    {"1", "not a JSON object"},
	    {"1.5", "not a JSON object"},
	    {"\"name\"", "not a JSON object"},
	    {"[]", "not a JSON object"},
	    {"[[[[[[[[", "not a JSON object"},
	    {"{}", "name is missing"},
	    {"{\"name\":\"alice\",\"width\":64}", "desktop is missing"},
	    {"{\"name\":\"alice\",\"desktop\":\"a\"}", "width is missing"},
	    {"{\"desktop\":\"a\",\"command\":\"b\"}", "command cannot go with desktop"},
	    {"{\"command\":\"a\",\"desktop\":\"b\"}", "desktop cannot go with command"},
	    {"{\"name\":\"alice\",\"name\":\"alice\"}", "name is given twice"},
	    {"{\"nam\\u0065\":\"alice\",\"name\":\"alice\"}", "name is given twice"},
	    {"{\"root\":1}", "root is not a field of this call"},
	    {"{\"\":1}", "is not a field of this call"},
	    {"{\"na\\u000ame\":1}", "na?me is not a field of this call"},
	    {"{\"name\\u0000\":1}", "name? is not a field of this call"},
	    {"{\"name\":null}", "name must be a text"},
	    {"{\"name\":true}", "name must be a text"},
	    {"{\"name\":1}", "name must be a text"},
	    {"{\"name\":1.5}", "name must be a text"},
	    {"{\"name\":[]}", "name must be a text"},
	    {"{\"name\":{\"name\":\"alice\"}}", "name must be a text"},
	    {"{\"secret\":1}", "secret must be a text"},
	    {"{\"width\":\"64\"}", "width must be a whole number"},
	    {"{\"width\":64.0}", "width must be a whole number"},
	    {"{\"width\":1e3}", "width must be a whole number"},
	    {"{\"width\":null}", "width must be a whole number"},
	    {"{\"width\":63}", "width must be from 64 to 8192"},
	    {"{\"width\":8193}", "width must be from 64 to 8192"},
	    {"{\"width\":-64}", "width must be from 64 to 8192"},
	    {"{\"width\":65600}", "width must be from 64 to 8192"},
	    {"{\"width\":9223372036854775807}", "width must be from 64 to 8192"},
	    {"{\"dpi\":0}", "dpi must be from 1 to 65535"},
	    {"{\"name\":\"\"}", "name must not be empty"},
	    {"{\"name\":\"a\"}", "name is too short"},
	    {"{\"name\":\"alice6789\"}", "name must not be longer than 8 bytes"},
	    {"{\"secret\":\"123456789\"}", "secret must not be longer than 8 bytes"},
	    {"{\"name\":\"al\\u0000\"}", "name holds characters that are not allowed"},
	    {"{\"name\":\"al\\n\"}", "name holds characters that are not allowed"},
	    {"{\"name\":\"al\\u007f\"}", "name holds characters that are not allowed"},
	    {"{\"name\":\"al\\u0085\"}", "name holds characters that are not allowed"},
	    {"{\"name\":\"al\\udc00\"}", "name holds characters that are not allowed"},
	    {"{\"layout\":1}", "layout must be a text"},
	    {"{\"layout\":\"DE\"}", "layout must be a keyboard layout like de or ch(fr)"},
	    {"{\"layout\":\"ch(fr\"}", "layout must be a keyboard layout like de or ch(fr)"},
	    {"{\"layout\":\"d\\u0000\"}", "layout holds characters that are not allowed"},
	    {"{\"layout\":\"german(swiss)\"}", "layout must not be longer than 12 bytes"},
	    {"{\"quality\":10}", "quality must be from 0 to 9"},
	    {"{\"quality\":-1}", "quality must be from 0 to 9"},
	    {"{\"quality\":266}", "quality must be from 0 to 9"},
	    {"{\"way\":\"some\"}", "way must be both or none"},
	    {"{\"way\":\"\"}", "way must be both or none"},
	    {"{\"way\":1}", "way must be a text"},
	    {"{\"answers\":\"a\"}", "answers must be a list of texts"},
	    {"{\"answers\":{}}", "answers must be a list of texts"},
	    {"{\"answers\":[1]}", "answers must be a list of texts"},
	    {"{\"answers\":[null]}", "answers must be a list of texts"},
	    {"{\"answers\":[[]]}", "answers must be a list of texts"},
	    {"{\"answers\":[{}]}", "answers must be a list of texts"},
	    {"{\"answers\":[\"1234567\"]}", "answers must not be longer than 6 bytes"},
	    {"{\"answers\":[\"\\u0000\"]}", "answers holds characters that are not allowed"},
	    {"{\"answers\":[],\"answers\":[]}", "answers is given twice"},
	    {"{\"secret\":\"\\u0000\"}", "secret holds characters that are not allowed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_false(read_text(table[i].text, strlen(table[i].text)));
		assert_string_equal(detail, table[i].detail);
	}
}

/* A NUL byte, an unescaped line feed: not JSON, wherever they stand. */
static void test_raw_bytes(void **state)
{
	static const char nul[] = "{\"name\":\"al\0ce\"}", after[] = "{}\0";

	(void)state;
	assert_false(read_text(nul, sizeof(nul) - 1));
	assert_string_equal(detail, "not well-formed JSON");
	assert_false(read_text(after, sizeof(after) - 1));
	assert_false(read_text("{\"name\":\"al\nce\"}", 16));
	assert_string_equal(detail, "not well-formed JSON");
}

/* A field's name of any length is cut, not copied past the detail. */
static void test_long_name(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'n', sizeof(text));
	memcpy(text, "{\"", 2);
	memcpy(text + sizeof(text) - 4, "\":1}", 4);
	assert_false(read_text(text, sizeof(text)));
	assert_true(strlen(detail) < JSON_DETAIL_BYTES);
	assert_non_null(strstr(detail, "nnnn is not a field of this call"));
}

/* Every prefix of a good text is refused, none is read past its end. */
static void test_prefixes(void **state)
{
	static const char text[] =
	    "{\"name\":\"alice\",\"secret\":\"\\u00e4\",\"command\":\"xterm\","
	    "\"width\":1024,\"dpi\":96}";

	(void)state;
	for (size_t length = 0; length < sizeof(text) - 1; length++)
		assert_false(read_text(text, length));
	assert_true(read_text(text, sizeof(text) - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_taken),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_raw_bytes),
	    cmocka_unit_test(test_long_name),
	    cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
