/* SPDX-License-Identifier: ISC */
/*
 * The log of every program: levels, errno text, and audited events with the journal's structured
 * fields. Lines go to the journal where there is one, else to stderr; a sandboxed process hands
 * them to a sink instead. Secrets never get here.
 *
 * Text of foreign origin is made harmless here: it can begin no line, no field and no event of its
 * own, drive no terminal and push nothing out of a line. What it may not contain becomes '?', what
 * is too long ends with "...".
 */
#ifndef PROTO_LOG_H
#define PROTO_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* syslog's numbers, as the journal wants them. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum log_event {
#define EVENT(name, id, level) LOG_EVENT_##name,
#include "events.def"
#undef EVENT
	LOG_EVENT_COUNT
};

/* Whom a line is about, and what came of it; every member may be NULL. In the journal a member is
 * the field X2GOWEB_<MEMBER>; docs/journal.md says what they mean. */
struct log_context {
	const char *login;
	const char *session;
	const char *user;
	const char *server;
	const char *client;
	const char *error; /* name of an error code */
	const char *host, *jump, *jump_user;
	const char *methods, *host_key, *jump_host_key;
	const char *admin;
	const struct log_counts *counts;
};

struct log_counts {
	uint64_t duration_ms, to_browser_bytes, from_browser_bytes;
};

/* Opens the log of this program (static name). Uses the journal if stderr is connected to it. */
void log_init(const char *program, enum log_level most_detailed);

/* Lines go to sink from now on instead of journal or stderr. */
void log_set_sink(void (*sink)(enum log_level level, const char *text, void *arg), void *arg);

/* Copies text as it may stand in a line: what drives terminals or turns the direction of writing
 * becomes '?', what is too long is cut. */
void log_make_harmless(char *out, size_t size, const char *text);

/* tap gets all lines that have a context, of whatever level, beside where they go. NULL: nobody. */
void log_set_tap(void (*tap)(enum log_level level, const struct log_context *context,
		     const char *text, void *arg),
    void *arg);

enum log_level log_get_level(void);

/* warn and error add errno's text; the x forms do not. errno is kept. */
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_errorx(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void log_fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void log_fatalx(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line about somebody. */
void log_about(const struct log_context *context, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* An audited event, at the level that events.def gives it; written whatever log_init was told. */
void log_event(enum log_event event, const struct log_context *context, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
