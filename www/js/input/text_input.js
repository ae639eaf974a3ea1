/* SPDX-License-Identifier: ISC */
/*
 * Text from on-screen keyboards and input methods, taken from a field that they write into. What
 * the field holds is compared with what was sent: letters that vanish become Backspace, new ones
 * are typed. So corrections, suggestions and dictation need no treatment of their own.
 */

import { KEYCODES } from "./key_table.js";

/** Stands before the caret, so that there is something for Backspace to take away. */
const PAD = "\u200b".repeat(32);
const PAD_MIN = 8;
const KEPT_MAX = 400;

export class TextInput {
	/**
	 * @param {object} options
	 * @param {HTMLTextAreaElement} options.field
	 * @param {import("./text_typer.js").TextTyper} options.typer
	 * @param {boolean} options.live words that are still being written are typed as they grow, as
	 * far as the layout has their letters; otherwise they come when they are done
	 * @param {AbortSignal} options.signal
	 */
	constructor({ field, typer, live, signal }) {
		this._field = field;
		this._typer = typer;
		this._live = live;
		this._composing = false;
		this._sent = PAD;
		this.reset();
		const options = { signal };
		field.addEventListener("compositionstart", () => this._compose(true), options);
		field.addEventListener("compositionend", () => this._compose(false), options);
		field.addEventListener("input", () => this._changed(), options);
		field.addEventListener("blur", () => this._compose(false), options);
	}

	/** A key went its own way: what was written before is done with. */
	reset() {
		this._field.value = this._sent = PAD;
	}

	/** @param {boolean} on */
	_compose(on) {
		this._composing = on;
		this._field.classList.toggle("composing", on && !this._live);
		if (!on) this._changed();
	}

	_changed() {
		const { kept, gone, added } = difference(this._sent, this._field.value);
		if (this._composing && !(this._live && this._typer.canType(added))) return;
		if (gone > 0) this._typer.press(KEYCODES.Backspace, gone);
		if (added !== "") this._typer.type(added);
		this._sent = this._field.value;
		const done = added.includes("\n") || kept < PAD_MIN || this._sent.length > KEPT_MAX;
		if (done && !this._composing) this.reset();
	}
}

/**
 * How one text becomes another at its end. Counted in characters as Backspace takes them away.
 * @param {string} before @param {string} after
 */
export function difference(before, after) {
	const old = [...before];
	const fresh = [...after];
	let kept = 0;
	while (kept < old.length && kept < fresh.length && old[kept] === fresh[kept]) kept += 1;
	return { kept, gone: old.length - kept, added: fresh.slice(kept).join("") };
}
