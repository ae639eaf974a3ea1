/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/knownhosts: which keys of a file count for which host. The hashed lines were written by
 * ssh-keygen -H.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/knownhosts.h"
#include "proto/log.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6Py"
#define ECDSA                                                                                      \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCztEYWe496NmZFE" \
	"MddzeiRVXUiXRw8D+Y0uW4PaW/DY3zXmOkfS289wt+53iyBVIK33+g3D7HQUmaiHsTgzYzo="
#define HASHED	    "|1|YtpkH1ITU17P9reUUPf+s+kMOgg=|7dAO0flvIXw/35AhaB/h2oIfzyw= "
#define HASHED_2222 "|1|WPhh0haSAKJEkdSaDwrp2cwmB/g=|d9rtrZ+08QlqC1Yn1rbbWtrstrI= "

#define HOST "x2go.example.org"

static char path[] = "/tmp/x2goweb-test-knownhosts-XXXXXX";
static const struct knownhosts_files files = {path, NULL};
static char second_path[sizeof(path) + 8];
static unsigned log_lines;
static char last_log[400];

static void on_log(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(last_log, sizeof(last_log), "%s", text);
	log_lines++;
}

static const struct {
	const char *text, *host;
	uint16_t port;
	/* The keys in their order: d = ed25519, c = ecdsa, D and C revoked, A an authority. */
	const char *found;
	unsigned log_lines;
} cases[] = {
    {"", HOST, 22, "", 0},
    {HOST " " ED25519 "\n", HOST, 22, "d", 0},
    {HOST " " ED25519 " root@somewhere\n", HOST, 22, "d", 0},
    {"\n# comment\n   \n\t" HOST "\t" ED25519 "\r\n", HOST, 22, "d", 0},
    {HOST " " ED25519 "\n" HOST " " ECDSA "\n", HOST, 22, "dc", 0},
    {HOST " " ED25519 "\n" HOST " " ED25519 "\n", HOST, 22, "d", 0},
    {HOST " " ED25519 "\n", "X2GO.Example.ORG", 22, "d", 0},
    {"X2GO.Example.ORG " ED25519 "\n", HOST, 22, "d", 0},
    {HOST " " ED25519 "\n", "go.example.org", 22, "", 0},
    {HOST " " ED25519 "\n", "x2go.example.org.net", 22, "", 0},
    {"a,b," HOST ",c " ED25519 "\n", HOST, 22, "d", 0},
    {"192.0.2.7 " ED25519 "\n", "192.0.2.7", 22, "d", 0},
    {"2001:db8::7 " ED25519 "\n", "2001:db8::7", 22, "d", 0},
    /* The port is part of the name, unless it is 22. */
    {HOST " " ED25519 "\n", HOST, 2222, "", 0},
    {"[" HOST "]:2222 " ED25519 "\n", HOST, 2222, "d", 0},
    {"[" HOST "]:2222 " ED25519 "\n", HOST, 22, "", 0},
    {"[" HOST "]:2222 " ED25519 "\n", HOST, 222, "", 0},
    /* Hashed names. */
    {HASHED ED25519 "\n", HOST, 22, "d", 0},
    {HASHED ED25519 "\n", HOST, 2222, "", 0},
    {HASHED ED25519 "\n", "y2go.example.org", 22, "", 0},
    {HASHED_2222 ECDSA "\n", HOST, 2222, "c", 0},
    {"|1|YtpkH1ITU17P9reUUPf+s+kMOgg=| " ED25519 "\n", HOST, 22, "", 0},
    {"|2|YtpkH1ITU17P9reUUPf+s+kMOgg=|7dAO0flvIXw/35AhaB/h2oIfzyw= " ED25519 "\n", HOST, 22, "", 0},
    /* Patterns. */
    {"*.example.org " ED25519 "\n", HOST, 22, "d", 0},
    {"x?go.* " ED25519 "\n", HOST, 22, "d", 0},
    {"* " ED25519 "\n", HOST, 22, "d", 0},
    {"x2go.example.or? " ED25519 "\n", "x2go.example.or", 22, "", 0},
    {"*.example.org,!x2go.* " ED25519 "\n", HOST, 22, "", 0},
    {"!x2go.*,*.example.org " ED25519 "\n", HOST, 22, "", 0},
    {"!y.* " ED25519 "\n", HOST, 22, "", 0},
    {"[*.example.org]:* " ED25519 "\n", HOST, 2222, "d", 0},
    /* Marked lines. */
    {"@revoked " HOST " " ED25519 "\n" HOST " " ED25519 "\n" HOST " " ECDSA "\n", HOST, 22, "Dc",
	0},
    {HOST " " ED25519 "\n" HOST " " ECDSA "\n@revoked * " ED25519 "\n", HOST, 22, "Dc", 0},
    {"@revoked other.example " ED25519 "\n" HOST " " ED25519 "\n", HOST, 22, "d", 0},
    {"@revoked " HOST " " ED25519 "\n", HOST, 22, "D", 0},
    {"@revoked *.org,!x2go.* " ED25519 "\n" HOST " " ED25519 "\n", HOST, 22, "d", 0},
    {"@revoked " HOST " " ED25519 "\n[" HOST "]:2222 " ED25519 "\n", HOST, 2222, "D", 0},
    {"@revoked " HASHED ED25519 "\n", HOST, 22, "D", 0},
    {"@cert-authority * " ED25519 "\n" HOST " " ECDSA "\n", HOST, 22, "Ac", 0},
    {"@cert-authority * " ED25519 "\n" HOST " " ED25519 "\n", HOST, 22, "d", 0},
    {"@cert-authority * " ED25519 "\n@revoked * " ED25519 "\n", HOST, 22, "D", 0},
    {"@cert-authority * " ED25519 "\n", "other", 22, "A", 0},
    {"@revokedd " HOST " " ED25519 "\n", HOST, 22, "", 1},
    {"@ " HOST " " ED25519 "\n@revoked\n@revoked " HOST "\n", HOST, 22, "", 3},
    {"@revoked @cert-authority " HOST " " ED25519 "\n", HOST, 22, "", 0},
    /* What cannot be understood is passed over. */
    {HOST "\n" HOST " ssh-ed25519\n" HOST " " ECDSA "\n", HOST, 22, "c", 2},
    {HOST " ssh-ed25519 AAAA\n" HOST " " ECDSA "\n", HOST, 22, "c", 1},
    {HOST " ssh-ed25519 !!!!\n" HOST " " ECDSA "\n", HOST, 22, "c", 1},
    {HOST " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6P\n",
	HOST, 22, "", 1},
    {HOST " ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6Py\n", HOST,
	22, "", 1},
};

static void write_to(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void write_file(const char *text)
{
	write_to(path, text);
}

static char letter(const struct record_hostkey *key)
{
	bool ed25519 = strcmp(key->type, "ssh-ed25519") == 0;

	if (key->mark == HOST_KEY_AUTHORITY)
		return 'A';
	if (key->mark == HOST_KEY_REVOKED)
		return ed25519 ? 'D' : 'C';
	return ed25519 ? 'd' : 'c';
}

static void test_cases(void **state)
{
	struct record_hostkey keys[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char found[8] = "";
		size_t count = 0;

		write_file(cases[i].text);
		log_lines = 0;
		assert_true(
		    knownhosts_find(&files, cases[i].host, cases[i].port, 1, keys, 4, &count));
		for (size_t j = 0; j < count; j++) {
			found[j] = letter(&keys[j]);
			assert_int_equal(keys[j].hop, 1);
		}
		if (strcmp(found, cases[i].found) != 0)
			fail_msg("case %zu: found \"%s\", wanted \"%s\":\n%s", i, found,
			    cases[i].found, cases[i].text);
		if (log_lines != cases[i].log_lines)
			fail_msg("case %zu: %u log lines:\n%s", i, log_lines, cases[i].text);
	}
}

static void test_blob(void **state)
{
	static const uint8_t begin[] = {0, 0, 0, 11, 's', 's', 'h', '-', 'e', 'd', '2', '5', '5',
	    '1', '9', 0, 0, 0, 32, 0xde, 0x58, 0xaa};
	struct record_hostkey key;
	size_t count = 0;

	(void)state;
	write_file(HOST " " ED25519 "\n");
	assert_true(knownhosts_find(&files, HOST, 22, 0, &key, 1, &count));
	assert_int_equal(count, 1);
	assert_int_equal(key.blob_length, 4 + 11 + 4 + 32);
	assert_memory_equal(key.blob, begin, sizeof(begin));
}

static void test_too_many(void **state)
{
	struct record_hostkey keys[2];
	size_t count = 0;

	(void)state;
	write_file(HOST " " ED25519 "\n" HOST " " ECDSA "\n");
	log_lines = 0;
	assert_true(knownhosts_find(&files, HOST, 22, 0, keys, 1, &count));
	assert_int_equal(count, 1);
	assert_int_equal(letter(&keys[0]), 'd');
	assert_int_equal(log_lines, 1);
	/* Authorities make room, then trusted keys. */
	write_file("@cert-authority * " ED25519 "\n" HOST " " ECDSA "\n");
	count = 0;
	assert_true(knownhosts_find(&files, HOST, 22, 0, keys, 1, &count));
	assert_int_equal(letter(&keys[0]), 'c');
	write_file(HOST " " ED25519 "\n@revoked * " ECDSA "\n" HOST " " ECDSA "\n");
	count = 0;
	assert_true(knownhosts_find(&files, HOST, 22, 0, keys, 1, &count));
	assert_int_equal(letter(&keys[0]), 'C');
	/* A revoked key must not get lost. */
	write_file("@revoked * " ED25519 "\n@revoked * " ECDSA "\n");
	count = 0;
	assert_false(knownhosts_find(&files, HOST, 22, 0, keys, 1, &count));
	assert_int_equal(errno, E2BIG);
	assert_int_equal(count, 0);
	/* What is there already is another hop's, and does not make room. */
	keys[0] = (struct record_hostkey){.hop = 0, .mark = HOST_KEY_AUTHORITY, .type = "x"};
	count = 1;
	assert_false(knownhosts_find(&files, HOST, 22, 1, keys, 2, &count));
	assert_int_equal(count, 1);
	assert_int_equal(keys[0].mark, HOST_KEY_AUTHORITY);
}

static void test_hops(void **state)
{
	struct record_hostkey keys[4];
	size_t count = 0;

	(void)state;
	write_file("gate " ED25519 "\n" HOST " " ED25519 "\n" HOST " " ECDSA "\n");
	assert_true(knownhosts_find(&files, "gate", 22, 0, keys, 4, &count));
	assert_true(knownhosts_find(&files, HOST, 22, 1, keys, 4, &count));
	assert_int_equal(count, 3);
	assert_int_equal(keys[0].hop, 0);
	assert_int_equal(keys[1].hop, 1);
	assert_int_equal(keys[2].hop, 1);
	assert_int_equal(letter(&keys[2]), 'c');
}

static void test_two_files(void **state)
{
	const struct knownhosts_files both = {path, second_path};
	struct record_hostkey keys[4];
	size_t count = 0;

	(void)state;
	write_file("@revoked * " ECDSA "\n");
	write_to(second_path, HOST " " ED25519 "\n" HOST " " ECDSA "\n");
	assert_true(knownhosts_find(&both, HOST, 22, 0, keys, 4, &count));
	assert_int_equal(count, 2);
	assert_int_equal(letter(&keys[0]), 'C');
	assert_int_equal(letter(&keys[1]), 'd');
	/* For the journal: both files, with lines. */
	log_lines = 0;
	knownhosts_log(&both, HOST, 22, &(struct log_context){0});
	assert_int_equal(log_lines, 3);
	assert_non_null(strstr(last_log, "ecdsa-sha2-nistp256 SHA256:"));
	assert_non_null(strstr(last_log, ".second:2)"));
	assert_int_equal(unlink(second_path), 0);
	count = 0;
	assert_true(knownhosts_find(&both, HOST, 22, 0, keys, 4, &count));
	assert_int_equal(count, 1);
}

/* Whatever else stands in the file, the good line is found. */
static void test_garbage(void **state)
{
	struct record_hostkey keys[2];
	unsigned seed = 4711;
	FILE *file = fopen(path, "w");
	size_t count = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		seed = seed * 1103515245 + 12345;
		fputc((int)(seed >> 16 & 0xff), file);
	}
	fprintf(file, "\n" HOST " " ED25519 "\n");
	/* Huge lines: a name, and a key. */
	fprintf(file, HOST ",");
	for (unsigned i = 0; i < 3000000; i++)
		fputc('a' + (int)(i % 26), file);
	fprintf(file, " " ED25519 "\n" HOST " ssh-rsa ");
	for (unsigned i = 0; i < 4000000; i++)
		fputc('A', file);
	fprintf(file, "\n%cX%c\n\n", 0, 0);
	fprintf(file, "@revoked " HOST " " ECDSA);
	assert_int_equal(fclose(file), 0);
	assert_true(knownhosts_find(&files, HOST, 22, 0, keys, 2, &count));
	assert_int_equal(count, 2);
	assert_int_equal(letter(&keys[0]), 'd');
	assert_int_equal(letter(&keys[1]), 'C');
}

/* Stars and letters in turn: matching must not take for ever. */
static void test_costly_pattern(void **state)
{
	struct record_hostkey key;
	char text[1200] = "", name[250];
	size_t count = 0;

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		strcat(text, "*a");
	strcat(text, "*b " ED25519 "\n");
	write_file(text);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_true(knownhosts_find(&files, name, 22, 0, &key, 1, &count));
	assert_int_equal(count, 0);
	name[sizeof(name) - 2] = 'b';
	assert_true(knownhosts_find(&files, name, 22, 0, &key, 1, &count));
	assert_int_equal(count, 1);
}

static void test_names(void **state)
{
	char name[KNOWNHOSTS_NAME_BYTES], host[300];

	(void)state;
	assert_true(knownhosts_name("Host.Example", 22, name));
	assert_string_equal(name, "host.example");
	assert_true(knownhosts_name("fe80::1%eth0", 65535, name));
	assert_string_equal(name, "[fe80::1%eth0]:65535");
	memset(host, 'a', sizeof(host));
	host[255] = 0;
	assert_true(knownhosts_name(host, 65535, name));
	host[255] = 'a';
	host[265] = 0;
	assert_false(knownhosts_name(host, 22, name));
	assert_false(knownhosts_name("", 22, name));
	assert_false(knownhosts_name("a b", 22, name));
	assert_false(knownhosts_name("a,b", 22, name));
	assert_false(knownhosts_name("|1|a", 22, name));
	assert_false(knownhosts_name("*", 22, name));
	assert_false(knownhosts_name("[a]", 22, name));
	assert_false(knownhosts_name("a\n", 22, name));
}

static void test_no_file(void **state)
{
	const struct knownhosts_files missing = {"/nonexistent/known_hosts", "/nonexistent/more"};
	const struct knownhosts_files folder = {"/", NULL}, second = {path, "/"};
	struct record_hostkey key;
	size_t count = 0;

	(void)state;
	assert_true(knownhosts_find(&missing, HOST, 22, 0, &key, 1, &count));
	assert_int_equal(count, 0);
	assert_false(knownhosts_find(&folder, HOST, 22, 0, &key, 1, &count));
	assert_int_equal(errno, EISDIR);
	write_file(HOST " " ED25519 "\n");
	assert_false(knownhosts_find(&second, HOST, 22, 0, &key, 1, &count));
	assert_int_equal(errno, EISDIR);
	assert_int_equal(count, 0);
	assert_false(knownhosts_find(&files, "two words", 22, 0, &key, 1, &count));
	assert_int_equal(errno, EINVAL);
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	log_set_sink(on_log, NULL);
	snprintf(second_path, sizeof(second_path), "%s.second", path);
	return fd >= 0 ? close(fd) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_blob), cmocka_unit_test(test_too_many),
	    cmocka_unit_test(test_hops), cmocka_unit_test(test_two_files),
	    cmocka_unit_test(test_garbage), cmocka_unit_test(test_costly_pattern),
	    cmocka_unit_test(test_names), cmocka_unit_test(test_no_file)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
