/* links: proto session */
/* SPDX-License-Identifier: ISC */
/*
 * Which methods a login takes, in which order, how they end; keys and PAM with real sshds.
 */
#include "login_world.h"

/* --- methods ------------------------------------------------------------------------------- */

static void test_password_is_asked_for(void **state)
{
	(void)state;
	dial_standin("partial", "password,keyboard-interactive");
	expect_prompt(PROMPT_PASSWORD);
	assert_int_equal(told.prompt.questions_count, 0);
	answer_with("wonderland", NULL);
	expect_prompt(PROMPT_QUESTIONS);
	answer_with("42", NULL);
	expect_open("password+keyboard-interactive", "");
	expect_heard("none", "password wonderland", "none", "keyboard-interactive", "answers 42");
}

static void test_partial_success(void **state)
{
	(void)state;
	/* What was given for the first method is not shown to the second. */
	strcpy(hop.password, "wonderland");
	dial_standin("partial", "keyboard-interactive,password");
	expect_prompt(PROMPT_QUESTIONS);
	expect_question(0, "Code: ", false);
	answer_with("42", NULL);
	expect_open("password+keyboard-interactive", "");
	expect_heard("none", "password wonderland", "none", "keyboard-interactive", "answers 42");

	dial_standin("partial_answers", "keyboard-interactive,password");
	expect_prompt(PROMPT_PASSWORD);
	answer_with("another", NULL);
	expect_open("keyboard-interactive+password", "");
	expect_heard(
	    "none", "keyboard-interactive", "answers wonderland", "none", "password another");

	memset(hop.password, 0, sizeof(hop.password));
	dial_standin("partial_then_unknown", "password,keyboard-interactive");
	expect_prompt(PROMPT_PASSWORD);
	answer_with("x", NULL);
	expect_failure(ERROR_METHOD_MISSING,
	    "[host]:2222 offers hostbased; allowed are password,keyboard-interactive (there");
	expect_heard("none", "password x", "none");

	dial_standin("one_code", "publickey,password");
	expect_failure(ERROR_METHOD_MISSING, "offers keyboard-interactive; allowed are "
					     "publickey,password (there is no key)");
	expect_heard("none");
}

static void test_endless_parts(void **state)
{
	(void)state;
	dial_standin("endless_parts", "password");
	for (unsigned i = 0; i < 8; i++) {
		expect_prompt(PROMPT_PASSWORD);
		answer_with("x", NULL);
	}
	expect_failure(ERROR_METHOD_MISSING, "is not content with password+password");
	for (unsigned i = 0; i < 8; i++)
		expect_heard("none", "password x");
	expect_heard("none");
}

/* A wrong secret is not tried by another method: that would count twice. */
static void test_refused_once(void **state)
{
	(void)state;
	strcpy(hop.password, "wonderland");
	dial_standin("refused", "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, "refuses what was answered to keyboard-interactive");
	expect_heard("none", "keyboard-interactive", "answers wonderland", "none");

	/* One that has not even asked leaves it for the next. */
	dial_standin("nothing_asked", "keyboard-interactive,password");
	expect_open("password", "");
	expect_heard("none", "keyboard-interactive", "none", "password wonderland");
}

static void test_nobody_is_asked(void **state)
{
	(void)state;
	dial_standin("nobody", "password");
	expect_open("none", "");
	expect_heard("none");
}

static void test_changed_password(void **state)
{
	(void)state;
	strcpy(hop.password, "wonderland");
	dial_standin("change", "password");
	expect_prompt(PROMPT_NEW_PASSWORD);
	assert_int_equal(told.prompt.questions_count, 0);
	answer_with("simple", NULL);
	expect_prompt(PROMPT_NEW_PASSWORD);
	answer_with("complicated", NULL);
	expect_open("password", "");
	expect_heard("none", "password wonderland", "password wonderland simple",
	    "password wonderland complicated");

	dial_standin("change_refused", "password");
	expect_prompt(PROMPT_NEW_PASSWORD);
	answer_with("simple", NULL);
	expect_failure(ERROR_AUTH_FAILED, "password");
	expect_heard("none", "password wonderland", "password wonderland simple", "none");

	dial_standin("change", "password");
	expect_prompt(PROMPT_NEW_PASSWORD);
	ssh_destroy(told.ssh);
	expect_heard("none", "password wonderland");
}

/* --- how servers turn away ----------------------------------------------------------------- */

static void test_refusals(void **state)
{
	static const struct {
		const char *script, *methods, *detail;
		enum error_code code;
		const char *heard[4];
	} cases[] = {
	    {"says_goodbye", "keyboard-interactive", "closes-the-door", ERROR_HOST_REFUSED,
		{"none", "keyboard-interactive", "answers"}},
	    {"account_closed", "password", "the server has closed the connection",
		ERROR_ACCOUNT_REFUSED, {"none", "password wonderland"}},
	    {"account_words", "keyboard-interactive", "Your account has expired",
		ERROR_ACCOUNT_REFUSED,
		{"none", "keyboard-interactive", "answers wonderland", "answers"}},
	    {"too_many_failures", "password", "Too many authentication failures", ERROR_AUTH_FAILED,
		{"none", "password wonderland"}},
	    {"refuses_and_closes", "password", "the server has closed the connection",
		ERROR_AUTH_FAILED, {"none", "password wonderland"}},
	    {"closes_at_once", "password", "methods", ERROR_HOST_REFUSED, {"none"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(hop.password, "wonderland");
		dial_standin(cases[i].script, cases[i].methods);
		expect_failure(cases[i].code, cases[i].detail);
		for (size_t line = 0; line < 4 && cases[i].heard[line] != NULL; line++)
			expect_heard(cases[i].heard[line]);
	}
}

/* --- keys ---------------------------------------------------------------------------------- */

static void use_key(void)
{
	memcpy(hop.key, user_key.blob, sizeof(user_key.blob));
	hop.key_length = sizeof(user_key.blob);
}

/* Writes and signs what RFC 4252 section 7 says, as the broker does. */
static void sign_for(const char *user)
{
	static const struct {
		const char *text;
	} fields[] = {{NULL}, {"ssh-connection"}, {"publickey"}};
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t data[400], signature[64];
	size_t used, length = sizeof(signature);

	run_until(&told.sign_wanted, "sign");
	told.sign_wanted = false;
	assert_string_equal(told.method, "ssh-ed25519");
	used = put_string(data, told.session_id, told.session_id_length);
	data[used++] = 50;
	for (size_t i = 0; i < 3; i++) {
		const char *text = i == 0 ? user : fields[i].text;

		used += put_string(data + used, text, strlen(text));
	}
	data[used++] = 1;
	used += put_string(data + used, told.method, strlen(told.method));
	used += put_string(data + used, user_key.blob, sizeof(user_key.blob));
	assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, user_key.private), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &length, data, used), 1);
	EVP_MD_CTX_free(context);
	ssh_signed(told.ssh, signature, length);
	/* Once. */
	ssh_signed(told.ssh, NULL, 0);
}

static void test_key_and_code(void **state)
{
	(void)state;
	use_key();
	dial_standin("key_then_code", "publickey,keyboard-interactive");
	sign_for("key_then_code");
	expect_prompt(PROMPT_QUESTIONS);
	answer_with("42", NULL);
	expect_open("publickey+keyboard-interactive", "");
	expect_heard("none", "publickey ssh-ed25519", "publickey ssh-ed25519 signed well", "none",
	    "keyboard-interactive", "answers 42");
}

/* Neither may the key be enough by itself, nor with a method that asks for nothing. */
static void test_key_alone(void **state)
{
	(void)state;
	use_key();
	dial_standin("key_then_nothing", "publickey,keyboard-interactive");
	sign_for("key_then_nothing");
	expect_failure(ERROR_KEY_ALONE, "asks for publickey+keyboard-interactive, and the user");
	for (unsigned i = 0; i < 6; i++) {
		char line[200];

		assert_non_null(fgets(line, sizeof(line), standin.lines));
	}

	hop.key_alone = 1;
	dial_standin("key_then_nothing", "publickey,keyboard-interactive");
	sign_for("key_then_nothing");
	expect_open("publickey+keyboard-interactive", "Hello");
	for (unsigned i = 0; i < 6; i++) {
		char line[200];

		assert_non_null(fgets(line, sizeof(line), standin.lines));
	}
}

static void test_key_is_not_signed(void **state)
{
	(void)state;
	use_key();
	dial_standin("key_then_code", "publickey");
	run_until(&told.sign_wanted, "sign");
	ssh_destroy(told.ssh);
	expect_heard("none", "publickey ssh-ed25519");

	dial_standin("key_not_signed", "publickey,password");
	run_until(&told.sign_wanted, "sign");
	ssh_signed(told.ssh, NULL, 0);
	expect_prompt(PROMPT_PASSWORD);
	answer_with("x", NULL);
	expect_open("password", "");
	expect_heard("none", "publickey ssh-ed25519", "none", "password x");
}

/* libssh2 1.10 would have it sign by SHA-1. */
static void test_rsa_key(void **state)
{
	static const uint8_t rsa[] = "\0\0\0\assh-rsa\0\0\0\1\3\0\0\0\1\3";

	(void)state;
	if (LIBSSH2_VERSION_NUM >= 0x010b00)
		skip();
	hop.key_length = sizeof(rsa) - 1;
	memcpy(hop.key, rsa, sizeof(rsa) - 1);
	dial_standin("key_then_code", "publickey");
	expect_failure(ERROR_METHOD_MISSING, "RSA keys need libssh2 1.11");
	expect_heard("none");
}

static void test_key_with_sshd(void **state)
{
	(void)state;
	use_key();
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&key_sshd, "password,publickey");
	sign_for(SSHD_USER);
	expect_open("publickey+password", "");

	/* The same, with a wrong password, and with a key that is not known there. */
	strcpy(hop.password, "wonderlan");
	dial_sshd(&key_sshd, "publickey,password");
	sign_for(SSHD_USER);
	expect_failure(ERROR_AUTH_FAILED, "[host]:2222 refuses what was answered to password");

	hop.key[20] ^= 1;
	dial_sshd(&key_sshd, "publickey,password");
	expect_failure(ERROR_AUTH_FAILED, "[host]:2222 refuses publickey and offers publickey");
	assert_false(told.sign_wanted);

	/* A signature by another key. */
	use_key();
	dial_sshd(&key_sshd, "publickey,password");
	run_until(&told.sign_wanted, "sign");
	ssh_signed(told.ssh, (const uint8_t[64]){0}, 64);
	expect_failure(ERROR_AUTH_FAILED, "[host]:2222 refuses publickey");
}

/* A server that shows the door after a key that it does not know has nothing against the gateway.
 */
static void test_one_try(void **state)
{
	struct private_sshd sshd = {0};

	(void)state;
	if (!sshd_start(&sshd, "MaxAuthTries 1\n"))
		skip();
	use_key();
	dial_sshd(&sshd, "publickey,password");
	expect_failure(ERROR_AUTH_FAILED, "Too many authentication failures");
	sshd_stop(&sshd);
}

/* --- PAM ----------------------------------------------------------------------------------- */

static void test_pam(void **state)
{
	(void)state;
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_open("keyboard-interactive", BANNER);

	memset(hop.password, 0, sizeof(hop.password));
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_prompt(PROMPT_QUESTIONS);
	assert_string_equal(told.prompt.notice, BANNER);
	assert_int_equal(told.prompt.questions_count, 1);
	assert_int_equal(told.prompt.questions[0].echo, 0);
	answer_with(SSHD_PASSWORD, NULL);
	expect_open("keyboard-interactive", "");

	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, "");
	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "password,keyboard-interactive");
	expect_failure(ERROR_AUTH_FAILED, "");
}

/* Whether the user exists makes no difference. */
static void test_unknown_user(void **state)
{
	char detail[401];

	(void)state;
	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, "");
	strcpy(detail, told.detail);
	strcpy(hop.user, "nobody-of-that-name");
	dial_sshd(&pam_sshd, "keyboard-interactive,password");
	expect_failure(ERROR_AUTH_FAILED, detail);
}

static void test_expired_account(void **state)
{
	(void)state;
	strcpy(hop.user, SSHD_EXPIRED);
	strcpy(hop.password, SSHD_PASSWORD);
	dial_sshd(&pam_sshd, "password");
	expect_failure(ERROR_ACCOUNT_REFUSED, "");
	dial_sshd(&pam_sshd, "keyboard-interactive");
	expect_failure(ERROR_ACCOUNT_REFUSED, "");
	strcpy(hop.password, "wonderlan");
	dial_sshd(&pam_sshd, "password");
	expect_failure(ERROR_AUTH_FAILED, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_password_is_asked_for),
	    TEST(test_partial_success),
	    TEST(test_endless_parts),
	    TEST(test_refused_once),
	    TEST(test_nobody_is_asked),
	    TEST(test_changed_password),
	    TEST(test_refusals),
	    TEST(test_key_and_code),
	    TEST(test_key_alone),
	    TEST(test_key_is_not_signed),
	    TEST(test_rsa_key),
	    TEST(test_key_with_sshd),
	    TEST(test_one_try),
	    TEST(test_pam),
	    TEST(test_unknown_user),
	    TEST(test_expired_account),
	};

	log_init(
	    "test_ssh_methods", getenv("TEST_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, set_up_with_sshds, tear_down);
}
