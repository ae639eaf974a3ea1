/* links: proto brokerd/keys.c brokerd/key_file.c */
/* SPDX-License-Identifier: ISC */
/*
 * The gateway's own keys: files as ssh-keygen and openssl write them, what is refused, public
 * halves, and signatures, checked by libcrypto and by a real sshd. Needs ssh-keygen and openssl.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <libssh2.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "brokerd/keys.h"
#include "private_sshd.h"
#include "proto/wire.h"

static char folder[40];
static char why[512];

static const struct kind {
	const char *name, *arguments, *methods[2];
} kinds[] = {
    {"ed25519", "-t ed25519", {"ssh-ed25519", NULL}},
    {"ecdsa256", "-t ecdsa -b 256", {"ecdsa-sha2-nistp256", NULL}},
    {"ecdsa384", "-t ecdsa -b 384", {"ecdsa-sha2-nistp384", NULL}},
    {"ecdsa521", "-t ecdsa -b 521", {"ecdsa-sha2-nistp521", NULL}},
    {"rsa", "-t rsa -b 2048", {"rsa-sha2-256", "rsa-sha2-512"}},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
	char text[500], command[600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(command, sizeof(command), "cd %s && { %s; } >/dev/null 2>&1", folder, text);
	if (system(command) != 0)
		fail_msg("%s", text);
}

static const char *path_of(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static size_t read_file(const char *name, uint8_t *data, size_t size)
{
	FILE *file = fopen(path_of(name), "r");
	size_t length;

	assert_non_null(file);
	length = fread(data, 1, size, file);
	fclose(file);
	return length;
}

static void write_file(const char *name, const void *data, size_t length)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, length, file), length);
	fclose(file);
	assert_int_equal(chmod(path_of(name), 0600), 0);
}

/* NAME in OpenSSH's format with NAME.pub, and NAME.pem; ed25519 of another make in PEM. */
static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/x2goweb-test-keys-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < KIND_COUNT; i++) {
		const char *name = kinds[i].name;

		run("ssh-keygen -q %s -N '' -f %s", kinds[i].arguments, name);
		if (i == 0)
			continue;
		run("cp %s %s.pem; ssh-keygen -q -p -N '' -m PEM -f %s.pem", name, name, name);
		run("cp %s %s.pkcs8; ssh-keygen -q -p -N '' -m PKCS8 -f %s.pkcs8", name, name,
		    name);
	}
	run("openssl genpkey -algorithm ed25519 -out ed25519.pkcs8 && chmod 600 ed25519.pkcs8");
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

/* What ssh-keygen says the public half is. */
static size_t public_of(const char *name, uint8_t *blob)
{
	char file_name[60], type[64], base64[2000];
	FILE *file;
	int length;

	snprintf(file_name, sizeof(file_name), "%s.pub", name);
	file = fopen(path_of(file_name), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%63s %1999s", type, base64), 2);
	fclose(file);
	length = EVP_DecodeBlock(blob, (const unsigned char *)base64, (int)strlen(base64));
	for (size_t i = strlen(base64); i > 0 && base64[i - 1] == '='; i--)
		length--;
	return (size_t)length;
}

static void assert_public(const char *file, const char *name)
{
	uint8_t blob[HOST_KEY_BYTES], expected[2000];
	size_t expected_length = public_of(name, expected);
	uint16_t length = 0;

	if (!keys_read_public(path_of(file), blob, &length, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(length, expected_length);
	assert_memory_equal(blob, expected, length);
}

static void every_type_and_format_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		char file[40];

		assert_public(kinds[i].name, kinds[i].name);
		if (i == 0)
			continue;
		snprintf(file, sizeof(file), "%s.pem", kinds[i].name);
		assert_public(file, kinds[i].name);
		snprintf(file, sizeof(file), "%s.pkcs8", kinds[i].name);
		assert_public(file, kinds[i].name);
	}
	run("openssl pkey -in ed25519.pkcs8 "
	    "-pubout -outform DER -out raw.der");
	{
		uint8_t blob[HOST_KEY_BYTES], der[100];
		size_t der_length = read_file("raw.der", der, sizeof(der));
		uint16_t length = 0;

		assert_true(
		    keys_read_public(path_of("ed25519.pkcs8"), blob, &length, why, sizeof(why)));
		assert_int_equal(length, 4 + 11 + 4 + 32);
		assert_memory_equal(blob + length - 32, der + der_length - 32, 32);
	}
}

static void assert_refused(const char *name, const char *reason)
{
	uint8_t blob[HOST_KEY_BYTES];
	uint16_t length;

	why[0] = 0;
	if (keys_read_public(path_of(name), blob, &length, why, sizeof(why)))
		fail_msg("%s is taken", name);
	if (strstr(why, reason) == NULL || strstr(why, path_of(name)) != why)
		fail_msg("%s: not for: %s", why, reason);
}

static void what_is_no_such_key_is_refused_and_named(void **state)
{
	(void)state;
	assert_refused("missing", "No such file");
	assert_refused(".", "is no regular file");
	run("mkfifo fifo");
	assert_refused("fifo", "is no regular file");
	run("cp ed25519 locked && ssh-keygen -q -p -N secret -f locked");
	assert_refused("locked", "passphrase");
	run("cp rsa.pem locked.pem && ssh-keygen -q -p -N secret -m PEM -f locked.pem");
	assert_refused("locked.pem", "passphrase");
	run("openssl pkcs8 -topk8 -in rsa.pem -out locked.pkcs8 -passout pass:secret && chmod 600 "
	    "locked.pkcs8");
	assert_refused("locked.pkcs8", "passphrase");
	run("cp ed25519.pub public && chmod 600 public");
	assert_refused("public", "no private key");
	run("openssl pkey -in rsa.pem -pubout -out public.pem && chmod 600 public.pem");
	assert_refused("public.pem", "no private key");
	run("openssl genpkey -algorithm x25519 -out x25519 && chmod 600 x25519");
	assert_refused("x25519", "another type");
	run("openssl ecparam -genkey -name secp256k1 -noout -out koblitz && chmod 600 koblitz");
	assert_refused("koblitz", "another type");
	run("openssl genrsa -out short 1024 && chmod 600 short");
	assert_refused("short", "1024 bits");
	run("head -c 70000 /dev/zero >large && chmod 600 large");
	assert_refused("large", "too long");
	run(": >empty && chmod 600 empty");
	assert_refused("empty", "no private key");
	for (unsigned mode = 0604; mode <= 0606; mode += 2) {
		run("cp ed25519 open && chmod %o open", mode);
		assert_refused("open", "others may read or write it");
	}
	run("chmod 620 open");
	assert_refused("open", "others may read or write it");
	if (geteuid() != 0)
		return;
	run("chmod 640 open && chgrp 64299 open");
	assert_refused("open", "others may read or write it");
	run("chmod 600 open && chown 64299 open");
	assert_refused("open", "belongs to somebody else");
	run("chmod 640 open && chown 0:0 open");
	assert_public("open", "ed25519");
}

/* Whatever is cut off or changed: an answer, and no byte read that is not there (ASan). */
static void damaged_files_do_no_harm(void **state)
{
	static uint8_t text[8192], changed[8192], blob[HOST_KEY_BYTES];
	uint16_t blob_length;

	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		size_t length = read_file(kinds[i].name, text, sizeof(text));
		unsigned refused = 0;

		for (size_t cut = 0; cut < length; cut += 13) {
			write_file("cut", text, cut);
			refused +=
			    !keys_read_public(path_of("cut"), blob, &blob_length, why, sizeof(why));
			memcpy(changed, text, length);
			changed[cut] = changed[cut] == 'A' ? '/' : 'A';
			write_file("cut", changed, length);
			keys_read_public(path_of("cut"), blob, &blob_length, why, sizeof(why));
		}
		assert_in_range(refused, length / 13 - 4, length / 13 + 1);
	}
}

static const uint8_t identifier[32] = "this is an SSH session's own id";

/* As the server puts it together: RFC 4252 section 7. */
static size_t compose(
    uint8_t *data, size_t size, const char *method, const uint8_t *blob, size_t blob_length)
{
	struct wire_writer writer = {.data = data, .capacity = size};
	const char *const texts[] = {"alice", "ssh-connection", "publickey"};

	wire_put_uint(&writer, sizeof(identifier), 4);
	wire_put_bytes(&writer, identifier, sizeof(identifier));
	wire_put_uint(&writer, 50, 1);
	for (int i = 0; i < 3; i++) {
		wire_put_uint(&writer, strlen(texts[i]), 4);
		wire_put_bytes(&writer, texts[i], strlen(texts[i]));
	}
	wire_put_uint(&writer, 1, 1);
	wire_put_uint(&writer, strlen(method), 4);
	wire_put_bytes(&writer, method, strlen(method));
	wire_put_uint(&writer, blob_length, 4);
	wire_put_bytes(&writer, blob, blob_length);
	assert_false(writer.failed);
	return writer.length;
}

static int ecdsa_to_der(const struct message_signature *signature, uint8_t *der)
{
	struct wire_reader reader = {
	    .data = signature->signature, .length = signature->signature_length};
	ECDSA_SIG *numbers = ECDSA_SIG_new();
	BIGNUM *halves[2];
	unsigned char *at = der;
	int length;

	for (int i = 0; i < 2; i++) {
		size_t bytes = (size_t)wire_get_uint(&reader, 4);
		const uint8_t *data = wire_get_bytes(&reader, bytes);

		assert_non_null(data);
		assert_int_equal(data[0] & 0x80, 0);
		halves[i] = BN_bin2bn(data, (int)bytes, NULL);
	}
	assert_true(wire_end(&reader));
	assert_int_equal(ECDSA_SIG_set0(numbers, halves[0], halves[1]), 1);
	length = i2d_ECDSA_SIG(numbers, &at);
	ECDSA_SIG_free(numbers);
	return length;
}

static bool verify(const char *file, const char *method, const uint8_t *data, size_t length,
    const struct message_signature *signature)
{
	const EVP_MD *digest = strcmp(method, "ssh-ed25519") == 0 ? NULL
			       : strstr(method, "256") != NULL	  ? EVP_sha256()
			       : strstr(method, "384") != NULL	  ? EVP_sha384()
								  : EVP_sha512();
	FILE *stream = fopen(path_of(file), "r");
	EVP_PKEY *key = PEM_read_PrivateKey(stream, NULL, NULL, NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[200];
	const uint8_t *bytes = signature->signature;
	size_t count = signature->signature_length;
	bool good;

	assert_non_null(key);
	if (strncmp(method, "ecdsa", 5) == 0) {
		count = (size_t)ecdsa_to_der(signature, der);
		bytes = der;
	}
	good = EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
	       EVP_DigestVerify(context, bytes, count, data, length) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	fclose(stream);
	return good;
}

static void check_signature(const char *file, const char *method)
{
	const struct key_login login = {identifier, sizeof(identifier), "alice", method};
	uint8_t blob[HOST_KEY_BYTES], data[2000];
	struct message_signature signature;
	uint16_t blob_length;
	size_t length;

	assert_true(keys_read_public(path_of(file), blob, &blob_length, why, sizeof(why)));
	assert_true(keys_method_fits(blob, blob_length, method));
	/* Often enough to meet numbers of all lengths. */
	for (int i = 0; i < 20; i++) {
		if (!keys_sign(
			path_of(file), blob, blob_length, &login, &signature, why, sizeof(why)))
			fail_msg("%s", why);
		length = compose(data, sizeof(data), method, blob, blob_length);
		assert_true(verify(file, method, data, length, &signature));
		data[9] ^= 1;
		assert_false(verify(file, method, data, length, &signature));
	}
}

static void signatures_of_every_type_are_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		char file[40];

		snprintf(file, sizeof(file), "%s.pkcs8", kinds[i].name);
		for (size_t j = 0; j < 2 && kinds[i].methods[j] != NULL; j++)
			check_signature(file, kinds[i].methods[j]);
	}
}

static void other_methods_and_exchanged_keys_do_not_sign(void **state)
{
	static const char *const others[] = {"ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp384", "",
	    "none", "ssh-ed25519-cert-v01@openssh.com"};
	uint8_t blob[HOST_KEY_BYTES];
	struct message_signature signature;
	struct key_login login = {identifier, sizeof(identifier), "alice", "ssh-ed25519"};
	uint16_t length;

	(void)state;
	assert_true(keys_read_public(path_of("rsa"), blob, &length, why, sizeof(why)));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(keys_method_fits(blob, length, others[i]));
		login.method = others[i];
		assert_false(
		    keys_sign(path_of("rsa"), blob, length, &login, &signature, why, sizeof(why)));
	}
	assert_false(keys_method_fits(blob, 3, "rsa-sha2-256"));
	assert_false(keys_method_fits(blob, 0, "rsa-sha2-256"));
	login.method = "rsa-sha2-256";
	assert_true(keys_sign(path_of("rsa"), blob, length, &login, &signature, why, sizeof(why)));
	assert_false(
	    keys_sign(path_of("ed25519"), blob, length, &login, &signature, why, sizeof(why)));
	assert_non_null(strstr(why, "another key than a moment ago"));
}

/* What libssh2 asks its callback for, answered by way of the broker's own function. */
struct asked {
	const char *file;
	const uint8_t *blob;
	size_t blob_length;
};

static int on_sign(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len,
    const unsigned char *data, size_t data_len, void **abstract)
{
	const struct asked *asked = *abstract;
	struct wire_reader reader = {.data = data, .length = data_len};
	struct message_signature signature;
	struct key_login login = {.user = SSHD_USER};
	char method[64] = "";
	size_t length;

	(void)session;
	login.session_id_length = (size_t)wire_get_uint(&reader, 4);
	login.session_id = wire_get_bytes(&reader, login.session_id_length);
	wire_get_bytes(&reader, 1);
	for (int i = 0; i < 3; i++)
		wire_get_bytes(&reader, (size_t)wire_get_uint(&reader, 4));
	wire_get_bytes(&reader, 1);
	length = (size_t)wire_get_uint(&reader, 4);
	memcpy(method, wire_get_bytes(&reader, length), length);
	login.method = method;
	if (!keys_sign(path_of(asked->file), asked->blob, asked->blob_length, &login, &signature,
		why, sizeof(why)))
		return -1;
	*sig = malloc(signature.signature_length);
	memcpy(*sig, signature.signature, signature.signature_length);
	*sig_len = signature.signature_length;
	return 0;
}

static int log_in(const struct private_sshd *sshd, const char *file)
{
	uint8_t blob[HOST_KEY_BYTES];
	uint16_t length;
	struct asked asked = {file, blob, 0};
	void *abstract = &asked;
	LIBSSH2_SESSION *session = libssh2_session_init();
	int fd = sshd_connect(sshd->port), result;

	assert_true(keys_read_public(path_of(file), blob, &length, why, sizeof(why)));
	asked.blob_length = length;
	assert_int_equal(libssh2_session_handshake(session, fd), 0);
	result = libssh2_userauth_publickey(session, SSHD_USER, blob, length, on_sign, &abstract);
	libssh2_session_disconnect(session, "done");
	libssh2_session_free(session);
	close(fd);
	return result;
}

static void a_real_sshd_takes_the_signatures(void **state)
{
	struct private_sshd sshd;
	char home[60];

	(void)state;
	if (!sshd_start(&sshd, "Match all\nAuthorizedKeysFile .ssh/authorized_keys\n")) {
		print_message("skipped: no sshd\n");
		skip();
	}
	snprintf(home, sizeof(home), "%s/home", sshd.folder);
	run("mkdir %s/.ssh && cat ed25519.pub ecdsa256.pub ecdsa384.pub rsa.pub "
	    ">%s/.ssh/authorized_keys",
	    home, home);
	assert_int_equal(log_in(&sshd, "ed25519"), 0);
	assert_int_equal(log_in(&sshd, "ecdsa256"), 0);
	assert_int_equal(log_in(&sshd, "ecdsa384.pem"), 0);
	/* libssh2 1.10 knows RSA with SHA-1 only, which is not signed. */
	assert_int_equal(log_in(&sshd, "rsa") == 0, LIBSSH2_VERSION_NUM >= 0x010b00);
	/* The server does not know this one. */
	assert_int_not_equal(log_in(&sshd, "ecdsa521"), 0);
	sshd_stop(&sshd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_and_format_is_read),
	    cmocka_unit_test(what_is_no_such_key_is_refused_and_named),
	    cmocka_unit_test(damaged_files_do_no_harm),
	    cmocka_unit_test(signatures_of_every_type_are_good),
	    cmocka_unit_test(other_methods_and_exchanged_keys_do_not_sign),
	    cmocka_unit_test(a_real_sshd_takes_the_signatures),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
