/* SPDX-License-Identifier: ISC */
/* Whole seconds that run down, by the clock: a page in the background is told late, not wrongly. */

export class Countdown {
	/** @param {(left: number) => void} tell each second that is left, 0 at last */
	constructor(tell) {
		this._tell = tell;
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._timer = undefined;
		this._end = 0;
	}

	/** @param {number} seconds */
	begin(seconds) {
		this._end = Date.now() + seconds * 1000;
		this._tick();
	}

	/** Without a word. */
	stop() {
		clearTimeout(this._timer);
	}

	_tick() {
		clearTimeout(this._timer);
		const ms = Math.max(this._end - Date.now(), 0);
		if (ms > 0) this._timer = setTimeout(() => this._tick(), ms % 1000 || 1000);
		this._tell(Math.ceil(ms / 1000));
	}
}
