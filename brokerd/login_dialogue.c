/* SPDX-License-Identifier: ISC */
/*
 * What a session process asks before its login is open: the user's answers, the broker's own word
 * on a new host key, signatures. Runs in x2goweb-brokerd. A process that asks out of turn has been
 * taken over by what it talks to and is killed.
 */
#include <string.h>

#include "broker.h"
#include "config.h"
#include "keys.h"
#include "knownhosts.h"
#include "login_internal.h"
#include "login_open.h"
#include "proto/conn.h"
#include "proto/hostkey.h"

/* Each hop's key is asked for once; then once more after each partial success. */
#define SIGNATURES_MAX 4

/* Why the prompt may not ask about this host key; NULL: it may. */
static const char *check_host_key(
    const struct login *login, size_t index, const struct record_prompt *prompt)
{
	char type[HOSTKEY_TYPE_BYTES], fingerprint[HOSTKEY_FINGERPRINT_BYTES];

	if (login->target.hops[index].ssh.host_keys == HOST_KEYS_STRICT)
		return "it asks about a host key that it has to refuse";
	if (login->hops[index].key_shown)
		return "it asks about a host key again";
	if (prompt->questions_count != 0 ||
	    !hostkey_read_type(prompt->key, prompt->key_length, type) ||
	    strcmp(type, prompt->key_type) != 0)
		return "it asks about what is no host key";
	hostkey_print_fingerprint(prompt->key, prompt->key_length, fingerprint);
	if (strcmp(fingerprint, prompt->fingerprint) != 0)
		return "it shows the fingerprint of another host key";
	return NULL;
}

/* Why this may not be asked; NULL: it may. */
static const char *check_prompt(
    const struct login *login, size_t index, const struct record_prompt *prompt)
{
	if (index == login->target.hop_count)
		return "it asks for a host that is not on its way";
	if (prompt->kind == PROMPT_HOST_KEY)
		return check_host_key(login, index, prompt);
	if (prompt->key_type[0] != 0 || prompt->fingerprint[0] != 0 || prompt->key_length != 0)
		return "it shows a host key with another question";
	if ((prompt->kind == PROMPT_QUESTIONS) != (prompt->questions_count != 0))
		return "it asks nothing, or what the page asks";
	return NULL;
}

/* The admin has said that new keys are to be trusted: nobody is asked. */
static void accept_host_key(
    struct login *login, const struct policy_hop *hop, const struct record_prompt *prompt)
{
	const struct config *config = login->broker->config;
	const struct knownhosts_files files = {config->ssh.known_hosts, config->ssh.accepted_hosts};
	struct log_context context = login_context(login);
	const char *detail = NULL;
	struct message order;
	enum error_code error = knownhosts_accept(
	    &files, hop->address, hop->port, prompt->key, prompt->key_length, &detail);

	if (error != ERROR_NONE) {
		login_stop_at(login, error, prompt->hop, detail);
		return;
	}
	context.host = hop->name;
	context.host_key = prompt->fingerprint;
	log_event(LOG_EVENT_HOST_KEY_TRUSTED, &context, "host key %s of %s is trusted from now on",
	    prompt->fingerprint, hop->name);
	message_init(&order, MESSAGE_DO_ANSWER, 0);
	order.do_answer.answers_count = 1;
	strcpy(order.do_answer.answers[0].text, "yes");
	if (!conn_send(login->link, &order))
		login_kill(login, "it cannot be told anything");
}

static void forward(
    struct login *login, const struct policy_hop *hop, const struct record_prompt *prompt)
{
	struct message out;
	struct record_prompt *record = out.prompted.prompt;
	bool sent;

	message_init(&out, MESSAGE_PROMPTED, login->asker_id);
	strcpy(out.prompted.login, login->id);
	strcpy(out.prompted.cookie, login->cookie);
	explicit_bzero(login->cookie, sizeof(login->cookie));
	out.prompted.prompt_count = 1;
	*record = *prompt;
	strcpy(record->host, hop->name);
	record->key_length = 0;
	login->answers_wanted = prompt->kind == PROMPT_QUESTIONS ? prompt->questions_count : 1;
	login->has_tried = login->has_tried || prompt->kind != PROMPT_HOST_KEY;
	login_set_state(login, LOGIN_STATE_PROMPTING);
	/* What the user thinks about must not keep others waiting. */
	turn_end(&login->opening);
	sent = conn_send(login->asker, &out);
	message_wipe(&out);
	login->asker = NULL;
	if (!sent)
		login_stop(login, ERROR_INTERNAL, "the question cannot be sent");
}

void login_prompt(struct login *login, const struct record_prompt *prompt)
{
	size_t index = 0;
	const struct policy_hop *hop;
	const char *wrong;

	while (index < login->target.hop_count && login_open_hop(login, index) != prompt->hop)
		index++;
	wrong = check_prompt(login, index, prompt);
	if (wrong != NULL) {
		login_kill(login, wrong);
		return;
	}
	hop = &login->target.hops[index];
	if (prompt->kind == PROMPT_HOST_KEY)
		login->hops[index].key_shown = true;
	if (prompt->kind == PROMPT_HOST_KEY && hop->ssh.host_keys == HOST_KEYS_ACCEPT_NEW)
		accept_host_key(login, hop, prompt);
	else
		forward(login, hop, prompt);
}

void login_answer(struct login *login, const struct message *answer, struct conn *asker)
{
	struct message order;
	bool sent;

	if (login->state != LOGIN_STATE_PROMPTING) {
		conn_send_fail(asker, answer->request_id, ERROR_SESSION_BUSY, NULL);
		return;
	}
	if (answer->answer.answers_count != login->answers_wanted) {
		conn_send_fail(asker, answer->request_id, ERROR_BAD_REQUEST, NULL);
		return;
	}
	login->asker = asker;
	login->asker_id = answer->request_id;
	login_set_state(login, LOGIN_STATE_OPENING);
	message_init(&order, MESSAGE_DO_ANSWER, 0);
	order.do_answer.answers_count = answer->answer.answers_count;
	memcpy(order.do_answer.answers, answer->answer.answers, sizeof(order.do_answer.answers));
	sent = conn_send(login->link, &order);
	message_wipe(&order);
	if (!sent)
		login_kill(login, "it cannot be told anything");
}

void login_sign(struct login *login, const struct message *request)
{
	const struct message_sign *sign = &request->sign;
	const struct log_context context = login_context(login);
	const struct policy_hop *hop = &login->target.hops[sign->hop];
	const struct login_hop *own = &login->hops[sign->hop];
	struct key_login what = {.session_id = sign->session_id,
	    .session_id_length = sign->session_id_length,
	    .method = sign->method};
	struct message answer;
	char why[1400];

	if (request->request_id == 0 || sign->hop >= login->target.hop_count ||
	    own->key_length == 0 || !keys_method_fits(own->key, own->key_length, sign->method)) {
		login_kill(login, "it asks for a signature that it may not have");
		return;
	}
	if (++login->signatures > SIGNATURES_MAX) {
		login_kill(login, "it asks for too many signatures");
		return;
	}
	login_keep(login);
	what.user = hop->user;
	message_init(&answer, MESSAGE_SIGNATURE, request->request_id);
	if (keys_sign(hop->ssh.key, own->key, own->key_length, &what, &answer.signature, why,
		sizeof(why))) {
		conn_send(login->link, &answer);
		return;
	}
	log_about(&context, LOG_LEVEL_ERROR, "%s", why);
	conn_send_fail(
	    login->link, request->request_id, ERROR_INTERNAL, "the gateway's key cannot be used");
}
