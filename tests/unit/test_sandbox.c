/* links: proto brokerd/session/sandbox.c brokerd/session/coroutine.c brokerd/privdrop.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/sandbox, entered by forked children that have been made session users the
 * broker's way: what still works in there, what fails, what ends the process, and what /proc shows.
 * Needs root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/privdrop.h"
#include "brokerd/session/coroutine.h"
#include "brokerd/session/sandbox.h"
#include "brokerd/session/sanitizer.h"

#define BROKER_UID  64989
#define SESSION_UID 64990

/* How a child ends that did not get as far as the sandbox. */
#define EXIT_SETUP 99

static char root_path[] = "/tmp/x2goweb-root-XXXXXX";
static int listener = -1; /* TCP, listening, non-blocking */
static int spare = -1;	  /* TCP, not connected */
static int pair[2] = {-1, -1};
static pid_t parent;

static int open_root(void)
{
	return open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* root -> broker -> session, as in life. */
static bool become_session(bool keep_chroot)
{
	privdrop_broker(BROKER_UID, BROKER_UID);
	return privdrop_child(SESSION_UID, keep_chroot);
}

/* Forks a child that becomes a session's user, enters, and exits with what inside() returns.
 * Returns waitpid's status. */
static int run_inside(int (*inside)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		sandbox_warm_up();
		if (!become_session(true) || !sandbox_enter(open_root()))
			_exit(EXIT_SETUP);
		exit(inside());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static struct sockaddr_in own_address(void)
{
	struct sockaddr_in address = {0};
	socklen_t length = sizeof(address);

	getsockname(listener, (struct sockaddr *)&address, &length);
	return address;
}

/* --- what must not work ----------------------------------------------------------------------- */

/* A system call that a child tries. */
struct attempt {
	const char *name;
	int error; /* that it fails with, or 0: SIGSYS ends the process */
	long number;
	long arguments[6];
};

static const struct attempt *attempt;

static int make_attempt(void)
{
	const long *a = attempt->arguments;
	long result = syscall(attempt->number, a[0], a[1], a[2], a[3], a[4], a[5]);

	return result == -1 && errno == attempt->error ? 0 : 1;
}

#define P(pointer) ((long)(uintptr_t)(pointer))

static void test_forbidden(void **state)
{
	struct sockaddr_in address = own_address();
	struct iovec part = {(void *)(uintptr_t) "x", 1};
	struct msghdr message = {.msg_name = &address,
	    .msg_namelen = sizeof(address),
	    .msg_iov = &part,
	    .msg_iovlen = 1};
	char program[] = "/bin/true", *arguments[] = {program, NULL}, buffer[256];
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const long here = AT_FDCWD, all = PROT_READ | PROT_WRITE | PROT_EXEC;
	const long private = MAP_PRIVATE | MAP_ANONYMOUS;
	const struct attempt attempts[] = {
	    /* files */
	    {"openat", EACCES, SYS_openat, {here, P("/etc/passwd"), O_RDONLY}},
	    {"openat own memory", EACCES, SYS_openat, {here, P("/proc/self/mem"), O_RDWR}},
	    {"create", EACCES, SYS_openat, {here, P("/file"), O_RDWR | O_CREAT, 0600}},
	    {"statx", EACCES, SYS_statx, {here, P("/"), 0, 0, P(buffer)}},
	    {"unlinkat", 0, SYS_unlinkat, {here, P("/x"), 0}},
	    {"memfd_create", 0, SYS_memfd_create, {P("x"), 0}},
	    {"chroot", 0, SYS_chroot, {P(".")}},
	    {"mount", 0, SYS_mount, {P("x"), P("/"), P("tmpfs"), 0, 0}},
	    /* connections out */
	    {"socket", 0, SYS_socket, {AF_INET, SOCK_STREAM, 0}},
	    {"UNIX socket", 0, SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
	    {"socketpair", 0, SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, P(buffer)}},
	    {"connect", 0, SYS_connect, {spare, P(&address), sizeof(address)}},
	    {"bind", 0, SYS_bind, {spare, P(&address), sizeof(address)}},
	    {"listen", 0, SYS_listen, {spare, 1}},
	    {"send to an address", 0, SYS_sendto,
		{spare, P("x"), 1, MSG_NOSIGNAL, P(&address), sizeof(address)}},
	    {"connect by sendto", 0, SYS_sendto, {spare, P("x"), 1, MSG_FASTOPEN, 0, 0}},
	    {"connect by sendmsg", 0, SYS_sendmsg, {spare, P(&message), MSG_FASTOPEN}},
	    /* others' processes */
	    {"kill", 0, SYS_kill, {parent, 0}},
	    {"kill all", 0, SYS_kill, {-1, 0}},
	    {"tgkill another", 0, SYS_tgkill, {parent, parent, 0}},
	    {"tkill", 0, SYS_tkill, {parent, 0}},
	    {"pidfd_open", 0, SYS_pidfd_open, {parent, 0}},
	    {"ptrace", 0, SYS_ptrace, {PTRACE_ATTACH, parent}},
	    {"process_vm_readv", 0, SYS_process_vm_readv, {parent}},
	    /* processes and code of its own */
	    {"execve", 0, SYS_execve, {P(program), P(arguments), 0}},
	    {"execveat", 0, SYS_execveat, {here, P(program), P(arguments), 0, 0}},
	    {"fork", 0, SYS_clone, {SIGCHLD}},
	    {"clone3", 0, SYS_clone3, {0, 0}},
	    {"map code", 0, SYS_mmap, {0, 4096, all, private, -1, 0}},
	    {"make memory code", 0, SYS_mprotect, {P(memory), 4096, PROT_READ | PROT_EXEC}},
	    {"pkey_mprotect", 0, SYS_pkey_mprotect, {P(memory), 4096, PROT_EXEC, -1}},
	    /* what is open already, in ways that are not needed */
	    {"ioctl", ENOTTY, SYS_ioctl, {STDERR_FILENO, TIOCSTI, P("x")}},
	    {"F_SETOWN", 0, SYS_fcntl, {pair[0], F_SETOWN, parent}},
	    {"F_DUPFD", 0, SYS_fcntl, {pair[0], F_DUPFD, 0}},
	    {"dup", 0, SYS_dup, {pair[0]}},
	    {"SO_ATTACH_FILTER", 0, SYS_setsockopt, {pair[0], SOL_SOCKET, SO_ATTACH_FILTER}},
	    {"TCP_CONGESTION", 0, SYS_setsockopt, {listener, IPPROTO_TCP, TCP_CONGESTION}},
	    /* the process itself */
	    {"prctl", EPERM, SYS_prctl, {PR_SET_DUMPABLE, 1}},
	    {"prlimit64", EPERM, SYS_prlimit64, {0, RLIMIT_NOFILE, 0, 0}},
	    {"setresuid", 0, SYS_setresuid, {0, 0, 0}},
	    {"capset", 0, SYS_capset, {0, 0}},
	    {"unshare", 0, SYS_unshare, {CLONE_NEWUSER}},
	    {"seccomp", 0, SYS_seccomp, {0, 0, 0}},
	    /* large doors into the kernel */
	    {"io_uring_setup", 0, SYS_io_uring_setup, {1, 0}},
	    {"bpf", 0, SYS_bpf, {0, 0, 0}},
	    {"add_key", 0, SYS_add_key, {0, 0, 0, 0, 0}},
	    {"perf_event_open", 0, SYS_perf_event_open, {0, 0, 0, 0, 0}},
	    {"userfaultfd", 0, SYS_userfaultfd, {0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int status;

		attempt = &attempts[i];
		status = run_inside(make_attempt);
		if (attempt->error == 0 ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS
					: !WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("%s: status 0x%x", attempt->name, (unsigned)status);
	}
	munmap(memory, 4096);
}

/* --- what must still work --------------------------------------------------------------------- */

static void assert_works(int (*inside)(void))
{
	int status = run_inside(inside);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status 0x%x", (unsigned)status);
}

static void on_accepted(evutil_socket_t fd, short what, void *arg)
{
	int on = 1, *accepted = arg;
	char text[5] = "";

	(void)what;
	*accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (*accepted < 0 ||
	    setsockopt(*accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    send(*accepted, "hello", 5, MSG_NOSIGNAL) != 5 || recv(*accepted, text, 1, 0) != -1 ||
	    errno != EAGAIN || close(*accepted) != 0)
		*accepted = -1;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* An event loop made inside, a connection that comes in, a timer, messages with descriptors. */
static int use_loop(void)
{
	struct event_base *base = event_base_new();
	struct timeval soon = {0, 100000};
	int accepted = -1;
	struct event *door = event_new(base, listener, EV_READ, on_accepted, &accepted);
	struct event *timer = evtimer_new(base, on_timer, base);

	event_add(door, NULL);
	event_add(timer, &soon);
	event_base_dispatch(base);
	event_free(door);
	event_free(timer);
	event_base_free(base);
	return accepted >= 0 ? 0 : 1;
}

static void test_event_loop(void **state)
{
	struct sockaddr_in address = own_address();
	int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)state;
	connect(client, (const struct sockaddr *)&address, sizeof(address));
	assert_works(use_loop);
	close(client);
}

/* What an SSH handshake needs of libcrypto and libssh2, for the first time or not. */
static int use_crypto(void)
{
	uint8_t hash[64], secret[32];
	size_t length = sizeof(secret);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY *signing = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	LIBSSH2_SESSION *session;

	if (EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, key) != 1 ||
	    EVP_PKEY_derive(context, secret, &length) != 1 || signing == NULL)
		return 1;
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	EVP_PKEY_free(signing);
	if (EVP_Digest("x", 1, hash, NULL, EVP_sha512(), NULL) != 1)
		return 2;
	if (libssh2_init(0) != 0 || (session = libssh2_session_init()) == NULL)
		return 3;
	libssh2_session_set_blocking(session, 0);
	if (libssh2_session_handshake(session, pair[0]) != LIBSSH2_ERROR_EAGAIN)
		return 4;
	libssh2_session_free(session);
	return 0;
}

static void test_crypto(void **state)
{
	(void)state;
	assert_works(use_crypto);
}

static struct coroutine *coroutine;

static void stop_once(void *arg)
{
	coroutine_yield(coroutine);
	*(int *)arg = 0;
}

static int use_coroutine(void)
{
	int result = 1;

	coroutine = coroutine_create(stop_once, &result);
	if (coroutine == NULL || coroutine_resume(coroutine) || !coroutine_resume(coroutine))
		return 2;
	coroutine_destroy(coroutine);
	return result;
}

static void test_coroutine(void **state)
{
	(void)state;
	assert_works(use_coroutine);
}

static int use_memory(void)
{
	for (size_t size = 1; size < 64 * 1024 * 1024; size *= 2) {
		char *memory = malloc(size);

		if (memory == NULL)
			return 1;
		memset(memory, 1, size);
		memory = realloc(memory, 2 * size);
		if (memory == NULL)
			return 2;
		free(memory);
	}
	return 0;
}

static void test_memory(void **state)
{
	(void)state;
	assert_works(use_memory);
}

#ifndef ADDRESS_SANITIZER
static int use_too_much_memory(void)
{
	void *volatile memory = malloc(512 * 1024 * 1024);

	return memory == NULL ? 0 : 1;
}

static void test_memory_is_bounded(void **state)
{
	(void)state;
	assert_works(use_too_much_memory);
}
#endif

static int use_abort(void)
{
	abort();
}

/* abort() must end the process by its own signal, or crashes would look like forbidden calls. */
static void test_abort(void **state)
{
	int status = run_inside(use_abort);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* --- what /proc shows ------------------------------------------------------------------------- */

static int wait_for_parent(int fd)
{
	char byte;

	return write(fd, "x", 1) == 1 && read(fd, &byte, 1) == 1 ? 0 : 1;
}

static void read_proc(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	length = read(fd, text, size - 1);
	assert_true(length > 0);
	text[length] = '\0';
	close(fd);
}

static void assert_line(const char *text, const char *line)
{
	const char *found = strstr(text, line);

	if (found == NULL || (found != text && found[-1] != '\n'))
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void test_proc(void **state)
{
	static char text[16384];
	char path[64], target[256], byte;
	ssize_t length;
	int status, ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sandbox_warm_up();
		if (!become_session(true) || !sandbox_enter(open_root()))
			_exit(EXIT_SETUP);
		_exit(wait_for_parent(ends[0]));
	}
	close(ends[0]);
	assert_int_equal(read(ends[1], &byte, 1), 1);

	read_proc(pid, "status", text, sizeof(text));
	assert_line(text, "Uid:\t64990\t64990\t64990\t64990\n");
	assert_line(text, "Gid:\t64990\t64990\t64990\t64990\n");
	assert_line(text, "Groups:\t \n");
	assert_line(text, "CapInh:\t0000000000000000\n");
	assert_line(text, "CapPrm:\t0000000000000000\n");
	assert_line(text, "CapEff:\t0000000000000000\n");
	assert_line(text, "CapAmb:\t0000000000000000\n");
	assert_line(text, "NoNewPrivs:\t1\n");
	assert_line(text, "Seccomp:\t2\n");

	read_proc(pid, "limits", text, sizeof(text));
	assert_line(text, "Max core file size        0                    0 ");
	assert_line(text, "Max processes             0                    0 ");
	assert_line(text, "Max open files            64                   64 ");
#ifndef ADDRESS_SANITIZER
	assert_line(text, "Max file size             0                    0 ");
	assert_line(text, "Max address space         536870912            536870912 ");
#endif

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	length = readlink(path, target, sizeof(target) - 1);
	assert_true(length > 0);
	target[length] = '\0';
	assert_string_equal(target, root_path);
	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	length = readlink(path, target, sizeof(target) - 1);
	assert_true(length > 0);
	target[length] = '\0';
	assert_string_equal(target, root_path);

	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ends[1]);
}

/* --- when it must not be entered -------------------------------------------------------------- */

/* Exits with 0 if sandbox_enter refuses. */
static int run_refused(bool (*prepare)(void), const char *root)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		/* The complaint is expected. */
		close(STDERR_FILENO);
		_exit(!prepare() ? EXIT_SETUP : sandbox_enter(fd) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool stay_root(void)
{
	return true;
}

static bool be_session(void)
{
	return become_session(true);
}

static bool be_session_without_chroot(void)
{
	return become_session(false);
}

/* Like a session, but with a further group. */
static bool be_in_group(void)
{
	const gid_t group = SESSION_UID + 1;
	const cap_value_t needed = CAP_SYS_CHROOT;
	cap_t caps = cap_init();
	bool good;

	good = prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(1, &group) == 0 &&
	       setresgid(SESSION_UID, SESSION_UID, SESSION_UID) == 0 &&
	       setresuid(SESSION_UID, SESSION_UID, SESSION_UID) == 0 &&
	       cap_set_flag(caps, CAP_PERMITTED, 1, &needed, CAP_SET) == 0 &&
	       cap_set_flag(caps, CAP_EFFECTIVE, 1, &needed, CAP_SET) == 0 &&
	       cap_set_proc(caps) == 0;
	cap_free(caps);
	return good;
}

static void test_refuses(void **state)
{
	(void)state;
	assert_int_equal(run_refused(stay_root, root_path), 0);
	assert_int_equal(run_refused(be_session_without_chroot, root_path), 0);
	assert_int_equal(run_refused(be_session, "/usr"), 0);
	assert_int_equal(run_refused(be_in_group, root_path), 0);
}

static int set_up(void **state)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	(void)state;
	parent = getpid();
	if (mkdtemp(root_path) == NULL || chmod(root_path, 0755) != 0)
		return -1;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	spare = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 4) != 0)
		return -1;
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static int tear_down(void **state)
{
	(void)state;
	close(listener);
	close(spare);
	close(pair[0]);
	close(pair[1]);
	return rmdir(root_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forbidden),
	    cmocka_unit_test(test_event_loop),
	    cmocka_unit_test(test_crypto),
	    cmocka_unit_test(test_coroutine),
	    cmocka_unit_test(test_memory),
#ifndef ADDRESS_SANITIZER
	    cmocka_unit_test(test_memory_is_bounded),
#endif
	    cmocka_unit_test(test_abort),
	    cmocka_unit_test(test_proc),
	    cmocka_unit_test(test_refuses),
	};

	if (geteuid() != 0) {
		puts("test_sandbox: skipped: needs root");
		return 0;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
