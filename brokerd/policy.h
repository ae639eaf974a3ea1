/* SPDX-License-Identifier: ISC */
/*
 * Which server a login goes to, by which way, and whether this user may: decided by the
 * configuration and what the user asks for, alone. Pure.
 */
#ifndef BROKERD_POLICY_H
#define BROKERD_POLICY_H

#include "config.h"
#include "proto/errors.h"

/* One SSH server to log in to. All but the password that a hop of OPEN needs, and where its key
 * is. */
struct policy_hop {
	char name[265];	   /* as known hosts files call it: "host" or "[host]:port" */
	char address[256]; /* name or number */
	uint16_t port;
	char user[65];
	struct config_ssh ssh;
};

/* Holds no pointer into the configuration, which may be replaced while the login lasts. */
struct policy_target {
	/* Under which the server is counted and named in the log: the name of its section, or what
	 * was typed, always with its port and cut if need be. */
	char id[65];
	size_t hop_count; /* the X2Go server last, before it the jump host if there is one */
	struct policy_hop hops[HOPS_MAX];
	bool typed; /* addresses of hops[0] are allowed in networks only; see ip_filter.h */
	struct config_networks networks;
	struct config_choices desktops;
};

/* Decides on request (its passwords are not looked at). ERROR_NONE with *ret_target, or why not
 * with *ret_detail, a static text for the log: SERVER_NOT_ALLOWED for all that is not offered, or
 * AUTH_FAILED, which looks to the outside like a wrong password. *ret_target is then good as far
 * as its id, which may be "". */
enum error_code policy_decide(const struct config *config, const struct message_login *request,
    struct policy_target *ret_target, const char **ret_detail);

/* The jump host on the way to a configured server, or NULL. */
const struct config_jump *policy_find_jump(
    const struct config *config, const struct config_server *server);

#endif
