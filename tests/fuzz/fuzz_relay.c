/* SPDX-License-Identifier: ISC */
/* links: proto tests/unit/fake_tunnel.c tests/fuzz/relay_page.c */
/* links: brokerd/session/relay.c brokerd/session/relay_browser.c brokerd/session/relay_agent.c */
/* links: brokerd/session/relay_door.c brokerd/session/relay_words.c brokerd/session/relay_flow.c */
/* links: brokerd/session/relay_pace.c brokerd/session/relay_rouse.c */
/* links: brokerd/session/relay_thin.c */
/* links: brokerd/session/backlog.c brokerd/session/damage.c brokerd/session/kdrive_frames.c */
/* links: brokerd/session/kdrive_events.c brokerd/session/ws.c brokerd/session/ws_in.c */
/* links: brokerd/session/ws_out.c brokerd/session/ws_listener.c */
/* links: brokerd/session/ws_handshake.c */
/*
 * brokerd/session/relay, all of it: the input chooses what three pages and an agent say, when they
 * come, stall and go. A position of a stream means one byte for whoever is given it; a page that
 * keeps the rules gets messages whole and in order, and no picture after a gap before REINIT. The
 * agent gets what it survives, in order, nothing twice, and nothing is missing while a page has the
 * stream to itself. What waits is bounded.
 */
#include <assert.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "brokerd/session/kdrive_frames.h"
#include "brokerd/session/relay_internal.h"
#include "brokerd/session/ws.h"
#include "proto/log.h"
#include "tests/fuzz/relay_page.h"
#include "tests/unit/fake_tunnel.h"

#define STEPS_MAX    400
#define BUFFER_BYTES (96 * 1024)
/* Read from the agent before what waits is looked at. */
#define PUMP_BYTES (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the input ------------------------------------------------------------------------------- */

static const uint8_t *input;
static size_t left;

uint32_t choose_below(uint32_t limit)
{
	uint32_t value = 0;

	for (uint32_t covered = 1; covered < limit && left != 0; covered *= 256) {
		value = value * 256 + *input++;
		left--;
	}
	return value % limit;
}

size_t take_input(uint8_t *out, size_t size)
{
	size_t part = left < size ? left : size;

	memcpy(out, input, part);
	input += part;
	left -= part;
	return part;
}

/* --- the world ------------------------------------------------------------------------------- */

static struct {
	struct event_base *base;
	struct ssh *ssh;
	struct relay *relay;
	struct relay_page pages[RELAY_PAGES];
	enum stream_state state;
	bool sized;		    /* its pictures of the whole screen say how large that is */
	struct evbuffer *rest;	    /* of what the agent has said in part */
	struct kdrive_events judge; /* of what the agent gets */
} world;

static bool is_streaming(void)
{
	return world.relay->phase == RELAY_PHASE_WAITING ||
	       world.relay->phase == RELAY_PHASE_ATTACHED || world.relay->phase == RELAY_PHASE_LEFT;
}

static void on_state(
    struct relay *relay, enum stream_state state, enum error_code reason, void *arg)
{
	(void)relay;
	(void)arg;
	assert(state != world.state);
	assert(state == STREAM_STATE_NONE || reason == ERROR_NONE);
	world.state = state;
}

static void on_agent_ended(struct relay *relay, void *arg)
{
	(void)arg;
	if (choose_below(2) == 0)
		relay_stop(relay, ERROR_ENDED, NULL);
}

static void on_done(enum error_code error, const char *detail, void *arg)
{
	(void)error;
	(void)detail;
	(void)arg;
}

static void turn(void)
{
	const struct backlog *backlog = &world.relay->backlog;

	for (unsigned i = 0; i < 6; i++)
		event_base_loop(world.base, EVLOOP_NONBLOCK);
	if (!is_streaming())
		return;
	assert(backlog_unsent(backlog) <= BUFFER_BYTES);
	assert(backlog_in_flight(backlog) <= RELAY_FLOW_FIRST_BYTES + 2 * PUMP_BYTES);
	assert(backlog->end - backlog->sent == backlog_unsent(backlog));
	assert(backlog->sent - backlog->base == backlog_in_flight(backlog));
}

static void start_stream(void)
{
	if (world.relay->phase != RELAY_PHASE_IDLE)
		return;
	evbuffer_drain(fake.received, evbuffer_get_length(fake.received));
	evbuffer_drain(fake.to_read, evbuffer_get_length(fake.to_read));
	evbuffer_drain(world.rest, evbuffer_get_length(world.rest));
	memset(stream.known, 0, GIVEN_BYTES_MAX * sizeof(stream.known[0]));
	stream = (struct relay_stream){.name = stream.name,
	    .opening = KDRIVE_OPENING_BYTES,
	    .given = stream.given,
	    .known = stream.known};
	kdrive_events_init(&world.judge, 1024, 768);
	relay_start(world.relay, world.ssh, 30001, "00112233445566778899aabbccddeeff", 1024, 768,
	    60000, on_done, NULL);
	turn();
}

static void set_up(void)
{
	uint32_t kind = choose_below(4);
	struct relay_settings settings = {.base = world.base,
	    .login = "0123456789abcdef",
	    .origin = RELAY_ORIGIN,
	    .attach_deadline_ms = 60000,
	    .grace_ms = 60000,
	    .when_left = kind % 2 != 0 ? WHEN_LEFT_LEAVE : WHEN_LEFT_SUSPEND,
	    .buffer_bytes = BUFFER_BYTES,
	    .delay_bytes = BUFFER_BYTES >> choose_below(3),
	    .rebuild_ms = choose_below(4) == 0 ? 1 : 0};
	static const struct relay_handlers handlers = {
	    .state = on_state, .agent_ended = on_agent_ended};
	struct sockaddr_un any = {.sun_family = AF_UNIX};

	EVP_Digest(
	    RELAY_COOKIE, strlen(RELAY_COOKIE), settings.cookie_hash, NULL, EVP_sha256(), NULL);
	settings.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	relay_address_length = sizeof(relay_address);
	/* A name that the system chooses. */
	assert(bind(settings.listener, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 &&
	       listen(settings.listener, 64) == 0 &&
	       getsockname(settings.listener, (struct sockaddr *)&relay_address,
		   &relay_address_length) == 0);
	world.state = STREAM_STATE_NONE;
	world.sized = kind >= 2;
	world.ssh = fake_tunnel_init(world.base);
	world.relay = relay_create(&settings, &handlers, NULL);
	assert(world.relay != NULL);
	stream.name = world.relay->stream;
	for (unsigned i = 0; i < RELAY_PAGES; i++)
		relay_page_init(&world.pages[i], i);
	start_stream();
}

static void tear_down(void)
{
	relay_destroy(world.relay);
	assert(fake.open_now == 0);
	fake_tunnel_finish();
	for (unsigned i = 0; i < RELAY_PAGES; i++)
		relay_page_finish(&world.pages[i]);
}

/* --- the agent ------------------------------------------------------------------------------- */

static uint8_t message[KDRIVE_HEADER_BYTES + KDRIVE_REGION_BYTES + 65536];

static void say_rest(void)
{
	size_t length = evbuffer_get_length(world.rest);

	fake_tunnel_say(evbuffer_pullup(world.rest, -1), length);
	evbuffer_drain(world.rest, length);
}

static bool has_said_enough(void)
{
	return stream.number + 1 == sizeof(stream.said) / sizeof(stream.said[0]);
}

/* With so many bytes of data. No header looks like what follows them. */
static size_t put_message(enum kdrive_message type, size_t data)
{
	memset(message, 0, KDRIVE_HEADER_BYTES);
	memset(message + KDRIVE_HEADER_BYTES, 0xee, sizeof(message) - KDRIVE_HEADER_BYTES);
	put_u32(message, type);
	put_u32(message + 52, ++stream.number);
	stream.said[stream.number] = (struct page_said){.type = type};
	switch (type) {
	case KDRIVE_MESSAGE_FRAME:
		message[20] = 1;
		memset(message + KDRIVE_HEADER_BYTES, 0, KDRIVE_REGION_BYTES);
		put_u32(message + KDRIVE_HEADER_BYTES + 28, (uint32_t)data);
		return KDRIVE_HEADER_BYTES + KDRIVE_REGION_BYTES + data;
	case KDRIVE_MESSAGE_CURSOR:
		put_u32(message + 24, (uint32_t)data);
		return KDRIVE_HEADER_BYTES + data;
	case KDRIVE_MESSAGE_SELECTION:
		put_u32(message + 12, (uint32_t)data);
		return KDRIVE_HEADER_BYTES + data;
	case KDRIVE_MESSAGE_DELETED:
		put_u32(message + 4, (uint32_t)data / 4);
		return KDRIVE_HEADER_BYTES + data / 4 * 4;
	default:
		return KDRIVE_HEADER_BYTES;
	}
}

/* Of so many places from first on; count 0: of all of them. */
static void put_place(uint32_t first, uint32_t count, bool cached)
{
	uint32_t width = count != 0 ? count : world.sized ? RELAY_PLACES : 0;

	put_u32(message + 4, width * DAMAGE_TILE_PIXELS);
	put_u32(message + 8, DAMAGE_TILE_PIXELS);
	put_u32(message + 12, count != 0 ? first * DAMAGE_TILE_PIXELS : UINT32_MAX);
	put_u32(message + 16, count != 0 ? 0 : UINT32_MAX);
	put_u32(message + 24, cached ? stream.number : 0);
	stream.said[stream.number].places = ((1u << count) - 1) << first;
	stream.said[stream.number].cached = cached;
	stream.sized |= count == 0 && world.sized;
}

/* A part now, the rest some time. */
static void say_part(size_t length)
{
	size_t part = choose_below(4) == 0 ? choose_below((uint32_t)length) : length;

	fake_tunnel_say(message, part);
	evbuffer_add(world.rest, message + part, length - part);
}

static void say_message(enum kdrive_message type)
{
	size_t data = choose_below(2) ? choose_below(65536) : choose_below(200), length;

	if (has_said_enough())
		return;
	say_rest();
	length = put_message(type, data);
	if (type == KDRIVE_MESSAGE_FRAME) {
		uint32_t kind = choose_below(32);

		put_place(kind / 2 % RELAY_PLACES, kind % 2, kind % 2 != 0 && kind >= 16);
	}
	say_part(length);
}

/* An UPDATE: it shows what is there, or forgets it. */
static void answer(const uint8_t *event)
{
	uint32_t count = get_u32(event + 4) / DAMAGE_TILE_PIXELS;
	uint32_t first = get_u32(event + 12) / DAMAGE_TILE_PIXELS;
	size_t length;

	if (count == 0 || first + count > RELAY_PLACES || choose_below(4) == 3 || has_said_enough())
		return;
	say_rest();
	length = put_message(KDRIVE_MESSAGE_FRAME, choose_below(8192));
	put_place(first, count, false);
	say_part(length);
}

/* A motion has its page and number. */
static void hear_motion(const uint8_t *event)
{
	uint32_t page = get_u32(event + 4), number = get_u32(event + 8);
	assert(page < RELAY_PAGES && number > stream.events[page]);
	assert(number == stream.events[page] + 1 || stream.may_lack[page]);
	stream.events[page] = number;
}

/* It takes whole events in an order that makes sense, from the opening on. */
static void hear_agent(void)
{
	size_t length = evbuffer_get_length(fake.received), used = 0;
	const uint8_t *data;

	if (length < stream.opening)
		return;
	evbuffer_drain(fake.received, stream.opening);
	length -= stream.opening;
	stream.opening = 0;
	data = evbuffer_pullup(fake.received, -1);
	while (used < length) {
		const char *reason = NULL;
		size_t unit = 0;
		enum kdrive_verdict verdict;

		/* Where an UPDATE may lie is another fuzzer's matter: sizes come later. */
		world.judge.width = world.judge.height = SCREEN_MAX;
		verdict =
		    kdrive_events_judge(&world.judge, data + used, length - used, &unit, &reason);
		/* The relay says its version again to an agent that does not answer. */
		assert(verdict == KDRIVE_VERDICT_PASS ||
		       get_u32(data + used) == KDRIVE_EVENT_CLIENT_VERSION);
		if (get_u32(data + used) == KDRIVE_EVENT_MOUSE_MOTION)
			hear_motion(data + used);
		if (get_u32(data + used) == KDRIVE_EVENT_UPDATE)
			answer(data + used);
		used += unit;
	}
	evbuffer_drain(fake.received, used);
}

static void say_something(void)
{
	static const enum kdrive_message types[] = {KDRIVE_MESSAGE_FRAME, KDRIVE_MESSAGE_FRAME,
	    KDRIVE_MESSAGE_FRAME, KDRIVE_MESSAGE_DELETED, KDRIVE_MESSAGE_CURSOR,
	    KDRIVE_MESSAGE_SELECTION, KDRIVE_MESSAGE_REINIT, KDRIVE_MESSAGE_DEMAND_SELECTION};

	say_message(types[choose_below(8)]);
}

static void say_anything(void)
{
	uint8_t bytes[64];

	stream.nonsense = true;
	fake_tunnel_say(bytes, take_input(bytes, sizeof(bytes)));
}

/* For the relay, which else would have to be waited for. */
static void pass_time(uint64_t ms)
{
	struct relay *relay = world.relay;

	if (!is_streaming() || relay->agent == NULL)
		return;
	relay->weighed_ms -= ms;
	relay->asked_ms -= ms;
	relay->flow.painted_ms -= ms;
	relay->flow.round_trip_at_ms -= ms;
	for (size_t i = 0; i < relay->flow.send_count; i++) {
		relay->flow.sends[i].at_ms -= ms;
		relay->flow.sends[i].painted_ms -= ms;
	}
	event_active(relay->turn, EV_TIMEOUT, 0);
}

static void step(void)
{
	struct relay_page *page = &world.pages[choose_below(RELAY_PAGES)];

	switch (choose_below(24)) {
	case 0:
	case 1:
		relay_page_come(page);
		break;
	case 2:
		relay_page_drop(page);
		break;
	case 3:
	case 4:
		relay_page_read(page, 1 + choose_below(2000));
		break;
	case 5:
	case 6:
	case 7:
		relay_page_read(page, SIZE_MAX);
		break;
	case 8:
	case 9:
		relay_page_acknowledge(page);
		break;
	case 10:
		relay_page_say(page, choose_below(2) ? "hide" : "show");
		break;
	case 11:
		relay_page_say(page, "ping x");
		break;
	case 12:
		relay_page_send_events(page);
		break;
	case 13:
		relay_page_say_wildly(page);
		break;
	case 14:
		if (choose_below(8) == 0)
			say_anything();
		break;
	case 15:
		if (choose_below(8) == 0)
			fake_tunnel_end(choose_below(2) ? ERROR_ENDED : ERROR_SSH_LOST);
		break;
	case 16:
		if (choose_below(8) == 0)
			relay_stop(world.relay, ERROR_LOGOUT, NULL);
		break;
	case 17:
		fake.window_closed = !fake.window_closed;
		if (!fake.window_closed)
			fake_tunnel_open_window();
		break;
	case 18:
		start_stream();
		break;
	case 19:
		pass_time(20 << choose_below(8));
		break;
	default:
		say_something();
		break;
	}
	if (choose_below(4) != 0)
		turn();
	hear_agent();
}

static bool is_known_stale(uint32_t place)
{
	struct backlog *backlog = &world.relay->backlog;
	struct damage_rect rect = {(int64_t)place * DAMAGE_TILE_PIXELS, 0, 1, 1};
	size_t before = backlog->damage.stale;

	damage_add(&backlog->damage, &rect);
	return backlog->damage.stale == before ||
	       (rect.x >= backlog->asked.x && rect.x < backlog->asked.x + backlog->asked.width);
}

/* A page that has received all that there was lacks pictures only if REINIT is awaited; of the
 * others that it lacks their places are to be asked for. */
static void check_lack(struct relay_page *page)
{
	const struct backlog *backlog = &world.relay->backlog;
	bool all = backlog->state == BACKLOG_STATE_OPEN || backlog->state == BACKLOG_STATE_THIN;
	char name[RELAY_TOKEN_CHARS + 1];

	snprintf(name, sizeof(name), "page%u", page->mine);
	for (unsigned i = 0; i < 4; i++)
		relay_page_read(page, SIZE_MAX);
	if (!page->open || page->wild || page->begun_anew || stream.nonsense || !all ||
	    world.relay->phase != RELAY_PHASE_ATTACHED || strcmp(name, world.relay->page) != 0 ||
	    page->down != backlog->end || backlog->limbo_bytes != 0 ||
	    backlog->frames.head_bytes != 0 || backlog->frames.in_region || backlog->reinit_due ||
	    evbuffer_get_length(fake.to_read) != 0 || evbuffer_get_length(world.rest) != 0)
		return;
	relay_page_miss_rest(page);
	assert(!page->gap);
	for (uint32_t place = 0; place < RELAY_PLACES; place++)
		assert((page->stale >> place & 1) == 0 || is_known_stale(place));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	left = size;
	if (world.base == NULL) {
		log_init("fuzz_relay", LOG_LEVEL_ERROR);
		world.base = event_base_new();
		world.rest = evbuffer_new();
		stream.given = calloc(GIVEN_BYTES_MAX, 1);
		stream.known = calloc(GIVEN_BYTES_MAX, sizeof(bool));
	}
	set_up();
	for (unsigned i = 0; left != 0 && i < STEPS_MAX; i++)
		step();
	turn();
	for (unsigned i = 0; i < RELAY_PAGES; i++)
		check_lack(&world.pages[i]);
	tear_down();
	return 0;
}
