/* SPDX-License-Identifier: ISC */
/*
 * Host keys on file, in OpenSSH's known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
 * Finds the keys that a server may show; whether it has one of them is the session's to prove.
 * Runs in x2goweb-brokerd; reads one local file and knows no SSH.
 */
#ifndef BROKERD_KNOWNHOSTS_H
#define BROKERD_KNOWNHOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

/* Collects the keys of host (as the configuration spells it) at port from the file at path.
 * Revoked keys are left out; lines that are not understood are skipped with a line in the log.
 * keys: room for capacity entries. *ret_count: how many were found, maybe 0.
 * Fails: false with errno if the file cannot be read. */
bool knownhosts_find(const char *path, const char *host, uint16_t port, struct record_hostkey *keys,
    size_t capacity, size_t *ret_count);

#endif
