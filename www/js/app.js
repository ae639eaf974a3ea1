/* SPDX-License-Identifier: ISC */
/*
 * The page: leads the user from the login form over the list of sessions to the screen and back.
 * It joins the parts; none of them knows another. No protocol here.
 */

import { byId } from "./ui/dom.js";
import { logInfo } from "./log.js";
import { PageState } from "./page_state.js";
import { messageOf, Rpc, RpcError } from "./rpc.js";
import { ScreenFlow } from "./screen_flow.js";
import { SessionsFlow } from "./sessions_flow.js";
import { TEXT, translatePage } from "./text/text.js";
import { dismissConfirm } from "./ui/confirm.js";
import { offerLanguages } from "./ui/language.js";
import { LoginForm } from "./ui/login.js";
import { applyTheme } from "./ui/theme.js";

/** @typedef {import("./types.js").Config} Config */
/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./rpc.js").Credentials} Credentials */

class App {
	constructor() {
		this._rpc = new Rpc(new URL("rpc/", document.baseURI).href);
		this._state = new PageState(document.documentElement, () => this._stateChanged());
		this._status = byId("status", HTMLElement);
		this._form = new LoginForm((...login) => void this._login(...login));
		this._sessions = new SessionsFlow({
			rpc: this._rpc,
			titleOf: (desktop) => this._titleOf(desktop),
			say: (text) => this._say(text),
			onStart: (desktop) => void this._screen.start(desktop),
			onResume: (row) => void this._screen.resume(row),
			onLoginOver: (text) => this._toForm(text),
		});
		this._screen = new ScreenFlow({
			rpc: this._rpc,
			state: this._state,
			limits: () => this._limits(),
			titleOf: (desktop) => this._titleOf(desktop),
			say: (text, fault) => this._say(text, fault),
			onLeft: (note) => this._showSessions(note),
			onLoginOver: (text) => this._toForm(text),
			onRelogin: () => void this._logout(),
		});
		byId("logout", HTMLButtonElement).addEventListener("click", () => void this._logout());
		/** @type {Config | null} */
		this._config = null;
		/** @type {import("./types.js").Choice[]} */
		this._desktops = [];
	}

	async boot() {
		try {
			this._config = await this._rpc.config();
		} catch (error) {
			this._form.showError(messageOf(error));
			return;
		}
		document.title = this._config.title;
		applyTheme(this._config);
		byId("title", HTMLElement).textContent = this._config.title;
		this._form.fill(this._config);
		this._form.focus();
	}

	/* ---- login ---- */

	/** @param {Credentials} credentials @param {string} desktop @param {string} server its title */
	async _login(credentials, desktop, server) {
		this._state.set("authenticating");
		this._say(TEXT.authenticating(server));
		try {
			const reply = await this._rpc.login(credentials);
			this._say("");
			if (reply.state !== "ready") throw new RpcError("unexpected_login");
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
			void this._screen.start(desktop);
			return;
		}
		this._state.set("sessions");
		this._sessions.enter(rows);
		if (rows.length === 0)
			this._sessions.showError(TEXT.desktopNotInstalled(this._titleOf(desktop)));
	}

	async _logout() {
		this._screen.close();
		this._toForm("");
		/* Whatever comes of it, this page is through with that login. */
		await this._rpc.logout().catch((error) => logInfo(`logout: ${error.message}`));
	}

	/** @param {string} error */
	_toForm(error) {
		this._screen.close();
		this._say("");
		this._state.set("form");
		this._form.showError(error);
		this._form.focus();
	}

	/** To the list of sessions. @param {string} [note] what has just been done */
	_showSessions(note = "") {
		this._screen.close();
		this._state.set("sessions");
		this._say(note);
		this._sessions.enter();
	}

	/* ---- small things ---- */

	_stateChanged() {
		const state = this._state.value;
		this._form.setBusy(state === "authenticating");
		if (state !== "sessions") this._sessions.leave();
		dismissConfirm();
		this._screen.stateChanged();
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
offerLanguages();
void new App().boot();
