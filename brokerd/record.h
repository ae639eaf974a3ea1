/* SPDX-License-Identifier: ISC */
/*
 * A record that outlives the broker: one message in memory of its own, written anew at each change.
 * There are two places for it, written in turn, so that a broker that is killed while it writes
 * leaves the one before. Runs in x2goweb-brokerd; nobody else can write to it.
 */
#ifndef BROKERD_RECORD_H
#define BROKERD_RECORD_H

#include <stdbool.h>

#include "proto/messages.h"

/* The record's descriptor, or -1 with errno. */
int record_create(void);

/* Whether fd is one that record_create made. */
bool record_is(int fd);

/* Fails: false, and what was written before is still there. */
bool record_write(int fd, const struct message *message);

/* What was written last. Fails: false if nothing good is there. */
bool record_read(int fd, struct message *message);

#endif
