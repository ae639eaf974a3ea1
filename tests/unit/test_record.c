/* links: proto brokerd/record.c */
/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "brokerd/record.h"

static void example(bool largest, struct message *message)
{
	for (unsigned i = 0; message_example(i, largest, message); i++)
		if (message->type == MESSAGE_KEPT_LOGIN)
			return;
	fail_msg("no KEPT_LOGIN");
}

static void test_the_last_writing_is_read(void **state)
{
	static struct message message, read;
	int record = record_create();

	(void)state;
	assert_true(record_is(record));
	assert_false(record_is(STDIN_FILENO));
	assert_false(record_read(record, &read));
	example(true, &message);
	for (unsigned i = 0; i < 5; i++) {
		message.kept_login.uid = i + 1;
		assert_true(record_write(record, &message));
		assert_true(record_read(record, &read));
		assert_memory_equal(&read.kept_login, &message.kept_login, sizeof(read.kept_login));
	}
	/* What does not fit the table leaves what was there. */
	message.kept_login.uid = 0;
	assert_false(record_write(record, &message));
	assert_true(record_read(record, &read));
	assert_int_equal(read.kept_login.uid, 5);
	close(record);
}

/* A broker that is killed while it writes. */
static void test_a_torn_writing_leaves_the_one_before(void **state)
{
	static struct message message, read;
	static uint8_t before[65536], after[65536];
	int record = record_create();
	struct stat status;
	size_t size, first = 0, last = 0;

	(void)state;
	assert_int_equal(fstat(record, &status), 0);
	size = (size_t)status.st_size;
	assert_true(size <= sizeof(before));
	example(true, &message);
	message.kept_login.uid = 1;
	assert_true(record_write(record, &message));
	message.kept_login.uid = 2;
	assert_true(record_write(record, &message));
	assert_int_equal(pread(record, before, size, 0), size);
	message.kept_login.uid = 3;
	memset(message.kept_login.user, 'z', 10);
	assert_true(record_write(record, &message));
	assert_int_equal(pread(record, after, size, 0), size);
	for (size_t i = 0; i < size; i++)
		if (before[i] != after[i]) {
			first = first == 0 ? i + 1 : first;
			last = i;
		}
	assert_true(first != 0);
	/* Up to each byte that changed. */
	for (size_t i = first - 1; i <= last; i++) {
		assert_int_equal(pwrite(record, after, i, 0), i);
		assert_int_equal(pwrite(record, before + i, size - i, (off_t)i), size - i);
		assert_true(record_read(record, &read));
		assert_int_equal(read.kept_login.uid, 2);
	}
	assert_int_equal(pwrite(record, after, size, 0), size);
	assert_true(record_read(record, &read));
	assert_int_equal(read.kept_login.uid, 3);
	close(record);
}

/* Its frame as another version would have written it: shorter, or longer. */
static void test_other_versions(void **state)
{
	static struct message message, read;
	static uint8_t frame[PROTO_FRAME_BYTES];
	size_t length, cut;

	(void)state;
	example(true, &message);
	cut = 1 + 4 + strlen(message.kept_login.jump_fingerprint);
	assert_true(message_encode(&message, frame, sizeof(frame), &length));
	assert_int_equal(message_decode_kept(frame, length, &read), MESSAGE_OK);
	frame[5] = PROTO_VERSION + 1;
	assert_int_equal(message_decode_kept(frame, length, &read), MESSAGE_OK);
	assert_memory_equal(&read.kept_login, &message.kept_login, sizeof(read.kept_login));
	/* Without its last field. */
	frame[10] = (uint8_t)((length - PROTO_HEADER_BYTES - cut) >> 8);
	frame[11] = (uint8_t)(length - PROTO_HEADER_BYTES - cut);
	assert_int_equal(message_decode_kept(frame, length - cut, &read), MESSAGE_OK);
	assert_string_equal(read.kept_login.jump_fingerprint, "");
	assert_string_equal(read.kept_login.user, message.kept_login.user);
	/* Half of a field is nothing of any version. */
	frame[11]--;
	assert_int_equal(message_decode_kept(frame, length - cut - 1, &read), MESSAGE_MALFORMED);
	/* With one more. */
	memmove(frame + length, frame + length - cut, cut);
	frame[10] = (uint8_t)((length - PROTO_HEADER_BYTES + cut) >> 8);
	frame[11] = (uint8_t)(length - PROTO_HEADER_BYTES + cut);
	assert_int_equal(message_decode_kept(frame, length + cut, &read), MESSAGE_OK);
	assert_memory_equal(&read.kept_login, &message.kept_login, sizeof(read.kept_login));
	/* Which our own version never does. */
	frame[5] = PROTO_VERSION;
	assert_int_equal(message_decode_kept(frame, length + cut, &read), MESSAGE_MALFORMED);
	/* What others say is not kept. */
	message_init(&message, MESSAGE_STOP, 0);
	message.stop.code = 1;
	assert_true(message_encode(&message, frame, sizeof(frame), &length));
	assert_int_equal(message_decode_kept(frame, length, &read), MESSAGE_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_last_writing_is_read),
	    cmocka_unit_test(test_a_torn_writing_leaves_the_one_before),
	    cmocka_unit_test(test_other_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
