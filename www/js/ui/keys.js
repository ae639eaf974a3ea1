/* SPDX-License-Identifier: ISC */
/*
 * The Keys panel: what the browser or the system keeps for itself, and what a phone has no keys
 * for. It knows keys by their codes; sending them is key_input.js's.
 */

import { TEXT } from "../text/text.js";
import { byId, make } from "./dom.js";
import { Panel } from "./panel.js";

/** @typedef {import("../input/key_input.js").KeyInput} KeyInput */
/** @typedef {import("../input/key_input.js").ModifierName} ModifierName */
/** @typedef {{code: string, modifiers?: ModifierName[]}} Combination */

/** @type {ModifierName[]} */
const HELD = ["Control", "Alt", "Shift", "Super", "AltGr"];

/** @type {Combination[]} */
const KEPT = [
	{ code: "Delete", modifiers: ["Control", "Alt"] },
	{ code: "Tab", modifiers: ["Alt"] },
	{ code: "F4", modifiers: ["Alt"] },
	{ code: "KeyW", modifiers: ["Control"] },
	{ code: "KeyT", modifiers: ["Control"] },
	{ code: "KeyN", modifiers: ["Control"] },
	{ code: "Tab", modifiers: ["Control"] },
	{ code: "MetaLeft" },
	{ code: "PrintScreen" },
	{ code: "Escape", modifiers: ["Control"] },
];

const PLAIN = (
	"Escape Tab Backspace Delete Insert Home End PageUp PageDown " +
	"ArrowLeft ArrowUp ArrowDown ArrowRight"
).split(" ");
const FUNCTION = Array.from({ length: 12 }, (_, i) => `F${i + 1}`);

export class KeysPanel {
	/** @param {() => void} onDone the user goes on in the session */
	constructor(onDone) {
		/** @type {KeyInput | null} */
		this._keys = null;
		this._onDone = onDone;
		this._button = byId("keys", HTMLButtonElement);
		this._writing = byId("writing", HTMLButtonElement);
		const panel = byId("keys-panel", HTMLElement);
		this._panel = new Panel({ button: this._button, panel, onDone });
		this._held = HELD.map((name) => this._heldButton(name));
		byId("held-keys", HTMLElement).append(...this._held);
		byId("kept-keys", HTMLElement).append(...KEPT.map((keys) => this._keyButton(keys)));
		byId("plain-keys", HTMLElement).append(...PLAIN.map((code) => this._keyButton({ code })));
		byId("function-keys", HTMLElement).append(
			...FUNCTION.map((code) => this._keyButton({ code })),
		);
		this._writing.addEventListener("click", () => this._toggleWriting());
	}

	/** The keys of the session on the screen. @param {KeyInput | null} keys */
	attach(keys) {
		this._keys = keys;
		this._button.hidden = !keys;
		if (keys) keys.onHeld = () => this._show();
		this._show();
	}

	/** @param {ModifierName} name */
	_heldButton(name) {
		const button = make("button", { type: "button", textContent: nameOf(name) });
		button.dataset.hold = name;
		button.addEventListener("click", (event) => {
			this._keys?.toggleHeld(name);
			this._goOn(event);
		});
		return button;
	}

	/** @param {Combination} keys */
	_keyButton({ code, modifiers = [] }) {
		const name = [...modifiers, code].map((part) => nameOf(part)).join("+");
		const button = make("button", { type: "button", textContent: name });
		button.dataset.keys = [...modifiers, code].join("+");
		button.addEventListener("click", (event) => {
			this._keys?.press(code, modifiers);
			this._goOn(event);
		});
		return button;
	}

	/** After a click the next key is the session's; who works by keyboard stays in the panel.
	 * @param {MouseEvent} event */
	_goOn(event) {
		if (event.detail > 0) this._onDone();
	}

	_toggleWriting() {
		this._keys?.setWriting(!this._keys.writing);
		this._show();
		this._panel.close();
	}

	_show() {
		const held = this._keys?.heldNames ?? [];
		for (const button of this._held) {
			const on = held.includes(/** @type {ModifierName} */ (button.dataset.hold));
			button.setAttribute("aria-pressed", String(on));
		}
		this._writing.setAttribute("aria-pressed", String(this._keys?.writing ?? false));
	}
}

/** What stands on a key. @param {string} key a code or a modifier */
function nameOf(key) {
	const names = /** @type {Record<string, string>} */ (TEXT.keyNames);
	return names[key] ?? key.replace(/^Key/, "");
}
