/* SPDX-License-Identifier: ISC */
/*
 * What a reload needs to come back to its login: the login's id, which is no secret (the cookie
 * is, and no script can read that), and what the page knew. Kept for this tab alone.
 */

/** @typedef {import("./types.js").Choice} Choice */

/**
 * @typedef {object} RememberedLogin
 * @property {string} login
 * @property {string} user
 * @property {string} server its title
 * @property {Choice[]} desktops installed there
 * @property {string} desktop chosen in the form
 * @property {string} screen id of the session on the screen, "" for none
 */

const KEY = "x2goweb.login";

export class LoginMemory {
	/** @param {() => Storage} storage throws where the browser denies it */
	constructor(storage) {
		this._storage = storage;
	}

	/** @returns {RememberedLogin | null} */
	read() {
		try {
			const value = JSON.parse(this._storage().getItem(KEY) ?? "null");
			return isRemembered(value) ? value : null;
		} catch {
			return null;
		}
	}

	/** @param {RememberedLogin} login */
	write(login) {
		try {
			this._storage().setItem(KEY, JSON.stringify(login));
		} catch {
			/* Then a reload leads to the form. */
		}
	}

	/** @param {string} screen */
	writeScreen(screen) {
		const login = this.read();
		if (login && login.screen !== screen) this.write({ ...login, screen });
	}

	clear() {
		try {
			this._storage().removeItem(KEY);
		} catch {
			/* Nothing is kept. */
		}
	}
}

/** @param {any} value @returns {value is RememberedLogin} */
function isRemembered(value) {
	const isText = (/** @type {unknown} */ text) => typeof text === "string";
	return (
		/^[0-9a-f]{16}$/.test(value?.login) &&
		[value.user, value.server, value.desktop, value.screen].every(isText) &&
		Array.isArray(value.desktops) &&
		value.desktops.every(
			(/** @type {any} */ choice) => isText(choice?.id) && isText(choice?.title),
		)
	);
}
