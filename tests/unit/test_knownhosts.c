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
static unsigned log_lines;

static void on_log(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
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

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
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
	struct record_hostkey key;
	size_t count = 0;

	(void)state;
	write_file(HOST " " ED25519 "\n" HOST " " ECDSA "\n");
	log_lines = 0;
	assert_true(knownhosts_find(&files, HOST, 22, 0, &key, 1, &count));
	assert_int_equal(count, 1);
	assert_int_equal(log_lines, 1);
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
	    cmocka_unit_test(test_no_file)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
