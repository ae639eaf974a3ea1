/* links: proto */
/* SPDX-License-Identifier: ISC */
/*
 * Lines of the log, read back from stderr and from a stand-in for the journal's socket as strictly
 * as a program would: whatever foreign text says, there is one line, with the fields that it was
 * given and no others.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/log.h"
#include "proto/wire.h"

#define LINE_BYTES   65536
#define FIELDS_MAX   64
#define FOREIGN_FULL 5000

static struct {
	int stderr_read, stderr_write, real_stderr;
	int journal;
} world;

/* What a reader makes of one line or entry. */
struct entry {
	char raw[LINE_BYTES];
	char text[LINE_BYTES];
	struct {
		char name[64], value[2048];
	} fields[FIELDS_MAX];
	size_t count;
};

static const char *field(const struct entry *entry, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < entry->count; i++) {
		if (strcmp(entry->fields[i].name, name) != 0)
			continue;
		assert_null(found);
		found = entry->fields[i].value;
	}
	return found;
}

static void add_field(struct entry *entry, const char *name, size_t name_length, const char *value,
    size_t value_length)
{
	assert_true(entry->count < FIELDS_MAX);
	assert_true(name_length < sizeof(entry->fields[0].name));
	assert_true(value_length < sizeof(entry->fields[0].value));
	memcpy(entry->fields[entry->count].name, name, name_length);
	entry->fields[entry->count].name[name_length] = 0;
	memcpy(entry->fields[entry->count].value, value, value_length);
	entry->fields[entry->count].value[value_length] = 0;
	entry->count++;
}

/* --- stderr: `program: text name=value name="value"` ---------------------------------------- */

static const char *skip_word(const char *at)
{
	if (*at == '"')
		return strchr(at + 1, '"') + 1;
	return at + strcspn(at, " ");
}

/* The first " name=" that stands outside of quotes, or the end. */
static const char *find_fields(const char *at)
{
	for (; *at != 0; at++) {
		size_t name = at[0] == ' ' ? strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;

		if (name != 0 && at[1 + name] == '=')
			break;
	}
	return at;
}

static void read_stderr(struct entry *entry, const char *program)
{
	ssize_t length = read(world.stderr_read, entry->raw, sizeof(entry->raw) - 1);
	char *at = entry->raw;
	const char *end;
	char text[LINE_BYTES];

	assert_true(length > 0 && length <= 4096);
	entry->raw[length] = 0;
	entry->count = 0;
	assert_int_equal(entry->raw[length - 1], '\n');
	entry->raw[length - 1] = 0;
	assert_true(wire_lines_are_clean(entry->raw, (size_t)length - 1));
	assert_null(strchr(entry->raw, '\n'));
	assert_memory_equal(at, program, strlen(program));
	at += strlen(program);
	end = *at == '"' ? skip_word(at) : find_fields(at);
	snprintf(entry->text, sizeof(entry->text), "%.*s", (int)(end - at), at);
	if (*at == '"')
		snprintf(entry->text, sizeof(entry->text), "%.*s", (int)(end - at - 2), at + 1);
	while (*end == ' ') {
		const char *name = end + 1, *value = strchr(name, '=') + 1;

		end = skip_word(value);
		snprintf(text, sizeof(text), "%.*s", (int)(end - value), value);
		if (text[0] == '"')
			add_field(
			    entry, name, (size_t)(value - 1 - name), text + 1, strlen(text) - 2);
		else
			add_field(entry, name, (size_t)(value - 1 - name), text, strlen(text));
	}
	assert_int_equal(*end, 0);
}

/* --- the journal: lines of NAME=value ------------------------------------------------------- */

static void read_journal(struct entry *entry)
{
	ssize_t length = recv(world.journal, entry->raw, sizeof(entry->raw) - 1, 0);
	char *line = entry->raw, *end;

	assert_true(length > 0);
	entry->count = 0;
	entry->raw[length] = 0;
	assert_int_equal(strlen(entry->raw), length);
	for (; *line != 0; line = end + 1) {
		char *equals = strchr(line, '=');

		end = strchr(line, '\n');
		assert_non_null(end);
		assert_non_null(equals);
		/* Anything else would be a value of several lines. */
		assert_true(equals < end);
		assert_int_equal(
		    strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_2"), (size_t)(equals - line));
		assert_true(wire_lines_are_clean(line, (size_t)(end - line)));
		add_field(
		    entry, line, (size_t)(equals - line), equals + 1, (size_t)(end - equals - 1));
	}
	strcpy(entry->text, field(entry, "MESSAGE"));
}

/* The journal's socket, in a namespace of this process' own. */
static void open_journal(void)
{
	struct sockaddr_un address = {
	    .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};

	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", "/run", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir("/run/systemd", 0755), 0);
	assert_int_equal(mkdir("/run/systemd/journal", 0755), 0);
	/* What is not there will not come: it was written before. */
	world.journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(
	    bind(world.journal, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	open_journal();
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	world.stderr_read = ends[0];
	world.stderr_write = ends[1];
	world.real_stderr = dup(STDERR_FILENO);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(world.real_stderr);
	close(world.stderr_read);
	close(world.stderr_write);
	return 0;
}

/* What is written in between goes to the test; afterwards failures can be seen again. */
static void redirect(void)
{
	assert_int_equal(dup2(world.stderr_write, STDERR_FILENO), STDERR_FILENO);
}

static void restore(void)
{
	assert_int_equal(dup2(world.real_stderr, STDERR_FILENO), STDERR_FILENO);
}

#define WRITE(call)                                                                                \
	do {                                                                                       \
		redirect();                                                                        \
		call;                                                                              \
		restore();                                                                         \
	} while (0)

/* As systemd does: names stderr, if it is a stream of the journal. */
static void begin(bool journal)
{
	struct stat status;
	char text[64];

	assert_int_equal(fstat(world.stderr_write, &status), 0);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)status.st_dev,
	    (unsigned long long)status.st_ino + !journal);
	assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
	WRITE(log_init("test", LOG_LEVEL_INFO));
}

static void read_entry(struct entry *entry, bool journal)
{
	if (journal)
		read_journal(entry);
	else
		read_stderr(entry, "test: ");
}

static const char *of(const struct entry *entry, const char *name, bool journal)
{
	char upper[64] = "X2GOWEB_";
	size_t used = strlen(upper);

	if (!journal)
		return field(entry, name);
	for (size_t i = 0; i <= strlen(name); i++)
		upper[used + i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
	return field(entry, upper);
}

/* --- tests ------------------------------------------------------------------------------------ */

static const struct log_counts counts = {
    .duration_ms = 61000, .to_browser_bytes = UINT64_MAX, .from_browser_bytes = 0};

static void test_event(void **state)
{
	const struct log_context context = {.login = "0123456789abcdef",
	    .session = "alice-50-1795219328_stDXFCE_dp24",
	    .user = "alice",
	    .server = "one",
	    .client = "2001:db8::7",
	    .error = "logout",
	    .host = "[one.example.org]:2222",
	    .jump = "jump.example.org",
	    .jump_user = "al",
	    .methods = "publickey+keyboard-interactive",
	    .host_key = "SHA256:abc",
	    .jump_host_key = "SHA256:def",
	    .counts = &counts};
	static struct entry entry;

	(void)state;
	for (int journal = 0; journal < 2; journal++) {
		begin(journal);
		WRITE(log_event(LOG_EVENT_LOGIN_ENDED, &context, "login ended: %s", "logout"));
		read_entry(&entry, journal);
		assert_string_equal(entry.text, "login ended: logout");
		assert_string_equal(of(&entry, "event", journal), "LOGIN_ENDED");
		assert_string_equal(of(&entry, "login", journal), context.login);
		assert_string_equal(of(&entry, "session", journal), context.session);
		assert_string_equal(of(&entry, "user", journal), "alice");
		assert_string_equal(of(&entry, "client", journal), "2001:db8::7");
		assert_string_equal(of(&entry, "host", journal), "[one.example.org]:2222");
		assert_string_equal(of(&entry, "jump_user", journal), "al");
		assert_string_equal(of(&entry, "host_key", journal), "SHA256:abc");
		assert_string_equal(of(&entry, "jump_host_key", journal), "SHA256:def");
		assert_string_equal(of(&entry, "duration_ms", journal), "61000");
		assert_string_equal(
		    of(&entry, "to_browser_bytes", journal), "18446744073709551615");
		assert_string_equal(of(&entry, "from_browser_bytes", journal), "0");
		assert_null(of(&entry, "admin", journal));
		/* 15 of the context, in the journal twice; the event; the journal's own four. */
		assert_int_equal(entry.count, journal ? 35 : 16);
		if (!journal)
			continue;
		assert_string_equal(field(&entry, "PRIORITY"), "6");
		assert_string_equal(field(&entry, "SYSLOG_IDENTIFIER"), "test");
		assert_string_equal(
		    field(&entry, "MESSAGE_ID"), "e0a7c3f1d88a4c8ea9c8b7d6b2f0fd15");
	}
}

static const char *const foreign[] = {
    "alice",
    "bob smith",
    "bob\" client=192.0.2.9",
    "\"bob\" event=LOGIN_OPENED login=0123456789abcdef",
    "event=LOGIN_OPENED",
    " event=LOGIN_OPENED user=root",
    "x\nx2goweb-brokerd: login opened event=LOGIN_OPENED user=root",
    "x\nMESSAGE=other\nX2GOWEB_USER=root\nMESSAGE_ID=c6c31a9e0c954f0f8b64a8f4f1c7ae13",
    "x\n\x04\0\0\0\0\0\0\0",
    "x\r\n<3>test: error",
    "\x1b]0;title\x07\x1b[2J",
    "\xc2\x9b"
    "2J", /* the same by one character */
    "\x7f\x01\x02",
    "\xff\xfe\x80", /* no UTF-8 */
    "cut \xe2\x82",
    "\xed\xa0\x80 \xc0\xaf", /* a surrogate; more bytes than it needs */
    "abc\xe2\x80\xae"
    "def", /* written from right to left */
    "abc\xe2\x80\xa8"
    "def",				  /* another end of line */
    "m\xc3\xbcller\xe2\x80\x83user=root", /* a blank that is not one */
    "%s%n%s%n",
    "'; $(reboot) `reboot` \\",
};
#define FOREIGN_COUNT (sizeof(foreign) / sizeof(foreign[0]))

/* Whether value may stand for what was given: its letters, cut and made harmless. */
static void assert_stands_for(const char *value, const char *given, size_t longest)
{
	size_t length = strlen(given);

	assert_non_null(value);
	assert_true(strlen(value) <= longest);
	if (wire_lines_are_clean(given, length) && strpbrk(given, "\n\"") == NULL &&
	    length <= longest)
		assert_string_equal(value, given);
	else
		assert_int_not_equal(value[0], 0);
}

static void check_foreign(const char *text, bool journal)
{
	const struct log_context context = {.login = "0123456789abcdef",
	    .session = text,
	    .user = text,
	    .server = text,
	    .client = text,
	    .error = "auth_failed",
	    .host = text,
	    .jump = text,
	    .jump_user = text,
	    .methods = text,
	    .host_key = text,
	    .jump_host_key = text,
	    .admin = text,
	    .counts = &counts};
	static const char *const names[] = {"session", "user", "server", "client", "host", "jump",
	    "jump_user", "methods", "host_key", "jump_host_key", "admin"};
	static struct entry entry;

	begin(journal);
	WRITE(log_event(LOG_EVENT_LOGIN_FAILED, &context, "%s", text));
	read_entry(&entry, journal);
	assert_stands_for(entry.text, text, 1023);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_stands_for(of(&entry, names[i], journal), text, journal ? 299 : 159);
	assert_string_equal(of(&entry, "event", journal), "LOGIN_FAILED");
	assert_string_equal(of(&entry, "login", journal), "0123456789abcdef");
	assert_string_equal(of(&entry, "error", journal), "auth_failed");
	/* Nothing was pushed out at the end, and nothing came in. */
	assert_string_equal(of(&entry, "from_browser_bytes", journal), "0");
	assert_int_equal(entry.count, journal ? 37 : 17);

	/* The same without anything behind it. */
	WRITE(log_warnx("%s", text));
	if (journal)
		read_journal(&entry);
	else
		read_stderr(&entry, "test: warning: ");
	assert_stands_for(entry.text, text, 1023);
	assert_int_equal(entry.count, journal ? 3 : 0);
}

static void test_foreign_text(void **state)
{
	static char full[FOREIGN_FULL + 1];

	(void)state;
	for (int journal = 0; journal < 2; journal++) {
		for (size_t i = 0; i < FOREIGN_COUNT; i++)
			check_foreign(foreign[i], journal);
		/* Too long, cut anywhere within a character, with what is worst at the end. */
		for (size_t offset = 0; offset < 4; offset++) {
			memset(full, 'a', sizeof(full) - 1);
			for (size_t i = offset; i + 4 < sizeof(full); i += 4)
				memcpy(full + i, "\xf0\x9f\x92\xa9", 4);
			check_foreign(full, journal);
			memset(full, '"', sizeof(full) - 1);
			check_foreign(full, journal);
			memset(full, '\n', sizeof(full) - 1);
			check_foreign(full, journal);
		}
	}
}

/* Any bytes at all: none of them may come through as anything but text. */
static void test_random_text(void **state)
{
	char text[1200];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		size_t length = 1 + (size_t)rand_r(&seed) % (round % 10 == 0 ? 1199 : 40);
		static const char likely[] = "\n\r\"= \x1b\xc2\x9b\xe2\x80\xae\\'eventuser";

		for (size_t i = 0; i < length; i++)
			if (rand_r(&seed) % 2)
				text[i] = (char)(1 + rand_r(&seed) % 255);
			else
				text[i] = likely[(size_t)rand_r(&seed) % (sizeof(likely) - 1)];
		text[length] = 0;
		check_foreign(text, round % 2);
	}
}

/* One mark for each character, however many bytes it had; one for each byte that is none. */
static void test_marks(void **state)
{
	static struct entry entry;

	(void)state;
	begin(true);
	WRITE(log_warnx("%s", "a\xe2\x80\xae"
			      "b\xc2\x9b"
			      "c\n\xff\xfe\xe2\x80"));
	read_journal(&entry);
	assert_string_equal(entry.text, "a?b?c?????");
}

static void test_cut_is_shown(void **state)
{
	static char full[FOREIGN_FULL + 1];
	const struct log_context context = {.user = full};
	static struct entry entry;

	(void)state;
	memset(full, 'a', sizeof(full) - 1);
	for (int journal = 0; journal < 2; journal++) {
		begin(journal);
		WRITE(log_about(&context, LOG_LEVEL_INFO, "%s", full));
		read_entry(&entry, journal);
		assert_int_equal(strlen(entry.text), 1023);
		assert_string_equal(entry.text + 1020, "...");
		assert_string_equal(of(&entry, "user", journal) + (journal ? 296 : 156), "...");
	}
}

/* What is audited is written whatever level the admin likes; the rest is not. */
static void test_levels(void **state)
{
	static struct entry entry;

	(void)state;
	begin(true);
	WRITE(log_init("test", LOG_LEVEL_ERROR));
	WRITE(log_warnx("nobody wants to know"));
	WRITE(log_info("nor this"));
	WRITE(log_event(LOG_EVENT_LOGIN_OPENED, NULL, "opened"));
	read_journal(&entry);
	assert_string_equal(entry.text, "opened");
	assert_string_equal(field(&entry, "PRIORITY"), "6");
	WRITE(log_event(LOG_EVENT_SOURCE_KEPT_AWAY, NULL, "kept away"));
	read_journal(&entry);
	assert_string_equal(field(&entry, "PRIORITY"), "4");
	errno = EACCES;
	WRITE(log_error("file"));
	read_journal(&entry);
	assert_string_equal(entry.text, "file: Permission denied");
	assert_int_equal(errno, EACCES);
}

/* A journal that takes nothing must not cost a line. */
static void test_journal_fails(void **state)
{
	static struct entry entry;

	(void)state;
	begin(true);
	close(world.journal); /* its name stays: connection refused */
	WRITE(log_event(LOG_EVENT_LOGIN_OPENED, NULL, "opened"));
	read_stderr(&entry, "test: ");
	assert_string_equal(field(&entry, "event"), "LOGIN_OPENED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_event),
	    cmocka_unit_test(test_foreign_text),
	    cmocka_unit_test(test_random_text),
	    cmocka_unit_test(test_marks),
	    cmocka_unit_test(test_cut_is_shown),
	    cmocka_unit_test(test_levels),
	    cmocka_unit_test(test_journal_fails),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
