/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KdriveReader, ProtocolError } from "../../../www/js/stream/kdrive_read.js";
import * as agent from "../../e2e/standin/messages.mjs";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").Message} Message */

const MIB = 1024 * 1024;
const data = (/** @type {number} */ size) => Uint8Array.from({ length: size }, (_, i) => i & 0xff);
const image = { x: 0, y: 0, width: 8, height: 8, data: data(77) };

/** @param {Uint8Array} stream @param {number} piece bytes at a time @returns {Message[]} */
function read(stream, piece) {
	/** @type {Message[]} */
	const messages = [];
	const reader = new KdriveReader((message) => messages.push(message));
	for (let at = 0; at < stream.length; at += piece)
		reader.push(Uint8Array.from(stream.subarray(at, at + piece)));
	return messages;
}

const GOOD = [
	agent.cursor({ serial: 7, width: 4, height: 4, hotX: 1, hotY: 2, data: data(32) }),
	agent.version(8),
	agent.wholeScreen(640, 480, data(5000)),
	agent.frame({
		width: 10,
		height: 20,
		x: -3,
		y: 40,
		crc: 0xfedcba98,
		regions: [
			{ x: 0, y: 12, width: 10, height: 8, data: data(99) },
			{ source: 0x80000001, sourceX: 1, sourceY: 2, x: 0, y: 0, width: 10, height: 12 },
		],
	}),
	agent.frame({ width: 10, height: 20, x: 5, y: 6, crc: 0xfedcba98 }),
	agent.deleted([1, 0xffffffff, 3]),
	agent.deleted([]),
	agent.cursor({ serial: 7 }),
	agent.deletedCursors([9]),
	agent.selection({ size: 5, data: Buffer.from("hello") }),
	agent.selection({ size: 100, compressed: 20, data: data(20), first: false, last: false }),
	agent.selection({ size: 0 }),
	agent.header(6, (bytes) => bytes.writeUInt16LE(1, 4)),
	agent.reinit(),
	agent.windowUpdate(
		Buffer.concat([
			agent.windowRecord("a title", 33),
			Buffer.from([1, 0, 0, 0, 3]),
			agent.windowRecord(""),
		]),
	),
	agent.windowUpdate(new Uint8Array(0)),
	agent.header(9),
	agent.header(12, (bytes) => bytes.fill(0xee, 4)),
	agent.header(13, (bytes) => bytes.fill(0xee, 4)),
	agent.header(10),
];

test("every message is read, in any pieces", () => {
	const stream = Buffer.concat(GOOD);
	const whole = read(stream, stream.length);
	assert.deepEqual(
		whole.map(({ type }) => type),
		[
			...["cursor", "version", "frame", "frame", "frame", "deleted", "deleted", "cursor"],
			...["deleted-cursors", "selection", "selection", "selection", "demand-selection"],
			...["reinit", "windows", "windows", "keepalive", "udp", "udp", "disconnect"],
		],
	);
	for (const piece of [1, 2, 41, 55, 56, 57, 63, 64, 65, 1000])
		assert.deepEqual(read(stream, piece), whole, `in pieces of ${piece}`);
});

test("fields arrive as they were sent", () => {
	const [cursor, version, screen, frame, again] = read(Buffer.concat(GOOD), 10_000);
	assert.deepEqual(cursor, {
		type: "cursor",
		serial: 7,
		width: 4,
		height: 4,
		hotX: 1,
		hotY: 2,
		foreground: [0, 0, 0],
		background: [255, 255, 255],
		reuse: false,
		data: data(32),
	});
	assert.deepEqual(version, { type: "version", version: 8 });
	assert.ok(screen.type === "frame" && frame.type === "frame" && again.type === "frame");
	assert.deepEqual([screen.x, screen.y, screen.crc], [-1, -1, 0]);
	assert.deepEqual([frame.x, frame.y, frame.crc], [-3, 40, 0xfedcba98]);
	assert.deepEqual(frame.regions[0].data, data(99));
	assert.deepEqual(frame.regions[1], {
		source: 0x80000001,
		sourceX: 1,
		sourceY: 2,
		x: 0,
		y: 0,
		width: 10,
		height: 12,
		data: null,
	});
	assert.deepEqual(again.regions, []);
});

test("a message is out as soon as its last byte is in, and not before", () => {
	for (const message of GOOD) {
		/** @type {Message[]} */
		const seen = [];
		const reader = new KdriveReader((one) => seen.push(one));
		reader.push(Uint8Array.from(message.subarray(0, -1)));
		assert.equal(seen.length, 0);
		reader.push(Uint8Array.from(message.subarray(-1)));
		assert.equal(seen.length, 1);
	}
});

/** @param {Partial<import("../../e2e/standin/messages.mjs").RegionSpec>} change @param {number} crc */
const withRegion = (change, crc) =>
	agent.frame({ width: 8, height: 8, crc, regions: [{ ...image, ...change }] });
const badTitle = agent.windowRecord("abc");
badTitle.writeInt16LE(-1, 33);
const longIcon = agent.windowRecord("abc");
longIcon.writeUInt32LE(1, 38);

/** Each must be refused at its last header, before its payload. @type {Record<string, Buffer>} */
const FATAL = {
	"type 11, UDP only": agent.header(11),
	"type 14": agent.header(14),
	"type 0xffffffff": agent.header(0xffffffff),
	"10 regions": agent.frame({ width: 8, height: 8, count: 10 }),
	"region outside its frame": withRegion({ x: 1 }, 5),
	"region above its frame": withRegion({ y: -1 }, 5),
	"region of height 0": withRegion({ height: 0 }, 5),
	"region far off the screen": withRegion({ x: 16380 }, 0),
	"region far left of the screen": withRegion({ x: -16385 }, 0),
	"region of 16385 pixels": withRegion({ width: 16385 }, 0),
	"regions with too many pixels in all": agent.frame({
		width: 8,
		height: 8,
		regions: [
			{ ...image, width: 8000, height: 8000 },
			{ ...image, width: 8000, height: 8000 },
		],
	}),
	"copy that carries data": withRegion({ source: 3 }, 5),
	"image without data": withRegion({ data: data(0) }, 5),
	"image with too much data": withRegion({ data: data(0), size: 8 * 8 * 4 + 65537 }, 5),
	"images with too much data in all": agent.frame({
		width: 8,
		height: 8,
		regions: [{ ...image, width: 8000, height: 8000, data: data(0), size: 257 * MIB }],
	}),
	"too many deletions": agent.deleted([], 1_000_001),
	"too many cursor deletions": agent.deletedCursors([], 0xffffffff),
	"cursor of 257 MiB": agent.cursor({ serial: 1, width: 4, height: 4, size: 257 * MIB }),
	"clipboard piece too large": agent.selection({ size: 102_401 }),
	"clipboard piece that grew": agent.selection({ size: 10, compressed: 11 }),
	"window list too large": agent.windowUpdate(data(0), 16 * MIB + 1),
	"window list cut in a record": agent.windowUpdate(agent.windowRecord("abc").subarray(0, 37)),
	"window list cut in a short record": agent.windowUpdate(data(4)),
	"window title of negative length": agent.windowUpdate(badTitle),
	"window icon longer than the list": agent.windowUpdate(longIcon),
};

for (const [name, stream] of Object.entries(FATAL))
	test(`fatal: ${name}`, () => {
		assert.throws(() => read(stream, stream.length), ProtocolError);
		assert.throws(() => read(stream, 1), ProtocolError);
	});

/** At the very limit. @type {Record<string, Buffer>} */
const ALLOWED = {
	"9 regions": agent.frame({ width: 8, height: 8, crc: 4, regions: Array(9).fill(image) }),
	"a frame as large as allowed": agent.frame({ width: 8192, height: 8192, crc: 4 }),
	"a region that sticks out of the screen": withRegion({ x: -4 }, 0),
	"an image with all the data allowed": withRegion({ data: data(8 * 8 * 4 + 65536) }, 5),
	"a whole clipboard piece": agent.selection({ size: 102_400, data: data(102_400) }),
};

for (const [name, stream] of Object.entries(ALLOWED))
	test(`allowed: ${name}`, () => assert.equal(read(stream, 1000).length, 1));

test("a frame whose size makes no sense is passed over and told, and the next message read", () => {
	for (const [width, height] of [
		[0, 8],
		[8, 16385],
		[16384, 16384],
		[21965, 9833],
	]) {
		const regions = [{ ...image, x: 40 }, { ...image, source: 3, data: undefined }, image];
		const broken = agent.frame({ width, height, crc: 5, regions });
		const stream = Buffer.concat([broken, agent.version(8)]);
		for (const piece of [1, 4096])
			assert.deepEqual(read(stream, piece), [
				{ type: "broken-frame", what: `a frame of ${width}x${height} pixels` },
				{ type: "version", version: 8 },
			]);
		/* Its regions are what the rest of the stream hangs on. */
		const large = agent.frame({ width, height, regions: [{ ...image, size: 65536 + 257 }] });
		assert.throws(() => read(large, large.length), ProtocolError);
	}
});

test("a cursor that is too large is passed over, and the next message read", () => {
	for (const [width, height, size] of [
		[1025, 1, 100],
		[0, 16, 100],
		[4, 4, 4 * 4 * 4 + 65537],
	]) {
		const large = agent.cursor({ serial: 1, width, height, data: data(size) });
		for (const piece of [1, 4096]) {
			const [cursor, next] = read(Buffer.concat([large, agent.version(8)]), piece);
			assert.ok(cursor.type === "cursor" && cursor.data === null && !cursor.reuse);
			assert.deepEqual(next, { type: "version", version: 8 });
		}
	}
});

test("clipboard data of unknown kind is passed over", () => {
	const unknown = agent.selection({ selection: 2, size: 3, data: data(3) });
	const odd = agent.selection({ mime: 3, size: 3, data: data(3) });
	const messages = read(Buffer.concat([unknown, odd, agent.version(8)]), 7);
	assert.deepEqual(messages, [{ type: "version", version: 8 }]);
});

test("frames that nobody wants are checked and dropped as they come", () => {
	const big = agent.wholeScreen(640, 480, data(MIB));
	/** @type {Message[]} */
	const seen = [];
	const reader = new KdriveReader((message) => seen.push(message));
	reader.skipFrames = true;
	for (let at = 0; at < big.length - 1000; at += 1000) {
		reader.push(Uint8Array.from(big.subarray(at, at + 1000)));
		assert.ok(reader._queue.length < 1000, "nothing piles up");
	}
	reader.skipFrames = false; /* within a frame: that one is still passed over */
	reader.push(Uint8Array.from(big.subarray(Math.floor(big.length / 1000) * 1000)));
	reader.push(Uint8Array.from(Buffer.concat([agent.version(8), big])));
	assert.deepEqual(
		seen.map(({ type }) => type),
		["version", "frame"],
	);
	assert.equal(reader.skippedFrames, 1);
	reader.skipFrames = true;
	const bad = agent.frame({ width: 8, height: 8, count: 10 });
	assert.throws(() => reader.push(Uint8Array.from(bad)), ProtocolError);
});

test("no memory is taken for what is only announced", () => {
	const announced = agent.frame({
		width: 8000,
		height: 8000,
		crc: 1,
		regions: [{ ...image, width: 8000, height: 8000, data: data(0), size: 200 * MIB }],
	});
	const before = process.memoryUsage().arrayBuffers;
	const readers = Array.from({ length: 20 }, () => {
		const reader = new KdriveReader(() => assert.fail("nothing is complete"));
		reader.push(Uint8Array.from(announced));
		return reader;
	});
	assert.ok(process.memoryUsage().arrayBuffers - before < MIB);
	assert.equal(readers.length, 20);
});
