/* SPDX-License-Identifier: ISC */
/*
 * One session of the list: what it is, how it is, and what can be done with it. Changes in place,
 * so that the focus and what is being read stay where they are.
 */

import { icon, make } from "./dom.js";
import { TEXT } from "../text/text.js";

/** @typedef {import("../types.js").SessionRow} SessionRow */
/** @typedef {"resume" | "takeOver" | "suspend" | "terminate" | "nativeFile"} RowAction */

/**
 * @typedef {object} CardOptions
 * @property {string} title of the desktop or program
 * @property {boolean} busy is being changed
 * @property {boolean} offered as what the user most likely wants
 * @property {boolean} native a file for x2goclient can be had
 */

export class SessionCard {
	/** @param {SessionRow} row @param {(action: RowAction, row: SessionRow) => void} onAction */
	constructor(row, onAction) {
		this._row = row;
		this._onAction = onAction;
		this._title = make("h2", {});
		this._status = make("p", { className: "badge" });
		this._details = make("p", { className: "details" });
		this._why = make("p", { className: "details why" });
		this._actions = make("div", { className: "actions" });
		/** @type {Map<RowAction, HTMLButtonElement>} */
		this._buttons = new Map();
		this.element = make(
			"li",
			{ className: "card session" },
			icon(row.kind === "application" ? "window" : "screen"),
			make(
				"div",
				{ className: "about" },
				this._title,
				this._status,
				this._details,
				this._why,
			),
			this._actions,
		);
		Object.assign(this.element.dataset, { session: row.id, kind: row.kind });
	}

	/** @param {SessionRow} row @param {CardOptions} options */
	update(row, { title, busy, offered, native }) {
		this._row = row;
		setText(this._title, title);
		setText(this._status, TEXT.status(row.status));
		setText(this._details, TEXT.sessionDetails(row));
		setText(this._why, TEXT.notHere(row.kind));
		this._why.hidden = this._why.textContent === "";
		this.element.dataset.status = row.status;
		this.element.classList.toggle("offered", offered);
		this.element.setAttribute("aria-busy", String(busy));
		this._placeButtons(actionsFor(row, native));
		for (const [action, button] of this._buttons) {
			const label = offered && action === "resume" ? TEXT.continueHere : TEXT[action];
			setText(button, label);
			button.ariaLabel = TEXT.actionOn(label, title);
			button.disabled = busy;
		}
	}

	/** What the user most likely does next, if anything. */
	get mainButton() {
		return this._buttons.get("resume") ?? this._buttons.get("takeOver");
	}

	/** @param {RowAction[]} actions */
	_placeButtons(actions) {
		const old = [...this._buttons.keys()];
		if (actions.join() === old.join()) return;
		const focused = this._actions.contains(document.activeElement);
		const buttons = actions.map((action) => this._buttons.get(action) ?? this._make(action));
		this._buttons = new Map(actions.map((action, i) => [action, buttons[i]]));
		this._actions.replaceChildren(...buttons);
		if (focused) buttons[0]?.focus();
	}

	/** @param {RowAction} action */
	_make(action) {
		const button = make("button", { type: "button" });
		if (action === "resume" || action === "takeOver") button.className = "primary";
		if (action === "terminate") button.className = "danger";
		button.dataset.action = action;
		button.addEventListener("click", () => this._onAction(action, this._row));
		return button;
	}
}

/** @param {SessionRow} row @param {boolean} native @returns {RowAction[]} */
function actionsFor({ status, kind }, native) {
	if (status !== "suspended" && status !== "running") return [];
	/** @type {RowAction[]} */
	const actions = status === "running" ? ["suspend", "terminate"] : ["terminate"];
	if (kind === "desktop") return [status === "running" ? "takeOver" : "resume", ...actions];
	return native ? ["nativeFile", ...actions] : actions;
}

/** An unchanged text is left alone: it may be selected, or being read. @param {HTMLElement} element
 * @param {string} text */
function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}
