/* SPDX-License-Identifier: ISC */
/* What the browser runs on, as far as keys and selections differ there. */

/**
 * @typedef {object} Platform
 * @property {boolean} mac Option writes characters, Command is for shortcuts
 * @property {boolean} windows AltGr comes with a Control that nobody pressed
 * @property {boolean} [primary] a middle click pastes what is selected
 * @property {boolean} numLock there is such a thing; without it a keypad always writes digits
 */

/** @param {string} name as navigator.platform has it @returns {Platform} */
export function platformOf(name) {
	const mac = /^(mac|iphone|ipad|ipod)/i.test(name);
	return {
		mac,
		windows: /^win/i.test(name),
		primary: /^(linux(?! (arm|aarch))|freebsd|openbsd)/i.test(name),
		numLock: !mac && !/android|cros|chrome/i.test(name),
	};
}

const here = /** @type {any} */ (typeof navigator === "undefined" ? {} : navigator);

export const PLATFORM = platformOf(here.userAgentData?.platform || here.platform || "");
