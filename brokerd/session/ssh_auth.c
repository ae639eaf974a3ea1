/* SPDX-License-Identifier: ISC */
/*
 * Who the server is, and telling it who we are: methods offered, host key, password. Runs in
 * x2goweb-session. Nothing secret leaves before the host key has been found among those that
 * were handed over, byte for byte.
 */
#include <openssl/evp.h>
#include <string.h>

#include "proto/log.h"
#include "proto/secret.h"

#include "ssh_internal.h"

/* Host key types and the methods that use them, best first (RFC 8332 for RSA). */
static const struct {
	const char *type, *methods;
} key_types[] = {
    {"ssh-ed25519", "ssh-ed25519"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
};
#define KEY_TYPE_COUNT (sizeof(key_types) / sizeof(key_types[0]))

/* The stream is mostly pictures: what the processor does fastest comes first. */
#define CIPHERS                                                                                    \
	"aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,"             \
	"aes128-ctr,aes192-ctr,aes256-ctr"
#define MACS                                                                                       \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-256,hmac-sha2-512-etm@openssh.com,hmac-sha2-512"

#define METHODS_BYTES 300

/* --- methods ------------------------------------------------------------------------------ */

static bool knows_type(const struct ssh *ssh, const char *type)
{
	for (size_t i = 0; i < ssh->hostkey_count; i++)
		if (strcmp(ssh->hostkeys[i].type, type) == 0)
			return true;
	return false;
}

/* Types on file first, so that a server that has such a key shows it. The others follow only to
 * have something to name when it has none: such a key is never accepted. */
static void list_key_methods(const struct ssh *ssh, char *text, size_t size)
{
	text[0] = 0;
	for (int known = 1; known >= 0; known--)
		for (size_t i = 0; i < KEY_TYPE_COUNT; i++) {
			size_t used = strlen(text);

			if (knows_type(ssh, key_types[i].type) == (known == 1))
				snprintf(text + used, size - used, "%s%s", used != 0 ? "," : "",
				    key_types[i].methods);
		}
}

static void note_disconnect(LIBSSH2_SESSION *session, int reason, const char *message,
    int message_length, const char *language, int language_length, void **abstract)
{
	struct ssh *ssh = *abstract;

	(void)session;
	(void)reason;
	(void)language;
	(void)language_length;
	if (message != NULL && message_length > 0)
		message_set_text(
		    ssh->disconnect, sizeof(ssh->disconnect), message, (size_t)message_length);
}

/* Sets those of the wanted methods that this libssh2 has, in our order. It would leave others
 * out itself, but 1.10 spoils the list when it does. */
static bool set_methods(struct ssh *ssh, int type, const char *wanted)
{
	const char **supported = NULL;
	int count = libssh2_session_supported_algs(ssh->session, type, &supported);
	char list[METHODS_BYTES] = "";

	for (const char *at = wanted; count > 0 && *at != 0; at += at[0] == ',') {
		size_t length = strcspn(at, ","), used = strlen(list);

		for (int i = 0; i < count; i++)
			if (strlen(supported[i]) == length && memcmp(supported[i], at, length) == 0)
				snprintf(list + used, sizeof(list) - used, "%s%s",
				    used != 0 ? "," : "", supported[i]);
		at += length;
	}
	if (count > 0)
		libssh2_free(ssh->session, supported);
	return libssh2_session_method_pref(ssh->session, type, list) == 0;
}

bool ssh_auth_set_methods(struct ssh *ssh)
{
	LIBSSH2_SESSION *session = ssh->session;
	char keys[METHODS_BYTES];

#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(
	    session, LIBSSH2_CALLBACK_DISCONNECT, (libssh2_cb_generic *)note_disconnect);
#else
	libssh2_session_callback_set(session, LIBSSH2_CALLBACK_DISCONNECT, (void *)note_disconnect);
#endif
	list_key_methods(ssh, keys, sizeof(keys));
	return set_methods(ssh, LIBSSH2_METHOD_HOSTKEY, keys) &&
	       set_methods(ssh, LIBSSH2_METHOD_CRYPT_CS, CIPHERS) &&
	       set_methods(ssh, LIBSSH2_METHOD_CRYPT_SC, CIPHERS) &&
	       set_methods(ssh, LIBSSH2_METHOD_MAC_CS, MACS) &&
	       set_methods(ssh, LIBSSH2_METHOD_MAC_SC, MACS);
}

/* --- host key ----------------------------------------------------------------------------- */

/* "SHA256:" and the unpadded base64 of the key's hash, as OpenSSH prints it. */
static void print_fingerprint(const uint8_t *blob, size_t length, char *text)
{
	unsigned char hash[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
	unsigned hash_length = 0;

	if (EVP_Digest(blob, length, hash, &hash_length, EVP_sha256(), NULL) != 1)
		log_fatalx("ssh: no SHA-256");
	EVP_EncodeBlock(base64, hash, (int)hash_length);
	base64[strcspn((char *)base64, "=")] = 0;
	snprintf(text, SSH_FINGERPRINT_BYTES, "SHA256:%.50s", base64);
}

/* The type is the first string in the blob (RFC 4253 section 6.6). */
static void read_key_type(const uint8_t *blob, size_t length, char *type, size_t size)
{
	size_t type_length = 0;

	if (length >= 4)
		type_length =
		    (size_t)blob[0] << 24 | (size_t)blob[1] << 16 | (size_t)blob[2] << 8 | blob[3];
	if (type_length == 0 || type_length > length - 4)
		message_set_text(type, size, "unknown", 7);
	else
		message_set_text(type, size, (const char *)blob + 4, type_length);
}

static bool check_host_key(struct ssh *ssh)
{
	const struct record_hostkey *same_type = NULL;
	char type[64], on_file[SSH_FINGERPRINT_BYTES];
	const uint8_t *blob;
	size_t length = 0;
	int library_type;

	blob = (const uint8_t *)libssh2_session_hostkey(ssh->session, &length, &library_type);
	if (blob == NULL) {
		ssh_fail(ssh, ERROR_HOST_KEY_UNKNOWN, "the server shows no host key");
		return false;
	}
	print_fingerprint(blob, length, ssh->fingerprint);
	read_key_type(blob, length, type, sizeof(type));
	for (size_t i = 0; i < ssh->hostkey_count; i++) {
		const struct record_hostkey *key = &ssh->hostkeys[i];

		if (key->mark != HOST_KEY_TRUSTED)
			continue;
		if (key->blob_length == length && memcmp(key->blob, blob, length) == 0)
			return true;
		if (strcmp(key->type, type) == 0)
			same_type = key;
	}
	if (same_type != NULL) {
		print_fingerprint(same_type->blob, same_type->blob_length, on_file);
		ssh_fail(ssh, ERROR_HOST_KEY_CHANGED, "the server shows %s %s; on file is %s", type,
		    ssh->fingerprint, on_file);
	} else {
		ssh_fail(
		    ssh, ERROR_HOST_KEY_UNKNOWN, "the server shows %s %s", type, ssh->fingerprint);
	}
	return false;
}

/* --- handshake and login ------------------------------------------------------------------ */

static void fail_handshake(struct ssh *ssh)
{
	const char *banner = libssh2_session_banner_get(ssh->session);

	/* sshd's penalties and limits close before the banner, perhaps with a word of their own.
	 * That is not about this user. */
	if (ssh->transport.ended && (banner == NULL || strncmp(banner, "SSH-", 4) != 0))
		ssh_fail_by_library(ssh, ERROR_HOST_REFUSED, "closed before the SSH banner");
	else
		ssh_fail_by_library(ssh, ERROR_HOST_UNREACHABLE, "SSH handshake");
}

static void fail_login(struct ssh *ssh, ssize_t result)
{
	switch (result) {
	case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
		ssh_fail(ssh, ERROR_AUTH_FAILED, "the server refuses this user or password");
		break;
	case LIBSSH2_ERROR_PASSWORD_EXPIRED:
		ssh_fail(ssh, ERROR_AUTH_FAILED, "the password has expired");
		break;
	default:
		/* Accounts that are locked or have expired are shown the door after the right
		 * password. */
		ssh_fail_by_library(
		    ssh, ssh->secret_sent ? ERROR_AUTH_FAILED : ERROR_HOST_REFUSED, "login");
	}
}

static bool step_handshake(struct ssh *ssh)
{
	int result = libssh2_session_handshake(ssh->session, ssh->transport.fd);

	if (result == LIBSSH2_ERROR_EAGAIN)
		return false;
	if (result != 0) {
		fail_handshake(ssh);
		return false;
	}
	if (!check_host_key(ssh))
		return false;
	ssh_set_state(ssh, SSH_STATE_METHODS);
	return true;
}

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

static bool step_methods(struct ssh *ssh)
{
	const char *list =
	    libssh2_userauth_list(ssh->session, ssh->user, (unsigned)strlen(ssh->user));

	if (list == NULL && libssh2_userauth_authenticated(ssh->session))
		ssh_set_state(ssh, SSH_STATE_OPEN);
	else if (list == NULL) {
		int result = libssh2_session_last_errno(ssh->session);

		if (result != LIBSSH2_ERROR_EAGAIN)
			fail_login(ssh, result);
		return false;
	} else if (list_has(list, "password"))
		ssh_set_state(ssh, SSH_STATE_PASSWORD);
	else if (list_has(list, "keyboard-interactive"))
		ssh_set_state(ssh, SSH_STATE_KEYBOARD);
	else {
		ssh_fail(
		    ssh, ERROR_AUTH_FAILED, "the server takes no passwords, only: %.100s", list);
		return false;
	}
	return true;
}

static bool finish_login(struct ssh *ssh, int result)
{
	if (result == LIBSSH2_ERROR_EAGAIN)
		return false;
	if (result != 0) {
		fail_login(ssh, result);
		return false;
	}
	ssh_set_state(ssh, SSH_STATE_OPEN);
	return false;
}

static bool step_password(struct ssh *ssh)
{
	ssh->secret_sent = true;
	return finish_login(
	    ssh, libssh2_userauth_password_ex(ssh->session, ssh->user, (unsigned)strlen(ssh->user),
		     ssh->password, (unsigned)strlen(ssh->password), NULL));
}

/* Answers the one question that can only be the password's. Anything else is left unanswered,
 * which the server takes for a failed login. */
static void answer_prompts(const char *name, int name_length, const char *instruction,
    int instruction_length, int prompt_count, const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
	struct ssh *ssh = *abstract;
	size_t length = strlen(ssh->password);

	(void)name;
	(void)name_length;
	(void)instruction;
	(void)instruction_length;
	if (prompt_count != 1 || prompts[0].echo || ssh->asked)
		return;
	ssh->asked = true;
	responses[0].text = ssh_transport_alloc(length + 1, abstract);
	if (responses[0].text == NULL)
		return;
	memcpy(responses[0].text, ssh->password, length + 1);
	responses[0].length = (unsigned)length;
}

static bool step_keyboard(struct ssh *ssh)
{
	ssh->secret_sent = true;
	return finish_login(ssh, libssh2_userauth_keyboard_interactive_ex(ssh->session, ssh->user,
				     (unsigned)strlen(ssh->user), answer_prompts));
}

bool ssh_auth_step(struct ssh *ssh)
{
	switch (ssh->state) {
	case SSH_STATE_HANDSHAKE:
		return step_handshake(ssh);
	case SSH_STATE_METHODS:
		return step_methods(ssh);
	case SSH_STATE_PASSWORD:
		return step_password(ssh);
	case SSH_STATE_KEYBOARD:
		return step_keyboard(ssh);
	default:
		return false;
	}
}

void ssh_auth_forget_password(struct ssh *ssh)
{
	secret_free(ssh->password);
	ssh->password = NULL;
}
