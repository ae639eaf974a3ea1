/* SPDX-License-Identifier: ISC */
/*
 * HTTP responses: status, headers, the login cookie, JSON body. Part of x2goweb-fcgi.
 */
#ifndef FCGI_HTTP_REPLY_H
#define FCGI_HTTP_REPLY_H

#include <stdint.h>
#include <yajl/yajl_gen.h>

#include "proto/errors.h"
#include "proto/messages.h"

struct exchange;
struct json_failure;
struct rpc_call;

/* "x2goweb_<login>=<cookie>" and its attributes, for Set-Cookie; "" = none. Secret: wipe it. */
struct http_set_cookie {
	char text[128];
};

/* Gives the browser the login's cookie, if it is one. */
void http_set_cookie_give(struct http_set_cookie *set, const char *login, const char *cookie);

/* Makes the browser forget it. Does nothing if login is no login id. */
void http_set_cookie_take(struct http_set_cookie *set, const char *login);

/* Both end the exchange. Set is wiped. False if the web server did not take all of it. */
bool http_reply_answer(struct exchange *exchange, const struct rpc_call *call,
    const struct message *answer, struct http_set_cookie *set);

/* Of the call for the gateway's health, when no broker answers. */
bool http_reply_no_health(struct exchange *exchange);

/* For upstream's client: the object behind the mark that it looks for. Takes json over; NULL: there
 * is none for want of memory. */
bool http_reply_compat(struct exchange *exchange, yajl_gen json);

/* allow: method for the Allow header, or NULL. */
bool http_reply_error(struct exchange *exchange, const struct json_failure *failure,
    const char *allow, struct http_set_cookie *set);

#endif
