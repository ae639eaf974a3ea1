/* SPDX-License-Identifier: ISC */
/*
 * What to tell the user of a failure: our own words for its code, in the page's language. The
 * gateway's message is English; it serves for codes that are newer than this page, and what it adds
 * in parentheses at its end (a fingerprint, a name) is kept as the detail.
 */

import { TEXT } from "./text.js";

/** @typedef {{what: string, now: string, detail: string}} Fault `now`: what can be done */

const DETAIL = /\((.+)\)\s*$/s;

/** @param {string} code @param {string} message the gateway's @returns {Fault} */
export function describeFault(code, message) {
	const own = Object.hasOwn(TEXT.faults, code) ? TEXT.faults[code] : null;
	if (!own) return { what: message || TEXT.faults.page_fault.what, now: "", detail: "" };
	return { ...own, detail: message.match(DETAIL)?.[1] ?? "" };
}

/** The same in one line. @param {Fault} fault */
export function faultLine({ what, now, detail }) {
	return [what, now, detail && `(${detail})`].filter(Boolean).join(" ");
}
