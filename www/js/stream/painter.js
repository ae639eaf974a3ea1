/* SPDX-License-Identifier: ISC */
/*
 * Draws decoded frames: onto the screen, and, where they can be referred to later, into the cache.
 * It never asks for pixels back and never talks to the agent; what it could not draw it returns as
 * rectangles for somebody else to ask for again.
 */

import { clipRect } from "../geometry.js";

/** @typedef {import("../types.js").Rect} Rect */
/** @typedef {import("./kdrive_read.js").FrameMessage} FrameMessage */
/** @typedef {import("./kdrive_read.js").Region} Region */
/** @typedef {import("./frame_cache.js").FrameCache} FrameCache */
/** @typedef {import("./frame_cache.js").Cached} Cached */
/** @typedef {import("./screen_draws.js").ScreenDraws} ScreenDraws */
/** @typedef {Cached["image"]} Picture */
/** @typedef {(picture: Picture, from: Rect, x: number, y: number) => void} DrawTo */
/** @typedef {Pick<CanvasRenderingContext2D, "drawImage">} Context */

/**
 * Something to draw on. `finish` gives what was drawn as a picture and ends the surface's use.
 * @typedef {{context: Context, finish: () => Picture}} Surface
 */

/**
 * The visible canvas.
 * @typedef {{context: Context, width: number, height: number,
 *   resize: (width: number, height: number) => void}} Screen
 */

export class Painter {
	/**
	 * @param {object} options
	 * @param {ScreenDraws} options.screen
	 * @param {(width: number, height: number) => Surface} options.createSurface
	 * @param {FrameCache} options.cache
	 */
	constructor({ screen, createSurface, cache }) {
		this._screen = screen;
		/** @type {DrawTo} */
		this._toScreen = (...draw) => screen.add(...draw);
		this._createSurface = createSurface;
		this._cache = cache;
	}

	/**
	 * Draws one frame. Owns the pictures from now on.
	 * @param {FrameMessage} frame
	 * @param {(Picture | null)[]} pictures one per region; null: copied, or could not be decoded
	 * @returns {Rect[]} parts of the screen that are missing now
	 */
	paint(frame, pictures) {
		const missing =
			frame.crc === 0 ? this._paintMain(frame, pictures) : this._paintCached(frame, pictures);
		const { width, height } = this._screen;
		return missing.flatMap((rect) => clipRect(rect, width, height) ?? []);
	}

	/** Regions with absolute positions; nothing is kept.
	 * @param {FrameMessage} frame @param {(Picture | null)[]} pictures */
	_paintMain(frame, pictures) {
		if (frame.regions.length === 0) return [frame];
		if (isWholeScreen(frame)) this._screen.resize(frame.width, frame.height);
		return frame.regions.filter((region, i) => {
			const whole = this._draw(this._toScreen, region, pictures[i]);
			this._screen.retire(pictures[i]);
			return !whole;
		});
	}

	/** @param {FrameMessage} frame @param {(Picture | null)[]} pictures */
	_paintCached(frame, pictures) {
		if (frame.regions.length > 0) {
			if (!this._isWhole(frame, pictures)) return this._paintParts(frame, pictures);
			const image = this._compose(frame, pictures);
			this._cache.put(frame.crc, { image, width: frame.width, height: frame.height });
		}
		const cached = this._cache.get(frame.crc);
		if (!cached) return [frame];
		this._toScreen(cached.image, all(cached), frame.x, frame.y);
		return [];
	}

	/** Whether every part of a frame is at hand.
	 * @param {FrameMessage} frame @param {(Picture | null)[]} pictures */
	_isWhole({ regions }, pictures) {
		return regions.every((region, i) => {
			if (pictures[i] || region.source === 0) return pictures[i];
			const source = this._cache.get(region.source);
			return source && sourcePart(region, source)?.whole;
		});
	}

	/**
	 * Shows what there is of an incomplete frame. It is not kept, nor an older one of that name: a
	 * later reference must miss, not show a hole.
	 * @param {FrameMessage} frame @param {(Picture | null)[]} pictures @returns {Rect[]}
	 */
	_paintParts(frame, pictures) {
		frame.regions.forEach((region, i) => {
			const place = { ...region, x: frame.x + region.x, y: frame.y + region.y };
			this._draw(this._toScreen, place, pictures[i]);
			this._screen.retire(pictures[i]);
		});
		this._cache.delete(frame.crc);
		return [frame];
	}

	/** Builds a complete frame off screen.
	 * @param {FrameMessage} frame @param {(Picture | null)[]} pictures @returns {Picture} */
	_compose({ width, height, regions }, pictures) {
		const [first] = regions;
		const [only] = pictures;
		if (regions.length === 1 && only && first.width === width && first.height === height)
			return only;
		const surface = this._createSurface(width, height);
		/** @type {DrawTo} */
		const toSurface = (...draw) => drawPart(surface.context, ...draw);
		regions.forEach((region, i) => {
			this._draw(toSurface, region, pictures[i]);
			this._screen.retire(pictures[i]);
		});
		return surface.finish();
	}

	/**
	 * @param {DrawTo} draw @param {Region} region @param {Picture | null | undefined} picture
	 * @returns {boolean} whether all of it could be drawn
	 */
	_draw(draw, region, picture) {
		const { x, y } = region;
		if (picture) {
			draw(picture, all(region), x, y);
			return true;
		}
		const source = region.source === 0 ? undefined : this._cache.get(region.source);
		const part = source && sourcePart(region, source);
		if (!part) return false;
		draw(source.image, part, x + part.x - region.sourceX, y + part.y - region.sourceY);
		return part.whole;
	}
}

/** @param {Context} context @param {Picture} picture @param {Rect} from
 * @param {number} x @param {number} y */
export function drawPart(context, picture, from, x, y) {
	const { width, height } = from;
	context.drawImage(picture, from.x, from.y, width, height, x, y, width, height);
}

/** @param {{width: number, height: number}} size @returns {Rect} */
function all({ width, height }) {
	return { x: 0, y: 0, width, height };
}

/** What a copied region finds in its source.
 * @param {Region} region @param {Cached} source @returns {(Rect & {whole: boolean}) | null} */
function sourcePart({ sourceX, sourceY, width, height }, source) {
	const wanted = { x: sourceX, y: sourceY, width, height };
	const part = clipRect(wanted, source.width, source.height);
	return part && { ...part, whole: part.width === width && part.height === height };
}

/** A frame that says how large the screen is. @param {FrameMessage} frame */
export function isWholeScreen(frame) {
	return frame.crc === 0 && frame.x === -1 && frame.y === -1 && frame.regions.length > 0;
}
