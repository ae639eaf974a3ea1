/* SPDX-License-Identifier: ISC */
/*
 * What the files of a login share beside login.h: login.c owns its states, deadlines and end,
 * login_begin.c what happens until its session process has been started, login_open.c where it
 * leads and what the process is told, login_dialogue.c what is asked before it is open.
 */
#ifndef BROKERD_LOGIN_INTERNAL_H
#define BROKERD_LOGIN_INTERNAL_H

#include "login.h"
#include "penalties.h"

/* The only place that changes the state, and with it the deadline. */
void login_set_state(struct login *login, enum login_state state);
void login_set_deadline(struct login *login, uint64_t duration_ms);

/* Keeps the first reason and tells it to all who wait for an answer. detail may be NULL. */
void login_set_reason(
    struct login *login, enum error_code reason, enum hop hop, const char *detail);

/* Nothing of it runs any more: login is gone afterwards. */
void login_end(struct login *login);

/* Handlers of timers and of the session's process and link; see login.c. */
bool login_create_timers(struct login *login);
void login_on_link_closed(struct conn *link, const char *reason, void *arg);
void login_on_process_ended(int status, void *arg);

/* What the login has done counts against who asked for it, or against the host at hop. */
void login_penalise(struct login *login, enum penalty penalty, enum hop hop);

/* Its record says from now on that nothing but processes of its uid may be left. */
void login_keep_over(const struct login *login);
/* Its process has been started: it can be kept from now on. link_fd stays the caller's. */
void login_keep_begin(struct login *login, int link_fd);

/* After how long it is worth to try again; 0: nothing is known of that. */
uint32_t login_retry_after_s(enum error_code code);

#endif
