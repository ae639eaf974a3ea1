/* SPDX-License-Identifier: ISC */
/*
 * A layout turned round: which keys write a character. Beside the characters that stand on a key,
 * those that a dead key and another key compose, as Unicode takes them apart.
 */

import { MASK_ALTGR, MASK_SHIFT } from "../stream/kdrive_numbers.js";
import { KEYCODES } from "./key_table.js";
import { WRITING_KEYCODES } from "./layout_keys.js";
import { LAYOUT_TABLES } from "./layout_tables.js";

/** A key and the modifiers that it is to be pressed with. @typedef {{keycode: number, mask: number}} Tap */

const LEVEL_MASKS = [0, MASK_SHIFT, MASK_ALTGR, MASK_SHIFT | MASK_ALTGR];

/** The same in every layout. @type {[string, string][]} */
const COMMON = [
	[" ", "Space"],
	["\n", "Enter"],
	["\t", "Tab"],
];

/** Accents by themselves: the dead key, then a space. */
const ACCENTS = new Map([
	["^", "\u0302"],
	["`", "\u0300"],
	["~", "\u0303"],
]);

const MARK = /\p{M}/u;

export class KeyMap {
	/** @param {string} layout one of LAYOUT_TABLES */
	constructor(layout) {
		const levels = LAYOUT_TABLES[layout];
		/** @type {Map<string, Tap>} by character; dead keys by their combining character */
		this._taps = new Map(COMMON.map(([sign, code]) => [sign, tap(KEYCODES[code], 0)]));
		/** @type {Map<number, string>} */
		this._plain = new Map();
		levels.forEach((signs, level) => {
			[...signs].forEach((sign, i) => {
				if (sign === " ") return;
				const keycode = WRITING_KEYCODES[i];
				if (level === 0) this._plain.set(keycode, sign);
				if (!this._taps.has(sign)) this._taps.set(sign, tap(keycode, LEVEL_MASKS[level]));
			});
		});
	}

	/** What a key writes without modifiers; a dead key its combining character.
	 * @param {number} keycode */
	plainOn(keycode) {
		return this._plain.get(keycode) ?? "";
	}

	/** The keys that write a character, or null where the layout does not have it.
	 * @param {string} sign one code point @returns {Tap[] | null} */
	tapsFor(sign) {
		if (MARK.test(sign)) return null;
		const direct = this._taps.get(sign);
		if (direct) return [direct];
		const mark = ACCENTS.get(sign);
		const [base, accent, ...more] = mark ? [" ", mark] : sign.normalize("NFD");
		const first = this._taps.get(accent ?? "");
		const second = this._taps.get(base);
		return first && second && more.length === 0 ? [first, second] : null;
	}
}

/** @param {number} keycode @param {number} mask @returns {Tap} */
function tap(keycode, mask) {
	return { keycode, mask };
}
