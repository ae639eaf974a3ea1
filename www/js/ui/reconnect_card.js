/* SPDX-License-Identifier: ISC */
/*
 * The card over the last picture while the connection is being got back. It never takes the focus by
 * itself: who types goes on typing. Its words are told by the status line.
 */

import { byId } from "./dom.js";

export class ReconnectCard {
	/**
	 * @param {object} options
	 * @param {() => void} options.onNow
	 * @param {() => void} options.onLeave
	 * @param {() => void} options.onWork the user goes back to the screen
	 */
	constructor({ onNow, onLeave, onWork }) {
		this._card = byId("reconnect", HTMLElement);
		this._now = byId("reconnect-now", HTMLButtonElement);
		this._onWork = onWork;
		this._now.addEventListener("click", () => {
			onNow();
			onWork();
		});
		byId("reconnect-leave", HTMLButtonElement).addEventListener("click", onLeave);
		this._card.addEventListener("keydown", (event) => {
			if (event.key === "Escape") onWork();
		});
		/* A press beside its buttons would take the focus from the screen, and keys with it. */
		this._card.addEventListener("mousedown", (event) => {
			const at = event.target;
			if (!(at instanceof Element && at.closest("button"))) event.preventDefault();
		});
	}

	get shown() {
		return !this._card.hidden;
	}

	focus() {
		this._now.focus();
	}

	show() {
		this._card.hidden = false;
	}

	/** A focus that was in it goes to the screen. */
	hide() {
		const held = this._card.contains(document.activeElement);
		this._card.hidden = true;
		if (held) this._onWork();
	}
}
