/* SPDX-License-Identifier: ISC */
/*
 * x2goweb-fcgi as a plain CGI program (RFC 3875), for web servers or fcgiwrap that start it for
 * each request: environment and standard input become the same FastCGI request that a web server
 * would have sent, the answer's records become standard output. Part of x2goweb-fcgi.
 */
#ifndef FCGI_CGI_H
#define FCGI_CGI_H

#include <stdbool.h>

struct http_origins;
struct requests;

/* Whether a web server has started the program as a CGI. Its arguments are then a stranger's: web
 * servers make them of the query (RFC 3875 section 4.4). */
bool cgi_is_meant(void);

/* What options say otherwise, from variables that no request can set: X2GOWEB_BROKER and
 * X2GOWEB_ORIGINS, with blanks between them. */
void cgi_read_options(const char **broker, struct http_origins *origins);

/* Serves the one request. Blocks while the request is read, and in requests' loop. False if there
 * is none, or nobody to answer to. */
bool cgi_serve(struct requests *requests);

#endif
