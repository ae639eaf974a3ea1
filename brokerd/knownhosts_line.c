/* SPDX-License-Identifier: ISC */
#include "knownhosts_line.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hostkey.h"
#include "proto/secret.h"

#define SHA1_BYTES 20
/* Base64 of a key of HOST_KEY_BYTES, and of more: the excess is told from garbage. */
#define BASE64_MAX 4096

/* A piece of a line. */
struct field {
	const char *text;
	size_t length;
};

/* --- taking apart ------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next field up to a blank; rest goes on behind it and the blanks that follow. */
static struct field take_field(struct field *rest)
{
	struct field field = {rest->text, 0};

	while (field.length < rest->length && !is_blank(rest->text[field.length]))
		field.length++;
	rest->text += field.length;
	rest->length -= field.length;
	while (rest->length > 0 && is_blank(*rest->text)) {
		rest->text++;
		rest->length--;
	}
	return field;
}

static bool field_is(struct field field, const char *word)
{
	return field.length == strlen(word) && memcmp(field.text, word, field.length) == 0;
}

/* Base64 (RFC 4648 section 4) with its padding. */
static bool decode_base64(struct field field, uint8_t *data, size_t capacity, size_t *ret_length)
{
	size_t padding = 0, bytes = field.length / 4 * 3;
	uint8_t decoded[BASE64_MAX];

	if (bytes == 0 || field.length % 4 != 0 || field.length > BASE64_MAX)
		return false;
	while (padding < 2 && field.text[field.length - 1 - padding] == '=')
		padding++;
	/* It drops what is no Base64 from the end, and then decodes less. */
	if (EVP_DecodeBlock(decoded, (const unsigned char *)field.text, (int)field.length) !=
		(int)bytes ||
	    bytes - padding > capacity)
		return false;
	*ret_length = bytes - padding;
	memcpy(data, decoded, *ret_length);
	return true;
}

static const char *parse_key(struct field type, struct field base64, struct record_hostkey *key)
{
	char shown[HOSTKEY_TYPE_BYTES];
	size_t length;

	if (type.length == 0 || base64.length == 0)
		return "is not a line of hosts, type and key";
	if (!decode_base64(base64, key->blob, sizeof(key->blob), &length))
		return "the key is malformed or too long";
	if (!hostkey_read_type(key->blob, length, shown) || !field_is(type, shown))
		return "the key is not of the type that the line names";
	strcpy(key->type, shown);
	key->blob_length = (uint16_t)length;
	return NULL;
}

static const char *parse_mark(struct field mark, enum host_key_mark *ret_mark)
{
	if (field_is(mark, "@revoked"))
		*ret_mark = HOST_KEY_REVOKED;
	else if (field_is(mark, "@cert-authority"))
		*ret_mark = HOST_KEY_AUTHORITY;
	else
		return "only @revoked and @cert-authority may stand before the hosts";
	return NULL;
}

enum knownhosts_kind knownhosts_line_parse(
    const char *text, size_t length, struct knownhosts_line *line)
{
	struct field rest = {text, length}, hosts, type, base64;

	memset(line, 0, sizeof(*line));
	while (rest.length > 0 && strchr("\r\n", rest.text[rest.length - 1]) != NULL)
		rest.length--;
	while (rest.length > 0 && is_blank(*rest.text)) {
		rest.text++;
		rest.length--;
	}
	if (rest.length == 0 || *rest.text == '#')
		return KNOWNHOSTS_NOTHING;
	hosts = take_field(&rest);
	if (hosts.text[0] == '@') {
		line->wrong = parse_mark(hosts, &line->mark);
		if (line->wrong != NULL)
			return KNOWNHOSTS_WRONG;
		hosts = take_field(&rest);
	}
	line->hosts = hosts.text;
	line->hosts_length = hosts.length;
	line->rest = rest.text;
	line->rest_length = rest.length;
	type = take_field(&rest);
	base64 = take_field(&rest);
	line->wrong = parse_key(type, base64, &line->key);
	line->key.mark = (uint8_t)line->mark;
	return line->wrong == NULL ? KNOWNHOSTS_KEY : KNOWNHOSTS_WRONG;
}

/* --- names -------------------------------------------------------------------------------- */

bool knownhosts_line_is_hashed(const struct knownhosts_line *line)
{
	return line->hosts_length > 0 && line->hosts[0] == '|';
}

/* "|1|salt|hash": HMAC-SHA1 of the name, keyed with the salt. */
static bool match_hashed(struct field hosts, const char *name)
{
	uint8_t salt[SHA1_BYTES], hash[SHA1_BYTES], ours[EVP_MAX_MD_SIZE];
	size_t salt_length, hash_length;
	struct field salt_text, hash_text;
	unsigned ours_length = 0;
	const char *bar;

	if (hosts.length < 3 || memcmp(hosts.text, "|1|", 3) != 0)
		return false;
	salt_text = (struct field){hosts.text + 3, hosts.length - 3};
	bar = memchr(salt_text.text, '|', salt_text.length);
	if (bar == NULL)
		return false;
	hash_text = (struct field){bar + 1, (size_t)(hosts.text + hosts.length - (bar + 1))};
	salt_text.length = (size_t)(bar - salt_text.text);
	return decode_base64(salt_text, salt, sizeof(salt), &salt_length) &&
	       decode_base64(hash_text, hash, sizeof(hash), &hash_length) &&
	       hash_length == SHA1_BYTES &&
	       HMAC(EVP_sha1(), salt, (int)salt_length, (const unsigned char *)name, strlen(name),
		   ours, &ours_length) != NULL &&
	       ours_length == SHA1_BYTES && secret_equal(ours, hash, SHA1_BYTES);
}

/* Pattern with '*' and '?' only: brackets are part of "[host]:port". Goes back to the last '*'
 * alone, so that no pattern takes long. */
static bool match_pattern(struct field pattern, const char *name)
{
	size_t at = 0, star = SIZE_MAX;
	const char *resume = NULL;

	while (*name != 0) {
		char wanted = at < pattern.length ? pattern.text[at] : 0;

		if (wanted == '*') {
			star = at++;
			resume = name;
		} else if (at < pattern.length &&
			   (wanted == '?' || tolower((unsigned char)wanted) == *name)) {
			at++;
			name++;
		} else if (star != SIZE_MAX) {
			at = star + 1;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (at < pattern.length && pattern.text[at] == '*')
		at++;
	return at == pattern.length;
}

static struct field take_item(struct field *hosts)
{
	struct field item = {hosts->text, 0};
	const char *comma = memchr(hosts->text, ',', hosts->length);

	item.length = comma != NULL ? (size_t)(comma - hosts->text) : hosts->length;
	hosts->text += item.length;
	hosts->length -= item.length;
	if (comma != NULL) {
		hosts->text++;
		hosts->length--;
	}
	return item;
}

static bool is_pattern(struct field item)
{
	return memchr(item.text, '*', item.length) != NULL ||
	       memchr(item.text, '?', item.length) != NULL;
}

enum knownhosts_match knownhosts_line_match(const struct knownhosts_line *line, const char *name)
{
	struct field hosts = {line->hosts, line->hosts_length};
	enum knownhosts_match match = KNOWNHOSTS_NO_MATCH;

	if (knownhosts_line_is_hashed(line))
		return match_hashed(hosts, name) ? KNOWNHOSTS_BY_NAME : KNOWNHOSTS_NO_MATCH;
	while (hosts.length > 0) {
		struct field item = take_item(&hosts);
		bool negated = item.length > 0 && item.text[0] == '!';

		item.text += negated;
		item.length -= negated;
		if (!match_pattern(item, name))
			continue;
		if (negated)
			return KNOWNHOSTS_NO_MATCH;
		if (!is_pattern(item))
			match = KNOWNHOSTS_BY_NAME;
		else if (match == KNOWNHOSTS_NO_MATCH)
			match = KNOWNHOSTS_BY_PATTERN;
	}
	return match;
}

bool knownhosts_line_is_about(const struct knownhosts_line *line, const char *name)
{
	char plain[KNOWNHOSTS_NAME_BYTES];
	const char *end = strchr(name, ']');

	if (knownhosts_line_match(line, name) != KNOWNHOSTS_NO_MATCH)
		return true;
	if (line->mark != HOST_KEY_REVOKED || name[0] != '[' || end == NULL)
		return false;
	memcpy(plain, name + 1, (size_t)(end - name - 1));
	plain[end - name - 1] = 0;
	return knownhosts_line_match(line, plain) != KNOWNHOSTS_NO_MATCH;
}

size_t knownhosts_line_without(const struct knownhosts_line *line, const char *name, char *copy)
{
	struct field hosts = {line->hosts, line->hosts_length};
	bool names_some = false;
	size_t length = 0;

	if (knownhosts_line_is_hashed(line))
		return 0;
	while (hosts.length > 0) {
		struct field item = take_item(&hosts);

		if (item.length == 0 || (!is_pattern(item) && match_pattern(item, name)))
			continue;
		if (length > 0)
			copy[length++] = ',';
		if (item.text[0] != '!')
			names_some = true;
		memmove(copy + length, item.text, item.length);
		length += item.length;
	}
	return names_some ? length : 0;
}

bool knownhosts_same_key(const struct record_hostkey *a, const struct record_hostkey *b)
{
	return a->blob_length == b->blob_length && memcmp(a->blob, b->blob, a->blob_length) == 0;
}
