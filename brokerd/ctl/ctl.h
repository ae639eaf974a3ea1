/* SPDX-License-Identifier: ISC */
/*
 * What the parts of brokerctl share. It asks the broker, or looks at files, prints what it has
 * found and ends. Runs as an admin; holds nothing but its connection to the control socket, and can
 * do nothing that its caller could not.
 *
 * ctl_options.c reads options, ctl_commands.c has the table of commands, ctl_link.c speaks with the
 * broker, ctl_text.c knows how things are written; the other ctl_*.c are one command each, or a few
 * that belong together.
 */
#ifndef BROKERD_CTL_H
#define BROKERD_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "ctl_text.h"
#include "proto/messages.h"

#define CTL_PROGRAM	   "brokerctl"
#define CTL_DEFAULT_SOCKET "/run/x2goweb/control.sock"
#define CTL_DEFAULT_CONFIG "/etc/x2goweb/x2goweb.conf"

enum ctl_status {
	CTL_STATUS_OK,
	CTL_STATUS_FAILED, /* the broker said no, or something is wrong with what was looked at */
	CTL_STATUS_USAGE,
	CTL_STATUS_UNREACHABLE /* no broker, or it does not answer */
};

/* Options beside --json, --socket, --config, --help and --version, as bits. */
enum ctl_option {
	CTL_OPTION_USER = 1,
	CTL_OPTION_SERVER = 2,
	CTL_OPTION_ALL = 4,
	CTL_OPTION_WHOM = CTL_OPTION_USER | CTL_OPTION_SERVER | CTL_OPTION_ALL,
	CTL_OPTION_WAIT = 8,
	CTL_OPTION_MESSAGE = 16,
	CTL_OPTION_OWN = 32 /* the command reads all that follows it by itself */
};

struct ctl_link;

/* One call of the program. */
struct ctl {
	const char *socket_path;
	const char *config_path; /* NULL: the usual one */
	bool json;
	unsigned options;	 /* that were given */
	struct record_whom whom; /* --user, --server, --all */
	unsigned wait_s;	 /* --wait */
	char *message;		 /* --message */
	int word_count;		 /* what follows the command's name */
	char **words;
	const char *login; /* the word that is asked about; NULL: not about one login */
	FILE *out;
	struct ctl_look look;  /* of out */
	struct ctl_link *link; /* NULL before the broker has been asked anything */
};

struct ctl_command {
	const char *name;
	const char *words; /* what may follow, for the usage text; NULL: nothing */
	const char *help;
	unsigned options; /* that it takes */
	int fewest, most; /* words */
	enum ctl_status (*run)(struct ctl *ctl);
};

/* --- ctl_commands.c --- */

/* The command of this name, or NULL. */
const struct ctl_command *ctl_command_find(const char *name);

/* In the table's order, for the usage text; NULL past the end. */
const struct ctl_command *ctl_command_at(unsigned index);

/* --- ctl_options.c --- */

/* Reads the words of a call, and does what they say. */
enum ctl_status ctl_run(int argc, char **argv);

/* Says what is wrong, on stderr, after the program's name. */
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for wrong usage; returns that. */
enum ctl_status ctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Lines of a configuration's errors go to ctl_complain. */
void ctl_report_config(const char *text, void *arg);

/* --- ctl_link.c --- */

/* No end of waiting. */
#define CTL_FOREVER (-1)

/* Connects if need be, and sends the request. Anything but OK has been complained about. */
enum ctl_status ctl_send(struct ctl *ctl, struct message *request);

/* The next answer to the last request. FAIL is FAILED, after a complaint; without one it means that
 * the time is over or SIGINT came. */
enum ctl_status ctl_await(struct ctl *ctl, struct message *answer, int limit_ms);

/* Both: the answer, or the first one of several. Complains if there is none in time. */
enum ctl_status ctl_ask(struct ctl *ctl, struct message *request, struct message *answer);

/* From now on SIGINT ends waiting, not the program; true once it came. */
void ctl_catch_interrupt(struct ctl *ctl);
bool ctl_is_interrupted(const struct ctl *ctl);

void ctl_link_close(struct ctl *ctl);

/* --- the commands --- */

/* Whom a command is about: the options, or with by_word a login that the first word begins the id
 * of. Fails: USAGE. */
enum ctl_status ctl_whom(struct ctl *ctl, bool by_word, struct record_whom *ret_whom);

/* Has these words shown; answer is SAID then. */
enum ctl_status ctl_say(struct ctl *ctl, const struct record_whom *whom, char **words, int count,
    struct message *answer);
void ctl_print_said(FILE *out, const struct message_said *said);

/* What was done, for people, or as {"name":value}. */
void ctl_print_done(struct ctl *ctl, const char *text, const char *name, bool value);

enum ctl_status ctl_check(struct ctl *ctl);
enum ctl_status ctl_doctor(struct ctl *ctl);
enum ctl_status ctl_drain(struct ctl *ctl);
enum ctl_status ctl_hostkey(struct ctl *ctl);
enum ctl_status ctl_kill(struct ctl *ctl);
enum ctl_status ctl_list(struct ctl *ctl);
enum ctl_status ctl_message(struct ctl *ctl);
enum ctl_status ctl_metrics(struct ctl *ctl);
enum ctl_status ctl_reload(struct ctl *ctl);
enum ctl_status ctl_show(struct ctl *ctl);
enum ctl_status ctl_status_show(struct ctl *ctl);
enum ctl_status ctl_trace(struct ctl *ctl);
enum ctl_status ctl_undrain(struct ctl *ctl);
enum ctl_status ctl_upgrade(struct ctl *ctl);

#endif
