/* SPDX-License-Identifier: ISC */
/* The ring around a finger that is held still: when it is full, letting go is a right click. */

import { make } from "./dom.js";

export class TouchRing {
	/** @param {HTMLElement} stage @param {AbortSignal} signal removes it */
	constructor(stage, signal) {
		this._stage = stage;
		this._ring = make("div", { className: "touch-ring", hidden: true, ariaHidden: "true" });
		stage.append(this._ring);
		signal.addEventListener("abort", () => this._ring.remove());
	}

	/** @param {import("../geometry.js").Point | null} at in the page; null: no longer */
	show(at) {
		this._ring.hidden = at === null;
		if (!at) return;
		const { left, top } = this._stage.getBoundingClientRect();
		this._ring.style.left = `${at.x - left}px`;
		this._ring.style.top = `${at.y - top}px`;
	}
}
