/* SPDX-License-Identifier: ISC */
#include "rpc_table.h"

#include <string.h>

#include "json_read.h"
#include "json_write.h"

/* Largest text lengths are those of messages.def, by the sizes of the members. */
/* clang-format off */
#define MEMBER(member) \
	.offset = offsetof(struct message, member), .size = sizeof(((struct message *)0)->member)
#define LENGTH(member) (sizeof(((struct message *)0)->member) - 1)
#define TEXT(called, member, shortest) \
	{.name = called, .kind = JSON_TEXT, MEMBER(member), .min = shortest, .max = LENGTH(member)}
#define EITHER_TEXT(called, member, number) \
	{.name = called, .kind = JSON_TEXT, MEMBER(member), .min = 1, .max = LENGTH(member), \
	    .group = number}
#define OPTIONAL_TEXT(called, member) \
	{.name = called, .kind = JSON_TEXT, .optional = true, MEMBER(member), .max = LENGTH(member)}
#define LAYOUT(called, member) \
	{.name = called, .kind = JSON_LAYOUT, MEMBER(member), .min = 1, .max = LENGTH(member)}
#define OPTIONAL_LAYOUT(called, member) \
	{.name = called, .kind = JSON_LAYOUT, .optional = true, MEMBER(member), \
	    .max = LENGTH(member)}
#define OPTIONAL_SECRET(called, member) \
	{.name = called, .kind = JSON_SECRET, .optional = true, MEMBER(member), \
	    .max = LENGTH(member)}
#define ANSWERS(called, member) \
	{.name = called, .kind = JSON_ANSWERS, .offset = offsetof(struct message, member##_count), \
	    .size = sizeof(struct json_answers), .max = LENGTH(member[0].text)}
#define UINT(called, member, smallest, largest) \
	{.name = called, .kind = JSON_UINT16, MEMBER(member), .min = smallest, .max = largest}
#define OPTIONAL_UINT(called, member, smallest, largest) \
	{.name = called, .kind = JSON_UINT16, .optional = true, MEMBER(member), .min = smallest, \
	    .max = largest}
#define END {.name = NULL}
/* How a session is shown, of START and RESUME. */
#define SCREEN(message) \
	UINT("width", message.width, SCREEN_MIN, SCREEN_MAX), \
	UINT("height", message.height, SCREEN_MIN, SCREEN_MAX), \
	OPTIONAL_LAYOUT("layout", message.layout), \
	OPTIONAL_TEXT("model", message.model), \
	OPTIONAL_UINT("dpi", message.dpi, 1, 480), \
	{.name = "clipboard", .kind = JSON_WORD, .optional = true, MEMBER(message.clipboard), \
	    .words = clipboard_words}, \
	{.name = "quality", .kind = JSON_UINT8, .optional = true, MEMBER(message.quality), \
	    .max = QUALITY_DEFAULT - 1, .preset = QUALITY_DEFAULT}
/* clang-format on */

/* By enum clipboard. */
static const char *const clipboard_words[CLIPBOARD_COUNT + 1] = {
    "both", "none", "client", "server", NULL};

/* rpc_login and rpc_cookie find them in all messages that need a login. */
#define ASSERT_LOGIN_FIRST(member)                                                                 \
	_Static_assert(offsetof(struct message, member.login) ==                                   \
			       offsetof(struct message, sessions_get.login) &&                     \
			   offsetof(struct message, member.cookie) ==                              \
			       offsetof(struct message, sessions_get.cookie),                      \
	    "login and cookie come first")
ASSERT_LOGIN_FIRST(start);
ASSERT_LOGIN_FIRST(resume);
ASSERT_LOGIN_FIRST(suspend);
ASSERT_LOGIN_FIRST(terminate);
ASSERT_LOGIN_FIRST(logout);
ASSERT_LOGIN_FIRST(layout);
ASSERT_LOGIN_FIRST(applications_get);
ASSERT_LOGIN_FIRST(answer);

_Static_assert(
    offsetof(struct message, answer.answers) - offsetof(struct message, answer.answers_count) ==
	offsetof(struct json_answers, items),
    "answers lie as the reader of JSON fills them");

static const struct json_field no_fields[] = {END};

static const struct json_field login_fields[] = {
    EITHER_TEXT("server", login.server, 1),
    EITHER_TEXT("host", login.host, 1),
    TEXT("user", login.user, 1),
    OPTIONAL_SECRET("password", login.password),
    OPTIONAL_TEXT("proxy_host", login.proxy_host),
    OPTIONAL_TEXT("proxy_user", login.proxy_user),
    OPTIONAL_SECRET("proxy_password", login.proxy_password),
    END,
};

static const struct json_field answer_fields[] = {
    TEXT("login", answer.login, 16),
    ANSWERS("answers", answer.answers),
    END,
};

static const struct json_field applications_fields[] = {
    TEXT("login", applications_get.login, 16),
    END,
};

static const struct json_field sessions_fields[] = {
    TEXT("login", sessions_get.login, 16),
    END,
};

/* A desktop is a command, too: x2goruncommand knows the names of both. */
static const struct json_field start_fields[] = {
    TEXT("login", start.login, 16),
    EITHER_TEXT("desktop", start.command, 1),
    EITHER_TEXT("command", start.command, 1),
    SCREEN(start),
    END,
};

static const struct json_field resume_fields[] = {
    TEXT("login", resume.login, 16),
    TEXT("id", resume.session, 1),
    SCREEN(resume),
    END,
};

static const struct json_field suspend_fields[] = {
    TEXT("login", suspend.login, 16),
    TEXT("id", suspend.session, 1),
    END,
};

static const struct json_field terminate_fields[] = {
    TEXT("login", terminate.login, 16),
    TEXT("id", terminate.session, 1),
    END,
};

static const struct json_field layout_fields[] = {
    TEXT("login", layout.login, 16),
    TEXT("id", layout.session, 1),
    LAYOUT("layout", layout.layout),
    END,
};

static const struct json_field logout_fields[] = {
    TEXT("login", logout.login, 16),
    END,
};

/* The broker ends each of these by its own deadlines, which an admin may set: the sum of them on
 * the longest way, two hosts and a turn in line, stays below this by default. */
#define SERVER_CALL_MS 240000

/* Programs that watch wait no longer. */
#define WATCHER_MS 10000

static int health_status(const struct message *answer)
{
	return answer->health.draining ? 503 : 200;
}

static const char *metrics_text(const struct message *answer)
{
	return answer->metrics.text;
}

/* Sorted by name. */
static const struct rpc_call calls[] = {
    {"answer", "POST", answer_fields, RPC_COOKIE_NEEDED, MESSAGE_ANSWER, MESSAGE_LOGGED_IN,
	SERVER_CALL_MS, .write = json_write_login},
    {"applications", "POST", applications_fields, RPC_COOKIE_NEEDED, MESSAGE_APPLICATIONS_GET,
	MESSAGE_APPLICATIONS, SERVER_CALL_MS, .write = json_write_applications},
    {"config", "GET", no_fields, RPC_COOKIE_NONE, MESSAGE_CONFIG_GET, MESSAGE_CONFIG, 10000,
	.write = json_write_config},
    {"health", "GET", no_fields, RPC_COOKIE_NONE, MESSAGE_HEALTH_GET, MESSAGE_HEALTH, WATCHER_MS,
	.write = json_write_health, .is_outside = true, .status = health_status},
    {"layout", "POST", layout_fields, RPC_COOKIE_NEEDED, MESSAGE_LAYOUT, MESSAGE_DONE,
	SERVER_CALL_MS, .write = json_write_done},
    {"login", "POST", login_fields, RPC_COOKIE_GIVEN, MESSAGE_LOGIN, MESSAGE_LOGGED_IN,
	SERVER_CALL_MS, .write = json_write_login},
    {"logout", "POST", logout_fields, RPC_COOKIE_TAKEN, MESSAGE_LOGOUT, MESSAGE_DONE,
	SERVER_CALL_MS, .write = json_write_done},
    {"metrics", "GET", no_fields, RPC_COOKIE_NONE, MESSAGE_METRICS_GET, MESSAGE_METRICS, WATCHER_MS,
	.is_outside = true, .text = metrics_text},
    {"resume", "POST", resume_fields, RPC_COOKIE_NEEDED, MESSAGE_RESUME, MESSAGE_STREAM,
	SERVER_CALL_MS, .write = json_write_stream},
    {"sessions", "POST", sessions_fields, RPC_COOKIE_NEEDED, MESSAGE_SESSIONS_GET, MESSAGE_SESSIONS,
	SERVER_CALL_MS, .write = json_write_sessions},
    {"start", "POST", start_fields, RPC_COOKIE_NEEDED, MESSAGE_START, MESSAGE_STREAM,
	SERVER_CALL_MS, .write = json_write_stream},
    {"suspend", "POST", suspend_fields, RPC_COOKIE_NEEDED, MESSAGE_SUSPEND, MESSAGE_SESSION,
	SERVER_CALL_MS, .write = json_write_session},
    {"terminate", "POST", terminate_fields, RPC_COOKIE_NEEDED, MESSAGE_TERMINATE, MESSAGE_SESSION,
	SERVER_CALL_MS, .write = json_write_session},
};

static const struct rpc_call compat_call = {.name = "x2gorpc.cgi",
    .method = "POST",
    .fields = no_fields,
    .cookie = RPC_COOKIE_GIVEN,
    .ask = MESSAGE_LOGIN,
    .answer = MESSAGE_LOGGED_IN,
    .deadline_ms = SERVER_CALL_MS,
    .is_compat = true};

#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

static bool is_called(const struct rpc_call *call, const char *name, size_t length)
{
	return strlen(call->name) == length && memcmp(call->name, name, length) == 0;
}

const struct rpc_call *rpc_find(const char *name, size_t length)
{
	for (size_t i = 0; i < CALL_COUNT; i++)
		if (is_called(&calls[i], name, length))
			return &calls[i];
	return is_called(&compat_call, name, length) ? &compat_call : NULL;
}

const struct rpc_call *rpc_at(size_t index)
{
	return index < CALL_COUNT ? &calls[index] : NULL;
}

const char *rpc_login(const struct message *ask)
{
	return ask->sessions_get.login;
}

char *rpc_cookie(struct message *ask)
{
	return ask->sessions_get.cookie;
}
