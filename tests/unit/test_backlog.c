/* links: proto brokerd/session/backlog.c brokerd/session/kdrive_frames.c */
/* SPDX-License-Identifier: ISC */
/*
 * The backlog under random schedules: an agent that says numbered messages and answers
 * CACHEREBUILD, a relay that sends, sheds and rewinds, a browser that loses its connection. What
 * the browser has in the end is compared with what the agent said.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <event2/buffer.h>

#include "brokerd/session/backlog.h"

#define SCHEDULES      100000
#define STEPS_MAX      120
#define AGENT_BYTES    65536
#define SELECTION_MOST 700

static uint32_t seed;

/* xorshift: the same schedules in every run. */
static uint32_t random_below(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % limit;
}

static void put_u32(uint8_t *out, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_u32(const uint8_t *data)
{
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

/* --- the agent ---*/

static struct {
	uint8_t bytes[AGENT_BYTES];
	size_t length, read;
	uint32_t number;   /* of its last message */
	uint32_t rebuilds; /* asked for, not answered */
	uint32_t reinits;
} agent;

/* Each message carries its number where KDrive has nothing, or a value that may be anything. */
static void say(enum kdrive_message type)
{
	uint8_t *head = agent.bytes + agent.length;
	size_t length = KDRIVE_HEADER_BYTES, data = 0;
	uint32_t regions;

	if (agent.length + 4096 > AGENT_BYTES)
		return;
	memset(head, 0, KDRIVE_HEADER_BYTES);
	put_u32(head, type);
	put_u32(head + 52, ++agent.number);
	switch (type) {
	case KDRIVE_MESSAGE_FRAME:
		regions = random_below(4);
		put_u32(head + 20, regions);
		for (uint32_t i = 0; i < regions; i++) {
			bool copied = random_below(3) == 0;

			data = copied ? 0 : random_below(300);
			memset(head + length, 0, KDRIVE_REGION_BYTES);
			put_u32(head + length, copied);
			put_u32(head + length + 28, (uint32_t)data);
			memset(head + length + KDRIVE_REGION_BYTES, (int)agent.number, data);
			length += KDRIVE_REGION_BYTES + data;
		}
		break;
	case KDRIVE_MESSAGE_DELETED:
		data = random_below(5);
		put_u32(head + 4, (uint32_t)data);
		memset(head + length, 1, 4 * data);
		length += 4 * data;
		break;
	case KDRIVE_MESSAGE_CURSOR:
		data = random_below(200);
		put_u32(head + 24, (uint32_t)data);
		memset(head + length, 2, data);
		length += data;
		break;
	case KDRIVE_MESSAGE_SELECTION:
		data = random_below(SELECTION_MOST);
		put_u32(head + 12, (uint32_t)data);
		memset(head + length, 3, data);
		length += data;
		break;
	default:
		break;
	}
	agent.length += length;
}

static void let_agent_speak(void)
{
	static const enum kdrive_message types[] = {KDRIVE_MESSAGE_FRAME, KDRIVE_MESSAGE_FRAME,
	    KDRIVE_MESSAGE_FRAME, KDRIVE_MESSAGE_DELETED, KDRIVE_MESSAGE_CURSOR,
	    KDRIVE_MESSAGE_SELECTION, KDRIVE_MESSAGE_KEEPALIVE};

	if (agent.rebuilds != 0 && random_below(3) == 0) {
		agent.rebuilds--;
		agent.reinits++;
		say(KDRIVE_MESSAGE_REINIT);
	} else {
		say(types[random_below(sizeof(types) / sizeof(types[0]))]);
	}
}

static ssize_t read_agent(void *arg, void *buffer, size_t size)
{
	size_t most = 1 + random_below(random_below(4) == 0 ? 3 : 2000);
	size_t part = agent.length - agent.read;

	(void)arg;
	if (part > most)
		part = most;
	if (part > size)
		part = size;
	memcpy(buffer, agent.bytes + agent.read, part);
	agent.read += part;
	return (ssize_t)part;
}

/* --- the browser ---*/

static struct {
	uint64_t position;
	struct kdrive_frames frames;
	uint8_t head[KDRIVE_HEADER_BYTES];
	size_t head_bytes;
	uint32_t last;	      /* number of the last message that began */
	bool may_miss_others; /* more than pictures have been left out */
	bool gap;	      /* pictures were left out: none may come before REINIT */
	uint32_t messages, pictures;
} browser;

/* Types of the agent's messages by their numbers. */
static uint8_t types_said[AGENT_BYTES / KDRIVE_HEADER_BYTES + 2];

static void note_types(void)
{
	struct kdrive_frames frames = {0};
	struct kdrive_span span;
	uint32_t number = 0;

	for (size_t at = 0; at < agent.length; at += span.length) {
		assert_true(
		    kdrive_frames_take(&frames, agent.bytes + at, agent.length - at, &span));
		assert_true(span.begins && span.ends);
		types_said[++number] = (uint8_t)span.type;
	}
	assert_int_equal(number, agent.number);
}

static void begin_message(uint32_t number, enum kdrive_message type)
{
	assert_true(number > browser.last && number <= agent.number);
	assert_int_equal(types_said[number], type);
	for (uint32_t missing = browser.last + 1; missing < number; missing++) {
		enum kdrive_message was = (enum kdrive_message)types_said[missing];

		if (was == KDRIVE_MESSAGE_FRAME || was == KDRIVE_MESSAGE_DELETED)
			browser.gap = true;
		else if (was != KDRIVE_MESSAGE_REINIT)
			assert_true(browser.may_miss_others);
	}
	if (type == KDRIVE_MESSAGE_REINIT)
		browser.gap = false;
	else if (type == KDRIVE_MESSAGE_FRAME || type == KDRIVE_MESSAGE_DELETED) {
		assert_false(browser.gap);
		browser.pictures++;
	}
	browser.last = number;
	browser.messages++;
}

static void receive(const uint8_t *data, size_t length)
{
	struct kdrive_span span;

	for (; length != 0; data += span.length, length -= span.length) {
		size_t part;

		assert_true(kdrive_frames_take(&browser.frames, data, length, &span));
		if (span.begins)
			browser.head_bytes = 0;
		part = KDRIVE_HEADER_BYTES - browser.head_bytes;
		if (part > span.length)
			part = span.length;
		memcpy(browser.head + browser.head_bytes, data, part);
		if (part != 0 && (browser.head_bytes += part) == KDRIVE_HEADER_BYTES)
			begin_message(get_u32(browser.head + 52), span.type);
	}
}

/* --- the relay ---*/

static struct backlog backlog;
/* Sent, not arrived: lost when the connection is. */
static uint8_t wire[AGENT_BYTES];
static size_t wire_bytes;

static void fill(void)
{
	bool broken;

	if (agent.read != agent.length)
		assert_true(backlog_fill(&backlog, read_agent, NULL, &broken) > 0);
	else
		assert_int_equal(backlog_fill(&backlog, read_agent, NULL, &broken), 0);
	assert_false(broken);
	assert_int_equal(backlog.end - backlog.sent, backlog_unsent(&backlog));
	assert_int_equal(backlog.sent - backlog.base, backlog_in_flight(&backlog));
	assert_true(backlog_pictures(&backlog) <= backlog_unsent(&backlog));
}

static void send_some(void)
{
	size_t part = backlog_unsent(&backlog);

	if (part == 0)
		return;
	part = 1 + random_below((uint32_t)part);
	evbuffer_copyout(backlog.unsent, wire + wire_bytes, part);
	wire_bytes += part;
	evbuffer_remove_buffer(backlog.unsent, backlog.kept, part);
	backlog_note_sent(&backlog, part);
}

static void deliver(size_t part)
{
	receive(wire, part);
	browser.position += part;
	wire_bytes -= part;
	memmove(wire, wire + part, wire_bytes);
}

static void rebuild(void)
{
	agent.rebuilds++;
}

static void start_afresh(void)
{
	assert_true(backlog_start_afresh(&backlog));
	rebuild();
	wire_bytes = 0;
	browser.position = backlog.sent;
	browser.frames = (struct kdrive_frames){0};
	browser.head_bytes = 0;
	browser.may_miss_others = true;
	browser.gap = true;
}

static void cut(void)
{
	if (wire_bytes != 0)
		deliver(random_below((uint32_t)wire_bytes + 1));
	wire_bytes = 0;
	assert_true(backlog_reaches(&backlog, browser.position));
	if (random_below(8) == 0) {
		start_afresh();
		return;
	}
	backlog_rewind(&backlog, browser.position);
	assert_int_equal(backlog.sent, browser.position);
}

static void shed(bool all)
{
	bool blind = backlog.state == BACKLOG_STATE_BLIND;

	assert_true(backlog_shed(&backlog, all));
	assert_int_equal(backlog_pictures(&backlog), 0);
	if (all)
		browser.may_miss_others = true;
	if (!blind)
		rebuild();
}

static void step(void)
{
	switch (random_below(20)) {
	case 0:
		cut();
		break;
	case 1:
		shed(random_below(4) == 0);
		break;
	case 2:
		assert_true(backlog_set_blind(&backlog, true));
		break;
	case 3:
		if (backlog.state == BACKLOG_STATE_BLIND) {
			assert_true(backlog_set_blind(&backlog, false));
			rebuild();
		}
		break;
	case 4:
	case 5:
		assert_true(backlog_acknowledge(&backlog, browser.position));
		break;
	case 6:
	case 7:
	case 8:
		send_some();
		break;
	case 9:
	case 10:
		if (wire_bytes != 0)
			deliver(1 + random_below((uint32_t)wire_bytes));
		break;
	default:
		fill();
		break;
	}
}

/* Lets everything arrive. */
static void settle(void)
{
	if (backlog.state == BACKLOG_STATE_BLIND) {
		assert_true(backlog_set_blind(&backlog, false));
		rebuild();
	}
	while (agent.read != agent.length)
		fill();
	deliver(wire_bytes);
	while (backlog_unsent(&backlog) != 0) {
		send_some();
		deliver(wire_bytes);
	}
	assert_true(backlog_acknowledge(&backlog, browser.position));
	assert_int_equal(backlog_in_flight(&backlog), 0);
	assert_int_equal(backlog.sent, backlog.end);
	assert_int_equal(browser.position, backlog.end);
}

static void run_schedule(uint32_t number, uint32_t *ret_messages, uint32_t *ret_pictures)
{
	unsigned steps;

	seed = number * 2654435761u + 1;
	memset(&agent, 0, sizeof(agent));
	memset(&browser, 0, sizeof(browser));
	wire_bytes = 0;
	/* What is copied, and what is kept where it was read to. */
	backlog.piece_bytes_min = number % 2 ? SIZE_MAX : 400;
	backlog_reset(&backlog);
	steps = random_below(STEPS_MAX);
	for (unsigned i = 0; i < steps; i++) {
		for (unsigned k = random_below(3); k > 0; k--)
			let_agent_speak();
		note_types();
		step();
	}
	settle();
	*ret_messages += browser.messages;
	*ret_pictures += browser.pictures;
}

static void random_schedules_lose_nothing_but_pictures(void **state)
{
	uint32_t messages = 0, pictures = 0;

	(void)state;
	assert_true(backlog_init(&backlog));
	for (uint32_t number = 1; number <= SCHEDULES; number++)
		run_schedule(number, &messages, &pictures);
	backlog_finish(&backlog);
	/* It is no test if nothing arrives. */
	assert_true(messages > 10 * SCHEDULES && pictures > 3 * SCHEDULES);
}

/* A stream that nothing is left out of arrives byte by byte, whatever is cut. */
static void cuts_alone_lose_nothing(void **state)
{
	(void)state;
	assert_true(backlog_init(&backlog));
	for (uint32_t number = 1; number <= 2000; number++) {
		size_t arrived = 0;

		seed = number;
		memset(&agent, 0, sizeof(agent));
		memset(&browser, 0, sizeof(browser));
		wire_bytes = 0;
		backlog.piece_bytes_min = number % 2 ? SIZE_MAX : 400;
		backlog_reset(&backlog);
		for (unsigned i = 0; i < 30; i++)
			say(i % 3 == 0 ? KDRIVE_MESSAGE_CURSOR : KDRIVE_MESSAGE_FRAME);
		while (arrived < agent.length) {
			size_t part;

			fill();
			send_some();
			part = random_below((uint32_t)wire_bytes + 1);
			assert_memory_equal(wire, agent.bytes + arrived, part);
			arrived += part;
			wire_bytes = 0;
			assert_true(backlog_reaches(&backlog, arrived));
			backlog_rewind(&backlog, arrived);
		}
		assert_true(backlog.whole);
		assert_int_equal(backlog.base, agent.length);
	}
	backlog_finish(&backlog);
}

static void positions_are_checked(void **state)
{
	(void)state;
	memset(&agent, 0, sizeof(agent));
	wire_bytes = 0;
	seed = 7;
	assert_true(backlog_init(&backlog));
	for (unsigned i = 0; i < 10; i++)
		say(KDRIVE_MESSAGE_CURSOR);
	while (agent.read != agent.length)
		fill();
	assert_false(backlog_acknowledge(&backlog, 1));
	assert_false(backlog_reaches(&backlog, 1));
	send_some();
	assert_true(backlog_acknowledge(&backlog, backlog.sent - 1));
	assert_true(backlog_acknowledge(&backlog, 0));
	assert_int_equal(backlog.base, backlog.sent - 1);
	assert_false(backlog_reaches(&backlog, backlog.base - 1));
	assert_false(backlog_reaches(&backlog, UINT64_MAX));
	assert_false(backlog_acknowledge(&backlog, UINT64_MAX));
	backlog_finish(&backlog);
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
		for (unsigned blind = 0; blind < 2; blind++) {
			bool broken = false;

			memset(&agent, 0, sizeof(agent));
			seed = 5;
			assert_true(backlog_init(&backlog));
			if (blind != 0)
				assert_true(backlog_set_blind(&backlog, true));
			put_u32(agent.bytes, rows[i].type);
			put_u32(agent.bytes + rows[i].at, rows[i].value);
			agent.length = KDRIVE_HEADER_BYTES;
			while (!broken) {
				assert_true(agent.read < agent.length);
				backlog_fill(&backlog, read_agent, NULL, &broken);
			}
			backlog_finish(&backlog);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_schedules_lose_nothing_but_pictures),
	    cmocka_unit_test(cuts_alone_lose_nothing),
	    cmocka_unit_test(positions_are_checked),
	    cmocka_unit_test(nonsense_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
