/* SPDX-License-Identifier: ISC */
/*
 * What the files of the login share: ssh_login.c (the coroutine in which all of it runs, what it
 * waits for and for how long), ssh_algorithms.c (what is offered for the exchange of keys),
 * ssh_hostkey.c (who the server is) and ssh_methods.c (telling it who we are).
 *
 * The login is one function that reads from top to bottom, in a coroutine, since libssh2 asks for
 * answers and signatures in the middle of its calls. It calls no handler of the owner: the pump
 * does, outside.
 */
#ifndef SESSION_SSH_LOGIN_H
#define SESSION_SSH_LOGIN_H

#include "ssh_internal.h"

/* What the coroutine has stopped for. */
enum ssh_awaited {
	SSH_AWAITED_SERVER,
	SSH_AWAITED_ANSWER,    /* to prompt */
	SSH_AWAITED_SIGNATURE, /* of what is to be signed */
};

struct coroutine;

/* A login under way, in memory that is wiped. */
struct ssh_attempt {
	struct coroutine *coroutine;
	enum ssh_awaited awaited;
	bool provided;	/* what is awaited has come, if it is not the server's */
	bool cancelled; /* the connection is dead: everything is to return */
	const char *step;

	struct record_hop hop; /* with the password until it has been used */
	struct record_hostkey *hostkeys;
	size_t hostkey_count;
	enum hop place;

	struct event *deadline_event;
	unsigned auth_left_ms, prompt_deadline_ms;
	uint64_t since_ms; /* when the deadline began to run */
	uint64_t heard_ms,
	    heard_bytes; /* when the server was last heard, and how much until then */

	struct record_prompt prompt;
	struct record_answer answers[QUESTIONS_MAX];
	struct {
		char method[65];
		uint8_t session_id[64];
		size_t session_id_length;
		uint8_t signature[HOST_KEY_BYTES];
		size_t signature_length; /* 0: refused */
	} sign;

	bool signature_used;   /* the server has been shown a signature by our key */
	unsigned secrets_used; /* passwords and rounds of answers that it has been shown */
	unsigned rounds;       /* with questions, of this keyboard-interactive */
	bool refused;	       /* the last method, perhaps only since it is but a part */
	bool succeeded;
	char methods[129];	 /* that have succeeded */
	char notice[2049];	 /* what the server has said and nobody has seen yet */
	size_t notice_at_secret; /* how much of it was there when the last secret was used */
};

/* ssh_login.c, for the coroutine. */

/* After a call of libssh2 that would have blocked: stops until it can be repeated. False if it is
 * of no use. */
bool ssh_login_await_server(struct ssh *ssh);
/* Has attempt->prompt, of which kind and what is asked are set, shown to the user. The answers, to
 * be wiped by ssh_login_forget_answers; NULL if there are none. */
const struct record_answer *ssh_login_ask(struct ssh *ssh);
void ssh_login_forget_answers(struct ssh *ssh);
/* Has attempt->sign signed. False if it is refused. */
bool ssh_login_sign(struct ssh *ssh);
/* A password or answers of the user are about to be shown to the server. */
void ssh_login_use_secret(struct ssh *ssh);
/* Fails the login because the server does not want what it has been shown. wrong: it has said that
 * that was wrong. why: if it has not said itself. */
void ssh_login_fail_refused(struct ssh *ssh, bool wrong, const char *why);
/* Keeps what the server says for the user's next sight. */
void ssh_login_note(struct ssh *ssh, const char *text, size_t length);
/* Fails the login because the connection has come to its end. False if it has not. */
bool ssh_login_fail_if_over(struct ssh *ssh);

/* ssh_algorithms.c */
bool ssh_algorithms_set(struct ssh *ssh);
/* Whether this libssh2 can do it: a method of exchanging or signing keys. */
bool ssh_algorithms_have(const struct ssh *ssh, int type, const char *name);

/* ssh_hostkey.c: whether the server is to be trusted; else the login has failed. */
bool ssh_hostkey_check(struct ssh *ssh);
bool ssh_hostkey_is_on_file(const struct ssh *ssh, const char *type);

/* ssh_methods.c: whether the server has let the user in; else the login has failed. */
bool ssh_methods_try(struct ssh *ssh);

#endif
