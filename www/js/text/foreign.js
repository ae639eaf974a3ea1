/* SPDX-License-Identifier: ISC */
/*
 * What a server says, before it is shown as text: without the signs that steer a terminal or turn
 * round what is read. The gateway has taken them out already; this page does not rely on that.
 */

const STEERING =
	/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Line breaks and tabs stay, those at the ends go. @param {string} text */
export function plainLines(text) {
	return text.replace(STEERING, "").trim();
}
