/* SPDX-License-Identifier: ISC */
#include "penalties.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "penalty_table.h"
#include "proto/log.h"
#include "source.h"

struct penalties {
	struct penalty_table *sources, *accounts, *hosts;
};

struct penalties *penalties_create(void)
{
	struct penalties *penalties = calloc(1, sizeof(*penalties));

	if (penalties == NULL)
		return NULL;
	penalties->sources = penalty_table_create();
	penalties->accounts = penalty_table_create();
	penalties->hosts = penalty_table_create();
	if (penalties->sources != NULL && penalties->accounts != NULL && penalties->hosts != NULL)
		return penalties;
	penalties_destroy(penalties);
	return NULL;
}

void penalties_destroy(struct penalties *penalties)
{
	if (penalties == NULL)
		return;
	penalty_table_destroy(penalties->sources);
	penalty_table_destroy(penalties->accounts);
	penalty_table_destroy(penalties->hosts);
	free(penalties);
}

static struct penalty_key key_of_source(const struct config *config, const char *client)
{
	const struct network source = source_of(config, client);
	struct penalty_key key;

	memcpy(key.bytes, source.ip.bytes, sizeof(key.bytes));
	return key;
}

/* Names of any length as keys of one length. name and place are apart by their NUL. */
static struct penalty_key key_of_names(const char *name, const char *place)
{
	uint8_t hash[SHA256_DIGEST_LENGTH], text[512] = {0};
	size_t name_bytes = strnlen(name, 127) + 1, place_bytes = strnlen(place, 383) + 1;
	struct penalty_key key;

	memcpy(text, name, name_bytes - 1);
	memcpy(text + name_bytes, place, place_bytes - 1);
	SHA256(text, name_bytes + place_bytes, hash);
	memcpy(key.bytes, hash, sizeof(key.bytes));
	return key;
}

static struct penalty_rules source_rules(const struct config *config)
{
	return (struct penalty_rules){
	    config->penalties.min_ms, config->penalties.max_ms, config->penalties.sources};
}

static struct penalty_rules account_rules(const struct config *config)
{
	struct penalty_rules rules = source_rules(config);

	/* More than one source may bring about: until it is kept away itself it has less than min,
	 * and one failure more. */
	rules.min_ms += config->penalties.auth_failed_ms + 1;
	if (rules.min_ms < 2 * (uint64_t)config->penalties.min_ms)
		rules.min_ms = 2 * (uint64_t)config->penalties.min_ms;
	if (rules.max_ms > PENALTIES_ACCOUNT_MAX_MS)
		rules.max_ms = PENALTIES_ACCOUNT_MAX_MS;
	return rules;
}

static bool has_place(const struct penalties_subject *subject)
{
	return subject->target != NULL && subject->target->id[0] != 0;
}

static bool refuse(
    struct conn_failure *failure, enum error_code code, uint64_t left_ms, const char *detail)
{
	*failure = (struct conn_failure){
	    .code = code, .retry_after_s = (uint32_t)((left_ms + 999) / 1000), .detail = detail};
	return false;
}

bool penalties_allow(const struct penalties *penalties, const struct config *config,
    const struct penalties_subject *subject, uint64_t now_ms, struct conn_failure *ret_failure)
{
	struct penalty_key key = key_of_source(config, subject->client);
	uint64_t left_ms = penalty_table_left_ms(penalties->sources, &key, now_ms);
	bool exempt = source_is_exempt(config, subject->client);

	if (left_ms != 0 && !exempt)
		return refuse(ret_failure, ERROR_TOO_MANY_ATTEMPTS, left_ms,
		    "its address is kept away by [penalties]");
	if (!has_place(subject))
		return true;
	key = key_of_names(subject->user, subject->target->id);
	left_ms = penalty_table_left_ms(penalties->accounts, &key, now_ms);
	if (left_ms != 0 && !exempt)
		return refuse(ret_failure, ERROR_TOO_MANY_ATTEMPTS, left_ms,
		    "this account is kept away by [penalties]");
	for (size_t i = 0; i < subject->target->hop_count; i++) {
		key = key_of_names("", subject->target->hops[i].name);
		left_ms = penalty_table_left_ms(penalties->hosts, &key, now_ms);
		if (left_ms == 0)
			continue;
		refuse(
		    ret_failure, ERROR_HOST_REFUSED, left_ms, "it has just refused another login");
		if (i + 1 != subject->target->hop_count)
			ret_failure->hop = HOP_JUMP;
		return false;
	}
	return true;
}

enum penalty penalties_of(
    enum error_code reason, bool was_ready, const struct policy_target *target)
{
	bool typed = target != NULL && target->typed;

	if (was_ready)
		return PENALTY_NONE;
	switch (reason) {
	case ERROR_AUTH_FAILED:
	case ERROR_ACCOUNT_REFUSED: /* servers comment on wrong passwords, too */
		return PENALTY_AUTH_FAILED;
	case ERROR_PROMPT_TIMEOUT:
	case ERROR_SERVER_NOT_ALLOWED:
		return PENALTY_UNFINISHED;
	case ERROR_HOST_REFUSED:
		return PENALTY_HOST_REFUSED;
	case ERROR_HOST_UNREACHABLE:
	case ERROR_HOST_TIMEOUT:
	case ERROR_JUMP_REFUSED:
		/* Who may type hosts could look around in the network, also behind a jump host. */
		return typed ? PENALTY_UNFINISHED : PENALTY_NONE;
	default:
		return PENALTY_NONE;
	}
}

static uint64_t duration_ms(const struct config *config, enum penalty penalty)
{
	switch (penalty) {
	case PENALTY_AUTH_FAILED:
		return config->penalties.auth_failed_ms;
	case PENALTY_UNFINISHED:
		return config->penalties.unfinished_ms;
	case PENALTY_CRASH:
		return config->penalties.crash_ms;
	default:
		return 0;
	}
}

static void add_to_host(struct penalties *penalties, const struct config *config,
    const struct penalties_subject *subject, enum hop hop, uint64_t now_ms)
{
	const struct penalty_rules rules = {0, PENALTIES_HOST_MS, config->penalties.sources};
	const struct policy_target *target = subject->target;
	struct penalty_key key;

	if (target == NULL || target->hop_count == 0)
		return;
	key = key_of_names("", target->hops[hop == HOP_JUMP ? 0 : target->hop_count - 1].name);
	penalty_table_add(penalties->hosts, &key, PENALTIES_HOST_MS, &rules, now_ms);
}

static void add_to_source(struct penalties *penalties, const struct config *config,
    const struct penalties_subject *subject, uint64_t penalty_ms, uint64_t now_ms)
{
	const struct log_context context = {.user = subject->user,
	    .client = subject->client,
	    .server = has_place(subject) ? subject->target->id : NULL};
	const struct penalty_rules rules = source_rules(config);
	const struct penalty_key key = key_of_source(config, subject->client);
	const struct network source = source_of(config, subject->client);
	char text[NETWORK_TEXT_BYTES] = "whoever has no known address";
	struct ip ip;

	if (ip_parse(subject->client, &ip))
		network_print(&source, text);
	if (penalty_table_add(penalties->sources, &key, penalty_ms, &rules, now_ms))
		log_event(LOG_EVENT_SOURCE_KEPT_AWAY, &context,
		    "%s is kept away for %llu s: [penalties]", text,
		    (unsigned long long)penalty_table_left_ms(penalties->sources, &key, now_ms) /
			1000);
}

void penalties_add(struct penalties *penalties, const struct config *config,
    const struct penalties_subject *subject, enum penalty penalty, enum hop hop, uint64_t now_ms)
{
	const struct penalty_rules rules = account_rules(config);
	struct penalty_key key = key_of_source(config, subject->client);
	/* What a source had begun before it was kept away says nothing more about the account. */
	bool kept_away = penalty_table_left_ms(penalties->sources, &key, now_ms) != 0;

	if (penalty == PENALTY_HOST_REFUSED)
		add_to_host(penalties, config, subject, hop, now_ms);
	if (source_is_exempt(config, subject->client))
		return;
	add_to_source(penalties, config, subject, duration_ms(config, penalty), now_ms);
	if (penalty == PENALTY_AUTH_FAILED && has_place(subject) && !kept_away) {
		key = key_of_names(subject->user, subject->target->id);
		penalty_table_add(
		    penalties->accounts, &key, duration_ms(config, penalty), &rules, now_ms);
	}
}
