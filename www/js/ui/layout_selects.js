/* SPDX-License-Identifier: ISC */
/*
 * Every <select data-layouts> of the page: they show and change one choice, that of the keyboard
 * layout.
 */

import { AUTOMATIC, LAYOUTS } from "../input/layouts.js";
import { language, TEXT } from "../text/text.js";
import { fillSelect } from "./dom.js";

export class LayoutSelects {
	/** @param {(choice: string) => void} onChoose AUTOMATIC or a layout */
	constructor(onChoose) {
		/** @type {HTMLSelectElement[]} */
		this._selects = [...document.querySelectorAll("select[data-layouts]")].filter(
			(element) => element instanceof HTMLSelectElement,
		);
		for (const select of this._selects)
			select.addEventListener("change", () => onChoose(select.value));
	}

	/** @param {string} choice AUTOMATIC or a layout @param {string} detected what AUTOMATIC means */
	show(choice, detected) {
		const choices = LAYOUTS.map((id) => ({ id, title: titleOf(id) }));
		choices.sort((a, b) => a.title.localeCompare(b.title, language));
		const title = TEXT.automaticLayout(titleOf(detected));
		for (const select of this._selects)
			fillSelect(select, [{ id: AUTOMATIC, title }, ...choices], choice);
	}
}

/** @param {string} layout */
function titleOf(layout) {
	return /** @type {Record<string, string>} */ (TEXT.layouts)[layout] ?? layout;
}
