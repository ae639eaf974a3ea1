/* SPDX-License-Identifier: ISC */
/*
 * Commands on the server, one after the other: a server may allow one session channel at a time
 * (MaxSessions). Owns their output until it has been handed over. Runs in x2goweb-session; knows
 * no command's meaning.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"
#include "proto/secret.h"

#include "ssh_internal.h"
#include "timer.h"

#define ERRORS_BYTES 8192

/* A server that allows one session channel at a time may see the next one before it has done with
 * the last: a refusal is believed when it has come this often, with twice the wait each time. */
#define REFUSALS_MAX	6
#define REFUSAL_WAIT_MS 20u

enum command_phase {
	COMMAND_QUEUED,
	COMMAND_REFUSED, /* it is tried again */
	COMMAND_OPENING,
	COMMAND_REQUESTING, /* exec has been asked for, which libssh2 does once */
	COMMAND_STARTED,    /* it has no input */
	COMMAND_READING,
	COMMAND_CLOSING
};

/* A stream of the command, kept up to a limit. */
struct output {
	char *text; /* limit + 1 bytes */
	size_t length, limit;
	bool overflowed; /* there was more, which is lost */
};

struct ssh_command {
	TAILQ_ENTRY(ssh_command) next; /* ssh.commands; the first one has its turn */
	struct ssh *ssh;
	struct ssh_channel *channel;
	enum command_phase phase;
	char *line;
	struct output output, errors;
	unsigned deadline_ms;
	struct event *deadline_event, *again_event;
	unsigned refusals;
	void (*done)(const struct ssh_exec_result *result, void *arg);
	void *arg;
};

static void command_free(struct ssh_command *command)
{
	ssh_channel_abandon(command->channel);
	if (command->deadline_event != NULL)
		event_free(command->deadline_event);
	if (command->again_event != NULL)
		event_free(command->again_event);
	/* Outputs and arguments may hold a session's cookie. */
	secret_free(command->output.text);
	secret_free(command->errors.text);
	secret_free(command->line);
	free(command);
}

static void finish(struct ssh_command *command, enum error_code error, int exit_status)
{
	struct ssh_exec_result result = {.error = error,
	    .exit_status = exit_status,
	    .output = command->output.text,
	    .output_length = command->output.length,
	    .errors = command->errors.text};

	command->output.text[command->output.length] = 0;
	command->errors.text[command->errors.length] = 0;
	TAILQ_REMOVE(&command->ssh->commands, command, next);
	ssh_schedule(command->ssh);
	command->done(&result, command->arg);
	command_free(command);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ssh_command *command = arg;
	struct ssh *ssh = command->ssh;

	(void)fd;
	(void)what;
	ssh_enter(ssh);
	finish(command, ERROR_TIMEOUT, -1);
	ssh_leave(ssh);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct ssh_command *command = arg;

	(void)fd;
	(void)what;
	command->phase = COMMAND_QUEUED;
	ssh_schedule(command->ssh);
}

/* --- the channel's events ----------------------------------------------------------------- */

static void on_refused(void *arg, const char *text)
{
	struct ssh_command *command = arg;

	command->channel = NULL;
	if (command->refusals < REFUSALS_MAX) {
		command->phase = COMMAND_REFUSED;
		timer_start_ms(command->again_event, REFUSAL_WAIT_MS << command->refusals++);
		return;
	}
	log_warnx("ssh: the server opens no channel for a command: %s", text);
	snprintf(command->errors.text, ERRORS_BYTES, "%s", text);
	command->errors.length = strlen(command->errors.text);
	finish(command, ERROR_X2GO_FAULT, -1);
}

/* Reads one stream until nothing is left of it for now. Returns libssh2's last answer: 0 at its
 * end. */
static ssize_t read_stream(struct ssh_channel *channel, int stream, struct output *output)
{
	char surplus[4096];
	ssize_t got;

	do {
		size_t room = output->limit - output->length;

		if (room != 0) {
			got =
			    ssh_channel_read(channel, stream, output->text + output->length, room);
			output->length += got > 0 ? (size_t)got : 0;
		} else {
			got = ssh_channel_read(channel, stream, surplus, sizeof(surplus));
			output->overflowed = output->overflowed || got > 0;
		}
	} while (got > 0);
	return got;
}

/* What the server says about its end: a signal is no status. */
static int read_exit_status(LIBSSH2_CHANNEL *handle)
{
	size_t signal_length = 0;

	libssh2_channel_get_exit_signal(handle, NULL, &signal_length, NULL, NULL, NULL, NULL);
	return signal_length != 0 ? -1 : libssh2_channel_get_exit_status(handle);
}

/* Goes through as many phases as it can. Returns libssh2's last answer, EAGAIN to go on later,
 * 0 when all is said. */
static ssize_t advance(struct ssh_command *command, LIBSSH2_CHANNEL *handle)
{
	ssize_t result;

	if (command->phase == COMMAND_REQUESTING) {
		result = libssh2_channel_process_startup(
		    handle, "exec", 4, command->line, (unsigned)strlen(command->line));
		if (result != 0)
			return result;
		command->phase = COMMAND_STARTED;
	}
	if (command->phase == COMMAND_STARTED) {
		result = libssh2_channel_send_eof(handle);
		if (result != 0)
			return result;
		command->phase = COMMAND_READING;
	}
	if (command->phase == COMMAND_READING) {
		ssize_t errors_result;

		result = read_stream(command->channel, 0, &command->output);
		errors_result =
		    read_stream(command->channel, SSH_EXTENDED_DATA_STDERR, &command->errors);
		/* What does not fit of stderr is not missed. */
		if (command->output.overflowed)
			return 0;
		if (result != 0 || errors_result != 0)
			return result != 0 ? result : errors_result;
		command->phase = COMMAND_CLOSING;
	}
	/* The status comes with the server's close at the latest. */
	return libssh2_channel_close(handle);
}

static void on_step(void *arg)
{
	struct ssh_command *command = arg;
	LIBSSH2_CHANNEL *handle = ssh_channel_handle(command->channel);
	ssize_t result = advance(command, handle);

	if (result == LIBSSH2_ERROR_EAGAIN)
		return;
	if (command->output.overflowed) {
		log_warnx("ssh: a command says more than %zu bytes", command->output.limit);
		finish(command, ERROR_X2GO_FAULT, -1);
	} else if (result >= 0) {
		finish(command, ERROR_NONE, read_exit_status(handle));
	} else if (ssh_error_is_fatal(command->ssh, result)) {
		ssh_fail_by_library(command->ssh, ERROR_SSH_LOST, "running a command");
	} else {
		log_warnx("ssh: a command was refused: %s", ssh_error_text(command->ssh));
		finish(command, ERROR_X2GO_FAULT, -1);
	}
}

static void on_opened(void *arg)
{
	struct ssh_command *command = arg;

	command->phase = COMMAND_REQUESTING;
	on_step(command);
}

static void on_lost(void *arg, enum error_code code, const char *detail)
{
	/* Told by ssh_commands_lose, which comes first. */
	(void)arg;
	(void)code;
	(void)detail;
}

/* --- queue -------------------------------------------------------------------------------- */

static const struct ssh_channel_handlers channel_handlers = {
    .opened = on_opened, .refused = on_refused, .step = on_step, .lost = on_lost};

void ssh_commands_step(struct ssh *ssh)
{
	struct ssh_command *command = TAILQ_FIRST(&ssh->commands);

	if (command == NULL || command->phase != COMMAND_QUEUED)
		return;
	command->channel = ssh_channel_create(ssh, NULL, 0, &channel_handlers, command);
	if (command->channel == NULL) {
		ssh_fail(ssh, ERROR_INTERNAL, "memory is short");
		return;
	}
	command->phase = COMMAND_OPENING;
	if (command->refusals == 0)
		timer_start_ms(command->deadline_event, command->deadline_ms);
}

void ssh_commands_lose(struct ssh *ssh)
{
	while (!ssh->destroyed && !TAILQ_EMPTY(&ssh->commands))
		finish(TAILQ_FIRST(&ssh->commands), ERROR_SSH_LOST, -1);
}

void ssh_commands_free(struct ssh *ssh)
{
	struct ssh_command *command;

	while ((command = TAILQ_FIRST(&ssh->commands)) != NULL) {
		TAILQ_REMOVE(&ssh->commands, command, next);
		command_free(command);
	}
}

bool ssh_exec(struct ssh *ssh, const char *line, size_t output_limit_bytes, unsigned deadline_ms,
    void (*done)(const struct ssh_exec_result *result, void *arg), void *arg)
{
	struct ssh_command *command = calloc(1, sizeof(*command));
	size_t line_bytes = strlen(line) + 1;

	if (command == NULL)
		return false;
	command->ssh = ssh;
	command->line = secret_malloc(line_bytes);
	command->output.text = secret_malloc(output_limit_bytes + 1);
	command->output.limit = output_limit_bytes;
	command->errors.text = secret_malloc(ERRORS_BYTES + 1);
	command->errors.limit = ERRORS_BYTES;
	command->deadline_ms = deadline_ms;
	command->deadline_event =
	    event_new(event_get_base(ssh->pump_event), -1, 0, on_deadline, command);
	command->again_event = event_new(event_get_base(ssh->pump_event), -1, 0, on_again, command);
	command->done = done;
	command->arg = arg;
	if (command->line == NULL || command->output.text == NULL || command->errors.text == NULL ||
	    command->deadline_event == NULL || command->again_event == NULL) {
		command_free(command);
		return false;
	}
	memcpy(command->line, line, line_bytes);
	TAILQ_INSERT_TAIL(&ssh->commands, command, next);
	ssh_schedule(ssh);
	return true;
}
