/* SPDX-License-Identifier: ISC */
/*
 * Telling the server who we are, by the methods that both it and the admin want, in the admin's
 * order, until it has enough. Runs in x2goweb-session, in the login's coroutine.
 *
 * The user's password is shown once, to the first method that can be meant: what the server asks
 * for beyond that is the user's to answer. A method that has shown something secret and was refused
 * ends the login, since each further try counts against the account.
 */
#include <string.h>

#include "proto/log.h"

#include "ssh_login.h"

/* So many methods may succeed one after the other without the server being content. */
#define STEPS_MAX   8
#define OFFER_BYTES 512

struct method {
	const char *name;
	bool (*is_usable)(const struct ssh *ssh);
	/* Returns as libssh2 does; never EAGAIN, unless all is over. */
	int (*run)(struct ssh *ssh);
};

/* --- password ------------------------------------------------------------------------------ */

/* For texts that libssh2 frees, and wipes. */
static char *copy_for_library(const char *text, void **abstract)
{
	size_t size = strlen(text) + 1;
	char *copy = ssh_transport_alloc(size, abstract);

	if (copy != NULL)
		memcpy(copy, text, size);
	return copy;
}

static void forget_password(struct ssh *ssh)
{
	explicit_bzero(ssh->attempt->hop.password, sizeof(ssh->attempt->hop.password));
}

static bool ask_password(struct ssh *ssh)
{
	const struct record_answer *answer;

	ssh->attempt->prompt.kind = PROMPT_PASSWORD;
	answer = ssh_login_ask(ssh);
	if (answer == NULL)
		return false;
	strcpy(ssh->attempt->hop.password, answer->text);
	ssh_login_forget_answers(ssh);
	return true;
}

/* The server wants another password (RFC 4252 section 8). Its words for that are libssh2's secret.
 */
static void answer_change(
    LIBSSH2_SESSION *session, char **new_password, int *new_password_length, void **abstract)
{
	struct ssh *ssh = *abstract;
	const struct record_answer *answer;

	(void)session;
	ssh->attempt->prompt.kind = PROMPT_NEW_PASSWORD;
	answer = ssh_login_ask(ssh);
	if (answer == NULL)
		return;
	*new_password = copy_for_library(answer->text, abstract);
	*new_password_length = (int)strlen(answer->text);
	ssh_login_forget_answers(ssh);
}

static bool always(const struct ssh *ssh)
{
	(void)ssh;
	return true;
}

static int run_password(struct ssh *ssh)
{
	struct ssh_attempt *attempt = ssh->attempt;
	const char *user = attempt->hop.user, *password = attempt->hop.password;
	int result;

	if (password[0] == 0 && !ask_password(ssh))
		return LIBSSH2_ERROR_AUTHENTICATION_FAILED;
	ssh_login_use_secret(ssh);
	do
		result = libssh2_userauth_password_ex(ssh->session, user, (unsigned)strlen(user),
		    password, (unsigned)strlen(password), answer_change);
	while (result == LIBSSH2_ERROR_EAGAIN && ssh_login_await_server(ssh));
	forget_password(ssh);
	return result;
}

/* --- keyboard-interactive ------------------------------------------------------------------ */

/* Sends nothing any more: an empty answer would count as a wrong one. */
static void break_off(struct ssh *ssh)
{
	ssh_transport_end(&ssh->transport, 0);
}

static bool ask_questions(struct ssh *ssh, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
	struct record_prompt *prompt = &ssh->attempt->prompt;
	const struct record_answer *answers;

	prompt->kind = PROMPT_QUESTIONS;
	for (int i = 0; i < count; i++) {
		struct record_question *question = &prompt->questions[prompt->questions_count++];

		message_set_lines(question->text, sizeof(question->text),
		    (const char *)prompts[i].text, prompts[i].length);
		question->echo = prompts[i].echo != 0;
	}
	answers = ssh_login_ask(ssh);
	for (int i = 0; answers != NULL && i < count; i++) {
		responses[i].text = copy_for_library(answers[i].text, abstract);
		if (responses[i].text != NULL)
			responses[i].length = (unsigned)strlen(answers[i].text);
	}
	ssh_login_forget_answers(ssh);
	return answers != NULL;
}

/* Whether a question can only mean the password that the login form has asked for. Codes are
 * secrets as well, and some are called passwords: better ask once more than lose a try. */
static bool means_password(const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompt)
{
	static const char *const others[] = {
	    "one-time", "one time", "otp", "oath", "code", "token"};
	char text[256];

	message_set_lines(text, sizeof(text), (const char *)prompt->text, prompt->length);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcasestr(text, others[i]) != NULL)
			return false;
	return !prompt->echo &&
	       (strcasestr(text, "passw") != NULL || strcasestr(text, "kennwort") != NULL);
}

/* One round. */
static void answer_round(const char *name, int name_length, const char *instruction,
    int instruction_length, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
	struct ssh *ssh = *abstract;
	struct ssh_attempt *attempt = ssh->attempt;
	const char *password = attempt->hop.password;

	if (count == 0) {
		if (instruction_length > 0)
			ssh_login_note(ssh, instruction, (size_t)instruction_length);
		return;
	}
	if (count > QUESTIONS_MAX) {
		ssh_fail(ssh, ERROR_METHOD_MISSING, "%s asks %d questions at a time",
		    attempt->hop.name, count);
		break_off(ssh);
		return;
	}
	attempt->rounds++;
	if (attempt->rounds == 1 && count == 1 && password[0] != 0 && means_password(&prompts[0])) {
		if (instruction_length > 0)
			ssh_login_note(ssh, instruction, (size_t)instruction_length);
		ssh_login_use_secret(ssh);
		responses[0].text = copy_for_library(password, abstract);
		if (responses[0].text != NULL)
			responses[0].length = (unsigned)strlen(password);
		forget_password(ssh);
		return;
	}
	if (name_length > 0)
		message_set_lines(attempt->prompt.title, sizeof(attempt->prompt.title), name,
		    (size_t)name_length);
	if (instruction_length > 0)
		message_set_lines(attempt->prompt.instruction, sizeof(attempt->prompt.instruction),
		    instruction, (size_t)instruction_length);
	if (ask_questions(ssh, count, prompts, responses, abstract))
		ssh_login_use_secret(ssh);
	else
		break_off(ssh);
}

static int run_keyboard(struct ssh *ssh)
{
	const char *user = ssh->attempt->hop.user;
	int result;

	ssh->attempt->rounds = 0;
	do
		result = libssh2_userauth_keyboard_interactive_ex(
		    ssh->session, user, (unsigned)strlen(user), answer_round);
	while (result == LIBSSH2_ERROR_EAGAIN && ssh_login_await_server(ssh));
	return result;
}

/* --- publickey ----------------------------------------------------------------------------- */

/* Takes a string of the SSH protocol from the front. False if there is none. */
static bool take_string(
    const uint8_t **data, size_t *length, const uint8_t **ret_string, size_t *ret_length)
{
	const uint8_t *at = *data;
	size_t string_length;

	if (*length < 4)
		return false;
	string_length =
	    (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | (size_t)at[3];
	if (string_length > *length - 4)
		return false;
	*ret_string = at + 4;
	*ret_length = string_length;
	*data += 4 + string_length;
	*length -= 4 + string_length;
	return true;
}

/* Reads what libssh2 wants to have signed (RFC 4252 section 7) for the two things in there that the
 * broker does not know. */
static bool read_request(struct ssh_attempt *attempt, const uint8_t *data, size_t length)
{
	const uint8_t *session_id, *skipped, *method;
	size_t session_id_length, skipped_length, method_length;

	if (!take_string(&data, &length, &session_id, &session_id_length) ||
	    session_id_length > sizeof(attempt->sign.session_id) || length < 1)
		return false;
	data++; /* message number */
	length--;
	for (int i = 0; i < 3; i++) /* user, service, "publickey" */
		if (!take_string(&data, &length, &skipped, &skipped_length))
			return false;
	if (length < 1)
		return false;
	data++; /* TRUE */
	length--;
	if (!take_string(&data, &length, &method, &method_length) ||
	    method_length >= sizeof(attempt->sign.method))
		return false;
	memcpy(attempt->sign.session_id, session_id, session_id_length);
	attempt->sign.session_id_length = session_id_length;
	message_set_text(attempt->sign.method, sizeof(attempt->sign.method), (const char *)method,
	    method_length);
	return true;
}

static int sign(LIBSSH2_SESSION *session, unsigned char **ret_signature, size_t *ret_length,
    const unsigned char *data, size_t length, void **abstract)
{
	struct ssh *ssh = *abstract;
	struct ssh_attempt *attempt = ssh->attempt;

	(void)session;
	if (!read_request(attempt, data, length) || !ssh_login_sign(ssh))
		return -1;
	*ret_signature = ssh_transport_alloc(attempt->sign.signature_length, abstract);
	if (*ret_signature == NULL)
		return -1;
	memcpy(*ret_signature, attempt->sign.signature, attempt->sign.signature_length);
	*ret_length = attempt->sign.signature_length;
	attempt->signature_used = true;
	return 0;
}

/* libssh2 before 1.11 has RSA keys sign by SHA-1 only, which the broker does not do. */
static bool key_is_too_new(const struct ssh *ssh)
{
	static const uint8_t rsa[] = "\0\0\0\assh-rsa";
	const struct record_hop *hop = &ssh->attempt->hop;

	return hop->key_length >= sizeof(rsa) - 1 && memcmp(hop->key, rsa, sizeof(rsa) - 1) == 0 &&
	       !ssh_algorithms_have(ssh, LIBSSH2_METHOD_HOSTKEY, "rsa-sha2-256");
}

static bool has_key(const struct ssh *ssh)
{
	return ssh->attempt->hop.key_length != 0 && !key_is_too_new(ssh);
}

static int run_publickey(struct ssh *ssh)
{
	const struct record_hop *hop = &ssh->attempt->hop;
	int result;

	do
		result = libssh2_userauth_publickey(ssh->session, hop->user, hop->key,
		    hop->key_length, sign, libssh2_session_abstract(ssh->session));
	while (result == LIBSSH2_ERROR_EAGAIN && ssh_login_await_server(ssh));
	return result;
}

/* --- what the server wants ----------------------------------------------------------------- */

static const struct method methods[] = {
    {"publickey", has_key, run_publickey},
    {"keyboard-interactive", always, run_keyboard},
    {"password", always, run_password},
};
#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

/* True if the comma-separated list has this word. */
static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (;;) {
		size_t part = strcspn(list, ",");

		if (part == length && memcmp(list, word, length) == 0)
			return true;
		if (list[part] == 0)
			return false;
		list += part + 1;
	}
}

static void note_banner(struct ssh *ssh)
{
#if LIBSSH2_VERSION_NUM >= 0x010b00
	char *banner = NULL;

	if (libssh2_userauth_banner(ssh->session, &banner) == 0 && banner != NULL)
		ssh_login_note(ssh, banner, strlen(banner));
#else
	(void)ssh; /* it cannot be had */
#endif
}

/* Asks which methods would do now. False if the server wants none (authenticated), or the login has
 * failed. */
static bool ask_offer(struct ssh *ssh, char *offer)
{
	const char *user = ssh->attempt->hop.user, *list;

	do
		list = libssh2_userauth_list(ssh->session, user, (unsigned)strlen(user));
	while (list == NULL && libssh2_session_last_errno(ssh->session) == LIBSSH2_ERROR_EAGAIN &&
	       ssh_login_await_server(ssh));
	if (list != NULL) {
		message_set_text(offer, OFFER_BYTES, list, strlen(list));
		return true;
	}
	if (!libssh2_userauth_authenticated(ssh->session) && !ssh_login_fail_if_over(ssh))
		ssh_fail_by_library(ssh, ERROR_HOST_UNREACHABLE, "SSH login");
	return false;
}

/* The first of the admin's methods that the server offers and has not refused; NULL: none. */
static const struct method *choose(const struct ssh *ssh, const char *offer, const bool *refused)
{
	const char *wanted = ssh->attempt->hop.methods;

	for (; *wanted != 0; wanted += *wanted == ',') {
		size_t length = strcspn(wanted, ",");

		for (size_t i = 0; i < METHOD_COUNT; i++)
			if (strlen(methods[i].name) == length &&
			    memcmp(methods[i].name, wanted, length) == 0 && !refused[i] &&
			    list_has(offer, methods[i].name) && methods[i].is_usable(ssh))
				return &methods[i];
		wanted += length;
	}
	return NULL;
}

static void note_success(struct ssh *ssh, const char *method)
{
	char *text = ssh->attempt->methods;
	size_t used = strlen(text), size = sizeof(ssh->attempt->methods);

	snprintf(text + used, size - used, "%s%s", used != 0 ? "+" : "", method);
}

/* What a method has brought, if it has not failed the login. */
enum outcome { OUTCOME_ENOUGH, OUTCOME_PART, OUTCOME_REFUSED, OUTCOME_FAILED };

/* Runs the method; offer is what the server wants afterwards. */
static enum outcome try_method(struct ssh *ssh, const struct method *method, char *offer)
{
	struct ssh_attempt *attempt = ssh->attempt;
	unsigned secrets_before = attempt->secrets_used;
	char before[OFFER_BYTES], why[SSH_DETAIL_BYTES];
	int result;

	strcpy(before, offer);
	attempt->step = method->name;
	attempt->refused = false;
	result = method->run(ssh);
	if (result == 0) {
		note_success(ssh, method->name);
		return OUTCOME_ENOUGH;
	}
	if (ssh_login_fail_if_over(ssh))
		return OUTCOME_FAILED;
	if (result != LIBSSH2_ERROR_AUTHENTICATION_FAILED &&
	    result != LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) {
		ssh_fail_by_library(ssh, ERROR_HOST_UNREACHABLE, "SSH login");
		return OUTCOME_FAILED;
	}
	/* libssh2 keeps to itself whether that was a part of what the server wants. If so, it does
	 * not want it again. */
	attempt->refused = true;
	if (!ask_offer(ssh, offer))
		return OUTCOME_FAILED;
	if (strcmp(before, offer) != 0) {
		note_success(ssh, method->name);
		return OUTCOME_PART;
	}
	if (attempt->secrets_used == secrets_before)
		return OUTCOME_REFUSED;
	snprintf(why, sizeof(why), "%s refuses what was answered to %s", attempt->hop.name,
	    method->name);
	ssh_login_fail_refused(ssh, true, why);
	return OUTCOME_FAILED;
}

static void fail_without_method(struct ssh *ssh, const char *offer, const bool *refused)
{
	const struct record_hop *hop = &ssh->attempt->hop;

	for (size_t i = 0; i < METHOD_COUNT; i++)
		if (refused[i]) {
			ssh_fail(ssh, ERROR_AUTH_FAILED, "%s refuses %s and offers %.150s",
			    hop->name, methods[i].name, offer);
			return;
		}
	ssh_fail(ssh, ERROR_METHOD_MISSING, "%s offers %.150s; allowed are %s%s", hop->name, offer,
	    hop->methods,
	    hop->key_length == 0  ? " (there is no key)"
	    : key_is_too_new(ssh) ? " (RSA keys need libssh2 1.11: give it an Ed25519 one)"
				  : "");
}

/* Our key alone would let in whoever reaches the gateway, as whomever he likes. */
static bool may_open(struct ssh *ssh)
{
	const struct ssh_attempt *attempt = ssh->attempt;

	if (!attempt->signature_used || attempt->secrets_used != 0 || attempt->hop.key_alone != 0)
		return true;
	ssh_fail(ssh, ERROR_KEY_ALONE, "%s asks for %s, and the user for nothing",
	    attempt->hop.name, attempt->methods);
	return false;
}

bool ssh_methods_try(struct ssh *ssh)
{
	bool refused[METHOD_COUNT] = {false};
	char offer[OFFER_BYTES];
	bool wanted = ask_offer(ssh, offer);

	note_banner(ssh);
	if (!wanted) {
		if (libssh2_userauth_authenticated(ssh->session))
			note_success(ssh, "none");
		return ssh->attempt->methods[0] != 0;
	}
	for (unsigned steps = 0; steps < STEPS_MAX;) {
		const struct method *method = choose(ssh, offer, refused);

		if (method == NULL) {
			fail_without_method(ssh, offer, refused);
			return false;
		}
		switch (try_method(ssh, method, offer)) {
		case OUTCOME_ENOUGH:
			return may_open(ssh);
		case OUTCOME_PART:
			memset(refused, 0, sizeof(refused));
			steps++;
			break;
		case OUTCOME_REFUSED:
			refused[method - methods] = true;
			break;
		case OUTCOME_FAILED:
			return false;
		}
	}
	ssh_fail(ssh, ERROR_METHOD_MISSING, "%s is not content with %s", ssh->attempt->hop.name,
	    ssh->attempt->methods);
	return false;
}
