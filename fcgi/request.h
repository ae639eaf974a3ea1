/* SPDX-License-Identifier: ISC */
/*
 * The life of one request: parse, guard, read its JSON, ask the broker, answer; or stop when the
 * web server hangs up. Part of x2goweb-fcgi. It keeps nothing once the answer is written.
 */
#ifndef FCGI_REQUEST_H
#define FCGI_REQUEST_H

#include <stdbool.h>
#include <sys/queue.h>

struct broker;
struct event_base;
struct http_origins;
struct intake;
struct request;

/* All requests that wait for the broker. The caller fills in the first part. */
struct requests {
	struct event_base *base;
	struct broker *broker;
	const struct http_origins *origins;
	unsigned count_max;	     /* more are refused */
	void (*all_done)(void *arg); /* the last of several has ended; may be NULL */
	void *arg;
	/* private */
	LIST_HEAD(, request) list;
	unsigned count;
};

/* Serves the whole request that intake holds and takes over fd, the web server's connection. */
void request_serve(struct requests *requests, int fd, const struct intake *intake);

/* Answers all that still wait, with an error. */
void requests_give_up(struct requests *requests);

#endif
