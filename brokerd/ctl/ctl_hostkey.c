/* SPDX-License-Identifier: ISC */
/*
 * `brokerctl hostkey`: options and arguments, whom they mean, and what is said about keys. Runs in
 * brokerctl, with no more rights than whoever calls it.
 */
#include "ctl_hostkey.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

void ctl_show_text(const char *text, size_t length, char *shown, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < size; i++)
		shown[used++] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
	if (used < length && used > 3)
		memcpy(shown + used - 3, "...", 3);
	shown[used] = 0;
}

/* --- whom a command is about -------------------------------------------------------------- */

static const struct config_jump *find_jump(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->jump_count; i++)
		if (strcmp(config->jumps[i].name, name) == 0)
			return &config->jumps[i];
	return NULL;
}

/* Whether text is a section's name; fills in address and port then. */
static bool find_section(const struct config *config, const char *text, struct ctl_target *target)
{
	const struct config_jump *jump;

	for (size_t i = 0; i < config->server_count; i++) {
		const struct config_server *server = &config->servers[i];

		if (strcmp(server->name, text) != 0)
			continue;
		target->section = server->name;
		strcpy(target->host, server->address);
		target->port = (uint16_t)server->port;
		target->jump = find_jump(config, server->jump);
		return true;
	}
	jump = find_jump(config, text);
	if (jump == NULL)
		return false;
	target->section = jump->name;
	strcpy(target->host, jump->address);
	target->port = (uint16_t)jump->port;
	return true;
}

static bool parse_port(const char *text, uint16_t *port)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long value = strtoul(text, NULL, 10);

	if (digits == 0 || digits > 5 || text[digits] != 0 || value == 0 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

/* "host", "host:port", "[host]:port", or an IPv6 address. */
static bool parse_host(const char *text, struct ctl_target *target)
{
	const char *start = text, *colon = strrchr(text, ':'), *end = text + strlen(text);

	target->port = 22;
	if (text[0] == '[') {
		start++;
		end = strchr(text, ']');
		if (end == NULL || (end[1] != 0 && end[1] != ':') ||
		    (end[1] == ':' && !parse_port(end + 2, &target->port)))
			return false;
	} else if (colon != NULL && strchr(text, ':') == colon) {
		end = colon;
		if (!parse_port(colon + 1, &target->port))
			return false;
	}
	if (end == start || (size_t)(end - start) >= sizeof(target->host))
		return false;
	memcpy(target->host, start, (size_t)(end - start));
	target->host[end - start] = 0;
	return true;
}

const char *ctl_target_find(
    const struct config *config, const char *text, struct ctl_target *target)
{
	memset(target, 0, sizeof(*target));
	if (!find_section(config, text, target) && !parse_host(text, target))
		return "is neither a [server] or [jump] of the configuration nor HOST or HOST:PORT";
	if (!knownhosts_name(target->host, target->port, target->name))
		return "is not a host that known hosts could name";
	return NULL;
}

/* --- what the files say ------------------------------------------------------------------- */

struct judging {
	const struct knownhosts_line *wanted;
	const char *name; /* NULL: only the same line is looked for */
	struct ctl_key *key;
};

static bool same_line(const struct knownhosts_line *a, const struct knownhosts_line *b)
{
	return a->mark == b->mark && a->hosts_length == b->hosts_length &&
	       memcmp(a->hosts, b->hosts, a->hosts_length) == 0 &&
	       knownhosts_same_key(&a->key, &b->key);
}

static enum ctl_standing judge_key(
    const struct knownhosts_line *line, const struct judging *judging)
{
	if (judging->name == NULL)
		return same_line(line, judging->wanted) ? CTL_STANDING_ON_FILE : CTL_STANDING_NEW;
	if (line->mark == HOST_KEY_AUTHORITY || !knownhosts_line_is_about(line, judging->name))
		return CTL_STANDING_NEW;
	if (knownhosts_same_key(&line->key, &judging->wanted->key))
		return line->mark == HOST_KEY_REVOKED ? CTL_STANDING_REVOKED : CTL_STANDING_ON_FILE;
	if (line->mark == HOST_KEY_TRUSTED &&
	    strcmp(line->key.type, judging->wanted->key.type) == 0)
		return CTL_STANDING_DIFFERS;
	return CTL_STANDING_NEW;
}

/* One of several trusted keys of a type is enough; a revoked one never is. */
static void judge_line(const char *path, unsigned number, enum knownhosts_kind kind,
    const struct knownhosts_line *line, void *arg)
{
	const struct judging *judging = arg;
	struct ctl_key *key = judging->key;
	enum ctl_standing standing;

	if (kind != KNOWNHOSTS_KEY)
		return;
	standing = judge_key(line, judging);
	if (standing <= key->standing)
		return;
	key->standing = standing;
	snprintf(key->place, sizeof(key->place), "%s:%u", path, number);
	hostkey_print_fingerprint(line->key.blob, line->key.blob_length, key->on_file);
}

static bool judge_file(const char *path, struct judging *judging)
{
	if (knownhosts_read(path, judge_line, judging) || errno == ENOENT)
		return true;
	ctl_complain("%s: %s", path, strerror(errno));
	return false;
}

static bool judge(const struct ctl_hostkey *hostkey, struct judging *judging)
{
	judging->key->standing = CTL_STANDING_NEW;
	return judge_file(hostkey->files.known_hosts, judging) &&
	       judge_file(hostkey->files.accepted_hosts, judging);
}

/* Of a line with several names: the one that most needs attention. */
static bool is_worse(enum ctl_standing a, enum ctl_standing b)
{
	static const int ranks[CTL_STANDING_COUNT] = {[CTL_STANDING_ON_FILE] = 0,
	    [CTL_STANDING_NEW] = 1,
	    [CTL_STANDING_DIFFERS] = 2,
	    [CTL_STANDING_REVOKED] = 3};

	return ranks[a] > ranks[b];
}

bool ctl_key_judge(const struct ctl_hostkey *hostkey, struct ctl_key *key)
{
	struct knownhosts_line line;
	struct ctl_key worst = *key;
	struct judging judging = {&line, NULL, key};
	char hosts[4096], *rest = hosts, *name;
	bool first = true;

	hostkey_print_fingerprint(key->key.blob, key->key.blob_length, key->fingerprint);
	knownhosts_line_parse(key->line, strlen(key->line), &line);
	if (!judge(hostkey, &judging))
		return false;
	/* Patterns and hashes do not tell for whom other keys should be looked up. */
	if (line.mark != HOST_KEY_TRUSTED || knownhosts_line_is_hashed(&line) ||
	    line.hosts_length >= sizeof(hosts))
		return true;
	for (size_t i = 0; i < line.hosts_length; i++)
		hosts[i] = (char)tolower((unsigned char)line.hosts[i]);
	hosts[line.hosts_length] = 0;
	while ((name = strsep(&rest, ",")) != NULL) {
		if (name[0] == '!' || strpbrk(name, "*?") != NULL)
			continue;
		judging.name = name;
		if (!judge(hostkey, &judging))
			return false;
		if (first || is_worse(key->standing, worst.standing))
			worst = *key;
		first = false;
	}
	if (!first)
		*key = worst;
	return true;
}

/* --- how keys are shown ------------------------------------------------------------------- */

static void print_key(FILE *out, const struct ctl_key *key, const char *prefix, int hosts_width)
{
	static const char *const words[] = {[CTL_STANDING_NEW] = "no",
	    [CTL_STANDING_ON_FILE] = "yes: ",
	    [CTL_STANDING_DIFFERS] = "CHANGED",
	    [CTL_STANDING_REVOKED] = "REVOKED: "};
	bool named = key->standing == CTL_STANDING_ON_FILE || key->standing == CTL_STANDING_REVOKED;

	fputs(prefix, out);
	if (hosts_width > 0)
		fprintf(out, "%-*s  ", hosts_width, key->hosts);
	fprintf(out, "%-19s  %-50s  %s%s\n", key->key.type, key->fingerprint, words[key->standing],
	    named ? key->place : "");
	if (key->standing != CTL_STANDING_DIFFERS)
		return;
	fputs(prefix, out);
	if (hosts_width > 0)
		fprintf(out, "%-*s  ", hosts_width, "");
	fprintf(out, "%-19s  %-50s  %s\n", "  on file", key->on_file, key->place);
}

void ctl_keys_print(
    FILE *out, const struct ctl_key *keys, size_t count, const char *prefix, bool with_hosts)
{
	int width = with_hosts ? 4 : 0;

	for (size_t i = 0; i < count && with_hosts; i++)
		if ((int)strlen(keys[i].hosts) > width)
			width = (int)strlen(keys[i].hosts);
	fputs(prefix, out);
	if (with_hosts)
		fprintf(out, "%-*s  ", width, "HOST");
	fprintf(out, "%-19s  %-50s  %s\n", "TYPE", "FINGERPRINT", "ON FILE");
	for (size_t i = 0; i < count; i++)
		print_key(out, &keys[i], prefix, width);
}

/* --- options and arguments ---------------------------------------------------------------- */

static void print_usage(FILE *stream)
{
	fputs(
	    "usage: brokerctl hostkey [-c FILE] COMMAND\n\n"
	    "  scan SERVER                 asks a server for its host keys and says which are on "
	    "file\n"
	    "  list [SERVER]               the keys on file\n"
	    "  add SERVER [--fingerprint SHA256:... | --yes]\n"
	    "                              scans, shows the fingerprints, and adds the new keys\n"
	    "  add --file FILE [--fingerprint SHA256:... | --yes]\n"
	    "                              adds lines in known_hosts format; - is the standard "
	    "input\n"
	    "  remove SERVER [TYPE]        removes its keys, or the one of a type such as ssh-rsa\n"
	    "\n"
	    "SERVER is a [server] or [jump] section of the configuration, or HOST, or HOST:PORT.\n"
	    "\n"
	    "  -c, --config FILE           the configuration (default " CTL_DEFAULT_CONFIG ")\n"
	    "  -j, --json                  list as JSON\n"
	    "      --fingerprint SHA256:.. adds the key that has it, and no other; asks nothing\n"
	    "  -y, --yes                   adds all; asks nothing\n"
	    "\n"
	    "exit status: 0 done, 1 refused, changed or not there, 2 wrong usage, 3 no server "
	    "answers\n",
	    stream);
}

static enum ctl_status usage_error(const char *what)
{
	ctl_complain("%s; see brokerctl hostkey --help", what);
	return CTL_STATUS_USAGE;
}

static enum ctl_status run(
    struct ctl_hostkey *hostkey, const char *command, int argc, char *const *argv)
{
	bool adds = strcmp(command, "add") == 0;

	if (!adds && (hostkey->lines != NULL || hostkey->fingerprint != NULL || hostkey->yes))
		return usage_error("--file, --fingerprint and --yes go with add");
	if (hostkey->json && strcmp(command, "list") != 0)
		return usage_error("--json goes with list");
	if (strcmp(command, "scan") == 0 && argc == 1)
		return ctl_hostkey_scan(hostkey, argv[0]);
	if (strcmp(command, "list") == 0 && argc <= 1)
		return ctl_hostkey_list(hostkey, argc == 1 ? argv[0] : NULL);
	if (adds && argc == (hostkey->lines == NULL))
		return ctl_hostkey_add(hostkey, argc == 1 ? argv[0] : NULL);
	if (strcmp(command, "remove") == 0 && (argc == 1 || argc == 2))
		return ctl_hostkey_remove(hostkey, argv[0], argc == 2 ? argv[1] : NULL);
	return usage_error("that is not how it is used");
}

enum ctl_status ctl_hostkey_main(int argc, char **argv)
{
	static const struct option names[] = {{"config", required_argument, NULL, 'c'},
	    {"file", required_argument, NULL, 'f'}, {"fingerprint", required_argument, NULL, 'F'},
	    {"help", no_argument, NULL, 'h'}, {"json", no_argument, NULL, 'j'},
	    {"yes", no_argument, NULL, 'y'}, {0}};
	const char *config_path = CTL_DEFAULT_CONFIG;
	struct ctl_hostkey hostkey = {0};
	struct config *config;
	enum ctl_status status;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "c:f:hjy", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case 'f':
			hostkey.lines = optarg;
			break;
		case 'F':
			hostkey.fingerprint = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return CTL_STATUS_OK;
		case 'j':
			hostkey.json = true;
			break;
		case 'y':
			hostkey.yes = true;
			break;
		default:
			return usage_error("unknown option");
		}
	}
	if (optind == argc) {
		print_usage(stderr);
		return CTL_STATUS_USAGE;
	}
	if (hostkey.fingerprint != NULL && strncmp(hostkey.fingerprint, "SHA256:", 7) != 0)
		return usage_error("--fingerprint is SHA256:... as ssh-keygen -l prints it");
	config = config_load(config_path, false, ctl_report_config, NULL);
	if (config == NULL) {
		ctl_complain("the configuration cannot be used; name another by --config FILE");
		return CTL_STATUS_USAGE;
	}
	hostkey.config = config;
	hostkey.files =
	    (struct knownhosts_files){config->ssh.known_hosts, config->ssh.accepted_hosts};
	status = run(&hostkey, argv[optind], argc - optind - 1, argv + optind + 1);
	config_destroy(config);
	return status;
}

enum ctl_status ctl_hostkey(struct ctl *ctl)
{
	char config[] = "--config", json[] = "--json", *words[64];
	int count = 0;

	if (ctl->word_count > 32)
		return ctl_usage("too many words");
	/* What was said before the command counts for it, and what follows it more. */
	words[count++] = ctl->words[-1];
	if (ctl->config_path != NULL) {
		words[count++] = config;
		words[count++] = (char *)(uintptr_t)ctl->config_path;
	}
	if (ctl->json)
		words[count++] = json;
	for (int i = 0; i < ctl->word_count; i++)
		words[count++] = ctl->words[i];
	words[count] = NULL;
	return ctl_hostkey_main(count, words);
}
