/* SPDX-License-Identifier: ISC */
/*
 * The clipboard's panel: what the desktop has copied or selected, and a way into its clipboard,
 * for when the browser does not let keys and menus do it. It shows a session's clipboard and
 * holds nothing itself. Runs in the page.
 */

import { TEXT } from "../text/text.js";
import { byId, showText } from "./dom.js";
import { Panel } from "./panel.js";

/** @typedef {import("../clipboard/session_clipboard.js").SessionClipboard} SessionClipboard */
/** @typedef {import("../clipboard/session_clipboard.js").ClipboardState} ClipboardState */
/** @typedef {import("../types.js").ClipboardContent} ClipboardContent */

/** More than this makes a text area slow. */
const SHOWN_CHARACTERS = 50_000;

export class ClipboardPanel {
	/**
	 * @param {object} options
	 * @param {() => SessionClipboard | undefined} options.clipboard of the session on the screen
	 * @param {() => void} options.onDone the user goes on working
	 */
	constructor({ clipboard, onDone }) {
		this._clipboard = clipboard;
		this._hint = byId("clipboard-hint", HTMLElement);
		this._allow = byId("clipboard-allow", HTMLButtonElement);
		this._fault = byId("clipboard-fault", HTMLElement);
		this._text = byId("clipboard-text", HTMLTextAreaElement);
		this._textField = byId("clipboard-text-field", HTMLElement);
		this._label = byId("clipboard-text-label", HTMLElement);
		this._picture = byId("clipboard-picture", HTMLElement);
		this._image = byId("clipboard-image", HTMLImageElement);
		this._save = byId("clipboard-save", HTMLAnchorElement);
		this._send = byId("clipboard-send", HTMLButtonElement);
		this._copy = byId("clipboard-copy", HTMLButtonElement);
		this._selectedField = byId("clipboard-selected-field", HTMLElement);
		this._selected = byId("clipboard-selected", HTMLTextAreaElement);
		this._status = byId("clipboard-status", HTMLElement);
		this._edited = false;
		/** @type {ClipboardContent | null} that is shown */
		this._shown = null;
		const button = byId("clipboard", HTMLButtonElement);
		this._panel = new Panel({
			button,
			panel: byId("clipboard-panel", HTMLElement),
			onToggle: (open) => this._toggled(open),
			onDone,
		});
		button.hidden = false;
		this._text.addEventListener("input", () => {
			this._edited = true;
			this._enable();
		});
		this._allow.addEventListener("click", () => void this._clipboard()?.askToRead());
		this._send.addEventListener("click", () => this._sendText());
		this._copy.addEventListener("click", () => void this._copyShown());
	}

	/** The session's clipboard has changed. */
	update() {
		const state = this._clipboard()?.state;
		if (!this._panel.isOpen || !state) return;
		const { direction } = state;
		const goesIn = direction === "both" || direction === "client";
		const comesOut = direction === "both" || direction === "server";
		this._hint.textContent =
			direction === "both"
				? TEXT.clipboardHint[state.permission]
				: TEXT.clipboardOneWay[direction];
		this._allow.hidden = state.permission !== "prompt" || !goesIn;
		this._textField.hidden = !goesIn && !comesOut;
		this._label.textContent = comesOut ? TEXT.page.clipboardText : TEXT.clipboardTextIn;
		this._text.readOnly ||= !goesIn;
		this._send.hidden = !goesIn;
		this._copy.hidden = !comesOut;
		const faults = /** @type {Record<string, string>} */ (TEXT.clipboardFaults);
		showText(this._fault, faults[state.fault] ?? "");
		if (state.server !== this._shown) this._showContent(state.server);
		this._status.textContent = statusOf(state);
		this._showSelected(state.selected);
		this._enable();
	}

	/** @param {boolean} open */
	_toggled(open) {
		this._edited = false;
		this._showContent(null);
		this._showSelected(null);
		if (!open) return;
		this._clipboard()?.askSelected();
		this.update();
	}

	/** @param {ClipboardContent | null} content */
	_showContent(content) {
		if (this._edited && content) return;
		this._shown = content;
		const text = content && "text" in content ? content.text : "";
		this._text.value = text.slice(0, SHOWN_CHARACTERS);
		this._text.readOnly = text.length > SHOWN_CHARACTERS;
		if (this._image.src) URL.revokeObjectURL(this._image.src);
		const image = content && "image" in content ? content.image : null;
		this._picture.hidden = image === null;
		if (image) {
			this._image.alt = TEXT.clipboardPicture;
			this._image.src = this._save.href = URL.createObjectURL(image);
			this._save.download = "clipboard.png";
		} else {
			this._image.removeAttribute("src");
			this._save.removeAttribute("href");
		}
	}

	/** @param {ClipboardContent | null} content */
	_showSelected(content) {
		const text = content && "text" in content ? content.text.slice(0, SHOWN_CHARACTERS) : "";
		this._selectedField.hidden = text === "";
		if (this._selected.value !== text) this._selected.value = text;
	}

	/** Nothing can be sent or copied where there is nothing. */
	_enable() {
		this._send.disabled = this._text.value === "" || this._text.readOnly;
		this._copy.disabled = this._text.value === "" && !this._image.src;
	}

	_sendText() {
		this._clipboard()?.send(this._text.value);
		this._edited = false;
	}

	async _copyShown() {
		const clipboard = this._clipboard();
		const shown = this._edited ? { text: this._text.value } : this._shown;
		if (!clipboard || !shown) return;
		await clipboard.copy(shown);
		if (!clipboard.state.waiting) this._status.textContent = TEXT.clipboardCopied;
	}
}

/** @param {ClipboardState} state */
function statusOf({ server, own, waiting }) {
	if (waiting) return TEXT.clipboardWaiting;
	if (own === "fetched") return TEXT.clipboardFetched;
	if (own === "offered") return TEXT.clipboardOffered;
	const length = server && "text" in server ? server.text.length : 0;
	return length > SHOWN_CHARACTERS ? TEXT.clipboardTooLong(length) : "";
}
