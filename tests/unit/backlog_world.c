/* SPDX-License-Identifier: ISC */
#include "backlog_world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <event2/buffer.h>
#include <string.h>
#include <cmocka.h>

#define SELECTION_MOST 700
/* Bytes of any message. */
#define MESSAGE_MOST 2300
/* Shows all places. */
#define WHOLE UINT8_MAX

struct backlog_world world;

static uint32_t random_below(uint32_t limit)
{
	return limit > 1 ? world.below(limit) : 0;
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

/* The agent's messages by their numbers. */
static struct {
	uint8_t type;
	uint8_t place, width; /* of a picture: the first place that it shows, and how many */
	size_t at, length;    /* in its bytes */
} said[AGENT_BYTES / KDRIVE_HEADER_BYTES + 2];

/* There must be room, since messages in the world are small. */
static bool has_said_enough(void)
{
	return world.agent.nonsense || world.agent.silent ||
	       world.agent.length + 4096 > AGENT_BYTES;
}

/* The last message, of which length bytes are there. */
static void note_said(enum kdrive_message type, size_t length)
{
	world.agent.dear += type == KDRIVE_MESSAGE_DEMAND_SELECTION ||
			    type == KDRIVE_MESSAGE_SERVER_VERSION ||
			    type == KDRIVE_MESSAGE_DISCONNECT;
	said[world.agent.number].type = (uint8_t)type;
	said[world.agent.number].at = world.agent.length;
	said[world.agent.number].length = length;
	world.agent.length += length;
}

/* Without a period that would hide a shift. */
static void put_data(uint8_t *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t)(world.agent.number * 31 + i * 7 + i / 251);
}

/* Somewhere, and the agent's cache may have a part in it; or the whole screen. */
static void put_place(uint8_t *head)
{
	uint32_t place = random_below(WORLD_PLACES), kind = random_below(8);

	said[world.agent.number].place = kind == 0 ? WHOLE : (uint8_t)place;
	said[world.agent.number].width = 1;
	put_u32(head + 4, DAMAGE_TILE_PIXELS * (kind == 0 ? WORLD_PLACES : 1));
	put_u32(head + 8, DAMAGE_TILE_PIXELS);
	put_u32(head + 12, kind == 0 ? UINT32_MAX : DAMAGE_TILE_PIXELS * place);
	put_u32(head + 16, kind == 0 ? UINT32_MAX : 0);
	put_u32(head + 24, kind >= 4 ? world.agent.number : 0);
}

/* What the relay asks for, as it is then. False: it will not be. */
static bool answer(const struct damage_rect *rect)
{
	uint8_t *head = world.agent.bytes + world.agent.length;

	if (has_said_enough())
		return false;
	memset(head, 0, KDRIVE_HEADER_BYTES + KDRIVE_REGION_BYTES);
	put_data(head + KDRIVE_HEADER_BYTES + KDRIVE_REGION_BYTES, 100);
	put_u32(head + 52, ++world.agent.number);
	put_u32(head + 4, (uint32_t)rect->width);
	put_u32(head + 8, (uint32_t)rect->height);
	put_u32(head + 12, (uint32_t)rect->x);
	put_u32(head + 16, (uint32_t)rect->y);
	put_u32(head + 20, 1);
	put_u32(head + KDRIVE_HEADER_BYTES + 28, 100);
	said[world.agent.number].place = (uint8_t)(rect->x / DAMAGE_TILE_PIXELS);
	said[world.agent.number].width = (uint8_t)(rect->width / DAMAGE_TILE_PIXELS);
	note_said(KDRIVE_MESSAGE_FRAME, KDRIVE_HEADER_BYTES + KDRIVE_REGION_BYTES + 100);
	return true;
}

/* Each message carries its number where KDrive has nothing, or a value that may be anything. */
static void say(enum kdrive_message type)
{
	uint8_t *head = world.agent.bytes + world.agent.length;
	size_t length = KDRIVE_HEADER_BYTES, data = 0;
	struct kdrive_frames frames = {0};
	struct kdrive_span span;
	uint32_t regions;

	memset(head, 0, KDRIVE_HEADER_BYTES);
	put_u32(head, type);
	put_u32(head + 52, ++world.agent.number);
	switch (type) {
	case KDRIVE_MESSAGE_FRAME:
		regions = random_below(4);
		put_u32(head + 20, regions);
		put_place(head);
		for (uint32_t i = 0; i < regions; i++) {
			bool copied = random_below(3) == 0;

			data = copied ? 0 : random_below(300);
			memset(head + length, 0, KDRIVE_REGION_BYTES);
			put_u32(head + length, copied);
			put_u32(head + length + 28, (uint32_t)data);
			put_data(head + length + KDRIVE_REGION_BYTES, data);
			length += KDRIVE_REGION_BYTES + data;
		}
		break;
	case KDRIVE_MESSAGE_DELETED:
		data = random_below(5);
		put_u32(head + 4, (uint32_t)data);
		put_data(head + length, 4 * data);
		length += 4 * data;
		break;
	case KDRIVE_MESSAGE_CURSOR:
		data = random_below(200);
		put_u32(head + 24, (uint32_t)data);
		put_data(head + length, data);
		length += data;
		break;
	case KDRIVE_MESSAGE_SELECTION:
		data = random_below(SELECTION_MOST);
		put_u32(head + 12, (uint32_t)data);
		put_data(head + length, data);
		length += data;
		break;
	default:
		break;
	}
	assert_true(kdrive_frames_take(&frames, head, length, &span));
	assert_true(span.begins && span.ends && span.type == type && span.length == length);
	note_said(type, length);
}

void world_say(enum kdrive_message type)
{
	if (!has_said_enough())
		say(type);
}

void world_say_anything(const uint8_t header[KDRIVE_HEADER_BYTES])
{
	uint8_t *head = world.agent.bytes + world.agent.length;
	struct kdrive_frames frames = {0};
	struct kdrive_span span;
	size_t length;

	if (has_said_enough())
		return;
	memcpy(head, header, KDRIVE_HEADER_BYTES);
	put_u32(head + 52, ++world.agent.number);
	said[world.agent.number].width = 0;
	said[world.agent.number].place = 0;
	if (!kdrive_frames_take(&frames, head, KDRIVE_HEADER_BYTES, &span)) {
		world.agent.nonsense = true;
		note_said(KDRIVE_MESSAGE_UNKNOWN, KDRIVE_HEADER_BYTES);
		return;
	}
	if (span.whole_screen)
		said[world.agent.number].place = WHOLE;
	length = KDRIVE_HEADER_BYTES;
	while (!span.ends && length < 2048) {
		size_t more = 1 + random_below(200);

		memset(head + length, (int)random_below(2), more);
		if (!kdrive_frames_take(&frames, head + length, more, &span)) {
			world.agent.nonsense = true;
			length += more;
			break;
		}
		length += span.length;
	}
	/* A message that will not end is the last one, but no nonsense. */
	note_said(span.type, length);
	world.agent.silent = !span.ends;
}

void world_let_agent_speak(void)
{
	static const enum kdrive_message types[] = {KDRIVE_MESSAGE_FRAME, KDRIVE_MESSAGE_FRAME,
	    KDRIVE_MESSAGE_FRAME, KDRIVE_MESSAGE_DELETED, KDRIVE_MESSAGE_CURSOR,
	    KDRIVE_MESSAGE_SELECTION, KDRIVE_MESSAGE_KEEPALIVE, KDRIVE_MESSAGE_DEMAND_SELECTION};

	if (world.agent.rebuilds != 0 && random_below(3) == 0) {
		world.agent.rebuilds--;
		world.agent.reinits++;
		world_say(KDRIVE_MESSAGE_REINIT);
	} else {
		world_say(types[random_below(sizeof(types) / sizeof(types[0]))]);
	}
}

ssize_t world_read_agent(void *arg, void *buffer, size_t size)
{
	size_t most = 1 + random_below(random_below(4) == 0 ? 3 : 2000);
	size_t part = world.agent.length - world.agent.read;

	(void)arg;
	if (part > most)
		part = most;
	if (part > size)
		part = size;
	memcpy(buffer, world.agent.bytes + world.agent.read, part);
	world.agent.read += part;
	return (ssize_t)part;
}

/* --- the browser ---*/

/* A picture did not come, though others do. */
static void miss_picture(uint32_t number)
{
	if (!world.thinned || said[number].type != KDRIVE_MESSAGE_FRAME ||
	    said[number].place == WHOLE)
		world.browser.gap = true;
	else
		memset(world.browser.stale + said[number].place, true, said[number].width);
}

/* What it shows is fresh. */
static void see_picture(uint32_t number)
{
	uint8_t first = said[number].place, count = said[number].width;

	if (first == WHOLE)
		memset(world.browser.stale, 0, sizeof(world.browser.stale));
	else if (get_u32(world.browser.head + 24) == 0)
		memset(world.browser.stale + first, 0, count * sizeof(bool));
}

/* The backlog's own REINIT has no number: what is missing since the last message was before it. */
static void begin_message(uint32_t number, enum kdrive_message type)
{
	if (number == 0) {
		assert_int_equal(type, KDRIVE_MESSAGE_REINIT);
		assert_true(world.given_up);
		world.browser.gap = false;
		memset(world.browser.stale, 0, sizeof(world.browser.stale));
		world.browser.begun_anew = true;
		return;
	}
	assert_true(number > world.browser.last && number <= world.agent.number);
	assert_int_equal(said[number].type, type);
	for (uint32_t missing = world.browser.last + 1; missing < number; missing++) {
		enum kdrive_message was = (enum kdrive_message)said[missing].type;

		if (was == KDRIVE_MESSAGE_FRAME || was == KDRIVE_MESSAGE_DELETED) {
			if (!world.browser.begun_anew)
				miss_picture(missing);
		} else if (was == KDRIVE_MESSAGE_DEMAND_SELECTION)
			assert_true(world.browser.may_miss_demands);
		else if (was != KDRIVE_MESSAGE_REINIT)
			assert_true(world.browser.may_miss_others);
	}
	world.browser.begun_anew = false;
	if (type == KDRIVE_MESSAGE_REINIT) {
		world.browser.gap = false;
		memset(world.browser.stale, 0, sizeof(world.browser.stale));
	} else if (type == KDRIVE_MESSAGE_FRAME || type == KDRIVE_MESSAGE_DELETED) {
		assert_false(world.browser.gap);
		world.browser.pictures++;
		if (type == KDRIVE_MESSAGE_FRAME)
			see_picture(number);
	}
	world.browser.last = number;
	world.browser.messages++;
}

/* Bytes of the message that has the last number, or of the backlog's own REINIT. */
static void assert_said(size_t at, const uint8_t *data, size_t length)
{
	static const uint8_t reinit[KDRIVE_HEADER_BYTES] = {KDRIVE_MESSAGE_REINIT};
	uint32_t number = world.browser.begun_anew ? 0 : world.browser.last;

	assert_true(at + length <= (number != 0 ? said[number].length : sizeof(reinit)));
	assert_memory_equal(
	    data, number != 0 ? world.agent.bytes + said[number].at + at : reinit + at, length);
}

static void receive(const uint8_t *data, size_t length)
{
	struct kdrive_span span;

	for (; length != 0; data += span.length, length -= span.length) {
		size_t part;

		assert_true(kdrive_frames_take(&world.browser.frames, data, length, &span));
		if (span.begins)
			world.browser.head_bytes = world.browser.received = 0;
		part = KDRIVE_HEADER_BYTES - world.browser.head_bytes;
		if (part > span.length)
			part = span.length;
		memcpy(world.browser.head + world.browser.head_bytes, data, part);
		if (part != 0 && (world.browser.head_bytes += part) == KDRIVE_HEADER_BYTES) {
			begin_message(get_u32(world.browser.head + 52), span.type);
			assert_said(0, world.browser.head, KDRIVE_HEADER_BYTES);
		}
		world.browser.received += span.length;
		if (span.length != part)
			assert_said(world.browser.received - span.length + part, data + part,
			    span.length - part);
	}
}

/* --- the relay ---*/

static void shed(bool all);

static void check_amounts(void)
{
	assert_int_equal(world.backlog.end - world.backlog.sent, backlog_unsent(&world.backlog));
	assert_int_equal(
	    world.backlog.sent - world.backlog.base, backlog_in_flight(&world.backlog));
	assert_true(backlog_pictures(&world.backlog) <= backlog_unsent(&world.backlog));
	assert_true(world.backlog.marked_bytes <= backlog_unsent(&world.backlog));
	assert_true(world.backlog.limbo_bytes < KDRIVE_HEADER_BYTES);
}

/* Where memory is limited everything that waits is left out past that. What stays is what was on
 * its way, the rest of a message that was cut, and messages that are nothing but a header. */
static void bound(void)
{
	size_t dear = world.agent.dear * KDRIVE_HEADER_BYTES;

	if (world.most_bytes == 0)
		return;
	if (backlog_unsent(&world.backlog) > world.most_bytes) {
		shed(true);
		assert_true(world.backlog.marked_bytes <= dear);
	}
	assert_true(backlog_unsent(&world.backlog) <= world.most_bytes + MESSAGE_MOST + dear);
	assert_true(backlog_in_flight(&world.backlog) <= world.most_bytes);
}

bool world_fill(void)
{
	bool broken, more = world.agent.read != world.agent.length;
	ssize_t received = backlog_fill(&world.backlog, world_read_agent, NULL, &broken);

	assert_int_equal(received > 0, more);
	assert_true(received >= 0);
	if (broken) {
		assert_true(world.agent.nonsense);
		return false;
	}
	bound();
	check_amounts();
	return true;
}

void world_send_some(void)
{
	size_t part = backlog_unsent(&world.backlog);
	size_t room = world.most_bytes - backlog_in_flight(&world.backlog);

	if (world.most_bytes != 0 && part > room)
		part = room;
	if (part == 0)
		return;
	part = 1 + random_below((uint32_t)part);
	evbuffer_copyout(world.backlog.unsent, world.wire + world.wire_bytes, part);
	world.wire_bytes += part;
	evbuffer_remove_buffer(world.backlog.unsent, world.backlog.kept, part);
	backlog_note_sent(&world.backlog, part);
}

static void deliver(size_t part)
{
	receive(world.wire, part);
	world.browser.position += part;
	world.wire_bytes -= part;
	memmove(world.wire, world.wire + part, world.wire_bytes);
}

static void rebuild(void)
{
	world.agent.rebuilds++;
}

static void start_afresh(void)
{
	uint64_t before = world.backlog.sent;

	assert_true(backlog_start_afresh(&world.backlog));
	/* Nobody goes on here who was there before. */
	assert_false(backlog_reaches(&world.backlog, before));
	rebuild();
	world.wire_bytes = 0;
	world.browser.position = world.backlog.sent;
	world.browser.frames = (struct kdrive_frames){0};
	world.browser.head_bytes = 0;
	world.browser.may_miss_others = world.browser.may_miss_demands = true;
	world.browser.gap = true;
	world.browser.begun_anew = false;
}

static void cut(void)
{
	if (world.wire_bytes != 0)
		deliver(random_below((uint32_t)world.wire_bytes + 1));
	world.wire_bytes = 0;
	assert_true(backlog_reaches(&world.backlog, world.browser.position));
	if (random_below(8) == 0) {
		start_afresh();
		return;
	}
	backlog_rewind(&world.backlog, world.browser.position);
	assert_int_equal(world.backlog.sent, world.browser.position);
}

static void shed(bool all)
{
	bool blind = world.backlog.state == BACKLOG_STATE_BLIND;

	assert_true(backlog_shed(&world.backlog, all));
	assert_int_equal(backlog_pictures(&world.backlog), 0);
	if (all)
		world.browser.may_miss_others = true;
	if (!blind)
		rebuild();
}

static void thin(void)
{
	if (world.backlog.state != BACKLOG_STATE_OPEN || !backlog_knows_screen(&world.backlog))
		return;
	assert_true(backlog_thin(&world.backlog, random_below(600)));
	world.thinned = true;
}

static void ask(void)
{
	struct damage_rect rect;

	if (world.backlog.state != BACKLOG_STATE_THIN || world.backlog.asked.width != 0 ||
	    !damage_take(&world.backlog.damage, random_below(4000), &rect))
		return;
	if (answer(&rect))
		world.backlog.asked = rect;
	else
		damage_add(&world.backlog.damage, &rect);
}

bool world_step(void)
{
	switch (random_below(24)) {
	case 0:
		cut();
		break;
	case 1:
		shed(random_below(4) == 0);
		break;
	case 2:
		assert_true(backlog_set_blind(&world.backlog, true));
		break;
	case 3:
		if (world.backlog.state == BACKLOG_STATE_BLIND) {
			assert_true(backlog_set_blind(&world.backlog, false));
			rebuild();
		}
		break;
	case 4:
	case 5:
		assert_true(backlog_acknowledge(&world.backlog, world.browser.position));
		break;
	case 6:
	case 7:
	case 8:
		world_send_some();
		break;
	case 9:
	case 10:
		if (world.wire_bytes != 0)
			deliver(1 + random_below((uint32_t)world.wire_bytes));
		break;
	case 11:
		/* The answer may come all the same, some time. */
		if (random_below(4) == 0) {
			world.given_up |= world.backlog.state == BACKLOG_STATE_SHEDDING;
			assert_true(backlog_give_up_waiting(&world.backlog));
		}
		break;
	case 12:
		thin();
		break;
	case 13:
		ask();
		break;
	case 14:
		if (world.backlog.asked.width == 0)
			backlog_thicken(&world.backlog);
		break;
	default:
		return world_fill();
	}
	return true;
}

/* What the browser shows as it was is known to be so, and will be asked for. */
static void check_damage(void)
{
	if (world.backlog.state != BACKLOG_STATE_OPEN && world.backlog.state != BACKLOG_STATE_THIN)
		return;
	for (uint32_t place = 0; place < WORLD_PLACES; place++) {
		size_t before = world.backlog.damage.stale;
		struct damage_rect rect = {DAMAGE_TILE_PIXELS * place, 0, 1, 1};

		damage_add(&world.backlog.damage, &rect);
		if (world.browser.stale[place])
			assert_int_equal(world.backlog.damage.stale, before);
	}
}

/* False: the agent's nonsense has been found. */
static bool let_all_arrive(void)
{
	while (world.agent.read != world.agent.length)
		if (!world_fill())
			return false;
	assert_false(world.agent.nonsense);
	deliver(world.wire_bytes);
	while (backlog_unsent(&world.backlog) != 0) {
		world_send_some();
		deliver(world.wire_bytes);
	}
	assert_true(backlog_acknowledge(&world.backlog, world.browser.position));
	assert_int_equal(backlog_in_flight(&world.backlog), 0);
	assert_int_equal(world.backlog.sent, world.backlog.end);
	assert_int_equal(world.browser.position, world.backlog.end);
	return true;
}

/* The agent answers, and shows something: nothing is left that has to be caught up with. */
static void catch_up(void)
{
	backlog_thicken(&world.backlog);
	if (world.agent.rebuilds != 0)
		say(KDRIVE_MESSAGE_REINIT);
	say(KDRIVE_MESSAGE_FRAME);
	assert_true(let_all_arrive());
	assert_int_equal(world.backlog.state, BACKLOG_STATE_OPEN);
	assert_false(world.browser.gap);
	assert_int_equal(world.browser.last, world.agent.number);
	assert_int_equal(world.browser.received, said[world.agent.number].length);
}

void world_settle(void)
{
	world.most_bytes = 0;
	if (world.backlog.state == BACKLOG_STATE_BLIND) {
		assert_true(backlog_set_blind(&world.backlog, false));
		rebuild();
	}
	if (!let_all_arrive())
		return;
	if (!world.browser.gap && !world.browser.begun_anew)
		for (uint32_t number = world.browser.last + 1; number <= world.agent.number;
		     number++)
			if (said[number].type == KDRIVE_MESSAGE_FRAME)
				miss_picture(number);
	if (!world.browser.gap)
		check_damage();
	if (!world.agent.silent)
		catch_up();
}

void world_reset(void)
{
	memset(&world.agent, 0, sizeof(world.agent));
	memset(&world.browser, 0, sizeof(world.browser));
	world.wire_bytes = 0;
	world.given_up = world.thinned = false;
	world.most_bytes = 0;
	backlog_reset(&world.backlog);
}
