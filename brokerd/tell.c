/* SPDX-License-Identifier: ISC */
#include "tell.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "login.h"
#include "proto/conn.h"
#include "whom.h"

/* The session processes have nothing to wait for. */
#define ANSWER_LIMIT_MS 5000

/* Of one SAY; goes with its last answer. */
struct tell {
	LIST_ENTRY(tell) next; /* broker.tells */
	struct conn *asker;    /* NULL: gone */
	struct message answer;
	unsigned awaited;
};

static void finish(struct tell *tell)
{
	if (tell->asker != NULL)
		conn_send(tell->asker, &tell->answer);
	LIST_REMOVE(tell, next);
	free(tell);
}

/* answer NULL: none will come. */
static void on_answer(const struct message *answer, void *arg)
{
	struct tell *tell = arg;

	if (answer != NULL && answer->type == MESSAGE_TOLD) {
		tell->answer.said.pages += answer->told.pages;
		tell->answer.said.later += answer->told.later;
	}
	if (--tell->awaited == 0)
		finish(tell);
}

static void tell_login(struct tell *tell, struct login *login, const char *text)
{
	struct message order;

	tell->answer.said.logins++;
	/* Before, it has no page that could be reached, and afterwards no process. */
	if (login->state != LOGIN_STATE_READY || login_is_of_before(login))
		return;
	message_init(&order, MESSAGE_TELL, 0);
	strcpy(order.tell.text, text);
	tell->awaited++;
	if (!requests_send_watched(&login->requests, login->link, &order, MESSAGE_TOLD, on_answer,
		tell, ANSWER_LIMIT_MS))
		tell->awaited--;
}

void tell_logins(struct broker *broker, const struct message *say, struct conn *asker)
{
	const struct record_whom *whom = &say->say.whom[0];
	struct login *login = NULL;
	struct conn_failure failure;
	struct tell *tell;

	if (!whom_check(whom, &broker->logins, &failure)) {
		conn_send_failure(asker, say->request_id, &failure);
		return;
	}
	tell = calloc(1, sizeof(*tell));
	if (tell == NULL) {
		conn_send_fail(asker, say->request_id, ERROR_INTERNAL, "out of memory");
		return;
	}
	tell->asker = asker;
	message_init(&tell->answer, MESSAGE_SAID, say->request_id);
	LIST_INSERT_HEAD(&broker->tells, tell, next);
	/* One of our own, so that it does not end before all have been sent. */
	tell->awaited = 1;
	while ((login = whom_next(whom, &broker->logins, login)) != NULL)
		tell_login(tell, login, say->say.text);
	audit_admin(conn_peer_uid(asker), "tells %u logins: %s", (unsigned)tell->answer.said.logins,
	    say->say.text);
	on_answer(NULL, tell);
}

void tell_forget_asker(struct broker *broker, const struct conn *asker)
{
	struct tell *tell;

	LIST_FOREACH(tell, &broker->tells, next)
	if (tell->asker == asker)
		tell->asker = NULL;
}
