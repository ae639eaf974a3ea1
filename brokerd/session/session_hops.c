/* SPDX-License-Identifier: ISC */
/*
 * See session_hops.h. Only one hop logs in at a time, so that whatever the broker answers is for
 * that one.
 */
#include "session_hops.h"

#include <string.h>

#include "proto/log.h"
#include "proto/secret.h"
#include "session.h"

/* What OPEN says of the server, until the jump host has let us in. */
struct session_onward {
	struct record_hop hop;
	struct record_hostkey hostkeys[HOST_KEYS_MAX];
	size_t hostkey_count;
	unsigned auth_deadline_ms, prompt_deadline_ms;
};

/* The hop's place in OPEN's list: the jump host, if there is one, then the server. */
static unsigned index_of(const struct session *session, enum hop place)
{
	return place == HOP_JUMP ? 0 : session->hops.count - 1;
}

static enum hop place_of(const struct session *session, const struct ssh *ssh)
{
	return ssh == session->hops.jump ? HOP_JUMP : HOP_SERVER;
}

/* The one that logs in, if one does. */
static struct ssh *find_asker(const struct session *session)
{
	return session->ssh != NULL ? session->ssh : session->hops.jump;
}

/* --- what a connection tells -------------------------------------------------------------- */

static struct ssh *connect_server(struct session *session);

/* The text of both hops is one notice. */
static void add_notice(struct session *session, const char *text)
{
	size_t used = strlen(session->notice), size = sizeof(session->notice);

	if (text[0] == 0)
		return;
	if (used != 0 && used + 1 < size)
		session->notice[used++] = '\n';
	message_set_lines(session->notice + used, size - used, text, strlen(text));
}

static void on_opened(struct ssh *ssh, const struct ssh_login *login, void *arg)
{
	struct session *session = arg;

	if (session->state != SESSION_STATE_CONNECTING)
		return; /* it is ending */
	add_notice(session, login->notice);
	if (ssh == session->ssh) {
		session_connected(session, login);
		return;
	}
	strcpy(session->jump_fingerprint, login->fingerprint);
	log_info("session: jump host %s, by %s", login->fingerprint, login->methods);
	session->ssh = connect_server(session);
	if (session->ssh == NULL)
		session_end(session, ERROR_INTERNAL, "memory is short");
}

static void on_prompt(struct ssh *ssh, const struct record_prompt *prompt, void *arg)
{
	struct session *session = arg;
	struct message message;

	(void)ssh;
	if (session->link == NULL)
		return;
	message_init(&message, MESSAGE_PROMPT, 0);
	message.prompt.prompt_count = 1;
	message.prompt.prompt[0] = *prompt;
	conn_send(session->link, &message);
}

static void on_sign(
    struct ssh *ssh, const char *method, const uint8_t *session_id, size_t length, void *arg)
{
	struct session *session = arg;
	struct message message;

	message_init(&message, MESSAGE_SIGN, ++session->hops.sign_id);
	if (session->link == NULL || strlen(method) >= sizeof(message.sign.method) ||
	    length > sizeof(message.sign.session_id)) {
		ssh_signed(ssh, NULL, 0);
		return;
	}
	message.sign.hop = (uint8_t)index_of(session, place_of(session, ssh));
	strcpy(message.sign.method, method);
	memcpy(message.sign.session_id, session_id, length);
	message.sign.session_id_length = (uint16_t)length;
	conn_send(session->link, &message);
}

static void on_failed(struct ssh *ssh, enum error_code code, const char *detail, void *arg)
{
	struct session *session = arg;

	/* This one is said by the connection behind the jump host. */
	session_end_at(
	    session, code == ERROR_JUMP_REFUSED ? HOP_JUMP : place_of(session, ssh), code, detail);
}

static const struct ssh_handlers handlers = {
    .opened = on_opened, .prompt = on_prompt, .sign = on_sign, .failed = on_failed};

/* --- connections -------------------------------------------------------------------------- */

static size_t copy_hostkeys(
    const struct message_open *open, unsigned index, struct record_hostkey *hostkeys)
{
	size_t count = 0;

	for (size_t i = 0; i < open->hostkeys_count; i++)
		if (open->hostkeys[i].hop == index)
			hostkeys[count++] = open->hostkeys[i];
	return count;
}

/* What is to be known of a hop, in memory of its own. NULL if that is short. */
static struct session_onward *plan_hop(const struct message_open *open, unsigned index)
{
	struct session_onward *plan = secret_malloc(sizeof(*plan));

	if (plan == NULL)
		return NULL;
	plan->hop = open->hops[index];
	plan->hostkey_count = copy_hostkeys(open, index, plan->hostkeys);
	plan->auth_deadline_ms = open->auth_deadline_ms;
	plan->prompt_deadline_ms = open->prompt_deadline_ms;
	return plan;
}

/* Uses up the plan, and fd or via. */
static struct ssh *connect_hop(
    struct session *session, struct session_onward *plan, enum hop place, int fd, struct ssh *via)
{
	struct ssh_settings settings = {.base = session->base,
	    .fd = fd,
	    .via = via,
	    .hop = &plan->hop,
	    .hostkeys = plan->hostkeys,
	    .hostkey_count = plan->hostkey_count,
	    .place = place,
	    .auth_deadline_ms = plan->auth_deadline_ms,
	    .prompt_deadline_ms = plan->prompt_deadline_ms};
	struct ssh *ssh = ssh_create(&settings, &handlers, session);

	secret_free(plan);
	return ssh;
}

static struct ssh *connect_server(struct session *session)
{
	struct session_onward *plan = session->hops.onward;

	session->hops.onward = NULL;
	return connect_hop(session, plan, HOP_SERVER, -1, session->hops.jump);
}

void session_hops_open(struct session *session, struct message *message)
{
	const struct message_open *open = &message->open;
	struct session_hops *hops = &session->hops;
	struct session_onward *first = plan_hop(open, 0);
	bool made;

	hops->count = open->hops_count;
	if (hops->count > 1)
		hops->onward = plan_hop(open, hops->count - 1);
	made = first != NULL && (hops->count == 1 || hops->onward != NULL);
	if (made && hops->count == 1)
		session->ssh = connect_hop(session, first, HOP_SERVER, message->fds[0], NULL);
	else if (made)
		hops->jump = connect_hop(session, first, HOP_JUMP, message->fds[0], NULL);
	else
		secret_free(first);
	if (made)
		message->fds[0] = -1;
	if (find_asker(session) == NULL)
		session_end(session, ERROR_INTERNAL, "memory is short");
}

void session_hops_answer(struct session *session, const struct message *message)
{
	const struct message_do_answer *answer = &message->do_answer;

	/* Too late, or the broker would have told apart what does not fit. */
	if (session->state != SESSION_STATE_CONNECTING ||
	    !ssh_answer(find_asker(session), answer->answers, answer->answers_count))
		log_warnx("session: an answer to nothing that was asked");
}

void session_hops_sign(struct session *session, const struct message *message)
{
	if (session->state != SESSION_STATE_CONNECTING ||
	    message->request_id != session->hops.sign_id)
		return;
	if (message->type == MESSAGE_SIGNATURE)
		ssh_signed(find_asker(session), message->signature.signature,
		    message->signature.signature_length);
	else
		ssh_signed(find_asker(session), NULL, 0);
}

void session_hops_close(struct session *session)
{
	ssh_destroy(session->ssh);
	session->ssh = NULL;
	ssh_destroy(session->hops.jump);
	session->hops.jump = NULL;
	secret_free(session->hops.onward);
	session->hops.onward = NULL;
}
