/* SPDX-License-Identifier: ISC */
/*
 * What the stand-in for x2goweb-session asks before it says that it is open, well-behaved and
 * otherwise, by the user's name in OPEN.
 */
#ifndef UNIT_STANDIN_DIALOGUE_H
#define UNIT_STANDIN_DIALOGUE_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/conn.h"
#include "proto/hostkey.h"

#define STANDIN_SESSION_ID "an identifier of an SSH session."

static char standin_user[65];
static unsigned standin_round;
static char standin_heard[2048]; /* what OPENED will have as its notice */

static inline bool standin_is(const char *name)
{
	return strcmp(standin_user, name) == 0;
}

static inline void standin_end(struct conn *conn, enum error_code code, const char *detail)
{
	struct message message;

	message_init(&message, MESSAGE_ENDED, 0);
	message.ended.code = (uint16_t)code;
	strcpy(message.ended.detail, detail);
	conn_send(conn, &message);
	_exit(0);
}

/* How the stand-in was let in. */
static inline void standin_describe(struct message_opened *opened)
{
	strcpy(opened->fingerprint, "SHA256:standin");
	strcpy(opened->jump_fingerprint, "SHA256:gate");
	strcpy(opened->methods, "publickey+keyboard-interactive");
}

static inline void standin_opened(struct conn *conn)
{
	struct message message;

	message_init(&message, MESSAGE_OPENED, 0);
	standin_describe(&message.opened);
	strcpy(message.opened.notice, standin_heard);
	conn_send(conn, &message);
}

static inline struct record_prompt *standin_init_prompt(
    struct message *message, enum prompt_kind kind)
{
	message_init(message, MESSAGE_PROMPT, 0);
	message->prompt.prompt_count = 1;
	message->prompt.prompt[0].kind = (uint8_t)kind;
	strcpy(message->prompt.prompt[0].host, "what a session calls it");
	return &message->prompt.prompt[0];
}

static inline void standin_ask_code(struct conn *conn)
{
	struct message message;
	struct record_prompt *prompt = standin_init_prompt(&message, PROMPT_QUESTIONS);

	strcpy(prompt->instruction, "Two things,\nplease");
	prompt->questions_count = 2;
	strcpy(prompt->questions[0].text, "Name of your pet: ");
	prompt->questions[0].echo = 1;
	strcpy(prompt->questions[1].text, "Verification code: ");
	conn_send(conn, &message);
}

static inline void standin_ask_new_password(struct conn *conn)
{
	struct message message;

	standin_init_prompt(&message, PROMPT_NEW_PASSWORD);
	conn_send(conn, &message);
}

/* A key that is nobody's, other for each user. hop: where it is shown. */
static inline struct record_prompt *standin_init_key_prompt(struct message *message, enum hop hop)
{
	struct record_prompt *prompt = standin_init_prompt(message, PROMPT_HOST_KEY);
	static const uint8_t start[] = "\0\0\0\vssh-ed25519\0\0\0 ";

	prompt->hop = (uint8_t)hop;
	memset(prompt->key, 'k', sizeof(start) - 1 + 32);
	memcpy(prompt->key, start, sizeof(start) - 1);
	memcpy(prompt->key + sizeof(start) - 1, standin_user, strnlen(standin_user, 32));
	prompt->key_length = sizeof(start) - 1 + 32;
	strcpy(prompt->key_type, "ssh-ed25519");
	hostkey_print_fingerprint(prompt->key, prompt->key_length, prompt->fingerprint);
	return prompt;
}

static inline void standin_ask_sign(struct conn *conn, unsigned hop, const char *method)
{
	struct message message;

	message_init(&message, MESSAGE_SIGN, 7 + standin_round++);
	message.sign.hop = (uint8_t)hop;
	strcpy(message.sign.method, method);
	message.sign.session_id_length = sizeof(STANDIN_SESSION_ID) - 1;
	memcpy(message.sign.session_id, STANDIN_SESSION_ID, sizeof(STANDIN_SESSION_ID) - 1);
	conn_send(conn, &message);
}

/* What it was told of its way, one line for each hop and each host key. */
static inline void standin_tell_way(const struct message_open *open)
{
	char *at = standin_heard, *end = standin_heard + sizeof(standin_heard);

	for (unsigned i = 0; i < open->hops_count; i++) {
		const struct record_hop *hop = &open->hops[i];

		at += snprintf(at, (size_t)(end - at), "%s at %s port %u: %s/%s by %s, %u, %s%s\n",
		    hop->name, hop->address, (unsigned)hop->port, hop->user, hop->password,
		    hop->methods, (unsigned)hop->host_keys, hop->key_length != 0 ? "key" : "none",
		    hop->key_alone ? " alone" : "");
	}
	for (unsigned i = 0; i < open->hostkeys_count; i++)
		at += snprintf(at, (size_t)(end - at), "hop %u, mark %u: %s\n",
		    (unsigned)open->hostkeys[i].hop, (unsigned)open->hostkeys[i].mark,
		    open->hostkeys[i].type);
	snprintf(at, (size_t)(end - at), "prompt %u, grace %u, left %u",
	    (unsigned)open->prompt_deadline_ms, (unsigned)open->grace_ms,
	    (unsigned)open->when_left);
}

/* One message that no session may send while its login opens. */
static inline bool standin_misbehaves(struct conn *conn)
{
	struct message message;
	struct record_prompt *prompt = standin_init_prompt(&message, PROMPT_PASSWORD);

	if (standin_is("no questions"))
		prompt->kind = PROMPT_QUESTIONS;
	else if (standin_is("words of its own"))
		prompt->questions_count = 1;
	else if (standin_is("no such hop"))
		prompt->hop = HOP_JUMP;
	else if (standin_is("key beside"))
		strcpy(prompt->fingerprint, "SHA256:looks good");
	else if (standin_is("strict key"))
		standin_init_key_prompt(&message, HOP_SERVER);
	else if (standin_is("other type"))
		strcpy(standin_init_key_prompt(&message, HOP_SERVER)->key_type, "ssh-rsa");
	else if (standin_is("other fingerprint"))
		standin_init_key_prompt(&message, HOP_SERVER)->fingerprint[10] ^= 1;
	else if (standin_is("empty key"))
		standin_init_key_prompt(&message, HOP_SERVER)->key_length = 0;
	else
		return false;
	conn_send(conn, &message);
	return true;
}

/* True if the user's name says that there is something to ask first. */
static inline bool standin_begin_dialogue(struct conn *conn, const struct message_open *open)
{
	struct message message;

	if (standin_misbehaves(conn))
		return true;
	if (strncmp(standin_user, "ask", 3) == 0) {
		standin_ask_code(conn);
		if (standin_is("ask twice"))
			standin_ask_code(conn);
		if (standin_is("ask and open"))
			standin_opened(conn);
	} else if (strncmp(standin_user, "new key", 7) == 0) {
		standin_init_key_prompt(&message, open->hops_count > 1 ? HOP_JUMP : HOP_SERVER);
		conn_send(conn, &message);
	} else if (standin_is("sign hop 1")) {
		standin_ask_sign(conn, 1, "ssh-ed25519");
	} else if (standin_is("sign much")) {
		standin_ask_sign(conn, 0, "ssh-ed25519");
	} else if (strncmp(standin_user, "sign ", 5) == 0) {
		standin_ask_sign(conn, 0, standin_user + 5);
	} else if (standin_is("late")) {
		standin_opened(conn);
		standin_ask_code(conn);
	} else if (standin_is("late sign")) {
		standin_opened(conn);
		standin_ask_sign(conn, 0, "ssh-ed25519");
	} else if (standin_is("way")) {
		standin_tell_way(open);
		standin_opened(conn);
	} else if (standin_is("other key")) {
		standin_end(
		    conn, ERROR_HOST_KEY_CHANGED, "shows SHA256:that; on file is SHA256:this");
	} else if (standin_is("fails at jump")) {
		message_init(&message, MESSAGE_ENDED, 0);
		message.ended.code = ERROR_JUMP_REFUSED;
		message.ended.hop = HOP_JUMP;
		strcpy(message.ended.detail, "administratively prohibited");
		conn_send(conn, &message);
		_exit(0);
	} else {
		return false;
	}
	return true;
}

static inline void standin_on_answer(struct conn *conn, const struct message_do_answer *answer)
{
	size_t used = strlen(standin_heard);

	if (strncmp(standin_user, "new key", 7) == 0) {
		if (strcmp(answer->answers[0].text, "yes") != 0)
			standin_end(conn, ERROR_HOST_KEY_REFUSED, "");
		if (standin_is("new key again") && standin_round++ == 0) {
			struct message message;

			standin_init_key_prompt(&message, HOP_SERVER);
			conn_send(conn, &message);
			return;
		}
		standin_opened(conn);
		return;
	}
	if (standin_is("ask on and on")) {
		standin_ask_code(conn);
		return;
	}
	for (unsigned i = 0; i < answer->answers_count; i++)
		used += (size_t)snprintf(standin_heard + used, sizeof(standin_heard) - used, "<%s>",
		    answer->answers[i].text);
	if (standin_is("ask then silent"))
		return;
	if (standin_is("ask then sign")) {
		standin_ask_sign(conn, 0, "ssh-ed25519");
		return;
	}
	if (++standin_round < 2)
		standin_ask_new_password(conn);
	else
		standin_opened(conn);
}

/* Opens with the signature as its notice, in hexadecimal; or never has enough. */
static inline void standin_on_signature(
    struct conn *conn, const struct message_signature *signature)
{
	if (standin_is("sign much")) {
		standin_ask_sign(conn, 0, "ssh-ed25519");
		return;
	}
	for (unsigned i = 0; i < signature->signature_length; i++)
		snprintf(standin_heard + 2 * i, 3, "%02x", signature->signature[i]);
	standin_opened(conn);
}

#endif
