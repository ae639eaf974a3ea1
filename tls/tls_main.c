/* SPDX-License-Identifier: ISC */
/*
 * x2goweb-tls: the relays' TLS port, for a web server on another machine ([relay] tls_listen). This
 * file owns options, configuration, certificate and signals. A process of its own, so that no
 * session process ever sees the certificate's key; it holds no login's secret but what passes by.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "brokerd/config.h"
#include "door.h"
#include "proto/log.h"
#include "proto/secret.h"

#define PROGRAM	       "x2goweb-tls"
#define DEFAULT_CONFIG "/etc/x2goweb/x2goweb.conf"
#define BACKLOG	       128
/* A browser that comes back meets its connection of before for a moment. */
#define VISITS_PER_LOGIN 2

struct program {
	const char *config_path;
	struct event_base *base;
	struct door *door;
};

_Noreturn static void usage(FILE *stream, int status)
{
	fputs("usage: " PROGRAM " [-c FILE]\n"
	      "\n"
	      "  -c, --config FILE  configuration (default " DEFAULT_CONFIG ")\n"
	      "  -h, --help         this text\n"
	      "  -V, --version      the version\n"
	      "\n"
	      "Passes TLS connections at [relay] tls_listen on to the relays' sockets. Runs as a "
	      "user\n"
	      "of its own in the web server's group. SIGHUP reads certificate and key again.\n",
	    stream);
	exit(status);
}

static void on_report(const char *text, void *arg)
{
	(void)arg;
	log_errorx("%s", text);
}

static struct config *load(const char *path)
{
	return config_load(path, false, on_report, NULL);
}

/* What OpenSSL says of its first failure. */
static const char *tls_error(void)
{
	static char text[256];

	ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
	ERR_clear_error();
	return text;
}

/* NULL and a line in the log if they cannot be used. */
static SSL_CTX *make_context(const struct config *config)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	const char *certificate = config->relay.tls_certificate, *key = config->relay.tls_key;
	const char *what = "OpenSSL";

	if (context == NULL)
		goto out;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	what = certificate;
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		goto out;
	what = key;
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		goto out;
	return context;
out:
	log_errorx("%s: cannot be used: %s", what, tls_error());
	SSL_CTX_free(context);
	return NULL;
}

static int make_listener(const struct config *config)
{
	struct sockaddr_in6 v6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)config->relay.tls_port)};
	struct sockaddr_in v4 = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)config->relay.tls_port)};
	bool six = inet_pton(AF_INET6, config->relay.tls_listen, &v6.sin6_addr) == 1;
	const int on = 1;
	int fd;

	if (!six && inet_pton(AF_INET, config->relay.tls_listen, &v4.sin_addr) != 1)
		log_fatalx("[relay] tls_listen is not set: there is nothing to do");
	fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4,
		six ? sizeof(v6) : sizeof(v4)) != 0 ||
	    listen(fd, BACKLOG) != 0)
		log_fatal("cannot listen at %s port %u", config->relay.tls_listen,
		    config->relay.tls_port);
	return fd;
}

/* Certificates are renewed while streams go on. What does not work leaves the old ones. */
static void on_reload_signal(evutil_socket_t number, short what, void *arg)
{
	struct program *program = arg;
	struct config *config = load(program->config_path);
	SSL_CTX *context = config != NULL ? make_context(config) : NULL;

	(void)number;
	(void)what;
	config_destroy(config);
	if (context == NULL) {
		log_event(LOG_EVENT_CERTIFICATE_REFUSED, NULL,
		    "certificate not reloaded: the one in use stays");
		return;
	}
	door_set_context(program->door, context);
	log_event(LOG_EVENT_CERTIFICATE_RELOADED, NULL, "certificate reloaded");
}

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	struct program *program = arg;

	(void)what;
	log_event(LOG_EVENT_TLS_STOPPED, NULL, "stopping: %s", strsignal(number));
	sd_notify(0, "STOPPING=1");
	event_base_loopexit(program->base, NULL);
}

static struct event *on_signal(struct program *program, int number, event_callback_fn callback)
{
	struct event *event = evsignal_new(program->base, number, callback, program);

	if (event == NULL || event_add(event, NULL) != 0)
		log_fatalx("out of memory");
	return event;
}

static const char *read_options(int argc, char **argv)
{
	static const struct option names[] = {{"config", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	const char *path = DEFAULT_CONFIG;
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'h':
			usage(stdout, 0);
		case 'V':
			puts(PROGRAM " " X2GOWEB_VERSION);
			exit(0);
		default:
			usage(stderr, 2);
		}
	}
	if (optind != argc)
		usage(stderr, 2);
	return path;
}

static void create_door(struct program *program)
{
	struct config *config = load(program->config_path);
	char streams[sizeof(config->broker.runtime_dir) + sizeof("/streams")];
	int listener;
	SSL_CTX *context;

	if (config == NULL)
		exit(1);
	listener = make_listener(config);
	context = make_context(config);
	if (context == NULL)
		exit(1);
	snprintf(streams, sizeof(streams), "%s/streams", config->broker.runtime_dir);
	program->door =
	    door_create(program->base, listener, streams, config->limits.logins * VISITS_PER_LOGIN);
	if (program->door == NULL)
		log_fatalx("out of memory");
	door_set_context(program->door, context);
	log_event(LOG_EVENT_TLS_STARTED, NULL, "ready at %s port %u", config->relay.tls_listen,
	    config->relay.tls_port);
	config_destroy(config);
}

int main(int argc, char **argv)
{
	struct program program = {.config_path = read_options(argc, argv)};
	struct event *events[3];

	log_init(PROGRAM, LOG_LEVEL_INFO);
	if (geteuid() == 0)
		log_fatalx(
		    "must not run as root, but as a user of its own in the web server's group");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !secret_forbid_dumps())
		log_fatal("privileges cannot be given up");
	signal(SIGPIPE, SIG_IGN);
	program.base = event_base_new();
	if (program.base == NULL)
		log_fatalx("out of memory");
	create_door(&program);
	events[0] = on_signal(&program, SIGTERM, on_stop_signal);
	events[1] = on_signal(&program, SIGINT, on_stop_signal);
	events[2] = on_signal(&program, SIGHUP, on_reload_signal);
	sd_notify(0, "READY=1");
	event_base_dispatch(program.base);
	door_destroy(program.door);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		event_free(events[i]);
	event_base_free(program.base);
	return 0;
}
