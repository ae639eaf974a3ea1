/* SPDX-License-Identifier: ISC */
#include "hostkey.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

void hostkey_print_fingerprint(
    const uint8_t *blob, size_t length, char text[HOSTKEY_FINGERPRINT_BYTES])
{
	unsigned char hash[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
	unsigned hash_length = 0;

	text[0] = 0;
	if (EVP_Digest(blob, length, hash, &hash_length, EVP_sha256(), NULL) != 1)
		return;
	EVP_EncodeBlock(base64, hash, (int)hash_length);
	base64[strcspn((char *)base64, "=")] = 0;
	snprintf(text, HOSTKEY_FINGERPRINT_BYTES, "SHA256:%.50s", base64);
}

bool hostkey_read_type(const uint8_t *blob, size_t length, char type[HOSTKEY_TYPE_BYTES])
{
	struct wire_reader reader = {.data = blob, .length = length};
	size_t name_length = wire_get_uint(&reader, 4);
	const uint8_t *name = wire_get_bytes(&reader, name_length);

	if (name == NULL || name_length == 0 || name_length >= HOSTKEY_TYPE_BYTES)
		return false;
	for (size_t i = 0; i < name_length; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == ',')
			return false;
	memcpy(type, name, name_length);
	type[name_length] = 0;
	return true;
}
