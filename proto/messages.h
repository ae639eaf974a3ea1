/* SPDX-License-Identifier: ISC */
/*
 * The protocol's messages as C structs, drawn from messages.def, with one encoder and one decoder
 * for all of them. Linked by every program. A decoded message owns all of its data (fixed arrays,
 * no pointers), so it is copied by assignment and wiped by message_wipe.
 */
#ifndef PROTO_MESSAGES_H
#define PROTO_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyboard_layout.h"

/* Bytes on the wire: header "X2GW", version, type, payload length, request id; then the payload. */
#define PROTO_MAGIC	    0x58324757u
#define PROTO_VERSION	    5
#define PROTO_HEADER_BYTES  16
#define PROTO_PAYLOAD_BYTES 65536
#define PROTO_FRAME_BYTES   (PROTO_HEADER_BYTES + PROTO_PAYLOAD_BYTES)
#define PROTO_FDS	    2

/* Screen sides that an agent survives; see section 7 of the KDrive facts. */
#define SCREEN_MIN 64
#define SCREEN_MAX 8192

/* Name of a relay's socket: 16 random bytes in hex. */
#define STREAM_SOCKET_CHARS 32

/* The programs that speak the protocol. */
enum role { ROLE_FCGI, ROLE_BROKER, ROLE_SESSION, ROLE_CTL, ROLE_COUNT };

#define ROLE_BIT(name) (1u << ROLE_##name)
#define ROLE_BITS_ALL  ((1u << ROLE_COUNT) - 1)

/* What a session shows and how: desktops by KDrive can be seen in the browser. */
enum session_kind {
	SESSION_KIND_DESKTOP,
	SESSION_KIND_APPLICATION,
	SESSION_KIND_NX,
	SESSION_KIND_OTHER,
	SESSION_KIND_COUNT
};

enum session_status {
	SESSION_STATUS_STARTING,
	SESSION_STATUS_RUNNING,
	SESSION_STATUS_SUSPENDED,
	SESSION_STATUS_TERMINATING,
	SESSION_STATUS_TERMINATED,
	SESSION_STATUS_COUNT
};

/* What a published application is for, by the main categories of the Desktop Menu Specification. */
enum application_group {
	APPLICATION_GROUP_OTHER,
	APPLICATION_GROUP_AUDIO_VIDEO,
	APPLICATION_GROUP_DEVELOPMENT,
	APPLICATION_GROUP_EDUCATION,
	APPLICATION_GROUP_GAME,
	APPLICATION_GROUP_GRAPHICS,
	APPLICATION_GROUP_NETWORK,
	APPLICATION_GROUP_OFFICE,
	APPLICATION_GROUP_SCIENCE,
	APPLICATION_GROUP_SETTINGS,
	APPLICATION_GROUP_SYSTEM,
	APPLICATION_GROUP_UTILITY,
	APPLICATION_GROUP_COUNT
};

/* Where on the way something happened. */
enum hop { HOP_SERVER, HOP_JUMP, HOP_COUNT };

/* The X2Go server and one jump host. */
#define HOPS_MAX 2

#define HOST_KEYS_MAX  32
#define HOST_KEY_BYTES 1100 /* an RSA key of 8192 bits */

/* What is done about a server whose host key is not on file. A key that differs from the one on
 * file is refused in any case. */
enum host_keys { HOST_KEYS_STRICT, HOST_KEYS_ASK, HOST_KEYS_ACCEPT_NEW, HOST_KEYS_COUNT };

/* What the known hosts file says of a key. AUTHORITY: it signs certificates, which are not used. */
enum host_key_mark { HOST_KEY_TRUSTED, HOST_KEY_REVOKED, HOST_KEY_AUTHORITY, HOST_KEY_MARK_COUNT };

/* QUESTIONS are the server's; for the others the page has words of its own: PASSWORD and
 * NEW_PASSWORD want one answer, HOST_KEY "yes" or anything else. */
enum prompt_kind {
	PROMPT_QUESTIONS,
	PROMPT_PASSWORD,
	PROMPT_NEW_PASSWORD,
	PROMPT_HOST_KEY,
	PROMPT_KIND_COUNT
};
#define QUESTIONS_MAX 16

/* Which way selections go. */
enum clipboard {
	CLIPBOARD_BOTH,
	CLIPBOARD_NONE,
	CLIPBOARD_CLIENT, /* from the browser to the session */
	CLIPBOARD_SERVER, /* from the session to the browser */
	CLIPBOARD_COUNT
};

/* Of pictures that are packed with loss: 0 to 9, or as the agent does by itself. */
#define QUALITY_DEFAULT 10

#define KEYBOARD_MODEL_CHARS 32

/* What becomes of a stream when its browser is gone for longer than the grace time. */
enum when_left { WHEN_LEFT_SUSPEND, WHEN_LEFT_LEAVE, WHEN_LEFT_COUNT };

/* In place of a login's state: it is over, but processes of its uid may be left. */
#define KEPT_OVER 255

/* All metrics at their longest. */
#define METRICS_BYTES 32768

/* Where the stream between agent and browser stands. */
enum stream_state {
	STREAM_STATE_NONE,    /* no agent */
	STREAM_STATE_WAITING, /* agent connected, browser awaited */
	STREAM_STATE_ATTACHED,
	STREAM_STATE_COUNT
};

/* What upstream's client shows for a stream, in the place of an agent's cookie: as long as one. */
#define TICKET_CHARS 32

/* What an admin may tell users: one line. */
#define TELL_BYTES 400

/* Taking no new logins: again, not any more, nor keeping those that there are. */
enum drain { DRAIN_OFF, DRAIN_ON, DRAIN_END, DRAIN_COUNT };

/* clang-format off */
#define UINT(tag, field, bits, smallest, largest) uint##bits##_t field;
#define TEXT(tag, field, shortest, longest) char field[(longest) + 1];
#define LINES(tag, field, shortest, longest) char field[(longest) + 1];
#define SECRET(tag, field, shortest, longest) char field[(longest) + 1];
#define BYTES(tag, field, shortest, longest) uint16_t field##_length; uint8_t field[longest];
#define LIST(tag, field, record, fewest, most) \
	uint16_t field##_count; struct record_##record field[most];
#define RECORD(name) struct record_##name {
#define RECORD_END(name) };
#define MESSAGE(NAME, name, number, senders, receivers, fds) struct message_##name {
#define MESSAGE_END(name) };
#include "messages.def"
#undef RECORD
#undef RECORD_END
#undef UINT
#undef TEXT
#undef LINES
#undef SECRET
#undef BYTES
#undef LIST
#undef MESSAGE
#undef MESSAGE_END

#define RECORD(name)
#define RECORD_END(name)
#define UINT(tag, field, bits, smallest, largest)
#define TEXT(tag, field, shortest, longest)
#define LINES(tag, field, shortest, longest)
#define SECRET(tag, field, shortest, longest)
#define BYTES(tag, field, shortest, longest)
#define LIST(tag, field, record, fewest, most)
#define MESSAGE_END(name)

enum message_type {
#define MESSAGE(NAME, name, number, senders, receivers, fds) MESSAGE_##NAME = (number),
#include "messages.def"
#undef MESSAGE
};

struct message {
	enum message_type type;
	uint32_t request_id;   /* chosen by who asks, repeated by who answers; 0 = no answer */
	int fds[PROTO_FDS];    /* -1 where there is none; who takes one leaves -1 */
	union {
#define MESSAGE(NAME, name, number, senders, receivers, fds) struct message_##name name;
#include "messages.def"
#undef MESSAGE
	};
};

#undef RECORD
#undef RECORD_END
#undef UINT
#undef TEXT
#undef LINES
#undef SECRET
#undef BYTES
#undef LIST
#undef MESSAGE_END
/* clang-format on */

enum message_result {
	MESSAGE_OK,
	MESSAGE_SHORT,	   /* more bytes are needed */
	MESSAGE_MALFORMED, /* not this protocol, or a field out of its bounds */
	MESSAGE_VERSION,   /* another version of this protocol */
	MESSAGE_DENIED	   /* not a message for this pair of roles */
};

/* Prepares *message as an empty one of this type, without touching more memory than it needs. */
void message_init(struct message *message, enum message_type type, uint32_t request_id);

/* Overwrites all that the message holds. Descriptors stay open. */
void message_wipe(struct message *message);

/* Encodes into buffer (at best PROTO_FRAME_BYTES). *ret_length: bytes written.
 * Fails: false if a field breaks its bounds in the table or the buffer is too small. */
bool message_encode(
    const struct message *message, uint8_t *buffer, size_t capacity, size_t *ret_length);

/* Decodes the frame at the start of data, which came from sender, read by receiver.
 * *ret_length: the frame's bytes, set with MESSAGE_OK. *message is written with MESSAGE_OK only,
 * except that a MALFORMED one may have left parts behind: wipe it. Descriptors are not part of
 * this; see message_fd_count. */
enum message_result message_decode(const uint8_t *data, size_t length, enum role sender,
    enum role receiver, struct message *message, size_t *ret_length);

/* The same for one that a broker, perhaps of another version, has kept for the next one: fields
 * that were added to its end since are empty, and those that are not known yet are passed over. */
enum message_result message_decode_kept(
    const uint8_t *data, size_t length, struct message *message);

/* How many descriptors travel with this type. */
size_t message_fd_count(enum message_type type);

/* "LOGIN"; "?" for a number that is not in the table. */
const char *message_type_name(enum message_type type);
const char *role_name(enum role role);
const char *session_kind_name(enum session_kind kind);
/* As the Desktop Menu Specification spells it. */
const char *application_group_name(enum application_group group);
const char *session_status_name(enum session_status status);
const char *hop_name(enum hop hop);
const char *prompt_kind_name(enum prompt_kind kind);
const char *message_result_text(enum message_result result);

/* Prints the message in one line for logs and tests: secrets as "***", bytes as their count.
 * Always ends with NUL; returns text. */
const char *message_print(const struct message *message, char *text, size_t size);

/* The table, for tests: the index-th type, largest frame it can make, filled with values at the
 * lower or upper bound of each field. False past the end. */
bool message_example(unsigned index, bool largest, struct message *message);

/* Copies text into a field of size bytes, cut at a character's border if need be, control
 * characters and malformed bytes replaced by '?'. For text of foreign origin. */
void message_set_text(char *field, size_t size, const char *text, size_t length);

/* The same for a field of LINES: line ends become newlines; other control characters, and those
 * that change the direction of writing, are left out. */
void message_set_lines(char *field, size_t size, const char *text, size_t length);

#endif
