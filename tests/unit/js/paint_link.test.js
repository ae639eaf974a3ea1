/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PaintLink } from "../../../www/js/stream/paint_link.js";
import { FakeTime } from "./fake_time.js";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").FrameMessage} FrameMessage */

/** @param {(Uint8Array<ArrayBuffer> | null)[]} data one per region @returns {FrameMessage} */
function frame(...data) {
	const place = { x: 0, y: 0, width: 8, height: 8 };
	const regions = data.map((bytes) => {
		return { source: bytes ? 0 : 1, sourceX: 0, sourceY: 0, ...place, data: bytes };
	});
	return { type: "frame", ...place, crc: 1, window: 0, regions };
}

function setUp() {
	/** @type {any[]} as the paint side gets them */
	const got = [];
	const time = new FakeTime();
	const link = new PaintLink({
		send: (orders, transfer) => got.push(...structuredClone(orders, { transfer })),
		now: time.now,
	});
	return { link, time, got };
}

test("a picture's bytes are given away, and nothing of the piece they came in", () => {
	const { link, got } = setUp();
	const piece = Uint8Array.from({ length: 100 }, (_, i) => i);
	const whole = Uint8Array.of(1, 2, 3);
	link.paint(frame(piece.subarray(10, 12), null, whole));
	link.flush();
	const [first, copied, last] = got[0].regions;
	assert.deepEqual([...first.data], [10, 11]);
	assert.equal(first.data.buffer.byteLength, 2);
	assert.equal(copied.data, null);
	assert.deepEqual([...last.data], [1, 2, 3]);
	assert.equal(whole.byteLength, 0, "what is alone in its buffer is not copied");
	assert.equal(piece.byteLength, 100, "the rest of the piece is still to be read");
});

test("orders keep their order, and wait for their flush or a drop", () => {
	const { link, got } = setUp();
	link.paint(frame(Uint8Array.of(1)));
	link.tell({ type: "reinit" });
	assert.deepEqual(got, []);
	link.flush();
	link.flush();
	link.paint(frame(Uint8Array.of(2)));
	link.drop("sleep");
	assert.deepEqual(
		got.map(({ type }) => type),
		["frame", "reinit", "frame", "sleep"],
	);
});

test("waiting bytes are counted until they are painted", () => {
	const { link } = setUp();
	for (const size of [100, 20, 3]) link.paint(frame(new Uint8Array(size)));
	assert.equal(link.bytes, 123);
	link.settled(1);
	assert.equal(link.bytes, 23);
	link.settled(3);
	assert.equal(link.bytes, 0);
});

test("the lag is the age of the oldest picture that waits", () => {
	const { link, time } = setUp();
	assert.equal(link.lagMs, 0);
	link.paint(frame(null));
	time.advance(300);
	link.paint(frame(null));
	time.advance(200);
	assert.equal(link.lagMs, 500);
	link.settled(1);
	assert.equal(link.lagMs, 200);
});

test("what was dropped is waited for no more, and a late report takes nothing twice", () => {
	const { link, got } = setUp();
	link.paint(frame(new Uint8Array(10)));
	link.paint(frame(new Uint8Array(20)));
	assert.equal(link.drop("shed"), 2);
	assert.deepEqual(got.at(-1), { type: "shed" });
	assert.equal(link.bytes, 0);
	link.paint(frame(new Uint8Array(5)));
	link.settled(1); /* on its way before the order came */
	link.settled(2);
	assert.equal(link.bytes, 5);
	link.settled(3);
	assert.equal(link.bytes, 0);
});
