/* SPDX-License-Identifier: ISC */
/*
 * How long a word takes to the relay and back. Only measured when asked; a relay that never
 * answers is an older one, and has no figure.
 */

export class RoundTrip {
	/**
	 * @param {object} options
	 * @param {(token: string) => void} options.ping
	 * @param {() => number} options.now milliseconds, monotonic
	 */
	constructor({ ping, now }) {
		this._send = ping;
		this._now = now;
		this._count = 0;
		/** @type {{token: string, at: number} | null} under way */
		this._ping = null;
		/** @type {number | null} */
		this._latestMs = null;
		this._paused = false;
	}

	/** The latest figure; while an answer is overdue, how long it has been waited for. */
	get ms() {
		if (this._latestMs === null || !this._ping) return this._latestMs;
		return Math.max(this._latestMs, this._now() - this._ping.at);
	}

	/** Asks, unless an answer is still awaited, or nobody is there to give one. */
	ping() {
		if (this._ping || this._paused) return;
		this._count += 1;
		this._ping = { token: `t${this._count}`, at: this._now() };
		this._send(this._ping.token);
	}

	/** The connection is lost: what is under way measures nothing. */
	pause() {
		this._ping = null;
		this._latestMs = null;
		this._paused = true;
	}

	/** It is there again. */
	resume() {
		this._paused = false;
	}

	/** @param {string} token */
	pong(token) {
		if (token !== this._ping?.token) return;
		this._latestMs = this._now() - this._ping.at;
		this._ping = null;
	}
}
