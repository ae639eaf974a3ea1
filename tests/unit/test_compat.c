/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/compat: what upstream's client sends, the calls that come of it, and what it is told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fcgi/compat.h"
#include "fcgi/json_write.h"

#define LOGIN  "0123456789abcdef"
#define COOKIE "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_-_-_x"
#define TICKET "00112233445566778899aabbccddeeff"
#define ID     "alice-50-1795219328_stKICEWM_dp24"

/* As upstream's page puts it together. */
#define WHO	"user=alice&pass=wonderland&proxy=&server=desk.example"
#define PROXY	"&proxyuser=alice&proxypass=wonderland"
#define START	"action=start&" WHO "&cmd=ICEWM&geometry=1024x768&compression=JPEG/PNG" PROXY
#define SUSPEND "action=suspend&sid=" ID "&" WHO PROXY

static struct compat compat;
static struct message_login login;
static struct message answer, ask;
static enum message_type expected;
static struct json_failure failure;
static char detail[JSON_DETAIL_BYTES];

static int set_up(void **state)
{
	(void)state;
	memset(&compat, 0, sizeof(compat));
	memset(&login, 0, sizeof(login));
	memset(detail, 0, sizeof(detail));
	return 0;
}

static bool read_form(const char *form)
{
	set_up(NULL);
	return compat_read(&compat, form, strlen(form), &login, detail);
}

static enum compat_step take(void)
{
	return compat_take(&compat, &answer, &ask, &expected, &failure);
}

static struct message_logged_in *log_in(const char *desktop)
{
	message_init(&answer, MESSAGE_LOGGED_IN, 1);
	strcpy(answer.logged_in.login, LOGIN);
	strcpy(answer.logged_in.cookie, COOKIE);
	strcpy(answer.logged_in.ticket, TICKET);
	answer.logged_in.desktops_count = desktop != NULL;
	if (desktop != NULL)
		strcpy(answer.logged_in.desktops[0].id, desktop);
	return &answer.logged_in;
}

static void add_row(const char *id, enum session_kind kind, enum session_status status)
{
	struct record_session *row = &answer.logged_in.sessions[answer.logged_in.sessions_count++];

	strcpy(row->id, id);
	row->kind = (uint8_t)kind;
	row->status = (uint8_t)status;
}

static const char *text_of(yajl_gen json)
{
	static char text[4096];
	const unsigned char *bytes;
	size_t length;

	assert_int_equal(yajl_gen_get_buf(json, &bytes, &length), yajl_gen_status_ok);
	assert_true(length < sizeof(text));
	memcpy(text, bytes, length);
	text[length] = 0;
	yajl_gen_free(json);
	return text;
}

static const char *written(void)
{
	yajl_gen json = yajl_gen_alloc(NULL);

	compat_write(json, &compat, &answer);
	return text_of(json);
}

static const char *written_failure(void)
{
	yajl_gen json = yajl_gen_alloc(NULL);

	compat_write_failure(json, &compat, &failure);
	return text_of(json);
}

static void assert_holds(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("%s is not in %s", part, text);
}

/* --- reading -------------------------------------------------------------------------------- */

static void test_forms(void **state)
{
	(void)state;
	assert_true(read_form(START));
	assert_int_equal(compat.action, COMPAT_START);
	assert_string_equal(compat.command, "ICEWM");
	assert_int_equal(compat.width, 1024);
	assert_int_equal(compat.height, 768);
	assert_int_equal(login.compat, 1);
	assert_string_equal(login.command, "ICEWM");
	assert_string_equal(login.host, "desk.example");
	assert_string_equal(login.server, "");
	assert_string_equal(login.user, "alice");
	assert_string_equal(login.password, "wonderland");
	assert_string_equal(login.proxy_host, "");
	assert_string_equal(login.proxy_user, "alice");
	assert_string_equal(login.proxy_password, "wonderland");
	assert_true(read_form("action=terminate&sid=" ID
			      "&user=bob&pass=p=%25&proxy=gate&server=x&proxyuser=b&proxypass=q"));
	assert_int_equal(compat.action, COMPAT_TERMINATE);
	assert_string_equal(compat.session, ID);
	assert_string_equal(login.command, "");
	assert_string_equal(login.password, "p=%");
	assert_string_equal(login.proxy_host, "gate");
	assert_string_equal(login.proxy_password, "q");
	assert_true(read_form("action=suspend&server=x&user=y&pass=z&sid=s"));
	assert_int_equal(compat.action, COMPAT_SUSPEND);
}

static void test_bad_forms(void **state)
{
	static const struct {
		const char *form, *detail;
	} table[] = {
	    {"", "action is missing"},
	    {"action=", "action is missing"},
	    {"action=list&" WHO, "action is none of start, suspend and terminate"},
	    {"action=terminate-all-of-them&" WHO, "action is too long"},
	    {"action=start&user=a&pass=b&cmd=X&geometry=800x600", "server is missing"},
	    {"action=start&server=s&pass=b&cmd=X&geometry=800x600", "user is missing"},
	    {"action=start&server=s&user=a&pass=&cmd=X&geometry=800x600", "pass is missing"},
	    {"action=start&" WHO "&geometry=800x600", "cmd is missing"},
	    {"action=start&" WHO "&cmd=X", "geometry is missing"},
	    {"action=suspend&" WHO, "sid is missing"},
	    {"action=start&server=s&user=a%0ab&pass=c", "user holds what no text does"},
	    {"action=start&server=s&user=a%00b&pass=c", "user holds what no text does"},
	    {"action=start&server=s%ff&user=a&pass=c", "server holds what no text does"},
	    {"action=start&server=s&user=a&pass=c%00d", "pass holds what no text does"},
	    {"action=suspend&" WHO "&sid=a%1bb", "sid holds what no text does"},
	};
	static const char *const sizes[] = {"800", "x", "800x", "x600", "800x600x", "800x600 ",
	    " 800x600", "+800x600", "-800x600", "0x0", "63x600", "800x8193", "8e2x600", "800X600",
	    "800x600;id", "4294968096x600", "1x1"};
	char form[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (read_form(table[i].form))
			fail_msg("%s", table[i].form);
		assert_string_equal(detail, table[i].detail);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(form, sizeof(form), "action=start&" WHO "&cmd=X&geometry=%s", sizes[i]);
		if (read_form(form))
			fail_msg("%s", form);
		assert_holds(detail, "geometry is");
	}
}

/* --- the chain ------------------------------------------------------------------------------ */

static void test_start(void **state)
{
	(void)state;
	assert_true(read_form(START));
	log_in("ICEWM");
	add_row("alice-51-1795219328_stKMATE_dp24", SESSION_KIND_DESKTOP, SESSION_STATUS_SUSPENDED);
	add_row(ID, SESSION_KIND_DESKTOP, SESSION_STATUS_RUNNING);
	add_row("alice-53-1795219328_stDICEWM_dp24", SESSION_KIND_NX, SESSION_STATUS_SUSPENDED);
	assert_int_equal(take(), COMPAT_ASK);
	assert_int_equal(expected, MESSAGE_STREAM);
	assert_int_equal(ask.type, MESSAGE_START);
	assert_string_equal(ask.start.login, LOGIN);
	assert_string_equal(ask.start.cookie, COOKIE);
	assert_string_equal(ask.start.command, "ICEWM");
	assert_int_equal(ask.start.width, 1024);
	assert_int_equal(ask.start.height, 768);
	assert_int_equal(ask.start.quality, 9);
	assert_string_equal(ask.start.layout, "us");

	message_init(&answer, MESSAGE_STREAM, 2);
	strcpy(answer.stream.session[0].id, ID);
	answer.stream.session[0].display = 50;
	answer.stream.session_count = 1;
	answer.stream.port = 20007;
	answer.stream.agent_port = 30001;
	answer.stream.agent_pid = 4711;
	assert_int_equal(take(), COMPAT_DONE);
	assert_true(compat_keeps_login(&compat));
	assert_string_equal(written(),
	    "{\"status\":0,\"err\":\"\",\"stdout\":\"\",\"stderr\":\"\","
	    "\"last_cmd\":\"x2gostartagent\",\"session\":{\"id\":\"" ID "\",\"cookie\":\"" TICKET
	    "\",\"wsport\":20007,\"port\":\"30001\","
	    "\"status\":\"starting\",\"display\":\"50\",\"pid\":\"4711\"}}");
}

static void test_resume(void **state)
{
	(void)state;
	assert_true(read_form(START));
	log_in("ICEWM");
	add_row("alice-49-1_stKICEWM_dp24", SESSION_KIND_DESKTOP, SESSION_STATUS_RUNNING);
	add_row(ID, SESSION_KIND_DESKTOP, SESSION_STATUS_SUSPENDED);
	add_row("alice-52-2_stKICEWM_dp24", SESSION_KIND_DESKTOP, SESSION_STATUS_SUSPENDED);
	assert_int_equal(take(), COMPAT_ASK);
	assert_int_equal(ask.type, MESSAGE_RESUME);
	assert_int_equal(expected, MESSAGE_STREAM);
	assert_string_equal(ask.resume.cookie, COOKIE);
	assert_string_equal(ask.resume.session, ID);
	assert_int_equal(ask.resume.width, 1024);
	message_init(&answer, MESSAGE_STREAM, 2);
	strcpy(answer.stream.session[0].id, ID);
	answer.stream.port = 20007;
	assert_int_equal(take(), COMPAT_DONE);
	assert_holds(written(), "\"last_cmd\":\"x2goresume-session\"");
	assert_holds(written(), "\"status\":\"resuming\"}}");
	assert_null(strstr(written(), "pid"));
	/* Where relays listen on sockets. */
	answer.stream.port = 0;
	strcpy(answer.stream.socket, "ffeeddccbbaa99887766554433221100");
	assert_holds(written(), "\"wsport\":\"ffeeddccbbaa99887766554433221100\"");

	/* It ended in between. */
	assert_true(read_form(START));
	log_in("ICEWM");
	add_row(ID, SESSION_KIND_DESKTOP, SESSION_STATUS_SUSPENDED);
	assert_int_equal(take(), COMPAT_ASK);
	message_init(&answer, MESSAGE_FAIL, 2);
	answer.fail.code = ERROR_NO_SUCH_SESSION;
	assert_int_equal(take(), COMPAT_ASK);
	assert_int_equal(ask.type, MESSAGE_START);
	assert_string_equal(ask.start.cookie, COOKIE);
	assert_int_equal(take(), COMPAT_FAILED);
}

/* A program is found again by its name, whatever else belongs to the command. */
static void test_programs(void **state)
{
	static const struct {
		const char *command, *id;
		bool resumed;
	} table[] = {
	    {"/usr/bin/xterm -ls", "a-50-1_stKxterm_dp24", true},
	    {"xterm", "a-50-1_stKxterm_dp24", true},
	    {"xterm", "a-50-1_stKuxterm_dp24", false},
	    {"XFCE", "a-50-1_stKXFCE4_dp24", true},
	    {"XFCE4", "a-50-1_stKXFCE_dp24", false},
	    {"/opt/bin/", "a-50-1_stKXFCE_dp24", false},
	};
	char form[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(form, sizeof(form), "action=start&" WHO "&geometry=800x600&cmd=%s",
		    table[i].command);
		assert_true(read_form(form));
		log_in(table[i].command);
		add_row(table[i].id, SESSION_KIND_DESKTOP, SESSION_STATUS_SUSPENDED);
		assert_int_equal(take(), COMPAT_ASK);
		assert_int_equal(ask.type, table[i].resumed ? MESSAGE_RESUME : MESSAGE_START);
	}
}

static void test_leave(void **state)
{
	static const struct {
		const char *action, *command;
		enum message_type ask;
	} table[] = {
	    {"suspend", "x2gosuspend-session", MESSAGE_SUSPEND},
	    {"terminate", "x2goterminate-session", MESSAGE_TERMINATE},
	};
	char form[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(form, sizeof(form), "action=%s&sid=" ID "&" WHO PROXY, table[i].action);
		assert_true(read_form(form));
		log_in(NULL);
		add_row(ID, SESSION_KIND_DESKTOP, SESSION_STATUS_SUSPENDED);
		assert_int_equal(take(), COMPAT_ASK);
		assert_int_equal(ask.type, table[i].ask);
		assert_int_equal(expected, MESSAGE_SESSION);
		assert_string_equal(ask.suspend.login, LOGIN);
		assert_string_equal(ask.suspend.cookie, COOKIE);
		assert_string_equal(i == 0 ? ask.suspend.session : ask.terminate.session, ID);
		message_init(&answer, MESSAGE_SESSION, 2);
		assert_int_equal(take(), COMPAT_DONE);
		assert_false(compat_keeps_login(&compat));
		snprintf(form, sizeof(form), "\"last_cmd\":\"%s\"}", table[i].command);
		assert_holds(written(), "{\"status\":0,\"err\":\"\",\"stdout\":\"\"");
		assert_holds(written(), form);
	}
}

/* --- failures ------------------------------------------------------------------------------- */

static void test_not_installed(void **state)
{
	(void)state;
	assert_true(read_form("action=start&" WHO "&cmd=KDE&geometry=800x600"));
	log_in(NULL);
	assert_int_equal(take(), COMPAT_FAILED);
	assert_int_equal(failure.code, ERROR_DESKTOP_MISSING);
	assert_string_equal(compat.cookie, COOKIE);
	assert_holds(written_failure(), "\"status\":1,\"err\":\"Error on Server: ");
	assert_holds(written_failure(), "(KDE)\"");
	assert_holds(written_failure(), "\"stdout\":\"X2GORUNCOMMAND ERR NOEXEC: KDE\\n\"");
	assert_holds(written_failure(), "\"session\":{\"id\":\"\"}}");
}

static void test_words(void **state)
{
	static const struct {
		enum error_code code;
		enum hop hop;
		const char *err;
	} table[] = {
	    {ERROR_AUTH_FAILED, HOP_SERVER, "\"Access denied on Server: "},
	    {ERROR_AUTH_FAILED, HOP_JUMP, "\"Access denied on Proxy: "},
	    {ERROR_SERVER_NOT_ALLOWED, HOP_SERVER, "\"Access denied on Server: "},
	    {ERROR_HOST_UNREACHABLE, HOP_SERVER, "\"Can't connect to Server: "},
	    {ERROR_HOST_KEY_CHANGED, HOP_JUMP, "\"Can't connect to Proxy: "},
	    {ERROR_X2GO_MISSING, HOP_SERVER, "\"Error on Server: X2Go is not installed"},
	    {ERROR_START_FAILED, HOP_SERVER, "\"Error on Server: "},
	    {ERROR_DRAINING, HOP_SERVER, "\"The gateway takes no new logins"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(read_form(START));
		message_init(&answer, MESSAGE_FAIL, 1);
		answer.fail.code = (uint16_t)table[i].code;
		answer.fail.hop = (uint8_t)table[i].hop;
		strcpy(answer.fail.detail, "<b>\"an\" admin's</b>");
		assert_int_equal(take(), COMPAT_FAILED);
		assert_holds(written_failure(), table[i].err);
		assert_string_equal(compat.cookie, "");
	}
}

/* What nobody can answer; the login has to be ended. */
static void test_prompts(void **state)
{
	static const struct {
		enum prompt_kind kind;
		enum error_code code;
		const char *err;
	} table[] = {
	    {PROMPT_QUESTIONS, ERROR_METHOD_MISSING, "It asks for more than a password"},
	    {PROMPT_PASSWORD, ERROR_METHOD_MISSING, "It asks for more than a password"},
	    {PROMPT_NEW_PASSWORD, ERROR_PASSWORD_EXPIRED, "has expired"},
	    {PROMPT_HOST_KEY, ERROR_HOST_KEY_UNKNOWN, "host key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(read_form(START));
		message_init(&answer, MESSAGE_PROMPTED, 1);
		strcpy(answer.prompted.login, LOGIN);
		strcpy(answer.prompted.cookie, COOKIE);
		answer.prompted.prompt_count = 1;
		answer.prompted.prompt[0].kind = (uint8_t)table[i].kind;
		assert_int_equal(take(), COMPAT_FAILED);
		assert_int_equal(failure.code, table[i].code);
		assert_holds(written_failure(), table[i].err);
		assert_string_equal(compat.login, LOGIN);
		assert_string_equal(compat.cookie, COOKIE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_forms, set_up),
	    cmocka_unit_test_setup(test_bad_forms, set_up),
	    cmocka_unit_test_setup(test_start, set_up),
	    cmocka_unit_test_setup(test_resume, set_up),
	    cmocka_unit_test_setup(test_programs, set_up),
	    cmocka_unit_test_setup(test_leave, set_up),
	    cmocka_unit_test_setup(test_not_installed, set_up),
	    cmocka_unit_test_setup(test_words, set_up),
	    cmocka_unit_test_setup(test_prompts, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
