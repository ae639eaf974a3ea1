/* SPDX-License-Identifier: ISC */
/*
 * Physical keys, as the browser names them (KeyboardEvent.code), to X keycodes of the evdev rules,
 * model pc105. What a key means is up to the layout loaded on the server. A key that is not listed
 * is not sent.
 */

import * as n from "../stream/kdrive_numbers.js";

/** @type {Readonly<Record<string, number>>} */
export const KEYCODES = Object.freeze({
	Escape: 9,
	...run(10, "Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0"),
	...run(20, "Minus Equal Backspace Tab"),
	...run(24, "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter"),
	...run(37, "ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote"),
	...run(49, "Backquote ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM"),
	...run(59, "Comma Period Slash ShiftRight NumpadMultiply AltLeft Space CapsLock"),
	...run(67, "F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock"),
	...run(79, "Numpad7 Numpad8 Numpad9 NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd"),
	...run(87, "Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal"),
	...run(94, "IntlBackslash F11 F12 IntlRo"),
	...run(100, "Convert KanaMode NonConvert"),
	...run(104, "NumpadEnter ControlRight NumpadDivide PrintScreen AltRight"),
	...run(110, "Home ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete"),
	...run(121, "AudioVolumeMute AudioVolumeDown AudioVolumeUp"),
	...run(125, "NumpadEqual"),
	...run(127, "Pause"),
	...run(129, "NumpadComma Lang1 Lang2 IntlYen MetaLeft MetaRight ContextMenu"),
	...run(139, "Undo"),
	...run(141, "Copy"),
	...run(143, "Paste Find Cut Help"),
	...run(166, "BrowserBack BrowserForward"),
	...run(171, "MediaTrackNext MediaPlayPause MediaTrackPrevious MediaStop"),
	...run(180, "BrowserHome BrowserRefresh"),
	...run(191, "F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24"),
	...run(225, "BrowserSearch"),
});

/** Names that browsers gave or give to the same keys. @type {Readonly<Record<string, string>>} */
const ALIASES = Object.freeze({
	...{ OSLeft: "MetaLeft", OSRight: "MetaRight" },
	...{ VolumeMute: "AudioVolumeMute", VolumeDown: "AudioVolumeDown", VolumeUp: "AudioVolumeUp" },
	...{ HangulMode: "Lang1", Hanja: "Lang2" },
});

/**
 * The code of a key event: a name of KEYCODES, or "" if there is none. On-screen keyboards give
 * no position, but name the keys that write nothing.
 * @param {{code: string, key: string}} event
 */
export function codeOf({ code, key }) {
	const name = code === "" || code === "Unidentified" ? key : (ALIASES[code] ?? code);
	return Object.hasOwn(KEYCODES, name) ? name : "";
}

/** A keycode that no key of the model has: letting it go does nothing but bring the server's
 * modifiers in line with the event's mask. */
export const KEYCODE_NONE = 8;

const MODIFIER_CODES =
	"ShiftLeft ShiftRight ControlLeft ControlRight AltLeft AltRight MetaLeft MetaRight";

/** @type {ReadonlySet<string>} keys that act through the mask alone */
export const MODIFIERS = new Set(MODIFIER_CODES.split(" "));

/** The key that an agent presses for each modifier of a mask. @type {readonly [number, number][]} */
export const MASK_KEYS = Object.freeze([
	[n.MASK_SHIFT, KEYCODES.ShiftLeft],
	[n.MASK_CONTROL, KEYCODES.ControlLeft],
	[n.MASK_ALT, KEYCODES.AltLeft],
	[n.MASK_SUPER, KEYCODES.MetaLeft],
	[n.MASK_ALTGR, 92],
]);

const MODIFIER_KEYCODES = new Set(
	[...MODIFIERS]
		.map((code) => KEYCODES[code])
		.concat(
			KEYCODE_NONE,
			MASK_KEYS.map(([, keycode]) => keycode),
		),
);

/** Whether an agent waits for this key's release. @param {number} keycode */
export function isModifierKeycode(keycode) {
	return MODIFIER_KEYCODES.has(keycode);
}

/** Consecutive keycodes. @param {number} first @param {string} codes */
function run(first, codes) {
	return Object.fromEntries(codes.split(" ").map((code, i) => [code, first + i]));
}
