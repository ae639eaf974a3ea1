/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Which servers a login trusts, and when the user is asked.
 */
#include "login_world.h"

/* --- host keys ----------------------------------------------------------------------------- */

static struct record_hostkey *add_hostkey(enum host_key_mark mark, bool is_its_own)
{
	struct record_hostkey *key = &hostkeys[hostkey_count++];

	*key = standin.key;
	key->mark = (uint8_t)mark;
	if (!is_its_own)
		key->blob[key->blob_length - 1] ^= (uint8_t)hostkey_count;
	return key;
}

static void test_unknown_host(void **state)
{
	(void)state;
	/* A key of another type is none to compare with. */
	strcpy(add_hostkey(HOST_KEY_TRUSTED, false)->type, "ecdsa-sha2-nistp256");
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "[host]:2222 shows ssh-ed25519 SHA256:");
	assert_non_null(strstr(told.detail, "on file are keys of other types only"));

	strcpy(hostkeys[0].type, "ssh-rsa");
	dial_standin("nobody", "password");
	expect_failure(
	    ERROR_HOST_KEY_UNKNOWN, KNOWS_RSA ? "keys of other types only" : "by SHA-1 only");

	hostkey_count = 0;
	add_hostkey(HOST_KEY_AUTHORITY, false);
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "; certificates (@cert-authority) are not used");
	/* Not even if it is the server's own. */
	hostkey_count = 0;
	add_hostkey(HOST_KEY_AUTHORITY, true);
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "(@cert-authority)");
	assert_int_equal(told.prompts, 0);
}

static void test_asking_about_host(void **state)
{
	char detail[401];

	(void)state;
	add_hostkey(HOST_KEY_REVOKED, false);
	dial_standin("nobody", "password");
	expect_failure(ERROR_HOST_KEY_UNKNOWN, "SHA256:");
	strcpy(detail, told.detail);
	for (unsigned policy = HOST_KEYS_ASK; policy <= HOST_KEYS_ACCEPT_NEW; policy++) {
		hop.host_keys = (uint8_t)policy;
		dial_standin("nobody", "password");
		expect_prompt(PROMPT_HOST_KEY);
		assert_string_equal(told.prompt.key_type, "ssh-ed25519");
		assert_int_equal(strncmp(told.prompt.fingerprint, "SHA256:", 7), 0);
		assert_non_null(strstr(detail, told.prompt.fingerprint));
		assert_int_equal(told.prompt.key_length, standin.key.blob_length);
		assert_memory_equal(told.prompt.key, standin.key.blob, standin.key.blob_length);
		assert_int_equal(told.prompt.questions_count, 0);
		answer_with("yes", NULL);
		expect_open("none", "");
		expect_heard("none");

		dial_standin("nobody", "password");
		expect_prompt(PROMPT_HOST_KEY);
		answer_with(policy == HOST_KEYS_ASK ? "no" : "yes ", NULL);
		expect_failure(ERROR_HOST_KEY_REFUSED, "[host]:2222 shows ssh-ed25519 SHA256:");

		dial_standin("nobody", "password");
		expect_prompt(PROMPT_HOST_KEY);
		ssh_destroy(told.ssh);
	}
}

static void test_changed_host(void **state)
{
	(void)state;
	for (unsigned policy = HOST_KEYS_STRICT; policy <= HOST_KEYS_ACCEPT_NEW; policy++) {
		hop.host_keys = (uint8_t)policy;
		hostkey_count = 0;
		add_hostkey(HOST_KEY_TRUSTED, false);
		add_hostkey(HOST_KEY_TRUSTED, false);
		dial_standin("nobody", "password");
		expect_failure(ERROR_HOST_KEY_CHANGED, "[host]:2222 shows ssh-ed25519 SHA256:");
		assert_non_null(strstr(told.detail, "; on file is SHA256:"));
		assert_non_null(strstr(told.detail, " or SHA256:"));
		assert_int_equal(told.prompts, 0);

		/* One that fits is enough. */
		add_hostkey(HOST_KEY_TRUSTED, true);
		dial_standin("nobody", "password");
		expect_open("none", "");
		expect_heard("none");

		/* Unless it has been revoked. */
		add_hostkey(HOST_KEY_REVOKED, true);
		dial_standin("nobody", "password");
		expect_failure(ERROR_HOST_KEY_REVOKED, "[host]:2222 shows ssh-ed25519 SHA256:");
		assert_int_equal(told.prompts, 0);
	}
}

/* An RSA key on file is looked for, but sshd signs with it by SHA-1 only when it is told to. */
static void test_rsa_host_key(void **state)
{
	(void)state;
	hostkeys[hostkey_count++] = rsa_key;
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&pam_sshd, "password");
	expect_open("password", BANNER);

	dial_sshd(&key_sshd, "hostbased");
	if (KNOWS_RSA)
		expect_failure(ERROR_METHOD_MISSING, "offers publickey");
	else
		expect_failure(ERROR_HOST_KEY_UNKNOWN, "put its Ed25519 or ECDSA key on file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_unknown_host),
	    TEST(test_asking_about_host),
	    TEST(test_changed_host),
	    TEST(test_rsa_host_key),
	};

	log_init(
	    "test_ssh_hostkeys", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up_with_sshds, tear_down);
}
