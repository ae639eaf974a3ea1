/* SPDX-License-Identifier: ISC */
/*
 * Reads the agent's byte stream: bytes in, in any pieces, whole checked messages out. Takes no
 * memory on a number's word alone; knows nothing of sockets, images or painting.
 *
 * The stream has no length prefix common to all messages and nothing to resynchronise at, so
 * whatever breaks a limit is a ProtocolError and the end of the stream. But for one thing: an agent
 * whose screen changes its size while it draws has been seen to send a frame of a size that it has
 * read from memory that was no frame any more, in a stream that goes on as it should.
 */

import { ByteQueue } from "./byte_queue.js";
import * as n from "./kdrive_numbers.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * One rectangle of a frame: `data` is an image, or null if it is copied from frame `source`.
 * @typedef {object} Region
 * @property {number} source @property {number} sourceX @property {number} sourceY
 * @property {number} x @property {number} y @property {number} width @property {number} height
 * @property {Bytes | null} data
 */

/**
 * @typedef {{type: "frame", width: number, height: number, x: number, y: number, crc: number,
 *   window: number, regions: Region[]}} FrameMessage
 * @typedef {{type: "cursor", serial: number, width: number, height: number, hotX: number,
 *   hotY: number, foreground: number[], background: number[], reuse: boolean,
 *   data: Bytes | null}} CursorMessage `reuse`: shown before under this serial; neither reuse nor
 *   data: too large, show the default
 * @typedef {{type: "selection", selection: number, mime: number, size: number, first: boolean,
 *   last: boolean, compressed: boolean, data: Bytes}} SelectionMessage
 * @typedef {FrameMessage | CursorMessage | SelectionMessage
 *   | {type: "broken-frame", what: string}
 *   | {type: "deleted", ids: Uint32Array}
 *   | {type: "deleted-cursors", ids: Uint32Array}
 *   | {type: "version", version: number}
 *   | {type: "demand-selection", selection: number}
 *   | {type: "windows", count: number}
 *   | {type: "reinit"} | {type: "keepalive"} | {type: "disconnect"} | {type: "udp"}} Message
 */

/** A generator that yields how many bytes it waits for, and returns T.
 * @template T @typedef {Generator<number, T, void>} Reading */

/** The stream broke the protocol; `message` is a technical detail, in English. */
export class ProtocolError extends Error {}

export class KdriveReader {
	/** @param {(message: Message) => void} emit called for each message, in stream order */
	constructor(emit) {
		/** While true, frames are checked and passed over: their bytes are dropped as they come, and
		 * no message is emitted. A frame that has begun is finished as it began. */
		this.skipFrames = false;
		/** Frames passed over so far. */
		this.skippedFrames = 0;
		this._queue = new ByteQueue();
		this._emit = emit;
		this._reading = this._readMessages();
		this._wanted = Number(this._reading.next().value);
	}

	/**
	 * Throws ProtocolError; the reader is unusable afterwards.
	 * @param {Bytes} bytes kept, not copied
	 */
	push(bytes) {
		this._queue.push(bytes);
		while (this._queue.length >= this._wanted) {
			const step = this._reading.next();
			if (step.done) throw new ProtocolError("the stream broke off");
			this._wanted = step.value;
		}
	}

	/** @returns {Reading<void>} */
	*_readMessages() {
		for (;;) {
			const header = yield* view(this._queue, n.HEADER_BYTES);
			const type = header.getUint32(0, true);
			if (type === n.MESSAGE_FRAME && this.skipFrames) {
				yield* readFrame(header, this._queue, skip);
				this.skippedFrames += 1;
				continue;
			}
			const read = READERS[type];
			if (!read) throw new ProtocolError(`unknown message type ${type}`);
			const message = yield* read(header, this._queue);
			if (message) this._emit(message);
		}
	}
}

/** @param {unknown} truth @param {string} what */
function check(truth, what) {
	if (!truth) throw new ProtocolError(what);
}

/** @param {ByteQueue} queue @param {number} count @returns {Reading<DataView>} */
function* view(queue, count) {
	yield count;
	const bytes = queue.take(count);
	return new DataView(bytes.buffer, bytes.byteOffset, count);
}

/** @param {ByteQueue} queue @param {number} count @returns {Reading<Bytes>} */
function* take(queue, count) {
	yield count;
	return queue.take(count);
}

/** Passes over bytes without ever holding them. @param {ByteQueue} queue @param {number} count
 * @returns {Reading<null>} */
function* skip(queue, count) {
	for (let left = count; left > 0;) {
		left -= queue.drop(left);
		if (left > 0) yield 1;
	}
	return null;
}

/** @type {Record<number, (header: DataView, queue: ByteQueue) => Reading<Message | null>>} */
const READERS = {
	[n.MESSAGE_FRAME]: (header, queue) => readFrame(header, queue, take),
	[n.MESSAGE_DELETED]: readDeleted,
	[n.MESSAGE_CURSOR]: readCursor,
	[n.MESSAGE_DELETED_CURSOR]: readDeletedCursors,
	[n.MESSAGE_SELECTION]: readSelection,
	[n.MESSAGE_SERVER_VERSION]: function* (header) {
		return { type: "version", version: header.getUint16(4, true) };
	},
	[n.MESSAGE_DEMAND_SELECTION]: function* (header) {
		return { type: "demand-selection", selection: header.getUint16(4, true) };
	},
	[n.MESSAGE_REINIT]: plain({ type: "reinit" }),
	[n.MESSAGE_WINDOW_UPDATE]: readWindows,
	[n.MESSAGE_KEEPALIVE]: plain({ type: "keepalive" }),
	[n.MESSAGE_DISCONNECT]: plain({ type: "disconnect" }),
	[n.MESSAGE_UDP_OPEN]: plain({ type: "udp" }),
	[n.MESSAGE_UDP_FAILED]: plain({ type: "udp" }),
};

/** @param {Message} message @returns {() => Reading<Message>} */
function plain(message) {
	return function* () {
		return message;
	};
}

/**
 * @param {DataView} header @param {ByteQueue} queue
 * @param {(queue: ByteQueue, count: number) => Reading<Bytes | null>} readData
 * @returns {Reading<Message>}
 */
function* readFrame(header, queue, readData) {
	/** @type {FrameMessage} */
	const frame = {
		type: "frame",
		width: header.getUint32(4, true),
		height: header.getUint32(8, true),
		x: header.getInt32(12, true),
		y: header.getInt32(16, true),
		crc: header.getUint32(24, true),
		window: header.getUint32(28, true),
		regions: [],
	};
	const count = header.getUint32(20, true);
	check(count <= n.FRAME_REGIONS_MAX, `a frame of ${count} regions`);
	const { width, height } = frame;
	const whole = isSide(width) && isSide(height) && width * height <= n.FRAME_PIXELS_MAX;
	let pixels = 0;
	let bytes = 0;
	for (let i = 0; i < count; i++) {
		const fields = yield* view(queue, n.REGION_BYTES);
		const region = checkRegion(fields, frame, whole);
		const size = fields.getUint32(28, true);
		pixels += region.width * region.height;
		bytes += size;
		check(pixels <= n.FRAME_PIXELS_MAX, "a frame with more pixels than allowed");
		check(bytes <= n.IMAGE_BYTES_MAX, "a frame with more data than allowed");
		if (region.source === 0) region.data = yield* (whole ? readData : skip)(queue, size);
		frame.regions.push(region);
	}
	return whole ? frame : { type: "broken-frame", what: `a frame of ${width}x${height} pixels` };
}

/** @param {number} side */
function isSide(side) {
	return side >= 1 && side <= n.FRAME_SIDE_MAX;
}

/** @param {DataView} fields @param {FrameMessage} frame @param {boolean} placed within that
 * @returns {Region} without its data */
function checkRegion(fields, frame, placed) {
	const region = {
		source: fields.getUint32(0, true),
		sourceX: fields.getInt32(4, true),
		sourceY: fields.getInt32(8, true),
		x: fields.getInt32(12, true),
		y: fields.getInt32(16, true),
		width: fields.getUint32(20, true),
		height: fields.getUint32(24, true),
		data: null,
	};
	const size = fields.getUint32(28, true);
	const { x, y, width, height } = region;
	check(isSide(width) && isSide(height), `a region of ${width}x${height} pixels`);
	if (frame.crc !== 0 && placed) {
		const inside = x >= 0 && y >= 0 && x + width <= frame.width && y + height <= frame.height;
		check(inside, "a region outside its frame");
	} else {
		const reach = n.FRAME_SIDE_MAX;
		const inside = x >= -reach && y >= -reach && x + width <= reach && y + height <= reach;
		check(inside, "a region far outside the screen");
	}
	if (region.source !== 0) {
		check(size === 0, "a copied region that carries data");
	} else {
		const most = Math.min(width * height * 4 + n.IMAGE_SLACK_BYTES, n.IMAGE_BYTES_MAX);
		check(size >= 1 && size <= most, `an image of ${size} bytes for ${width}x${height} pixels`);
	}
	return region;
}

/** @param {DataView} header @param {ByteQueue} queue @returns {Reading<Uint32Array>} */
function* readIds(header, queue) {
	const count = header.getUint32(4, true);
	check(count <= n.DELETED_MAX, `a list of ${count} deletions`);
	const fields = yield* view(queue, count * 4);
	const ids = new Uint32Array(count);
	for (let i = 0; i < count; i++) ids[i] = fields.getUint32(i * 4, true);
	return ids;
}

/** @param {DataView} header @param {ByteQueue} queue @returns {Reading<Message>} */
function* readDeleted(header, queue) {
	return { type: "deleted", ids: yield* readIds(header, queue) };
}

/** @param {DataView} header @param {ByteQueue} queue @returns {Reading<Message>} */
function* readDeletedCursors(header, queue) {
	return { type: "deleted-cursors", ids: yield* readIds(header, queue) };
}

/** @param {DataView} header @param {ByteQueue} queue @returns {Reading<CursorMessage>} */
function* readCursor(header, queue) {
	const size = header.getUint32(24, true);
	/** @type {CursorMessage} */
	const cursor = {
		type: "cursor",
		serial: header.getUint32(20, true),
		width: header.getUint16(10, true),
		height: header.getUint16(12, true),
		hotX: header.getUint16(14, true),
		hotY: header.getUint16(16, true),
		foreground: [header.getUint8(4), header.getUint8(5), header.getUint8(6)],
		background: [header.getUint8(7), header.getUint8(8), header.getUint8(9)],
		reuse: size === 0,
		data: null,
	};
	const { width, height } = cursor;
	const good =
		width >= 1 &&
		height >= 1 &&
		Math.max(width, height) <= n.CURSOR_SIDE_MAX &&
		size <= width * height * 4 + n.IMAGE_SLACK_BYTES;
	check(size <= n.IMAGE_BYTES_MAX, `a cursor of ${size} bytes`);
	if (good && size > 0) cursor.data = yield* take(queue, size);
	else yield* skip(queue, size);
	return cursor;
}

/** @param {DataView} header @param {ByteQueue} queue @returns {Reading<SelectionMessage | null>} */
function* readSelection(header, queue) {
	const selection = header.getUint32(4, true);
	const mime = header.getUint32(8, true);
	const size = header.getUint32(12, true);
	const compressed = header.getUint32(24, true);
	check(size <= n.SELECTION_CHUNK_MAX, `a clipboard piece of ${size} bytes`);
	check(compressed <= size, "a clipboard piece that grew by compression");
	const data = yield* take(queue, compressed || size);
	if (selection > 1 || mime > 2) return null;
	return {
		type: "selection",
		selection,
		mime,
		size,
		first: header.getUint32(16, true) !== 0,
		last: header.getUint32(20, true) !== 0,
		compressed: compressed !== 0,
		data,
	};
}

/** Windows matter in rootless sessions only; the list is checked and passed over.
 * @param {DataView} header @param {ByteQueue} queue @returns {Reading<Message>} */
function* readWindows(header, queue) {
	const size = header.getUint32(4, true);
	check(size <= n.WINDOW_UPDATE_MAX, `a window list of ${size} bytes`);
	return { type: "windows", count: countWindows(yield* view(queue, size)) };
}

const WINDOW_DELETED = 3;
const WINDOW_DELETED_BYTES = 5;
const WINDOW_TITLE_OFFSET = 33;
const WINDOW_FIXED_BYTES = 35;

/** @param {DataView} list */
function countWindows(list) {
	let count = 0;
	let at = 0;
	const bound = (/** @type {number} */ end) =>
		check(end <= list.byteLength, "a window list that is cut short");
	for (; at < list.byteLength; count++) {
		bound(at + WINDOW_DELETED_BYTES);
		if (list.getInt8(at + 4) === WINDOW_DELETED) {
			at += WINDOW_DELETED_BYTES;
			continue;
		}
		bound(at + WINDOW_FIXED_BYTES);
		const title = list.getInt16(at + WINDOW_TITLE_OFFSET, true);
		check(title >= 0, "a window title of negative length");
		at += WINDOW_FIXED_BYTES + title;
		bound(at + 4);
		at += 4 + list.getUint32(at, true);
		bound(at);
	}
	return count;
}
