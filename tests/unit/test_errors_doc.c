/* links: proto */
/* SPDX-License-Identifier: ISC */
/*
 * docs/errors.md shows exactly the rows of proto/errors.def, in its order. Run from the top of the
 * source tree, as make does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/errors.h"

static void test_doc_is_the_table(void **state)
{
	FILE *doc = fopen("docs/errors.md", "r");
	char line[1024], expected[1024];
	unsigned index = 0;

	(void)state;
	assert_non_null(doc);
	while (fgets(line, sizeof(line), doc) != NULL) {
		const struct error_info *info;

		if (strncmp(line, "| `", 3) != 0)
			continue;
		/* ERROR_NONE is no error that anybody meets. */
		do
			info = error_info_at(index++);
		while (info != NULL && info->code == ERROR_NONE);
		assert_non_null(info);
		snprintf(expected, sizeof(expected), "| `%s` | %d | %s | %s |\n", info->name,
		    info->http_status, info->text, info->hint);
		assert_string_equal(line, expected);
	}
	fclose(doc);
	assert_null(error_info_at(index));
}

/* Numbers and names are unique, and each has a text and a status that HTTP knows. */
static void test_table_is_sound(void **state)
{
	const struct error_info *info, *other;

	(void)state;
	for (unsigned i = 0; (info = error_info_at(i)) != NULL; i++) {
		assert_ptr_equal(error_info(info->code), info);
		assert_true(error_is_known((uint16_t)info->code));
		assert_true(info->http_status >= 200 && info->http_status < 600);
		assert_true(info->text[0] != 0);
		assert_int_equal(
		    strspn(info->name, "abcdefghijklmnopqrstuvwxyz_2"), strlen(info->name));
		for (unsigned k = 0; k < i; k++) {
			other = error_info_at(k);
			assert_true(other->code != info->code);
			assert_string_not_equal(other->name, info->name);
		}
	}
	assert_false(error_is_known(UINT16_MAX));
	assert_int_equal(error_info((enum error_code)UINT16_MAX)->code, ERROR_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_doc_is_the_table),
	    cmocka_unit_test(test_table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
