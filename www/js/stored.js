/* SPDX-License-Identifier: ISC */
/*
 * What the page remembers of the user's taste, in this browser: nothing secret, nothing that names
 * a person or a session. A browser may deny the page any storage; then nothing is remembered.
 */

const PREFIX = "x2goweb.";

/** @param {string} name @returns {string} "" where nothing is remembered */
export function remembered(name) {
	try {
		return localStorage.getItem(PREFIX + name) ?? "";
	} catch {
		return "";
	}
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
	try {
		localStorage.setItem(PREFIX + name, value);
	} catch {
		/* Then it holds until the page is left. */
	}
}
