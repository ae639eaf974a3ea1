/* SPDX-License-Identifier: ISC */
/*
 * Puts one selection together from the pieces that the server sends. The totals that come with
 * them are noise after the first piece, so memory is taken only for bytes that are there, and only
 * up to a limit; past it the pieces are counted and dropped. Pure.
 */

import { SELECTION_BYTES_MAX } from "./kdrive_numbers.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("./kdrive_read.js").SelectionMessage} SelectionMessage */

const FIRST_ROOM_BYTES = 4096;

/** Nothing is in it but the news that there is something. @param {SelectionMessage} message */
export function isNotice({ size, first, last }) {
	return size === 0 && first && last;
}

export class SelectionReader {
	/** @param {number} [limit] bytes */
	constructor(limit = SELECTION_BYTES_MAX) {
		this._limit = limit;
		this._open = false;
		this._fault = "";
		this._mime = 0;
		this._length = 0;
		/** @type {Bytes} */
		this._room = new Uint8Array(0);
	}

	/** A selection has begun and not ended. */
	get open() {
		return this._open;
	}

	clear() {
		this._open = false;
		this._fault = "";
		this._mime = 0;
		this._length = 0;
		this._room = new Uint8Array(0);
	}

	/**
	 * @param {SelectionMessage} piece not a notice
	 * @returns {{mime: number, bytes: Bytes, fault: string} | null} with the last piece; `fault`:
	 * why there are no bytes
	 */
	push(piece) {
		if (piece.first) {
			this.clear();
			this._open = true;
			this._mime = piece.mime;
		}
		if (!this._open) return null;
		/* A web client is never sent compressed text, so nothing here inflates. */
		if (piece.compressed || piece.mime !== this._mime) this._fault = "unreadable";
		else if (this._length + piece.data.length > this._limit) this._fault = "too_large";
		if (this._fault === "") this._append(piece.data);
		else this._room = new Uint8Array(0);
		if (!piece.last) return null;
		const bytes = this._fault === "" ? this._room.subarray(0, this._length) : this._room;
		const whole = { mime: this._mime, bytes, fault: this._fault };
		this.clear();
		return whole;
	}

	/** @param {Bytes} data copied, since it may be a small part of a large buffer */
	_append(data) {
		const length = this._length + data.length;
		if (length > this._room.length) {
			const room = Math.max(length, 2 * this._room.length, FIRST_ROOM_BYTES);
			const larger = new Uint8Array(Math.min(room, this._limit));
			larger.set(this._room.subarray(0, this._length));
			this._room = larger;
		}
		this._room.set(data, this._length);
		this._length = length;
	}
}
