/* SPDX-License-Identifier: ISC */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/log.h"
#include "proto/secret.h"
#include "sanitizer.h"

#define DESCRIPTORS_MAX	  64
#define ADDRESS_BYTES_MAX (512ul * 1024 * 1024)

#ifdef ADDRESS_SANITIZER
static bool entered;
int __lsan_is_turned_off(void);

/* Asked by the leak checker at exit; it would start a thread, which ends the process. */
int __lsan_is_turned_off(void)
{
	return entered;
}
#endif

/* --- warm-up -------------------------------------------------------------------------------- */

static void try_digest(const char *name)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD *type = EVP_MD_fetch(NULL, name, NULL);

	if (type == NULL || EVP_Digest(name, strlen(name), digest, NULL, type, NULL) != 1)
		log_debug("sandbox: no %s", name);
	EVP_MD_free(type);
}

static void try_cipher(const char *name)
{
	static const uint8_t zeros[EVP_MAX_KEY_LENGTH];
	uint8_t block[EVP_MAX_BLOCK_LENGTH];
	int length = 0;
	EVP_CIPHER *type = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (type == NULL || context == NULL ||
	    EVP_EncryptInit_ex(context, type, NULL, zeros, zeros) != 1 ||
	    EVP_EncryptUpdate(context, block, &length, zeros, EVP_MAX_BLOCK_LENGTH) != 1)
		log_debug("sandbox: no %s", name);
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(type);
}

/* A key exchange with itself. */
static void try_exchange(EVP_PKEY *key, const char *name)
{
	uint8_t secret[64];
	size_t length = sizeof(secret);
	EVP_PKEY_CTX *context = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;

	if (context == NULL || EVP_PKEY_derive_init(context) != 1 ||
	    EVP_PKEY_derive_set_peer(context, key) != 1 ||
	    EVP_PKEY_derive(context, secret, &length) != 1)
		log_debug("sandbox: no %s", name);
	explicit_bzero(secret, sizeof(secret));
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
}

void sandbox_warm_up(void)
{
	static const char *const digests[] = {"SHA1", "SHA256", "SHA384", "SHA512", "MD5"};
	static const char *const ciphers[] = {
	    "AES-128-CTR", "AES-192-CTR", "AES-256-CTR", "AES-256-CBC", "AES-256-GCM", "ChaCha20"};
	uint8_t random[16];

	setlocale(LC_ALL, "C");
	tzset();
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
				OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
	    NULL);
	if (RAND_bytes(random, sizeof(random)) != 1)
		log_warnx("sandbox: no random numbers");
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		try_digest(digests[i]);
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		try_cipher(ciphers[i]);
	try_exchange(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "X25519");
	try_exchange(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), "P-256");
}

/* --- giving up, and proving it -------------------------------------------------------------- */

static bool complain(const char *what)
{
	log_error("sandbox: %s", what);
	return false;
}

static bool complainx(const char *what)
{
	log_errorx("sandbox: %s", what);
	return false;
}

static bool check_user(void)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	if (getresuid(&real_uid, &effective_uid, &saved_uid) != 0 ||
	    getresgid(&real_gid, &effective_gid, &saved_gid) != 0)
		return complain("user and group");
	if (real_uid == 0 || effective_uid != real_uid || saved_uid != real_uid)
		return complainx("the user is root, or not one only");
	if (real_gid == 0 || effective_gid != real_gid || saved_gid != real_gid)
		return complainx("the group is root, or not one only");
	if (getgroups(0, NULL) != 0)
		return complainx("there are further groups");
	return true;
}

static bool take_root(int fd)
{
	bool taken = fchdir(fd) == 0 && chroot(".") == 0;
	int error = errno;

	close(fd);
	errno = error;
	return taken || complain("cannot take the empty root");
}

static bool check_root(void)
{
	DIR *root = opendir("/");
	const struct dirent *entry;
	bool empty = true;

	if (root == NULL)
		return complain("cannot read the root");
	while ((entry = readdir(root)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	closedir(root);
	return empty || complainx("the root is not empty");
}

/* The bounding set can be emptied by those who hold CAP_SETPCAP only; with no_new_privs and no
 * program to run it has no effect any more. */
static bool drop_capabilities(void)
{
	cap_t none = cap_init(), left = NULL;
	bool dropped;

	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
		cap_drop_bound(cap);
	dropped = none != NULL && cap_reset_ambient() == 0 && cap_set_proc(none) == 0 &&
		  (left = cap_get_proc()) != NULL && cap_compare(left, none) == 0;
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
		dropped = dropped && cap_get_ambient(cap) == 0;
	cap_free(none);
	cap_free(left);
	if (!dropped)
		return complainx("capabilities are left");
	if (chroot(".") == 0 || errno != EPERM)
		return complainx("a dropped capability still works");
	return true;
}

static bool limit(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit both = {value, value}, now;

	return setrlimit(resource, &both) == 0 && getrlimit(resource, &now) == 0 &&
	       now.rlim_max == value;
}

static bool set_limits(void)
{
	bool set = limit(RLIMIT_NPROC, 0) && limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);

#ifndef ADDRESS_SANITIZER
	/* Without files there is but stderr to write to, and that is no reason to die. */
	signal(SIGXFSZ, SIG_IGN);
	set = set && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_AS, ADDRESS_BYTES_MAX);
#endif
	return (set && secret_forbid_dumps()) || complain("limits");
}

static bool forbid_privileges(void)
{
	return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) ||
	       complain("no_new_privs");
}

/* --- the filter ----------------------------------------------------------------------------- */

/* Calls that are allowed whatever their arguments. */
static const int allowed[] = {
    /* bytes over what is open */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    /* connections: in only */
    SCMP_SYS(accept4),
    SCMP_SYS(close),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),
    SCMP_SYS(shutdown),
    /* libevent and libssh2, waiting */
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(pipe2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    /* memory; mmap and mprotect are below */
    SCMP_SYS(brk),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    /* the C library and libcrypto */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getegid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(nanosleep),
    SCMP_SYS(sched_yield),
    SCMP_SYS(time),
    /* signals to itself, and the end */
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
};

/* Calls by which libraries look around and go on without: they fail, as they would in an empty
 * root. */
static const struct {
	int call, error;
} refused[] = {
    {SCMP_SYS(access), EACCES},
    {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(faccessat2), EACCES},
    {SCMP_SYS(getrlimit), EPERM},
    {SCMP_SYS(ioctl), ENOTTY},
    {SCMP_SYS(lstat), EACCES},
    {SCMP_SYS(newfstatat), EACCES},
    {SCMP_SYS(open), EACCES},
    {SCMP_SYS(openat), EACCES},
    {SCMP_SYS(prctl), EPERM},
    {SCMP_SYS(prlimit64), EPERM},
    {SCMP_SYS(readlink), EACCES},
    {SCMP_SYS(readlinkat), EACCES},
    {SCMP_SYS(stat), EACCES},
    {SCMP_SYS(statx), EACCES},
    {SCMP_SYS(sysinfo), EPERM},
    {SCMP_SYS(uname), EPERM},
};

/* An argument of 32 bits that must be value; one that must have none of the bits. */
#define IS(argument, value)                                                                        \
	{                                                                                          \
		(argument), SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)(value)                  \
	}
#define LACKS(argument, bits)                                                                      \
	{                                                                                          \
		(argument), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(bits), 0                            \
	}

/* Calls that are allowed with certain arguments only. */
static const struct {
	int call;
	unsigned count;
	struct scmp_arg_cmp arguments[2];
} allowed_with[] = {
    {SCMP_SYS(fcntl), 1, {IS(1, F_GETFD)}},
    {SCMP_SYS(fcntl), 1, {IS(1, F_GETFL)}},
    {SCMP_SYS(fcntl), 1, {IS(1, F_SETFD)}},
    {SCMP_SYS(fcntl), 1, {IS(1, F_SETFL)}},
    {SCMP_SYS(getsockopt), 1, {IS(1, IPPROTO_TCP)}},
    {SCMP_SYS(getsockopt), 1, {IS(1, SOL_SOCKET)}},
    {SCMP_SYS(setsockopt), 2, {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)}},
    {SCMP_SYS(setsockopt), 2, {IS(1, IPPROTO_TCP), IS(2, TCP_NOTSENT_LOWAT)}},
    {SCMP_SYS(setsockopt), 2, {IS(1, IPPROTO_TCP), IS(2, TCP_QUICKACK)}},
    {SCMP_SYS(setsockopt), 2, {IS(1, IPPROTO_TCP), IS(2, TCP_USER_TIMEOUT)}},
    {SCMP_SYS(setsockopt), 2, {IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)}},
    {SCMP_SYS(setsockopt), 2, {IS(1, SOL_SOCKET), IS(2, SO_RCVBUF)}},
    {SCMP_SYS(setsockopt), 2, {IS(1, SOL_SOCKET), IS(2, SO_SNDBUF)}},
    /* No code is made at run time. */
    {SCMP_SYS(mmap), 1, {LACKS(2, PROT_EXEC)}},
    {SCMP_SYS(mprotect), 1, {LACKS(2, PROT_EXEC)}},
    /* No connecting by sending, and no address to send to. */
    {SCMP_SYS(sendmsg), 1, {LACKS(2, MSG_FASTOPEN)}},
    {SCMP_SYS(sendto), 2, {LACKS(3, MSG_FASTOPEN), {4, SCMP_CMP_EQ, 0, 0}}},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static int add_rules(scmp_filter_ctx filter)
{
	/* abort() */
	const struct scmp_arg_cmp self = IS(0, getpid());
	int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &self);

	for (size_t i = 0; i < COUNT(allowed) && result == 0; i++)
		result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	for (size_t i = 0; i < COUNT(allowed_with) && result == 0; i++)
		result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed_with[i].call,
		    allowed_with[i].count, allowed_with[i].arguments);
	for (size_t i = 0; i < COUNT(refused) && result == 0; i++)
		result = seccomp_rule_add_array(
		    filter, SCMP_ACT_ERRNO((uint32_t)refused[i].error), refused[i].call, 0, NULL);
	return result;
}

static bool filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int result = -ENOMEM;

	if (filter == NULL)
		goto out;
	result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = add_rules(filter);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);

out:
	errno = -result;
	return result == 0 || complain("system call filter");
}

bool sandbox_enter(int empty_root_fd)
{
	bool good = take_root(empty_root_fd) && check_user() && check_root() &&
		    drop_capabilities() && forbid_privileges() && set_limits() && filter_calls();

#ifdef ADDRESS_SANITIZER
	entered = good;
#endif
	return good;
}
