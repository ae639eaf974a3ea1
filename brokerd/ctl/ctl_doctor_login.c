/* SPDX-License-Identifier: ISC */
/*
 * `brokerctl doctor --login`: one login at an X2Go server with the admin's own account, to see what
 * is installed there. The password is asked on the terminal, after the host key has turned out to
 * be on file, and wiped. Runs in brokerctl; the server is not trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl_doctor.h"
#include "ctl_doctor_net.h"
#include "ctl_hostkey.h"
#include "proto/secret.h"

#define ANSWER_BYTES 512
#define KEYS_MAX     32

struct call {
	struct doctor *doctor;
	struct doctor_visit *visit;
	LIBSSH2_SESSION *session;
	int fd;
	const char *user, *host;
	int64_t deadline_ms;
	bool gave_up; /* no terminal, or nothing was typed */
};

/* --- the terminal ------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
	interrupted = number;
}

/* Reads one line without its end. False without a terminal or at the end of it. Ctrl-C ends the
 * program as ever, but leaves no terminal behind that shows nothing of what is typed. */
static bool ask(const char *prompt, bool echo, char answer[ANSWER_BYTES])
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	const struct sigaction noting = {.sa_handler = note_interrupt};
	struct sigaction usual;
	struct termios before, quiet;
	size_t used = 0;
	bool ended = false;

	answer[0] = 0;
	if (fd < 0 || tcgetattr(fd, &before) != 0) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	quiet = before;
	if (!echo)
		quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ISIG | ICANON;
	sigaction(SIGINT, &noting, &usual);
	tcsetattr(fd, TCSAFLUSH, &quiet);
	dprintf(fd, "%s", prompt);
	while (!ended && interrupted == 0 && used < ANSWER_BYTES - 1) {
		ssize_t got = read(fd, answer + used, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		ended = answer[used] == '\n';
		used += !ended;
	}
	answer[used] = 0;
	if (!ended)
		explicit_bzero(answer, ANSWER_BYTES);
	tcsetattr(fd, TCSAFLUSH, &before);
	sigaction(SIGINT, &usual, NULL);
	if (interrupted != 0)
		raise(interrupted);
	if (!echo)
		dprintf(fd, "\n");
	close(fd);
	return ended;
}

/* The time that people take is not the server's. */
static bool ask_for(struct call *call, const char *prompt, bool echo, char answer[ANSWER_BYTES])
{
	bool good;

	/* What was printed stands before the question. */
	fflush(stdout);
	good = ask(prompt, echo, answer);

	call->deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS;
	call->gave_up |= !good;
	return good;
}

/* --- memory, which holds answers ---------------------------------------------------------- */

static LIBSSH2_ALLOC_FUNC(allocate)
{
	(void)abstract;
	return secret_malloc(count);
}

static LIBSSH2_REALLOC_FUNC(reallocate)
{
	(void)abstract;
	return secret_realloc(ptr, count);
}

static LIBSSH2_FREE_FUNC(release)
{
	(void)abstract;
	secret_free(ptr);
}

/* --- SSH ---------------------------------------------------------------------------------- */

/* Whether to try again after a result of libssh2. */
static bool wait_again(const struct call *call, ssize_t result)
{
	int directions;

	if (result != LIBSSH2_ERROR_EAGAIN)
		return false;
	directions = libssh2_session_block_directions(call->session);
	return doctor_await(call->fd,
	    (directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0 ? POLLIN | POLLOUT : POLLIN,
	    call->deadline_ms);
}

static void fail(struct call *call, const char *what)
{
	char *text = NULL;

	libssh2_session_last_error(call->session, &text, NULL, 0);
	doctor_find(&call->visit->finding, DOCTOR_RED, "%s: %s", what,
	    doctor_now_ms() >= call->deadline_ms ? "no answer in time"
	    : text != NULL && text[0] != 0	 ? text
						 : "no reason is given");
	doctor_advise(&call->visit->finding, "try ssh %s@%s; sshd's own log there says more",
	    call->user, call->host);
}

/* Sets the types of keys that are on file for it as those to be shown. */
static bool find_keys(struct call *call, uint16_t port, struct record_hostkey *keys, size_t *count)
{
	struct knownhosts_files files = {
	    call->doctor->config->ssh.known_hosts, call->doctor->config->ssh.accepted_hosts};
	const char **supported = NULL;
	char list[300] = "";
	int supported_count =
	    libssh2_session_supported_algs(call->session, LIBSSH2_METHOD_HOSTKEY, &supported);

	*count = 0;
	if (!knownhosts_find(&files, call->host, port, 0, keys, KEYS_MAX, count))
		return false;
	for (int i = 0; i < supported_count; i++) {
		const char *type =
		    strncmp(supported[i], "rsa-sha2-", 9) == 0 ? "ssh-rsa" : supported[i];
		size_t used = strlen(list);

		for (size_t k = 0; k < *count; k++)
			if (keys[k].mark == HOST_KEY_TRUSTED && strcmp(keys[k].type, type) == 0) {
				snprintf(list + used, sizeof(list) - used, "%s%s",
				    used != 0 ? "," : "", supported[i]);
				break;
			}
	}
	if (supported_count > 0)
		libssh2_free(call->session, supported);
	return list[0] != 0 &&
	       libssh2_session_method_pref(call->session, LIBSSH2_METHOD_HOSTKEY, list) == 0;
}

static bool shows_known_key(
    const struct call *call, const struct record_hostkey *keys, size_t count)
{
	size_t length = 0;
	int type;
	const char *blob = libssh2_session_hostkey(call->session, &length, &type);
	bool trusted = false;

	for (size_t i = 0; blob != NULL && i < count; i++) {
		if (keys[i].blob_length != length || memcmp(keys[i].blob, blob, length) != 0)
			continue;
		if (keys[i].mark == HOST_KEY_REVOKED)
			return false;
		trusted |= keys[i].mark == HOST_KEY_TRUSTED;
	}
	return trusted;
}

static bool shake_hands(struct call *call, uint16_t port)
{
	struct record_hostkey *keys = calloc(KEYS_MAX, sizeof(*keys));
	size_t count;
	int result = 0;
	bool known;

	if (keys == NULL)
		abort();
	known = find_keys(call, port, keys, &count);
	while (known && (result = libssh2_session_handshake(call->session, call->fd)) != 0 &&
	       wait_again(call, result))
		;
	if (known && result != 0) {
		fail(call, "the exchange of keys fails");
	} else if (!known || !shows_known_key(call, keys, count)) {
		doctor_find(&call->visit->finding, DOCTOR_RED,
		    "not logged in: the host key is not the one on file");
		doctor_advise(&call->visit->finding, "brokerctl hostkey scan shows both");
		known = false;
	}
	free(keys);
	return known && result == 0;
}

/* --- the login ---------------------------------------------------------------------------- */

static void show_whom(const struct call *call, char whom[100])
{
	char text[400];

	snprintf(text, sizeof(text), "%s@%s", call->user, call->host);
	ctl_show_text(text, strlen(text), whom, 100);
}

static void answer_questions(const char *name, int name_length, const char *instruction,
    int instruction_length, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
	struct call *call = *abstract;
	char prompt[304], text[200], whom[100], answer[ANSWER_BYTES];

	(void)name;
	(void)name_length;
	(void)instruction;
	(void)instruction_length;
	for (int i = 0; i < count; i++) {
		/* These are the server's words: they come after our own. */
		show_whom(call, whom);
		ctl_show_text((const char *)prompts[i].text, prompts[i].length, text, sizeof(text));
		snprintf(prompt, sizeof(prompt), "(%s) %s", whom, text);
		if (!ask_for(call, prompt, prompts[i].echo != 0, answer))
			return;
		responses[i].text = secret_malloc(sizeof(answer));
		if (responses[i].text == NULL)
			abort();
		memcpy(responses[i].text, answer, sizeof(answer));
		responses[i].length = (unsigned)strlen(answer);
		explicit_bzero(answer, sizeof(answer));
	}
}

static int try_password(struct call *call)
{
	char prompt[200], whom[100], answer[ANSWER_BYTES];
	int result = LIBSSH2_ERROR_AUTHENTICATION_FAILED;
	size_t length;

	show_whom(call, whom);
	snprintf(prompt, sizeof(prompt), "%s's password: ", whom);
	if (ask_for(call, prompt, false, answer)) {
		length = strlen(answer);
		while ((result = libssh2_userauth_password_ex(call->session, call->user,
			    (unsigned)strlen(call->user), answer, (unsigned)length, NULL)) != 0 &&
		       wait_again(call, result))
			;
	}
	explicit_bzero(answer, sizeof(answer));
	return result;
}

static int try_questions(struct call *call)
{
	int result;

	while ((result = libssh2_userauth_keyboard_interactive_ex(call->session, call->user,
		    (unsigned)strlen(call->user), answer_questions)) != 0 &&
	       !call->gave_up && wait_again(call, result))
		;
	return result;
}

static bool log_in(struct call *call)
{
	const char *methods;
	int result = LIBSSH2_ERROR_AUTHENTICATION_FAILED;

	while ((methods = libssh2_userauth_list(
		    call->session, call->user, (unsigned)strlen(call->user))) == NULL &&
	       wait_again(call, libssh2_session_last_errno(call->session)))
		;
	if (methods == NULL && !libssh2_userauth_authenticated(call->session)) {
		fail(call, "it tells no way to log in");
		return false;
	}
	/* As the gateway does: the same password is never tried twice. */
	if (methods != NULL && strstr(methods, "keyboard-interactive") != NULL)
		result = try_questions(call);
	else if (methods != NULL && strstr(methods, "password") != NULL)
		result = try_password(call);
	if (libssh2_userauth_authenticated(call->session))
		return true;
	if (call->gave_up) {
		doctor_find(&call->visit->finding, DOCTOR_OPEN,
		    "not logged in: no password was typed, or there is no terminal");
		return false;
	}
	if (result == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
	    result == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) {
		doctor_find(&call->visit->finding, DOCTOR_RED, "%s may not log in so (%s)",
		    call->user, methods != NULL ? methods : "");
		doctor_advise(&call->visit->finding,
		    "was the password right? sshd needs KbdInteractiveAuthentication or "
		    "PasswordAuthentication for this user");
	} else {
		fail(call, "the login fails");
	}
	return false;
}

static bool run_command(struct call *call)
{
	char *output = call->visit->output;
	size_t used = 0, room = sizeof(call->visit->output) - 1;
	LIBSSH2_CHANNEL *channel;
	ssize_t got = 0;
	int result;

	call->deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS;
	while ((channel = libssh2_channel_open_session(call->session)) == NULL &&
	       wait_again(call, libssh2_session_last_errno(call->session)))
		;
	if (channel == NULL) {
		fail(call, "it runs no commands");
		return false;
	}
	while ((result = libssh2_channel_exec(channel, doctor_versions_command)) != 0 &&
	       wait_again(call, result))
		;
	while (result == 0 && used < room) {
		got = libssh2_channel_read(channel, output + used, room - used);
		if (got > 0)
			used += (size_t)got;
		else if (!wait_again(call, got))
			break;
	}
	for (size_t i = 0; i < used; i++)
		if (output[i] == 0)
			output[i] = '?';
	output[used] = 0;
	libssh2_channel_free(channel);
	if (strstr(output, DOCTOR_VERSIONS_MARK) != NULL)
		return true;
	fail(call, "logged in, but a command is not run");
	return false;
}

void doctor_visit(struct doctor *doctor, const struct addrinfo *addresses, const char *host,
    uint16_t port, const char *user, struct doctor_visit *visit)
{
	struct call call = {.doctor = doctor,
	    .visit = visit,
	    .user = user,
	    .host = host,
	    .deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS};
	char problem[300] = "";

	secret_forbid_dumps();
	call.fd = doctor_connect(addresses, call.deadline_ms, problem);
	if (call.fd < 0) {
		doctor_find(&visit->finding, DOCTOR_RED, "%s", problem);
		doctor_advise(&visit->finding, "it answered a moment ago: try again");
		return;
	}
	if (libssh2_init(0) != 0 ||
	    (call.session = libssh2_session_init_ex(allocate, release, reallocate, &call)) == NULL)
		abort();
	libssh2_session_set_blocking(call.session, 0);
	if (shake_hands(&call, port) && log_in(&call) && run_command(&call))
		doctor_find(&visit->finding, DOCTOR_GREEN, "%s is logged in", user);
	/* Whatever it still says is not waited for. */
	call.deadline_ms = doctor_now_ms() + 1000;
	while (wait_again(&call, libssh2_session_disconnect(call.session, "")))
		;
	close(call.fd);
	libssh2_session_free(call.session);
	libssh2_exit();
}
