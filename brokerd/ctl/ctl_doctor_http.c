/* SPDX-License-Identifier: ISC */
/*
 * HTTPS for `brokerctl doctor`, by libcurl: one request a time, with an end to every wait. Runs in
 * brokerctl; what answers is not trusted.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl_doctor.h"

static void set_up_once(void)
{
	static bool done;

	if (!done && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	done = true;
}

static void append(char *text, size_t size, const char *data, size_t length)
{
	size_t used = strlen(text);

	/* A 0 would end it for those who read it. */
	for (size_t i = 0; i < length && used + 1 < size; i++)
		if (data[i] != 0)
			text[used++] = data[i];
	text[used] = 0;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
	struct doctor_answer *answer = arg;

	if (size * count > 5 && strncasecmp(data, "HTTP/", 5) == 0)
		answer->headers[0] = 0;
	append(answer->headers, sizeof(answer->headers), data, size * count);
	return size * count;
}

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct doctor_answer *answer = arg;

	append(answer->body, sizeof(answer->body), data, size * count);
	return size * count;
}

static int64_t read_day(const struct curl_slist *fields, const char *name)
{
	size_t length = strlen(name);

	for (; fields != NULL; fields = fields->next)
		if (strncasecmp(fields->data, name, length) == 0 && fields->data[length] == ':')
			return (int64_t)curl_getdate(fields->data + length + 1, NULL);
	return 0;
}

/* What is the same for every connection to the page's server. */
static void set_common(const struct doctor *doctor, CURL *curl, const char *url, char *problem)
{
	problem[0] = 0;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that does not answer is not waited for. */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	/* The way that users have, not that of this machine's programs. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)DOCTOR_DEADLINE_MS);
	if (doctor->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, doctor->ca_file);
}

static void set_tls(CURL *curl, const struct doctor_ask *ask)
{
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, ask->any_chain ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, ask->any_name ? 0L : 2L);
	curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	if (ask->tls == DOCTOR_TLS_NEW)
		curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	if (ask->tls == DOCTOR_TLS_OLD) {
		curl_easy_setopt(curl, CURLOPT_SSLVERSION,
		    (long)CURL_SSLVERSION_TLSv1_0 | (long)CURL_SSLVERSION_MAX_TLSv1_1);
		/* OpenSSL does not speak them by itself any more. */
		curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
	}
}

static void take_certificate(CURL *curl, struct doctor_answer *answer)
{
	struct curl_certinfo *chain = NULL;

	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
	    chain->num_of_certs < 1)
		return;
	answer->valid_from = read_day(chain->certinfo[0], "Start date");
	answer->valid_until = read_day(chain->certinfo[0], "Expire date");
}

void doctor_http(struct doctor *doctor, const struct doctor_ask *ask, struct doctor_answer *answer)
{
	char url[sizeof(doctor->url) + 300], problem[CURL_ERROR_SIZE];
	struct curl_slist *headers = NULL;
	CURLcode result;
	CURL *curl;
	long status = 0;

	memset(answer, 0, sizeof(*answer));
	set_up_once();
	curl = curl_easy_init();
	if (curl == NULL)
		abort();
	snprintf(url, sizeof(url), "%s%s", doctor->url, ask->path != NULL ? ask->path : "");
	set_common(doctor, curl, url, problem);
	set_tls(curl, ask);
	for (const char *const *line = ask->headers; line != NULL && *line != NULL; line++)
		headers = curl_slist_append(headers, *line);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (ask->body != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &answer->verified);
	take_certificate(curl, answer);
	if (result == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		answer->status = (int)status;
	} else if (result == CURLE_OPERATION_TIMEDOUT) {
		snprintf(answer->problem, sizeof(answer->problem), "no answer within %d seconds",
		    DOCTOR_DEADLINE_MS / 1000);
	} else {
		snprintf(answer->problem, sizeof(answer->problem), "%s",
		    problem[0] != 0 ? problem : curl_easy_strerror(result));
	}
	answer->untrusted = result == CURLE_PEER_FAILED_VERIFICATION;
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}

void *doctor_http_open(struct doctor *doctor, char problem[300])
{
	const struct doctor_ask ask = {.any_chain = true, .any_name = true};
	char text[CURL_ERROR_SIZE];
	CURLcode result;
	CURL *curl;

	set_up_once();
	curl = curl_easy_init();
	if (curl == NULL)
		abort();
	set_common(doctor, curl, doctor->origin, text);
	set_tls(curl, &ask);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	result = curl_easy_perform(curl);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (result == CURLE_OK)
		return curl;
	snprintf(problem, 300, "%s", text[0] != 0 ? text : curl_easy_strerror(result));
	curl_easy_cleanup(curl);
	return NULL;
}
