/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommitQueue, PIXELS_MAX } from "../../../www/js/stream/commit_queue.js";
import { FakeTime } from "./fake_time.js";

function setUp() {
	/** @type {string[]} */
	const log = [];
	const time = new FakeTime();
	const queue = new CommitQueue(time.now);
	const decoders = new Map();
	const settled = () => new Promise((resolve) => setImmediate(resolve));
	return {
		queue,
		time,
		log,
		started: () => decoders.size,
		/** A job whose decoding the test ends by name. @param {string} name
		 * @param {number} [bytes] @param {number} [pixels] */
		decoding: (name, bytes, pixels) =>
			queue.push({
				bytes,
				pixels,
				decode: () => new Promise((resolve) => decoders.set(name, resolve)),
				commit: (value) => log.push(value),
				discard: (value) => log.push(`discarded ${value}`),
			}),
		instant: (/** @type {string} */ name) => queue.push({ commit: () => log.push(name) }),
		finish: async (/** @type {string} */ name) => {
			decoders.get(name)(name);
			await settled();
		},
	};
}

test("decoding runs in parallel, commits keep the order of the stream", async () => {
	const { log, decoding, instant, finish, started } = setUp();
	decoding("a");
	instant("b");
	decoding("c");
	instant("d");
	assert.equal(started(), 2);
	await finish("c");
	assert.deepEqual(log, []);
	await finish("a");
	assert.deepEqual(log, ["a", "b", "c", "d"]);
});

test("a commit that pushes and drops jobs does not get ahead of others", async () => {
	const { queue, log, decoding, instant, finish } = setUp();
	decoding("a");
	queue.push({
		commit: () => {
			log.push("pushes");
			instant("pushed");
			queue.push({ droppable: true, commit: () => log.push("never") });
			queue.shed();
		},
	});
	queue.push({ droppable: true, commit: () => log.push("never") });
	instant("b");
	await finish("a");
	assert.deepEqual(log, ["a", "pushes", "b", "pushed"]);
});

test("decoders at work are bounded, and each end starts the next", async () => {
	const { log, decoding, finish, started } = setUp();
	const names = Array.from({ length: 40 }, (_, i) => `${i}`);
	names.forEach((name) => decoding(name));
	assert.equal(started(), 12);
	for (const name of names) await finish(name);
	assert.deepEqual(log, names);
});

test("waiting bytes are counted until they are committed", async () => {
	const { queue, decoding, finish } = setUp();
	decoding("a", 100);
	decoding("b", 20);
	assert.equal(queue.bytes, 120);
	await finish("a");
	assert.equal(queue.bytes, 20);
	queue.clear();
	assert.equal(queue.bytes, 0);
});

test("cleared jobs are never committed, and what they decoded is freed", async () => {
	const { queue, log, decoding, instant, finish } = setUp();
	decoding("running");
	decoding("ready");
	await finish("ready");
	queue.clear();
	instant("after");
	await finish("running");
	assert.deepEqual(log, ["discarded ready", "after", "discarded running"]);
});

test("pixels held at once are bounded, and a job beyond the bound is decoded alone", async () => {
	const { queue, log, decoding, finish, started } = setUp();
	decoding("a", 1, PIXELS_MAX * 2);
	decoding("b", 1, PIXELS_MAX / 2);
	decoding("c", 1, PIXELS_MAX / 2);
	decoding("d", 1, 1);
	assert.equal(started(), 1);
	await finish("a");
	assert.equal(started(), 3);
	await finish("c");
	assert.equal(started(), 3, "decoded, but not committed, is still held");
	await finish("b");
	assert.equal(started(), 4);
	decoding("e", 1, PIXELS_MAX / 2);
	decoding("f", 1, PIXELS_MAX);
	await finish("e");
	queue.clear();
	decoding("g", 1, PIXELS_MAX - 1);
	assert.equal(started(), 6, "what was dropped is held no more");
	assert.deepEqual(log, ["a", "b", "c", "discarded e"]);
});

test("the lag is the age of the oldest job that waits", async () => {
	const { queue, time, decoding, finish } = setUp();
	assert.equal(queue.lagMs, 0);
	decoding("a");
	time.advance(300);
	decoding("b");
	time.advance(200);
	assert.equal(queue.lagMs, 500);
	await finish("a");
	assert.equal(queue.lagMs, 200);
});

test("what may be dropped goes, the rest is committed in its order", async () => {
	const { queue, log, decoding, instant, finish, started } = setUp();
	const frame = (/** @type {string} */ name) =>
		queue.push({ droppable: true, bytes: 10, commit: () => log.push(name) });
	decoding("cursor", 5);
	frame("a");
	instant("b");
	frame("c");
	decoding("other", 7);
	assert.equal(queue.shed(), 2);
	assert.equal(queue.bytes, 12);
	assert.equal(started(), 2);
	await finish("other");
	await finish("cursor");
	assert.deepEqual(log, ["cursor", "b", "other"]);
	frame("d");
	assert.deepEqual(log.slice(3), ["d"]);
});
