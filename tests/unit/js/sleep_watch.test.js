/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SLEPT_MS, SleepWatch, TICK_MS } from "../../../www/js/stream/sleep_watch.js";
import { FakeTime } from "./fake_time.js";

function setUp() {
	const time = new FakeTime();
	const seen = { sleptMs: 0, woken: 0 };
	const watch = new SleepWatch({
		onWoken: () => (seen.woken += 1),
		wallClock: () => time.now() + seen.sleptMs,
		setTimer: time.setTimer,
		clearTimer: time.clearTimer,
	});
	watch.start();
	return { time, seen, watch };
}

test("a computer that has slept is noticed soon, once for each time", () => {
	const { time, seen } = setUp();
	time.advance(60_000);
	assert.equal(seen.woken, 0);
	seen.sleptMs += 600_000;
	time.advance(TICK_MS);
	assert.equal(seen.woken, 1);
	time.advance(60_000);
	assert.equal(seen.woken, 1);
	seen.sleptMs += 60_000;
	time.advance(TICK_MS);
	assert.equal(seen.woken, 2);
});

test("a machine that is busy, and a clock that is set right, are no sleep", () => {
	const { time, seen } = setUp();
	for (const ms of [SLEPT_MS - 100, 500, -3_600_000, SLEPT_MS - 100]) {
		seen.sleptMs += ms;
		time.advance(10 * TICK_MS);
	}
	assert.equal(seen.woken, 0);
});

test("while nobody looks no timer runs", () => {
	const { time, seen, watch } = setUp();
	watch.stop();
	assert.equal(time.pending, 0);
	seen.sleptMs += 600_000;
	time.advance(60_000);
	watch.start();
	watch.start();
	assert.equal(time.pending, 1);
	time.advance(60_000);
	assert.equal(seen.woken, 0);
});
