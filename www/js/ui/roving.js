/* SPDX-License-Identifier: ISC */
/*
 * A row of buttons that is one stop of the Tab key: the arrow keys, Home and End go from button to
 * button. Buttons that are hidden or disabled are passed over.
 */

/** @type {Record<string, (at: number, count: number) => number>} */
const MOVES = {
	ArrowRight: (at, count) => (at + 1) % count,
	ArrowDown: (at, count) => (at + 1) % count,
	ArrowLeft: (at, count) => (at + count - 1) % count,
	ArrowUp: (at, count) => (at + count - 1) % count,
	Home: () => 0,
	End: (_at, count) => count - 1,
};

export class RovingRow {
	/** @param {HTMLElement} row */
	constructor(row) {
		this._row = row;
		/** @type {HTMLButtonElement | null} where the user was last: Tab comes to it again */
		this._last = null;
		row.addEventListener("focusin", ({ target }) => {
			const button = target instanceof Element ? target.closest("button") : null;
			if (!button) return;
			this._last = button;
			this._refresh();
		});
		row.addEventListener("keydown", (event) => this._keyDown(event));
		/* What can be reached changes with the page's state and its width. */
		const changed = new MutationObserver(() => this._refresh());
		changed.observe(row, { subtree: true, attributeFilter: ["hidden", "disabled"] });
		new ResizeObserver(() => this._refresh()).observe(row);
		this._refresh();
	}

	focus() {
		this._refresh()?.focus();
	}

	/** @returns {HTMLButtonElement[]} */
	_reachable() {
		return [...this._row.querySelectorAll("button")].filter(
			(button) => !button.disabled && button.getClientRects().length > 0,
		);
	}

	/** @returns {HTMLButtonElement | undefined} the one that Tab comes to now */
	_refresh() {
		const reachable = this._reachable();
		const stop = reachable.find((button) => button === this._last) ?? reachable[0];
		for (const button of this._row.querySelectorAll("button"))
			button.tabIndex = button === stop ? 0 : -1;
		return stop;
	}

	/** @param {KeyboardEvent} event */
	_keyDown(event) {
		const move = Object.hasOwn(MOVES, event.key) ? MOVES[event.key] : null;
		if (!move || event.ctrlKey || event.altKey || event.metaKey) return;
		const reachable = this._reachable();
		const at = reachable.findIndex((button) => button === document.activeElement);
		if (at < 0) return;
		event.preventDefault();
		reachable[move(at, reachable.length)].focus();
	}
}
