/* SPDX-License-Identifier: ISC */
/*
 * The pointer shapes of one stream: which serials are known, and what the page is told of them.
 * The page keeps the images; an agent sends each once and then only its serial.
 */

import { clamp } from "../geometry.js";

/** @typedef {import("./kdrive_read.js").CursorMessage} CursorMessage */
/** @typedef {import("../types.js").EngineMessage} EngineMessage */

/** An agent never takes a shape back, so the page's store of them is bounded here. */
export const CURSORS_MAX = 2000;
export const CURSOR_BYTES_MAX = 32 * 1024 * 1024;

export class Cursors {
	/** @param {(message: EngineMessage) => void} post */
	constructor(post) {
		this._post = post;
		/** @type {Set<number>} */
		this._known = new Set();
		this._stored = 0; /* images that the page was given since it was last told to drop them */
		this._storedBytes = 0;
		this._held = false;
		/** @type {number | null} */
		this._shown = null;
	}

	/**
	 * @param {CursorMessage} cursor
	 * @param {Blob | null} blob its image as PNG, where it brought one that could be read
	 */
	show(cursor, blob) {
		const { serial, width, height } = cursor;
		if (blob) {
			this._makeRoom(blob.size);
			this._known.add(serial);
			const hotX = clamp(cursor.hotX, 0, width - 1);
			const hotY = clamp(cursor.hotY, 0, height - 1);
			this._post({ type: "cursor-image", serial, blob, width, height, hotX, hotY });
		} else if (!cursor.reuse) {
			this._known.delete(serial);
		}
		this._shown = this._known.has(serial) ? serial : null;
		this._tell();
	}

	/** While held, the page is given images, but not told which to show.
	 * @param {boolean} held */
	hold(held) {
		this._held = held;
		this._tell();
	}

	_tell() {
		if (!this._held) this._post({ type: "cursor", serial: this._shown });
	}

	/** @param {number} bytes */
	_makeRoom(bytes) {
		if (this._stored >= CURSORS_MAX || this._storedBytes + bytes > CURSOR_BYTES_MAX)
			this.clear();
		this._stored += 1;
		this._storedBytes += bytes;
	}

	/** @param {Uint32Array} serials */
	delete(serials) {
		for (const serial of serials) this._known.delete(serial);
	}

	clear() {
		this._known.clear();
		this._stored = this._storedBytes = 0;
		this._post({ type: "cursors-dropped" });
	}
}
