/* SPDX-License-Identifier: ISC */
#include "compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "json_write.h"
#include "proto/wire.h"

/* What upstream's CGI has its sessions look like: pack 16m-jpeg-9, and the layout that the client's
 * table of keys is for. */
#define QUALITY 9
#define LAYOUT	"us"

static const struct {
	const char *name;
	enum message_type ask;
	size_t session; /* in its message */
	const char *command;
} actions[] = {
    [COMPAT_START] = {"start", MESSAGE_START, 0, "x2gostartagent"},
    [COMPAT_SUSPEND] = {"suspend", MESSAGE_SUSPEND, offsetof(struct message, suspend.session),
	"x2gosuspend-session"},
    [COMPAT_TERMINATE] = {"terminate", MESSAGE_TERMINATE,
	offsetof(struct message, terminate.session), "x2goterminate-session"},
};

#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

/* --- reading -------------------------------------------------------------------------------- */

/* The form, and where to complain. */
struct reader {
	const char *form;
	size_t length;
	char *detail;
};

static bool refuse(const struct reader *reader, const char *name, const char *why)
{
	snprintf(reader->detail, JSON_DETAIL_BYTES, "%s %s", name, why);
	return false;
}

/* min 0: need not be there. Passwords may be any bytes but NUL. */
static bool read_value(const struct reader *reader, const char *name, bool secret, size_t min,
    char *value, size_t size)
{
	ssize_t length = form_find(reader->form, reader->length, name, value, size);

	if (length < (ssize_t)min)
		return min == 0 || refuse(reader, name, "is missing");
	if ((size_t)length >= size)
		return refuse(reader, name, "is too long");
	if (strlen(value) != (size_t)length ||
	    (!secret && !wire_text_is_clean(value, (size_t)length)))
		return refuse(reader, name, "holds what no text does");
	return true;
}

static bool read_action(const struct reader *reader, struct compat *compat)
{
	char name[16];

	if (!read_value(reader, "action", false, 1, name, sizeof(name)))
		return false;
	for (size_t i = 0; i < ACTION_COUNT; i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		compat->action = (enum compat_action)i;
		return true;
	}
	return refuse(reader, "action", "is none of start, suspend and terminate");
}

static bool read_side(const char **text, char stop, uint16_t *ret_side)
{
	unsigned long side;
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	side = strtoul(*text, &end, 10);
	if (*end != stop || side < SCREEN_MIN || side > SCREEN_MAX)
		return false;
	*ret_side = (uint16_t)side;
	*text = end + 1;
	return true;
}

static bool read_geometry(const struct reader *reader, struct compat *compat)
{
	char text[16];
	const char *at = text;

	if (!read_value(reader, "geometry", false, 1, text, sizeof(text)))
		return false;
	return (read_side(&at, 'x', &compat->width) && read_side(&at, 0, &compat->height)) ||
	       refuse(reader, "geometry", "is no size that a desktop may have");
}

#define TEXT(name, min, field)	 read_value(&reader, name, false, min, field, sizeof(field))
#define SECRET(name, min, field) read_value(&reader, name, true, min, field, sizeof(field))

bool compat_read(struct compat *compat, const char *form, size_t length,
    struct message_login *login, char detail[JSON_DETAIL_BYTES])
{
	const struct reader reader = {form, length, detail};

	login->compat = 1;
	if (!read_action(&reader, compat) || !TEXT("server", 1, login->host) ||
	    !TEXT("user", 1, login->user) || !SECRET("pass", 1, login->password) ||
	    !TEXT("proxy", 0, login->proxy_host) || !TEXT("proxyuser", 0, login->proxy_user) ||
	    !SECRET("proxypass", 0, login->proxy_password))
		return false;
	if (compat->action != COMPAT_START)
		return TEXT("sid", 1, compat->session);
	if (!TEXT("cmd", 1, compat->command) || !read_geometry(&reader, compat))
		return false;
	strcpy(login->command, compat->command);
	return true;
}

/* --- the chain ------------------------------------------------------------------------------ */

/* Whether a row is what upstream resumes: its id names the program behind "_stK", without a path
 * and arguments. */
static bool is_wanted(const struct compat *compat, const struct record_session *row)
{
	char name[8 + sizeof(compat->command)];
	size_t end = strcspn(compat->command, " "), begin = end;

	while (begin > 0 && compat->command[begin - 1] != '/')
		begin--;
	if (begin == end)
		return false;
	snprintf(name, sizeof(name), "_stK%.*s", (int)(end - begin), compat->command + begin);
	return row->status == SESSION_STATUS_SUSPENDED && row->kind == SESSION_KIND_DESKTOP &&
	       strstr(row->id, name) != NULL;
}

static void ask_start(const struct compat *compat, struct message *ask)
{
	message_init(ask, MESSAGE_START, 0);
	strcpy(ask->start.command, compat->command);
	ask->start.width = compat->width;
	ask->start.height = compat->height;
	strcpy(ask->start.layout, LAYOUT);
	ask->start.clipboard = CLIPBOARD_BOTH;
	ask->start.quality = QUALITY;
}

static void ask_resume(const struct compat *compat, struct message *ask)
{
	message_init(ask, MESSAGE_RESUME, 0);
	strcpy(ask->resume.session, compat->session);
	ask->resume.width = compat->width;
	ask->resume.height = compat->height;
	ask->resume.clipboard = CLIPBOARD_BOTH;
	ask->resume.quality = QUALITY;
}

static enum compat_step ask_next(
    struct compat *compat, struct message *ask, enum message_type *ret_expected)
{
	compat->last_command = actions[compat->action].command;
	*ret_expected = MESSAGE_STREAM;
	if (compat->resumes) {
		compat->last_command = "x2goresume-session";
		ask_resume(compat, ask);
	} else if (compat->action == COMPAT_START) {
		ask_start(compat, ask);
	} else {
		*ret_expected = MESSAGE_SESSION;
		message_init(ask, actions[compat->action].ask, 0);
		strcpy((char *)ask + actions[compat->action].session, compat->session);
	}
	/* All of these begin alike; see rpc_table.c. */
	strcpy(ask->start.login, compat->login);
	strcpy(ask->start.cookie, compat->cookie);
	return COMPAT_ASK;
}

static enum compat_step fail(
    struct json_failure *ret_failure, enum error_code code, enum hop hop, const char *detail)
{
	*ret_failure = (struct json_failure){.code = code, .hop = hop, .detail = detail};
	return COMPAT_FAILED;
}

/* Nobody can answer: upstream's client knows of a password and nothing else. */
static enum compat_step take_prompt(
    struct compat *compat, const struct record_prompt *prompt, struct json_failure *ret_failure)
{
	switch (prompt->kind) {
	case PROMPT_HOST_KEY:
		return fail(ret_failure, ERROR_HOST_KEY_UNKNOWN, prompt->hop, NULL);
	case PROMPT_NEW_PASSWORD:
		return fail(ret_failure, ERROR_PASSWORD_EXPIRED, prompt->hop, NULL);
	default:
		compat->refusal = "It asks for more than a password, which only the gateway's own "
				  "page can answer.";
		return fail(ret_failure, ERROR_METHOD_MISSING, prompt->hop, NULL);
	}
}

static enum compat_step take_login(struct compat *compat, const struct message_logged_in *answer,
    struct message *ask, enum message_type *ret_expected, struct json_failure *ret_failure)
{
	strcpy(compat->ticket, answer->ticket);
	compat->last_command = "x2golistsessions";
	/* The broker has asked for what its lists can hold. */
	if (compat->action == COMPAT_START && answer->desktops_count == 0 &&
	    strlen(compat->command) < sizeof(answer->desktops[0].id)) {
		compat->not_installed = true;
		return fail(ret_failure, ERROR_DESKTOP_MISSING, HOP_SERVER, compat->command);
	}
	for (size_t i = 0; i < answer->sessions_count; i++) {
		if (compat->action != COMPAT_START || !is_wanted(compat, &answer->sessions[i]))
			continue;
		compat->resumes = true;
		strcpy(compat->session, answer->sessions[i].id);
		break;
	}
	return ask_next(compat, ask, ret_expected);
}

enum compat_step compat_take(struct compat *compat, const struct message *answer,
    struct message *ask, enum message_type *ret_expected, struct json_failure *ret_failure)
{
	switch (answer->type) {
	case MESSAGE_LOGGED_IN:
	case MESSAGE_PROMPTED:
		/* Both begin alike. */
		strcpy(compat->login, answer->logged_in.login);
		strcpy(compat->cookie, answer->logged_in.cookie);
		return answer->type == MESSAGE_PROMPTED
			   ? take_prompt(compat, &answer->prompted.prompt[0], ret_failure)
			   : take_login(compat, &answer->logged_in, ask, ret_expected, ret_failure);
	case MESSAGE_FAIL:
		/* It has ended since it was listed. */
		if (compat->resumes && answer->fail.code == ERROR_NO_SUCH_SESSION) {
			compat->resumes = false;
			return ask_next(compat, ask, ret_expected);
		}
		return fail(ret_failure, answer->fail.code, answer->fail.hop, answer->fail.detail);
	default:
		return COMPAT_DONE;
	}
}

bool compat_keeps_login(const struct compat *compat)
{
	return compat->action == COMPAT_START;
}

/* --- writing -------------------------------------------------------------------------------- */

static void put_text(yajl_gen json, const char *name, const char *text)
{
	yajl_gen_string(json, (const unsigned char *)name, strlen(name));
	yajl_gen_string(json, (const unsigned char *)text, strlen(text));
}

static void put_number(yajl_gen json, const char *name, long long number)
{
	yajl_gen_string(json, (const unsigned char *)name, strlen(name));
	yajl_gen_integer(json, number);
}

/* Upstream has some numbers as texts. */
static void put_digits(yajl_gen json, const char *name, unsigned number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	put_text(json, name, text);
}

static void put_begin(
    yajl_gen json, const struct compat *compat, int status, const char *err, const char *output)
{
	yajl_gen_map_open(json);
	put_number(json, "status", status);
	put_text(json, "err", err);
	put_text(json, "stdout", output);
	put_text(json, "stderr", "");
	put_text(json, "last_cmd", compat->last_command != NULL ? compat->last_command : "");
}

static void begin_session(yajl_gen json)
{
	static const char name[] = "session";

	yajl_gen_string(json, (const unsigned char *)name, strlen(name));
	yajl_gen_map_open(json);
}

void compat_write(yajl_gen json, const struct compat *compat, const struct message *answer)
{
	const struct message_stream *stream = &answer->stream;

	put_begin(json, compat, 0, "", "");
	if (answer->type == MESSAGE_STREAM) {
		begin_session(json);
		put_text(json, "id", stream->session[0].id);
		put_text(json, "cookie", compat->ticket);
		/* The client puts it behind "/x2gows/", whatever it is. */
		if (stream->port != 0)
			put_number(json, "wsport", stream->port);
		else
			put_text(json, "wsport", stream->socket);
		put_digits(json, "port", stream->agent_port);
		put_text(json, "status", compat->resumes ? "resuming" : "starting");
		if (!compat->resumes) {
			put_digits(json, "display", stream->session[0].display);
			put_digits(json, "pid", stream->agent_pid);
		}
		yajl_gen_map_close(json);
	}
	yajl_gen_map_close(json);
}

/* Upstream's word for it, which comes before ours; "": it has none. */
static const char *word_of(enum error_code code)
{
	switch (code) {
	case ERROR_AUTH_FAILED:
	case ERROR_SERVER_NOT_ALLOWED:
	case ERROR_TOO_MANY_ATTEMPTS:
	case ERROR_METHOD_MISSING:
	case ERROR_ACCOUNT_REFUSED:
	case ERROR_PASSWORD_EXPIRED:
	case ERROR_KEY_ALONE:
	case ERROR_COMMANDS_DENIED:
		return "Access denied on ";
	case ERROR_HOST_UNREACHABLE:
	case ERROR_HOST_TIMEOUT:
	case ERROR_HOST_KEY_UNKNOWN:
	case ERROR_HOST_KEY_CHANGED:
	case ERROR_HOST_KEY_REVOKED:
	case ERROR_HOST_REFUSED:
	case ERROR_JUMP_REFUSED:
		return "Can't connect to ";
	case ERROR_BAD_REQUEST:
	case ERROR_TOO_MANY_LOGINS:
	case ERROR_DRAINING:
	case ERROR_BROKER_UNAVAILABLE:
	case ERROR_INTERNAL:
		return "";
	default:
		return "Error on ";
	}
}

void compat_write_failure(
    yajl_gen json, const struct compat *compat, const struct json_failure *failure)
{
	const char *word = word_of(failure->code);
	const char *host = failure->hop == HOP_JUMP ? "Proxy: " : "Server: ";
	const struct json_failure here = {.code = failure->code, .detail = failure->detail};
	char err[JSON_MESSAGE_BYTES + 32], text[JSON_MESSAGE_BYTES], output[160] = "";

	if (compat->refusal != NULL)
		snprintf(text, sizeof(text), "%s", compat->refusal);
	else
		json_put_message(&here, text);
	if (compat->not_installed)
		snprintf(
		    output, sizeof(output), "X2GORUNCOMMAND ERR NOEXEC: %s\n", compat->command);
	snprintf(err, sizeof(err), "%s%s%s", word, word[0] != 0 ? host : "", text);
	put_begin(json, compat, 1, err, output);
	/* Nothing is there to be shown. */
	begin_session(json);
	put_text(json, "id", "");
	yajl_gen_map_close(json);
	yajl_gen_map_close(json);
}
