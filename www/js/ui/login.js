/* SPDX-License-Identifier: ISC */
/*
 * The login form. Passwords leave it once, into the login call, and their fields are emptied at
 * that moment.
 */

import { Countdown } from "./countdown.js";
import { byId, fillSelect, make, showText } from "./dom.js";
import { JumpFields } from "./jump_fields.js";
import { NativeOffer } from "./native.js";
import { faultLine } from "../text/faults.js";
import { onLanguage, TEXT } from "../text/text.js";

/** @typedef {import("../types.js").Config} Config */
/** @typedef {import("../rpc.js").Credentials} Credentials */
/** @typedef {import("../url_options.js").UrlOptions} UrlOptions */
/** @typedef {import("./native.js").NativeTarget} NativeTarget */

/** Of the choice that opens the field for another server's name; no server has this id. */
const OTHER = "";

export class LoginForm {
	/**
	 * @param {object} options
	 * @param {(credentials: Credentials, desktop: string, server: string) => void} options.onSubmit
	 * with the server's title
	 * @param {() => void} options.onCancel of a login that is under way
	 * @param {(text: string) => void} options.say to the status line
	 */
	constructor({ onSubmit, onCancel, say }) {
		this._form = byId("login-form", HTMLFormElement);
		this._note = byId("form-note", HTMLElement);
		this._error = byId("form-error", HTMLElement);
		this._server = byId("server", HTMLSelectElement);
		this._otherField = byId("other-server-field", HTMLElement);
		this._other = byId("other-server", HTMLInputElement);
		this._user = byId("username", HTMLInputElement);
		this._password = byId("password", HTMLInputElement);
		this._desktop = byId("desktop", HTMLSelectElement);
		this._jump = new JumpFields();
		this._fullscreenField = byId("kiosk-fullscreen-field", HTMLElement);
		this._fullscreen = byId("kiosk-fullscreen", HTMLInputElement);
		this._connect = byId("connect", HTMLButtonElement);
		this._idle = byId("connect-idle", HTMLElement);
		this._cancel = byId("cancel-login", HTMLButtonElement);
		this._native = new NativeOffer({
			target: () => this._filledInTarget(),
			showError: (text) => this.showError(text),
		});
		this._countdown = new Countdown((left) => {
			this._showWait(left);
			if (left === 0) say(TEXT.retryNow);
		});
		/** @type {Config | null} */
		this._config = null;
		this._kiosk = false;
		this._busy = false;
		this._waitS = 0; /* before the gateway takes another login */
		this._useless = false; /* nothing that could be sent from here would be taken */
		this._connect.disabled = true;
		this._server.addEventListener("change", () => {
			this._useItsDesktop();
			this._serverChosen();
		});
		onLanguage(() => {
			const other = this._server.querySelector('option[value=""]');
			if (other) other.textContent = TEXT.otherServer;
			this._showWait(this._waitS);
		});
		this._cancel.addEventListener("click", onCancel);
		this._form.addEventListener("submit", (event) => {
			event.preventDefault();
			if (this._connect.disabled) return;
			this.showError("");
			this.showNote("");
			onSubmit(this._takeCredentials(), this._desktop.value, this._serverTitle());
		});
	}

	/**
	 * @param {Config} config
	 * @param {UrlOptions} wishes of the page's address
	 * @param {boolean} kiosk with what address and configuration say and nothing else
	 */
	fill(config, wishes, kiosk) {
		this._config = config;
		this._kiosk = kiosk;
		const servers = [...config.servers];
		if (config.other_servers) servers.push({ id: OTHER, title: TEXT.otherServer });
		fillSelect(this._server, servers, config.defaults.server);
		fillSelect(this._desktop, config.desktops, config.defaults.desktop);
		this._fullscreenField.hidden = !(kiosk && document.fullscreenEnabled);
		const refused = this._prefill(config, wishes);
		this._useless = kiosk && refused;
		for (const select of [this._server, this._desktop]) select.disabled = kiosk;
		this._other.readOnly = kiosk;
		this._user.readOnly = kiosk && wishes.user !== "";
		this._serverChosen();
		this._enable();
	}

	/** @param {Config} config @param {UrlOptions} wishes @returns {boolean} whether the address asks
	 * for a server that is not to be had */
	_prefill(config, { server, user, desktop }) {
		const isListed = config.servers.some(({ id }) => id === server);
		const isOther = server !== "" && !isListed && config.other_servers;
		if (server !== "" && isListed) this._server.value = server;
		if (isOther) {
			this._server.value = OTHER;
			this._other.value = server;
		}
		this._useItsDesktop();
		if (user !== "") this._user.value = user;
		const isKnown = config.desktops.some(({ id }) => id === desktop);
		if (isKnown) this._desktop.value = desktop;
		const refused = server !== "" && !isListed && !isOther;
		if (refused) this.showError(TEXT.unknownServer(server));
		else if (desktop !== "" && !isKnown) this.showError(TEXT.unknownDesktop(desktop));
		return refused;
	}

	/** @param {string} text "" for none */
	showError(text) {
		showText(this._error, text);
	}

	/** Why there was no login; where the gateway wants to wait, so does the button.
	 * @param {import("../text/faults.js").Fault} fault */
	showFault(fault) {
		const { retryAfter, now } = fault;
		this.showError(faultLine({ ...fault, retryAfter: 0, now: retryAfter > 0 ? "" : now }));
		if (retryAfter <= 0) return;
		/* Told once; the button goes on telling those who look at it. */
		const told = make("span", { className: "unseen" });
		told.textContent = ` ${TEXT.retryAfter(Math.ceil(retryAfter))}`;
		this._error.append(told);
		this._countdown.begin(retryAfter);
	}

	/** Something to know that is no failure of a login. @param {string} text "" for none */
	showNote(text) {
		showText(this._note, text);
	}

	/** @param {boolean} busy */
	setBusy(busy) {
		this._busy = busy;
		this._form.setAttribute("aria-busy", String(busy));
		this._cancel.hidden = !busy;
		this._enable();
	}

	_enable() {
		this._connect.disabled = this._busy || this._useless || !this._config || this._waitS > 0;
	}

	/** @param {number} seconds */
	_showWait(seconds) {
		this._waitS = seconds;
		this._idle.textContent = seconds > 0 ? TEXT.retryIn(seconds) : TEXT.page.connect;
		this._enable();
	}

	/** What a kiosk's user has chosen; elsewhere the session's own button does it. */
	get wantsFullscreen() {
		return !this._fullscreenField.hidden && this._fullscreen.checked;
	}

	/** Puts the cursor where the user goes on. */
	focus() {
		(this._user.value === "" ? this._user : this._password).focus();
	}

	_serverChosen() {
		const other = this._server.value === OTHER;
		this._otherField.hidden = !other;
		this._other.required = other;
		const jump = this._chosen?.jump;
		const may = this._kiosk ? null : this._config;
		this._jump.offer(may ? jump : undefined, other && may?.other_jumps === true);
		/* Of a configured jump host the page knows no address that a client could use. */
		this._native.show(may?.native_mode === true && !jump);
	}

	/** The server's own default. */
	_useItsDesktop() {
		const desktop = this._chosen?.desktop;
		if (this._config?.desktops.some(({ id }) => id === desktop))
			this._desktop.value = desktop ?? "";
	}

	get _chosen() {
		return this._config?.servers.find(({ id }) => id === this._server.value);
	}

	_serverTitle() {
		if (this._server.value === OTHER) return this._other.value.trim();
		return this._server.selectedOptions[0]?.textContent ?? this._server.value;
	}

	/** @returns {NativeTarget | null} */
	_filledInTarget() {
		const other = this._server.value === OTHER;
		if (!this._user.reportValidity() || (other && !this._other.reportValidity())) return null;
		return this.nativeTarget(this._user.value.trim(), this._serverTitle());
	}

	/**
	 * For x2goclient: where to, as whom, which desktop.
	 * @param {string} user @param {string} server its title, which is its name where it was typed
	 * @returns {NativeTarget | null} null: that is not offered
	 */
	nativeTarget(user, server) {
		if (this._config?.native_mode !== true) return null;
		const listed = this._config.servers.find(({ title }) => title === server);
		if (listed?.jump) return null;
		const jump = this._jump.typed;
		return {
			title: server,
			host: listed ? (listed.host ?? listed.id) : server,
			port: listed?.port,
			user,
			desktop: this._desktop.value,
			jumpHost: jump.host === "" ? null : jump,
		};
	}

	/** @returns {Credentials} */
	_takeCredentials() {
		const password = this._password.value;
		this._password.value = "";
		const typed = this._server.value === OTHER;
		return {
			...(typed ? { host: this._other.value.trim() } : { server: this._server.value }),
			user: this._user.value.trim(),
			...(password && { password }),
			...this._jump.take(),
		};
	}
}
