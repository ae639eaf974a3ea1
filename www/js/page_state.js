/* SPDX-License-Identifier: ISC */
/*
 * The page's state, and the only place that sets it. Style sheet and tests read it from
 * <html data-state>.
 *
 *   form --> authenticating --> sessions <--> starting --> running <--> reconnecting
 *                  |  ^            ^             |             |
 *                prompt            '---- ended, error <--------'
 */

import { logInfo } from "./log.js";

/** @typedef {"form" | "authenticating" | "prompt" | "sessions" | "starting" | "running"
 *   | "reconnecting" | "ended" | "error"} PageStateName */

/** @type {Record<PageStateName, PageStateName[]>} */
const TRANSITIONS = {
	form: ["authenticating"],
	authenticating: ["form", "prompt", "sessions", "starting"],
	prompt: ["form", "authenticating"],
	sessions: ["form", "starting"],
	starting: ["form", "sessions", "running", "ended", "error"],
	running: ["form", "sessions", "reconnecting", "ended", "error"],
	reconnecting: ["form", "sessions", "running", "ended", "error"],
	ended: ["form", "sessions", "starting"],
	error: ["form", "sessions", "starting"],
};

export class PageState {
	/**
	 * @param {{dataset: DOMStringMap}} element carries data-state
	 * @param {(state: PageStateName) => void} onChange
	 */
	constructor(element, onChange) {
		this._element = element;
		this._onChange = onChange;
		/** @type {PageStateName} */
		this._state = "form";
		this._element.dataset.state = this._state;
	}

	get value() {
		return this._state;
	}

	/** @param {PageStateName} next */
	set(next) {
		if (!TRANSITIONS[this._state].includes(next))
			throw new Error(`page state: no way from ${this._state} to ${next}`);
		logInfo(`page: ${this._state} -> ${next}`);
		this._state = next;
		this._element.dataset.state = next;
		this._onChange(next);
	}
}
