/* SPDX-License-Identifier: ISC */
/* The two cards over the screen: what is being done, and how it ended. */

import { Countdown } from "./countdown.js";
import { byId, make, showText } from "./dom.js";
import { describeFault } from "../text/faults.js";
import { TEXT } from "../text/text.js";

const TELL_AFTER_S = 4;
const LONG_S = 20;

/** @typedef {import("../types.js").EndReason} EndReason */
/** @typedef {import("../text/faults.js").Fault & {title: string}} Told */
/** @typedef {Told & {fault: boolean, gone: boolean}} Outcome `gone`: it cannot be resumed by this login */

/** Ends that are no fault. @type {Record<string, {title: () => string, gone: boolean}>} */
const NORMAL_ENDS = {
	suspended: { title: () => TEXT.suspended, gone: false },
	suspended_away: { title: () => TEXT.suspended, gone: false },
	terminated: { title: () => TEXT.terminated, gone: true },
	replaced: { title: () => TEXT.replaced, gone: false },
	ended: { title: () => TEXT.ended, gone: true },
	logout: { title: () => TEXT.ended, gone: true },
};

/** @param {EndReason} reason @returns {Outcome} */
export function describeEnd({ code, message }) {
	const normal = Object.hasOwn(NORMAL_ENDS, code) ? NORMAL_ENDS[code] : null;
	const fault = describeFault(code, message);
	if (normal)
		return { ...fault, title: normal.title(), detail: "", fault: false, gone: normal.gone };
	/* A drain ends the login as well. */
	return { ...fault, title: TEXT.streamFailed, fault: true, gone: code === "draining" };
}

/** What takes a while, and how far it is: `step` counts the finished ones of TEXT.progressSteps. */
export class Progress {
	/** @param {() => void} onCancel */
	constructor(onCancel) {
		this._card = byId("progress", HTMLElement);
		this._title = byId("progress-title", HTMLElement);
		this._hint = byId("progress-hint", HTMLElement);
		this._steps = byId("progress-steps", HTMLElement);
		this._time = byId("progress-time", HTMLElement);
		this._since = 0;
		/** @type {ReturnType<typeof setInterval> | undefined} */
		this._timer = undefined;
		byId("cancel", HTMLButtonElement).addEventListener("click", onCancel);
	}

	/** Something new begins. @param {string} title @param {string} hint */
	begin(title, hint) {
		this._title.textContent = title;
		this._hint.textContent = hint;
		this._since = performance.now();
		this.step(0);
		clearInterval(this._timer);
		this._timer = setInterval(() => this._tick(), 1000);
		this._tick();
	}

	/** @param {number} finished */
	step(finished) {
		this._steps.replaceChildren(
			...TEXT.progressSteps.map((textContent, i) => {
				const item = make("li", { textContent });
				item.dataset.step = i < finished ? "done" : i === finished ? "now" : "later";
				if (i === finished) item.setAttribute("aria-current", "step");
				return item;
			}),
		);
	}

	/** Once a second while the card is shown; told only to who has waited for some. */
	_tick() {
		if (this._card.getClientRects().length === 0) return clearInterval(this._timer);
		const seconds = Math.floor((performance.now() - this._since) / 1000);
		this._time.textContent =
			seconds < TELL_AFTER_S
				? "\u00a0"
				: TEXT.waited(seconds) + (seconds < LONG_S ? "" : ` ${TEXT.takesLong}`);
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
		this._label = "";
		this._countdown = new Countdown((left) => {
			this._again.disabled = left > 0;
			this._again.textContent = left > 0 ? TEXT.retryIn(left) : this._label;
		});
		this._again.addEventListener("click", () => this._retry?.());
		byId("back", HTMLButtonElement).addEventListener("click", onBack);
		byId("relogin", HTMLButtonElement).addEventListener("click", onRelogin);
	}

	/**
	 * @param {Told} outcome
	 * @param {{label: string, run: () => void} | null} again what the user would most likely do now
	 */
	show({ title, what, now, detail, retryAfter }, again) {
		this._title.textContent = title;
		this._message.textContent = what;
		showText(this._now, retryAfter > 0 && again ? "" : now);
		showText(this._detail, detail);
		this._retry = again?.run ?? null;
		this._label = again?.label ?? "";
		this._again.hidden = !again;
		this._countdown.begin(retryAfter);
		(again && retryAfter <= 0 ? this._again : this._title).focus();
	}
}
