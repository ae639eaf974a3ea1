/* SPDX-License-Identifier: ISC */
/*
 * One framed, non-blocking UNIX connection over libevent that carries messages and descriptors.
 * Linked by every program. It owns its descriptor, the bytes on their way and the descriptors
 * that came with them; it wipes frames once they are sent or decoded. It knows which roles may
 * say what (by the table), but no conversation: phases are its users' business.
 */
#ifndef PROTO_CONN_H
#define PROTO_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "errors.h"
#include "messages.h"

struct conn;
struct event_base;

/* Unsent bytes past which a peer that does not read is dropped. */
#define CONN_UNSENT_BYTES_MAX (512 * 1024)

struct conn_handlers {
	/* The peer's HELLO has come and is of our version; messages may be exchanged. May be NULL.
	 */
	void (*ready)(struct conn *conn, void *arg);
	/* A message that the table allows from this peer. Its descriptors are closed afterwards
	 * unless the handler takes them (leaves -1). The handler may destroy the connection. */
	void (*message)(struct conn *conn, struct message *message, void *arg);
	/* The connection is over, by its end, an error or a broken rule; reason is a static text.
	 * The handler must destroy it. */
	void (*closed)(struct conn *conn, const char *reason, void *arg);
};

/* Makes the two ends of a connection of packets: each frame travels as one, so that whoever takes
 * an end over from a process that has died finds no half of one. Close-on-exec.
 * Fails: false with errno. */
bool conn_make_pair(int pair[2]);

/* Takes over fd, a connected UNIX socket of streams or packets, and sends HELLO.
 * self: our role; peer: the only role that the other side may have.
 * Fails: NULL with errno; fd is closed then, too. */
struct conn *conn_create(struct event_base *base, int fd, enum role self, enum role peer,
    const struct conn_handlers *handlers, void *arg);

/* The same for a connection on which both have said hello before, by a process that is gone. */
struct conn *conn_adopt(struct event_base *base, int fd, enum role self, enum role peer,
    const struct conn_handlers *handlers, void *arg);

/* The peer, which was started by a program of another version, speaks that one's protocol. It is
 * told only what is the same in all versions, which its user sees to; what it says in another form
 * than ours is passed over. For packets only. */
void conn_set_version(struct conn *conn, unsigned version);

/* Closes without flushing. Safe inside handlers; takes NULL. */
void conn_destroy(struct conn *conn);

/* Queues the message and sends what the socket takes now. Its fds are duplicated by the kernel
 * when sent: on true the connection has taken them over, on false they stay with the caller.
 * Fails: false if the message breaks the table or too much is unsent; the connection lives on,
 * and closed() follows later if its end is found. */
bool conn_send(struct conn *conn, struct message *message);

/* What FAIL says. detail may be NULL; retry_after_s 0: nothing is known of that. */
struct conn_failure {
	enum error_code code;
	enum hop hop;
	uint32_t retry_after_s;
	const char *detail;
};

/* Answers request with FAIL. */
bool conn_send_failure(struct conn *conn, uint32_t request_id, const struct conn_failure *failure);
/* The same where only code and detail count. */
bool conn_send_fail(
    struct conn *conn, uint32_t request_id, enum error_code code, const char *detail);
bool conn_send_done(struct conn *conn, uint32_t request_id);

/* Calls closed() from the event loop once all that is queued has been sent; until then nothing
 * more is read. */
void conn_close_when_sent(struct conn *conn);

/* Tells the peer that we have nothing more to say, as if we had closed; what it has said already
 * still arrives. */
void conn_end_sending(struct conn *conn);

/* Ends the connection for all who have this end of it open, in other processes, too. It is closed
 * by conn_destroy. */
void conn_cut(struct conn *conn);

/* How many messages with a number came more than were sent: of a peer that asks one thing after
 * the other, and gets one message for it, what has still to be answered. */
unsigned conn_unanswered(const struct conn *conn);

/* Whether such a message ever came. */
bool conn_has_asked(const struct conn *conn);

/* Whether the peer has gone or has more to say than was asked, before that was read. */
bool conn_has_ended(const struct conn *conn);

bool conn_is_ready(const struct conn *conn);

/* What waits for the peer to read. */
size_t conn_unsent_bytes(const struct conn *conn);

/* Who connected, by SO_PEERCRED. */
uid_t conn_peer_uid(const struct conn *conn);
pid_t conn_peer_pid(const struct conn *conn);

#endif
