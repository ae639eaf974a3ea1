/* SPDX-License-Identifier: ISC */
/*
 * The frames that the agent may refer to again, as images on the graphics side; never read back.
 * It owns its images: what leaves the cache is given to be closed. Beyond its budget the least recently used
 * go; a miss is repaired by asking the agent.
 */

/** @typedef {{image: CanvasImageSource & {close?: () => void}, width: number, height: number}} Cached */

const BYTES_PER_PIXEL = 4;
/** About sixty full-HD frames; an agent keeps fifty. */
export const CACHE_BYTES_MAX = 512 * 1024 * 1024;

export class FrameCache {
	/** @param {(image: Cached["image"]) => void} retire closes an image @param {number} [bytesMax] */
	constructor(retire, bytesMax = CACHE_BYTES_MAX) {
		this._retire = retire;
		this._bytesMax = bytesMax;
		this._bytes = 0;
		/** @type {Map<number, Cached>} oldest use first */
		this._frames = new Map();
	}

	get size() {
		return this._frames.size;
	}

	get bytes() {
		return this._bytes;
	}

	/** @param {number} crc @returns {Cached | undefined} valid until the next change of the cache */
	get(crc) {
		const frame = this._frames.get(crc);
		if (frame) {
			this._frames.delete(crc);
			this._frames.set(crc, frame);
		}
		return frame;
	}

	/** Takes ownership of the image. @param {number} crc @param {Cached} frame */
	put(crc, frame) {
		this.delete(crc);
		this._frames.set(crc, frame);
		this._bytes += frame.width * frame.height * BYTES_PER_PIXEL;
		for (const oldest of this._frames.keys()) {
			if (this._bytes <= this._bytesMax || oldest === crc) break;
			this.delete(oldest);
		}
	}

	/** @param {number} crc unknown ones are ignored */
	delete(crc) {
		const frame = this._frames.get(crc);
		if (!frame) return;
		this._frames.delete(crc);
		this._bytes -= frame.width * frame.height * BYTES_PER_PIXEL;
		this._retire(frame.image);
	}

	clear() {
		for (const crc of [...this._frames.keys()]) this.delete(crc);
	}
}
