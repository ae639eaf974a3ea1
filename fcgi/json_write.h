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
void json_write_logged_in(yajl_gen json, const struct message *answer);
void json_write_sessions(yajl_gen json, const struct message *answer);
void json_write_applications(yajl_gen json, const struct message *answer);
void json_write_stream(yajl_gen json, const struct message *answer);
void json_write_session(yajl_gen json, const struct message *answer);
void json_write_done(yajl_gen json, const struct message *answer);

/* detail: more for the user, or NULL; shown only with codes for which it helps and tells no
 * secret. retry_after_s: 0 = none. */
void json_write_error(
    yajl_gen json, enum error_code code, const char *detail, uint32_t retry_after_s);

#endif
