/* SPDX-License-Identifier: ISC */
/*
 * The user's events on their way: each message is kept until the relay says that it has taken it, so
 * that it can be sent again over another connection. Positions count bytes since the stream began.
 */

import {
	EVENT_BYTES,
	EVENT_KEY_PRESS,
	EVENT_MOUSE_MOTION,
	EVENT_MOUSE_PRESS,
} from "./kdrive_numbers.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/** More than this cannot sensibly wait for a network to come back. */
export const OUTBOX_BYTES_MAX = 4 * 1024 * 1024;

export class Outbox {
	constructor() {
		/** @type {{end: number, bytes: Bytes, sent: boolean}[]} */
		this._kept = [];
		this._taken = 0;
		this._end = 0;
		/** Bytes that have ever been put in here. */
		this.added = 0;
	}

	/** Of events that are not known to have been taken. */
	get bytes() {
		return this._end - this._taken;
	}

	get isFull() {
		return this.bytes > OUTBOX_BYTES_MAX;
	}

	/** One message. @param {Bytes} bytes whole events @param {boolean} sent it goes out at once */
	add(bytes, sent) {
		const last = this._kept.at(-1);
		/* Where the pointer was while nobody could be told is of no interest. */
		if (!sent && last && !last.sent && isMotion(bytes) && isMotion(last.bytes)) {
			last.bytes = bytes;
			return;
		}
		this._end += bytes.length;
		this.added += bytes.length;
		this._kept.push({ end: this._end, bytes, sent });
	}

	/** The relay has taken all before this position.
	 * @param {number} position @returns {boolean} false: it cannot have */
	acknowledge(position) {
		const at = this._kept.findIndex(({ end }) => end > position);
		const gone = at < 0 ? this._kept.length : at;
		const before = gone > 0 ? this._kept[gone - 1].end : this._taken;
		if (position < this._taken || position !== Math.max(before, this._taken)) return false;
		this._kept.splice(0, gone);
		this._taken = position;
		return true;
	}

	/** What is to be sent over a new connection, in order. */
	*again() {
		for (const entry of this._kept) {
			entry.sent = true;
			yield entry.bytes;
		}
	}

	/** A stream begins here, of which the relay has taken so much.
	 * @param {number} position @returns {boolean} whether presses of keys or buttons are forgotten by
	 * that */
	restart(position) {
		const lost = this._kept.some(({ bytes }) => isInput(bytes));
		this._kept = [];
		this._taken = position;
		this._end = position;
		return lost;
	}
}

/** @param {Bytes} bytes */
function isMotion(bytes) {
	return bytes.length === EVENT_BYTES && bytes[0] === EVENT_MOUSE_MOTION && bytes[1] === 0;
}

/** @param {Bytes} bytes */
function isInput(bytes) {
	return bytes[0] === EVENT_KEY_PRESS || bytes[0] === EVENT_MOUSE_PRESS;
}
