/* SPDX-License-Identifier: ISC */
/*
 * brokerctl: the admin's view of a running broker. This file owns options, the connection and the
 * exit status.
 */
#include <event2/event.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"
#include "ctl_hostkey.h"
#include "proto/conn.h"
#include "proto/log.h"

#define PROGRAM	       "brokerctl"
#define DEFAULT_SOCKET "/run/x2goweb/control.sock"
#define DEADLINE_S     10

struct ctl {
	const struct ctl_command *command;
	struct event_base *base;
	struct conn *conn;
	struct message request;
	bool json;
	unsigned parts; /* answers so far */
	enum ctl_status status;
};

_Noreturn static void usage(FILE *stream, enum ctl_status status)
{
	const struct ctl_command *command;

	fputs("usage: " PROGRAM " [-s SOCKET] [--json] COMMAND [ARGUMENT]\n"
	      "       " PROGRAM " hostkey [-c FILE] COMMAND ...\n\n",
	    stream);
	for (unsigned i = 0; (command = ctl_command_at(i)) != NULL; i++)
		fprintf(stream, "  %-7s %-12s %s\n", command->name,
		    command->argument != NULL ? command->argument : "", command->help);
	fputs("  hostkey             host keys of X2Go servers; see " PROGRAM " hostkey --help\n"
	      "\n"
	      "  -s, --socket SOCKET  the broker's control socket (default " DEFAULT_SOCKET ")\n"
	      "  -j, --json           answers as JSON\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n"
	      "\n"
	      "exit status: 0 done, 1 the broker refused, 2 wrong usage, 3 no broker answers\n",
	    stream);
	exit((int)status);
}

static void on_ready(struct conn *conn, void *arg)
{
	struct ctl *ctl = arg;

	conn_send(conn, &ctl->request);
}

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	struct ctl *ctl = arg;

	(void)conn;
	ctl->status = CTL_STATUS_OK;
	if (message->type == MESSAGE_FAIL) {
		const struct error_info *info = error_info(message->fail.code);

		fprintf(stderr, PROGRAM ": %s\n",
		    message->fail.detail[0] != 0 ? message->fail.detail : info->text);
		ctl->status = CTL_STATUS_FAILED;
	} else if (!ctl->command->print(stdout, message, ctl->parts++, ctl->json)) {
		return;
	}
	event_base_loopbreak(ctl->base);
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	struct ctl *ctl = arg;

	(void)conn;
	fprintf(stderr, PROGRAM ": the broker ended the connection (%s); may this user ask it?\n",
	    reason);
	ctl->status = CTL_STATUS_UNREACHABLE;
	event_base_loopbreak(ctl->base);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ctl *ctl = arg;

	(void)fd;
	(void)what;
	fprintf(stderr, PROGRAM ": the broker does not answer\n");
	ctl->status = CTL_STATUS_UNREACHABLE;
	event_base_loopbreak(ctl->base);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, PROGRAM ": %s: the path is too long\n", path);
		exit(CTL_STATUS_USAGE);
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		fprintf(stderr, PROGRAM ": %s: ", path);
		perror(NULL);
		exit(CTL_STATUS_UNREACHABLE);
	}
	return fd;
}

static enum ctl_status run(struct ctl *ctl, const char *socket_path)
{
	static const struct conn_handlers handlers = {
	    .ready = on_ready, .message = on_message, .closed = on_closed};
	const struct timeval limit = {DEADLINE_S, 0};
	int fd = connect_to(socket_path);
	struct event *deadline;

	ctl->status = CTL_STATUS_UNREACHABLE;
	ctl->base = event_base_new();
	if (ctl->base == NULL)
		log_fatalx("out of memory");
	ctl->conn = conn_create(ctl->base, fd, ROLE_CTL, ROLE_BROKER, &handlers, ctl);
	deadline = evtimer_new(ctl->base, on_deadline, ctl);
	if (ctl->conn == NULL || deadline == NULL || event_add(deadline, &limit) != 0)
		log_fatalx("out of memory");
	event_base_dispatch(ctl->base);
	conn_destroy(ctl->conn);
	event_free(deadline);
	event_base_free(ctl->base);
	return ctl->status;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'}, {0}};
	const char *socket_path = DEFAULT_SOCKET, *wrong;
	struct ctl ctl = {0};
	int option;

	log_init(PROGRAM, LOG_LEVEL_WARNING);
	if (argc > 1 && strcmp(argv[1], "hostkey") == 0)
		return (int)ctl_hostkey_main(argc - 1, argv + 1);
	while ((option = getopt_long(argc, argv, "s:jhV", names, NULL)) != -1) {
		switch (option) {
		case 's':
			socket_path = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'h':
			usage(stdout, CTL_STATUS_OK);
		case 'V':
			puts(PROGRAM " " X2GOWEB_VERSION);
			return CTL_STATUS_OK;
		default:
			usage(stderr, CTL_STATUS_USAGE);
		}
	}
	if (optind == argc)
		usage(stderr, CTL_STATUS_USAGE);
	ctl.command = ctl_command_find(argv[optind++]);
	if (ctl.command == NULL || argc - optind != (ctl.command->argument != NULL))
		usage(stderr, CTL_STATUS_USAGE);
	wrong = ctl.command->ask(&ctl.request, argv[optind]);
	if (wrong != NULL) {
		fprintf(stderr, PROGRAM ": %s\n", wrong);
		return CTL_STATUS_USAGE;
	}
	return (int)run(&ctl, socket_path);
}
