/* SPDX-License-Identifier: ISC */
/* What fingers mean, with a clock that the test turns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DOUBLE_TAP_MS, HOLD_MS, TAP_MS, Touch } from "../../../www/js/input/touch.js";
import { FakeTime } from "./fake_time.js";

function setUp({ larger = false } = {}) {
	const time = new FakeTime();
	/** @type {string[]} */
	const seen = [];
	let ring = false;
	const round = (/** @type {number[]} */ ...values) =>
		values.map((v) => Math.round(v * 100) / 100);
	const touch = new Touch({
		...time,
		now: time.now,
		setTimer: time.setTimer,
		clearTimer: time.clearTimer,
		point: ({ x, y }, buttons) => seen.push(`${x},${y}:${buttons}`),
		scroll: (dx, dy) => seen.push(`scroll ${round(dx, dy)}`),
		canPan: () => larger,
		pan: (dx, dy) => seen.push(`pan ${round(dx, dy)}`),
		zoom: (factor, at) => seen.push(`zoom ${round(factor)} at ${round(at.x, at.y)}`),
		ring: (at) => (ring = at !== null),
	});
	/** @param {number} id @param {number} x @param {number} y */
	const down = (id, x, y) => touch.down({ id, x, y });
	/** @param {number} id @param {number} x @param {number} y */
	const move = (id, x, y) => touch.move({ id, x, y });
	const up = (/** @type {number} */ id) => touch.up(id);
	return {
		...{ time, touch, down, move, up },
		ringShown: () => ring,
		/** What has come out since it was asked last. */
		seen: () => seen.splice(0),
	};
}

test("a tap is a click where the finger came down, a trembling one too", () => {
	const { down, move, up, time, seen, touch } = setUp();
	down(1, 50, 60);
	move(1, 56, 63);
	time.advance(100);
	up(1);
	assert.deepEqual(seen(), ["50,60:0", "50,60:1", "50,60:0"]);
	assert.equal(touch.state, "idle");
	assert.equal(time.pending, 0);
});

test("both clicks of a double tap are at one place", () => {
	const { down, up, time, seen } = setUp();
	down(1, 50, 60);
	up(1);
	seen();
	time.advance(DOUBLE_TAP_MS - 50);
	down(2, 61, 72);
	up(2);
	assert.deepEqual(seen(), ["50,60:0", "50,60:1", "50,60:0"]);
	time.advance(DOUBLE_TAP_MS + 1);
	down(3, 61, 72);
	up(3);
	assert.deepEqual(seen(), ["61,72:0", "61,72:1", "61,72:0"]);
});

test("held still: a ring, then the right button when it is let go", () => {
	const { down, up, time, seen, ringShown, touch } = setUp();
	down(1, 10, 20);
	assert.equal(ringShown(), false);
	time.advance(HOLD_MS - 1);
	assert.equal(ringShown(), true);
	assert.deepEqual(seen(), []);
	time.advance(1);
	assert.deepEqual(seen(), ["10,20:0"]);
	assert.equal(ringShown(), true);
	up(1);
	assert.deepEqual(seen(), ["10,20:0", "10,20:2", "10,20:0"]);
	assert.equal(ringShown(), false);
	assert.equal(touch.state, "idle");
});

test("let go before the ring is full is a tap", () => {
	const { down, up, time, seen, ringShown } = setUp();
	down(1, 10, 20);
	time.advance(HOLD_MS - 1);
	up(1);
	assert.deepEqual(seen(), ["10,20:0", "10,20:1", "10,20:0"]);
	time.advance(1000);
	assert.deepEqual(seen(), []);
	assert.equal(ringShown(), false);
});

test("held, then moved: drags from where it was held", () => {
	const { down, move, up, time, seen, ringShown } = setUp();
	down(1, 10, 20);
	time.advance(HOLD_MS);
	seen();
	move(1, 15, 20);
	assert.deepEqual(seen(), []);
	move(1, 30, 20);
	assert.equal(ringShown(), false);
	move(1, 60, 70);
	up(1);
	assert.deepEqual(seen(), ["10,20:0", "10,20:1", "30,20:1", "60,70:1", "60,70:0"]);
});

test("tapped, then at once down and moved: drags", () => {
	const { down, move, up, time, seen } = setUp();
	down(1, 10, 20);
	up(1);
	seen();
	time.advance(100);
	down(2, 12, 22);
	move(2, 40, 22);
	up(2);
	assert.deepEqual(seen(), ["10,20:0", "10,20:1", "40,22:1", "40,22:0"]);
});

test("moved at once: the pointer follows, and nothing is pressed", () => {
	const { down, move, up, time, seen } = setUp();
	down(1, 10, 20);
	move(1, 30, 20);
	move(1, 50, 25);
	time.advance(HOLD_MS * 2);
	up(1);
	assert.deepEqual(seen(), ["30,20:0", "50,25:0"]);
});

test("moved at once on a view larger than its box: the view goes with the finger", () => {
	const { down, move, up, seen } = setUp({ larger: true });
	down(1, 10, 20);
	move(1, 30, 20);
	move(1, 25, 28);
	up(1);
	assert.deepEqual(seen(), ["pan 20,0", "pan -5,8"]);
});

test("two fingers, three fingers: right and middle button where the first was", () => {
	for (const [fingers, button] of [
		[2, 2],
		[3, 4],
	]) {
		const { down, up, time, seen, touch } = setUp();
		for (let id = 1; id <= fingers; id++) {
			down(id, id * 40, 20);
			time.advance(20);
		}
		for (let id = fingers; id >= 1; id--) up(id);
		assert.deepEqual(seen(), ["40,20:0", `40,20:${button}`, "40,20:0"]);
		assert.equal(touch.state, "idle");
	}
});

test("two fingers that rest are no tap", () => {
	const { down, up, time, seen } = setUp();
	down(1, 40, 20);
	down(2, 80, 20);
	time.advance(TAP_MS + 1);
	up(1);
	up(2);
	assert.deepEqual(seen(), []);
});

test("two fingers together scroll what is under them along with them", () => {
	const { down, move, up, seen, touch } = setUp();
	down(1, 100, 100);
	down(2, 160, 100);
	move(1, 100, 108);
	assert.deepEqual(seen(), []);
	move(2, 160, 116);
	assert.deepEqual(seen(), ["100,100:0", "scroll 0,-12"]);
	move(1, 100, 128);
	move(2, 150, 116);
	assert.deepEqual(seen(), ["scroll 0,-10", "scroll 5,0"]);
	up(1);
	move(2, 150, 300);
	up(2);
	assert.deepEqual(seen(), []);
	assert.equal(touch.state, "idle");
});

test("two fingers apart zoom the view at their middle, and press nothing", () => {
	const { down, move, up, seen } = setUp();
	down(1, 100, 100);
	down(2, 200, 100);
	move(2, 250, 100);
	assert.deepEqual(seen(), ["pan 25,0", "zoom 1.5 at 175,100"]);
	move(1, 50, 100);
	assert.deepEqual(seen(), ["pan -25,0", "zoom 1.33 at 150,100"]);
	up(2);
	up(1);
	assert.deepEqual(seen(), []);
});

test("a finger that lay alone and moved can be joined by another", () => {
	const { down, move, seen } = setUp();
	down(1, 100, 100);
	move(1, 120, 100);
	seen();
	down(2, 160, 100);
	move(1, 120, 130);
	move(2, 160, 130);
	assert.deepEqual(seen(), ["100,100:0", "scroll 0,-15", "scroll 0,-15"]);
});

test("a palm beside a dragging finger neither moves nor drops what it drags", () => {
	const { down, move, up, time, seen } = setUp();
	down(1, 10, 10);
	time.advance(HOLD_MS);
	move(1, 50, 10);
	seen();
	down(2, 200, 200);
	move(2, 220, 220);
	up(2);
	assert.deepEqual(seen(), []);
	move(1, 60, 10);
	up(1);
	assert.deepEqual(seen(), ["60,10:1", "60,10:0"]);
});

test("fingers that are taken away let go and are forgotten", () => {
	const { down, move, up, time, seen, touch, ringShown } = setUp();
	down(1, 10, 10);
	time.advance(HOLD_MS);
	move(1, 50, 10);
	seen();
	touch.cancel();
	assert.deepEqual(seen(), ["50,10:0"]);
	move(1, 60, 10);
	up(1);
	down(2, 5, 5);
	time.advance(HOLD_MS - 1);
	touch.cancel();
	time.advance(HOLD_MS);
	assert.deepEqual(seen(), []);
	assert.equal(ringShown(), false);
	assert.equal(touch.state, "idle");
});
