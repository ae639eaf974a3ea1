/* SPDX-License-Identifier: ISC */
#include "keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "key_file.h"
#include "proto/wire.h"

#define SSH_MSG_USERAUTH_REQUEST 50
#define RSA_BITS_MIN		 2048
#define RSA_BITS_MAX		 8192
/* Identifier, names and a public key, each with a length before it. */
#define SIGNED_BYTES_MAX (HOST_KEY_BYTES + 512)

/* Methods, and what they are signed with. group: the curve as OpenSSL calls it; curve: as SSH. */
static const struct method {
	const char *name, *key_name; /* of the public half */
	const char *type, *group, *curve;
	const EVP_MD *(*digest)(void);
} methods[] = {
    {"ssh-ed25519", "ssh-ed25519", "ED25519", NULL, NULL, NULL},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "EC", "prime256v1", "nistp256", EVP_sha256},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "EC", "secp384r1", "nistp384", EVP_sha384},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "EC", "secp521r1", "nistp521", EVP_sha512},
    {"rsa-sha2-512", "ssh-rsa", "RSA", NULL, NULL, EVP_sha512},
    {"rsa-sha2-256", "ssh-rsa", "RSA", NULL, NULL, EVP_sha256},
};

#define METHOD_COUNT (sizeof(methods) / sizeof(methods[0]))

static void put_string(struct wire_writer *writer, const void *data, size_t length)
{
	wire_put_uint(writer, length, 4);
	wire_put_bytes(writer, data, length);
}

static void put_text(struct wire_writer *writer, const char *text)
{
	put_string(writer, text, strlen(text));
}

/* RFC 4251 section 5, of a number that is not negative. */
static void put_number(struct wire_writer *writer, const BIGNUM *number)
{
	uint8_t bytes[1 + RSA_BITS_MAX / 8] = {0};
	int length = BN_num_bytes(number);

	if (length < 0 || (size_t)length >= sizeof(bytes)) {
		writer->failed = true;
		return;
	}
	BN_bn2bin(number, bytes + 1);
	/* A first bit that is set would be the sign. */
	if (length != 0 && (bytes[1] & 0x80) != 0)
		put_string(writer, bytes, (size_t)length + 1);
	else
		put_string(writer, bytes + 1, (size_t)length);
}

/* The first method of the key's type; NULL: it can be used with none. */
static const struct method *find_method_of(const EVP_PKEY *key)
{
	char group[64] = "";

	for (size_t i = 0; i < METHOD_COUNT; i++) {
		if (!EVP_PKEY_is_a(key, methods[i].type))
			continue;
		if (methods[i].group == NULL ||
		    (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) &&
			strcmp(group, methods[i].group) == 0))
			return &methods[i];
	}
	return NULL;
}

static void put_ed25519(struct wire_writer *writer, const EVP_PKEY *key)
{
	uint8_t bytes[32];
	size_t length = sizeof(bytes);

	if (EVP_PKEY_get_raw_public_key(key, bytes, &length) == 1)
		put_string(writer, bytes, length);
	else
		writer->failed = true;
}

/* The point, not compressed (RFC 5656 section 3.1). */
static void put_ecdsa(struct wire_writer *writer, const EVP_PKEY *key, const char *curve)
{
	size_t side = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	BIGNUM *x = NULL, *y = NULL;
	uint8_t point[1 + 2 * 66] = {POINT_CONVERSION_UNCOMPRESSED};

	put_text(writer, curve);
	if (2 * side < sizeof(point) &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
	    BN_bn2binpad(x, point + 1, (int)side) > 0 &&
	    BN_bn2binpad(y, point + 1 + side, (int)side) > 0)
		put_string(writer, point, 1 + 2 * side);
	else
		writer->failed = true;
	BN_free(x);
	BN_free(y);
}

static void put_rsa(struct wire_writer *writer, const EVP_PKEY *key)
{
	BIGNUM *n = NULL, *e = NULL;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1) {
		put_number(writer, e);
		put_number(writer, n);
	} else {
		writer->failed = true;
	}
	BN_free(n);
	BN_free(e);
}

/* Fails: false, and why. */
static bool write_public(const EVP_PKEY *key, uint8_t *blob, uint16_t *ret_length, const char *path,
    char *why, size_t why_size)
{
	const struct method *method = find_method_of(key);
	struct wire_writer writer = {.data = blob, .capacity = HOST_KEY_BYTES};

	if (method == NULL) {
		snprintf(why, why_size, "%s: is a key of another type than ed25519, ecdsa and rsa",
		    path);
		return false;
	}
	if (strcmp(method->type, "RSA") == 0 &&
	    (EVP_PKEY_get_bits(key) < RSA_BITS_MIN || EVP_PKEY_get_bits(key) > RSA_BITS_MAX)) {
		snprintf(why, why_size, "%s: is an RSA key of %d bits; %d to %d are used", path,
		    EVP_PKEY_get_bits(key), RSA_BITS_MIN, RSA_BITS_MAX);
		return false;
	}
	put_text(&writer, method->key_name);
	if (method->curve != NULL)
		put_ecdsa(&writer, key, method->curve);
	else if (strcmp(method->type, "RSA") == 0)
		put_rsa(&writer, key);
	else
		put_ed25519(&writer, key);
	*ret_length = (uint16_t)writer.length;
	if (writer.failed)
		snprintf(why, why_size, "%s: the key cannot be used", path);
	return !writer.failed;
}

bool keys_read_public(
    const char *path, uint8_t *blob, uint16_t *ret_length, char *why, size_t why_size)
{
	EVP_PKEY *key = key_file_read(path, why, why_size);
	bool good = key != NULL && write_public(key, blob, ret_length, path, why, why_size);

	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

static const struct method *find_method(const uint8_t *blob, size_t length, const char *name)
{
	struct wire_reader reader = {.data = blob, .length = length};
	size_t key_name_length = (size_t)wire_get_uint(&reader, 4);
	const uint8_t *key_name = wire_get_bytes(&reader, key_name_length);

	for (size_t i = 0; key_name != NULL && i < METHOD_COUNT; i++)
		if (strcmp(methods[i].name, name) == 0 &&
		    strlen(methods[i].key_name) == key_name_length &&
		    memcmp(methods[i].key_name, key_name, key_name_length) == 0)
			return &methods[i];
	return NULL;
}

bool keys_method_fits(const uint8_t *blob, size_t length, const char *method)
{
	return find_method(blob, length, method) != NULL;
}

/* OpenSSL's ECDSA signature becomes SSH's. */
static bool convert_ecdsa(struct message_signature *signature)
{
	const unsigned char *der = signature->signature;
	ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, signature->signature_length);
	struct wire_writer writer = {
	    .data = signature->signature, .capacity = sizeof(signature->signature)};

	if (numbers == NULL)
		return false;
	put_number(&writer, ECDSA_SIG_get0_r(numbers));
	put_number(&writer, ECDSA_SIG_get0_s(numbers));
	ECDSA_SIG_free(numbers);
	signature->signature_length = (uint16_t)writer.length;
	return !writer.failed;
}

static bool sign(EVP_PKEY *key, const struct method *method, const struct wire_writer *data,
    struct message_signature *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t length = sizeof(signature->signature);
	bool good =
	    context != NULL &&
	    EVP_DigestSignInit(
		context, NULL, method->digest != NULL ? method->digest() : NULL, NULL, key) == 1 &&
	    EVP_DigestSign(context, signature->signature, &length, data->data, data->length) == 1;

	signature->signature_length = good ? (uint16_t)length : 0;
	EVP_MD_CTX_free(context);
	return good && (method->curve == NULL || convert_ecdsa(signature));
}

bool keys_sign(const char *path, const uint8_t *blob, size_t blob_length,
    const struct key_login *login, struct message_signature *signature, char *why, size_t why_size)
{
	const struct method *method = find_method(blob, blob_length, login->method);
	uint8_t data[SIGNED_BYTES_MAX], current[HOST_KEY_BYTES];
	struct wire_writer writer = {.data = data, .capacity = sizeof(data)};
	EVP_PKEY *key = key_file_read(path, why, why_size);
	uint16_t current_length = 0;
	bool good = false;

	if (key == NULL || !write_public(key, current, &current_length, path, why, why_size))
		goto out;
	if (method == NULL || current_length != blob_length ||
	    memcmp(current, blob, blob_length) != 0) {
		snprintf(why, why_size, "%s: holds another key than a moment ago", path);
		goto out;
	}
	put_string(&writer, login->session_id, login->session_id_length);
	wire_put_uint(&writer, SSH_MSG_USERAUTH_REQUEST, 1);
	put_text(&writer, login->user);
	put_text(&writer, "ssh-connection");
	put_text(&writer, "publickey");
	wire_put_uint(&writer, 1, 1);
	put_text(&writer, method->name);
	put_string(&writer, blob, blob_length);
	good = !writer.failed && sign(key, method, &writer, signature);
	if (!good)
		snprintf(why, why_size, "%s: the key does not sign", path);
out:
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}
