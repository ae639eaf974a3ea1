/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommitQueue, PIXELS_MAX } from "../../../www/js/stream/commit_queue.js";

function setUp() {
	/** @type {string[]} */
	const log = [];
	const queue = new CommitQueue();
	const decoders = new Map();
	const settled = () => new Promise((resolve) => setImmediate(resolve));
	return {
		queue,
		log,
		started: () => decoders.size,
		/** A job whose decoding the test ends by name. @param {string} name
		 * @param {number} [pixels] */
		decoding: (name, pixels) =>
			queue.push({
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
	decoding("a", PIXELS_MAX * 2);
	decoding("b", PIXELS_MAX / 2);
	decoding("c", PIXELS_MAX / 2);
	decoding("d", 1);
	assert.equal(started(), 1);
	await finish("a");
	assert.equal(started(), 3);
	await finish("c");
	assert.equal(started(), 3, "decoded, but not committed, is still held");
	await finish("b");
	assert.equal(started(), 4);
	decoding("e", PIXELS_MAX / 2);
	decoding("f", PIXELS_MAX);
	await finish("e");
	queue.clear();
	decoding("g", PIXELS_MAX - 1);
	assert.equal(started(), 6, "what was dropped is held no more");
	assert.deepEqual(log, ["a", "b", "c", "discarded e"]);
});

test("what may be dropped goes, the rest is committed in its order", async () => {
	const { queue, log, decoding, instant, finish, started } = setUp();
	const frame = (/** @type {string} */ name) =>
		queue.push({ droppable: true, commit: () => log.push(name) });
	decoding("cursor");
	frame("a");
	instant("b");
	frame("c");
	decoding("other");
	assert.equal(queue.shed(), 2);
	assert.equal(started(), 2);
	await finish("other");
	await finish("cursor");
	assert.deepEqual(log, ["cursor", "b", "other"]);
	frame("d");
	assert.deepEqual(log.slice(3), ["d"]);
});
