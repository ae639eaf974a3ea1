/* SPDX-License-Identifier: ISC */
/*
 * The table of brokerctl's commands. To add one: a line here, its function in ctl.h, in a file
 * ctl_<command>.c of its own, its name in packaging/bash-completion/brokerctl, and the manual.
 */
#include <limits.h>
#include <string.h>

#include "ctl.h"

/* In alphabetical order. */
static const struct ctl_command commands[] = {
    {"check", NULL, "reads the configuration and says what is wrong with it", 0, 0, 0, ctl_check},
    {"doctor", "[URL]", "looks at all that a login needs; see doctor --help", CTL_OPTION_OWN, 0,
	INT_MAX, ctl_doctor},
    {"drain", NULL, "takes no new logins, and waits for those that there are",
	CTL_OPTION_WAIT | CTL_OPTION_MESSAGE, 0, 0, ctl_drain},
    {"hostkey", "...", "host keys of X2Go servers; see brokerctl hostkey --help", CTL_OPTION_OWN, 0,
	INT_MAX, ctl_hostkey},
    {"kill", "LOGIN...", "ends logins; X2Go sessions are suspended", CTL_OPTION_WHOM, 0, 64,
	ctl_kill},
    {"list", NULL, "the logins: who, from where, to where, since when", CTL_OPTION_WHOM, 0, 0,
	ctl_list},
    {"message", "LOGIN TEXT", "shows a text to who is logged in", CTL_OPTION_WHOM, 1, INT_MAX,
	ctl_message},
    {"metrics", NULL, "what is counted, for Prometheus", 0, 0, 0, ctl_metrics},
    {"reload", NULL, "has the broker read its configuration again", 0, 0, 0, ctl_reload},
    {"show", "LOGIN", "all that is known of a login", 0, 1, 1, ctl_show},
    {"status", NULL, "how much is in use", 0, 0, 0, ctl_status_show},
    {"trace", "LOGIN", "follows what happens to a login", CTL_OPTION_WHOM, 0, 1, ctl_trace},
    {"undrain", NULL, "takes logins again", 0, 0, 0, ctl_undrain},
    {"upgrade", NULL, "has the installed broker take over from this one", 0, 0, 0, ctl_upgrade},
};

const struct ctl_command *ctl_command_at(unsigned index)
{
	return index < sizeof(commands) / sizeof(commands[0]) ? &commands[index] : NULL;
}

const struct ctl_command *ctl_command_find(const char *name)
{
	const struct ctl_command *command;

	for (unsigned i = 0; (command = ctl_command_at(i)) != NULL; i++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}
