/* SPDX-License-Identifier: ISC */
/*
 * The pointer shapes of one stream: which serials are known, and what the page is told of them.
 * The page keeps the images; an agent sends each once and then only its serial.
 */

import { clamp } from "../geometry.js";

/** @typedef {import("./kdrive_read.js").CursorMessage} CursorMessage */
/** @typedef {import("../types.js").EngineMessage} EngineMessage */

/** An agent never takes a shape back, so a bound of our own: some megabytes at worst. */
export const CURSORS_MAX = 2000;

export class Cursors {
	/** @param {(message: EngineMessage) => void} post */
	constructor(post) {
		this._post = post;
		/** @type {Set<number>} */
		this._known = new Set();
	}

	/**
	 * @param {CursorMessage} cursor
	 * @param {Blob | null} blob its image as PNG, where it brought one that could be read
	 */
	show(cursor, blob) {
		const { serial, width, height } = cursor;
		if (blob) {
			if (this._known.size >= CURSORS_MAX) this.clear();
			this._known.add(serial);
			const hotX = clamp(cursor.hotX, 0, width - 1);
			const hotY = clamp(cursor.hotY, 0, height - 1);
			this._post({ type: "cursor-image", serial, blob, width, height, hotX, hotY });
		} else if (!cursor.reuse) {
			this._known.delete(serial);
		}
		this._post({ type: "cursor", serial: this._known.has(serial) ? serial : null });
	}

	/** @param {Uint32Array} serials */
	delete(serials) {
		for (const serial of serials) this._known.delete(serial);
	}

	clear() {
		this._known.clear();
		this._post({ type: "cursors-dropped" });
	}
}
