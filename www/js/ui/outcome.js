/* SPDX-License-Identifier: ISC */
/* The two cards over the screen: what is being done, and how it ended. */

import { byId, showText } from "./dom.js";
import { describeFault } from "../text/faults.js";
import { TEXT } from "../text/text.js";

/** @typedef {import("../types.js").EndReason} EndReason */
/** @typedef {import("../text/faults.js").Fault & {title: string}} Told */
/** @typedef {Told & {fault: boolean, gone: boolean}} Outcome `gone`: the session cannot be resumed */

/** Ends that are no fault. @type {Record<string, {title: string, gone: boolean}>} */
const NORMAL_ENDS = {
	suspended: { title: TEXT.suspended, gone: false },
	terminated: { title: TEXT.terminated, gone: true },
	replaced: { title: TEXT.replaced, gone: false },
	ended: { title: TEXT.ended, gone: true },
	logout: { title: TEXT.ended, gone: true },
};

/** @param {EndReason} reason @returns {Outcome} */
export function describeEnd({ code, message }) {
	const normal = Object.hasOwn(NORMAL_ENDS, code) ? NORMAL_ENDS[code] : null;
	const fault = describeFault(code, message);
	if (normal) return { ...fault, ...normal, detail: "", fault: false };
	return { ...fault, title: TEXT.streamFailed, fault: true, gone: false };
}

export class Progress {
	/** @param {() => void} onCancel */
	constructor(onCancel) {
		this._title = byId("progress-title", HTMLElement);
		this._hint = byId("progress-hint", HTMLElement);
		byId("cancel", HTMLButtonElement).addEventListener("click", onCancel);
	}

	/** @param {string} title @param {string} hint */
	show(title, hint) {
		this._title.textContent = title;
		this._hint.textContent = hint;
	}
}

export class OutcomeCard {
	/** @param {{onBack: () => void, onRelogin: () => void}} options */
	constructor({ onBack, onRelogin }) {
		this._title = byId("outcome-title", HTMLElement);
		this._message = byId("outcome-message", HTMLElement);
		this._now = byId("outcome-now", HTMLElement);
		this._detail = byId("outcome-detail", HTMLElement);
		this._again = byId("again", HTMLButtonElement);
		/** @type {(() => void) | null} */
		this._retry = null;
		this._again.addEventListener("click", () => this._retry?.());
		byId("back", HTMLButtonElement).addEventListener("click", onBack);
		byId("relogin", HTMLButtonElement).addEventListener("click", onRelogin);
	}

	/**
	 * @param {Told} outcome
	 * @param {{label: string, run: () => void} | null} again what the user would most likely do now
	 */
	show({ title, what, now, detail }, again) {
		this._title.textContent = title;
		this._message.textContent = what;
		showText(this._now, now);
		showText(this._detail, detail);
		this._retry = again?.run ?? null;
		this._again.textContent = again?.label ?? "";
		this._again.hidden = !again;
		(again ? this._again : this._title).focus();
	}
}
