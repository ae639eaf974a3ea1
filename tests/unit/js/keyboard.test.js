/* SPDX-License-Identifier: ISC */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
	isModifierKeycode,
	KEYCODE_NONE,
	KEYCODES,
	MODIFIERS,
} from "../../../www/js/input/key_table.js";
import { Keyboard } from "../../../www/js/input/keyboard.js";
import { KeyMap } from "../../../www/js/input/key_map.js";
import { maskOf } from "../../../www/js/input/modifiers.js";

/** A sample of every row of evdev's pc105 (Linux code + 8), to catch a table that slipped. */
const SAMPLES = {
	...{ Escape: 9, Digit1: 10, Digit0: 19, Minus: 20, Equal: 21, Backspace: 22, Tab: 23 },
	...{ KeyQ: 24, KeyP: 33, BracketLeft: 34, BracketRight: 35, Enter: 36, ControlLeft: 37 },
	...{ KeyA: 38, KeyL: 46, Semicolon: 47, Quote: 48, Backquote: 49, ShiftLeft: 50 },
	...{ Backslash: 51, KeyZ: 52, KeyM: 58, Comma: 59, Period: 60, Slash: 61, ShiftRight: 62 },
	...{ IntlBackslash: 94, AltLeft: 64, Space: 65, CapsLock: 66, AltRight: 108 },
	...{ ControlRight: 105, MetaLeft: 133, MetaRight: 134, ContextMenu: 135, F1: 67, F10: 76 },
	...{ F11: 95, F12: 96, F13: 191, F24: 202, PrintScreen: 107, ScrollLock: 78, Pause: 127 },
	...{ Insert: 118, Delete: 119, Home: 110, End: 115, PageUp: 112, PageDown: 117 },
	...{ ArrowUp: 111, ArrowLeft: 113, ArrowRight: 114, ArrowDown: 116, NumLock: 77 },
	...{ NumpadDivide: 106, NumpadMultiply: 63, NumpadSubtract: 82, NumpadAdd: 86 },
	...{ NumpadEnter: 104, NumpadDecimal: 91, NumpadEqual: 125, NumpadComma: 129 },
	...{ Numpad7: 79, Numpad9: 81, Numpad4: 83, Numpad6: 85, Numpad1: 87, Numpad3: 89 },
	...{ Numpad0: 90, IntlRo: 97, Convert: 100, KanaMode: 101, NonConvert: 102, IntlYen: 132 },
	...{ Lang1: 130, Lang2: 131, AudioVolumeMute: 121, AudioVolumeUp: 123 },
	...{ MediaTrackNext: 171, MediaStop: 174, BrowserBack: 166, BrowserForward: 167 },
	...{ BrowserRefresh: 181, BrowserHome: 180, BrowserSearch: 225, Undo: 139, Copy: 141 },
	...{ Paste: 143, Find: 144, Cut: 145, Help: 146 },
};

test("the key table follows evdev's pc105", () => {
	for (const [code, keycode] of Object.entries(SAMPLES))
		assert.equal(KEYCODES[code], keycode, code);
	const all = Object.values(KEYCODES);
	assert.equal(new Set(all).size, all.length, "two keys share a keycode");
	for (const keycode of all) assert.ok(keycode > KEYCODE_NONE && keycode <= 255);
	for (const code of MODIFIERS) assert.ok(isModifierKeycode(KEYCODES[code]), code);
	assert.ok(!isModifierKeycode(KEYCODES.KeyA));
});

/** @param {string[]} held names as getModifierState takes them */
const modifiers = (held) => ({
	getModifierState: (/** @type {string} */ key) => held.includes(key),
});

test("modifier masks", () => {
	/** @type {[string[], number][]} */
	const table = [
		[[], 0],
		[["Shift"], 0x01],
		[["CapsLock"], 0x02],
		[["Control"], 0x04],
		[["Alt"], 0x08],
		[["NumLock"], 0x10],
		[["Meta"], 0x40],
		[["AltGraph"], 0x80],
		[["AltGraph", "Control", "Alt"], 0x80],
		[["AltGraph", "Shift", "NumLock"], 0x91],
		[["Control", "Alt"], 0x0c],
	];
	for (const [held, mask] of table)
		assert.equal(maskOf(modifiers(held), LINUX), mask, held.join());
});

/** @typedef {import("../../../www/js/input/platform.js").Platform} Platform */

/** @type {Platform} */
const LINUX = { mac: false, windows: false, numLock: true };

/** @param {Partial<Platform>} [platform] @param {string} [layout] */
function setUp(platform = {}, layout = "us") {
	/** @type {string[]} */
	const sent = [];
	/** @type {string[]} */
	const typed = [];
	/** @type {(() => void)[]} */
	const timers = [];
	let left = 0;
	const keyboard = new Keyboard({
		send: (down, keycode, mask) => sent.push(`${down ? "+" : "-"}${keycode}/${mask}`),
		onLeave: () => (left += 1),
		keyMap: new KeyMap(layout),
		type: (text) => typed.push(text),
		setTimer: (run) => timers.push(run),
		platform: { ...LINUX, ...platform },
	});
	/** @param {string} code or code:key @param {string[]} [held] */
	const key = (code, held = []) => ({
		code: code.split(":")[0],
		key: code.split(":")[1] ?? "",
		prevented: false,
		preventDefault() {
			this.prevented = true;
		},
		...modifiers(held),
	});
	return {
		sent,
		typed,
		timers,
		keyboard,
		key,
		lefts: () => left,
		down: (/** @type {string} */ code, /** @type {string[]} */ ...held) =>
			keyboard.keyDown(key(code, held)),
		up: (/** @type {string} */ code, /** @type {string[]} */ ...held) =>
			keyboard.keyUp(key(code, held)),
	};
}

test("press, repeat and release of an ordinary key", () => {
	const { sent, down, up } = setUp();
	down("KeyA");
	down("KeyA");
	up("KeyA");
	assert.deepEqual(sent, ["+38/0", "+38/0", "-38/0"]);
});

test("a modifier goes with its key; alone it is told when it is held, and let go at once", () => {
	const { sent, timers, down, up } = setUp();
	down("ControlLeft", "Control");
	down("ControlLeft", "Control");
	down("KeyA", "Control");
	up("KeyA", "Control");
	timers.splice(0).forEach((run) => run());
	assert.deepEqual(sent, ["+38/4", "-38/4"]);
	up("ControlLeft");
	assert.deepEqual(sent.splice(0), ["+38/4", "-38/4", "-37/0"]);
	down("AltRight", "Alt");
	timers.splice(0).forEach((run) => run());
	assert.deepEqual(sent, ["-8/8"]);
	up("AltRight");
	assert.deepEqual(sent.splice(0), ["-8/8", "-64/0"], "by the key that the agent holds");
	down("ShiftLeft", "Shift");
	up("ShiftLeft");
	assert.deepEqual(sent, ["-8/1", "-50/0"], "a tap is told after all");
});

test("Shift and AltGr are let go with each key, so only the others need a release", () => {
	const { sent, timers, down, up } = setUp();
	down("ShiftLeft", "Shift");
	down("KeyA", "Shift");
	up("KeyA", "Shift");
	up("ShiftLeft");
	assert.deepEqual(sent.splice(0), ["+38/1", "-38/1"]);
	down("AltLeft", "Alt");
	down("ShiftLeft", "Alt", "Shift");
	down("Tab", "Alt", "Shift");
	up("Tab", "Alt", "Shift");
	up("ShiftLeft", "Alt");
	timers.forEach((run) => run());
	up("AltLeft");
	assert.deepEqual(sent, ["+23/9", "-23/9", "-64/0"]);
});

test("unknown keys are left alone", () => {
	const { sent, keyboard, key } = setUp();
	const unknown = key("LaunchMail:LaunchMail");
	keyboard.keyDown(unknown);
	keyboard.keyUp(unknown);
	assert.deepEqual(sent, []);
	assert.equal(unknown.prevented, false);
});

test("keys without a position go by what they are or write", () => {
	const { sent, typed, down } = setUp({}, "de");
	down(":Enter");
	down("Unidentified:Backspace");
	down(":ß");
	down("Unidentified:😀");
	down("Unidentified:Unidentified");
	down("Unidentified:Process");
	down("Unidentified:z", "Control");
	assert.deepEqual(sent, ["+36/0", "+22/0", "+29/4"]);
	assert.deepEqual(typed, ["ß", "😀"]);
});

test("names that browsers had for keys before", () => {
	const { sent, down, up } = setUp();
	down("OSLeft", "Meta");
	up("OSLeft");
	down("VolumeUp");
	assert.deepEqual(sent, ["-8/64", "-133/0", "+123/0"], "a tap");
});

test("a dead key goes by position", () => {
	const { sent, down } = setUp({}, "fr");
	down("BracketLeft:Dead");
	down("KeyE:ê");
	assert.deepEqual(sent, ["+34/0", "+26/0"]);
});

test("Windows: the Control that comes with AltGr is nobody's", () => {
	const { sent, timers, down, up } = setUp({ windows: true }, "de");
	down("ControlLeft", "Control");
	down("AltRight:AltGraph", "Control", "Alt", "AltGraph");
	assert.deepEqual(sent, []);
	timers.splice(0).forEach((run) => run());
	down("KeyQ:@", "Control", "Alt", "AltGraph");
	up("ControlLeft", "Alt", "AltGraph");
	up("AltRight");
	assert.deepEqual(sent.splice(0), ["+24/128"]);
	down("ControlLeft", "Control");
	assert.deepEqual(sent, []);
	timers.splice(0).forEach((run) => run());
	assert.deepEqual(sent, ["-8/4"], "a lone one is");
});

test("Windows: Control and Alt write what AltGr writes, and are themselves otherwise", () => {
	const { sent, down } = setUp({ windows: true }, "de");
	down("KeyQ:@", "Control", "Alt");
	down("KeyT:t", "Control", "Alt");
	assert.deepEqual(sent, ["+24/128", "+28/12"]);
});

test("Windows: PrintScreen, whose press is never told", () => {
	const { sent, up, down } = setUp();
	up("PrintScreen");
	down("PrintScreen");
	up("PrintScreen");
	assert.deepEqual(sent, ["+107/0", "+107/0", "-107/0"]);
});

test("Mac: Option writes what stands on the Mac's keys, and is Alt where it writes nothing", () => {
	const { sent, typed, down } = setUp({ mac: true, numLock: false }, "de");
	down("AltLeft", "Alt");
	sent.length = 0;
	down("KeyL:@", "Alt");
	down("Digit5:[", "Alt");
	down("KeyF:ƒ", "Alt");
	down("KeyO:ø", "Alt");
	assert.deepEqual(typed, ["@", "["]);
	assert.deepEqual(sent, ["+41/24", "+32/24"]);
	down("AltRight", "Alt");
	down("KeyO:ø", "Alt");
	assert.deepEqual(typed, ["@", "[", "ø"], "the right one is AltGr");
});

test("Mac: Command is Control for shortcuts, and its keys' releases are not waited for", () => {
	const { sent, keyboard, down, up } = setUp({ mac: true, numLock: false });
	down("MetaLeft", "Meta");
	down("KeyC:c", "Meta");
	down("KeyL:l", "Meta");
	up("MetaLeft");
	assert.deepEqual(sent, ["+54/20", "-37/16", "+46/80", "-133/16"]);
	sent.length = 0;
	keyboard.releaseAll();
	assert.deepEqual(sent, []);
});

test("Mac: the two keys that an ISO keyboard swaps, and a keypad that always writes digits", () => {
	const { sent, down } = setUp({ mac: true, numLock: false }, "de");
	down("Backquote:<");
	down("IntlBackslash:Dead");
	down("Numpad1:1");
	assert.deepEqual(sent, ["+94/16", "+49/16", "+87/16"]);
});

test("what a pointer event does not hold any more is let go", () => {
	const { sent, timers, keyboard, down } = setUp();
	down("ControlLeft", "Control", "CapsLock");
	timers.forEach((run) => run());
	keyboard.sync(modifiers(["Control"]));
	assert.deepEqual(sent, ["-8/6"]);
	keyboard.sync(modifiers([]));
	assert.deepEqual(sent, ["-8/6", "-37/2"]);
	keyboard.sync(modifiers(["Alt"]));
	assert.equal(sent.length, 2, "going down is the keyboard's to tell");
});

test("a modifier that went out with a mouse button is let go with its key", () => {
	const { sent, keyboard, down, up } = setUp();
	down("ShiftLeft", "Shift");
	keyboard.buttonSent(1);
	up("ShiftLeft");
	assert.deepEqual(sent, ["-50/0"]);
});

test("a keypad without NumLock first makes sure that the server's is off", () => {
	const { sent, down } = setUp();
	down("Numpad1");
	down("Numpad1");
	assert.deepEqual(sent, ["-8/16", "+77/0", "+87/0", "+87/0"]);
});

test("a key whose press was not seen is not released", () => {
	const { sent, up } = setUp();
	up("Enter");
	assert.deepEqual(sent, []);
});

test("on blur everything is let go, locks stay", () => {
	const { sent, down, keyboard } = setUp();
	down("ControlLeft", "Control", "CapsLock");
	down("KeyA", "Control", "CapsLock");
	sent.length = 0;
	keyboard.releaseAll();
	assert.deepEqual(sent, ["-38/2", "-37/2"]);
	keyboard.releaseAll();
	assert.equal(sent.length, 2, "nothing is left to let go");
});

test("CapsLock goes by its state, not as a key", () => {
	const { sent, down, up } = setUp();
	down("CapsLock", "CapsLock");
	up("CapsLock", "CapsLock");
	down("KeyA", "CapsLock");
	assert.deepEqual(sent, ["+38/2"]);
});

test("NumLock that went off is turned off by its key, once", () => {
	const { sent, down } = setUp();
	down("Numpad1", "NumLock");
	down("Numpad1");
	down("Numpad1");
	assert.deepEqual(sent, ["+87/16", "+77/0", "+87/0", "+87/0"]);
});

test("Control, Alt and Shift alone lead out of the screen", () => {
	const { down, up, lefts } = setUp();
	const all = ["Control", "Alt", "Shift"];
	down("ControlLeft", "Control");
	down("AltLeft", "Control", "Alt");
	down("ShiftLeft", ...all);
	up("ShiftLeft", "Control", "Alt");
	assert.equal(lefts(), 1);
	up("AltLeft", "Control");
	up("ControlLeft");
	down("ShiftLeft", ...all);
	down("KeyA", ...all);
	up("KeyA", ...all);
	up("ShiftLeft", "Control", "Alt");
	assert.equal(lefts(), 1, "with another key it is that key's");
	down("AltLeft", ...all, "CapsLock", "NumLock");
	up("AltLeft", "CapsLock", "NumLock");
	assert.equal(lefts(), 2, "locks do not matter");
});
