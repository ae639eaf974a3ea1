/* SPDX-License-Identifier: ISC */
/* The list of the user's sessions, and the form for a new one. */

import { byId, fillSelect, showText } from "./dom.js";
import { SessionCard } from "./session_card.js";

/** @typedef {import("../types.js").SessionRow} SessionRow */
/** @typedef {import("../types.js").Choice} Choice */
/** @typedef {import("./session_card.js").RowAction} RowAction */

export class SessionList {
	/**
	 * @param {object} options
	 * @param {(action: RowAction, row: SessionRow) => void} options.onAction
	 * @param {(desktop: string) => void} options.onStart
	 * @param {() => void} options.onRefresh
	 * @param {(desktop: string) => string} options.titleOf
	 * @param {() => boolean} options.offersNative
	 */
	constructor({ onAction, onStart, onRefresh, titleOf, offersNative }) {
		this._onAction = onAction;
		this._titleOf = titleOf;
		this._offersNative = offersNative;
		this._heading = byId("sessions-title", HTMLElement);
		this._error = byId("sessions-error", HTMLElement);
		this._list = byId("session-list", HTMLUListElement);
		this._empty = byId("no-sessions", HTMLElement);
		this._desktop = byId("new-desktop", HTMLSelectElement);
		this._start = byId("start", HTMLButtonElement);
		/** @type {Map<string, SessionCard>} by the session's id */
		this._cards = new Map();
		byId("refresh", HTMLButtonElement).addEventListener("click", onRefresh);
		byId("new-session", HTMLFormElement).addEventListener("submit", (event) => {
			event.preventDefault();
			onStart(this._desktop.value);
		});
	}

	/** @param {Choice[]} desktops installed on the server @param {string} preferred */
	offer(desktops, preferred) {
		fillSelect(this._desktop, desktops, preferred);
		this._start.disabled = desktops.length === 0;
	}

	/** @param {SessionRow[]} rows @param {Set<string>} busy ids of those that are being changed */
	show(rows, busy) {
		const open = rows.filter(({ status }) => status !== "terminated");
		const resumable = open.filter(
			({ kind, status }) => kind === "desktop" && status === "suspended",
		);
		const offered = resumable.length === 1 ? resumable[0] : null;
		const ordered = offered ? [offered, ...open.filter((row) => row !== offered)] : open;
		const cards = ordered.map((row) => {
			const card = this._cards.get(row.id) ?? new SessionCard(row, this._onAction);
			const title = this._titleOf(row.desktop);
			card.update(row, {
				title,
				busy: busy.has(row.id),
				offered: row === offered,
				native: this._offersNative(),
			});
			return card;
		});
		this._cards = new Map(ordered.map(({ id }, i) => [id, cards[i]]));
		this._place(cards.map(({ element }) => element));
		this._empty.hidden = open.length > 0;
	}

	/** @param {string} text "" for none */
	showError(text) {
		showText(this._error, text);
	}

	focus() {
		const [first] = this._cards.values();
		(first?.mainButton ?? this._heading).focus();
	}

	/** Elements that stay are not moved: that would take the focus from them.
	 * @param {HTMLElement[]} elements */
	_place(elements) {
		const { activeElement } = document;
		const focused = activeElement instanceof HTMLElement && this._list.contains(activeElement);
		for (const old of [...this._list.children])
			if (!elements.includes(/** @type {HTMLElement} */ (old))) old.remove();
		elements.forEach((element, i) => {
			const there = this._list.children[i] ?? null;
			if (there !== element) this._list.insertBefore(element, there);
		});
		if (!focused || document.activeElement === activeElement) return;
		(this._list.contains(activeElement) ? activeElement : this._heading).focus();
	}
}
