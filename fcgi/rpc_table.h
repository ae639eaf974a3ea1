/* SPDX-License-Identifier: ISC */
/*
 * The calls that the browser may make, one row each: what they take, which message asks the broker
 * and how its answer is written. Part of x2goweb-fcgi.
 */
#ifndef FCGI_RPC_TABLE_H
#define FCGI_RPC_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <yajl/yajl_gen.h>

#include "proto/messages.h"

struct json_field;

enum rpc_cookie_use {
	RPC_COOKIE_NONE,
	RPC_COOKIE_GIVEN,  /* the answer brings one */
	RPC_COOKIE_NEEDED, /* only with the login's cookie */
	RPC_COOKIE_TAKEN   /* only with it, and it is gone afterwards */
};

struct rpc_call {
	const char *name;		 /* in the URL */
	const char *method;		 /* "GET": no body; "POST": a JSON object */
	const struct json_field *fields; /* into struct message */
	enum rpc_cookie_use cookie;
	enum message_type ask, answer;
	unsigned deadline_ms; /* past the broker's own, so that its reason arrives */
	void (*write)(yajl_gen json, const struct message *answer);
	/* Of calls that no page makes: outside of /rpc/, for programs that watch the gateway. */
	bool is_outside;
	int (*status)(const struct message *answer);	   /* NULL: 200 */
	const char *(*text)(const struct message *answer); /* plain text in place of write */
	bool is_compat; /* upstream's: takes a form, is more than one call; see compat.h */
};

/* The call of that name, upstream's among them, or NULL. */
const struct rpc_call *rpc_find(const char *name, size_t length);

/* Rows in order, without upstream's, for tests; NULL past the end. */
const struct rpc_call *rpc_at(size_t index);

/* Login id and cookie of a message whose call needs them (RPC_COOKIE_NEEDED and _TAKEN). */
const char *rpc_login(const struct message *ask);
char *rpc_cookie(struct message *ask);

#endif
