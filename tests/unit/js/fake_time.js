/* SPDX-License-Identifier: ISC */
/* A clock that tests turn by hand: now, setTimer and clearTimer as the client's modules take them. */

export class FakeTime {
	constructor() {
		this.time = 1000;
		this._next = 1;
		/** @type {{id: number, at: number, run: () => void}[]} */
		this._timers = [];
		this.now = () => this.time;
		this.setTimer = (/** @type {() => void} */ run, /** @type {number} */ ms) => {
			this._timers.push({ id: this._next, at: this.time + ms, run });
			return this._next++;
		};
		this.clearTimer = (/** @type {number} */ id) => {
			this._timers = this._timers.filter((timer) => timer.id !== id);
		};
	}

	get pending() {
		return this._timers.length;
	}

	/** Lets time pass, running what falls due in order. @param {number} ms */
	advance(ms) {
		const end = this.time + ms;
		for (;;) {
			const due = this._timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
			if (!due) break;
			this.clearTimer(due.id);
			this.time = Math.max(this.time, due.at);
			due.run();
		}
		this.time = end;
	}
}
