/* SPDX-License-Identifier: ISC */
/*
 * x2goweb-brokerd: options; all else is in daemon.c.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "daemon.h"

#define DEFAULT_CONFIG "/etc/x2goweb/x2goweb.conf"
#ifndef X2GOWEB_SESSION
#define X2GOWEB_SESSION "/usr/lib/x2goweb/x2goweb-session"
#endif

_Noreturn static void usage(FILE *stream, int status)
{
	fputs("usage: " DAEMON_PROGRAM " [-c FILE] [--check] [--session FILE] [--fd-store]\n"
	      "\n"
	      "  -c, --config FILE   configuration (default " DEFAULT_CONFIG ")\n"
	      "      --check         only read the configuration and tell what is wrong with it\n"
	      "      --session FILE  program of the sessions (default " X2GOWEB_SESSION ")\n"
	      "      --fd-store      logins outlive this process: systemd keeps their descriptors\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n"
	      "\n"
	      "Stays in the foreground. SIGHUP reads the configuration again, SIGUSR2 runs the\n"
	      "program that is installed now in place of this one, SIGTERM ends.\n",
	    stream);
	exit(status);
}

static void report_to_stderr(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
}

/* Descriptors 0 to 2 must be taken before anything else is opened. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'C'}, {"session", required_argument, NULL, 's'},
	    {"fd-store", no_argument, NULL, 'F'}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'}, {0}};
	struct daemon_options options = {
	    .config = DEFAULT_CONFIG, .session = X2GOWEB_SESSION, .arguments = argv};
	struct config *config;
	bool check = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			break;
		case 'C':
			check = true;
			break;
		case 's':
			options.session = optarg;
			break;
		case 'F':
			options.in_store = true;
			break;
		case 'h':
			usage(stdout, 0);
		case 'V':
			puts(DAEMON_PROGRAM " " X2GOWEB_VERSION);
			return 0;
		default:
			usage(stderr, 2);
		}
	}
	if (optind != argc)
		usage(stderr, 2);
	open_standard_fds();
	if (!check)
		return daemon_run(&options);
	config = config_load(options.config, true, report_to_stderr, NULL);
	if (config == NULL)
		return 1;
	config_destroy(config);
	return 0;
}
