/* SPDX-License-Identifier: ISC */
/* The modifier mask of a browser event. Every event is asked anew, so that nothing can stick. */

import * as n from "../stream/kdrive_numbers.js";
import { PLATFORM } from "./platform.js";

/** @typedef {{getModifierState(key: string): boolean}} ModifierEvent */

/** @type {[string, number][]} */
const MODIFIER_BITS = [
	["Shift", n.MASK_SHIFT],
	["CapsLock", n.MASK_LOCK],
	["Control", n.MASK_CONTROL],
	["Alt", n.MASK_ALT],
	["NumLock", n.MASK_NUM_LOCK],
	["Meta", n.MASK_SUPER],
	["AltGraph", n.MASK_ALTGR],
];

/** Bits that outlive a key: they stay when everything is let go. */
export const LOCK_BITS = n.MASK_LOCK | n.MASK_NUM_LOCK;

/** @param {ModifierEvent} event @param {import("./platform.js").Platform} [platform] */
export function maskOf(event, platform = PLATFORM) {
	let mask = 0;
	for (const [name, bit] of MODIFIER_BITS) if (event.getModifierState(name)) mask |= bit;
	/* Windows reports AltGr as Control and Alt held as well. */
	if (mask & n.MASK_ALTGR) mask &= ~(n.MASK_CONTROL | n.MASK_ALT);
	if (!platform.numLock) mask |= n.MASK_NUM_LOCK;
	return mask;
}
