/* links: proto brokerd/knownhosts.c brokerd/knownhosts_edit.c brokerd/knownhosts_line.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/knownhosts_edit: what a change leaves as it was, that readers see the old file or the new
 * one, that no writer undoes another one's work, and what accept-new may add.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/knownhosts.h"
#include "brokerd/knownhosts_edit.h"
#include "proto/log.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6Py"
#define OTHER	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfRokQ/9R3y6bc+tk4Wr6yi6M73hmbyYsYGUgtV/NYE"
#define ECDSA                                                                                      \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCztEYWe496NmZFE" \
	"MddzeiRVXUiXRw8D+Y0uW4PaW/DY3zXmOkfS289wt+53iyBVIK33+g3D7HQUmaiHsTgzYzo="
#define HASHED "|1|YtpkH1ITU17P9reUUPf+s+kMOgg=|7dAO0flvIXw/35AhaB/h2oIfzyw= "
#define HOST   "x2go.example.org"

#define WRITERS 6
#define LINES	30 /* of each */

static char folder[] = "/tmp/x2goweb-test-edit-XXXXXX";
static char path[64], admins[64];
static const struct knownhosts_files files = {admins, path};

static void on_log(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static char *read_file(void)
{
	static char text[8 << 20]; /* no file is larger */
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

static unsigned count_files(void)
{
	char command[128];
	unsigned count;
	FILE *pipe;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", folder);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%u", &count), 1);
	pclose(pipe);
	return count;
}

static struct knownhosts_edit *open_edit(void)
{
	struct knownhosts_edit *edit = knownhosts_edit_open(path, false);

	assert_non_null(edit);
	return edit;
}

static void add(const char *line)
{
	struct knownhosts_edit *edit = open_edit();

	assert_true(knownhosts_edit_add(edit, line));
	assert_true(knownhosts_edit_commit(edit));
	knownhosts_edit_close(edit);
}

static pid_t spawn(void (*run)(unsigned), unsigned number)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	run(number);
	_exit(0);
}

static void await(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- add ---------------------------------------------------------------------------------- */

static void test_add(void **state)
{
	struct stat status;

	(void)state;
	add(HOST " " ED25519);
	assert_string_equal(read_file(), HOST " " ED25519 "\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	add(HOST " " ECDSA " comment");
	assert_string_equal(read_file(), HOST " " ED25519 "\n" HOST " " ECDSA " comment\n");
	assert_int_equal(count_files(), 1);
	/* The last line has no end. */
	write_file(path, "# mine\r\n\n\tbad\n" HOST " " ED25519);
	add("a " ECDSA);
	assert_string_equal(read_file(), "# mine\r\n\n\tbad\n" HOST " " ED25519 "\na " ECDSA "\n");
}

static void test_owner_and_mode(void **state)
{
	struct stat status;

	(void)state;
	write_file(path, "");
	assert_int_equal(chmod(path, 0640), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 12345, 12346), 0);
	add(HOST " " ED25519);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		assert_int_equal(status.st_uid, 12345);
		assert_int_equal(status.st_gid, 12346);
	}
}

/* The broker's own folder, in which root has left a file. */
static void replace_as_nobody(unsigned unused)
{
	(void)unused;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		_exit(1);
	add(HOST " " ED25519);
}

static void test_file_of_another(void **state)
{
	struct stat status;

	(void)state;
	if (geteuid() != 0)
		skip();
	write_file(path, "");
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chown(folder, 65534, 65534), 0);
	await(spawn(replace_as_nobody, 0));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, 65534);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_string_equal(read_file(), HOST " " ED25519 "\n");
}

static void test_not_committed(void **state)
{
	struct knownhosts_edit *edit;
	struct stat before, after;

	(void)state;
	write_file(path, HOST " " ED25519 "\n");
	assert_int_equal(stat(path, &before), 0);
	edit = open_edit();
	assert_true(knownhosts_edit_add(edit, "a " ECDSA));
	knownhosts_edit_close(edit);
	/* Nothing changed: nothing written. */
	edit = open_edit();
	assert_true(knownhosts_edit_commit(edit));
	knownhosts_edit_close(edit);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_string_equal(read_file(), HOST " " ED25519 "\n");
}

static void test_refused(void **state)
{
	char target[100], big[1000];
	FILE *file;

	(void)state;
	snprintf(target, sizeof(target), "%s/target", folder);
	write_file(target, "");
	assert_int_equal(symlink(target, path), 0);
	assert_null(knownhosts_edit_open(path, false));
	assert_int_equal(errno, ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_null(knownhosts_edit_open(path, false));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_null(knownhosts_edit_open(path, false));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_null(knownhosts_edit_open("/nonexistent/known_hosts", false));
	assert_int_equal(errno, ENOENT);
	/* 8 MiB are too many. */
	memset(big, '#', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\n';
	file = fopen(path, "w");
	for (unsigned i = 0; i < 8389; i++)
		fwrite(big, 1, sizeof(big), file);
	assert_int_equal(fclose(file), 0);
	assert_null(knownhosts_edit_open(path, false));
	assert_int_equal(errno, EFBIG);
}

/* --- remove ------------------------------------------------------------------------------- */

static void note_fate(
    unsigned number, enum knownhosts_fate fate, const struct knownhosts_line *line, void *arg)
{
	char *fates = arg;

	assert_true(line->hosts_length > 0);
	snprintf(fates + strlen(fates), 40, "%u%c ", number, "RPM"[fate]);
}

static const struct {
	const char *text, *name, *type;
	const char *fates; /* line numbers: R = removed, P, M = kept for a pattern, a mark */
	const char *after; /* NULL: as it was */
} removals[] = {
    {"", HOST, NULL, "", NULL},
    {"# a\n" HOST " " ED25519 "\n\nb " ECDSA "\n", HOST, NULL, "2R ", "# a\n\nb " ECDSA "\n"},
    {HOST " " ED25519, HOST, NULL, "1R ", ""},
    {HOST " " ED25519 "\n" HOST " " ECDSA "\n", HOST, "ssh-ed25519", "1R ", HOST " " ECDSA "\n"},
    {HOST " " ED25519 "\n", HOST, "ssh-rsa", "", NULL},
    {HOST " " ED25519 "\r\nb " ECDSA "\r\n", HOST, NULL, "1R ", "b " ECDSA "\r\n"},
    {"[" HOST "]:2222 " ED25519 "\n" HOST " " ED25519 "\n", "[" HOST "]:2222", NULL, "1R ",
	HOST " " ED25519 "\n"},
    /* One of several names. */
    {"a," HOST ",b " ED25519 " c\n", HOST, NULL, "1R ", "a,b " ED25519 " c\n"},
    {HOST ",b\t" ED25519, HOST, NULL, "1R ", "b\t" ED25519},
    {"  a," HOST " " ED25519 "\nc " ECDSA "\n", HOST, NULL, "1R ",
	"  a " ED25519 "\nc " ECDSA "\n"},
    {"a,," HOST " " ED25519 "\n", HOST, NULL, "1R ", "a " ED25519 "\n"},
    {HOST "," HOST " " ED25519 "\n", HOST, NULL, "1R ", ""},
    {HOST ",!b " ED25519 "\n", HOST, NULL, "1R ", ""},
    {"X2GO.example.ORG " ED25519 "\n", HOST, NULL, "1R ", ""},
    /* Hashed. */
    {"a " ECDSA "\n" HASHED ED25519 "\n", HOST, NULL, "2R ", "a " ECDSA "\n"},
    {HASHED ED25519 "\n", "b", NULL, "", NULL},
    /* For more than this host. */
    {"*.example.org " ED25519 "\n" HOST " " ECDSA "\n", HOST, NULL, "1P 2R ",
	"*.example.org " ED25519 "\n"},
    {"@revoked " HOST " " ED25519 "\n@cert-authority * " ECDSA "\n" HOST " " ECDSA "\n", HOST, NULL,
	"1M 2M 3R ", "@revoked " HOST " " ED25519 "\n@cert-authority * " ECDSA "\n"},
    {"*.org,!" HOST " " ED25519 "\n", HOST, NULL, "", NULL},
    /* What is not understood is not ours. */
    {HOST " ssh-ed25519 AAAA\n" HOST "\n", HOST, NULL, "", NULL},
};

static void test_remove(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++) {
		const char *after =
		    removals[i].after != NULL ? removals[i].after : removals[i].text;
		struct knownhosts_edit *edit;
		char fates[200] = "", again[200] = "";

		write_file(path, removals[i].text);
		edit = open_edit();
		knownhosts_edit_remove(edit, removals[i].name, removals[i].type, note_fate, fates);
		assert_true(knownhosts_edit_commit(edit));
		if (strcmp(fates, removals[i].fates) != 0 || strcmp(read_file(), after) != 0)
			fail_msg("case %zu: \"%s\", left\n%s", i, fates, read_file());
		knownhosts_edit_remove(edit, removals[i].name, removals[i].type, note_fate, again);
		assert_null(strchr(again, 'R'));
		knownhosts_edit_close(edit);
	}
}

/* --- several at once ---------------------------------------------------------------------- */

static void test_lock(void **state)
{
	struct knownhosts_edit *edit = open_edit();

	(void)state;
	assert_null(knownhosts_edit_open(path, false));
	assert_int_equal(errno, EWOULDBLOCK);
	knownhosts_edit_close(edit);
	knownhosts_edit_close(open_edit());
}

static void write_lines(unsigned writer)
{
	for (unsigned i = 0; i < LINES; i++) {
		struct knownhosts_edit *edit = knownhosts_edit_open(path, true);
		char line[300];

		snprintf(line, sizeof(line), "host%u-%u " ECDSA, writer, i);
		if (edit == NULL || !knownhosts_edit_add(edit, line) ||
		    !knownhosts_edit_commit(edit))
			_exit(1);
		knownhosts_edit_close(edit);
	}
}

/* How many lines there are; all must be whole. */
static unsigned count_lines(void)
{
	const char *text = read_file();
	unsigned count = 0;

	for (const char *end; *text != 0; text = end + 1) {
		struct knownhosts_line line;

		end = strchr(text, '\n');
		if (end == NULL ||
		    knownhosts_line_parse(text, (size_t)(end - text), &line) != KNOWNHOSTS_KEY)
			return 0;
		count++;
	}
	return count;
}

/* Reads until all is there; the number of lines must never get smaller. */
static void read_lines(unsigned unused)
{
	unsigned count = 1, seen;

	(void)unused;
	while (count < WRITERS * LINES + 1) {
		seen = count_lines();
		if (seen < count)
			_exit(1);
		count = seen;
	}
}

static void test_writers_at_once(void **state)
{
	pid_t pids[WRITERS + 1];

	(void)state;
	write_file(path, HOST " " ED25519 "\n");
	pids[WRITERS] = spawn(read_lines, 0);
	for (unsigned i = 0; i < WRITERS; i++)
		pids[i] = spawn(write_lines, i);
	for (unsigned i = 0; i <= WRITERS; i++)
		await(pids[i]);
	assert_int_equal(count_lines(), WRITERS * LINES + 1);
	for (unsigned i = 0; i < WRITERS * LINES; i++) {
		char name[40];

		snprintf(name, sizeof(name), "\nhost%u-%u ", i / LINES, i % LINES);
		assert_non_null(strstr(read_file(), name));
	}
	assert_int_equal(count_files(), 1);
}

/* Writes until a byte goes over the limit: with SIGXFSZ as usual that ends the process at once. */
static void write_too_much(unsigned ignoring)
{
	const struct rlimit limit = {1000, 1000};
	struct knownhosts_edit *edit = knownhosts_edit_open(path, false);

	signal(SIGXFSZ, ignoring != 0 ? SIG_IGN : SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	setrlimit(RLIMIT_FSIZE, &limit);
	for (unsigned i = 0; i < 20; i++)
		knownhosts_edit_add(edit, HOST " " ECDSA);
	if (knownhosts_edit_commit(edit) || errno != EFBIG)
		_exit(1);
	knownhosts_edit_close(edit);
}

static void test_killed_halfway(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	write_file(path, HOST " " ED25519 "\n");
	pid = spawn(write_too_much, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	assert_string_equal(read_file(), HOST " " ED25519 "\n");
	assert_int_equal(count_files(), 2);
	/* The next one is not in its way, and tidies up. */
	add("a " ECDSA);
	assert_string_equal(read_file(), HOST " " ED25519 "\na " ECDSA "\n");
	assert_int_equal(count_files(), 1);
	/* A full disk. */
	await(spawn(write_too_much, 1));
	assert_string_equal(read_file(), HOST " " ED25519 "\na " ECDSA "\n");
	assert_int_equal(count_files(), 1);
}

static void write_for_ever(unsigned unused)
{
	(void)unused;
	for (unsigned i = 0; i < 200; i++)
		write_lines(i);
}

static void test_killed_anywhere(void **state)
{
	unsigned count = 1;

	(void)state;
	write_file(path, HOST " " ED25519 "\n");
	for (unsigned i = 0; i < 20; i++) {
		pid_t pid = spawn(write_for_ever, 0);
		unsigned wanted = count + i % 3, seen;

		while ((seen = count_lines()) < wanted && seen >= count)
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		assert_true(count_lines() >= count);
		count = count_lines();
	}
	add("a " ED25519);
	assert_int_equal(count_lines(), count + 1);
	assert_int_equal(count_files(), 1);
}

/* --- accept-new --------------------------------------------------------------------------- */

static struct record_hostkey key_of(const char *text)
{
	struct knownhosts_line line;
	char whole[400];

	snprintf(whole, sizeof(whole), "h %s", text);
	assert_int_equal(knownhosts_line_parse(whole, strlen(whole), &line), KNOWNHOSTS_KEY);
	return line.key;
}

static enum error_code accept_key(const char *host, uint16_t port, const char *text)
{
	struct record_hostkey key = key_of(text);
	const char *detail = NULL;
	enum error_code error =
	    knownhosts_accept(&files, host, port, key.blob, key.blob_length, &detail);

	if (error != ERROR_NONE)
		assert_non_null(detail);
	return error;
}

static void test_accept(void **state)
{
	struct record_hostkey keys[4];
	struct stat before, after;
	size_t count = 0;

	(void)state;
	assert_int_equal(accept_key(HOST, 2222, ED25519), ERROR_NONE);
	assert_int_equal(
	    strncmp(read_file(), "[" HOST "]:2222 " ED25519 " accepted-new-20", 120), 0);
	assert_true(knownhosts_find(&files, HOST, 2222, 1, keys, 4, &count));
	assert_int_equal(count, 1);
	assert_int_equal(keys[0].mark, HOST_KEY_TRUSTED);
	/* The same once more: done already. */
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(accept_key(HOST, 2222, ED25519), ERROR_NONE);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* Another one was quicker. */
	assert_int_equal(accept_key(HOST, 2222, OTHER), ERROR_HOST_KEY_CHANGED);
	assert_int_equal(accept_key(HOST, 2222, ECDSA), ERROR_HOST_KEY_CHANGED);
	assert_int_equal(accept_key(HOST, 22, OTHER), ERROR_NONE);
	assert_int_equal(count_lines(), 2);
}

static void test_accept_against_admin(void **state)
{
	(void)state;
	write_file(admins, "*.example.org " ED25519 "\n");
	assert_int_equal(accept_key(HOST, 22, OTHER), ERROR_HOST_KEY_CHANGED);
	assert_int_equal(accept_key(HOST, 22, ED25519), ERROR_NONE);
	assert_int_not_equal(access(path, F_OK), 0);
	write_file(admins, "@revoked * " OTHER "\n@cert-authority * " ED25519 "\n");
	assert_int_equal(accept_key(HOST, 22, OTHER), ERROR_HOST_KEY_REVOKED);
	assert_int_equal(accept_key("OTHER.example", 22, ECDSA), ERROR_NONE);
	assert_int_equal(strncmp(read_file(), "other.example ecdsa", 19), 0);
	/* Revocations that cannot be read. */
	assert_int_equal(unlink(admins), 0);
	assert_int_equal(mkdir(admins, 0755), 0);
	assert_int_equal(accept_key("third.example", 22, ECDSA), ERROR_INTERNAL);
	assert_int_equal(rmdir(admins), 0);
	assert_int_equal(count_lines(), 1);
}

static void test_accept_fails(void **state)
{
	const struct knownhosts_files nowhere = {admins, "/nonexistent/known_hosts"};
	struct knownhosts_edit *edit = open_edit();
	struct record_hostkey key = key_of(ECDSA);
	const char *detail = NULL;

	(void)state;
	assert_int_equal(accept_key(HOST, 22, ECDSA), ERROR_INTERNAL);
	knownhosts_edit_close(edit);
	assert_int_equal(knownhosts_accept(&nowhere, HOST, 22, key.blob, key.blob_length, &detail),
	    ERROR_INTERNAL);
	assert_int_equal(accept_key("a,b", 22, ECDSA), ERROR_INTERNAL);
	assert_int_equal(accept_key("*", 22, ECDSA), ERROR_INTERNAL);
	assert_int_equal(accept_key("a b", 22, ECDSA), ERROR_INTERNAL);
	assert_int_equal(accept_key("", 22, ECDSA), ERROR_INTERNAL);
	assert_int_equal(knownhosts_accept(&files, HOST, 22, key.blob, 3, &detail), ERROR_INTERNAL);
	assert_int_equal(
	    knownhosts_accept(&files, HOST, 22, key.blob, 70000, &detail), ERROR_INTERNAL);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* --- all ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	log_set_sink(on_log, NULL);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/known_hosts", folder);
	snprintf(admins, sizeof(admins), "%s.admins", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s %s", folder, admins);
	return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_add), TEST(test_owner_and_mode),
	    TEST(test_file_of_another), TEST(test_not_committed), TEST(test_refused),
	    TEST(test_remove), TEST(test_lock), TEST(test_writers_at_once),
	    TEST(test_killed_halfway), TEST(test_killed_anywhere), TEST(test_accept),
	    TEST(test_accept_against_admin), TEST(test_accept_fails)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
