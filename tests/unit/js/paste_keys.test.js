/* SPDX-License-Identifier: ISC */
/* Which keys are the browser's to answer with a paste, and how input waits for it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { InputGate } from "../../../www/js/clipboard/input_gate.js";
import { isPasteKey } from "../../../www/js/clipboard/paste_keys.js";
import { FakeTime } from "./fake_time.js";

/** @param {string} code @param {string} key @param {string} held */
const press = (code, key, held) => ({
	code,
	key,
	ctrlKey: held.includes("C"),
	altKey: held.includes("A"),
	shiftKey: held.includes("S"),
	metaKey: held.includes("M"),
});

test("paste keys, by the letter or by its place", () => {
	/** @type {[string, string, string, boolean, boolean][]} code, key, held, PC, Mac */
	const rows = [
		["KeyV", "v", "C", true, false],
		["KeyV", "V", "CS", true, false],
		["KeyV", "м", "C", true, false],
		["KeyV", "v", "M", false, true],
		["Insert", "Insert", "S", true, false],
		["Insert", "Insert", "C", false, false],
		["Insert", "Insert", "", false, false],
		["KeyV", "v", "", false, false],
		["KeyV", "v", "CA", false, false],
		["KeyV", "k", "C", false, false],
		["Period", "v", "C", true, false],
		["KeyC", "c", "C", false, false],
	];
	for (const [code, key, held, pc, mac] of rows) {
		assert.equal(isPasteKey(press(code, key, held), false), pc, `${held} ${code} ${key}`);
		assert.equal(isPasteKey(press(code, key, held), true), mac, `Mac ${held} ${code} ${key}`);
	}
});

/** @param {number} keycode @returns {import("../../../www/js/types.js").PageMessage} */
const key = (keycode) => ({ type: "key", down: true, keycode, mask: 0 });

function setUp() {
	const time = new FakeTime();
	/** @type {any[]} */
	const told = [];
	const gate = new InputGate({
		tell: (message) => told.push(/** @type {any} */ (message).keycode),
		setTimer: time.setTimer,
		clearTimer: time.clearTimer,
	});
	return { time, told, gate };
}

test("what comes after a paste key waits with it, and keeps its order", () => {
	const { told, gate, time } = setUp();
	gate.pass(key(1));
	gate.close(100);
	gate.pass(key(2));
	gate.pass(key(3));
	assert.deepEqual(told, [1]);
	gate.open();
	gate.pass(key(4));
	assert.deepEqual(told, [1, 2, 3, 4]);
	assert.equal(time.pending, 0);
});

test("where no paste comes, the input goes on by itself", () => {
	const { told, gate, time } = setUp();
	gate.close(500);
	gate.pass(key(1));
	gate.limit(100);
	time.advance(99);
	assert.deepEqual(told, []);
	time.advance(1);
	assert.deepEqual(told, [1]);
	assert.equal(gate.closed, false);
	gate.limit(100);
	assert.equal(time.pending, 0);
});

test("a second paste key lets the first one go", () => {
	const { told, gate, time } = setUp();
	gate.close(100);
	gate.pass(key(1));
	time.advance(90);
	gate.close(100);
	gate.pass(key(2));
	assert.deepEqual(told, [1]);
	time.advance(90);
	assert.deepEqual(told, [1]);
	time.advance(10);
	assert.deepEqual(told, [1, 2]);
});
