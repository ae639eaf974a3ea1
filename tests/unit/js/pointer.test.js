/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Pointer } from "../../../www/js/input/pointer.js";
import { Wheel } from "../../../www/js/input/wheel.js";

function setUp() {
	/** @type {string[]} */
	const sent = [];
	/** @type {(() => void)[]} */
	const frames = [];
	const pointer = new Pointer({
		sendMotion: (x, y) => sent.push(`${x},${y}`),
		sendButton: (down, button, mask) => sent.push(`${down ? "+" : "-"}${button}/${mask}`),
		toScreen: (x, y) => ({ x: x * 2, y: y * 2 }),
		onNextFrame: (run) => frames.push(run),
	});
	const update = (
		/** @type {number} */ x,
		/** @type {number} */ y,
		/** @type {number} */ buttons,
		/** @type {string[]} */ held = [],
	) =>
		pointer.update({
			clientX: x,
			clientY: y,
			buttons,
			getModifierState: (key) => held.includes(key),
		});
	return { sent, pointer, update, frame: () => frames.splice(0).forEach((run) => run()) };
}

test("motion goes once per frame, with the last position, and only if it moved", () => {
	const { sent, update, frame } = setUp();
	update(1, 1, 0);
	update(2, 2, 0);
	assert.deepEqual(sent, []);
	frame();
	assert.deepEqual(sent, ["4,4"]);
	update(2, 2, 0);
	frame();
	assert.deepEqual(sent, ["4,4"]);
});

test("motion is never late before a button", () => {
	const { sent, update, frame } = setUp();
	update(1, 1, 0);
	update(5, 6, 1, ["Control"]);
	update(7, 8, 0);
	frame();
	assert.deepEqual(sent, ["10,12", "+1/4", "14,16", "-1/0"]);
});

test("buttons by their bits, also a second one pressed while the first is down", () => {
	const { sent, update } = setUp();
	update(0, 0, 1);
	update(0, 0, 1 | 2);
	update(0, 0, 2);
	update(0, 0, 4);
	update(0, 0, 8);
	update(0, 0, 16);
	update(0, 0, 0);
	assert.deepEqual(sent, [
		...["0,0", "+1/0", "+3/0", "-1/0"],
		...["+2/0", "-3/0", "-2/0", "+8/0", "-8/0"],
	]);
});

test("releaseAll lets go what is down, once", () => {
	const { sent, pointer, update } = setUp();
	update(0, 0, 1 | 4);
	sent.length = 0;
	pointer.releaseAll();
	pointer.releaseAll();
	assert.deepEqual(sent, ["-1/0", "-2/0"]);
});

test("releaseAll lets no modifier stay, nor bring back what is up already", () => {
	const { sent, pointer, update } = setUp();
	update(0, 0, 1, ["Shift", "CapsLock"]);
	sent.length = 0;
	pointer.releaseAll();
	assert.deepEqual(sent, ["-1/2"]);
});

function setUpWheel() {
	let time = 0;
	const wheel = new Wheel(() => time);
	return {
		turn: (/** @type {number} */ deltaY, deltaX = 0, deltaMode = 0) =>
			wheel.notches({ deltaX, deltaY, deltaMode }),
		rest: () => (time += 1000),
	};
}

test("wheel notches in all directions", () => {
	const { turn, rest } = setUpWheel();
	/** @type {[number, number, number, number[]][]} */
	const table = [
		[100, 0, 0, [5]],
		[-100, 0, 0, [4]],
		[0, -100, 0, [6]],
		[0, 100, 0, [7]],
		[3, 0, 1, [5]],
		[-6, 0, 1, [4, 4]],
		[120, 0, 0, [5]],
		[-240, 0, 0, [4, 4]],
		[300, -200, 0, [5, 5, 5, 6, 6]],
		[1, 0, 2, Array(10).fill(5)],
		[1e9, 0, 0, Array(10).fill(5)],
	];
	for (const [y, x, mode, buttons] of table) {
		rest();
		assert.deepEqual(turn(y, x, mode), buttons, `${x},${y} in mode ${mode}`);
	}
});

test("a wheel's notch is one, whatever the system and the page's zoom make of it", () => {
	for (const pixels of [53, 60, 80, 96, 100, 109.09, 120, 160]) {
		const { turn, rest } = setUpWheel();
		let notches = 0;
		for (let i = 0; i < 60; i++) {
			notches += turn(pixels).length;
			if (i % 7 === 0) rest();
		}
		assert.equal(notches, 60, `${pixels} pixels`);
	}
});

test("a touchpad's small steps add up to as much as they are worth", () => {
	const { turn } = setUpWheel();
	let notches = 0;
	for (let i = 0; i < 100; i++) notches += turn(4).length;
	assert.equal(notches, 4);
});

test("a flick with its momentum does not fly", () => {
	const { turn } = setUpWheel();
	let notches = 0;
	let pixels = 0;
	const steps = [2, 9, 30, 80, 110, ...Array.from({ length: 60 }, (_, i) => 100 * 0.93 ** i)];
	for (const step of steps) {
		pixels += step;
		notches += turn(step).length;
	}
	assert.equal(notches, Math.floor(pixels / 100));
});

test("the mode is looked at first: it decides what some browsers tell", () => {
	/** @type {string[]} */
	const asked = [];
	const event = new Proxy(
		{ deltaX: 0, deltaY: 3, deltaMode: 1 },
		{
			get: (target, key) => {
				asked.push(String(key));
				return Reflect.get(target, key);
			},
		},
	);
	assert.deepEqual(new Wheel(() => 1000).notches(event), [5]);
	assert.equal(asked[0], "deltaMode");
});

test("single lines add up to notches exactly", () => {
	const { turn } = setUpWheel();
	let notches = 0;
	for (let i = 0; i < 300; i++) notches += turn(1, 0, 1).length;
	assert.equal(notches, 100);
});

test("a turn of direction or a rest starts from nothing", () => {
	const { turn, rest } = setUpWheel();
	const turns = (/** @type {number[]} */ ...steps) => steps.map((step) => turn(step));
	assert.deepEqual(turns(45, 45), [[], []]);
	assert.deepEqual(turns(-45, -45), [[], []]);
	assert.deepEqual(turns(-10), [[4]]);
	assert.deepEqual(turns(45, 45), [[], []]);
	rest();
	assert.deepEqual(turns(45, 45), [[], []]);
});
