/* SPDX-License-Identifier: ISC */
/*
 * A provider for libcrypto that has one cipher, AES-128-CTR. Runs in x2goweb-session.
 *
 * libssh2 gives its cipher 16 bytes a call. libcrypto's AES-CTR is made for long runs, and in such
 * calls it costs more than all the rest of the relay's own work. But what CTR adds to the data
 * depends on key and counter alone: here libcrypto's own AES-CTR computes a piece of it ahead, and
 * a call is left with adding its 16 bytes. What that brings: docs/bench.md.
 *
 * It owns the pieces and what was used of them; keys and AES itself stay libcrypto's. To who calls
 * it, it is as libcrypto's own cipher, but for OSSL_CIPHER_PARAM_NUM, a position within a block. It
 * must not offer what libcrypto itself uses in the background, as its random generator does
 * AES-256-CTR.
 */
#include "ssh_keystream.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdint.h>
#include <string.h>

#include "proto/log.h"

#define PROVIDER    "x2goweb"
#define CIPHER	    "AES-128-CTR"
#define KEY_BYTES   16
#define BLOCK_BYTES 16

/* Shorter pieces take more calls; longer ones bring no more, and each idle session has four. */
#define PIECE_BYTES 2048

struct stream {
	EVP_CIPHER_CTX *aes;
	uint8_t counter[BLOCK_BYTES]; /* of the block after the piece, where aes goes on */
	size_t used;		      /* of the piece; all of it: there is none */
	uint8_t piece[PIECE_BYTES];
};

static EVP_CIPHER *aes_ctr; /* libcrypto's own */
static OSSL_PROVIDER *provider;

/* --- one stream ----------------------------------------------------------------------------- */

static void stream_free(void *context)
{
	struct stream *stream = context;

	if (stream == NULL)
		return;
	EVP_CIPHER_CTX_free(stream->aes);
	OPENSSL_clear_free(stream, sizeof(*stream));
}

static void *stream_new(void *ignored)
{
	struct stream *stream = OPENSSL_zalloc(sizeof(*stream));

	(void)ignored;
	if (stream == NULL)
		return NULL;
	stream->used = PIECE_BYTES;
	stream->aes = EVP_CIPHER_CTX_new();
	if (stream->aes != NULL && EVP_EncryptInit_ex2(stream->aes, aes_ctr, NULL, NULL, NULL) == 1)
		return stream;
	stream_free(stream);
	return NULL;
}

static void *stream_copy(void *context)
{
	const struct stream *stream = context;
	struct stream *copy = stream_new(NULL);

	if (copy == NULL)
		return NULL;
	copy->used = stream->used;
	memcpy(copy->counter, stream->counter, sizeof(copy->counter));
	memcpy(copy->piece, stream->piece, sizeof(copy->piece));
	if (EVP_CIPHER_CTX_copy(copy->aes, stream->aes) == 1)
		return copy;
	stream_free(copy);
	return NULL;
}

static void counter_move(uint8_t counter[BLOCK_BYTES], int blocks)
{
	for (size_t i = BLOCK_BYTES; i-- != 0;) {
		blocks += counter[i];
		counter[i] = (uint8_t)(blocks & 0xff);
		blocks >>= 8;
	}
}

/* There is nothing to pad, and no other length of key. */
static int stream_set(void *context, const OSSL_PARAM params[])
{
	const OSSL_PARAM *wanted = OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_KEYLEN);
	size_t bytes;

	(void)context;
	return wanted == NULL || (OSSL_PARAM_get_size_t(wanted, &bytes) == 1 && bytes == KEY_BYTES);
}

/* The key or the IV may come by itself. Without an IV it goes on with the next whole block. */
static int stream_init(void *context, const unsigned char *key, size_t key_length,
    const unsigned char *iv, size_t iv_length, const OSSL_PARAM params[])
{
	struct stream *stream = context;

	if ((key != NULL && key_length != KEY_BYTES) || (iv != NULL && iv_length != BLOCK_BYTES) ||
	    !stream_set(stream, params))
		return 0;
	if (iv != NULL)
		memcpy(stream->counter, iv, sizeof(stream->counter));
	else
		counter_move(stream->counter, -(int)((PIECE_BYTES - stream->used) / BLOCK_BYTES));
	stream->used = PIECE_BYTES;
	OPENSSL_cleanse(stream->piece, sizeof(stream->piece));
	return EVP_EncryptInit_ex2(stream->aes, NULL, key, stream->counter, NULL);
}

static bool fill(struct stream *stream)
{
	static const uint8_t zeros[PIECE_BYTES];
	int length;

	if (EVP_EncryptUpdate(stream->aes, stream->piece, &length, zeros, PIECE_BYTES) != 1)
		return false;
	counter_move(stream->counter, PIECE_BYTES / BLOCK_BYTES);
	stream->used = 0;
	return true;
}

/* A block is one word: libssh2 reads it as one right afterwards, and two halves would delay that.
 */
static void add_block(uint8_t *out, const uint8_t *in, const uint8_t *piece)
{
	typedef uint64_t block __attribute__((vector_size(BLOCK_BYTES)));
	block data, key;

	memcpy(&data, in, sizeof(data));
	memcpy(&key, piece, sizeof(key));
	data ^= key;
	memcpy(out, &data, sizeof(data));
}

static int add_any(struct stream *stream, uint8_t *out, const uint8_t *in, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (stream->used == PIECE_BYTES && !fill(stream))
			return 0;
		out[i] = in[i] ^ stream->piece[stream->used++];
	}
	return 1;
}

/* Either direction. out may be in. */
static int stream_cipher(void *context, unsigned char *out, size_t *out_length, size_t out_size,
    const unsigned char *in, size_t length)
{
	struct stream *stream = context;

	if (out_size < length)
		return 0;
	*out_length = length;
	if (length != BLOCK_BYTES || stream->used > PIECE_BYTES - BLOCK_BYTES)
		return add_any(stream, out, in, length);
	add_block(out, in, stream->piece + stream->used);
	stream->used += BLOCK_BYTES;
	return 1;
}

static int stream_final(void *context, unsigned char *out, size_t *out_length, size_t out_size)
{
	(void)context;
	(void)out;
	(void)out_size;
	*out_length = 0;
	return 1;
}

/* --- what libcrypto is told ----------------------------------------------------------------- */

static int tell(OSSL_PARAM params[])
{
	static const struct {
		const char *name;
		size_t value;
	} facts[] = {
	    {OSSL_CIPHER_PARAM_MODE, EVP_CIPH_CTR_MODE},
	    {OSSL_CIPHER_PARAM_BLOCK_SIZE, 1},
	    {OSSL_CIPHER_PARAM_KEYLEN, KEY_BYTES},
	    {OSSL_CIPHER_PARAM_IVLEN, BLOCK_BYTES},
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		OSSL_PARAM *asked = OSSL_PARAM_locate(params, facts[i].name);

		if (asked != NULL && OSSL_PARAM_set_size_t(asked, facts[i].value) != 1)
			return 0;
	}
	return 1;
}

static int stream_tell(void *context, OSSL_PARAM params[])
{
	(void)context;
	return tell(params);
}

static const OSSL_PARAM *list_set(void *context, void *ignored)
{
	static const OSSL_PARAM list[] = {
	    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
	    OSSL_PARAM_uint(OSSL_CIPHER_PARAM_PADDING, NULL),
	    OSSL_PARAM_END,
	};

	(void)context;
	(void)ignored;
	return list;
}

static const OSSL_PARAM *list_told(void *context, void *ignored)
{
	static const OSSL_PARAM list[] = {
	    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
	    OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL),
	    OSSL_PARAM_END,
	};

	(void)context;
	(void)ignored;
	return list;
}

#define FUNCTION(id, function)                                                                     \
	{                                                                                          \
		OSSL_FUNC_CIPHER_##id, (void (*)(void))(function)                                  \
	}

static const OSSL_ALGORITHM *query(void *ignored, int operation, int *must_not_cache)
{
	static const OSSL_DISPATCH functions[] = {
	    FUNCTION(NEWCTX, stream_new),
	    FUNCTION(FREECTX, stream_free),
	    FUNCTION(DUPCTX, stream_copy),
	    FUNCTION(ENCRYPT_INIT, stream_init),
	    FUNCTION(DECRYPT_INIT, stream_init),
	    FUNCTION(UPDATE, stream_cipher),
	    FUNCTION(FINAL, stream_final),
	    FUNCTION(CIPHER, stream_cipher),
	    FUNCTION(GET_PARAMS, tell),
	    FUNCTION(GET_CTX_PARAMS, stream_tell),
	    FUNCTION(SET_CTX_PARAMS, stream_set),
	    FUNCTION(GETTABLE_CTX_PARAMS, list_told),
	    FUNCTION(SETTABLE_CTX_PARAMS, list_set),
	    {0, NULL},
	};
	static const OSSL_ALGORITHM ciphers[] = {
	    {CIPHER, "provider=" PROVIDER, functions, NULL},
	    {NULL, NULL, NULL, NULL},
	};

	(void)ignored;
	*must_not_cache = 0;
	return operation == OSSL_OP_CIPHER ? ciphers : NULL;
}

static int provide(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
	    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
	    {0, NULL},
	};

	(void)handle;
	(void)in;
	*out = functions;
	*context = NULL;
	return 1;
}

bool ssh_keystream_is_used(void)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, CIPHER, NULL);
	const OSSL_PROVIDER *by = cipher != NULL ? EVP_CIPHER_get0_provider(cipher) : NULL;
	bool ours = by != NULL && strcmp(OSSL_PROVIDER_get0_name(by), PROVIDER) == 0;

	EVP_CIPHER_free(cipher);
	return ours;
}

/* Those providers that are there without configuration stay. Who wants FIPS, wants theirs only. */
void ssh_keystream_init(void)
{
	aes_ctr = EVP_CIPHER_fetch(NULL, CIPHER, "provider!=" PROVIDER);
	if (aes_ctr != NULL && EVP_default_properties_is_fips_enabled(NULL) == 0 &&
	    OSSL_PROVIDER_add_builtin(NULL, PROVIDER, provide) == 1 &&
	    (provider = OSSL_PROVIDER_try_load(NULL, PROVIDER, 1)) != NULL &&
	    EVP_set_default_properties(NULL, "?provider=" PROVIDER) == 1 && ssh_keystream_is_used())
		return;
	log_warnx("ssh: no key stream ahead, so libssh2 takes twice the processor time");
	ERR_clear_error();
}

void ssh_keystream_finish(void)
{
	EVP_set_default_properties(NULL, "");
	if (provider != NULL)
		OSSL_PROVIDER_unload(provider);
	provider = NULL;
	EVP_CIPHER_free(aes_ctr);
	aes_ctr = NULL;
}
