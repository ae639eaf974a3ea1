/* SPDX-License-Identifier: ISC */
#include "daemon.h"

#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "broker.h"
#include "broker_kept.h"
#include "clients.h"
#include "clock.h"
#include "config.h"
#include "dial.h"
#include "fd_need.h"
#include "handover.h"
#include "login.h"
#include "penalties.h"
#include "port_pool.h"
#include "privdrop.h"
#include "proto/log.h"
#include "reload.h"
#include "runtime.h"
#include "spawn.h"
#include "stream_sockets.h"
#include "uid_pool.h"
#include "upgrade.h"

/* How long calls under way may take until the next broker is waited for. */
#define LEAVE_MS 10000
/* The sessions' program, for one that this process becomes and that may not look for it. */
#define PASSED_SESSION "session"
/* How much longer than the sessions' own deadline the end may take. */
#define LAST_SWEEP_MS 3000

enum daemon_end {
	DAEMON_END_NONE,
	DAEMON_END_STOP,    /* all logins end first */
	DAEMON_END_LEAVE,   /* the next broker gets them, from systemd's store */
	DAEMON_END_UPGRADE, /* the same, from this process, which becomes the next one */
};

struct daemon {
	struct broker broker;
	const struct daemon_options *options;
	char program[PATH_MAX];
	struct runtime runtime;
	int session_fd;
	enum daemon_end end;
	bool over; /* nothing has to be waited for any more */
	struct event *sigterm, *sigint, *sighup, *sigusr2, *give_up;
};

static void report_to_log(const char *text, void *arg)
{
	(void)arg;
	log_errorx("%s", text);
}

/* Enough descriptors for all that the limits allow, so that none of it meets their end. */
static void check_fd_limit(const struct config *config)
{
	rlim_t needed = fd_need(config);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_fatal("cannot tell the limit of descriptors");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_fatal("cannot raise the limit of descriptors");
	if (limit.rlim_max < needed)
		log_fatalx("%llu descriptors are needed for [limits] connections and logins, but "
			   "%llu allowed",
		    (unsigned long long)needed, (unsigned long long)limit.rlim_max);
}

/* By descriptor, so that it may stand where a session's uid cannot look, and stays the same
 * program when a newer one is installed. */
static int open_session_program(const char *path, struct handover *handover)
{
	int fd = open(path, O_PATH | O_CLOEXEC), passed = handover_take(handover, PASSED_SESSION);
	struct stat status;

	if (fd < 0 && passed >= 0) {
		log_warn("%s: cannot be opened without root: the one before is used", path);
		return passed;
	}
	if (passed >= 0)
		close(passed);
	if (fd < 0 || fstat(fd, &status) != 0)
		log_fatal("%s: cannot open the sessions' program", path);
	if (!S_ISREG(status.st_mode) || (status.st_mode & S_IXOTH) == 0)
		log_fatalx("%s: is no program that everybody may execute", path);
	return fd;
}

/* All that may need root, then root is given up. The unit of systemd starts it as its user, with
 * the three capabilities that it keeps; so does an upgrade. */
static void start_as_root(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;
	const struct config *config = broker->config;
	struct handover *handover = broker->handover;

	if (geteuid() != 0 && geteuid() != config->broker.user.id)
		log_fatalx(
		    "must be started as root or as [broker] user, which it becomes by itself");
	check_fd_limit(config);
	daemon->session_fd = open_session_program(daemon->options->session, handover);
	runtime_open(&daemon->runtime, config, handover);
	privdrop_broker(config->broker.user.id, config->broker.group.id);
}

/* --- the end -------------------------------------------------------------------------------- */

static void stop_if_empty(void *arg)
{
	struct daemon *daemon = arg;

	if (daemon->broker.logins.count == 0 && !uid_pool_is_sweeping(daemon->broker.uids))
		daemon->over = true;
}

static void on_give_up(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	if (daemon->end == DAEMON_END_STOP)
		log_errorx("%u logins do not end: left behind", daemon->broker.logins.count);
	daemon->over = true;
}

static void stop(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;
	const struct timeval limit =
	    clock_timeval(broker->config->deadlines.stop_ms + LAST_SWEEP_MS);

	daemon->end = DAEMON_END_STOP;
	broker->stopping = true;
	clients_stop_accepting(broker->clients);
	runtime_close(broker->handover);
	event_add(daemon->give_up, &limit);
	broker->logins.emptied = stop_if_empty;
	broker->logins.emptied_arg = daemon;
	uid_pool_when_swept(broker->uids, stop_if_empty, daemon);
	login_table_stop_all(&broker->logins, ERROR_DRAINING);
	stop_if_empty(daemon);
}

/* Calls under way get their answers; new ones wait for the next broker. */
static void leave(struct daemon *daemon, enum daemon_end end)
{
	struct broker *broker = &daemon->broker;
	const struct timeval limit = clock_timeval(LEAVE_MS);

	daemon->end = end;
	broker->stopping = true;
	clients_pause_accepting(broker->clients);
	event_add(daemon->give_up, &limit);
}

static bool is_over(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;

	if (daemon->end == DAEMON_END_LEAVE || daemon->end == DAEMON_END_UPGRADE)
		daemon->over = daemon->over || (clients_close_answered(broker->clients) == 0 &&
						   login_table_is_flushed(&broker->logins));
	return daemon->over;
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct broker *broker = &daemon->broker;

	(void)what;
	if (broker->stopping)
		return;
	log_event(LOG_EVENT_BROKER_STOPPING, NULL, "stopping by signal %d (%u logins%s)",
	    (int)number, broker->logins.count,
	    handover_is_in_store(broker->handover) ? ", left to the next broker" : "");
	sd_notify(0, "STOPPING=1");
	if (handover_is_in_store(broker->handover))
		leave(daemon, DAEMON_END_LEAVE);
	else
		stop(daemon);
}

static void begin_upgrade(void *arg)
{
	struct daemon *daemon = arg;

	log_event(LOG_EVENT_BROKER_UPGRADING, NULL, "upgrade: %s takes over, with %u logins",
	    daemon->program, daemon->broker.logins.count);
	leave(daemon, DAEMON_END_UPGRADE);
}

/* Returns only if that cannot be. */
static void become_next(struct daemon *daemon)
{
	struct handover *handover = daemon->broker.handover;
	int program = fcntl(daemon->session_fd, F_DUPFD_CLOEXEC, 0);

	runtime_pass(&daemon->runtime, handover);
	if (program < 0 || !handover_pass(handover, PASSED_SESSION, program) ||
	    !privdrop_keep_for_exec())
		log_fatal("upgrade: cannot pass on what is needed");
	handover_exec(handover, daemon->program, daemon->options->arguments);
}

static void on_upgrade_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)number;
	(void)what;
	upgrade_begin(daemon->broker.upgrade, NULL, 0);
}

static void on_reload_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)number;
	(void)what;
	reload(&daemon->broker, NULL, NULL);
}

static struct event *on_signal(struct daemon *daemon, int number, event_callback_fn callback)
{
	struct event *event = evsignal_new(daemon->broker.base, number, callback, daemon);

	if (event == NULL || event_add(event, NULL) != 0)
		log_fatalx("out of memory");
	return event;
}

/* What an earlier broker has left behind has no login. */
static bool socket_lives(const char *name, void *arg)
{
	const struct login_table *logins = arg;
	const struct login *login;

	LIST_FOREACH(login, &logins->logins, next)
	{
		if (strcmp(login->socket, name) == 0)
			return true;
	}
	return false;
}

static void create_parts(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;
	const struct config *config = broker->config;

	broker->base = event_base_new();
	if (broker->base == NULL)
		log_fatalx("out of memory");
	login_table_init(&broker->logins);
	broker->started_ms = clock_now_ms();
	broker->started_at = time(NULL);
	broker->dialer = dialer_create(broker->base);
	broker->spawner = spawner_create(broker->base, daemon->session_fd, daemon->runtime.root_fd);
	broker->ports = port_pool_create(
	    config->relay.listen, config->relay.ports.first, config->relay.ports.last);
	if (config_relay_is_unix(config))
		broker->sockets =
		    stream_sockets_create(daemon->runtime.streams_fd, config->broker.runtime_dir);
	broker->penalties = penalties_create();
	if (broker->dialer == NULL || broker->spawner == NULL || broker->ports == NULL ||
	    broker->penalties == NULL ||
	    (broker->sockets == NULL && config_relay_is_unix(config)) ||
	    !turns_init(&broker->openings, broker->base) ||
	    !turns_init(&broker->starts, broker->base) || !turns_init(&broker->users, broker->base))
		log_fatalx("out of memory");
	broker->uids = uid_pool_create(
	    broker->base, broker->spawner, config->sessions.uids.first, config->sessions.uids.last);
	broker->clients =
	    clients_create(broker, daemon->runtime.broker_fd, daemon->runtime.control_fd);
	daemon->give_up = evtimer_new(broker->base, on_give_up, daemon);
	broker->upgrade = upgrade_create(
	    broker, daemon->program, daemon->options->arguments, begin_upgrade, daemon);
	if (broker->uids == NULL || broker->clients == NULL || broker->upgrade == NULL ||
	    daemon->give_up == NULL)
		log_fatalx("out of memory");
	uid_pool_when_freed(broker->uids, login_keep_end, broker);
	daemon->sigterm = on_signal(daemon, SIGTERM, on_stop_signal);
	daemon->sigint = on_signal(daemon, SIGINT, on_stop_signal);
	daemon->sighup = on_signal(daemon, SIGHUP, on_reload_signal);
	daemon->sigusr2 = on_signal(daemon, SIGUSR2, on_upgrade_signal);
}

static void destroy_parts(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;

	event_free(daemon->sigterm);
	event_free(daemon->sigint);
	event_free(daemon->sighup);
	event_free(daemon->sigusr2);
	event_free(daemon->give_up);
	clients_destroy(broker->clients);
	broker->leaving = daemon->end == DAEMON_END_LEAVE;
	upgrade_destroy(broker->upgrade);
	login_table_destroy_all(&broker->logins);
	turns_finish(&broker->openings);
	turns_finish(&broker->starts);
	turns_finish(&broker->users);
	uid_pool_destroy(broker->uids);
	port_pool_destroy(broker->ports);
	stream_sockets_destroy(broker->sockets);
	spawner_destroy(broker->spawner);
	dialer_destroy(broker->dialer);
	penalties_destroy(broker->penalties);
	handover_destroy(broker->handover);
	event_base_free(broker->base);
	config_destroy(broker->config);
}

/* Where the program is, or what is installed in its place later. */
static void find_program(struct daemon *daemon)
{
	ssize_t length = readlink("/proc/self/exe", daemon->program, sizeof(daemon->program) - 1);

	daemon->program[length > 0 ? length : 0] = 0;
}

/* What came while there were no handlers yet comes now. */
static void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon daemon = {.options = options};
	struct broker *broker = &daemon.broker;
	unsigned restored;

	signal(SIGPIPE, SIG_IGN);
	log_init(DAEMON_PROGRAM, LOG_LEVEL_INFO);
	find_program(&daemon);
	broker->config_path = options->config;
	broker->config = config_load(options->config, true, report_to_log, NULL);
	if (broker->config == NULL)
		return 1;
	log_init(DAEMON_PROGRAM, broker->config->broker.log_level);
	broker->handover = handover_create(options->in_store);
	if (broker->handover == NULL)
		log_fatalx("out of memory");
	start_as_root(&daemon);
	create_parts(&daemon);
	unblock_signals();
	if (broker->config->server_count == 0)
		log_warnx("configuration: there is no [server NAME] section, so nobody can log in");
	broker_restore(broker);
	restored = login_restore_all(broker);
	stream_sockets_sweep(broker->sockets, socket_lives, &broker->logins);
	log_event(LOG_EVENT_BROKER_STARTED, NULL,
	    DAEMON_PROGRAM " %s is ready: %s, servers: %zu, logins taken over: %u", X2GOWEB_VERSION,
	    broker->config->broker.runtime_dir, broker->config->server_count, restored);
	sd_notify(0, "READY=1");
	while (!is_over(&daemon))
		event_base_loop(broker->base, EVLOOP_ONCE);
	if (daemon.end == DAEMON_END_UPGRADE)
		become_next(&daemon);
	if (daemon.end == DAEMON_END_STOP)
		runtime_remove(&daemon.runtime);
	destroy_parts(&daemon);
	return daemon.end == DAEMON_END_UPGRADE;
}
