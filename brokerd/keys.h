/* SPDX-License-Identifier: ISC */
/*
 * Keys of the gateway's own, with which it logs users in to servers that trust it: their public
 * halves as SSH writes them, and signatures. A key is read from its file whenever it is needed and
 * forgotten at once. Runs in x2goweb-brokerd; what is signed is written here, never taken from a
 * session process.
 */
#ifndef BROKERD_KEYS_H
#define BROKERD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

/* What is signed: that user logs in over the SSH connection with this identifier (RFC 4252 section
 * 7), by a method as its algorithm is called there. */
struct key_login {
	const uint8_t *session_id;
	size_t session_id_length;
	const char *user, *method;
};

/* Puts the public half of the key in the file at path into blob (RFC 4253 section 6.6, RFC 5656
 * section 3.1, RFC 8709 section 4), of HOST_KEY_BYTES.
 * Fails: false, and why: a text for the admin that names the path. */
bool keys_read_public(
    const char *path, uint8_t *blob, uint16_t *ret_length, char *why, size_t why_size);

/* Whether a key with this public half may be asked for a signature by this method. */
bool keys_method_fits(const uint8_t *blob, size_t length, const char *method);

/* Signs the login into signature: as the method has it (RFC 4253 section 6.6, RFC 5656 section
 * 3.1.2, RFC 8332 section 3, RFC 8709 section 6), without the method's name and length around it.
 * Fails: as keys_read_public, and if the key in the file is not the one of blob any more. */
bool keys_sign(const char *path, const uint8_t *blob, size_t blob_length,
    const struct key_login *login, struct message_signature *signature, char *why, size_t why_size);

#endif
