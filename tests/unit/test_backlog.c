/* links: proto brokerd/session/backlog.c brokerd/session/damage.c */
/* links: brokerd/session/kdrive_frames.c tests/unit/backlog_world.c */
/* SPDX-License-Identifier: ISC */
/*
 * The backlog under random schedules, and what its functions refuse.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <string.h>
#include <cmocka.h>

#include "backlog_world.h"

#define SCHEDULES 100000
#define STEPS_MAX 120

static uint32_t seed;

/* xorshift: the same schedules in every run. */
static uint32_t random_below(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % limit;
}

static void run_schedule(uint32_t number, uint32_t *ret_messages, uint32_t *ret_pictures)
{
	unsigned steps;

	seed = number * 2654435761u + 1;
	/* What is copied, and what is kept where it was read to. */
	world.backlog.piece_bytes_min = number % 2 ? SIZE_MAX : 400;
	world_reset();
	world.most_bytes = number % 3 == 0 ? 1000 + number % 4000 : 0;
	steps = random_below(STEPS_MAX);
	for (unsigned i = 0; i < steps; i++) {
		for (unsigned k = random_below(3); k > 0; k--)
			world_let_agent_speak();
		assert_true(world_step());
	}
	world_settle();
	*ret_messages += world.browser.messages;
	*ret_pictures += world.browser.pictures;
}

static void random_schedules_lose_nothing_but_pictures(void **state)
{
	uint32_t messages = 0, pictures = 0;

	(void)state;
	assert_true(backlog_init(&world.backlog));
	for (uint32_t number = 1; number <= SCHEDULES; number++)
		run_schedule(number, &messages, &pictures);
	backlog_finish(&world.backlog);
	/* It is no test if nothing arrives. */
	assert_true(messages > 10 * SCHEDULES && pictures > 3 * SCHEDULES);
}

/* A stream that nothing is left out of arrives byte by byte, whatever is cut. */
static void cuts_alone_lose_nothing(void **state)
{
	(void)state;
	assert_true(backlog_init(&world.backlog));
	for (uint32_t number = 1; number <= 2000; number++) {
		size_t arrived = 0;

		seed = number;
		world.backlog.piece_bytes_min = number % 2 ? SIZE_MAX : 400;
		world_reset();
		for (unsigned i = 0; i < 30; i++)
			world_say(i % 3 == 0 ? KDRIVE_MESSAGE_CURSOR : KDRIVE_MESSAGE_FRAME);
		while (arrived < world.agent.length) {
			size_t part;

			assert_true(world_fill());
			world_send_some();
			part = random_below((uint32_t)world.wire_bytes + 1);
			assert_memory_equal(world.wire, world.agent.bytes + arrived, part);
			arrived += part;
			world.wire_bytes = 0;
			assert_true(backlog_reaches(&world.backlog, arrived));
			backlog_rewind(&world.backlog, arrived);
		}
		assert_true(world.backlog.whole);
		assert_int_equal(world.backlog.base, world.agent.length);
	}
	backlog_finish(&world.backlog);
}

static void positions_are_checked(void **state)
{
	(void)state;
	assert_true(backlog_init(&world.backlog));
	world_reset();
	seed = 7;
	for (unsigned i = 0; i < 10; i++)
		world_say(KDRIVE_MESSAGE_CURSOR);
	while (world.agent.read != world.agent.length)
		world_fill();
	assert_false(backlog_acknowledge(&world.backlog, 1));
	assert_false(backlog_reaches(&world.backlog, 1));
	world_send_some();
	assert_true(backlog_acknowledge(&world.backlog, world.backlog.sent - 1));
	assert_true(backlog_acknowledge(&world.backlog, 0));
	assert_int_equal(world.backlog.base, world.backlog.sent - 1);
	assert_false(backlog_reaches(&world.backlog, world.backlog.base - 1));
	assert_false(backlog_reaches(&world.backlog, UINT64_MAX));
	assert_false(backlog_acknowledge(&world.backlog, UINT64_MAX));
	backlog_finish(&world.backlog);
}

/* Where one begins afresh nobody goes on, wherever he is: what he has may be unsent again. */
static void afresh_is_reached_by_nobody(void **state)
{
	(void)state;
	assert_true(backlog_init(&world.backlog));
	seed = 7;
	for (size_t received = 0; received < 2; received++) {
		world_reset();
		for (unsigned sent = 0; sent < 3; sent++) {
			uint64_t position;

			world_say(KDRIVE_MESSAGE_DEMAND_SELECTION);
			while (world.agent.read != world.agent.length)
				world_fill();
			if (sent != 0) {
				world_send_some();
				backlog_rewind(&world.backlog, world.backlog.base + received);
			}
			position = world.backlog.sent;
			assert_true(backlog_start_afresh(&world.backlog));
			assert_int_equal(world.backlog.sent, position + 1);
			assert_false(backlog_reaches(&world.backlog, position));
			assert_true(backlog_reaches(&world.backlog, position + 1));
			assert_int_equal(
			    world.backlog.end, position + 1 + backlog_unsent(&world.backlog));
		}
	}
	backlog_finish(&world.backlog);
}

/* A read that gives the next bytes of those that said points to, each time as many as room says. */
static struct {
	const uint8_t *bytes;
	size_t room;
} said;

static ssize_t read_said(void *arg, void *buffer, size_t size)
{
	(void)arg;
	assert_true(said.room <= size);
	memcpy(buffer, said.bytes, said.room);
	said.bytes += said.room;
	return (ssize_t)said.room;
}

static void fill_by(size_t room)
{
	bool broken;

	said.room = room;
	assert_int_equal(backlog_fill(&world.backlog, read_said, NULL, &broken), room);
	assert_false(broken);
}

static void send_all(void)
{
	size_t bytes = backlog_unsent(&world.backlog);

	evbuffer_add_buffer(world.backlog.kept, world.backlog.unsent);
	backlog_note_sent(&world.backlog, bytes);
}

/* What a message is may show only when its first bytes are on their way. */
static void a_refresh_is_known_wherever_it_is_cut(void **state)
{
	static uint8_t bytes[3 * KDRIVE_HEADER_BYTES] = {0};
	static uint8_t *const reinit = bytes + KDRIVE_HEADER_BYTES;

	(void)state;
	/* The whole screen, a REINIT, and the whole screen again. */
	memset(bytes + 12, 0xff, 8);
	reinit[0] = KDRIVE_MESSAGE_REINIT;
	memset(reinit + KDRIVE_HEADER_BYTES + 12, 0xff, 8);
	assert_true(backlog_init(&world.backlog));
	for (size_t cut = 1; cut < KDRIVE_HEADER_BYTES; cut++) {
		backlog_reset(&world.backlog);
		said.bytes = bytes;
		for (unsigned i = 0; i < 3; i++) {
			fill_by(cut);
			send_all();
			assert_int_equal(world.backlog.refreshed, i == 1 && cut < 4);
			fill_by(KDRIVE_HEADER_BYTES - cut);
			send_all();
			assert_int_equal(world.backlog.refreshed, i != 1);
		}
	}
	backlog_finish(&world.backlog);
}

/* Of pieces that belong together either all come, or the last ones do not. */
static void what_is_left_of_a_selection_is_left_out(void **state)
{
	static uint8_t bytes[6 * KDRIVE_HEADER_BYTES] = {0};

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		bytes[i * KDRIVE_HEADER_BYTES] = KDRIVE_MESSAGE_SELECTION;
	bytes[4 * KDRIVE_HEADER_BYTES] = KDRIVE_MESSAGE_REINIT;
	assert_true(backlog_init(&world.backlog));
	for (unsigned blind = 0; blind < 2; blind++)
		for (size_t cut = 0; cut <= KDRIVE_HEADER_BYTES; cut++) {
			backlog_reset(&world.backlog);
			said.bytes = bytes;
			assert_true(backlog_set_blind(&world.backlog, blind));
			fill_by(KDRIVE_HEADER_BYTES);
			send_all();
			fill_by(KDRIVE_HEADER_BYTES + cut);
			assert_true(backlog_shed(&world.backlog, true));
			fill_by(2 * KDRIVE_HEADER_BYTES - cut);
			assert_int_equal(backlog_unsent(&world.backlog), 0);
			assert_true(backlog_set_blind(&world.backlog, false));
			fill_by(2 * KDRIVE_HEADER_BYTES);
			assert_int_equal(backlog_unsent(&world.backlog), 2 * KDRIVE_HEADER_BYTES);
		}
	backlog_finish(&world.backlog);
}

static void put_u32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

/* By the smallest choices, which is one byte at each read. */
static uint32_t choose_least(uint32_t limit)
{
	(void)limit;
	return 0;
}

static void nonsense_is_found(void **state)
{
	static const struct {
		uint32_t type, at, value;
	} rows[] = {{14, 0, 14}, {11, 0, 11}, {0xffffffff, 0, 0xffffffff}, {0, 20, 10},
	    {1, 4, 1000001}, {3, 4, 0x40000001}, {2, 24, 0xffffffff}, {4, 12, 0xffffffff},
	    {4, 24, 0x7fffffff}, {8, 4, 0x1000001}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned way = 0; way < 4; way++) {
			bool broken = false;

			assert_true(backlog_init(&world.backlog));
			world_reset();
			seed = 5;
			world.below = way < 2 ? random_below : choose_least;
			if (way % 2 != 0)
				assert_true(backlog_set_blind(&world.backlog, true));
			put_u32(world.agent.bytes, rows[i].type);
			put_u32(world.agent.bytes + rows[i].at, rows[i].value);
			world.agent.length = KDRIVE_HEADER_BYTES;
			while (!broken) {
				assert_true(world.agent.read < world.agent.length);
				assert_true(world.backlog.limbo_bytes < 4);
				backlog_fill(&world.backlog, world_read_agent, NULL, &broken);
			}
			backlog_finish(&world.backlog);
		}
	world.below = random_below;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_schedules_lose_nothing_but_pictures),
	    cmocka_unit_test(cuts_alone_lose_nothing),
	    cmocka_unit_test(positions_are_checked),
	    cmocka_unit_test(afresh_is_reached_by_nobody),
	    cmocka_unit_test(a_refresh_is_known_wherever_it_is_cut),
	    cmocka_unit_test(what_is_left_of_a_selection_is_left_out),
	    cmocka_unit_test(nonsense_is_found),
	};

	world.below = random_below;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
