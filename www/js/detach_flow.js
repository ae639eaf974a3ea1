/* SPDX-License-Identifier: ISC */
/*
 * Detaching as the user sees it: on the page, the button that opens the window and what the page
 * does meanwhile; in that window, the page that begins with a session instead of a login.
 */

import { DETACHED, DetachedPage, DetachedWindow } from "./detach.js";
import { byId } from "./ui/dom.js";

/** @typedef {import("./detach.js").Taken} Taken */
/** @typedef {import("./types.js").SessionRow} SessionRow */

/** How long the window waits for what it is to show. */
const TAKE_WAIT_MS = 10_000;

/** @type {import("./detach.js").Listen} */
function listen(hear) {
	const done = new AbortController();
	window.addEventListener("message", hear, { signal: done.signal });
	return () => done.abort();
}

/** The page that has the list. */
export class DetachFlow {
	/**
	 * @param {object} options
	 * @param {() => Taken | null} options.current what is on the screen
	 * @param {() => void} options.onBlocked the browser opened no window
	 * @param {(row: SessionRow) => void} options.onTaken the window shows it now
	 * @param {(row: SessionRow) => void} options.onClosed without a word
	 * @param {(row: SessionRow, note: string) => void} options.onLeft the user is through with it
	 */
	constructor({ current, onBlocked, onTaken, onClosed, onLeft }) {
		this._current = current;
		this._onBlocked = onBlocked;
		this._onTaken = onTaken;
		this._onClosed = onClosed;
		this._onLeft = onLeft;
		/** @type {Map<string, DetachedWindow>} by session */
		this._windows = new Map();
		byId("detach", HTMLButtonElement).addEventListener("click", () => this._open());
	}

	/** The page shows a session itself. @param {string} id */
	shownHere(id) {
		this._windows.get(id)?.giveBack();
		this._windows.delete(id);
	}

	/** The page is not concerned with any window any more. */
	forget() {
		for (const one of this._windows.values()) one.forget();
		this._windows.clear();
	}

	_open() {
		const what = this._current();
		if (!what) return;
		const url = new URL(location.href);
		url.searchParams.set(DETACHED, "1");
		const { clientWidth, clientHeight } = document.documentElement;
		const shape = `popup,width=${clientWidth},height=${clientHeight}`;
		const other = window.open(url, "", shape);
		if (!other) return this._onBlocked();
		const { row } = what;
		this._windows.get(row.id)?.forget();
		const one = new DetachedWindow({
			other,
			origin: location.origin,
			what,
			listen,
			setInterval: (run, ms) => setInterval(run, ms),
			clearInterval: (timer) => clearInterval(timer),
			onTaken: () => this._onTaken(row),
			onLeft: (note) => {
				this._windows.delete(row.id);
				this._onLeft(row, note);
			},
			onClosed: (taken) => {
				this._windows.delete(row.id);
				if (taken) this._onClosed(row);
			},
		});
		this._windows.set(row.id, one);
	}
}

/** Whether this page is such a window. */
export function isDetached() {
	return window.opener !== null && new URLSearchParams(location.search).has(DETACHED);
}

/**
 * Begins as that window.
 * @param {object} options
 * @param {(what: Taken) => void} options.onTake
 * @param {() => void} options.onNothing nobody has a session for it
 * @param {() => void} options.beforeClose
 */
export function beginDetached({ onTake, onNothing, beforeClose }) {
	document.documentElement.dataset.detached = "";
	const timer = setTimeout(onNothing, TAKE_WAIT_MS);
	return new DetachedPage({
		opener: window.opener,
		origin: location.origin,
		listen,
		onTake: (what) => {
			clearTimeout(timer);
			onTake(what);
		},
		close: () => {
			beforeClose();
			window.close();
		},
	});
}
