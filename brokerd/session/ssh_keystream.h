/* SPDX-License-Identifier: ISC */
/*
 * AES-128-CTR for libssh2, which deciphers 16 bytes a call. See ssh_keystream.c.
 */
#ifndef X2GOWEB_SSH_KEYSTREAM_H
#define X2GOWEB_SSH_KEYSTREAM_H

#include <stdbool.h>

/* From now on who asks libcrypto for AES-128-CTR gets ours. Once a process, before the sandbox is
 * closed. If that cannot be, it says so in the log and all stays as libcrypto has it. */
void ssh_keystream_init(void);

/* When nobody has such a cipher any more. */
void ssh_keystream_finish(void);

/* Whether libcrypto gives ours. */
bool ssh_keystream_is_used(void);

#endif
