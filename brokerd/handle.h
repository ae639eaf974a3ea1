/* SPDX-License-Identifier: ISC */
/*
 * What the broker does with the messages of each kind of peer, one file per peer: handle_fcgi.c,
 * handle_session.c, handle_ctl.c. Every check of a message stands before its first effect.
 */
#ifndef BROKERD_HANDLE_H
#define BROKERD_HANDLE_H

struct broker;
struct conn;
struct message;

/* Handlers of proto/conn.h; arg is the struct broker for fcgi and ctl, the struct login for a
 * session's link. */
void handle_fcgi(struct conn *conn, struct message *message, void *arg);
void handle_ctl(struct conn *conn, struct message *message, void *arg);
void handle_session(struct conn *conn, struct message *message, void *arg);

/* METRICS_GET of one who may see them. */
void handle_metrics_get(struct broker *broker, struct conn *conn, struct message *message);

#endif
