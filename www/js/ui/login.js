/* SPDX-License-Identifier: ISC */
/*
 * The login form. Passwords leave it once, into the login call, and their fields are emptied at
 * that moment.
 */

import { byId, fillSelect, showText } from "./dom.js";
import { onLanguage, TEXT } from "../text/text.js";

/** @typedef {import("../types.js").Config} Config */
/** @typedef {import("../rpc.js").Credentials} Credentials */

/** Of the choice that opens the field for another server's name; no server has this id. */
const OTHER = "";

export class LoginForm {
	/** @param {(credentials: Credentials, desktop: string, server: string) => void} onSubmit with
	 * the server's title */
	constructor(onSubmit) {
		this._form = byId("login-form", HTMLFormElement);
		this._error = byId("form-error", HTMLElement);
		this._server = byId("server", HTMLSelectElement);
		this._otherField = byId("other-server-field", HTMLElement);
		this._other = byId("other-server", HTMLInputElement);
		this._user = byId("username", HTMLInputElement);
		this._password = byId("password", HTMLInputElement);
		this._desktop = byId("desktop", HTMLSelectElement);
		this._proxy = byId("proxy", HTMLDetailsElement);
		this._proxyHost = byId("proxy-host", HTMLInputElement);
		this._proxyUser = byId("proxy-username", HTMLInputElement);
		this._proxyPassword = byId("proxy-password", HTMLInputElement);
		this._connect = byId("connect", HTMLButtonElement);
		this._connect.disabled = true;
		this._server.addEventListener("change", () => this._serverChosen());
		onLanguage(() => {
			const other = this._server.querySelector('option[value=""]');
			if (other) other.textContent = TEXT.otherServer;
		});
		this._form.addEventListener("submit", (event) => {
			event.preventDefault();
			this.showError("");
			onSubmit(this._takeCredentials(), this._desktop.value, this._serverTitle());
		});
	}

	/** @param {Config} config */
	fill(config) {
		const servers = [...config.servers];
		if (config.other_servers) servers.push({ id: OTHER, title: TEXT.otherServer });
		fillSelect(this._server, servers, config.defaults.server);
		fillSelect(this._desktop, config.desktops, config.defaults.desktop);
		const jump = config.jump_host === true;
		this._proxy.hidden = !jump;
		for (const input of [this._proxyHost, this._proxyUser, this._proxyPassword])
			input.disabled = !jump;
		this._serverChosen();
		this._connect.disabled = false;
	}

	/** @param {string} text "" for none */
	showError(text) {
		showText(this._error, text);
	}

	/** @param {boolean} busy */
	setBusy(busy) {
		this._form.toggleAttribute("aria-busy", busy);
		this._connect.disabled = busy;
	}

	/** Puts the cursor where the user goes on. */
	focus() {
		(this._user.value === "" ? this._user : this._password).focus();
	}

	_serverChosen() {
		const other = this._server.value === OTHER;
		this._otherField.hidden = !other;
		this._other.required = other;
	}

	_serverTitle() {
		if (this._server.value === OTHER) return this._other.value.trim();
		return this._server.selectedOptions[0]?.textContent ?? this._server.value;
	}

	/** @returns {Credentials} */
	_takeCredentials() {
		/** @type {Credentials} */
		const credentials = {
			server: this._server.value === OTHER ? this._other.value.trim() : this._server.value,
			user: this._user.value.trim(),
			password: takeValue(this._password),
		};
		const password = takeValue(this._proxyPassword);
		const host = this._proxyHost.value.trim();
		if (!this._proxyHost.disabled && host !== "")
			credentials.jump_host = { host, user: this._proxyUser.value.trim(), password };
		return credentials;
	}
}

/** @param {HTMLInputElement} input */
function takeValue(input) {
	const { value } = input;
	input.value = "";
	return value;
}
