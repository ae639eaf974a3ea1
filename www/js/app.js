/* SPDX-License-Identifier: ISC */
/*
 * The page: leads the user from the login form over the list of sessions to the screen and back.
 * It joins the parts; none of them knows another. No protocol here.
 */

import { byId } from "./dom.js";
import { logError } from "./log.js";
import { PageState } from "./page_state.js";
import { Rpc, RpcError } from "./rpc.js";
import { desiredSize, SessionView } from "./session_view.js";
import { TEXT } from "./text.js";
import { confirmAction } from "./ui_confirm.js";
import { LoginForm } from "./ui_login.js";
import { describeEnd, OutcomeCard, Progress } from "./ui_outcome.js";
import { SessionList } from "./ui_sessions.js";
import { Toolbar } from "./ui_toolbar.js";
import { displayDensity } from "./geometry.js";

/** @typedef {import("./types.js").Config} Config */
/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./types.js").StreamReply} StreamReply */
/** @typedef {import("./types.js").EndReason} EndReason */
/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {import("./rpc.js").Credentials} Credentials */

const LIST_EVERY_MS = 10_000;
/** A session that was just left needs a moment to show as suspended. */
const LIST_SOON_MS = 2_000;
const CSS_DPI = 96;

class App {
	constructor() {
		this._rpc = new Rpc(new URL("rpc/", document.baseURI).href);
		this._state = new PageState(document.documentElement, () => this._stateChanged());
		this._status = byId("status", HTMLElement);
		this._stage = byId("stage", HTMLElement);
		this._form = new LoginForm((...login) => void this._login(...login));
		this._list = new SessionList({
			onAction: (action, row) => void this._act(action, row),
			onStart: (desktop) => void this._start(desktop),
			onRefresh: () => void this._refresh(),
			titleOf: (desktop) => this._titleOf(desktop),
		});
		this._toolbar = new Toolbar({
			onSuspend: () => void this._suspend(),
			onTerminate: () => void this._terminate(),
			onDisconnect: () => this._leave(),
			onStats: (on) => this._view?.showStats(on),
		});
		this._progress = new Progress(() => this._leave());
		this._outcome = new OutcomeCard({
			onBack: () => this._showSessions(),
			onRelogin: () => void this._logout(),
		});
		byId("logout", HTMLButtonElement).addEventListener("click", () => void this._logout());
		/** @type {Config | null} */
		this._config = null;
		/** @type {import("./types.js").Choice[]} */
		this._desktops = [];
		this._server = "";
		/** @type {SessionView | null} */
		this._view = null;
		/** @type {SessionRow | null} that is, or was last, on the screen */
		this._session = null;
		this._attempt = 0; /* a reply that belongs to an earlier one is not wanted any more */
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._listTimer = undefined;
		document.addEventListener("visibilitychange", () => this._stateChanged());
	}

	async boot() {
		try {
			this._config = await this._rpc.config();
		} catch (error) {
			this._form.showError(messageOf(error));
			return;
		}
		document.title = this._config.title;
		byId("title", HTMLElement).textContent = this._config.title;
		this._form.fill(this._config);
		this._form.focus();
	}

	/* ---- login ---- */

	/** @param {Credentials} credentials @param {string} desktop @param {string} server its title */
	async _login(credentials, desktop, server) {
		this._server = server;
		this._state.set("authenticating");
		this._say(TEXT.authenticating(server));
		try {
			const reply = await this._rpc.login(credentials);
			this._say("");
			if (reply.state !== "ready") throw new RpcError("internal", TEXT.unexpectedLogin);
			byId("who", HTMLElement).textContent = `${credentials.user} · ${server}`;
			this._desktops = reply.desktops;
			this._list.offer(reply.desktops, desktop);
			this._loggedIn(reply.sessions, desktop);
		} catch (error) {
			this._toForm(messageOf(error));
		}
	}

	/** @param {SessionRow[]} rows @param {string} desktop */
	_loggedIn(rows, desktop) {
		const installed = this._desktops.some(({ id }) => id === desktop);
		if (rows.length === 0 && installed) {
			void this._start(desktop);
			return;
		}
		this._list.show(rows, null);
		this._showSessions(false);
		if (rows.length === 0)
			this._list.showError(TEXT.desktopNotInstalled(this._titleOf(desktop)));
	}

	async _logout() {
		this._closeView();
		this._toForm("");
		/* Whatever comes of it, this page is through with that login. */
		await this._rpc.logout().catch((error) => logError(`logout: ${error.message}`));
	}

	/** @param {string} error */
	_toForm(error) {
		this._closeView();
		this._say("");
		this._state.set("form");
		this._form.showError(error);
		this._form.focus();
	}

	/* ---- the list ---- */

	/** @param {boolean} [refresh] */
	_showSessions(refresh = true) {
		this._closeView();
		this._say("");
		this._list.showError("");
		this._state.set("sessions");
		this._list.focus();
		if (!refresh) return;
		void this._refresh();
		this._refreshIn(LIST_SOON_MS);
	}

	/** @param {string | null} [busyId] */
	async _refresh(busyId = null) {
		try {
			const { sessions } = await this._rpc.sessions();
			if (this._state.value === "sessions") this._list.show(sessions, busyId);
		} catch (error) {
			if (this._state.value === "sessions") this._listFailed(error);
		}
	}

	/** @param {number} ms */
	_refreshIn(ms) {
		clearTimeout(this._listTimer);
		this._listTimer = setTimeout(async () => {
			await this._refresh();
			if (this._state.value === "sessions" && !document.hidden)
				this._refreshIn(LIST_EVERY_MS);
		}, ms);
	}

	/** @param {unknown} error */
	_listFailed(error) {
		if (isLoginOver(error)) this._toForm(messageOf(error));
		else this._list.showError(messageOf(error));
	}

	/** @param {import("./ui_sessions.js").RowAction} action @param {SessionRow} row */
	async _act(action, row) {
		const title = this._titleOf(row.desktop);
		if (action === "resume") return this._resume(row);
		if (action === "takeOver") {
			const question = { title: TEXT.takeOverTitle(title), text: TEXT.takeOverText };
			if (await confirmAction({ ...question, action: TEXT.takeOver }))
				await this._resume(row);
			return;
		}
		if (action === "terminate" && !(await this._confirmTerminate(title))) return;
		this._list.showError("");
		this._say(TEXT.working);
		try {
			await this._refresh(row.id);
			await this._rpc[action](row.id);
		} catch (error) {
			this._listFailed(error);
		}
		this._say("");
		if (this._state.value === "sessions") await this._refresh();
	}

	/* ---- a session on the screen ---- */

	/** @param {string} desktop */
	async _start(desktop) {
		const title = this._titleOf(desktop);
		await this._open(title, TEXT.starting(title), TEXT.startingHint, {
			again: () => void this._start(desktop),
			call: (size) => {
				const dpi = Math.round(CSS_DPI * displayDensity(devicePixelRatio));
				return this._rpc.start({ desktop, dpi, ...size });
			},
		});
	}

	/** @param {SessionRow} row */
	async _resume(row) {
		const title = this._titleOf(row.desktop);
		await this._open(title, TEXT.resuming(title), TEXT.resumingHint, {
			again: () => void this._resume(row),
			call: (size) => this._rpc.resume({ id: row.id, ...size }),
		});
	}

	/**
	 * @param {string} title @param {string} doing @param {string} hint
	 * @param {{call: (size: Size) => Promise<StreamReply>, again: () => void}} how
	 */
	async _open(title, doing, hint, { call, again }) {
		this._closeView();
		const attempt = this._attempt;
		this._state.set("starting");
		this._toolbar.setTitle(title);
		this._progress.show(doing, hint);
		this._say(doing);
		try {
			const size = desiredSize(this._stage, this._limits());
			const reply = await call(size);
			if (attempt !== this._attempt) return;
			this._session = reply.session;
			this._progress.show(doing, TEXT.connecting);
			this._view = this._createView(reply.ws, size);
		} catch (error) {
			if (attempt !== this._attempt) return;
			if (isLoginOver(error)) this._toForm(messageOf(error));
			else this._failed({ title: TEXT.startFailed, message: messageOf(error) }, again);
		}
	}

	/** @param {string} path @param {Size} size */
	_createView(path, size) {
		const url = new URL(path, location.href);
		url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
		return new SessionView({
			stage: this._stage,
			url: url.href,
			size,
			limits: this._limits(),
			events: {
				onConnected: () => this._progress.show(TEXT.waitingForPicture, ""),
				onPainted: () => this._running(),
				onEnded: (reason) => this._ended(reason),
				onStats: (stats) => this._toolbar.showStats(stats),
				onLeave: () => this._toolbar.focus(),
			},
		});
	}

	_running() {
		this._state.set("running");
		const title = this._titleOf(this._session?.desktop ?? "");
		this._say(TEXT.running(title, this._session?.server ?? this._server));
		if (this._toolbar.statsShown) this._view?.showStats(true);
		this._view?.focus();
	}

	/** @param {EndReason} reason */
	_ended(reason) {
		this._attempt += 1;
		this._view = null;
		const outcome = describeEnd(reason);
		const row = this._session;
		const resume = row && !outcome.gone ? () => void this._resume(row) : null;
		if (outcome.fault) {
			this._failed(outcome, resume);
			return;
		}
		this._say("");
		this._state.set("ended");
		this._outcome.show(outcome, resume && { label: TEXT.resume, run: resume });
	}

	/** @param {{title: string, message: string}} outcome @param {(() => void) | null} again */
	_failed(outcome, again) {
		this._say("");
		this._state.set("error");
		this._outcome.show(outcome, again && { label: TEXT.tryAgain, run: again });
	}

	/** Away from the screen; a running session suspends itself. */
	_leave() {
		this._showSessions();
	}

	async _suspend() {
		await this._finish((id) => this._rpc.suspend(id), "suspended");
	}

	async _terminate() {
		if (await this._confirmTerminate(this._titleOf(this._session?.desktop ?? "")))
			await this._finish((id) => this._rpc.terminate(id), "terminated");
		else this._view?.focus();
	}

	/** @param {(id: string) => Promise<unknown>} call @param {string} code how it ends then */
	async _finish(call, code) {
		if (!this._session || !this._view) return;
		const view = this._view;
		this._toolbar.setEnabled(true, true);
		this._say(TEXT.working);
		try {
			await call(this._session.id);
			if (this._view !== view) return; /* the relay's word was quicker */
			this._closeView();
			this._ended({ code, message: "" });
		} catch (error) {
			if (this._view !== view) return;
			if (isLoginOver(error)) return this._toForm(messageOf(error));
			this._toolbar.setEnabled(true, false);
			this._say(messageOf(error), true);
		}
	}

	_closeView() {
		this._attempt += 1;
		this._view?.close();
		this._view = null;
	}

	/* ---- small things ---- */

	_stateChanged() {
		const state = this._state.value;
		this._form.setBusy(state === "authenticating");
		this._toolbar.setEnabled(state === "running" || state === "reconnecting", false);
		clearTimeout(this._listTimer);
		if (state === "sessions" && !document.hidden) this._refreshIn(LIST_EVERY_MS);
		const showing = state === "running" || state === "starting" || state === "reconnecting";
		if (!showing && document.fullscreenElement) void document.exitFullscreen();
	}

	/** @param {string} title */
	_confirmTerminate(title) {
		return confirmAction({
			title: TEXT.terminateTitle(title),
			text: TEXT.terminateText,
			action: TEXT.terminate,
			danger: true,
		});
	}

	/** The status line. @param {string} text @param {boolean} [fault] */
	_say(text, fault = false) {
		this._status.textContent = text;
		this._status.classList.toggle("fault", fault);
	}

	/** @param {string} desktop */
	_titleOf(desktop) {
		const known = [...this._desktops, ...(this._config?.desktops ?? [])];
		return known.find(({ id }) => id === desktop)?.title ?? desktop;
	}

	_limits() {
		if (!this._config) throw new Error("page: no configuration yet");
		return this._config.limits;
	}
}

/** @param {unknown} error */
function messageOf(error) {
	if (error instanceof RpcError) return error.message;
	logError(`page: ${error}`);
	return TEXT.pageFault;
}

/** @param {unknown} error */
function isLoginOver(error) {
	return error instanceof RpcError && error.code === "not_logged_in";
}

void new App().boot();
