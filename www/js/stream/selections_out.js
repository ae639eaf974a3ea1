/* SPDX-License-Identifier: ISC */
/*
 * The user's selections for the server's programs. What the page offers is kept here: a small one
 * that the user is just pasting goes to the agent at once, in order with the key that pastes it; a
 * larger one is only announced, and sent when a program asks. Sending never holds up the user's
 * keys: pieces are small, and a new one leaves only when the gateway has taken an earlier one.
 * Runs in the engine.
 *
 * The agent and the gateway know one open selection at a time. Whatever begins another one breaks
 * off a transfer, which then starts again from its beginning.
 */

import { SELECTION_BYTES_MAX, SELECTION_CLIPBOARD, SELECTION_PRIMARY } from "./kdrive_numbers.js";
import { selectionChunk, selectionNotice } from "./kdrive_send.js";
import { encodeContent, isSamePicture } from "./selection_data.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../types.js").EngineMessage} EngineMessage */
/** @typedef {import("../types.js").ClipboardContent} ClipboardContent */
/** @typedef {import("./selection_data.js").SelectionData} SelectionData */
/** `ours`: no program of the server has taken the selection since; `sent`: the agent has the bytes.
 * @typedef {SelectionData & {ours: boolean, sent: boolean}} Offer */

export const CHUNK_BYTES = 64 * 1024;
/** Pieces that the gateway has not confirmed. */
export const CHUNKS_UNDER_WAY = 2;
/** A paste of up to this many bytes travels before its key. */
export const AT_ONCE_BYTES = 128 * 1024;
/** How long a program may take to fetch text that is being typed by pasting it. */
export const FETCH_WAIT_MS = 2500;
/** A program may ask more than once before the selection is what it was again. */
export const LOAN_MS = 400;

export class SelectionsOut {
	/**
	 * @param {object} options
	 * @param {(bytes: Bytes) => void} options.send one call is one message
	 * @param {(token: string) => void} options.ping asks the gateway to confirm; see confirmed()
	 * @param {(message: EngineMessage) => void} options.post
	 * @param {() => ClipboardContent | null} options.serverClipboard what it held last
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 */
	constructor({ send, ping, post, serverClipboard, setTimer, clearTimer }) {
		this._send = send;
		this._ping = ping;
		this._post = post;
		this._serverClipboard = serverClipboard;
		this._setTimer = setTimer;
		this._clearTimer = clearTimer;
		/** @type {(Offer | null)[]} by selection */
		this._offers = [null, null];
		/** @type {number[]} selections that the agent waits for, the first one under way */
		this._wanted = [];
		this._offset = 0; /* of the first one */
		this._pings = 0;
		/** @type {Set<string>} */
		this._unconfirmed = new Set();
		/** @type {{offers: (Offer | null)[], timer: unknown} | null} what a loan replaced */
		this._loan = null;
		this._fetched = false; /* the text on loan */
		/** @type {(() => void)[]} */
		this._fetchWaits = [];
	}

	/**
	 * Nothing is done for a picture that has just come from the server.
	 * @param {number[]} selections @param {ClipboardContent} content
	 * @param {boolean} pasting the user's paste key comes next
	 */
	async offer(selections, content, pasting) {
		const theirs = this._offers[SELECTION_CLIPBOARD]?.ours ? null : this._serverClipboard();
		if (theirs && (await isSamePicture(theirs, content))) return;
		const data = await encodeContent(content);
		if (!data) this._post({ type: "offer-failed", why: "unreadable" });
		else if (data.bytes.length > SELECTION_BYTES_MAX)
			this._post({ type: "offer-failed", why: "too_large" });
		else if (data.bytes.length > 0)
			for (const selection of selections) {
				if (this._loan) this._loan.offers[selection] = null;
				this._place(selection, data, pasting);
			}
	}

	/** As far as it is known. @param {number} selection */
	owns(selection) {
		return this._offers[selection]?.ours === true;
	}

	/** A program of the server has taken it. @param {number} selection */
	lost(selection) {
		const offer = this._offers[selection];
		if (offer) offer.ours = offer.sent = false;
		/* All of it would make the agent take the selection back. */
		if (this._wanted[0] === selection) this._offset = 0;
		this._wanted = this._wanted.filter((wanted) => wanted !== selection);
		this._pump();
	}

	/** Somebody else had the stream: what was announced or half sent is nobody's any more. */
	forget() {
		for (const offer of this._offers) if (offer) offer.ours = offer.sent = false;
		this._wanted = [];
		this._offset = 0;
	}

	/** The agent asks, for a program that pastes. @param {number} selection */
	demanded(selection) {
		if (!this._offers[selection] || this._wanted.includes(selection)) return;
		this._wanted.push(selection);
		this._pump();
	}

	/** The gateway has taken all up to this ping. @param {string} token */
	confirmed(token) {
		if (this._unconfirmed.delete(token)) this._pump();
	}

	/** Text for the program with the focus: it is in both selections until it has been fetched.
	 * @param {string} text */
	async lend(text) {
		const data = await encodeContent({ text });
		if (!data || data.bytes.length > SELECTION_BYTES_MAX) return;
		if (this._loan) this._clearTimer(this._loan.timer);
		else this._loan = { offers: await this._returnable(), timer: null };
		this._fetched = false;
		for (const selection of [SELECTION_PRIMARY, SELECTION_CLIPBOARD]) {
			/* The agent asks again only for what it is told anew. */
			this._offers[selection] = null;
			this._place(selection, data, false);
		}
	}

	/** Until the text on loan has been fetched, or nobody seems to want it. @returns {Promise<void>} */
	fetched() {
		return new Promise((resolve) => {
			if (this._fetched) {
				this._endLoanSoon();
				resolve();
				return;
			}
			const done = () => {
				this._clearTimer(late);
				this._fetchWaits = this._fetchWaits.filter((wait) => wait !== done);
				this._endLoanSoon();
				resolve();
			};
			const late = this._setTimer(done, FETCH_WAIT_MS);
			this._fetchWaits.push(done);
		});
	}

	close() {
		if (this._loan) this._clearTimer(this._loan.timer);
		for (const wait of [...this._fetchWaits]) wait();
		this._wanted = [];
	}

	/** @param {number} selection @param {SelectionData} data @param {boolean} pasting */
	_place(selection, data, pasting) {
		const old = this._offers[selection];
		const atOnce = pasting && data.bytes.length <= AT_ONCE_BYTES;
		/* It is there, or will be asked for. And the desktop may have copied something newer by now,
		 * of which the news is still on its way. */
		if (old?.ours && equal(old, data)) return;
		const offer = { ...data, ours: true, sent: false };
		this._offers[selection] = offer;
		this._offset = 0;
		if (atOnce) {
			this._wanted = this._wanted.filter((wanted) => wanted !== selection);
			for (let at = 0; at < data.bytes.length; at += CHUNK_BYTES)
				this._send(chunkAt(selection, data, at));
			offer.sent = true;
		} else if (!this._wanted.includes(selection)) {
			this._send(selectionNotice(selection, data.mime));
		}
		this._pump();
	}

	_pump() {
		while (this._wanted.length > 0 && this._unconfirmed.size < CHUNKS_UNDER_WAY) {
			const selection = this._wanted[0];
			const offer = this._offers[selection];
			if (!offer) return;
			const chunk = chunkAt(selection, offer, this._offset);
			const token = `s${this._pings++}`;
			this._unconfirmed.add(token);
			this._send(chunk);
			this._ping(token);
			this._offset += CHUNK_BYTES;
			if (this._offset >= offer.bytes.length) this._delivered(selection, offer);
		}
	}

	/** @param {number} selection @param {Offer} offer */
	_delivered(selection, offer) {
		this._wanted.shift();
		this._offset = 0;
		offer.sent = true;
		this._fetched = true;
		this._post({ type: "selection-fetched", selection });
		for (const wait of [...this._fetchWaits]) wait();
	}

	/** What the selections hold now, as far as it is known. */
	async _returnable() {
		const offers = this._offers.map((offer) => (offer?.ours ? offer : null));
		const theirs = offers[SELECTION_CLIPBOARD] ? null : this._serverClipboard();
		const data = theirs && (await encodeContent(theirs));
		if (data) offers[SELECTION_CLIPBOARD] = { ...data, ours: true, sent: false };
		return offers;
	}

	_endLoanSoon() {
		const loan = this._loan;
		if (!loan) return;
		this._clearTimer(loan.timer);
		loan.timer = this._setTimer(() => {
			this._loan = null;
			for (const [selection, offer] of loan.offers.entries())
				if (offer && this._offers[selection]?.ours) this._place(selection, offer, false);
		}, LOAN_MS);
	}
}

/** @param {number} selection @param {SelectionData} data @param {number} at */
function chunkAt(selection, { mime, bytes }, at) {
	const size = Math.min(CHUNK_BYTES, bytes.length - at);
	return selectionChunk(selection, mime, bytes, at, size);
}

/** @param {SelectionData} a @param {SelectionData} b */
function equal(a, b) {
	if (a.mime !== b.mime || a.bytes.length !== b.bytes.length) return false;
	for (let i = 0; i < a.bytes.length; i++) if (a.bytes[i] !== b.bytes[i]) return false;
	return true;
}
