/* SPDX-License-Identifier: ISC */
#include "typed_host.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define NAME_CHARS_MAX	253
#define LABEL_CHARS_MAX 63
#define DEFAULT_PORT	22
#define LETTERS		"abcdefghijklmnopqrstuvwxyz"
#define DIGITS		"0123456789"

/* Up to five digits, the first of which is not 0. */
static bool parse_port(const char *text, uint16_t *ret_port)
{
	size_t length = strlen(text);
	unsigned long port;

	if (length < 1 || length > 5 || strspn(text, DIGITS) != length || text[0] == '0')
		return false;
	port = strtoul(text, NULL, 10);
	*ret_port = (uint16_t)port;
	return port <= UINT16_MAX;
}

/* inet_aton(3), which a jump host may use, takes "127.1", "0x7f.1" and "2130706433" for numbers. */
static bool label_is_numeric(const char *label, size_t length)
{
	if (strspn(label, DIGITS) >= length)
		return true;
	return length >= 2 && label[0] == '0' && label[1] == 'x' &&
	       strspn(label + 2, DIGITS "abcdef") >= length - 2;
}

static bool name_is_good(const char *name)
{
	size_t length = strlen(name), label;

	if (length == 0 || length > NAME_CHARS_MAX || strspn(name, LETTERS DIGITS "._-") != length)
		return false;
	for (;; name += label + 1) {
		label = strcspn(name, ".");
		if (label == 0 || label > LABEL_CHARS_MAX || name[0] == '-' ||
		    name[label - 1] == '-')
			return false;
		if (name[label] == 0)
			return !label_is_numeric(name, label);
	}
}

bool typed_host_parse(const char *text, struct typed_host *ret_host)
{
	bool bracketed = text[0] == '[';
	const char *begin = text + bracketed;
	size_t length = strcspn(begin, bracketed ? "]" : ":");
	const char *rest = begin + length;
	char *host = ret_host->host;

	if (length >= TYPED_HOST_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		host[i] = (char)tolower((unsigned char)begin[i]);
	host[length] = 0;
	if (bracketed && *rest++ != ']')
		return false;
	ret_host->port = DEFAULT_PORT;
	if (*rest != 0 && (*rest != ':' || !parse_port(rest + 1, &ret_host->port)))
		return false;
	ret_host->is_ip = ip_parse(host, &ret_host->ip);
	/* Without brackets there is no colon left in it. */
	if (bracketed && (!ret_host->is_ip || strchr(host, ':') == NULL))
		return false;
	if (ret_host->is_ip) {
		ip_print(&ret_host->ip, host);
		return true;
	}
	return name_is_good(host);
}

bool typed_host_matches(const char *host, const char *patterns)
{
	bool matched = false;
	size_t length;

	for (; *patterns != 0; patterns += length, patterns += *patterns == ',') {
		bool excluded = *patterns == '!';
		char pattern[1024];

		patterns += excluded;
		length = strcspn(patterns, ",");
		if (length >= sizeof(pattern))
			return false;
		memcpy(pattern, patterns, length);
		pattern[length] = 0;
		if (fnmatch(pattern, host, FNM_NOESCAPE) != 0)
			continue;
		if (excluded)
			return false;
		matched = true;
	}
	return matched;
}
