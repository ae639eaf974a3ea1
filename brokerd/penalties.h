/* SPDX-License-Identifier: ISC */
/*
 * What failed logins lead to: source addresses that are kept away for a growing while, as by sshd's
 * PerSourcePenalties; accounts at which somebody guesses, for a short one; and servers that close
 * connections from this gateway, which are left alone until they may have forgotten. Runs in
 * x2goweb-brokerd; nothing of it outlives the broker.
 */
#ifndef BROKERD_PENALTIES_H
#define BROKERD_PENALTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "policy.h"
#include "proto/conn.h"

/* No account is kept away for longer than this together, not by the failures of one address alone,
 * and not from an exempt network: else anybody could lock out anybody. */
#define PENALTIES_ACCOUNT_MAX_MS 30000
/* How long a server that refuses is not dialled: sshd's shortest penalty. */
#define PENALTIES_HOST_MS 15000

struct penalties;

/* How a login went wrong, as far as it says something about who asked for it. */
enum penalty {
	PENALTY_NONE,
	PENALTY_AUTH_FAILED,
	PENALTY_UNFINISHED,
	PENALTY_CRASH,
	PENALTY_HOST_REFUSED, /* not of the source: of the host */
	PENALTY_COUNT
};

/* Whose login it is. client: LOGIN.client; what is no address counts as one source, "unknown". */
struct penalties_subject {
	const char *client, *user;
	const struct policy_target *target; /* NULL or without id: nowhere yet */
};

/* Fails: NULL if memory is short. */
struct penalties *penalties_create(void);
void penalties_destroy(struct penalties *penalties);

/* Whether a login may be tried now; else what to answer. */
bool penalties_allow(const struct penalties *penalties, const struct config *config,
    const struct penalties_subject *subject, uint64_t now_ms, struct conn_failure *ret_failure);

/* What the reason for which a login has ended says; was_ready: it had been open. */
enum penalty penalties_of(
    enum error_code reason, bool was_ready, const struct policy_target *target);

/* hop: where it went wrong. */
void penalties_add(struct penalties *penalties, const struct config *config,
    const struct penalties_subject *subject, enum penalty penalty, enum hop hop, uint64_t now_ms);

#endif
