/* links: proto ctl */
/* SPDX-License-Identifier: ISC */
/*
 * What `brokerctl doctor` thinks of what it has seen.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <cmocka.h>

#include "brokerd/ctl/ctl_doctor.h"

#define DAY 86400

static struct doctor_finding finding;
static struct doctor_answer answers[3];

/* What was found is this, and red comes with something to do. */
static void assert_found(enum doctor_verdict verdict, const char *words)
{
	if (finding.verdict != verdict || strstr(finding.text, words) == NULL)
		print_error("found: %d %s\n", (int)finding.verdict, finding.text);
	assert_int_equal(finding.verdict, verdict);
	assert_non_null(strstr(finding.text, words));
	assert_int_equal(finding.todo[0] != 0, verdict == DOCTOR_RED);
}

static struct doctor_answer *answer_with(
    unsigned index, int status, const char *headers, const char *body)
{
	struct doctor_answer *answer = &answers[index];

	memset(answer, 0, sizeof(*answer));
	answer->status = status;
	snprintf(answer->headers, sizeof(answer->headers), "HTTP/2 %d\r\n%s\r\n", status, headers);
	snprintf(answer->body, sizeof(answer->body), "%s", body);
	return answer;
}

static void test_header(void **state)
{
	static const char headers[] = "HTTP/2 200\r\nX-One: 1\r\nx-two:  a b \r\nX-Empty:\r\n\r\n";

	(void)state;
	assert_string_equal(doctor_header(headers, "x-one"), "1");
	assert_string_equal(doctor_header(headers, "X-Two"), "a b");
	assert_string_equal(doctor_header(headers, "X-Empty"), "");
	assert_null(doctor_header(headers, "X"));
	assert_null(doctor_header("", "X-One"));
	assert_null(doctor_header("X-One", "X-One"));
}

static void judge_policy(const char *policy)
{
	char headers[1000];

	snprintf(
	    headers, sizeof(headers), "HTTP/2 200\r\nContent-Security-Policy: %s\r\n\r\n", policy);
	doctor_judge_policy(headers, &finding);
}

static void test_policy(void **state)
{
	(void)state;
	judge_policy("default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
		     "img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'");
	assert_found(DOCTOR_GREEN, "and no others");
	judge_policy("default-src 'self';frame-ancestors 'self'");
	assert_found(DOCTOR_GREEN, "and no others");
	judge_policy(
	    "default-src 'self'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'");
	assert_found(DOCTOR_RED, "scripts of other origins");
	judge_policy("default-src 'self'; script-src *; frame-ancestors 'none'");
	assert_found(DOCTOR_RED, "scripts of other origins");
	judge_policy("style-src 'self'; frame-ancestors 'none'");
	assert_found(DOCTOR_RED, "scripts of other origins");
	judge_policy("default-src 'none'; script-src 'self'; frame-ancestors 'none'");
	assert_found(DOCTOR_RED, "style-src lacks 'self'");
	judge_policy("default-src 'self'");
	assert_found(DOCTOR_RED, "may show this one");
	judge_policy("default-src 'self'; frame-ancestors https://elsewhere.example.org");
	assert_found(DOCTOR_RED, "may show this one");
	doctor_judge_policy("HTTP/2 200\r\n\r\n", &finding);
	assert_found(DOCTOR_RED, "without Content-Security-Policy");
}

static void test_headers(void **state)
{
	(void)state;
	doctor_judge_headers(
	    "HTTP/2 200\r\nCache-Control: no-cache\r\nReferrer-Policy: no-referrer\r\n"
	    "Cross-Origin-Opener-Policy: same-origin\r\n"
	    "X-Content-Type-Options: nosniff\r\n\r\n",
	    &finding);
	assert_found(DOCTOR_GREEN, "nosniff");
	doctor_judge_headers("HTTP/2 200\r\nReferrer-Policy: no-referrer\r\n\r\n", &finding);
	assert_found(DOCTOR_RED, "X-Content-Type-Options: nosniff");
	assert_null(strstr(finding.text, "Referrer"));
	assert_non_null(strstr(finding.text, "Cache-Control: no-cache"));
}

static void test_certificate(void **state)
{
	const int64_t now = INT64_C(1800000000);
	struct doctor_answer *answer = answer_with(0, 0, "", "");

	(void)state;
	doctor_judge_expiry(now - DAY, now + 15 * DAY, now, &finding);
	assert_found(DOCTOR_GREEN, "15 days more");
	doctor_judge_expiry(now - DAY, now + 14 * DAY, now, &finding);
	assert_found(DOCTOR_GREEN, "14 days more");
	doctor_judge_expiry(now - DAY, now + 14 * DAY - 1, now, &finding);
	assert_found(DOCTOR_RED, "in 13 days");
	doctor_judge_expiry(now - DAY, now, now, &finding);
	assert_found(DOCTOR_RED, "expired on 2027-01-15");
	doctor_judge_expiry(now + 1, now + 90 * DAY, now, &finding);
	assert_found(DOCTOR_RED, "valid from");
	doctor_judge_expiry(0, 0, now, &finding);
	assert_found(DOCTOR_OPEN, "does not tell");

	doctor_judge_chain(answer, &finding);
	assert_found(DOCTOR_GREEN, "trusted authority");
	doctor_judge_name(answer, "https://x.example.org/x2go/", &finding);
	assert_found(DOCTOR_GREEN, "this name");
	answer->untrusted = true;
	answer->verified = 18;
	doctor_judge_chain(answer, &finding);
	assert_found(DOCTOR_RED, "signed by itself");
	answer->verified = 20;
	doctor_judge_chain(answer, &finding);
	assert_found(DOCTOR_RED, "is missing");
	/* Told by its expiry already: one fault, one red line. */
	answer->verified = 10;
	doctor_judge_chain(answer, &finding);
	assert_found(DOCTOR_OPEN, "has expired");
	doctor_judge_name(answer, "https://x.example.org/x2go/", &finding);
	assert_found(DOCTOR_RED, "another name");
	assert_non_null(strstr(finding.todo, "x.example.org"));

	doctor_judge_tls(200, 0, &finding);
	assert_found(DOCTOR_GREEN, "TLS 1.3");
	doctor_judge_tls(0, 0, &finding);
	assert_found(DOCTOR_GREEN, "TLS 1.2");
	doctor_judge_tls(200, 200, &finding);
	assert_found(DOCTOR_RED, "1.0 or 1.1");
}

static void judge_page(int status, const char *headers, const char *body)
{
	doctor_judge_page(answer_with(0, status, headers, body), &finding);
}

static void test_page(void **state)
{
	static const char html[] = "Content-Type: text/html; charset=utf-8\r\n";
	struct doctor_answer *answer;

	(void)state;
	judge_page(200, html, "<html lang=\"en\" data-state=\"form\">");
	assert_found(DOCTOR_GREEN, "is there");
	judge_page(200, html, "<html>It works!</html>");
	assert_found(DOCTOR_RED, "another page");
	judge_page(200, "", "<html lang=\"en\" data-state=\"form\">");
	assert_found(DOCTOR_RED, "another page");
	judge_page(301, "Location: https://other.example.org/\r\n", "");
	assert_found(DOCTOR_RED, "https://other.example.org/");
	judge_page(404, html, "");
	assert_found(DOCTOR_RED, "404");
	judge_page(403, html, "");
	assert_non_null(strstr(finding.todo, "/usr/share/x2goweb/www"));
	answer = answer_with(0, 0, "", "");
	strcpy(answer->problem, "no answer within 10 seconds");
	doctor_judge_page(answer, &finding);
	assert_found(DOCTOR_RED, "within 10 seconds");

	doctor_judge_script(answer_with(0, 200, "Content-Type: text/javascript\r\n", ""), &finding);
	assert_found(DOCTOR_GREEN, "script");
	doctor_judge_script(answer_with(0, 200, "Content-Type: text/plain\r\n", ""), &finding);
	assert_found(DOCTOR_RED, "text/plain");
	assert_non_null(strstr(finding.todo, "mime.types"));
	doctor_judge_script(answer_with(0, 404, "", ""), &finding);
	assert_found(DOCTOR_RED, "404");
}

static void test_calls(void **state)
{
	static const char store[] = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
	static const char offers[] = "{\"title\":\"X2Go\",\"servers\":[{\"id\":\"one\"}]}";
	struct config *config = calloc(1, sizeof(*config));

	(void)state;
	strcpy(config->servers[0].name, "one");
	strcpy(config->servers[1].name, "two");
	config->server_count = 1;
	doctor_judge_call(answer_with(0, 200, store, offers), config, &finding);
	assert_found(DOCTOR_GREEN, "through the web server");
	doctor_judge_call(answer_with(0, 200, store, offers), NULL, &finding);
	assert_found(DOCTOR_GREEN, "through the web server");
	config->server_count = 2;
	doctor_judge_call(answer_with(0, 200, store, offers), config, &finding);
	assert_found(DOCTOR_RED, "does not offer 1 of");
	config->server_count = 1;
	doctor_judge_call(answer_with(0, 200, "", offers), config, &finding);
	assert_found(DOCTOR_RED, "caches");
	doctor_judge_call(answer_with(0, 502, "", "<html>Bad Gateway</html>"), config, &finding);
	assert_found(DOCTOR_RED, "502");
	assert_non_null(strstr(finding.todo, "x2goweb-fcgi.socket"));
	doctor_judge_call(answer_with(0, 404, "", "<html>Not Found</html>"), config, &finding);
	assert_found(DOCTOR_RED, "404");
	assert_non_null(strstr(finding.todo, "snippet"));
	doctor_judge_call(answer_with(0, 503, store,
			      "{\"error\":{\"code\":\"broker_unavailable\",\"message\":\"...\"}}"),
	    config, &finding);
	assert_found(DOCTOR_RED, "503 broker_unavailable");
	free(config);
}

static void test_origin(void **state)
{
	static const char refused[] = "{\"error\":{\"code\":\"bad_origin\",\"message\":\"...\"}}";
	static const char taken[] = "{\"error\":{\"code\":\"bad_request\",\"message\":\"...\"}}";

	(void)state;
	answer_with(0, 400, "", taken);
	answer_with(1, 403, "", refused);
	answer_with(2, 403, "", refused);
	doctor_judge_origin(&answers[0], &answers[1], &answers[2], &finding);
	assert_found(DOCTOR_GREEN, "the page's own pass");
	answer_with(1, 400, "", taken);
	doctor_judge_origin(&answers[0], &answers[1], &answers[2], &finding);
	assert_found(DOCTOR_RED, "another origin are not refused");
	answer_with(1, 403, "", refused);
	answer_with(2, 400, "", taken);
	doctor_judge_origin(&answers[0], &answers[1], &answers[2], &finding);
	assert_found(DOCTOR_RED, "no origin are not refused");
	answer_with(0, 403, "", refused);
	doctor_judge_origin(&answers[0], &answers[1], &answers[2], &finding);
	assert_found(DOCTOR_RED, "nobody can log in");
	answer_with(0, 405, "", "<html>");
	doctor_judge_origin(&answers[0], &answers[1], &answers[2], &finding);
	assert_found(DOCTOR_RED, "do not arrive: status 405");
}

static void judge_upgrade(struct doctor_stream *stream, const char *headers)
{
	snprintf(stream->request, sizeof(stream->request), "GET /x2gows/20499 HTTP/1.1\r\n%s\r\n",
	    headers);
	doctor_judge_upgrade(stream, "port 20499", "https://x.example.org", &finding);
}

static void test_upgrade(void **state)
{
	static const char good[] =
	    "Host: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nOrigin: "
	    "https://x.example.org\r\n"
	    "Cookie: x2goweb_doctor=1\r\nSec-WebSocket-Protocol: x2goweb.v1\r\n";
	struct doctor_stream stream = {
	    .listened = true, .arrived = true, .status = 101, .down = true, .up = true};

	(void)state;
	judge_upgrade(&stream, good);
	assert_found(DOCTOR_GREEN, "both ways, to port 20499");
	judge_upgrade(&stream, "Host: x\r\nConnection: close\r\nOrigin: https://x.example.org\r\n");
	assert_found(DOCTOR_RED, "takes Upgrade");
	judge_upgrade(&stream,
	    "Upgrade: websocket\r\nConnection: upgrade\r\nCookie: x2goweb_d=1\r\n"
	    "Origin: http://127.0.0.1\r\nSec-WebSocket-Protocol: x2goweb.v1\r\n");
	assert_found(DOCTOR_RED, "changes Origin");
	judge_upgrade(&stream, "Upgrade: websocket\r\nConnection: upgrade\r\n"
			       "Origin: https://x.example.org\r\n"
			       "Sec-WebSocket-Protocol: x2goweb.v1\r\n");
	assert_found(DOCTOR_RED, "Cookie");
	stream.down = false;
	judge_upgrade(&stream, good);
	assert_found(DOCTOR_RED, "nothing comes from the relay");
	stream.status = 0;
	strcpy(stream.problem, "no answer within 10 seconds");
	judge_upgrade(&stream, good);
	assert_found(DOCTOR_RED, "does not come back: no answer");
	stream = (struct doctor_stream){
	    .listened = true, .status = 404, .problem = "the web server answers 404"};
	judge_upgrade(&stream, "");
	assert_found(DOCTOR_RED, "does not arrive");
	assert_non_null(strstr(finding.todo, "no location"));
}

static void test_nobody(void **state)
{
	static const struct {
		int status;
		bool proved;
		enum doctor_verdict verdict;
	} cases[] = {{502, false, DOCTOR_GREEN}, {503, false, DOCTOR_GREEN},
	    {504, true, DOCTOR_GREEN}, {404, true, DOCTOR_GREEN}, {404, false, DOCTOR_RED},
	    {200, true, DOCTOR_RED}, {403, true, DOCTOR_RED}, {101, true, DOCTOR_RED},
	    {0, true, DOCTOR_RED}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct doctor_stream stream = {
		    .status = cases[i].status, .problem = "port 1: none"};

		doctor_judge_nobody(&stream, "port 1", cases[i].proved, &finding);
		assert_found(cases[i].verdict, "port 1");
	}
}

static void test_outside(void **state)
{
	struct doctor_stream stream = {.listened = true, .status = 404};

	(void)state;
	doctor_judge_outside(&stream, 20500, &finding);
	assert_found(DOCTOR_GREEN, "port 20500");
	stream.arrived = true;
	doctor_judge_outside(&stream, 20500, &finding);
	assert_found(DOCTOR_RED, "not the relay's");
	stream = (struct doctor_stream){.status = 502};
	doctor_judge_outside(&stream, 20500, &finding);
	assert_found(DOCTOR_RED, "not the relay's");
	stream.status = 0;
	doctor_judge_outside(&stream, 20500, &finding);
	assert_found(DOCTOR_OPEN, "port 20500");
}

static void test_machine(void **state)
{
	struct config *config = calloc(1, sizeof(*config));
	const struct config_range uids = {70000, 70499};

	(void)state;
	doctor_judge_limit("descriptors", 100, 100, "raise it", &finding);
	assert_found(DOCTOR_GREEN, "100 descriptors");
	doctor_judge_limit("descriptors", 99, 100, "raise it", &finding);
	assert_found(DOCTOR_RED, "99 descriptors");

	config->relay.ports = (struct config_range){20000, 20499};
	config->limits.logins = 500;
	doctor_judge_ports(config, "32768\t60999\n", "\n", &finding);
	assert_found(DOCTOR_GREEN, "20000-20499");
	config->limits.logins = 501;
	doctor_judge_ports(config, "32768\t60999\n", "\n", &finding);
	assert_found(DOCTOR_RED, "500, but");
	config->limits.logins = 200;
	doctor_judge_ports(config, "20499\t60999\n", "\n", &finding);
	assert_found(DOCTOR_RED, "ip_local_port_range");
	doctor_judge_ports(config, "1024\t20000\n", "8080,20000-20498\n", &finding);
	assert_found(DOCTOR_RED, "ip_local_port_range");
	doctor_judge_ports(config, "1024\t20000\n", "8080,19000-20200,20201-20499\n", &finding);
	assert_found(DOCTOR_GREEN, "20000-20499");

	doctor_judge_subuids(&uids, "alice:100000:65536\nbob:165536:65536\n", &finding);
	assert_found(DOCTOR_GREEN, "no container");
	doctor_judge_subuids(&uids, "alice:70499:1\n", &finding);
	assert_found(DOCTOR_RED, "alice");
	doctor_judge_subuids(&uids, "alice:1:2\n# bob\nnonsense\ncarol:1000:69000\n", &finding);
	assert_found(DOCTOR_GREEN, "no container");
	doctor_judge_subuids(&uids, "carol:1000:69001", &finding);
	assert_found(DOCTOR_RED, "carol");

	doctor_judge_clock(TIME_OK, INT64_C(1800000000), &finding);
	assert_found(DOCTOR_GREEN, "kept right");
	doctor_judge_clock(TIME_ERROR, INT64_C(1800000000), &finding);
	assert_found(DOCTOR_OPEN, "timedatectl");
	doctor_judge_clock(TIME_OK, 0, &finding);
	assert_found(DOCTOR_RED, "years behind");
	free(config);
}

static void test_listeners(void **state)
{
	const struct config_range range = {20000, 20499};
	/* 20001 (4E21) listens for 64200, 20002 for 33; 20003 is connected; 22 is not of the range.
	 */
	static const char ours[] = "   0: 0100007F:4E21 00000000:0000 0A 00000000:00000000 "
				   "00:00000000 00000000 64200        0 "
				   "123 1 0 100 0 0 10 0\n"
				   "   1: 0100007F:4E23 0100007F:9999 01 00000000:00000000 "
				   "00:00000000 00000000    33        0 "
				   "124 1 0 20 0 0 10 -1\n"
				   "   2: 00000000:0016 00000000:0000 0A 00000000:00000000 "
				   "00:00000000 00000000     0        0 "
				   "125 1 0 100 0 0 10 0\n";
	static const char others[] = "   0: 00000000000000000000000001000000:4E22 "
				     "00000000000000000000000000000000:0000 0A 00000000:00000000 "
				     "00:00000000 00000000    33        0 126 1 0 100 0 0 10 0\n";
	char both[1000];

	(void)state;
	doctor_judge_listeners(&range, "", 64200, &finding);
	assert_found(DOCTOR_GREEN, "nobody else");
	doctor_judge_listeners(&range, ours, 64200, &finding);
	assert_found(DOCTOR_GREEN, "nobody else");
	snprintf(both, sizeof(both), "%s%s", ours, others);
	doctor_judge_listeners(&range, both, 64200, &finding);
	assert_found(DOCTOR_RED, "1 of the relay's ports are others', such as 20002 of user 33");
}

static void test_versions(void **state)
{
	static const char whole[] = "Welcome!\nx2goserver: 1\n" DOCTOR_VERSIONS_MARK
				    "\nclock: 1800000000\nx2goserver: 4.1.0.6\n"
				    "x2goserver-x2gokdrive: 4.1.0.6\nfeature: yes\nprogram: yes\n"
				    "agent: 0.0.0.3-2\nsessions: 0\nlocale: 0\nend: yes\n";
	static const char bare[] = DOCTOR_VERSIONS_MARK "\nclock: 1800000000\nsessions: 127\n";
	static const char half[] = DOCTOR_VERSIONS_MARK
	    "\nx2goserver: 4.1.0.6\nx2goserver-x2gokdrive: 4.1.0.6\nfeature: yes\nsessions: 0\n"
	    "locale: 1\n";

	(void)state;
	doctor_judge_x2go(whole, &finding);
	assert_found(DOCTOR_GREEN, "x2goserver 4.1.0.6");
	doctor_judge_kdrive(whole, &finding);
	assert_found(DOCTOR_GREEN, "xserver-x2gokdrive 0.0.0.3-2");
	doctor_judge_database(whole, &finding);
	assert_found(DOCTOR_GREEN, "listed");
	doctor_judge_far_clock(whole, INT64_C(1800000060), &finding);
	assert_found(DOCTOR_GREEN, "the same");
	doctor_judge_far_clock(whole, INT64_C(1800000061), &finding);
	assert_found(DOCTOR_RED, "61 seconds");

	doctor_judge_x2go(bare, &finding);
	assert_found(DOCTOR_RED, "not installed");
	doctor_judge_kdrive(bare, &finding);
	assert_found(DOCTOR_RED, "no KDrive");
	doctor_judge_database(bare, &finding);
	assert_found(DOCTOR_RED, "status 127");

	doctor_judge_kdrive(half, &finding);
	assert_found(DOCTOR_RED, "/usr/bin/x2gokdrive");
	doctor_judge_database(half, &finding);
	assert_found(DOCTOR_RED, "Encode::Locale");
	doctor_judge_far_clock(half, INT64_C(1800000000), &finding);
	assert_found(DOCTOR_OPEN, "not told");
}

/* What a hostile end says is shown harmlessly, and is JSON. */
static void test_report(void **state)
{
	struct ctl ctl = {.json = true};
	struct doctor doctor = {.ctl = &ctl};
	char *text = NULL;
	size_t length;

	(void)state;
	ctl.out = open_memstream(&text, &length);
	doctor_report_begin(&doctor);
	doctor_find(&finding, DOCTOR_GREEN, "fine");
	doctor_report(&doctor, "one", &finding);
	doctor_find(&finding, DOCTOR_RED, "a \"quote\"\n\33[31m\302\233");
	doctor_advise(&finding, "back\\slash");
	doctor_report(&doctor, "two", &finding);
	doctor_report_end(&doctor);
	fclose(ctl.out);
	assert_string_equal(text,
	    "{\"checks\":[{\"area\":\"\",\"check\":\"one\",\"verdict\":\"green\",\"text\":\"fine\"}"
	    ","
	    "{\"area\":\"\",\"check\":\"two\",\"verdict\":\"red\","
	    "\"text\":\"a \\\"quote\\\"??[31m??\",\"todo\":\"back\\\\slash\"}],"
	    "\"green\":1,\"red\":1,\"open\":0}\n");
	free(text);
}

/* Lines that people read end at words. */
static void test_lines(void **state)
{
	struct ctl ctl = {.json = false};
	struct doctor doctor = {.ctl = &ctl};
	char *text = NULL;
	size_t length, longest = 0;

	(void)state;
	ctl.out = open_memstream(&text, &length);
	doctor_report_area(&doctor, "Server %s", "x");
	for (unsigned i = 0; i < 30; i++)
		sprintf(finding.text + 10 * i, "%09u ", i);
	finding.verdict = DOCTOR_RED;
	strcpy(finding.todo, "mend it");
	doctor_report(&doctor, "one", &finding);
	fclose(ctl.out);
	assert_int_equal(strncmp(text, "Server x\n  BAD  one: 000000000 000000001 ", 40), 0);
	assert_non_null(strstr(text, "\n         > mend it\n"));
	for (const char *line = text; *line != 0; line += strcspn(line, "\n") + 1) {
		size_t columns = strcspn(line, "\n");

		assert_true(columns > 0 && line[columns - 1] != ' ');
		longest = columns > longest ? columns : longest;
	}
	assert_true(longest > 80 && longest <= 96);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_header),
	    cmocka_unit_test(test_policy), cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_certificate), cmocka_unit_test(test_page),
	    cmocka_unit_test(test_calls), cmocka_unit_test(test_origin),
	    cmocka_unit_test(test_upgrade), cmocka_unit_test(test_nobody),
	    cmocka_unit_test(test_outside), cmocka_unit_test(test_machine),
	    cmocka_unit_test(test_listeners), cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_report), cmocka_unit_test(test_lines)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
