// SPDX-License-Identifier: ISC
/**
 * What the bench watches inside a page, ours and the reference's alike: fences of a replay, time in
 * which the page's main thread could not answer, and when keys were pressed.
 */
import { once } from "node:events";
import { WebSocketServer } from "ws";

/** A key: when it was pressed, and when the page began to handle it.
 * @typedef {{code: string, at: number, handledAt: number}} Key */
/** @typedef {{blockedMs: number, keys: Key[]}} PageReport */

/**
 * Runs in the page before its own scripts. Self-contained: playwright sends its text.
 * @param {{line: string, fenceFirst: number, fenceLast: number, longMs: number,
 *   mark: {side: number, colour: number[]}}} options `line`: a WebSocket to the bench, beside the
 * stream's
 */
export function installProbe({ line, fenceFirst, fenceLast, longMs, mark }) {
	const TICK_MS = 10;
	const wall = (/** @type {number} */ time) => performance.timeOrigin + time;
	/** @type {[number, number][]} times in which the main thread was taken for too long */
	const blocked = [];
	/** @type {Key[]} */
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
			keys.push({ code, at: wall(timeStamp), handledAt: wall(performance.now()) });
		},
		{ capture: true },
	);

	const socket = new WebSocket(line);
	const tell = (/** @type {number} */ serial) => socket.send(String(serial));
	/** Whether the canvas shows the mark in its corner. */
	const marked = () => {
		const copy = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
		const context = /** @type {CanvasRenderingContext2D} */ (copy.getContext("2d"));
		const screen = /** @type {HTMLCanvasElement} */ (document.getElementById("screen"));
		context.drawImage(screen, mark.side / 2, mark.side / 2, 1, 1, 0, 0, 1, 1);
		const { data } = context.getImageData(0, 0, 1, 1);
		return mark.colour.every((value, i) => Math.abs(value - data[i]) < 4);
	};
	const tellWhenMarked = () => {
		if (marked()) tell(fenceLast);
		else requestAnimationFrame(tellWhenMarked);
	};
	const bench = {
		/** A cursor is shown. @param {number} serial */
		heard(serial) {
			if (serial === fenceLast) requestAnimationFrame(tellWhenMarked);
			else if (serial >= fenceFirst && serial < fenceLast) tell(serial);
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
		/** How much later the bench's clock is than the page's; known to half a round trip. */
		async skewMs() {
			if (socket.readyState === WebSocket.CONNECTING)
				await new Promise((resolve) => socket.addEventListener("open", resolve));
			let best = { round: Infinity, skew: 0 };
			for (let i = 0; i < 50; i++) {
				const sent = performance.now();
				socket.send("clock");
				const theirs = await new Promise((resolve) => {
					socket.onmessage = ({ data }) => resolve(Number(data));
				});
				const got = performance.now();
				const skew = theirs - wall((sent + got) / 2);
				if (got - sent < best.round) best = { round: got - sent, skew };
			}
			return best;
		},
	};
	/** Our page hears of cursors from a worker. */
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

/** The bench's end of the probe's line. */
export class ProbeServer {
	/** @param {(serial: number) => void} onFence */
	static async open(onFence) {
		const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
		server.on("connection", (socket) =>
			socket.on("message", (data) => {
				const text = String(data);
				if (text === "clock") socket.send(String(wallClock()));
				else onFence(Number(text));
			}),
		);
		await once(server, "listening");
		return new ProbeServer(server);
	}

	/** @param {WebSocketServer} server */
	constructor(server) {
		this._server = server;
		const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
		this.url = `ws://127.0.0.1:${port}/`;
	}

	close() {
		for (const socket of this._server.clients) socket.terminate();
		this._server.close();
	}
}

/** This process's wall clock, with fractions of a millisecond. @param {number} [time] */
export function wallClock(time = performance.now()) {
	return performance.timeOrigin + time;
}
