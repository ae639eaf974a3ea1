/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * A whole broker with [relay] listen = unix: each login's relay has a socket with a name of its own
 * that the web server's group reaches and nobody else, as long as the login is there. Needs root.
 */
#include <dirent.h>

#include "broker_visit.h"

#define WEB_GROUP  33
#define STRANGER   65534
#define NAME_CHARS "0123456789abcdef"

static const char *socket_path(const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "run/streams/%s.sock", name);
	return world_path(file);
}

/* What somebody's connect() there meets: 0, or its errno. */
static int try_connect(const char *path, uid_t uid, gid_t gid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int status;
	pid_t pid;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
		    setresuid(uid, uid, uid) != 0)
			_exit(255);
		_exit(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0
											   : errno);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static unsigned count_sockets(void)
{
	DIR *directory = opendir(world_path("run/streams"));
	const struct dirent *entry;
	unsigned count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static void test_socket_of_a_login(void **state)
{
	const struct message *answer;
	struct ticket ticket, other;
	char name[STREAM_SOCKET_CHARS + 1];
	struct stat status;

	(void)state;
	begin("");
	assert_int_equal(stat(world_path("run/streams"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0710);
	assert_int_equal(status.st_uid, WORLD_USER);
	assert_int_equal(status.st_gid, WEB_GROUP);

	ticket = peer_login(&fcgi, "alice");
	assert_int_equal(peer_list(&ctl)->logins[0].port, 0);
	answer = peer_start(&fcgi, &ticket, "ICEWM");
	assert_int_equal(answer->type, MESSAGE_STREAM);
	assert_int_equal(answer->stream.port, 0);
	strcpy(name, answer->stream.socket);
	assert_int_equal(strlen(name), STREAM_SOCKET_CHARS);
	assert_int_equal(strspn(name, NAME_CHARS), STREAM_SOCKET_CHARS);
	assert_int_equal(stat(socket_path(name), &status), 0);
	assert_true(S_ISSOCK(status.st_mode));

	/* The stand-in has closed it, which is what the web server meets; a stranger does not get
	 * so far. */
	assert_int_equal(try_connect(socket_path(name), WEB_GROUP, WEB_GROUP), ECONNREFUSED);
	assert_int_equal(try_connect(socket_path(name), STRANGER, STRANGER), EACCES);
	assert_int_equal(try_connect(socket_path(name), WORLD_UID, WORLD_UID), EACCES);

	other = peer_login(&fcgi, "bob");
	answer = peer_start(&fcgi, &other, "ICEWM");
	assert_string_not_equal(answer->stream.socket, name);
	assert_int_equal(count_sockets(), 2);
	assert_int_equal(peer_logout(&fcgi, &ticket)->type, MESSAGE_DONE);
	/* The broker tells nobody when a login's process has ended. */
	for (unsigned i = 0; i < 200 && peer_list(&ctl)->logins_count != 1; i++)
		poll(NULL, 0, 20);
	assert_int_equal(count_sockets(), 1);
	assert_int_not_equal(stat(socket_path(name), &status), 0);
	assert_int_equal(peer_logout(&fcgi, &other)->type, MESSAGE_DONE);
	end();
	assert_int_not_equal(stat(world_path("run/streams"), &status), 0);
}

static void test_failed_login_leaves_none(void **state)
{
	(void)state;
	begin("");
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", "wrong")), ERROR_AUTH_FAILED);
	assert_nothing_left(&ctl);
	assert_int_equal(count_sockets(), 0);
	end();
}

/* More than there are ports: only uids limit them. */
static void test_ports_do_not_count(void **state)
{
	(void)state;
	world_start("[limits]\nlogins = 20\n");
	peer_open(&ctl, ROLE_CTL);
	assert_int_equal(peer_status(&ctl)->logins_max, 20);
	peer_close(&ctl);
	world_stop();
}

/* Of a broker that was killed. */
static void test_stale(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ticket ticket;
	int fd;

	(void)state;
	begin("");
	ticket = peer_login(&fcgi, "alice");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, socket_path("00112233445566778899aabbccddeeff"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(count_sockets(), 2);
	peer_close(&fcgi);
	peer_close(&ctl);
	kill(world.broker, SIGKILL);
	world_await_exit(world.broker);
	begin("");
	assert_int_equal(count_sockets(), 0);
	(void)ticket;
	end();
}

/* What stands in the directory's place is not taken. */
static void test_not_ours(void **state)
{
	(void)state;
	world_configure("");
	assert_int_equal(mkdir(world_path("run"), 0755), 0);
	assert_int_equal(symlink(world.directory, world_path("run/streams")), 0);
	assert_start_fails("streams: cannot open it");
	assert_int_equal(unlink(world_path("run/streams")), 0);
	assert_int_equal(mkdir(world_path("run/streams"), 0755), 0);
	assert_int_equal(chown(world_path("run/streams"), STRANGER, STRANGER), 0);
	assert_start_fails("belongs to uid 65534");
	assert_int_equal(rmdir(world_path("run/streams")), 0);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_socket_of_a_login),
	    CASE(test_failed_login_leaves_none), CASE(test_ports_do_not_count), CASE(test_stale),
	    CASE(test_not_ours)};

	world_listen = "unix";
	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
