/* SPDX-License-Identifier: ISC */
/*
 * Upstream's RPC: one request of its client, which logs in, does one thing and gets an answer of
 * its own form, as a chain of our calls. Part of x2goweb-fcgi. docs/compat.md says what of
 * upstream's contract means what here. Pure: who asks the broker is request.c.
 */
#ifndef FCGI_COMPAT_H
#define FCGI_COMPAT_H

#include <stdbool.h>
#include <stddef.h>
#include <yajl/yajl_gen.h>

#include "json_read.h"
#include "proto/errors.h"
#include "proto/messages.h"

struct json_failure;

enum compat_action { COMPAT_START, COMPAT_SUSPEND, COMPAT_TERMINATE };

/* One request. Zeroed at first; secret: wipe it. */
struct compat {
	enum compat_action action;
	char command[129];
	uint16_t width, height;
	char session[256]; /* that is suspended, terminated or, if one was found, resumed */
	bool resumes;
	/* Of the login, once there is one. */
	char login[17], cookie[44], ticket[TICKET_CHARS + 1];
	const char *last_command; /* the server's, of which the last call was about; or NULL */
	bool not_installed;
	const char *refusal; /* what is wrong beside a code, or NULL */
};

enum compat_step {
	COMPAT_ASK,  /* the next call is to be made */
	COMPAT_DONE, /* compat_write tells the client */
	COMPAT_FAILED
};

/* Reads a form into *compat and the first call, LOGIN, without client and origin. Fails: false,
 * with a detail for the user. */
bool compat_read(struct compat *compat, const char *form, size_t length,
    struct message_login *login, char detail[JSON_DETAIL_BYTES]);

/* Takes the answer to the last call. ASK: *ask is the next one, its answer *ret_expected. FAILED:
 * *ret_failure says why; its detail lives as long as answer. */
enum compat_step compat_take(struct compat *compat, const struct message *answer,
    struct message *ask, enum message_type *ret_expected, struct json_failure *ret_failure);

/* Whether the login goes on after the client has been told. */
bool compat_keeps_login(const struct compat *compat);

/* What the client is told, a JSON object. answer: the last one. */
void compat_write(yajl_gen json, const struct compat *compat, const struct message *answer);
void compat_write_failure(
    yajl_gen json, const struct compat *compat, const struct json_failure *failure);

#endif
