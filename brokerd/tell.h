/* SPDX-License-Identifier: ISC */
/*
 * An admin's words on their way to users' pages: goes out to each login that is meant, and counts
 * what the session processes say of it. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_TELL_H
#define BROKERD_TELL_H

#include "proto/messages.h"

struct broker;
struct conn;

/* asker is answered SAID once all have said what became of it, or have had time enough. */
void tell_logins(struct broker *broker, const struct message *say, struct conn *asker);

/* asker has gone: what is under way is counted for nobody. */
void tell_forget_asker(struct broker *broker, const struct conn *asker);

#endif
