/* SPDX-License-Identifier: ISC */
/*
 * Where the bar is: fixed above the screen, or out of the way and over the screen only while it is
 * wanted. In a window it is fixed, in full screen it is not, unless the user has chosen otherwise.
 *
 *   fixed <--> hidden <--> over        on #session-view as data-bar
 *
 * A hidden bar comes when the pointer rests at the top edge, when its handle is pressed (touch), and
 * when the focus is sent to it. It goes when neither pointer, focus nor an open panel hold it.
 */

import { byId } from "./dom.js";
import { remember, remembered } from "../stored.js";

/** Crossing the edge on the way to a tab of the browser, or to a window's button, is no wish. */
const REST_MS = 250;
const LINGER_MS = 600;
const STORED = "bar";

export class Bar {
	/** @param {() => void} onHiding the bar starts to hide by itself: the user may need a hint */
	constructor(onHiding) {
		this._onHiding = onHiding;
		this._view = byId("session-view", HTMLElement);
		this._bar = byId("bar", HTMLElement);
		this._panels = byId("panels", HTMLElement);
		this._pin = byId("pin", HTMLButtonElement);
		const handle = byId("bar-handle", HTMLButtonElement);
		this._pinned = { window: true, full: false };
		for (const where of remembered(STORED).split(" "))
			if (where === "window" || where === "full") this._pinned[where] = !this._pinned[where];
		this._pointerIn = false;
		this._called = false; /* by its handle, and nobody has gone elsewhere since */
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._rest = undefined;
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._linger = undefined;

		this._pin.addEventListener("click", () => this._togglePin());
		handle.addEventListener("click", () => {
			this._called = true;
			this.show();
		});
		document.addEventListener("pointermove", (event) => this._moved(event));
		document.addEventListener("pointerleave", () => this._left());
		document.documentElement.addEventListener("mouseleave", () => this._left());
		document.addEventListener("pointerdown", (event) => this._pressed(event), true);
		document.addEventListener("focusin", () => this._settle());
		document.addEventListener("focusout", () => this._settle());
		document.addEventListener("fullscreenchange", () => this._enterMode());
		const panels = new MutationObserver(() => this._settle());
		panels.observe(this._view, { subtree: true, attributeFilter: ["hidden", "class"] });
		this._enterMode();
	}

	/** Over the screen, if it is not above it anyway; it goes again by itself. */
	show() {
		if (this._isFixed) return;
		this._view.dataset.bar = "over";
		this._settle();
	}

	get _isFixed() {
		return this._pinned[this._where];
	}

	/** @returns {"window" | "full"} */
	get _where() {
		return document.fullscreenElement ? "full" : "window";
	}

	_enterMode() {
		this._pin.setAttribute("aria-pressed", String(this._isFixed));
		clearTimeout(this._linger);
		if (this._isFixed) {
			this._view.dataset.bar = "fixed";
			return;
		}
		this._view.dataset.bar = "over";
		this._onHiding();
		this._settle();
	}

	_togglePin() {
		this._pinned[this._where] = !this._pinned[this._where];
		const changed = [...(this._pinned.window ? [] : ["window"])];
		if (this._pinned.full) changed.push("full");
		remember(STORED, changed.join(" "));
		this._enterMode();
	}

	/** Something has changed that may hold the bar, or have held it. */
	_settle() {
		clearTimeout(this._linger);
		if (this._view.dataset.bar !== "over" || this._isHeld) return;
		this._linger = setTimeout(() => {
			if (!this._isFixed && !this._isHeld) this._view.dataset.bar = "hidden";
		}, LINGER_MS);
	}

	get _isHeld() {
		return (
			this._pointerIn ||
			this._called ||
			this._bar.contains(document.activeElement) ||
			this._panels.contains(document.activeElement) ||
			this._panels.querySelector(":scope > :not([hidden])") !== null
		);
	}

	/** @param {PointerEvent} event */
	_moved({ clientY, buttons, pointerType, target }) {
		if (this._isFixed || pointerType !== "mouse") return;
		const inside = target instanceof Node && this._bar.contains(target);
		if (inside !== this._pointerIn) {
			this._pointerIn = inside;
			this._settle();
		}
		clearTimeout(this._rest);
		if (clientY <= 1 && buttons === 0 && this._view.dataset.bar === "hidden")
			this._rest = setTimeout(() => this.show(), REST_MS);
	}

	_left() {
		clearTimeout(this._rest);
		this._pointerIn = false;
		this._settle();
	}

	/** @param {PointerEvent} event */
	_pressed({ target }) {
		if (!(target instanceof Element) || target.closest("#bar, #panels, #bar-handle")) return;
		this._called = false;
		this._settle();
	}
}
