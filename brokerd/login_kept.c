/* SPDX-License-Identifier: ISC */
/*
 * What of a login outlives the broker: the record of it, written at each change, and how the next
 * broker makes a login of that again. Runs in x2goweb-brokerd.
 *
 * Each login keeps three descriptors under the name of its uid (handover.h): the broker's end of
 * the link, the record, and a pidfd of the session process. They are kept until no process of the
 * uid is left, longer than the login, so that a broker that is killed meanwhile does not forget it.
 *
 * The records are the broker's own word. What session processes say, RESYNCED above all, is no more
 * believed than before: no state follows from it.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker.h"
#include "clock.h"
#include "config.h"
#include "handle.h"
#include "handover.h"
#include "login_internal.h"
#include "port_pool.h"
#include "proto/conn.h"
#include "proto/log.h"
#include "record.h"
#include "spawn.h"
#include "uid_pool.h"

#define NAME_PREFIX "login-"

/* How many times as long as for its end a session process may take to answer a broker that is new
 * to it: all do so at the same time. */
#define RESYNC_STOPS 3

static void print_name(uid_t uid, char name[HANDOVER_NAME_BYTES])
{
	snprintf(name, HANDOVER_NAME_BYTES, NAME_PREFIX "%u", (unsigned)uid);
}

/* --- the record ----------------------------------------------------------------------------- */

static void fill_hop(
    const struct policy_hop *hop, const struct login_hop *own, struct record_kept_hop *record)
{
	strcpy(record->name, hop->name);
	strcpy(record->address, hop->address);
	record->port = hop->port;
	strcpy(record->user, hop->user);
	record->host_keys = (uint8_t)hop->ssh.host_keys;
	strcpy(record->key_path, hop->ssh.key);
	record->key_length = own->key_length;
	memcpy(record->key, own->key, own->key_length);
	record->key_shown = own->key_shown;
}

static void fill(const struct login *login, struct message_kept_login *kept)
{
	strcpy(kept->login, login->id);
	kept->state = (uint8_t)login->state;
	kept->link_version = (uint16_t)login->link_version;
	kept->uid = login->uid;
	kept->pid = (uint32_t)login->pid;
	kept->port = login->port;
	strcpy(kept->socket, login->socket);
	kept->since_ms = login->since_ms;
	kept->cookie_hash_length = sizeof(login->cookie_hash);
	memcpy(kept->cookie_hash, login->cookie_hash, sizeof(login->cookie_hash));
	strcpy(kept->server, login->server);
	strcpy(kept->user, login->user);
	strcpy(kept->client, login->client);
	kept->typed = login->target.typed;
	kept->hops_count = (uint16_t)login->target.hop_count;
	for (size_t i = 0; i < login->target.hop_count; i++)
		fill_hop(&login->target.hops[i], &login->hops[i], &kept->hops[i]);
	kept->answers_wanted = (uint8_t)login->answers_wanted;
	kept->has_tried = login->has_tried;
	kept->was_ready = login->was_ready;
	kept->signatures = (uint8_t)login->signatures;
	kept->reason = (uint16_t)login->reason;
	kept->reason_hop = (uint8_t)login->reason_hop;
	strcpy(kept->detail, login->detail);
	kept->stream = (uint8_t)login->stream;
	strcpy(kept->session, login->session);
	kept->stream_since_ms = login->stream_since_ms;
	strcpy(kept->methods, login->methods);
	strcpy(kept->fingerprint, login->fingerprint);
	kept->to_browser_bytes = login->tally.to_browser_bytes;
	kept->from_browser_bytes = login->tally.from_browser_bytes;
	kept->round_trip_us = login->tally.round_trip_us;
	kept->resumes = login->tally.resumes;
	kept->shown_since_ms = login->audit.shown_since_ms;
	kept->to_bytes_before = login->audit.to_bytes_before;
	kept->from_bytes_before = login->audit.from_bytes_before;
	kept->compat = login->compat;
	strcpy(kept->jump_fingerprint, login->jump_fingerprint);
}

static void write_record(const struct login *login, bool over)
{
	struct message message;

	if (login->record < 0)
		return;
	message_init(&message, MESSAGE_KEPT_LOGIN, 0);
	fill(login, &message.kept_login);
	message.kept_login.pid = (uint32_t)login->first_pid;
	if (over)
		message.kept_login.state = KEPT_OVER;
	if (!record_write(login->record, &message))
		log_warn("login %s: its record cannot be written", login->id);
}

void login_keep(const struct login *login)
{
	write_record(login, false);
}

void login_keep_over(const struct login *login)
{
	write_record(login, true);
}

void login_keep_begin(struct login *login, int link_fd)
{
	char name[HANDOVER_NAME_BYTES];
	int fds[] = {
	    fcntl(link_fd, F_DUPFD_CLOEXEC, 0), record_create(), pidfd_open(login->pid, 0)};

	login->first_pid = login->pid;
	login->link_version = PROTO_VERSION;
	login->record = fds[1];
	print_name(login->uid, name);
	if (fds[0] >= 0 && fds[1] >= 0 && fds[2] >= 0) {
		login_keep(login);
		if (handover_keep(login->broker->handover, name, fds, 3))
			return;
	} else {
		for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
	login->record = -1;
	log_warn("login %s: will not outlive this broker", login->id);
}

void login_keep_end(uid_t uid, void *arg)
{
	struct broker *broker = arg;
	char name[HANDOVER_NAME_BYTES];

	print_name(uid, name);
	handover_forget(broker->handover, name);
}

/* --- from the record ------------------------------------------------------------------------ */

/* What was kept of one login. */
struct kept_fds {
	int link, record, pidfd; /* -1: missing */
};

/* By what they are: under one name they have no order. */
static struct kept_fds sort_fds(const int *fds, size_t count)
{
	struct kept_fds sorted = {-1, -1, -1};

	for (size_t i = 0; i < count; i++) {
		socklen_t length = sizeof(int);
		int type = 0;

		if (getsockopt(fds[i], SOL_SOCKET, SO_TYPE, &type, &length) == 0)
			sorted.link = type == SOCK_SEQPACKET ? fds[i] : sorted.link;
		else if (record_is(fds[i]))
			sorted.record = fds[i];
		else
			sorted.pidfd = fds[i];
	}
	return sorted;
}

static void restore_hop(
    const struct record_kept_hop *record, struct policy_hop *hop, struct login_hop *own)
{
	strcpy(hop->name, record->name);
	strcpy(hop->address, record->address);
	hop->port = record->port;
	strcpy(hop->user, record->user);
	hop->ssh.host_keys = record->host_keys;
	strcpy(hop->ssh.key, record->key_path);
	own->key_length = record->key_length;
	memcpy(own->key, record->key, record->key_length);
	own->key_shown = record->key_shown;
}

/* A login as it was, with nothing of it running yet. NULL: memory is short. */
static struct login *rebuild(struct broker *broker, const struct message_kept_login *kept)
{
	struct login *login = calloc(1, sizeof(*login));

	if (login == NULL)
		return NULL;
	login->broker = broker;
	login->state = kept->state;
	login->link_version = kept->link_version;
	login->listener = login->record = -1;
	login->port = kept->port;
	strcpy(login->socket, kept->socket);
	login->since_ms = login->begun_ms = kept->since_ms;
	login->prompted_ms = clock_now_ms();
	strcpy(login->id, kept->login);
	memcpy(login->cookie_hash, kept->cookie_hash, sizeof(login->cookie_hash));
	strcpy(login->server, kept->server);
	strcpy(login->user, kept->user);
	strcpy(login->client, kept->client);
	strcpy(login->target.id, kept->server);
	login->target.typed = kept->typed;
	login->target.hop_count = kept->hops_count;
	for (size_t i = 0; i < kept->hops_count; i++)
		restore_hop(&kept->hops[i], &login->target.hops[i], &login->hops[i]);
	login->answers_wanted = kept->answers_wanted;
	login->has_tried = kept->has_tried;
	login->was_ready = kept->was_ready;
	login->signatures = kept->signatures;
	login->reason = error_is_known(kept->reason) ? kept->reason : ERROR_INTERNAL;
	login->reason_hop = kept->reason_hop;
	strcpy(login->detail, kept->detail);
	login->stream = kept->stream;
	strcpy(login->session, kept->session);
	login->stream_since_ms = kept->stream_since_ms;
	strcpy(login->methods, kept->methods);
	strcpy(login->fingerprint, kept->fingerprint);
	strcpy(login->jump_fingerprint, kept->jump_fingerprint);
	login->tally.to_browser_bytes = kept->to_browser_bytes;
	login->tally.from_browser_bytes = kept->from_browser_bytes;
	login->tally.round_trip_us = kept->round_trip_us;
	login->tally.resumes = kept->resumes;
	login->audit.shown_since_ms = kept->shown_since_ms;
	login->audit.to_bytes_before = kept->to_bytes_before;
	login->audit.from_bytes_before = kept->from_bytes_before;
	login->compat = kept->compat != 0;
	requests_init(&login->requests, broker->base);
	return login;
}

/* Its end comes when it would have come. */
static bool restart_expiry(struct login *login)
{
	uint64_t limit_ms = login->broker->config->deadlines.login_ms;
	uint64_t age_ms = clock_now_ms() - login->since_ms;
	const struct timeval left = clock_timeval(age_ms < limit_ms ? limit_ms - age_ms : 0);

	return event_add(login->expiry, &left) == 0;
}

/* Takes link and process over. Fails: false; what was begun is login_destroy's. */
static bool take_over(struct login *login, const struct kept_fds *fds, pid_t pid)
{
	static const struct conn_handlers handlers = {
	    .message = handle_session, .closed = login_on_link_closed};
	struct broker *broker = login->broker;
	int link;

	if (!login_create_timers(login) || !restart_expiry(login))
		return false;
	if (!spawner_adopt(broker->spawner, pid, fds->pidfd, login_on_process_ended, login))
		return false;
	login->pid = login->first_pid = pid;
	login->record = fds->record;
	link = fcntl(fds->link, F_DUPFD_CLOEXEC, 0);
	if (link >= 0)
		login->link =
		    conn_adopt(broker->base, link, ROLE_BROKER, ROLE_SESSION, &handlers, login);
	if (login->link != NULL)
		conn_set_version(login->link, login->link_version);
	return login->link != NULL;
}

/* Another one than brokers before have used, whose RESYNC may not be answered yet. */
static uint32_t make_resync_id(void)
{
	uint32_t random = 0;

	while (random == 0)
		if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
			random = (uint32_t)clock_now_ms();
	return random;
}

/* What had no end when the other broker had one. */
static void go_on(struct login *login)
{
	const struct config *config = login->broker->config;
	struct message message;

	/* Answers might look otherwise to it. */
	if (login->state == LOGIN_STATE_PROMPTING && login_is_of_before(login)) {
		login_stop(login, ERROR_RENEWED, NULL);
		return;
	}
	switch (login->state) {
	case LOGIN_STATE_PROMPTING:
	case LOGIN_STATE_READY:
		login->resync_id = make_resync_id();
		message_init(&message, MESSAGE_RESYNC, login->resync_id);
		conn_send(login->link, &message);
		login_set_deadline(login, login->state == LOGIN_STATE_READY
					      ? RESYNC_STOPS * config->deadlines.stop_ms
					      : config->deadlines.prompt_ms);
		login_touch(login);
		break;
	case LOGIN_STATE_STOPPING:
		message_init(&message, MESSAGE_STOP, 0);
		message.stop.code =
		    (uint16_t)(login->reason != ERROR_NONE ? login->reason : ERROR_INTERNAL);
		conn_send(login->link, &message);
		login_set_deadline(login, config->deadlines.stop_ms);
		break;
	default:
		/* Who waits for it has no cookie yet, or has to answer again what was used up. */
		login_stop(
		    login, ERROR_BROKER_UNAVAILABLE, "the broker was replaced before it was open");
		break;
	}
}

/* The uid's last login is over, but it is not known whether all of it has gone. */
static void sweep_rest(struct broker *broker, const struct message_kept_login *kept)
{
	port_pool_give_back(
	    broker->ports, kept->port, clock_now_ms(), broker->config->relay.quarantine_ms);
	uid_pool_give_back(broker->uids, kept->uid);
}

static bool is_whole(const struct message *message, const char *name, const struct kept_fds *fds)
{
	char expected[HANDOVER_NAME_BYTES];

	print_name(message->kept_login.uid, expected);
	return message->type == MESSAGE_KEPT_LOGIN && strcmp(name, expected) == 0 &&
	       (message->kept_login.state == KEPT_OVER ||
		   (message->kept_login.state >= LOGIN_STATE_OPENING &&
		       message->kept_login.state < LOGIN_STATE_COUNT && fds->link >= 0 &&
		       fds->pidfd >= 0));
}

static void restore(const char *name, const int *fds, size_t count, void *arg)
{
	struct broker *broker = arg;
	const struct kept_fds kept_fds = sort_fds(fds, count);
	const struct message_kept_login *kept;
	struct log_context context;
	struct message message;
	struct login *login;

	/* Whose link is closed ends by itself. */
	if (kept_fds.record < 0 || !record_read(kept_fds.record, &message) ||
	    !is_whole(&message, name, &kept_fds)) {
		log_errorx("handover: what is kept as %s makes no login", name);
		handover_forget(broker->handover, name);
		return;
	}
	kept = &message.kept_login;
	if (!uid_pool_reserve(broker->uids, kept->uid)) {
		log_errorx("login %s: ends, since [sessions] uids has no %u any more", kept->login,
		    (unsigned)kept->uid);
		handover_forget(broker->handover, name);
		return;
	}
	port_pool_reserve(broker->ports, kept->port);
	login = kept->state != KEPT_OVER ? rebuild(broker, kept) : NULL;
	if (login == NULL) {
		sweep_rest(broker, kept);
		return;
	}
	login->uid = kept->uid;
	login_table_add(&broker->logins, login);
	if (!take_over(login, &kept_fds, (pid_t)kept->pid)) {
		log_warn("login %s: cannot be taken over", login->id);
		login_table_remove(&broker->logins, login);
		login_destroy(login);
		return;
	}
	context = login_context(login);
	log_event(LOG_EVENT_LOGIN_TAKEN_OVER, &context, "login taken over from the broker before");
	go_on(login);
}

bool login_is_of_before(const struct login *login)
{
	return login->link_version != PROTO_VERSION;
}

unsigned login_restore_all(struct broker *broker)
{
	handover_visit(broker->handover, NAME_PREFIX, restore, broker);
	return broker->logins.count;
}
