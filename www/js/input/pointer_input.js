/* SPDX-License-Identifier: ISC */
/*
 * The canvas's pointer and wheel events: mouse and pen go to Pointer, fingers to Touch, wheels and
 * touchpads to Wheel. Keeps the page itself from scrolling or zooming under them.
 */

import { KEYCODE_NONE } from "./key_table.js";
import { LOCK_BITS, maskOf } from "./modifiers.js";
import { Pointer } from "./pointer.js";
import { Touch } from "./touch.js";
import { Notches, Wheel } from "./wheel.js";
import * as n from "../stream/kdrive_numbers.js";

/** @typedef {import("../types.js").PageMessage} PageMessage */
/** @typedef {import("../geometry.js").Point} Point */

/**
 * The part of the view that fingers move.
 * @typedef {object} MovableView
 * @property {(clientX: number, clientY: number) => Point} toScreen
 * @property {() => boolean} canPan
 * @property {(dx: number, dy: number) => void} panBy
 * @property {(factor: number, clientX: number, clientY: number) => void} zoomBy
 */

/** A finger's way that is worth a notch of the wheel. */
const TOUCH_PIXELS_PER_NOTCH = 40;
/** A touchpad's pinch comes as a wheel that turns little. */
const PINCH_GAIN = 4;
/** After this rest a pinch is over, and Control that it stood for is up again. */
const PINCH_REST_MS = 250;

const BUTTON_HORIZONTAL = 2; /* from 4 and 5 to 6 and 7 */

export class PointerInput {
	/**
	 * @param {object} options
	 * @param {HTMLCanvasElement} options.canvas
	 * @param {AbortSignal} options.signal ends the listening
	 * @param {(message: PageMessage) => void} options.tell
	 * @param {MovableView} options.view
	 * @param {(at: Point | null) => void} options.ring shows a long press under way
	 * @param {(pointerType: string) => void} options.onPressed before it is acted on
	 * @param {(event: PointerEvent) => void} options.before sees each event first
	 */
	constructor({ canvas, signal, tell, view, ring, onPressed, before }) {
		this._canvas = canvas;
		this._tell = tell;
		this._before = before;
		this._onPressed = onPressed;
		this._wheel = new Wheel(() => performance.now());
		this._touchWheel = new Notches();
		/** @type {import("./modifiers.js").ModifierEvent} of the last touch */
		this._modifiers = { getModifierState: () => false };
		this._controlHeld = false;
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._pinchTimer = undefined;
		this._pinchMask = 0;
		this._pointer = new Pointer({
			sendMotion: (x, y) => tell({ type: "motion", x, y }),
			sendButton: (down, button, mask) => tell({ type: "button", down, button, mask }),
			toScreen: (x, y) => view.toScreen(x, y),
			onNextFrame: (run) => requestAnimationFrame(run),
		});
		this._touch = new Touch({
			now: () => performance.now(),
			setTimer: (run, ms) => setTimeout(run, ms),
			clearTimer: (timer) => clearTimeout(timer),
			point: ({ x, y }, buttons) => this._pointed(x, y, buttons),
			scroll: (dx, dy) => this._turn(this._notchesOf(dx, dy), maskOf(this._modifiers)),
			canPan: () => view.canPan(),
			pan: (dx, dy) => view.panBy(dx, dy),
			zoom: (factor, at) => view.zoomBy(factor, at.x, at.y),
			ring,
		});
		this._listen(signal);
	}

	/** Nothing stays pressed on the server. */
	releaseAll() {
		this._touch.cancel();
		this._pointer.releaseAll();
		this._endPinch();
		this._controlHeld = false;
	}

	/** @param {AbortSignal} signal */
	_listen(signal) {
		/** @param {string} type @param {(event: any) => void} listener @param {boolean} [passive] */
		const on = (type, listener, passive = false) =>
			this._canvas.addEventListener(type, listener, { signal, passive });
		on("pointerdown", (event) => this._down(event));
		on("pointermove", (event) => this._move(event));
		on("pointerup", (event) => this._up(event));
		on("pointercancel", (event) => this._cancelled(event));
		on("contextmenu", (event) => event.preventDefault());
		for (const type of ["mousedown", "mouseup"])
			on(type, (event) => isSideButton(event) && event.preventDefault());
		on("wheel", (event) => this._wheelTurned(event));
		/* A wheel with Control may be a pinch: then no key is down. */
		const key = (/** @type {KeyboardEvent} */ event) => (this._controlHeld = event.ctrlKey);
		for (const type of /** @type {const} */ (["keydown", "keyup"]))
			window.addEventListener(type, key, { signal, capture: true });
	}

	/** @param {PointerEvent} event */
	_down(event) {
		/* That would keep the side buttons' own events away, and those turn the browser's pages. */
		if (!isSideButton(event)) event.preventDefault();
		this._canvas.setPointerCapture(event.pointerId);
		this._onPressed(event.pointerType);
		this._before(event);
		if (event.pointerType !== "touch") return this._pointer.update(event);
		this._modifiers = event;
		this._touch.down(fingerOf(event));
	}

	/** @param {PointerEvent} event */
	_move(event) {
		this._controlHeld = event.ctrlKey;
		this._before(event);
		if (event.pointerType !== "touch") return this._pointer.update(event);
		this._modifiers = event;
		this._touch.move(fingerOf(event));
	}

	/** @param {PointerEvent} event */
	_up(event) {
		this._before(event);
		if (event.pointerType !== "touch") return this._pointer.update(event);
		this._modifiers = event;
		this._touch.up(event.pointerId);
	}

	/** @param {PointerEvent} event */
	_cancelled(event) {
		if (event.pointerType === "touch") this._touch.cancel();
		else this._pointer.releaseAll();
	}

	/** @param {number} clientX @param {number} clientY @param {number} buttons */
	_pointed(clientX, clientY, buttons) {
		const { _modifiers: modifiers } = this;
		this._pointer.update({
			clientX,
			clientY,
			buttons,
			getModifierState: (key) => modifiers.getModifierState(key),
		});
	}

	/** @param {number} dx @param {number} dy */
	_notchesOf(dx, dy) {
		return this._touchWheel.add(dx / TOUCH_PIXELS_PER_NOTCH, dy / TOUCH_PIXELS_PER_NOTCH);
	}

	/** @param {WheelEvent} event */
	_wheelTurned(event) {
		/* Nor does the page zoom. */
		event.preventDefault();
		this._pointer.update(event);
		const pinch = event.ctrlKey && !this._controlHeld;
		const buttons = this._wheel.notches(event, pinch ? PINCH_GAIN : 1);
		const mask = maskOf(event);
		/* Shift turns the wheel sideways: here, so that it does so for every program. */
		if (event.shiftKey) this._turn(buttons.map(sideways), mask & ~n.MASK_SHIFT);
		else this._turn(buttons, mask);
		if (pinch) this._awaitPinchEnd(mask & LOCK_BITS);
	}

	/** @param {number[]} buttons @param {number} mask */
	_turn(buttons, mask) {
		if (buttons.length > 0) this._pointer.flush();
		for (const button of buttons) {
			this._tell({ type: "button", down: true, button, mask });
			this._tell({ type: "button", down: false, button, mask });
		}
	}

	/** @param {number} mask then */
	_awaitPinchEnd(mask) {
		this._pinchMask = mask;
		clearTimeout(this._pinchTimer);
		this._pinchTimer = setTimeout(() => this._endPinch(), PINCH_REST_MS);
	}

	_endPinch() {
		if (this._pinchTimer === undefined) return;
		clearTimeout(this._pinchTimer);
		this._pinchTimer = undefined;
		this._tell({ type: "key", down: false, keycode: KEYCODE_NONE, mask: this._pinchMask });
	}
}

/** Back or forward. @param {MouseEvent} event */
function isSideButton({ button }) {
	return button === 3 || button === 4;
}

/** @param {PointerEvent} event @returns {import("./touch.js").Finger} */
function fingerOf({ pointerId, clientX, clientY }) {
	return { id: pointerId, x: clientX, y: clientY };
}

/** @param {number} button of a wheel */
function sideways(button) {
	return button < 6 ? button + BUTTON_HORIZONTAL : button;
}
