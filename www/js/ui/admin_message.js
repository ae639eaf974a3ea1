/* SPDX-License-Identifier: ISC */
/*
 * What the gateway's administrator has to say to whoever works here. It stays over everything, in
 * every state of the page, until it is dismissed; it never takes the focus by itself: who types goes
 * on typing. The text is an administrator's, shown as text.
 */

import { plainLines } from "../text/foreign.js";
import { clockTime } from "../text/units.js";
import { language } from "../text/text.js";
import { byId, make } from "./dom.js";

/** Older ones than these go, so that there is room for the screen. */
const KEPT = 4;

export class AdminMessage {
	/** @param {() => void} onDismissed the focus needs another place */
	constructor(onDismissed) {
		this._box = byId("admin-message", HTMLElement);
		this._list = byId("admin-message-texts", HTMLElement);
		this._onDismissed = onDismissed;
		byId("admin-message-dismiss", HTMLButtonElement).addEventListener("click", () =>
			this._dismiss(),
		);
		this._box.addEventListener("keydown", (event) => {
			if (event.key === "Escape") this._dismiss();
		});
		/* A press beside the button would take the focus from the screen, and keys with it. */
		this._box.addEventListener("mousedown", (event) => {
			const at = event.target;
			if (!(at instanceof Element && at.closest("button"))) event.preventDefault();
		});
	}

	/** @param {string} text */
	show(text) {
		const line = plainLines(text);
		if (line === "") return;
		const words = make("span", { textContent: line, dir: "auto" });
		const time = make("time", { textContent: clockTime(language, new Date()) });
		this._box.hidden = false;
		this._list.append(make("li", {}, time, words));
		while (this._list.children.length > KEPT) this._list.firstElementChild?.remove();
	}

	_dismiss() {
		this._list.replaceChildren();
		this._box.hidden = true;
		this._onDismissed();
	}
}
