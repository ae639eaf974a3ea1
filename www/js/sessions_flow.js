/* SPDX-License-Identifier: ISC */
/*
 * The list of sessions while it is shown: keeps it fresh, offers what can be started, and does
 * what its buttons say. Opening a session on the screen is somebody else's.
 */

import { logInfo } from "./log.js";
import { isLoginOver, messageOf, RpcError } from "./rpc.js";
import { onLanguage, TEXT } from "./text/text.js";
import { ApplicationList } from "./ui/applications.js";
import { confirmSuspend, confirmTakeOver, confirmTerminate } from "./ui/confirm.js";
import { nativeFaultText, saveNativeFile } from "./ui/native.js";
import { LoginNotice } from "./ui/notice.js";
import { SessionList } from "./ui/sessions.js";

/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./types.js").Choice} Choice */
/** @typedef {import("./types.js").Application} Application */
/** @typedef {import("./types.js").Startable} Startable */
/** @typedef {import("./ui/native.js").NativeTarget} NativeTarget */

const REFRESH_EVERY_MS = 10_000;
/** A session that was just left needs a moment to show as suspended. */
const REFRESH_SOON_MS = 2_000;

export class SessionsFlow {
	/**
	 * @param {object} options
	 * @param {import("./rpc.js").Rpc} options.rpc
	 * @param {(desktop: string) => string} options.titleOf
	 * @param {(text: string) => void} options.say to the status line
	 * @param {(what: Startable) => void} options.onStart
	 * @param {(row: SessionRow) => void} options.onResume
	 * @param {() => NativeTarget | null} options.nativeTarget null: native mode is not offered
	 * @param {(text: string) => void} options.onLoginOver
	 */
	constructor({ rpc, titleOf, say, onStart, onResume, nativeTarget, onLoginOver }) {
		this._rpc = rpc;
		this._titleOf = titleOf;
		this._say = say;
		this._onResume = onResume;
		this._nativeTarget = nativeTarget;
		this._onLoginOver = onLoginOver;
		this._list = new SessionList({
			onAction: (action, row) => void this._act(action, row),
			onStart: (desktop) => onStart({ desktop }),
			onRefresh: () => void this._refreshAll(),
			titleOf,
			offersNative: () => nativeTarget() !== null,
		});
		this._applicationList = new ApplicationList(({ command }) => onStart({ command }));
		this._notice = new LoginNotice(() => this._list.focus());
		/** @type {Application[] | null} null: not asked for yet */
		this._applications = null;
		this._shown = false;
		this._request = 0; /* only the answer to the latest counts */
		/** @type {Set<string>} ids of sessions that are being changed */
		this._busy = new Set();
		/** @type {SessionRow[]} */
		this._rows = [];
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._timer = undefined;
		document.addEventListener("visibilitychange", () => this._schedule(0));
		onLanguage(() => this._list.show(this._rows, this._busy));
	}

	/** A new login. @param {Choice[]} desktops installed on the server @param {string} preferred
	 * @param {string} notice what the server had to say */
	offer(desktops, preferred, notice) {
		this._request += 1;
		this._applications = null;
		this._applicationList.hide();
		this._show([]);
		this._list.offer(desktops, preferred);
		this._notice.set(notice);
	}

	/** Of a program by its command, or by the session's name that comes of it: the file's, without
	 * the signs that X2Go leaves out. @param {string} name */
	applicationTitle(name) {
		const known = this._applications ?? [];
		const exact = known.find(({ command }) => command === name);
		if (exact) return exact.title;
		const alike = known.filter(({ command }) => sessionName(command) === name);
		return alike.length === 1 ? alike[0].title : undefined;
	}

	/** The list is on the page from now on. @param {SessionRow[]} [rows] if they are known already */
	enter(rows) {
		this._shown = true;
		this._notice.seen();
		this._list.showError("");
		if (rows) this._show(rows);
		else void this._refresh();
		this._list.focus();
		this._schedule(rows ? REFRESH_EVERY_MS : REFRESH_SOON_MS);
		if (!this._applications) void this._loadApplications();
	}

	leave() {
		this._shown = false;
		this._notice.left();
		this._request += 1;
		clearTimeout(this._timer);
	}

	/** @param {string} text */
	showError(text) {
		this._list.showError(text);
	}

	/** @param {SessionRow[]} rows */
	_show(rows) {
		this._rows = rows;
		this._list.show(rows, this._busy);
	}

	async _refreshAll() {
		this._list.showError("");
		await Promise.all([this._refresh(), this._applications ?? this._loadApplications()]);
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

	/** Without them the page is of use all the same: a failure is told in their place. */
	async _loadApplications() {
		const login = this._rpc.loginId;
		const wanted = () => this._shown && login === this._rpc.loginId;
		try {
			const { applications } = await this._rpc.applications();
			if (!wanted()) return;
			this._applications = applications;
			this._applicationList.show(applications);
			this._show(this._rows); /* whose programs have titles now */
		} catch (error) {
			if (!wanted()) return;
			logInfo(`applications: ${error}`);
			if (isLoginOver(error)) this._onLoginOver(messageOf(error));
			else if (error instanceof RpcError && error.code === "not_found")
				this._applications = []; /* a gateway that does not offer them */
			else this._applicationList.showError(TEXT.applicationsFailed(messageOf(error)));
		}
	}

	/** @param {number} ms */
	_schedule(ms) {
		clearTimeout(this._timer);
		if (!this._shown || document.hidden) return;
		this._timer = setTimeout(async () => {
			if (this._busy.size === 0) await this._refresh();
			this._schedule(REFRESH_EVERY_MS);
		}, ms);
	}

	/** @param {unknown} error */
	_failed(error) {
		if (isLoginOver(error)) this._onLoginOver(messageOf(error));
		else this._list.showError(messageOf(error));
	}

	/** @param {import("./ui/session_card.js").RowAction} action @param {SessionRow} row */
	async _act(action, row) {
		const title = this._titleOf(row.desktop);
		if (action === "nativeFile") this._saveNativeFile(row);
		else if (action === "resume") this._onResume(row);
		else if (action === "takeOver") {
			if (await confirmTakeOver(title)) this._onResume(row);
		} else if (action === "terminate") {
			if (await confirmTerminate(title)) await this._change(action, row);
		} else if (row.attached || (await confirmSuspend(title))) await this._change(action, row);
	}

	/** @param {SessionRow} row that x2goclient can go on with */
	_saveNativeFile({ desktop, kind }) {
		const target = this._nativeTarget();
		if (!target) return;
		try {
			saveNativeFile({ ...target, desktop, kdrive: kind !== "nx", size: null });
		} catch (error) {
			this._list.showError(nativeFaultText(error));
		}
	}

	/** @param {"suspend" | "terminate"} action @param {SessionRow} row */
	async _change(action, row) {
		const login = this._rpc.loginId;
		this._list.showError("");
		this._say(TEXT.working);
		this._busy.add(row.id);
		this._show(this._rows);
		/** @type {unknown} */
		let failure;
		let done = "";
		try {
			await this._rpc[action](row.id);
			done = `${action === "suspend" ? TEXT.suspended : TEXT.terminated}.`;
		} catch (error) {
			failure = error;
		}
		this._busy.delete(row.id);
		if (!this._shown || login !== this._rpc.loginId) return;
		this._say(done);
		this._show(this._rows);
		if (failure) this._failed(failure);
		if (this._shown) await this._refresh();
	}
}

/** @param {string} command */
function sessionName(command) {
	const [program] = command.split(" ");
	return program.slice(program.lastIndexOf("/") + 1).replace(/[_=+:,@%]/g, "");
}
