/* SPDX-License-Identifier: ISC */
/*
 * Mouse, pen and finger to motion and button events. Motion goes out once per animation frame, and
 * before every button, since a button acts where the last motion was. Which buttons are down is
 * taken from each event's own list, so that none can stick.
 */

import { LOCK_BITS, maskOf } from "./modifiers.js";

/** @typedef {Pick<PointerEvent, "clientX" | "clientY" | "buttons" | "getModifierState">} PointerLike */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {(down: boolean, button: number, mask: number) => void} SendButton */

/** Bits of `buttons` to X buttons; the agent does not deliver 9 (forward). @type {[number, number][]} */
const BUTTON_BITS = [
	[0x01, 1],
	[0x04, 2],
	[0x02, 3],
	[0x08, 8],
];

export class Pointer {
	/**
	 * @param {object} options
	 * @param {(x: number, y: number) => void} options.sendMotion
	 * @param {SendButton} options.sendButton
	 * @param {(clientX: number, clientY: number) => Point} options.toScreen
	 * @param {(run: () => void) => void} options.onNextFrame
	 */
	constructor({ sendMotion, sendButton, toScreen, onNextFrame }) {
		this._sendMotion = sendMotion;
		this._sendButton = sendButton;
		this._toScreen = toScreen;
		this._onNextFrame = onNextFrame;
		/** @type {Point | null} not sent yet */
		this._moved = null;
		/** @type {Point | null} */
		this._sent = null;
		this._buttons = 0;
		this._mask = 0;
		this._frameAsked = false;
	}

	/** Any pointer event: down, move, up. @param {PointerLike} event */
	update(event) {
		this._moved = this._toScreen(event.clientX, event.clientY);
		this._mask = maskOf(event);
		const changed = this._buttons ^ event.buttons;
		if (changed === 0) {
			this._askFrame();
			return;
		}
		this.flush();
		for (const [bit, button] of BUTTON_BITS)
			if (changed & bit) this._sendButton((event.buttons & bit) !== 0, button, this._mask);
		this._buttons = event.buttons;
	}

	/** The pointer was taken away: nothing stays pressed on the server, no modifier either. */
	releaseAll() {
		this.flush();
		this._mask &= LOCK_BITS;
		for (const [bit, button] of BUTTON_BITS)
			if (this._buttons & bit) this._sendButton(false, button, this._mask);
		this._buttons = 0;
	}

	/** Sends the last motion now. */
	flush() {
		const to = this._moved;
		this._moved = null;
		if (!to || (this._sent?.x === to.x && this._sent.y === to.y)) return;
		this._sent = to;
		this._sendMotion(to.x, to.y);
	}

	_askFrame() {
		if (this._frameAsked) return;
		this._frameAsked = true;
		this._onNextFrame(() => {
			this._frameAsked = false;
			this.flush();
		});
	}
}
