/* SPDX-License-Identifier: ISC */
/*
 * x2goweb-session: one login's process. The broker starts it with the link in descriptor 3 and
 * an empty folder in 4; it locks itself in before it reads a byte of anybody. Its log goes to
 * the broker.
 */
#include <event2/event.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "heap_rest.h"
#include "proto/log.h"
#include "sandbox.h"
#include "session.h"
#include "ssh.h"
#include "ssh_keystream.h"

#define LINK_FD	      3
#define EMPTY_ROOT_FD 4

/* Pictures come and go by SSH's window of 2 MiB. Giving that back to the system each time costs
 * a fifth of the throughput; heap_rest.c does so when no more come. */
#define MEMORY_KEPT_BYTES (3 * 1024 * 1024)

/* More that the broker has not read, because it is being replaced, and lines are left out: what
 * waits must not grow until the link is given up. */
#define LOG_WAITING_BYTES 16384

/* Lines are cut to what LOG carries. */
static void send_line(enum log_level level, const char *text, void *arg)
{
	struct session *session = arg;
	static bool sending;
	struct message message;

	/* Sending may log in turn. */
	if (sending || session->link == NULL ||
	    conn_unsent_bytes(session->link) > LOG_WAITING_BYTES)
		return;
	sending = true;
	message_init(&message, MESSAGE_LOG, 0);
	message.log.level = (uint8_t)level;
	message_set_text(message.log.text, sizeof(message.log.text), text, strlen(text));
	conn_send(session->link, &message);
	sending = false;
}

int main(void)
{
	static struct session session;
	struct event_base *base;

	/* Started by descriptor: some kernels take its number for the name. */
	prctl(PR_SET_NAME, "x2goweb-session");
	/* The broker knows what it wants to see. */
	log_init("x2goweb-session", LOG_LEVEL_DEBUG);
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_BYTES);
	ssh_keystream_init();
	sandbox_warm_up();
	if (!ssh_warm_up())
		log_fatalx("session: libssh2 cannot be initialised");
	base = event_base_new();
	if (base == NULL)
		log_fatalx("session: no event loop");
	if (!heap_rest_init(base))
		log_fatalx("session: memory is short");
	if (!sandbox_enter(EMPTY_ROOT_FD))
		log_fatalx("session: the sandbox cannot be entered");
	if (!session_init(&session, base, LINK_FD))
		log_fatal("session: descriptor %d is no link to a broker", LINK_FD);
	log_set_sink(send_line, &session);
	event_base_dispatch(base);
	log_set_sink(NULL, NULL);
	session_finish(&session);
	heap_rest_finish();
	ssh_keystream_finish();
	event_base_free(base);
	return EXIT_SUCCESS;
}
