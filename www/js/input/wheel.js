/* SPDX-License-Identifier: ISC */
/*
 * Wheel movement to notches of the X buttons 4-7: one for each notch of a mouse wheel, whatever the
 * browser makes of it in pixels, and as many for a touchpad as its pixels are worth.
 */

/** @typedef {Pick<WheelEvent, "deltaX" | "deltaY" | "deltaMode">} WheelLike */

export const PIXELS_PER_NOTCH = 100;
const LINES_PER_NOTCH = 3;
/** A rest this long begins a new movement. */
const REST_MS = 400;
/** One event never scrolls further than this. */
const NOTCHES_MAX = 10;

/** A movement that begins with at least this much comes from a wheel. */
const WHEEL_PIXELS_MIN = 50;
/** What a wheel's notch comes to, about: systems say 100 or 120, and a zoomed page changes it. */
const WHEEL_PIXELS = 120;

const DOM_DELTA_LINE = 1;
const DOM_DELTA_PAGE = 2;

const BUTTON_UP = 4;
const BUTTON_DOWN = 5;
const BUTTON_LEFT = 6;
const BUTTON_RIGHT = 7;

/** Adds up parts of notches and gives out whole ones. */
export class Notches {
	constructor() {
		this._x = 0;
		this._y = 0;
	}

	reset() {
		this._x = 0;
		this._y = 0;
	}

	/**
	 * @param {number} x @param {number} y in notches, to the right and down
	 * @returns {number[]} X buttons, one for each whole notch
	 */
	add(x, y) {
		this._x = accumulate(this._x, x);
		this._y = accumulate(this._y, y);
		const stepsX = wholeNotches(this._x);
		const stepsY = wholeNotches(this._y);
		this._x -= stepsX;
		this._y -= stepsY;
		return [
			...repeat(stepsY < 0 ? BUTTON_UP : BUTTON_DOWN, stepsY),
			...repeat(stepsX < 0 ? BUTTON_LEFT : BUTTON_RIGHT, stepsX),
		];
	}
}

export class Wheel {
	/** @param {() => number} now milliseconds, monotonic */
	constructor(now) {
		this._now = now;
		this._notches = new Notches();
		this._pixels = PIXELS_PER_NOTCH;
		this._movedAt = -Infinity;
	}

	/**
	 * @param {WheelLike} event
	 * @param {number} [gain]
	 * @returns {number[]} X buttons, one for each notch
	 */
	notches(event, gain = 1) {
		/* Firefox tells pixels instead of lines to a page that has not looked at the mode first. */
		const { deltaMode } = event;
		const { deltaX, deltaY } = event;
		const now = this._now();
		if (now - this._movedAt > REST_MS)
			this._begin(Math.max(Math.abs(deltaX), Math.abs(deltaY)));
		this._movedAt = now;
		const perNotch = this._perNotch(deltaMode);
		return this._notches.add((deltaX * gain) / perNotch, (deltaY * gain) / perNotch);
	}

	/** @param {number} pixels */
	_begin(pixels) {
		this._notches.reset();
		const turned = Math.max(Math.round(pixels / WHEEL_PIXELS), 1);
		this._pixels = pixels < WHEEL_PIXELS_MIN ? PIXELS_PER_NOTCH : pixels / turned;
	}

	/** @param {number} mode */
	_perNotch(mode) {
		if (mode === DOM_DELTA_LINE) return LINES_PER_NOTCH;
		if (mode === DOM_DELTA_PAGE) return 1 / NOTCHES_MAX;
		return this._pixels;
	}
}

/** A turn of direction starts from nothing. @param {number} sum @param {number} delta */
function accumulate(sum, delta) {
	return sum * delta < 0 ? delta : sum + delta;
}

/** @param {number} sum */
function wholeNotches(sum) {
	/* Thirds of a line must not miss a notch by a rounding error. */
	return Math.trunc(sum + Math.sign(sum) * 1e-6);
}

/** @param {number} button @param {number} steps @returns {number[]} */
function repeat(button, steps) {
	return Array(Math.min(Math.abs(steps), NOTCHES_MAX)).fill(button);
}
