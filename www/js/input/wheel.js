/* SPDX-License-Identifier: ISC */
/*
 * Wheel movement to notches of the X buttons 4-7. Pixels are accumulated, so that a touchpad's
 * many small steps scroll as far as a wheel's few large ones.
 */

/** @typedef {Pick<WheelEvent, "deltaX" | "deltaY" | "deltaMode">} WheelLike */

export const PIXELS_PER_NOTCH = 100;
const LINES_PER_NOTCH = 3;
/** A rest this long begins a new movement. */
const REST_MS = 400;
/** One event never scrolls further than this. */
const NOTCHES_MAX = 10;

const DOM_DELTA_LINE = 1;
const DOM_DELTA_PAGE = 2;

const BUTTON_UP = 4;
const BUTTON_DOWN = 5;
const BUTTON_LEFT = 6;
const BUTTON_RIGHT = 7;

export class Wheel {
	/** @param {() => number} now milliseconds, monotonic */
	constructor(now) {
		this._now = now;
		this._x = 0;
		this._y = 0;
		this._movedAt = 0;
	}

	/**
	 * @param {WheelLike} event
	 * @returns {number[]} X buttons, one for each notch
	 */
	notches(event) {
		const now = this._now();
		if (now - this._movedAt > REST_MS) this._x = this._y = 0;
		this._movedAt = now;
		this._x = accumulate(this._x, pixels(event.deltaX, event.deltaMode));
		this._y = accumulate(this._y, pixels(event.deltaY, event.deltaMode));
		const stepsX = wholeNotches(this._x);
		const stepsY = wholeNotches(this._y);
		this._x -= stepsX * PIXELS_PER_NOTCH;
		this._y -= stepsY * PIXELS_PER_NOTCH;
		return [
			...repeat(stepsY < 0 ? BUTTON_UP : BUTTON_DOWN, stepsY),
			...repeat(stepsX < 0 ? BUTTON_LEFT : BUTTON_RIGHT, stepsX),
		];
	}
}

/** @param {number} delta @param {number} mode */
function pixels(delta, mode) {
	if (mode === DOM_DELTA_LINE) return (delta * PIXELS_PER_NOTCH) / LINES_PER_NOTCH;
	if (mode === DOM_DELTA_PAGE) return delta * PIXELS_PER_NOTCH * NOTCHES_MAX;
	return delta;
}

/** A turn of direction starts from nothing. @param {number} sum @param {number} delta */
function accumulate(sum, delta) {
	return sum * delta < 0 ? delta : sum + delta;
}

/** @param {number} sum */
function wholeNotches(sum) {
	/* Thirds of a line must not miss a notch by a rounding error. */
	return Math.trunc(sum / PIXELS_PER_NOTCH + Math.sign(sum) * 1e-6);
}

/** @param {number} button @param {number} steps @returns {number[]} */
function repeat(button, steps) {
	return Array(Math.min(Math.abs(steps), NOTCHES_MAX)).fill(button);
}
