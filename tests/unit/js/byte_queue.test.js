/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteQueue } from "../../../www/js/stream/byte_queue.js";

/** @param {number} from @param {number} count */
const bytes = (from, count) => Uint8Array.from({ length: count }, (_, i) => (from + i) & 0xff);

test("bytes come out in order, whatever the pieces and the bites", () => {
	for (const piece of [1, 2, 3, 7, 64, 1000])
		for (const bite of [1, 2, 5, 63, 64, 65, 999]) {
			const queue = new ByteQueue();
			for (let at = 0; at < 3000; at += piece)
				queue.push(bytes(at, Math.min(piece, 3000 - at)));
			assert.equal(queue.length, 3000);
			for (let at = 0; at < 3000; at += bite) {
				const count = Math.min(bite, 3000 - at);
				assert.deepEqual(queue.take(count), bytes(at, count));
			}
			assert.equal(queue.length, 0);
		}
});

test("what lies within one piece is not copied", () => {
	const queue = new ByteQueue();
	const piece = bytes(0, 100);
	queue.push(piece);
	queue.take(10);
	assert.equal(queue.take(90).buffer, piece.buffer);
});

test("taking more than there is throws and changes nothing", () => {
	const queue = new ByteQueue();
	queue.push(bytes(0, 3));
	assert.throws(() => queue.take(4), RangeError);
	assert.deepEqual(queue.take(3), bytes(0, 3));
	assert.deepEqual(queue.take(0), new Uint8Array(0));
});

test("drop passes over pieces and says how much there was", () => {
	const queue = new ByteQueue();
	for (let i = 0; i < 5; i++) queue.push(bytes(i * 10, 10));
	assert.equal(queue.drop(25), 25);
	assert.deepEqual(queue.take(2), bytes(25, 2));
	assert.equal(queue.drop(1000), 23);
	assert.equal(queue.length, 0);
});

test("a queue that never runs empty does not keep what was taken", () => {
	const queue = new ByteQueue();
	queue.push(bytes(0, 10));
	for (let i = 0; i < 5000; i++) {
		queue.push(bytes(0, 10));
		queue.take(10);
	}
	assert.equal(queue.length, 10);
	assert.ok(queue._pieces.length < 300, `${queue._pieces.length} pieces kept`);
});
