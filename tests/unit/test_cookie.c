/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/cookie: form and hash of what proves a login.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <openssl/sha.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/cookie.h"

static void test_login(void **state)
{
	char one[COOKIE_LOGIN_CHARS + 1], other[COOKIE_LOGIN_CHARS + 1];

	(void)state;
	assert_true(cookie_make_login(one));
	assert_true(cookie_make_login(other));
	assert_int_equal(strlen(one), 16);
	assert_int_equal(strspn(one, "0123456789abcdef"), 16);
	assert_string_not_equal(one, other);
}

static void test_cookie(void **state)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t hash[COOKIE_HASH_BYTES], other_hash[COOKIE_HASH_BYTES], expected[32];
	char cookie[COOKIE_CHARS + 1], other[COOKIE_CHARS + 1];

	(void)state;
	/* Often enough that every letter occurs. */
	for (unsigned i = 0; i < 200; i++) {
		assert_true(cookie_make(cookie, hash));
		assert_int_equal(strlen(cookie), 43);
		assert_int_equal(strspn(cookie, letters), 43);
	}
	assert_true(cookie_make(other, other_hash));
	assert_string_not_equal(cookie, other);
	SHA256((const unsigned char *)cookie, 43, expected);
	assert_memory_equal(hash, expected, 32);
	assert_true(cookie_matches(cookie, hash));
	assert_true(cookie_matches(other, other_hash));
	assert_false(cookie_matches(cookie, other_hash));
	assert_false(cookie_matches("", hash));
	cookie[0] ^= 1;
	assert_false(cookie_matches(cookie, hash));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_login), cmocka_unit_test(test_cookie)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
