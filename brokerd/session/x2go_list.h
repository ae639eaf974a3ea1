/* SPDX-License-Identifier: ISC */
/*
 * What X2Go's commands print, read strictly: anything that is not exactly as known is a fault of
 * the server, never "nothing". Pure: no clock, no sockets. Linked into x2goweb-session.
 */
#ifndef SESSION_X2GO_LIST_H
#define SESSION_X2GO_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

#define X2GO_ROWS_MAX	  48 /* as SESSIONS carries */
#define X2GO_COOKIE_BYTES 32
#define X2GO_ID_BYTES	  255

/* A part of a command's output. */
struct x2go_text {
	const char *start;
	size_t length;
};

/* The lines after the marker line X2GOWEB-<nonce>[-<name>], up to the next marker line with this
 * nonce or the end. name may be NULL.
 * Fails: false if there is no such line: then the command has not run so far. */
bool x2go_section_find(
    const char *output, const char *nonce, const char *name, struct x2go_text *ret_section);

/* What a session's id says. */
struct x2go_id {
	size_t user_length; /* the id begins with the user's name, without what may not be in it */
	uint32_t display;
	uint64_t created_s; /* since 1970 */
	enum session_kind kind;
	bool remote;	   /* its program runs on an XDMCP host */
	char command[129]; /* the part that names the desktop, cut to fit */
};

/* Fails: false unless the id is well-formed: then it is also safe in a command and a path. */
bool x2go_id_parse(const char *id, size_t length, struct x2go_id *ret_id);

/* One session of x2golistsessions. Holds the cookie: wipe it after use. */
struct x2go_row {
	struct record_session session; /* attached is left 0 */
	uint32_t pid;		       /* 0 with the rest while the session is starting */
	char cookie[X2GO_COOKIE_BYTES + 1];
	uint16_t graphics_port, sound_port;
};

/* rows: of X2GO_ROWS_MAX; surplus ones are left out.
 * Fails: false if any line is not a session: what was printed is no list. */
bool x2go_list_parse(const struct x2go_text *text, struct x2go_row *rows, size_t *ret_count);

/* NULL if there is none. */
const struct x2go_row *x2go_list_find(const struct x2go_row *rows, size_t count, const char *id);

/* The lines of x2gostartagent. Holds the cookie: wipe it after use. */
struct x2go_started {
	uint32_t display, pid;
	char cookie[X2GO_COOKIE_BYTES + 1];
	char id[X2GO_ID_BYTES + 1];
	uint16_t graphics_port, sound_port;
};

bool x2go_started_parse(const struct x2go_text *text, struct x2go_started *ret_started);

/* The session whose agent ended at once, in what x2gostartagent says of it on stderr.
 * ret_id: of X2GO_ID_BYTES + 1; undefined if false. */
bool x2go_failed_id_parse(const struct x2go_text *errors, char *ret_id);

/* The graphics port among the key=value lines of x2goresume-session. */
bool x2go_resumed_parse(const struct x2go_text *text, uint16_t *ret_port);

/* The agent's word in its state file. */
enum x2go_state {
	X2GO_STATE_UNKNOWN, /* no file, or caught while it was being rewritten */
	X2GO_STATE_STARTING,
	X2GO_STATE_RUNNING,
	X2GO_STATE_SUSPENDING,
	X2GO_STATE_SUSPENDED,
	X2GO_STATE_RESUMING,
	X2GO_STATE_TERMINATING,
	X2GO_STATE_TERMINATED,
	X2GO_STATE_COUNT
};

enum x2go_state x2go_state_parse(const struct x2go_text *text);
const char *x2go_state_name(enum x2go_state state);

/* True if among the sockets that ss lists is one that keeps an agent from listening. What an
 * agent's own last connection has left behind does not. listeners: whether a mere listener does,
 * too. */
bool x2go_port_is_taken(const struct x2go_text *sockets, bool listeners);

/* True if x2gocmdexitmessage reports a program that is not installed. program: its name. */
bool x2go_program_missing(const struct x2go_text *text, char *program, size_t size);

/* True if the text has a line that is just this. */
bool x2go_text_has_line(const struct x2go_text *text, const char *line);

/* Reads the next line (without its end) and advances text. False when nothing is left. */
bool x2go_text_next_line(struct x2go_text *text, struct x2go_text *ret_line);

/* A decimal number of digits only, within bounds. */
bool x2go_number_parse(
    const struct x2go_text *text, uint64_t smallest, uint64_t largest, uint64_t *ret_number);

#endif
