/* SPDX-License-Identifier: ISC */
/*
 * x2goweb-fcgi: HTTP and JSON from the web server by FastCGI, proto to the broker. This file owns
 * the options, the order of starting and the end; one thread serves everybody from one loop. The
 * process holds no state between requests, opens no network connection and keeps no secret.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "broker_call.h"
#include "cgi.h"
#include "confine.h"
#include "exchange.h"
#include "front.h"
#include "http_guard.h"
#include "listener.h"
#include "proto/log.h"
#include "proto/secret.h"
#include "request.h"

#define BROKER_PATH "/run/x2goweb/broker.sock"
/* For a request to come in whole. */
#define ARRIVAL_DEADLINE_MS 10000
#define ARRIVALS_MAX	    256
/* Requests that wait for the broker at the same time; the usual number stays below the connections
 * that the broker accepts from one user ([limits] connections_per_uid, 64). */
#define REQUESTS_USUAL 48
#define REQUESTS_MAX   200
/* For requests in work to be answered after SIGTERM. */
#define STOP_DEADLINE_S 4

struct options {
	struct listener_options listener;
	const char *broker, *user;
	struct http_origins origins;
	unsigned requests_max;
	enum log_level log_level;
};

struct program {
	struct event_base *base;
	struct front *front;
	struct requests requests;
	bool stopping;
};

static const char help[] =
    "usage: x2goweb-fcgi [option...]\n"
    "\n"
    "Serves the RPC of the X2Go web gateway by FastCGI. The listening socket is the one that\n"
    "systemd or spawn-fcgi passes, or one made at --socket. Serves one request by CGI if a web\n"
    "server starts it for that.\n"
    "\n"
    "  --socket PATH    listen on a UNIX socket at PATH\n"
    "  --mode MODE      its permissions, octal (0660)\n"
    "  --owner USER     its owner\n"
    "  --group GROUP    its group, usually the web server's\n"
    "  --broker PATH    socket of x2goweb-brokerd (" BROKER_PATH ")\n"
    "  --origin URL     public origin of the page, such as https://desk.example.org; may be\n"
    "                   repeated; without it the origin must be that of the request itself\n"
    "  --requests N     requests in work at the same time (48)\n"
    "  --user USER      become USER, if started as root\n"
    "  --debug          log why requests are refused\n"
    "  --help           print this text\n"
    "  --version        print the version\n";

static unsigned long read_number(
    const char *option, const char *text, int radix, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, radix);
	if (errno != 0 || end == text || *end != 0 || *text == '-' || number < min || number > max)
		log_fatalx("--%s %s: not a number in its range", option, text);
	return number;
}

static uid_t find_user(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL)
		log_fatalx("--owner %s: there is no such user", name);
	return user->pw_uid;
}

static gid_t find_group(const char *name)
{
	const struct group *group = getgrnam(name);

	if (group == NULL)
		log_fatalx("--group %s: there is no such group", name);
	return group->gr_gid;
}

static void read_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"mode", required_argument, NULL, 'm'},
	    {"owner", required_argument, NULL, 'o'},
	    {"group", required_argument, NULL, 'g'},
	    {"broker", required_argument, NULL, 'b'},
	    {"origin", required_argument, NULL, 'O'},
	    {"requests", required_argument, NULL, 'n'},
	    {"user", required_argument, NULL, 'u'},
	    {"debug", no_argument, NULL, 'd'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (letter) {
		case 's':
			options->listener.path = optarg;
			break;
		case 'm':
			options->listener.mode = (mode_t)read_number("mode", optarg, 8, 0, 0777);
			break;
		case 'o':
			options->listener.owner = find_user(optarg);
			break;
		case 'g':
			options->listener.group = find_group(optarg);
			break;
		case 'b':
			options->broker = optarg;
			break;
		case 'O':
			if (!http_origins_add(&options->origins, optarg))
				log_fatalx(
				    "--origin %s: not scheme://host[:port], or too many", optarg);
			break;
		case 'n':
			options->requests_max =
			    (unsigned)read_number("requests", optarg, 10, 1, REQUESTS_MAX);
			break;
		case 'u':
			options->user = optarg;
			break;
		case 'd':
			options->log_level = LOG_LEVEL_DEBUG;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		case 'V':
			puts("x2goweb-fcgi " X2GOWEB_VERSION);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		log_fatalx("%s: no such argument", argv[optind]);
}

static void serve(int fd, const struct intake *intake, void *arg)
{
	struct program *program = arg;

	request_serve(&program->requests, fd, intake);
}

static void on_all_done(void *arg)
{
	struct program *program = arg;

	if (program->stopping)
		event_base_loopexit(program->base, NULL);
}

/* No more requests; those in work may end, for a while. */
static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	static const struct timeval deadline = {STOP_DEADLINE_S, 0}, now = {0, 0};
	struct program *program = arg;

	(void)what;
	if (program->stopping)
		return;
	program->stopping = true;
	log_event(LOG_EVENT_RESPONDER_STOPPED, NULL, "stopping: %s, %u requests in work",
	    strsignal(number), program->requests.count);
	sd_notify(0, "STOPPING=1");
	front_destroy(program->front);
	program->front = NULL;
	event_base_loopexit(program->base, program->requests.count == 0 ? &now : &deadline);
}

static void run(struct program *program)
{
	struct event *terminate = evsignal_new(program->base, SIGTERM, on_stop_signal, program);
	struct event *interrupt = evsignal_new(program->base, SIGINT, on_stop_signal, program);

	if (terminate == NULL || interrupt == NULL || event_add(terminate, NULL) != 0 ||
	    event_add(interrupt, NULL) != 0)
		log_fatalx("out of memory");
	sd_notify(0, "READY=1");
	while (
	    !event_base_got_exit(program->base) && event_base_loop(program->base, EVLOOP_ONCE) == 0)
		secret_wipe_stack();
	requests_give_up(&program->requests);
	front_destroy(program->front);
	event_free(terminate);
	event_free(interrupt);
}

/* Until a signal ends it. */
static void serve_all(struct program *program, struct listener *listener)
{
	program->front = front_create(
	    program->base, listener->fd, ARRIVAL_DEADLINE_MS, ARRIVALS_MAX, serve, program);
	if (program->front == NULL)
		log_fatalx("out of memory");
	log_event(LOG_EVENT_RESPONDER_STARTED, NULL, "ready");
	run(program);
	listener_close(listener);
	log_info("stopped");
}

int main(int argc, char **argv)
{
	struct options options = {
	    .listener = {.mode = 0660, .owner = (uid_t)-1, .group = (gid_t)-1},
	    .broker = BROKER_PATH,
	    .requests_max = REQUESTS_USUAL,
	    .log_level = LOG_LEVEL_INFO,
	};
	struct program program = {0};
	struct listener listener;
	bool cgi = cgi_is_meant(), served = true;

	log_init("x2goweb-fcgi", cgi ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO);
	if (cgi) {
		cgi_read_options(&options.broker, &options.origins);
	} else {
		read_options(argc, argv, &options);
		log_init("x2goweb-fcgi", options.log_level);
		listener_open(&listener, &options.listener);
	}
	confine_process(options.user);
	if (!exchange_setup())
		log_fatalx("libfcgi does not start");
	/* After libfcgi, which has handlers of its own. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);

	program.base = event_base_new();
	if (program.base == NULL)
		log_fatalx("out of memory");
	program.requests = (struct requests){
	    .base = program.base,
	    .broker = broker_create(program.base, options.broker),
	    .origins = &options.origins,
	    .count_max = options.requests_max,
	    .all_done = on_all_done,
	    .arg = &program,
	};
	if (program.requests.broker == NULL)
		log_fatalx("out of memory");
	if (cgi)
		served = cgi_serve(&program.requests);
	else
		serve_all(&program, &listener);
	broker_destroy(program.requests.broker);
	event_base_free(program.base);
	return served ? 0 : 1;
}
