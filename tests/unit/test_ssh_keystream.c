/* links: proto brokerd/session/ssh_keystream.c */
/* SPDX-License-Identifier: ISC */
/*
 * The key stream computed ahead: always what libcrypto's own AES-128-CTR gives, however the data is
 * cut, and nobody else in the process notices.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "brokerd/session/ssh_keystream.h"

#define DATA_BYTES 20000
#define ROUNDS	   400

static EVP_CIPHER *own; /* libcrypto's */
static uint8_t data[DATA_BYTES], wanted[DATA_BYTES], found[DATA_BYTES];

static int set_up(void **state)
{
	(void)state;
	srand(1);
	ssh_keystream_init();
	own = EVP_CIPHER_fetch(NULL, "AES-128-CTR", "provider=default");
	return own != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_CIPHER_free(own);
	ssh_keystream_finish();
	return ssh_keystream_is_used() ? -1 : 0;
}

static void randomize(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)rand();
}

/* As libssh2 gets it. */
static EVP_CIPHER_CTX *open_ours(const uint8_t *key, const uint8_t *iv, int encrypt)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	assert_int_equal(EVP_CipherInit(context, EVP_aes_128_ctr(), key, iv, encrypt), 1);
	return context;
}

static EVP_CIPHER_CTX *open_own(const uint8_t *key, const uint8_t *iv)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	assert_int_equal(EVP_CipherInit_ex2(context, own, key, iv, 1, NULL), 1);
	return context;
}

static void run_own(EVP_CIPHER_CTX *context, size_t length)
{
	int written;

	assert_int_equal(EVP_CipherUpdate(context, wanted, &written, data, (int)length), 1);
	assert_int_equal(written, length);
}

/* block: as libssh2 does it; else in pieces of up to most bytes, by either function. */
static void run_ours(EVP_CIPHER_CTX *context, size_t length, size_t most)
{
	for (size_t at = 0, now; at < length; at += now) {
		int written;

		now = most == 16 ? 16 : 1 + (size_t)rand() % most;
		now = now < length - at ? now : length - at;
		if (rand() % 2) {
			written = EVP_Cipher(context, found + at, data + at, (unsigned)now);
		} else {
			/* in place */
			memcpy(found + at, data + at, now);
			assert_int_equal(
			    EVP_CipherUpdate(context, found + at, &written, found + at, (int)now),
			    1);
		}
		assert_int_equal(written, now);
	}
}

static void test_ours_is_taken(void **state)
{
	uint8_t key[16] = {0}, iv[16] = {0};
	EVP_CIPHER_CTX *context = open_ours(key, iv, 0);
	const OSSL_PROVIDER *provider =
	    EVP_CIPHER_get0_provider(EVP_CIPHER_CTX_get0_cipher(context));

	(void)state;
	assert_true(ssh_keystream_is_used());
	assert_string_equal(OSSL_PROVIDER_get0_name(provider), "x2goweb");
	assert_int_equal(EVP_CIPHER_CTX_get_block_size(context), 1);
	assert_int_equal(EVP_CIPHER_CTX_get_iv_length(context), 16);
	assert_int_equal(EVP_CIPHER_CTX_get_key_length(context), 16);
	assert_int_equal(EVP_CIPHER_CTX_get_mode(context), EVP_CIPH_CTR_MODE);
	assert_int_equal(EVP_CIPHER_CTX_set_padding(context, 0), 1);
	assert_true(EVP_CIPHER_CTX_set_key_length(context, 32) <= 0);
	EVP_CIPHER_CTX_free(context);
}

/* NIST SP 800-38A, F.5.1 and F.5.2. */
static void test_known_answer(void **state)
{
	static const char key[] = "2b7e151628aed2a6abf7158809cf4f3c",
			  iv[] = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
			  plain[] =
			      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
			      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
			  secret[] =
			      "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
			      "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee";
	uint8_t bytes[4][64];
	const char *const texts[] = {key, iv, plain, secret};
	EVP_CIPHER_CTX *context;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < strlen(texts[i]) / 2; j++) {
			char digits[3] = {texts[i][2 * j], texts[i][2 * j + 1], 0};

			bytes[i][j] = (uint8_t)strtoul(digits, NULL, 16);
		}
	for (int encrypt = 0; encrypt < 2; encrypt++) {
		context = open_ours(bytes[0], bytes[1], encrypt);
		memcpy(data, bytes[encrypt ? 2 : 3], 64);
		run_ours(context, 64, 16);
		assert_memory_equal(found, bytes[encrypt ? 3 : 2], 64);
		EVP_CIPHER_CTX_free(context);
	}
}

static void test_cuts(void **state)
{
	static const size_t most[] = {16, 1, 15, 17, 33, 300, 2047, 2048, 2049, 9000};

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		size_t length = (size_t)rand() % DATA_BYTES;
		uint8_t key[16], iv[16];
		EVP_CIPHER_CTX *ours, *theirs;

		randomize(key, sizeof(key));
		randomize(iv, sizeof(iv));
		randomize(data, length);
		ours = open_ours(key, iv, rand() % 2);
		theirs = open_own(key, iv);
		run_own(theirs, length);
		run_ours(ours, length, most[i % (sizeof(most) / sizeof(most[0]))]);
		assert_memory_equal(found, wanted, length);
		EVP_CIPHER_CTX_free(ours);
		EVP_CIPHER_CTX_free(theirs);
	}
}

/* The counter carries out of its last 1 to 16 bytes, within the data or between pieces; then the
 * key or the IV comes anew, or neither, which goes on with the next whole block. */
static void test_carries_and_new_beginnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		size_t ones = i % 17, length = (size_t)rand() % DATA_BYTES;
		uint8_t key[16], iv[16];
		EVP_CIPHER_CTX *ours, *theirs;

		randomize(key, sizeof(key));
		randomize(iv, sizeof(iv));
		memset(iv + 16 - ones, 0xff, ones);
		if (ones != 0 && rand() % 2)
			iv[15] = (uint8_t)rand();
		randomize(data, DATA_BYTES);
		ours = open_ours(key, iv, 1);
		theirs = open_own(key, iv);
		for (unsigned round = 0; round < 4; round++) {
			const uint8_t *new_key = rand() % 2 ? key : NULL;
			const uint8_t *new_iv = rand() % 2 ? iv : NULL;

			run_own(theirs, length);
			run_ours(ours, length, 1 + (size_t)rand() % 100);
			assert_memory_equal(found, wanted, length);
			randomize(key, sizeof(key));
			assert_int_equal(
			    EVP_CipherInit_ex(ours, NULL, NULL, new_key, new_iv, 1), 1);
			assert_int_equal(
			    EVP_CipherInit_ex(theirs, NULL, NULL, new_key, new_iv, 1), 1);
			length = (size_t)rand() % 5000;
		}
		EVP_CIPHER_CTX_free(ours);
		EVP_CIPHER_CTX_free(theirs);
	}
}

static void test_copy_goes_its_own_way(void **state)
{
	uint8_t key[16] = {1}, iv[16] = {2};
	EVP_CIPHER_CTX *ours = open_ours(key, iv, 1), *copy = EVP_CIPHER_CTX_new();

	(void)state;
	randomize(data, DATA_BYTES);
	run_ours(ours, 1003, 50);
	assert_int_equal(EVP_CIPHER_CTX_copy(copy, ours), 1);
	run_ours(ours, 7001, 50);
	memcpy(wanted, found, 7001);
	EVP_CIPHER_CTX_free(ours);
	run_ours(copy, 7001, 16);
	assert_memory_equal(found, wanted, 7001);
	EVP_CIPHER_CTX_free(copy);
}

static void test_without_key(void **state)
{
	EVP_CIPHER_CTX *context = open_ours(NULL, NULL, 0);
	int written;

	(void)state;
	assert_int_equal(EVP_Cipher(context, found, data, 16), -1);
	assert_int_equal(EVP_CipherUpdate(context, found, &written, data, 16), 0);
	EVP_CIPHER_CTX_free(context);
}

static void test_all_else_is_libcryptos(void **state)
{
	static const char *const names[] = {
	    "AES-192-CTR", "AES-256-CTR", "AES-128-GCM", "AES-128-CBC", "ChaCha20"};
	uint8_t random[16];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, names[i], NULL);

		assert_non_null(cipher);
		assert_string_equal(
		    OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher)), "default");
		EVP_CIPHER_free(cipher);
	}
	assert_int_equal(RAND_bytes(random, sizeof(random)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ours_is_taken),
	    cmocka_unit_test(test_known_answer),
	    cmocka_unit_test(test_cuts),
	    cmocka_unit_test(test_carries_and_new_beginnings),
	    cmocka_unit_test(test_copy_goes_its_own_way),
	    cmocka_unit_test(test_without_key),
	    cmocka_unit_test(test_all_else_is_libcryptos),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
