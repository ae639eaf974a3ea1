/* SPDX-License-Identifier: ISC */
/*
 * Which key the browser answers with a paste event, so that it must be let do so. A key that is
 * not one of these must never be left to the browser. Pure.
 */

/** @typedef {Pick<KeyboardEvent, "code" | "key" | "ctrlKey" | "altKey" | "shiftKey" | "metaKey">}
 *   KeyLike */

/** @param {KeyLike} event a key that goes down @param {boolean} mac */
export function isPasteKey(event, mac) {
	const { code, ctrlKey, altKey, shiftKey, metaKey } = event;
	if (altKey || (ctrlKey && metaKey)) return false;
	if (code === "Insert") return shiftKey && !ctrlKey && !metaKey && !mac;
	return isV(event) && (mac ? metaKey : ctrlKey);
}

/** Browsers go by the letter, and by the place of the key where the layout has no such letters.
 * @param {KeyLike} event */
function isV({ code, key }) {
	const letter = key.toLowerCase();
	return letter === "v" || (code === "KeyV" && !/^[a-z]$/.test(letter));
}
