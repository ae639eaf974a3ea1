/* SPDX-License-Identifier: ISC */
/*
 * Private keys in files, in OpenSSH's own format or PEM, without passphrase. Runs in
 * x2goweb-brokerd; keeps nothing of what it has read but the key.
 */
#ifndef BROKERD_KEY_FILE_H
#define BROKERD_KEY_FILE_H

#include <openssl/types.h>
#include <stddef.h>

/* Reads the private key in the file at path; the caller frees it by EVP_PKEY_free.
 * Fails: NULL, and why: a text for the admin that names the path. */
EVP_PKEY *key_file_read(const char *path, char *why, size_t why_size);

#endif
