/* SPDX-License-Identifier: ISC */
/*
 * What `brokerctl doctor` thinks of a web server's answers: pure, so that each judgement can be
 * tested by itself. Everything judged here comes from the network. Runs in brokerctl.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ctl_doctor.h"
#include "proto/errors.h"

#define DAY_S	   86400
#define EXPIRY_S   (14 * DAY_S)
#define SNIPPET	   "use the snippet for the web server that x2goweb brings, as it is"
#define PAGE_WORDS "data-state=\"form\""

/* --- headers ------------------------------------------------------------------------------ */

const char *doctor_header(const char *headers, const char *name)
{
	static char value[4096];
	size_t length = strlen(name);

	for (const char *line = headers; line != NULL && *line != 0;) {
		const char *end = strchr(line, '\n');
		size_t line_length = end != NULL ? (size_t)(end - line) : strlen(line);

		if (line_length > length && line[length] == ':' &&
		    strncasecmp(line, name, length) == 0) {
			const char *start = line + length + 1 + strspn(line + length + 1, " \t");
			size_t rest = line_length - (size_t)(start - line);

			while (rest != 0 && strchr("\r \t", start[rest - 1]) != NULL)
				rest--;
			snprintf(value, sizeof(value), "%.*s", (int)rest, start);
			return value;
		}
		line = end != NULL ? end + 1 : NULL;
	}
	return NULL;
}

static bool has_word(const char *text, const char *word)
{
	return text != NULL && strcasestr(text, word) != NULL;
}

/* The sources of a directive of a Content-Security-Policy; those of default-src where it has none
 * of its own. False if neither is there. */
static bool find_sources(const char *policy, const char *name, bool falls_back, char sources[512])
{
	static const char blanks[] = " \t";
	const char *part = policy;

	while (*part != 0) {
		size_t part_length = strcspn(part, ";"), skipped = strspn(part, blanks);
		size_t name_length = strcspn(part + skipped, " \t;");

		if (name_length == strlen(name) &&
		    strncasecmp(part + skipped, name, name_length) == 0) {
			snprintf(sources, 512, "%.*s ", (int)(part_length - skipped - name_length),
			    part + skipped + name_length);
			return true;
		}
		part += part_length;
		part += strspn(part, ";");
	}
	return falls_back && find_sources(policy, "default-src", false, sources);
}

static bool has_source(const char *sources, const char *source)
{
	char text[80];

	snprintf(text, sizeof(text), " %s ", source);
	return has_word(sources, text);
}

void doctor_judge_policy(const char *headers, struct doctor_finding *finding)
{
	static const char *const needed[] = {
	    "script-src", "style-src", "connect-src", "worker-src", "img-src"};
	static const char *const loose[] = {
	    "'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:", "data:", "blob:"};
	const char *policy = doctor_header(headers, "Content-Security-Policy");
	char sources[512];

	if (policy == NULL) {
		doctor_find(finding, DOCTOR_RED, "the page comes without Content-Security-Policy");
		doctor_advise(finding, SNIPPET "; in nginx, add_header in a location switches off "
					       "those of the server block");
		return;
	}
	for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
		if (find_sources(policy, "script-src", true, sources) &&
		    !has_source(sources, loose[i]))
			continue;
		doctor_find(finding, DOCTOR_RED,
		    "Content-Security-Policy lets scripts of other origins run");
		doctor_advise(finding, "script-src must be 'self' and nothing else; " SNIPPET);
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (find_sources(policy, needed[i], true, sources) && has_source(sources, "'self'"))
			continue;
		doctor_find(finding, DOCTOR_RED,
		    "Content-Security-Policy keeps the page from working: %s lacks 'self'",
		    needed[i]);
		doctor_advise(finding, SNIPPET);
		return;
	}
	if (!find_sources(policy, "frame-ancestors", false, sources) ||
	    (!has_source(sources, "'none'") && !has_source(sources, "'self'"))) {
		doctor_find(finding, DOCTOR_RED, "other pages may show this one within them");
		doctor_advise(
		    finding, "Content-Security-Policy needs frame-ancestors 'none'; " SNIPPET);
		return;
	}
	doctor_find(finding, DOCTOR_GREEN,
	    "Content-Security-Policy lets the page's own scripts run and no others");
}

void doctor_judge_headers(const char *headers, struct doctor_finding *finding)
{
	static const struct {
		const char *name, *word;
	} wanted[] = {{"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"},
	    {"Cross-Origin-Opener-Policy", "same-origin"}, {"Cache-Control", "no-cache"}};
	char missing[200] = "";

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const char *value = doctor_header(headers, wanted[i].name);
		size_t used = strlen(missing);

		if (!has_word(value, wanted[i].word))
			snprintf(missing + used, sizeof(missing) - used, "%s%s: %s",
			    used != 0 ? ", " : "", wanted[i].name, wanted[i].word);
	}
	if (missing[0] == 0) {
		doctor_find(finding, DOCTOR_GREEN,
		    "nosniff, no-referrer, an opener of its own, and new files are seen at once");
		return;
	}
	doctor_find(finding, DOCTOR_RED, "the page comes without %s", missing);
	doctor_advise(
	    finding, SNIPPET "; without no-cache, browsers keep old files after upgrades");
}

/* --- TLS ---------------------------------------------------------------------------------- */

/* X509_V_ERR_* of OpenSSL that admins meet; the numbers are part of its interface. */
static const char *chain_fault(long verified)
{
	switch (verified) {
	case 9:
		return "the certificate is not valid yet";
	case 10:
		return "the certificate has expired";
	case 18:
	case 19:
		return "the certificate was signed by itself or by nobody whom this machine trusts";
	case 2:
	case 20:
	case 21:
		return "a certificate between the server's and a trusted authority is missing, or "
		       "nobody trusts the authority";
	case 23:
		return "the certificate has been revoked";
	default:
		return "the certificate's chain does not verify";
	}
}

void doctor_judge_chain(const struct doctor_answer *answer, struct doctor_finding *finding)
{
	if (!answer->untrusted) {
		doctor_find(
		    finding, DOCTOR_GREEN, "a trusted authority vouches for the certificate");
	} else if (answer->verified == 9 || answer->verified == 10) {
		doctor_find(finding, DOCTOR_OPEN, "%s; see below", chain_fault(answer->verified));
	} else {
		doctor_find(
		    finding, DOCTOR_RED, "%s: %s", chain_fault(answer->verified), answer->problem);
		doctor_advise(finding, "the web server must send the whole chain (fullchain.pem, "
				       "not cert.pem); for an "
				       "authority of your own, name its certificate by --ca-file");
	}
}

void doctor_judge_name(
    const struct doctor_answer *answer, const char *url, struct doctor_finding *finding)
{
	if (!answer->untrusted) {
		doctor_find(finding, DOCTOR_GREEN, "the certificate is for this name");
		return;
	}
	doctor_find(
	    finding, DOCTOR_RED, "the certificate is for another name: %s", answer->problem);
	doctor_advise(finding,
	    "get a certificate whose subject alternative names hold the host of %s, or use the "
	    "name "
	    "that it has",
	    url);
}

static const char *print_day(int64_t when, char text[32])
{
	time_t seconds = (time_t)when;
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL || strftime(text, 32, "%Y-%m-%d", &parts) == 0)
		strcpy(text, "?");
	return text;
}

void doctor_judge_expiry(
    int64_t valid_from, int64_t valid_until, int64_t now, struct doctor_finding *finding)
{
	int64_t left_s = valid_until - now;
	char day[32];

	if (valid_until == 0) {
		doctor_find(finding, DOCTOR_OPEN, "the certificate does not tell when it expires");
		return;
	}
	if (now < valid_from) {
		doctor_find(finding, DOCTOR_RED, "the certificate is valid from %s only",
		    print_day(valid_from, day));
		doctor_advise(
		    finding, "check this machine's clock; else wait, or use the one before");
	} else if (left_s <= 0) {
		doctor_find(finding, DOCTOR_RED, "the certificate expired on %s",
		    print_day(valid_until, day));
		doctor_advise(finding, "renew it and reload the web server");
	} else if (left_s < EXPIRY_S) {
		doctor_find(finding, DOCTOR_RED,
		    "the certificate expires on %s, in %" PRId64 " days",
		    print_day(valid_until, day), left_s / DAY_S);
		doctor_advise(finding, "renew it, reload the web server, and see why that does not "
				       "happen by itself (certbot renew --dry-run)");
	} else {
		doctor_find(finding, DOCTOR_GREEN,
		    "the certificate is valid until %s, for %" PRId64 " days more",
		    print_day(valid_until, day), left_s / DAY_S);
	}
}

void doctor_judge_tls(int status_new, int status_old, struct doctor_finding *finding)
{
	if (status_old != 0) {
		doctor_find(finding, DOCTOR_RED, "the web server still speaks TLS 1.0 or 1.1");
		doctor_advise(finding,
		    "nginx: ssl_protocols TLSv1.2 TLSv1.3; Apache: SSLProtocol -all +TLSv1.2 "
		    "+TLSv1.3; lighttpd: ssl.openssl.ssl-conf-cmd with MinProtocol TLSv1.2");
	} else if (status_new == 0) {
		doctor_find(finding, DOCTOR_GREEN, "TLS 1.2, nothing older, and no 1.3");
	} else {
		doctor_find(finding, DOCTOR_GREEN, "TLS 1.3, and nothing older than 1.2");
	}
}

/* --- page and calls ----------------------------------------------------------------------- */

/* True if nothing usable came, which has been found then. */
static bool is_without_answer(const struct doctor_answer *answer, struct doctor_finding *finding)
{
	if (answer->status != 0)
		return false;
	doctor_find(finding, DOCTOR_RED, "%s", answer->problem);
	doctor_advise(finding,
	    "is the web server running, and reached by this address from here? Its "
	    "error log says more");
	return true;
}

void doctor_judge_page(const struct doctor_answer *answer, struct doctor_finding *finding)
{
	const char *type = doctor_header(answer->headers, "Content-Type");

	if (is_without_answer(answer, finding))
		return;
	if (answer->status >= 300 && answer->status < 400) {
		const char *place = doctor_header(answer->headers, "Location");

		doctor_find(finding, DOCTOR_RED,
		    "the address leads elsewhere: status %d, to %.300s", answer->status,
		    place != NULL ? place : "nowhere");
		doctor_advise(
		    finding, "give the address that users end at, with /x2go/ at its end");
	} else if (answer->status != 200) {
		doctor_find(finding, DOCTOR_RED, "no page: status %d", answer->status);
		doctor_advise(
		    finding, answer->status == 403
				 ? "may the web server's user read /usr/share/x2goweb/www?"
				 : "enable the snippet for the web server and reload it; does "
				   "the address end with /x2go/?");
	} else if (!has_word(type, "text/html") || strstr(answer->body, PAGE_WORDS) == NULL) {
		doctor_find(finding, DOCTOR_RED, "what is there is another page");
		doctor_advise(finding,
		    "another location of the web server takes /x2go/: enable the "
		    "snippet in the server block that users reach");
	} else {
		doctor_find(finding, DOCTOR_GREEN, "the page is there");
	}
}

void doctor_judge_script(const struct doctor_answer *answer, struct doctor_finding *finding)
{
	const char *type = doctor_header(answer->headers, "Content-Type");

	if (is_without_answer(answer, finding))
		return;
	if (answer->status == 200 && has_word(type, "javascript")) {
		doctor_find(finding, DOCTOR_GREEN, "its script is there");
		return;
	}
	doctor_find(finding, DOCTOR_RED, "the page's script: status %d, type %.60s", answer->status,
	    type != NULL ? type : "none");
	doctor_advise(finding, answer->status == 200
				   ? "the web server must know that .js is text/javascript (nginx: "
				     "include mime.types)"
				   : "the files of /usr/share/x2goweb/www are not all there, or a "
				     "cache has an old page; install x2goweb again");
}

/* The code of an error that x2goweb-fcgi sent, or NULL. */
static const struct error_info *error_of(const struct doctor_answer *answer)
{
	static const char before[] = "\"code\":\"";
	const char *code = strstr(answer->body, before);
	const struct error_info *info;

	if (answer->status < 400 || code == NULL)
		return NULL;
	code += sizeof(before) - 1;
	for (unsigned i = 0; (info = error_info_at(i)) != NULL; i++)
		if (strlen(info->name) == strcspn(code, "\"") &&
		    strncmp(info->name, code, strlen(info->name)) == 0)
			return info;
	return NULL;
}

/* An answer that is none of x2goweb-fcgi's. */
static void advise_no_call(const struct doctor_answer *answer, struct doctor_finding *finding)
{
	if (answer->status == 502 || answer->status == 503 || answer->status == 504)
		doctor_advise(finding,
		    "the web server does not reach x2goweb-fcgi: systemctl status "
		    "x2goweb-fcgi.socket, and may the web server's user open its socket?");
	else
		doctor_advise(finding, "the web server has no location for the calls, or another "
				       "one takes them: enable "
				       "the snippet in the server block that users reach");
}

void doctor_judge_call(
    const struct doctor_answer *answer, const struct config *config, struct doctor_finding *finding)
{
	const struct error_info *error = error_of(answer);
	size_t missing = 0;

	if (is_without_answer(answer, finding))
		return;
	if (error != NULL) {
		doctor_find(finding, DOCTOR_RED, "x2goweb-fcgi answers %d %s: %s", answer->status,
		    error->name, error->text);
		doctor_advise(finding, "%s", error->hint);
		return;
	}
	if (answer->status != 200 || strstr(answer->body, "\"servers\":") == NULL) {
		doctor_find(
		    finding, DOCTOR_RED, "the calls are not answered: status %d", answer->status);
		advise_no_call(answer, finding);
		return;
	}
	for (size_t i = 0; config != NULL && i < config->server_count; i++) {
		char id[80];

		snprintf(id, sizeof(id), "\"id\":\"%s\"", config->servers[i].name);
		missing += strstr(answer->body, id) == NULL;
	}
	if (missing != 0) {
		doctor_find(finding, DOCTOR_RED,
		    "a broker answers, but it does not offer %zu of the servers of this "
		    "configuration",
		    missing);
		doctor_advise(finding,
		    "has the broker been told? systemctl reload x2goweb-brokerd. Or "
		    "the address leads to another gateway");
	} else if (!has_word(doctor_header(answer->headers, "Cache-Control"), "no-store")) {
		doctor_find(finding, DOCTOR_RED, "the calls' answers may be kept by caches");
		doctor_advise(finding,
		    "something in front changes Cache-Control: no-store; take that "
		    "out for the calls");
	} else {
		doctor_find(finding, DOCTOR_GREEN, "the broker answers through the web server");
	}
}

static bool is_refused_origin(const struct doctor_answer *answer)
{
	const struct error_info *error = error_of(answer);

	return error != NULL && error->code == ERROR_BAD_ORIGIN;
}

void doctor_judge_origin(const struct doctor_answer *own, const struct doctor_answer *other,
    const struct doctor_answer *none, struct doctor_finding *finding)
{
	if (is_without_answer(own, finding) || is_without_answer(other, finding) ||
	    is_without_answer(none, finding))
		return;
	if (is_refused_origin(own)) {
		doctor_find(finding, DOCTOR_RED,
		    "calls of the page itself are refused as those of another origin: nobody can "
		    "log in");
		doctor_advise(finding, "%s", error_info(ERROR_BAD_ORIGIN)->hint);
	} else if (error_of(own) == NULL) {
		doctor_find(
		    finding, DOCTOR_RED, "calls by POST do not arrive: status %d", own->status);
		advise_no_call(own, finding);
	} else if (!is_refused_origin(other) || !is_refused_origin(none)) {
		doctor_find(finding, DOCTOR_RED, "calls of %s are not refused: status %d",
		    is_refused_origin(other) ? "no origin" : "another origin",
		    is_refused_origin(other) ? none->status : other->status);
		doctor_advise(finding,
		    "something in front of x2goweb-fcgi writes Origin; it must pass "
		    "it on as it is");
	} else {
		doctor_find(finding, DOCTOR_GREEN,
		    "calls of other origins are refused, the page's own pass");
	}
}

/* --- streams ------------------------------------------------------------------------------ */

void doctor_judge_upgrade(const struct doctor_stream *stream, const char *place, const char *origin,
    struct doctor_finding *finding)
{
	const char *headers = strchr(stream->request, '\n');
	const char *value;

	if (!stream->arrived) {
		doctor_find(finding, DOCTOR_RED, "a WebSocket to %s does not arrive: %s", place,
		    stream->problem);
		if (stream->status == 404 || stream->status == 200)
			doctor_advise(finding,
			    "the web server has no location for the streams that "
			    "fits [relay] listen and ports; " SNIPPET);
		else
			doctor_advise(finding,
			    "the web server's error log says why: may it connect to "
			    "%s? With a balancer in front, this may be another "
			    "gateway",
			    place);
		return;
	}
	if (!has_word(doctor_header(headers, "Upgrade"), "websocket") ||
	    !has_word(doctor_header(headers, "Connection"), "upgrade")) {
		doctor_find(finding, DOCTOR_RED, "the web server takes Upgrade and Connection out");
		doctor_advise(finding,
		    "nginx: proxy_http_version 1.1 and proxy_set_header for both; "
		    "Apache: mod_proxy_wstunnel, or upgrade=websocket; " SNIPPET);
		return;
	}
	value = doctor_header(headers, "Origin");
	if (value == NULL || strcmp(value, origin) != 0 ||
	    !has_word(doctor_header(headers, "Cookie"), "x2goweb_") ||
	    !has_word(doctor_header(headers, "Sec-WebSocket-Protocol"), "x2goweb.v1")) {
		doctor_find(finding, DOCTOR_RED,
		    "the web server changes Origin, Cookie or Sec-WebSocket-Protocol of "
		    "WebSockets");
		doctor_advise(finding, "these must be passed on as they are; " SNIPPET);
		return;
	}
	if (stream->status != 101 || !stream->down || !stream->up) {
		doctor_find(finding, DOCTOR_RED, "a WebSocket opens, but %s: %s",
		    stream->status != 101 ? "its answer does not come back"
		    : !stream->down	  ? "nothing comes from the relay"
					  : "nothing comes from the browser",
		    stream->problem[0] != 0 ? stream->problem : "something in between keeps it");
		doctor_advise(finding,
		    "what stands in between must not buffer: nginx, proxy_buffering "
		    "off; " SNIPPET);
		return;
	}
	doctor_find(finding, DOCTOR_GREEN, "a WebSocket passes both ways, to %s", place);
}

void doctor_judge_nobody(const struct doctor_stream *stream, const char *place, bool proved,
    struct doctor_finding *finding)
{
	bool gone = stream->status == 502 || stream->status == 503 || stream->status == 504;

	if (gone || (stream->status == 404 && proved)) {
		doctor_find(finding, DOCTOR_GREEN, "%s, which no login has, answers %d", place,
		    stream->status);
	} else if (stream->status == 404) {
		doctor_find(finding, DOCTOR_RED, "the web server has no location for %s", place);
		doctor_advise(finding, "its location must fit [relay] listen and ports; " SNIPPET);
	} else if (stream->status == 0) {
		doctor_find(finding, DOCTOR_RED, "%s: %s", place, stream->problem);
		doctor_advise(
		    finding, "is the web server running? nginx: proxy_connect_timeout 5s");
	} else {
		doctor_find(finding, DOCTOR_RED, "%s, which no login has, answers %d", place,
		    stream->status);
		doctor_advise(finding,
		    "something else answers in the relay's place: is [relay] ports "
		    "free, and does the web server's location end with $?");
	}
}

void doctor_judge_outside(
    const struct doctor_stream *stream, unsigned port, struct doctor_finding *finding)
{
	if (stream->arrived || stream->status == 101 || stream->status == 502 ||
	    stream->status == 504) {
		doctor_find(finding, DOCTOR_RED,
		    "the web server connects to port %u, which is not the relay's: whoever knows "
		    "the "
		    "page's address reaches services of this machine",
		    port);
		doctor_advise(finding,
		    "the location of the streams must match [relay] ports exactly; " SNIPPET);
	} else if (stream->status == 0) {
		doctor_find(finding, DOCTOR_OPEN, "port %u: %s", port, stream->problem);
	} else {
		doctor_find(finding, DOCTOR_GREEN,
		    "port %u, outside of the range, is not reached: %d", port, stream->status);
	}
}
