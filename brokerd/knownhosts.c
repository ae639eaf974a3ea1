/* SPDX-License-Identifier: ISC */
#include "knownhosts.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "proto/secret.h"
#include "proto/wire.h"

#define SHA1_BYTES 20

/* What a line is looked up for, and what has been found so far. */
struct search {
	const char *path;
	unsigned line;
	char name[300]; /* "host", or "[host]:port" when the port is not 22 */
	struct record_hostkey *keys;
	size_t capacity, count;
	bool revoking; /* second pass: take out what @revoked lines name */
};

/* Decodes Base64 (RFC 4648 section 4) with its padding. False if it is malformed or too long. */
static bool decode_base64(const char *text, uint8_t *data, size_t capacity, size_t *ret_length)
{
	size_t length = strlen(text), padding = 0;
	uint8_t *decoded;
	bool good = false;

	if (length == 0 || length % 4 != 0 || length > 8192)
		return false;
	while (padding < 2 && text[length - 1 - padding] == '=')
		padding++;
	decoded = malloc(length);
	if (decoded == NULL)
		return false;
	if (EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)length) > 0 &&
	    length / 4 * 3 - padding <= capacity) {
		*ret_length = length / 4 * 3 - padding;
		memcpy(data, decoded, *ret_length);
		good = true;
	}
	free(decoded);
	return good;
}

/* "|1|salt|hash": HMAC-SHA1 of the name, keyed with the salt. */
static bool match_hashed(const char *field, const char *name)
{
	char salt_text[64], hash_text[64];
	uint8_t salt[SHA1_BYTES], hash[SHA1_BYTES], ours[EVP_MAX_MD_SIZE];
	size_t salt_length, hash_length;
	unsigned ours_length = 0;

	return sscanf(field, "|1|%63[^|]|%63s", salt_text, hash_text) == 2 &&
	       decode_base64(salt_text, salt, sizeof(salt), &salt_length) &&
	       decode_base64(hash_text, hash, sizeof(hash), &hash_length) &&
	       hash_length == SHA1_BYTES &&
	       HMAC(EVP_sha1(), salt, (int)salt_length, (const unsigned char *)name, strlen(name),
		   ours, &ours_length) != NULL &&
	       ours_length == SHA1_BYTES && secret_equal(ours, hash, SHA1_BYTES);
}

/* Pattern with '*' and '?' only: brackets are part of "[host]:port". */
static bool match_pattern(const char *pattern, const char *name)
{
	while (*pattern != 0) {
		if (*pattern == '*') {
			for (; *pattern == '*'; pattern++)
				;
			for (; *name != 0; name++)
				if (match_pattern(pattern, name))
					return true;
			return *pattern == 0;
		}
		if (*name == 0 || (*pattern != '?' && tolower((unsigned char)*pattern) != *name))
			return false;
		pattern++;
		name++;
	}
	return *name == 0;
}

/* The first field: hashed, or a comma list in which one "!pattern" that fits spoils the line. */
static bool match_hosts(char *field, const char *name)
{
	bool matched = false;
	char *item;

	if (field[0] == '|')
		return match_hashed(field, name);
	while ((item = strsep(&field, ",")) != NULL) {
		bool negated = item[0] == '!';

		if (!match_pattern(item + negated, name))
			continue;
		if (negated)
			return false;
		matched = true;
	}
	return matched;
}

/* Type and blob of a key; the blob begins with the type's name (RFC 4253 section 6.6). */
static bool read_key(const char *type, const char *base64, struct record_hostkey *key)
{
	struct wire_reader reader = {.data = key->blob};
	size_t length;
	const uint8_t *name;

	if (strlen(type) >= sizeof(key->type) ||
	    !decode_base64(base64, key->blob, sizeof(key->blob), &length))
		return false;
	strcpy(key->type, type);
	key->blob_length = (uint16_t)length;
	reader.length = length;
	name = wire_get_bytes(&reader, wire_get_uint(&reader, 4));
	return name != NULL && strlen(type) == reader.offset - 4 &&
	       memcmp(name, type, strlen(type)) == 0;
}

static size_t find_key(const struct search *search, const struct record_hostkey *key)
{
	size_t i = 0;

	while (i < search->count &&
	       (search->keys[i].blob_length != key->blob_length ||
		   memcmp(search->keys[i].blob, key->blob, key->blob_length) != 0))
		i++;
	return i;
}

static void skip(const struct search *search, const char *why)
{
	log_warnx("known hosts: %s:%u: %s", search->path, search->line, why);
}

static void read_line(struct search *search, char *line)
{
	static const char blanks[] = " \t\r\n";
	char *rest = NULL, *field = strtok_r(line, blanks, &rest), *type, *base64;
	struct record_hostkey key = {0};
	bool revoked = false;
	size_t found;

	if (field == NULL || field[0] == '#')
		return;
	if (field[0] == '@') {
		revoked = strcmp(field, "@revoked") == 0;
		if (!revoked && !search->revoking)
			skip(search, "only @revoked is understood; certificates are not used");
		if (!revoked)
			return;
		field = strtok_r(NULL, blanks, &rest);
	}
	if (revoked != search->revoking)
		return;
	type = strtok_r(NULL, blanks, &rest);
	base64 = strtok_r(NULL, blanks, &rest);
	if (field == NULL || type == NULL || base64 == NULL) {
		skip(search, "is not a line of hosts, type and key");
		return;
	}
	if (!match_hosts(field, search->name))
		return;
	if (!read_key(type, base64, &key)) {
		skip(search, "the key is malformed or too long");
		return;
	}
	found = find_key(search, &key);
	if (revoked && found < search->count)
		search->keys[found] = search->keys[--search->count];
	else if (!revoked && found == search->count && found < search->capacity)
		search->keys[search->count++] = key;
	else if (!revoked && found == search->count)
		skip(search, "too many keys for this host");
}

bool knownhosts_find(const char *path, const char *host, uint16_t port, struct record_hostkey *keys,
    size_t capacity, size_t *ret_count)
{
	struct search search = {.path = path, .keys = keys, .capacity = capacity};
	FILE *file = fopen(path, "re");
	size_t line_bytes = 0;
	char *line = NULL;
	bool good = false;
	int saved;

	if (file == NULL)
		return false;
	if (port == 22)
		snprintf(search.name, sizeof(search.name), "%s", host);
	else
		snprintf(search.name, sizeof(search.name), "[%s]:%u", host, (unsigned)port);
	for (char *c = search.name; *c != 0; c++)
		*c = (char)tolower((unsigned char)*c);
	for (int pass = 0; pass < 2; pass++) {
		rewind(file);
		search.line = 0;
		search.revoking = pass == 1;
		while (getline(&line, &line_bytes, file) > 0) {
			search.line++;
			read_line(&search, line);
		}
		if (ferror(file))
			goto out;
	}
	*ret_count = search.count;
	good = true;
out:
	saved = errno;
	free(line);
	fclose(file);
	errno = saved;
	return good;
}
