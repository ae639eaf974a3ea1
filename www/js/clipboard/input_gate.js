/* SPDX-License-Identifier: ISC */
/*
 * Between the user's input and the engine: a key or button that pastes waits here, with all that
 * comes after it, until the browser has handed out what is to be pasted. Its paste event follows
 * within the same turn of the browser's own work; where none comes, a timer opens the gate. Pure.
 */

/** @typedef {import("../types.js").PageMessage} PageMessage */

export class InputGate {
	/**
	 * @param {object} options
	 * @param {(message: PageMessage) => void} options.tell the engine
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 */
	constructor({ tell, setTimer, clearTimer }) {
		this._tell = tell;
		this._setTimer = setTimer;
		this._clearTimer = clearTimer;
		/** @type {PageMessage[] | null} null: open */
		this._held = null;
		/** @type {unknown} */
		this._timer = null;
	}

	get closed() {
		return this._held !== null;
	}

	/** Input. @param {PageMessage} message */
	pass(message) {
		if (this._held) this._held.push(message);
		else this._tell(message);
	}

	/** Lets nothing through for a while. What waits from earlier goes first. @param {number} ms */
	close(ms) {
		this.open();
		this._held = [];
		this.limit(ms);
	}

	/** If it is closed, it opens in this time from now. @param {number} ms */
	limit(ms) {
		if (!this._held) return;
		this._clearTimer(this._timer);
		this._timer = this._setTimer(() => this.open(), ms);
	}

	open() {
		const held = this._held ?? [];
		this._held = null;
		this._clearTimer(this._timer);
		for (const message of held) this._tell(message);
	}
}
