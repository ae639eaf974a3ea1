/* links: proto brokerd/session/kdrive_events.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/kdrive_events: each rule of the guard by a row of a table, selections over
 * several chunks, and the events that the relay makes itself.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "brokerd/session/kdrive_events.h"

#define MIB (1024u * 1024)

static void put(uint8_t *out, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

/* A field of an event: value in size bytes, least significant first. */
struct field {
	size_t offset, size;
	int64_t value;
};

static void make_event(uint8_t event[KDRIVE_EVENT_BYTES], const struct field *fields, size_t count)
{
	memset(event, 0, KDRIVE_EVENT_BYTES);
	for (size_t i = 0; i < count; i++)
		put(event + fields[i].offset, (uint64_t)fields[i].value, fields[i].size);
}

#define PASS KDRIVE_VERDICT_PASS
#define DROP KDRIVE_VERDICT_DROP
#define BAD  KDRIVE_VERDICT_MALFORMED

#define TYPE(value)                                                                                \
	{                                                                                          \
		0, 4, value                                                                        \
	}

/* GEOMETRY */
#define SIZE(width, height)                                                                        \
	{4, 2, width},                                                                             \
	{                                                                                          \
		6, 2, height                                                                       \
	}
#define SCREEN(j, width, height, x, y)                                                             \
	{9 + 8 * j, 2, width}, {11 + 8 * j, 2, height}, {13 + 8 * j, 2, x},                        \
	{                                                                                          \
		15 + 8 * j, 2, y                                                                   \
	}
/* UPDATE */
#define RECT(width, height, x, y)                                                                  \
	{4, 4, width}, {8, 4, height}, {12, 4, x},                                                 \
	{                                                                                          \
		16, 4, y                                                                           \
	}
/* SELECTION */
#define CHUNK(size, selection, mime, first, last, compressed, total)                               \
	{4, 4, size}, {8, 1, selection}, {9, 1, mime}, {10, 1, first}, {11, 1, last},              \
	    {12, 4, compressed},                                                                   \
	{                                                                                          \
		16, 4, total                                                                       \
	}

/* All are judged for a screen of 800x600. */
static const struct {
	const char *name;
	enum kdrive_verdict verdict;
	struct field fields[12];
} rows[] = {
    {"type 0", DROP, {TYPE(0)}},
    {"type 1", DROP, {TYPE(1)}},
    {"key press", PASS, {TYPE(2), {8, 4, 38}}},
    {"key release", PASS, {TYPE(3), {8, 4, 38}}},
    {"mouse press", PASS, {TYPE(4), {8, 4, 1}}},
    {"mouse release", PASS, {TYPE(5), {8, 4, 1}}},
    {"mouse motion", PASS, {TYPE(6), {4, 4, 10}, {8, 4, 20}}},
    {"mouse motion outside", PASS, {TYPE(6), {4, 4, -1}, {8, 4, 99999}}},
    {"client version", DROP, {TYPE(10), {4, 2, 8}, {6, 2, 3}}},
    {"demand selection", PASS, {TYPE(11)}},
    {"keepalive", PASS, {TYPE(12)}},
    {"cache rebuild", PASS, {TYPE(13)}},
    {"window change", PASS, {TYPE(14)}},
    {"disconnect client", PASS, {TYPE(15)}},
    {"resend frame", DROP, {TYPE(16)}},
    {"open UDP", DROP, {TYPE(17)}},
    {"type 18", DROP, {TYPE(18)}},
    {"type 258, a key press in its low byte", DROP, {TYPE(258)}},
    {"type -1", DROP, {TYPE(-1)}},

    {"geometry", PASS, {TYPE(7), SIZE(1024, 768), SCREEN(0, 1024, 768, 0, 0)}},
    {"geometry, no screen", PASS, {TYPE(7), SIZE(1024, 768)}},
    {"geometry, two screens", PASS,
	{TYPE(7), SIZE(2048, 768), SCREEN(0, 1024, 768, 0, 0), SCREEN(1, 1024, 768, 1024, 0)}},
    {"geometry, smallest", PASS, {TYPE(7), SIZE(64, 64), SCREEN(0, 64, 64, 0, 0)}},
    {"geometry, largest", PASS, {TYPE(7), SIZE(8192, 8192), SCREEN(0, 8192, 8192, 0, 0)}},
    {"geometry, width 0", DROP, {TYPE(7), SIZE(0, 768)}},
    {"geometry, height 0", DROP, {TYPE(7), SIZE(1024, 0)}},
    {"geometry, width 63", DROP, {TYPE(7), SIZE(63, 768)}},
    {"geometry, height 63", DROP, {TYPE(7), SIZE(1024, 63)}},
    {"geometry, width 8193", DROP, {TYPE(7), SIZE(8193, 768)}},
    {"geometry, height 8193", DROP, {TYPE(7), SIZE(1024, 8193)}},
    {"geometry, 40000x40000", DROP, {TYPE(7), SIZE(40000, 40000)}},
    {"geometry, screen too wide", DROP, {TYPE(7), SIZE(640, 480), SCREEN(0, 8193, 480, 0, 0)}},
    {"geometry, screen too high", DROP, {TYPE(7), SIZE(640, 480), SCREEN(0, 640, 8193, 0, 0)}},
    {"geometry, second screen too wide", DROP,
	{TYPE(7), SIZE(640, 480), SCREEN(0, 640, 480, 0, 0), SCREEN(1, 9000, 480, 0, 0)}},
    {"geometry, screen left of all", DROP, {TYPE(7), SIZE(640, 480), SCREEN(0, 640, 480, -1, 0)}},
    {"geometry, screen above all", DROP, {TYPE(7), SIZE(640, 480), SCREEN(0, 640, 480, 0, -1)}},
    {"geometry, nonsense after the list's end", PASS,
	{TYPE(7), SIZE(640, 480), SCREEN(0, 0, 0, 0, 0), SCREEN(1, 9000, 9000, -1, -1)}},

    {"update, all", PASS, {TYPE(8)}},
    {"update, all but asked for by a window", PASS, {TYPE(8), {20, 4, 77}}},
    {"update, whole screen", PASS, {TYPE(8), RECT(800, 600, 0, 0)}},
    {"update, one pixel", PASS, {TYPE(8), RECT(1, 1, 799, 599)}},
    {"update, height 0", DROP, {TYPE(8), RECT(10, 0, 0, 0)}},
    {"update, width 0", DROP, {TYPE(8), RECT(0, 10, 0, 0)}},
    {"update, empty but somewhere", DROP, {TYPE(8), RECT(0, 0, 5, 0)}},
    {"update, negative x", DROP, {TYPE(8), RECT(10, 10, -1, 0)}},
    {"update, negative y", DROP, {TYPE(8), RECT(10, 10, 0, -1)}},
    {"update, negative width", DROP, {TYPE(8), RECT(-1, 10, 0, 0)}},
    {"update, negative height", DROP, {TYPE(8), RECT(10, -1, 0, 0)}},
    {"update, too wide", DROP, {TYPE(8), RECT(801, 10, 0, 0)}},
    {"update, too high", DROP, {TYPE(8), RECT(10, 601, 0, 0)}},
    {"update, over the right edge", DROP, {TYPE(8), RECT(10, 10, 791, 0)}},
    {"update, over the lower edge", DROP, {TYPE(8), RECT(10, 10, 0, 591)}},
    {"update, sum overflows", DROP, {TYPE(8), RECT(10, 10, 0x7fffffff, 0)}},

    {"notification", PASS, {TYPE(9), CHUNK(0, 1, 1, 1, 1, 0, 0)}},
    {"notification of an image", PASS, {TYPE(9), CHUNK(0, 0, 2, 1, 1, 0, 0)}},
    {"notification, not first", BAD, {TYPE(9), CHUNK(0, 1, 1, 0, 1, 0, 0)}},
    {"notification, not last", BAD, {TYPE(9), CHUNK(0, 1, 1, 1, 0, 0, 0)}},
    {"notification with a total", BAD, {TYPE(9), CHUNK(0, 1, 1, 1, 1, 0, 5)}},
    {"notification, compressed", BAD, {TYPE(9), CHUNK(0, 1, 1, 1, 1, 5, 0)}},
    {"selection of one byte", PASS, {TYPE(9), CHUNK(1, 1, 1, 1, 1, 0, 1)}},
    {"selection that fits the event", PASS, {TYPE(9), CHUNK(21, 1, 1, 1, 1, 0, 21)}},
    {"selection shorter than announced", PASS, {TYPE(9), CHUNK(10, 1, 1, 1, 1, 0, 21)}},
    {"first chunk of more", PASS, {TYPE(9), CHUNK(21, 1, 1, 1, 0, 0, 1000)}},
    {"chunk larger than total", BAD, {TYPE(9), CHUNK(22, 1, 1, 1, 1, 0, 21)}},
    {"total 0", BAD, {TYPE(9), CHUNK(5, 1, 1, 1, 1, 0, 0)}},
    {"total too large", BAD, {TYPE(9), CHUNK(21, 1, 1, 1, 0, 0, 32 * MIB + 1)}},
    {"total as large as may be", PASS, {TYPE(9), CHUNK(21, 1, 1, 1, 0, 0, 32 * MIB)}},
    {"chunk without a beginning", BAD, {TYPE(9), CHUNK(5, 1, 1, 0, 1, 0, 5)}},
    {"size -1", BAD, {TYPE(9), CHUNK(-1, 1, 1, 1, 1, 0, -1)}},
    {"chunk too large", BAD, {TYPE(9), CHUNK(MIB, 1, 1, 1, 1, 0, MIB)}},
    {"compressed in the event", PASS, {TYPE(9), CHUNK(5000, 1, 1, 1, 1, 21, 5000)}},
    {"compressed size -1", BAD, {TYPE(9), CHUNK(5000, 1, 1, 1, 1, -1, 5000)}},
    {"compressed far larger than plain", BAD, {TYPE(9), CHUNK(10, 1, 1, 1, 1, 2000, 10)}},
    {"unknown selection", BAD, {TYPE(9), CHUNK(5, 2, 1, 1, 1, 0, 5)}},
    {"unknown mime", BAD, {TYPE(9), CHUNK(5, 1, 3, 1, 1, 0, 5)}},
    {"first 2", BAD, {TYPE(9), CHUNK(5, 1, 1, 2, 1, 0, 5)}},
    {"last 2", BAD, {TYPE(9), CHUNK(5, 1, 1, 1, 2, 0, 5)}},
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kdrive_events events;
		uint8_t event[KDRIVE_EVENT_BYTES];
		size_t length = 0;
		const char *reason = NULL;
		enum kdrive_verdict verdict;

		kdrive_events_init(&events, 800, 600);
		make_event(
		    event, rows[i].fields, sizeof(rows[i].fields) / sizeof(rows[i].fields[0]));
		/* Fields that a row does not use are at offset 0 with size 0. */
		verdict = kdrive_events_judge(&events, event, sizeof(event), &length, &reason);
		if (verdict != rows[i].verdict)
			fail_msg("%s: verdict %d", rows[i].name, (int)verdict);
		if (verdict != BAD && length != KDRIVE_EVENT_BYTES)
			fail_msg("%s: length %zu", rows[i].name, length);
		if (verdict != PASS && (reason == NULL || strlen(reason) > 123))
			fail_msg("%s: no reason that fits a close frame", rows[i].name);
	}
}

static void test_short_events_change_nothing(void **state)
{
	const struct field geometry[] = {TYPE(7), SIZE(1024, 768)};
	uint8_t event[KDRIVE_EVENT_BYTES];
	struct kdrive_events events, before;
	const char *reason;
	size_t used;

	(void)state;
	kdrive_events_init(&events, 800, 600);
	before = events;
	make_event(event, geometry, 3);
	for (size_t length = 0; length < KDRIVE_EVENT_BYTES; length++)
		assert_int_equal(kdrive_events_judge(&events, event, length, &used, &reason),
		    KDRIVE_VERDICT_SHORT);
	assert_memory_equal(&events, &before, sizeof(events));
}

static enum kdrive_verdict judge_fields(
    struct kdrive_events *events, const struct field *fields, size_t count)
{
	uint8_t event[KDRIVE_EVENT_BYTES];
	const char *reason;
	size_t used;

	make_event(event, fields, count);
	return kdrive_events_judge(events, event, sizeof(event), &used, &reason);
}

#define JUDGE(events, ...)                                                                         \
	judge_fields(events, (const struct field[]){__VA_ARGS__},                                  \
	    sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))

/* Rectangles are judged by the size that was let through last. */
static void test_updates_follow_geometry(void **state)
{
	struct kdrive_events events;

	(void)state;
	kdrive_events_init(&events, 800, 600);
	assert_int_equal(JUDGE(&events, TYPE(8), RECT(1024, 768, 0, 0)), DROP);
	assert_int_equal(JUDGE(&events, TYPE(7), SIZE(1024, 768)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(8), RECT(1024, 768, 0, 0)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(7), SIZE(10, 10)), DROP);
	assert_int_equal(JUDGE(&events, TYPE(8), RECT(1024, 768, 0, 0)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(7), SIZE(640, 480)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(8), RECT(1024, 768, 0, 0)), DROP);
}

/* What the wire bytes of a chunk mean for its number of blocks; compressed decides if not 0. */
static void test_unit_length(void **state)
{
	static const struct {
		uint32_t size, compressed;
		size_t unit;
	} units[] = {
	    {1, 0, 41},
	    {21, 0, 41},
	    {22, 0, 82},
	    {62, 0, 82},
	    {63, 0, 123},
	    {102400, 0, 41 + 41 * 2498},
	    {102400, 21, 41},
	    {102400, 22, 82},
	    {21, 62, 82},
	    /* The largest that makes no more than KDRIVE_UNIT_BYTES_MAX. */
	    {41 * 25575 - 20, 0, 41 * 25575},
	};
	uint8_t *data = calloc(1, 2 * KDRIVE_UNIT_BYTES_MAX);

	(void)state;
	assert_non_null(data);
	assert_true(41 * 25575 <= KDRIVE_UNIT_BYTES_MAX && 41 * 25576 > KDRIVE_UNIT_BYTES_MAX);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const struct field fields[] = {
		    TYPE(9), CHUNK(units[i].size, 1, 1, 1, 1, units[i].compressed, units[i].size)};
		struct kdrive_events events, before;
		const char *reason;
		size_t used = 0;

		kdrive_events_init(&events, 800, 600);
		before = events;
		make_event(data, fields, sizeof(fields) / sizeof(fields[0]));
		assert_int_equal(
		    kdrive_events_judge(&events, data, units[i].unit - 1, &used, &reason),
		    KDRIVE_VERDICT_SHORT);
		assert_memory_equal(&events, &before, sizeof(events));
		assert_int_equal(
		    kdrive_events_judge(&events, data, units[i].unit + 500, &used, &reason), PASS);
		assert_int_equal(used, units[i].unit);
	}
	free(data);
}

static void test_selection_in_chunks(void **state)
{
	struct kdrive_events events;

	(void)state;
	kdrive_events_init(&events, 800, 600);
	/* Other events between chunks are allowed. */
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 1, 0, 0, 50)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(12)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 0, 0, 0, 50)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(10, 1, 1, 0, 1, 0, 50)), PASS);
	/* It is closed then. */
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(1, 1, 1, 0, 1, 0, 50)), BAD);

	/* One byte more than announced, over several chunks. */
	kdrive_events_init(&events, 800, 600);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 1, 0, 0, 40)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 0, 0, 0, 40)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(1, 1, 1, 0, 1, 0, 40)), BAD);

	/* Compressed chunks count by what they become. */
	kdrive_events_init(&events, 800, 600);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(30, 1, 1, 1, 0, 5, 40)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(11, 1, 1, 0, 1, 5, 40)), BAD);

	/* Another total, or another selection, than it began with. */
	kdrive_events_init(&events, 800, 600);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 1, 0, 0, 40)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 0, 1, 0, 4000)), BAD);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 0, 1, 0, 1, 0, 40)), BAD);

	/* A notification, or a new first chunk, ends what was open. */
	kdrive_events_init(&events, 800, 600);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 1, 0, 0, 40)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(0, 1, 1, 1, 1, 0, 0)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 0, 1, 0, 40)), BAD);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 1, 0, 0, 40)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 1, 0, 0, 20)), PASS);
	assert_int_equal(JUDGE(&events, TYPE(9), CHUNK(20, 1, 1, 0, 1, 0, 20)), BAD);
}

/* Blocks are data, whatever they look like. */
static void test_blocks_are_not_events(void **state)
{
	const struct field selection[] = {TYPE(9), CHUNK(62, 1, 1, 1, 1, 0, 62)};
	uint8_t data[3 * KDRIVE_EVENT_BYTES];
	struct kdrive_events events;
	const char *reason;
	size_t used = 0;

	(void)state;
	kdrive_events_init(&events, 800, 600);
	make_event(data, selection, sizeof(selection) / sizeof(selection[0]));
	memset(data + KDRIVE_EVENT_BYTES, 17, KDRIVE_EVENT_BYTES);
	kdrive_events_put_plain(data + 2 * KDRIVE_EVENT_BYTES, KDRIVE_EVENT_KEEPALIVE);
	assert_int_equal(kdrive_events_judge(&events, data, sizeof(data), &used, &reason), PASS);
	assert_int_equal(used, 2 * KDRIVE_EVENT_BYTES);
	assert_int_equal(
	    kdrive_events_judge(&events, data + used, sizeof(data) - used, &used, &reason), PASS);
	assert_int_equal(used, KDRIVE_EVENT_BYTES);
}

static void test_opening(void **state)
{
	static const uint8_t version[KDRIVE_EVENT_BYTES] = {10, 0, 0, 0, 8, 0, 3, 0};
	static const uint8_t geometry[KDRIVE_EVENT_BYTES] = {
	    7, 0, 0, 0, 0x80, 0x07, 0x38, 0x04, 0, 0x80, 0x07, 0x38, 0x04};
	const char cookie[] = "0123456789abcdef0123456789abcdef";
	uint8_t opening[KDRIVE_OPENING_BYTES];

	(void)state;
	memset(opening, 0xff, sizeof(opening));
	kdrive_events_put_opening(opening, cookie, 1920, 1080);
	assert_int_equal(sizeof(opening), 32 + 41 + 41);
	assert_memory_equal(opening, cookie, 32);
	assert_memory_equal(opening + 32, version, sizeof(version));
	assert_memory_equal(opening + 32 + 41, geometry, sizeof(geometry));
}

static void test_plain(void **state)
{
	static const uint8_t disconnect[KDRIVE_EVENT_BYTES] = {15};
	uint8_t event[KDRIVE_EVENT_BYTES];

	(void)state;
	memset(event, 0xff, sizeof(event));
	kdrive_events_put_plain(event, KDRIVE_EVENT_DISCONNECT_CLIENT);
	assert_memory_equal(event, disconnect, sizeof(disconnect));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_short_events_change_nothing),
	    cmocka_unit_test(test_updates_follow_geometry),
	    cmocka_unit_test(test_unit_length),
	    cmocka_unit_test(test_selection_in_chunks),
	    cmocka_unit_test(test_blocks_are_not_events),
	    cmocka_unit_test(test_opening),
	    cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
