/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentProbe, ANSWER_WAIT_MS } from "../../../www/js/stream/agent_probe.js";
import { Patience } from "../../../www/js/stream/patience.js";
import { FakeTime } from "./fake_time.js";

/** A relay that takes what it is given when the test says so. */
function setUp() {
	const time = new FakeTime();
	const line = {
		position: 0,
		taken: 0,
		there: true,
		hasTaken: (/** @type {number} */ position) => line.there && line.taken >= position,
	};
	const patience = new Patience({
		connection: line,
		setTimer: time.setTimer,
		clearTimer: time.clearTimer,
	});
	return { time, line, patience };
}

test("an agent that has been asked has so much time, as with any timer", () => {
	const { time, line, patience } = setUp();
	let ran = 0;
	line.taken = 5;
	patience.setTimer(() => ran++, 100);
	time.advance(99);
	assert.equal(ran, 0);
	time.advance(1);
	assert.equal(ran, 1);
	time.advance(1000);
	assert.equal(ran, 1);
	patience.clearTimer(patience.setTimer(() => ran++, 100));
	patience.clearTimer(null);
	time.advance(1000);
	assert.equal(ran, 1);
	assert.equal(time.pending, 0);
});

test("time in which it cannot have been asked does not count", () => {
	const { time, line, patience } = setUp();
	let ran = 0;
	line.position = 41;
	patience.setTimer(() => ran++, 100);
	line.position = 82; /* what is sent later is another question */
	time.advance(5000);
	assert.equal(ran, 0);
	line.taken = 41;
	time.advance(100); /* that was when it was taken, or it had less than its time */
	assert.equal(ran, 0);
	time.advance(100);
	assert.equal(ran, 1);
	assert.equal(time.pending, 0);
});

test("neither does time in which its answer cannot come; such a timer can be cleared", () => {
	const { time, line, patience } = setUp();
	let ran = 0;
	const timer = patience.setTimer(() => ran++, 100);
	line.there = false;
	time.advance(250);
	line.there = true;
	time.advance(149);
	assert.equal(ran, 0);
	patience.clearTimer(timer);
	time.advance(1000);
	assert.equal(ran, 0);
	assert.equal(time.pending, 0);
});

test("a question to the agent outlives the connection, and is sent once", async () => {
	const { time, line, patience } = setUp();
	/** @type {Uint8Array[]} */
	const sent = [];
	const probe = new AgentProbe({
		send: (bytes) => {
			sent.push(bytes);
			line.position += bytes.length;
		},
		setTimer: patience.setTimer,
	});
	let answers = 0;
	line.there = false;
	void probe.ask().then(() => answers++);
	time.advance(60_000);
	await Promise.resolve();
	assert.equal(answers, 0);
	line.there = true;
	line.taken = line.position;
	probe.pictureCame({ width: 2, height: 1 });
	await Promise.resolve();
	assert.equal(answers, 1);
	time.advance(2 * ANSWER_WAIT_MS);
	assert.equal(sent.length, 1);
	assert.equal(time.pending, 0);
});
