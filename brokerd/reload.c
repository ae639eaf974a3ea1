/* SPDX-License-Identifier: ISC */
#include "reload.h"

#include <stdio.h>

#include "broker.h"
#include "daemon.h"
#include "proto/log.h"

/* Who is told beside the log. */
struct listener {
	config_report *report; /* may be NULL */
	void *arg;
	enum log_level level; /* of what comes now */
};

static void tell(const char *text, void *arg)
{
	const struct listener *listener = arg;
	static const struct log_context nobody;

	log_about(&nobody, listener->level, "%s", text);
	if (listener->report != NULL)
		listener->report(text, listener->arg);
}

bool reload(struct broker *broker, config_report *report, void *arg)
{
	struct listener listener = {report, arg, LOG_LEVEL_ERROR};
	struct config *fresh = config_load(broker->config_path, false, tell, &listener);
	unsigned fixed;
	char text[128];

	if (fresh == NULL) {
		tell("configuration not reloaded: the running one stays", &listener);
		return false;
	}
	listener.level = LOG_LEVEL_WARNING;
	fixed = config_keep_fixed(fresh, broker->config, tell, &listener);
	config_destroy(broker->config);
	broker->config = fresh;
	log_init(DAEMON_PROGRAM, fresh->broker.log_level);
	listener.level = LOG_LEVEL_INFO;
	snprintf(text, sizeof(text), "configuration reloaded: %zu servers%s", fresh->server_count,
	    fixed != 0 ? "; the rest counts after a restart" : "");
	tell(text, &listener);
	return true;
}
