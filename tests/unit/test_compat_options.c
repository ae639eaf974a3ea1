/* links: brokerd/compat_options.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/compat_options: upstream's file as its packages have it, and wrong ones.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/compat_options.h"

static struct compat_options options;
static char why[200];

static bool read_text(const char *text)
{
	char path[] = "/tmp/x2gows.options-XXXXXX";
	int fd = mkstemp(path);
	bool good;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	good = compat_options_read(path, &options, why, sizeof(why));
	unlink(path);
	assert_int_equal(good, why[0] == 0);
	return good;
}

static void test_upstreams_file(void **state)
{
	(void)state;
	assert_true(read_text("ws_proto=wss\nssl_cert=/etc/nginx/private/server.crt\n"
			      "ssl_key=/etc/nginx/private/server.key\nssl_only=true\n"
			      "log_dir=/var/log/x2gows\n"));
	assert_true(options.tls);
	assert_string_equal(options.certificate, "/etc/nginx/private/server.crt");
	assert_string_equal(options.key, "/etc/nginx/private/server.key");
}

static void test_others(void **state)
{
	(void)state;
	assert_true(read_text(""));
	assert_false(options.tls);
	assert_true(read_text("# nothing\n\nlater = 1\n"));
	assert_true(read_text("ws_proto = ws\nssl_cert = /a\n"));
	assert_false(options.tls);
	assert_false(read_text("ws_proto=tls\n"));
	assert_string_equal(why, "ws_proto is neither ws nor wss");
	assert_false(read_text("ws_proto=wss\nssl_cert=/a\n"));
	assert_string_equal(why, "ws_proto is wss, but ssl_cert or ssl_key is missing");
	assert_false(read_text("ssl_key=key.pem\n"));
	assert_string_equal(why, "ssl_key is no absolute path");
	assert_false(read_text("ws_proto=ws\nnonsense\n"));
	assert_string_equal(why, "line 2 is no key = value");
	assert_false(compat_options_read("/nonexistent/file", &options, why, sizeof(why)));
	assert_string_equal(why, "No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_upstreams_file),
	    cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
