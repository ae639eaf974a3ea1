/* SPDX-License-Identifier: ISC */
/* The bar above the screen: its buttons, and how the keyboard goes among them. */

import { logWarn } from "../log.js";
import { TEXT } from "../text/text.js";
import { Bar } from "./bar.js";
import { byId } from "./dom.js";
import { Help } from "./help.js";
import { RovingRow } from "./roving.js";
import { StatsPanel } from "./stats.js";

/** @typedef {import("../types.js").Stats} Stats */

export class Toolbar {
	/**
	 * @param {object} options
	 * @param {() => void} options.onSuspend
	 * @param {() => void} options.onTerminate
	 * @param {() => void} options.onDisconnect
	 * @param {(on: boolean) => void} options.onStats
	 * @param {() => void} options.onWork the user goes back to the screen
	 * @param {(text: string) => void} options.say
	 */
	constructor({ onSuspend, onTerminate, onDisconnect, onStats, onWork, say }) {
		this._onStats = onStats;
		this._title = byId("session-title", HTMLElement);
		this._bar = byId("toolbar", HTMLElement);
		this._row = new RovingRow(this._bar);
		this._place = new Bar(() => {
			const touch = matchMedia("(hover: none)").matches;
			say(touch ? TEXT.barHidesTouch : TEXT.barHides);
		});
		this._more = byId("more", HTMLButtonElement);
		this._rest = byId("more-tools", HTMLElement);
		this._suspend = byId("suspend", HTMLButtonElement);
		this._terminate = byId("terminate", HTMLButtonElement);
		this._disconnect = byId("disconnect", HTMLButtonElement);
		this._fullscreen = byId("fullscreen", HTMLButtonElement);
		this._stats = byId("stats", HTMLButtonElement);
		this._panel = new StatsPanel();
		new Help(onWork);
		this._suspend.addEventListener("click", onSuspend);
		this._terminate.addEventListener("click", onTerminate);
		this._disconnect.addEventListener("click", onDisconnect);
		this._stats.addEventListener("click", () => this._setStats(!this.statsShown));
		this._fullscreen.addEventListener("click", () => this._toggleFullscreen());
		this._listenToMore();
		this._bar.addEventListener("keydown", (event) => {
			if (event.key === "Escape" && !event.defaultPrevented) onWork();
		});
		this._fullscreen.hidden = !document.fullscreenEnabled;
		document.addEventListener("fullscreenchange", () => {
			const on = document.fullscreenElement !== null;
			this._fullscreen.setAttribute("aria-pressed", String(on));
		});
	}

	get statsShown() {
		return this._panel.shown;
	}

	/** @param {string} text */
	setTitle(text) {
		this._title.textContent = text;
	}

	/**
	 * Buttons marked data-always can be pressed at any time.
	 * @param {boolean} running there is a session to act on @param {boolean} busy acting on it
	 */
	setEnabled(running, busy) {
		for (const button of this._bar.querySelectorAll("button"))
			button.disabled = !running && button.dataset.always === undefined;
		if (busy) for (const button of [this._suspend, this._terminate]) button.disabled = true;
	}

	focus() {
		this._place.show();
		this._row.focus();
	}

	/** @param {Stats} stats */
	showStats(stats) {
		this._panel.add(stats);
	}

	/** In narrow windows a part of the bar folds behind a button. */
	_listenToMore() {
		const unfold = (/** @type {boolean} */ on) => {
			this._rest.classList.toggle("open", on);
			this._more.setAttribute("aria-expanded", String(on));
		};
		this._more.addEventListener("click", () => {
			unfold(!this._rest.classList.contains("open"));
		});
		this._rest.addEventListener("click", () => unfold(false));
		this._bar.addEventListener("keydown", (event) => {
			if (event.key !== "Escape" || !this._rest.classList.contains("open")) return;
			event.preventDefault();
			unfold(false);
			this._more.focus();
		});
		document.addEventListener("pointerdown", ({ target }) => {
			if (target instanceof Node && !this._bar.contains(target)) unfold(false);
		});
	}

	/** @param {boolean} on */
	_setStats(on) {
		this._panel.setShown(on);
		this._stats.setAttribute("aria-pressed", String(on));
		this._onStats(on);
	}

	async _toggleFullscreen() {
		try {
			if (document.fullscreenElement) await document.exitFullscreen();
			else await document.documentElement.requestFullscreen();
		} catch (error) {
			logWarn(`full screen: refused: ${error}`);
		}
	}
}
