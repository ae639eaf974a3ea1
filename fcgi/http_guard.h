/* SPDX-License-Identifier: ISC */
/*
 * What an HTTP request must look like before any call is made: path, method, origin, content type,
 * length; and the login cookie's place in it. Part of x2goweb-fcgi. Pure functions.
 */
#ifndef FCGI_HTTP_GUARD_H
#define FCGI_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/errors.h"

struct rpc_call;

/* "https://" and a host name of 253 bytes at most, with a port. */
#define HTTP_ORIGIN_BYTES  (8 + 253 + 6 + 1)
#define HTTP_ORIGINS_MAX   16
#define HTTP_LOGIN_BYTES   (16 + 1)
#define HTTP_COOKIE_BYTES  (43 + 1)
#define HTTP_COOKIE_PREFIX "x2goweb_"

/* The parts of a request that the guard looks at, as the web server passes them. NULL where there
 * is none. */
struct http_request {
	const char *method;
	const char *uri;    /* REQUEST_URI: path and query, as sent by the browser */
	const char *scheme; /* "http" or "https", as the browser used it */
	const char *host;
	const char *origin;
	const char *sec_fetch_site;
	const char *content_type;
	const char *content_length;
};

/* The origins that pages may have. None: only that of the request itself, scheme://host. */
struct http_origins {
	char list[HTTP_ORIGINS_MAX][HTTP_ORIGIN_BYTES];
	size_t count;
};

/* Adds an origin as an admin writes it. Fails: false if it is not scheme://host[:port] with http
 * or https, or the list is full. */
bool http_origins_add(struct http_origins *origins, const char *origin);

/* Checks all of it. *ret_call: the call, as soon as the path names one, also with an error.
 * *ret_body_bytes: the announced length of the body, 0 for a GET.
 * Returns ERROR_NONE or what is wrong; *ret_detail is a static text or NULL. */
enum error_code http_guard_check(const struct http_request *request,
    const struct http_origins *origins, const struct rpc_call **ret_call, size_t *ret_body_bytes,
    const char **ret_detail);

/* Finds the cookie of this login in a Cookie header, which may be NULL (RFC 6265 section 4.2).
 * False if there is none, or it is not 43 characters of base64url. */
bool http_guard_cookie(const char *header, const char *login, char cookie[HTTP_COOKIE_BYTES]);

#endif
