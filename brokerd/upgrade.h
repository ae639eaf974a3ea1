/* SPDX-License-Identifier: ISC */
/*
 * The broker becomes what is installed now, with all its logins: the new program is asked first
 * whether it takes the configuration. Runs in x2goweb-brokerd; daemon.c does the last step.
 */
#ifndef BROKERD_UPGRADE_H
#define BROKERD_UPGRADE_H

#include <stdint.h>

struct broker;
struct conn;
struct upgrade;

/* program: path of the broker's own; arguments: all of them, with its name, and valid for ever.
 * go is called once the new program is known to be good. Fails: NULL if memory is short. */
struct upgrade *upgrade_create(struct broker *broker, const char *program, char *const *arguments,
    void (*go)(void *arg), void *arg);
void upgrade_destroy(struct upgrade *upgrade);

/* Begins. asker, which may be NULL, gets DONE right before the broker leaves, or FAIL. */
void upgrade_begin(struct upgrade *upgrade, struct conn *asker, uint32_t request_id);

void upgrade_forget_asker(struct upgrade *upgrade, const struct conn *asker);

#endif
