/* SPDX-License-Identifier: ISC */
/*
 * One session's clipboard: keeps the user's and the server's the same, the newer one being right,
 * without asking and without a pop-up. What the user copies elsewhere comes in with the paste key
 * (or, where reading is permitted, as soon as the window has the focus); what a program of the
 * server copies is written to the user's clipboard. PRIMARY, the text selected by mouse, is kept
 * apart: it comes in with a middle click where the browser gives it, and goes out to the panel
 * only. Runs in the page.
 *
 * Where the session has its clipboard one way only, or none, the page does not touch what the other
 * way would carry. Nothing is offered that is not news: a paste right after a copy on the server must not bring
 * back what the user's clipboard held before.
 */

import { PLATFORM } from "../input/platform.js";
import { InputGate } from "./input_gate.js";
import { LocalClipboard } from "./local_clipboard.js";
import { isPasteKey } from "./paste_keys.js";

/** @typedef {import("../types.js").PageMessage} PageMessage */
/** @typedef {import("../types.js").SelectionReport} SelectionReport */
/** @typedef {import("../types.js").ClipboardContent} ClipboardContent */
/** @typedef {Pick<KeyboardEvent, "code" | "key" | "repeat" | "isComposing" | "getModifierState"
 *   | "preventDefault">} KeyLike */

/**
 * What the panel shows. `server`: in the server's clipboard, by a program there; `selected`: by
 * mouse; `offered`: the user's is the newer one, and a program has `fetched` it.
 * @typedef {object} ClipboardState
 * @property {ClipboardContent | null} server
 * @property {ClipboardContent | null} selected
 * @property {"none" | "offered" | "fetched"} own
 * @property {string} fault "" or why the last transfer failed, see SelectionReport
 * @property {import("./local_clipboard.js").ReadPermission} permission
 * @property {import("../types.js").ClipboardDirection} direction
 * @property {boolean} waiting the server's is not in the user's clipboard before the next click
 */

export const PRIMARY = 0;
export const CLIPBOARD = 1;

/** A paste event comes soon after its key, if at all; and so it does after a button's release. */
const PASTE_WAIT_MS = 100;
/** A middle button that is held this long, or moved, is no click. */
const CLICK_MS = 500;
const CLICK_PX = 4;
const LEFT = 0;
const MIDDLE = 1;
/** How long the news of a selection made on the server may be on its way. */
const NEWS_MS = 1000;

export class SessionClipboard {
	/**
	 * @param {object} options
	 * @param {HTMLElement} options.stage what the user works in
	 * @param {(message: PageMessage) => void} options.tell the engine
	 * @param {() => void} options.onChange of the state
	 * @param {import("../types.js").ClipboardDirection} [options.direction]
	 * @param {import("../input/platform.js").Platform} [options.platform]
	 */
	constructor({ stage, tell, onChange, direction = "both", platform = PLATFORM }) {
		this._stage = stage;
		this._tell = tell;
		this._onChange = onChange;
		this._platform = platform;
		this._direction = direction;
		/** Into the session. */
		this.mayOffer = direction === "both" || direction === "client";
		/** Out of it. */
		this.mayTake = direction === "both" || direction === "server";
		/** @type {{server: ClipboardContent | null, selected: ClipboardContent | null,
		 *   own: "none" | "offered" | "fetched", fault: string}} */
		this._shown = { server: null, selected: null, own: "none", fault: "" };
		/** @type {ClipboardContent | null} in the user's clipboard, when it was last seen */
		this._known = null;
		this._knownPrimary = "";
		/* How often the user has gone to another window: only there can something new have been
		 * selected since a program of the server has. */
		this._blurs = 0;
		this._blursAtSelect = -1;
		/* The left button's last press, and its last drag or double click: that selects text. */
		this._left = { x: 0, y: 0, at: -Infinity };
		this._selectedAt = -Infinity;
		/** @type {{x: number, y: number, up: boolean} | null} the middle button's click */
		this._middle = null;
		this._gate = new InputGate({
			tell,
			setTimer: (run, ms) => setTimeout(run, ms),
			clearTimer: (timer) => clearTimeout(timer),
		});
		this._window = /** @type {Window} */ (stage.ownerDocument.defaultView);
		this._local = new LocalClipboard({
			window: this._window,
			onRead: (content) => this._found(content),
			onWritten: (content) => (this._known = content),
			onChange,
		});
		this._listeners = new AbortController();
	}

	/** The engine is connected. */
	start() {
		this._local.start();
		const window = this._window;
		const options = { signal: this._listeners.signal };
		window.document.addEventListener("paste", (event) => this._pasted(event), {
			...options,
			capture: true,
		});
		window.addEventListener("blur", () => (this._blurs += 1), options);
	}

	/** @returns {ClipboardState} */
	get state() {
		const { permission, waiting } = this._local;
		return { ...this._shown, permission, waiting, direction: this._direction };
	}

	close() {
		this._gate.open();
		this._local.close();
		this._listeners.abort();
	}

	/* ---- input ---- */

	/** All input goes to the engine through here. @param {PageMessage} message */
	pass(message) {
		this._gate.pass(message);
	}

	/**
	 * Before the keyboard sees a key go down.
	 * @param {KeyboardEvent} event
	 * @returns {KeyLike} what the keyboard is to see: the browser answers a paste key itself
	 */
	beforeKey(event) {
		if (event.isComposing || !isPasteKey(event, this._platform.mac)) return event;
		this._middle = null;
		this._gate.close(PASTE_WAIT_MS);
		return {
			code: event.code,
			key: event.key,
			repeat: event.repeat,
			isComposing: false,
			getModifierState: (name) => event.getModifierState(name),
			preventDefault: () => {},
		};
	}

	/** Before the pointer sees an event. @param {PointerEvent} event */
	beforePointer(event) {
		if (!this._platform.primary || event.pointerType !== "mouse") return;
		const { type, button, clientX: x, clientY: y } = event;
		if (button === LEFT) this._leftButton(event);
		if (type === "pointerdown" && button === MIDDLE) {
			this._gate.close(CLICK_MS);
			this._middle = { x, y, up: false };
		} else if (!this._middle || this._middle.up) {
			return;
		} else if (type === "pointermove") {
			if (Math.hypot(x - this._middle.x, y - this._middle.y) > CLICK_PX) this._endClick();
		} else if (type === "pointerup" && button === MIDDLE) {
			this._middle.up = true;
			this._gate.limit(PASTE_WAIT_MS);
		} else {
			this._endClick();
		}
	}

	/** @param {PointerEvent} event its press or release */
	_leftButton({ type, clientX: x, clientY: y, timeStamp: at }) {
		const moved = Math.hypot(x - this._left.x, y - this._left.y) > CLICK_PX;
		const soon = at - this._left.at < CLICK_MS;
		if (type === "pointerup" ? moved : soon && !moved) this._selectedAt = at;
		if (type === "pointerdown") this._left = { x, y, at };
	}

	_endClick() {
		this._middle = null;
		this._gate.open();
	}

	/** @param {ClipboardEvent} event */
	_pasted(event) {
		const waited = this._gate.closed;
		if (!waited && !this._stage.contains(/** @type {Node} */ (event.target))) return;
		event.preventDefault();
		event.stopImmediatePropagation();
		const content = this._contentOf(event.clipboardData);
		if (this._middle) {
			const selecting = event.timeStamp - this._selectedAt < NEWS_MS;
			if (content && "text" in content && !selecting) this._clicked(content.text);
			this._endClick();
		} else if (waited) {
			if (content && this._isNews(content)) this._offer(content, true);
			this._gate.open();
		} else if (content) {
			this._pastedWithoutKey(content);
		}
	}

	/** By a menu of the browser, or from an on-screen keyboard. @param {ClipboardContent} content */
	_pastedWithoutKey(content) {
		if (!this.mayOffer) return;
		if ("text" in content) this._tell({ type: "paste-text", text: content.text });
		else if (this._isNews(content)) this._offer(content, false);
	}

	/** @param {string} text the user's PRIMARY */
	_clicked(text) {
		if (!this.mayOffer || text === this._knownPrimary || this._blurs === this._blursAtSelect)
			return;
		this._knownPrimary = text;
		const content = { text };
		this._tell({ type: "offer-selection", selections: [PRIMARY], content, pasting: true });
	}

	/** @param {DataTransfer | null} data @returns {ClipboardContent | null} text before image */
	_contentOf(data) {
		const text = data?.getData("text/plain");
		if (text) return this._textOf(text);
		const image = [...(data?.files ?? [])].find(({ type }) => type.startsWith("image/"));
		return image ? { image } : null;
	}

	/* ---- from the user ---- */

	/** Puts text into both of the server's selections. @param {string} text */
	send(text) {
		this._shown.fault = "";
		this._tell({
			type: "offer-selection",
			selections: [CLIPBOARD, PRIMARY],
			content: { text },
			pasting: true,
		});
		this._shown.own = "offered";
		this._onChange();
	}

	/** Into the user's clipboard. @param {ClipboardContent} content */
	copy(content) {
		return this._local.write(content);
	}

	askToRead() {
		return this._local.askToRead();
	}

	/** What is selected by mouse on the server. */
	askSelected() {
		if (!this.mayTake) return;
		this._tell({ type: "demand-selection", selection: PRIMARY });
	}

	/** The browser let us read. @param {ClipboardContent} content */
	_found(content) {
		const found = "text" in content ? this._textOf(content.text) : content;
		if (this._isNews(found)) this._offer(found, false);
	}

	/** Windows ends lines its own way, other systems keep what they are given.
	 * @param {string} text */
	_textOf(text) {
		return { text: this._platform.windows ? text.replaceAll("\r\n", "\n") : text };
	}

	/** @param {ClipboardContent} content @param {boolean} pasting */
	_offer(content, pasting) {
		if (!this.mayOffer) return;
		this._known = content;
		Object.assign(this._shown, { own: "offered", fault: "" });
		this._tell({ type: "offer-selection", selections: [CLIPBOARD], content, pasting });
		this._onChange();
	}

	/** @param {ClipboardContent} content */
	_isNews(content) {
		const known = this._known;
		if (!known) return true;
		if ("text" in content) return !("text" in known) || known.text !== content.text;
		/* The engine compares the picture with the server's: browsers write the file anew. */
		return !("image" in known) || known.image.size !== content.image.size;
	}

	/* ---- from the server ---- */

	/** @param {SelectionReport} report */
	heard(report) {
		const comes = report.type === "selection-noticed" || report.type === "selection";
		if (comes && !this.mayTake) return;
		switch (report.type) {
			case "selection-noticed":
				this._noticed(report.selection);
				break;
			case "selection":
				this._received(report.selection, report.content);
				break;
			case "selection-fetched":
				if (report.selection === CLIPBOARD && this._shown.own === "offered")
					this._shown.own = "fetched";
				break;
			case "selection-failed":
			case "offer-failed":
				this._shown.fault = report.why;
				break;
		}
		this._onChange();
	}

	/** @param {number} selection */
	_noticed(selection) {
		const here = this._stage.ownerDocument.hasFocus();
		if (selection === PRIMARY) this._blursAtSelect = here ? this._blurs : -1;
		else Object.assign(this._shown, { own: "none", fault: "" });
	}

	/** @param {number} selection @param {ClipboardContent} content */
	_received(selection, content) {
		if (selection === PRIMARY) {
			this._shown.selected = content;
			return;
		}
		this._shown.server = content;
		void this.copy(content);
	}
}
