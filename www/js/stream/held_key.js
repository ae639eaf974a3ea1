/* SPDX-License-Identifier: ISC */
/*
 * Whether a key that is held may go on repeating. Who holds one watches what comes of it and lets go in
 * time; on a line that is slow or gone nothing can be seen of it, and what had piled up would run on
 * when it is back, over more than was meant. So a repeat counts only while the relay takes
 * what it is given; the press itself is never left out. Runs in the engine.
 */

/** A line on which nothing is taken for so long shows nothing either. */
export const REPEAT_WAIT_MS = 500;

export class HeldKey {
	/**
	 * @param {object} options
	 * @param {Pick<import("./connection.js").Connection, "state" | "position" | "hasTaken">}
	 *   options.connection
	 * @param {() => number} options.now milliseconds, monotonic
	 */
	constructor({ connection, now }) {
		this._connection = connection;
		this._now = now;
		/* What was sent up to there, at that time, is looked for. */
		this._position = 0;
		this._since = 0;
	}

	/** One more of the key that is down. */
	mayRepeat() {
		const connection = this._connection;
		if (connection.state !== "open") return false;
		if (!connection.hasTaken(this._position)) return this._now() < this._since + REPEAT_WAIT_MS;
		this._position = connection.position;
		this._since = this._now();
		return true;
	}
}
