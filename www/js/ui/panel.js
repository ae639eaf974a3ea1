/* SPDX-License-Identifier: ISC */
/*
 * A panel that a button of the toolbar opens and closes. One is open at a time; Escape and a press
 * outside close it, and the focus goes back to where the user works. In index.html it is a
 * <section class="panel" hidden> of #panels.
 */

const EDGE_PX = 8;

/** @type {Panel | null} */
let openPanel = null;

export class Panel {
	/**
	 * @param {object} options
	 * @param {HTMLButtonElement} options.button gets aria-expanded and aria-controls
	 * @param {HTMLElement} options.panel hidden until opened
	 * @param {(open: boolean) => void} [options.onToggle]
	 * @param {() => void} [options.onDone] takes the focus after closing; the button otherwise
	 */
	constructor({ button, panel, onToggle, onDone }) {
		this._button = button;
		this._panel = panel;
		this._onToggle = onToggle;
		this._onDone = onDone ?? (() => focusButton(button));
		panel.hidden = true;
		panel.tabIndex = -1;
		button.setAttribute("aria-controls", panel.id);
		button.setAttribute("aria-expanded", "false");
		button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
		panel.addEventListener("keydown", (event) => {
			if (event.key !== "Escape") return;
			event.preventDefault();
			this.close();
		});
	}

	get isOpen() {
		return !this._panel.hidden;
	}

	open() {
		if (this.isOpen) return;
		openPanel?._hide();
		openPanel = this;
		this._panel.hidden = false;
		placeUnder(this._panel, this._button);
		this._button.setAttribute("aria-expanded", "true");
		document.addEventListener("pointerdown", this._pressed, { capture: true });
		this._onToggle?.(true);
		this._focusFirst();
	}

	/** What is marked, else the first thing to use; where there is none, the panel as a whole. */
	_focusFirst() {
		const seen = (/** @type {string} */ selector) =>
			[...this._panel.querySelectorAll(selector)].find(
				(element) => element.getClientRects().length > 0,
			);
		const first = seen("[autofocus]") ?? seen("button, select, textarea, input");
		(first instanceof HTMLElement ? first : this._panel).focus();
	}

	/** And the user goes on working. */
	close() {
		if (!this.isOpen) return;
		this._hide();
		this._onDone();
	}

	_hide() {
		openPanel = null;
		this._panel.hidden = true;
		this._button.setAttribute("aria-expanded", "false");
		document.removeEventListener("pointerdown", this._pressed, { capture: true });
		this._onToggle?.(false);
	}

	_pressed = (/** @type {PointerEvent} */ event) => {
		const path = event.composedPath();
		if (!path.includes(this._panel) && !path.includes(this._button)) this._hide();
	};
}

/** As near under its button as the window lets it be. @param {HTMLElement} panel
 * @param {HTMLElement} button */
function placeUnder(panel, button) {
	const frame = panel.offsetParent?.getBoundingClientRect();
	if (!frame) return;
	const at = button.getBoundingClientRect();
	const middle = at.left + at.width / 2 - frame.left - panel.offsetWidth / 2;
	const last = frame.width - panel.offsetWidth - EDGE_PX;
	panel.style.left = `${Math.max(Math.min(middle, last), EDGE_PX)}px`;
}

/** A button that has folded away is reached by the one that unfolds it.
 * @param {HTMLButtonElement} button */
function focusButton(button) {
	const seen = button.getClientRects().length > 0;
	(seen ? button : document.getElementById("more"))?.focus();
}

/** The screen is gone: so is every panel that belongs to it. */
export function closePanels() {
	openPanel?._hide();
}
