/* SPDX-License-Identifier: ISC */
/*
 * The configuration of x2goweb-brokerd as a struct, and its reading: config.c owns grammar, keys,
 * defaults and checks, config_values.c turns the text of one value into its field. Read at the
 * start, as root, and again on SIGHUP. It decides nothing; see policy.h.
 */
#ifndef BROKERD_CONFIG_H
#define BROKERD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

/* As many as the lists of CONFIG and OPEN carry. */
#define CONFIG_SERVERS_MAX 64
#define CONFIG_CHOICES_MAX 32
#define CONFIG_USERS_MAX   16

struct config_choices {
	size_t count;
	struct record_choice items[CONFIG_CHOICES_MAX];
};

/* Both ends belong to it. */
struct config_range {
	unsigned first, last;
};

/* A user or group by name or number; id is filled when ids are resolved. */
struct config_account {
	char name[65];
	uint32_t id;
};

struct config_accounts {
	size_t count;
	struct config_account items[CONFIG_USERS_MAX];
};

/* [server NAME]: one X2Go server that may be dialled. */
struct config_server {
	char name[65];
	char title[129];   /* the name if not set */
	char address[256]; /* name or number */
	unsigned port;
	char users[1024];		/* "a, b, c"; empty: everybody */
	struct config_choices desktops; /* none: those of [web] */
	unsigned line;
};

struct config {
	struct {
		struct config_account user, group, web_group;
		struct config_accounts web_users, admin_users;
		char runtime_dir[90]; /* leaves room for a socket's name in sockaddr_un */
		unsigned log_level;   /* enum log_level */
	} broker;
	struct {
		char title[129];
		char logo[256]; /* a path of the web server; empty: none */
		char accent[8]; /* "#rrggbb"; empty: the page's own */
		bool kiosk, native_mode;
		char default_server[65], default_desktop[65];
		struct config_choices desktops;
	} web;
	struct {
		char listen[46];
		struct config_range ports;
		unsigned quarantine_ms;
		unsigned buffer_bytes;
		bool raw;
	} relay;
	struct {
		unsigned logins, logins_per_user, logins_per_client;
		unsigned logins_at_once, starts_at_once; /* on one server */
		unsigned connections, connections_per_uid;
	} limits;
	struct {
		struct config_range uids;
	} sessions;
	struct {
		unsigned hello_ms, connect_ms, auth_ms, start_ms, attach_ms, idle_ms, stop_ms;
	} deadlines;
	struct {
		char known_hosts[1024];
	} ssh;
	size_t server_count;
	struct config_server servers[CONFIG_SERVERS_MAX];
};

/* Is told one line per error, "file:line: [section] key: what". */
typedef void config_report(const char *text, void *arg);

/* Reads the whole file and reports every error in it. With resolve_ids names of users and groups
 * are looked up (which may block on the system's name service), else their ids are 0.
 * Fails: NULL, after at least one report. */
struct config *config_load(
    const char *path, bool resolve_ids, config_report *report, void *report_arg);
void config_destroy(struct config *config);

/* Takes over from running what only counts at a start (users, sockets, ranges), so that fresh can
 * replace it. True if nothing of that kind differed. */
bool config_keep_fixed(struct config *fresh, const struct config *running);

/* The keys in their order, for the check of the example file: section ("server" for those of
 * [server NAME]), name and default as text (NULL: must be given). False past the end. */
bool config_key_at(
    unsigned index, const char **ret_section, const char **ret_name, const char **ret_preset);

#endif
