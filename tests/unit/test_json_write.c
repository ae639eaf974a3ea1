/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/json_write: each answer as text, with what is hostile in it escaped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgi/json_write.h"
#include "fcgi/rpc_table.h"

static struct message message;
static char text[256 * 1024];

static const char *finish(yajl_gen json)
{
	const unsigned char *bytes;
	size_t length;

	assert_int_equal(yajl_gen_get_buf(json, &bytes, &length), yajl_gen_status_ok);
	assert_true(length < sizeof(text));
	memcpy(text, bytes, length);
	text[length] = 0;
	yajl_gen_free(json);
	return text;
}

static const char *written(void (*write)(yajl_gen json, const struct message *answer))
{
	yajl_gen json = yajl_gen_alloc(NULL);

	write(json, &message);
	return finish(json);
}

static const char *failure_text(const struct json_failure *failure)
{
	yajl_gen json = yajl_gen_alloc(NULL);

	json_write_error(json, failure);
	return finish(json);
}

static const char *error_text(enum error_code code, const char *detail, uint32_t retry_after_s)
{
	return failure_text(
	    &(struct json_failure){.code = code, .detail = detail, .retry_after_s = retry_after_s});
}

static void fill_row(struct record_session *row)
{
	strcpy(row->id, "alice-50-1_stKICEWM_dp24");
	strcpy(row->desktop, "ICEWM");
	row->kind = SESSION_KIND_APPLICATION;
	row->status = SESSION_STATUS_SUSPENDED;
	row->display = 50;
	strcpy(row->server, "host");
	strcpy(row->created, "2026-11-21T00:51:58");
	row->age_s = 6;
	row->attached = 1;
}

#define ROW                                                                                        \
	"{\"id\":\"alice-50-1_stKICEWM_dp24\",\"desktop\":\"ICEWM\",\"kind\":\"application\","     \
	"\"status\":\"suspended\",\"display\":50,\"server\":\"host\","                             \
	"\"created\":\"2026-11-21T00:51:58\",\"age\":6,\"attached\":true}"

static void test_answers(void **state)
{
	(void)state;
	message_init(&message, MESSAGE_SESSION, 1);
	message.session.session_count = 1;
	fill_row(&message.session.session[0]);
	assert_string_equal(written(json_write_session), "{\"session\":" ROW "}");

	message_init(&message, MESSAGE_STREAM, 1);
	message.stream.session_count = 1;
	message.stream.port = 20003;
	fill_row(&message.stream.session[0]);
	assert_string_equal(
	    written(json_write_stream), "{\"session\":" ROW ",\"ws\":\"/x2gows/20003\"}");
	message.stream.port = 0;
	strcpy(message.stream.socket, "0123456789abcdef0123456789abcdef");
	assert_string_equal(written(json_write_stream),
	    "{\"session\":" ROW ",\"ws\":\"/x2gows/0123456789abcdef0123456789abcdef\"}");

	message_init(&message, MESSAGE_SESSIONS, 1);
	assert_string_equal(written(json_write_sessions), "{\"sessions\":[]}");
	strcpy(message.sessions.said, "<tea>");
	assert_string_equal(written(json_write_sessions), "{\"sessions\":[],\"said\":\"<tea>\"}");
	message.sessions.said[0] = 0;
	message.sessions.sessions_count = 2;
	fill_row(&message.sessions.sessions[0]);
	fill_row(&message.sessions.sessions[1]);
	assert_string_equal(written(json_write_sessions), "{\"sessions\":[" ROW "," ROW "]}");

	message_init(&message, MESSAGE_APPLICATIONS, 1);
	assert_string_equal(written(json_write_applications), "{\"applications\":[]}");
	message.applications.applications_count = 1;
	strcpy(message.applications.applications[0].command, "xterm -ls");
	strcpy(message.applications.applications[0].title, "a \"b\"");
	message.applications.applications[0].group = APPLICATION_GROUP_AUDIO_VIDEO;
	assert_string_equal(written(json_write_applications),
	    "{\"applications\":[{\"command\":\"xterm -ls\",\"title\":\"a \\\"b\\\"\","
	    "\"group\":\"AudioVideo\"}]}");

	message_init(&message, MESSAGE_DONE, 1);
	assert_string_equal(written(json_write_done), "{}");
}

static void test_login(void **state)
{
	(void)state;
	message_init(&message, MESSAGE_LOGGED_IN, 1);
	strcpy(message.logged_in.login, "0123456789abcdef");
	memset(message.logged_in.cookie, 'c', sizeof(message.logged_in.cookie) - 1);
	message.logged_in.desktops_count = 1;
	strcpy(message.logged_in.desktops[0].id, "ICEWM");
	assert_string_equal(written(json_write_login),
	    "{\"login\":\"0123456789abcdef\",\"state\":\"ready\",\"sessions\":[],"
	    "\"desktops\":[{\"id\":\"ICEWM\",\"title\":\"ICEWM\"}]}");
	strcpy(message.logged_in.notice, "two\nlines");
	assert_non_null(strstr(written(json_write_login), ",\"notice\":\"two\\nlines\","));
}

static void test_prompt(void **state)
{
	struct record_prompt *prompt = &message.prompted.prompt[0];

	(void)state;
	message_init(&message, MESSAGE_PROMPTED, 1);
	strcpy(message.prompted.login, "0123456789abcdef");
	memset(message.prompted.cookie, 'c', sizeof(message.prompted.cookie) - 1);
	message.prompted.prompt_count = 1;
	prompt->hop = HOP_JUMP;
	strcpy(prompt->host, "[bastion]:2222");
	strcpy(prompt->title, "PAM");
	strcpy(prompt->instruction, "One\ntwo");
	prompt->questions_count = 2;
	strcpy(prompt->questions[0].text, "Code: ");
	strcpy(prompt->questions[1].text, "Which \"one\"? ");
	prompt->questions[1].echo = 1;
	assert_string_equal(written(json_write_login),
	    "{\"login\":\"0123456789abcdef\",\"state\":\"prompt\",\"kind\":\"questions\","
	    "\"hop\":\"jump\",\"host\":\"[bastion]:2222\",\"title\":\"PAM\","
	    "\"instruction\":\"One\\ntwo\",\"prompts\":[{\"text\":\"Code: \",\"echo\":false},"
	    "{\"text\":\"Which \\\"one\\\"? \",\"echo\":true}]}");
	prompt->kind = PROMPT_HOST_KEY;
	prompt->questions_count = 0;
	strcpy(prompt->key_type, "ssh-ed25519");
	strcpy(prompt->fingerprint, "SHA256:abc");
	strcpy(prompt->notice, "Hello");
	assert_non_null(strstr(written(json_write_login), ",\"notice\":\"Hello\",\"prompts\":[],"
							  "\"host_key\":{\"type\":\"ssh-ed25519\","
							  "\"fingerprint\":\"SHA256:abc\"}}"));
}

static void test_config(void **state)
{
	(void)state;
	message_init(&message, MESSAGE_CONFIG, 1);
	strcpy(message.config.title, "a \"b\" \\ </script> \xc3\xa4");
	message.config.other_servers = 1;
	strcpy(message.config.default_server, "demo");
	message.config.servers_count = 1;
	strcpy(message.config.servers[0].id, "demo");
	strcpy(message.config.servers[0].title, "Demo");
	assert_string_equal(written(json_write_config),
	    "{\"title\":\"a \\\"b\\\" \\\\ </script> \xc3\xa4\",\"version\":\"" X2GOWEB_VERSION
	    "\",\"kiosk\":false,\"native_mode\":false,"
	    "\"servers\":[{\"id\":\"demo\",\"title\":\"Demo\"}],\"other_servers\":true,"
	    "\"other_jumps\":false,"
	    "\"desktops\":[],\"defaults\":{\"server\":\"demo\",\"desktop\":\"\"},"
	    "\"limits\":{\"width_min\":64,\"width_max\":8192,\"height_min\":64,"
	    "\"height_max\":8192}}");
}

/* The addresses of servers are told with native_mode only. */
static void test_config_of_a_site(void **state)
{
	const char *json;

	(void)state;
	message_init(&message, MESSAGE_CONFIG, 1);
	strcpy(message.config.logo, "/logo.svg");
	strcpy(message.config.accent, "#a0b1c2");
	message.config.kiosk = 1;
	message.config.servers_count = 1;
	strcpy(message.config.servers[0].id, "demo");
	strcpy(message.config.servers[0].address, "x2go.example");
	message.config.servers[0].port = 2222;
	json = written(json_write_config);
	assert_non_null(
	    strstr(json, ",\"logo\":\"/logo.svg\",\"accent\":\"#a0b1c2\",\"kiosk\":true,"
			 "\"native_mode\":false,\"servers\":[{\"id\":\"demo\","
			 "\"title\":\"demo\"}],"));
	strcpy(message.config.servers[0].desktop, "ICEWM");
	strcpy(message.config.servers[0].jump, "Bastion");
	message.config.servers[0].jump_user = 1;
	json = written(json_write_config);
	assert_non_null(strstr(json, "\"title\":\"demo\",\"desktop\":\"ICEWM\","
				     "\"jump\":{\"title\":\"Bastion\",\"user\":true}}],"));
	message.config.servers[0].desktop[0] = message.config.servers[0].jump[0] = 0;
	message.config.native_mode = 1;
	json = written(json_write_config);
	assert_non_null(strstr(json, "\"native_mode\":true,\"servers\":[{\"id\":\"demo\",\"title\":"
				     "\"demo\",\"host\":\"x2go.example\",\"port\":2222}],"));
}

/* Every call's answer at its largest and smallest is one whole object. */
static void test_largest(void **state)
{
	const struct rpc_call *call;

	(void)state;
	for (size_t i = 0; (call = rpc_at(i)) != NULL; i++)
		for (unsigned k = 0; k < 2; k++) {
			for (unsigned index = 0; message_example(index, k == 0, &message); index++)
				if (message.type == call->answer)
					break;
			assert_int_equal(message.type, call->answer);
			if (call->write == NULL)
				continue;
			written(call->write);
			assert_int_equal(text[0], '{');
			assert_int_equal(text[strlen(text) - 1], '}');
		}
}

static void test_errors(void **state)
{
	(void)state;
	assert_string_equal(error_text(ERROR_NOT_FOUND, NULL, 0),
	    "{\"error\":{\"code\":\"not_found\",\"message\":\"There is no such call.\"}}");
	assert_string_equal(error_text(ERROR_DRAINING, "", 30),
	    "{\"error\":{\"code\":\"draining\",\"message\":\"The gateway takes no new logins at "
	    "the "
	    "moment.\",\"retry_after\":30}}");
	/* Shown where it helps the user, and escaped. */
	assert_non_null(strstr(error_text(ERROR_HOST_KEY_CHANGED, "SHA256:\"x\"", 0),
	    "on file. Nothing was sent to it. (SHA256:\\\"x\\\")\""));
	assert_non_null(strstr(error_text(ERROR_DESKTOP_MISSING, "KDE", 0), "(KDE)"));
	assert_non_null(strstr(error_text(ERROR_BAD_REQUEST, "user is missing", 0), "(user is"));
	assert_string_equal(
	    failure_text(&(struct json_failure){.code = ERROR_AUTH_FAILED, .hop = HOP_JUMP}),
	    "{\"error\":{\"code\":\"auth_failed\",\"message\":\"At the jump host: The user name or "
	    "the password is wrong.\",\"hop\":\"jump\"}}");
	/* The admin's only. */
	for (unsigned i = 0; error_info_at(i) != NULL; i++) {
		enum error_code code = error_info_at(i)->code;

		if (code != ERROR_HOST_KEY_CHANGED && code != ERROR_HOST_KEY_UNKNOWN &&
		    code != ERROR_HOST_KEY_REVOKED && code != ERROR_ACCOUNT_REFUSED &&
		    code != ERROR_DESKTOP_MISSING && code != ERROR_BAD_REQUEST)
			assert_null(strstr(error_text(code, "inner-matter", 0), "inner-matter"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_prompt),
	    cmocka_unit_test(test_config),
	    cmocka_unit_test(test_config_of_a_site),
	    cmocka_unit_test(test_largest),
	    cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
