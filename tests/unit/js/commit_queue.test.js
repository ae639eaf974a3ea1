/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CommitQueue, PIXELS_MAX } from "../../../www/js/stream/commit_queue.js";
import { FakeTime } from "./fake_time.js";

function setUp() {
	/** @type {(() => void)[]} */
	const flushes = [];
	/** @type {string[]} */
	const log = [];
	const time = new FakeTime();
	let flushed = 0;
	const queue = new CommitQueue({
		schedule: (flush) => flushes.push(flush),
		onFlushed: () => (flushed += 1),
		now: time.now,
	});
	const decoders = new Map();
	const settled = () => new Promise((resolve) => setImmediate(resolve));
	return {
		queue,
		time,
		log,
		flushes,
		flushed: () => flushed,
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
		flush: () => flushes.splice(0).forEach((run) => run()),
	};
}

test("decoding runs in parallel, commits keep the order of the stream", async () => {
	const { log, decoding, instant, finish, flush, started } = setUp();
	decoding("a");
	instant("b");
	decoding("c");
	instant("d");
	assert.equal(started(), 2);
	await finish("c");
	flush();
	assert.deepEqual(log, []);
	await finish("a");
	flush();
	assert.deepEqual(log, ["a", "b", "c", "d"]);
});

test("one flush takes all that is ready; only one is asked for", async () => {
	const { log, decoding, finish, flush, flushes, flushed } = setUp();
	for (const name of ["a", "b", "c"]) decoding(name);
	for (const name of ["a", "b", "c"]) await finish(name);
	assert.equal(flushes.length, 1);
	flush();
	assert.deepEqual(log, ["a", "b", "c"]);
	assert.equal(flushes.length, 0);
	assert.equal(flushed(), 1);
});

test("decoders at work are bounded, and each end starts the next", async () => {
	const { log, decoding, finish, flush, started } = setUp();
	const names = Array.from({ length: 40 }, (_, i) => `${i}`);
	names.forEach((name) => decoding(name));
	assert.equal(started(), 12);
	for (const name of names) await finish(name);
	flush();
	assert.deepEqual(log, names);
});

test("waiting bytes are counted until they are committed", async () => {
	const { queue, decoding, finish, flush } = setUp();
	decoding("a", 100);
	decoding("b", 20);
	assert.equal(queue.bytes, 120);
	await finish("a");
	flush();
	assert.equal(queue.bytes, 20);
	queue.clear();
	assert.equal(queue.bytes, 0);
});

test("cleared jobs are never committed, and what they decoded is freed", async () => {
	const { queue, log, decoding, instant, finish, flush } = setUp();
	decoding("ready");
	decoding("running");
	await finish("ready");
	queue.clear();
	instant("after");
	flush();
	await finish("running");
	flush();
	assert.deepEqual(log, ["discarded ready", "after", "discarded running"]);
});

test("pixels held at once are bounded, and a job beyond the bound is decoded alone", async () => {
	const { queue, log, decoding, finish, flush, started } = setUp();
	decoding("a", 1, PIXELS_MAX * 2);
	decoding("b", 1, PIXELS_MAX / 2);
	decoding("c", 1, PIXELS_MAX / 2);
	decoding("d", 1, 1);
	assert.equal(started(), 1);
	await finish("a");
	assert.equal(started(), 1, "decoded is still held");
	flush();
	assert.equal(started(), 3);
	await finish("b");
	queue.clear();
	await finish("c");
	decoding("e", 1, PIXELS_MAX);
	assert.equal(started(), 4, "what was dropped is held no more");
	assert.deepEqual(log, ["a", "discarded b", "discarded c"]);
});

test("the lag is the age of the oldest job that waits", async () => {
	const { queue, time, decoding, finish, flush } = setUp();
	assert.equal(queue.lagMs, 0);
	decoding("a");
	time.advance(300);
	decoding("b");
	time.advance(200);
	assert.equal(queue.lagMs, 500);
	await finish("a");
	flush();
	assert.equal(queue.lagMs, 200);
});

test("what may be dropped goes, the rest is committed in its order", async () => {
	const { queue, log, decoding, instant, finish, flush, started } = setUp();
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
	flush();
	assert.deepEqual(log, ["cursor", "b", "other"]);
	frame("d");
	flush();
	assert.deepEqual(log.slice(3), ["d"]);
});
