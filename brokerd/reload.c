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

/* What has come of it; true if it is in force. */
static bool finish(const struct listener *listener, enum log_event event, const char *text)
{
	log_event(event, NULL, "%s", text);
	if (listener->report != NULL)
		listener->report(text, listener->arg);
	return event == LOG_EVENT_CONFIG_RELOADED;
}

bool reload(struct broker *broker, config_report *report, void *arg)
{
	struct listener listener = {report, arg, LOG_LEVEL_ERROR};
	struct config *fresh = config_load(broker->config_path, false, tell, &listener);
	unsigned fixed;
	char text[128];

	if (fresh == NULL) {
		return finish(&listener, LOG_EVENT_CONFIG_REFUSED,
		    "configuration not reloaded: the running one stays");
	}
	listener.level = LOG_LEVEL_WARNING;
	fixed = config_keep_fixed(fresh, broker->config, tell, &listener);
	config_destroy(broker->config);
	broker->config = fresh;
	log_init(DAEMON_PROGRAM, fresh->broker.log_level);
	snprintf(text, sizeof(text), "configuration reloaded: %zu server%s%s", fresh->server_count,
	    fresh->server_count != 1 ? "s" : "",
	    fixed != 0 ? "; the rest counts after a restart" : "");
	return finish(&listener, LOG_EVENT_CONFIG_RELOADED, text);
}
