// SPDX-License-Identifier: ISC
/**
 * Recorded KDrive streams: the bytes of an agent from the first one on, and beside them what came
 * when. Knows how messages are put together, and nothing of what they mean.
 */
import { readFile, writeFile } from "node:fs/promises";

/**
 * What stands in the .json beside a recording.
 * @typedef {object} Info
 * @property {number} width of the screen
 * @property {number} height
 * @property {number} bytes
 * @property {number} frames
 * @property {number} durationMs
 * @property {Record<string, number>} messages how many of each kind
 * @property {[number, number][]} chunks milliseconds since the first byte, bytes that came
 */
/** @typedef {{type: number, at: number, end: number, size: string}} Message where in the stream */

const HEADER_BYTES = 56;
const REGION_BYTES = 64;
export const FRAME = 0;
const NAMES = [
	...["frame", "deleted", "cursor", "deleted-cursor", "selection", "version"],
	...["demand-selection", "reinit", "windows", "keepalive", "disconnect"],
];
/** Chunks that came this close together are one. */
const CHUNK_MS = 4;

/** Length of what follows the header, except for frames. @type {Record<number, (header: Buffer) => number>} */
const PAYLOADS = {
	1: (header) => 4 * header.readUInt32LE(4),
	2: (header) => header.readUInt32LE(24),
	3: (header) => 4 * header.readUInt32LE(4),
	4: (header) => header.readUInt32LE(24) || header.readUInt32LE(12),
	5: () => 0,
	6: () => 0,
	7: () => 0,
	8: (header) => header.readUInt32LE(4),
	9: () => 0,
	10: () => 0,
};

/** @param {Buffer} bytes @param {number} at of a frame's header @returns {number} its end, or NaN */
function frameEnd(bytes, at) {
	let end = at + HEADER_BYTES;
	for (let left = bytes.readUInt32LE(at + 20); left > 0; left--) {
		if (end + REGION_BYTES > bytes.length) return NaN;
		end += REGION_BYTES + bytes.readUInt32LE(end + 28);
	}
	return end;
}

/**
 * The messages that are whole; what is cut off at the end is left out.
 * @param {Buffer} bytes
 * @returns {Message[]}
 */
export function messagesOf(bytes) {
	const found = [];
	for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
		const type = bytes.readUInt32LE(at);
		const payload = PAYLOADS[type];
		if (type !== FRAME && !payload) throw new Error(`recording: type ${type} at byte ${at}`);
		const end =
			type === FRAME
				? frameEnd(bytes, at)
				: at + HEADER_BYTES + payload(bytes.subarray(at, at + HEADER_BYTES));
		if (!(end <= bytes.length)) break;
		const size =
			type === FRAME ? `${bytes.readUInt32LE(at + 4)}x${bytes.readUInt32LE(at + 8)}` : "";
		found.push({ type, at, end, size });
		at = end;
	}
	return found;
}

/**
 * Chunks as they came to a recording that begins with the first byte and ends with a whole message.
 * @param {{at: number, bytes: Buffer}[]} chunks milliseconds on any clock
 * @param {{width: number, height: number}} screen
 * @returns {{bytes: Buffer, info: Info}}
 */
export function assemble(chunks, { width, height }) {
	const all = Buffer.concat(chunks.map(({ bytes }) => bytes));
	const messages = messagesOf(all);
	const bytes = all.subarray(0, messages.at(-1)?.end ?? 0);
	const whole = messages.find(({ type }) => type === FRAME);
	if (whole?.size !== `${width}x${height}`)
		throw new Error(`recording: it begins with a frame of ${whole?.size}`);
	/** @type {[number, number][]} */
	const times = [];
	let left = bytes.length;
	for (const chunk of chunks) {
		const ms = Math.round(chunk.at - chunks[0].at);
		const count = Math.min(chunk.bytes.length, left);
		const last = times.at(-1);
		if (count === 0) break;
		if (last && ms - last[0] < CHUNK_MS) last[1] += count;
		else times.push([ms, count]);
		left -= count;
	}
	/** @type {Record<string, number>} */
	const counts = {};
	for (const { type } of messages) counts[NAMES[type]] = (counts[NAMES[type]] ?? 0) + 1;
	const info = {
		...{ width, height, bytes: bytes.length, frames: counts.frame ?? 0 },
		...{ durationMs: times.at(-1)?.[0] ?? 0, messages: counts, chunks: times },
	};
	return { bytes, info };
}

/** @param {string} file without its ending @param {{bytes: Buffer, info: Info}} recording */
export async function save(file, { bytes, info }) {
	await writeFile(`${file}.kdrive`, bytes);
	await writeFile(`${file}.json`, `${JSON.stringify(info)}\n`);
}

/** @param {string} file without its ending @returns {Promise<{bytes: Buffer, info: Info}>} */
export async function load(file) {
	const bytes = await readFile(`${file}.kdrive`);
	const info = JSON.parse(await readFile(`${file}.json`, "utf8"));
	if (info.bytes !== bytes.length)
		throw new Error(`${file}: the two files do not belong together`);
	return { bytes, info };
}
