/* SPDX-License-Identifier: ISC */
/*
 * The clipboard of the user's own machine, as far as the browser lets a page at it: read where
 * that was permitted before (this module asks for nothing by itself), written at once where the
 * browser allows it and else with the user's next key or click. Runs in the page; contents are
 * never logged.
 */

import { logInfo } from "../log.js";

/** @typedef {import("../types.js").ClipboardContent} ClipboardContent */
/** @typedef {"granted" | "prompt" | "denied" | "unsupported"} ReadPermission */

const GESTURES = /** @type {const} */ (["keydown", "pointerdown", "pointerup"]);
const PNG = "image/png";

export class LocalClipboard {
	/**
	 * @param {object} options
	 * @param {Window} options.window the one that has the focus when the user works
	 * @param {(content: ClipboardContent) => void} options.onRead
	 * @param {(content: ClipboardContent) => void} options.onWritten
	 * @param {() => void} options.onChange permission or waiting write changed
	 */
	constructor({ window, onRead, onWritten, onChange }) {
		this._window = window;
		this._document = window.document;
		this._onRead = onRead;
		this._onWritten = onWritten;
		this._onChange = onChange;
		/** @type {ReadPermission} */
		this.permission = "unsupported";
		/** @type {ClipboardContent | null} waits for the user's next key or click */
		this._waiting = null;
		this._listeners = new AbortController();
	}

	/** From now on. */
	start() {
		const window = this._window;
		void this._watchPermission();
		const look = () => void this.read();
		const options = { signal: this._listeners.signal };
		window.addEventListener("focus", look, options);
		/* What the user does elsewhere may put something newer there. */
		window.addEventListener("blur", () => this._stopWaiting(), options);
		this._document.addEventListener("visibilitychange", look, options);
		this._api?.addEventListener?.("clipboardchange", look, options);
		for (const gesture of GESTURES)
			this._document.addEventListener(gesture, () => this._writeWaiting(), {
				...options,
				capture: true,
			});
	}

	/** A write that the browser has refused waits for a key or click. */
	get waiting() {
		return this._waiting !== null;
	}

	/** The asynchronous clipboard exists in secure contexts only.
	 * @returns {Clipboard | undefined} */
	get _api() {
		return this._window.navigator.clipboard;
	}

	/** Some time after the last key or click a browser would ask the user first: that is a pop-up. */
	get _mayWrite() {
		const activation = this._window.navigator.userActivation;
		return this.permission === "granted" || !activation || activation.isActive;
	}

	/** Reads what is there, if the user has permitted it. */
	async read() {
		if (this.permission !== "granted" || !this._document.hasFocus()) return;
		try {
			const content = await this._readItems();
			if (content && !this._listeners.signal.aborted) this._onRead(content);
		} catch (error) {
			/* The focus has gone elsewhere meanwhile, or the owner gave nothing. */
			logInfo(`clipboard: not read: ${nameOf(error)}`);
		}
	}

	/** In answer to a click: lets the browser ask the user. */
	async askToRead() {
		try {
			const content = await this._readItems();
			await this._watchPermission();
			if (content) this._onRead(content);
		} catch (error) {
			logInfo(`clipboard: reading was refused: ${nameOf(error)}`);
			await this._watchPermission();
		}
	}

	/** @param {ClipboardContent} content */
	async write(content) {
		if (!this._mayWrite) {
			this._waiting = content;
			this._onChange();
			return;
		}
		this._waiting = null;
		try {
			await this._put(content);
			this._onWritten(content);
		} catch (error) {
			logInfo(`clipboard: not written yet: ${nameOf(error)}`);
			if (!this._listeners.signal.aborted) this._waiting = content;
		}
		this._onChange();
	}

	close() {
		this._listeners.abort();
		this._waiting = null;
	}

	_stopWaiting() {
		if (!this._waiting) return;
		this._waiting = null;
		this._onChange();
	}

	/** @param {ClipboardContent} content */
	async _put(content) {
		if (!this._api) throw new Error("no clipboard in this context");
		if ("text" in content) await this._api.writeText(content.text);
		else await this._api.write([new ClipboardItem({ [PNG]: content.image })]);
	}

	/** Within a user's key or click. */
	_writeWaiting() {
		const content = this._waiting;
		/* A modifier by itself is no key to a browser, nor is a finger before it lifts. */
		if (!content || !this._mayWrite) return;
		this._waiting = null;
		if (!("text" in content) || !this._copyText(content.text)) {
			void this.write(content);
			return;
		}
		this._onWritten(content);
		this._onChange();
	}

	/** The older way, which needs a key or click and no permission. @param {string} text */
	_copyText(text) {
		let done = false;
		const fill = (/** @type {ClipboardEvent} */ event) => {
			event.preventDefault();
			event.stopImmediatePropagation();
			event.clipboardData?.setData("text/plain", text);
			done = true;
		};
		this._document.addEventListener("copy", fill, { capture: true });
		const told = this._document.execCommand("copy");
		this._document.removeEventListener("copy", fill, { capture: true });
		return told && done;
	}

	/** @returns {Promise<ClipboardContent | null>} text where there are both */
	async _readItems() {
		const items = (await this._api?.read()) ?? [];
		for (const item of items)
			if (item.types.includes("text/plain")) {
				const text = await (await item.getType("text/plain")).text();
				if (text !== "") return { text };
			}
		const item = items.find(({ types }) => types.includes(PNG));
		return item ? { image: await item.getType(PNG) } : null;
	}

	async _watchPermission() {
		const permission = await this._queryPermission();
		if (permission !== this.permission) {
			this.permission = permission;
			this._onChange();
		}
		await this.read();
	}

	/** @returns {Promise<ReadPermission>} */
	async _queryPermission() {
		if (!this._api?.read) return "unsupported";
		try {
			const name = /** @type {PermissionName} */ ("clipboard-read");
			const status = await this._window.navigator.permissions.query({ name });
			status.onchange = () => {
				if (!this._listeners.signal.aborted) void this._watchPermission();
			};
			return status.state;
		} catch {
			/* A browser without such a permission asks each time: only a paste is without fuss. */
			return "unsupported";
		}
	}
}

/** @param {unknown} error */
function nameOf(error) {
	return error instanceof Error ? error.name : String(error);
}
