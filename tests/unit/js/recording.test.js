/* SPDX-License-Identifier: ISC */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assemble, load, messagesOf, save } from "../../bench/recording.mjs";
import * as agentSays from "../../e2e/standin/messages.mjs";

const DATA = new Uint8Array([1, 2, 3]);
const SCREEN = { width: 64, height: 48 };
const copied = { source: 7, x: 0, y: 3, width: 8, height: 3 };
const STREAM = [
	agentSays.version(8),
	agentSays.wholeScreen(SCREEN.width, SCREEN.height, DATA),
	agentSays.frame({
		...{ width: 8, height: 6, crc: 9 },
		regions: [{ x: 0, y: 0, width: 8, height: 3, data: DATA }, copied],
	}),
	agentSays.deleted([1, 2, 3]),
	agentSays.cursor({ serial: 5, width: 1, height: 1, data: new Uint8Array(4) }),
	agentSays.selection({ size: 3, data: DATA }),
	agentSays.frame({ width: 8, height: 6, crc: 9 }),
	agentSays.reinit(),
];

/** @param {Buffer} bytes @param {number} size */
function pieces(bytes, size) {
	const found = [];
	for (let at = 0; at < bytes.length; at += size)
		found.push({ at: 1000 + at, bytes: bytes.subarray(at, at + size) });
	return found;
}

test("every kind of message is found where it stands", () => {
	const found = messagesOf(Buffer.concat(STREAM));
	assert.deepEqual(
		found.map(({ type }) => type),
		[5, 0, 0, 1, 2, 4, 0, 7],
	);
	assert.deepEqual(
		found.map(({ at, end }) => end - at),
		STREAM.map(({ length }) => length),
	);
	assert.equal(found[1].size, "64x48");
});

test("what is cut off at the end is left out, wherever the cut is", () => {
	const whole = Buffer.concat(STREAM);
	let end = 0;
	const ends = [0, ...STREAM.map(({ length }) => (end += length))];
	for (let cut = 0; cut <= whole.length; cut++)
		assert.equal(
			messagesOf(whole.subarray(0, cut)).at(-1)?.end ?? 0,
			Math.max(...ends.filter((place) => place <= cut)),
		);
});

test("a type that does not exist is an error", () => {
	assert.throws(() => messagesOf(agentSays.header(99)), /type 99 at byte 0/);
});

test("chunks become a recording of whole messages, with their times", () => {
	const whole = Buffer.concat(STREAM);
	const { bytes, info } = assemble(pieces(whole.subarray(0, whole.length - 1), 50), SCREEN);
	assert.equal(bytes.length, whole.length - agentSays.reinit().length);
	assert.equal(info.frames, 3);
	assert.deepEqual(info.messages, {
		...{ version: 1, frame: 3, deleted: 1, cursor: 1, selection: 1 },
	});
	assert.deepEqual(info.chunks.slice(0, 2), [
		[0, 50],
		[50, 50],
	]);
	assert.equal(
		info.chunks.reduce((sum, [, count]) => sum + count, 0),
		bytes.length,
	);
});

test("chunks that come together are one", () => {
	const chunks = pieces(Buffer.concat(STREAM), 50).map(({ bytes }, i) => ({ at: 7 + i, bytes }));
	assert.deepEqual(assemble(chunks, SCREEN).info.chunks.slice(0, 2), [
		[0, 200],
		[4, 200],
	]);
});

test("a recording that does not begin with the whole screen is refused", () => {
	const chunks = pieces(Buffer.concat(STREAM), 50);
	assert.throws(
		() => assemble(chunks, { width: 65, height: 48 }),
		/begins with a frame of 64x48/,
	);
});

test("what is saved can be loaded; files that do not belong together are refused", async () => {
	const directory = await mkdtemp(path.join(tmpdir(), "recording-"));
	const file = path.join(directory, "some");
	try {
		const recording = assemble(pieces(Buffer.concat(STREAM), 50), SCREEN);
		await save(file, recording);
		assert.deepEqual(await load(file), recording);
		await writeFile(`${file}.kdrive`, recording.bytes.subarray(1));
		await assert.rejects(load(file), /do not belong together/);
	} finally {
		await rm(directory, { recursive: true });
	}
});

test("the desktop's recording is whole, and all that it refers to is in it", async () => {
	const place = new URL("../../bench/recordings/desktop", import.meta.url);
	const { bytes, info } = await load(fileURLToPath(place));
	const messages = messagesOf(bytes);
	assert.equal(messages.at(-1)?.end, bytes.length);
	assert.equal(messages.filter(({ type }) => type === 0).length, info.frames);
	assert.ok(info.frames > 3000, `${info.frames} frames`);
	const known = new Set();
	for (const { type, at } of messages) {
		if (type === 1)
			for (let i = 0; i < bytes.readUInt32LE(at + 4); i++)
				known.delete(bytes.readUInt32LE(at + 56 + 4 * i));
		if (type !== 0) continue;
		const crc = bytes.readUInt32LE(at + 24);
		if (bytes.readUInt32LE(at + 20) > 0) known.add(crc);
		else assert.ok(known.has(crc), `frame ${crc} at byte ${at}`);
	}
});
