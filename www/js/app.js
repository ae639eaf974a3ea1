/* SPDX-License-Identifier: ISC */
/*
 * The page: leads the user from the login form over the list of sessions to the screen and back.
 * It joins the parts; none of them knows another. No protocol here.
 */

import { byId } from "./ui/dom.js";
import { displayDensity } from "./geometry.js";
import { logInfo } from "./log.js";
import { PageState } from "./page_state.js";
import { isLoginOver, messageOf, Rpc, RpcError } from "./rpc.js";
import { desiredSize, SessionView } from "./session_view.js";
import { confirmTerminate, SessionsFlow } from "./sessions_flow.js";
import { TEXT, translatePage } from "./text/text.js";
import { dismissConfirm } from "./ui/confirm.js";
import { LoginForm } from "./ui/login.js";
import { describeEnd, OutcomeCard, Progress } from "./ui/outcome.js";
import { Toolbar } from "./ui/toolbar.js";

/** @typedef {import("./types.js").Config} Config */
/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./types.js").StreamReply} StreamReply */
/** @typedef {import("./types.js").EndReason} EndReason */
/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {import("./rpc.js").Credentials} Credentials */

const CSS_DPI = 96;

class App {
	constructor() {
		this._rpc = new Rpc(new URL("rpc/", document.baseURI).href);
		this._state = new PageState(document.documentElement, () => this._stateChanged());
		this._status = byId("status", HTMLElement);
		this._stage = byId("stage", HTMLElement);
		this._form = new LoginForm((...login) => void this._login(...login));
		this._sessions = new SessionsFlow({
			rpc: this._rpc,
			titleOf: (desktop) => this._titleOf(desktop),
			say: (text) => this._say(text),
			onStart: (desktop) => void this._start(desktop),
			onResume: (row) => void this._resume(row),
			onLoginOver: (text) => this._toForm(text),
		});
		this._toolbar = new Toolbar({
			onSuspend: () => void this._suspend(),
			onTerminate: () => void this._terminate(),
			onDisconnect: () => this._showSessions(),
			onStats: (on) => this._view?.showStats(on),
		});
		this._progress = new Progress(() => this._showSessions());
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
		/** @type {string | null} how the user is ending the session just now */
		this._finishing = null;
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
			this._sessions.offer(reply.desktops, desktop);
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
		this._state.set("sessions");
		this._sessions.enter(rows);
		if (rows.length === 0)
			this._sessions.showError(TEXT.desktopNotInstalled(this._titleOf(desktop)));
	}

	async _logout() {
		this._closeView();
		this._toForm("");
		/* Whatever comes of it, this page is through with that login. */
		await this._rpc.logout().catch((error) => logInfo(`logout: ${error.message}`));
	}

	/** @param {string} error */
	_toForm(error) {
		this._closeView();
		this._say("");
		this._state.set("form");
		this._form.showError(error);
		this._form.focus();
	}

	/** To the list of sessions. @param {string} [note] what has just been done */
	_showSessions(note = "") {
		this._closeView();
		this._state.set("sessions");
		this._say(note);
		this._sessions.enter();
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
			else {
				const outcome = { title: TEXT.startFailed, message: messageOf(error) };
				this._showOutcome("error", outcome, TEXT.tryAgain, again);
			}
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
		this._view = null;
		const outcome = describeEnd(reason);
		if (this._finishing && !outcome.fault) return; /* the call's answer is on its way */
		const row = this._session;
		const again = row && !outcome.gone ? () => void this._resume(row) : null;
		if (outcome.fault) this._showOutcome("error", outcome, TEXT.tryAgain, again);
		else this._showOutcome("ended", outcome, TEXT.resume, again);
	}

	/**
	 * @param {"ended" | "error"} state @param {{title: string, message: string}} outcome
	 * @param {string} label of the button that runs again, if there is anything to run
	 * @param {(() => void) | null} again
	 */
	_showOutcome(state, outcome, label, again) {
		this._state.set(state);
		this._say(`${outcome.title}. ${outcome.message}`);
		this._outcome.show(outcome, again && { label, run: again });
	}

	async _suspend() {
		await this._finish((id) => this._rpc.suspend(id), TEXT.suspended);
	}

	async _terminate() {
		if (await confirmTerminate(this._titleOf(this._session?.desktop ?? "")))
			await this._finish((id) => this._rpc.terminate(id), TEXT.terminated);
		else this._view?.focus();
	}

	/** @param {(id: string) => Promise<unknown>} call @param {string} done what to say then */
	async _finish(call, done) {
		if (!this._session || !this._view) return;
		const attempt = this._attempt;
		this._finishing = done;
		this._toolbar.setEnabled(true, true);
		this._say(TEXT.working);
		try {
			await call(this._session.id);
			if (attempt === this._attempt) this._showSessions(`${done}.`);
		} catch (error) {
			if (attempt === this._attempt) this._finishFailed(error);
		}
		this._finishing = null;
	}

	/** @param {unknown} error */
	_finishFailed(error) {
		if (isLoginOver(error)) {
			this._toForm(messageOf(error));
		} else if (this._view) {
			this._toolbar.setEnabled(true, false);
			this._say(messageOf(error), true);
		} else {
			const outcome = { title: TEXT.streamFailed, message: messageOf(error) };
			this._showOutcome("error", outcome, TEXT.tryAgain, null);
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
		if (state !== "sessions") this._sessions.leave();
		dismissConfirm();
		const showing = state === "running" || state === "starting" || state === "reconnecting";
		if (!showing && document.fullscreenElement) void document.exitFullscreen();
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

translatePage(document);
void new App().boot();
