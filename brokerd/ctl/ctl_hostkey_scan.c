/* SPDX-License-Identifier: ISC */
/*
 * Asks a server for its host keys. A server shows one key per connection, that of the first type
 * which both sides know, so each type takes a connection of its own; the types are read from the
 * first message of the first one. libssh2 proves that the server has the private half. Runs in
 * brokerctl; the server is not trusted and nothing is sent to it but the exchange of keys.
 */
#include <errno.h>
#include <libssh2.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ctl_hostkey.h"
#include "proto/wire.h"

#define DEADLINE_MS 15000
/* The server's banner and its first message (RFC 4253 section 6.1: at most 35000 bytes). */
#define OPENING_BYTES 40000
/* Names of algorithms; OpenSSH has less than 400 bytes of them. */
#define OFFERED_BYTES 2000

/* Types of keys and the algorithms that use them, the best first (RFC 8332 for RSA). */
static const struct {
	const char *type, *algorithms;
} key_types[] = {
    {"ssh-ed25519", "ssh-ed25519"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
};
#define KEY_TYPE_COUNT (sizeof(key_types) / sizeof(key_types[0]))

/* One connection. */
struct probe {
	struct ctl_scan *scan;
	int fd;
	LIBSSH2_SESSION *session;
	int64_t deadline_ms;
	uint8_t opening[OPENING_BYTES]; /* what came first */
	size_t opened;
	char disconnect[160]; /* what the server said at the end */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False when the deadline is over. */
static bool await(const struct probe *probe, short events)
{
	struct pollfd pollfd = {.fd = probe->fd, .events = events};
	int64_t left_ms = probe->deadline_ms - now_ms();

	return left_ms > 0 && poll(&pollfd, 1, (int)left_ms) > 0;
}

/* --- connection --------------------------------------------------------------------------- */

static bool connect_to(struct probe *probe, const struct addrinfo *address)
{
	socklen_t length = sizeof(int);
	int error = 0;

	probe->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe->fd < 0)
		return false;
	if (connect(probe->fd, address->ai_addr, address->ai_addrlen) == 0)
		return true;
	if (errno == EINPROGRESS) {
		if (!await(probe, POLLOUT))
			error = ETIMEDOUT;
		else if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
			error = errno;
		if (error == 0)
			return true;
		errno = error;
	}
	error = errno;
	close(probe->fd);
	probe->fd = -1;
	errno = error;
	return false;
}

/* Connects to the first of the addresses that answers, and stays with it: the next connection goes
 * to the same machine. */
static bool probe_connect(struct probe *probe, struct addrinfo **address)
{
	struct ctl_scan *scan = probe->scan;

	for (; *address != NULL; *address = (*address)->ai_next) {
		if (connect_to(probe, *address)) {
			getnameinfo((*address)->ai_addr, (*address)->ai_addrlen, scan->address,
			    sizeof(scan->address), NULL, 0, NI_NUMERICHOST);
			scan->problem[0] = 0;
			return true;
		}
		snprintf(
		    scan->problem, sizeof(scan->problem), "cannot connect: %s", strerror(errno));
	}
	scan->unreachable = true;
	return false;
}

/* Under libssh2: receives for it, and keeps what comes first. */
static ssize_t receive(int fd, void *buffer, size_t length, int flags, void **abstract)
{
	struct probe *probe = *abstract;
	ssize_t received = recv(fd, buffer, length, flags);
	size_t kept = sizeof(probe->opening) - probe->opened;

	if (received < 0)
		return -errno;
	if (kept > (size_t)received)
		kept = (size_t)received;
	memcpy(probe->opening + probe->opened, buffer, kept);
	probe->opened += kept;
	return received;
}

static void note_disconnect(LIBSSH2_SESSION *session, int reason, const char *message,
    int message_length, const char *language, int language_length, void **abstract)
{
	struct probe *probe = *abstract;

	(void)session;
	(void)reason;
	(void)language;
	(void)language_length;
	if (message != NULL && message_length > 0)
		ctl_show_text(
		    message, (size_t)message_length, probe->disconnect, sizeof(probe->disconnect));
}

/* --- what the server has ------------------------------------------------------------------ */

static bool list_has(const char *list, size_t length, const char *word, size_t word_length)
{
	const char *end = list + length;

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		size_t part = (size_t)((comma != NULL ? comma : end) - list);

		if (part == word_length && memcmp(list, word, part) == 0)
			return true;
		list += part + 1;
	}
	return false;
}

/* The server_host_key_algorithms of its KEXINIT (RFC 4253 sections 4.2, 6, 7.1), and the software
 * of its banner. NULL if it sent no such thing. */
static const char *read_opening(struct probe *probe, size_t *ret_length)
{
	struct wire_reader reader = {.data = probe->opening, .length = probe->opened};
	const uint8_t *line, *end, *algorithms;

	do {
		line = probe->opening + reader.offset;
		end = memchr(line, '\n', probe->opened - reader.offset);
		if (end == NULL)
			return NULL;
		wire_get_bytes(&reader, (size_t)(end + 1 - line));
	} while (end - line < 4 || memcmp(line, "SSH-", 4) != 0);
	ctl_show_text((const char *)line, (size_t)(end - line) - (end > line && end[-1] == '\r'),
	    probe->scan->software, sizeof(probe->scan->software));
	wire_get_bytes(&reader, 5);
	if (wire_get_uint(&reader, 1) != 20)
		return NULL;
	wire_get_bytes(&reader, 16);
	wire_get_bytes(&reader, wire_get_uint(&reader, 4));
	*ret_length = wire_get_uint(&reader, 4);
	algorithms = wire_get_bytes(&reader, *ret_length);
	return (const char *)algorithms;
}

/* Those of the wanted algorithms that this libssh2 has, and if it is known that the server has. */
static void list_algorithms(const struct probe *probe, const char *wanted, const char *offered,
    size_t offered_length, char *list, size_t size)
{
	const char **supported = NULL;
	int count =
	    libssh2_session_supported_algs(probe->session, LIBSSH2_METHOD_HOSTKEY, &supported);

	list[0] = 0;
	for (const char *at = wanted; count > 0 && *at != 0; at += at[0] == ',') {
		size_t length = strcspn(at, ","), used = strlen(list);

		for (int i = 0; i < count; i++)
			if (strlen(supported[i]) == length &&
			    memcmp(supported[i], at, length) == 0 &&
			    (offered_length == 0 || list_has(offered, offered_length, at, length)))
				snprintf(list + used, size - used, "%s%.*s", used != 0 ? "," : "",
				    (int)length, at);
		at += length;
	}
	if (count > 0)
		libssh2_free(probe->session, supported);
}

static bool offers_any(const char *offered, size_t length, const char *algorithms)
{
	for (const char *at = algorithms; *at != 0; at += at[0] == ',') {
		size_t word_length = strcspn(at, ",");

		if (list_has(offered, length, at, word_length))
			return true;
		at += word_length;
	}
	return false;
}

/* --- one type ----------------------------------------------------------------------------- */

static bool probe_open(struct probe *probe)
{
	probe->session = libssh2_session_init_ex(NULL, NULL, NULL, probe);
	if (probe->session == NULL)
		return false;
	libssh2_session_set_blocking(probe->session, 0);
#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(
	    probe->session, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)receive);
	libssh2_session_callback_set2(
	    probe->session, LIBSSH2_CALLBACK_DISCONNECT, (libssh2_cb_generic *)note_disconnect);
#else
	libssh2_session_callback_set(probe->session, LIBSSH2_CALLBACK_RECV, (void *)receive);
	libssh2_session_callback_set(
	    probe->session, LIBSSH2_CALLBACK_DISCONNECT, (void *)note_disconnect);
#endif
	return true;
}

static void probe_close(struct probe *probe)
{
	if (probe->session != NULL && probe->fd >= 0)
		libssh2_session_disconnect(probe->session, "");
	if (probe->fd >= 0)
		shutdown(probe->fd, SHUT_RDWR);
	if (probe->session != NULL)
		libssh2_session_free(probe->session);
	if (probe->fd >= 0)
		close(probe->fd);
}

static bool probe_shake(struct probe *probe)
{
	int result;

	while ((result = libssh2_session_handshake(probe->session, probe->fd)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		int directions = libssh2_session_block_directions(probe->session);

		if (!await(probe,
			(short)((directions & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0 ? POLLOUT
										   : POLLIN)))
			break;
	}
	return result == 0;
}

/* Why there was no handshake. */
static void explain(struct probe *probe)
{
	struct ctl_scan *scan = probe->scan;
	char *text = NULL;

	if (probe->opened == 0 || memmem(probe->opening, probe->opened, "SSH-", 4) == NULL) {
		scan->unreachable = true;
		snprintf(scan->problem, sizeof(scan->problem), "%s",
		    now_ms() >= probe->deadline_ms
			? "does not answer as an SSH server does"
			: "closes the connection before it says anything that SSH servers say; "
			  "perhaps its MaxStartups or PerSourcePenalties, try again in a while");
		return;
	}
	libssh2_session_last_error(probe->session, &text, NULL, 0);
	snprintf(scan->problem, sizeof(scan->problem), "the exchange of keys fails: %s%s%s",
	    now_ms() >= probe->deadline_ms ? "it takes too long" : text,
	    probe->disconnect[0] != 0 ? ": " : "", probe->disconnect);
}

static bool take_key(struct probe *probe)
{
	struct ctl_scan *scan = probe->scan;
	struct record_hostkey *key = &scan->keys[scan->count].key;
	size_t length = 0;
	int library_type;
	const char *blob = libssh2_session_hostkey(probe->session, &length, &library_type);

	if (blob == NULL || length > sizeof(key->blob) ||
	    !hostkey_read_type((const uint8_t *)blob, length, key->type)) {
		snprintf(scan->problem, sizeof(scan->problem), "shows a key that is too long");
		return false;
	}
	memcpy(key->blob, blob, length);
	key->blob_length = (uint16_t)length;
	scan->count++;
	return true;
}

/* Takes the server's key of one type, if it has one. offered: the server's algorithms, empty before
 * the first connection, which sets it. False if there is no point in going on. */
static bool scan_type(struct ctl_scan *scan, size_t type, struct addrinfo **address,
    int64_t deadline_ms, char offered[OFFERED_BYTES])
{
	struct probe probe = {.scan = scan, .fd = -1, .deadline_ms = deadline_ms};
	const char *wanted = key_types[type].algorithms, *list;
	size_t length = strlen(offered);
	char algorithms[100];
	bool good = false;

	if (length != 0 && !offers_any(offered, length, wanted))
		return true;
	if (!probe_open(&probe))
		goto out;
	list_algorithms(&probe, wanted, offered, length, algorithms, sizeof(algorithms));
	if (algorithms[0] == 0) {
		size_t used = strlen(scan->unreadable);

		snprintf(scan->unreadable + used, sizeof(scan->unreadable) - used, "%s%s",
		    used != 0 ? ", " : "", key_types[type].type);
		good = true;
		goto out;
	}
	if (libssh2_session_method_pref(probe.session, LIBSSH2_METHOD_HOSTKEY, algorithms) != 0 ||
	    !probe_connect(&probe, address))
		goto out;
	if (probe_shake(&probe))
		good = take_key(&probe);
	list = read_opening(&probe, &length);
	if (offered[0] == 0 && list != NULL)
		ctl_show_text(list, length, offered, OFFERED_BYTES);
	/* That the server has no key of this type is known only now, for the first one. */
	if (!good && list != NULL && !offers_any(list, length, wanted))
		good = true;
	else if (!good && scan->problem[0] == 0)
		explain(&probe);
out:
	probe_close(&probe);
	return good;
}

void ctl_scan_at(struct addrinfo *addresses, struct ctl_scan *scan)
{
	int64_t deadline_ms = now_ms() + DEADLINE_MS;
	struct addrinfo *address = addresses;
	char offered[OFFERED_BYTES] = "";

	memset(scan, 0, sizeof(*scan));
	if (libssh2_init(0) == 0) {
		for (size_t i = 0; i < KEY_TYPE_COUNT; i++)
			if (!scan_type(scan, i, &address, deadline_ms, offered))
				break;
		libssh2_exit();
	}
	if (scan->count == 0 && scan->problem[0] == 0)
		snprintf(scan->problem, sizeof(scan->problem),
		    "has no host key that the gateway can use: %.200s",
		    offered[0] != 0 ? offered : "none at all");
}

void ctl_scan(const struct ctl_target *target, struct ctl_scan *scan)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *addresses = NULL;
	char port[8];
	int error;

	snprintf(port, sizeof(port), "%u", (unsigned)target->port);
	error = getaddrinfo(target->host, port, &hints, &addresses);
	if (error == 0) {
		ctl_scan_at(addresses, scan);
		freeaddrinfo(addresses);
		return;
	}
	memset(scan, 0, sizeof(*scan));
	snprintf(
	    scan->problem, sizeof(scan->problem), "cannot be resolved: %s", gai_strerror(error));
	scan->unreachable = true;
}
