/* SPDX-License-Identifier: ISC */
/*
 * What fingers on the screen mean. A small machine that knows no document: fingers come in, what a
 * mouse would have done goes out, or a movement of the view.
 *
 *   one finger    tap: left button, twice at one place: double click
 *                 held still: a ring; let go then: right button; moved then: drag
 *                 tap, then at once down and moved: drag
 *                 moved otherwise: moves a view that is larger than its box, else the pointer
 *   two fingers   tap: right button; moved together: wheel; moved apart: zooms the view
 *   three fingers tap: middle button
 *
 *   idle -> touched -> held -> dragging          one finger, undecided, and what came of it
 *              |-> dragging, panning, hovering
 *              '-> several -> scrolling, zooming  more fingers
 *   Whatever a hand began, it ends when the last finger is lifted.
 */

/** @typedef {{id: number, x: number, y: number}} Finger in CSS pixels of the page */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {"idle" | "touched" | "held" | "dragging" | "panning" | "hovering" | "several"
 *   | "scrolling" | "zooming" | "spent"} TouchState */

/** A finger is never quite still. */
export const SLOP_PX = 10;
export const RING_AFTER_MS = 150;
export const HOLD_MS = 550;
export const DOUBLE_TAP_MS = 350;
const DOUBLE_TAP_PX = 32;
/** Fingers of a tap are up again after this. */
export const TAP_MS = 450;
/** Two fingers that moved apart this much more than along zoom. */
const ZOOM_RATIO = 1.2;

/** @type {TouchState[]} in which one finger more begins something else */
const JOINABLE = ["touched", "hovering", "panning", "several"];
/** @type {TouchState[]} of more than one finger */
const TOGETHER = ["several", "scrolling", "zooming"];

/** Bits of `buttons` as in pointer events. */
const LEFT = 1;
const RIGHT = 2;
const MIDDLE = 4;

export class Touch {
	/**
	 * @param {object} options
	 * @param {() => number} options.now milliseconds, monotonic
	 * @param {(run: () => void, ms: number) => any} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 * @param {(at: Point, buttons: number) => void} options.point where the pointer is, and what
	 * it presses
	 * @param {(dx: number, dy: number) => void} options.scroll by pixels; down and right count up
	 * @param {() => boolean} options.canPan whether there is more of the view than is shown
	 * @param {(dx: number, dy: number) => void} options.pan moves the view with the fingers
	 * @param {(factor: number, at: Point) => void} options.zoom
	 * @param {(at: Point | null) => void} options.ring shows that a long press is under way
	 */
	constructor({ now, setTimer, clearTimer, point, scroll, canPan, pan, zoom, ring }) {
		this._now = now;
		this._setTimer = setTimer;
		this._clearTimer = clearTimer;
		this._point = point;
		this._scroll = scroll;
		this._canPan = canPan;
		this._pan = pan;
		this._zoom = zoom;
		this._ring = ring;
		/** @type {TouchState} */
		this._state = "idle";
		/** @type {Map<number, Point>} */
		this._fingers = new Map();
		/** @type {Point} where the first finger began, or the second of a double tap must act */
		this._start = { x: 0, y: 0 };
		/** @type {Point} where the first finger is known to have been */
		this._from = { x: 0, y: 0 };
		/** The first finger. */
		this._leader = -1;
		this._startedAt = 0;
		this._most = 0;
		this._again = false;
		/** @type {{at: number, x: number, y: number} | null} */
		this._tapped = null;
		this._spread = { x: 0, y: 0, distance: 0 };
		this._origin = this._spread;
		/** @type {any[]} */
		this._timers = [];
	}

	get state() {
		return this._state;
	}

	/** @param {Finger} finger */
	down({ id, x, y }) {
		this._fingers.set(id, { x, y });
		if (this._state === "idle") this._begin({ id, x, y });
		else if (JOINABLE.includes(this._state)) this._join();
	}

	/** @param {Finger} finger */
	move({ id, x, y }) {
		const before = this._fingers.get(id);
		if (!before) return;
		this._fingers.set(id, { x, y });
		if (id !== this._leader && !TOGETHER.includes(this._state)) return;
		switch (this._state) {
			case "touched":
			case "held":
				return this._maybeMoved({ x, y });
			case "dragging":
				return this._point({ x, y }, LEFT);
			case "hovering":
				return this._point({ x, y }, 0);
			case "panning":
				return this._pan(x - before.x, y - before.y);
			case "several":
				return this._maybeSpread();
			case "scrolling":
			case "zooming":
				return this._follow();
		}
	}

	/** @param {number} id */
	up(id) {
		const last = this._fingers.get(id);
		if (!last || !this._fingers.delete(id)) return;
		const over = this._fingers.size === 0;
		switch (this._state) {
			case "touched":
				this._tap();
				break;
			case "held":
			case "dragging":
				/* Another finger that came to it counts for nothing. */
				if (id !== this._leader) return;
				if (this._state === "held") this._click(this._start, RIGHT);
				else this._point(last, 0);
				break;
			case "several":
				if (!over) return;
				if (this._now() - this._startedAt <= TAP_MS)
					this._click(this._start, this._most > 2 ? MIDDLE : RIGHT);
				break;
		}
		this._finish(over ? "idle" : "spent");
	}

	/** The browser or the page takes the fingers away. */
	cancel() {
		if (this._state === "dragging") {
			const at = this._fingers.get(this._leader) ?? this._start;
			this._point(at, 0);
		}
		this._fingers.clear();
		this._tapped = null;
		this._finish("idle");
	}

	/** @param {Finger} finger */
	_begin({ id, ...at }) {
		const now = this._now();
		const tapped = this._tapped;
		this._again =
			tapped !== null &&
			now - tapped.at <= DOUBLE_TAP_MS &&
			distance(tapped, at) <= DOUBLE_TAP_PX;
		/* Both clicks of a double click are at one place. */
		this._start = this._again && tapped ? { x: tapped.x, y: tapped.y } : at;
		this._from = at;
		this._leader = id;
		this._startedAt = now;
		this._most = 1;
		this._state = "touched";
		this._timers = [
			this._setTimer(() => this._ring(at), RING_AFTER_MS),
			this._setTimer(() => this._hold(), HOLD_MS),
		];
	}

	_hold() {
		this._state = "held";
		this._point(this._start, 0);
	}

	/** One more finger. */
	_join() {
		this._stopTimers();
		this._state = "several";
		this._most = Math.max(this._most, this._fingers.size);
		this._spread = spreadOf(this._fingers);
		this._origin = this._spread;
	}

	/** @param {Point} to */
	_maybeMoved(to) {
		if (distance(this._from, to) <= SLOP_PX) return;
		const held = this._state === "held";
		this._stopTimers();
		if (held || this._again) {
			this._state = "dragging";
			this._point(this._start, 0);
			this._point(this._start, LEFT);
			this._point(to, LEFT);
		} else if (this._canPan()) {
			this._state = "panning";
			this._pan(to.x - this._start.x, to.y - this._start.y);
		} else {
			this._state = "hovering";
			this._point(to, 0);
		}
	}

	_maybeSpread() {
		if (this._fingers.size !== 2) return;
		const spread = spreadOf(this._fingers);
		const along = distance(this._origin, spread);
		const apart = Math.abs(spread.distance - this._origin.distance);
		if (Math.max(along, apart) <= SLOP_PX) return;
		this._state = apart > along * ZOOM_RATIO ? "zooming" : "scrolling";
		if (this._state === "scrolling") this._point(this._start, 0);
		this._follow();
	}

	_follow() {
		if (this._fingers.size < 2) return;
		const before = this._spread;
		const spread = spreadOf(this._fingers);
		this._spread = spread;
		const dx = spread.x - before.x;
		const dy = spread.y - before.y;
		if (this._state === "scrolling") {
			/* What is under the fingers goes with them. */
			this._scroll(-dx, -dy);
			return;
		}
		this._pan(dx, dy);
		if (before.distance > 0) this._zoom(spread.distance / before.distance, spread);
	}

	_tap() {
		this._click(this._start, LEFT);
		this._tapped = { at: this._now(), ...this._start };
	}

	/** @param {Point} at @param {number} button */
	_click(at, button) {
		this._point(at, 0);
		this._point(at, button);
		this._point(at, 0);
	}

	/** @param {TouchState} state */
	_finish(state) {
		this._stopTimers();
		this._state = this._fingers.size > 0 ? "spent" : state;
	}

	_stopTimers() {
		for (const timer of this._timers) this._clearTimer(timer);
		this._timers = [];
		this._ring(null);
	}
}

/** @param {Point} a @param {Point} b */
function distance(a, b) {
	return Math.hypot(a.x - b.x, a.y - b.y);
}

/** The middle of the first two fingers and what is between them. @param {Map<number, Point>} fingers */
function spreadOf(fingers) {
	const [a, b = a] = fingers.values();
	return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: distance(a, b) };
}
