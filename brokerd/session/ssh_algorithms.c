/* SPDX-License-Identifier: ISC */
/*
 * What is offered to the server for the exchange of keys, the best first. Runs in x2goweb-session.
 */
#include <string.h>

#include "ssh_login.h"

/* Host key types and the methods that use them (RFC 8332 for RSA). */
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

/* The stream is mostly pictures: what the processor does fastest comes first, which is what
 * ssh_keystream.c helps with. */
#define CIPHERS                                                                                    \
	"aes128-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,"  \
	"aes192-ctr,aes256-ctr"
#define MACS                                                                                       \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-256,hmac-sha2-512-etm@openssh.com,hmac-sha2-512"

#define LIST_BYTES 300

/* Types on file first, so that a server that has such a key shows it. The others follow for those
 * that are not known at all, and to have something to name in a refusal. */
static void list_key_methods(const struct ssh *ssh, char *text, size_t size)
{
	text[0] = 0;
	for (int known = 1; known >= 0; known--)
		for (size_t i = 0; i < KEY_TYPE_COUNT; i++) {
			size_t used = strlen(text);

			if (ssh_hostkey_is_on_file(ssh, key_types[i].type) == (known == 1))
				snprintf(text + used, size - used, "%s%s", used != 0 ? "," : "",
				    key_types[i].methods);
		}
}

bool ssh_algorithms_have(const struct ssh *ssh, int type, const char *name)
{
	const char **supported = NULL;
	int count = libssh2_session_supported_algs(ssh->session, type, &supported);
	bool found = false;

	for (int i = 0; i < count && !found; i++)
		found = strcmp(supported[i], name) == 0;
	if (count > 0)
		libssh2_free(ssh->session, supported);
	return found;
}

/* Sets those of the wanted ones that this libssh2 has, in our order. It would leave others out
 * itself, but 1.10 spoils the list when it does. */
static bool set(struct ssh *ssh, int type, const char *wanted)
{
	char list[LIST_BYTES] = "";

	for (const char *at = wanted; *at != 0; at += at[0] == ',') {
		size_t length = strcspn(at, ","), used = strlen(list);
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)length, at);
		if (ssh_algorithms_have(ssh, type, name))
			snprintf(
			    list + used, sizeof(list) - used, "%s%s", used != 0 ? "," : "", name);
		at += length;
	}
	return libssh2_session_method_pref(ssh->session, type, list) == 0;
}

bool ssh_algorithms_set(struct ssh *ssh)
{
	char keys[LIST_BYTES];

	list_key_methods(ssh, keys, sizeof(keys));
	return set(ssh, LIBSSH2_METHOD_HOSTKEY, keys) &&
	       set(ssh, LIBSSH2_METHOD_CRYPT_CS, CIPHERS) &&
	       set(ssh, LIBSSH2_METHOD_CRYPT_SC, CIPHERS) &&
	       set(ssh, LIBSSH2_METHOD_MAC_CS, MACS) && set(ssh, LIBSSH2_METHOD_MAC_SC, MACS);
}
