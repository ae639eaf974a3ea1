/* SPDX-License-Identifier: ISC */
#include "upgrade.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "broker.h"
#include "config.h"
#include "proto/conn.h"
#include "proto/log.h"
#include "spawn.h"

#define CHECK_OPTION "--check"

struct upgrade {
	struct broker *broker;
	const char *program;
	char **check; /* arguments of the new program that only checks */
	void (*go)(void *arg);
	void *arg;
	pid_t checker; /* 0: none under way */
	struct conn *asker;
	uint32_t request_id;
	char why[200]; /* it cannot be */
};

struct upgrade *upgrade_create(struct broker *broker, const char *program, char *const *arguments,
    void (*go)(void *arg), void *arg)
{
	static char check[] = CHECK_OPTION;
	struct upgrade *upgrade = calloc(1, sizeof(*upgrade));
	size_t count = 0;

	while (arguments[count] != NULL)
		count++;
	if (upgrade != NULL)
		upgrade->check = calloc(count + 2, sizeof(*upgrade->check));
	if (upgrade == NULL || upgrade->check == NULL) {
		free(upgrade);
		return NULL;
	}
	memcpy(upgrade->check, arguments, count * sizeof(*arguments));
	upgrade->check[count] = check;
	upgrade->broker = broker;
	upgrade->program = program;
	upgrade->go = go;
	upgrade->arg = arg;
	return upgrade;
}

void upgrade_destroy(struct upgrade *upgrade)
{
	if (upgrade == NULL)
		return;
	if (upgrade->checker != 0)
		spawner_forget(upgrade->broker->spawner, upgrade->checker);
	free(upgrade->check);
	free(upgrade);
}

static void fail(struct upgrade *upgrade, enum error_code code, const char *why)
{
	log_errorx("upgrade: %s", why);
	if (upgrade->asker != NULL)
		conn_send_fail(upgrade->asker, upgrade->request_id, code, why);
	upgrade->asker = NULL;
}

static void on_checked(int status, void *arg)
{
	struct upgrade *upgrade = arg;

	upgrade->checker = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fail(upgrade, ERROR_INTERNAL,
		    WIFEXITED(status) && WEXITSTATUS(status) == SPAWN_NOT_STARTED
			? "the installed program cannot be run; the journal says why"
			: "the installed program does not take the configuration; the journal says "
			  "why");
		return;
	}
	if (upgrade->broker->stopping)
		return;
	if (upgrade->asker != NULL)
		conn_send_done(upgrade->asker, upgrade->request_id);
	upgrade->asker = NULL;
	upgrade->go(upgrade->arg);
}

/* Only root could change what [broker] says of users and sockets. */
static void note_fixed(const char *text, void *arg)
{
	struct upgrade *upgrade = arg;

	if (strncmp(text, "[broker]", strlen("[broker]")) == 0 && upgrade->why[0] == 0)
		snprintf(upgrade->why, sizeof(upgrade->why), "%s", text);
}

static void ignore(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

/* What this program cannot read the new one may: it will be asked. */
static bool check_config(struct upgrade *upgrade)
{
	struct broker *broker = upgrade->broker;
	struct config *fresh = config_load(broker->config_path, false, ignore, NULL);

	upgrade->why[0] = 0;
	if (fresh == NULL)
		return true;
	config_keep_fixed(fresh, broker->config, note_fixed, upgrade);
	config_destroy(fresh);
	return upgrade->why[0] == 0;
}

void upgrade_begin(struct upgrade *upgrade, struct conn *asker, uint32_t request_id)
{
	if (upgrade->checker != 0 || upgrade->broker->stopping) {
		if (asker != NULL)
			conn_send_fail(asker, request_id, ERROR_SESSION_BUSY,
			    "an upgrade or the end is under way");
		return;
	}
	upgrade->asker = asker;
	upgrade->request_id = request_id;
	if (!check_config(upgrade)) {
		fail(upgrade, ERROR_INTERNAL, upgrade->why);
		return;
	}
	upgrade->checker = spawner_run_program(
	    upgrade->broker->spawner, upgrade->program, upgrade->check, on_checked, upgrade);
	if (upgrade->checker < 0) {
		upgrade->checker = 0;
		fail(upgrade, ERROR_INTERNAL, "the installed program cannot be run");
	}
}

void upgrade_forget_asker(struct upgrade *upgrade, const struct conn *asker)
{
	if (upgrade != NULL && upgrade->asker == asker)
		upgrade->asker = NULL;
}
