/* SPDX-License-Identifier: ISC */
#include "login_open.h"

#include <string.h>

#include "broker.h"
#include "keys.h"
#include "knownhosts.h"
#include "proto/log.h"
#include "proto/secret.h"

enum hop login_open_hop(const struct login *login, size_t index)
{
	return index + 1 == login->target.hop_count ? HOP_SERVER : HOP_JUMP;
}

static bool fail(struct conn_failure *failure, enum error_code code, const char *detail)
{
	failure->code = code;
	failure->detail = detail;
	return false;
}

/* A host without a key on file is not even dialled, unless new keys may be trusted. */
static bool find_host_keys(
    struct login *login, struct message_open *open, struct conn_failure *failure)
{
	const struct config *config = login->broker->config;
	const struct knownhosts_files files = {config->ssh.known_hosts, config->ssh.accepted_hosts};
	size_t count = 0;

	for (size_t i = 0; i < login->target.hop_count; i++) {
		const struct policy_hop *hop = &login->target.hops[i];
		size_t before = count;
		bool known = hop->ssh.host_keys != HOST_KEYS_STRICT;

		failure->hop = login_open_hop(login, i);
		if (!knownhosts_find(&files, hop->address, hop->port, (uint8_t)i, open->hostkeys,
			HOST_KEYS_MAX, &count)) {
			log_warn("known hosts");
			return fail(failure, ERROR_INTERNAL, "the known hosts cannot be read");
		}
		for (size_t j = before; j < count; j++)
			known = known || open->hostkeys[j].mark != HOST_KEY_AUTHORITY;
		if (!known)
			return fail(failure, ERROR_HOST_KEY_UNKNOWN,
			    count == before ? "no key of this host is on file"
					    : "certificates (@cert-authority) are not used");
	}
	failure->hop = HOP_SERVER;
	open->hostkeys_count = (uint16_t)count;
	return true;
}

static bool describe_hop(struct login *login, size_t index, const char *password,
    struct record_hop *record, struct conn_failure *failure)
{
	const struct log_context context = login_context(login);
	const struct policy_hop *hop = &login->target.hops[index];
	struct login_hop *own = &login->hops[index];
	char why[1400];

	failure->hop = login_open_hop(login, index);
	if (hop->ssh.key[0] != 0 &&
	    !keys_read_public(hop->ssh.key, own->key, &own->key_length, why, sizeof(why))) {
		log_about(&context, LOG_LEVEL_ERROR, "%s", why);
		return fail(failure, ERROR_INTERNAL, "the gateway's key cannot be used");
	}
	strcpy(record->name, hop->name);
	strcpy(record->address, hop->address);
	record->port = hop->port;
	strcpy(record->user, hop->user);
	strcpy(record->password, password);
	record->host_keys = (uint8_t)hop->ssh.host_keys;
	strcpy(record->methods, hop->ssh.methods);
	record->key_length = own->key_length;
	memcpy(record->key, own->key, own->key_length);
	record->key_alone = hop->ssh.key_alone;
	return true;
}

static void describe_rest(
    const struct login *login, const struct message_login *request, struct message_open *open)
{
	const struct config *config = login->broker->config;
	const struct config_choices *desktops = &login->target.desktops;

	strcpy(open->origin, request->origin);
	open->raw_allowed = config->relay.raw;
	open->auth_deadline_ms = config->deadlines.auth_ms;
	open->prompt_deadline_ms = config->deadlines.prompt_ms;
	open->start_deadline_ms = config->deadlines.start_ms;
	open->attach_deadline_ms = config->deadlines.attach_ms;
	/* Upstream's client does not come back, and finds suspended sessions only. */
	open->grace_ms = request->compat ? 0 : config->deadlines.grace_ms;
	open->when_left = request->compat ? WHEN_LEFT_SUSPEND : (uint8_t)config->sessions.when_left;
	open->buffer_bytes = config->relay.buffer_bytes;
	open->delay_bytes = config->relay.delay_bytes;
	open->desktops_count = (uint16_t)desktops->count;
	memcpy(open->desktops, desktops->items, desktops->count * sizeof(desktops->items[0]));
}

bool login_open_prepare(
    struct login *login, const struct message_login *request, struct conn_failure *failure)
{
	struct message_open *open;

	login->open = secret_malloc(sizeof(*login->open));
	if (login->open == NULL)
		return fail(failure, ERROR_INTERNAL, "out of memory");
	message_init(login->open, MESSAGE_OPEN, 0);
	open = &login->open->open;
	describe_rest(login, request, open);
	if (!find_host_keys(login, open, failure))
		return false;
	open->hops_count = (uint16_t)login->target.hop_count;
	for (size_t i = 0; i < login->target.hop_count; i++) {
		bool jump = login_open_hop(login, i) == HOP_JUMP;

		if (!describe_hop(login, i, jump ? request->proxy_password : request->password,
			&open->hops[i], failure))
			return false;
	}
	return true;
}

void login_open_complete(struct login *login)
{
	struct message_open *open = &login->open->open;

	strcpy(open->login, login->id);
	open->port = login->port;
	open->cookie_hash_length = sizeof(login->cookie_hash);
	memcpy(open->cookie_hash, login->cookie_hash, sizeof(login->cookie_hash));
	open->ticket_hash_length = login->compat ? sizeof(login->ticket_hash) : 0;
	memcpy(open->ticket_hash, login->ticket_hash, open->ticket_hash_length);
}
