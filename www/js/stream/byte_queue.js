/* SPDX-License-Identifier: ISC */
/*
 * Received bytes that wait for the reader, kept as the pieces in which they came. What lies
 * within one piece is handed out without a copy.
 */

/** Handed-out pieces are forgotten in batches of this many, so that taking stays cheap. */
const COMPACT_AT = 256;

export class ByteQueue {
	constructor() {
		/** @type {Uint8Array<ArrayBuffer>[]} */
		this._pieces = [];
		this._head = 0; /* index of the first piece not used up */
		this._offset = 0; /* bytes of that piece already taken */
		this._length = 0;
	}

	/** Bytes that can be taken. */
	get length() {
		return this._length;
	}

	/** @param {Uint8Array<ArrayBuffer>} bytes kept, not copied: the caller must not change it */
	push(bytes) {
		if (bytes.length === 0) return;
		this._pieces.push(bytes);
		this._length += bytes.length;
	}

	/**
	 * Takes exactly n bytes off the front; the caller has looked at `length` first.
	 * @param {number} n
	 * @returns {Uint8Array<ArrayBuffer>} a view into a received piece, or a copy where it spans several
	 */
	take(n) {
		if (n > this._length) throw new RangeError(`byte queue: ${n} asked, ${this._length} there`);
		if (n === 0) return new Uint8Array(0);
		const piece = this._pieces[this._head];
		if (piece.length - this._offset >= n) {
			const view = piece.subarray(this._offset, this._offset + n);
			this._advance(n);
			return view;
		}
		const copy = new Uint8Array(n);
		for (let done = 0; done < n;) {
			const part = this._pieces[this._head].subarray(this._offset);
			const used = Math.min(part.length, n - done);
			copy.set(used === part.length ? part : part.subarray(0, used), done);
			this._advance(used);
			done += used;
		}
		return copy;
	}

	/**
	 * Throws away up to n bytes.
	 * @param {number} n
	 * @returns {number} how many were there to be thrown away
	 */
	drop(n) {
		const dropped = Math.min(n, this._length);
		for (let left = dropped; left > 0;) {
			const used = Math.min(this._pieces[this._head].length - this._offset, left);
			this._advance(used);
			left -= used;
		}
		return dropped;
	}

	/** @param {number} n at most what is left of the first piece */
	_advance(n) {
		this._offset += n;
		this._length -= n;
		if (this._offset < this._pieces[this._head].length) return;
		this._head += 1;
		this._offset = 0;
		if (this._head === this._pieces.length || this._head >= COMPACT_AT) {
			this._pieces.splice(0, this._head);
			this._head = 0;
		}
	}
}
