/* SPDX-License-Identifier: ISC */
/*
 * The web server for `brokerctl doctor`, seen as browsers see it: its name, TLS, the page, the
 * calls. Runs in brokerctl.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl_doctor.h"
#include "ctl_doctor_net.h"

#define OTHER_ORIGIN "https://doctor.invalid"
/* Names no login, so that nothing comes of it beyond x2goweb-fcgi. */
#define EMPTY_CALL "rpc/sessions"

/* The name stands for some address. False if there is no point in going on. */
static bool look_name(struct doctor *doctor)
{
	char host[256], port[8] = "443", problem[300];
	const char *start = strstr(doctor->origin, "://") + 3, *end;
	struct addrinfo *addresses;
	struct doctor_finding finding;

	end = start[0] == '[' ? strchr(start, ']') : start + strcspn(start, ":");
	start += start[0] == '[';
	snprintf(host, sizeof(host), "%.*s", (int)(end - start), start);
	end += *end == ']';
	if (*end == ':')
		snprintf(port, sizeof(port), "%s", end + 1);
	addresses = doctor_resolve(host, port, problem);
	if (addresses != NULL) {
		doctor_find(
		    &finding, DOCTOR_GREEN, "%s is %s", host, doctor_print_address(addresses));
	} else {
		doctor_find(&finding, DOCTOR_RED, "%s: %s", host, problem);
		doctor_advise(&finding,
		    "give the name to DNS, or to /etc/hosts of this machine if it "
		    "is for others only");
	}
	doctor_report(doctor, "name", &finding);
	doctor_addresses_free(addresses);
	return finding.verdict == DOCTOR_GREEN;
}

/* True if the page can be asked for. */
static bool look_tls(struct doctor *doctor, struct doctor_answer *answer)
{
	static const struct doctor_ask bare = {.any_chain = true, .any_name = true},
				       chain = {.any_name = true}, name = {.any_chain = true};
	struct doctor_finding finding;
	struct doctor_ask ask = bare;
	int status_new;

	doctor_http(doctor, &bare, answer);
	if (answer->status == 0) {
		doctor_find(&finding, DOCTOR_RED, "no HTTPS: %s", answer->problem);
		doctor_advise(&finding,
		    "is the web server running, does it listen there with TLS, and "
		    "does a firewall stand between?");
		doctor_report(doctor, "tls", &finding);
		return false;
	}
	doctor_judge_expiry(answer->valid_from, answer->valid_until, (int64_t)time(NULL), &finding);
	doctor_report(doctor, "certificate-expiry", &finding);
	doctor_http(doctor, &chain, answer);
	doctor_judge_chain(answer, &finding);
	doctor_report(doctor, "certificate-chain", &finding);
	doctor_http(doctor, &name, answer);
	doctor_judge_name(answer, doctor->url, &finding);
	doctor_report(doctor, "certificate-name", &finding);
	ask.tls = DOCTOR_TLS_NEW;
	doctor_http(doctor, &ask, answer);
	status_new = answer->status;
	ask.tls = DOCTOR_TLS_OLD;
	doctor_http(doctor, &ask, answer);
	doctor_judge_tls(status_new, answer->status, &finding);
	doctor_report(doctor, "tls", &finding);
	return true;
}

/* The address of the page's script, as the page names it. */
static bool find_script(const char *body, char path[200])
{
	static const char before[] = "<script type=\"module\" src=\"";
	const char *start = strstr(body, before);
	size_t length;

	if (start == NULL)
		return false;
	start += sizeof(before) - 1;
	length = strcspn(start, "\"");
	if (length >= 200 || start[length] == 0 || memchr(start, ':', length) != NULL)
		return false;
	snprintf(path, 200, "%.*s", (int)length, start);
	return true;
}

static void look_page(struct doctor *doctor, struct doctor_answer *answer)
{
	struct doctor_ask ask = {.any_chain = true, .any_name = true};
	struct doctor_finding finding;
	char path[200];

	doctor_http(doctor, &ask, answer);
	doctor_judge_page(answer, &finding);
	doctor_report(doctor, "page", &finding);
	if (finding.verdict != DOCTOR_GREEN)
		return;
	doctor_judge_policy(answer->headers, &finding);
	doctor_report(doctor, "csp", &finding);
	doctor_judge_headers(answer->headers, &finding);
	doctor_report(doctor, "headers", &finding);
	if (!find_script(answer->body, path))
		return;
	ask.path = path;
	doctor_http(doctor, &ask, answer);
	doctor_judge_script(answer, &finding);
	doctor_report(doctor, "script", &finding);
}

static void look_calls(struct doctor *doctor, struct doctor_answer answers[3])
{
	static const char *const origin_headers[] = {
	    "Content-Type: application/json", "Origin: " OTHER_ORIGIN, NULL};
	static const char *const none_headers[] = {"Content-Type: application/json", NULL};
	char own[sizeof(doctor->origin) + 16];
	const char *const own_headers[] = {"Content-Type: application/json", own, NULL};
	struct doctor_ask ask = {.any_chain = true, .any_name = true, .path = "rpc/config"};
	struct doctor_finding finding;

	doctor_http(doctor, &ask, &answers[0]);
	doctor_judge_call(&answers[0], doctor->config, &finding);
	doctor_report(doctor, "calls", &finding);
	if (answers[0].status != 200)
		return;
	snprintf(own, sizeof(own), "Origin: %s", doctor->origin);
	ask.path = EMPTY_CALL;
	ask.body = "{}";
	ask.headers = own_headers;
	doctor_http(doctor, &ask, &answers[0]);
	ask.headers = origin_headers;
	doctor_http(doctor, &ask, &answers[1]);
	ask.headers = none_headers;
	doctor_http(doctor, &ask, &answers[2]);
	doctor_judge_origin(&answers[0], &answers[1], &answers[2], &finding);
	doctor_report(doctor, "origin", &finding);
}

void doctor_look_web(struct doctor *doctor)
{
	struct doctor_answer *answers;
	struct doctor_finding finding;

	doctor_report_area(doctor, "Web server %s", doctor->url);
	if (doctor->url[0] == 0) {
		doctor_find(&finding, DOCTOR_OPEN,
		    "not looked at: give the page's address, or set [web] url");
		doctor_report(doctor, "page", &finding);
		return;
	}
	answers = calloc(3, sizeof(*answers));
	if (answers == NULL)
		abort();
	if (!look_name(doctor) || !look_tls(doctor, &answers[0])) {
		/* Nothing else would be found there. */
		doctor->url[0] = 0;
	} else {
		look_page(doctor, &answers[0]);
		look_calls(doctor, answers);
	}
	free(answers);
}
