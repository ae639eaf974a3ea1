/* SPDX-License-Identifier: ISC */
/*
 * Key events of the browser to key events of the agent. The agent knows no held keys: a press is
 * a tap, and modifiers follow the mask of each event. So
 *
 *   - ordinary keys are sent on press, and again for each repeat; their release is sent for the
 *     sake of old agents;
 *   - a modifier going down is told as a mask alone, by letting go of a key that does not exist;
 *     going up, as its release with the bit cleared;
 *   - CapsLock and NumLock keys are not sent; their state is, with every event.
 */

import { MASK_ALT, MASK_CONTROL, MASK_NUM_LOCK, MASK_SHIFT } from "../stream/kdrive_numbers.js";
import { KEYCODE_NONE, KEYCODES, MODIFIERS } from "./key_table.js";
import { LOCK_BITS, maskOf } from "./modifiers.js";

/** The part of KeyboardEvent that is used.
 * @typedef {Pick<KeyboardEvent, "code" | "isComposing" | "getModifierState" | "preventDefault">}
 *   KeyLike */
/** @typedef {(down: boolean, keycode: number, mask: number) => void} SendKey */

/** Held together and let go without another key, these leave the screen for the toolbar. */
const LEAVE_MASK = MASK_CONTROL | MASK_ALT | MASK_SHIFT;
const LOCK_KEYS = new Set(["CapsLock", "NumLock"]);

export class Keyboard {
	/**
	 * @param {object} options
	 * @param {SendKey} options.send
	 * @param {() => void} options.onLeave the user asks for the page's own controls
	 */
	constructor({ send, onLeave }) {
		this._send = send;
		this._onLeave = onLeave;
		/** @type {Set<string>} codes that are down */
		this._down = new Set();
		this._mask = 0; /* last sent or seen */
		this._leaving = false;
	}

	/** @param {KeyLike} event */
	keyDown(event) {
		const keycode = KEYCODES[event.code];
		if (event.isComposing || keycode === undefined) return;
		event.preventDefault();
		const mask = this._takeMask(event);
		this._leaving = MODIFIERS.has(event.code) && (mask & ~LOCK_BITS) === LEAVE_MASK;
		if (LOCK_KEYS.has(event.code)) return;
		if (MODIFIERS.has(event.code)) {
			if (!this._down.has(event.code)) this._send(false, KEYCODE_NONE, mask);
		} else {
			this._send(true, keycode, mask);
		}
		this._down.add(event.code);
	}

	/** @param {KeyLike} event */
	keyUp(event) {
		const keycode = KEYCODES[event.code];
		if (keycode === undefined) return;
		event.preventDefault();
		const mask = this._takeMask(event);
		/* Some keys' presses stay with the system; a lone release says nothing. */
		if (this._down.delete(event.code)) this._send(false, keycode, mask);
		if (this._leaving) {
			this._leaving = false;
			this._onLeave();
		}
	}

	/** The focus goes elsewhere: nothing stays down on the server. */
	releaseAll() {
		const mask = this._mask & LOCK_BITS;
		for (const code of this._down) this._send(false, KEYCODES[code], mask);
		if (this._mask !== mask) this._send(false, KEYCODE_NONE, mask);
		this._down.clear();
		this._mask = mask;
		this._leaving = false;
	}

	/** @param {KeyLike} event */
	_takeMask(event) {
		const mask = maskOf(event);
		/* Clearing the bit leaves the lock on: only its key turns it off. */
		if (this._mask & ~mask & MASK_NUM_LOCK) this._send(true, KEYCODES.NumLock, mask);
		this._mask = mask;
		return mask;
	}
}
