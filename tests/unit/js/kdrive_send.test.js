/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as send from "../../../www/js/stream/kdrive_send.js";
import { parseEvents } from "../../e2e/standin/messages.mjs";

test("events are 41 bytes, with each field in its place", () => {
	/** @type {[Uint8Array, object][]} */
	const table = [
		[send.keyEvent(true, 38, 0x81), { type: "key-press", code: 38, mask: 0x81 }],
		[send.keyEvent(false, 50, 0), { type: "key-release", code: 50, mask: 0 }],
		[send.keyEvent(true, 255, 0x1ff), { type: "key-press", code: 255, mask: 0xff }],
		[send.buttonEvent(true, 8, 4), { type: "button-press", code: 8, mask: 4 }],
		[send.buttonEvent(false, 1, 0), { type: "button-release", code: 1, mask: 0 }],
		[send.motionEvent(8191, 5), { type: "motion", x: 8191, y: 5 }],
		[
			send.geometryEvent(1024, 768),
			{ type: "geometry", width: 1024, height: 768, recordWidth: 1024, recordHeight: 768 },
		],
		[send.updateEvent(null), { type: "update", width: 0, height: 0, x: 0, y: 0 }],
		[
			send.updateEvent({ x: 1, y: 2, width: 3, height: 4 }),
			{ type: "update", width: 3, height: 4, x: 1, y: 2 },
		],
		[send.cacheRebuildEvent(), { type: "cache-rebuild" }],
	];
	for (const [bytes, event] of table) {
		assert.equal(bytes.length, 41);
		assert.deepEqual(parseEvents(bytes), [event]);
	}
});

test("a geometry has one screen at the origin and no second", () => {
	const bytes = send.geometryEvent(640, 480);
	assert.deepEqual([...bytes.subarray(13)], Array(28).fill(0));
});

test("joined events keep their order", () => {
	const joined = send.joinEvents([send.cacheRebuildEvent(), send.geometryEvent(640, 480)]);
	assert.deepEqual(
		parseEvents(joined).map(({ type }) => type),
		["cache-rebuild", "geometry"],
	);
});

test("what would harm an agent is not encoded", () => {
	const bad = [
		() => send.keyEvent(true, 7, 0),
		() => send.keyEvent(true, 256, 0),
		() => send.buttonEvent(true, 0, 0),
		() => send.buttonEvent(true, 9, 0),
		() => send.geometryEvent(0, 768),
		() => send.geometryEvent(63, 768),
		() => send.geometryEvent(1024, 8193),
		() => send.geometryEvent(1024.5, 768),
		() => send.geometryEvent(NaN, 768),
		() => send.updateEvent({ x: -1, y: 0, width: 1, height: 1 }),
		() => send.updateEvent({ x: 0, y: -1, width: 1, height: 1 }),
		() => send.updateEvent({ x: 0, y: 0, width: 1, height: 0 }),
		() => send.updateEvent({ x: 0, y: 0, width: 0, height: 1 }),
	];
	for (const encode of bad) assert.throws(encode, RangeError);
});
