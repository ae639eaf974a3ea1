/* SPDX-License-Identifier: ISC */
#include "json_write.h"

#include <stdio.h>
#include <string.h>

static void put_name(yajl_gen json, const char *name)
{
	yajl_gen_string(json, (const unsigned char *)name, strlen(name));
}

static void put_text(yajl_gen json, const char *name, const char *text)
{
	put_name(json, name);
	put_name(json, text);
}

static void put_uint(yajl_gen json, const char *name, uint64_t value)
{
	put_name(json, name);
	yajl_gen_integer(json, value > INT64_MAX ? INT64_MAX : (long long)value);
}

static void put_bool(yajl_gen json, const char *name, bool value)
{
	put_name(json, name);
	yajl_gen_bool(json, value);
}

static void put_choices(
    yajl_gen json, const char *name, const struct record_choice *choices, size_t count)
{
	put_name(json, name);
	yajl_gen_array_open(json);
	for (size_t i = 0; i < count; i++) {
		yajl_gen_map_open(json);
		put_text(json, "id", choices[i].id);
		put_text(
		    json, "title", choices[i].title[0] != 0 ? choices[i].title : choices[i].id);
		yajl_gen_map_close(json);
	}
	yajl_gen_array_close(json);
}

static void put_servers(yajl_gen json, const struct message_config *config)
{
	put_name(json, "servers");
	yajl_gen_array_open(json);
	for (size_t i = 0; i < config->servers_count; i++) {
		const struct record_server *server = &config->servers[i];

		yajl_gen_map_open(json);
		put_text(json, "id", server->id);
		put_text(json, "title", server->title[0] != 0 ? server->title : server->id);
		if (server->desktop[0] != 0)
			put_text(json, "desktop", server->desktop);
		if (server->jump[0] != 0) {
			put_name(json, "jump");
			yajl_gen_map_open(json);
			put_text(json, "title", server->jump);
			put_bool(json, "user", server->jump_user != 0);
			yajl_gen_map_close(json);
		}
		if (config->native_mode != 0) {
			put_text(json, "host", server->address);
			put_uint(json, "port", server->port);
		}
		yajl_gen_map_close(json);
	}
	yajl_gen_array_close(json);
}

static void put_session(yajl_gen json, const struct record_session *session)
{
	yajl_gen_map_open(json);
	put_text(json, "id", session->id);
	put_text(json, "desktop", session->desktop);
	put_text(json, "kind", session_kind_name(session->kind));
	put_text(json, "status", session_status_name(session->status));
	put_uint(json, "display", session->display);
	put_text(json, "server", session->server);
	put_text(json, "created", session->created);
	put_uint(json, "age", session->age_s);
	put_bool(json, "attached", session->attached != 0);
	yajl_gen_map_close(json);
}

static void put_sessions(yajl_gen json, const struct record_session *sessions, size_t count)
{
	put_name(json, "sessions");
	yajl_gen_array_open(json);
	for (size_t i = 0; i < count; i++)
		put_session(json, &sessions[i]);
	yajl_gen_array_close(json);
}

void json_write_config(yajl_gen json, const struct message *answer)
{
	const struct message_config *config = &answer->config;

	yajl_gen_map_open(json);
	put_text(json, "title", config->title);
	put_text(json, "version", X2GOWEB_VERSION);
	if (config->logo[0] != 0)
		put_text(json, "logo", config->logo);
	if (config->accent[0] != 0)
		put_text(json, "accent", config->accent);
	put_bool(json, "kiosk", config->kiosk != 0);
	put_bool(json, "native_mode", config->native_mode != 0);
	put_servers(json, config);
	put_bool(json, "other_servers", config->other_servers != 0);
	put_bool(json, "other_jumps", config->other_jumps != 0);
	put_choices(json, "desktops", config->desktops, config->desktops_count);
	put_name(json, "defaults");
	yajl_gen_map_open(json);
	put_text(json, "server", config->default_server);
	put_text(json, "desktop", config->default_desktop);
	yajl_gen_map_close(json);
	put_name(json, "limits");
	yajl_gen_map_open(json);
	put_uint(json, "width_min", SCREEN_MIN);
	put_uint(json, "width_max", SCREEN_MAX);
	put_uint(json, "height_min", SCREEN_MIN);
	put_uint(json, "height_max", SCREEN_MAX);
	yajl_gen_map_close(json);
	yajl_gen_map_close(json);
}

static void put_notice(yajl_gen json, const char *notice)
{
	if (notice[0] != 0)
		put_text(json, "notice", notice);
}

static void write_logged_in(yajl_gen json, const struct message_logged_in *login)
{
	put_text(json, "login", login->login);
	put_text(json, "state", "ready");
	put_notice(json, login->notice);
	put_sessions(json, login->sessions, login->sessions_count);
	put_choices(json, "desktops", login->desktops, login->desktops_count);
}

static void write_prompted(yajl_gen json, const struct message_prompted *prompted)
{
	const struct record_prompt *prompt = &prompted->prompt[0];

	put_text(json, "login", prompted->login);
	put_text(json, "state", "prompt");
	put_text(json, "kind", prompt_kind_name(prompt->kind));
	put_text(json, "hop", hop_name(prompt->hop));
	put_text(json, "host", prompt->host);
	put_text(json, "title", prompt->title);
	put_text(json, "instruction", prompt->instruction);
	put_notice(json, prompt->notice);
	put_name(json, "prompts");
	yajl_gen_array_open(json);
	for (size_t i = 0; i < prompt->questions_count; i++) {
		yajl_gen_map_open(json);
		put_text(json, "text", prompt->questions[i].text);
		put_bool(json, "echo", prompt->questions[i].echo != 0);
		yajl_gen_map_close(json);
	}
	yajl_gen_array_close(json);
	if (prompt->kind != PROMPT_HOST_KEY)
		return;
	put_name(json, "host_key");
	yajl_gen_map_open(json);
	put_text(json, "type", prompt->key_type);
	put_text(json, "fingerprint", prompt->fingerprint);
	yajl_gen_map_close(json);
}

void json_write_login(yajl_gen json, const struct message *answer)
{
	yajl_gen_map_open(json);
	if (answer->type == MESSAGE_PROMPTED)
		write_prompted(json, &answer->prompted);
	else
		write_logged_in(json, &answer->logged_in);
	yajl_gen_map_close(json);
}

void json_write_sessions(yajl_gen json, const struct message *answer)
{
	yajl_gen_map_open(json);
	put_sessions(json, answer->sessions.sessions, answer->sessions.sessions_count);
	if (answer->sessions.said[0] != 0)
		put_text(json, "said", answer->sessions.said);
	yajl_gen_map_close(json);
}

void json_write_applications(yajl_gen json, const struct message *answer)
{
	const struct message_applications *list = &answer->applications;

	yajl_gen_map_open(json);
	put_name(json, "applications");
	yajl_gen_array_open(json);
	for (size_t i = 0; i < list->applications_count; i++) {
		const struct record_application *application = &list->applications[i];

		yajl_gen_map_open(json);
		put_text(json, "command", application->command);
		put_text(json, "title", application->title);
		put_text(json, "group", application_group_name(application->group));
		yajl_gen_map_close(json);
	}
	yajl_gen_array_close(json);
	yajl_gen_map_close(json);
}

void json_write_stream(yajl_gen json, const struct message *answer)
{
	const struct message_stream *stream = &answer->stream;
	char path[sizeof("/x2gows/") + STREAM_SOCKET_CHARS];

	if (stream->port != 0)
		snprintf(path, sizeof(path), "/x2gows/%u", (unsigned)stream->port);
	else
		snprintf(path, sizeof(path), "/x2gows/%s", stream->socket);
	yajl_gen_map_open(json);
	put_name(json, "session");
	put_session(json, &answer->stream.session[0]);
	put_text(json, "ws", path);
	yajl_gen_map_close(json);
}

void json_write_session(yajl_gen json, const struct message *answer)
{
	yajl_gen_map_open(json);
	put_name(json, "session");
	put_session(json, &answer->session.session[0]);
	yajl_gen_map_close(json);
}

void json_write_done(yajl_gen json, const struct message *answer)
{
	(void)answer;
	yajl_gen_map_open(json);
	yajl_gen_map_close(json);
}

/* What is wrong with a request, which host key was shown, what is not installed, why an account is
 * closed: the user needs to know. Other details (why a login failed, what a server printed) are the
 * admin's. */
static bool detail_is_for_the_user(enum error_code code)
{
	return code == ERROR_BAD_REQUEST || code == ERROR_HOST_KEY_UNKNOWN ||
	       code == ERROR_HOST_KEY_CHANGED || code == ERROR_HOST_KEY_REVOKED ||
	       code == ERROR_DESKTOP_MISSING || code == ERROR_ACCOUNT_REFUSED;
}

void json_write_health(yajl_gen json, const struct message *answer)
{
	yajl_gen_map_open(json);
	put_text(json, "state",
	    answer == NULL	      ? "broker_unreachable"
	    : answer->health.draining ? "draining"
				      : "ok");
	yajl_gen_map_close(json);
}

void json_put_message(const struct json_failure *failure, char message[JSON_MESSAGE_BYTES])
{
	const char *text = error_info(failure->code)->text;
	const char *where = failure->hop == HOP_JUMP ? "At the jump host: " : "";

	if (failure->detail != NULL && failure->detail[0] != 0 &&
	    detail_is_for_the_user(failure->code))
		snprintf(message, JSON_MESSAGE_BYTES, "%s%s (%s)", where, text, failure->detail);
	else
		snprintf(message, JSON_MESSAGE_BYTES, "%s%s", where, text);
}

void json_write_error(yajl_gen json, const struct json_failure *failure)
{
	const struct error_info *info = error_info(failure->code);
	char message[JSON_MESSAGE_BYTES];

	json_put_message(failure, message);
	yajl_gen_map_open(json);
	put_name(json, "error");
	yajl_gen_map_open(json);
	put_text(json, "code", info->name);
	put_text(json, "message", message);
	if (failure->hop == HOP_JUMP)
		put_text(json, "hop", hop_name(failure->hop));
	if (failure->retry_after_s != 0)
		put_uint(json, "retry_after", failure->retry_after_s);
	yajl_gen_map_close(json);
	yajl_gen_map_close(json);
}
