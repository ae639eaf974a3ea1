/* SPDX-License-Identifier: ISC */
/*
 * Streams that no agent would send, made from those that one does: whatever comes, the parser ends
 * in a ProtocolError or waits for more, and takes no more memory than was sent to it.
 *
 * KDRIVE_FUZZ_SEED and KDRIVE_FUZZ_STREAMS set another run.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeCursor } from "../../../www/js/stream/decoders/cursor.js";
import { readImageHeader } from "../../../www/js/stream/decoders/image.js";
import * as n from "../../../www/js/stream/kdrive_numbers.js";
import { KdriveReader, ProtocolError } from "../../../www/js/stream/kdrive_read.js";
import { SEEDS } from "./kdrive_seeds.js";

/** @typedef {import("../../../www/js/stream/kdrive_read.js").Message} Message */

const SEED = Number(process.env.KDRIVE_FUZZ_SEED ?? 20_261_121);
const STREAMS = Number(process.env.KDRIVE_FUZZ_STREAMS ?? 100_000);
/** One decoding of a cursor for this many streams: it is asynchronous, and slow beside the rest. */
const CURSOR_EVERY = 4;

const MESSAGES = Object.values(SEEDS);
/** What breaks parsers. */
const NUMBERS = [
	...[0, 1, 2, 3, 9, 10, 11, 40, 41, 55, 56, 57, 63, 64, 65, 255, 256, 1024, 1025],
	...[8192, 8193, 16384, 16385, 65535, 65536, 102_400, 102_401, 1_000_000, 1_000_001],
	...[0x7fff, 0x8000, 0x1000000, 0x1000001, 0x10000000, 0x10000001],
	...[0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff],
];

/** Mulberry32: small, quick, and the same everywhere. @param {number} seed */
function randomNumbers(seed) {
	let state = seed >>> 0;
	return (/** @type {number} */ below) => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
	};
}
const random = randomNumbers(SEED);
const pick = (/** @type {any[]} */ list) => list[random(list.length)];

/** @type {((stream: Buffer) => Buffer)[]} */
const MUTATIONS = [
	(stream) => {
		stream[random(stream.length)] = random(256);
		return stream;
	},
	(stream) => {
		stream[random(stream.length)] ^= 1 << random(8);
		return stream;
	},
	(stream) => {
		if (stream.length < 4) return stream;
		/* Mostly where numbers stand. */
		const at = random(4) ? 4 * random(stream.length >> 2) : random(stream.length - 3);
		stream.writeUInt32LE(pick(NUMBERS), Math.min(at, stream.length - 4));
		return stream;
	},
	(stream) => stream.subarray(0, 1 + random(stream.length)),
	(stream) => stream.subarray(random(stream.length)),
	(stream) => {
		const at = random(stream.length);
		return Buffer.concat([stream.subarray(0, at), pick(MESSAGES), stream.subarray(at)]);
	},
	(stream) => {
		const [from, to] = [random(stream.length), random(stream.length)].sort((a, b) => a - b);
		return Buffer.concat([stream.subarray(0, from), stream.subarray(to)]);
	},
	(stream) => {
		const other = pick(MESSAGES);
		return Buffer.concat([
			stream.subarray(0, random(stream.length)),
			other.subarray(random(other.length)),
		]);
	},
];

function mutant() {
	/** @type {Buffer} */
	let stream = Buffer.concat(Array.from({ length: 1 + random(3) }, () => pick(MESSAGES)));
	for (let i = random(6); i >= 0 && stream.length > 0; i--) stream = pick(MUTATIONS)(stream);
	return stream;
}

/** Memory that was asked for by size, while it is watched. */
const asked = { bytes: 0 };
const KINDS = /** @type {const} */ ([
	"ArrayBuffer",
	"Uint8Array",
	"Uint8ClampedArray",
	"Uint32Array",
]);

/** @template T @param {() => T} run @returns {T} */
function watchMemory(run) {
	const world = /** @type {any} */ (globalThis);
	const originals = KINDS.map((kind) => world[kind]);
	for (const kind of KINDS)
		world[kind] = new Proxy(world[kind], {
			construct(target, args) {
				const made = Reflect.construct(target, args);
				if (typeof args[0] === "number") asked.bytes += made.byteLength;
				return made;
			},
		});
	try {
		return run();
	} finally {
		KINDS.forEach((kind, i) => (world[kind] = originals[i]));
	}
}

/** A reader that keeps accounts. */
class Accounts {
	constructor() {
		this.pushed = 0;
		this.taken = 0;
		this.steps = 0;
		asked.bytes = 0;
		/** @type {Message[]} */
		this.messages = [];
		this.reader = new KdriveReader((message) => this.messages.push(message));
		this.reader.skipFrames = random(8) === 0;
		const queue = this.reader._queue;
		const take = queue.take.bind(queue);
		queue.take = (count) => {
			this.taken += count;
			this.steps += 1;
			return take(count);
		};
	}

	/** @param {Buffer} stream */
	feed(stream) {
		const most = pick([1, 7, 56, 64, 500, 100_000]);
		/** @type {Uint8Array<ArrayBuffer>[]} */
		const pieces = [];
		for (let at = 0; at < stream.length; at += pieces[pieces.length - 1].length)
			pieces.push(Uint8Array.from(stream.subarray(at, at + 1 + random(most))));
		watchMemory(() => {
			for (const piece of pieces) {
				this.pushed += piece.length;
				this.reader.push(piece);
			}
		});
	}

	/** @returns {string} "" if all is well */
	complaint() {
		if (this.taken > this.pushed) return `${this.taken} bytes taken of ${this.pushed}`;
		/* One copy of what came in pieces, one of ids: never on a number's word alone. */
		if (asked.bytes > 2 * this.pushed) return `${asked.bytes} bytes of memory asked for`;
		if (this.steps > this.pushed / 4 + 100) return `${this.steps} steps`;
		for (const message of this.messages) {
			const what = excess(message);
			if (what) return `${message.type}: ${what}`;
		}
		return "";
	}
}

/** What a message has beyond its limits. @param {Message} message */
function excess(message) {
	if (message.type === "frame") {
		const { width, height, crc, regions } = message;
		if (regions.length > n.FRAME_REGIONS_MAX) return `${regions.length} regions`;
		if (width < 1 || height < 1 || width * height > n.FRAME_PIXELS_MAX) return "size";
		for (const region of regions) {
			const { x, y, source, data } = region;
			if (region.width < 1 || region.height < 1) return "empty region";
			const right = crc ? width : n.FRAME_SIDE_MAX;
			const bottom = crc ? height : n.FRAME_SIDE_MAX;
			if (x + region.width > right || y + region.height > bottom) return "region's place";
			if ((source === 0) !== (data !== null)) return "region's data";
			if (data && data.length > region.width * region.height * 4 + n.IMAGE_SLACK_BYTES)
				return "region's bytes";
		}
	}
	if (message.type === "cursor" && message.data) {
		if (Math.max(message.width, message.height) > n.CURSOR_SIDE_MAX) return "size";
	}
	if (message.type === "selection") {
		if (message.data.length > n.SELECTION_CHUNK_MAX) return "piece";
		if (message.selection > 1 || message.mime > 2) return "kind";
	}
	return "";
}

test(`${STREAMS} mutated streams (seed ${SEED})`, async (context) => {
	const started = performance.now();
	const buffersBefore = process.memoryUsage().arrayBuffers;
	let refused = 0;
	let bytes = 0;
	let slowestMs = 0;
	let cursors = 0;
	/** @type {Record<string, number>} */
	const seen = {};
	for (let i = 0; i < STREAMS; i++) {
		const stream = mutant();
		const fault = (/** @type {unknown} */ what) =>
			assert.fail(`stream ${i} of seed ${SEED}: ${what}: ${stream.toString("hex")}`);
		const accounts = new Accounts();
		const begun = performance.now();
		try {
			accounts.feed(stream);
		} catch (error) {
			if (!(error instanceof ProtocolError)) fault(error);
			refused += 1;
		}
		slowestMs = Math.max(slowestMs, performance.now() - begun);
		bytes += accounts.pushed;
		const complaint = accounts.complaint();
		if (complaint) fault(complaint);
		for (const message of accounts.messages) {
			seen[message.type] = (seen[message.type] ?? 0) + 1;
			if (message.type === "frame")
				for (const { data } of message.regions) if (data) readImageHeader(data);
			if (message.type === "cursor" && i % CURSOR_EVERY === 0) {
				await decodeCursor(message);
				cursors += 1;
			}
		}
	}
	const seconds = (performance.now() - started) / 1000;
	context.diagnostic(
		`${(STREAMS / seconds).toFixed(0)} streams/s, ${(bytes / 1e6 / seconds).toFixed(1)} MB/s, ` +
			`${refused} refused, ${cursors} cursors decoded, slowest ${slowestMs.toFixed(1)} ms`,
	);
	context.diagnostic(`messages: ${JSON.stringify(seen)}`);
	assert.ok(refused > STREAMS / 10 && refused < STREAMS * 0.95, `${refused} refused`);
	assert.equal(Object.keys(seen).length, 13, "every kind of message has been seen");
	const grown = process.memoryUsage().arrayBuffers - buffersBefore;
	assert.ok(grown < 256 * 1024 * 1024, `${grown} bytes of buffers are left`);
});
