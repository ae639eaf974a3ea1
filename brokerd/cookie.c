/* SPDX-License-Identifier: ISC */
#include "cookie.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proto/secret.h"

/* text: of 2 * length characters and a NUL. */
static bool make_hex(char *text, uint8_t *random, size_t length)
{
	if (getrandom(random, length, 0) != (ssize_t)length)
		return false;
	for (size_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	return true;
}

bool cookie_make_login(char login[COOKIE_LOGIN_CHARS + 1])
{
	uint8_t random[COOKIE_LOGIN_CHARS / 2];

	return make_hex(login, random, sizeof(random));
}

bool cookie_make_ticket(char ticket[TICKET_CHARS + 1], uint8_t hash[COOKIE_HASH_BYTES])
{
	uint8_t random[TICKET_CHARS / 2];
	bool good = make_hex(ticket, random, sizeof(random));

	if (good)
		SHA256((const unsigned char *)ticket, TICKET_CHARS, hash);
	explicit_bzero(random, sizeof(random));
	return good;
}

bool cookie_make(char cookie[COOKIE_CHARS + 1], uint8_t hash[COOKIE_HASH_BYTES])
{
	uint8_t random[32];
	char text[45];
	bool good = getrandom(random, sizeof(random), 0) == sizeof(random);

	if (good) {
		EVP_EncodeBlock((unsigned char *)text, random, sizeof(random));
		for (char *c = text; *c != 0; c++)
			*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
		memcpy(cookie, text, COOKIE_CHARS);
		cookie[COOKIE_CHARS] = 0;
		SHA256((const unsigned char *)cookie, COOKIE_CHARS, hash);
	}
	explicit_bzero(random, sizeof(random));
	explicit_bzero(text, sizeof(text));
	return good;
}

bool cookie_matches(const char *cookie, const uint8_t hash[COOKIE_HASH_BYTES])
{
	uint8_t ours[COOKIE_HASH_BYTES];

	SHA256((const unsigned char *)cookie, strlen(cookie), ours);
	return secret_equal(ours, hash, sizeof(ours));
}
