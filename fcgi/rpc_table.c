/* SPDX-License-Identifier: ISC */
#include "rpc_table.h"

#include <string.h>

#include "json_read.h"
#include "json_write.h"

/* Largest text lengths are those of messages.def, by the sizes of the members. */
/* clang-format off */
#define TEXT(name, member, min) {name, JSON_TEXT, false, MEMBER(member), min, LENGTH(member)}
#define LAYOUT(name, member) {name, JSON_LAYOUT, false, MEMBER(member), 1, LENGTH(member)}
#define OPTIONAL_LAYOUT(name, member) {name, JSON_LAYOUT, true, MEMBER(member), 0, LENGTH(member)}
#define SECRET(name, member) {name, JSON_SECRET, false, MEMBER(member), 0, LENGTH(member)}
#define UINT(name, member, min, max) {name, JSON_UINT16, false, MEMBER(member), min, max}
#define OPTIONAL_UINT(name, member, min, max) {name, JSON_UINT16, true, MEMBER(member), min, max}
#define END {.name = NULL}
#define MEMBER(member) offsetof(struct message, member), sizeof(((struct message *)0)->member)
#define LENGTH(member) (sizeof(((struct message *)0)->member) - 1)
/* clang-format on */

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

static const struct json_field no_fields[] = {END};

static const struct json_field login_fields[] = {
    TEXT("server", login.server, 1),
    TEXT("user", login.user, 1),
    SECRET("password", login.password),
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
    TEXT("desktop", start.command, 1),
    TEXT("command", start.command, 1),
    UINT("width", start.width, SCREEN_MIN, SCREEN_MAX),
    UINT("height", start.height, SCREEN_MIN, SCREEN_MAX),
    OPTIONAL_LAYOUT("layout", start.layout),
    OPTIONAL_UINT("dpi", start.dpi, 1, 480),
    END,
};

static const struct json_field resume_fields[] = {
    TEXT("login", resume.login, 16),
    TEXT("id", resume.session, 1),
    UINT("width", resume.width, SCREEN_MIN, SCREEN_MAX),
    UINT("height", resume.height, SCREEN_MIN, SCREEN_MAX),
    OPTIONAL_LAYOUT("layout", resume.layout),
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

/* Sorted by name. */
static const struct rpc_call calls[] = {
    {"applications", "POST", applications_fields, RPC_COOKIE_NEEDED, MESSAGE_APPLICATIONS_GET,
	MESSAGE_APPLICATIONS, 100000, json_write_applications},
    {"config", "GET", no_fields, RPC_COOKIE_NONE, MESSAGE_CONFIG_GET, MESSAGE_CONFIG, 10000,
	json_write_config},
    {"layout", "POST", layout_fields, RPC_COOKIE_NEEDED, MESSAGE_LAYOUT, MESSAGE_DONE, 100000,
	json_write_done},
    {"login", "POST", login_fields, RPC_COOKIE_GIVEN, MESSAGE_LOGIN, MESSAGE_LOGGED_IN, 60000,
	json_write_logged_in},
    {"logout", "POST", logout_fields, RPC_COOKIE_TAKEN, MESSAGE_LOGOUT, MESSAGE_DONE, 60000,
	json_write_done},
    {"resume", "POST", resume_fields, RPC_COOKIE_NEEDED, MESSAGE_RESUME, MESSAGE_STREAM, 100000,
	json_write_stream},
    {"sessions", "POST", sessions_fields, RPC_COOKIE_NEEDED, MESSAGE_SESSIONS_GET, MESSAGE_SESSIONS,
	60000, json_write_sessions},
    {"start", "POST", start_fields, RPC_COOKIE_NEEDED, MESSAGE_START, MESSAGE_STREAM, 100000,
	json_write_stream},
    {"suspend", "POST", suspend_fields, RPC_COOKIE_NEEDED, MESSAGE_SUSPEND, MESSAGE_SESSION, 60000,
	json_write_session},
    {"terminate", "POST", terminate_fields, RPC_COOKIE_NEEDED, MESSAGE_TERMINATE, MESSAGE_SESSION,
	60000, json_write_session},
};

#define CALL_COUNT (sizeof(calls) / sizeof(calls[0]))

const struct rpc_call *rpc_find(const char *name, size_t length)
{
	for (size_t i = 0; i < CALL_COUNT; i++)
		if (strlen(calls[i].name) == length && memcmp(calls[i].name, name, length) == 0)
			return &calls[i];
	return NULL;
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
