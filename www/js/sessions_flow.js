/* SPDX-License-Identifier: ISC */
/*
 * The list of sessions while it is shown: keeps it fresh, and does what its buttons say. Opening a
 * session on the screen is somebody else's.
 */

import { isLoginOver, messageOf } from "./rpc.js";
import { onLanguage, TEXT } from "./text/text.js";
import { confirmAction, confirmTerminate } from "./ui/confirm.js";
import { SessionList } from "./ui/sessions.js";

/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./types.js").Choice} Choice */

const REFRESH_EVERY_MS = 10_000;
/** A session that was just left needs a moment to show as suspended. */
const REFRESH_SOON_MS = 2_000;

export class SessionsFlow {
	/**
	 * @param {object} options
	 * @param {import("./rpc.js").Rpc} options.rpc
	 * @param {(desktop: string) => string} options.titleOf
	 * @param {(text: string) => void} options.say to the status line
	 * @param {(desktop: string) => void} options.onStart
	 * @param {(row: SessionRow) => void} options.onResume
	 * @param {(text: string) => void} options.onLoginOver
	 */
	constructor({ rpc, titleOf, say, onStart, onResume, onLoginOver }) {
		this._rpc = rpc;
		this._titleOf = titleOf;
		this._say = say;
		this._onResume = onResume;
		this._onLoginOver = onLoginOver;
		this._list = new SessionList({
			onAction: (action, row) => void this._act(action, row),
			onStart,
			onRefresh: () => void this._refresh(),
			titleOf,
		});
		this._shown = false;
		this._request = 0; /* only the answer to the latest counts */
		/** @type {string | null} the session that is being changed */
		this._busyId = null;
		/** @type {SessionRow[]} */
		this._rows = [];
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._timer = undefined;
		document.addEventListener("visibilitychange", () => this._schedule(0));
		onLanguage(() => this._list.show(this._rows, this._busyId));
	}

	/** @param {Choice[]} desktops installed on the server @param {string} preferred */
	offer(desktops, preferred) {
		this._list.offer(desktops, preferred);
	}

	/** The list is on the page from now on. @param {SessionRow[]} [rows] if they are known already */
	enter(rows) {
		this._shown = true;
		this._list.showError("");
		if (rows) this._show(rows);
		else void this._refresh();
		this._list.focus();
		this._schedule(rows ? REFRESH_EVERY_MS : REFRESH_SOON_MS);
	}

	leave() {
		this._shown = false;
		clearTimeout(this._timer);
	}

	/** @param {string} text */
	showError(text) {
		this._list.showError(text);
	}

	/** @param {SessionRow[]} rows */
	_show(rows) {
		this._rows = rows;
		this._list.show(rows, this._busyId);
	}

	async _refresh() {
		const request = ++this._request;
		const wanted = () => this._shown && request === this._request;
		try {
			const { sessions } = await this._rpc.sessions();
			if (wanted()) this._show(sessions);
		} catch (error) {
			if (wanted()) this._failed(error);
		}
	}

	/** @param {number} ms */
	_schedule(ms) {
		clearTimeout(this._timer);
		if (!this._shown || document.hidden) return;
		this._timer = setTimeout(async () => {
			if (!this._busyId) await this._refresh();
			this._schedule(REFRESH_EVERY_MS);
		}, ms);
	}

	/** @param {unknown} error */
	_failed(error) {
		if (isLoginOver(error)) this._onLoginOver(messageOf(error));
		else this._list.showError(messageOf(error));
	}

	/** @param {import("./ui/sessions.js").RowAction} action @param {SessionRow} row */
	async _act(action, row) {
		const title = this._titleOf(row.desktop);
		if (action === "takeOver") {
			const question = { title: TEXT.takeOverTitle(title), text: TEXT.takeOverText };
			if (!(await confirmAction({ ...question, action: TEXT.takeOver }))) return;
		}
		if (action === "resume" || action === "takeOver") {
			this._onResume(row);
			return;
		}
		if (action === "suspend" || (await confirmTerminate(title)))
			await this._change(action, row);
	}

	/** @param {"suspend" | "terminate"} action @param {SessionRow} row */
	async _change(action, row) {
		this._list.showError("");
		this._say(TEXT.working);
		this._busyId = row.id;
		this._show(this._rows);
		try {
			await this._rpc[action](row.id);
		} catch (error) {
			if (this._shown) this._failed(error);
		}
		this._busyId = null;
		if (!this._shown) return;
		this._say("");
		this._show(this._rows);
		await this._refresh();
	}
}
