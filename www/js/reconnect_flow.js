/* SPDX-License-Identifier: ISC */
/*
 * A stream whose connection is lost, as the page sees it: a blip is not worth a word; what lasts longer
 * is said, and the gateway is asked whether there is a stream to come back to, since a WebSocket that is
 * refused does not say why. The connection itself is made by the engine.
 */

import { isLoginOver, messageOf } from "./rpc.js";

/** @typedef {import("./types.js").EndReason} EndReason */
/** @typedef {import("./types.js").SessionRow} SessionRow */

export const BLIP_MS = 700;
export const ASK_EVERY_MS = 5000;
/** A call on a dead line is given up: browsers keep few, and the user's own need one. */
export const ASK_WAIT_MS = 20_000;

export class ReconnectFlow {
	/**
	 * @param {object} options
	 * @param {Pick<import("./rpc.js").Rpc, "sessions">} options.rpc
	 * @param {() => void} options.onLong it is worth a word now
	 * @param {() => void} options.onBack the same, after onLong
	 * @param {(reason: EndReason) => void} options.onGone there is no stream any more
	 * @param {(text: string) => void} options.onLoginOver
	 */
	constructor({ rpc, onLong, onBack, onGone, onLoginOver }) {
		this._rpc = rpc;
		this._onLong = onLong;
		this._onBack = onBack;
		this._onGone = onGone;
		this._onLoginOver = onLoginOver;
		this._session = "";
		this._long = false;
		/** @type {AbortController | null} */
		this._asking = null;
		this._askedAt = -Infinity;
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._timer = undefined;
	}

	/** The connection has been away for longer than a blip. */
	get isLong() {
		return this._long;
	}

	/** @param {string} session */
	lost(session) {
		this.stop();
		this._session = session;
		this._timer = setTimeout(() => {
			this._long = true;
			this._onLong();
		}, BLIP_MS);
	}

	/** An attempt was in vain. */
	missed() {
		const now = performance.now();
		const pauseMs = this._asking ? ASK_WAIT_MS : ASK_EVERY_MS;
		if (!this._long || now < this._askedAt + pauseMs) return;
		this._asking?.abort();
		this._askedAt = now;
		void this._ask();
	}

	back() {
		const long = this._long;
		this.stop();
		if (long) this._onBack();
	}

	/** Nothing is waited for any more. */
	stop() {
		clearTimeout(this._timer);
		this._long = false;
		this._asking?.abort();
		this._asking = null;
		this._askedAt = -Infinity;
	}

	async _ask() {
		const asking = new AbortController();
		const { signal } = asking;
		this._asking = asking;
		try {
			const { sessions } = await this._rpc.sessions(signal);
			const row = sessions.find(({ id }) => id === this._session);
			if (!signal.aborted && !row?.attached) this._onGone(reasonOf(row));
		} catch (error) {
			/* Anything else is the same network. */
			if (!signal.aborted && isLoginOver(error)) this._onLoginOver(messageOf(error));
		}
		if (this._asking === asking) this._asking = null;
	}
}

/** Why this page has no stream of a session. @param {SessionRow | undefined} row @returns {EndReason} */
function reasonOf(row) {
	const code = !row ? "ended" : row.status === "suspended" ? "suspended_away" : "connection_lost";
	return { code, message: "" };
}
