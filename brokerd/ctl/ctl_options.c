/* SPDX-License-Identifier: ISC */
/*
 * brokerctl's options, the same for all commands but those that read their own, and its usage text.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

enum { OPTION_USER = 256, OPTION_SERVER, OPTION_ALL, OPTION_WAIT, OPTION_MESSAGE };

static const struct option names[] = {{"socket", required_argument, NULL, 's'},
    {"config", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},
    {"user", required_argument, NULL, OPTION_USER},
    {"server", required_argument, NULL, OPTION_SERVER}, {"all", no_argument, NULL, OPTION_ALL},
    {"wait", required_argument, NULL, OPTION_WAIT},
    {"message", required_argument, NULL, OPTION_MESSAGE}, {0}};

__attribute__((format(printf, 1, 0))) static void complain(
    const char *format, va_list arguments, const char *end)
{
	fflush(stdout);
	fputs(CTL_PROGRAM ": ", stderr);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "%s\n", end);
}

void ctl_complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments, "");
	va_end(arguments);
}

enum ctl_status ctl_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments, "; see " CTL_PROGRAM " --help");
	va_end(arguments);
	return CTL_STATUS_USAGE;
}

void ctl_report_config(const char *text, void *arg)
{
	(void)arg;
	ctl_complain("%s", text);
}

static void print_help(FILE *out)
{
	const struct ctl_command *command;

	fputs("usage: " CTL_PROGRAM " [OPTIONS] COMMAND [WORDS]\n\n", out);
	for (unsigned i = 0; (command = ctl_command_at(i)) != NULL; i++)
		fprintf(out, "  %-8s %-12s %s\n", command->name,
		    command->words != NULL ? command->words : "", command->help);
	fputs("\n"
	      "  LOGIN is the beginning of a login's name, as list shows it. Instead of it, or\n"
	      "  to see fewer, kill, list, message and trace take\n"
	      "      --user USER      the logins of this user\n"
	      "      --server SERVER  those on this server\n"
	      "      --all            all of them\n"
	      "  drain takes\n"
	      "      --wait TIME      ends those that are left then: 90, 5m, 2h\n"
	      "      --message TEXT   is shown to who is logged in\n"
	      "\n"
	      "  -c, --config FILE    the configuration, for check, doctor, hostkey (default\n"
	      "                       " CTL_DEFAULT_CONFIG ")\n"
	      "  -s, --socket SOCKET  the broker's control socket (default\n"
	      "                       " CTL_DEFAULT_SOCKET ")\n"
	      "  -j, --json           for programs\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n"
	      "\n"
	      "exit status: 0 done and all is well, 1 refused or something is wrong, 2 wrong\n"
	      "usage, 3 no broker answers\n",
	    out);
}

static bool is_name(const char *text)
{
	/* As long as the protocol carries them. */
	return text[0] != 0 && strlen(text) <= 64;
}

/* word: where getopt stands. */
static enum ctl_status take_option(struct ctl *ctl, int option, const char *word)
{
	switch (option) {
	case 's':
		ctl->socket_path = optarg;
		break;
	case 'c':
		ctl->config_path = optarg;
		break;
	case 'j':
		ctl->json = true;
		break;
	case OPTION_USER:
		if (!is_name(optarg))
			return ctl_usage("--user wants a user's name");
		strcpy(ctl->whom.user, optarg);
		ctl->options |= CTL_OPTION_USER;
		break;
	case OPTION_SERVER:
		if (!is_name(optarg))
			return ctl_usage("--server wants a server's name, as list shows it");
		strcpy(ctl->whom.server, optarg);
		ctl->options |= CTL_OPTION_SERVER;
		break;
	case OPTION_ALL:
		ctl->whom.all = 1;
		ctl->options |= CTL_OPTION_ALL;
		break;
	case OPTION_WAIT:
		if (!ctl_parse_duration(optarg, &ctl->wait_s))
			return ctl_usage("--wait wants seconds, or as 5m or 2h, and a day at most");
		ctl->options |= CTL_OPTION_WAIT;
		break;
	case OPTION_MESSAGE:
		ctl->message = optarg;
		ctl->options |= CTL_OPTION_MESSAGE;
		break;
	case ':':
		return ctl_usage("something is missing after %s", word);
	default:
		/* Of letters that stand together, the one that is meant. */
		if (optopt > 0 && optopt < OPTION_USER)
			return ctl_usage("there is no option -%c", optopt);
		return ctl_usage("there is no option %s", word);
	}
	return CTL_STATUS_OK;
}

/* Options from optind on. letters with a plus: only those before the first word. *ret_end: nothing
 * else is to be done. */
static enum ctl_status take_options(
    struct ctl *ctl, int argc, char **argv, const char *letters, bool *ret_end)
{
	enum ctl_status status = CTL_STATUS_OK;
	int option;

	opterr = 0;
	while (status == CTL_STATUS_OK &&
	       (option = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		*ret_end = option == 'h' || option == 'V';
		if (option == 'h')
			print_help(stdout);
		if (option == 'V')
			puts(CTL_PROGRAM " " X2GOWEB_VERSION);
		if (*ret_end)
			break;
		status = take_option(ctl, option, argv[optind - 1]);
	}
	return status;
}

/* Whether command takes what was given. */
static enum ctl_status check_call(const struct ctl *ctl, const struct ctl_command *command)
{
	static const struct {
		enum ctl_option option;
		const char *name;
	} rows[] = {{CTL_OPTION_USER, "--user"}, {CTL_OPTION_SERVER, "--server"},
	    {CTL_OPTION_ALL, "--all"}, {CTL_OPTION_WAIT, "--wait"},
	    {CTL_OPTION_MESSAGE, "--message"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((ctl->options & ~command->options & (unsigned)rows[i].option) != 0)
			return ctl_usage("%s does not go with %s", rows[i].name, command->name);
	if (ctl->word_count < command->fewest)
		return ctl_usage("%s wants %s", command->name, command->words);
	if (ctl->word_count > command->most)
		return ctl_usage(
		    "%s is too much after %s", ctl->words[command->most], command->name);
	return CTL_STATUS_OK;
}

enum ctl_status ctl_run(int argc, char **argv)
{
	struct ctl ctl = {.socket_path = CTL_DEFAULT_SOCKET, .out = stdout};
	const struct ctl_command *command;
	enum ctl_status status;
	bool end = false;

	optind = 0;
	status = take_options(&ctl, argc, argv, "+:s:c:jhV", &end);
	if (end || status != CTL_STATUS_OK)
		return status;
	if (optind >= argc) {
		print_help(stderr);
		return CTL_STATUS_USAGE;
	}
	command = ctl_command_find(argv[optind]);
	if (command == NULL)
		return ctl_usage("there is no command %s", argv[optind]);
	argc -= optind;
	argv += optind;
	if ((command->options & CTL_OPTION_OWN) == 0) {
		optind = 0;
		status = take_options(&ctl, argc, argv, ":s:c:jhV", &end);
		if (end || status != CTL_STATUS_OK)
			return status;
		argc -= optind - 1;
		argv += optind - 1;
	}
	ctl.words = argv + 1;
	ctl.word_count = argc - 1;
	status = check_call(&ctl, command);
	if (status != CTL_STATUS_OK)
		return status;
	ctl.look = ctl_look_at(ctl.out);
	status = command->run(&ctl);
	ctl_link_close(&ctl);
	/* A full disk is no success. */
	if (fflush(ctl.out) != 0 && status == CTL_STATUS_OK)
		status = CTL_STATUS_FAILED;
	return status;
}
