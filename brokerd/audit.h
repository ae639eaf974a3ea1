/* SPDX-License-Identifier: ISC */
/*
 * The trail that logins leave in the journal: who came from where, went where by which way, was let
 * in how, saw which session, moved how many bytes, for how long, and why it ended. docs/journal.md
 * is for its readers. What it writes down it counts as well (metrics.h). Runs in x2goweb-brokerd;
 * changes nothing but its own notes in a login.
 */
#ifndef BROKERD_AUDIT_H
#define BROKERD_AUDIT_H

#include <stdint.h>
#include <sys/types.h>

#include "credit.h"
#include "proto/errors.h"
#include "proto/log.h"
#include "proto/messages.h"

struct conn_failure;
struct login;

/* What a login remembers for its lines. */
struct audit {
	/* When its present stream began, and what had been moved until then. */
	uint64_t shown_since_ms, to_bytes_before, from_bytes_before;
	struct credit streams;
	unsigned streams_dropped;
};

/* What the broker remembers. */
struct audit_flood {
	struct credit refusals;
	unsigned refusals_dropped;
};

/* A login that was turned away before anything was tried. Of very many, some are only counted, so
 * that a flood of them does not make the journal drop other lines. */
void audit_refused(const struct login *login, const struct conn_failure *failure);

/* login->reason and the rest of it are set. */
void audit_failed(const struct login *login);

void audit_opened(const struct login *login);

/* login was open. */
void audit_ended(const struct login *login);

/* order, which its session process has carried out for this session. */
void audit_order_done(const struct login *login, enum message_type order, const char *session);

/* login->stream was before until now; reason says why, if it is NONE. */
void audit_stream(struct login *login, enum stream_state before, uint16_t reason);

/* What an admin does by brokerctl: "has ended 3 logins". */
void audit_admin(uid_t admin, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
