/* SPDX-License-Identifier: ISC */
/* The list of the user's sessions, what can be done with each, and the form for a new one. */

import { byId, fillSelect, icon, make, showText } from "./dom.js";
import { language, TEXT } from "../text/text.js";

/** @typedef {import("../types.js").SessionRow} SessionRow */
/** @typedef {import("../types.js").Choice} Choice */
/** @typedef {"resume" | "takeOver" | "suspend" | "terminate"} RowAction */

export class SessionList {
	/**
	 * @param {object} options
	 * @param {(action: RowAction, row: SessionRow) => void} options.onAction
	 * @param {(desktop: string) => void} options.onStart
	 * @param {() => void} options.onRefresh
	 * @param {(desktop: string) => string} options.titleOf
	 */
	constructor({ onAction, onStart, onRefresh, titleOf }) {
		this._onAction = onAction;
		this._titleOf = titleOf;
		this._heading = byId("sessions-title", HTMLElement);
		this._error = byId("sessions-error", HTMLElement);
		this._list = byId("session-list", HTMLUListElement);
		this._empty = byId("no-sessions", HTMLElement);
		this._desktop = byId("new-desktop", HTMLSelectElement);
		this._start = byId("start", HTMLButtonElement);
		this._shown = "";
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

	/** @param {SessionRow[]} rows @param {string | null} busyId of a session that is being changed */
	show(rows, busyId) {
		const open = rows.filter(({ status }) => status !== "terminated");
		const shown = JSON.stringify([open, busyId, language]);
		/* An unchanged list is left alone: it may hold the focus. */
		if (shown === this._shown) return;
		this._shown = shown;
		const focused = focusedButton(this._list);
		this._list.replaceChildren(...open.map((row) => this._card(row, row.id === busyId)));
		this._empty.hidden = open.length > 0;
		if (focused) focusButton(this._list, focused);
	}

	/** @param {string} text "" for none */
	showError(text) {
		showText(this._error, text);
	}

	focus() {
		const first = this._list.querySelector("button.primary") ?? this._heading;
		if (first instanceof HTMLElement) first.focus();
	}

	/** @param {SessionRow} row @param {boolean} busy */
	_card(row, busy) {
		const title = this._titleOf(row.desktop);
		const why = TEXT.notHere(row.kind);
		const card = make(
			"li",
			{ className: "card session" },
			icon("screen"),
			make(
				"div",
				{ className: "about" },
				make("h2", { textContent: title }),
				make("p", { className: "badge", textContent: TEXT.status(row.status) }),
				make("p", { className: "details", textContent: TEXT.sessionDetails(row) }),
				...(why ? [make("p", { className: "details", textContent: why })] : []),
			),
			make(
				"div",
				{ className: "actions" },
				...actionsFor(row).map((action, i) =>
					this._button(action, row, title, i === 0, busy),
				),
			),
		);
		Object.assign(card.dataset, { session: row.id, status: row.status, kind: row.kind });
		card.setAttribute("aria-busy", String(busy));
		return card;
	}

	/** @param {RowAction} action @param {SessionRow} row @param {string} title
	 * @param {boolean} first @param {boolean} busy */
	_button(action, row, title, first, busy) {
		const button = make("button", {
			type: "button",
			textContent: TEXT[action],
			disabled: busy,
			ariaLabel: TEXT.actionOn(TEXT[action], title),
		});
		if (first && (action === "resume" || action === "takeOver")) button.className = "primary";
		if (action === "terminate") button.className = "danger";
		button.dataset.action = action;
		button.addEventListener("click", () => this._onAction(action, row));
		return button;
	}
}

/** @param {SessionRow} row @returns {RowAction[]} */
function actionsFor({ status, kind }) {
	const here = kind === "desktop";
	if (status === "suspended") return here ? ["resume", "terminate"] : ["terminate"];
	if (status === "running")
		return here ? ["takeOver", "suspend", "terminate"] : ["suspend", "terminate"];
	return [];
}

/** @param {HTMLElement} list @returns {{id?: string, action?: string} | null} */
function focusedButton(list) {
	const button = document.activeElement;
	if (!(button instanceof HTMLElement) || !list.contains(button)) return null;
	return { id: button.closest("li")?.dataset.session, action: button.dataset.action };
}

/** @param {HTMLElement} list @param {{id?: string, action?: string}} which */
function focusButton(list, { id, action }) {
	for (const card of list.querySelectorAll("li")) {
		if (card.dataset.session !== id) continue;
		const buttons = [...card.querySelectorAll("button")];
		(buttons.find((button) => button.dataset.action === action) ?? buttons[0])?.focus();
	}
}
