/* SPDX-License-Identifier: ISC */
/*
 * The page: leads the user from the login form over the list of sessions to the screen and back.
 * It joins the parts; none of them knows another. No protocol here.
 */

import { byId } from "./ui/dom.js";
import { beginDetached, isDetached } from "./detach_flow.js";
import { LeaveGuard } from "./leave_guard.js";
import { logInfo } from "./log.js";
import { LoginFlow } from "./login_flow.js";
import { LoginMemory } from "./login_memory.js";
import { PageState } from "./page_state.js";
import { faultOf, isUnreachable, messageOf, Rpc } from "./rpc.js";
import { ScreenFlow } from "./screen_flow.js";
import { SessionsFlow } from "./sessions_flow.js";
import { StartOptions } from "./start_options.js";
import { remember, remembered } from "./stored.js";
import { TEXT, translatePage } from "./text/text.js";
import { confirmTakeOver, dismissConfirm } from "./ui/confirm.js";
import { offerLanguages } from "./ui/language.js";
import { LoginForm } from "./ui/login.js";
import { OptionsCard } from "./ui/options_card.js";
import { applyTheme } from "./ui/theme.js";
import { readUrlOptions } from "./url_options.js";

/** @typedef {import("./types.js").Config} Config */
/** @typedef {import("./types.js").SessionRow} SessionRow */
/** @typedef {import("./rpc.js").Credentials} Credentials */
/** @typedef {import("./login_memory.js").RememberedLogin} RememberedLogin */

/** What the page cannot do without is asked for until it comes. */
const AGAIN_MS = 5_000;

class App {
	constructor() {
		const { options, safeAddress } = readUrlOptions(location.href);
		if (safeAddress) history.replaceState(history.state, "", safeAddress);
		this._wishes = options; /* of the address */
		this._memory = new LoginMemory(() => sessionStorage);
		this._rpc = new Rpc(new URL("rpc/", document.baseURI).href);
		this._state = new PageState(document.documentElement, () => this._stateChanged());
		this._status = byId("status", HTMLElement);
		this._form = new LoginForm({
			onSubmit: (...login) => void this._login(...login),
			onCancel: () => this._cancelLogin(),
			say: (text) => this._say(text),
		});
		this._loginFlow = new LoginFlow({
			rpc: this._rpc,
			state: this._state,
			say: (text) => this._say(text),
			onCancel: () => this._cancelLogin(),
		});
		this._sessions = new SessionsFlow({
			rpc: this._rpc,
			titleOf: (desktop) => this._titleOf(desktop),
			say: (text) => this._say(text),
			onStart: (what) => void this._screen.start(what),
			onResume: (row) => void this._screen.resume(row),
			nativeTarget: () => this._form.nativeTarget(this._user, this._server),
			onLoginOver: (text) => this._toForm(text),
		});
		this._screen = new ScreenFlow({
			rpc: this._rpc,
			state: this._state,
			limits: () => this._limits(),
			wishes: () => this._options.value,
			titleOf: (desktop) => this._titleOf(desktop),
			say: (text, fault) => this._say(text, fault),
			onLeft: (note) => this._leftScreen(note),
			onLoginOver: (text) => this._toForm(text),
			onRelogin: () => void this._logout(),
		});
		this._rpc.onSaid = (text) => this._screen.tell(text);
		this._options = new StartOptions({
			read: () => remembered("options"),
			write: (value) => remember("options", value),
		});
		this._optionsCard = new OptionsCard(this._options, () => this._screen.usualDpi);
		this._guard = new LeaveGuard(() => this._screen.close());
		byId("logout", HTMLButtonElement).addEventListener("click", () => void this._logout());
		/** @type {Config | null} */
		this._config = null;
		/** @type {import("./types.js").Choice[]} */
		this._desktops = [];
		this._kiosk = false; /* one server, one desktop, no list */
		this._user = "";
		this._server = ""; /* its title */
		this._attempt = 0; /* at a login; what comes of an earlier one is not wanted any more */
		if (safeAddress) this._form.showNote(TEXT.passwordInAddress);
		/** @type {import("./detach.js").DetachedPage | null} this window is a session's own */
		this._detached = null;
	}

	async boot() {
		const remembered = this._memory.read();
		const attempt = ++this._attempt;
		/* At once, so that the form does not flash by. */
		if (remembered) this._state.set("authenticating");
		this._config = await this._readConfig();
		this._kiosk = this._config.kiosk === true || this._wishes.kiosk;
		document.title = this._config.title;
		applyTheme(this._config);
		byId("title", HTMLElement).textContent = this._config.title;
		this._form.fill(this._config, this._wishes, this._kiosk);
		this._screen.setUp({ size: this._wishes.size, kiosk: this._kiosk });
		if (attempt !== this._attempt) return;
		if (isDetached()) this._beginDetached(remembered);
		else if (remembered) await this._comeBack(remembered);
		else this._form.focus();
	}

	/** Nothing goes without it: asks until it is there. @returns {Promise<Config>} */
	async _readConfig() {
		for (;;) {
			try {
				const config = await this._rpc.config();
				this._form.showError("");
				return config;
			} catch (error) {
				if (this._state.value !== "form") this._state.set("form");
				this._form.showError(messageOf(error));
				await pause(AGAIN_MS);
			}
		}
	}

	/* ---- login ---- */

	/** @param {Credentials} credentials @param {string} desktop @param {string} server its title */
	async _login(credentials, desktop, server) {
		const attempt = ++this._attempt;
		if (this._form.wantsFullscreen) enterFullscreen();
		try {
			const reply = await this._loginFlow.login(credentials, server);
			if (!reply || attempt !== this._attempt) return;
			const { login, desktops, sessions, notice } = reply;
			const { user } = credentials;
			this._memory.write({ login, user, server, desktops, desktop, screen: "" });
			this._enterLogin({ login, user, server, desktops, desktop }, notice);
			await this._offerSessions(sessions, desktop);
		} catch (error) {
			if (attempt !== this._attempt) return;
			this._toForm("");
			this._form.showFault(faultOf(error));
		}
	}

	/** Of a login that is under way, or that is open and on its way to the list: that one is over
	 * then. In a window of its own it is the other page's. */
	_cancelLogin() {
		const open = isDetached() ? null : this._memory.read();
		this._attempt += 1;
		this._loginFlow.cancel();
		this._toForm("");
		this._say(TEXT.loginCancelled);
		if (open) void this._rpc.logout(open.login).catch(logLogout);
	}

	/** The page was loaded anew; its login may live still. @param {RememberedLogin} remembered */
	async _comeBack(remembered) {
		const attempt = ++this._attempt;
		if (this._state.value !== "authenticating") this._state.set("authenticating");
		this._enterLogin(remembered);
		this._say(TEXT.comingBack);
		try {
			const sessions = await this._sessionsOnceThere(attempt);
			if (attempt !== this._attempt) return;
			const shown = sessions.find(
				({ id, kind, status }) =>
					id === remembered.screen &&
					kind === "desktop" &&
					(status === "running" || status === "suspended"),
			);
			this._say("");
			if (shown) void this._screen.resume(shown);
			else if (this._kiosk) await this._openInKiosk(sessions, remembered.desktop);
			else this._listSessions(sessions);
		} catch (error) {
			if (attempt === this._attempt) this._toForm(messageOf(error));
		}
	}

	/** A login is not given up for a network that comes and goes. @param {number} attempt */
	async _sessionsOnceThere(attempt) {
		for (let first = true; ; first = false) {
			try {
				return (await this._rpc.sessions()).sessions;
			} catch (error) {
				if (!isUnreachable(error)) throw error;
				if (first) this._say(messageOf(error), true);
				await pause(AGAIN_MS);
				if (attempt !== this._attempt) throw error;
			}
		}
	}

	/** A window that another page opens for a session. @param {RememberedLogin | null} remembered
	 * as that page has it */
	_beginDetached(remembered) {
		if (this._state.value !== "authenticating") this._state.set("authenticating");
		this._detached = beginDetached({
			onTake: ({ login, row, title }) => {
				document.title = title;
				this._desktops = remembered?.desktops ?? [{ id: row.desktop, title }];
				this._rpc.use(login);
				void this._screen.resume(row);
			},
			onNothing: () => {
				this._becomeOrdinary();
				if (remembered) void this._comeBack(remembered);
				else this._toForm("");
			},
			beforeClose: () => this._guard.set(false),
		});
	}

	/** A window that has lost what it was opened for is a page like any other. */
	_becomeOrdinary() {
		this._detached = null;
		delete document.documentElement.dataset.detached;
	}

	/** @param {Omit<RememberedLogin, "screen">} login @param {string} [notice] */
	_enterLogin({ login, user, server, desktops, desktop }, notice = "") {
		this._rpc.use(login);
		this._say("");
		this._user = user;
		this._server = server;
		this._desktops = desktops;
		byId("who", HTMLElement).textContent = `${user} · ${server}`;
		this._sessions.offer(desktops, desktop, notice);
		this._options.use(this._kiosk ? null : server);
		this._optionsCard.show();
	}

	/** @param {SessionRow[]} rows @param {string} desktop */
	async _offerSessions(rows, desktop) {
		if (this._kiosk) await this._openInKiosk(rows, desktop);
		else if (rows.length === 0 && this._isInstalled(desktop))
			void this._screen.start({ desktop });
		else {
			this._listSessions(rows);
			if (rows.length === 0)
				this._sessions.showError(TEXT.desktopNotInstalled(this._titleOf(desktop)));
		}
	}

	/** @param {SessionRow[]} rows @param {string} desktop the only one there is */
	async _openInKiosk(rows, desktop) {
		const mine = rows.filter((row) => row.kind === "desktop" && row.desktop === desktop);
		const title = this._titleOf(desktop);
		const attempt = this._attempt;
		const suspended = mine.find(({ status }) => status === "suspended");
		const running = mine.find(({ status }) => status === "running");
		if (suspended) void this._screen.resume(suspended);
		else if (running && (await confirmTakeOver(title))) void this._screen.resume(running);
		else if (attempt !== this._attempt) return;
		else if (running) await this._logout();
		else if (this._isInstalled(desktop)) void this._screen.start({ desktop });
		else await this._logout({ error: TEXT.desktopNotInstalled(title) });
	}

	/** @param {{error?: string, note?: string}} [why] */
	async _logout({ error = "", note = "" } = {}) {
		this._toForm(error);
		this._say(note);
		/* Whatever comes of it, this page is through with that login. */
		await this._rpc.logout().catch(logLogout);
	}

	/** @param {string} error */
	_toForm(error) {
		this._screen.forget();
		this._becomeOrdinary();
		this._memory.clear();
		this._attempt += 1;
		this._say("");
		this._state.set("form");
		this._form.showError(error);
		this._form.focus();
	}

	/* ---- sessions ---- */

	/** @param {SessionRow[]} [rows] if they are known already */
	_listSessions(rows) {
		this._state.set("sessions");
		this._sessions.enter(rows);
	}

	/** @param {string} note what has just been done */
	_leftScreen(note) {
		if (this._detached) {
			this._detached.left(note);
			return;
		}
		if (this._kiosk) {
			void this._logout({ note });
			return;
		}
		this._screen.close();
		this._listSessions();
		this._say(note);
	}

	_stateChanged() {
		const state = this._state.value;
		const open = state === "running" || state === "reconnecting";
		this._form.setBusy(state === "authenticating");
		if (state !== "sessions") this._sessions.leave();
		/* What the user is being asked does not end with a connection that comes and goes. */
		if (!open) dismissConfirm();
		this._screen.stateChanged();
		this._guard.set(open);
		/* On the way to the screen it stays what it was: a second reload ends up there too. */
		if (open) this._memory.writeScreen(this._screen.sessionId);
		else if (state !== "authenticating" && state !== "starting") this._memory.writeScreen("");
	}

	/* ---- small things ---- */

	/** The status line. @param {string} text @param {boolean} [fault] */
	_say(text, fault = false) {
		this._status.textContent = text;
		this._status.classList.toggle("fault", fault);
		/* Over the screen it passes away, each time anew. */
		for (const fade of this._status.getAnimations()) fade.currentTime = 0;
	}

	/** @param {string} desktop */
	_isInstalled(desktop) {
		return this._desktops.some(({ id }) => id === desktop);
	}

	/** @param {string} desktop or a program's command */
	_titleOf(desktop) {
		const known = [...this._desktops, ...(this._config?.desktops ?? [])];
		return (
			known.find(({ id }) => id === desktop)?.title ??
			this._sessions.applicationTitle(desktop) ??
			desktop
		);
	}

	_limits() {
		if (!this._config) throw new Error("page: no configuration yet");
		return this._config.limits;
	}
}

/** @param {number} ms */
function pause(ms) {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @param {unknown} error */
function logLogout(error) {
	logInfo(`logout: ${error}`);
}

function enterFullscreen() {
	document.documentElement
		.requestFullscreen()
		.catch((error) => logInfo(`full screen: refused: ${error}`));
}

translatePage(document);
offerLanguages();
void new App().boot();
