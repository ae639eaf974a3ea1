/* SPDX-License-Identifier: ISC */
/*
 * Host keys on file, in OpenSSH's known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"):
 * finding those that count for a server, and adding one that was shown for the first time. Whether
 * a server has such a key is the session's to prove. Runs in x2goweb-brokerd and brokerctl; reads
 * and writes local files and knows no SSH.
 *
 * A server is looked up by the one name that the configuration gives it: "host", or "[host]:port"
 * if the port is not 22. A key of "host" does not count for its other ports.
 */
#ifndef BROKERD_KNOWNHOSTS_H
#define BROKERD_KNOWNHOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "knownhosts_line.h"
#include "proto/errors.h"
#include "proto/log.h"
#include "proto/messages.h"

/* Where keys are looked for; both count alike. */
struct knownhosts_files {
	const char *known_hosts;    /* the admin's */
	const char *accepted_hosts; /* the broker's own; it need not exist. NULL: none */
};

/* Is shown one line of a file; number counts from 1. */
typedef void knownhosts_visit(const char *path, unsigned number, enum knownhosts_kind kind,
    const struct knownhosts_line *line, void *arg);

/* Shows all lines of a file to visit. Fails: false with errno if it cannot be read. */
bool knownhosts_read(const char *path, knownhosts_visit *visit, void *arg);

/* "host" or "[host]:port", in lower case. False if no line could name it: too long, or a
 * character in it that means something in such files. */
bool knownhosts_name(const char *host, uint16_t port, char name[KNOWNHOSTS_NAME_BYTES]);

/* Appends the keys of host at port to keys, with this hop and their marks. A key that is both
 * trusted and revoked is revoked. Lines that are not understood are skipped with a line in the log;
 * so are keys beyond capacity, AUTHORITY before TRUSTED. A file that does not exist has no keys.
 * keys: room for capacity entries, *count of which are used before and after.
 * Fails: false with errno if a file cannot be read, E2BIG if there is no room for a revoked key.
 * Then nobody knows which keys are revoked, and the server must not be dialled. */
bool knownhosts_find(const struct knownhosts_files *files, const char *host, uint16_t port,
    uint8_t hop, struct record_hostkey *keys, size_t capacity, size_t *count);

/* Logs each key on file for host at port with fingerprint, file and line: what an admin compares
 * when a server shows another key. */
void knownhosts_log(const struct knownhosts_files *files, const char *host, uint16_t port,
    const struct log_context *context);

/* Writes key down as trusted in accepted_hosts, unless that name has keys of its own by now. The
 * file is locked meanwhile, without waiting, and replaced as a whole. Its folder must exist.
 * ERROR_NONE: the key is on file, maybe since before. Else what the login ends with, with the
 * reason in *ret_detail (static): HOST_KEY_CHANGED (another key was quicker), HOST_KEY_REVOKED, or
 * INTERNAL if it cannot be written. */
enum error_code knownhosts_accept(const struct knownhosts_files *files, const char *host,
    uint16_t port, const uint8_t *blob, size_t blob_length, const char **ret_detail);

#endif
