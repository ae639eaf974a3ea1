/* SPDX-License-Identifier: ISC */
#include "client_cpu.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROCESSES_MAX 4096

static struct process {
	int pid, parent;
	uint64_t ticks;
	bool wanted;
} processes[PROCESSES_MAX];

static bool read_process(const char *name, struct process *process)
{
	char path[300], text[1024], *at;
	uint64_t user, system;
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "/proc/%s/stat", name);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = 0;
	at = strrchr(text, ')');
	process->pid = atoi(name);
	process->wanted = false;
	if (at == NULL ||
	    sscanf(at + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
		&process->parent, &user, &system) != 3)
		return false;
	process->ticks = user + system;
	return true;
}

static bool is_named(const char *pids, int pid)
{
	char name[16], list[512];

	snprintf(name, sizeof(name), ",%d,", pid);
	snprintf(list, sizeof(list), ",%s,", pids);
	return strstr(list, name) != NULL;
}

double cpu_used_s(const char *pids)
{
	DIR *folder = pids[0] != 0 ? opendir("/proc") : NULL;
	size_t count = 0;
	uint64_t ticks = 0;
	bool more = true;

	if (folder == NULL)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL && count < PROCESSES_MAX;)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    read_process(entry->d_name, &processes[count])) {
			processes[count].wanted = is_named(pids, processes[count].pid);
			count++;
		}
	closedir(folder);
	while (more) {
		more = false;
		for (size_t i = 0; i < count; i++)
			for (size_t j = 0; j < count && !processes[i].wanted; j++)
				if (processes[j].wanted && processes[i].parent == processes[j].pid)
					processes[i].wanted = more = true;
	}
	for (size_t i = 0; i < count; i++)
		ticks += processes[i].wanted ? processes[i].ticks : 0;
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

double cpu_own_s(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}
