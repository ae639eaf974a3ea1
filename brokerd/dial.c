/* SPDX-License-Identifier: ISC */
#include "dial.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "ip_filter.h"

/* A connection whose network is gone is noticed within about these. */
#define KEEPALIVE_IDLE_S  15
#define KEEPALIVE_PAUSE_S 5
#define KEEPALIVE_PROBES  4
#define UNANSWERED_MS	  60000

static const char *const resolver_files[] = {"/etc/resolv.conf", "/etc/hosts"};
#define RESOLVER_FILES (sizeof(resolver_files) / sizeof(resolver_files[0]))

struct dialer {
	struct event_base *base;
	struct evdns_base *dns;
	struct timespec changed[RESOLVER_FILES];
};

struct dial {
	struct dialer *dialer;
	void (*done)(const struct dial_result *result, void *arg);
	void *arg;
	struct lookup *lookup; /* while the name is being resolved */
	const struct config_networks *only;
	struct evutil_addrinfo *addresses, *next;
	unsigned left;		 /* addresses not tried yet */
	unsigned tried, refused; /* addresses, and those of them that are not allowed */
	uint64_t ends_at_ms;
	int fd;
	struct event *connected; /* of the address being tried, with its share of the time */
	struct event *deadline;	 /* of all */
	char detail[192];	 /* of the last address that failed */
	bool timed_out;
};

/* Outlives its dial until the resolver has answered. */
struct lookup {
	struct dial *dial; /* NULL: given up */
	struct evdns_getaddrinfo_request *request;
};

struct dialer *dialer_create(struct event_base *base)
{
	struct dialer *dialer = calloc(1, sizeof(*dialer));

	if (dialer == NULL)
		return NULL;
	dialer->base = base;
	dialer->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (dialer->dns == NULL) {
		free(dialer);
		return NULL;
	}
	return dialer;
}

void dialer_destroy(struct dialer *dialer)
{
	if (dialer == NULL)
		return;
	evdns_base_free(dialer->dns, 1);
	free(dialer);
}

/* The resolver reads its files only when told to. */
static void refresh_resolver(struct dialer *dialer)
{
	bool changed = false;

	for (size_t i = 0; i < RESOLVER_FILES; i++) {
		struct stat status = {0};

		stat(resolver_files[i], &status);
		if (memcmp(&status.st_mtim, &dialer->changed[i], sizeof(status.st_mtim)) != 0)
			changed = true;
		dialer->changed[i] = status.st_mtim;
	}
	if (!changed)
		return;
	evdns_base_clear_nameservers_and_suspend(dialer->dns);
	evdns_base_clear_host_addresses(dialer->dns);
	evdns_base_search_clear(dialer->dns);
	/* Missing files are a way to say that there are no nameservers. */
	evdns_base_resolv_conf_parse(dialer->dns,
	    DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC, resolver_files[0]);
	evdns_base_load_hosts(dialer->dns, resolver_files[1]);
	evdns_base_resume(dialer->dns);
}

static void finish(struct dial *dial, int fd)
{
	struct dial_result result = {.fd = fd, .error = ERROR_NONE, .detail = dial->detail};

	if (fd < 0 && dial->refused != 0 && dial->refused == dial->tried)
		result.error = ERROR_SERVER_NOT_ALLOWED;
	else if (fd < 0)
		result.error = dial->timed_out ? ERROR_HOST_TIMEOUT : ERROR_HOST_UNREACHABLE;
	dial->done(&result, dial->arg);
}

static void drop_attempt(struct dial *dial)
{
	if (dial->connected != NULL)
		event_free(dial->connected);
	dial->connected = NULL;
	if (dial->fd >= 0)
		close(dial->fd);
	dial->fd = -1;
}

static bool tune(int fd)
{
	const int on = 1, idle = KEEPALIVE_IDLE_S, pause = KEEPALIVE_PAUSE_S,
		  probes = KEEPALIVE_PROBES;
	const unsigned unanswered = UNANSWERED_MS;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof(pause)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered, sizeof(unanswered)) == 0;
}

static void on_connected(evutil_socket_t fd, short what, void *arg);

/* Whether the address, which the name has now, may be connected to; else with detail. */
static bool is_allowed(struct dial *dial, const struct evutil_addrinfo *address)
{
	char text[NETWORK_TEXT_BYTES];
	const char *why;
	struct ip ip;

	dial->tried++;
	if (dial->only == NULL)
		return true;
	if (!ip_of_socket(address->ai_addr, &ip)) {
		snprintf(dial->detail, sizeof(dial->detail), "it has an address of no known kind");
	} else {
		why = ip_filter_check(dial->only, &ip);
		if (why == NULL)
			return true;
		snprintf(dial->detail, sizeof(dial->detail), "%s %s", ip_print(&ip, text), why);
	}
	dial->refused++;
	return false;
}

/* Begins to connect to the address. False if it fails at once. */
static bool try_address(struct dial *dial, const struct evutil_addrinfo *address)
{
	uint64_t now = clock_now_ms();
	uint64_t share = now < dial->ends_at_ms ? (dial->ends_at_ms - now) / dial->left : 0;
	struct timeval limit = clock_timeval(share);

	dial->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->fd < 0 || !tune(dial->fd))
		return false;
	if (connect(dial->fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
		return false;
	dial->connected = event_new(dial->dialer->base, dial->fd, EV_WRITE, on_connected, dial);
	return dial->connected != NULL && event_add(dial->connected, &limit) == 0;
}

static void try_next(struct dial *dial)
{
	drop_attempt(dial);
	while (dial->next != NULL) {
		const struct evutil_addrinfo *address = dial->next;

		dial->next = address->ai_next;
		if (!is_allowed(dial, address)) {
			dial->left--;
			continue;
		}
		if (try_address(dial, address)) {
			dial->left--;
			return;
		}
		dial->left--;
		dial->timed_out = false;
		snprintf(dial->detail, sizeof(dial->detail), "%s", strerror(errno));
		drop_attempt(dial);
	}
	finish(dial, -1);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	socklen_t length = sizeof(int);
	int error = 0, connected = dial->fd;

	if ((what & EV_TIMEOUT) != 0)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (error == 0) {
		dial->fd = -1;
		finish(dial, connected);
		return;
	}
	dial->timed_out = error == ETIMEDOUT;
	snprintf(dial->detail, sizeof(dial->detail), "%s", strerror(error));
	try_next(dial);
}

static void on_resolved(int error, struct evutil_addrinfo *addresses, void *arg)
{
	struct lookup *lookup = arg;
	struct dial *dial = lookup->dial;
	const struct timeval now = {0, 0};

	free(lookup);
	if (dial == NULL) {
		if (addresses != NULL)
			evutil_freeaddrinfo(addresses);
		return;
	}
	dial->lookup = NULL;
	dial->addresses = dial->next = addresses;
	for (const struct evutil_addrinfo *a = addresses; a != NULL; a = a->ai_next)
		dial->left++;
	if (error != 0)
		snprintf(dial->detail, sizeof(dial->detail), "its name cannot be resolved: %s",
		    evutil_gai_strerror(error));
	/* From the loop: numbers are "resolved" within dial_create. */
	event_add(dial->deadline, &now);
}

/* The addresses have come, or the whole time is over. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	uint64_t now = clock_now_ms(), left = now < dial->ends_at_ms ? dial->ends_at_ms - now : 0;
	struct timeval limit = clock_timeval(left);

	(void)fd;
	(void)what;
	if (dial->lookup == NULL && dial->connected == NULL && left != 0) {
		event_add(dial->deadline, &limit);
		try_next(dial);
		return;
	}
	dial->timed_out = true;
	if (dial->lookup != NULL)
		snprintf(dial->detail, sizeof(dial->detail), "its name was not resolved in time");
	else
		snprintf(dial->detail, sizeof(dial->detail), "%s", strerror(ETIMEDOUT));
	drop_attempt(dial);
	finish(dial, -1);
}

struct dial *dial_create(struct dialer *dialer, const char *host, uint16_t port,
    const struct config_networks *only, unsigned deadline_ms,
    void (*done)(const struct dial_result *result, void *arg), void *arg)
{
	const struct timeval limit = clock_timeval(deadline_ms);
	struct evutil_addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
	struct dial *dial = calloc(1, sizeof(*dial));
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	struct evdns_getaddrinfo_request *request;
	char service[8];

	if (dial != NULL)
		dial->fd = -1;
	if (dial == NULL || lookup == NULL)
		goto fail;
	dial->dialer = dialer;
	dial->only = only;
	dial->done = done;
	dial->arg = arg;
	dial->ends_at_ms = clock_now_ms() + deadline_ms;
	dial->deadline = evtimer_new(dialer->base, on_deadline, dial);
	if (dial->deadline == NULL || event_add(dial->deadline, &limit) != 0)
		goto fail;
	lookup->dial = dial;
	dial->lookup = lookup;
	refresh_resolver(dialer);
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	request = evdns_getaddrinfo(dialer->dns, host, service, &hints, on_resolved, lookup);
	/* Without a request it has been answered already, and lookup is gone. */
	if (request != NULL)
		lookup->request = request;
	return dial;
fail:
	free(lookup);
	dial_destroy(dial);
	return NULL;
}

void dial_destroy(struct dial *dial)
{
	if (dial == NULL)
		return;
	drop_attempt(dial);
	if (dial->lookup != NULL) {
		dial->lookup->dial = NULL;
		evdns_getaddrinfo_cancel(dial->lookup->request);
	}
	if (dial->addresses != NULL)
		evutil_freeaddrinfo(dial->addresses);
	if (dial->deadline != NULL)
		event_free(dial->deadline);
	free(dial);
}
