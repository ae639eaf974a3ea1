/* SPDX-License-Identifier: ISC */
/*
 * What the page's address may ask for: ?server=&user=&desktop=&size=1280x800&kiosk=1; besides,
 * text/text.js reads ?lang= and input/layouts.js ?layout=. Whoever makes a link writes it: every
 * value is foreign text. A password has no place in an address; one that stands there is not read.
 */

/** @typedef {import("./geometry.js").Size} Size */

/**
 * @typedef {object} UrlOptions
 * @property {string} server id or name, "" for none
 * @property {string} user
 * @property {string} desktop
 * @property {Size | null} size
 * @property {boolean} kiosk
 */

const SECRET = /^(proxy|jump|ssh|x2go)?[-_.]?(pass|password|passwd|passphrase|pw|pwd|secret)$/i;
const SIZE = /^(\d{2,4})x(\d{2,4})$/;
const TEXT_MAX = 255;

/**
 * @param {string} address of the page
 * @returns {{options: UrlOptions, safeAddress: string | null}} safeAddress: what the address bar
 * must show instead, where a password stands in it
 */
export function readUrlOptions(address) {
	const url = new URL(address);
	const value = (/** @type {string} */ name) => plain(url.searchParams.get(name) ?? "");
	const [, width, height] = value("size").match(SIZE) ?? [];
	const options = {
		server: value("server"),
		user: value("user"),
		desktop: value("desktop"),
		size: width ? { width: Number(width), height: Number(height) } : null,
		kiosk: ["1", "true", "yes", ""].includes(url.searchParams.get("kiosk") ?? "no"),
	};
	return { options, safeAddress: withoutSecrets(url) };
}

/** @param {URL} url @returns {string | null} */
function withoutSecrets(url) {
	const secret = [...url.searchParams.keys()].filter((key) => SECRET.test(key));
	const fragment = [...new URLSearchParams(url.hash.slice(1)).keys()].some((key) =>
		SECRET.test(key),
	);
	if (secret.length === 0 && !fragment) return null;
	for (const key of secret) url.searchParams.delete(key);
	if (fragment) url.hash = "";
	return url.href;
}

/** @param {string} text */
function plain(text) {
	return text.replace(/\p{C}/gu, "").trim().slice(0, TEXT_MAX);
}
