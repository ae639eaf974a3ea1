/* SPDX-License-Identifier: ISC */
/*
 * Reading the configuration again while logins live. Runs in x2goweb-brokerd.
 */
#ifndef BROKERD_RELOAD_H
#define BROKERD_RELOAD_H

#include <stdbool.h>

#include "config.h"

struct broker;

/* Replaces the broker's configuration by what its file says now. report is told, in lines for
 * people, each error, or each key whose change counts after a restart only and what the rest came
 * to; the same goes to the log.
 * Fails: false; the running configuration stays. */
bool reload(struct broker *broker, config_report *report, void *arg);

#endif
