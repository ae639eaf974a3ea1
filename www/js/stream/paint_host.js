/* SPDX-License-Identifier: ISC */
/*
 * All that is seen of one stream: takes the stream's pictures and pointer shapes in their order,
 * decodes and paints them. It owns the canvas, the cache of frames and what waits for decoding.
 * Runs in a worker of its own, so that nothing of this keeps input or the WebSocket waiting, or in
 * the page where a worker cannot have the canvas; it never touches the document. What the agent is
 * to be asked for is the engine's business, which hears in reports how painting goes.
 */

import { CommitQueue } from "./commit_queue.js";
import { Cursors } from "./cursors.js";
import { decodeCursor } from "./decoders/cursor.js";
import { decodeImage } from "./decoders/image.js";
import { FrameCache } from "./frame_cache.js";
import { isWholeScreen, Painter } from "./painter.js";
import { ScreenDraws } from "./screen_draws.js";
import { createSurface, encodePng, openScreen } from "./surfaces.js";

/** @typedef {import("../types.js").EngineMessage} EngineMessage */
/** @typedef {import("../types.js").PaintOrder} PaintOrder */
/** @typedef {import("../types.js").PaintReport} PaintReport */
/** @typedef {import("./kdrive_read.js").FrameMessage} FrameMessage */
/** @typedef {import("./kdrive_read.js").CursorMessage} CursorMessage */

/** A hidden page gets no animation frames; pictures must be let go all the same. */
const FLUSH_WAIT_MS = 100;
/** A fast stream is not reported frame by frame: the engine has input to attend to. */
const REPORT_WAIT_MS = 20;

export class PaintHost {
	/**
	 * @param {OffscreenCanvas | HTMLCanvasElement} canvas
	 * @param {(message: EngineMessage) => void} post to the page
	 * @param {(report: PaintReport) => void} report to the engine
	 */
	constructor(canvas, post, report) {
		this._post = post;
		this._report = report;
		this._screen = openScreen(canvas);
		this._draws = new ScreenDraws(this._screen, onceSoon);
		this._cache = new FrameCache((image) => this._draws.retire(image));
		this._painter = new Painter({ screen: this._draws, createSurface, cache: this._cache });
		this._cursors = new Cursors(post);
		this._commits = new CommitQueue();
		this._painted = false;
		this._settled = 0; /* frames painted or dropped since the stream began */
		this._reinits = 0;
		this._news = nothingNew();
		this._reportDue = false;
	}

	/** @param {PaintOrder[]} orders */
	take(orders) {
		for (const order of orders) this._tell(order);
	}

	/** @param {PaintOrder} order */
	_tell(order) {
		switch (order.type) {
			case "frame":
				return this._takeFrame(order);
			case "deleted":
				return this._commits.push({
					commit: () => order.ids.forEach((crc) => this._cache.delete(crc)),
				});
			case "cursor":
				return this._commits.push({
					decode: order.data ? () => decodeToBlob(order) : undefined,
					commit: (blob) => this._cursors.show(order, blob ?? null),
				});
			case "deleted-cursors":
				return this._commits.push({ commit: () => this._cursors.delete(order.ids) });
			case "reinit":
				return this._commits.push({ commit: () => this._startAfresh() });
			case "shed":
				return this._shed();
			case "sleep":
				this._shed();
				this._cache.clear();
				return this._cursors.hold(true);
			case "wake":
				return this._cursors.hold(false);
			case "close":
				this._commits.clear();
				return this._cache.clear();
		}
	}

	/** @param {FrameMessage} frame */
	_takeFrame(frame) {
		this._commits.push({
			droppable: true,
			pixels: frame.regions.reduce(
				(sum, { data, width, height }) => sum + (data ? width * height : 0),
				0,
			),
			decode: frame.regions.some(({ data }) => data) ? () => this._decode(frame) : undefined,
			commit: (pictures) => this._paint(frame, pictures ?? []),
			discard: (pictures) => pictures?.forEach((picture) => picture?.close()),
		});
	}

	/** @param {FrameMessage} frame */
	async _decode(frame) {
		const started = performance.now();
		const pictures = await Promise.all(
			frame.regions.map(({ data, width, height }) =>
				data ? decodeImage(data, width, height) : null,
			),
		);
		this._news.decoded += 1;
		this._news.decodeMs += performance.now() - started;
		return pictures;
	}

	/** @param {FrameMessage} frame @param {(ImageBitmap | VideoFrame | null)[]} pictures */
	_paint(frame, pictures) {
		const { width, height } = this._screen;
		const missing = this._painter.paint(frame, pictures);
		if (this._screen.width !== width || this._screen.height !== height || !this._painted)
			this._post({
				type: "screen",
				width: this._screen.width,
				height: this._screen.height,
			});
		if (!this._painted && missing.length === 0) {
			this._painted = true;
			this._post({ type: "painted" });
		}
		if (isWholeScreen(frame) && missing.length === 0)
			this._news.whole = { width: frame.width, height: frame.height };
		this._news.painted += 1;
		this._news.missing.push(...missing);
		this._settled += 1;
		this._reportSoon();
	}

	_startAfresh() {
		this._cache.clear();
		this._cursors.clear();
		this._reinits += 1;
		this._news.missing = [];
		this._news.whole = null;
	}

	_shed() {
		this._settled += this._commits.shed();
	}

	_reportSoon() {
		if (this._reportDue) return;
		this._reportDue = true;
		setTimeout(() => {
			this._reportDue = false;
			this._report({
				...this._news,
				settled: this._settled,
				reinits: this._reinits,
				cachedFrames: this._cache.size,
				screen: { width: this._screen.width, height: this._screen.height },
			});
			this._news = nothingNew();
		}, REPORT_WAIT_MS);
	}
}

/** What a report says of the time since the one before. */
function nothingNew() {
	return {
		painted: 0,
		decoded: 0,
		decodeMs: 0,
		/** @type {import("../geometry.js").Size | null} */
		whole: null,
		/** @type {import("../types.js").Rect[]} */
		missing: [],
	};
}

/** @param {CursorMessage} cursor @returns {Promise<Blob | null>} */
async function decodeToBlob(cursor) {
	const rgba = await decodeCursor(cursor);
	if (!rgba) return null;
	return encodePng(rgba, cursor.width, cursor.height).catch(() => null);
}

/** With the next animation frame, or soon if none comes. @param {() => void} run */
function onceSoon(run) {
	let done = false;
	const once = () => {
		if (done) return;
		done = true;
		clearTimeout(timer);
		run();
	};
	const timer = setTimeout(once, FLUSH_WAIT_MS);
	if (typeof requestAnimationFrame === "function") requestAnimationFrame(once);
}
