/* SPDX-License-Identifier: ISC */
/*
 * The engine's end of the line to the paint side: hands over what is to be painted, in its order,
 * and knows how far behind painting is. Pictures' bytes are given away, not copied by the line.
 * Orders go together, since a message between workers costs more than many a picture.
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../types.js").PaintOrder} PaintOrder */
/** @typedef {import("./kdrive_read.js").FrameMessage} FrameMessage */
/** @typedef {import("./kdrive_read.js").CursorMessage} CursorMessage */
/** @typedef {(orders: PaintOrder[], transfer: Transferable[]) => void} SendOrders */

export class PaintLink {
	/**
	 * @param {object} options
	 * @param {SendOrders} options.send
	 * @param {() => number} options.now milliseconds, monotonic
	 */
	constructor({ send, now }) {
		this._send = send;
		this._now = now;
		/** @type {PaintOrder[]} not sent */
		this._orders = [];
		/** @type {Transferable[]} their bytes */
		this._given = [];
		/** @type {{bytes: number, at: number}[]} frames that are not known to be painted */
		this._waiting = [];
		this._settled = 0; /* frames before those */
		this._bytes = 0;
	}

	/** Of pictures that are not known to be painted. */
	get bytes() {
		return this._bytes;
	}

	/** How long the oldest of them has waited. */
	get lagMs() {
		const [oldest] = this._waiting;
		return oldest ? this._now() - oldest.at : 0;
	}

	/** @param {FrameMessage} frame its bytes are gone afterwards */
	paint(frame) {
		let bytes = 0;
		for (const region of frame.regions) {
			if (!region.data) continue;
			region.data = this._give(region.data);
			bytes += region.data.length;
		}
		this._waiting.push({ bytes, at: this._now() });
		this._bytes += bytes;
		this._orders.push(frame);
	}

	/** @param {CursorMessage} cursor its bytes are gone afterwards */
	showCursor(cursor) {
		if (cursor.data) cursor.data = this._give(cursor.data);
		this._orders.push(cursor);
	}

	/** @param {Exclude<PaintOrder, FrameMessage | CursorMessage>} order */
	tell(order) {
		this._orders.push(order);
	}

	/** The paint side is to drop what waits, at once. @param {"shed" | "sleep"} type
	 * @returns {number} frames that went, as far as is known here */
	drop(type) {
		const dropped = this._waiting.length;
		this._forget(dropped);
		this._orders.push({ type });
		this.flush();
		return dropped;
	}

	/** Sends what was ordered. */
	flush() {
		if (this._orders.length > 0) this._send(this._orders, this._given);
		this._orders = [];
		this._given = [];
	}

	/** Painted or dropped. @param {number} frames since the stream began */
	settled(frames) {
		this._forget(frames - this._settled);
	}

	/** @param {number} count of the oldest; less than one: known already */
	_forget(count) {
		if (count <= 0) return;
		for (const { bytes } of this._waiting.splice(0, count)) this._bytes -= bytes;
		this._settled += count;
	}

	/** Into a buffer of their own: a view into a received piece is copied, the only copy there is.
	 * @param {Bytes} bytes */
	_give(bytes) {
		const own = bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
		this._given.push(own.buffer);
		return own;
	}
}
