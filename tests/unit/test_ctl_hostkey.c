/* links: proto ctl */
/* SPDX-License-Identifier: ISC */
/*
 * `brokerctl hostkey` against a real sshd, with OpenSSH's ssh-keygen and ssh as judges of what it
 * says and writes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "brokerd/ctl/ctl_hostkey.h"
#include "private_sshd.h"

#define OTHER "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5YqnooWjdMuuE82Pi3hIxDVjQ9gulm7bKW/N+0e6Py"

static char folder[] = "/tmp/x2goweb-test-hostkey-XXXXXX";
static struct private_sshd sshd;
static char name[40], text[16384];
static bool as_nobody;		      /* run without rights */
static char ed25519[100], ecdsa[100]; /* fingerprints, as ssh-keygen says */

/* --- running ------------------------------------------------------------------------------ */

static void slurp(const char *file_name)
{
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, file_name);
	file = fopen(path, "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
}

static void put(const char *file_name, const char *content)
{
	sshd_write_file(folder, file_name, content);
}

/* Runs a shell command in the folder; its status. What it prints is in text. */
static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
	char command[600], whole[800];
	va_list arguments;
	int status;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	snprintf(whole, sizeof(whole), "cd %s && { %s; } >said 2>&1 </dev/null", folder, command);
	status = system(whole);
	slurp("said");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs brokerctl hostkey with these words; its status. What it prints, first on stdout, is in text.
 * input: a file in the folder for stdin. There is no terminal. */
static int run(const char *input, const char *words)
{
	char line[400], config[100], *argv[16] = {(char[]){"hostkey"}, (char[]){"-c"}, config};
	int argc = 3, status;
	pid_t pid;

	snprintf(config, sizeof(config), "%s/config", folder);
	snprintf(line, sizeof(line), "%s", words);
	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	pid = fork();
	if (pid == 0) {
		setsid();
		if (chdir(folder) != 0 || freopen(input, "r", stdin) == NULL ||
		    freopen("out", "w", stdout) == NULL || freopen("err", "w", stderr) == NULL)
			_exit(99);
		if (as_nobody && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		exit((int)ctl_hostkey_main(argc, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(shell("cat out err"), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int ctl(const char *words)
{
	return run("/dev/null", words);
}

#define assert_says(part)                                                                          \
	do {                                                                                       \
		if (strstr(text, part) == NULL)                                                    \
			fail_msg("no \"%s\" in:\n%s", part, text);                                 \
	} while (0)
#define assert_silent_on(part)                                                                     \
	do {                                                                                       \
		if (strstr(text, part) != NULL)                                                    \
			fail_msg("\"%s\" in:\n%s", part, text);                                    \
	} while (0)

static unsigned count(const char *part)
{
	unsigned found = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		found++;
	return found;
}

/* "here ... TYPE FINGERPRINT  WHAT" */
static void assert_row(const char *type, const char *fingerprint, const char *standing)
{
	char row[300];

	snprintf(row, sizeof(row), "%-19s  %s  %s", type, fingerprint, standing);
	assert_says(row);
}

/* --- scan --------------------------------------------------------------------------------- */

static void test_scan(void **state)
{
	(void)state;
	assert_int_equal(ctl("scan here"), CTL_STATUS_OK);
	assert_row("ssh-ed25519", ed25519, "no\n");
	assert_row("ecdsa-sha2-nistp256", ecdsa, "no\n");
	assert_says("(here, 127.0.0.1), SSH-2.0-OpenSSH_");
	assert_silent_on("nistp384");
	/* Its output is a known_hosts file: for ssh-keygen, and the very lines of ssh-keyscan. */
	assert_int_equal(shell("cp out scanned; ssh-keygen -F %s -f scanned", name), 0);
	assert_int_equal(count("\n["), 2);
	assert_int_equal(shell("grep -v '^#' scanned | sort >ours;"
			       "ssh-keyscan -t ed25519,ecdsa -p %u 127.0.0.1 2>/dev/null |"
			       "grep -v '^#' | sort | diff - ours",
			     sshd.port),
	    0);
	/* By address, and nothing was written. */
	assert_int_equal(ctl("scan 127.0.0.1"), CTL_STATUS_UNREACHABLE);
	assert_says("127.0.0.1: cannot connect: Connection refused");
	assert_int_equal(shell("ls known_hosts"), 2);
}

static void test_scan_standing(void **state)
{
	char line[400];

	(void)state;
	snprintf(line, sizeof(line), "# one\n%s %s\n", name, OTHER);
	put("known_hosts", line);
	assert_int_equal(ctl("scan here"), CTL_STATUS_FAILED);
	assert_row("ssh-ed25519", ed25519, "CHANGED\n");
	assert_says("  on file            SHA256:fPv4hZa5WGMsxAjsMR+tJ8cKnfeon29gFIdhr6yV+yk");
	assert_says("/known_hosts:2\n");
	assert_says("brokerctl hostkey remove here ssh-ed25519");
	assert_row("ecdsa-sha2-nistp256", ecdsa, "no\n");
	/* Not the key that must not be trusted. */
	assert_int_equal(count("\n[127"), 1);
	/* A second key of the type is enough, by pattern and in the other file. */
	assert_int_equal(
	    shell("echo \"*7.0.0.1*:* $(cut -d' ' -f1,2 %s/key.pub)\" >accepted", sshd.folder), 0);
	assert_int_equal(ctl("scan here"), CTL_STATUS_OK);
	assert_says("/accepted:1\n");
	assert_int_equal(
	    shell("echo \"@revoked * $(cut -d' ' -f1,2 ecdsa.pub)\" >>known_hosts"), 0);
	assert_int_equal(ctl("scan here"), CTL_STATUS_FAILED);
	assert_row("ecdsa-sha2-nistp256", ecdsa, "REVOKED: ");
	assert_says("has been revoked");
	assert_int_equal(count("\n[127"), 1);
}

static void *answer_garbage(int listener, const char *garbage)
{
	int fd = accept(listener, NULL, NULL);

	if (fd >= 0 && write(fd, garbage, strlen(garbage)) > 0)
		shutdown(fd, SHUT_RDWR);
	close(fd);
	return NULL;
}

static void test_scan_no_ssh(void **state)
{
	static const char *const answers[] = {"", "HTTP/1.1 400 Bad Request\r\n\r\n",
	    "SSH-2.0-\033[2J\r\n", "SSH-2.0-x\r\nxxxxx\024xxxxxxxxxxxxxxxxxxxxxx",
	    "SSH-2.0-x\r\n\001\001\001\001x\024xxxxxxxxxxxxxxxx\377\377\377\377"};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint16_t port;
		int listener = sshd_bind(&port), status;
		char words[60];
		pid_t pid;

		assert_int_equal(listen(listener, 5), 0);
		fcntl(listener, F_SETFL, 0);
		pid = fork();
		if (pid == 0) {
			answer_garbage(listener, answers[i]);
			_exit(0);
		}
		close(listener);
		snprintf(words, sizeof(words), "scan 127.0.0.1:%u", port);
		status = ctl(words);
		assert_true(status == CTL_STATUS_UNREACHABLE || status == CTL_STATUS_FAILED);
		assert_says("brokerctl: [127.0.0.1]:");
		assert_silent_on("\033");
		waitpid(pid, NULL, 0);
	}
}

static void test_scan_behind_jump(void **state)
{
	(void)state;
	assert_int_equal(ctl("scan inner"), CTL_STATUS_FAILED);
	assert_says("  ssh -p 2022 gate.example.org ssh-keyscan -p 2200 x2go.internal | "
		    "brokerctl hostkey add --file -\n");
	assert_int_equal(ctl("add inner --yes"), CTL_STATUS_FAILED);
	assert_says("it must be scanned from there");
}

/* --- add, list, remove -------------------------------------------------------------------- */

/* What ssh itself thinks of the server with our file. */
static bool ssh_trusts(const char *algorithm)
{
	shell("ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o "
	      "GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile=%s/known_hosts -o "
	      "HostKeyAlgorithms=%s -p %u tester@127.0.0.1 true",
	    folder, algorithm, sshd.port);
	if (strstr(text, "Permission denied") == NULL)
		assert_says("Host key verification failed");
	return strstr(text, "Permission denied") != NULL;
}

static void test_add(void **state)
{
	(void)state;
	/* Nobody confirms. */
	assert_int_equal(ctl("add here"), CTL_STATUS_FAILED);
	assert_row("ssh-ed25519", ed25519, "no\n");
	assert_says("there is no terminal to ask on");
	assert_int_equal(ctl("add here --fingerprint SHA256:nothing"), CTL_STATUS_FAILED);
	assert_says("no key there has the fingerprint SHA256:nothing");
	assert_int_equal(shell("ls known_hosts"), 2);
	/* One of them. */
	snprintf(text, sizeof(text), "add --fingerprint %s here", ecdsa);
	assert_int_equal(ctl(text), CTL_STATUS_OK);
	assert_says("Added 1 key to ");
	assert_false(ssh_trusts("ssh-ed25519"));
	assert_true(ssh_trusts("ecdsa-sha2-nistp256"));
	/* All. */
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_OK);
	assert_row("ecdsa-sha2-nistp256", ecdsa, "yes: ");
	assert_says("Added 1 key to ");
	assert_true(ssh_trusts("ssh-ed25519"));
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_OK);
	assert_says("Nothing to add");
	assert_int_equal(shell("ssh-keygen -l -F %s -f known_hosts", name), 0);
	assert_says(ed25519);
	assert_says(ecdsa);
	assert_int_equal(count("SHA256:"), 2);
}

static void test_add_refused(void **state)
{
	char line[400];

	(void)state;
	snprintf(line, sizeof(line), "%s %s\n", name, OTHER);
	put("known_hosts", line);
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_FAILED);
	assert_says("another ssh-ed25519 key is on file");
	slurp("known_hosts");
	assert_string_equal(text, line);
	/* The other one may come. */
	snprintf(text, sizeof(text), "add here --fingerprint %s", ecdsa);
	assert_int_equal(ctl(text), CTL_STATUS_OK);
	/* A revoked one may not. */
	assert_int_equal(
	    shell("echo \"@revoked 127.0.0.1 $(cut -d' ' -f1,2 ecdsa.pub)\" >known_hosts"), 0);
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_FAILED);
	assert_says("has been revoked");
	assert_int_equal(shell("wc -l <known_hosts"), 0);
	assert_string_equal(text, "1\n");
}

/* A terminal: what is typed after the question decides. */
static void test_add_confirmed(void **state)
{
	static const struct {
		const char *typed;
		enum ctl_status status;
	} answers[] = {{"no\n", CTL_STATUS_FAILED}, {"y\n", CTL_STATUS_FAILED},
	    {"\n", CTL_STATUS_FAILED}, {"\004", CTL_STATUS_FAILED}, {"yes\n", CTL_STATUS_OK}};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		int fd = posix_openpt(O_RDWR | O_NOCTTY);

		assert_true(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
		assert_true(write(fd, answers[i].typed, strlen(answers[i].typed)) > 0);
		assert_int_equal(run(ptsname(fd), "add here"), answers[i].status);
		assert_says("Type yes:");
		assert_int_equal(
		    shell("ls known_hosts"), answers[i].status == CTL_STATUS_OK ? 0 : 2);
		close(fd);
	}
}

static void test_add_lines(void **state)
{
	(void)state;
	put("lines", "# from elsewhere\n"
		     "a.example,b.example " OTHER " comment\r\n"
		     "@revoked * " OTHER "\n"
		     "a.example,b.example " OTHER " comment\n");
	assert_int_equal(ctl("add --file lines"), CTL_STATUS_FAILED);
	assert_says("a.example,b.example  ssh-ed25519 ");
	assert_says("there is no terminal");
	assert_int_equal(run("lines", "add --file - --yes"), CTL_STATUS_OK);
	assert_says("Added 2 keys to ");
	slurp("known_hosts");
	assert_string_equal(text, "a.example,b.example " OTHER " comment\n@revoked * " OTHER "\n");
	assert_int_equal(ctl("add --file lines --yes"), CTL_STATUS_FAILED);
	assert_says("REVOKED");
	/* Once more, in pieces: the same lines are there. */
	put("lines", "@revoked * " OTHER " again\n");
	assert_int_equal(ctl("add --file lines --yes"), CTL_STATUS_OK);
	assert_says("Nothing to add");
	/* One name of two has another key. */
	put("known_hosts", "A.example " OTHER "\n");
	assert_int_equal(
	    shell("echo \"b.example,a.example $(cat %s/key.pub)\" >lines", sshd.folder), 0);
	assert_int_equal(ctl("add --file lines --yes"), CTL_STATUS_FAILED);
	assert_says("CHANGED");
	/* ssh-keyscan's output as it comes, and hashed. */
	assert_int_equal(
	    shell("ssh-keyscan -H -p %u -t ed25519 127.0.0.1 >lines 2>/dev/null", sshd.port), 0);
	snprintf(text, sizeof(text), "add --file lines --fingerprint %s", ed25519);
	assert_int_equal(ctl(text), CTL_STATUS_OK);
	assert_true(ssh_trusts("ssh-ed25519"));
	assert_int_equal(ctl("scan here"), CTL_STATUS_OK);
	assert_row("ssh-ed25519", ed25519, "yes: ");
	/* Nothing at all if one line is wrong. */
	put("lines", "c.example " OTHER "\nc.example ssh-ed25519 AAAA\n");
	assert_int_equal(ctl("add --file lines --yes"), CTL_STATUS_FAILED);
	assert_says("lines:2: ");
	put("lines", "c.example " OTHER " \033[2J\n");
	assert_int_equal(ctl("add --file lines --yes"), CTL_STATUS_FAILED);
	put("lines", "\n");
	assert_int_equal(ctl("add --file lines --yes"), CTL_STATUS_FAILED);
	assert_int_equal(ctl("add --file missing --yes"), CTL_STATUS_FAILED);
	assert_int_equal(shell("grep c.example known_hosts"), 1);
}

static void test_list(void **state)
{
	(void)state;
	assert_int_equal(ctl("list"), CTL_STATUS_FAILED);
	assert_says("no key is on file");
	assert_says("  here ([127.0.0.1]:");
	assert_silent_on("easy");
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_OK);
	put("accepted", "@cert-authority *.example " OTHER "\nx\033[2J,y " OTHER "\nbad\n");
	assert_int_equal(ctl("list"), CTL_STATUS_OK);
	assert_says("trusted    ");
	assert_says("authority  ");
	assert_says("x?[2J,y");
	assert_says("/known_hosts:2\n");
	assert_says("/accepted:3: is not a line of hosts, type and key");
	assert_silent_on("  here (");
	assert_says("  inner ([x2go.internal]:2200): ");
	/* Every fingerprint as ssh-keygen has it. */
	assert_int_equal(ctl("list here"), CTL_STATUS_OK);
	assert_says(ed25519);
	assert_says(ecdsa);
	assert_int_equal(count("SHA256:"), 2);
	assert_int_equal(ctl("list x2go.internal:2200"), CTL_STATUS_FAILED);
	assert_int_equal(ctl("list *"), CTL_STATUS_USAGE);
	assert_int_equal(ctl("list y --json"), CTL_STATUS_OK);
	assert_says("[{\"host\":\"x?[2J,y\",\"hashed\":false,\"type\":\"ssh-ed25519\","
		    "\"fingerprint\":\"SHA256:fPv4hZa5WGMsxAjsMR+tJ8cKnfeon29gFIdhr6yV+yk\","
		    "\"mark\":\"trusted\",\"file\":\"");
	assert_says("/accepted\",\"line\":2}]\n");
}

static void test_remove(void **state)
{
	(void)state;
	assert_int_equal(ctl("remove here"), CTL_STATUS_FAILED);
	assert_says("no key of [127.0.0.1]:");
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_OK);
	assert_int_equal(ctl("remove here ssh-ed25519"), CTL_STATUS_OK);
	assert_says("Removed  ssh-ed25519          SHA256:");
	assert_says(ed25519);
	assert_false(ssh_trusts("ssh-ed25519"));
	assert_true(ssh_trusts("ecdsa-sha2-nistp256"));
	/* Hashed by OpenSSH, and in both files. */
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_OK);
	assert_int_equal(
	    shell("ssh-keygen -q -H -f known_hosts >/dev/null 2>&1; cp known_hosts accepted;"
		  "grep -c '^|1|' known_hosts"),
	    0);
	assert_string_equal(text, "2\n");
	assert_int_equal(ctl("list here"), CTL_STATUS_OK);
	assert_int_equal(count("(hashed)"), 4);
	assert_int_equal(ctl("remove here"), CTL_STATUS_OK);
	assert_int_equal(count("Removed"), 4);
	assert_int_equal(shell("ssh-keygen -F %s -f known_hosts", name), 1);
	assert_int_equal(shell("ssh-keygen -F %s -f accepted", name), 1);
	/* What is for more than this host stays. */
	put("known_hosts", "* " OTHER "\n@revoked * " OTHER "\n");
	assert_int_equal(ctl("remove here"), CTL_STATUS_FAILED);
	assert_says("it is for all of \"*\"");
	assert_says("it is revoked for \"*\"");
}

/* --- rights and usage --------------------------------------------------------------------- */

static void test_no_rights(void **state)
{
	(void)state;
	assert_int_equal(ctl("add here --yes"), CTL_STATUS_OK);
	assert_int_equal(shell("chmod 755 ."), 0);
	as_nobody = true;
	assert_int_equal(ctl("list here"), CTL_STATUS_OK);
	assert_int_equal(ctl("remove here"), CTL_STATUS_FAILED);
	assert_says("/known_hosts: Permission denied; it may be changed by root");
	assert_silent_on("Removed");
	assert_int_equal(ctl("add inner:22 --yes"), CTL_STATUS_UNREACHABLE);
	/* Not even readable. */
	assert_int_equal(shell("chmod 600 known_hosts"), 0);
	assert_int_equal(ctl("scan here"), CTL_STATUS_FAILED);
	assert_says("/known_hosts: Permission denied");
	as_nobody = false;
	assert_int_equal(ctl("scan here"), CTL_STATUS_OK);
}

static void test_usage(void **state)
{
	static const char *const wrong[] = {"", "scan", "scan a b", "frob", "list a b", "add",
	    "add here --file x", "remove", "remove a b c", "scan here --yes", "remove here --yes",
	    "scan here --json", "add here --fingerprint MD5:00", "scan here:0", "scan here:65536",
	    "scan a:b:c]", "scan [::1", "scan []:22", "scan a,b", "scan --frob", "scan a/b"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (ctl(wrong[i]) != CTL_STATUS_USAGE)
			fail_msg("\"%s\" is taken:\n%s", wrong[i], text);
	assert_int_equal(ctl("--help"), CTL_STATUS_OK);
	assert_says("usage: brokerctl hostkey");
	assert_int_equal(ctl("-c missing list"), CTL_STATUS_USAGE);
	assert_says("missing: No such file or directory");
}

static void test_targets(void **state)
{
	static const struct {
		const char *words, *name;
	} cases[] = {{"gate", "[gate.example.org]:2022"}, {"host", "host"}, {"Host:22", "host"},
	    {"host:2222", "[host]:2222"}, {"[host]:2222", "[host]:2222"}, {"[host]", "host"},
	    {"2001:db8::7", "2001:db8::7"}, {"[2001:db8::7]", "2001:db8::7"},
	    {"[2001:db8::7]:2222", "[2001:db8::7]:2222"}, {"192.0.2.7:1", "[192.0.2.7]:1"}};
	struct config config = {.jump_count = 1,
	    .jumps = {{.name = "gate", .address = "gate.example.org", .port = 2022}}};
	struct ctl_target target;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(ctl_target_find(&config, cases[i].words, &target));
		assert_string_equal(target.name, cases[i].name);
	}
}

/* --- all ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	char options[200];

	(void)state;
	if (mkdtemp(folder) == NULL || shell("ssh-keygen -q -t ecdsa -N '' -f ecdsa") != 0)
		return -1;
	snprintf(options, sizeof(options), "HostKey %s/ecdsa\n", folder);
	if (!sshd_start(&sshd, options))
		return 0;
	snprintf(name, sizeof(name), "[127.0.0.1]:%u", sshd.port);
	if (shell("ssh-keygen -lf ecdsa.pub | cut -d' ' -f2 | tr -d '\\n'") != 0)
		return -1;
	snprintf(ecdsa, sizeof(ecdsa), "%.99s", text);
	if (shell("ssh-keygen -lf %s/key.pub | cut -d' ' -f2 | tr -d '\\n'", sshd.folder) != 0)
		return -1;
	snprintf(ed25519, sizeof(ed25519), "%.99s", text);
	snprintf(text, sizeof(text),
	    "[server here]\naddress = 127.0.0.1\nport = %u\n"
	    "[server inner]\naddress = x2go.internal\nport = 2200\njump = gate\n"
	    "[server easy]\naddress = easy.example\nhost_keys = ask\n"
	    "[jump gate]\naddress = gate.example.org\nport = 2022\n"
	    "[ssh]\nknown_hosts = %s/known_hosts\naccepted_hosts = %s/accepted\n",
	    sshd.port, folder, folder);
	put("config", text);
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	sshd_stop(&sshd);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* Each test begins without any key on file. */
static int begin(void **state)
{
	(void)state;
	if (sshd.pid == 0)
		skip();
	as_nobody = false;
	shell("rm -f known_hosts accepted lines");
	return 0;
}

#define TEST(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_scan), TEST(test_scan_standing),
	    TEST(test_scan_no_ssh), TEST(test_scan_behind_jump), TEST(test_add),
	    TEST(test_add_refused), TEST(test_add_confirmed), TEST(test_add_lines), TEST(test_list),
	    TEST(test_remove), TEST(test_no_rights), TEST(test_usage),
	    cmocka_unit_test(test_targets)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
