/* SPDX-License-Identifier: ISC */
/*
 * The X2Go servers and jump hosts of the configuration for `brokerctl doctor`: whether each is
 * there, speaks SSH and shows the key that is on file; and what is installed on the one that the
 * admin logs in to. Runs in brokerctl.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ctl_doctor.h"
#include "ctl_doctor_net.h"
#include "ctl_hostkey.h"

#define BANNER_BYTES 256

/* One host of the configuration. */
struct host {
	const char *name, *address;
	unsigned port;
	const struct config_ssh *ssh;
	const struct config_jump *jump; /* on the way to it; NULL: none */
};

/* --- connection --------------------------------------------------------------------------- */

/* The first line that an SSH server says about itself (RFC 4253 section 4.2). */
static bool read_banner(int fd, char banner[BANNER_BYTES], char problem[300])
{
	int64_t deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS;
	char text[4096];
	size_t used = 0;

	while (used < sizeof(text) - 1) {
		const char *line;
		ssize_t got;

		if (!doctor_await(fd, POLLIN, deadline_ms)) {
			snprintf(problem, 300, "it says nothing for %d seconds",
			    DOCTOR_DEADLINE_MS / 1000);
			return false;
		}
		got = read(fd, text + used, sizeof(text) - 1 - used);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0) {
			snprintf(problem, 300, "it closes the connection at once");
			return false;
		}
		used += (size_t)got;
		text[used] = 0;
		line = strncmp(text, "SSH-", 4) == 0 ? text : strstr(text, "\nSSH-");
		if (line != NULL && strchr(line + 1, '\n') != NULL) {
			line += line[0] == '\n';
			snprintf(banner, BANNER_BYTES, "%.*s", (int)strcspn(line, "\r\n"), line);
			return true;
		}
	}
	snprintf(problem, 300, "what answers is no SSH server");
	return false;
}

/* True if there is an SSH server, with its addresses. */
static bool look_connection(
    struct doctor *doctor, const struct host *host, struct addrinfo **ret_addresses)
{
	char port[8], problem[300], banner[BANNER_BYTES];
	struct doctor_finding finding;
	int fd;

	snprintf(port, sizeof(port), "%u", host->port);
	*ret_addresses = doctor_resolve(host->address, port, problem);
	if (*ret_addresses == NULL) {
		doctor_find(&finding, DOCTOR_RED, "%s: %s", host->address, problem);
		doctor_advise(&finding,
		    "check address in [server] or [jump] %s, and /etc/resolv.conf; "
		    "the broker asks DNS and /etc/hosts only",
		    host->name);
		doctor_report(doctor, "dns", &finding);
		return false;
	}
	doctor_find(&finding, DOCTOR_GREEN, "%s is %s", host->address,
	    doctor_print_address(*ret_addresses));
	doctor_report(doctor, "dns", &finding);
	fd = doctor_connect(*ret_addresses, doctor_now_ms() + DOCTOR_DEADLINE_MS, problem);
	if (fd < 0) {
		doctor_find(&finding, DOCTOR_RED, "port %u: %s", host->port, problem);
		doctor_advise(&finding,
		    "is sshd running there, on this port, and does a firewall or "
		    "route stand between?");
		doctor_report(doctor, "tcp", &finding);
		return false;
	}
	doctor_find(&finding, DOCTOR_GREEN, "port %u answers", host->port);
	doctor_report(doctor, "tcp", &finding);
	if (read_banner(fd, banner, problem)) {
		doctor_find(&finding, DOCTOR_GREEN, "%s", banner);
	} else {
		doctor_find(&finding, DOCTOR_RED, "port %u: %s", host->port, problem);
		doctor_advise(&finding,
		    "is this sshd's port? Else its MaxStartups or PerSourcePenalties "
		    "act: exempt the gateway's address there");
	}
	doctor_report(doctor, "ssh", &finding);
	close(fd);
	return finding.verdict == DOCTOR_GREEN;
}

/* --- keys --------------------------------------------------------------------------------- */

static const struct ctl_key *find_standing(const struct ctl_scan *scan, enum ctl_standing standing)
{
	for (size_t i = 0; i < scan->count; i++)
		if (scan->keys[i].standing == standing)
			return &scan->keys[i];
	return NULL;
}

static void judge_keys(
    const struct host *host, const struct ctl_scan *scan, struct doctor_finding *finding)
{
	const struct ctl_key *revoked = find_standing(scan, CTL_STANDING_REVOKED),
			     *differs = find_standing(scan, CTL_STANDING_DIFFERS),
			     *known = find_standing(scan, CTL_STANDING_ON_FILE);

	if (scan->count == 0) {
		doctor_find(finding, DOCTOR_RED, "%s", scan->problem);
		doctor_advise(finding,
		    "brokerctl hostkey scan %s shows more; sshd there must offer an "
		    "exchange of keys that libssh2 has",
		    host->name);
	} else if (revoked != NULL) {
		doctor_find(finding, DOCTOR_RED, "the host key %s has been revoked, in %s",
		    revoked->fingerprint, revoked->place);
		doctor_advise(finding,
		    "whoever shows this key may have stolen it: give the server new "
		    "keys, or find out who answers in its place");
	} else if (differs != NULL) {
		doctor_find(finding, DOCTOR_RED, "the host key is %s %s, but on file is %s, in %s",
		    differs->key.type, differs->fingerprint, differs->on_file, differs->place);
		doctor_advise(finding,
		    "ask those who run it. Was it set up anew: brokerctl hostkey remove %s, then "
		    "add "
		    "%s. Else somebody answers in its place",
		    host->name, host->name);
	} else if (known != NULL) {
		doctor_find(finding, DOCTOR_GREEN, "the host key %s %s is on file", known->key.type,
		    known->fingerprint);
	} else if (host->ssh->host_keys == HOST_KEYS_STRICT) {
		doctor_find(finding, DOCTOR_RED, "no host key of it is on file: nobody can log in");
		doctor_advise(
		    finding, "brokerctl hostkey add %s, and compare the fingerprint", host->name);
	} else {
		doctor_find(finding, DOCTOR_OPEN,
		    "no host key of it is on file; host_keys lets %s decide at the next login",
		    host->ssh->host_keys == HOST_KEYS_ASK ? "users" : "the broker");
	}
}

/* True if a key of it is on file and no other is shown. */
static bool look_keys(struct doctor *doctor, const struct host *host, struct addrinfo *addresses)
{
	struct ctl_hostkey hostkey = {.config = doctor->config,
	    .files = {doctor->config->ssh.known_hosts, doctor->config->ssh.accepted_hosts}};
	struct ctl_scan *scan = calloc(1, sizeof(*scan));
	struct doctor_finding finding;
	char name[KNOWNHOSTS_NAME_BYTES];
	bool read = true;

	if (scan == NULL)
		abort();
	if (knownhosts_name(host->address, (uint16_t)host->port, name))
		ctl_scan_at(addresses, scan);
	else
		snprintf(scan->problem, sizeof(scan->problem),
		    "its address is none that known hosts could name");
	for (size_t i = 0; i < scan->count && read; i++) {
		struct ctl_key *key = &scan->keys[i];

		key->line = knownhosts_edit_compose(name, &key->key, NULL);
		if (key->line == NULL)
			abort();
		read = ctl_key_judge(&hostkey, key);
	}
	if (read) {
		judge_keys(host, scan, &finding);
	} else {
		doctor_find(&finding, DOCTOR_RED, "the files of [ssh] cannot be read");
		doctor_advise(&finding,
		    "the broker's user must be able to read known_hosts and its "
		    "folder, and so must you");
	}
	doctor_report(doctor, "host-key", &finding);
	for (size_t i = 0; i < scan->count; i++)
		free(scan->keys[i].line);
	free(scan);
	return finding.verdict == DOCTOR_GREEN;
}

/* The gateway's own key for it must be there, and nobody else's business. */
static void look_own_key(struct doctor *doctor, const struct host *host)
{
	const char *path = host->ssh->key;
	struct doctor_finding finding;
	struct stat status;

	if (path[0] == 0)
		return;
	if (stat(path, &status) != 0) {
		doctor_find(&finding, DOCTOR_RED, "%s: %s", path, strerror(errno));
		doctor_advise(&finding,
		    "ssh-keygen -t ed25519 -N '' -f %s, readable by the broker's "
		    "user only",
		    path);
	} else if (!S_ISREG(status.st_mode) || (status.st_mode & S_IRWXO) != 0) {
		doctor_find(&finding, DOCTOR_RED, "%s is everybody's to read or change", path);
		doctor_advise(&finding, "chown %s: %s && chmod 600 %s",
		    doctor->config->broker.user.name, path, path);
	} else if (status.st_uid != doctor->config->broker.user.id &&
		   (status.st_gid != doctor->config->broker.group.id ||
		       (status.st_mode & S_IRGRP) == 0)) {
		doctor_find(&finding, DOCTOR_RED, "the broker's user cannot read %s", path);
		doctor_advise(&finding, "chown %s: %s", doctor->config->broker.user.name, path);
	} else {
		doctor_find(&finding, DOCTOR_GREEN, "the gateway's key is there");
	}
	doctor_report(doctor, "own-key", &finding);
}

/* --- what is installed -------------------------------------------------------------------- */

static const char versions_hint[] =
    "versions of X2Go and KDrive: not looked at without --login USER@%s";

static void look_inside(
    struct doctor *doctor, const struct host *host, const struct addrinfo *addresses)
{
	static const struct {
		const char *check;
		void (*judge)(const char *output, struct doctor_finding *finding);
	} judges[] = {{"x2go", doctor_judge_x2go}, {"kdrive", doctor_judge_kdrive},
	    {"sessions", doctor_judge_database}};
	const char *at = doctor->login != NULL ? strrchr(doctor->login, '@') : NULL;
	struct doctor_finding finding;
	struct doctor_visit *visit;
	char user[65];

	if (at == NULL || strcmp(at + 1, host->name) != 0) {
		doctor_find(&finding, DOCTOR_OPEN, versions_hint, host->name);
		doctor_report(doctor, "x2go", &finding);
		return;
	}
	snprintf(user, sizeof(user), "%.*s", (int)(at - doctor->login), doctor->login);
	visit = calloc(1, sizeof(*visit));
	if (visit == NULL)
		abort();
	doctor_visit(doctor, addresses, host->address, (uint16_t)host->port, user, visit);
	doctor_report(doctor, "login", &visit->finding);
	if (visit->finding.verdict == DOCTOR_GREEN) {
		for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
			judges[i].judge(visit->output, &finding);
			doctor_report(doctor, judges[i].check, &finding);
		}
		doctor_judge_far_clock(visit->output, (int64_t)time(NULL), &finding);
		doctor_report(doctor, "clock", &finding);
	}
	free(visit);
}

static void look_host(struct doctor *doctor, const struct host *host, bool server)
{
	struct addrinfo *addresses = NULL;
	struct doctor_finding finding;

	doctor_report_area(doctor, "%s %s", server ? "Server" : "Jump host", host->name);
	look_own_key(doctor, host);
	if (host->jump != NULL) {
		doctor_find(&finding, DOCTOR_OPEN, "not looked at: it is reached through %s",
		    host->jump->name);
		doctor_report(doctor, "tcp", &finding);
		return;
	}
	if (look_connection(doctor, host, &addresses) && look_keys(doctor, host, addresses) &&
	    server)
		look_inside(doctor, host, addresses);
	doctor_addresses_free(addresses);
}

void doctor_look_servers(struct doctor *doctor)
{
	const struct config *config = doctor->config;

	for (size_t i = 0; config != NULL && i < config->jump_count; i++) {
		const struct config_jump *jump = &config->jumps[i];
		const struct host host = {jump->name, jump->address, jump->port, &jump->ssh, NULL};

		look_host(doctor, &host, false);
	}
	for (size_t i = 0; config != NULL && i < config->server_count; i++) {
		const struct config_server *server = &config->servers[i];
		struct host host = {
		    server->name, server->address, server->port, &server->ssh, NULL};

		for (size_t j = 0; j < config->jump_count; j++)
			if (strcmp(config->jumps[j].name, server->jump) == 0)
				host.jump = &config->jumps[j];
		look_host(doctor, &host, true);
	}
}
