/* SPDX-License-Identifier: ISC */
/*
 * brokerctl check: reads the configuration as the broker would, and says what is wrong with it, or
 * not wrong but of no use, without asking anybody.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "brokerd/config.h"
#include "ctl.h"
#include "brokerd/knownhosts.h"

struct check {
	struct ctl *ctl;
	const char *path;
	struct ctl_json json;
	unsigned errors, warnings;
};

/* "[section] key: ", or "[section]: " of one that there is not; "[section] what" stays together.
 * Returns the length. */
static size_t read_place(const char *text, char section[160], char key[80])
{
	int used = 0;

	if (sscanf(text, "[%159[^]]] %79[^: ]: %n", section, key, &used) != 2 || used == 0) {
		key[0] = 0;
		sscanf(text, "[%159[^]]]: %n", section, &used);
	}
	return (size_t)used;
}

/* "file:12: [section] key: what", or with less of it, in its parts. */
static void put_parts(struct check *check, const char *text)
{
	size_t path = strlen(check->path);
	char section[160] = "", key[80] = "";
	unsigned line = 0;
	int used = 0;

	if (strncmp(text, check->path, path) == 0 && text[path] == ':')
		text += path + 1;
	if (sscanf(text, "%u:%n", &line, &used) == 1 && used != 0)
		text += used;
	text += strspn(text, " ");
	text += read_place(text, section, key);
	ctl_json_uint(&check->json, "line", line);
	ctl_json_text(&check->json, "section", section);
	ctl_json_text(&check->json, "key", key);
	ctl_json_text(&check->json, "text", text);
}

static void put(struct check *check, const char *text, enum ctl_colour colour)
{
	const struct ctl *ctl = check->ctl;

	if (!ctl->json) {
		fprintf(ctl->out, "%s%s%s\n", ctl_colour(&ctl->look, colour), text,
		    ctl_colour_end(&ctl->look, colour));
		return;
	}
	ctl_json_open(&check->json, NULL, '{');
	put_parts(check, text);
	ctl_json_close(&check->json, '}');
}

static void on_error(const char *text, void *arg)
{
	struct check *check = arg;

	check->errors++;
	put(check, text, CTL_BAD);
}

__attribute__((format(printf, 3, 4))) static void warn(
    struct check *check, const char *where, const char *format, ...)
{
	char what[512], text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(text, sizeof(text), "%s: [%s] %s%s", check->path, where,
	    check->ctl->json ? "" : "warning: ", what);
	check->warnings++;
	put(check, text, CTL_CARE);
}

/* --- what a configuration may lack -------------------------------------------------------- */

static void check_key_file(struct check *check, const char *where, const char *path)
{
	struct stat status;

	if (path[0] == 0)
		return;
	if (stat(path, &status) != 0)
		warn(check, where, "key: %s: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		warn(check, where, "key: %s is no file", path);
	else if ((status.st_mode & S_IRWXO) != 0)
		warn(check, where, "key: others may read or write %s (mode %04o)", path,
		    (unsigned)status.st_mode & 07777u);
}

/* Nobody can log in where no key is on file and nobody may trust a new one. */
static void check_host_key(struct check *check, const struct config *config, const char *where,
    const char *name, const char *address, unsigned port, unsigned host_keys)
{
	static struct record_hostkey keys[HOST_KEYS_MAX];
	const struct knownhosts_files files = {config->ssh.known_hosts, config->ssh.accepted_hosts};
	size_t count = 0;

	if (host_keys != HOST_KEYS_STRICT)
		return;
	if (!knownhosts_find(&files, address, (uint16_t)port, 0, keys, HOST_KEYS_MAX, &count)) {
		warn(check, where, "host_keys: a known hosts file cannot be read: %s",
		    strerror(errno));
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (keys[i].mark == HOST_KEY_TRUSTED)
			return;
	warn(check, where, "host_keys: no key of %s is on file: brokerctl hostkey add %s", address,
	    name);
}

static void check_servers(struct check *check, const struct config *config)
{
	char where[80];

	if (config->server_count == 0 && !config->other_servers.allow)
		warn(check, "server NAME", "there is none, so nobody can log in");
	for (size_t i = 0; i < config->server_count; i++) {
		const struct config_server *server = &config->servers[i];

		snprintf(where, sizeof(where), "server %s", server->name);
		check_key_file(check, where, server->ssh.key);
		check_host_key(check, config, where, server->name, server->address, server->port,
		    server->ssh.host_keys);
	}
	for (size_t i = 0; i < config->jump_count; i++) {
		const struct config_jump *jump = &config->jumps[i];

		snprintf(where, sizeof(where), "jump %s", jump->name);
		check_key_file(check, where, jump->ssh.key);
		check_host_key(check, config, where, jump->name, jump->address, jump->port,
		    jump->ssh.host_keys);
	}
}

static void check_ranges(struct check *check, const struct config *config)
{
	unsigned ports = config->relay.ports.last - config->relay.ports.first + 1;
	unsigned uids = config->sessions.uids.last - config->sessions.uids.first + 1;

	if (!config_relay_is_unix(config) && ports < config->limits.logins)
		warn(check, "relay", "ports: are only %u, for [limits] logins = %u", ports,
		    config->limits.logins);
	if (uids < config->limits.logins)
		warn(check, "sessions", "uids: are only %u, for [limits] logins = %u", uids,
		    config->limits.logins);
}

/* --- the command -------------------------------------------------------------------------- */

static void print_summary(const struct check *check, const struct config *config)
{
	const struct ctl *ctl = check->ctl;
	enum ctl_colour colour = config == NULL ? CTL_BAD : CTL_GOOD;
	char a[CTL_TEXT_BYTES], b[CTL_TEXT_BYTES], c[CTL_TEXT_BYTES];

	fprintf(ctl->out, "%s%s:%s ", ctl_colour(&ctl->look, colour), check->path,
	    ctl_colour_end(&ctl->look, colour));
	if (config == NULL)
		fprintf(ctl->out, "%s\n", ctl_count(check->errors, "error", a));
	else
		fprintf(ctl->out, "no errors, %s, %s, %s\n",
		    ctl_count(check->warnings, "warning", a),
		    ctl_count(config->server_count, "server", b),
		    ctl_count(config->jump_count, "jump host", c));
}

enum ctl_status ctl_check(struct ctl *ctl)
{
	struct check check = {.ctl = ctl,
	    .path = ctl->config_path != NULL ? ctl->config_path : CTL_DEFAULT_CONFIG,
	    .json = {.out = ctl->out}};
	struct config *config;

	if (ctl->json) {
		ctl_json_open(&check.json, NULL, '{');
		ctl_json_text(&check.json, "file", check.path);
		ctl_json_open(&check.json, "errors", '[');
	}
	config = config_load(check.path, true, on_error, &check);
	if (ctl->json) {
		ctl_json_close(&check.json, ']');
		ctl_json_open(&check.json, "warnings", '[');
	}
	if (config != NULL) {
		check_servers(&check, config);
		check_ranges(&check, config);
	}
	if (ctl->json) {
		ctl_json_close(&check.json, ']');
		ctl_json_bool(&check.json, "ok", config != NULL);
		ctl_json_close(&check.json, '}');
		fputc('\n', ctl->out);
	} else {
		print_summary(&check, config);
	}
	config_destroy(config);
	return config != NULL ? CTL_STATUS_OK : CTL_STATUS_FAILED;
}
