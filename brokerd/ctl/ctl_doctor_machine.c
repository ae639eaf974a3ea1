/* SPDX-License-Identifier: ISC */
/*
 * This machine for `brokerctl doctor`: limits of the broker's process, uids and ports that must be
 * nobody else's, the clock. Runs in brokerctl; what it may not see it says so about.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl_doctor.h"
#include "ctl_doctor_net.h"
#include "brokerd/fd_need.h"

#define BROKER_NAME "x2goweb-brokerd"
/* Processes beside those of logins: the broker, its helpers, the next broker at an upgrade. */
#define TASKS_OF_ITS_OWN 20

/* All of a file, cut to the size; empty if it cannot be read. */
static bool read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = 0;

	if (file != NULL) {
		length = fread(text, 1, size - 1, file);
		fclose(file);
	}
	text[length] = 0;
	return file != NULL;
}

/* --- the broker's process ----------------------------------------------------------------- */

/* Of the listening socket with this path, by /proc/net/unix; 0 if there is none. */
static unsigned long find_inode(const char *path)
{
	FILE *file = fopen("/proc/net/unix", "re");
	unsigned long found = 0, inode;
	unsigned flags;
	char line[400], name[200];

	while (file != NULL && found == 0 && fgets(line, sizeof(line), file) != NULL)
		/* 00010000 is __SO_ACCEPTCON. */
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %lu %199s", &flags, &inode, name) == 3 &&
		    flags == 0x10000 && strcmp(name, path) == 0)
			found = inode;
	if (file != NULL)
		fclose(file);
	return found;
}

static bool process_has(const char *pid, unsigned long inode)
{
	char path[300], wanted[64], target[64];
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	folder = opendir(path);
	while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%s/fd/%.20s", pid, entry->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = 0;
		found = strcmp(target, wanted) == 0;
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

/* The process that serves the control socket; 0 if that cannot be told. */
static long find_broker(const struct doctor *doctor)
{
	unsigned long inode = find_inode(doctor->socket_path);
	char path[300], name[32];
	struct dirent *entry;
	long pid = 0;
	DIR *folder;

	if (inode == 0 || (folder = opendir("/proc")) == NULL)
		return 0;
	while (pid == 0 && (entry = readdir(folder)) != NULL) {
		if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		if (read_text(path, name, sizeof(name)) &&
		    strncmp(name, BROKER_NAME "\n", sizeof(BROKER_NAME)) == 0 &&
		    process_has(entry->d_name, inode))
			pid = strtol(entry->d_name, NULL, 10);
	}
	closedir(folder);
	return pid;
}

static void look_tasks(struct doctor *doctor, long pid)
{
	struct doctor_finding finding;
	char path[1200], text[1000], *cgroup;
	unsigned long long most;

	snprintf(path, sizeof(path), "/proc/%ld/cgroup", pid);
	read_text(path, text, sizeof(text));
	cgroup = strstr(text, "0::/");
	if (cgroup == NULL)
		return;
	cgroup[strcspn(cgroup, "\n")] = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/pids.max", cgroup + 3);
	if (!read_text(path, text, sizeof(text)) || sscanf(text, "%llu", &most) != 1)
		return; /* "max" */
	doctor_judge_limit("processes", most, doctor->config->limits.logins + TASKS_OF_ITS_OWN,
	    "raise TasksMax of x2goweb-brokerd.service (systemctl edit), or lower [limits] logins",
	    &finding);
	doctor_report(doctor, "processes", &finding);
}

static void look_process(struct doctor *doctor)
{
	struct doctor_finding finding;
	char path[64], text[4000], *line;
	unsigned long long most;
	long pid = find_broker(doctor);

	snprintf(path, sizeof(path), "/proc/%ld/limits", pid);
	if (pid == 0 || !read_text(path, text, sizeof(text)) ||
	    (line = strstr(text, "Max open files")) == NULL) {
		doctor_find(&finding, DOCTOR_OPEN,
		    geteuid() == 0 ? "no process of the broker is found"
				   : "only root sees the broker's limits");
		doctor_report(doctor, "descriptors", &finding);
		return;
	}
	if (sscanf(line, "Max open files %*s %llu", &most) != 1)
		most = UINT64_MAX;
	doctor_judge_limit("descriptors", most, fd_need(doctor->config),
	    "raise LimitNOFILE of x2goweb-brokerd.service (systemctl edit) and restart it, or "
	    "lower "
	    "[limits] logins and connections",
	    &finding);
	doctor_report(doctor, "descriptors", &finding);
	look_tasks(doctor, pid);
}

/* --- uids --------------------------------------------------------------------------------- */

/* Whose uid lies in the range, by a file's lines or a command's, as in /etc/passwd. */
static bool find_in_lines(
    FILE *lines, const struct config_range *range, const char *by, char taken[200])
{
	const struct passwd *entry;
	bool found = false;

	while (lines != NULL && !found && (entry = fgetpwent(lines)) != NULL)
		if (entry->pw_uid >= range->first && entry->pw_uid <= range->last) {
			snprintf(taken, 200, "%u is %s's, by %s", (unsigned)entry->pw_uid,
			    entry->pw_name, by);
			found = true;
		}
	return found;
}

/* Name services and userdb; may take as long as these like. */
static void find_user(const struct config_range *range, char taken[200])
{
	FILE *file = fopen("/etc/passwd", "re"), *command;
	bool found = find_in_lines(file, range, "/etc/passwd", taken);

	if (file != NULL)
		fclose(file);
	if (found)
		return;
	command = popen("userdbctl user --output=classic --no-pager 2>/dev/null", "re");
	found = find_in_lines(command, range, "userdb", taken);
	if (command != NULL)
		pclose(command);
	for (unsigned uid = range->first; !found && uid <= range->last; uid++) {
		const struct passwd *entry = getpwuid(uid);

		if (entry != NULL) {
			snprintf(
			    taken, 200, "%u is %s's, by the name service", uid, entry->pw_name);
			found = true;
		}
	}
}

/* The same, in a process that can be given up. False if it was. */
static bool find_user_in_time(const struct config_range *range, char taken[200])
{
	int64_t deadline_ms = doctor_now_ms() + DOCTOR_DEADLINE_MS;
	ssize_t got = -1;
	int ends[2];
	pid_t pid;

	taken[0] = 0;
	fflush(NULL);
	if (pipe(ends) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		char text[200] = "";

		/* A group of its own, so that what it starts goes with it. */
		setpgid(0, 0);
		find_user(range, text);
		_exit(write(ends[1], text, sizeof(text)) == (ssize_t)sizeof(text) ? 0 : 1);
	}
	setpgid(pid, pid);
	close(ends[1]);
	if (doctor_await(ends[0], POLLIN, deadline_ms))
		got = read(ends[0], taken, 200);
	taken[199] = 0;
	close(ends[0]);
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return got == 200;
}

/* Ranges that systemd gives to users of its own making (systemd's UIDS-GIDS). */
static const struct {
	unsigned first, last;
	const char *whose;
} reserved[] = {
    {60001, 60513, "systemd-homed gives to its users"},
    {61184, 65519, "systemd gives to services with DynamicUser"},
    {65534, 65535, "stand for nobody"},
};

static void look_uids(struct doctor *doctor)
{
	const struct config_range *range = &doctor->config->sessions.uids;
	unsigned count = range->last - range->first + 1;
	struct doctor_finding finding;
	char taken[200], lines[8192];

	doctor_find(&finding, DOCTOR_GREEN, "uids %u-%u are nobody's", range->first, range->last);
	if (count < doctor->config->limits.logins) {
		doctor_find(&finding, DOCTOR_RED, "[sessions] uids are %u, but [limits] logins %u",
		    count, doctor->config->limits.logins);
		doctor_advise(&finding, "widen uids: each login needs one");
	} else if (!find_user_in_time(range, taken)) {
		doctor_find(&finding, DOCTOR_OPEN, "the name service did not say within %d seconds",
		    DOCTOR_DEADLINE_MS / 1000);
	} else if (taken[0] != 0) {
		doctor_find(&finding, DOCTOR_RED, "a uid of [sessions] uids is taken: %s", taken);
		doctor_advise(&finding,
		    "choose others, which nothing else uses: whatever runs as one of "
		    "them is killed");
	}
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (range->first <= reserved[i].last && range->last >= reserved[i].first) {
			doctor_find(&finding, DOCTOR_RED, "[sessions] uids %u-%u hold some that %s",
			    range->first, range->last, reserved[i].whose);
			doctor_advise(&finding, "choose others, such as 70000-70499");
		}
	doctor_report(doctor, "uids", &finding);
	if (finding.verdict == DOCTOR_GREEN && read_text("/etc/subuid", lines, sizeof(lines))) {
		doctor_judge_subuids(range, lines, &finding);
		doctor_report(doctor, "subuids", &finding);
	}
}

/* --- ports -------------------------------------------------------------------------------- */

static char *read_listeners(void)
{
	static const char *const paths[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	char *all = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&all, &length);

	if (out == NULL)
		abort();
	for (size_t i = 0; i < 2; i++) {
		FILE *file = fopen(paths[i], "re");
		char line[400];

		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
			/* State 0A: listening. Of the others there may be very many. */
			if (strstr(line, " 0A ") != NULL)
				fputs(line, out);
		if (file != NULL)
			fclose(file);
	}
	fclose(out);
	return all;
}

static void look_ports(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	char local[64], kept[4096], *listeners;
	struct doctor_finding finding;

	if (config_relay_is_unix(config))
		return;
	read_text("/proc/sys/net/ipv4/ip_local_port_range", local, sizeof(local));
	read_text("/proc/sys/net/ipv4/ip_local_reserved_ports", kept, sizeof(kept));
	doctor_judge_ports(config, local, kept, &finding);
	doctor_report(doctor, "ports", &finding);
	listeners = read_listeners();
	doctor_judge_listeners(&config->relay.ports, listeners, config->broker.user.id, &finding);
	doctor_report(doctor, "listeners", &finding);
	free(listeners);
}

void doctor_look_machine(struct doctor *doctor)
{
	struct timex timex = {.modes = 0};
	struct doctor_finding finding;

	doctor_report_area(doctor, "This machine");
	doctor_judge_clock(adjtimex(&timex), (int64_t)time(NULL), &finding);
	doctor_report(doctor, "clock", &finding);
	if (doctor->config == NULL)
		return;
	look_process(doctor);
	look_uids(doctor);
	look_ports(doctor);
}
