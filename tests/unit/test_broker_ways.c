/* links: proto brokerd */
/* SPDX-License-Identifier: ISC */
/*
 * What a whole broker tells session processes of their way: jump hosts, typed servers, host keys
 * on file and new ones, and signatures by the gateway's keys. Needs root and ssh-keygen.
 */
#include <openssl/evp.h>

#include "broker_visit.h"

static void logout_of_answer(void)
{
	struct ticket ticket;

	assert_int_equal(fcgi.answer.type, MESSAGE_LOGGED_IN);
	strcpy(ticket.login, fcgi.answer.logged_in.login);
	if (fcgi.answer.logged_in.cookie[0] == 0)
		return;
	strcpy(ticket.cookie, fcgi.answer.logged_in.cookie);
	assert_int_equal(peer_logout(&fcgi, &ticket)->type, MESSAGE_DONE);
}

__attribute__((format(printf, 1, 2))) static void assert_way(const char *format, ...)
{
	char expected[2000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	if (fcgi.answer.type != MESSAGE_LOGGED_IN)
		fail_msg("%s\n%s", message_type_name(fcgi.answer.type), world_log());
	if (strstr(fcgi.answer.logged_in.notice, expected) == NULL)
		fail_msg("not there: %s\nbut:\n%s", expected, fcgi.answer.logged_in.notice);
	logout_of_answer();
}

static const struct message *log_in_through(
    const char *server, const char *proxy_user, const char *proxy_password)
{
	struct message message;

	message_init(&message, MESSAGE_LOGIN, 0);
	strcpy(message.login.server, server);
	strcpy(message.login.user, "way");
	strcpy(message.login.password, "wonderland");
	strcpy(message.login.proxy_user, proxy_user);
	strcpy(message.login.proxy_password, proxy_password);
	strcpy(message.login.client, "192.0.2.1");
	strcpy(message.login.origin, "https://localhost");
	return peer_ask(&fcgi, &message);
}

static void test_ways(void **state)
{
	unsigned port = world.ssh_port;
	char known_hosts[600];

	(void)state;
	snprintf(known_hosts, sizeof(known_hosts),
	    "[127.0.0.1]:%u " WORLD_KEY "\n@revoked [inner.example]:2222 " WORLD_KEY "\n", port);
	world_write("known_hosts", known_hosts);
	begin_with("[deadlines]\nprompt = 7\ngrace = 9\n[sessions]\nwhen_left = leave\n"
		   "[jump gate]\naddress = 127.0.0.1\nport = %u\nmethods = password\n"
		   "[jump fixed]\naddress = 127.0.0.1\nport = %u\nuser = porter\n"
		   "[server own]\naddress = inner.example\nport = 2222\njump = gate\n"
		   "[server shared]\naddress = inner.example\njump = fixed\nhost_keys = ask\n",
	    port, port);
	/* Who opens the connection is the jump host, or nobody would answer. */
	log_in_through("own", "", "");
	assert_way("[127.0.0.1]:%u at 127.0.0.1 port %u: way/ by password, 0, none\n"
		   "[inner.example]:2222 at inner.example port 2222: way/wonderland by "
		   "keyboard-interactive,password, 0, none\n"
		   "hop 0, mark 0: ssh-ed25519\n"
		   "hop 1, mark 1: ssh-ed25519\n"
		   "prompt 7000, grace 9000, left 1",
	    port, port);
	log_in_through("own", "rabbit", "hole");
	assert_way("port %u: rabbit/hole by password", port);
	log_in_through("shared", "rabbit", "");
	assert_way("port %u: porter/ by keyboard-interactive,password, 0, none\ninner.example at "
		   "inner.example port 22: way/wonderland by keyboard-interactive,password, 1",
	    port);
	assert_logged("login opened by publickey+keyboard-interactive, through [127.0.0.1]:");
	assert_null(strstr(world_log(), "hole"));
	end();
}

static void test_typed_server(void **state)
{
	struct message message;

	(void)state;
	begin_with("[other_servers]\nallow = yes\nnetworks = 127.0.0.1/32\nports = %u, %u\n",
	    (unsigned)world.ssh_port, (unsigned)world.dead_port);
	message_init(&message, MESSAGE_LOGIN, 0);
	snprintf(message.login.host, sizeof(message.login.host), "127.0.0.1:%u", world.ssh_port);
	strcpy(message.login.user, "way");
	strcpy(message.login.client, "192.0.2.1");
	strcpy(message.login.origin, "https://localhost");
	peer_ask(&fcgi, &message);
	assert_way("[127.0.0.1]:%u at 127.0.0.1", (unsigned)world.ssh_port);
	strcpy(message.login.host, "127.0.0.1:22");
	assert_fails(peer_ask(&fcgi, &message), ERROR_SERVER_NOT_ALLOWED);
	strcpy(message.login.host, "");
	assert_fails(peer_ask(&fcgi, &message), ERROR_SERVER_NOT_ALLOWED);
	end();
}

/* Servers whose key is not on file, with a policy each. */
static void begin_new_keys(const char *accepted_hosts)
{
	unsigned port = world.ssh_port;

	begin_with("[ssh]\naccepted_hosts = %s\n"
		   "[server asking]\naddress = localhost\nport = %u\nhost_keys = ask\n"
		   "[server trusting]\naddress = localhost\nport = %u\nhost_keys = accept-new\n"
		   "[server strict]\naddress = localhost\nport = %u\n",
	    accepted_hosts, port, port, port);
}

static void test_asking_for_a_new_key(void **state)
{
	struct ticket ticket;

	(void)state;
	begin_new_keys("/nonexistent/known_hosts");
	ticket = peer_login_to_prompt(&fcgi, "asking", "new key");
	assert_int_equal(fcgi.answer.prompted.prompt[0].kind, PROMPT_HOST_KEY);
	assert_string_equal(fcgi.answer.prompted.prompt[0].key_type, "ssh-ed25519");
	assert_memory_equal(fcgi.answer.prompted.prompt[0].fingerprint, "SHA256:", 7);
	/* The blob is of no use to a browser. */
	assert_int_equal(fcgi.answer.prompted.prompt[0].key_length, 0);
	assert_fails(peer_answer(&fcgi, &ticket, "no", NULL), ERROR_HOST_KEY_REFUSED);
	ticket = peer_login_to_prompt(&fcgi, "asking", "new key");
	assert_int_equal(peer_answer(&fcgi, &ticket, "yes", NULL)->type, MESSAGE_LOGGED_IN);
	peer_logout(&fcgi, &ticket);
	ticket = peer_login_to_prompt(&fcgi, "asking", "new key again");
	assert_fails(peer_answer(&fcgi, &ticket, "yes", NULL), ERROR_INTERNAL);
	assert_logged("is killed: it asks about a host key again");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "asking", "other type")), ERROR_INTERNAL);
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "asking", "other fingerprint")),
	    ERROR_INTERNAL);
	assert_logged("is killed: it shows the fingerprint of another host key");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "asking", "empty key")), ERROR_INTERNAL);
	assert_logged("is killed: it asks about what is no host key");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "strict", "new key")), ERROR_HOST_KEY_UNKNOWN);
	end();
}

static void test_trusting_a_new_key(void **state)
{
	char path[128], lines[400], *found;
	FILE *file;

	(void)state;
	assert_int_equal(mkdir(world_path("accepted"), 0755), 0);
	assert_int_equal(chown(world_path("accepted"), WORLD_USER, WORLD_USER), 0);
	snprintf(path, sizeof(path), "%s/accepted/known_hosts", world.directory);
	begin_new_keys(path);
	/* Nobody is asked, and the key is on file afterwards. */
	peer_await(&fcgi, peer_send_login(&fcgi, "trusting", "new key"));
	logout_of_answer();
	assert_logged("is trusted from now on");
	file = fopen(path, "r");
	assert_non_null(file);
	lines[fread(lines, 1, sizeof(lines) - 1, file)] = 0;
	fclose(file);
	found = strstr(lines, "[localhost]:");
	assert_non_null(found);
	peer_await(&fcgi, peer_send_login(&fcgi, "trusting", "way"));
	assert_way("hop 0, mark 0: ssh-ed25519\n");
	/* Another key, of which the process says that it is new. */
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "trusting", "new key, a second one")),
	    ERROR_HOST_KEY_CHANGED);
	/* By trusting once the gateway trusts for all: strict servers of this name, too. */
	peer_await(&fcgi, peer_send_login(&fcgi, "strict", "way"));
	assert_way("hop 0, mark 0: ssh-ed25519\n");
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "trusting", "new key again")),
	    ERROR_HOST_KEY_CHANGED);
	end();
}

/* The admin reads what is on file, and where. */
static void test_changed_key(void **state)
{
	char line[200];

	(void)state;
	begin("");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "here", "other key")), ERROR_HOST_KEY_CHANGED);
	assert_string_equal(fcgi.answer.fail.detail, "shows SHA256:that; on file is SHA256:this");
	snprintf(line, sizeof(line), "%s/known_hosts:1", world.directory);
	assert_logged(line);
	assert_logged("error=host_key_changed");
	end();
}

static void test_no_place_for_a_new_key(void **state)
{
	(void)state;
	begin_new_keys("/nonexistent/known_hosts");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "trusting", "new key")), ERROR_INTERNAL);
	end();
}

/* The gateway's key for the tests; its owner is the broker. */
static void make_key(void)
{
	char command[300];

	snprintf(command, sizeof(command),
	    "cd %s && ssh-keygen -q -t ed25519 -N '' -f own && cp own broken && chmod 644 broken "
	    "&& "
	    "chown %d:%d own",
	    world.directory, WORLD_USER, WORLD_USER);
	assert_int_equal(system(command), 0);
}

static size_t read_public_key(uint8_t *blob)
{
	char base64[200];
	FILE *file = fopen(world_path("own.pub"), "r");

	assert_int_equal(fscanf(file, "%*s %199s", base64), 1);
	fclose(file);
	assert_int_equal(
	    EVP_DecodeBlock(blob, (const unsigned char *)base64, (int)strlen(base64)), 51);
	return 51;
}

/* RFC 4252 section 7, with the identifier of the stand-in. */
static bool verify(const char *user, const char *hex)
{
	static const uint8_t name[] = "\0\0\0\vssh-ed25519";
	uint8_t blob[64], data[400], *at = data, signature[64];
	size_t blob_length = read_public_key(blob);
	EVP_PKEY *key =
	    EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, blob + blob_length - 32, 32);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const struct {
		const void *data;
		size_t length;
	} parts[] = {{"\0\0\0 ", 4}, {STANDIN_SESSION_ID, 32}, {"\x32\0\0\0", 4},
	    {(const uint8_t[]){(uint8_t)strlen(user)}, 1}, {user, strlen(user)},
	    {"\0\0\0\x0essh-connection\0\0\0\tpublickey\x01", 4 + 14 + 4 + 9 + 1},
	    {name, sizeof(name) - 1}, {"\0\0\0\x33", 4}, {blob, blob_length}};
	bool good;

	assert_int_equal(strlen(hex), 128);
	for (unsigned i = 0; i < 64; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		signature[i] = (uint8_t)byte;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		memcpy(at, parts[i].data, parts[i].length);
		at += parts[i].length;
	}
	good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(context, signature, 64, data, (size_t)(at - data)) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return good;
}

static void test_signatures(void **state)
{
	(void)state;
	make_key();
	begin_with("[server keyed]\naddress = 127.0.0.1\nport = %u\nkey = %s/own\nkey_alone = yes\n"
		   "[server broken]\naddress = 127.0.0.1\nport = %u\nkey = %s/broken\n",
	    (unsigned)world.ssh_port, world.directory, (unsigned)world.ssh_port, world.directory);
	peer_await(&fcgi, peer_send_login(&fcgi, "keyed", "way"));
	assert_way("by publickey,keyboard-interactive,password, 0, key alone\n");
	peer_await(&fcgi, peer_send_login(&fcgi, "keyed", "sign ssh-ed25519"));
	assert_int_equal(fcgi.answer.type, MESSAGE_LOGGED_IN);
	assert_true(verify("sign ssh-ed25519", fcgi.answer.logged_in.notice));
	assert_false(verify("alice", fcgi.answer.logged_in.notice));
	logout_of_answer();
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "keyed", "sign ssh-rsa")), ERROR_INTERNAL);
	assert_logged("is killed: it asks for a signature that it may not have");
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "keyed", "sign hop 1")), ERROR_INTERNAL);
	assert_fails(
	    peer_await(&fcgi, peer_send_login(&fcgi, "keyed", "sign much")), ERROR_INTERNAL);
	assert_logged("is killed: it asks for too many signatures");
	/* What is wrong with the key is for the admin to know. */
	assert_fails(peer_await(&fcgi, peer_send_login(&fcgi, "broken", "alice")), ERROR_INTERNAL);
	assert_string_equal(fcgi.answer.fail.detail, "");
	assert_logged("/broken: others may read or write it (mode 0644)");
	end();
}

/* One whose key has gone since the login began. */
static void test_key_that_goes_away(void **state)
{
	struct ticket ticket;

	(void)state;
	make_key();
	begin_with("[server keyed]\naddress = 127.0.0.1\nport = %u\nkey = %s/own\n",
	    (unsigned)world.ssh_port, world.directory);
	ticket = peer_login_to_prompt(&fcgi, "keyed", "ask then sign");
	assert_int_equal(unlink(world_path("own")), 0);
	assert_fails(peer_answer(&fcgi, &ticket, "felix", "123456"), ERROR_INTERNAL);
	assert_logged("/own: No such file or directory");
	end();
}

int main(int argc, char **argv)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest tests[] = {CASE(test_ways), CASE(test_typed_server),
	    CASE(test_asking_for_a_new_key), CASE(test_trusting_a_new_key), CASE(test_changed_key),
	    CASE(test_no_place_for_a_new_key), CASE(test_signatures),
	    CASE(test_key_that_goes_away)};

	standin_session_main(argc, argv);
	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
