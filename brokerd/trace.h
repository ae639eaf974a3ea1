/* SPDX-License-Identifier: ISC */
/*
 * Who follows what is logged about logins, whatever level the log itself has. Runs in
 * x2goweb-brokerd. What secrets the log does not know, nobody learns here.
 */
#ifndef BROKERD_TRACE_H
#define BROKERD_TRACE_H

#include "proto/log.h"
#include "proto/messages.h"

struct broker;
struct conn;
struct login;

/* asker gets TRACED until it goes. Those that there are begin with what they are at. */
void trace_begin(struct broker *broker, const struct message *trace, struct conn *asker);

void trace_forget_asker(struct broker *broker, const struct conn *asker);

/* A line of a session process that the log does not get. */
void trace_session_line(struct login *login, enum log_level level, const char *text);

/* The login is over; nothing more will be said of it. */
void trace_note_end(const struct login *login);

#endif
