/* links: proto */
/* SPDX-License-Identifier: ISC */
/*
 * Plays the broker for one x2goweb-session: dials, starts the process as an own user, gives the
 * orders named on the command line one after the other, and prints every message with the time
 * since the order. For trying out and measuring by hand; needs root.
 *
 *	session_driver BINARY PORT USER PASSWORD KNOWN_HOSTS ORDER...
 *
 * Orders: list, start PROGRAM, resume ID, suspend ID, terminate ID, stop, drop (closes the link),
 * wait MS. ID "last" is the session started or resumed last. KNOWN_HOSTS: file of known_hosts
 * lines, of which only types and keys are read.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/conn.h"
#include "proto/log.h"

#define SESSION_UID 64321

static struct event_base *base;
static struct event *wait_event;
static struct conn *session;
static char **orders;
static uint32_t request_id;
static char last_id[256];
static struct timespec order_time;
static bool opened;

static double elapsed_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - order_time.tv_sec) * 1e3 +
	       (double)(now.tv_nsec - order_time.tv_nsec) / 1e6;
}

static const char *take_argument(void)
{
	const char *argument = *orders != NULL ? *orders++ : "";

	return strcmp(argument, "last") == 0 ? last_id : argument;
}

static void give_order(void)
{
	const struct timeval one = {0, 0};
	struct message message;
	const char *order;

	if (*orders == NULL) {
		event_base_loopbreak(base);
		return;
	}
	order = *orders++;
	printf("--- %s\n", order);
	clock_gettime(CLOCK_MONOTONIC, &order_time);
	request_id++;
	if (strcmp(order, "list") == 0) {
		message_init(&message, MESSAGE_DO_SESSIONS, request_id);
	} else if (strcmp(order, "start") == 0) {
		message_init(&message, MESSAGE_DO_START, request_id);
		strcpy(message.do_start.command, take_argument());
		message.do_start.width = 1024;
		message.do_start.height = 768;
	} else if (strcmp(order, "resume") == 0) {
		message_init(&message, MESSAGE_DO_RESUME, request_id);
		strcpy(message.do_resume.session, take_argument());
		message.do_resume.width = 1024;
		message.do_resume.height = 768;
	} else if (strcmp(order, "suspend") == 0) {
		message_init(&message, MESSAGE_DO_SUSPEND, request_id);
		strcpy(message.do_suspend.session, take_argument());
	} else if (strcmp(order, "terminate") == 0) {
		message_init(&message, MESSAGE_DO_TERMINATE, request_id);
		strcpy(message.do_terminate.session, take_argument());
	} else if (strcmp(order, "stop") == 0) {
		message_init(&message, MESSAGE_STOP, 0);
		message.stop.code = ERROR_LOGOUT;
	} else if (strcmp(order, "drop") == 0) {
		conn_destroy(session);
		session = NULL;
		event_base_loopexit(base, &one);
		return;
	} else {
		unsigned ms = (unsigned)atoi(take_argument());
		const struct timeval delay = {ms / 1000, ms % 1000 * 1000};

		event_add(wait_event, &delay);
		return;
	}
	if (!conn_send(session, &message))
		event_base_loopbreak(base);
}

static void on_wait(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	give_order();
}

static void on_message(struct conn *conn, struct message *message, void *arg)
{
	static char text[65536];

	(void)conn;
	(void)arg;
	printf("%8.1f ms  %s\n", elapsed_ms(), message_print(message, text, sizeof(text)));
	fflush(stdout);
	if (message->type == MESSAGE_STREAM)
		strcpy(last_id, message->stream.session[0].id);
	if (message->type == MESSAGE_OPENED)
		opened = true;
	if (message->type == MESSAGE_OPENED ||
	    (message->request_id != 0 && message->request_id == request_id))
		give_order();
}

static void on_closed(struct conn *conn, const char *reason, void *arg)
{
	(void)arg;
	printf("%8.1f ms  link: %s\n", elapsed_ms(), reason);
	conn_destroy(conn);
	session = NULL;
	event_base_loopbreak(base);
}

static int dial(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		log_fatal("connect");
	return fd;
}

static int listen_anywhere(uint16_t *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 8) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		log_fatal("listener");
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static pid_t spawn(const char *binary, int link)
{
	const cap_value_t cap = CAP_SYS_CHROOT;
	char folder[] = "/tmp/session_driver.XXXXXX";
	int root = mkdtemp(folder) != NULL ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
	pid_t pid;
	cap_t caps;

	chmod(folder, 0755);
	rmdir(folder);
	pid = fork();
	if (pid != 0) {
		close(root);
		return pid;
	}
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (setgroups(0, NULL) != 0 || setresgid(SESSION_UID, SESSION_UID, SESSION_UID) != 0 ||
	    setresuid(SESSION_UID, SESSION_UID, SESSION_UID) != 0)
		log_fatal("user");
	caps = cap_init();
	cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET);
	cap_set_flag(caps, CAP_INHERITABLE, 1, &cap, CAP_SET);
	cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET);
	if (cap_set_proc(caps) != 0 || cap_set_ambient(cap, CAP_SET) != 0)
		log_fatal("capability");
	if (dup2(link, 3) < 0 || dup2(root, 4) < 0)
		log_fatal("descriptors");
	execl(binary, "x2goweb-session", (char *)NULL);
	log_fatal("%s", binary);
}

static void read_known_hosts(const char *path, struct message_open *open)
{
	FILE *file = fopen(path, "r");
	char type[65], base64[2000];

	if (file == NULL)
		log_fatal("%s", path);
	while (open->hostkeys_count < 16 && fscanf(file, "%*s %64s %1999s", type, base64) == 2) {
		struct record_hostkey *key = &open->hostkeys[open->hostkeys_count++];
		int length =
		    EVP_DecodeBlock(key->blob, (unsigned char *)base64, (int)strlen(base64));

		while (length > 0 && base64[strlen(base64) - 1] == '=') {
			base64[strlen(base64) - 1] = 0;
			length--;
		}
		strcpy(key->type, type);
		key->blob_length = (uint16_t)length;
	}
	fclose(file);
}

static void send_open(char **arguments)
{
	static const char *const desktops[] = {
	    "ICEWM", "XFCE", "MATE", "KDE", "GNOME", "TERMINAL", "xterm", "missing"};
	struct message message;
	struct message_open *open = &message.open;

	message_init(&message, MESSAGE_OPEN, 0);
	strcpy(open->login, "0123456789abcdef");
	strcpy(open->server, "driver");
	strcpy(open->user, arguments[3]);
	strcpy(open->password, arguments[4]);
	open->cookie_hash_length = 32;
	strcpy(open->origin, "https://localhost");
	open->auth_deadline_ms = 10000;
	open->start_deadline_ms = 60000;
	open->attach_deadline_ms = 30000;
	open->buffer_bytes = 4194304;
	for (size_t i = 0; i < sizeof(desktops) / sizeof(desktops[0]); i++)
		strcpy(open->desktops[open->desktops_count++].id, desktops[i]);
	read_known_hosts(arguments[5], open);
	message.fds[0] = dial(atoi(arguments[2]));
	message.fds[1] = listen_anywhere(&open->port);
	if (!conn_send(session, &message))
		log_fatalx("OPEN cannot be sent");
}

int main(int count, char **arguments)
{
	static const struct conn_handlers handlers = {.message = on_message, .closed = on_closed};
	int link[2], status;
	pid_t pid;

	if (count < 6)
		log_fatalx("usage: session_driver BINARY PORT USER PASSWORD KNOWN_HOSTS ORDER...");
	signal(SIGPIPE, SIG_IGN);
	orders = arguments + 6;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) != 0)
		log_fatal("socketpair");
	pid = spawn(arguments[1], link[1]);
	close(link[1]);
	base = event_base_new();
	wait_event = event_new(base, -1, 0, on_wait, NULL);
	clock_gettime(CLOCK_MONOTONIC, &order_time);
	session = conn_create(base, link[0], ROLE_BROKER, ROLE_SESSION, &handlers, NULL);
	send_open(arguments);
	event_base_dispatch(base);
	conn_destroy(session);
	event_free(wait_event);
	event_base_free(base);
	if (waitpid(pid, &status, 0) != pid)
		log_fatal("waitpid");
	printf("%8.1f ms  session ended, status %x\n", elapsed_ms(), (unsigned)status);
	return opened && status == 0 ? 0 : 1;
}
