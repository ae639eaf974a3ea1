/* SPDX-License-Identifier: ISC */
/*
 * One stream, read from its WebSocket, and the user's events back. It wires the parts together
 * and holds no protocol of its own; pictures and pointer shapes it hands to the paint side
 * (paint_host.js), since no key may wait for a picture. Runs in a worker, or in the page where a
 * worker cannot have the canvas; it never touches the document.
 */

import { AgentProbe } from "./agent_probe.js";
import { Connection, SUBPROTOCOL } from "./connection.js";
import { MASK_LEVELS, VERSION_KEY_TAPS } from "./kdrive_numbers.js";
import { KdriveReader, ProtocolError } from "./kdrive_read.js";
import { buttonEvent, keyEvent, levelledTap, motionEvent } from "./kdrive_send.js";
import { HeldKey } from "./held_key.js";
import { isModifierKeycode } from "../input/key_table.js";
import { logError, logInfo } from "../log.js";
import { PaintLink } from "./paint_link.js";
import { Patience } from "./patience.js";
import { Refresh } from "./refresh.js";
import { RoundTrip } from "./round_trip.js";
import { Selections } from "./selections.js";
import { SendQueue } from "./send_queue.js";
import { SleepWatch } from "./sleep_watch.js";
import { StreamStats } from "./stream_stats.js";

/** @typedef {import("../types.js").PageMessage} PageMessage */
/** @typedef {import("../types.js").EngineMessage} EngineMessage */
/** @typedef {import("../types.js").PaintReport} PaintReport */
/** @typedef {import("./kdrive_read.js").Message} Message */
/** @typedef {import("./kdrive_read.js").FrameMessage} FrameMessage */

/** Pictures that may wait for painting before a fresh one is asked for instead. */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;
const BACKLOG_LAG_MS = 3000;
/** Nobody looks for this long: pictures are read over until somebody does. */
export const SLEEP_AFTER_MS = 1500;
const STATS_EVERY_MS = 1000;

export class Engine {
	/**
	 * Connects at once.
	 * @param {{url: string, width: number, height: number}} options
	 * @param {(message: EngineMessage) => void} post to the page
	 * @param {import("./paint_link.js").SendOrders} order to the paint side
	 */
	constructor({ url, width, height }, post, order) {
		const now = () => performance.now();
		const setTimer = (/** @type {() => void} */ run, /** @type {number} */ ms) =>
			setTimeout(run, ms);
		this._post = post;
		this._link = new PaintLink({ send: order, now });
		this._reader = this._newReader();
		this._stats = new StreamStats(now);
		this._version = 0;
		this._reinits = 0;
		this._cachedFrames = 0;
		this._screen = { width: 0, height: 0 };
		this._reconnects = 0;
		this._shed = 0; /* frames dropped after they had been read */
		this._stale = false; /* frames are of no use until REINIT */
		this._asleep = false;
		/** @type {ReturnType<typeof setTimeout> | undefined} */
		this._sleepTimer = undefined;
		/** @type {ReturnType<typeof setInterval> | undefined} */
		this._statsTimer = undefined;
		this._connection = new Connection({
			createSocket: (hello) => new WebSocket(`${url}?${hello}`, [SUBPROTOCOL]),
			now,
			setTimer,
			clearTimer: (timer) => clearTimeout(timer),
			random: Math.random,
			onOpen: (fresh) => {
				if (fresh) this._beginAfresh(false);
				post({ type: "connected" });
			},
			onBytes: (bytes) => this._read(bytes),
			onPong: (token) => {
				this._roundTrip.pong(token);
				this._selections.confirmed(token);
			},
			onSaid: (text) => post({ type: "said", text }),
			onLost: () => this._lost(),
			onMissed: () => post({ type: "missed" }),
			onBack: (how) => this._back(how),
			onEnd: (reason) => this._ended(reason),
		});
		this._sleepWatch = new SleepWatch({
			onWoken: () => this._connection.hurry(),
			wallClock: () => Date.now(),
			setTimer,
			clearTimer: (timer) => clearTimeout(timer),
		});
		this._sleepWatch.start();
		const patience = new Patience({
			connection: this._connection,
			setTimer,
			clearTimer: (timer) => clearTimeout(timer),
		});
		this._probe = new AgentProbe({
			send: (bytes) => this._connection.send(bytes),
			setTimer: patience.setTimer,
		});
		this._sender = new SendQueue({
			send: (bytes) => this._connection.send(bytes),
			now,
			setTimer,
			probe: () => this._probe.ask(),
		});
		this._selections = new Selections({
			sender: this._sender,
			connection: this._connection,
			probe: () => this._probe.ask(),
			post,
			setTimer: patience.setTimer,
			clearTimer: patience.clearTimer,
		});
		this._roundTrip = new RoundTrip({ ping: (token) => this._connection.ping(token), now });
		this._heldKey = new HeldKey({ connection: this._connection, now });
		this._refresh = new Refresh({
			send: (bytes) => this._sender.push(bytes),
			onRebuilt: () => this._setStale(false),
			now,
			setTimer,
			clearTimer: (timer) => clearTimeout(timer),
			patience,
			log: logInfo,
			size: { width, height },
		});
	}

	_newReader() {
		return new KdriveReader((message) => this._handle(message));
	}

	/** What the page says after "open". @param {PageMessage} message */
	tell(message) {
		switch (message.type) {
			case "key":
				return this._key(message);
			case "button":
				return this._sender.pushButton(
					buttonEvent(message.down, message.button, message.mask),
					message.mask,
				);
			case "motion":
				return this._sender.pushMotion(motionEvent(message.x, message.y));
			case "resize":
				return this._refresh.resize({ width: message.width, height: message.height });
			case "visible":
				return this._setVisible(message.visible);
			case "stats":
				return this._showStats(message.on);
			case "offer-selection":
			case "demand-selection":
			case "paste-text":
				return this._selections.tell(message);
			case "hurry":
				return this._connection.hurry();
			case "close":
				return this._connection.close();
		}
	}

	/** @param {Extract<PageMessage, {type: "key"}>} message */
	_key({ down, repeat, keycode, mask }) {
		if (repeat && (this._sender.isWaiting || !this._heldKey.mayRepeat())) return;
		/* A newer agent lets an ordinary key go by itself, right after its press. */
		const tapped = this._version >= VERSION_KEY_TAPS && !isModifierKeycode(keycode);
		if (!down && tapped) return;
		const levels = down && this._version >= VERSION_KEY_TAPS ? mask & MASK_LEVELS : 0;
		if (levels) this._sender.pushMasked(levelledTap(keycode, mask), mask);
		else this._sender.pushMasked(keyEvent(down, keycode, mask), mask);
	}

	/** @param {Uint8Array<ArrayBuffer>} bytes */
	_read(bytes) {
		this._stats.received(bytes.length);
		try {
			this._reader.push(bytes);
		} catch (error) {
			if (!(error instanceof ProtocolError)) logError(`stream: ${error}`);
			const what = error instanceof Error ? error.message : String(error);
			this._connection.fail(what);
		}
		this._link.flush();
		this._connection.setUnpainted(this._link.bytes);
	}

	_lost() {
		this._roundTrip.pause();
		this._post({ type: "reconnecting" });
	}

	/** Another connection goes on with the stream. @param {import("./connection.js").Return} how */
	_back({ fresh, foreign, lost }) {
		this._reconnects += 1;
		this._roundTrip.resume();
		const waited = foreign && this._sender.forgetInput();
		if (fresh) this._beginAfresh(foreign);
		else if (this._stale) this._refresh.insist();
		this._post({ type: "reconnected", lost: lost || waited });
	}

	/** The stream is not where this reader is. @param {boolean} foreign see Return of connection.js */
	_beginAfresh(foreign) {
		this._shed += this._reader.skippedFrames;
		this._reader = this._newReader();
		this._selections.cut(foreign);
		/* While nobody looks no REINIT comes; waking up begins afresh anyway. */
		if (this._asleep) this._setStale(this._stale);
		else this._startAfresh("a new connection to the stream", true);
	}

	/** @param {Message} message */
	_handle(message) {
		switch (message.type) {
			case "frame":
				return this._takeFrame(message);
			case "broken-frame":
				return this._refresh.mistrust(message.what);
			case "deleted":
				if (this._reader.skipFrames) return; /* the cache is empty, or will be */
				return this._link.tell(message);
			case "cursor":
				return this._link.showCursor(message);
			case "deleted-cursors":
				return this._link.tell(message);
			case "version":
				this._version = message.version;
				return this._refresh.setVersion(message.version);
			case "reinit":
				this._selections.handle(message);
				this._reinits += 1;
				this._link.tell(message);
				return this._refresh.reinit();
			case "selection":
			case "demand-selection":
				return this._selections.handle(message);
			case "disconnect":
				return logInfo("stream: the agent says goodbye");
		}
		/* Windows, UDP: read over, not used. */
	}

	/** @param {FrameMessage} frame */
	_takeFrame(frame) {
		this._probe.pictureCame(frame);
		if (this._reader.skipFrames) {
			this._shed += 1;
			return;
		}
		this._link.paint(frame);
		this._limitBacklog();
	}

	/** How painting goes. @param {PaintReport} report */
	painted(report) {
		this._link.settled(report.settled);
		this._connection.setUnpainted(this._link.bytes);
		this._stats.painted(report);
		this._cachedFrames = report.cachedFrames;
		this._screen = report.screen;
		/* What was found before a fresh start is no news any more. */
		if (report.reinits === this._reinits) {
			if (report.whole) this._refresh.screenPainted(report.whole);
			this._refresh.miss(report.missing);
		}
		this._limitBacklog();
	}

	_limitBacklog() {
		const { bytes, lagMs } = this._link;
		if (bytes > BACKLOG_BYTES_MAX || lagMs > BACKLOG_LAG_MS)
			this._startAfresh("painting is too far behind");
	}

	/** Drops what waits, and what still comes before the agent has started afresh.
	 * @param {string} why @param {boolean} [asked] by the gateway already */
	_startAfresh(why, asked = false) {
		if (asked) this._refresh.awaitRebuild(why);
		else this._refresh.rebuild(why);
		if (this._refresh.state !== "rebuilding") return;
		this._setStale(true);
		this._drop("shed");
	}

	/** Pictures that wait for painting. @param {"shed" | "sleep"} how */
	_drop(how) {
		this._shed += this._link.drop(how);
		this._connection.setUnpainted(this._link.bytes);
	}

	/** @param {boolean} stale */
	_setStale(stale) {
		this._stale = stale;
		this._reader.skipFrames = stale || this._asleep;
	}

	/**
	 * The agent cannot be told to be silent (it goes on after REINIT without being asked), but the
	 * gateway can: it leaves pictures out. Everything else is handled as ever.
	 * @param {boolean} visible
	 */
	_setVisible(visible) {
		clearTimeout(this._sleepTimer);
		if (!visible) {
			this._sleepWatch.stop();
			this._sleepTimer = setTimeout(() => this._sleep(), SLEEP_AFTER_MS);
			return;
		}
		this._sleepWatch.start();
		this._connection.hurry();
		if (this._asleep) this._wake();
	}

	_sleep() {
		logInfo("stream: nobody looks: no pictures");
		this._asleep = true;
		this._connection.setHidden(true);
		this._setStale(this._stale);
		this._drop("sleep");
	}

	_wake() {
		this._asleep = false;
		this._setStale(this._stale);
		this._link.tell({ type: "wake" });
		this._link.flush();
		this._connection.setHidden(false);
		this._startAfresh("somebody looks again", this._connection.state === "open");
	}

	/** @param {boolean} on */
	_showStats(on) {
		clearInterval(this._statsTimer);
		if (!on) return;
		this._statsTimer = setInterval(() => this._postStats(), STATS_EVERY_MS);
		this._stats.take();
		this._roundTrip.ping();
	}

	_postStats() {
		if (this._asleep) return;
		this._post({
			type: "stats",
			stats: {
				...this._stats.take(),
				roundTripMs: this._roundTrip.ms,
				cachedFrames: this._cachedFrames,
				dropped: this._reader.skippedFrames + this._shed,
				repairs: this._refresh.repairCount,
				rebuilds: this._refresh.rebuildCount,
				reconnects: this._reconnects,
				...this._screen,
			},
		});
		this._roundTrip.ping();
	}

	/** @param {import("../types.js").EndReason} reason */
	_ended(reason) {
		this._showStats(false);
		this._sleepWatch.stop();
		clearTimeout(this._sleepTimer);
		this._refresh.close();
		this._selections.close();
		this._link.tell({ type: "close" });
		this._link.flush();
		this._post({ type: "ended", reason });
	}
}
