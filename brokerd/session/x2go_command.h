/* SPDX-License-Identifier: ISC */
/*
 * The command lines that are sent to an X2Go server. The login shell there may be any of six;
 * what goes between the quotes is therefore limited to characters that mean nothing to any of
 * them, and everything else is refused, not escaped. Pure. Linked into x2goweb-session.
 *
 * Every line begins what it prints with the line X2GOWEB-<nonce>; see x2go_section_find.
 */
#ifndef SESSION_X2GO_COMMAND_H
#define SESSION_X2GO_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"
#include "x2go_list.h"

#define X2GO_COMMAND_BYTES 16384
#define X2GO_NONCE_CHARS   16

/* A line being written. Failure is sticky: x2go_command_end tells. */
struct x2go_command {
	char text[X2GO_COMMAND_BYTES];
	size_t length;
	char nonce[X2GO_NONCE_CHARS + 1];
	bool failed;
};

/* Each starts the line anew, after nonce (letters and digits) has been set in *command.
 * Fails: false if an argument may not be sent. */

/* x2golistsessions alone. */
bool x2go_command_list(struct x2go_command *command);

/* What a login needs to know, in one go: the list; section HOST: host name and offset of its
 * clock (date's %z); section DESKTOPS: the indexes of installed desktops, one a line.
 * The features come on stderr, so that they are printed while the list is made. */
bool x2go_command_probe(
    struct x2go_command *command, const struct record_choice *desktops, size_t count);

/* x2gogetapps without the pictures, at most X2GO_APPLICATIONS_BYTES of it, then section TERMINAL:
 * where xterm is. Nothing if there is no x2gogetapps. */
#define X2GO_APPLICATIONS_BYTES 262144
bool x2go_command_applications(struct x2go_command *command);

struct x2go_screen {
	uint16_t width, height;
	uint16_t dpi;				/* 0: the server's choice, or as it is */
	char layout[KEYBOARD_LAYOUT_CHARS + 1]; /* empty: as it is */
	char model[KEYBOARD_MODEL_CHARS + 1];	/* of the keyboard; empty: pc105 */
	uint8_t clipboard;			/* of enum clipboard */
	uint8_t quality;			/* of pictures: 0 to 9, or QUALITY_DEFAULT */
};

/* x2gostartagent for what the user wants to run, with the layout that the screen names, but not
 * its variant. */
bool x2go_command_start(
    struct x2go_command *command, const struct x2go_screen *screen, const char *program);

/* setxkbmap, since the agent tells of the layout that it was started with but does not use it; then
 * x2goruncommand, in the background, with the given session as its display. */
bool x2go_command_run(struct x2go_command *command, const struct x2go_started *started,
    const struct x2go_screen *screen, const char *program);

/* Leaves the keyboard as it is. */
bool x2go_command_resume(
    struct x2go_command *command, const struct x2go_screen *screen, const char *id);

/* Ends an x2goresume-session that goes on for ever (row 11). */
bool x2go_command_stop_resume(struct x2go_command *command, const char *id);

/* setxkbmap on that display. Status 0: the layout is in force; 1: its stderr says why not. */
bool x2go_command_layout(struct x2go_command *command, uint32_t display, const char *layout);

/* What a resume can change on that display beside what x2goresume-session is told: the layout, and
 * the resolution that programs started from now on go by. The X server's own stays. As layout. */
bool x2go_command_adapt(
    struct x2go_command *command, uint32_t display, const struct x2go_screen *screen);

bool x2go_command_suspend(struct x2go_command *command, const char *id);
bool x2go_command_terminate(struct x2go_command *command, const char *id);

/* The state file alone: cheap. */
bool x2go_command_state(struct x2go_command *command, const char *id);

/* Why a stream ended. Sections MESSAGE: x2gocmdexitmessage; STATE: the state file; ALIVE: the
 * line "alive" if the agent's process exists; TAKER: the line "taker" while somebody resumes the
 * session. pid 0: unknown. */
bool x2go_command_inquire(struct x2go_command *command, const char *id, uint32_t pid);

/* Before a resume. Sections STATE: the state file; LIST: x2golistsessions. With options, stderr
 * names Encode/Locale.pm if the server's x2gooptionsstring lacks it (row 4). */
bool x2go_command_inspect(struct x2go_command *command, const char *id, bool options);

/* The same, of a session that has been listed. Sections AGENT: the line "agent" if pid is that
 * session's; PORT: what sockets there are at its port; PROGRAM: the line "program" if it has ever
 * been given one to run. */
bool x2go_command_examine(
    struct x2go_command *command, const char *id, uint32_t pid, uint16_t port);

/* Removes sshd.pid, for what section 1.2 of the contract says. */
bool x2go_command_forget_sshd(struct x2go_command *command, const char *id);

/* Removes what a terminated session leaves behind: its folders at once, its agent if that is still
 * there after half a minute (row 29). The command itself does not wait. pid 0: unknown. */
bool x2go_command_clean(
    struct x2go_command *command, const char *id, const char *user, uint32_t pid);

/* Ends an agent that no list knows: only if the process is still that session's. As clean. */
bool x2go_command_kill(struct x2go_command *command, const char *id, uint32_t pid);

/* The part of a session's id that names the program: at most 32 of [A-Za-z0-9.-]. */
void x2go_session_name(const char *program, char *name, size_t size);

/* Whether layout, model and all the rest can be sent. */
bool x2go_screen_is_valid(const struct x2go_screen *screen);

/* Whether the program's name and arguments can be sent at all. */
bool x2go_program_is_valid(const char *program);

#endif
