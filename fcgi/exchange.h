/* SPDX-License-Identifier: ISC */
/*
 * One FastCGI request and its response on the web server's connection: the only file that knows
 * libfcgi. Part of x2goweb-fcgi. It owns the connection; it knows neither HTTP nor calls.
 */
#ifndef FCGI_EXCHANGE_H
#define FCGI_EXCHANGE_H

#include <fcgiapp.h>
#include <stdbool.h>
#include <stddef.h>

struct intake;

struct exchange {
	FCGX_Request request;
	int fd; /* the web server's connection, non-blocking */
};

/* Once, before all others. Fails: false. */
bool exchange_setup(void);

/* Parses the whole request that intake holds. From here on exchange owns fd, also on failure.
 * Fails: false if the parameters are malformed or descriptors are short; then it is finished. */
bool exchange_init(struct exchange *exchange, int fd, const struct intake *intake);

/* A FastCGI parameter, or NULL. Lives until exchange_forget. */
const char *exchange_param(const struct exchange *exchange, const char *name);

/* Reads the body into buffer. Returns its length, or capacity + 1 if it is longer than that. */
size_t exchange_read_body(struct exchange *exchange, char *buffer, size_t capacity);

/* Wipes all parameters: nothing of the request is needed any more, only the response is due. */
void exchange_forget(struct exchange *exchange);

/* Adds bytes to the response. */
void exchange_write(struct exchange *exchange, const char *bytes, size_t length);

/* Ends the response, closes the connection and frees all. False if the web server did not take
 * all of the response. */
bool exchange_finish(struct exchange *exchange);

/* Closes the connection without a response and frees all. */
void exchange_abort(struct exchange *exchange);

#endif
