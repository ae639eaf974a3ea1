// SPDX-License-Identifier: ISC
/**
 * Plays a recording to a client as fast as the client paints it. Fences stand between the frames:
 * pointer shapes that no recording has, which the client shows when all before them is painted,
 * and of which the page tells (page_probe.mjs). So no more than a window of frames is under way,
 * and the end is known.
 */
import * as agentSays from "../e2e/standin/messages.mjs";
import { solidPng } from "../e2e/standin/png.mjs";
import { FRAME, messagesOf } from "./recording.mjs";

/** @typedef {import("../e2e/standin/gateway.mjs").StandinAgent} StandinAgent */
/** @typedef {{bytes: Buffer, frames: number}} Part between two fences */

export const FENCE_FIRST = 0xbe0c0000;
/** The very last, right behind the mark: told of when the mark can be seen. */
export const FENCE_LAST = FENCE_FIRST + 16;
const FENCES = FENCE_LAST - FENCE_FIRST;
const FENCE_EVERY_FRAMES = 50;
const WINDOW_FRAMES = 300;
/** The last picture of a replay: a square in the screen's corner, of a colour that no scene has. */
export const MARK = { side: 8, colour: [250, 0, 250] };
/** As a gateway delivers it: in pieces that know nothing of messages. */
const PIECE_BYTES = 16 * 1024;

/** @param {Buffer} bytes of a recording @returns {Part[]} */
export function partsOf(bytes) {
	/** @type {Part[]} */
	const parts = [];
	let from = 0;
	let frames = 0;
	const messages = messagesOf(bytes);
	messages.forEach(({ type, end }, i) => {
		if (type === FRAME) frames += 1;
		if (frames < FENCE_EVERY_FRAMES && i < messages.length - 1) return;
		parts.push({ bytes: bytes.subarray(from, end), frames });
		from = end;
		frames = 0;
	});
	return parts;
}

/** A fence's shape: one transparent pixel. @param {number} serial */
function shape(serial) {
	return agentSays.cursor({ serial, width: 1, height: 1, data: new Uint8Array([0, 0, 0, 0]) });
}

/** A client shows each as it comes: the last fence's is not among them. */
function fenceShapes() {
	return Buffer.concat(Array.from({ length: FENCES }, (_, i) => shape(FENCE_FIRST + i)));
}

function mark() {
	const { side, colour } = MARK;
	const data = solidPng(side, side, colour);
	const place = { x: 0, y: 0, width: side, height: side };
	return agentSays.frame({ ...place, regions: [{ ...place, data }] });
}

export class Replay {
	/**
	 * @param {object} options
	 * @param {StandinAgent} options.agent
	 * @param {Part[]} options.parts
	 * @param {number} options.leastMs whole rounds are played until this much time has passed
	 */
	constructor({ agent, parts, leastMs }) {
		this._agent = agent;
		this._parts = parts;
		this._leastMs = leastMs;
		/** @type {{serial: number, frames: number}[]} fences that were not heard of yet */
		this._open = [];
		this._sent = 0; /* fences */
		this._underWay = 0; /* frames */
		this._wake = () => {};
	}

	/** The client has painted everything before this fence. @param {number} serial */
	fence(serial) {
		const reached = this._open.findIndex((fence) => fence.serial === serial);
		for (const { frames } of this._open.splice(0, reached + 1)) this._underWay -= frames;
		this._wake();
	}

	/** @returns {Promise<{frames: number, ms: number, rounds: number}>} */
	async run() {
		const begin = performance.now();
		let frames = 0;
		let rounds = 0;
		do {
			/* Caches are emptied between rounds, as by an agent that starts afresh. */
			if (rounds > 0) this._send(agentSays.reinit());
			this._send(fenceShapes());
			for (const part of this._parts) {
				this._send(part.bytes);
				this._fence(FENCE_FIRST + (this._sent++ % FENCES), part.frames);
				frames += part.frames;
				await this._until(() => this._underWay < WINDOW_FRAMES);
			}
			rounds += 1;
		} while (performance.now() - begin < this._leastMs);
		this._send(mark());
		this._send(shape(FENCE_LAST));
		this._open.push({ serial: FENCE_LAST, frames: 0 });
		await this._until(() => this._open.length === 0);
		return { frames, ms: performance.now() - begin, rounds };
	}

	/** @param {number} serial @param {number} frames */
	_fence(serial, frames) {
		this._open.push({ serial, frames });
		this._underWay += frames;
		this._send(agentSays.cursor({ serial }));
	}

	/** @param {Buffer} bytes */
	_send(bytes) {
		for (let at = 0; at < bytes.length; at += PIECE_BYTES)
			this._agent.send(bytes.subarray(at, at + PIECE_BYTES));
	}

	/** @param {() => boolean} condition */
	async _until(condition) {
		while (!condition())
			await new Promise((resolve) => (this._wake = () => resolve(undefined)));
	}
}
