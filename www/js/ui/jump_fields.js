/* SPDX-License-Identifier: ISC */
/* The login form's fields for a jump host: shown where there is something to say. */

import { byId } from "./dom.js";
import { onLanguage, TEXT } from "../text/text.js";

/** @typedef {import("../types.js").Server} Server */

export class JumpFields {
	constructor() {
		this._details = byId("proxy", HTMLDetailsElement);
		this._summary = byId("proxy-summary", HTMLElement);
		this._hostField = byId("proxy-host-field", HTMLElement);
		this._host = byId("proxy-host", HTMLInputElement);
		this._user = byId("proxy-username", HTMLInputElement);
		this._password = byId("proxy-password", HTMLInputElement);
		/** @type {Server["jump"]} */
		this._jump = undefined;
		onLanguage(() => this._say());
	}

	/**
	 * @param {Server["jump"]} jump that leads to the chosen server
	 * @param {boolean} mayType one may be typed
	 */
	offer(jump, mayType) {
		/* What was typed for one jump host is no other's to know. */
		if (jump?.title !== this._jump?.title) this._password.value = "";
		this._jump = jump;
		const hasUser = mayType || jump?.user === true;
		this._details.hidden = !hasUser;
		this._hostField.hidden = this._host.disabled = !mayType;
		for (const input of [this._user, this._password]) input.disabled = !hasUser;
		this._say();
	}

	/** What was typed; the password leaves its field with it.
	 * @returns {Pick<import("../rpc.js").Credentials, "proxy_host" | "proxy_user"
	 *   | "proxy_password">} */
	take() {
		const { host, user } = this.typed;
		const password = this._password.value;
		this._password.value = "";
		if (this._user.disabled || (!this._host.disabled && host === "")) return {};
		return {
			...(host && { proxy_host: host }),
			...(user && { proxy_user: user }),
			...(password && { proxy_password: password }),
		};
	}

	/** @returns {{host: string, user: string}} */
	get typed() {
		const host = this._host.disabled ? "" : this._host.value.trim();
		return { host, user: this._user.value.trim() };
	}

	_say() {
		this._summary.textContent = this._jump
			? TEXT.jumpLogin(this._jump.title)
			: TEXT.page.jumpHostLogin;
	}
}
