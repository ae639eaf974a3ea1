/* SPDX-License-Identifier: ISC */
/*
 * Answers of the broker as JSON. Part of x2goweb-fcgi. Pure; foreign text is escaped by yajl.
 * Cookies never get here: they travel in headers only.
 */
#ifndef FCGI_JSON_WRITE_H
#define FCGI_JSON_WRITE_H

#include <stdint.h>
#include <yajl/yajl_gen.h>

#include "proto/errors.h"
#include "proto/messages.h"

/* Each writes the whole object for one kind of answer. */
void json_write_config(yajl_gen json, const struct message *answer);
/* LOGGED_IN or PROMPTED. */
void json_write_login(yajl_gen json, const struct message *answer);
void json_write_sessions(yajl_gen json, const struct message *answer);
void json_write_applications(yajl_gen json, const struct message *answer);
void json_write_stream(yajl_gen json, const struct message *answer);
void json_write_session(yajl_gen json, const struct message *answer);
void json_write_done(yajl_gen json, const struct message *answer);
/* Of HEALTH. NULL: there is no broker that would have answered. */
void json_write_health(yajl_gen json, const struct message *answer);

/* What went wrong, and what may be said about it. */
struct json_failure {
	enum error_code code;
	enum hop hop;
	const char *detail;	/* more for the user, or NULL; shown only with codes for which it
				 * helps and tells no secret */
	uint32_t retry_after_s; /* 0: none */
};

/* The sentence for the user. */
#define JSON_MESSAGE_BYTES 768
void json_put_message(const struct json_failure *failure, char message[JSON_MESSAGE_BYTES]);

void json_write_error(yajl_gen json, const struct json_failure *failure);

#endif
