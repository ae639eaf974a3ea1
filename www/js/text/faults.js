/* SPDX-License-Identifier: ISC */
/*
 * What to tell the user of a failure: our own words for its code, in the page's language. The
 * gateway's message is English; it serves for codes that are newer than this page, and what it adds
 * in parentheses at its end (a fingerprint, a name) is kept as the detail.
 */

import { TEXT } from "./text.js";

/** @typedef {{what: string, now: string, detail: string, retryAfter: number}} Fault `now`: what can
 * be done; `retryAfter`: the seconds to wait before it can be tried again, 0 for none */

const DETAIL = /\((.+)\)\s*$/s;

/**
 * @param {string} code
 * @param {string} message the gateway's
 * @param {{hop?: string, retryAfter?: number}} [more] hop "jump": it happened at the jump host
 * @returns {Fault}
 */
export function describeFault(code, message, { hop = "", retryAfter = 0 } = {}) {
	const own = Object.hasOwn(TEXT.faults, code) ? TEXT.faults[code] : null;
	if (!own)
		return { what: message || TEXT.faults.page_fault.what, now: "", detail: "", retryAfter };
	const detail = message.match(DETAIL)?.[1] ?? "";
	if (hop !== "jump") return { ...own, detail, retryAfter };
	const known = Object.hasOwn(TEXT.jumpFaults, code) ? TEXT.jumpFaults[code] : null;
	return { ...(known ?? { ...own, what: TEXT.atJumpHost(own.what) }), detail, retryAfter };
}

/** The same in one line. @param {Fault} fault */
export function faultLine({ what, now, detail, retryAfter }) {
	const todo = retryAfter > 0 ? TEXT.retryAfter(retryAfter) : now;
	return [what, todo, detail && `(${detail})`].filter(Boolean).join(" ");
}
