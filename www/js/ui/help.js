/* SPDX-License-Identifier: ISC */
/* The help panel: its words are the catalogue's, put together when it is opened first. */

import { byId, make } from "./dom.js";
import { Panel } from "./panel.js";
import { onLanguage, TEXT } from "../text/text.js";

export class Help {
	/** @param {() => void} onDone gives the focus back to the screen */
	constructor(onDone) {
		this._content = byId("help-content", HTMLElement);
		const panel = new Panel({
			button: byId("help", HTMLButtonElement),
			panel: byId("help-panel", HTMLElement),
			onToggle: (open) => open && this._fill(),
			onDone,
		});
		byId("help-close", HTMLButtonElement).addEventListener("click", () => panel.close());
		onLanguage(() => this._content.replaceChildren());
	}

	_fill() {
		if (this._content.childElementCount > 0) return;
		this._content.replaceChildren(
			...TEXT.help.flatMap(({ title, rows }) => [
				make("h3", { textContent: title }),
				make(
					"dl",
					{},
					...rows.flatMap(([what, how]) => [
						make("dt", { textContent: what }),
						make("dd", { textContent: how }),
					]),
				),
			]),
		);
	}
}
