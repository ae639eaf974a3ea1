/* SPDX-License-Identifier: ISC */
/*
 * A test's visit to a whole broker: it is started for the test, a web server's process and a
 * brokerctl are connected, and in the end nothing may be left. Stand-ins are its sessions.
 */
#ifndef UNIT_BROKER_VISIT_H
#define UNIT_BROKER_VISIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker_world.h"
#include "standin_session.h"

static struct peer fcgi, ctl;

/* config: beside the world's own. */
static inline void begin(const char *config)
{
	world_start(config);
	peer_open(&fcgi, ROLE_FCGI);
	peer_open(&ctl, ROLE_CTL);
}

__attribute__((format(printf, 1, 2))) static inline void begin_with(const char *format, ...)
{
	char config[2000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(config, sizeof(config), format, arguments);
	va_end(arguments);
	begin(config);
}

/* With logins open. */
static inline void leave(void)
{
	peer_close(&fcgi);
	peer_close(&ctl);
	world_stop();
}

static inline void end(void)
{
	assert_nothing_left(&ctl);
	leave();
}

#endif
