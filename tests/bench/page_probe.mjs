// SPDX-License-Identifier: ISC
/**
 * What the bench watches inside a page, ours and the reference's alike: fences of a replay, time in
 * which the page's main thread could not answer, and when keys were pressed.
 */

/** @typedef {{blockedMs: number, keys: {code: string, at: number}[]}} PageReport */

/**
 * Runs in the page before its own scripts. Self-contained: playwright sends its text.
 * @param {{fenceFirst: number, fenceLast: number, longMs: number}} options
 */
export function installProbe({ fenceFirst, fenceLast, longMs }) {
	const TICK_MS = 10;
	const wall = (/** @type {number} */ time) => performance.timeOrigin + time;
	/** @type {[number, number][]} times in which the main thread was taken for too long */
	const blocked = [];
	/** @type {{code: string, at: number}[]} */
	const keys = [];

	new PerformanceObserver((list) => {
		for (const { startTime, duration } of list.getEntries())
			blocked.push([wall(startTime), wall(startTime + duration)]);
	}).observe({ type: "longtask" });
	let lastTick = performance.now();
	setInterval(() => {
		const now = performance.now();
		if (now - lastTick > longMs + TICK_MS) blocked.push([wall(lastTick + TICK_MS), wall(now)]);
		lastTick = now;
	}, TICK_MS);

	addEventListener(
		"keydown",
		({ code, timeStamp }) => {
			keys.push({ code, at: wall(timeStamp) });
		},
		{ capture: true },
	);

	/** @param {number} serial */
	const tell = (serial) =>
		void fetch("/x2go/rpc/bench_fence", { method: "POST", body: JSON.stringify({ serial }) });
	const bench = {
		/** A cursor is shown. @param {number} serial */
		heard(serial) {
			if (serial === fenceLast) {
				requestAnimationFrame(() => requestAnimationFrame(() => tell(serial)));
			} else if (serial >= fenceFirst && serial < fenceLast) tell(serial);
		},
		/** Of a time span, on the wall clock. @param {number} begin @param {number} end */
		report(begin, end) {
			let covered = begin;
			let blockedMs = 0;
			for (const [from, to] of blocked.sort(([a], [b]) => a - b)) {
				const first = Math.max(from, covered);
				const last = Math.min(to, end);
				if (last <= first) continue;
				blockedMs += last - first;
				covered = last;
			}
			return { blockedMs, keys };
		},
		/** How much later the bench's clock is than the page's. */
		async skewMs() {
			let best = { round: Infinity, skew: 0 };
			for (let i = 0; i < 30; i++) {
				const sent = performance.now();
				const answer = await fetch("/x2go/rpc/bench_clock", { method: "POST" });
				const { now } = await answer.json();
				const got = performance.now();
				const skew = now - wall((sent + got) / 2);
				if (got - sent < best.round) best = { round: got - sent, skew };
			}
			return best;
		},
	};
	/** Our page hears of cursors from its worker. */
	window.Worker = class extends Worker {
		/** @param {string | URL} url @param {WorkerOptions} [options] */
		constructor(url, options) {
			super(url, options);
			this.addEventListener("message", ({ data }) => {
				if (data.type === "cursor") bench.heard(data.serial);
			});
		}
	};
	Object.assign(window, { bench });
}

/** This process's wall clock, with fractions of a millisecond. @param {number} [time] */
export function wallClock(time = performance.now()) {
	return performance.timeOrigin + time;
}
