/* SPDX-License-Identifier: ISC */
/* The two cards over the screen: what is being done, and how it ended. */

import { byId } from "./dom.js";
import { TEXT } from "../text/text.js";

/** @typedef {import("../types.js").EndReason} EndReason */
/** @typedef {{title: string, message: string, fault: boolean, gone: boolean}} Outcome `gone`: the
 * session cannot be resumed */

/** Ends that are no fault. @type {Record<string, {title: string, text: string, gone: boolean}>} */
const NORMAL_ENDS = {
	suspended: { title: TEXT.suspended, text: TEXT.suspendedText, gone: false },
	terminated: { title: TEXT.terminated, text: TEXT.terminatedText, gone: true },
	replaced: { title: TEXT.replaced, text: TEXT.replacedText, gone: false },
	ended: { title: TEXT.ended, text: TEXT.endedText, gone: true },
	logout: { title: TEXT.ended, text: TEXT.loginOver, gone: true },
};

/** @param {EndReason} reason @returns {Outcome} */
export function describeEnd({ code, message }) {
	const normal = Object.hasOwn(NORMAL_ENDS, code) ? NORMAL_ENDS[code] : null;
	if (normal)
		return { title: normal.title, message: normal.text, fault: false, gone: normal.gone };
	return { title: TEXT.streamFailed, message: message || code, fault: true, gone: false };
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
		this._again = byId("again", HTMLButtonElement);
		/** @type {(() => void) | null} */
		this._retry = null;
		this._again.addEventListener("click", () => this._retry?.());
		byId("back", HTMLButtonElement).addEventListener("click", onBack);
		byId("relogin", HTMLButtonElement).addEventListener("click", onRelogin);
	}

	/**
	 * @param {{title: string, message: string}} outcome
	 * @param {{label: string, run: () => void} | null} again what the user would most likely do now
	 */
	show({ title, message }, again) {
		this._title.textContent = title;
		this._message.textContent = message;
		this._retry = again?.run ?? null;
		this._again.textContent = again?.label ?? "";
		this._again.hidden = !again;
		(again ? this._again : this._title).focus();
	}
}
