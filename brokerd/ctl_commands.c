/* SPDX-License-Identifier: ISC */
/*
 * brokerctl's commands: which request each one sends and what its answer is.
 */
#include <string.h>

#include "ctl.h"

static const char *ask_status(struct message *request, const char *argument)
{
	(void)argument;
	message_init(request, MESSAGE_STATUS_GET, 1);
	return NULL;
}

static bool print_status(FILE *out, const struct message *answer, unsigned part, bool json)
{
	if (answer->type == MESSAGE_STATUS)
		ctl_print_status(out, &answer->status, json);
	(void)part;
	return true;
}

static const char *ask_list(struct message *request, const char *argument)
{
	(void)argument;
	message_init(request, MESSAGE_LOGINS_GET, 1);
	return NULL;
}

static bool print_list(FILE *out, const struct message *answer, unsigned part, bool json)
{
	if (answer->type != MESSAGE_LOGINS)
		return true;
	ctl_print_logins(out, &answer->logins, part, json);
	return answer->logins.last != 0;
}

static const char *ask_kill(struct message *request, const char *argument)
{
	message_init(request, MESSAGE_KILL, 1);
	if (strlen(argument) != sizeof(request->kill.whom[0].login) - 1)
		return "a login is named by its 16 characters; see brokerctl list";
	request->kill.whom_count = 1;
	strcpy(request->kill.whom[0].login, argument);
	return NULL;
}

static bool print_nothing(FILE *out, const struct message *answer, unsigned part, bool json)
{
	(void)out;
	(void)answer;
	(void)part;
	(void)json;
	return true;
}

static const char *ask_metrics(struct message *request, const char *argument)
{
	(void)argument;
	message_init(request, MESSAGE_METRICS_GET, 1);
	return NULL;
}

static bool print_metrics(FILE *out, const struct message *answer, unsigned part, bool json)
{
	(void)part;
	if (answer->type == MESSAGE_METRICS)
		ctl_print_metrics(out, answer->metrics.text, json);
	return true;
}

static const char *ask_upgrade(struct message *request, const char *argument)
{
	(void)argument;
	message_init(request, MESSAGE_UPGRADE, 1);
	return NULL;
}

static const struct ctl_command commands[] = {
    {"kill", "LOGIN", "end a login; its X2Go session is suspended", ask_kill, print_nothing},
    {"list", NULL, "the logins there are", ask_list, print_list},
    {"metrics", NULL, "what is counted, for Prometheus", ask_metrics, print_metrics},
    {"status", NULL, "how much is in use", ask_status, print_status},
    {"upgrade", NULL, "run the installed broker in place of this one", ask_upgrade, print_nothing},
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
