/* SPDX-License-Identifier: ISC */
/*
 * Notices that the computer has slept, of which no browser tells: a timer comes late by the clock on
 * the wall. Whatever connection there was may be dead then. Runs in the engine.
 */

export const TICK_MS = 2000;
/** What is later than this has slept; a machine that is only busy is not. */
export const SLEPT_MS = 8000;

export class SleepWatch {
	/**
	 * @param {object} options
	 * @param {() => void} options.onWoken
	 * @param {() => number} options.wallClock milliseconds
	 * @param {(run: () => void, ms: number) => any} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 */
	constructor({ onWoken, wallClock, setTimer, clearTimer }) {
		this._onWoken = onWoken;
		this._wallClock = wallClock;
		this._setTimer = setTimer;
		this._clearTimer = clearTimer;
		/** @type {any} */
		this._timer = undefined;
	}

	start() {
		this.stop();
		const dueMs = this._wallClock() + TICK_MS;
		this._timer = this._setTimer(() => {
			const slept = this._wallClock() - dueMs > SLEPT_MS;
			this.start();
			if (slept) this._onWoken();
		}, TICK_MS);
	}

	stop() {
		this._clearTimer(this._timer);
	}
}
