/* SPDX-License-Identifier: ISC */
#include "http_guard.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "intake.h"
#include "rpc_table.h"

#define LETTERS	   "abcdefghijklmnopqrstuvwxyz"
#define DIGITS	   "0123456789"
#define HOST_CHARS LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-._:[]"
#define BASE64URL  LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-_"

/* True for scheme://host[:port] without path, user or anything else (RFC 6454 section 6.2). */
static bool origin_is_sound(const char *origin)
{
	const char *host = strncasecmp(origin, "https://", 8) == 0  ? origin + 8
			   : strncasecmp(origin, "http://", 7) == 0 ? origin + 7
								    : NULL;

	return host != NULL && *host != 0 && host[strspn(host, HOST_CHARS)] == 0 &&
	       strlen(origin) < HTTP_ORIGIN_BYTES;
}

bool http_origins_add(struct http_origins *origins, const char *origin)
{
	if (origins->count == HTTP_ORIGINS_MAX || !origin_is_sound(origin))
		return false;
	strcpy(origins->list[origins->count++], origin);
	return true;
}

static bool origin_is_allowed(
    const struct http_request *request, const struct http_origins *origins)
{
	char own[HTTP_ORIGIN_BYTES];

	if (request->origin == NULL || !origin_is_sound(request->origin))
		return false;
	for (size_t i = 0; i < origins->count; i++)
		if (strcasecmp(request->origin, origins->list[i]) == 0)
			return true;
	if (origins->count != 0 || request->scheme == NULL || request->host == NULL)
		return false;
	return (size_t)snprintf(own, sizeof(own), "%s://%s", request->scheme, request->host) <
		   sizeof(own) &&
	       strcasecmp(request->origin, own) == 0;
}

/* The call that the path ends with, /rpc/<call> or, for the few others, /<call>; NULL if there is
 * none. What is outside may be guarded there by the web server, so no way through /rpc/ leads to
 * it, nor one that the web server has read in another spelling. */
static const struct rpc_call *call_of(const char *uri)
{
	static const char parent[] = "/rpc/";
	const struct rpc_call *call;
	size_t length, name;
	bool in_parent, below_parent;

	if (uri == NULL)
		return NULL;
	length = strcspn(uri, "?#");
	if (memchr(uri, '%', length) != NULL)
		return NULL;
	for (name = length; name > 0 && uri[name - 1] != '/';)
		name--;
	in_parent = name >= sizeof(parent) - 1 &&
		    memcmp(uri + name - (sizeof(parent) - 1), parent, sizeof(parent) - 1) == 0;
	call = rpc_find(uri + name, length - name);
	if (call == NULL || name == 0)
		return NULL;
	below_parent = memmem(uri, name, parent, sizeof(parent) - 1) != NULL;
	return (call->is_outside ? !below_parent : in_parent) ? call : NULL;
}

/* That type, alone or with charset=utf-8 (RFC 9110 section 8.3.1). */
static bool type_is(const char *type, const char *wanted)
{
	static const char charset[] = "charset=";

	if (type == NULL || strncasecmp(type, wanted, strlen(wanted)) != 0)
		return false;
	type += strlen(wanted);
	type += strspn(type, " \t");
	if (*type == 0)
		return true;
	if (*type++ != ';')
		return false;
	type += strspn(type, " \t");
	if (strncasecmp(type, charset, sizeof(charset) - 1) != 0)
		return false;
	type += sizeof(charset) - 1;
	return strcasecmp(type, "utf-8") == 0 || strcasecmp(type, "\"utf-8\"") == 0;
}

static enum error_code check_length(const char *text, size_t *ret_bytes)
{
	size_t bytes = 0, digits = text != NULL ? strspn(text, DIGITS) : 0;

	if (digits == 0 || text[digits] != 0)
		return ERROR_BAD_REQUEST;
	for (; *text != 0; text++) {
		bytes = bytes * 10 + (size_t)(*text - '0');
		if (bytes > INTAKE_BODY_BYTES)
			return ERROR_TOO_LARGE;
	}
	*ret_bytes = bytes;
	return ERROR_NONE;
}

enum error_code http_guard_check(const struct http_request *request,
    const struct http_origins *origins, const struct rpc_call **ret_call, size_t *ret_body_bytes,
    const char **ret_detail)
{
	const struct rpc_call *call = *ret_call = call_of(request->uri);
	enum error_code error;

	*ret_body_bytes = 0;
	*ret_detail = NULL;
	if (call == NULL)
		return ERROR_NOT_FOUND;
	if (request->method == NULL || strcmp(request->method, call->method) != 0)
		return ERROR_METHOD_NOT_ALLOWED;
	/* A GET changes nothing, and the answer to another origin stays unreadable there. */
	if (strcmp(call->method, "GET") == 0)
		return ERROR_NONE;
	/* All browsers send Origin with POST; what they say in Sec-Fetch-Site must not differ. */
	if (!origin_is_allowed(request, origins) ||
	    (request->sec_fetch_site != NULL &&
		strcmp(request->sec_fetch_site, "same-origin") != 0))
		return ERROR_BAD_ORIGIN;
	if (!type_is(request->content_type,
		call->is_compat ? "application/x-www-form-urlencoded" : "application/json"))
		return ERROR_UNSUPPORTED_MEDIA_TYPE;
	error = check_length(request->content_length, ret_body_bytes);
	if (error == ERROR_BAD_REQUEST)
		*ret_detail = "Content-Length is missing or not a number";
	return error;
}

bool http_guard_cookie(const char *header, const char *login, char cookie[HTTP_COOKIE_BYTES])
{
	const size_t prefix = sizeof(HTTP_COOKIE_PREFIX) - 1, login_length = strlen(login);

	while (header != NULL && *header != 0) {
		size_t length = strcspn(header, ";");
		const char *value = header + prefix + login_length + 1;

		if (length == prefix + login_length + HTTP_COOKIE_BYTES &&
		    memcmp(header, HTTP_COOKIE_PREFIX, prefix) == 0 &&
		    memcmp(header + prefix, login, login_length) == 0 && value[-1] == '=' &&
		    strspn(value, BASE64URL) == HTTP_COOKIE_BYTES - 1) {
			memcpy(cookie, value, HTTP_COOKIE_BYTES - 1);
			cookie[HTTP_COOKIE_BYTES - 1] = 0;
			return true;
		}
		header += length;
		header += strspn(header, "; \t");
	}
	return false;
}
