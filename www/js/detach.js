/* SPDX-License-Identifier: ISC */
/*
 * A session in a window of its own: what the page that has the list and the window that shows the
 * screen tell each other, on both sides. Only windows of this very origin are heard; the login's
 * cookie is the browser's, and nothing else that is said here is secret.
 *
 *	window:  ready ------------------> page    each time it is loaded
 *	page:    take {what to show} ----> window  which resumes the session, as a take-over
 *	window:  left {note} ------------> page    the user is through with the screen
 *	page:    give-back --------------> window  which closes; the page resumes the session
 *
 * Whichever of the two is lost: the session is suspended at worst.
 */

/** What the window needs. @typedef {{login: string, row: import("./types.js").SessionRow,
 *   title: string}} Taken */
/** @typedef {{type: "ready"} | {type: "left", note: string}} FromWindow */
/** @typedef {{type: "take", what: Taken} | {type: "give-back"}} FromPage */
/** @typedef {Pick<Window, "postMessage" | "closed">} OtherWindow */
/** @typedef {{origin: string, source: unknown, data: any}} Heard */
/** @typedef {(hear: (event: Heard) => void) => (() => void)} Listen gives what ends it */

/** The window's parameter in its address; and what a message of ours is marked by. */
export const DETACHED = "detached";
const MARK = "x2goweb-detached";
/** No event tells that another window has gone. */
const LOOK_EVERY_MS = 400;

/** The page's side: one session's window, from its opening to its end. */
export class DetachedWindow {
	/**
	 * @param {object} options
	 * @param {OtherWindow} options.other
	 * @param {string} options.origin of both
	 * @param {Taken} options.what
	 * @param {Listen} options.listen
	 * @param {(run: () => void, ms: number) => any} options.setInterval
	 * @param {(timer: any) => void} options.clearInterval
	 * @param {() => void} options.onTaken it is about to show the session; may come again
	 * @param {(note: string) => void} options.onLeft
	 * @param {(taken: boolean) => void} options.onClosed whether it had the session
	 */
	constructor(options) {
		const { other, origin, what, listen, onTaken, onLeft, onClosed } = options;
		this._other = other;
		this._origin = origin;
		this._what = what;
		this._onTaken = onTaken;
		this._onLeft = onLeft;
		this._taken = false;
		const timer = options.setInterval(() => {
			if (!this._other.closed) return;
			this.forget();
			onClosed(this._taken);
		}, LOOK_EVERY_MS);
		const deafen = listen((event) => this._heard(event));
		/** Nothing of this window is wanted any more. */
		this.forget = () => {
			options.clearInterval(timer);
			deafen();
		};
	}

	get id() {
		return this._what.row.id;
	}

	/** The page shows the session itself: the window closes. */
	giveBack() {
		this.forget();
		if (this._taken) this._tell({ type: "give-back" });
	}

	/** @param {Heard} event */
	_heard(event) {
		const message = /** @type {FromWindow | null} */ (read(event, this._other, this._origin));
		if (message?.type === "ready") {
			this._taken = true;
			this._onTaken();
			this._tell({ type: "take", what: this._what });
		} else if (message?.type === "left") {
			this.forget();
			this._onLeft(String(message.note));
		}
	}

	/** @param {FromPage} message */
	_tell(message) {
		this._other.postMessage({ mark: MARK, ...message }, this._origin);
	}
}

/** The window's side. */
export class DetachedPage {
	/**
	 * @param {object} options
	 * @param {OtherWindow} options.opener
	 * @param {string} options.origin
	 * @param {Listen} options.listen
	 * @param {(what: Taken) => void} options.onTake
	 * @param {() => void} options.close this window
	 */
	constructor({ opener, origin, listen, onTake, close }) {
		this._opener = opener;
		this._origin = origin;
		this._close = close;
		listen((event) => {
			const message = /** @type {FromPage | null} */ (read(event, opener, origin));
			if (message?.type === "take") onTake(message.what);
			else if (message?.type === "give-back") close();
		});
		this._tell({ type: "ready" });
	}

	/** @param {string} note what has been done last */
	left(note) {
		this._tell({ type: "left", note });
		this._close();
	}

	/** @param {FromWindow} message */
	_tell(message) {
		if (!this._opener.closed)
			this._opener.postMessage({ mark: MARK, ...message }, this._origin);
	}
}

/** @param {Heard} event @param {unknown} source @param {string} origin */
function read(event, source, origin) {
	const ours = event.source === source && event.origin === origin && event.data?.mark === MARK;
	return ours ? event.data : null;
}
