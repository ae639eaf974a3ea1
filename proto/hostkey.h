/* SPDX-License-Identifier: ISC */
/*
 * What SSH host keys are called: the type that a public key's blob names and its fingerprint.
 * Linked by every program; pure.
 */
#ifndef PROTO_HOSTKEY_H
#define PROTO_HOSTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTKEY_TYPE_BYTES	  65
#define HOSTKEY_FINGERPRINT_BYTES 64

/* "SHA256:" and the unpadded Base64 of the blob's hash, as OpenSSH prints it. */
void hostkey_print_fingerprint(
    const uint8_t *blob, size_t length, char text[HOSTKEY_FINGERPRINT_BYTES]);

/* The blob's first string (RFC 4253 section 6.6). False unless it is a name as RFC 4251 section 6
 * has them: printable ASCII without blanks and commas. */
bool hostkey_read_type(const uint8_t *blob, size_t length, char type[HOSTKEY_TYPE_BYTES]);

#endif
