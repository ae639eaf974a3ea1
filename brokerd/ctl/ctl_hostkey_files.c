/* SPDX-License-Identifier: ISC */
/*
 * `brokerctl hostkey list` and `remove`: what the known hosts files hold, and taking it out. Runs
 * in brokerctl.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_hostkey.h"

/* How long it is waited for somebody else who edits the same file. */
#define LOCK_S	       10
#define HOST_WIDTH_MAX 40
#define SECTIONS_MAX   (CONFIG_SERVERS_MAX + CONFIG_JUMPS_MAX)

/* A line of the table. */
struct row {
	char host[80], type[HOSTKEY_TYPE_BYTES], fingerprint[HOSTKEY_FINGERPRINT_BYTES];
	enum host_key_mark mark;
	bool hashed;
	const char *path;
	unsigned number;
};

struct listing {
	const struct ctl_target *target; /* NULL: everything */
	struct row *rows;
	size_t count, capacity;
	size_t section_count;
	struct ctl_target sections[SECTIONS_MAX];
	bool have[SECTIONS_MAX]; /* whether a key of theirs is on file */
};

static const char *const marks[] = {[HOST_KEY_TRUSTED] = "trusted",
    [HOST_KEY_REVOKED] = "revoked",
    [HOST_KEY_AUTHORITY] = "authority"};

/* --- list --------------------------------------------------------------------------------- */

static struct row *add_row(struct listing *listing)
{
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity * 2 + 32;
		struct row *rows = realloc(listing->rows, capacity * sizeof(*rows));

		if (rows == NULL)
			log_fatalx("out of memory");
		listing->rows = rows;
		listing->capacity = capacity;
	}
	return &listing->rows[listing->count++];
}

static void list_line(const char *path, unsigned number, enum knownhosts_kind kind,
    const struct knownhosts_line *line, void *arg)
{
	struct listing *listing = arg;
	struct row *row;

	if (kind == KNOWNHOSTS_WRONG)
		ctl_complain("%s:%u: %s", path, number, line->wrong);
	if (kind != KNOWNHOSTS_KEY)
		return;
	for (size_t i = 0; i < listing->section_count; i++)
		if (line->mark == HOST_KEY_TRUSTED &&
		    knownhosts_line_is_about(line, listing->sections[i].name))
			listing->have[i] = true;
	if (listing->target != NULL && !knownhosts_line_is_about(line, listing->target->name))
		return;
	row = add_row(listing);
	row->hashed = knownhosts_line_is_hashed(line);
	if (!row->hashed)
		ctl_show_text(line->hosts, line->hosts_length, row->host, sizeof(row->host));
	else
		snprintf(row->host, sizeof(row->host), "%.60s(hashed)",
		    listing->target != NULL ? listing->target->name : "");
	strcpy(row->type, line->key.type);
	hostkey_print_fingerprint(line->key.blob, line->key.blob_length, row->fingerprint);
	row->mark = line->mark;
	row->path = path;
	row->number = number;
}

static void print_rows(const struct listing *listing)
{
	int width = 4;

	for (size_t i = 0; i < listing->count; i++)
		if ((int)strlen(listing->rows[i].host) > width)
			width = (int)strlen(listing->rows[i].host);
	if (width > HOST_WIDTH_MAX)
		width = HOST_WIDTH_MAX;
	printf(
	    "%-*s  %-19s  %-50s  %-9s  %s\n", width, "HOST", "TYPE", "FINGERPRINT", "MARK", "FILE");
	for (size_t i = 0; i < listing->count; i++) {
		const struct row *row = &listing->rows[i];

		printf("%-*s  %-19s  %-50s  %-9s  %s:%u\n", width, row->host, row->type,
		    row->fingerprint, marks[row->mark], row->path, row->number);
	}
}

static void print_rows_json(const struct listing *listing)
{
	struct ctl_json json = {.out = stdout};

	ctl_json_open(&json, NULL, '[');
	for (size_t i = 0; i < listing->count; i++) {
		const struct row *row = &listing->rows[i];

		ctl_json_open(&json, NULL, '{');
		ctl_json_text(&json, "host", row->host);
		ctl_json_bool(&json, "hashed", row->hashed);
		ctl_json_text(&json, "type", row->type);
		ctl_json_text(&json, "fingerprint", row->fingerprint);
		ctl_json_text(&json, "mark", marks[row->mark]);
		ctl_json_text(&json, "file", row->path);
		ctl_json_uint(&json, "line", row->number);
		ctl_json_close(&json, '}');
	}
	ctl_json_close(&json, ']');
	fputc('\n', stdout);
}

/* Which of the configuration's hosts nobody can log in to. */
static void print_missing(const struct listing *listing)
{
	bool first = true;

	for (size_t i = 0; i < listing->section_count; i++) {
		if (listing->have[i])
			continue;
		if (first)
			printf("%sNo key is on file for:\n", listing->count != 0 ? "\n" : "");
		printf("  %s (%s): brokerctl hostkey add %s\n", listing->sections[i].section,
		    listing->sections[i].name, listing->sections[i].section);
		first = false;
	}
}

/* Hosts whose keys need not be on file are not missed. */
static void add_section(struct listing *listing, const struct config *config, const char *name,
    const struct config_ssh *ssh)
{
	struct ctl_target *target = &listing->sections[listing->section_count];

	if (ssh->host_keys == HOST_KEYS_STRICT && ctl_target_find(config, name, target) == NULL)
		listing->section_count++;
}

/* False if a file is there, but cannot be read. */
static bool read_file(const char *path, struct listing *listing)
{
	if (knownhosts_read(path, list_line, listing) || errno == ENOENT)
		return true;
	ctl_complain("%s: %s", path, strerror(errno));
	return false;
}

enum ctl_status ctl_hostkey_list(const struct ctl_hostkey *hostkey, const char *server)
{
	const struct config *config = hostkey->config;
	struct listing *listing = calloc(1, sizeof(*listing));
	enum ctl_status status = CTL_STATUS_OK;
	struct ctl_target target;
	const char *wrong;

	if (listing == NULL)
		log_fatalx("out of memory");
	if (server != NULL) {
		wrong = ctl_target_find(config, server, &target);
		if (wrong != NULL) {
			ctl_complain("%s: %s", server, wrong);
			free(listing);
			return CTL_STATUS_USAGE;
		}
		listing->target = &target;
	} else {
		for (size_t i = 0; i < config->server_count; i++)
			add_section(
			    listing, config, config->servers[i].name, &config->servers[i].ssh);
		for (size_t i = 0; i < config->jump_count; i++)
			add_section(listing, config, config->jumps[i].name, &config->jumps[i].ssh);
	}
	if (!read_file(hostkey->files.known_hosts, listing) ||
	    !read_file(hostkey->files.accepted_hosts, listing))
		status = CTL_STATUS_FAILED;
	if (hostkey->json)
		print_rows_json(listing);
	else if (listing->count != 0)
		print_rows(listing);
	if (listing->count == 0 && status == CTL_STATUS_OK) {
		ctl_complain("no key%s%s is on file", server != NULL ? " of " : "",
		    server != NULL ? target.name : "");
		status = CTL_STATUS_FAILED;
	}
	if (!hostkey->json)
		print_missing(listing);
	free(listing->rows);
	free(listing);
	return status;
}

/* --- changing a file ---------------------------------------------------------------------- */

/* Wakes whoever waits for a lock, who sees EINTR. */
static void on_alarm(int number)
{
	(void)number;
}

struct knownhosts_edit *ctl_edit_open(const char *path)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	struct knownhosts_edit *edit;
	int error;

	sigaction(SIGALRM, &action, NULL);
	alarm(LOCK_S);
	edit = knownhosts_edit_open(path, true);
	error = errno;
	alarm(0);
	if (edit == NULL)
		ctl_explain_errno(path, error);
	errno = error;
	return edit;
}

void ctl_explain_errno(const char *path, int error)
{
	switch (error) {
	case EINTR:
		ctl_complain(
		    "%s: somebody else has been editing it for %d s; try again", path, LOCK_S);
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		ctl_complain("%s: %s; it may be changed by root, or by whom its folder belongs to",
		    path, strerror(error));
		break;
	case ENOENT:
		ctl_complain("%s: its folder does not exist", path);
		break;
	case ELOOP:
		ctl_complain("%s: is a symbolic link; name the file itself in [ssh]", path);
		break;
	default:
		ctl_complain("%s: %s", path, strerror(error));
	}
}

struct removing {
	const char *path;
	FILE *report; /* shown when it is done */
	unsigned removed, kept;
};

static void report_removed(
    unsigned number, enum knownhosts_fate fate, const struct knownhosts_line *line, void *arg)
{
	struct removing *removing = arg;
	char fingerprint[HOSTKEY_FINGERPRINT_BYTES], hosts[80];

	hostkey_print_fingerprint(line->key.blob, line->key.blob_length, fingerprint);
	ctl_show_text(line->hosts, line->hosts_length, hosts, sizeof(hosts));
	switch (fate) {
	case KNOWNHOSTS_REMOVED:
		removing->removed++;
		fprintf(removing->report, "Removed  %-19s  %s  (%s:%u)\n", line->key.type,
		    fingerprint, removing->path, number);
		break;
	case KNOWNHOSTS_KEPT_PATTERN:
		removing->kept++;
		fprintf(removing->report, "Kept     %-19s  %s  (%s:%u): it is for all of \"%s\"\n",
		    line->key.type, fingerprint, removing->path, number, hosts);
		break;
	case KNOWNHOSTS_KEPT_MARK:
		removing->kept++;
		fprintf(removing->report, "Kept     %-19s  %s  (%s:%u): it is %s for \"%s\"\n",
		    line->key.type, fingerprint, removing->path, number,
		    line->mark == HOST_KEY_REVOKED ? "revoked" : "an authority", hosts);
		break;
	}
}

/* False, after a complaint, if the file should be changed and cannot be. */
static bool remove_from(
    const char *path, const struct ctl_target *target, const char *type, struct removing *removing)
{
	struct knownhosts_edit *edit;
	size_t length = 0;
	char *text = NULL;
	bool good;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	edit = ctl_edit_open(path);
	if (edit == NULL)
		return false;
	removing->path = path;
	removing->report = open_memstream(&text, &length);
	if (removing->report == NULL)
		log_fatalx("out of memory");
	knownhosts_edit_remove(edit, target->name, type, report_removed, removing);
	good = knownhosts_edit_commit(edit);
	if (!good)
		ctl_explain_errno(path, errno);
	fclose(removing->report);
	if (good)
		fputs(text, stdout);
	free(text);
	knownhosts_edit_close(edit);
	return good;
}

enum ctl_status ctl_hostkey_remove(
    const struct ctl_hostkey *hostkey, const char *server, const char *type)
{
	struct removing removing = {0};
	struct ctl_target target;
	const char *wrong = ctl_target_find(hostkey->config, server, &target);

	if (wrong != NULL) {
		ctl_complain("%s: %s", server, wrong);
		return CTL_STATUS_USAGE;
	}
	if (!remove_from(hostkey->files.known_hosts, &target, type, &removing) ||
	    !remove_from(hostkey->files.accepted_hosts, &target, type, &removing))
		return CTL_STATUS_FAILED;
	if (removing.kept != 0)
		printf("What is kept is for more than this host: change it with an editor.\n");
	if (removing.removed != 0)
		return CTL_STATUS_OK;
	ctl_complain("no %s%skey of %s alone is on file", type != NULL ? type : "",
	    type != NULL ? " " : "", target.name);
	return CTL_STATUS_FAILED;
}
