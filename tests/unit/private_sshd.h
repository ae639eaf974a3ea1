/* SPDX-License-Identifier: ISC */
/*
 * A real sshd for one test program: on a loopback port, with users of its own ("tester" /
 * "wonderland", "jumper" / "looking-glass", and "expired" / "wonderland", whose account has) in a
 * mount namespace of its own, so that nothing of the machine is touched. By PAM, if the test asks
 * for it, with a service of its own. Whatever it has started ends with it, and it with the test.
 * Needs root and Debian's openssh-server; tests skip without.
 */
#ifndef TESTS_PRIVATE_SSHD_H
#define TESTS_PRIVATE_SSHD_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/messages.h"

#define SSHD_PATH	 "/usr/sbin/sshd"
#define SSHD_USER	 "tester"
#define SSHD_UID	 64320u	  /* and group */
#define SSHD_JUMPER	 "jumper" /* in the same group, with the same home */
#define SSHD_JUMPER_UID	 64321u
#define SSHD_EXPIRED	 "expired"
#define SSHD_EXPIRED_UID 64322u
#define SSHD_PASSWORD	 "wonderland"
/* crypt(3), SHA-512, of that password. */
#define SSHD_HASH                                                                                  \
	"$6$x2gowebtest$htHBwCj3X5i6FaGZeLSmV6h0SnVP2Awzb0ydYQGD1hAqR84n1sbXXR.VKqZwtsvau/"        \
	"zYvJPbSWfY8cWfsusJV."
#define SSHD_JUMPER_PASSWORD "looking-glass"
#define SSHD_JUMPER_HASH                                                                           \
	"$6$x2gowebtest$UWDLH6hjMHuJUV7xXBSW6kTXFFOg5r2wTfSyEt9O7"                                 \
	"c4r9qFcKVIoHUbJWjhW2PG/0zI4wzaGCZEmXorY9FuPy0"

/* libssh2 does not free all of an exchange of keys: 1.10 the old host key, 1.11 what it derives
 * for a MAC that AES-GCM does not need. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libssh2.so\n";
}

struct private_sshd {
	char folder[40]; /* the user's home is home/ in there */
	pid_t pid;	 /* of its keeper; its own is in the file pid */
	uint16_t port;
	struct record_hostkey key; /* ed25519 */
};

static int sshd_bind(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* So that the port can be listened on anew while connections to it are fading. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		abort();
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static inline int sshd_connect(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		abort();
	return fd;
}

static void sshd_write_file(const char *folder, const char *name, const char *text)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

static void sshd_read_key(const char *folder, struct record_hostkey *key)
{
	char path[100], type[64], base64[1024];
	FILE *file;
	int length;

	snprintf(path, sizeof(path), "%s/key.pub", folder);
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%63s %1023s", type, base64) != 2)
		abort();
	fclose(file);
	length = EVP_DecodeBlock(key->blob, (const unsigned char *)base64, (int)strlen(base64));
	for (size_t i = strlen(base64); i > 0 && base64[i - 1] == '='; i--)
		length--;
	strcpy(key->type, type);
	key->blob_length = (uint16_t)length;
}

static void sshd_cover(const char *folder, const char *name, const char *target)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (mount(path, target, NULL, MS_BIND, NULL) != 0)
		_exit(77);
}

/* In the keeper's child. */
_Noreturn static void sshd_run(const struct private_sshd *sshd, int log)
{
	char config[100];

	snprintf(config, sizeof(config), "%s/config", sshd->folder);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		_exit(77);
	sshd_cover(sshd->folder, "passwd", "/etc/passwd");
	sshd_cover(sshd->folder, "shadow", "/etc/shadow");
	sshd_cover(sshd->folder, "group", "/etc/group");
	sshd_cover(sshd->folder, "pam", "/etc/pam.d/sshd");
	if (mount("tmpfs", "/run", "tmpfs", 0, "mode=755") != 0 || mkdir("/run/sshd", 0755) != 0)
		_exit(77);
	dup2(log, STDERR_FILENO);
	execl(SSHD_PATH, SSHD_PATH, "-D", "-e", "-f", config, (char *)NULL);
	_exit(77);
}

static void sshd_kill_children(void)
{
	char path[64];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "r");
	if (file == NULL)
		_exit(77);
	while (fscanf(file, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	fclose(file);
}

/* In the child: sshd's parent, and that of all processes which lose theirs on its side. */
_Noreturn static void sshd_keep(const struct private_sshd *sshd, int log)
{
	sigset_t all, end, before;
	int signal_number;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		_exit(77);
	if (fork() == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		sshd_run(sshd, log);
	}
	/* The test's connections end when the test closes them. */
	close_range(3, ~0u, 0);
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigwait(&end, &signal_number);
	signal(SIGCHLD, SIG_DFL);
	/* One that ends leaves its own children to us. */
	do
		sshd_kill_children();
	while (waitpid(-1, NULL, 0) > 0);
	_exit(0);
}

/* Reads the log until sshd listens; false if it ends before. */
static bool sshd_await_listening(int log)
{
	char text[8192];
	size_t used = 0;
	ssize_t got;

	while (used < sizeof(text) - 1 &&
	       (got = read(log, text + used, sizeof(text) - 1 - used)) > 0) {
		used += (size_t)got;
		text[used] = 0;
		if (strstr(text, "Server listening on") != NULL)
			return true;
	}
	return false;
}

static void sshd_stop(struct private_sshd *sshd)
{
	char command[100];

	if (sshd->pid > 0) {
		kill(sshd->pid, SIGTERM);
		waitpid(sshd->pid, NULL, 0);
	}
	if (sshd->folder[0] != 0) {
		snprintf(command, sizeof(command), "rm -rf %s", sshd->folder);
		if (system(command) != 0)
			abort();
	}
	sshd->pid = 0;
	sshd->folder[0] = 0;
}

/* Starts it; options: lines of sshd_config, before ours. False: it cannot be had here. */
static bool sshd_start(struct private_sshd *sshd, const char *options)
{
	char command[200], config[1000], passwd[600], home[60];
	int log[2], fd;

	memset(sshd, 0, sizeof(*sshd));
	if (geteuid() != 0 || access(SSHD_PATH, X_OK) != 0)
		return false;
	strcpy(sshd->folder, "/tmp/private-sshd.XXXXXX");
	if (mkdtemp(sshd->folder) == NULL || chmod(sshd->folder, 0755) != 0)
		abort();
	snprintf(
	    command, sizeof(command), "ssh-keygen -q -t ed25519 -N '' -f %s/key", sshd->folder);
	if (system(command) != 0)
		abort();
	sshd_read_key(sshd->folder, &sshd->key);
	close(sshd_bind(&sshd->port));
	snprintf(config, sizeof(config),
	    "%sListenAddress 127.0.0.1\nPort %u\nHostKey %s/key\nUsePAM no\nPidFile %s/pid\n"
	    "PrintMotd no\nAuthorizedKeysFile none\n"
	    "SetEnv PATH=%s/home/bin:/usr/local/bin:/usr/bin:/bin\n",
	    options, sshd->port, sshd->folder, sshd->folder, sshd->folder);
	sshd_write_file(sshd->folder, "config", config);
	/* Tests fail logins on purpose. An sshd that does not know -G does not know penalties. */
	snprintf(command, sizeof(command),
	    "%s -G -o PerSourcePenalties=no -f %s/config >%s/effective 2>&1", SSHD_PATH,
	    sshd->folder, sshd->folder);
	if (system(command) == 0) {
		strcat(config, "PerSourcePenalties no\n");
		sshd_write_file(sshd->folder, "config", config);
	}
	snprintf(passwd, sizeof(passwd),
	    "root:x:0:0::/root:/bin/sh\nsshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
	    "nobody:x:65534:65534::/:/usr/sbin/nologin\n" SSHD_USER
	    ":x:%u:%u::%s/home:/bin/sh\n" SSHD_JUMPER ":x:%u:%u::%s/home:/bin/sh\n" SSHD_EXPIRED
	    ":x:%u:%u::/:/bin/sh\n",
	    SSHD_UID, SSHD_UID, sshd->folder, SSHD_JUMPER_UID, SSHD_UID, sshd->folder,
	    SSHD_EXPIRED_UID, SSHD_UID);
	sshd_write_file(sshd->folder, "passwd", passwd);
	snprintf(home, sizeof(home), "%s/home", sshd->folder);
	if (mkdir(home, 0755) != 0 || chown(home, SSHD_UID, SSHD_UID) != 0)
		abort();
	sshd_write_file(sshd->folder, "shadow",
	    "root:*:19000::::::\n" SSHD_USER ":" SSHD_HASH ":19000::::::\n" SSHD_JUMPER
	    ":" SSHD_JUMPER_HASH ":19000::::::\n" SSHD_EXPIRED ":" SSHD_HASH ":19000:::::18000:\n");
	sshd_write_file(sshd->folder, "pam",
	    "auth required pam_unix.so\naccount required pam_unix.so\n"
	    "session required pam_permit.so\n");
	sshd_write_file(sshd->folder, "group", "root:x:0:\nnogroup:x:65534:\ntester:x:64320:\n");
	if (pipe(log) != 0)
		abort();
	sshd->pid = fork();
	if (sshd->pid == 0)
		sshd_keep(sshd, log[1]);
	close(log[1]);
	if (!sshd_await_listening(log[0])) {
		close(log[0]);
		sshd_stop(sshd);
		return false;
	}
	/* Its log goes on; nobody must wait for us to read it. */
	fd = log[0];
	fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	return true;
}

#endif
