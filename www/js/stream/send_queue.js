/* SPDX-License-Identifier: ISC */
/*
 * Puts events on the wire in order, and in time: the agent judges the modifier mask of every event
 * that it reads at once by the state before that read, so key and button events whose masks differ
 * must reach it separately. Everything else goes at once.
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {{bytes: Bytes, mask: number | null, motion: boolean}} Waiting */

/** Between two key or button events with different masks. */
export const MASK_GAP_MS = 10;

export class SendQueue {
	/**
	 * @param {object} options
	 * @param {(bytes: Bytes) => void} options.send one call is one message
	 * @param {() => number} options.now milliseconds, monotonic
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer
	 */
	constructor({ send, now, setTimer }) {
		this._send = send;
		this._now = now;
		this._setTimer = setTimer;
		/** @type {Waiting[]} */
		this._waiting = [];
		/** @type {number | null} */
		this._lastMask = null;
		this._lastMaskAt = 0;
		this._timerSet = false;
	}

	/** Events without a mask: resizes, updates. @param {Bytes} bytes whole events */
	push(bytes) {
		this._add({ bytes, mask: null, motion: false });
	}

	/** Key or button events that carry this mask. @param {Bytes} bytes @param {number} mask */
	pushMasked(bytes, mask) {
		this._add({ bytes, mask, motion: false });
	}

	/** A motion event; one that still waits at the end of the queue is replaced.
	 * @param {Bytes} bytes */
	pushMotion(bytes) {
		const last = this._waiting.at(-1);
		if (last?.motion) last.bytes = bytes;
		else this._add({ bytes, mask: null, motion: true });
	}

	/** @param {Waiting} entry */
	_add(entry) {
		this._waiting.push(entry);
		if (!this._timerSet) this._drain();
	}

	_drain() {
		for (let next; (next = this._waiting[0]) !== undefined; this._waiting.shift()) {
			if (next.mask !== null) {
				const now = this._now();
				const due = this._lastMaskAt + MASK_GAP_MS;
				if (this._lastMask !== null && next.mask !== this._lastMask && now < due) {
					this._timerSet = true;
					this._setTimer(() => {
						this._timerSet = false;
						this._drain();
					}, due - now);
					return;
				}
				this._lastMask = next.mask;
				this._lastMaskAt = now;
			}
			this._send(next.bytes);
		}
	}
}
