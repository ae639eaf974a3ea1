/* SPDX-License-Identifier: ISC */
/*
 * Encoders of the events that the browser sends to the agent: each gives one whole event of
 * EVENT_BYTES. Values that an agent would not survive are refused here, at the last point before
 * the wire.
 */

import { MASK_KEYS } from "../input/key_table.js";
import * as n from "./kdrive_numbers.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../types.js").Rect} Rect */

/** @param {number} type @returns {DataView<ArrayBuffer>} */
function newEvent(type) {
	const event = new DataView(new ArrayBuffer(n.EVENT_BYTES));
	event.setUint32(0, type, true);
	return event;
}

/** @param {DataView<ArrayBuffer>} event @returns {Bytes} */
function finish(event) {
	return new Uint8Array(event.buffer);
}

/** @param {boolean} down @param {number} keycode X keycode, 8..255 @param {number} mask */
export function keyEvent(down, keycode, mask) {
	if (keycode < 8 || keycode > 255) throw new RangeError(`no X keycode: ${keycode}`);
	const event = newEvent(down ? n.EVENT_KEY_PRESS : n.EVENT_KEY_RELEASE);
	event.setUint32(4, mask & 0xff, true);
	event.setUint32(8, keycode, true);
	return finish(event);
}

/**
 * A key with Shift or AltGr, and at once their release. They stayed down until some later event
 * otherwise, and an agent that reads this and that event together would not notice the difference;
 * so, each tap is right whatever it is read with.
 * @param {number} keycode @param {number} mask
 */
export function levelledTap(keycode, mask) {
	const after = mask & ~n.MASK_LEVELS;
	const releases = MASK_KEYS.filter(([bit]) => bit & mask & n.MASK_LEVELS);
	return joinEvents([
		keyEvent(true, keycode, mask),
		...releases.map(([, modifier]) => keyEvent(false, modifier, after)),
	]);
}

/** @param {boolean} down @param {number} button X button, 1..8 @param {number} mask */
export function buttonEvent(down, button, mask) {
	if (button < 1 || button > 8) throw new RangeError(`no X button: ${button}`);
	const event = newEvent(down ? n.EVENT_MOUSE_PRESS : n.EVENT_MOUSE_RELEASE);
	event.setUint32(4, mask & 0xff, true);
	event.setUint32(8, button, true);
	return finish(event);
}

/** @param {number} x @param {number} y screen pixels */
export function motionEvent(x, y) {
	const event = newEvent(n.EVENT_MOUSE_MOTION);
	event.setInt32(4, x, true);
	event.setInt32(8, y, true);
	return finish(event);
}

/** With one screen record: without any, RandR would call the only output disconnected.
 * @param {number} width @param {number} height SCREEN_MIN..SCREEN_MAX */
export function geometryEvent(width, height) {
	for (const side of [width, height])
		if (!Number.isInteger(side) || side < n.SCREEN_MIN || side > n.SCREEN_MAX)
			throw new RangeError(`no screen size: ${width}x${height}`);
	const event = newEvent(n.EVENT_GEOMETRY);
	event.setUint16(4, width, true);
	event.setUint16(6, height, true);
	event.setUint16(9, width, true);
	event.setUint16(11, height, true);
	return finish(event);
}

/**
 * Asks for a picture of a rectangle.
 * @param {Rect | null} rect inside the screen, not empty; null: the whole screen, in whatever size
 * it has when the agent answers
 */
export function updateEvent(rect) {
	const event = newEvent(n.EVENT_UPDATE);
	if (rect) {
		if (rect.x < 0 || rect.y < 0 || rect.width < 1 || rect.height < 1)
			throw new RangeError("no rectangle of the screen");
		event.setInt32(4, rect.width, true);
		event.setInt32(8, rect.height, true);
		event.setInt32(12, rect.x, true);
		event.setInt32(16, rect.y, true);
	}
	return finish(event);
}

/** Makes the agent forget what it sent, answer REINIT and wait for an UPDATE. */
export function cacheRebuildEvent() {
	return finish(newEvent(n.EVENT_CACHE_REBUILD));
}

/** Asks for what is in a selection of the server. @param {number} selection */
export function demandSelectionEvent(selection) {
	const event = newEvent(n.EVENT_DEMAND_SELECTION);
	event.setUint16(4, selection, true);
	return finish(event);
}

/** Says that there is something to be asked for: the agent takes the selection for us.
 * @param {number} selection @param {number} mime */
export function selectionNotice(selection, mime) {
	const event = newEvent(n.EVENT_SELECTION);
	event.setUint8(8, selection);
	event.setUint8(9, mime);
	event.setUint8(10, 1);
	event.setUint8(11, 1);
	return finish(event);
}

/** The event's head; the data begins in the same event and goes on in bare blocks. */
const SELECTION_HEAD_BYTES = 20;

/**
 * One piece of a selection, its event with the blocks that belong to it.
 * @param {number} selection @param {number} mime @param {Uint8Array} whole all of the selection
 * @param {number} from offset of the piece @param {number} size its bytes, at least 1
 * @returns {Bytes}
 */
export function selectionChunk(selection, mime, whole, from, size) {
	const piece = whole.subarray(from, from + size);
	if (from < 0 || piece.length !== size || size < 1 || whole.length > n.SELECTION_BYTES_MAX)
		throw new RangeError("no piece of a selection");
	const events = Math.ceil((SELECTION_HEAD_BYTES + size) / n.EVENT_BYTES);
	const chunk = new DataView(new ArrayBuffer(events * n.EVENT_BYTES));
	chunk.setUint32(0, n.EVENT_SELECTION, true);
	chunk.setUint32(4, size, true);
	chunk.setUint8(8, selection);
	chunk.setUint8(9, mime);
	chunk.setUint8(10, from === 0 ? 1 : 0);
	chunk.setUint8(11, from + size === whole.length ? 1 : 0);
	chunk.setUint32(16, whole.length, true);
	const bytes = finish(chunk);
	bytes.set(piece, SELECTION_HEAD_BYTES);
	return bytes;
}

/** Several events as one message. @param {Bytes[]} events @returns {Bytes} */
export function joinEvents(events) {
	const joined = new Uint8Array(events.length * n.EVENT_BYTES);
	events.forEach((event, i) => joined.set(event, i * n.EVENT_BYTES));
	return joined;
}
