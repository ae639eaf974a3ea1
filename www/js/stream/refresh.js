/* SPDX-License-Identifier: ISC */
/*
 * Everything by which this client asks for pictures: resizes, repairs of what could not be drawn,
 * and a fresh start of both caches. One place, because they share one danger: an agent whose size
 * changes while it draws may crash, so
 *
 *   - a new size is sent only after it has been stable for RESIZE_STABLE_MS;
 *   - it goes with CACHEREBUILD in one message, which empties the agent's queue first;
 *   - nothing is asked for between that and REINIT; then the whole screen, once;
 *   - explicit rectangles are not asked for shortly before a resize.
 *
 *        idle --- resize | behind | many misses ---> rebuilding --- REINIT | time-out ---> idle
 */

import { clipRect } from "../geometry.js";
import { cacheRebuildEvent, geometryEvent, joinEvents, updateEvent } from "./kdrive_send.js";
import { VERSION_CACHE_REBUILD } from "./kdrive_numbers.js";

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {import("../types.js").Rect} Rect */
/** @typedef {import("../geometry.js").Size} Size */
/** @typedef {"idle" | "rebuilding"} RefreshState */
/** @typedef {{setTimer: (run: () => void, ms: number) => unknown, clearTimer: (timer: any) => void}}
 *   Clock */

export const RESIZE_STABLE_MS = 500;
/** How long an UPDATE of a rectangle may still stand in the agent's queue. */
export const UPDATE_SETTLE_MS = 300;
export const REINIT_WAIT_MS = 5000;
/** A whole-screen picture is lossy until it is asked for by size; that is done once it is quiet. */
export const SHARPEN_AFTER_MS = 1000;
export const REPAIR_DELAY_MS = 30;
/** More rectangles at once than this: the whole screen. */
export const REPAIR_RECTS_MAX = 8;
/** More misses than this within the window mean that the caches disagree. */
export const MISSES_MAX = 50;
export const MISS_WINDOW_MS = 5000;
export const REBUILD_EVERY_MS = 10000;
/** Where a rebuild would not do: the whole screen is asked for, but not more often than this. */
export const OVERHAUL_DELAY_MS = 1000;

export class Refresh {
	/**
	 * @param {object} options
	 * @param {(bytes: Bytes) => void} options.send one call is one message
	 * @param {() => void} [options.onRebuilt] what comes from now on is fresh
	 * @param {() => number} options.now milliseconds, monotonic
	 * @param {(run: () => void, ms: number) => unknown} options.setTimer
	 * @param {(timer: any) => void} options.clearTimer
	 * @param {Clock} options.patience for answers
	 * @param {(text: string) => void} options.log
	 * @param {Size} options.size that the gateway has asked for already
	 */
	constructor({ send, onRebuilt = () => {}, now, setTimer, clearTimer, patience, log, size }) {
		this._send = send;
		this._onRebuilt = onRebuilt;
		this._now = now;
		/** @type {Clock} */
		this._clock = { setTimer, clearTimer };
		this._patience = patience;
		this._log = log;
		/** @type {RefreshState} */
		this._state = "idle";
		this._asked = size;
		/** @type {Size} the latest wish */
		this._wanted = size;
		/** @type {Size | null} what the agent says */
		this._screen = null;
		this._version = 0;
		/** @type {Map<string, () => void>} what clears each that runs */
		this._timers = new Map();
		/** @type {Rect[]} */
		this._repairs = [];
		/** @type {number[]} */
		this._missTimes = [];
		this._awaited = false; /* somebody else has asked the agent */
		this._rebuiltAt = -REBUILD_EVERY_MS;
		this._updatedAt = -UPDATE_SETTLE_MS;
		this._sharpened = false;
		this.repairCount = 0;
		this.rebuildCount = 0;
	}

	get state() {
		return this._state;
	}

	/** @param {number} version the agent's; 0 is unknown */
	setVersion(version) {
		this._version = version;
	}

	/** The window's size may have changed. @param {Size} size within the limits */
	resize(size) {
		this._wanted = size;
		this._arm("resize", RESIZE_STABLE_MS, () => this._applySize());
	}

	/** The screen was painted whole, in the size that is really in force. @param {Size} size */
	screenPainted(size) {
		this._screen = size;
		if (this._sharpened || this._state !== "idle") return;
		this._arm("sharpen", SHARPEN_AFTER_MS, () => this._sharpen());
	}

	/** Parts of the screen could not be drawn. @param {Rect[]} rects */
	miss(rects) {
		if (rects.length === 0 || this._state !== "idle") return;
		const now = this._now();
		this._missTimes = this._missTimes.filter((time) => time > now - MISS_WINDOW_MS);
		this._missTimes.push(...rects.map(() => now));
		if (this._missTimes.length <= MISSES_MAX) {
			this._repairs.push(...rects);
			this._armOnce("repair", REPAIR_DELAY_MS, () => this._repair());
		} else {
			this.mistrust("many frames are missing");
		}
	}

	/** What the agent thinks that we have is not what we have. @param {string} why */
	mistrust(why) {
		if (this._state !== "idle") return;
		if (this._now() >= this._rebuiltAt + REBUILD_EVERY_MS) this.rebuild(why);
		else this._overhaul();
	}

	/** Starts afresh on both sides. @param {string} why */
	rebuild(why) {
		if (this._state !== "idle") return;
		this._log(`cache rebuild: ${why}`);
		this._rebuiltAt = this._now();
		this.rebuildCount += 1;
		if (this._knowsRebuild()) this._startRebuild([cacheRebuildEvent()]);
		else this._overhaul();
	}

	/** The gateway has asked for that, and what comes until REINIT is of no use. @param {string} why */
	awaitRebuild(why) {
		if (this._state !== "idle") return;
		this._log(`cache rebuild: ${why}`);
		this._rebuiltAt = this._now();
		this.rebuildCount += 1;
		this._startRebuild([]);
	}

	/** Another connection goes on: the gateway may not have heard that it should ask. */
	insist() {
		if (this._state === "rebuilding" && this._awaited && this._knowsRebuild())
			this._startRebuild([cacheRebuildEvent()]);
	}

	/** REINIT came: both caches are empty, and the agent waits to be asked. */
	reinit() {
		this._endRebuild();
	}

	close() {
		for (const clear of this._timers.values()) clear();
		this._timers.clear();
	}

	_knowsRebuild() {
		return this._version === 0 || this._version >= VERSION_CACHE_REBUILD;
	}

	_applySize() {
		const { width, height } = this._wanted;
		if (width === this._asked.width && height === this._asked.height) return;
		const settled = this._updatedAt + UPDATE_SETTLE_MS;
		if (this._state !== "idle" || this._now() < settled) {
			this._arm("resize", RESIZE_STABLE_MS, () => this._applySize());
			return;
		}
		this._asked = this._wanted;
		this._log(`resize: ${width}x${height}`);
		const geometry = geometryEvent(width, height);
		if (this._knowsRebuild()) this._startRebuild([cacheRebuildEvent(), geometry]);
		else this._send(geometry);
	}

	/** @param {Bytes[]} events */
	_startRebuild(events) {
		this._state = "rebuilding";
		this._awaited = events.length === 0;
		this._screen = null;
		this._repairs = [];
		this._missTimes = [];
		for (const timer of ["repair", "overhaul", "sharpen"]) this._disarm(timer);
		if (events.length > 0) this._send(joinEvents(events));
		const inVain = () => {
			this._log("cache rebuild: no answer: asking for the picture all the same");
			this._endRebuild();
		};
		this._arm("reinit", REINIT_WAIT_MS, inVain, this._patience);
	}

	_endRebuild() {
		this._disarm("reinit");
		this._state = "idle";
		this._sharpened = false;
		this._onRebuilt();
		this._askForAll();
	}

	_overhaul() {
		this._armOnce("overhaul", OVERHAUL_DELAY_MS, () => this._askForAll());
	}

	_askForAll() {
		this._send(updateEvent(null));
	}

	_repair() {
		const rects = this._repairs;
		this._repairs = [];
		this.repairCount += rects.length;
		const screen = this._screen;
		if (!screen || rects.length > REPAIR_RECTS_MAX) {
			this._askForAll();
			return;
		}
		const wanted = new Map();
		for (const rect of rects) {
			const inside = clipRect(rect, screen.width, screen.height);
			if (inside) wanted.set(Object.values(inside).join(), inside);
		}
		for (const rect of wanted.values()) this._sendUpdate(rect);
	}

	_sharpen() {
		if (this._state !== "idle" || !this._screen || this._timers.has("resize")) return;
		this._sharpened = true;
		this._sendUpdate({ x: 0, y: 0, ...this._screen });
	}

	/** @param {Rect} rect */
	_sendUpdate(rect) {
		this._updatedAt = this._now();
		this._send(updateEvent(rect));
	}

	/** @param {string} name @param {number} ms @param {() => void} run */
	_armOnce(name, ms, run) {
		if (!this._timers.has(name)) this._arm(name, ms, run);
	}

	/** @param {string} name @param {number} ms @param {() => void} run */
	_arm(name, ms, run, clock = this._clock) {
		this._disarm(name);
		const timer = clock.setTimer(() => {
			this._timers.delete(name);
			run();
		}, ms);
		this._timers.set(name, () => clock.clearTimer(timer));
	}

	/** @param {string} name */
	_disarm(name) {
		this._timers.get(name)?.();
		this._timers.delete(name);
	}
}
