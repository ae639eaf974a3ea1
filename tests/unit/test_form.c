/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/form: values as browsers, upstream's client and nobody in his senses encode them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgi/form.h"

static char value[64];

/* Reads a copy of just that length, so that tools see a byte read past it. */
static ssize_t find(const char *form, const char *name, size_t size)
{
	size_t length = strlen(form);
	char *copy = malloc(length + 1);
	ssize_t found;

	memcpy(copy, form, length);
	found = form_find(copy, length, name, value, size);
	free(copy);
	return found;
}

static void test_values(void **state)
{
	static const struct {
		const char *form, *value;
	} table[] = {
	    {"pass=secret", "secret"},
	    {"action=start&user=a&pass=secret&proxy=", "secret"},
	    /* As upstream's client sends it. */
	    {"pass=it's=100% {raw};<\"'>\\/?#", "it's=100% {raw};<\"'>\\/?#"},
	    {"pass=\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"},
	    {"pass=50%&x=1", "50%"},
	    {"pass=5%2", "5%2"},
	    {"pass=%zz%4", "%zz%4"},
	    {"pass=%%41", "%A"},
	    /* As CGI.pm reads it. */
	    {"pass=a+b", "a b"},
	    {"pass=a%2Bb%26c%3dd%25", "a+b&c=d%"},
	    {"pass=%C3%A4", "\xc3\xa4"},
	    {"p%61ss=x", "x"},
	    {"pass=%u00e4%u20AC", "\xc3\xa4\xe2\x82\xac"},
	    {"pass=%uD83D%uDE00!", "\xf0\x9f\x98\x80!"},
	    {"pass=%uD83D%u0041", "%uD83DA"},
	    {"pass=%uDE00", "%uDE00"},
	    {"pass=%u12", "%u12"},
	    {"pass=first&pass=second", "first"},
	    {"pass=", ""},
	    {"pass", ""},
	    {"&&pass=x&&", "x"},
	    {"passe=1&pas=2&=3&pass=x", "x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ssize_t length = find(table[i].form, "pass", sizeof(value));

		if (strcmp(value, table[i].value) != 0)
			fail_msg("%s: \"%s\"", table[i].form, value);
		assert_int_equal(length, strlen(value));
	}
}

static void test_missing(void **state)
{
	static const char *const table[] = {"", "&", "=", "x=pass", "passx=1", "xpass=1", "PASS=1",
	    "pass%3dx", "a_name_that_is_longer_than_the_room_for_any=pass", "=pass"};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strcpy(value, "before");
		assert_int_equal(find(table[i], "pass", sizeof(value)), -1);
		assert_string_equal(value, "");
	}
}

static void test_room(void **state)
{
	(void)state;
	assert_int_equal(find("pass=12345", "pass", 6), 5);
	assert_string_equal(value, "12345");
	assert_int_equal(find("pass=123456", "pass", 6), 6);
	assert_string_equal(value, "12345");
	/* What is in it shows by its length. */
	assert_int_equal(find("pass=a%00b", "pass", 6), 3);
	assert_string_equal(value, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_missing),
	    cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
