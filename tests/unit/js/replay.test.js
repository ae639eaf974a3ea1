/* SPDX-License-Identifier: ISC */
/* The client bench's player, with a client that counts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { messagesOf } from "../../bench/recording.mjs";
import { FENCE_FIRST, FENCE_LAST, partsOf, Replay } from "../../bench/replay.mjs";
import * as agentSays from "../../e2e/standin/messages.mjs";

const FRAMES = 1730;
const WINDOW = 300;
const FRAME = agentSays.frame({ width: 8, height: 8, crc: 3 });
const RECORDING = Buffer.concat([
	agentSays.version(8),
	...Array.from({ length: FRAMES }, () => FRAME),
	agentSays.deleted([3]),
]);

/** A client that reports fences when it is let. */
class Client {
	constructor() {
		/** @type {Uint8Array[]} */
		this.pieces = [];
		this.agent = /** @type {any} */ ({
			send: (/** @type {Uint8Array} */ bytes) => this.pieces.push(bytes),
		});
		this._seen = 0;
	}

	get messages() {
		const all = Buffer.concat(this.pieces);
		return messagesOf(all).map(({ type, at, end }) => ({
			type,
			serial: type === 2 ? all.readUInt32LE(at + 20) : 0,
			shape: type === 2 && end - at > 56,
		}));
	}

	/** Fences that came since the last call. */
	takeFences() {
		const all = this.messages.filter(
			({ type, shape, serial }) => type === 2 && (!shape || serial === FENCE_LAST),
		);
		const fresh = all.slice(this._seen).map(({ serial }) => serial);
		this._seen = all.length;
		return fresh;
	}

	count(/** @type {number} */ type) {
		return this.messages.filter((message) => message.type === type).length;
	}
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("parts hold every byte and every frame, and end where messages end", () => {
	const parts = partsOf(RECORDING);
	assert.ok(Buffer.concat(parts.map(({ bytes }) => bytes)).equals(RECORDING));
	assert.equal(
		parts.reduce((sum, { frames }) => sum + frames, 0),
		FRAMES,
	);
	for (const { bytes } of parts) assert.equal(messagesOf(bytes).at(-1)?.end, bytes.length);
});

test("a client that reports nothing gets a window of frames and no more", async () => {
	const client = new Client();
	void new Replay({ agent: client.agent, parts: partsOf(RECORDING), leastMs: 0 }).run();
	for (let i = 0; i < 50; i++) await turn();
	assert.equal(client.count(0), WINDOW);
});

test("each fence lets more come; the last one ends the replay", async () => {
	const client = new Client();
	const replay = new Replay({ agent: client.agent, parts: partsOf(RECORDING), leastMs: 0 });
	/** @type {{frames: number, rounds: number} | null} */
	let played = null;
	void replay.run().then((end) => (played = end));
	/* Some fences are skipped over, as when two shapes are shown within one frame. */
	for (let i = 0; !played; i++) {
		assert.ok(i < 1000, "the replay does not end");
		const fences = client.takeFences();
		const told = fences.filter((serial, j) => serial === FENCE_LAST || j % 3 === 2);
		for (const serial of told.length ? told : fences) {
			assert.equal(played, null);
			replay.fence(serial);
		}
		await turn();
	}
	assert.equal(/** @type {any} */ (played).frames, FRAMES);
	assert.equal(/** @type {any} */ (played).rounds, 1);
	assert.equal(client.count(0), FRAMES + 1, "the frames and the mark");
	const last = client.messages.filter(({ serial }) => serial === FENCE_LAST);
	assert.deepEqual(last, [client.messages.at(-1)], "told of only once, at the end");
});

test("rounds begin with empty caches and with the fences' shapes", async () => {
	const client = new Client();
	const parts = partsOf(RECORDING.subarray(0, 56 * 11));
	const replay = new Replay({ agent: client.agent, parts, leastMs: 30 });
	let over = false;
	const played = replay.run().finally(() => (over = true));
	while (!over) {
		for (const serial of client.takeFences()) replay.fence(serial);
		await turn();
	}
	const { rounds } = await played;
	assert.ok(rounds > 1);
	assert.equal(client.count(7), rounds - 1);
	const first = client.messages.findIndex(({ type }) => type === 7);
	assert.deepEqual(client.messages[first + 1], { type: 2, serial: FENCE_FIRST, shape: true });
});
