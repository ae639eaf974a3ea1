/* SPDX-License-Identifier: ISC */
/*
 * The login from the first byte to OPEN, as one function in a coroutine: exchange of keys, host
 * key, methods. Owns the coroutine, the secrets that it works with, its deadlines, and what passes
 * between it and the owner: prompts, answers, signatures, notices. Runs in x2goweb-session.
 */
#include "ssh_login.h"

#include <stdlib.h>
#include <string.h>

#include "coroutine.h"
#include "proto/log.h"
#include "proto/secret.h"
#include "timer.h"

/* libssh2 gives a server up that has not answered for so long, and does not always say so. */
#define LIBRARY_PATIENCE_MS 59000

/* --- deadlines ----------------------------------------------------------------------------- */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ssh *ssh = arg;
	const struct ssh_attempt *attempt = ssh->attempt;

	(void)fd;
	(void)what;
	if (attempt->awaited == SSH_AWAITED_ANSWER)
		ssh_fail(ssh, ERROR_PROMPT_TIMEOUT, "nobody has answered %s",
		    prompt_kind_name((enum prompt_kind)attempt->prompt.kind));
	else
		ssh_fail(ssh, ERROR_HOST_TIMEOUT, "%s: no login within the deadline (%s)",
		    attempt->hop.name, attempt->step);
}

/* The user's time is not the server's: its deadline stands still during a prompt. */
static void set_awaited(struct ssh_attempt *attempt, enum ssh_awaited awaited)
{
	bool was_user = attempt->awaited == SSH_AWAITED_ANSWER;
	bool is_user = awaited == SSH_AWAITED_ANSWER;
	uint64_t now = timer_now_ms();

	attempt->awaited = awaited;
	attempt->provided = false;
	if (was_user == is_user)
		return;
	if (is_user) {
		uint64_t passed = now - attempt->since_ms;

		attempt->auth_left_ms =
		    passed < attempt->auth_left_ms ? attempt->auth_left_ms - (unsigned)passed : 0;
	}
	attempt->since_ms = attempt->heard_ms = now;
	timer_start_ms(
	    attempt->deadline_event, is_user ? attempt->prompt_deadline_ms : attempt->auth_left_ms);
}

/* --- for the coroutine --------------------------------------------------------------------- */

/* Stops until what is awaited is there. False if the connection is dead instead. */
static bool await(struct ssh_attempt *attempt, enum ssh_awaited awaited)
{
	if (attempt->cancelled)
		return false;
	set_awaited(attempt, awaited);
	coroutine_yield(attempt->coroutine);
	if (awaited != SSH_AWAITED_SERVER)
		set_awaited(attempt, SSH_AWAITED_SERVER);
	return !attempt->cancelled;
}

/* Returns for how long the server has been silent. */
static uint64_t measure_silence_ms(struct ssh *ssh)
{
	struct ssh_attempt *attempt = ssh->attempt;
	uint64_t now = timer_now_ms();

	if (ssh->transport.received_bytes != attempt->heard_bytes) {
		attempt->heard_bytes = ssh->transport.received_bytes;
		attempt->heard_ms = now;
	}
	return now - attempt->heard_ms;
}

bool ssh_login_await_server(struct ssh *ssh)
{
	measure_silence_ms(ssh);
	return await(ssh->attempt, SSH_AWAITED_SERVER);
}

const struct record_answer *ssh_login_ask(struct ssh *ssh)
{
	struct ssh_attempt *attempt = ssh->attempt;
	struct record_prompt *prompt = &attempt->prompt;
	bool answered;

	prompt->hop = (uint8_t)attempt->place;
	strcpy(prompt->host, attempt->hop.name);
	strcpy(prompt->notice, attempt->notice);
	attempt->notice[0] = 0;
	attempt->notice_at_secret = 0;
	answered = await(attempt, SSH_AWAITED_ANSWER);
	memset(prompt, 0, sizeof(*prompt));
	return answered ? attempt->answers : NULL;
}

void ssh_login_forget_answers(struct ssh *ssh)
{
	explicit_bzero(ssh->attempt->answers, sizeof(ssh->attempt->answers));
}

bool ssh_login_sign(struct ssh *ssh)
{
	return await(ssh->attempt, SSH_AWAITED_SIGNATURE) &&
	       ssh->attempt->sign.signature_length != 0;
}

void ssh_login_use_secret(struct ssh *ssh)
{
	ssh->attempt->secrets_used++;
	ssh->attempt->notice_at_secret = strlen(ssh->attempt->notice);
}

void ssh_login_note(struct ssh *ssh, const char *text, size_t length)
{
	char *notice = ssh->attempt->notice;
	size_t used = strlen(notice), size = sizeof(ssh->attempt->notice);

	if (used != 0 && used + 1 < size)
		notice[used++] = '\n';
	message_set_lines(notice + used, size - used, text, length);
	for (used = strlen(notice); used > 0 && notice[used - 1] == '\n'; used--)
		notice[used - 1] = 0;
}

/* --- the connection's end ------------------------------------------------------------------ */

static void note_disconnect(LIBSSH2_SESSION *session, int reason, const char *message,
    int message_length, const char *language, int language_length, void **abstract)
{
	struct ssh *ssh = *abstract;

	(void)session;
	(void)reason;
	(void)language;
	(void)language_length;
	ssh->disconnected = true;
	if (message != NULL && message_length > 0)
		message_set_text(
		    ssh->disconnect, sizeof(ssh->disconnect), message, (size_t)message_length);
}

static void note_end_of(struct ssh *ssh)
{
#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(
	    ssh->session, LIBSSH2_CALLBACK_DISCONNECT, (libssh2_cb_generic *)note_disconnect);
#else
	libssh2_session_callback_set(
	    ssh->session, LIBSSH2_CALLBACK_DISCONNECT, (void *)note_disconnect);
#endif
}

/* What the server has said to the last secret that it was shown, in one line. */
static void print_comment(const struct ssh *ssh, char *text, size_t size)
{
	const char *comment = ssh->attempt->notice + ssh->attempt->notice_at_secret;

	snprintf(text, size, "%s", comment + strspn(comment, "\n"));
	for (size_t i = 0; text[i] != 0; i++)
		if (text[i] == '\n')
			text[i] = ' ';
}

/* Wrong passwords are refused without a word, as a rule; accounts that are locked or have expired
 * are shown the door with some. */
void ssh_login_fail_refused(struct ssh *ssh, bool wrong, const char *why)
{
	char comment[SSH_DETAIL_BYTES];

	print_comment(ssh, comment, sizeof(comment));
	if (comment[0] != 0)
		ssh_fail(ssh, ERROR_ACCOUNT_REFUSED, "%s", comment);
	else
		ssh_fail(ssh, wrong ? ERROR_AUTH_FAILED : ERROR_ACCOUNT_REFUSED, "%s", why);
}

bool ssh_login_fail_if_over(struct ssh *ssh)
{
	const struct ssh_attempt *attempt = ssh->attempt;
	bool wrong =
	    attempt->refused || strstr(ssh->disconnect, "Too many authentication failures") != NULL;

	if (measure_silence_ms(ssh) >= LIBRARY_PATIENCE_MS)
		ssh_fail(ssh, ERROR_HOST_TIMEOUT, "%s has stopped answering (%s)",
		    attempt->hop.name, attempt->step);
	if (ssh->failure != ERROR_NONE || attempt->cancelled)
		return true;
	if (!ssh->transport.ended && !ssh->disconnected)
		return false;
	if (attempt->secrets_used == 0 && !attempt->signature_used && !wrong)
		ssh_fail_by_library(ssh, ERROR_HOST_REFUSED, attempt->step);
	else
		ssh_login_fail_refused(ssh, wrong,
		    ssh->disconnect[0] != 0 ? ssh->disconnect
					    : "the server has closed the connection");
	return true;
}

static void fail_handshake(struct ssh *ssh)
{
	const char *banner = libssh2_session_banner_get(ssh->session);

	/* sshd's penalties and limits close before the banner, perhaps with a word of their own.
	 * That is not about this user. */
	if (ssh->transport.ended && (banner == NULL || strncmp(banner, "SSH-", 4) != 0))
		ssh_fail_by_library(ssh, ERROR_HOST_REFUSED, "closed before the SSH banner");
	else
		ssh_fail_by_library(ssh, ERROR_HOST_UNREACHABLE, "SSH handshake");
}

/* --- the login ----------------------------------------------------------------------------- */

static bool shake_hands(struct ssh *ssh)
{
	int result;

	do
		result = libssh2_session_handshake(ssh->session, ssh->transport.fd);
	while (result == LIBSSH2_ERROR_EAGAIN && ssh_login_await_server(ssh));
	if (result != 0)
		fail_handshake(ssh);
	return result == 0;
}

static void log_in(void *arg)
{
	struct ssh *ssh = arg;
	struct ssh_attempt *attempt = ssh->attempt;

	attempt->step = "handshake";
	if (!shake_hands(ssh))
		return;
	attempt->step = "host key";
	if (!ssh_hostkey_check(ssh))
		return;
	attempt->step = "methods";
	if (ssh_methods_try(ssh))
		attempt->succeeded = true;
}

/* --- for the pump -------------------------------------------------------------------------- */

static void tell_owner(struct ssh *ssh)
{
	struct ssh_attempt *attempt = ssh->attempt;

	if (attempt->awaited == SSH_AWAITED_ANSWER)
		ssh->handlers.prompt(ssh, &attempt->prompt, ssh->arg);
	else if (attempt->awaited == SSH_AWAITED_SIGNATURE)
		ssh->handlers.sign(ssh, attempt->sign.method, attempt->sign.session_id,
		    attempt->sign.session_id_length, ssh->arg);
}

void ssh_login_step(struct ssh *ssh)
{
	struct ssh_attempt *attempt = ssh->attempt;

	while ((attempt->awaited == SSH_AWAITED_SERVER || attempt->provided) &&
	       ssh->failure == ERROR_NONE) {
		if (coroutine_resume(attempt->coroutine)) {
			if (attempt->succeeded)
				ssh_set_state(ssh, SSH_STATE_OPEN);
			else if (ssh->failure == ERROR_NONE)
				ssh_fail(ssh, ERROR_INTERNAL, "%s", attempt->step);
			return;
		}
		if (attempt->awaited == SSH_AWAITED_SERVER)
			return;
		tell_owner(ssh);
		if (ssh->destroyed)
			return;
	}
	/* As sshd does when its LoginGraceTime is over. */
	if (attempt->awaited == SSH_AWAITED_ANSWER && ssh->transport.ended)
		ssh_fail(ssh, ERROR_PROMPT_TIMEOUT,
		    "%s has closed the connection before it had an answer", attempt->hop.name);
}

struct ssh_login ssh_login_describe(const struct ssh *ssh)
{
	return (struct ssh_login){.fingerprint = ssh->fingerprint,
	    .methods = ssh->attempt->methods,
	    .notice = ssh->attempt->notice};
}

/* --- for the owner ------------------------------------------------------------------------- */

bool ssh_answer(struct ssh *ssh, const struct record_answer *answers, size_t count)
{
	struct ssh_attempt *attempt = ssh->attempt;

	if (attempt == NULL || attempt->awaited != SSH_AWAITED_ANSWER || attempt->provided ||
	    count !=
		(attempt->prompt.kind == PROMPT_QUESTIONS ? attempt->prompt.questions_count : 1))
		return false;
	memcpy(attempt->answers, answers, count * sizeof(*answers));
	attempt->provided = true;
	ssh_schedule(ssh);
	return true;
}

void ssh_signed(struct ssh *ssh, const uint8_t *signature, size_t length)
{
	struct ssh_attempt *attempt = ssh->attempt;

	if (attempt == NULL || attempt->awaited != SSH_AWAITED_SIGNATURE || attempt->provided)
		return;
	if (length > sizeof(attempt->sign.signature))
		length = 0;
	if (length != 0)
		memcpy(attempt->sign.signature, signature, length);
	attempt->sign.signature_length = length;
	attempt->provided = true;
	ssh_schedule(ssh);
}

/* --- life ---------------------------------------------------------------------------------- */

bool ssh_login_init(struct ssh *ssh, const struct ssh_settings *settings)
{
	size_t hostkeys_bytes = settings->hostkey_count * sizeof(*settings->hostkeys);
	struct ssh_attempt *attempt = secret_malloc(sizeof(*attempt));

	if (attempt == NULL)
		return false;
	memset(attempt, 0, sizeof(*attempt));
	ssh->attempt = attempt;
	attempt->hop = *settings->hop;
	attempt->place = settings->place;
	attempt->auth_left_ms = settings->auth_deadline_ms;
	attempt->prompt_deadline_ms = settings->prompt_deadline_ms;
	attempt->since_ms = attempt->heard_ms = timer_now_ms();
	attempt->hostkeys = malloc(hostkeys_bytes + 1);
	attempt->deadline_event = event_new(settings->base, -1, 0, on_deadline, ssh);
	attempt->coroutine = coroutine_create(log_in, ssh);
	if (attempt->hostkeys == NULL || attempt->deadline_event == NULL ||
	    attempt->coroutine == NULL)
		return false;
	if (hostkeys_bytes != 0)
		memcpy(attempt->hostkeys, settings->hostkeys, hostkeys_bytes);
	attempt->hostkey_count = settings->hostkey_count;
	note_end_of(ssh);
	timer_start_ms(attempt->deadline_event, settings->auth_deadline_ms);
	return ssh_algorithms_set(ssh);
}

/* libssh2 may be in the middle of a call: with the connection dead it comes back out of it. */
static void unwind(struct ssh *ssh)
{
	struct ssh_attempt *attempt = ssh->attempt;

	ssh_transport_end(&ssh->transport, 0);
	attempt->cancelled = true;
	coroutine_resume(attempt->coroutine);
}

void ssh_login_finish(struct ssh *ssh)
{
	struct ssh_attempt *attempt = ssh->attempt;

	if (attempt == NULL)
		return;
	if (attempt->coroutine != NULL && coroutine_is_stopped(attempt->coroutine))
		unwind(ssh);
	coroutine_destroy(attempt->coroutine);
	if (attempt->deadline_event != NULL)
		event_free(attempt->deadline_event);
	free(attempt->hostkeys);
	secret_free(attempt);
	ssh->attempt = NULL;
}
