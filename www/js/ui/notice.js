/* SPDX-License-Identifier: ISC */
/* What the server had to say when it let the user in ("Your password expires in 3 days"): shown once
 * above the list, until it is closed or left. Foreign text. */

import { plainLines } from "../text/foreign.js";
import { byId, showText } from "./dom.js";

export class LoginNotice {
	/** @param {() => void} onDismissed by the user: the focus needs another place */
	constructor(onDismissed) {
		this._box = byId("login-notice", HTMLElement);
		this._lines = byId("login-notice-text", HTMLElement);
		this._progress = byId("progress-notice", HTMLElement);
		this._seen = false;
		byId("login-notice-dismiss", HTMLButtonElement).addEventListener("click", () => {
			this.set("");
			onDismissed();
		});
	}

	/** Of a new login; "" for none. @param {string} text */
	set(text) {
		const lines = plainLines(text);
		this._lines.textContent = lines;
		this._box.hidden = lines === "";
		this._seen = false;
		/* Who goes straight to a desktop has a moment to read it there. */
		showText(this._progress, lines);
	}

	/** The list is there. */
	seen() {
		this._seen = true;
		showText(this._progress, "");
	}

	/** The list is left. */
	left() {
		if (this._seen) this.set("");
	}
}
