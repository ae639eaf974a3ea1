/* SPDX-License-Identifier: ISC */
/*
 * The configuration of x2goweb-brokerd as a struct, and its reading: config.c owns the grammar,
 * config_keys.c the table of keys with their defaults, config_values.c turns the text of one value
 * into its field, config_check.c looks at all of it together. Read at the start, as root, and again
 * on SIGHUP. It decides nothing; see policy.h.
 */
#ifndef BROKERD_CONFIG_H
#define BROKERD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "network.h"
#include "proto/messages.h"

/* As many as the lists of CONFIG and OPEN carry. */
#define CONFIG_SERVERS_MAX  64
#define CONFIG_CHOICES_MAX  32
#define CONFIG_USERS_MAX    16
#define CONFIG_GROUPS_MAX   64
#define CONFIG_JUMPS_MAX    32
#define CONFIG_NETWORKS_MAX 64
#define CONFIG_PORTS_MAX    16
/* Ways to log in, by the names that SSH gives them. */
#define CONFIG_METHODS_BYTES 65

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

struct config_networks {
	size_t count;
	struct network items[CONFIG_NETWORKS_MAX];
};

struct config_ports {
	size_t count;
	unsigned items[CONFIG_PORTS_MAX];
};

/* From begin on some are turned away, percent of them at first, from full on all. */
struct config_drop {
	unsigned begin, percent, full;
};

/* How an SSH server is logged in to and what is thought of its host key. */
struct config_ssh {
	unsigned host_keys; /* enum host_keys */
	/* "publickey,keyboard-interactive,password" or a part of it, the best first. */
	char methods[CONFIG_METHODS_BYTES];
	char key[1024]; /* path of a private key; empty: none */
	bool key_alone; /* the key needs nothing beside it */
};

/* [server NAME]: one X2Go server that may be dialled. */
struct config_server {
	char name[65];
	char title[129];   /* the name if not set */
	char address[256]; /* name or number */
	unsigned port;
	char users[1024];		/* "a, @b"; empty: everybody */
	struct config_choices desktops; /* none: those of [web] */
	char desktop[65]; /* one of them, for the form; empty: see web.default_desktop */
	char jump[65];	  /* the [jump NAME] on the way; empty: none */
	struct config_ssh ssh;
};

/* [jump NAME]: a host on the way to X2Go servers. */
struct config_jump {
	char name[65];
	char title[129];
	char address[256];
	unsigned port;
	char user[65]; /* who everybody is there; empty: each has an account of his own */
	struct config_ssh ssh;
};

/* [group NAME]: users that "@NAME" stands for. */
struct config_group {
	char name[65];
	char users[4096]; /* "a, b" */
};

struct config {
	struct {
		struct config_account user, group, web_group;
		struct config_accounts web_users, admin_users;
		char runtime_dir[90]; /* leaves room for a socket's name in sockaddr_un */
		unsigned log_level;   /* enum log_level */
	} broker;
	struct {
		char url[251]; /* of the page, for brokerctl doctor; empty: not known */
		char title[129];
		char logo[256]; /* a path of the web server; empty: none */
		char accent[8]; /* "#rrggbb"; empty: the page's own */
		bool kiosk, native_mode;
		char default_server[65], default_desktop[65];
		struct config_choices desktops;
	} web;
	struct {
		char listen[46]; /* numeric address, or "unix" */
		struct config_range ports;
		char tls_listen[46]; /* x2goweb-tls; empty: it is not wanted */
		unsigned tls_port;
		char tls_certificate[1024], tls_key[1024];
		unsigned quarantine_ms;
		unsigned buffer_bytes, delay_bytes;
		bool raw;
	} relay;
	struct {
		unsigned logins, logins_per_user, logins_per_client;
		unsigned logins_at_once, starts_at_once; /* on one server */
		unsigned logins_per_server;
		struct config_drop unfinished;
		unsigned connections, connections_per_uid;
	} limits;
	struct {
		unsigned auth_failed_ms, unfinished_ms, crash_ms;
		unsigned min_ms, max_ms;
		unsigned prefix4, prefix6;
		unsigned sources;
		struct config_networks exempt;
	} penalties;
	struct {
		struct config_networks allow;
	} metrics;
	struct {
		struct config_range uids;
		unsigned when_left; /* enum when_left */
	} sessions;
	struct {
		unsigned hello_ms, connect_ms, auth_ms, prompt_ms, start_ms, attach_ms, grace_ms,
		    idle_ms, login_ms, stop_ms;
	} deadlines;
	struct {
		char known_hosts[1024], accepted_hosts[1024];
	} ssh;
	/* Hosts that users type. */
	struct {
		bool allow;
		char names[1024]; /* "*.example.org,!db.*": patterns in lower case */
		struct config_networks networks;
		struct config_ports ports;
		char jump_hosts[1024]; /* patterns; empty: none may be typed */
		unsigned host_keys;    /* enum host_keys */
		char methods[CONFIG_METHODS_BYTES];
	} other_servers;
	size_t server_count, jump_count, group_count;
	struct config_server servers[CONFIG_SERVERS_MAX];
	struct config_jump jumps[CONFIG_JUMPS_MAX];
	struct config_group groups[CONFIG_GROUPS_MAX];
};

/* Is told one line per error, "file:line: [section] key: what". */
typedef void config_report(const char *text, void *arg);

/* Reads the whole file and reports every error in it. With resolve_ids names of users and groups
 * are looked up (which may block on the system's name service), else their ids are 0.
 * Fails: NULL, after at least one report. */
struct config *config_load(
    const char *path, bool resolve_ids, config_report *report, void *report_arg);
void config_destroy(struct config *config);

/* Whether relays listen on UNIX sockets in runtime_dir, instead of ports. */
bool config_relay_is_unix(const struct config *config);

/* Takes over from running what only counts at a start (users, sockets, ranges), so that fresh can
 * replace it. Reports each key of that kind that differed, and returns how many did. */
unsigned config_keep_fixed(
    struct config *fresh, const struct config *running, config_report *report, void *report_arg);

/* The keys in their order, for the check of the example file: section ("server" for those of
 * [server NAME] and so on), name and default as text (NULL: must be given). False past the end. */
bool config_key_at(
    unsigned index, const char **ret_section, const char **ret_name, const char **ret_preset);

#endif
