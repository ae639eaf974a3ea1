/* SPDX-License-Identifier: ISC */
/*
 * The keyboard from the page's side: which layout a session is opened with, what follows when the
 * user chooses another, the Keys panel, and the keys that a full screen takes from the system.
 */

import { askedLayout, LayoutChoice } from "./input/layouts.js";
import { logInfo } from "./log.js";
import { messageOf } from "./rpc.js";
import { TEXT } from "./text/text.js";
import { KeysPanel } from "./ui/keys.js";
import { LayoutSelects } from "./ui/layout_selects.js";

export class KeyboardFlow {
	/**
	 * @param {object} options
	 * @param {import("./rpc.js").Rpc} options.rpc
	 * @param {(text: string, fault?: boolean) => void} options.say to the status line
	 */
	constructor({ rpc, say }) {
		this._rpc = rpc;
		this._say = say;
		/** @type {import("./session_view.js").SessionView | null} on the screen */
		this._view = null;
		this._session = "";
		this._layout = ""; /* that the session has */
		this._panel = new KeysPanel(() => this._view?.focus());
		this.choice = new LayoutChoice(askedLayout(location.search));
		const selects = new LayoutSelects((layout) => this.choice.choose(layout));
		const show = () => selects.show(this.choice.choice, this.choice.detected);
		this.choice.onChange(() => {
			show();
			void this._adapt();
		});
		show();
		document.addEventListener("fullscreenchange", () => void this._lockKeys());
	}

	/** The layout to open a session with; the keyboard may be another one by now. */
	async layout() {
		await this.choice.refresh();
		return this.choice.layout;
	}

	/** A session comes to the screen. @param {import("./session_view.js").SessionView} view
	 * @param {string} session its id @param {string} layout that it was opened with */
	attach(view, session, layout) {
		this._view = view;
		this._session = session;
		this._layout = layout;
		this._panel.attach(view.keys);
		void this._adapt();
	}

	detach() {
		this._view = null;
		this._panel.attach(null);
	}

	/** Gives the session the chosen layout. */
	async _adapt() {
		const { layout } = this.choice;
		const view = this._view;
		if (!view || layout === this._layout) return;
		this._layout = layout;
		try {
			await this._rpc.setLayout(this._session, layout);
			if (view === this._view) view.keys.setLayout(layout);
		} catch (error) {
			if (view === this._view) this._say(messageOf(error), true);
		}
	}

	/** In full screen the browser may leave all keys to the session. */
	async _lockKeys() {
		const { keyboard } = /** @type {any} */ (navigator);
		if (!keyboard?.lock) return;
		if (!document.fullscreenElement) {
			keyboard.unlock();
			return;
		}
		try {
			await keyboard.lock();
			this._say(TEXT.keysLocked);
		} catch (error) {
			logInfo(`keyboard: not locked: ${error}`);
		}
	}
}
