/* SPDX-License-Identifier: ISC */
/*
 * `brokerctl doctor`: looks at an installation from the configuration to the X2Go servers, in the
 * order of a login's way, and says what to do about what is wrong. This file owns options and
 * order.
 */
#include "ctl_doctor.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "ctl_hostkey.h"

#define DEFAULT_RUNTIME "/run/x2goweb"
#define DEFAULT_FCGI	"/run/x2goweb-fcgi.sock"
#define PATH_RULE	"the socket's path is too long"
#define URL_RULE	"the page's address must be https://HOST/x2go/"

static void print_usage(FILE *stream)
{
	fputs(
	    "usage: brokerctl doctor [OPTION...] [URL]\n\n"
	    "Looks at all that a login needs, and says what to do about what is wrong.\n"
	    "URL is the page's address, https://HOST/x2go/ (default: [web] url).\n\n"
	    "  -c, --config FILE        the configuration (default " CTL_DEFAULT_CONFIG ")\n"
	    "  -s, --socket SOCKET      the broker's control socket (default: by configuration)\n"
	    "      --fcgi SOCKET        that of x2goweb-fcgi (default " DEFAULT_FCGI ")\n"
	    "      --cgi                there is none: the web server starts it by CGI\n"
	    "      --ca-file FILE       certificates to trust, instead of the system's\n"
	    "      --login USER@SERVER  logs in to a [server] to see what is installed; asks for\n"
	    "                           the password\n"
	    "  -j, --json               as JSON\n"
	    "  -h, --help               this text\n"
	    "\n"
	    "exit status: 0 all in order, 1 something is not, 2 wrong usage\n",
	    stream);
}

static enum ctl_status usage_error(const char *what)
{
	ctl_complain("%s; see brokerctl doctor --help", what);
	return CTL_STATUS_USAGE;
}

static bool set_socket(struct doctor *doctor, const char *path)
{
	if (strlen(path) >= sizeof(doctor->socket_path))
		return false;
	strcpy(doctor->socket_path, path);
	return true;
}

/* Takes the page's address apart. False if it is none that browsers can log in at. */
static bool set_url(struct doctor *doctor, const char *url)
{
	size_t length = strlen(url), origin;
	const char *end;

	if (strncasecmp(url, "https://", 8) != 0 || length > 250 ||
	    strpbrk(url, " \"<>@?#") != NULL)
		return false;
	end = url + 8 + strcspn(url + 8, "/");
	origin = (size_t)(end - url);
	if (origin == 8 || (url[8] == '[') != (memchr(url + 8, ']', origin - 8) != NULL))
		return false;
	snprintf(
	    doctor->origin, sizeof(doctor->origin), "https://%.*s", (int)(origin - 8), url + 8);
	/* Browsers leave the usual port out of Origin. */
	if (origin > 12 && strcmp(doctor->origin + origin - 4, ":443") == 0)
		doctor->origin[origin - 4] = 0;
	snprintf(doctor->url, sizeof(doctor->url), "%s%s", url, url[length - 1] == '/' ? "" : "/");
	return true;
}

/* Whether there is such a [server]. */
static void check_login(struct doctor *doctor)
{
	const char *name = strrchr(doctor->login, '@') + 1;
	const struct config *config = doctor->config;
	struct doctor_finding finding;

	for (size_t i = 0; config != NULL && i < config->server_count; i++)
		if (strcmp(config->servers[i].name, name) == 0)
			return;
	doctor_find(&finding, DOCTOR_RED, "there is no [server %s] to log in to", name);
	doctor_advise(
	    &finding, "--login takes the name of a section, as the form of the page does");
	doctor_report(doctor, "login", &finding);
}

/* What the configuration says where the options are silent. */
static void take_config(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	struct doctor_finding finding;

	if (doctor->socket_path[0] == 0)
		snprintf(doctor->socket_path, sizeof(doctor->socket_path), "%s/control.sock",
		    config != NULL ? config->broker.runtime_dir : DEFAULT_RUNTIME);
	if (doctor->login != NULL)
		check_login(doctor);
	if (doctor->url[0] != 0 || config == NULL || config->web.url[0] == 0 ||
	    set_url(doctor, config->web.url))
		return;
	doctor_find(&finding, DOCTOR_RED, "[web] url: " URL_RULE);
	doctor_advise(&finding, "browsers send the login's cookie by HTTPS only");
	doctor_report(doctor, "url", &finding);
}

static enum ctl_status run(struct doctor *doctor)
{
	struct config *config;

	doctor_report_begin(doctor);
	doctor_look_config(doctor, &config);
	doctor->config = config;
	take_config(doctor);
	doctor_look_machine(doctor);
	doctor_look_broker(doctor);
	doctor_look_fcgi(doctor);
	doctor_look_web(doctor);
	doctor_look_streams(doctor);
	doctor_look_servers(doctor);
	doctor_report_end(doctor);
	config_destroy(config);
	return doctor->counts[DOCTOR_RED] == 0 ? CTL_STATUS_OK : CTL_STATUS_FAILED;
}

enum ctl_status ctl_doctor(struct ctl *ctl)
{
	enum { OPTION_FCGI = 256, OPTION_CGI, OPTION_CA_FILE, OPTION_LOGIN };
	static const struct option names[] = {{"config", required_argument, NULL, 'c'},
	    {"socket", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'}, {"fcgi", required_argument, NULL, OPTION_FCGI},
	    {"cgi", no_argument, NULL, OPTION_CGI},
	    {"ca-file", required_argument, NULL, OPTION_CA_FILE},
	    {"login", required_argument, NULL, OPTION_LOGIN}, {0}};
	struct doctor doctor = {
	    .config_path = CTL_DEFAULT_CONFIG, .fcgi_path = DEFAULT_FCGI, .ctl = ctl};
	char **argv = ctl->words - 1;
	int argc = ctl->word_count + 1, option;

	/* What was said before the command counts, too. */
	if (ctl->config_path != NULL)
		doctor.config_path = ctl->config_path;
	if (strcmp(ctl->socket_path, CTL_DEFAULT_SOCKET) != 0 &&
	    !set_socket(&doctor, ctl->socket_path))
		return usage_error(PATH_RULE);
	optind = 0;
	while ((option = getopt_long(argc, argv, "c:s:jh", names, NULL)) != -1) {
		switch (option) {
		case 'c':
			doctor.config_path = optarg;
			break;
		case 's':
			if (!set_socket(&doctor, optarg))
				return usage_error(PATH_RULE);
			break;
		case 'j':
			ctl->json = true;
			break;
		case 'h':
			print_usage(stdout);
			return CTL_STATUS_OK;
		case OPTION_FCGI:
			doctor.fcgi_path = optarg;
			break;
		case OPTION_CGI:
			doctor.fcgi_path = NULL;
			break;
		case OPTION_CA_FILE:
			doctor.ca_file = optarg;
			break;
		case OPTION_LOGIN:
			doctor.login = optarg;
			break;
		default:
			return usage_error("unknown option");
		}
	}
	if (argc - optind > 1)
		return usage_error("one address is enough");
	if (optind < argc && !set_url(&doctor, argv[optind]))
		return usage_error(URL_RULE);
	if (doctor.login != NULL &&
	    (strrchr(doctor.login, '@') == NULL || strrchr(doctor.login, '@') == doctor.login ||
		strrchr(doctor.login, '@') - doctor.login > 64))
		return usage_error("--login is USER@SERVER");
	/* Whoever hangs up while something is sent is found out by the result. */
	signal(SIGPIPE, SIG_IGN);
	return run(&doctor);
}
