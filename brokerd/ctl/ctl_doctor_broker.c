/* SPDX-License-Identifier: ISC */
/*
 * The programs of x2goweb for `brokerctl doctor`: whether the configuration can be used, the broker
 * answers on its control socket and x2goweb-fcgi on its own. Runs in brokerctl.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_doctor.h"
#include "ctl_doctor_net.h"

/* --- configuration ------------------------------------------------------------------------ */

static void report_config(const char *text, void *arg)
{
	struct doctor *doctor = arg;
	struct doctor_finding finding;

	doctor_find(&finding, DOCTOR_RED, "%s", text);
	doctor_advise(&finding,
	    "mend it; x2goweb.conf(5) says what each key takes. A broker that runs "
	    "keeps what it has until then");
	doctor_report(doctor, "file", &finding);
}

void doctor_look_config(struct doctor *doctor, struct config **ret_config)
{
	struct doctor_finding finding;
	struct config *config;

	doctor_report_area(doctor, "Configuration %s", doctor->config_path);
	config = config_load(doctor->config_path, true, report_config, doctor);
	*ret_config = config;
	if (config == NULL)
		return;
	if (config->server_count == 0 && !config->other_servers.allow) {
		doctor_find(&finding, DOCTOR_RED, "no X2Go server is offered");
		doctor_advise(&finding, "add a [server NAME] section with its address");
	} else {
		doctor_find(&finding, DOCTOR_GREEN, "%zu server%s, %zu jump host%s, %zu group%s",
		    config->server_count, config->server_count == 1 ? "" : "s", config->jump_count,
		    config->jump_count == 1 ? "" : "s", config->group_count,
		    config->group_count == 1 ? "" : "s");
	}
	doctor_report(doctor, "file", &finding);
}

/* --- broker ------------------------------------------------------------------------------- */

void doctor_look_broker(struct doctor *doctor)
{
	struct message request, answer;
	const struct message_status *status = &answer.status;
	struct doctor_finding finding;
	char problem[300];
	int fd;

	doctor_report_area(doctor, "Broker");
	fd =
	    doctor_connect_path(doctor->socket_path, doctor_now_ms() + DOCTOR_DEADLINE_MS, problem);
	if (fd < 0) {
		doctor_find(&finding, DOCTOR_RED, "%s: %s", doctor->socket_path, problem);
		doctor_advise(&finding, "%s",
		    errno == EACCES
			? "call this as root, or as one of admin_users"
			: "systemctl start x2goweb-brokerd; journalctl -u x2goweb-brokerd "
			  "says why it does not run");
		doctor_report(doctor, "control", &finding);
		return;
	}
	close(fd);
	message_init(&request, MESSAGE_STATUS_GET, 0);
	doctor->ctl->socket_path = doctor->socket_path;
	if (ctl_ask(doctor->ctl, &request, &answer) != CTL_STATUS_OK ||
	    answer.type != MESSAGE_STATUS) {
		doctor_find(&finding, DOCTOR_RED,
		    "%s: the broker does not answer, or not as one of this version",
		    doctor->socket_path);
		doctor_advise(&finding,
		    "is it of this program's version, and are you root or one of admin_users? Else "
		    "systemctl restart x2goweb-brokerd");
		doctor_report(doctor, "control", &finding);
		return;
	}
	doctor_find(&finding, DOCTOR_GREEN, "it answers, with %u of %u logins", status->logins,
	    status->logins_max);
	doctor_report(doctor, "control", &finding);
	doctor_find(&finding, DOCTOR_GREEN, "version %s, as this program", status->release);
	if (strcmp(status->release, X2GOWEB_VERSION) != 0) {
		doctor_find(&finding, DOCTOR_RED, "version %s runs, but this program is of %s",
		    status->release, X2GOWEB_VERSION);
		doctor_advise(&finding,
		    "brokerctl upgrade, which ends no login; or systemctl restart "
		    "x2goweb-brokerd");
	}
	doctor_report(doctor, "version", &finding);
	if (status->draining != 0) {
		doctor_find(&finding, DOCTOR_RED, "it takes no new logins: it is being drained");
		doctor_advise(&finding, "brokerctl undrain, when that is over");
		doctor_report(doctor, "drain", &finding);
	}
}

/* --- x2goweb-fcgi ------------------------------------------------------------------------- */

enum { FCGI_BEGIN_REQUEST = 1, FCGI_PARAMS = 4, FCGI_STDIN = 5 };

static size_t put_record(uint8_t *to, uint8_t type, const void *content, size_t length)
{
	const uint8_t header[] = {1, type, 0, 1, (uint8_t)(length >> 8), (uint8_t)length, 0, 0};

	memcpy(to, header, sizeof(header));
	if (length != 0)
		memcpy(to + sizeof(header), content, length);
	return sizeof(header) + length;
}

static size_t put_param(uint8_t *to, const char *name, const char *value)
{
	to[0] = (uint8_t)strlen(name);
	to[1] = (uint8_t)strlen(value);
	memcpy(to + 2, name, to[0]);
	memcpy(to + 2 + to[0], value, to[1]);
	return 2u + to[0] + to[1];
}

/* A call of config, as a web server sends it; the answer with its records' heads. */
static bool ask_fcgi(int fd, char answer[4096], char problem[300])
{
	static const uint8_t begin[] = {0, 1 /* responder */, 0, 0, 0, 0, 0, 0};
	int64_t deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS;
	uint8_t params[200], request[300];
	size_t length = 0, used = 0;

	length += put_param(params + length, "REQUEST_METHOD", "GET");
	length += put_param(params + length, "REQUEST_URI", "/x2go/rpc/config");
	length += put_param(params + length, "REQUEST_SCHEME", "https");
	length += put_param(params + length, "REMOTE_ADDR", "127.0.0.1");
	used += put_record(request + used, FCGI_BEGIN_REQUEST, begin, sizeof(begin));
	used += put_record(request + used, FCGI_PARAMS, params, length);
	used += put_record(request + used, FCGI_PARAMS, NULL, 0);
	used += put_record(request + used, FCGI_STDIN, NULL, 0);
	if (send(fd, request, used, MSG_NOSIGNAL) != (ssize_t)used) {
		snprintf(problem, 300, "%s", strerror(errno));
		return false;
	}
	for (used = 0; used < 4095;) {
		ssize_t got;

		if (!doctor_await(fd, POLLIN, deadline_ms)) {
			snprintf(
			    problem, 300, "no answer within %d seconds", DOCTOR_DEADLINE_MS / 1000);
			return false;
		}
		got = recv(fd, answer + used, 4095 - used, 0);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	for (size_t i = 0; i < used; i++)
		if (answer[i] == 0)
			answer[i] = ' ';
	answer[used] = 0;
	snprintf(problem, 300, "an empty answer");
	return used != 0;
}

void doctor_look_fcgi(struct doctor *doctor)
{
	char answer[4096], problem[300] = "";
	struct doctor_finding finding;
	int fd;

	doctor_report_area(doctor, "x2goweb-fcgi");
	if (doctor->fcgi_path == NULL) {
		doctor_find(&finding, DOCTOR_OPEN, "no socket: the web server starts it by CGI");
		doctor_report(doctor, "socket", &finding);
		return;
	}
	fd = doctor_connect_path(doctor->fcgi_path, doctor_now_ms() + DOCTOR_DEADLINE_MS, problem);
	if (fd < 0) {
		doctor_find(&finding, DOCTOR_RED, "%s: %s", doctor->fcgi_path, problem);
		doctor_advise(&finding, "%s",
		    errno == EACCES ? "call this as root"
				    : "systemctl enable --now x2goweb-fcgi.socket; with CGI or "
				      "fcgiwrap instead, say so by --cgi");
	} else if (!ask_fcgi(fd, answer, problem)) {
		doctor_find(&finding, DOCTOR_RED, "%s: %s", doctor->fcgi_path, problem);
		doctor_advise(&finding, "journalctl -u x2goweb-fcgi says why; systemctl restart "
					"x2goweb-fcgi");
	} else if (strstr(answer, "\"servers\":") == NULL) {
		bool broker = strstr(answer, "broker_") != NULL;

		doctor_find(&finding, DOCTOR_RED, "%s answers, but %s", doctor->fcgi_path,
		    broker ? "does not reach the broker" : "not as it should");
		doctor_advise(&finding, "%s",
		    broker ? "start the broker; if it runs, name the user of x2goweb-fcgi in "
			     "web_users "
			     "and its group in web_group, both in [broker], and restart the broker"
			   : "journalctl -u x2goweb-fcgi says more; is it of this version?");
	} else {
		doctor_find(&finding, DOCTOR_GREEN, "it answers, and reaches the broker");
	}
	doctor_report(doctor, "socket", &finding);
	if (fd >= 0)
		close(fd);
}
