/* SPDX-License-Identifier: ISC */
/*
 * What the parts of `brokerctl hostkey` share: whom a command is about, what the files say of a
 * key, how keys are shown. Needs no broker: it reads the configuration and edits the files itself,
 * with the rights of whoever calls it.
 */
#ifndef BROKERD_CTL_HOSTKEY_H
#define BROKERD_CTL_HOSTKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "brokerd/config.h"
#include "ctl.h"
#include "brokerd/knownhosts.h"
#include "brokerd/knownhosts_edit.h"
#include "proto/hostkey.h"

/* A server that a command is about. */
struct ctl_target {
	const char *section; /* of the configuration; NULL: a host that was typed */
	char host[256];
	uint16_t port;
	char name[KNOWNHOSTS_NAME_BYTES]; /* as known hosts call it */
	const struct config_jump *jump;	  /* on the way to it; NULL: none */
};

/* What the files say of a key; a later one counts more. */
enum ctl_standing {
	CTL_STANDING_NEW,
	CTL_STANDING_DIFFERS, /* another key of its type is on file */
	CTL_STANDING_ON_FILE,
	CTL_STANDING_REVOKED,
	CTL_STANDING_COUNT
};

/* A key that a server shows or that a line to be added has. */
struct ctl_key {
	struct record_hostkey key;
	char fingerprint[HOSTKEY_FINGERPRINT_BYTES];
	char *line;	/* that is to be added */
	char hosts[80]; /* whom it names, to be shown */
	enum ctl_standing standing;
	char place[1100];			 /* "FILE:LINE" unless NEW */
	char on_file[HOSTKEY_FINGERPRINT_BYTES]; /* DIFFERS only */
	bool unwanted;				 /* not the one of --fingerprint */
};

/* What a scan brought. */
struct ctl_scan {
	char address[64]; /* that answered */
	char software[128];
	size_t count;
	struct ctl_key keys[8];
	char unreadable[256]; /* types that the server has, but this libssh2 cannot use */
	char problem[300];    /* why there is nothing, or not all */
	bool unreachable;
};

struct addrinfo;

struct ctl_hostkey {
	const struct config *config;
	struct knownhosts_files files;
	bool json, yes;
	const char *fingerprint; /* NULL: any */
	const char *lines;	 /* of --file; NULL: none */
};

/* Finds out who is meant by SERVER, HOST or HOST:PORT. NULL, or what is wrong with it. */
const char *ctl_target_find(
    const struct config *config, const char *text, struct ctl_target *target);

/* Makes the key exchange with the server, once for each type of key that it has. */
void ctl_scan(const struct ctl_target *target, struct ctl_scan *scan);
/* The same with a server whose addresses are known. */
void ctl_scan_at(struct addrinfo *addresses, struct ctl_scan *scan);

/* Fills in fingerprint, standing and where that is from, for the hosts of the key's line. False
 * after a complaint if the files cannot be read. */
bool ctl_key_judge(const struct ctl_hostkey *hostkey, struct ctl_key *key);

/* Opens a file for changes, waiting a while for others who do. NULL after a complaint. */
struct knownhosts_edit *ctl_edit_open(const char *path);

/* Complains about a file that cannot be changed, and says what to do. */
void ctl_explain_errno(const char *path, int error);

/* A table of the keys, each line beginning with prefix; with_hosts: whom they name, too. */
void ctl_keys_print(
    FILE *out, const struct ctl_key *keys, size_t count, const char *prefix, bool with_hosts);

/* Text of a file that is not ours, harmless for terminals and cut to the size of shown. */
void ctl_show_text(const char *text, size_t length, char *shown, size_t size);

/* The commands; arguments are what follows their name. */
enum ctl_status ctl_hostkey_scan(const struct ctl_hostkey *hostkey, const char *server);
enum ctl_status ctl_hostkey_list(const struct ctl_hostkey *hostkey, const char *server);
enum ctl_status ctl_hostkey_add(const struct ctl_hostkey *hostkey, const char *server);
enum ctl_status ctl_hostkey_remove(
    const struct ctl_hostkey *hostkey, const char *server, const char *type);

/* `brokerctl hostkey ...`; argv[0] is "hostkey". */
enum ctl_status ctl_hostkey_main(int argc, char **argv);

#endif
