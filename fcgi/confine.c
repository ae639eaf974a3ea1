/* SPDX-License-Identifier: ISC */
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/log.h"
#include "proto/secret.h"

/* Connections that wait, those in work and theirs to the broker stay far below this; libfcgi's
 * descriptor sets end here. */
#define DESCRIPTORS_MAX 1024

static void become(const char *name)
{
	const struct passwd *user;

	if (geteuid() != 0)
		log_fatalx("--user %s: only root can become somebody else", name);
	errno = 0;
	user = getpwnam(name);
	if (user == NULL)
		log_fatalx("--user %s: there is no such user", name);
	if (initgroups(name, user->pw_gid) != 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
		log_fatal("--user %s", name);
	if (user->pw_uid != 0 && (setuid(0) == 0 || geteuid() == 0))
		log_fatalx("--user %s: root could be regained", name);
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, held) != 0)
		log_fatal("capabilities");
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if ((held[i].effective | held[i].permitted | held[i].inheritable) != 0)
			return true;
	return false;
}

/* Where it starts without any, as by the unit of systemd, capset() may be refused. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		log_fatal("capabilities");
	if (has_capabilities() && syscall(SYS_capset, &header, none) != 0)
		log_fatal("capabilities");
	if (has_capabilities())
		log_fatalx("capabilities: some are left");
}

/* What a parser of strangers' requests never needs is refused; the rest stays usual, as libraries
 * differ in what they call. */
static void forbid_calls(void)
{
	static const int refused[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork),
	    SCMP_SYS(vfork), SCMP_SYS(clone), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	    SCMP_SYS(process_vm_writev), SCMP_SYS(mount), SCMP_SYS(unshare), SCMP_SYS(setns),
	    SCMP_SYS(bpf), SCMP_SYS(keyctl), SCMP_SYS(io_uring_setup)};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = filter != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && result == 0; i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	/* glibc takes this answer as "use clone", which is refused as well. */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result != 0) {
		errno = -result;
		log_fatal("seccomp");
	}
}

void confine_process(const char *user)
{
	struct rlimit descriptors;

	if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0)
		log_fatal("limits");
	if (descriptors.rlim_max > DESCRIPTORS_MAX)
		descriptors.rlim_max = DESCRIPTORS_MAX;
	descriptors.rlim_cur = descriptors.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &descriptors) != 0)
		log_fatal("limits");
	if (user != NULL)
		become(user);
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_fatal("no_new_privs");
	if (!secret_forbid_dumps())
		log_fatal("core dumps");
	forbid_calls();
}
