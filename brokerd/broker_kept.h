/* SPDX-License-Identifier: ISC */
/*
 * What outlives the broker beside its logins: what an admin has ordered. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_BROKER_KEPT_H
#define BROKERD_BROKER_KEPT_H

struct broker;

/* Takes what the broker before has kept, and keeps it from now on. */
void broker_restore(struct broker *broker);

/* Writes the record anew, after each change. */
void broker_keep(const struct broker *broker);

#endif
