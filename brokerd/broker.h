/* SPDX-License-Identifier: ISC */
/*
 * What the parts of x2goweb-brokerd share: one of each, made by brokerd_main.c.
 */
#ifndef BROKERD_BROKER_H
#define BROKERD_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "audit.h"
#include "login_table.h"
#include "metrics.h"
#include "turns.h"

struct clients;
struct config;
struct dialer;
struct event_base;
struct handover;
struct penalties;
struct port_pool;
struct spawner;
struct stream_sockets;
struct tell;
struct tracer;
struct uid_pool;
struct upgrade;

struct broker {
	struct event_base *base;
	struct config *config; /* replaced by reload: do not keep pointers into it */
	const char *config_path;
	struct clients *clients;
	struct dialer *dialer;
	struct handover *handover;
	struct spawner *spawner;
	struct port_pool *ports;
	struct stream_sockets *sockets; /* of new logins, instead of ports; or NULL */
	struct uid_pool *uids;
	struct penalties *penalties;
	struct upgrade *upgrade;
	struct login_table logins;
	struct turns openings, starts; /* on each server, a few at a time */
	struct turns users;	       /* starts and resumes of each user of each server, singly */
	struct audit_flood flood;
	struct metrics metrics;
	LIST_HEAD(, tell) tells;
	LIST_HEAD(, tracer) tracers;
	uint64_t started_ms;
	time_t started_at; /* by the clock */
	bool stopping;	   /* takes no new logins, and ends */
	bool draining;	   /* takes no new logins, by an admin's wish */
	bool leaving;	   /* the next broker gets the logins */
};

#endif
