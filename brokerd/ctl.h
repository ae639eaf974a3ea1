/* SPDX-License-Identifier: ISC */
/*
 * What the parts of brokerctl share. It asks the broker one thing, prints the answer and ends.
 * Runs as an admin; holds nothing but its connection to the control socket.
 */
#ifndef BROKERD_CTL_H
#define BROKERD_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "proto/messages.h"

enum ctl_status {
	CTL_STATUS_OK,
	CTL_STATUS_FAILED, /* the broker said no */
	CTL_STATUS_USAGE,
	CTL_STATUS_UNREACHABLE /* no broker, or it does not answer */
};

struct ctl_command {
	const char *name, *argument; /* argument: its name, or NULL if there is none */
	const char *help;
	/* Fills in the request; NULL, or what is wrong with the argument. */
	const char *(*ask)(struct message *request, const char *argument);
	/* Prints an answer; part counts the answers from 0. True if it was the last one. */
	bool (*print)(FILE *out, const struct message *answer, unsigned part, bool json);
};

/* The command of this name, or NULL. */
const struct ctl_command *ctl_command_find(const char *name);

/* In the table's order, for the usage text; NULL past the end. */
const struct ctl_command *ctl_command_at(unsigned index);

/* As a JSON string; text has no control characters. */
void ctl_print_json_text(FILE *out, const char *text);

void ctl_print_status(FILE *out, const struct message_status *status, bool json);

/* Prints one answer of a list; what surrounds the list comes with its first and its last part. */
void ctl_print_logins(FILE *out, const struct message_logins *logins, unsigned part, bool json);

/* text: as the broker gives it. */
void ctl_print_metrics(FILE *out, const char *text, bool json);

#endif
