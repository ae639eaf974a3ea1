/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentProbe } from "../../../www/js/stream/agent_probe.js";
import { EVENT_BYTES } from "../../../www/js/stream/kdrive_numbers.js";
import {
	BUTTON_GAP_MS,
	MASK_GAP_MS,
	PROBE_EVERY,
	SendQueue,
	UNREAD_MAX,
} from "../../../www/js/stream/send_queue.js";
import { FakeTime } from "./fake_time.js";

function setUp() {
	const time = new FakeTime();
	/** @type {{at: number, id: number}[]} */
	const sent = [];
	const send = (/** @type {Uint8Array} */ bytes) => sent.push({ at: time.time, id: bytes[0] });
	/** @type {(() => void)[]} */
	const probes = [];
	const probe = () => /** @type {Promise<void>} */ (new Promise((done) => probes.push(done)));
	const queue = new SendQueue({ send, now: time.now, setTimer: time.setTimer, probe });
	return { time, sent, probes, queue };
}
const event = (/** @type {number} */ id) => Uint8Array.of(id);

test("equal masks go at once, each as its own message", () => {
	const { sent, queue } = setUp();
	for (const id of [1, 2, 3]) queue.pushMasked(event(id), 1);
	assert.deepEqual(
		sent,
		[1, 2, 3].map((id) => ({ at: 1000, id })),
	);
});

test("a different mask waits for the gap, and all behind it keep their order", () => {
	const { time, sent, queue } = setUp();
	queue.pushMasked(event(1), 0);
	queue.pushMasked(event(2), 1);
	queue.push(event(3));
	queue.pushMasked(event(4), 1);
	queue.pushMasked(event(5), 0);
	assert.deepEqual(
		sent.map(({ id }) => id),
		[1],
	);
	time.advance(MASK_GAP_MS - 1);
	assert.equal(sent.length, 1);
	time.advance(100);
	assert.deepEqual(sent, [
		{ at: 1000, id: 1 },
		{ at: 1010, id: 2 },
		{ at: 1010, id: 3 },
		{ at: 1010, id: 4 },
		{ at: 1020, id: 5 },
	]);
});

test("a mask that changes after a rest goes at once", () => {
	const { time, sent, queue } = setUp();
	queue.pushMasked(event(1), 0);
	time.advance(MASK_GAP_MS);
	queue.pushMasked(event(2), 1);
	assert.deepEqual(sent, [
		{ at: 1000, id: 1 },
		{ at: 1010, id: 2 },
	]);
});

test("motion keeps off the button before it; the last one goes then, and what came behind", () => {
	const { time, sent, queue } = setUp();
	queue.pushMotion(event(1));
	queue.pushButton(event(2), 0);
	queue.pushButton(event(3), 0);
	queue.pushMotion(event(4));
	queue.pushMotion(event(5));
	queue.pushButton(event(6), 0);
	assert.deepEqual(
		sent.map(({ id }) => id),
		[1, 2, 3],
	);
	time.advance(BUTTON_GAP_MS);
	assert.deepEqual(sent.slice(3), [
		{ at: 1010, id: 5 },
		{ at: 1010, id: 6 },
	]);
	time.advance(BUTTON_GAP_MS);
	queue.pushMotion(event(7));
	queue.pushMasked(event(8), 0);
	queue.pushMotion(event(9));
	assert.deepEqual(
		sent.slice(5).map(({ at, id }) => [at, id]),
		[7, 8, 9].map((id) => [1020, id]),
	);
});

test("the gap counts from the last masked event, also of the same mask", () => {
	const { time, sent, queue } = setUp();
	queue.pushMasked(event(1), 0);
	time.advance(8);
	queue.pushMasked(event(2), 0);
	time.advance(4);
	queue.pushMasked(event(3), 1);
	time.advance(50);
	assert.deepEqual(
		sent.map(({ at }) => at),
		[1000, 1008, 1018],
	);
});

test("motions that wait at the end become one; none moves past a button", () => {
	const { time, sent, queue } = setUp();
	queue.pushMasked(event(1), 0);
	queue.pushMasked(event(2), 1);
	queue.pushMotion(event(3));
	queue.pushMotion(event(4));
	queue.pushMasked(event(5), 1);
	queue.pushMotion(event(6));
	time.advance(50);
	assert.deepEqual(
		sent.map(({ id }) => id),
		[1, 2, 4, 5, 6],
	);
});

test("motions go at once when nothing waits", () => {
	const { sent, queue } = setUp();
	queue.pushMotion(event(1));
	queue.pushMotion(event(2));
	assert.deepEqual(
		sent.map(({ id }) => id),
		[1, 2],
	);
});

test("random masks never come closer than the gap", () => {
	const { time, queue } = setUp();
	/** @type {{at: number, mask: number}[]} */
	const seen = [];
	queue._send = (bytes) => seen.push({ at: time.time, mask: bytes[0] });
	let seed = 1;
	for (let i = 0; i < 1000; i++) {
		seed = (seed * 48271) % 2147483647;
		const mask = seed & 3;
		queue.pushMasked(event(mask), mask);
		time.advance(seed % 7);
	}
	time.advance(100_000);
	assert.equal(seen.length, 1000);
	for (let i = 1; i < seen.length; i++)
		if (seen[i].mask !== seen[i - 1].mask)
			assert.ok(seen[i].at - seen[i - 1].at >= MASK_GAP_MS, `event ${i}`);
});

test("the agent is asked how far it is, and never left more than it can read", async () => {
	const { sent, probes, queue } = setUp();
	const key = () => queue.pushMasked(new Uint8Array(EVENT_BYTES), 0);
	for (let i = 0; i < PROBE_EVERY - 1; i++) key();
	assert.equal(probes.length, 0);
	for (let i = 0; i < 100; i++) key();
	assert.equal(probes.length, 1, "one question at a time");
	assert.equal(sent.length, UNREAD_MAX);
	queue.push(event(9));
	assert.equal(sent.length, UNREAD_MAX, "everything keeps its order");
	for (let answered = 0; answered < probes.length; answered++) {
		probes[answered]();
		await new Promise((resolve) => setImmediate(resolve));
		assert.ok(sent.length <= UNREAD_MAX + (answered + 1) * UNREAD_MAX);
	}
	assert.equal(sent.length, PROBE_EVERY - 1 + 100 + 1);
});

test("input that waits can be forgotten; what is no input goes its way", async () => {
	const { sent, probes, queue } = setUp();
	assert.equal(queue.isWaiting, false);
	for (let i = 0; i < UNREAD_MAX + 5; i++) queue.pushMasked(new Uint8Array(EVENT_BYTES), 0);
	queue.push(event(9));
	queue.pushMotion(event(6));
	assert.equal(queue.isWaiting, true);
	assert.equal(queue.forgetInput(), true);
	for (const answer of probes) {
		answer();
		await new Promise((resolve) => setImmediate(resolve));
	}
	assert.equal(sent.length, UNREAD_MAX + 1);
	assert.equal(sent.at(-1)?.id, 9);
	assert.deepEqual([queue.isWaiting, queue.forgetInput()], [false, false]);
});

test("the answer to a question is a picture of its own size, or none in time", async () => {
	const time = new FakeTime();
	let asked = 0;
	const probe = new AgentProbe({ send: () => (asked += 1), setTimer: time.setTimer });
	/** @type {string[]} */
	const done = [];
	void probe.ask().then(() => done.push("first"));
	void probe.ask().then(() => done.push("second"));
	assert.equal(asked, 2);
	const settle = () => new Promise((resolve) => setImmediate(resolve));
	probe.pictureCame({ width: 1, height: 1 });
	await settle();
	assert.deepEqual(done, []);
	probe.pictureCame({ width: 2, height: 1 });
	await settle();
	assert.deepEqual(done, ["first"]);
	time.advance(5000);
	await settle();
	assert.deepEqual(done, ["first", "second"]);
	probe.pictureCame({ width: 2, height: 1 });
});
