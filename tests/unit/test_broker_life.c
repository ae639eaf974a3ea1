/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * A whole broker from start to end: what it keeps of root's rights, what stops it from starting,
 * what it does on signals, and what remains when it is killed. Needs root.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "broker_world.h"
#include "standin_session.h"

static void assert_mode(const char *name, mode_t type, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat status;

	assert_int_equal(lstat(world_path(name), &status), 0);
	assert_int_equal(status.st_mode & S_IFMT, type);
	assert_int_equal(status.st_mode & 07777, mode);
	assert_int_equal(status.st_uid, uid);
	assert_int_equal(status.st_gid, gid);
}

static bool exists(const char *name)
{
	return access(world_path(name), F_OK) == 0;
}

/* 0x400c0: CAP_SETGID, CAP_SETUID, CAP_SYS_CHROOT. */
static void test_what_the_broker_is(void **state)
{
	(void)state;
	world_start("");
	assert_string_equal(world_status_line(world.broker, "Uid"), "64200\t64200\t64200\t64200");
	assert_string_equal(world_status_line(world.broker, "Gid"), "64200\t64200\t64200\t64200");
	assert_string_equal(world_status_line(world.broker, "Groups"), "");
	assert_string_equal(world_status_line(world.broker, "CapPrm"), "00000000000400c0");
	assert_string_equal(world_status_line(world.broker, "CapEff"), "00000000000400c0");
	assert_string_equal(world_status_line(world.broker, "CapInh"), "0000000000000000");
	assert_string_equal(world_status_line(world.broker, "CapAmb"), "0000000000000000");
	assert_string_equal(world_status_line(world.broker, "CapBnd"), "00000000000400c0");
	assert_string_equal(world_status_line(world.broker, "NoNewPrivs"), "1");
	assert_string_equal(world_status_line(world.broker, "Threads"), "1");
	assert_mode("run", S_IFDIR, 0755, WORLD_USER, WORLD_USER);
	assert_mode("run/broker.sock", S_IFSOCK, 0660, 0, 33);
	assert_mode("run/control.sock", S_IFSOCK, 0600, 0, WORLD_USER);
	assert_mode("run/empty", S_IFDIR, 0555, 0, 0);
	world_stop();
	assert_false(exists("run/broker.sock"));
	assert_false(exists("run/control.sock"));
	assert_false(exists("run/empty"));
}

static void test_second_broker(void **state)
{
	struct peer peer;

	(void)state;
	world_start("");
	peer_open(&peer, ROLE_FCGI);
	assert_start_fails("another broker runs with this directory");
	/* The first one's sockets are as they were. */
	peer_login(&peer, "alice");
	peer_close(&peer);
	peer_open(&peer, ROLE_FCGI);
	peer_login(&peer, "alice");
	peer_close(&peer);
}

static void test_what_stops_a_start(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	(void)state;
	world_configure("[relay]\nport = 1\n");
	assert_start_fails("[relay] port: there is no such key");
	world_configure("[limits]\nlogins = 10000\nconnections = 4096\n");
	assert_start_fails("descriptors are needed");
	world_configure("");
	assert_int_equal(mkdir(world_path("run"), 0755), 0);
	world_write("run/control.sock", "");
	assert_start_fails("run/control.sock: is in the way and not a socket");
	assert_int_equal(unlink(world_path("run/control.sock")), 0);
	/* Somebody else's socket. */
	assert_int_equal(unlink(world_path("run/broker.sock")), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world_path("run/broker.sock"));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_start_fails("run/broker.sock: somebody else listens there");
	close(fd);
	assert_int_equal(unlink(world_path("run/broker.sock")), 0);
	/* What the broker's user may have put there is not followed. */
	assert_int_equal(symlink("/etc/passwd", world_path("run/broker.sock")), 0);
	assert_start_fails("run/broker.sock: is in the way and not a socket");
	assert_int_equal(unlink(world_path("run/broker.sock")), 0);
	assert_int_equal(rmdir(world_path("run/empty")), 0);
	assert_int_equal(symlink("/", world_path("run/empty")), 0);
	assert_start_fails("empty: cannot open it");
	assert_int_equal(unlink(world_path("run/empty")), 0);
	assert_int_equal(mkdir(world_path("run/empty"), 0755), 0);
	assert_int_equal(chown(world_path("run/empty"), WORLD_USER, WORLD_USER), 0);
	assert_start_fails("empty: does not belong to root");
	assert_int_equal(rmdir(world_path("run/empty")), 0);
	assert_int_equal(chown(world_path("run"), 64210, 64210), 0);
	assert_start_fails("belongs to uid 64210");
	assert_int_equal(chown(world_path("run"), WORLD_USER, WORLD_USER), 0);
	/* All that out of the way, it starts. */
	world.broker = world_fork_broker();
	world_await_notice("READY=1");
}

static void test_broker_killed(void **state)
{
	struct peer fcgi, ctl;
	int session;
	pid_t pid;

	(void)state;
	world_start("");
	peer_open(&fcgi, ROLE_FCGI);
	peer_open(&ctl, ROLE_CTL);
	peer_login(&fcgi, "alice");
	pid = (pid_t)peer_list(&ctl)->logins[0].pid;
	session = pidfd_open(pid, 0);
	assert_true(session >= 0);
	assert_int_equal(kill(world.broker, SIGKILL), 0);
	assert_true(WIFSIGNALED(world_await_exit(world.broker)));
	/* The session process notices by its link and ends by itself. */
	assert_true(world_wait_readable(session, WORLD_LIMIT_MS));
	close(session);
	peer_close(&fcgi);
	peer_close(&ctl);
	/* A new broker takes over what the dead one left. */
	assert_true(exists("run/broker.sock"));
	world.broker = world_fork_broker();
	world_await_notice("READY=1");
	assert_logged("run/broker.sock: a stale socket was replaced");
	assert_logged("run/control.sock: a stale socket was replaced");
	peer_open(&fcgi, ROLE_FCGI);
	peer_login(&fcgi, "alice");
	peer_close(&fcgi);
}

static void test_stopping(void **state)
{
	struct peer fcgi, ctl;
	int sessions[3], status;

	(void)state;
	world_start("");
	peer_open(&fcgi, ROLE_FCGI);
	peer_open(&ctl, ROLE_CTL);
	peer_login(&fcgi, "alice");
	peer_login(&fcgi, "bob");
	peer_login(&fcgi, "stubborn");
	assert_int_equal(peer_list(&ctl)->logins_count, 3);
	for (unsigned i = 0; i < 3; i++)
		sessions[i] = pidfd_open((pid_t)ctl.answer.logins.logins[i].pid, 0);
	assert_int_equal(kill(world.broker, SIGTERM), 0);
	world_await_notice("STOPPING=1");
	/* Not for new ones any more, while the stubborn one holds up the end. */
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "here", "carol")), ERROR_DRAINING);
	status = world_await_exit(world.broker);
	world.broker = 0;
	assert_int_equal(status, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(world_wait_readable(sessions[i], 0));
		close(sessions[i]);
	}
	assert_logged("login ended: draining");
	assert_false(exists("run/broker.sock"));
	AWAIT(fcgi.closed && ctl.closed);
}

static void reload(const char *expected)
{
	assert_int_equal(kill(world.broker, SIGHUP), 0);
	for (unsigned tries = 0; strstr(world_log(), expected) == NULL; tries++) {
		if (tries == 200)
			fail_msg("never logged: %s\n%s", expected, world_log());
		poll(NULL, 0, 20);
	}
}

static void test_reload(void **state)
{
	struct peer fcgi;

	(void)state;
	world_start("");
	peer_open(&fcgi, ROLE_FCGI);
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "new", "alice")), ERROR_SERVER_NOT_ALLOWED);
	world_configure("[server new]\naddress = 127.0.0.2\n");
	reload("configuration reloaded: 4 servers");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "new", "alice")), ERROR_HOST_KEY_UNKNOWN);
	world_configure("[server new]\n");
	reload("[server new] address: is missing");
	assert_logged("configuration not reloaded: the running one stays");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "new", "alice")), ERROR_HOST_KEY_UNKNOWN);
	world_configure("[broker]\nadmin_users = 5\n");
	reload("[broker] admin_users: the change counts after a restart only");
	assert_logged("configuration reloaded: 3 servers; the rest counts after a restart");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "new", "alice")), ERROR_SERVER_NOT_ALLOWED);
	/* Logins live through it. */
	peer_login(&fcgi, "alice");
	peer_close(&fcgi);
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_what_the_broker_is), CASE(test_second_broker),
	    CASE(test_what_stops_a_start), CASE(test_broker_killed), CASE(test_stopping),
	    CASE(test_reload)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
