/* SPDX-License-Identifier: ISC */
/*
 * Timers for what the agent is to answer. They do not run out on an agent that cannot have been
 * asked, or not be heard, because the network is away: then they begin again once it is back.
 */

export class Patience {
	/**
	 * @param {object} options
	 * @param {Pick<import("./connection.js").Connection, "position" | "hasTaken">} options.connection
	 * @param {(run: () => void, ms: number) => any} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 */
	constructor({ connection, setTimer, clearTimer }) {
		/** After the question has been sent. @param {() => void} run @param {number} ms */
		this.setTimer = (run, ms) => {
			const position = connection.position;
			const timer = { id: /** @type {any} */ (undefined) };
			let kept = false; /* the time that has just passed counts for nothing */
			const ranOut = () => {
				const taken = connection.hasTaken(position);
				if (taken && !kept) return run();
				kept = !taken;
				timer.id = setTimer(ranOut, ms);
			};
			timer.id = setTimer(ranOut, ms);
			return timer;
		};

		/** @param {{id: any} | null | undefined} timer */
		this.clearTimer = (timer) => {
			if (timer) clearTimer(timer.id);
		};
	}
}
