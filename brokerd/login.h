/* SPDX-License-Identifier: ISC */
/*
 * One login, from the moment it is asked for until its session process has ended. Owns its
 * port, its uid, the dial, the link to the session process and the passwords until those have been
 * passed on. Runs in x2goweb-brokerd; must not know what SSH or a relay is.
 *
 *	 login_create
 *	      |
 *	   WAITING --- not its turn in time, taken back -----------+
 *	      | its turn, of a few at a time			   |
 *	  DIALLING --- cannot be reached, taken back --------------+
 *	      | connected: process started, OPEN sent		   |
 *	      |		  PROMPT: PROMPTED sent			   |
 *	   OPENING ---------------------> PROMPTING ---+	   |
 *	      |	 |  <---------------------		|	   |
 *	      |	 |	  ANSWER: DO_ANSWER sent	|	   |
 *	      |	 +--------------------------------------+	   |
 *	      | OPENED			       | STOP sent,	   |
 *	    READY ---------------------------- + ENDED came,	   |
 *					       | link lost	   |
 *					    STOPPING		   |
 *					       | process gone	   |
 *					   (destroyed) <-----------+
 */
#ifndef BROKERD_LOGIN_H
#define BROKERD_LOGIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "audit.h"
#include "cookie.h"
#include "policy.h"
#include "proto/errors.h"
#include "proto/log.h"
#include "proto/messages.h"
#include "requests.h"
#include "turns.h"

struct broker;
struct conn;
struct dial;
struct event;

enum login_state {
	LOGIN_STATE_WAITING,
	LOGIN_STATE_DIALLING,
	LOGIN_STATE_OPENING,
	LOGIN_STATE_PROMPTING, /* nobody waits: the user thinks */
	LOGIN_STATE_READY,
	LOGIN_STATE_STOPPING,
	LOGIN_STATE_COUNT
};

/* What a login keeps of one host on its way beside what its target says. */
struct login_hop {
	uint16_t key_length; /* of the public half of the gateway's key for it; 0: none */
	uint8_t key[HOST_KEY_BYTES];
	bool key_shown; /* the user, or the broker, was asked about its host key */
};

struct login {
	LIST_ENTRY(login) next; /* login_table.logins */
	struct broker *broker;
	enum login_state state;
	char id[COOKIE_LOGIN_CHARS + 1];
	char server[65]; /* target.id */
	char user[65], client[65];
	struct policy_target target;
	struct login_hop hops[HOPS_MAX];
	uint64_t since_ms;
	uint64_t begun_ms, prompted_ms; /* since, later by how long its user took to answer */

	/* Until the login is open: who waits for it, if anybody. */
	struct conn *asker;
	uint32_t asker_id;
	char cookie[COOKIE_CHARS + 1]; /* until it was given to the first of those */
	uint8_t cookie_hash[COOKIE_HASH_BYTES];
	bool compat; /* for upstream's client: shows one stream, to who has the ticket */
	char ticket[TICKET_CHARS + 1]; /* as cookie */
	uint8_t ticket_hash[COOKIE_HASH_BYTES];

	struct turn opening;	 /* ends at the first prompt, or when the login is open or over */
	unsigned answers_wanted; /* by the prompt */
	bool has_tried;		 /* its server was or will be told what the user has to know */
	unsigned signatures;	 /* that the session process was given */

	/* Until OPEN has been sent; complete but for the descriptors. */
	struct message *open;
	struct dial *dial;
	int listener;

	/* Where its relay listens: one of the two. */
	uint16_t port;
	char socket[STREAM_SOCKET_CHARS + 1];
	uid_t uid;	 /* 0: none yet */
	pid_t pid;	 /* 0: none yet, or reaped */
	pid_t first_pid; /* the same, for ever */
	struct conn *link;
	unsigned link_version;	/* of the protocol that its process speaks */
	int record;		/* see login_kept.c; -1: none. The handover's. */
	uint32_t resync_id;	/* of RESYNC; until it is answered come answers to other brokers */
	struct event *deadline; /* of the state */
	struct event *idle;
	struct event *expiry; /* the end of any login */
	struct requests requests;

	char methods[129], fingerprint[65], jump_fingerprint[65]; /* that it was opened by */
	enum stream_state stream;
	uint64_t stream_since_ms;
	char session[256]; /* that the stream shows */
	struct message_tally tally;

	bool was_ready;
	enum error_code reason; /* why it ends, once it does */
	enum hop reason_hop;
	char detail[401];

	struct audit audit;
	struct credit log_credit, keep_credit, trace_credit; /* of the session process */
	unsigned lines_dropped, traces_dropped;
};

/* Begins a login for asker's request: checks policy and limits, takes port and uid, dials. The
 * answer follows: PROMPTED, LOGGED_IN or FAIL. */
void login_create(struct broker *broker, const struct message *request, struct conn *asker);

/* The session process asks the user, or the broker in the user's place: answers PROMPTED, or orders
 * DO_ANSWER. It is killed if it asks what it may not ask. */
void login_prompt(struct login *login, const struct record_prompt *prompt);

/* The user's answer to the last prompt: asker waits for what follows. */
void login_answer(struct login *login, const struct message *answer, struct conn *asker);

/* The session process wants a signature by one of the way's keys. It is killed if it may not. */
void login_sign(struct login *login, const struct message *request);

/* The session process has opened the SSH connection: answers LOGGED_IN. */
void login_set_ready(struct login *login, const struct message_opened *opened);

/* Ends the login for this reason; who waits for an answer is told. The process is asked to stop,
 * unless it has said by itself that it ends (by_itself). Login may be gone afterwards. */
void login_stop(struct login *login, enum error_code reason, const char *detail);
void login_stop_at(struct login *login, enum error_code reason, enum hop hop, const char *detail);
void login_ended_by_itself(
    struct login *login, enum error_code reason, enum hop hop, const char *detail);

/* Who asked for it does not want it any more. Login may be gone afterwards. */
void login_leave(struct login *login, const char *detail);

/* The session process broke a rule: it is killed. */
void login_kill(struct login *login, const char *why);

/* How long it may last at the most. */
uint64_t login_left_ms(const struct login *login);

/* Something was done with the login: it is not idle. */
void login_touch(struct login *login);

/* Whether the cookie is its own and it is in one of these states (bits). */
bool login_may_be_used(const struct login *login, const char *cookie, unsigned allowed);

/* asker has gone: a login that it waits for is taken back, answers for it are thrown away. Login
 * may be gone afterwards. */
void login_forget_asker(struct login *login, const struct conn *asker);

/* Valid as long as login. */
struct log_context login_context(const struct login *login);
const char *login_state_name(enum login_state state);

/* Writes its record anew, after each change that the next broker has to know of. */
void login_keep(const struct login *login);

/* Makes logins again of what the broker before has kept. Returns how many there are. */
unsigned login_restore_all(struct broker *broker);

/* Whether its session process was started by a broker of another version: it cannot be given orders
 * but to end. */
bool login_is_of_before(const struct login *login);

/* No process of this uid is left: nothing of its login has to be kept any more. arg: the broker. */
void login_keep_end(uid_t uid, void *arg);

/* Frees all of it at once, for the broker's own end; one that leaves its logins to the next broker
 * leaves them as they are. */
void login_destroy(struct login *login);

#endif
