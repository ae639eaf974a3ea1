/* SPDX-License-Identifier: ISC */
#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/secret.h"
#include "proto/wire.h"

/* Of the largest RSA key there is about a quarter. */
#define FILE_BYTES_MAX (64 * 1024)

#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_END   "-----END OPENSSH PRIVATE KEY-----"

/* The file under the hand. */
struct source {
	const char *path;
	char *text; /* secret_malloc'ed, ends with NUL */
	size_t length;
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 2, 3))) static void complain(
    struct source *source, const char *format, ...)
{
	int used = snprintf(source->why, source->why_size, "%s: ", source->path);
	va_list arguments;

	va_start(arguments, format);
	if (used > 0 && (size_t)used < source->why_size)
		vsnprintf(source->why + used, source->why_size - (size_t)used, format, arguments);
	va_end(arguments);
}

/* Nobody but the broker may have been able to read or write it. */
static bool check_mode(struct source *source, const struct stat *status)
{
	bool group_reads = (status->st_mode & S_IRGRP) != 0;

	if (!S_ISREG(status->st_mode))
		complain(source, "is no regular file");
	else if (status->st_uid != 0 && status->st_uid != geteuid())
		complain(source, "belongs to somebody else than root and the broker's user");
	else if ((status->st_mode & (S_IRWXO | S_IWGRP)) != 0 ||
		 (group_reads && status->st_gid != 0 && status->st_gid != getegid()))
		complain(source,
		    "others may read or write it (mode %04o): it must be the broker's own, with "
		    "mode 0400 or 0600, or root's and the broker's group's, with mode 0640",
		    (unsigned)status->st_mode & 07777u);
	else
		return true;
	return false;
}

static bool read_text(struct source *source)
{
	int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	bool good = false;
	ssize_t length;

	if (fd < 0 || fstat(fd, &status) != 0) {
		complain(source, "%s", strerror(errno));
		goto out;
	}
	if (!check_mode(source, &status))
		goto out;
	source->text = secret_malloc(FILE_BYTES_MAX + 1);
	if (source->text == NULL) {
		complain(source, "out of memory");
		goto out;
	}
	length = read(fd, source->text, FILE_BYTES_MAX);
	if (length < 0)
		complain(source, "%s", strerror(errno));
	else if (length == FILE_BYTES_MAX)
		complain(source, "is too long for a private key");
	else
		good = true;
	source->length = good ? (size_t)length : 0;
	source->text[source->length] = 0;
out:
	if (fd >= 0)
		close(fd);
	return good;
}

/* A length of four bytes, then as many. */
static const uint8_t *get_string(struct wire_reader *reader, size_t *ret_length)
{
	*ret_length = (size_t)wire_get_uint(reader, 4);
	return wire_get_bytes(reader, *ret_length);
}

static bool get_equal(struct wire_reader *reader, const char *expected)
{
	size_t length;
	const uint8_t *data = get_string(reader, &length);

	return data != NULL && length == strlen(expected) && memcmp(data, expected, length) == 0;
}

/* A number that is not negative; NULL: there is none. */
static BIGNUM *get_number(struct wire_reader *reader)
{
	size_t length;
	const uint8_t *data = get_string(reader, &length);

	if (data == NULL || length == 0 || length > 2048 || (data[0] & 0x80) != 0)
		return NULL;
	return BN_bin2bn(data, (int)length, NULL);
}

/* Makes a key of what builder holds, and wipes the copies made on the way. */
static EVP_PKEY *build_key(const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) <= 0 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	for (OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++)
		explicit_bzero(param->data, param->data_size);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *read_ed25519(struct wire_reader *reader)
{
	size_t public_length, private_length, derived_length = 32;
	const uint8_t *public = get_string(reader, &public_length);
	const uint8_t *private = get_string(reader, &private_length);
	uint8_t derived[32];
	EVP_PKEY *key;

	/* The seed, then the public half once more. */
	if (public == NULL || private == NULL || public_length != 32 || private_length != 64)
		return NULL;
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private, 32);
	if (key != NULL && EVP_PKEY_get_raw_public_key(key, derived, &derived_length) == 1 &&
	    memcmp(derived, public, 32) == 0)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static EVP_PKEY *read_ecdsa(struct wire_reader *reader, const char *curve, const char *group)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	BIGNUM *number = NULL;
	const uint8_t *point;
	size_t length;

	if (builder == NULL || !get_equal(reader, curve))
		goto out;
	point = get_string(reader, &length);
	number = get_number(reader);
	if (point != NULL && number != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, length) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number))
		key = build_key("EC", builder);
out:
	BN_clear_free(number);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static EVP_PKEY *read_rsa(struct wire_reader *reader)
{
	/* In the order of the file; then what OpenSSL wants beside. */
	enum { N, E, D, COEFFICIENT, P, Q, FROM_FILE, D_OF_P = FROM_FILE, D_OF_Q, COUNT };
	static const char *const names[COUNT] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E,
	    OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, OSSL_PKEY_PARAM_RSA_FACTOR1,
	    OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
	    OSSL_PKEY_PARAM_RSA_EXPONENT2};
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BN_CTX *context = BN_CTX_new();
	BIGNUM *numbers[COUNT] = {NULL}, *less = BN_new();
	bool good = builder != NULL && context != NULL && less != NULL;
	EVP_PKEY *key = NULL;

	for (int i = 0; good && i < COUNT; i++) {
		numbers[i] = i < FROM_FILE ? get_number(reader) : BN_new();
		good = numbers[i] != NULL;
	}
	good = good && BN_sub(less, numbers[P], BN_value_one()) &&
	       BN_mod(numbers[D_OF_P], numbers[D], less, context) &&
	       BN_sub(less, numbers[Q], BN_value_one()) &&
	       BN_mod(numbers[D_OF_Q], numbers[D], less, context);
	for (int i = 0; good && i < COUNT; i++)
		good = OSSL_PARAM_BLD_push_BN(builder, names[i], numbers[i]) == 1;
	if (good)
		key = build_key("RSA", builder);
	for (int i = 0; i < COUNT; i++)
		BN_clear_free(numbers[i]);
	BN_clear_free(less);
	BN_CTX_free(context);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

/* One key as OpenSSH lists its private part: type, numbers. */
static EVP_PKEY *read_numbers(struct source *source, struct wire_reader *reader)
{
	size_t length;
	const uint8_t *type = get_string(reader, &length);
	EVP_PKEY *key;

#define IS(name) (type != NULL && length == sizeof(name) - 1 && memcmp(type, name, length) == 0)
	if (IS("ssh-ed25519")) {
		key = read_ed25519(reader);
	} else if (IS("ecdsa-sha2-nistp256")) {
		key = read_ecdsa(reader, "nistp256", "prime256v1");
	} else if (IS("ecdsa-sha2-nistp384")) {
		key = read_ecdsa(reader, "nistp384", "secp384r1");
	} else if (IS("ecdsa-sha2-nistp521")) {
		key = read_ecdsa(reader, "nistp521", "secp521r1");
	} else if (IS("ssh-rsa")) {
		key = read_rsa(reader);
	} else {
		complain(source, "is a key of another type than ed25519, ecdsa and rsa");
		return NULL;
	}
#undef IS
	if (key == NULL)
		complain(source, "is damaged");
	return key;
}

/* What stands between the lines of OpenSSH's format, decoded: names of cipher and key derivation,
 * count, public half, private part. */
static EVP_PKEY *read_container(struct source *source, const uint8_t *data, size_t length)
{
	static const char magic[] = "openssh-key-v1"; /* its NUL belongs to it */
	struct wire_reader reader = {.data = data, .length = length}, private = {0};
	const uint8_t *start = wire_get_bytes(&reader, sizeof(magic));
	size_t skipped;

	if (start == NULL || memcmp(start, magic, sizeof(magic)) != 0)
		goto damaged;
	if (!get_equal(&reader, "none")) {
		if (reader.failed)
			goto damaged;
		complain(source, "is protected by a passphrase, which the gateway does not have");
		return NULL;
	}
	if (!get_equal(&reader, "none") || !get_equal(&reader, "") ||
	    wire_get_uint(&reader, 4) != 1)
		goto damaged;
	get_string(&reader, &skipped);
	private.data = get_string(&reader, &private.length);
	/* Two equal numbers: it was deciphered well. */
	if (!wire_end(&reader) || wire_get_uint(&private, 4) != wire_get_uint(&private, 4) ||
	    private.failed)
		goto damaged;
	return read_numbers(source, &private);

damaged:
	complain(source, "is damaged");
	return NULL;
}

/* Takes line ends out of text and decodes it into data, of as many bytes. 0: malformed. */
static size_t decode_lines(char *text, uint8_t *data)
{
	size_t used = 0, padding = 0;
	int decoded;

	for (const char *c = text; *c != 0; c++)
		if (strchr(" \t\r\n", *c) == NULL)
			text[used++] = *c;
	while (padding < 2 && used > padding && text[used - 1 - padding] == '=')
		padding++;
	if (used == 0 || used % 4 != 0)
		return 0;
	decoded = EVP_DecodeBlock(data, (const unsigned char *)text, (int)used);
	return decoded > (int)padding ? (size_t)decoded - padding : 0;
}

static EVP_PKEY *read_openssh(struct source *source, char *begin)
{
	char *text = begin + strlen(OPENSSH_BEGIN), *end = strstr(text, OPENSSH_END);
	uint8_t *data = secret_malloc(source->length);
	size_t length = 0;
	EVP_PKEY *key = NULL;

	if (data != NULL && end != NULL) {
		*end = 0;
		length = decode_lines(text, data);
	}
	if (length != 0)
		key = read_container(source, data, length);
	else
		complain(source, data == NULL ? "out of memory" : "is damaged");
	secret_free(data);
	return key;
}

static int on_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

static EVP_PKEY *read_pem(struct source *source)
{
	BIO *bio = BIO_new_mem_buf(source->text, (int)source->length);
	bool protected = false;
	EVP_PKEY *key = NULL;

	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &protected);
	BIO_free(bio);
	if (protected)
		complain(source, "is protected by a passphrase, which the gateway does not have");
	else if (key == NULL)
		complain(source, "holds no private key in OpenSSH's format or PEM, or is damaged");
	return key;
}

EVP_PKEY *key_file_read(const char *path, char *why, size_t why_size)
{
	struct source source = {.path = path, .why = why, .why_size = why_size};
	EVP_PKEY *key = NULL;
	char *begin;

	if (read_text(&source)) {
		begin = strstr(source.text, OPENSSH_BEGIN);
		key = begin != NULL ? read_openssh(&source, begin) : read_pem(&source);
	}
	secret_free(source.text);
	ERR_clear_error();
	return key;
}
