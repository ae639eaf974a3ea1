/* links: proto brokerd/session/sandbox.c brokerd/privdrop.c */
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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/privdrop.h"
#include "brokerd/session/sandbox.h"

#define BROKER_UID  64989
#define SESSION_UID 64990

/* How a child ends that did not get as far as the sandbox. */
#define EXIT_SETUP 99

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif

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

/* --- what must not work ----------------------------------------------------------------------- */

static int fails_with(long result, int error)
{
	return result == -1 && errno == error ? 0 : 1;
}

static int try_open(void)
{
	return fails_with(open("/etc/passwd", O_RDONLY), EACCES);
}

static int try_open_own_proc(void)
{
	return fails_with(openat(AT_FDCWD, "/proc/self/mem", O_RDWR), EACCES);
}

static int try_create(void)
{
	return fails_with(open("/file", O_RDWR | O_CREAT, 0600), EACCES);
}

static int try_stat(void)
{
	struct stat status;

	return fails_with(stat("/", &status), EACCES);
}

static int try_prctl(void)
{
	return fails_with(syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0), EPERM);
}

static int try_ioctl(void)
{
	return fails_with(syscall(SYS_ioctl, STDERR_FILENO, 0x5412 /* TIOCSTI */, "x"), ENOTTY);
}

static int try_raise_limit(void)
{
	return fails_with(syscall(SYS_prlimit64, 0, 7, NULL, NULL), EPERM);
}

static int try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int try_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static struct sockaddr_in own_address(void)
{
	struct sockaddr_in address = {0};
	socklen_t length = sizeof(address);

	getsockname(listener, (struct sockaddr *)&address, &length);
	return address;
}

static int try_connect(void)
{
	struct sockaddr_in address = own_address();

	return connect(spare, (const struct sockaddr *)&address, sizeof(address));
}

static int try_sendto_address(void)
{
	struct sockaddr_in address = own_address();

	return (int)sendto(
	    spare, "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof(address));
}

static int try_fast_open(void)
{
	struct sockaddr_in address = own_address();
	struct iovec part = {(void *)(uintptr_t) "x", 1};
	struct msghdr message = {.msg_name = &address,
	    .msg_namelen = sizeof(address),
	    .msg_iov = &part,
	    .msg_iovlen = 1};

	return (int)sendmsg(spare, &message, MSG_FASTOPEN);
}

static int try_bind(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	return bind(spare, (const struct sockaddr *)&address, sizeof(address));
}

static int try_listen(void)
{
	return listen(spare, 1);
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_ATTACH, parent, NULL, NULL);
}

static int try_read_memory(void)
{
	return (int)syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0);
}

static int try_kill(void)
{
	return kill(parent, 0);
}

static int try_kill_all(void)
{
	return kill(-1, 0);
}

static int try_signal_thread(void)
{
	return (int)syscall(SYS_tgkill, parent, parent, 0);
}

static int try_pidfd(void)
{
	return (int)syscall(SYS_pidfd_open, parent, 0);
}

static int try_exec(void)
{
	char name[] = "/bin/true", *arguments[] = {name, NULL};

	return execve(name, arguments, NULL);
}

static int try_fork(void)
{
	return fork() == 0 ? 0 : 1;
}

static int try_clone3(void)
{
	return (int)syscall(SYS_clone3, NULL, 0);
}

static int try_vfork(void)
{
	return (int)syscall(SYS_vfork);
}

static int try_map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) == MAP_FAILED;
}

static int try_make_code(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

static int try_memory_file(void)
{
	return (int)syscall(SYS_memfd_create, "x", 0);
}

static int try_owner(void)
{
	return fcntl(pair[0], F_SETOWN, parent);
}

static int try_duplicate(void)
{
	return dup(pair[0]);
}

static int try_attach_filter(void)
{
	return setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, "", 0);
}

static int try_congestion(void)
{
	return setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}

static int try_setuid(void)
{
	return setuid(0);
}

static int try_chroot(void)
{
	return chroot(".");
}

static int try_unlink(void)
{
	return unlink("/x");
}

static int try_unshare(void)
{
	return (int)syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}

static int try_io_uring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int try_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int try_key(void)
{
	return (int)syscall(SYS_add_key, NULL, NULL, NULL, 0, 0);
}

static const struct {
	const char *name;
	int (*inside)(void);
	int signal; /* that ends the child; 0: the call fails as inside() expects */
} forbidden[] = {
    {"open", try_open, 0},
    {"open /proc/self/mem", try_open_own_proc, 0},
    {"create a file", try_create, 0},
    {"stat", try_stat, 0},
    {"prctl", try_prctl, 0},
    {"ioctl", try_ioctl, 0},
    {"raise a limit", try_raise_limit, 0},
    {"socket", try_socket, SIGSYS},
    {"UNIX socket", try_unix_socket, SIGSYS},
    {"connect", try_connect, SIGSYS},
    {"sendto an address", try_sendto_address, SIGSYS},
    {"connect by sending", try_fast_open, SIGSYS},
    {"bind", try_bind, SIGSYS},
    {"listen", try_listen, SIGSYS},
    {"ptrace", try_ptrace, SIGSYS},
    {"read another's memory", try_read_memory, SIGSYS},
    {"kill", try_kill, SIGSYS},
    {"kill all", try_kill_all, SIGSYS},
    {"tgkill another", try_signal_thread, SIGSYS},
    {"pidfd_open", try_pidfd, SIGSYS},
    {"execve", try_exec, SIGSYS},
    {"fork", try_fork, SIGSYS},
    {"clone3", try_clone3, SIGSYS},
    {"vfork", try_vfork, SIGSYS},
    {"map code", try_map_code, SIGSYS},
    {"make memory code", try_make_code, SIGSYS},
    {"memfd_create", try_memory_file, SIGSYS},
    {"F_SETOWN", try_owner, SIGSYS},
    {"dup", try_duplicate, SIGSYS},
    {"SO_ATTACH_FILTER", try_attach_filter, SIGSYS},
    {"TCP_CONGESTION", try_congestion, SIGSYS},
    {"setuid", try_setuid, SIGSYS},
    {"chroot", try_chroot, SIGSYS},
    {"unlink", try_unlink, SIGSYS},
    {"unshare", try_unshare, SIGSYS},
    {"io_uring_setup", try_io_uring, SIGSYS},
    {"bpf", try_bpf, SIGSYS},
    {"add_key", try_key, SIGSYS},
};

static void test_forbidden(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int status = run_inside(forbidden[i].inside);
		bool right = forbidden[i].signal != 0
				 ? WIFSIGNALED(status) && WTERMSIG(status) == forbidden[i].signal
				 : WIFEXITED(status) && WEXITSTATUS(status) == 0;

		if (!right)
			fail_msg("%s: status 0x%x", forbidden[i].name, (unsigned)status);
	}
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
