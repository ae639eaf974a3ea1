/* SPDX-License-Identifier: ISC */
/*
 * Key events of the browser to key events of the agent. The agent knows no held keys: a press is
 * a tap, and modifiers follow the mask of each event. So
 *
 *   - ordinary keys are sent on press, and again for each repeat; their release is sent for the
 *     sake of old agents;
 *   - a modifier going down is told with the key that it is for; held for a while without one, as
 *     a mask alone, by letting go of a key that does not exist. Going up, it is told at once;
 *   - CapsLock and NumLock keys are not sent; their state is, with every event.
 *
 * Keys go by position; only where the browser names none, or where a Mac's Option key writes a
 * character, by what they write.
 */

import * as n from "../stream/kdrive_numbers.js";
import { codeOf, KEYCODE_NONE, KEYCODES, MASK_KEYS, MODIFIERS } from "./key_table.js";
import { LOCK_BITS, maskOf } from "./modifiers.js";
import { PLATFORM } from "./platform.js";

/** The part of KeyboardEvent that is used.
 * @typedef {Pick<KeyboardEvent, "code" | "key" | "getModifierState" | "preventDefault">
 *   & {repeat?: boolean}} KeyLike */
/** @typedef {(down: boolean, keycode: number, mask: number, repeat?: boolean) => void} SendKey
 *   repeat: the key was down already */

/** Held together and let go without another key, these leave the screen for the toolbar. */
const LEAVE_MASK = n.MASK_CONTROL | n.MASK_ALT | n.MASK_SHIFT;
const LOCK_KEYS = new Set(["CapsLock", "NumLock"]);
/** Command with one of these is what Control is elsewhere. */
const MAC_SHORTCUTS = new Set(
	["A", "C", "F", "O", "P", "S", "V", "X", "Z"].map((name) => `Key${name}`),
);
/** A modifier that is held this long is not for the next key alone. Windows' AltGr comes as
 * Control first, and is itself long before. */
const HOLD_MS = 120;

export class Keyboard {
	/**
	 * @param {object} options
	 * @param {SendKey} options.send
	 * @param {() => void} options.onLeave the user asks for the page's own controls
	 * @param {import("./key_map.js").KeyMap} options.keyMap of the session's layout
	 * @param {(text: string) => void} options.type what has no position
	 * @param {(run: () => void, ms: number) => void} options.setTimer
	 * @param {import("./platform.js").Platform} [options.platform]
	 */
	constructor({ send, onLeave, keyMap, type, setTimer, platform = PLATFORM }) {
		this._send = send;
		this._onLeave = onLeave;
		this.keyMap = keyMap;
		this._type = type;
		this._setTimer = setTimer;
		this._platform = platform;
		/** @type {Set<string>} codes that are down */
		this._down = new Set();
		this._mask = 0; /* last sent or seen */
		this._leaving = false;
		this._numLockKnown = false;
		/** Modifiers that are down on the server, by what it was told. */
		this._told = 0;
		this._holding = 0; /* counts, so that an earlier timer knows that it is late */
		this._held = false; /* a modifier went down and is not told yet */
	}

	/** The modifiers as the server has them, but for its locks. */
	get mask() {
		return this._told | (this._mask & LOCK_BITS);
	}

	/** @param {KeyLike} event */
	keyDown(event) {
		const code = codeOf(event);
		if (code === "") {
			this._typed(event);
			return;
		}
		event.preventDefault();
		const mask = this._takeMask(event, code);
		this._leaving = MODIFIERS.has(code) && (mask & ~LOCK_BITS) === LEAVE_MASK;
		if (LOCK_KEYS.has(code)) return;
		if (!MODIFIERS.has(code)) this._press(event, code, mask);
		/* A Mac's Command by itself would open a desktop's menu. */
		else if (!this._down.has(code) && !(this._platform.mac && code.startsWith("Meta")))
			this._hold(mask);
		this._down.add(code);
	}

	/** @param {KeyLike} event */
	keyUp(event) {
		const code = codeOf(event);
		if (code === "") return;
		event.preventDefault();
		const before = this._mask;
		const mask = this._takeMask(event, code);
		/* Windows tells of this key only when it is let go. */
		if (code === "PrintScreen" && !this._down.has(code)) this._press(event, code, mask);
		/* Some keys' presses stay with the system; a lone release says nothing. */
		if (this._down.delete(code)) {
			if (!MODIFIERS.has(code)) this._send(false, KEYCODES[code], mask);
			else if (this._held) this._tell(before);
		}
		this._tellGone(mask);
		/* While Command is down a Mac tells of no other key's release. */
		if (this._platform.mac && code.startsWith("Meta"))
			for (const held of this._down) if (!MODIFIERS.has(held)) this._down.delete(held);
		if (this._leaving) {
			this._leaving = false;
			this._onLeave();
		}
	}

	/** Any other event that knows the modifiers: what is not held any more is let go.
	 * @param {import("./modifiers.js").ModifierEvent} event */
	sync(event) {
		const mask = maskOf(event, this._platform);
		if ((this._mask & ~mask & ~LOCK_BITS) === 0) return;
		for (const code of this._down) if (MODIFIERS.has(code)) this._down.delete(code);
		this._mask = (mask & ~LOCK_BITS) | (this._mask & LOCK_BITS);
		this._tellGone(this._mask);
	}

	/** A button of the mouse went out with this mask. @param {number} mask */
	buttonSent(mask) {
		this._told = mask & ~LOCK_BITS;
		this._held = false;
	}

	/** The focus goes elsewhere: nothing stays down on the server. */
	releaseAll() {
		const mask = this._mask & LOCK_BITS;
		for (const code of this._down)
			if (!MODIFIERS.has(code)) this._send(false, KEYCODES[code], mask);
		this._down.clear();
		this._mask = mask;
		this._leaving = false;
		this._held = false;
		this._tellGone(mask);
	}

	/** @param {KeyLike} event @param {string} code @param {number} mask */
	_press(event, code, mask) {
		const character = this._platform.mac ? this._macCharacter(event, code, mask) : null;
		if (character !== null) {
			this._type(character);
			return;
		}
		if (code.startsWith("Numpad")) this._settleNumLock(mask);
		this._sendPress(this._keycode(event, code), this._shortcutMask(code, mask), event.repeat);
	}

	/** @param {number} keycode @param {number} mask @param {boolean} [repeat] */
	_sendPress(keycode, mask, repeat) {
		this._tellGone(mask);
		this._send(true, keycode, mask, repeat);
		this._told = mask & ~LOCK_BITS & ~n.MASK_LEVELS;
		this._held = false;
	}

	/** Tells the server of modifiers that are held for longer than a key takes; not of Shift and
	 * AltGr, which are nothing without a key, and which a burst of keys that comes next would not
	 * get rid of. @param {number} mask */
	_hold(mask) {
		const holding = ++this._holding;
		this._held = true;
		if ((mask & ~LOCK_BITS & ~n.MASK_LEVELS) === 0) return;
		this._setTimer(() => {
			if (this._held && holding === this._holding) this._tell(this._mask);
		}, HOLD_MS);
	}

	/** Brings the server's modifiers in line. @param {number} mask */
	_tell(mask) {
		this._held = false;
		this._tellGone(mask);
		const wanted = mask & ~LOCK_BITS;
		if (wanted !== this._told) this._send(false, KEYCODE_NONE, mask);
		this._told = wanted;
	}

	/** Lets go of what is not held any more. @param {number} mask */
	_tellGone(mask) {
		const after = this._told & mask;
		for (const [bit, keycode] of MASK_KEYS)
			if (this._told & ~after & bit) this._send(false, keycode, after | (mask & LOCK_BITS));
		this._told = after;
	}

	/** A key without a position: by what it writes. @param {KeyLike} event */
	_typed(event) {
		if ([...event.key].length !== 1) return;
		event.preventDefault();
		const mask = this._takeMask(event, "");
		const taps = this.keyMap.tapsFor(event.key);
		const shortcut = mask & (n.MASK_CONTROL | n.MASK_ALT | n.MASK_SUPER);
		if (!shortcut) this._type(event.key);
		else if (taps?.length === 1)
			this._sendPress(taps[0].keycode, mask | taps[0].mask, event.repeat);
	}

	/**
	 * Option on a Mac writes other characters than AltGr on a PC: the user wants what stands on
	 * the Mac's keys. The left one stays Alt except for what programmers cannot do without.
	 * @param {KeyLike} event @param {string} code @param {number} mask
	 */
	_macCharacter({ key }, code, mask) {
		if (!(mask & n.MASK_ALT) || mask & (n.MASK_CONTROL | n.MASK_SUPER)) return null;
		if ([...key].length !== 1 || key === " " || code.startsWith("Numpad")) return null;
		const wanted = this._down.has("AltRight") || /[!-/:-@[-`{-~€]/.test(key);
		return wanted && this.keyMap.tapsFor(key) ? key : null;
	}

	/** @param {KeyLike} event @param {string} code */
	_keycode(event, code) {
		/* Macs with an ISO keyboard swap these two. */
		if (this._platform.mac && (code === "Backquote" || code === "IntlBackslash")) {
			const other = code === "Backquote" ? "IntlBackslash" : "Backquote";
			if (this._writes(event, KEYCODES[other]) && !this._writes(event, KEYCODES[code]))
				return KEYCODES[other];
		}
		return KEYCODES[code];
	}

	/** @param {KeyLike} event @param {number} keycode */
	_writes({ key }, keycode) {
		const plain = this.keyMap.plainOn(keycode);
		return key === "Dead" ? /\p{M}/u.test(plain) : key === plain;
	}

	/** @param {string} code @param {number} mask */
	_shortcutMask(code, mask) {
		if (!this._platform.mac || !(mask & n.MASK_SUPER) || !MAC_SHORTCUTS.has(code)) return mask;
		return (mask & ~n.MASK_SUPER) | n.MASK_CONTROL;
	}

	/** An earlier connection may have left NumLock on, and nothing says so: from on, which the
	 * mask can do, its key leads to off. @param {number} mask */
	_settleNumLock(mask) {
		if (this._numLockKnown) return;
		this._numLockKnown = true;
		if (mask & n.MASK_NUM_LOCK) return;
		this._send(false, KEYCODE_NONE, mask | n.MASK_NUM_LOCK);
		this._send(true, KEYCODES.NumLock, mask);
	}

	/** @param {KeyLike} event @param {string} code */
	_takeMask(event, code) {
		const mask = this._altGr(event, code, maskOf(event, this._platform));
		/* Clearing the bit leaves the lock on: only its key turns it off. */
		if (this._mask & ~mask & n.MASK_NUM_LOCK) this._send(true, KEYCODES.NumLock, mask);
		if (mask & n.MASK_NUM_LOCK) this._numLockKnown = true;
		this._mask = mask;
		return mask;
	}

	/** Control and Alt together are AltGr where they write what AltGr does: Windows has it so.
	 * @param {KeyLike} event @param {string} code @param {number} mask */
	_altGr({ key }, code, mask) {
		const both = n.MASK_CONTROL | n.MASK_ALT;
		if (!this._platform.windows || (mask & both) !== both) return mask;
		const taps = this.keyMap.tapsFor(key);
		const same = taps?.length === 1 && taps[0].keycode === KEYCODES[code];
		return same && taps[0].mask & n.MASK_ALTGR ? (mask & ~both) | n.MASK_ALTGR : mask;
	}
}
