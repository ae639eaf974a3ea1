/* SPDX-License-Identifier: ISC */
/*
 * Builds messages as a KDrive agent sends them, right or deliberately wrong, and takes apart the
 * events that a client sends. For tests only, and written from the protocol's description, not
 * with the client's own code.
 */

/**
 * @typedef {{source?: number, sourceX?: number, sourceY?: number, x: number, y: number,
 *   width: number, height: number, data?: Uint8Array, size?: number}} RegionSpec
 * @typedef {{width: number, height: number, x?: number, y?: number, crc?: number,
 *   regions?: RegionSpec[], count?: number}} FrameSpec
 */

/** @param {number} type @param {(header: Buffer) => void} [fill] */
export function header(type, fill) {
	const bytes = Buffer.alloc(56);
	bytes.writeUInt32LE(type, 0);
	fill?.(bytes);
	return bytes;
}

/** @param {RegionSpec} region */
function regionHeader(region) {
	const bytes = Buffer.alloc(64);
	bytes.writeUInt32LE(region.source ?? 0, 0);
	bytes.writeInt32LE(region.sourceX ?? 0, 4);
	bytes.writeInt32LE(region.sourceY ?? 0, 8);
	bytes.writeInt32LE(region.x, 12);
	bytes.writeInt32LE(region.y, 16);
	bytes.writeUInt32LE(region.width, 20);
	bytes.writeUInt32LE(region.height, 24);
	bytes.writeUInt32LE(region.size ?? region.data?.length ?? 0, 28);
	return bytes;
}

/** @param {FrameSpec} frame */
export function frame({ width, height, x = 0, y = 0, crc = 0, regions = [], count }) {
	const head = header(0, (bytes) => {
		bytes.writeUInt32LE(width, 4);
		bytes.writeUInt32LE(height, 8);
		bytes.writeInt32LE(x, 12);
		bytes.writeInt32LE(y, 16);
		bytes.writeUInt32LE(count ?? regions.length, 20);
		bytes.writeUInt32LE(crc, 24);
	});
	const parts = regions.flatMap((region) => [
		regionHeader(region),
		region.data ?? new Uint8Array(0),
	]);
	return Buffer.concat([head, ...parts]);
}

/** The whole screen as one image. @param {number} width @param {number} height
 * @param {Uint8Array} data */
export function wholeScreen(width, height, data) {
	return frame({ width, height, x: -1, y: -1, regions: [{ x: 0, y: 0, width, height, data }] });
}

/** @param {number} type @param {number[]} ids @param {number} [count] as claimed */
function idList(type, ids, count = ids.length) {
	const list = Buffer.alloc(ids.length * 4);
	ids.forEach((id, i) => list.writeUInt32LE(id, i * 4));
	return Buffer.concat([header(type, (bytes) => bytes.writeUInt32LE(count, 4)), list]);
}

/** @param {number[]} crcs @param {number} [count] */
export const deleted = (crcs, count) => idList(1, crcs, count);

/** @param {number[]} serials @param {number} [count] */
export const deletedCursors = (serials, count) => idList(3, serials, count);

/**
 * @param {{serial: number, width?: number, height?: number, hotX?: number, hotY?: number,
 *   foreground?: number[], background?: number[], data?: Uint8Array, size?: number}} cursor
 */
export function cursor({
	serial,
	width = 0,
	height = 0,
	hotX = 0,
	hotY = 0,
	foreground = [0, 0, 0],
	background = [255, 255, 255],
	data = new Uint8Array(0),
	size = data.length,
}) {
	const head = header(2, (bytes) => {
		bytes.set([...foreground, ...background], 4);
		bytes.writeUInt16LE(width, 10);
		bytes.writeUInt16LE(height, 12);
		bytes.writeUInt16LE(hotX, 14);
		bytes.writeUInt16LE(hotY, 16);
		bytes.writeUInt32LE(serial, 20);
		bytes.writeUInt32LE(size, 24);
	});
	return Buffer.concat([head, data]);
}

/**
 * @param {{selection?: number, mime?: number, size: number, first?: boolean, last?: boolean,
 *   compressed?: number, total?: number, data?: Uint8Array}} chunk
 */
export function selection({
	selection = 1,
	mime = 1,
	size,
	first = true,
	last = true,
	compressed = 0,
	total = size,
	data = new Uint8Array(0),
}) {
	const head = header(4, (bytes) => {
		const numbers = [selection, mime, size, Number(first), Number(last), compressed, total];
		numbers.forEach((number, i) => bytes.writeUInt32LE(number, 4 + 4 * i));
	});
	return Buffer.concat([head, data]);
}

/** @param {number} number */
export const version = (number) => header(5, (bytes) => bytes.writeUInt16LE(number, 4));

export const reinit = () => header(7);

/** @param {Uint8Array} list @param {number} [size] as claimed */
export function windowUpdate(list, size = list.length) {
	return Buffer.concat([header(8, (bytes) => bytes.writeUInt32LE(size, 4)), list]);
}

/** A record of a window list. @param {string} title @param {number} iconBytes */
export function windowRecord(title, iconBytes = 0) {
	const text = Buffer.from(title);
	const record = Buffer.alloc(35 + text.length + 4 + iconBytes);
	record.writeUInt32LE(0x400001, 0);
	record.writeInt8(2, 4);
	record.writeInt16LE(text.length, 33);
	text.copy(record, 35);
	record.writeUInt32LE(iconBytes, 35 + text.length);
	return record;
}

const EVENT_BYTES = 41;

/** @typedef {{type: string, [field: string]: number | string}} ClientEvent */

/** @type {Record<number, (bytes: Buffer) => ClientEvent>} */
const EVENTS = {
	2: (bytes) => keyOrButton("key-press", bytes),
	3: (bytes) => keyOrButton("key-release", bytes),
	4: (bytes) => keyOrButton("button-press", bytes),
	5: (bytes) => keyOrButton("button-release", bytes),
	6: (bytes) => ({ type: "motion", x: bytes.readInt32LE(4), y: bytes.readInt32LE(8) }),
	7: (bytes) => ({
		type: "geometry",
		width: bytes.readUInt16LE(4),
		height: bytes.readUInt16LE(6),
		recordWidth: bytes.readUInt16LE(9),
		recordHeight: bytes.readUInt16LE(11),
	}),
	8: (bytes) => ({
		type: "update",
		width: bytes.readInt32LE(4),
		height: bytes.readInt32LE(8),
		x: bytes.readInt32LE(12),
		y: bytes.readInt32LE(16),
	}),
	13: () => ({ type: "cache-rebuild" }),
};

/** @param {string} type @param {Buffer} bytes @returns {ClientEvent} */
function keyOrButton(type, bytes) {
	return { type, mask: bytes.readUInt32LE(4), code: bytes.readUInt32LE(8) };
}

/** One message of the client, which must be whole events. @param {Uint8Array} message
 * @returns {ClientEvent[]} */
export function parseEvents(message) {
	const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
	if (bytes.length === 0 || bytes.length % EVENT_BYTES !== 0)
		throw new Error(`a message of ${bytes.length} bytes is not whole events`);
	const events = [];
	for (let at = 0; at < bytes.length; at += EVENT_BYTES) {
		const event = bytes.subarray(at, at + EVENT_BYTES);
		const parse = EVENTS[event.readUInt32LE(0)];
		if (!parse) throw new Error(`event type ${event.readUInt32LE(0)}`);
		events.push(parse(event));
	}
	return events;
}
