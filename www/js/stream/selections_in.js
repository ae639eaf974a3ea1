/* SPDX-License-Identifier: ISC */
/*
 * Selections of the server's programs: asks for the clipboard as soon as a program has taken it,
 * for the text selected by mouse (PRIMARY) when the page wants it, and gives the page what came.
 * One at a time: an agent that is asked for both gives one for the other, or breaks off the first.
 * Runs in the engine.
 */

import { SELECTION_CLIPBOARD, SELECTION_PRIMARY } from "./kdrive_numbers.js";
import { demandSelectionEvent } from "./kdrive_send.js";
import { decodeContent } from "./selection_data.js";
import { isNotice, SelectionReader } from "./selection_reader.js";

/** @typedef {import("../types.js").EngineMessage} EngineMessage */
/** @typedef {import("../types.js").ClipboardContent} ClipboardContent */
/** @typedef {import("./kdrive_read.js").SelectionMessage} SelectionMessage */
/** @typedef {{reader: SelectionReader, asked: boolean, again: boolean, waits: boolean, cuts: number,
 *   late: unknown}} Incoming
 * waits: until the other one has been answered; cuts: so often REINIT has come while it was under way */

/** Without any answer, or with no further piece of one: agents do not say that they have nothing. */
export const ANSWER_WAIT_MS = 10_000;
/** The same when something newer is there already, whose forerunner's owner may be gone, or when the
 * clipboard waits for PRIMARY. */
export const STALE_WAIT_MS = 2000;
/** What is cut so often is too much for the line: it would only cut itself again. */
export const CUTS_MAX = 3;

export class SelectionsIn {
	/**
	 * @param {object} options
	 * @param {(bytes: Uint8Array<ArrayBuffer>) => void} options.send
	 * @param {(message: EngineMessage) => void} options.post
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 */
	constructor({ send, post, setTimer, clearTimer }) {
		this._send = send;
		this._post = post;
		this._setTimer = setTimer;
		this._clearTimer = clearTimer;
		/** @type {Incoming[]} by selection */
		this._incoming = [0, 1].map(() => ({
			reader: new SelectionReader(),
			asked: false,
			again: false,
			waits: false,
			cuts: 0,
			late: null,
		}));
		/** @type {ClipboardContent | null} what the server's clipboard held last */
		this.clipboard = null;
		/* What came earlier must not overtake what came later while it is decoded. */
		this._decoded = Promise.resolve();
	}

	/** @param {SelectionMessage} message */
	handle(message) {
		const { selection } = message;
		const incoming = this._incoming[selection];
		if (isNotice(message)) {
			incoming.cuts = 0;
			this._post({ type: "selection-noticed", selection });
			if (selection === SELECTION_CLIPBOARD) this.demand(selection);
			return;
		}
		const whole = incoming.reader.push(message);
		if (!whole) {
			if (incoming.reader.open) this._expect(selection);
			return;
		}
		this._finish(selection);
		if (whole.fault) this._failed(selection, whole.fault);
		else this._give(selection, whole);
	}

	/** @param {number} selection */
	demand(selection) {
		const incoming = this._incoming[selection];
		/* An agent that is asked anew while it answers mixes the two. */
		if (this._isUnderWay(selection)) {
			incoming.again = true;
			this._expect(selection);
			return;
		}
		const other = otherOf(selection);
		if (this._isUnderWay(other)) {
			if (incoming.waits) return;
			incoming.waits = true;
			if (selection === SELECTION_CLIPBOARD) this._expect(other);
			return;
		}
		incoming.asked = true;
		this._expect(selection);
		this._send(demandSelectionEvent(selection));
	}

	/** The agent has dropped what it had not sent. */
	reinit() {
		const dropped = [SELECTION_CLIPBOARD, SELECTION_PRIMARY].filter((selection) =>
			this._isUnderWay(selection),
		);
		for (const selection of dropped) {
			const incoming = this._incoming[selection];
			incoming.cuts += 1;
			incoming.again = incoming.cuts < CUTS_MAX;
			const over = !incoming.again;
			this._finish(selection);
			if (over) this._failed(selection, "timeout");
		}
	}

	/** Pieces are missing; REINIT comes. */
	cut() {
		for (const incoming of this._incoming) {
			incoming.asked ||= incoming.reader.open;
			incoming.reader.clear();
		}
	}

	close() {
		for (const incoming of this._incoming) this._clearTimer(incoming.late);
	}

	/** @param {number} selection */
	_isUnderWay(selection) {
		const { asked, reader } = this._incoming[selection];
		return asked || reader.open;
	}

	/** @param {number} selection */
	_expect(selection) {
		const incoming = this._incoming[selection];
		this._clearTimer(incoming.late);
		const { again } = incoming;
		const hurry = again || this._incoming[SELECTION_CLIPBOARD].waits;
		const giveUp = () => {
			/* Nobody has said that there is a PRIMARY. */
			const missed = selection === SELECTION_CLIPBOARD || incoming.reader.open;
			this._finish(selection);
			if (missed && !again) this._failed(selection, "timeout");
		};
		incoming.late = this._setTimer(giveUp, hurry ? STALE_WAIT_MS : ANSWER_WAIT_MS);
	}

	/** @param {number} selection */
	_finish(selection) {
		const incoming = this._incoming[selection];
		this._clearTimer(incoming.late);
		incoming.reader.clear();
		incoming.asked = false;
		const { again } = incoming;
		incoming.again = false;
		if (!again) incoming.cuts = 0;
		const other = otherOf(selection);
		if (this._incoming[other].waits) {
			this._incoming[other].waits = false;
			this.demand(other);
		}
		if (again) this.demand(selection);
	}

	/** @param {number} selection @param {{mime: number, bytes: Uint8Array<ArrayBuffer>}} whole */
	_give(selection, { mime, bytes }) {
		if (bytes.length === 0) return;
		const decoding = decodeContent(mime, bytes);
		this._decoded = this._decoded.then(async () => {
			const content = await decoding;
			if (!content) {
				this._failed(selection, "unreadable");
				return;
			}
			if (selection === SELECTION_CLIPBOARD) this.clipboard = content;
			this._post({ type: "selection", selection, content });
		});
	}

	/** @param {number} selection @param {string} why */
	_failed(selection, why) {
		this._post({ type: "selection-failed", selection, why });
	}
}

/** @param {number} selection */
function otherOf(selection) {
	return selection === SELECTION_CLIPBOARD ? SELECTION_PRIMARY : SELECTION_CLIPBOARD;
}
