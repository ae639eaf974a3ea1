/* SPDX-License-Identifier: ISC */
#include "broker_kept.h"

#include "broker.h"
#include "handover.h"
#include "proto/log.h"
#include "record.h"

#define NAME "broker"

void broker_keep(const struct broker *broker)
{
	int fds[HANDOVER_FDS_MAX];
	struct message message;

	message_init(&message, MESSAGE_KEPT_BROKER, 0);
	message.kept_broker.draining = broker->draining;
	if (handover_find(broker->handover, NAME, fds) == 1 && !record_write(fds[0], &message))
		log_warn("the broker's record cannot be written");
}

void broker_restore(struct broker *broker)
{
	int fds[HANDOVER_FDS_MAX], record;
	struct message message;

	if (handover_find(broker->handover, NAME, fds) == 1 && record_read(fds[0], &message) &&
	    message.type == MESSAGE_KEPT_BROKER) {
		broker->draining = message.kept_broker.draining;
		return;
	}
	handover_forget(broker->handover, NAME);
	record = record_create();
	if (record < 0 || !handover_keep(broker->handover, NAME, &record, 1))
		log_warn("what admins order will not outlive this broker");
	broker_keep(broker);
}
