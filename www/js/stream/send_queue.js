/* SPDX-License-Identifier: ISC */
/*
 * Puts events on the wire in order, and in time: the agent judges the modifier mask of every event
 * that it reads at once by the state before that read, so key and button events whose masks differ
 * must reach it separately. And it tells of a button where the pointer is after that read: motion
 * keeps off the button before it. Everything else goes at once.
 */

import { EVENT_BYTES } from "./kdrive_numbers.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {() => Promise<void> | void} Task */
/** @typedef {{bytes: Bytes, mask: number | null, motion: boolean, button?: boolean, task?: Task}}
 *   Waiting */

/** Between two key or button events with different masks. */
export const MASK_GAP_MS = 10;
/** Between a button and the motion after it. */
export const BUTTON_GAP_MS = 10;
/** An agent that has been busy reads up to 99 events at once, and what is torn there, a key from
 * its modifiers' release, goes wrong. So no more than this is ever left for it to read ... */
export const UNREAD_MAX = 36;
/** ... and it is asked how far it is after so many. */
export const PROBE_EVERY = 12;
const NOTHING = new Uint8Array(0);

export class SendQueue {
	/**
	 * @param {object} options
	 * @param {(bytes: Bytes) => void} options.send one call is one message
	 * @param {() => number} options.now milliseconds, monotonic
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer
	 * @param {() => Promise<void>} options.probe resolves when the agent has read all so far
	 */
	constructor({ send, now, setTimer, probe }) {
		this._send = send;
		this._probe = probe;
		this._now = now;
		this._setTimer = setTimer;
		/** @type {Waiting[]} */
		this._waiting = [];
		/** @type {number | null} */
		this._lastMask = null;
		this._lastMaskAt = 0;
		this._buttonAt = -BUTTON_GAP_MS;
		this._unread = 0; /* keys and buttons that the agent may not have read */
		this._asking = false;
		this._blocked = false;
	}

	/** Events without a mask: resizes, updates. @param {Bytes} bytes whole events */
	push(bytes) {
		this._add({ bytes, mask: null, motion: false });
	}

	/** Key events that carry this mask. @param {Bytes} bytes @param {number} mask */
	pushMasked(bytes, mask) {
		this._add({ bytes, mask, motion: false });
	}

	/** A button event with its mask. @param {Bytes} bytes @param {number} mask */
	pushButton(bytes, mask) {
		this._add({ bytes, mask, motion: false, button: true });
	}

	/** A motion event; one that still waits at the end of the queue is replaced.
	 * @param {Bytes} bytes */
	pushMotion(bytes) {
		const last = this._waiting.at(-1);
		if (last?.motion) last.bytes = bytes;
		else this._add({ bytes, mask: null, motion: true });
	}

	/** Something waits for its turn. */
	get isWaiting() {
		return this._waiting.length > 0;
	}

	/** The user's input that waits is not to be told any more.
	 * @returns {boolean} whether there were keys or buttons */
	forgetInput() {
		const lost = this._waiting.some(({ mask }) => mask !== null);
		this._waiting = this._waiting.filter(({ mask, motion }) => mask === null && !motion);
		return lost;
	}

	/** Something to be done in its turn; what comes after it waits for its end.
	 * @param {Task} task must not reject */
	pushTask(task) {
		this._add({ bytes: NOTHING, mask: null, motion: false, task });
	}

	/** @param {Waiting} entry */
	_add(entry) {
		this._waiting.push(entry);
		if (!this._blocked) this._drain();
	}

	_drain() {
		for (let next; !this._blocked && (next = this._waiting[0]) !== undefined;) {
			if (next.task) {
				this._waiting.shift();
				this._runTask(next.task);
				continue;
			}
			if (next.mask !== null && this._unread >= UNREAD_MAX) return; /* until the answer */
			const now = this._now();
			const due = this._dueAt(next);
			if (now < due) {
				this._blocked = true;
				this._setTimer(() => this._unblock(), due - now);
				return;
			}
			if (next.mask !== null) {
				this._lastMask = next.mask;
				this._lastMaskAt = now;
			}
			if (next.button) this._buttonAt = now;
			this._waiting.shift();
			this._send(next.bytes);
			if (next.mask !== null) this._count(next.bytes.length / EVENT_BYTES);
		}
	}

	/** When it may go. @param {Waiting} entry */
	_dueAt({ mask, motion }) {
		if (motion) return this._buttonAt + BUTTON_GAP_MS;
		const other = mask !== null && this._lastMask !== null && mask !== this._lastMask;
		return other ? this._lastMaskAt + MASK_GAP_MS : -Infinity;
	}

	/** @param {number} events keys and buttons that went out */
	_count(events) {
		this._unread += events;
		if (this._asking || this._unread < PROBE_EVERY) return;
		const asked = this._unread;
		this._asking = true;
		void this._probe().then(() => {
			this._asking = false;
			this._unread -= asked;
			this._count(0);
			if (!this._blocked) this._drain();
		});
	}

	/** @param {Task} task */
	_runTask(task) {
		this._blocked = true;
		const end = task();
		if (end) void end.then(() => this._unblock());
		else this._blocked = false;
	}

	_unblock() {
		this._blocked = false;
		this._drain();
	}
}
