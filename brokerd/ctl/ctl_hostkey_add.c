/* SPDX-License-Identifier: ISC */
/*
 * `brokerctl hostkey scan` and `add`: what a server shows, beside what is on file, and writing it
 * down once somebody has confirmed it. Runs in brokerctl.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "ctl_hostkey.h"
#include "proto/wire.h"

/* Lines of --file. */
#define FILE_LINES_MAX 1000

/* Keys that may be added: of a server or of a file. */
struct candidates {
	struct ctl_scan scan;
	struct ctl_key *keys; /* those of scan, or a list of its own */
	size_t count;
	char title[600]; /* where they come from */
};

/* --- scan --------------------------------------------------------------------------------- */

/* Behind a jump host it is another machine that must ask. */
static void explain_jump(const struct ctl_target *target)
{
	const struct config_jump *jump = target->jump;
	char jump_port[16] = "", port[16] = "";

	if (jump->port != 22)
		snprintf(jump_port, sizeof(jump_port), "-p %u ", jump->port);
	if (target->port != 22)
		snprintf(port, sizeof(port), "-p %u ", (unsigned)target->port);
	ctl_complain("%s is reached through the jump host %s; it must be scanned from there:\n\n"
		     "  ssh %s%s ssh-keyscan %s%s | brokerctl hostkey add --file -\n",
	    target->name, jump->name, jump_port, jump->address, port, target->host);
}

/* Finds, scans and judges. OK, or the status that the command ends with, after a complaint. */
static enum ctl_status scan_server(const struct ctl_hostkey *hostkey, const char *server,
    const char *comment, struct candidates *candidates)
{
	struct ctl_scan *scan = &candidates->scan;
	struct ctl_target target;
	const char *wrong = ctl_target_find(hostkey->config, server, &target);

	if (wrong != NULL) {
		ctl_complain("%s: %s", server, wrong);
		return CTL_STATUS_USAGE;
	}
	if (target.jump != NULL) {
		explain_jump(&target);
		return CTL_STATUS_FAILED;
	}
	ctl_scan(&target, scan);
	if (scan->problem[0] != 0)
		ctl_complain("%s: %s", target.name, scan->problem);
	if (scan->count == 0)
		return scan->unreachable ? CTL_STATUS_UNREACHABLE : CTL_STATUS_FAILED;
	for (size_t i = 0; i < scan->count; i++) {
		struct ctl_key *key = &scan->keys[i];

		ctl_show_text(server, strlen(server), key->hosts, sizeof(key->hosts));
		key->line = knownhosts_edit_compose(target.name, &key->key, comment);
		if (key->line == NULL)
			log_fatalx("out of memory");
		if (!ctl_key_judge(hostkey, key))
			return CTL_STATUS_FAILED;
	}
	candidates->keys = scan->keys;
	candidates->count = scan->count;
	snprintf(candidates->title, sizeof(candidates->title), "%s (%s%s%s), %s", target.name,
	    target.section != NULL ? target.section : "", target.section != NULL ? ", " : "",
	    scan->address, scan->software);
	return CTL_STATUS_OK;
}

static const struct ctl_key *find_standing(
    const struct candidates *candidates, enum ctl_standing standing)
{
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->keys[i].standing == standing && !candidates->keys[i].unwanted)
			return &candidates->keys[i];
	return NULL;
}

/* Says what a key that is not in order means. True if there is none. */
static bool check_standing(const struct candidates *candidates)
{
	const struct ctl_key *revoked = find_standing(candidates, CTL_STANDING_REVOKED);
	const struct ctl_key *changed = find_standing(candidates, CTL_STANDING_DIFFERS);

	if (revoked != NULL)
		ctl_complain("%s has been revoked (%s): whoever shows this key may have stolen it",
		    revoked->fingerprint, revoked->place);
	if (changed != NULL)
		ctl_complain(
		    "another %s key is on file: either the server was set up anew, or "
		    "somebody answers in its place.\n"
		    "If those who run it confirm the new fingerprint, take the old key out:"
		    "\n\n  brokerctl hostkey remove %s %s\n",
		    changed->key.type, changed->hosts, changed->key.type);
	return revoked == NULL && changed == NULL;
}

static void candidates_destroy(struct candidates *candidates)
{
	if (candidates == NULL)
		return;
	for (size_t i = 0; i < candidates->scan.count; i++)
		free(candidates->scan.keys[i].line);
	if (candidates->keys != candidates->scan.keys) {
		for (size_t i = 0; i < candidates->count; i++)
			free(candidates->keys[i].line);
		free(candidates->keys);
	}
	free(candidates);
}

static struct candidates *candidates_create(void)
{
	struct candidates *candidates = calloc(1, sizeof(*candidates));

	if (candidates == NULL)
		log_fatalx("out of memory");
	return candidates;
}

/* What goes from here into a file must not make it trust what it should not. */
static bool is_in_order(const struct ctl_key *key)
{
	return key->standing == CTL_STANDING_NEW || key->standing == CTL_STANDING_ON_FILE;
}

enum ctl_status ctl_hostkey_scan(const struct ctl_hostkey *hostkey, const char *server)
{
	struct candidates *candidates = candidates_create();
	enum ctl_status status = scan_server(hostkey, server, NULL, candidates);

	if (status == CTL_STATUS_OK) {
		printf("# %s\n#\n", candidates->title);
		ctl_keys_print(stdout, candidates->keys, candidates->count, "#   ", false);
		if (candidates->scan.unreadable[0] != 0)
			printf("#\n# Left out, since the gateway's libssh2 cannot use it: %s\n",
			    candidates->scan.unreadable);
		puts("#");
		for (size_t i = 0; i < candidates->count; i++)
			if (is_in_order(&candidates->keys[i]))
				puts(candidates->keys[i].line);
		if (!check_standing(candidates))
			status = CTL_STATUS_FAILED;
	}
	candidates_destroy(candidates);
	return status;
}

/* --- lines of a file ---------------------------------------------------------------------- */

/* Takes one line; false after a complaint. */
static bool take_line(
    const struct ctl_hostkey *hostkey, char *text, unsigned number, struct candidates *candidates)
{
	struct ctl_key *key = &candidates->keys[candidates->count];
	struct knownhosts_line line;
	const char *wrong = NULL;

	text[strcspn(text, "\r\n")] = 0;
	switch (knownhosts_line_parse(text, strlen(text), &line)) {
	case KNOWNHOSTS_NOTHING:
		return true;
	case KNOWNHOSTS_WRONG:
		wrong = line.wrong;
		break;
	case KNOWNHOSTS_KEY:
		if (!wire_text_is_clean(text, strlen(text)))
			wrong = "has characters that are none";
		else if (candidates->count == FILE_LINES_MAX)
			wrong = "too many lines at once";
		break;
	}
	if (wrong != NULL) {
		ctl_complain("%s:%u: %s", hostkey->lines, number, wrong);
		return false;
	}
	for (size_t i = 0; i < candidates->count; i++)
		if (strcmp(candidates->keys[i].line, text) == 0)
			return true;
	memset(key, 0, sizeof(*key));
	key->key = line.key;
	ctl_show_text(line.hosts, line.hosts_length, key->hosts, sizeof(key->hosts));
	key->line = strdup(text);
	if (key->line == NULL)
		log_fatalx("out of memory");
	candidates->count++;
	return ctl_key_judge(hostkey, key);
}

static enum ctl_status read_lines(const struct ctl_hostkey *hostkey, struct candidates *candidates)
{
	bool standard = strcmp(hostkey->lines, "-") == 0, good = true;
	FILE *file = standard ? stdin : fopen(hostkey->lines, "re");
	size_t line_bytes = 0;
	char *text = NULL;

	if (file == NULL) {
		ctl_complain("%s: %s", hostkey->lines, strerror(errno));
		return CTL_STATUS_FAILED;
	}
	candidates->keys = calloc(FILE_LINES_MAX + 1, sizeof(*candidates->keys));
	if (candidates->keys == NULL)
		log_fatalx("out of memory");
	for (unsigned number = 1; good && getline(&text, &line_bytes, file) > 0; number++)
		good = take_line(hostkey, text, number, candidates);
	free(text);
	if (good && ferror(file)) {
		ctl_complain("%s: %s", hostkey->lines, strerror(errno));
		good = false;
	}
	if (!standard)
		fclose(file);
	if (good && candidates->count == 0) {
		ctl_complain("%s has no keys", standard ? "the standard input" : hostkey->lines);
		good = false;
	}
	snprintf(candidates->title, sizeof(candidates->title), "%.300s",
	    standard ? "standard input" : hostkey->lines);
	return good ? CTL_STATUS_OK : CTL_STATUS_FAILED;
}

/* --- add ---------------------------------------------------------------------------------- */

/* Asks on the terminal, which the standard input need not be. */
static bool confirm(size_t count, const char *path)
{
	FILE *terminal = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
	char answer[16] = "";

	if (terminal == NULL) {
		ctl_complain("there is no terminal to ask on: compare the fingerprints and confirm "
			     "by --fingerprint or --yes");
		return false;
	}
	printf("Compare with what the server's own console says, for instance:\n"
	       "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n\n"
	       "Add %s to %s? Type yes: ",
	    count == 1 ? "this new key" : "these new keys", path);
	fflush(stdout);
	if (fgets(answer, sizeof(answer), terminal) == NULL)
		putchar('\n');
	if (terminal != stdin)
		fclose(terminal);
	if (strcasecmp(answer, "yes\n") == 0)
		return true;
	ctl_complain("nothing was added");
	return false;
}

/* Under the lock: what was judged before may have changed. */
static bool write_keys(const struct ctl_hostkey *hostkey, struct candidates *candidates)
{
	const char *path = hostkey->files.known_hosts;
	struct knownhosts_edit *edit = ctl_edit_open(path);
	bool good = edit != NULL;
	size_t added = 0;

	for (size_t i = 0; good && i < candidates->count; i++) {
		struct ctl_key *key = &candidates->keys[i];

		if (key->unwanted)
			continue;
		good = ctl_key_judge(hostkey, key);
		if (!good || key->standing != CTL_STANDING_NEW)
			continue;
		good = knownhosts_edit_add(edit, key->line);
		if (!good)
			ctl_explain_errno(path, errno);
		added++;
	}
	good = good && check_standing(candidates);
	if (good && !knownhosts_edit_commit(edit)) {
		ctl_explain_errno(path, errno);
		good = false;
	}
	knownhosts_edit_close(edit);
	if (good)
		printf("Added %zu %s to %s.\n", added, added == 1 ? "key" : "keys", path);
	return good;
}

/* Leaves out what has not the fingerprint that was given. */
static bool choose(const struct ctl_hostkey *hostkey, struct candidates *candidates)
{
	bool found = hostkey->fingerprint == NULL;

	for (size_t i = 0; i < candidates->count && hostkey->fingerprint != NULL; i++) {
		struct ctl_key *key = &candidates->keys[i];

		key->unwanted = strcmp(key->fingerprint, hostkey->fingerprint) != 0;
		if (!key->unwanted)
			found = true;
	}
	if (!found)
		ctl_complain(
		    "no key there has the fingerprint %s; nothing was added", hostkey->fingerprint);
	return found;
}

static enum ctl_status add_candidates(
    const struct ctl_hostkey *hostkey, struct candidates *candidates)
{
	size_t fresh = 0;

	printf("%s\n\n", candidates->title);
	ctl_keys_print(stdout, candidates->keys, candidates->count, "  ", hostkey->lines != NULL);
	putchar('\n');
	if (!choose(hostkey, candidates) || !check_standing(candidates))
		return CTL_STATUS_FAILED;
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->keys[i].standing == CTL_STANDING_NEW &&
		    !candidates->keys[i].unwanted)
			fresh++;
	if (fresh == 0) {
		puts("Nothing to add: what was wanted is on file.");
		return CTL_STATUS_OK;
	}
	if (!hostkey->yes && hostkey->fingerprint == NULL &&
	    !confirm(fresh, hostkey->files.known_hosts))
		return CTL_STATUS_FAILED;
	return write_keys(hostkey, candidates) ? CTL_STATUS_OK : CTL_STATUS_FAILED;
}

enum ctl_status ctl_hostkey_add(const struct ctl_hostkey *hostkey, const char *server)
{
	struct candidates *candidates = candidates_create();
	char comment[32];
	time_t now = time(NULL);
	struct tm date;
	enum ctl_status status;

	gmtime_r(&now, &date);
	strftime(comment, sizeof(comment), "added-%Y-%m-%d", &date);
	status = hostkey->lines != NULL ? read_lines(hostkey, candidates)
					: scan_server(hostkey, server, comment, candidates);
	if (status == CTL_STATUS_OK)
		status = add_candidates(hostkey, candidates);
	candidates_destroy(candidates);
	return status;
}
