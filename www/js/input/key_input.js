/* SPDX-License-Identifier: ISC */
/*
 * All that is typed into one session: keys on the screen, text through the field for on-screen
 * keyboards and input methods, and what the page's own buttons send. Adds the modifiers that those
 * buttons hold.
 */

import { MASK_ALT, MASK_ALTGR, MASK_CONTROL, MASK_SHIFT } from "../stream/kdrive_numbers.js";
import { MASK_SUPER } from "../stream/kdrive_numbers.js";
import { KeyMap } from "./key_map.js";
import { codeOf, KEYCODE_NONE, KEYCODES, MODIFIERS } from "./key_table.js";
import { Keyboard } from "./keyboard.js";
import { TextInput } from "./text_input.js";
import { TextTyper } from "./text_typer.js";

/** @typedef {"Shift" | "Control" | "Alt" | "Super" | "AltGr"} ModifierName */

/** @type {Record<ModifierName, number>} */
const MODIFIER_MASKS = {
	Shift: MASK_SHIFT,
	Control: MASK_CONTROL,
	Alt: MASK_ALT,
	Super: MASK_SUPER,
	AltGr: MASK_ALTGR,
};

const MODIFIER_NAMES = /** @type {ModifierName[]} */ (Object.keys(MODIFIER_MASKS));

/** Languages that are written by picking from what was composed. */
const COMPOSED_LANGUAGE = /^(zh|ja|ko)\b/i;

export class KeyInput {
	/**
	 * @param {object} options
	 * @param {HTMLElement} options.screen has the focus while keys go by position only
	 * @param {HTMLTextAreaElement} options.field has it while text is written
	 * @param {import("./keyboard.js").SendKey} options.send
	 * @param {string} options.layout of the session
	 * @param {(event: KeyboardEvent) => import("./keyboard.js").KeyLike} options.beforeKey what
	 * the keyboard is to see of a key going down
	 * @param {(text: string) => void} options.paste in order with the keys
	 * @param {() => void} options.onLeave the user asks for the page's own controls
	 * @param {AbortSignal} options.signal
	 */
	constructor({ screen, field, send, layout, beforeKey, paste, onLeave, signal }) {
		this._screen = screen;
		this._field = field;
		this._send = send;
		this._beforeKey = beforeKey;
		this._held = 0;
		/** @type {() => void} the held modifiers changed */
		this.onHeld = () => {};
		const touch = matchMedia("(pointer: coarse)").matches;
		const composed = COMPOSED_LANGUAGE.test(navigator.languages[0] ?? "");
		this._writing = composed && !touch;
		const sendKey = this._sendKey.bind(this);
		this._keyboard = new Keyboard({
			send: sendKey,
			onLeave,
			keyMap: new KeyMap(layout),
			type: (text) => this._typer.type(text),
			setTimer: (run, ms) => setTimeout(run, ms),
		});
		this._typer = new TextTyper({
			send: sendKey,
			keyMap: () => this._keyboard.keyMap,
			mask: () => this._keyboard.mask,
			paste,
		});
		const live = touch && !composed;
		this._text = new TextInput({ field, typer: this._typer, live, signal });
		this._listen(screen, signal);
		this._listen(field, signal);
	}

	/** Modifiers that the page's buttons hold. */
	get heldNames() {
		return MODIFIER_NAMES.filter((name) => this._held & MODIFIER_MASKS[name]);
	}

	/** Whether on-screen keyboards and input methods may write. */
	get writing() {
		return this._writing;
	}

	/** @param {boolean} on */
	setWriting(on) {
		this._writing = on;
		this.focus();
	}

	focus() {
		(this._writing ? this._field : this._screen).focus({ preventScroll: true });
	}

	/** @param {string} layout that the session has from now on */
	setLayout(layout) {
		this._keyboard.keyMap = new KeyMap(layout);
	}

	/** Holds a modifier for the next key, or lets it go. @param {ModifierName} name */
	toggleHeld(name) {
		this._setHeld(this._held ^ MODIFIER_MASKS[name]);
	}

	/** A key with modifiers, pressed by a button of the page.
	 * @param {string} code @param {ModifierName[]} [modifiers] */
	press(code, modifiers = []) {
		const base = this._keyboard.mask;
		const mask = modifiers.reduce((sum, name) => sum | MODIFIER_MASKS[name], base);
		this._sendKey(true, KEYCODES[code], mask);
		this._sendKey(false, KEYCODES[code], mask);
		this._sendKey(false, KEYCODE_NONE, base);
	}

	/** Another event that knows the modifiers. @param {import("./modifiers.js").ModifierEvent} event */
	sync(event) {
		this._keyboard.sync(event);
	}

	/** The mask for a button of the mouse. @param {number} mask of its event */
	buttonMask(mask) {
		this._keyboard.buttonSent(mask | this._held);
		return mask | this._held;
	}

	releaseAll() {
		this._keyboard.releaseAll();
	}

	/** @param {HTMLElement} target @param {AbortSignal} signal */
	_listen(target, signal) {
		const writes = target === this._field;
		target.addEventListener("keydown", (event) => this._keyDown(event, writes), { signal });
		target.addEventListener(
			"keyup",
			(event) => {
				if (!writes || !isForText(event)) this._keyboard.keyUp(event);
			},
			{ signal },
		);
		target.addEventListener("blur", () => this.releaseAll(), { signal });
	}

	/** @param {KeyboardEvent} event @param {boolean} writes */
	_keyDown(event, writes) {
		if (writes && isForText(event)) return;
		this._keyboard.keyDown(this._beforeKey(event));
		const code = codeOf(event);
		if (writes && code !== "" && !MODIFIERS.has(code)) this._text.reset();
	}

	/** @param {boolean} down @param {number} keycode @param {number} mask @param {boolean} [repeat] */
	_sendKey(down, keycode, mask, repeat) {
		this._send(down, keycode, mask | this._held, repeat);
		if (!down || this._held === 0) return;
		this._setHeld(0);
	}

	/** @param {number} held */
	_setHeld(held) {
		this._held = held;
		this._send(false, KEYCODE_NONE, this._keyboard.mask | held);
		this.onHeld();
	}
}

/**
 * Whether a key of the field is for what writes there: an input method has it, or nobody knows
 * where it is, but text will come.
 * @param {KeyboardEvent} event
 */
function isForText(event) {
	if (event.isComposing || event.keyCode === 229) return true;
	const nowhere = event.code === "" || event.code === "Unidentified";
	return nowhere && (codeOf(event) === "" || event.key === "Backspace");
}
