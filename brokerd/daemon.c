/* SPDX-License-Identifier: ISC */
#include "daemon.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "broker.h"
#include "clients.h"
#include "clock.h"
#include "config.h"
#include "dial.h"
#include "penalties.h"
#include "port_pool.h"
#include "privdrop.h"
#include "proto/log.h"
#include "reload.h"
#include "runtime.h"
#include "spawn.h"
#include "uid_pool.h"

/* Descriptors beside those of connections and logins. */
#define FDS_OF_OUR_OWN 64
/* How much longer than the sessions' own deadline the end may take. */
#define LAST_SWEEP_MS 3000

struct daemon {
	struct broker broker;
	const struct daemon_options *options;
	struct runtime runtime;
	struct event *sigterm, *sigint, *sighup, *give_up;
};

static void report_to_log(const char *text, void *arg)
{
	(void)arg;
	log_errorx("%s", text);
}

/* Enough descriptors for all that the limits allow, so that none of it meets their end. */
static void check_fd_limit(const struct config *config)
{
	rlim_t needed = 2 * (rlim_t)config->limits.connections + 4 * (rlim_t)config->limits.logins +
			FDS_OF_OUR_OWN;
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
static int open_session_program(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		log_fatal("%s: cannot open the sessions' program", path);
	if (!S_ISREG(status.st_mode) || (status.st_mode & S_IXOTH) == 0)
		log_fatalx("%s: is no program that everybody may execute", path);
	return fd;
}

/* All that needs root, then root is given up. */
static int start_as_root(struct daemon *daemon)
{
	const struct config *config = daemon->broker.config;
	int session_fd;

	if (geteuid() != 0)
		log_fatalx("must be started as root; it becomes the configured user by itself");
	check_fd_limit(config);
	session_fd = open_session_program(daemon->options->session);
	runtime_open(&daemon->runtime, config);
	privdrop_broker(config->broker.user.id, config->broker.group.id);
	return session_fd;
}

static void exit_loop(void *arg)
{
	struct daemon *daemon = arg;

	if (daemon->broker.logins.count == 0 && !uid_pool_is_sweeping(daemon->broker.uids))
		event_base_loopexit(daemon->broker.base, NULL);
}

static void on_give_up(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;

	(void)fd;
	(void)what;
	log_errorx("%u logins do not end: left behind", daemon->broker.logins.count);
	event_base_loopexit(daemon->broker.base, NULL);
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct broker *broker = &daemon->broker;
	const struct timeval limit =
	    clock_timeval(broker->config->deadlines.stop_ms + LAST_SWEEP_MS);

	(void)what;
	if (broker->stopping)
		return;
	log_event(LOG_EVENT_BROKER_STOPPING, NULL, "stopping by signal %d (%u logins)", (int)number,
	    broker->logins.count);
	sd_notify(0, "STOPPING=1");
	broker->stopping = true;
	clients_stop_accepting(broker->clients);
	event_add(daemon->give_up, &limit);
	broker->logins.emptied = exit_loop;
	broker->logins.emptied_arg = daemon;
	uid_pool_when_swept(broker->uids, exit_loop, daemon);
	login_table_stop_all(&broker->logins, ERROR_DRAINING);
	exit_loop(daemon);
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

static void create_parts(struct daemon *daemon, int session_fd)
{
	struct broker *broker = &daemon->broker;
	const struct config *config = broker->config;

	broker->base = event_base_new();
	if (broker->base == NULL)
		log_fatalx("out of memory");
	login_table_init(&broker->logins);
	broker->started_ms = clock_now_ms();
	broker->dialer = dialer_create(broker->base);
	broker->spawner = spawner_create(broker->base, session_fd, daemon->runtime.root_fd);
	broker->ports = port_pool_create(
	    config->relay.listen, config->relay.ports.first, config->relay.ports.last);
	broker->penalties = penalties_create();
	if (broker->dialer == NULL || broker->spawner == NULL || broker->ports == NULL ||
	    broker->penalties == NULL || !turns_init(&broker->openings, broker->base) ||
	    !turns_init(&broker->starts, broker->base) || !turns_init(&broker->users, broker->base))
		log_fatalx("out of memory");
	broker->uids = uid_pool_create(
	    broker->base, broker->spawner, config->sessions.uids.first, config->sessions.uids.last);
	broker->clients =
	    clients_create(broker, daemon->runtime.broker_fd, daemon->runtime.control_fd);
	daemon->give_up = evtimer_new(broker->base, on_give_up, daemon);
	if (broker->uids == NULL || broker->clients == NULL || daemon->give_up == NULL)
		log_fatalx("out of memory");
	daemon->sigterm = on_signal(daemon, SIGTERM, on_stop_signal);
	daemon->sigint = on_signal(daemon, SIGINT, on_stop_signal);
	daemon->sighup = on_signal(daemon, SIGHUP, on_reload_signal);
}

static void destroy_parts(struct daemon *daemon)
{
	struct broker *broker = &daemon->broker;

	event_free(daemon->sigterm);
	event_free(daemon->sigint);
	event_free(daemon->sighup);
	event_free(daemon->give_up);
	clients_destroy(broker->clients);
	login_table_destroy_all(&broker->logins);
	turns_finish(&broker->openings);
	turns_finish(&broker->starts);
	turns_finish(&broker->users);
	uid_pool_destroy(broker->uids);
	port_pool_destroy(broker->ports);
	spawner_destroy(broker->spawner);
	dialer_destroy(broker->dialer);
	penalties_destroy(broker->penalties);
	event_base_free(broker->base);
	config_destroy(broker->config);
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon daemon = {.options = options};
	struct broker *broker = &daemon.broker;

	signal(SIGPIPE, SIG_IGN);
	log_init(DAEMON_PROGRAM, LOG_LEVEL_INFO);
	broker->config_path = options->config;
	broker->config = config_load(options->config, true, report_to_log, NULL);
	if (broker->config == NULL)
		return 1;
	log_init(DAEMON_PROGRAM, broker->config->broker.log_level);
	create_parts(&daemon, start_as_root(&daemon));
	if (broker->config->server_count == 0)
		log_warnx("configuration: there is no [server NAME] section, so nobody can log in");
	log_event(LOG_EVENT_BROKER_STARTED, NULL, DAEMON_PROGRAM " %s is ready: %s, %zu servers",
	    X2GOWEB_VERSION, broker->config->broker.runtime_dir, broker->config->server_count);
	sd_notify(0, "READY=1");
	event_base_dispatch(broker->base);
	runtime_remove(&daemon.runtime);
	destroy_parts(&daemon);
	return 0;
}
