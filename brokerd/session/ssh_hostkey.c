/* SPDX-License-Identifier: ISC */
/*
 * Who the server is: its key, compared byte for byte with what is on file. Runs in
 * x2goweb-session, in the login's coroutine. Nothing secret leaves before this has agreed.
 */
#include <string.h>

#include "proto/hostkey.h"

#include "ssh_login.h"

/* The key that the server shows. */
struct shown_key {
	const uint8_t *blob;
	size_t length;
	char type[HOSTKEY_TYPE_BYTES];
};

bool ssh_hostkey_is_on_file(const struct ssh *ssh, const char *type)
{
	const struct ssh_attempt *attempt = ssh->attempt;

	for (size_t i = 0; i < attempt->hostkey_count; i++)
		if (attempt->hostkeys[i].mark == HOST_KEY_TRUSTED &&
		    strcmp(attempt->hostkeys[i].type, type) == 0)
			return true;
	return false;
}

/* True if this very key is on file with that mark. */
static bool is_marked(const struct ssh *ssh, const struct shown_key *shown, enum host_key_mark mark)
{
	const struct ssh_attempt *attempt = ssh->attempt;

	for (size_t i = 0; i < attempt->hostkey_count; i++) {
		const struct record_hostkey *key = &attempt->hostkeys[i];

		if (key->mark == mark && key->blob_length == shown->length &&
		    memcmp(key->blob, shown->blob, shown->length) == 0)
			return true;
	}
	return false;
}

/* --- refusals ------------------------------------------------------------------------------ */

static void fail_changed(struct ssh *ssh, const struct shown_key *shown)
{
	const struct ssh_attempt *attempt = ssh->attempt;
	char on_file[200] = "", fingerprint[HOSTKEY_FINGERPRINT_BYTES];

	for (size_t i = 0; i < attempt->hostkey_count; i++) {
		const struct record_hostkey *key = &attempt->hostkeys[i];
		size_t used = strlen(on_file);

		if (key->mark != HOST_KEY_TRUSTED || strcmp(key->type, shown->type) != 0 ||
		    used + HOSTKEY_FINGERPRINT_BYTES > sizeof(on_file))
			continue;
		hostkey_print_fingerprint(key->blob, key->blob_length, fingerprint);
		snprintf(on_file + used, sizeof(on_file) - used, "%s%s", used != 0 ? " or " : "",
		    fingerprint);
	}
	ssh_fail(ssh, ERROR_HOST_KEY_CHANGED, "%s shows %s %s; on file is %s", attempt->hop.name,
	    shown->type, ssh->fingerprint, on_file);
}

/* Why a server with keys on file is unknown. */
static const char *explain_unknown(struct ssh *ssh)
{
	const struct ssh_attempt *attempt = ssh->attempt;
	bool trusted = false, authority = false;

	for (size_t i = 0; i < attempt->hostkey_count; i++) {
		trusted = trusted || attempt->hostkeys[i].mark == HOST_KEY_TRUSTED;
		authority = authority || attempt->hostkeys[i].mark == HOST_KEY_AUTHORITY;
	}
	if (ssh_hostkey_is_on_file(ssh, "ssh-rsa") &&
	    !ssh_algorithms_have(ssh, LIBSSH2_METHOD_HOSTKEY, "rsa-sha2-256"))
		return "; on file is its RSA key, which this gateway's libssh2 can check by SHA-1 "
		       "only: put its Ed25519 or ECDSA key on file";
	if (trusted)
		return "; on file are keys of other types only";
	return authority ? "; certificates (@cert-authority) are not used" : "";
}

static void fail_unknown(struct ssh *ssh, const struct shown_key *shown)
{
	ssh_fail(ssh, ERROR_HOST_KEY_UNKNOWN, "%s shows %s %s%s", ssh->attempt->hop.name,
	    shown->type, ssh->fingerprint, explain_unknown(ssh));
}

/* --- decision ------------------------------------------------------------------------------ */

static bool ask_user(struct ssh *ssh, const struct shown_key *shown)
{
	struct record_prompt *prompt = &ssh->attempt->prompt;
	const struct record_answer *answer;
	bool yes;

	if (shown->length > sizeof(prompt->key)) {
		fail_unknown(ssh, shown);
		return false;
	}
	prompt->kind = PROMPT_HOST_KEY;
	strcpy(prompt->key_type, shown->type);
	strcpy(prompt->fingerprint, ssh->fingerprint);
	memcpy(prompt->key, shown->blob, shown->length);
	prompt->key_length = (uint16_t)shown->length;
	answer = ssh_login_ask(ssh);
	if (answer == NULL)
		return false;
	yes = strcmp(answer->text, "yes") == 0;
	ssh_login_forget_answers(ssh);
	if (!yes)
		ssh_fail(ssh, ERROR_HOST_KEY_REFUSED, "%s shows %s %s", ssh->attempt->hop.name,
		    shown->type, ssh->fingerprint);
	return yes;
}

bool ssh_hostkey_check(struct ssh *ssh)
{
	struct shown_key shown = {0};
	int library_type;

	shown.blob =
	    (const uint8_t *)libssh2_session_hostkey(ssh->session, &shown.length, &library_type);
	if (shown.blob == NULL) {
		ssh_fail(
		    ssh, ERROR_HOST_KEY_UNKNOWN, "%s shows no host key", ssh->attempt->hop.name);
		return false;
	}
	hostkey_print_fingerprint(shown.blob, shown.length, ssh->fingerprint);
	if (!hostkey_read_type(shown.blob, shown.length, shown.type))
		strcpy(shown.type, "unknown");
	if (is_marked(ssh, &shown, HOST_KEY_REVOKED)) {
		ssh_fail(ssh, ERROR_HOST_KEY_REVOKED, "%s shows %s %s", ssh->attempt->hop.name,
		    shown.type, ssh->fingerprint);
		return false;
	}
	if (is_marked(ssh, &shown, HOST_KEY_TRUSTED))
		return true;
	if (ssh_hostkey_is_on_file(ssh, shown.type))
		fail_changed(ssh, &shown);
	else if (ssh->attempt->hop.host_keys == HOST_KEYS_STRICT)
		fail_unknown(ssh, &shown);
	else
		return ask_user(ssh, &shown);
	return false;
}
