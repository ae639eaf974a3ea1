/* SPDX-License-Identifier: ISC */
/*
 * Types text that came as text. What the session's layout writes is typed on its keys; the rest
 * is pasted, in order with what is typed.
 */

import { MASK_NUM_LOCK } from "../stream/kdrive_numbers.js";
import { KEYCODE_NONE } from "./key_table.js";

/** @typedef {import("./key_map.js").Tap} Tap */

/** What is longer is pasted, which is faster. */
const TYPED_MAX = 32;

export class TextTyper {
	/**
	 * @param {object} options
	 * @param {import("./keyboard.js").SendKey} options.send
	 * @param {() => import("./key_map.js").KeyMap} options.keyMap of the session's layout
	 * @param {() => number} options.mask modifiers that are held
	 * @param {(text: string) => void} options.paste in order with the keys
	 */
	constructor({ send, keyMap, mask, paste }) {
		this._send = send;
		this._keyMap = keyMap;
		this._mask = mask;
		this._paste = paste;
	}

	/** Whether all of a text is on the layout's keys. @param {string} text */
	canType(text) {
		return [...text].every((sign) => this._keyMap().tapsFor(sign));
	}

	/** @param {string} text */
	type(text) {
		const signs = [...text.normalize("NFC").replace(/\r\n?/g, "\n")];
		const taps = signs.map((sign) => this._keyMap().tapsFor(sign));
		const first = taps.indexOf(null);
		const last = taps.lastIndexOf(null);
		if (taps.length > TYPED_MAX) {
			this._paste(signs.join(""));
			return;
		}
		if (first < 0) {
			this._tapAll(taps);
			return;
		}
		this._tapAll(taps.slice(0, first));
		this._paste(signs.slice(first, last + 1).join(""));
		this._tapAll(taps.slice(last + 1));
	}

	/** @param {number} keycode @param {number} times */
	press(keycode, times) {
		this._tapAll(Array.from({ length: times }, () => [{ keycode, mask: 0 }]));
	}

	/** The bit of CapsLock would turn letters round, so it is left out.
	 * @param {(Tap[] | null)[]} signs */
	_tapAll(signs) {
		if (signs.length === 0) return;
		const lock = this._mask() & MASK_NUM_LOCK;
		for (const { keycode, mask } of signs.flatMap((taps) => taps ?? [])) {
			this._send(true, keycode, mask | lock);
			this._send(false, keycode, mask | lock);
		}
		/* Back to the modifiers that are really held. */
		this._send(false, KEYCODE_NONE, this._mask());
	}
}
