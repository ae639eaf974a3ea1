/* links: proto fcgi */
/* SPDX-License-Identifier: ISC */
/*
 * fcgi/http_guard: tables of requests and what becomes of them, and the table of calls.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "fcgi/http_guard.h"
#include "fcgi/json_read.h"
#include "fcgi/rpc_table.h"

#define COOKIE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM-_09"
#define LOGIN  "0123456789abcdef"

static const struct http_request good = {
    .method = "POST",
    .uri = "/x2go/rpc/login",
    .scheme = "https",
    .host = "gate.example:8443",
    .origin = "https://gate.example:8443",
    .sec_fetch_site = "same-origin",
    .content_type = "application/json",
    .content_length = "17",
};

static enum error_code check(const struct http_request *request, const struct http_origins *origins)
{
	static const struct http_origins none;
	const struct rpc_call *call;
	const char *detail;
	size_t bytes;

	return http_guard_check(request, origins != NULL ? origins : &none, &call, &bytes, &detail);
}

static void test_good(void **state)
{
	const struct http_origins none = {.count = 0};
	const struct rpc_call *call;
	const char *detail;
	size_t bytes;

	(void)state;
	assert_int_equal(http_guard_check(&good, &none, &call, &bytes, &detail), ERROR_NONE);
	assert_string_equal(call->name, "login");
	assert_int_equal(bytes, 17);
}

static void test_paths(void **state)
{
	static const struct {
		const char *uri, *call;
	} table[] = {
	    {"/x2go/rpc/login", "login"},
	    {"/rpc/login", "login"},
	    {"/a/b/c/rpc/sessions", "sessions"},
	    {"/x2go/rpc/login?x=/rpc/logout", "login"},
	    {"/x2go/rpc/login#rpc", "login"},
	    {"https://gate.example/x2go/rpc/login", "login"},
	    {NULL, NULL},
	    {"", NULL},
	    {"/", NULL},
	    {"login", NULL},
	    {"rpc/login", NULL},
	    {"/login", NULL},
	    {"/x2go/rpc/", NULL},
	    {"/x2go/rpc", NULL},
	    {"/x2go/rpc/login/", NULL},
	    {"/x2go/rpc//login", NULL},
	    {"/x2go/xrpc/login", NULL},
	    {"/x2go/rpc/LOGIN", NULL},
	    {"/x2go/rpc/logi", NULL},
	    {"/x2go/rpc/loginx", NULL},
	    {"/x2go/rpc/login%20", NULL},
	    {"/x2go/rpc/%6cogin", NULL},
	    {"/x2go?/rpc/login", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct http_request request = good;
		const struct http_origins none = {.count = 0};
		const struct rpc_call *call;
		const char *detail;
		size_t bytes;
		enum error_code error;

		request.uri = table[i].uri;
		error = http_guard_check(&request, &none, &call, &bytes, &detail);
		if (table[i].call == NULL) {
			assert_int_equal(error, ERROR_NOT_FOUND);
			assert_null(call);
		} else {
			assert_int_equal(error, ERROR_NONE);
			assert_string_equal(call->name, table[i].call);
		}
	}
}

/* What watches the gateway asks beside the page's calls. */
static void test_outside(void **state)
{
	static const struct {
		const char *uri, *method, *call;
		enum error_code error;
	} table[] = {
	    {"/x2go/health", "GET", "health", ERROR_NONE},
	    {"/health?full", "GET", "health", ERROR_NONE},
	    {"/x2go/metrics", "GET", "metrics", ERROR_NONE},
	    {"/x2go/metrics", "POST", "metrics", ERROR_METHOD_NOT_ALLOWED},
	    {"/x2go/rpc/metrics", "GET", NULL, ERROR_NOT_FOUND},
	    {"/x2go/config", "GET", NULL, ERROR_NOT_FOUND},
	    {"/x2go/rpc/x/metrics", "GET", NULL, ERROR_NOT_FOUND},
	    {"/x2go/rpc//metrics", "GET", NULL, ERROR_NOT_FOUND},
	    {"/x2go/rp%63/x/metrics", "GET", NULL, ERROR_NOT_FOUND},
	    {"/x2go/metrics?from=/rpc/x%20", "GET", "metrics", ERROR_NONE},
	    {"/x2go/metrics/", "GET", NULL, ERROR_NOT_FOUND},
	    {"metrics", "GET", NULL, ERROR_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct http_origins none = {.count = 0};
		struct http_request request = {.uri = table[i].uri, .method = table[i].method};
		const struct rpc_call *call;
		const char *detail;
		size_t bytes;

		assert_int_equal(
		    http_guard_check(&request, &none, &call, &bytes, &detail), table[i].error);
		assert_int_equal(call == NULL, table[i].call == NULL);
		if (call != NULL)
			assert_string_equal(call->name, table[i].call);
	}
}

static void test_upstreams_call(void **state)
{
	static const struct {
		const char *type;
		enum error_code error;
	} table[] = {
	    {"application/x-www-form-urlencoded", ERROR_NONE},
	    {"application/x-www-form-urlencoded; charset=UTF-8", ERROR_NONE},
	    {"application/json", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"text/plain", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {NULL, ERROR_UNSUPPORTED_MEDIA_TYPE},
	};
	struct http_request request = good;

	(void)state;
	request.uri = "/x2go/assets/rpc/x2gorpc.cgi";
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		request.content_type = table[i].type;
		assert_int_equal(check(&request, NULL), table[i].error);
	}
	request.content_type = table[0].type;
	request.origin = "https://evil.example";
	assert_int_equal(check(&request, NULL), ERROR_BAD_ORIGIN);
	request.origin = NULL;
	assert_int_equal(check(&request, NULL), ERROR_BAD_ORIGIN);
	request = good;
	request.content_type = table[0].type;
	assert_int_equal(check(&request, NULL), ERROR_UNSUPPORTED_MEDIA_TYPE);
}

static void test_methods(void **state)
{
	static const struct {
		const char *uri, *method;
		enum error_code error;
	} table[] = {
	    {"/rpc/login", "POST", ERROR_NONE},
	    {"/rpc/login", "GET", ERROR_METHOD_NOT_ALLOWED},
	    {"/rpc/login", "post", ERROR_METHOD_NOT_ALLOWED},
	    {"/rpc/login", "OPTIONS", ERROR_METHOD_NOT_ALLOWED},
	    {"/rpc/login", "", ERROR_METHOD_NOT_ALLOWED},
	    {"/rpc/login", NULL, ERROR_METHOD_NOT_ALLOWED},
	    {"/rpc/config", "GET", ERROR_NONE},
	    {"/rpc/config", "HEAD", ERROR_METHOD_NOT_ALLOWED},
	    {"/rpc/config", "POST", ERROR_METHOD_NOT_ALLOWED},
	    {"/rpc/nothing", "DELETE", ERROR_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct http_request request = good;

		request.uri = table[i].uri;
		request.method = table[i].method;
		assert_int_equal(check(&request, NULL), table[i].error);
	}
}

/* A GET needs no more than its path. */
static void test_get_is_plain(void **state)
{
	const struct http_request request = {.method = "GET", .uri = "/x2go/rpc/config"};

	(void)state;
	assert_int_equal(check(&request, NULL), ERROR_NONE);
}

static void test_origins(void **state)
{
	static const struct {
		const char *origin, *fetch_site, *scheme, *host;
		enum error_code error;
	} table[] = {
	    {"https://g.example", "same-origin", "https", "g.example", ERROR_NONE},
	    {"https://g.example", NULL, "https", "g.example", ERROR_NONE},
	    {"HTTPS://G.example", NULL, "https", "g.Example", ERROR_NONE},
	    {"http://g.example", NULL, "http", "g.example", ERROR_NONE},
	    {"https://[2001:db8::1]:444", NULL, "https", "[2001:db8::1]:444", ERROR_NONE},
	    {NULL, "same-origin", "https", "g.example", ERROR_BAD_ORIGIN},
	    {"", "same-origin", "https", "g.example", ERROR_BAD_ORIGIN},
	    {"null", NULL, "https", "g.example", ERROR_BAD_ORIGIN},
	    {"https://", NULL, "https", "", ERROR_BAD_ORIGIN},
	    {"https://g.example", "same-site", "https", "g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example", "cross-site", "https", "g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example", "none", "https", "g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example", "", "https", "g.example", ERROR_BAD_ORIGIN},
	    {"http://g.example", NULL, "https", "g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example:443", NULL, "https", "g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example.", NULL, "https", "g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example/", NULL, "https", "g.example/", ERROR_BAD_ORIGIN},
	    {"https://a@g.example", NULL, "https", "a@g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example\n", NULL, "https", "g.example\n", ERROR_BAD_ORIGIN},
	    {"ftp://g.example", NULL, "ftp", "g.example", ERROR_BAD_ORIGIN},
	    {"https://g.example", NULL, "https", NULL, ERROR_BAD_ORIGIN},
	    {"https://g.example", NULL, NULL, "g.example", ERROR_BAD_ORIGIN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct http_request request = good;

		request.origin = table[i].origin;
		request.sec_fetch_site = table[i].fetch_site;
		request.scheme = table[i].scheme;
		request.host = table[i].host;
		assert_int_equal(check(&request, NULL), table[i].error);
	}
}

static void test_named_origins(void **state)
{
	static const char *const refused[] = {"", "gate.example", "https://", "ftp://gate.example",
	    "https://gate.example/", "https://a b", "https://gate.example/x2go"};
	struct http_origins origins = {.count = 0};
	struct http_request request = good;
	char longest[HTTP_ORIGIN_BYTES + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(http_origins_add(&origins, refused[i]));
	assert_int_equal(origins.count, 0);
	assert_true(http_origins_add(&origins, "https://one.example"));
	assert_true(http_origins_add(&origins, "http://two.example:8080"));

	request.origin = "https://one.example";
	assert_int_equal(check(&request, &origins), ERROR_NONE);
	request.origin = "http://TWO.example:8080";
	assert_int_equal(check(&request, &origins), ERROR_NONE);
	request.origin = "https://one.example.evil.example";
	assert_int_equal(check(&request, &origins), ERROR_BAD_ORIGIN);
	/* The request's own does not count any more. */
	assert_int_equal(check(&good, &origins), ERROR_BAD_ORIGIN);

	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "https://", 8);
	longest[HTTP_ORIGIN_BYTES] = 0;
	assert_false(http_origins_add(&origins, longest));
	request.origin = longest;
	assert_int_equal(check(&request, &origins), ERROR_BAD_ORIGIN);
	longest[HTTP_ORIGIN_BYTES - 1] = 0;
	assert_true(http_origins_add(&origins, longest));
	assert_int_equal(check(&request, &origins), ERROR_NONE);

	while (origins.count < HTTP_ORIGINS_MAX)
		assert_true(http_origins_add(&origins, "https://more.example"));
	assert_false(http_origins_add(&origins, "https://more.example"));
}

static void test_types(void **state)
{
	static const struct {
		const char *type;
		enum error_code error;
	} table[] = {
	    {"application/json", ERROR_NONE},
	    {"Application/JSON", ERROR_NONE},
	    {"application/json;charset=utf-8", ERROR_NONE},
	    {"application/json; charset=UTF-8", ERROR_NONE},
	    {"application/json ; charset=\"utf-8\"", ERROR_NONE},
	    {NULL, ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"text/plain", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"application/jsonp", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"application/json; charset=latin1", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"application/json; charset=utf-8; x=y", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"application/json;", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"application/json, text/plain", ERROR_UNSUPPORTED_MEDIA_TYPE},
	    {"application/x-www-form-urlencoded", ERROR_UNSUPPORTED_MEDIA_TYPE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct http_request request = good;

		request.content_type = table[i].type;
		assert_int_equal(check(&request, NULL), table[i].error);
	}
}

static void test_lengths(void **state)
{
	static const struct {
		const char *length;
		enum error_code error;
	} table[] = {
	    {"0", ERROR_NONE},
	    {"16384", ERROR_NONE},
	    {"0000016384", ERROR_NONE},
	    {"16385", ERROR_TOO_LARGE},
	    {"99999999999999999999999999999999", ERROR_TOO_LARGE},
	    {NULL, ERROR_BAD_REQUEST},
	    {"", ERROR_BAD_REQUEST},
	    {"-1", ERROR_BAD_REQUEST},
	    {"+1", ERROR_BAD_REQUEST},
	    {" 1", ERROR_BAD_REQUEST},
	    {"1 ", ERROR_BAD_REQUEST},
	    {"0x10", ERROR_BAD_REQUEST},
	    {"1e3", ERROR_BAD_REQUEST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct http_request request = good;

		request.content_length = table[i].length;
		assert_int_equal(check(&request, NULL), table[i].error);
	}
}

static void test_cookies(void **state)
{
	static const struct {
		const char *header;
		bool found;
	} table[] = {
	    {"x2goweb_" LOGIN "=" COOKIE, true},
	    {"x2goweb_" LOGIN "=" COOKIE ";", true},
	    {"a=b; x2goweb_" LOGIN "=" COOKIE "; c=d", true},
	    {"a=b;x2goweb_" LOGIN "=" COOKIE, true},
	    {";;  ; x2goweb_" LOGIN "=" COOKIE, true},
	    {"x2goweb_fedcba9876543210=" COOKIE "; x2goweb_" LOGIN "=" COOKIE, true},
	    {"x2goweb_" LOGIN "=broken; x2goweb_" LOGIN "=" COOKIE, true},
	    {NULL, false},
	    {"", false},
	    {";", false},
	    {"x2goweb_" LOGIN, false},
	    {"x2goweb_" LOGIN "=", false},
	    {"x2goweb_" LOGIN "=" COOKIE "A", false},
	    {"x2goweb_" LOGIN "=abc", false},
	    {"x2goweb_fedcba9876543210=" COOKIE, false},
	    {"Xx2goweb_" LOGIN "=" COOKIE, false},
	    {"x2goweb_" LOGIN "X" COOKIE, false},
	    {"x2goweb_" LOGIN "=\"bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM-_0\"", false},
	    {"x2goweb_" LOGIN "= bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM-_09", false},
	};
	char cookie[HTTP_COOKIE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		memset(cookie, 0, sizeof(cookie));
		assert_int_equal(http_guard_cookie(table[i].header, LOGIN, cookie), table[i].found);
		assert_string_equal(cookie, table[i].found ? COOKIE : "");
	}
}

static void test_calls_are_sorted_and_complete(void **state)
{
	const struct rpc_call *call;

	(void)state;
	for (size_t i = 0; (call = rpc_at(i)) != NULL; i++) {
		size_t fields = 0;

		assert_ptr_equal(rpc_find(call->name, strlen(call->name)), call);
		if (i > 0)
			assert_true(strcmp(rpc_at(i - 1)->name, call->name) < 0);
		assert_string_not_equal(message_type_name(call->ask), "?");
		assert_string_not_equal(message_type_name(call->answer), "?");
		assert_true(call->deadline_ms >= 10000);
		assert_int_equal(call->write == NULL, call->text != NULL);
		assert_true(!call->is_outside || strcmp(call->method, "GET") == 0);
		while (call->fields[fields].name != NULL)
			fields++;
		assert_true(fields <= JSON_FIELDS_MAX);
		assert_int_equal(fields == 0, strcmp(call->method, "GET") == 0);
	}
	assert_null(rpc_find("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_outside),
	    cmocka_unit_test(test_upstreams_call),
	    cmocka_unit_test(test_methods),
	    cmocka_unit_test(test_get_is_plain),
	    cmocka_unit_test(test_origins),
	    cmocka_unit_test(test_named_origins),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_cookies),
	    cmocka_unit_test(test_calls_are_sorted_and_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
