/* SPDX-License-Identifier: ISC */
/* However a stream is cut into pieces, the same messages come out of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { KdriveReader } from "../../../www/js/stream/kdrive_read.js";
import { SEEDS } from "./kdrive_seeds.js";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").Message} Message */

/** @param {Uint8Array[]} pieces @param {boolean} [skipFrames] */
function read(pieces, skipFrames = false) {
	/** @type {Message[]} */
	const messages = [];
	const reader = new KdriveReader((message) => messages.push(message));
	reader.skipFrames = skipFrames;
	/* Each piece with a buffer of its own, as from a socket. */
	for (const piece of pieces) reader.push(Uint8Array.from(piece));
	return messages;
}

/** @param {Uint8Array} bytes */
const oneByOne = (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));

for (const [name, bytes] of Object.entries(SEEDS))
	test(`${name}: in one piece, byte by byte, and cut in two anywhere`, () => {
		const whole = read([bytes]);
		assert.equal(whole.length, 1);
		assert.deepEqual(read(oneByOne(bytes)), whole);
		for (let at = 1; at < bytes.length; at++)
			assert.deepEqual(read([bytes.subarray(0, at), bytes.subarray(at)]), whole, `at ${at}`);
	});

test("all of them after each other, in pieces of every size", () => {
	const stream = Buffer.concat(Object.values(SEEDS));
	const whole = read([stream]);
	assert.equal(whole.length, Object.keys(SEEDS).length);
	const others = read([stream], true);
	assert.deepEqual(
		others,
		whole.filter(({ type }) => type !== "frame"),
	);
	for (let size = 1; size <= 300; size++) {
		const pieces = [];
		for (let at = 0; at < stream.length; at += size)
			pieces.push(stream.subarray(at, at + size));
		assert.deepEqual(read(pieces), whole, `in pieces of ${size}`);
		assert.deepEqual(read(pieces, true), others, `frames skipped, in pieces of ${size}`);
	}
});
