/* SPDX-License-Identifier: ISC */
/*
 * A stand-in for systemd as far as a broker's descriptors are concerned: it runs the broker, keeps
 * what that wants to be kept, under names, and starts the next one with it. For tests that end a
 * broker in other ways than it wants to.
 */
#ifndef UNIT_STORE_WORLD_H
#define UNIT_STORE_WORLD_H

#include <sys/sendfile.h>

#include "broker_world.h"
#include "brokerd/config.h"

#define STORE_FDS_MAX 200

static struct {
	struct {
		char name[32];
		int fd;
	} kept[STORE_FDS_MAX];
	unsigned count;
} store;

static inline void store_report(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
}

/* If this process was run as a broker: is one, or only checks, and does not return. */
static inline void store_broker_main(int argc, char **argv)
{
	const struct daemon_options options = {.config = argv[1],
	    .session = "/proc/self/exe",
	    .arguments = argv,
	    .in_store = argc > 2 && strcmp(argv[2], "store") == 0};

	if (argc < 2 || strcmp(argv[0], WORLD_BROKER) != 0)
		return;
	if (strcmp(argv[argc - 1], "--check") == 0)
		exit(config_load(argv[1], true, store_report, NULL) == NULL);
	exit(daemon_run(&options));
}

static inline void store_remove(const char *name)
{
	for (unsigned i = 0; i < store.count;)
		if (strcmp(store.kept[i].name, name) == 0) {
			close(store.kept[i].fd);
			store.kept[i] = store.kept[--store.count];
		} else {
			i++;
		}
}

static inline void store_add(const char *name, struct msghdr *header)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(header, cmsg))
		for (size_t i = 0; cmsg->cmsg_type == SCM_RIGHTS &&
				   i < (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		     i++) {
			assert_true(store.count < STORE_FDS_MAX);
			snprintf(
			    store.kept[store.count].name, sizeof(store.kept[0].name), "%s", name);
			memcpy(&store.kept[store.count++].fd, CMSG_DATA(cmsg) + i * sizeof(int),
			    sizeof(int));
		}
}

/* Hears one word of the broker and does what it says of descriptors. */
static inline const char *store_hear(void)
{
	static char text[256];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
	} control;
	struct iovec part = {text, sizeof(text) - 1};
	struct msghdr header = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	ssize_t length = recvmsg(world.notify, &header, MSG_CMSG_CLOEXEC);
	char *name;

	assert_true(length > 0);
	text[length] = 0;
	name = strstr(text, "FDNAME=");
	if (name == NULL)
		return text;
	name += strlen("FDNAME=");
	name[strcspn(name, "\n")] = 0;
	if (strncmp(text, "FDSTOREREMOVE=1", 15) == 0)
		store_remove(name);
	else if (strncmp(text, "FDSTORE=1", 9) == 0)
		store_add(name, &header);
	return text;
}

static inline void store_await(const char *expected)
{
	do
		if (!world_wait_readable(world.notify, WORLD_LIMIT_MS))
			fail_msg("the broker does not say %s:\n%s", expected, world_log());
	while (strcmp(store_hear(), expected) != 0);
}

/* What has been said until now is done. */
static inline void store_catch_up(void)
{
	while (world_wait_readable(world.notify, 0))
		store_hear();
}

/* How many descriptors are kept under names that begin so. */
static inline unsigned store_count(const char *prefix)
{
	unsigned count = 0;

	store_catch_up();
	for (unsigned i = 0; i < store.count; i++)
		count += strncmp(store.kept[i].name, prefix, strlen(prefix)) == 0;
	return count;
}

/* The socket among what is kept under a name that begins so. */
static inline int store_find_socket(const char *prefix)
{
	struct stat status;

	store_catch_up();
	for (unsigned i = 0; i < store.count; i++)
		if (strncmp(store.kept[i].name, prefix, strlen(prefix)) == 0 &&
		    fstat(store.kept[i].fd, &status) == 0 && S_ISSOCK(status.st_mode))
			return store.kept[i].fd;
	fail_msg("no socket is kept");
	return -1;
}

/* In the child: all that is kept becomes 3 and so on. */
static inline void store_pass(void)
{
	char names[STORE_FDS_MAX * 32] = "", text[24];
	int last = 3 + (int)store.count;

	for (unsigned i = 0; i < store.count; i++) {
		store.kept[i].fd = fcntl(store.kept[i].fd, F_DUPFD, last);
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
		    i != 0 ? ":" : "", store.kept[i].name);
	}
	for (unsigned i = 0; i < store.count; i++)
		dup2(store.kept[i].fd, 3 + (int)i);
	close_range((unsigned)last, ~0u, 0);
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%u", store.count);
	setenv("LISTEN_FDS", text, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

/* A copy of this program in a place where whom the broker becomes can run it, unlike in many homes.
 */
static inline const char *store_program(void)
{
	static char path[128];
	int from, to;

	strcpy(path, world_path("program"));
	if (access(path, X_OK) == 0)
		return path;
	from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	close(from);
	assert_int_equal(close(to), 0);
	return path;
}

/* Starts a broker with what is kept. */
static inline void store_run(void)
{
	char config[128], name[] = WORLD_BROKER, in_store[] = "store";
	char *arguments[] = {name, config, in_store, NULL};
	const char *program = store_program();

	store_catch_up();
	strcpy(config, world_path("conf"));
	fflush(NULL);
	world.broker = fork();
	if (world.broker == 0) {
		int log = open(world_path("log"), O_WRONLY | O_APPEND | O_CLOEXEC);

		setenv("NOTIFY_SOCKET", world_path("notify"), 1);
		dup2(log, STDERR_FILENO);
		store_pass();
		execv(program, arguments);
		_exit(98);
	}
	assert_true(world.broker > 0);
	world_guard(world.broker);
}

/* The same, and waits until it is ready. */
static inline void store_start(void)
{
	store_run();
	store_await("READY=1");
}

static inline void store_kill(void)
{
	assert_int_equal(kill(world.broker, SIGKILL), 0);
	assert_true(WIFSIGNALED(world_await_exit(world.broker)));
	store_start();
}

/* As systemctl restart does. */
static inline void store_restart(void)
{
	assert_int_equal(kill(world.broker, SIGTERM), 0);
	assert_int_equal(world_await_exit(world.broker), 0);
	store_start();
}

/* As systemctl stop does. */
static inline void store_stop(void)
{
	assert_int_equal(kill(world.broker, SIGTERM), 0);
	assert_int_equal(world_await_exit(world.broker), 0);
	world.broker = 0;
	store_catch_up();
	while (store.count > 0)
		store_remove(store.kept[0].name);
}

#endif
