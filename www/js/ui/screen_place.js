/* SPDX-License-Identifier: ISC */
/*
 * Puts the canvas into the stage: at its size, magnified by fingers, scrolled where it is larger
 * than the stage, and above a phone's keyboard; and says what size the stage has room for. One for
 * each stream. The server's size is the stage's alone: no keyboard and no magnifying changes it.
 */

import { clamp, placeScreen, screenPoint } from "../geometry.js";

/** @typedef {import("../geometry.js").Size} Size */
/** @typedef {import("../geometry.js").Point} Point */

const MAGNIFY_MAX = 4;
/** Less than this is a browser's bar that comes and goes, no keyboard. */
const KEYBOARD_CSS_MIN = 80;
/** Whole device pixels for each remote one, within rounding. */
const WHOLE = 0.01;

export class ScreenPlace {
	/**
	 * @param {object} options
	 * @param {HTMLElement} options.stage the whole room
	 * @param {HTMLElement} options.viewport in it, with the canvas: the part that can be seen
	 * @param {HTMLCanvasElement} options.canvas
	 * @param {import("../screen_mode.js").ScreenMode} options.mode
	 * @param {Size} options.screen in remote pixels
	 * @param {AbortSignal} options.signal ends it
	 * @param {(box: Size) => void} options.onRoom the room has changed
	 * @param {(density: number) => void} options.onDensity screen pixels per CSS pixel as shown
	 */
	constructor({ stage, viewport, canvas, mode, screen, signal, onRoom, onDensity }) {
		this._stage = stage;
		this._viewport = viewport;
		this._canvas = canvas;
		this._mode = mode;
		this._screen = screen;
		this._onRoom = onRoom;
		this._onDensity = onDensity;
		this._magnify = 1;
		/** @type {Point} finer than what a browser scrolls by */
		this._scroll = { x: 0, y: 0 };
		/** @type {Point} the screen's pixel that the user was at last */
		this._pointed = { x: 0, y: 0 };
		this._covered = NaN; /* CSS pixels of the stage, by an on-screen keyboard */
		this._listen(signal);
	}

	/** The whole view again, and the size that is wanted now. */
	modeChanged() {
		this._magnify = 1;
		this._roomChanged();
	}

	/** @param {Size} size */
	setScreen(size) {
		this._screen = size;
		this.place();
	}

	/** The screen's pixel under a point of the page. @param {number} clientX @param {number} clientY */
	toScreen(clientX, clientY) {
		const shown = this._canvas.getBoundingClientRect();
		this._pointed = screenPoint(shown, this._screen, clientX, clientY);
		return this._pointed;
	}

	/** There is more of the screen than is seen. */
	canPan() {
		const { scrollWidth, scrollHeight, clientWidth, clientHeight } = this._viewport;
		return scrollWidth > clientWidth || scrollHeight > clientHeight;
	}

	/** The picture goes with the fingers. @param {number} dx @param {number} dy */
	panBy(dx, dy) {
		this._scrollTo({ x: this._scroll.x - dx, y: this._scroll.y - dy });
	}

	/** What is under the point stays there. @param {number} factor @param {number} clientX
	 * @param {number} clientY */
	zoomBy(factor, clientX, clientY) {
		const before = this._canvas.getBoundingClientRect();
		this._magnify = clamp(this._magnify * factor, 1, MAGNIFY_MAX);
		const place = this.place();
		if (!place || before.width <= 0) return;
		const corner = this._viewport.getBoundingClientRect();
		const across = (clientX - before.left) / before.width;
		const down = (clientY - before.top) / before.height;
		this._scrollTo({
			x: place.x + across * place.width - (clientX - corner.left),
			y: place.y + down * place.height - (clientY - corner.top),
		});
	}

	/** The canvas itself may be the worker's: tests find the screen's size in its data. */
	place() {
		const box = boxOf(this._stage);
		/* Hidden: there is nowhere to be. */
		if (box.width < 1 || box.height < 1) return null;
		Object.assign(this._canvas.dataset, this._screen);
		const place = placeScreen(box, this._screen, {
			density: this._mode.viewDensity,
			placement: this._mode.placement,
			magnify: this._magnify,
			devicePixelRatio,
		});
		const perPixel = (place.width / this._screen.width) * devicePixelRatio;
		const whole = Math.abs(perPixel - Math.round(perPixel)) < WHOLE * perPixel;
		Object.assign(this._canvas.style, {
			left: `${place.x}px`,
			top: `${place.y}px`,
			width: `${place.width}px`,
			height: `${place.height}px`,
			imageRendering: whole && perPixel > 1.5 ? "pixelated" : "auto",
		});
		this._viewport.classList.toggle("actual", this._mode.placement === "actual");
		this._onDensity(this._screen.width / place.width);
		return place;
	}

	/** @param {AbortSignal} signal */
	_listen(signal) {
		const changed = () => this._roomChanged();
		const observer = new ResizeObserver(changed);
		observer.observe(this._stage);
		signal.addEventListener("abort", () => observer.disconnect());
		watchRatio(changed, signal);
		this._viewport.addEventListener("scroll", () => this._scrolled(), { signal });
		for (const type of /** @type {const} */ (["resize", "scroll"]))
			window.visualViewport?.addEventListener(type, () => this._uncover(), { signal });
		this._uncover();
	}

	_roomChanged() {
		if (this.place()) this._onRoom(boxOf(this._stage));
	}

	/** @param {Point} to */
	_scrollTo({ x, y }) {
		const view = this._viewport;
		this._scroll = {
			x: clamp(x, 0, view.scrollWidth - view.clientWidth),
			y: clamp(y, 0, view.scrollHeight - view.clientHeight),
		};
		view.scrollTo({ left: this._scroll.x, top: this._scroll.y, behavior: "instant" });
	}

	/** By a scroll bar, or since there is less to scroll. */
	_scrolled() {
		const { scrollLeft: x, scrollTop: y } = this._viewport;
		if (Math.abs(x - this._scroll.x) > 1 || Math.abs(y - this._scroll.y) > 1)
			this._scroll = { x, y };
	}

	/** An on-screen keyboard hides the lower part: what the user was at stays in sight. */
	_uncover() {
		const seen = window.visualViewport;
		const { bottom } = this._stage.getBoundingClientRect();
		const hidden = seen && seen.scale < 1.01 ? bottom - (seen.offsetTop + seen.height) : 0;
		const covered = hidden >= KEYBOARD_CSS_MIN ? hidden : 0;
		if (covered === this._covered) return;
		this._covered = covered;
		this._stage.style.setProperty("--covered", `${covered}px`);
		if (covered) this._reveal(this._pointed);
		else this._scrollTo(this._scroll);
	}

	/** @param {Point} point of the screen */
	_reveal({ x, y }) {
		const view = this._viewport;
		const { offsetLeft, offsetTop, clientWidth, clientHeight } = this._canvas;
		const at = {
			x: offsetLeft + (x / this._screen.width) * clientWidth,
			y: offsetTop + (y / this._screen.height) * clientHeight,
		};
		const shift = (
			/** @type {number} */ place,
			/** @type {number} */ from,
			/** @type {number} */ room,
		) => (place >= from && place < from + room * 0.8 ? from : place - room / 2);
		this._scrollTo({
			x: shift(at.x, this._scroll.x, view.clientWidth),
			y: shift(at.y, this._scroll.y, view.clientHeight),
		});
	}
}

/** The room in an element, in CSS pixels and parts of them. @param {HTMLElement} element
 * @returns {Size} */
export function boxOf(element) {
	const { width, height } = element.getBoundingClientRect();
	return { width, height };
}

/** Another monitor, or the browser's own zoom. @param {() => void} changed @param {AbortSignal} signal */
function watchRatio(changed, signal) {
	const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
	const once = () => {
		if (signal.aborted) return;
		watchRatio(changed, signal);
		changed();
	};
	query.addEventListener("change", once, { once: true, signal });
}
