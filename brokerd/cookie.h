/* SPDX-License-Identifier: ISC */
/*
 * A login's name and its cookie, the proof that a request belongs to it. Only the cookie's hash
 * is kept. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_COOKIE_H
#define BROKERD_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/messages.h"

#define COOKIE_LOGIN_CHARS 16 /* 8 random bytes in hex */
#define COOKIE_CHARS	   43 /* 32 random bytes in base64url (RFC 4648 section 5), no padding */
#define COOKIE_HASH_BYTES  32 /* SHA-256 of these characters */

/* Fails: false if there is no randomness. */
bool cookie_make_login(char login[COOKIE_LOGIN_CHARS + 1]);

/* The caller wipes cookie. Fails: false if there is no randomness. */
bool cookie_make(char cookie[COOKIE_CHARS + 1], uint8_t hash[COOKIE_HASH_BYTES]);

/* For upstream's client (TICKET_CHARS hex digits): as cookie_make. */
bool cookie_make_ticket(char ticket[TICKET_CHARS + 1], uint8_t hash[COOKIE_HASH_BYTES]);

/* Whether cookie has this hash, in constant time. */
bool cookie_matches(const char *cookie, const uint8_t hash[COOKIE_HASH_BYTES]);

#endif
