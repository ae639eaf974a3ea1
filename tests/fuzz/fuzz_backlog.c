/* links: proto brokerd/session/backlog.c brokerd/session/damage.c */
/* links: brokerd/session/kdrive_frames.c tests/unit/backlog_world.c */
/* SPDX-License-Identifier: ISC */
/*
 * brokerd/session/backlog and kdrive_frames: the input chooses what the agent says, how it is cut,
 * and what relay and network do meanwhile. The browser gets every message whole and once, but for
 * pictures that were left out; headers that may mean anything are followed or refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/backlog_world.h"

#define STEPS_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t left;

/* Two bytes for what needs them. Past the end of the input always the same. */
static uint32_t choose_below(uint32_t limit)
{
	uint32_t value = 0;

	for (uint32_t covered = 1; covered < limit && left != 0; covered *= 256) {
		value = value * 256 + *input++;
		left--;
	}
	return value % limit;
}

static void say_anything(void)
{
	uint8_t header[KDRIVE_HEADER_BYTES] = {0};
	size_t part = left < sizeof(header) ? left : sizeof(header);

	memcpy(header, input, part);
	input += part;
	left -= part;
	world_say_anything(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool fine = true;

	/* Outside of a test of cmocka's a failed assertion is to be seen as a crash. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	input = data;
	left = size;
	world.below = choose_below;
	assert_true(backlog_init(&world.backlog));
	world.backlog.piece_bytes_min = choose_below(2) ? SIZE_MAX : 100;
	world_reset();
	for (unsigned i = 0; fine && left != 0 && i < STEPS_MAX; i++) {
		uint32_t choice = choose_below(16);

		if (choice == 15)
			say_anything();
		else if (choice >= 6)
			world_let_agent_speak();
		else
			fine = world_step();
	}
	if (fine)
		world_settle();
	backlog_finish(&world.backlog);
	return 0;
}
